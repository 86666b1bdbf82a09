use super::super::tests::{fill, lines, sample, view};
use super::super::{Direction, InterfaceNumbers, IntervalSample, Limits, openmetrics, text};
use super::*;

#[test]
fn ten_thousand_hostile_values_stay_within_the_budget() {
    let limits = Limits { sites: 256, series: 10_000 };
    let names: Vec<String> = (0..10_000).map(|i| format!("site \"{i}\"\n")).collect();
    let mut totals = Totals::new(limits.sites);
    totals.configure(names.iter().map(|n| ("acme", n.as_str())));
    let mut exposition = Exposition::new(limits.series);
    let mut counts = Vec::new();
    for _ in 0..2 {
        for name in &names {
            fill(&mut totals, "acme", name, &Direction::ALL);
            let hostile = IntervalSample { encoding_name: name, ..sample(4.0) };
            totals.observe_interval(&[view(name, Direction::In)], &hostile);
        }
        let all = openmetrics(&exposition.families(&totals, &ProbeNumbers::default()));
        assert!(lines(&all) <= limits.series, "{}", lines(&all));
        let value = |start: &str| all.lines().find_map(|l| l.strip_prefix(start)?.trim().parse::<f64>().ok());
        assert!(value(r#"clearline_label_values_folded_total{label="site"}"#) > Some(0.0));
        assert_eq!(
            value(r#"clearline_label_values_folded_total{label="codec"}"#).map(|n| n % 10_000.0),
            Some(0.0)
        );
        // Nothing is lost: the sum over all sites is what was counted.
        let lost = "clearline_rtp_lost_packets_total{";
        let sum: f64 = all.lines().filter(|l| l.starts_with(lost)).map(last_number).sum();
        counts.push((sum, value(r#"clearline_label_values_folded_total{label="series"}"#)));
    }
    assert_eq!(counts[0].0, 10_000.0 * 5.0 * 5.0);
    assert_eq!(counts[1].0, 2.0 * counts[0].0);
    assert!(counts[0].1 > Some(0.0));
    assert_eq!(counts[0].1, counts[1].1, "what was shown stays shown");
}

fn last_number(line: &str) -> f64 {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn interfaces_over_the_budget_are_summed_where_a_sum_says_something() {
    let interface = |i| InterfaceNumbers {
        name: format!("file-{i}.pcap"),
        packets: Some(10),
        last_packet: Some(1_700_000_000_000_000_000),
        ..InterfaceNumbers::default()
    };
    let probe = ProbeNumbers { interfaces: (0..5_000).map(interface).collect(), ..ProbeNumbers::default() };
    let totals = Totals::new(1);
    let all = openmetrics(&Exposition::new(2_500).families(&totals, &probe));
    assert!(lines(&all) <= 2_500);
    let packets = all.lines().filter(|l| l.starts_with("clearline_capture_packets_total{"));
    assert_eq!(packets.map(last_number).sum::<f64>(), 50_000.0);
    assert!(all.contains(r#"clearline_capture_packets_total{interface="overflow"}"#));
    assert!(!all.contains(r#"timestamp_seconds{interface="overflow"}"#));
}

#[test]
fn sites_without_number_leave_room_for_interfaces_and_cut_nothing_off() {
    let names: Vec<String> = (0..100).map(|i| format!("site {i}")).collect();
    let mut totals = Totals::new(100);
    totals.configure(names.iter().map(|n| ("acme", n.as_str())));
    let mut exposition = Exposition::new(2_500);
    exposition.families(&totals, &ProbeNumbers::default());
    // Interfaces that come later, and one too many whose time has neither room nor a sum.
    let interface = |i| InterfaceNumbers {
        name: format!("eth{i}"),
        last_packet: Some(1_700_000_000_000_000_000),
        ..InterfaceNumbers::default()
    };
    for (interfaces, shown) in [(10, 10), (300, FOR_INTERFACES)] {
        let probe =
            ProbeNumbers { interfaces: (0..interfaces).map(interface).collect(), ..ProbeNumbers::default() };
        let families = exposition.families(&totals, &probe);
        assert!(families.iter().all(|family| !family.series.is_empty()));
        let all = text(&families);
        let times = all.lines().filter(|l| l.starts_with("clearline_capture_last_packet_timestamp_seconds{"));
        assert_eq!(times.count(), shown);
        assert!(all.contains("clearline_label_values_folded_total{label=\"series\"}"));
    }
}
