//! A new configuration while calls are up.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::alert::SITE;
use super::calls::{Call, Frames};
use super::http::{ask, scrape, value};
use super::processes::{PATIENCE, Running, clearline, folder, run, text, wait_for};

fn with_site(name: &str, subnet: &str) -> String {
    format!("{SITE}\n[[site]]\nname = \"{name}\"\ncustomer = \"acme\"\nsubnets = [\"{subnet}\"]\n")
}

fn check(folder: &Path) -> Vec<String> {
    let output = run(&mut clearline(folder, &["config", "check", "site.toml"]));
    assert_eq!(output.status.code(), Some(2));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn a_reload_keeps_the_calls_and_a_faulty_file_changes_nothing() {
    let folder = folder("reload");
    let file = folder.join("site.toml");
    fs::write(&file, SITE).unwrap();
    // One call is up all the time, another begins at the new site after both reloads.
    let branch = Ipv4Addr::new(198, 51, 100, 7);
    let calls = [
        Call { packets: 500, ..Call::default() },
        Call { number: 1, phone: branch, at_ms: 7000, packets: 150, ..Call::default() },
    ];
    Frames::of(&calls).write(&folder, "calls.pcap");
    let read = ["--read", "calls.pcap", "--pace", "1x", "--report", "report.json"];
    let (mut probe, address) =
        Running::probe(&folder, &[&read[..], &["--config.file", "site.toml"]].concat());
    let active = |site: &str| {
        format!("clearline_streams_active{{customer=\"acme\",site=\"{site}\",direction=\"in\"}}")
    };
    wait_for("the call", PATIENCE, || (value(&scrape(address), &active("hq")) == Some(1.0)).then_some(()));
    assert_eq!(value(&scrape(address), &active("branch")), None);

    fs::write(&file, with_site("branch", "198.51.100.0/24")).unwrap();
    probe.signal("HUP");
    wait_for("the new site", PATIENCE, || value(&scrape(address), &active("branch")));

    fs::write(&file, with_site("office", "198.51.100.999/24").replace("subnets", "subnet")).unwrap();
    let answer = ask(address, "POST", "/-/reload");
    assert_eq!(answer.status, 400);
    let problem: Value = serde_json::from_str(&answer.body).unwrap();
    let lines: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
    assert_eq!(lines, check(&folder));
    let taken_up = |scraped: &str| value(scraped, "clearline_config_last_reload_successful");
    let scraped = scrape(address);
    assert_eq!(taken_up(&scraped), Some(0.0));
    assert_eq!(value(&scraped, &active("hq")), Some(1.0), "the call is still counted");
    assert_eq!(value(&scraped, &active("office")), None);
    wait_for("a call at the new site", PATIENCE, || {
        (value(&scrape(address), &active("branch")) == Some(1.0)).then_some(())
    });

    fs::write(&file, with_site("branch", "198.51.100.0/24")).unwrap();
    assert_eq!(ask(address, "POST", "/-/reload").status, 200);
    assert_eq!(taken_up(&scrape(address)), Some(1.0));

    assert!(probe.end(Duration::from_secs(30)).success(), "{}", probe.said());
    let report: Value = serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
    for (call, site) in report["calls"].as_array().unwrap().iter().zip(["hq", "branch"]) {
        assert_eq!((&call["state"], &call["site"]), (&Value::from("completed"), &Value::from(site)));
    }
    let mut packets: Vec<_> =
        report["streams"].as_array().unwrap().iter().map(|s| s["packets"].as_u64().unwrap()).collect();
    packets.sort_unstable();
    assert_eq!(packets, [150, 150, 500, 500]);
}
