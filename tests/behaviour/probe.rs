//! `clearline probe` over captures: the same as `analyze`, whatever the number of workers.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::traffic::captures;

fn clearline(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_clearline")).args(arguments).output().unwrap()
}

/// What a probe that reads `path` writes into its report.
fn report(path: &str, workers: &str, to: &Path) -> Vec<u8> {
    let to = to.to_str().unwrap();
    let clear = "privacy.numbers=\"clear\"";
    let done = clearline(&[
        "probe",
        "--read",
        path,
        "--workers",
        workers,
        "--report",
        to,
        "--set",
        clear,
        "--log.level",
        "error",
    ]);
    let status = done.status.code();
    assert!(matches!(status, Some(0 | 3)), "{path}: {status:?} {}", String::from_utf8_lossy(&done.stderr));
    fs::read(to).unwrap()
}

#[test]
fn a_probe_reports_what_analyze_finds_with_any_number_of_workers() {
    let mut files = Vec::new();
    captures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures"), &mut files);
    match std::env::var_os("CLEARLINE_CAPTURES") {
        Some(folder) => captures(Path::new(&folder), &mut files),
        None => println!("skipped: the captures that CLEARLINE_CAPTURES would name"),
    }
    let to = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{}.json", std::process::id()));
    let mut compared = 0;
    for path in files {
        let path = path.to_str().unwrap();
        let analysed = clearline(&["analyze", "--quiet", "--format", "json", path]);
        if !matches!(analysed.status.code(), Some(0 | 3)) {
            continue;
        }
        for workers in ["1", "4"] {
            let reported = report(path, workers, &to);
            assert!(reported == analysed.stdout, "{path} differs with {workers} workers");
        }
        compared += 1;
    }
    let _gone = fs::remove_file(to);
    assert!(compared > 0);
    println!("{compared} captures compared");
}

#[test]
fn calls_sound_the_same_to_metrics_with_any_number_of_workers() {
    let to = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("calls-{}.om", std::process::id()));
    for name in ["wrong_address", "attended_transfer", "one_way", "hold"] {
        let capture = format!("{}/tests/captures/calls/{name}.pcap.gz", env!("CARGO_MANIFEST_DIR"));
        let [one, four] = ["1", "4"].map(|workers| {
            let read = ["probe", "--read", &capture, "--workers", workers, "--openmetrics"];
            let done = clearline(&[&read[..], &[to.to_str().unwrap()]].concat());
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            let metrics = fs::read_to_string(&to).unwrap();
            let calls = metrics.lines().filter(|line| line.starts_with("clearline_call_"));
            calls.map(str::to_owned).collect::<Vec<String>>()
        });
        assert!(!one.is_empty());
        assert_eq!(one, four, "{name}");
    }
    let _gone = fs::remove_file(to);
}

#[test]
fn a_report_masks_numbers_and_names_the_site() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("probe-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (config, to) = (folder.join("c.toml"), folder.join("report.json"));
    let text = "[[customer]]\nname = \"Acme\"\n[[site]]\nname = \"HQ\"\ncustomer = \"Acme\"\nsubnets = [\"10.66.0.2/32\"]\n";
    fs::write(&config, text).unwrap();
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures/loss5_pcma.pcap.gz");
    let done = clearline(&[
        "probe",
        "--read",
        capture,
        "--config.file",
        config.to_str().unwrap(),
        "--report",
        to.to_str().unwrap(),
    ]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let json: serde_json::Value = serde_json::from_slice(&fs::read(&to).unwrap()).unwrap();
    let call = &json["calls"][0];
    assert_eq!((&call["from"], &call["to"]), (&"**ice".into(), &"*ob".into()));
    assert_eq!(
        (&call["customer"], &call["site"], &call["direction"]),
        (&"Acme".into(), &"HQ".into(), &"in".into())
    );
    let mut directions: Vec<&str> =
        json["streams"].as_array().unwrap().iter().map(|s| s["direction"].as_str().unwrap()).collect();
    directions.sort_unstable();
    assert_eq!(directions, ["in", "out"]);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn each_rtcp_report_is_counted_once_with_any_number_of_workers() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("rtcp-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (config, to) = (folder.join("c.toml"), folder.join("metrics.om"));
    let text = "[[customer]]\nname = \"Acme\"\n[[site]]\nname = \"HQ\"\ncustomer = \"Acme\"\nsubnets = [\"10.66.0.2/32\"]\n";
    fs::write(&config, text).unwrap();
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures/loss5_pcma.pcap.gz");
    let [config, written] = [&config, &to].map(|path| path.to_str().unwrap());
    for workers in ["1", "4"] {
        let read = ["probe", "--read", capture, "--config.file", config, "--workers", workers];
        let done = clearline(&[&read[..], &["--openmetrics", written]].concat());
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let metrics = fs::read_to_string(&to).unwrap();
        let last = |series: &str| {
            let rest = metrics.lines().rev().find_map(|line| line.strip_prefix(series)).unwrap();
            rest.split(' ').nth(1).unwrap().parse::<f64>().unwrap()
        };
        let site = "{customer=\"Acme\",site=\"HQ\"";
        // Each end reports four times on the other; the first of all answers no sender report.
        assert_eq!(last(&format!("clearline_report_loss_ratio_count{site},source=\"rtcp_rr\"}}")), 8.0);
        let round_trips = ["far", "site"].map(|side| {
            let of =
                |part| last(&format!("clearline_stream_round_trip_seconds_{part}{site},side=\"{side}\"}}"));
            (of("count"), of("sum") / of("count"))
        });
        // Less than a millisecond: the capture is of one machine.
        assert!(matches!(round_trips, [(4.0, far), (3.0, near)] if far.max(near) < 1e-3), "{round_trips:?}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_cannot_run_says_why_in_a_line() {
    let told = |arguments: &[&str]| {
        let done = clearline(arguments);
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    let (status, line) = told(&["probe", "-i", "no-such-interface", "--web.listen-address", "127.0.0.1:0"]);
    assert_eq!(status, Some(1), "{line}");
    assert!(line.contains("no interface \"no-such-interface\"; there are: "), "{line}");
    let (status, line) = told(&["probe", "--read", "no-such-file"]);
    assert_eq!(status, Some(1), "{line}");
    assert!(line.contains("no-such-file"), "{line}");
    let (status, line) = told(&["probe", "--read", "x", "--report", "/no-such-folder/report.json"]);
    assert_eq!(status, Some(1), "{line}");
    assert!(line.contains("/no-such-folder/report.json"), "{line}");
    assert_eq!(told(&["probe"]).0, Some(2));
    assert_eq!(told(&["probe", "--read", "x", "--step", "0s"]).0, Some(2));
}
