use expect_test::expect;

use super::super::signals::tests::fill_calls;
use super::super::tests::{SHOWN, check, fill, lines, observed, probe};
use super::super::{Direction, Exposition, Limits, ProbeNumbers, Totals, openmetrics};
use super::*;

#[test]
fn text_is_prometheus_0_0_4() {
    check(
        text,
        &observed(),
        &SHOWN,
        &expect![[r##"
            # HELP clearline_rtp_packets_total received, unique; codec: IANA name in lower case, `other`
            # TYPE clearline_rtp_packets_total counter
            clearline_rtp_packets_total{customer="acme",site="head office",direction="in",codec="pcma"} 990
            # HELP clearline_rtp_lost_packets_total never arrived: counted in the interval in which the number leaves the 100-number reordering window; closed intervals never change
            # TYPE clearline_rtp_lost_packets_total counter
            clearline_rtp_lost_packets_total{customer="acme",site="head office",direction="in"} 10
            clearline_rtp_lost_packets_total{customer="acme",site="head office",direction="out"} 0
            # HELP clearline_stream_mos_lqe listening quality, P.800.1 MOS-LQE
            # TYPE clearline_stream_mos_lqe histogram
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="1.5"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="2.1"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="2.6"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="3.1"} 0
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="3.6"} 1
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="3.8"} 1
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="4.03"} 1
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="4.2"} 1
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="4.34"} 1
            clearline_stream_mos_lqe_bucket{customer="acme",site="head office",direction="in",scale="nb",le="+Inf"} 2
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
            # HELP clearline_streams_poor last interval under the customer's `poor_mos`
            # TYPE clearline_streams_poor gauge
            clearline_streams_poor{customer="acme",site="head office",direction="in"} 1
            clearline_streams_poor{customer="acme",site="head office",direction="out"} 0
            # HELP clearline_worker_handoffs_total digests passed to another worker
            # TYPE clearline_worker_handoffs_total counter
            clearline_worker_handoffs_total{worker="0"} 0
            # HELP clearline_build_info 1: what runs here, and the probe's name
            # TYPE clearline_build_info gauge
            clearline_build_info{version="0.1.0",revision="unknown",probe="edge \"1\"\\"} 1
        "##]],
    );
}

#[test]
fn both_formats_have_the_same_samples() {
    let (totals, probe) = (observed(), probe());
    let families = Exposition::new(100_000).families(&totals, &probe);
    let samples = |text: String| {
        let lines = text.lines().filter(|l| !l.starts_with('#'));
        let mut lines: Vec<_> = lines.map(|l| l.split(" # ").next().unwrap().to_owned()).collect();
        lines.sort();
        lines
    };
    assert_eq!(samples(text(&families)), samples(openmetrics(&families)));
}

#[test]
fn a_registry_takes_a_snapshot() {
    let (totals, probe) = (observed(), probe());
    let families = Exposition::new(100_000).families(&totals, &probe);
    let registry = prometheus::Registry::new();
    registry.register(Box::new(Snapshot::new(&families))).unwrap();
    assert_eq!(registry.gather().len(), families.len());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "says how long a scrape takes, and judges nothing by it")]
fn a_scrape_of_200_sites_is_within_the_default_budget() {
    let names: Vec<String> = (0..200).map(|i| format!("site-{i:03}")).collect();
    let mut totals = Totals::new(Limits::default().sites);
    totals.configure(names.iter().map(|n| ("acme", n.as_str())));
    for name in &names {
        // A site is found by its addresses, or by its VLAN: none is seen all four ways.
        fill(&mut totals, "acme", name, &[Direction::In, Direction::Out, Direction::Internal]);
        fill_calls(&mut totals, "acme", name, "Trunk");
    }
    let mut exposition = Exposition::new(Limits::default().series);
    let begin = std::time::Instant::now();
    let mut merged = totals.clone();
    for _ in 0..3 {
        merged.merge(&totals);
    }
    let merged_at = begin.elapsed();
    let probe = ProbeNumbers::default();
    let families = exposition.families(&merged, &probe);
    let gathered_at = begin.elapsed();
    let plain = text(&families);
    let text_at = begin.elapsed();
    let open = openmetrics(&families);
    let open_at = begin.elapsed();
    println!(
        "{} series; 4 workers merged {merged_at:?}, gathered {:?}, text {:?} ({} bytes), OpenMetrics {:?} ({})",
        lines(&plain),
        gathered_at - merged_at,
        text_at - gathered_at,
        plain.len(),
        open_at - text_at,
        open.len()
    );
    assert!(lines(&plain) <= Limits::default().series);
    assert!(plain.contains(r#"label="series"} 0"#));
}
