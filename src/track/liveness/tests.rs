use proptest::prelude::*;

use super::*;
use crate::decode::sip::Message;
use crate::track::call::SipTransport;

const S: i64 = 1_000_000_000;
const MS: i64 = 1_000_000;

fn at(last: u8) -> Endpoint {
    Endpoint::new(std::net::Ipv4Addr::new(192, 0, 2, last).into(), 5060)
}

fn to(last: u8) -> Flow {
    Flow { src: at(1), dst: at(last) }
}

fn send(table: &mut Liveness, time: i64, flow: Flow, start: &str, id: u32) -> Vec<(i64, Signal)> {
    let bytes = format!(
        "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{id}\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
         Call-ID: {id}\r\nCSeq: 7 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    let message = Message::parse(bytes.as_bytes()).unwrap();
    let mut signals = VecDeque::new();
    table
        .handle(&Seen { message: &message, flow, time, transport: SipTransport::Udp, vlan: 0 }, &mut signals);
    signals.into_iter().map(|e| (e.time, e.what)).collect()
}

const ASK: &str = "OPTIONS sip:b@h SIP/2.0";

#[test]
fn options_are_answered_in_error_or_not_at_all() {
    let mut t = Liveness::default();
    let answers =
        [(1, "SIP/2.0 200 OK"), (2, "SIP/2.0 404 Not Found"), (3, "SIP/2.0 503 x"), (4, "SIP/2.0 408 x")];
    for (id, start) in answers {
        let time = i64::from(id) * 10 * S;
        assert_eq!(send(&mut t, time, to(2), ASK, id), []);
        let told = send(&mut t, time + i64::from(id) * 10 * MS, to(2).reversed(), start, id);
        assert_eq!(told.len(), 2, "{told:?}");
    }
    send(&mut t, 50 * S, to(2), ASK, 5);
    let mut signals = VecDeque::new();
    t.finish(82 * S, &mut signals);
    let timeout = Signal::Options { start: 50 * S, result: OptionsResult::Timeout };
    assert_eq!(signals.into_iter().map(|e| e.what).collect::<Vec<_>>(), [timeout]);
    let targets = t.targets();
    let target = targets[0];
    assert_eq!((targets.len(), target.target), (1, at(2)));
    assert_eq!((target.answered, target.errors, target.timeouts), (2, 2, 1));
    assert_eq!((target.rtt_mean_ms(), target.rtt_last), (Some(15.0), Some(20 * MS)));
}

#[test]
fn retransmissions_copies_and_hops_are_no_further_requests() {
    let mut t = Liveness::default();
    assert_eq!(send(&mut t, 0, to(2), ASK, 1), []);
    assert_eq!(send(&mut t, MS, to(2), ASK, 1), []);
    assert_eq!(send(&mut t, 2 * MS, Flow { src: at(2), dst: at(3) }, ASK, 1), []);
    let again = Signal::Retransmitted(Method::Options);
    assert_eq!(send(&mut t, 500 * MS, to(2), ASK, 1), [(500 * MS, again)]);
    let hop = send(&mut t, 600 * MS, Flow { src: at(3), dst: at(2) }, "SIP/2.0 200 OK", 1);
    assert_eq!(hop, [(600 * MS, Signal::Answered)]);
    let told = send(&mut t, 700 * MS, to(2).reversed(), "SIP/2.0 200 OK", 1);
    assert_eq!(told[1].1, Signal::Options { start: 0, result: OptionsResult::Answered });
    assert_eq!(t.targets().len(), 1);
}

#[test]
fn an_address_answers_once_a_second() {
    let mut t = Liveness::default();
    let mut told = Vec::new();
    for n in 0..25_u32 {
        told.extend(send(&mut t, i64::from(n) * 100 * MS, to(2).reversed(), "SIP/2.0 180 Ringing", n));
    }
    assert_eq!(told, [(0, Signal::Answered), (S, Signal::Answered), (2 * S, Signal::Answered)]);
}

#[test]
fn a_flood_of_answers_is_told_no_more_often_than_there_are_places() {
    let mut t = Liveness::bounded(1, 1, 1, 10);
    let mut told = 0;
    for n in 0..2000_u32 {
        let [_, _, high, low] = n.to_be_bytes();
        let src = Endpoint::new(std::net::Ipv4Addr::new(10, 0, high, low).into(), 5060);
        told += send(&mut t, i64::from(n) * MS, Flow { src, dst: at(1) }, "SIP/2.0 200 OK", n).len();
    }
    assert_eq!(told, 20);
    assert_eq!(t.answers.0.len(), 10);
}

#[test]
fn who_scans_with_options_pushes_out_no_target_that_answers() {
    let mut t = Liveness::bounded(4, 4, 3, 4);
    send(&mut t, 0, to(200), ASK, 0);
    send(&mut t, MS, to(200).reversed(), "SIP/2.0 200 OK", 0);
    let mut signals = VecDeque::new();
    for n in 1..100_u8 {
        send(&mut t, i64::from(n) * 40 * S, to(n), ASK, n.into());
        t.handle_timeout(i64::from(n) * 40 * S + 39 * S, &mut signals);
    }
    assert_eq!(signals.len(), 99);
    let targets: Vec<Endpoint> = t.targets().iter().map(|t| t.target).collect();
    assert_eq!(targets, [at(98), at(99), at(200)]);
    assert_eq!(t.targets_evicted(), 97);
    for n in 0..50 {
        send(&mut t, 9000 * S, to(9), ASK, 1000 + n);
    }
    assert_eq!((t.pending.len(), t.repeats.len(), t.evicted()), (4, 4, 46));
}

proptest! {
    #[test]
    fn tables_keep_their_bounds_whatever_comes(
        steps in prop::collection::vec((0..8_i64, 0..6_u8, 0..8_u32, 0..6_usize), 0..300),
    ) {
        let mut t = Liveness::bounded(3, 5, 4, 2);
        let (mut time, mut told) = (0, VecDeque::new());
        for (after, last, id, kind) in steps {
            time += after * S;
            let starts = ["SIP/2.0 200 OK", "SIP/2.0 500 x", "SIP/2.0 100 x"];
            match starts.get(kind) {
                Some(start) => send(&mut t, time, to(last).reversed(), start, id),
                None => send(&mut t, time, to(last), ASK, id),
            };
            if after == 7 {
                t.handle_timeout(time, &mut told);
            }
            prop_assert!(t.pending.len() <= 3 && t.repeats.len() <= 5 && t.targets.len() <= 4);
            prop_assert!(t.answers.0.len() <= 2);
        }
        t.finish(time + 100 * S, &mut told);
        prop_assert_eq!(t.pending.len(), 0);
    }
}
