use super::*;
use crate::decode::Endpoint;

fn handle(calls: &mut Calls, time: i64, id: u32, start: &str, cseq: u32) {
    let bytes = format!(
        "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{id}-{cseq}\r\nFrom: <sip:a@h>;tag=1\r\n\
         To: <sip:b@h>\r\nCall-ID: {id}\r\nCSeq: {cseq} INVITE\r\nContent-Length: 0\r\n\r\n"
    );
    let message = Message::parse(bytes.as_bytes()).unwrap();
    let flow = Flow { src: Endpoint::default(), dst: Endpoint::default() };
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
