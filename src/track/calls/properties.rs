//! What holds of the call table whatever messages come: few Call-IDs, tags and hosts, so that they meet.

use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::*;
use crate::decode::{Address, Endpoint};

/// One message, or a silence.
#[derive(Clone, Copy, Debug)]
struct Step {
    start: usize,
    id: u8,
    from_tag: u8,
    to_tag: Option<u8>,
    src: u8,
    dst: u8,
    cseq: u8,
    more: usize,
    offers: bool,
    after_ms: i64,
}

const STARTS: [&str; 16] = [
    "INVITE sip:100@h SIP/2.0",
    "INVITE sip:100@h SIP/2.0",
    "INVITE sip:040555100@h SIP/2.0",
    "SIP/2.0 100 Trying",
    "SIP/2.0 180 Ringing",
    "SIP/2.0 200 OK",
    "SIP/2.0 200 OK",
    "SIP/2.0 302 Moved",
    "SIP/2.0 401 Unauthorized",
    "SIP/2.0 486 Busy",
    "SIP/2.0 487 Gone",
    "ACK sip:100@h SIP/2.0",
    "CANCEL sip:100@h SIP/2.0",
    "BYE sip:100@h SIP/2.0",
    "REFER sip:100@h SIP/2.0",
    "SIP/2.0 202 Accepted",
];
const MORE: [&str; 8] = [
    "",
    "",
    "Session-ID: 00000000000000000000000000000007\r\n",
    "X-Call-ID: call1\r\n",
    "Replaces: call2;to-tag=t1;from-tag=f1\r\nReferred-By: <sip:100@h>\r\n",
    "Refer-To: <sip:100@h?Replaces=call0%3Bto-tag%3Dt1%3Bfrom-tag%3Df1>\r\nContact: <sip:100@h>\r\n",
    "Diversion: <sip:040555100@h>\r\n",
    "Session-Expires: 90\r\n",
];

fn step() -> impl Strategy<Value = Step> {
    let ids = (0..6_u8, 0..2_u8, prop::option::of(0..2_u8));
    let after = prop_oneof![6 => 0..50_i64, 2 => 0..3_000_i64, 1 => 20_000..300_000_i64];
    (0..STARTS.len(), ids, 0..4_u8, 0..4_u8, 1..3_u8, 0..MORE.len(), any::<bool>(), after).prop_map(
        |(start, (id, from_tag, to_tag), src, dst, cseq, more, offers, after_ms)| Step {
            start,
            id,
            from_tag,
            to_tag,
            src,
            dst,
            cseq,
            more,
            offers,
            after_ms,
        },
    )
}

/// A table, and what it said so far.
struct Watched {
    calls: Calls,
    limit: usize,
    time: i64,
    up: i64,
    attempted: usize,
    settled: usize,
    told: usize,
}

impl Watched {
    fn new(limit: usize) -> Self {
        let calls = Calls::new(Settings { calls: limit, ..Settings::default() });
        Self { calls, limit, time: 0, up: 0, attempted: 0, settled: 0, told: 0 }
    }

    fn take(&mut self, step: &Step) {
        self.time += step.after_ms * 1_000_000;
        self.calls.handle_timeout(self.time);
        let start = STARTS.get(step.start).unwrap();
        let method = match start.split(' ').next().unwrap() {
            "SIP/2.0" if step.start == 15 => "REFER",
            "SIP/2.0" if step.cseq == 2 && step.start == 6 => "BYE",
            "SIP/2.0" => "INVITE",
            method => method,
        };
        let to_tag = step.to_tag.map(|tag| format!(";tag=t{tag}")).unwrap_or_default();
        let Step { id, from_tag, src, dst, cseq, .. } = *step;
        let number = ["100", "040555100", "anonymous"].get(usize::from(id) % 3).unwrap();
        let body = if step.offers {
            format!("v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4 10.0.0.{src}\r\nm=audio 40{id} RTP/AVP 0\r\n")
        } else {
            String::new()
        };
        let bytes = format!(
            "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{id}{cseq}{method}\r\nFrom: <sip:{number}@h>;tag=f{from_tag}\r\n\
             To: <sip:100@h>{to_tag}\r\nCall-ID: call{id}\r\nCSeq: {cseq} {method}\r\n{}\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            MORE.get(step.more).unwrap(),
            body.len()
        );
        let message = Message::parse(bytes.as_bytes()).unwrap();
        let end = |n: u8| Endpoint::new(Address::v4([10, 0, 0, n]), 5060);
        let flow = Flow { src: end(src), dst: end(dst) };
        let seen = Seen { message: &message, flow, time: self.time, transport: SipTransport::Udp, vlan: 0 };
        self.calls.handle(&seen);
        self.look();
    }

    fn look(&mut self) {
        for event in self.calls.drain_signals() {
            match event.what {
                Signal::Began => self.up += 1,
                Signal::Ended { .. } => self.up -= 1,
                Signal::Attempted { .. } => self.attempted += 1,
                Signal::Settled(_) => self.settled += 1,
                _ => {}
            }
            assert!(self.up >= 0, "more calls ended than began");
            assert!(self.settled <= self.attempted, "{} of {}", self.settled, self.attempted);
        }
        while let Some(call) = self.calls.poll_done() {
            assert!(call.parts.len() <= MAX_PARTS && call.joins.len() < call.parts.len());
            self.told += 1;
        }
        assert_eq!(self.up.cast_unsigned(), self.calls_up() as u64, "calls that are up");
        assert!(self.calls.len() <= self.limit, "{} calls", self.calls.len());
        let places = self.calls.queues.places() + self.calls.joining.places();
        // Clues, cues and ways of each call are bounded; so are the lists that are not by call.
        let most = 160 * self.calls.len() + 16_384;
        assert!(places <= most, "{places} places for {} calls", self.calls.len());
    }

    /// Counted anew: calls of which a part is not over.
    fn calls_up(&self) -> usize {
        let is_up = |serial: &u64| self.calls.entries.get(serial).is_some_and(|e| !e.call.is_over());
        self.calls.groups.values().filter(|g| g.live.iter().any(is_up)).count()
    }

    fn finish(mut self) {
        self.calls.finish(self.time);
        self.look();
        assert_eq!((self.up, self.calls.len()), (0, 0), "what is over leaves nothing");
        let Calls { by_id, groups, joining, .. } = &self.calls;
        assert_eq!((by_id.len(), groups.len(), joining.calls()), (0, 0, 0));
    }
}

proptest! {
    #[test]
    fn whatever_comes_counts_add_up_and_bounds_hold(
        limit in 1..8_usize,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut watched = Watched::new(limit);
        steps.iter().for_each(|step| watched.take(step));
        watched.finish();
    }
}

/// As above, for so long that every queue is sifted often.
#[test]
fn bounds_hold_however_long_it_goes_on() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (steps, mut watched) = (step(), Watched::new(4));
    for _ in 0..30_000 {
        let drawn = steps.new_tree(&mut runner).unwrap().current();
        watched.take(&Step { after_ms: drawn.after_ms % 3, ..drawn });
    }
    assert!(watched.told > 1000, "{}", watched.told);
    watched.finish();
}
