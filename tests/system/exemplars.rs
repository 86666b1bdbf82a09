//! From a bucket of a histogram to the call that fell into it.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::alert::SITE;
use super::calls::{Call, Frames, a_quarter};
use super::http::{ask_over, connect};
use super::processes::{PATIENCE, Running, folder, wait_for};

const OPENMETRICS: &str = "Accept: application/openmetrics-text; version=1.0.0\r\n";

#[test]
fn a_poor_bucket_names_the_record_of_a_poor_call() {
    let folder = folder("exemplars");
    fs::write(folder.join("site.toml"), SITE).unwrap();
    let good = |number| Call { number, packets: 1500, ..Call::default() };
    let calls = [good(0), good(1), Call { lost: a_quarter, ..good(2) }];
    Frames::of(&calls).write(&folder, "calls.pcap");
    for workers in ["1", "4"] {
        let read = ["--read", "calls.pcap", "--after-read", "serve", "--workers", workers];
        let files = ["--config.file", "site.toml", "--report", "report.json"];
        let (mut probe, address) = Running::probe(&folder, &[&read[..], &files].concat());
        wait_for("the end of the capture", PATIENCE, || probe.said().contains("all is read").then_some(()));
        let scraped = ask_over(connect(address).unwrap(), "GET", "/metrics", OPENMETRICS).unwrap().body;
        probe.signal("TERM");
        assert!(probe.end(PATIENCE).success(), "{}", probe.said());

        let report: Value = serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
        let poor = report["streams"].as_array().unwrap().iter().find(|s| s["mos_lq"].as_f64() < Some(3.0));
        let place = usize::try_from(poor.unwrap()["call"].as_u64().unwrap()).unwrap();
        let id = report["calls"][place]["id"].as_str().unwrap();
        assert_eq!(named(&scraped, 3.0), BTreeSet::from([id]), "{workers} workers: {scraped}");
        assert!(named(&scraped, 5.0).len() > 1);
    }
}

/// The calls that buckets of MOS-LQE name for values below `edge`.
fn named(scraped: &str, edge: f64) -> BTreeSet<&str> {
    scraped
        .lines()
        .filter(|line| line.starts_with("clearline_stream_mos_lqe_bucket{"))
        .filter_map(|line| line.split_once(" # {call_id=\"")?.1.split_once("\"} "))
        .filter(|(_, value)| {
            value.split(' ').next().is_some_and(|mos| mos.parse::<f64>().is_ok_and(|mos| mos < edge))
        })
        .map(|(id, _)| id)
        .collect()
}
