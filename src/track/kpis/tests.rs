//! Each metric by the RFC's own definition: what it counts, and what it must not.

use super::*;
use crate::track::call::EndedBy;
use crate::track::signal::{Method, OptionsResult, Parties};

const MS: i64 = 1_000_000;
/// Where the attempts of these tests begin.
const START: i64 = 1_000_000 * MS;

fn told(what: Signal) -> SignalEvent {
    at(START, what)
}

fn at(time: i64, what: Signal) -> SignalEvent {
    SignalEvent { time, parties: std::sync::Arc::new(Parties::default()), what }
}

const ATTEMPTED: Signal = Signal::Attempted { hop: false, redial: false };

/// What the last response of an attempt was, times in ms after its INVITE.
fn settled(ringing: Option<i64>, answer: Option<i64>, last: Option<(u16, i64)>) -> Attempt {
    let after = |ms: i64| START + ms * MS;
    Attempt {
        start: START,
        ringing: ringing.map(after),
        answer: answer.map(after),
        end: last.map(|(_, ms)| after(ms)),
        status: last.map(|(status, _)| status),
        ..Attempt::default()
    }
}

/// An attempt from its beginning to a final response after `ms`.
fn refused(status: u16, ringing: Option<i64>, ms: i64) -> Vec<SignalEvent> {
    vec![told(ATTEMPTED), told(Signal::Settled(settled(ringing, None, Some((status, ms)))))]
}

fn answered(ringing: Option<i64>, ms: i64) -> Vec<SignalEvent> {
    vec![told(ATTEMPTED), told(Signal::Settled(settled(ringing, Some(ms), Some((200, ms)))))]
}

fn timed_out(ringing: Option<i64>) -> Vec<SignalEvent> {
    let attempt = Attempt { timed_out: true, ..settled(ringing, None, None) };
    vec![told(ATTEMPTED), told(Signal::Settled(attempt))]
}

fn cancelled(ringing: Option<i64>) -> Vec<SignalEvent> {
    let attempt = Attempt { cancelled: true, ..settled(ringing, None, Some((487, 9000))) };
    vec![told(ATTEMPTED), told(Signal::Settled(attempt))]
}

/// The attempt as one of a further leg.
fn hop(mut events: Vec<SignalEvent>) -> Vec<SignalEvent> {
    for event in &mut events {
        match &mut event.what {
            Signal::Attempted { hop, .. }
            | Signal::Settled(Attempt { hop, .. })
            | Signal::Session(Session { hop, .. }) => *hop = true,
            _ => {}
        }
    }
    events
}

/// A session of 60 s; BYE and its 2xx in ms after its end.
fn session(bye: Option<i64>, bye_answer: Option<i64>) -> Vec<SignalEvent> {
    let end = START + 60_000 * MS;
    let session = Session {
        answer: START,
        end,
        bye: bye.map(|ms| end + ms * MS),
        bye_answer: bye_answer.map(|ms| end + ms * MS),
        by: EndedBy::Caller,
        hop: false,
    };
    vec![told(Signal::Session(session))]
}

fn registered(ms: i64, result: RegistrationResult) -> Vec<SignalEvent> {
    vec![at(START + ms * MS, Signal::Registration { start: START, result })]
}

fn counted(events: &[Vec<SignalEvent>]) -> Kpis {
    let mut kpis = Kpis::default();
    for event in events.iter().flatten() {
        kpis.observe(event, None);
    }
    kpis
}

type Row = (&'static str, Vec<Vec<SignalEvent>>, (u64, u64));

fn check_ratio(name: &str, ratio: fn(&KpiSet) -> Ratio, rows: &[Row]) {
    for (clause, events, (numerator, denominator)) in rows {
        let found = ratio(&counted(events).all);
        assert_eq!(found, Ratio { numerator: *numerator, denominator: *denominator }, "{name}: {clause}");
    }
}

/// Delays of ns in events, in ms.
type Timed = (&'static str, Vec<Vec<SignalEvent>>, Vec<i64>);

fn check_delays(name: &str, delays: fn(&KpiSet) -> &Delays, rows: &[Timed]) {
    for (clause, events, expected) in rows {
        let kpis = counted(events);
        let found = delays(&kpis.all);
        assert_eq!(found.count(), expected.len() as u64, "{name}: {clause}");
        let mean = expected.iter().sum::<i64>() as f64 / expected.len() as f64;
        assert_eq!(found.mean_ms(), (!expected.is_empty()).then_some(mean), "{name}: {clause}");
    }
}

#[test]
fn rrd_is_of_successful_registrations_with_their_challenge() {
    use RegistrationResult::{Ok, Rejected, Timeout};
    check_delays(
        "RRD",
        KpiSet::rrd,
        &[
            (
                "§4.1: REGISTER to 200, the 401 and the second REGISTER inside",
                vec![registered(120, Ok)],
                vec![120],
            ),
            (
                "§4.1: a refresh is a registration",
                vec![registered(120, Ok), registered(40, Ok)],
                vec![120, 40],
            ),
            ("§4.1: only for successful requests", vec![registered(80, Rejected(403))], vec![]),
            (
                "§4.1: a challenge that nobody answered is no success",
                vec![registered(80, Rejected(401))],
                vec![],
            ),
            ("§4.2: Timer F is a failure", vec![registered(32_000, Timeout)], vec![]),
            ("§4.1: INVITEs are none", vec![answered(None, 100)], vec![]),
        ],
    );
}

#[test]
fn ira_is_of_failures_and_timeouts_over_all_attempts() {
    use RegistrationResult::{Ok, Rejected, Timeout};
    let of = |results: &[RegistrationResult]| results.iter().map(|r| registered(50, *r)).collect::<Vec<_>>();
    check_ratio(
        "IRA",
        KpiSet::ira,
        &[
            ("§4: of nothing", vec![], (0, 0)),
            ("§4.2: 401 then 200 is one attempt, and no failure", of(&[Ok]), (0, 1)),
            (
                "§4.2: 4xx, 5xx and 6xx",
                of(&[Rejected(403), Rejected(404), Rejected(503), Rejected(603)]),
                (4, 4),
            ),
            ("§4.2: but 401, 402 and 407", of(&[Rejected(401), Rejected(402), Rejected(407)]), (0, 3)),
            ("§4.2: 3xx is none of them", of(&[Rejected(302)]), (0, 1)),
            ("§4.2: Timer F", of(&[Timeout, Ok]), (1, 2)),
            ("§4.2: INVITEs are no REGISTER requests", vec![refused(503, None, 5)], (0, 0)),
        ],
    );
}

#[test]
fn srd_of_success_ends_with_the_first_sign() {
    check_delays(
        "SRD, successful",
        KpiSet::srd_ok,
        &[
            ("§4.3.1: INVITE to 180", vec![answered(Some(250), 5000)], vec![250]),
            ("§4.3.1: no provisional but 100: to the 200", vec![answered(None, 700)], vec![700]),
            ("§5.4: a 180 of another fork, after the 200", vec![answered(Some(900), 700)], vec![700]),
            ("§4.3: failures are not mixed in", vec![refused(486, Some(300), 2000)], vec![]),
            ("§4.3.1: still ringing", vec![vec![told(ATTEMPTED)]], vec![]),
            (
                "§4.3.1: 302, then 180 elsewhere; t1 is what the attempt began with",
                vec![refused(302, None, 40), answered(Some(250), 5000)],
                vec![250],
            ),
        ],
    );
}

#[test]
fn srd_of_failure_is_of_failures_alone() {
    check_delays(
        "SRD, failed",
        KpiSet::srd_failed,
        &[
            ("§4.3.2: INVITE to 480", vec![refused(480, None, 90)], vec![90]),
            ("§4.3.2: the provisional before it is the sign", vec![refused(480, Some(60), 9000)], vec![60]),
            ("§4.3.2: 5xx and 6xx", vec![refused(503, None, 10), refused(603, None, 30)], vec![10, 30]),
            ("§4.3.2: but 401, 402 and 407", [401, 402, 407].map(|s| refused(s, None, 20)).to_vec(), vec![]),
            ("§4.3.2: a redirection is no failure", vec![refused(302, None, 20)], vec![]),
            ("§4.3.2: no response, no delay", vec![timed_out(None), timed_out(Some(100))], vec![]),
            ("§4.3.2: 487 is a 4xx", vec![cancelled(Some(200)), cancelled(None)], vec![200, 9000]),
            ("§4.3: successes are not mixed in", vec![answered(Some(250), 5000)], vec![]),
        ],
    );
}

#[test]
fn sdd_is_of_answered_byes() {
    check_delays(
        "SDD",
        KpiSet::sdd,
        &[
            ("§4.4: BYE to its 2xx", vec![session(Some(0), Some(35))], vec![35]),
            ("§4.4: a 503 between is inside", vec![session(Some(0), Some(2035))], vec![2035]),
            ("§4.4: Timer F is left out", vec![session(Some(0), None)], vec![]),
            ("§4.4: nobody hung up", vec![session(None, None)], vec![]),
        ],
    );
}

#[test]
fn sdt_is_from_answer_to_bye() {
    check_delays(
        "SDT",
        KpiSet::sdt,
        &[
            ("§4.5.1: 200 to BYE", vec![session(Some(0), Some(35))], vec![60_000]),
            (
                "§4.5.1: the answer to the BYE does not lengthen it",
                vec![session(Some(0), Some(9000))],
                vec![60_000],
            ),
            (
                "§4.5.2: an unanswered BYE ends it here, where Timer F is not seen",
                vec![session(Some(0), None)],
                vec![60_000],
            ),
            ("§4.5: media that ceased is no BYE", vec![session(None, None)], vec![]),
            ("§4.5: early media is no session", vec![cancelled(Some(10))], vec![]),
        ],
    );
}

#[test]
fn ser_leaves_redirections_out() {
    check_ratio(
        "SER",
        KpiSet::ser,
        &[
            ("§4: undefined of nothing", vec![], (0, 0)),
            ("§4.6: INVITE, 180, 200", vec![answered(Some(100), 900)], (1, 1)),
            ("§5.3: 401 then 200 is one request", vec![answered(None, 900)], (1, 1)),
            ("§4.6: 302 then 200", vec![refused(302, None, 20), answered(None, 900)], (1, 1)),
            ("§4.6: 302 alone", vec![refused(302, None, 20)], (0, 0)),
            (
                "§4.6: the last challenge stays an INVITE",
                vec![refused(407, None, 20), refused(402, None, 5)],
                (0, 2),
            ),
            (
                "§4.6: failures and timeouts",
                vec![refused(503, None, 1), timed_out(None), answered(None, 9)],
                (1, 3),
            ),
            ("§4.6: given up", vec![cancelled(Some(100)), cancelled(None)], (0, 2)),
            ("§4.6: still going on", vec![vec![told(ATTEMPTED)], answered(None, 9)], (1, 2)),
            ("§5.2: a further leg is the same call", vec![answered(None, 9), hop(answered(None, 8))], (1, 1)),
        ],
    );
}

#[test]
fn seer_adds_what_a_person_decides() {
    let users = [480, 486, 600, 603].map(|status| refused(status, Some(10), 900)).to_vec();
    check_ratio(
        "SEER",
        KpiSet::seer,
        &[
            ("§4.7: 480, 486, 600, 603", users, (4, 4)),
            ("§4.7: 200", vec![answered(Some(100), 900)], (1, 1)),
            ("§4.7: 302 then 486", vec![refused(302, None, 20), refused(486, None, 900)], (1, 1)),
            ("§4.7: 401, 407, 420 are not", [401, 407, 420].map(|s| refused(s, None, 20)).to_vec(), (0, 3)),
            (
                "§4.7: nor 404, 408, 487, 500",
                [404, 408, 487, 500].map(|s| refused(s, Some(5), 20)).to_vec(),
                (0, 4),
            ),
            ("§4.7: nor Timer B", vec![timed_out(Some(10))], (0, 1)),
        ],
    );
}

#[test]
fn isa_is_of_overload_and_silence() {
    check_ratio(
        "ISA",
        KpiSet::isa,
        &[
            ("§4.8: 408, 500, 503, 504", [408, 500, 503, 504].map(|s| refused(s, None, 20)).to_vec(), (4, 4)),
            ("§4.8: Timer B is the 408 that a caller makes itself", vec![timed_out(None)], (1, 1)),
            (
                "§4.8: not 486, 501, 502, 603",
                [486, 501, 502, 603].map(|s| refused(s, None, 20)).to_vec(),
                (0, 4),
            ),
            ("§4.8: 407 then 408 is one request", vec![refused(408, None, 32_000)], (1, 1)),
            (
                "§4.8: 3xx stays in the denominator",
                vec![refused(302, None, 5), refused(503, None, 5)],
                (1, 2),
            ),
            (
                "§4.8: the input ended before the attempt",
                vec![vec![told(ATTEMPTED), told(Signal::Settled(settled(None, None, None)))]],
                (0, 1),
            ),
        ],
    );
}

#[test]
fn scr_wants_an_answer_to_the_bye() {
    let call = |bye, answer| [answered(None, 0), session(bye, answer)].concat();
    check_ratio(
        "SCR",
        KpiSet::scr,
        &[
            ("§4.9: BYE and its 200", vec![call(Some(0), Some(9))], (1, 1)),
            ("§4.9: no response to the BYE", vec![call(Some(0), None)], (0, 1)),
            ("§4.9: nobody hung up", vec![call(None, None)], (0, 1)),
            ("§4.9: refused", vec![refused(486, None, 9), call(Some(0), Some(9))], (1, 2)),
            (
                "§4.9: 3xx stays in the denominator",
                vec![refused(302, None, 9), call(Some(0), Some(9))],
                (1, 2),
            ),
            (
                "§5.2: a further leg is the same session",
                vec![call(Some(0), Some(9)), hop(call(Some(0), Some(9)))],
                (1, 1),
            ),
        ],
    );
}

#[test]
fn asr_is_of_all_attempts() {
    check_ratio(
        "ASR",
        KpiSet::asr,
        &[
            ("E.411: answered", vec![answered(None, 9), refused(486, None, 9)], (1, 2)),
            ("E.411: a redirected one is a seizure", vec![refused(302, None, 9), answered(None, 9)], (1, 2)),
        ],
    );
}

#[test]
fn ner_counts_the_codes_it_publishes() {
    check_ratio(
        "NER",
        KpiSet::ner,
        &[
            ("E.425: answers", vec![answered(None, 9)], (1, 1)),
            (
                "E.425: busy, no answer, rejected",
                [480, 486, 600, 603].map(|s| refused(s, None, 9)).to_vec(),
                (4, 4),
            ),
            ("E.425: 487 and 408 after ringing", vec![cancelled(Some(9)), refused(408, Some(9), 30)], (2, 2)),
            ("E.425: not without it", vec![cancelled(None), refused(408, None, 30)], (0, 2)),
            (
                "E.425: nor Timer B, 404, 500, 503",
                vec![
                    timed_out(Some(9)),
                    refused(404, None, 9),
                    refused(500, Some(9), 9),
                    refused(503, None, 9),
                ],
                (0, 4),
            ),
            ("E.425: a redirected one is a seizure", vec![refused(302, None, 9)], (0, 1)),
        ],
    );
}

#[test]
fn what_is_no_request_counts_nowhere() {
    let others = [
        Signal::Began,
        Signal::Ended { by: Some(EndedBy::Caller), answered: true },
        Signal::Retransmitted(Method::Invite),
        Signal::Answered,
        Signal::Bound,
        Signal::Unbound { expired: true },
        Signal::Options { start: START, result: OptionsResult::Answered },
    ];
    let mut kpis = Kpis::default();
    others.into_iter().for_each(|what| kpis.observe(&told(what), Some("trunk")));
    assert_eq!(format!("{kpis:?}"), format!("{:?}", Kpis::default()));
}

#[test]
fn a_peer_has_its_further_legs_and_the_whole_has_not() {
    let mut kpis = Kpis::default();
    answered(None, 10).iter().for_each(|event| kpis.observe(event, None));
    hop(answered(None, 8)).iter().for_each(|event| kpis.observe(event, Some("trunk")));
    hop(session(Some(0), Some(9))).iter().for_each(|event| kpis.observe(event, Some("trunk")));
    hop(refused(503, None, 8)).iter().for_each(|event| kpis.observe(event, None));
    assert_eq!(kpis.all.ser(), Ratio { numerator: 1, denominator: 1 });
    let trunk = &kpis.by_peer["trunk"];
    assert_eq!((trunk.ser(), trunk.scr().numerator), (Ratio { numerator: 1, denominator: 1 }, 1));
    assert_eq!((kpis.by_peer.len(), kpis.all.isa().numerator, kpis.all.sdd().count()), (1, 0, 0));
}

#[test]
fn peers_are_bounded() {
    let mut kpis = Kpis::default();
    for n in 0..2 * MOST_PEERS {
        kpis.observe(&told(ATTEMPTED), Some(&n.to_string()));
    }
    let mut merged = kpis.clone();
    merged.merge(&kpis);
    assert_eq!((kpis.by_peer.len(), merged.by_peer.len()), (MOST_PEERS, MOST_PEERS));
    assert_eq!(merged.all.ser().denominator, 4 * MOST_PEERS as u64);
}

#[test]
fn counting_apart_and_together_is_the_same() {
    let events = [
        answered(Some(250), 900),
        refused(486, None, 90),
        session(Some(0), Some(35)),
        registered(50, RegistrationResult::Ok),
        registered(5000, RegistrationResult::Ok),
    ];
    let (first, second) = events.split_at(2);
    let (mut merged, more) = (counted(first), counted(second));
    merged.merge(&more);
    let (one, merged) = (counted(&events).all, merged.all);
    for (a, b) in [KpiSet::rrd, KpiSet::srd_ok, KpiSet::srd_failed, KpiSet::sdd, KpiSet::sdt]
        .map(|of| (of(&one), of(&merged)))
    {
        assert_eq!((a.count(), a.mean_ms()), (b.count(), b.mean_ms()));
        assert_eq!([0.5, 0.95].map(|p| a.percentile_ms(p)), [0.5, 0.95].map(|p| b.percentile_ms(p)));
    }
    for (a, b) in [KpiSet::ira, KpiSet::ser, KpiSet::seer, KpiSet::isa, KpiSet::scr, KpiSet::asr, KpiSet::ner]
        .map(|of| (of(&one), of(&merged)))
    {
        assert_eq!(a, b);
    }
}

#[test]
fn percentiles_have_three_digits_and_are_none_of_nothing() {
    let mut delays = Delays::default();
    assert_eq!((delays.mean_ms(), delays.percentile_ms(0.5)), (None, None));
    delays.observe(1_234_567_890);
    assert_eq!(
        (delays.percentile_ms(0.5), delays.percentile_ms(0.95)),
        (Some(1_234.567_89), Some(1_234.567_89))
    );
    let mut delays = Delays::default();
    // 1 ms to 1 s: half of them are within 500 ms, 95 of 100 within 950.
    (1..=1000).for_each(|ms| delays.observe(ms * MS));
    assert_eq!(delays.mean_ms(), Some(500.5));
    for (share, expected) in [(0.5, 500.0), (0.95, 950.0), (1.0, 1000.0)] {
        let found = delays.percentile_ms(share).unwrap();
        assert!((found - expected).abs() <= expected / 1000.0, "{share}: {found}");
    }
    // A clock that stepped back, and a session of a day.
    delays.observe(-5);
    delays.observe(86_400_000 * MS);
    assert_eq!(delays.count(), 1002);
    assert!(delays.percentile_ms(1.0).unwrap() <= 3_601_000.0);
}
