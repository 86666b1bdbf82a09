use super::*;
use crate::decode::Endpoint;

fn handle(calls: &mut Calls, time: i64, id: u32, start: &str, cseq: u32) {
    let flow = Flow { src: Endpoint::default(), dst: Endpoint::default() };
    handle_in(calls, flow, time, id, start, cseq, "");
}

fn handle_in(calls: &mut Calls, flow: Flow, time: i64, id: u32, start: &str, cseq: u32, body: &str) {
    let bytes = format!(
        "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{id}-{cseq}\r\nFrom: <sip:a@h>;tag=1\r\n\
         To: <sip:b@h>\r\nCall-ID: {id}\r\nCSeq: {cseq} INVITE\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let message = Message::parse(bytes.as_bytes()).unwrap();
    calls.handle(&Seen { message: &message, flow, time, transport: SipTransport::Udp, vlan: 0 });
}

fn table(calls: usize) -> Calls {
    Calls::new(Settings { calls, ..Settings::default() })
}

#[test]
fn calls_that_went_behind_one_that_stays_leave_no_place() {
    let mut calls = table(100_000);
    handle(&mut calls, 0, 0, "INVITE sip:b@h SIP/2.0", 1);
    for n in 1..10_000 {
        let time = i64::from(n) * 1_000_000_000;
        handle(&mut calls, time, n, "INVITE sip:b@h SIP/2.0", 1);
        handle(&mut calls, time, n, "SIP/2.0 404 Not Found", 1);
        calls.handle_timeout(time);
        while calls.poll_done().is_some() {}
    }
    assert!(calls.queues.places() < 10_000, "{}", calls.queues.places());
}

#[test]
fn one_call_refused_over_and_over_has_few_places() {
    let mut calls = table(100_000);
    for n in 1..10_000 {
        handle(&mut calls, i64::from(n), 0, "INVITE sip:b@h SIP/2.0", n);
        handle(&mut calls, i64::from(n), 0, "SIP/2.0 401 Unauthorized", n);
    }
    assert!(calls.queues.places() < 10_000, "{}", calls.queues.places());
}

#[test]
fn what_begins_between_two_parties_ends_between_them_whatever_is_joined_meanwhile() {
    use crate::decode::Address;
    let mut calls = table(100);
    let end = |n| Endpoint::new(Address::v4([10, 0, 0, n]), 5060);
    let flows = [(1, 2), (3, 4)].map(|(a, b)| Flow { src: end(a), dst: end(b) });
    for (id, flow) in (1..).zip(flows) {
        handle_in(&mut calls, flow, 0, id, "INVITE sip:b@h SIP/2.0", 1, "");
        handle_in(&mut calls, flow.reversed(), 1, id, "SIP/2.0 200 OK", 1, "");
    }
    // The first one is over, the second one is not, when they turn out to be one.
    let first = calls.entries.get_mut(&1).unwrap();
    first.call.end_without_bye(EndedBy::Unknown, 5);
    calls.settle(1, 5);
    let edge =
        Edge { earlier: 1, later: 2, by: super::super::call::JoinedBy::Numbers, confidence: 1.0, hop: true };
    calls.connect(edge);
    calls.finish(10);
    let mut up: HashMap<Arc<Parties>, i64> = HashMap::new();
    for event in calls.drain_signals() {
        *up.entry(event.parties).or_default() += match event.what {
            Signal::Began => 1,
            Signal::Ended { .. } => -1,
            _ => 0,
        };
    }
    assert!(up.len() == 2 && up.values().all(|up| *up == 0), "{up:?}");
}

#[test]
fn a_hold_without_music_is_no_silence_that_ends_a_call() {
    let mut calls = table(100);
    let sdp =
        |direction: &str| format!("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\na={direction}\r\n");
    let second = 1_000_000_000;
    let flow = Flow { src: Endpoint::default(), dst: Endpoint::default() };
    handle_in(&mut calls, flow, 0, 1, "INVITE sip:b@h SIP/2.0", 1, &sdp("sendrecv"));
    handle_in(&mut calls, flow, second, 1, "SIP/2.0 200 OK", 1, "");
    // The phone falls silent before it says that it holds.
    handle_in(&mut calls, flow, 10 * second, 1, "INVITE sip:b@h SIP/2.0", 2, &sdp("sendonly"));
    calls.media_silent(1, 10 * second - 1, 70 * second);
    assert!(!calls.entries[&1].call.is_over());
    handle_in(&mut calls, flow, 80 * second, 1, "INVITE sip:b@h SIP/2.0", 3, &sdp("sendrecv"));
    // Of early media only nothing is concluded.
    calls.media_silent(1, second / 2, 150 * second);
    assert!(!calls.entries[&1].call.is_over());
    calls.media_silent(1, 90 * second, 150 * second);
    assert!(calls.entries[&1].call.is_over());
}
