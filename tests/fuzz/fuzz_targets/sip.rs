//! One SIP message, and all that is asked of one.
#![no_main]

use clearline::decode::sip::Message;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(m) = Message::parse(data) else { return };
    let _ = (m.defects(), m.call_id(), m.cseq(), m.method(), m.status(), m.reason_phrase(), m.user_agent());
    let _ =
        (m.from().map(|f| f.tag().is_some()), m.to().map(|t| t.uri.user().is_some()), m.content_encoding());
    let _ = (m.vias().map(|v| v.branch().is_some()).count(), m.reasons().count(), m.sdp_bodies().count());
});
