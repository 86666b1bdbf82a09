//! What is counted where, how it is shown, and that spreading over workers changes nothing.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::signals::tests::told;
use super::*;
use crate::score::Scale;
use crate::track::signal::{Attempt, Signal, SignalEvent};

const END: i64 = 1_700_000_010_000_000_000;

pub(super) fn view(site: &str, direction: Direction) -> ViewLabels<'_> {
    ViewLabels { customer: "acme", site, direction }
}

pub(super) fn sample(mos: f64) -> IntervalSample<'static> {
    IntervalSample {
        end: END,
        length: 10_000_000_000,
        encoding_name: "PCMA",
        packets: 495,
        expected: 500,
        lost: 5,
        discarded: 2,
        duplicates: 1,
        reordered: 3,
        dscp: [490, 0, 0, 0, 5, 0],
        jitter: Some(0.004),
        delay_variation: Some(0.032),
        burst_ratio: Some(1.2),
        outcome: Outcome::Scored { scale: Scale::Nb, mos_lqe: mos, mos_cqe: None },
        call_id: Some("018bcfe5-6800-8000-8000-0000deadbeef"),
    }
}

pub(super) fn observed() -> Totals {
    let mut totals = Totals::new(256);
    totals.configure([("acme", "head office")]);
    let views = [view("head office", Direction::In)];
    totals.move_stream(&views, StreamState::Absent, StreamState::Active);
    totals.observe_interval(&views, &sample(3.6));
    totals.observe_interval(&views, &sample(4.4));
    totals.move_stream(&views, StreamState::Active, StreamState::Poor);
    totals
}

pub(super) fn probe() -> ProbeNumbers {
    ProbeNumbers {
        build: Some(Build { version: "0.1.0".into(), revision: String::new(), probe: "edge \"1\"\\".into() }),
        interfaces: vec![InterfaceNumbers {
            name: "eth0".into(),
            packets: Some(1000),
            dropped: vec![(DropPlace::Kernel, 0)],
            last_packet: Some(1_700_000_010_500_000_000),
            up: Some(true),
            ..InterfaceNumbers::default()
        }],
        workers: vec![WorkerNumbers { worker: "0".into(), busy_seconds: Some(f64::NAN), handoffs: Some(0) }],
        ..ProbeNumbers::default()
    }
}

/// Lines of both formats that name one of the metrics.
pub(super) fn check(write: fn(&[Family<'_>]) -> String, totals: &Totals, names: &[&str], expected: &Expect) {
    let probe = probe();
    let all = write(&Exposition::new(100_000).families(totals, &probe));
    let named = |l: &&str| names.iter().any(|n| l.contains(n)) || l.starts_with("# EOF");
    expected.assert_eq(&all.lines().filter(named).map(|l| l.to_owned() + "\n").collect::<String>());
}

pub(super) const SHOWN: [&str; 6] =
    ["rtp_packets", "rtp_lost", "stream_mos_lqe", "streams_poor", "build_info", "worker_"];

#[test]
fn openmetrics_has_units_exemplars_and_an_end() {
    check(
        openmetrics,
        &observed(),
        &SHOWN,
        &expect![[r##"
            # TYPE clearline_rtp_packets counter
            # HELP clearline_rtp_packets received, unique; codec: IANA name in lower case, `other`
            clearline_rtp_packets_total{customer="acme",site="head office",direction="in",codec="pcma"} 990
            # TYPE clearline_rtp_lost_packets counter
            # HELP clearline_rtp_lost_packets never arrived: counted in the interval in which the number leaves the 100-number reordering window; closed intervals never change
            clearline_rtp_lost_packets_total{customer="acme",site="head office",direction="in"} 10
            clearline_rtp_lost_packets_total{customer="acme",site="head office",direction="out"} 0
            # TYPE clearline_stream_mos_lqe histogram
            # HELP clearline_stream_mos_lqe listening quality, P.800.1 MOS-LQE
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="1.5"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="2.1"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="2.6"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="3.1"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="3.6"} 1 # {call_id="018bcfe5-6800-8000-8000-0000deadbeef"} 3.6 1700000010.000
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="3.8"} 1
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="4.03"} 1
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="4.2"} 1
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="4.34"} 1
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="+Inf"} 2 # {call_id="018bcfe5-6800-8000-8000-0000deadbeef"} 4.4 1700000010.000
            clearline_stream_mos_lqe_sum{customer="acme",site="head office",direction="in",scale="nb"} 8
            clearline_stream_mos_lqe_count{customer="acme",site="head office",direction="in",scale="nb"} 2
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="out",scale="nb",le="1.5"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="out",scale="nb",le="2.1"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="out",scale="nb",le="2.6"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="out",scale="nb",le="3.1"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="out",scale="nb",le="3.6"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="out",scale="nb",le="3.8"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="out",scale="nb",le="4.03"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="out",scale="nb",le="4.2"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="out",scale="nb",le="4.34"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="out",scale="nb",le="+Inf"} 0
            clearline_stream_mos_lqe_sum{customer="acme",site="head office",direction="out",scale="nb"} 0
            clearline_stream_mos_lqe_count{customer="acme",site="head office",direction="out",scale="nb"} 0
            # TYPE clearline_streams_poor gauge
            # HELP clearline_streams_poor last interval under the customer's `poor_mos`
            clearline_streams_poor{customer="acme",site="head office",direction="in"} 1
            clearline_streams_poor{customer="acme",site="head office",direction="out"} 0
            # TYPE clearline_worker_handoffs counter
            # HELP clearline_worker_handoffs digests passed to another worker
            clearline_worker_handoffs_total{worker="0"} 0
            # TYPE clearline_build_info gauge
            # HELP clearline_build_info 1: what runs here, and the probe's name
            clearline_build_info{version="0.1.0",revision="unknown",probe="edge \"1\"\\"} 1
            # EOF
        "##]],
    );
}

#[test]
fn unknown_is_absent_and_a_configured_site_begins_at_0() {
    let mut totals = Totals::new(256);
    totals.configure([("acme", "head office")]);
    let nothing = ProbeNumbers::default();
    let shown = openmetrics(&Exposition::new(100_000).families(&totals, &nothing));
    let samples: String =
        shown.lines().filter(|l| !l.starts_with('#')).map(|l| l.to_owned() + "\n").collect();
    assert!(samples.lines().all(|l| l.ends_with(" 0")));
    assert_eq!(lines(&of_site(&samples)), 173, "series of a quiet site");
    // What it shows of calls is told beside them.
    let hidden = ["_bucket{", "_sum{", "clearline_call", "clearline_reg"];
    let samples = samples.lines().filter(|l| !hidden.iter().any(|part| l.contains(part)));
    let samples: String = samples.map(|l| l.to_owned() + "\n").collect();
    expect![[r#"
        clearline_rtp_expected_packets_total{customer="acme",site="head office",direction="in"} 0
        clearline_rtp_expected_packets_total{customer="acme",site="head office",direction="out"} 0
        clearline_rtp_lost_packets_total{customer="acme",site="head office",direction="in"} 0
        clearline_rtp_lost_packets_total{customer="acme",site="head office",direction="out"} 0
        clearline_rtp_discarded_packets_total{customer="acme",site="head office",direction="in"} 0
        clearline_rtp_discarded_packets_total{customer="acme",site="head office",direction="out"} 0
        clearline_rtp_duplicate_packets_total{customer="acme",site="head office",direction="in"} 0
        clearline_rtp_duplicate_packets_total{customer="acme",site="head office",direction="out"} 0
        clearline_rtp_reordered_packets_total{customer="acme",site="head office",direction="in"} 0
        clearline_rtp_reordered_packets_total{customer="acme",site="head office",direction="out"} 0
        clearline_rtp_dscp_packets_total{customer="acme",site="head office",direction="in",dscp="af3"} 0
        clearline_rtp_dscp_packets_total{customer="acme",site="head office",direction="in",dscp="af4"} 0
        clearline_rtp_dscp_packets_total{customer="acme",site="head office",direction="in",dscp="be"} 0
        clearline_rtp_dscp_packets_total{customer="acme",site="head office",direction="in",dscp="cs"} 0
        clearline_rtp_dscp_packets_total{customer="acme",site="head office",direction="in",dscp="ef"} 0
        clearline_rtp_dscp_packets_total{customer="acme",site="head office",direction="in",dscp="other"} 0
        clearline_rtp_dscp_packets_total{customer="acme",site="head office",direction="out",dscp="af3"} 0
        clearline_rtp_dscp_packets_total{customer="acme",site="head office",direction="out",dscp="af4"} 0
        clearline_rtp_dscp_packets_total{customer="acme",site="head office",direction="out",dscp="be"} 0
        clearline_rtp_dscp_packets_total{customer="acme",site="head office",direction="out",dscp="cs"} 0
        clearline_rtp_dscp_packets_total{customer="acme",site="head office",direction="out",dscp="ef"} 0
        clearline_rtp_dscp_packets_total{customer="acme",site="head office",direction="out",dscp="other"} 0
        clearline_stream_mos_lqe_count{customer="acme",site="head office",direction="in",scale="nb"} 0
        clearline_stream_mos_lqe_count{customer="acme",site="head office",direction="out",scale="nb"} 0
        clearline_stream_loss_ratio_count{customer="acme",site="head office",direction="in"} 0
        clearline_stream_loss_ratio_count{customer="acme",site="head office",direction="out"} 0
        clearline_stream_discard_ratio_count{customer="acme",site="head office",direction="in"} 0
        clearline_stream_discard_ratio_count{customer="acme",site="head office",direction="out"} 0
        clearline_stream_jitter_seconds_count{customer="acme",site="head office",direction="in"} 0
        clearline_stream_jitter_seconds_count{customer="acme",site="head office",direction="out"} 0
        clearline_stream_delay_variation_seconds_count{customer="acme",site="head office",direction="in"} 0
        clearline_stream_delay_variation_seconds_count{customer="acme",site="head office",direction="out"} 0
        clearline_stream_burst_ratio_count{customer="acme",site="head office",direction="in"} 0
        clearline_stream_burst_ratio_count{customer="acme",site="head office",direction="out"} 0
        clearline_stream_intervals_total{customer="acme",site="head office",direction="in",result="capture_loss"} 0
        clearline_stream_intervals_total{customer="acme",site="head office",direction="in",result="scored"} 0
        clearline_stream_intervals_total{customer="acme",site="head office",direction="in",result="withheld"} 0
        clearline_stream_intervals_total{customer="acme",site="head office",direction="out",result="capture_loss"} 0
        clearline_stream_intervals_total{customer="acme",site="head office",direction="out",result="scored"} 0
        clearline_stream_intervals_total{customer="acme",site="head office",direction="out",result="withheld"} 0
        clearline_scores_withheld_total{reason="capture_loss"} 0
        clearline_scores_withheld_total{reason="clock"} 0
        clearline_scores_withheld_total{reason="codec"} 0
        clearline_scores_withheld_total{reason="encrypted"} 0
        clearline_scores_withheld_total{reason="not_audio"} 0
        clearline_scores_withheld_total{reason="samples"} 0
        clearline_streams_active{customer="acme",site="head office",direction="in"} 0
        clearline_streams_active{customer="acme",site="head office",direction="out"} 0
        clearline_streams_poor{customer="acme",site="head office",direction="in"} 0
        clearline_streams_poor{customer="acme",site="head office",direction="out"} 0
        clearline_label_values_folded_total{label="codec"} 0
        clearline_label_values_folded_total{label="peer"} 0
        clearline_label_values_folded_total{label="series"} 0
        clearline_label_values_folded_total{label="site"} 0
    "#]].assert_eq(&samples);
}

#[test]
fn a_lossy_probe_counts_what_arrived_and_nothing_of_quality() {
    let mut totals = Totals::new(256);
    totals.configure([("acme", "a")]);
    let sample = IntervalSample { outcome: Outcome::CaptureLoss, ..sample(4.0) };
    totals.observe_interval(&[view("a", Direction::In)], &sample);
    let all = rendered(&totals);
    assert!(all.contains(
        r#"clearline_rtp_packets_total{customer="acme",site="a",direction="in",codec="pcma"} 495"#
    ));
    assert!(all.contains(r#"clearline_rtp_lost_packets_total{customer="acme",site="a",direction="in"} 0"#));
    assert!(all.contains(r#"result="capture_loss"} 1"#));
    assert!(all.contains(r#"clearline_scores_withheld_total{reason="capture_loss"} 1"#));
    assert!(all.lines().filter(|l| l.contains("_count{")).all(|l| l.ends_with(" 0")));
}

#[test]
fn a_short_last_interval_is_counted_but_no_observation() {
    let mut totals = Totals::new(256);
    totals.configure([("acme", "a")]);
    let sample = IntervalSample { length: 999_999_999, ..sample(4.0) };
    totals.observe_interval(&[view("a", Direction::Through)], &sample);
    let all = rendered(&totals);
    assert!(
        all.contains(r#"clearline_rtp_lost_packets_total{customer="acme",site="a",direction="through"} 5"#)
    );
    assert!(all.contains(r#"direction="through",result="scored"} 0"#));
    assert!(!all.lines().any(|l| l.contains("_bucket") && l.contains("through")));
}

#[test]
fn an_interval_between_two_sites_counts_at_each_and_is_withheld_once() {
    let mut totals = Totals::new(256);
    totals.configure([("acme", "a"), ("acme", "b")]);
    let sample = IntervalSample { outcome: Outcome::Withheld(WithheldReason::Clock), ..sample(4.0) };
    totals.observe_interval(&[view("a", Direction::Out), view("b", Direction::In)], &sample);
    let all = rendered(&totals);
    assert!(all.contains(r#"site="a",direction="out",result="withheld"} 1"#));
    assert!(all.contains(r#"site="b",direction="in",result="withheld"} 1"#));
    assert!(all.contains(r#"clearline_scores_withheld_total{reason="clock"} 1"#));
}

#[test]
fn an_edge_belongs_to_its_bucket_and_what_is_no_number_to_none() {
    let mut histogram = Histogram::new(catalogue::STREAM_MOS_LQE.edges());
    for value in [3.6, 3.600_001, 5.0, f64::NAN, f64::INFINITY] {
        histogram.observe(value, None);
    }
    let below = histogram.buckets().find(|b| b.edge == 3.6).unwrap().cumulative;
    assert_eq!((below, histogram.count()), (1, 3));
    assert!((histogram.sum() - 12.200_001).abs() < 1e-9);
}

/// The samples that name a site.
fn of_site(samples: &str) -> String {
    samples.lines().filter(|l| l.contains("site=")).map(|l| l.to_owned() + "\n").collect()
}

fn rendered(totals: &Totals) -> String {
    openmetrics(&Exposition::new(100_000).families(totals, &ProbeNumbers::default()))
}

pub(super) fn lines(text: &str) -> usize {
    text.lines().filter(|l| !l.starts_with('#')).count()
}

/// One event at one of three workers.
type Event = (u8, u8, u8, u8, f64, u16);

fn apply(totals: &mut Totals, &(_, site, direction, what, mos, n): &Event) {
    let site = ["a", "b", "c", "nowhere", UNASSIGNED][usize::from(site % 5)];
    let views = [view(site, Direction::ALL[usize::from(direction % 4)])];
    let id = format!("id-{n}");
    let scale = Scale::ALL[usize::from(n % 3)];
    let base = IntervalSample {
        end: i64::from(n) * 1_000_000,
        packets: u64::from(n),
        jitter: Some(mos / 50.0),
        encoding_name: if n % 5 == 0 { "X-UNHEARD-OF" } else { "opus" },
        outcome: Outcome::Scored { scale, mos_lqe: mos, mos_cqe: Some(mos) },
        call_id: Some(&id),
        ..sample(mos)
    };
    let ns = i64::from(n) * 40_000_000;
    let attempt = Attempt { answer: Some(ns), end: Some(ns), status: Some(200 + n), ..Attempt::default() };
    let peer = (n % 3 > 0).then_some(["Trunk", "PBX"][usize::from(n % 2)]);
    match what % 9 {
        6 => totals.observe_signal(&told(Signal::Settled(attempt)), &views, peer),
        7 => totals.observe_signal(&told(Signal::Began), &views, peer),
        8 => totals.observe_signal(&SignalEvent { time: ns, ..told(Signal::Answered) }, &views, peer),
        0 => totals.move_stream(&views, StreamState::Absent, StreamState::Active),
        1 => totals.move_stream(&views, StreamState::Poor, StreamState::Absent),
        2 => totals.observe_round_trip("acme", site, RoundTripSide::Far, mos / 10.0),
        3 => totals.observe_report("acme", site, ReportSource::RtcpXr, Some(mos / 10.0), Some(mos)),
        4 => {
            let reason = WithheldReason::ALL[usize::from(n % 6)];
            totals.observe_interval(&views, &IntervalSample { outcome: Outcome::Withheld(reason), ..base });
        }
        _ => totals.observe_interval(&views, &base),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_spreading_over_workers_merges_to_the_same(
        events in prop::collection::vec((0_u8..3, 0_u8..5, 0_u8..4, 0_u8..9, 1.0_f64..4.5, 0_u16..999), 0..80),
        reversed in any::<bool>(),
    ) {
        let mut empty = Totals::new(2);
        empty.configure([("acme", "a"), ("acme", "b"), ("acme", "c")]);
        let mut one = empty.clone();
        let mut workers = vec![empty.clone(); 3];
        for event in &events {
            apply(&mut one, event);
            apply(&mut workers[usize::from(event.0)], event);
        }
        if reversed {
            workers.reverse();
        }
        let mut merged = empty;
        for worker in &workers {
            merged.merge(worker);
        }
        prop_assert_eq!(rendered(&one), rendered(&merged));
        let [a, mut b, c]: [Totals; 3] = workers.try_into().unwrap();
        b.merge(&c);
        let mut right = a;
        right.merge(&b);
        prop_assert_eq!(rendered(&one), rendered(&right));
    }
}

/// Everything that a site can show.
pub(super) fn fill(totals: &mut Totals, customer: &str, site: &str, directions: &[Direction]) {
    for &direction in directions {
        let views = [ViewLabels { customer, site, direction }];
        totals.move_stream(&views, StreamState::Absent, StreamState::Active);
        let outcome = Outcome::Scored { scale: Scale::Nb, mos_lqe: 4.1, mos_cqe: Some(4.0) };
        totals.observe_interval(&views, &IntervalSample { outcome, ..sample(4.1) });
    }
    totals.observe_round_trip(customer, site, RoundTripSide::Site, 0.02);
    totals.observe_report(customer, site, ReportSource::RtcpRr, Some(0.01), None);
}
