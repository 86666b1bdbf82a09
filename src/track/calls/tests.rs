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

/// A message of one of a few calls, much of which makes no sense.
fn any_message(roll: &mut impl FnMut(u64) -> u64) -> String {
    const STARTS: [(&str, &str); 12] = [
        ("INVITE sip:5551234@h SIP/2.0", "INVITE"),
        ("INVITE sip:b@h SIP/2.0", "INVITE"),
        ("SIP/2.0 180 R", "INVITE"),
        ("SIP/2.0 200 OK", "INVITE"),
        ("SIP/2.0 486 B", "INVITE"),
        ("SIP/2.0 302 M", "INVITE"),
        ("SIP/2.0 407 P", "INVITE"),
        ("ACK sip:b@h SIP/2.0", "ACK"),
        ("BYE sip:b@h SIP/2.0", "BYE"),
        ("SIP/2.0 200 OK", "BYE"),
        ("CANCEL sip:b@h SIP/2.0", "CANCEL"),
        ("REFER sip:b@h SIP/2.0", "REFER"),
    ];
    let (start, method) = STARTS[usize::try_from(roll(12)).unwrap()];
    let more = match roll(6) {
        0 => format!("Session-ID: {:032x}\r\n", 1 + roll(4)),
        1 => format!("Replaces: {};to-tag=t;from-tag=f\r\n", roll(12)),
        2 => format!("X-Call-ID: {}\r\n", roll(12)),
        3 => "Refer-To: <sip:5551234@h>\r\n".to_owned(),
        4 => "Contact: <sip:5551234@h>\r\nSession-Expires: 90\r\n".to_owned(),
        _ => String::new(),
    };
    let tag = ["", ";tag=t", ";tag=u"][usize::try_from(roll(3)).unwrap()];
    let (id, cseq, branch, from) = (roll(12), 1 + roll(3), roll(4), roll(2));
    format!(
        "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{id}-{branch}\r\nFrom: <sip:5550{id:03}@h>;tag=f{from}\r\n\
         To: <sip:5551234@h>{tag}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\n{more}Content-Length: 0\r\n\r\n"
    )
}

/// Takes what was told: by party what goes on, and attempts less what became of them.
fn count(calls: &mut Calls, up: &mut HashMap<Arc<Parties>, i64>, open: &mut i64) {
    for event in calls.drain_signals() {
        match event.what {
            Signal::Began => *up.entry(event.parties).or_default() += 1,
            Signal::Ended { .. } => *up.entry(event.parties).or_default() -= 1,
            Signal::Attempted { .. } => *open += 1,
            Signal::Settled(_) => *open -= 1,
            _ => {}
        }
    }
}

/// Whatever passes, what began is ended once, between the same two, and nothing is left.
#[test]
fn what_goes_on_comes_to_nothing_whatever_passes() {
    use crate::decode::Address;
    let mut state = 1_u64;
    let mut roll = move |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    for _ in 0..100 {
        let mut calls = table(3 + usize::try_from(roll(20)).unwrap());
        let (mut up, mut open, mut time) = (HashMap::new(), 0, 0_i64);
        for _ in 0..400 {
            time += [1_000_000, 100_000_000, 20_000_000_000_i64][usize::try_from(roll(3)).unwrap()];
            let bytes = any_message(&mut roll);
            let message = Message::parse(bytes.as_bytes()).unwrap();
            let end = |n: u64| Endpoint::new(Address::v4([10, 0, 0, u8::try_from(n).unwrap()]), 5060);
            let flow = Flow { src: end(roll(4)), dst: end(roll(4)) };
            calls.handle(&Seen { message: &message, flow, time, transport: SipTransport::Udp, vlan: 0 });
            calls.handle_timeout(time);
            if roll(20) == 0 {
                let serial = calls.entries.keys().next().copied().unwrap_or(0);
                calls.media_silent(serial, time - 60_000_000_000, time);
            }
            count(&mut calls, &mut up, &mut open);
            assert!(open >= 0 && up.values().all(|up| *up >= 0), "{open} {up:?}");
            assert!(calls.groups.len() <= calls.entries.len() && calls.by_id.len() == calls.entries.len());
        }
        calls.finish(time);
        count(&mut calls, &mut up, &mut open);
        assert!(open >= 0 && up.values().all(|up| *up == 0), "{open} {up:?}");
        assert!(calls.entries.is_empty() && calls.groups.is_empty() && calls.joining.is_empty());
    }
}
