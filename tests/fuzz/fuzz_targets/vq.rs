//! One voice quality report, and all that is asked of one.
#![no_main]

use clearline::decode::sip::VoiceQuality;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(report) = VoiceQuality::parse(data) else { return };
    for m in [report.local_metrics, report.remote_metrics].into_iter().flatten() {
        let _ = (m.loss_percent(), m.discard_percent(), m.mos_lq(), m.mos_cq(), m.round_trip_ms());
    }
});
