//! `--openmetrics` and `--report`: what a day's capture would have shown, for Prometheus to take up.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::alert::SITE;
use super::calls::{BEGIN, Call, Frames, a_quarter, none};
use super::peers::{Prometheus, quick_rules};
use super::processes::{clearline, folder, now, succeed};

/// Ten calls of 65 s, three of them bad.
fn calls() -> Vec<Call> {
    let call = |number: u32| Call {
        number,
        at_ms: i64::from(number) * 1300,
        packets: 3250,
        lost: if number % 3 == 1 { a_quarter } else { none },
        ..Call::default()
    };
    (0..10).map(call).collect()
}

fn read(folder: &Path, more: &[&str]) {
    let files = ["--report", "report.json", "--openmetrics", "metrics.om", "--step", "15s"];
    let read = ["probe", "--read", "calls.pcap", "--config.file", "site.toml"];
    succeed(&mut clearline(folder, &[&read[..], &files, more].concat()));
}

/// Poor intervals and all scored ones of a report, by direction.
fn told(report: &Value) -> BTreeMap<String, (u32, u32)> {
    let mut told: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for stream in report["streams"].as_array().unwrap() {
        let (poor, scored) = told.entry(stream["direction"].as_str().unwrap().to_owned()).or_default();
        let intervals = stream["intervals"].as_array().unwrap().iter();
        for mos in
            intervals.filter(|i| i["seconds"].as_f64() >= Some(1.0)).filter_map(|i| i["mos_lq"].as_f64())
        {
            *scored += 1;
            *poor += u32::from(mos <= 3.6);
        }
    }
    told
}

#[test]
fn the_rules_see_in_blocks_of_a_capture_what_the_report_says() {
    let folder = folder("packet-time");
    let frames = Frames::of(&calls());
    let end = BEGIN + i64::try_from(frames.length().as_secs()).unwrap() + 15;
    frames.write(&folder, "calls.pcap");
    fs::write(folder.join("site.toml"), SITE).unwrap();
    read(&folder, &[]);
    let blocks = ["tsdb", "create-blocks-from", "openmetrics", "metrics.om", "data"];
    succeed(Command::new("promtool").args(blocks).current_dir(&folder));

    let prometheus = Prometheus::start(&folder, &quick_rules(&folder));
    // The rules as Prometheus reads them, what they record put in for its name.
    let rules = prometheus.api("rules?type=record");
    let groups = rules["groups"].as_array().unwrap().iter();
    let recorded: Vec<(&str, &str)> = groups
        .flat_map(|group| group["rules"].as_array().unwrap())
        .map(|rule| (rule["name"].as_str().unwrap(), rule["query"].as_str().unwrap()))
        .collect();
    let (_, ratio) = recorded.iter().find(|(name, _)| name.ends_with("_poor:ratio5m")).unwrap();
    let expression = recorded
        .iter()
        .fold((*ratio).to_owned(), |text, (name, query)| text.replace(name, &format!("({query})")));
    let seen: BTreeMap<String, f64> = prometheus
        .query(&expression, Some(end))
        .into_iter()
        .map(|(labels, value)| (labels["direction"].as_str().unwrap().to_owned(), value))
        .collect();

    let report: Value = serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
    let told = told(&report);
    println!("poor, scored by the report: {told:?}; share by the rule: {seen:?}");
    assert!(told["in"].0 >= 18 && told["out"].0 == 0, "{told:?}");
    assert_eq!(seen.keys().collect::<Vec<_>>(), told.keys().collect::<Vec<_>>());
    for (direction, (poor, scored)) in told {
        let share = f64::from(poor) / f64::from(scored);
        assert!((seen[&direction] - share).abs() < 1e-9, "{direction}: {} for {share}", seen[&direction]);
    }
}

#[test]
fn one_worker_and_four_write_the_same_bytes() {
    let frames = Frames::of(&calls());
    let folder = folder("workers");
    frames.write(&folder, "calls.pcap");
    fs::write(folder.join("site.toml"), SITE).unwrap();
    let written = |workers: &str| {
        read(&folder, &["--workers", workers]);
        ["report.json", "metrics.om"].map(|name| fs::read_to_string(folder.join(name)).unwrap())
    };
    let (one, four) = (written("1"), written("4"));
    for (one, four) in one.iter().zip(&four) {
        let differs = one.lines().zip(four.lines()).find(|(a, b)| a != b);
        assert!(one == four, "{differs:?}");
    }
}

#[test]
fn pace_1x_takes_as_long_as_the_capture() {
    let folder = folder("pace");
    let frames = Frames::of(&[Call { packets: 100, ..Call::default() }]);
    let length = frames.length();
    frames.write(&folder, "call.pcap");
    let began = now();
    succeed(&mut clearline(&folder, &["probe", "--read", "call.pcap", "--pace", "1x"]));
    let took = began.elapsed();
    println!("a capture of {length:?} took {took:?}");
    assert!(took >= length && took < length + Duration::from_secs(1), "{took:?} for {length:?}");
}
