//! What of signalling is counted where.

use std::sync::Arc;

use expect_test::{Expect, expect};

use super::super::responses::PLACES;
use super::super::tests::{fill, lines, view};
use super::super::{Exposition, Limits, ProbeNumbers, UNASSIGNED, openmetrics, text};
use super::*;
use crate::track::signal::{Method, OptionsResult, Parties, RegistrationResult};

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_700_000_000 * SECOND;

pub(in super::super) fn told(what: Signal) -> SignalEvent {
    SignalEvent { time: START + SECOND / 20, parties: Arc::new(Parties::default()), what }
}

/// An attempt that rang after 0.3 s, and had its final response after 4 s.
fn attempt(status: u16) -> Attempt {
    let end = Some(START + 4 * SECOND);
    Attempt {
        start: START,
        ringing: Some(START + 3 * SECOND / 10),
        answer: end.filter(|_| status == 200),
        end,
        status: Some(status),
        ..Attempt::default()
    }
}

fn session(hop: bool) -> Session {
    let end = START + 64 * SECOND;
    let (bye, bye_answer) = (Some(end), Some(end + SECOND / 5));
    Session { answer: START + 4 * SECOND, end, bye, bye_answer, by: EndedBy::Callee, hop }
}

const ATTEMPTED: Signal = Signal::Attempted { hop: false, redial: false };

/// An answered call from its beginning to its end.
fn answered_call() -> Vec<Signal> {
    vec![
        ATTEMPTED,
        Signal::Began,
        Signal::Settled(attempt(200)),
        Signal::Session(session(false)),
        Signal::Ended { by: Some(EndedBy::Callee), answered: true },
    ]
}

/// The same as a further leg.
fn hop() -> Vec<Signal> {
    vec![
        Signal::Attempted { hop: true, redial: true },
        Signal::Settled(Attempt { hop: true, ..attempt(503) }),
        Signal::Session(session(true)),
    ]
}

fn totals() -> Totals {
    let mut totals = Totals::new(256);
    totals.configure([("acme", "a"), ("acme", "b")]);
    totals
}

fn observe(totals: &mut Totals, views: &[ViewLabels<'_>], peer: Option<&str>, all: &[Signal]) {
    all.iter().for_each(|what| totals.observe_signal(&told(*what), views, peer));
}

fn shown(totals: &Totals) -> String {
    text(&Exposition::new(100_000).families(totals, &ProbeNumbers::default()))
}

/// The samples of signalling that are not 0, without the lower buckets.
fn check(totals: &Totals, expected: &Expect) {
    let of_calls =
        ["clearline_call", "clearline_sip", "clearline_regis", "clearline_options", "clearline_peer"];
    let all = shown(totals);
    let samples = all.lines().filter(|l| of_calls.iter().any(|name| l.starts_with(name)));
    let samples = samples.filter(|l| !l.ends_with(" 0") && !l.contains("_bucket"));
    expected.assert_eq(&samples.map(|l| l.to_owned() + "\n").collect::<String>());
}

#[test]
fn a_configured_site_begins_at_0_and_what_is_rare_is_absent() {
    let mut totals = Totals::new(256);
    totals.configure([("acme", "head office")]);
    let all = shown(&totals);
    let of_calls =
        ["clearline_call", "clearline_sip", "clearline_reg", "clearline_options", "clearline_peer"];
    let samples = all.lines().filter(|l| of_calls.iter().any(|name| l.starts_with(name)));
    expect![[r#"
        clearline_call_seconds_total{customer="acme",site="head office",quality="good"} 0
        clearline_call_seconds_total{customer="acme",site="head office",quality="poor"} 0
        clearline_call_seconds_total{customer="acme",site="head office",quality="unscored"} 0
        clearline_call_attempts_total{customer="acme",site="head office",direction="in",peer="unassigned"} 0
        clearline_call_attempts_total{customer="acme",site="head office",direction="out",peer="unassigned"} 0
        clearline_calls_active{customer="acme",site="head office"} 0
        clearline_registered_devices{customer="acme",site="head office"} 0
    "#]]
    .assert_eq(&samples.map(|l| l.to_owned() + "\n").collect::<String>());
}

#[test]
fn a_call_to_a_peer_is_counted_at_its_site() {
    let mut totals = totals();
    observe(&mut totals, &[view("a", Direction::Out)], Some("Trunk"), &answered_call());
    observe(
        &mut totals,
        &[view("a", Direction::Out)],
        Some("Trunk"),
        &[
            Signal::Attempted { hop: false, redial: true },
            Signal::Settled(attempt(486)),
            Signal::Retransmitted(Method::Invite),
            Signal::Options { start: START, result: OptionsResult::Answered },
            Signal::Answered,
        ],
    );
    totals.add_call_seconds("acme", "a", CallSeconds { good: 50, poor: 10, unscored: 0 });
    totals.count_audio_fault("acme", "a", Fault::OneWay);
    check(
        &totals,
        &expect![[r#"
        clearline_call_seconds_total{customer="acme",site="a",quality="good"} 50
        clearline_call_seconds_total{customer="acme",site="a",quality="poor"} 10
        clearline_call_attempts_total{customer="acme",site="a",direction="out",peer="Trunk"} 2
        clearline_call_final_responses_total{customer="acme",site="a",peer="Trunk",status="200"} 1
        clearline_call_final_responses_total{customer="acme",site="a",peer="Trunk",status="486"} 1
        clearline_call_ends_total{customer="acme",site="a",ended_by="callee"} 1
        clearline_call_post_dial_delay_seconds_sum{customer="acme",site="a",direction="out",result="failure"} 0.3
        clearline_call_post_dial_delay_seconds_count{customer="acme",site="a",direction="out",result="failure"} 1
        clearline_call_post_dial_delay_seconds_sum{customer="acme",site="a",direction="out",result="success"} 0.3
        clearline_call_post_dial_delay_seconds_count{customer="acme",site="a",direction="out",result="success"} 1
        clearline_call_answer_delay_seconds_sum{customer="acme",site="a",direction="out"} 4
        clearline_call_answer_delay_seconds_count{customer="acme",site="a",direction="out"} 1
        clearline_call_disconnect_seconds_sum{customer="acme",site="a"} 0.2
        clearline_call_disconnect_seconds_count{customer="acme",site="a"} 1
        clearline_call_duration_seconds_sum{customer="acme",site="a",direction="out"} 60
        clearline_call_duration_seconds_count{customer="acme",site="a",direction="out"} 1
        clearline_call_audio_faults_total{customer="acme",site="a",fault="one_way"} 1
        clearline_call_redials_total{customer="acme",site="a",direction="out"} 1
        clearline_sip_retransmissions_total{customer="acme",site="a",peer="Trunk",method="INVITE"} 1
        clearline_options_total{customer="acme",site="a",peer="Trunk",result="answered"} 1
        clearline_peer_last_answer_timestamp_seconds{peer="Trunk"} 1700000000.05
    "#]],
    );
}

#[test]
fn a_call_between_two_sites_counts_once_at_each() {
    let mut totals = totals();
    observe(&mut totals, &[view("b", Direction::In), view("a", Direction::Out)], None, &answered_call());
    observe(&mut totals, &[ViewLabels::UNASSIGNED], None, &[Signal::Began]);
    check(
        &totals,
        &expect![[r#"
        clearline_call_attempts_total{customer="acme",site="a",direction="out",peer="unassigned"} 1
        clearline_call_attempts_total{customer="acme",site="b",direction="in",peer="unassigned"} 1
        clearline_call_final_responses_total{customer="acme",site="a",peer="unassigned",status="200"} 1
        clearline_call_final_responses_total{customer="acme",site="b",peer="unassigned",status="200"} 1
        clearline_call_ends_total{customer="acme",site="a",ended_by="callee"} 1
        clearline_call_ends_total{customer="acme",site="b",ended_by="callee"} 1
        clearline_call_post_dial_delay_seconds_sum{customer="acme",site="a",direction="out",result="success"} 0.3
        clearline_call_post_dial_delay_seconds_count{customer="acme",site="a",direction="out",result="success"} 1
        clearline_call_post_dial_delay_seconds_sum{customer="acme",site="b",direction="in",result="success"} 0.3
        clearline_call_post_dial_delay_seconds_count{customer="acme",site="b",direction="in",result="success"} 1
        clearline_call_answer_delay_seconds_sum{customer="acme",site="a",direction="out"} 4
        clearline_call_answer_delay_seconds_count{customer="acme",site="a",direction="out"} 1
        clearline_call_answer_delay_seconds_sum{customer="acme",site="b",direction="in"} 4
        clearline_call_answer_delay_seconds_count{customer="acme",site="b",direction="in"} 1
        clearline_call_disconnect_seconds_sum{customer="acme",site="a"} 0.2
        clearline_call_disconnect_seconds_count{customer="acme",site="a"} 1
        clearline_call_disconnect_seconds_sum{customer="acme",site="b"} 0.2
        clearline_call_disconnect_seconds_count{customer="acme",site="b"} 1
        clearline_call_duration_seconds_sum{customer="acme",site="a",direction="out"} 60
        clearline_call_duration_seconds_count{customer="acme",site="a",direction="out"} 1
        clearline_call_duration_seconds_sum{customer="acme",site="b",direction="in"} 60
        clearline_call_duration_seconds_count{customer="acme",site="b",direction="in"} 1
        clearline_calls_active{customer="unassigned",site="unassigned"} 1
    "#]],
    );
}

#[test]
fn a_further_leg_counts_for_its_peer_alone() {
    let mut totals = totals();
    observe(&mut totals, &[view("a", Direction::Out)], Some("Trunk"), &hop());
    observe(&mut totals, &[view("a", Direction::Out)], None, &hop());
    check(
        &totals,
        &expect![[r#"
        clearline_call_attempts_total{customer="unassigned",site="unassigned",direction="through",peer="Trunk"} 1
        clearline_call_final_responses_total{customer="unassigned",site="unassigned",peer="Trunk",status="503"} 1
    "#]],
    );
}

#[test]
fn a_device_counts_at_its_own_site() {
    let mut totals = totals();
    let registers = [
        Signal::Registration { start: START, result: RegistrationResult::Ok },
        Signal::Registration { start: START, result: RegistrationResult::Rejected(403) },
        Signal::Bound,
        Signal::Bound,
        Signal::Unbound { expired: true },
    ];
    // The registrar is in the other site; and of a phone somewhere else, the registrar's site is all there is.
    observe(&mut totals, &[view("b", Direction::In), view("a", Direction::Out)], Some("PBX"), &registers);
    observe(&mut totals, &[view("b", Direction::In)], Some("PBX"), &[Signal::Bound]);
    check(
        &totals,
        &expect![[r#"
        clearline_registration_attempts_total{customer="acme",site="a",peer="PBX",result="ok"} 1
        clearline_registration_attempts_total{customer="acme",site="a",peer="PBX",result="rejected"} 1
        clearline_registration_delay_seconds_sum{customer="acme",site="a",peer="PBX"} 0.05
        clearline_registration_delay_seconds_count{customer="acme",site="a",peer="PBX"} 1
        clearline_registered_devices{customer="acme",site="a"} 1
        clearline_registered_devices{customer="acme",site="b"} 1
        clearline_registrations_expired_total{customer="acme",site="a"} 1
    "#]],
    );
}

#[test]
fn what_did_not_come_to_its_end_has_no_response() {
    let mut totals = totals();
    let views = [view("a", Direction::Internal)];
    let open = Attempt { start: START, ..Attempt::default() };
    let silent = Attempt { timed_out: true, ..open };
    let strange = Attempt { status: Some(299), answer: None, ..attempt(486) };
    observe(&mut totals, &views, None, &[open, silent, strange].map(Signal::Settled));
    observe(&mut totals, &views, None, &[Signal::Ended { by: None, answered: false }]);
    check(
        &totals,
        &expect![[r#"
        clearline_call_final_responses_total{customer="acme",site="a",peer="unassigned",status="other"} 1
        clearline_call_final_responses_total{customer="acme",site="a",peer="unassigned",status="timeout"} 1
        clearline_calls_active{customer="acme",site="a"} -1
    "#]],
    );
}

#[test]
fn an_exemplar_needs_an_observation_in_its_bucket() {
    let mut totals = totals();
    let views = [view("a", Direction::Out)];
    let id = "018bcfe5-6800-8000-8000-0000deadbeef";
    let delay = attempt(200).request_delay().unwrap();
    totals.exemplify_post_dial_delay(&views, delay, id, START);
    observe(&mut totals, &views, None, &answered_call());
    let all =
        |totals: &Totals| openmetrics(&Exposition::new(100_000).families(totals, &ProbeNumbers::default()));
    assert!(!all(&totals).contains(id));
    totals.exemplify_post_dial_delay(&views, delay, id, START);
    totals.exemplify_post_dial_delay(&views, RequestDelay::Success(20 * SECOND), id, START);
    let bucket = "clearline_call_post_dial_delay_seconds_bucket{customer=\"acme\",site=\"a\",direction=\"out\",\
                  result=\"success\",le=\"0.5\"} 1 # {call_id=\"018bcfe5-6800-8000-8000-0000deadbeef\"} 0.3 \
                  1700000000.000";
    let all = all(&totals);
    assert_eq!(all.lines().filter(|l| l.contains(id)).collect::<Vec<_>>(), [bucket]);
}

#[test]
fn a_peer_answered_last_when_any_worker_saw_it() {
    let (mut one, mut other) = (totals(), totals());
    let answered = |time| SignalEvent { time, ..told(Signal::Answered) };
    one.observe_signal(&answered(9 * SECOND), &[], Some("Trunk"));
    one.observe_signal(&answered(7 * SECOND), &[], Some("Trunk"));
    other.observe_signal(&answered(8 * SECOND), &[], Some("Trunk"));
    other.observe_signal(&answered(8 * SECOND), &[], None);
    other.merge(&one);
    assert!(shown(&other).contains("clearline_peer_last_answer_timestamp_seconds{peer=\"Trunk\"} 9\n"));
}

#[test]
fn peers_and_statuses_of_a_site_are_bounded() {
    let mut totals = totals();
    let views = [view("a", Direction::Out)];
    for n in 0..5000 {
        observe(&mut totals, &views, Some(&format!("peer {n}")), &[ATTEMPTED]);
    }
    for status in 100..2000 {
        observe(
            &mut totals,
            &views,
            None,
            &[Signal::Settled(Attempt { status: Some(status), ..attempt(486) })],
        );
    }
    let folded = |text: &str| text.contains("clearline_label_values_folded_total{label=\"peer\"} 905\n");
    let all = shown(&totals);
    assert!(folded(&all));
    assert!(all.contains("direction=\"out\",peer=\"overflow\"} 905\n"));
    assert!(all.matches("status=\"").count() < PLACES);
    let mut merged = totals.clone();
    merged.merge(&self::totals());
    assert!(folded(&shown(&merged)));
}

/// All that a busy site with a trunk shows, of streams and of signalling.
pub(in super::super) fn fill_calls(totals: &mut Totals, customer: &str, site: &str, peer: &str) {
    let outcomes = [404, 486, 487, 503].map(attempt);
    for direction in [Direction::In, Direction::Out] {
        let views = [ViewLabels { customer, site, direction }];
        observe(totals, &views, Some(peer), &answered_call());
        for outcome in outcomes {
            observe(totals, &views, Some(peer), &[ATTEMPTED, Signal::Settled(outcome)]);
        }
    }
    let views = [ViewLabels { customer, site, direction: Direction::Out }];
    observe(
        totals,
        &views,
        Some(peer),
        &[
            Signal::Registration { start: START, result: RegistrationResult::Ok },
            Signal::Options { start: START, result: OptionsResult::Timeout },
            Signal::Retransmitted(Method::Invite),
            Signal::Retransmitted(Method::Register),
            Signal::Unbound { expired: true },
            Signal::Attempted { hop: false, redial: true },
            Signal::Answered,
        ],
    );
    totals.observe_call_end(&views, EndedBy::Caller, Some(20.0));
    totals.count_audio_fault(customer, site, Fault::OneWay);
}

#[test]
fn a_busy_site_has_about_400_series() {
    let mut totals = Totals::new(256);
    totals.configure([("acme", "a")]);
    fill(&mut totals, "acme", "a", &[Direction::In, Direction::Out]);
    fill_calls(&mut totals, "acme", "a", "Trunk");
    let all = shown(&totals);
    let of_site: String =
        all.lines().filter(|l| l.contains("site=\"a\"")).map(|l| l.to_owned() + "\n").collect();
    let series = lines(&of_site);
    assert!((350..=420).contains(&series), "{series}");
}

#[test]
fn what_is_over_the_budget_has_room_together() {
    // Every value of every list, at a site that is none.
    let mut totals = Totals::new(0);
    for direction in Direction::ALL {
        let views = [ViewLabels { customer: "x", site: "y", direction }];
        fill(&mut totals, "x", "y", &[direction]);
        for status in 200..700 {
            observe(&mut totals, &views, Some("p"), &[Signal::Settled(attempt(status))]);
        }
        observe(&mut totals, &views, Some("p"), &Method::ALL.map(Signal::Retransmitted));
        fill_calls(&mut totals, "x", "y", "p");
    }
    let all = openmetrics(&Exposition::new(0).families(&totals, &ProbeNumbers::default()));
    assert!(lines(&all) < 2_500, "{}", lines(&all));
    assert!(!all.contains(UNASSIGNED) && Limits::default().series > 2_500);
}
