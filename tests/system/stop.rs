//! SIGTERM while calls are up.

use std::fs;

use serde_json::Value;

use super::alert::SITE;
use super::calls::{Call, Frames};
use super::http::{scrape, value};
use super::processes::{PATIENCE, Running, folder, wait_for};

#[test]
fn a_stop_writes_down_every_call_that_is_up() {
    let folder = folder("stop");
    fs::write(folder.join("site.toml"), SITE).unwrap();
    let calls: Vec<Call> = (0..20).map(|number| Call { number, packets: 3000, ..Call::default() }).collect();
    Frames::of(&calls).write(&folder, "calls.pcap");
    for workers in ["1", "4"] {
        let read = ["--read", "calls.pcap", "--pace", "1x", "--after-read", "serve", "--workers", workers];
        let files = ["--config.file", "site.toml", "--report", "report.json"];
        let (mut probe, address) = Running::probe(&folder, &[&read[..], &files].concat());
        let active = "clearline_streams_active{customer=\"acme\",site=\"hq\",direction=\"out\"}";
        wait_for("all calls", PATIENCE, || (value(&scrape(address), active) == Some(20.0)).then_some(()));
        probe.signal("TERM");
        assert!(probe.end(PATIENCE).success(), "{}", probe.said());
        let report: Value = serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
        let calls = report["calls"].as_array().unwrap();
        let interrupted = calls.iter().filter(|call| call["state"] == "interrupted");
        assert_eq!((calls.len(), interrupted.count()), (20, 20));
        let streams = report["streams"].as_array().unwrap();
        assert_eq!(streams.len(), 40);
        assert!(streams.iter().all(|s| s["packets"].as_u64() > Some(0) && s["call"].is_u64()));
    }
}
