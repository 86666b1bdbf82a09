use expect_test::expect;

use super::super::tests::{sample, view};
use super::super::{Direction, Exposition, ProbeNumbers, Totals};
use super::*;

#[test]
fn packet_time_shows_what_each_scrape_would_have() {
    let nothing = ProbeNumbers::default();
    let mut exposition = Exposition::new(100_000);
    let mut totals = Totals::new(8);
    totals.configure([("acme", "a")]);
    let views = [view("a", Direction::In)];
    let mut file = PacketTime::new(15_000_000_000, 1_000_000);
    let begin = 1_700_000_000_000_000_000;
    for n in 0..7 {
        let now = begin + n * 10_000_000_000;
        if file.is_due(now) {
            file.append(now, &exposition.families(&totals, &nothing));
        }
        totals.observe_interval(&views, &sample(4.0));
    }
    file.finish(&exposition.families(&totals, &nothing));
    let mut out = Vec::new();
    file.write(&mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    let shown = |l: &&str| {
        (l.contains("rtp_lost") && !l.contains("\"out\""))
            || l.contains("jitter_seconds_count")
            || l.contains("EOF")
    };
    expect![[r##"
        # TYPE clearline_rtp_lost_packets counter
        # HELP clearline_rtp_lost_packets never arrived: counted in the interval in which the number leaves the 100-number reordering window; closed intervals never change
        clearline_rtp_lost_packets_total{customer="acme",site="a",direction="in"} 0 1699999995.000
        clearline_rtp_lost_packets_total{customer="acme",site="a",direction="in"} 5 1700000010.000
        clearline_rtp_lost_packets_total{customer="acme",site="a",direction="in"} 15 1700000025.000
        clearline_rtp_lost_packets_total{customer="acme",site="a",direction="in"} 20 1700000040.000
        clearline_rtp_lost_packets_total{customer="acme",site="a",direction="in"} 30 1700000055.000
        clearline_rtp_lost_packets_total{customer="acme",site="a",direction="in"} 35 1700000070.000
        clearline_stream_jitter_seconds_count{customer="acme",site="a",direction="in"} 0 1699999995.000
        clearline_stream_jitter_seconds_count{customer="acme",site="a",direction="in"} 1 1700000010.000
        clearline_stream_jitter_seconds_count{customer="acme",site="a",direction="in"} 3 1700000025.000
        clearline_stream_jitter_seconds_count{customer="acme",site="a",direction="in"} 4 1700000040.000
        clearline_stream_jitter_seconds_count{customer="acme",site="a",direction="in"} 6 1700000055.000
        clearline_stream_jitter_seconds_count{customer="acme",site="a",direction="in"} 7 1700000070.000
        clearline_stream_jitter_seconds_count{customer="acme",site="a",direction="out"} 0 1699999995.000
        clearline_stream_jitter_seconds_count{customer="acme",site="a",direction="out"} 0 1700000010.000
        clearline_stream_jitter_seconds_count{customer="acme",site="a",direction="out"} 0 1700000025.000
        clearline_stream_jitter_seconds_count{customer="acme",site="a",direction="out"} 0 1700000040.000
        clearline_stream_jitter_seconds_count{customer="acme",site="a",direction="out"} 0 1700000055.000
        clearline_stream_jitter_seconds_count{customer="acme",site="a",direction="out"} 0 1700000070.000
        # EOF
    "##]].assert_eq(&out.lines().filter(shown).map(|l| l.to_owned() + "\n").collect::<String>());
}

#[test]
fn packet_time_in_little_memory_is_a_coarser_scrape() {
    let nothing = ProbeNumbers::default();
    let mut totals = Totals::new(8);
    totals.configure([("acme", "a")]);
    let views = [view("a", Direction::In)];
    let scraped = |step: i64, max_points: usize, totals: &mut Totals| {
        let mut exposition = Exposition::new(100_000);
        let mut file = PacketTime::new(step, max_points);
        for n in 0..64 {
            let now = n * 1_000_000_000;
            if file.is_due(now) {
                file.append(now, &exposition.families(totals, &nothing));
            }
            totals.observe_interval(&views, &sample(4.0));
        }
        let mut out = Vec::new();
        file.write(&mut out).unwrap();
        (file.step(), String::from_utf8(out).unwrap())
    };
    let (step, little) = scraped(1_000_000_000, 300, &mut totals.clone());
    assert!(step > 1_000_000_000);
    let (_, coarse) = scraped(step, 1_000_000, &mut totals);
    assert_eq!(little, coarse);
}

#[test]
fn what_is_no_longer_shown_has_no_more_samples() {
    let totals = Totals::new(8);
    let with = ProbeNumbers { clock_synchronized: Some(true), ..ProbeNumbers::default() };
    let without = ProbeNumbers::default();
    let mut exposition = Exposition::new(100_000);
    let mut file = PacketTime::new(1_000_000_000, 1_000_000);
    for (now, probe) in [(5, &without), (6, &with), (8, &with), (9, &without)] {
        file.append(now * 1_000_000_000, &exposition.families(&totals, probe));
    }
    let mut out = Vec::new();
    file.write(&mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    let shown: Vec<_> = out.lines().filter(|l| l.starts_with("clearline_clock_synchronized ")).collect();
    // The scrape at 8 shows what held since 6.
    assert_eq!(shown, ["6", "7", "8"].map(|s| format!("clearline_clock_synchronized 1 {s}.000")));
}

#[test]
fn without_a_packet_there_is_no_sample() {
    let mut file = PacketTime::new(1_000_000_000, 10);
    file.finish(&[]);
    let mut out = Vec::new();
    file.write(&mut out).unwrap();
    assert_eq!(out, b"# EOF\n");
}
