//! Streams whose every number is known, because the capture was made so: `tests/captures/cases`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its input has failed")]

use std::path::{Path, PathBuf};

use clearline::export::analysis::{AnalysedStream, Analysis};
use serde_json::Value;

use crate::traffic::{analyse_file, json};

fn cases() -> Vec<(String, PathBuf, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/cases");
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(".truth.json")?.to_owned();
            let truth = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            Some((name.clone(), path.with_file_name(name + ".pcap.gz"), truth))
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// What a stream's report says of one field of a truth file, as a number; `None`: null in the report.
fn told(analysis: &Analysis, stream: &AnalysedStream, report: &Value, field: &str) -> Option<f64> {
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64);
    let of_encoding = |name: &str| {
        let payloads = stream.record.ended.totals.payloads.iter();
        let named = payloads.filter(|p| analysis.encoding(p.encoding).name == name);
        Some(named.map(|p| f64::from(p.packets)).sum())
    };
    match field {
        // All that arrived; the report's `packets` leaves out duplicates.
        "packets" => Some(number("/packets")? + number("/duplicates")?),
        "unique" => number("/packets"),
        "expected" => Some(number("/expected")? + number("/skipped")?),
        "lost" => Some(number("/lost")? + number("/skipped")?),
        "duplicates" => number("/duplicates"),
        "out_of_order" => number("/reordered"),
        "clock" => number("/clock_rate_hz"),
        "ptime" => number("/ptime_ms"),
        "dtmf" => of_encoding("TELEPHONE-EVENT"),
        "cn" => of_encoding("CN"),
        "mean" | "max" => number(&format!("/jitter_ms/{field}")),
        "jitter_max" => number("/jitter_ms/max"),
        "final" => number("/jitter_ms/last"),
        "late60" | "late60_min" | "late60_max" => number("/playout/0/discarded"),
        "adaptive_late" => number("/playout/1/discarded"),
        "burstr" => number("/burst/burst_ratio"),
        "runs" => Some(f64::from(stream.record.ended.totals.lost.runs)),
        "rtt_ms" => Some(number("/rtcp/rtt_ms/src")? + number("/rtcp/rtt_ms/dst")?),
        "burst_duration_ms" => number("/burst/burst_duration_ms"),
        "bursts" => Some(f64::from(stream.record.ended.totals.burst_gap.bursts)),
        "burst_packets" => {
            let b = stream.record.ended.totals.burst_gap;
            Some(b.burst_packets * f64::from(b.bursts))
        }
        "burst_bad" => {
            let b = stream.record.ended.totals.burst_gap;
            Some((b.burst_density * b.burst_packets * f64::from(b.bursts)).round())
        }
        "gap_packets" => {
            let b = stream.record.ended.totals.burst_gap;
            Some(number("/expected")? - b.burst_packets * f64::from(b.bursts))
        }
        "gap_bad" => Some(number("/lost")? - told(analysis, stream, report, "burst_bad")?),
        other => panic!("a truth that no test reads: {other}"),
    }
}

/// How far a value may be off: ours are told to a millionth, the round trip to RTCP's 1/65536 s.
fn tolerance(field: &str) -> f64 {
    if field == "rtt_ms" { 0.1 } else { 2e-6 }
}

fn check_stream(name: &str, analysis: &Analysis, place: usize, truth: &Value, faults: &mut Vec<String>) {
    let report = json(analysis);
    let report = report.pointer(&format!("/streams/{place}")).unwrap();
    let stream = analysis.streams.get(place).unwrap();
    let orphans = truth.get("orphans").and_then(Value::as_f64).unwrap_or(0.0);
    // The truth's bursts are of lost and late together, ours of lost numbers alone.
    let late = told(analysis, stream, report, "late60").unwrap_or(0.0) > 0.0;
    let nested = ["jitter", "bg"].into_iter().filter(|n| *n != "bg" || !late);
    let nested = nested.filter_map(|n| truth.get(n)?.as_object()).flatten();
    for (field, want) in truth.as_object().unwrap().iter().chain(nested) {
        let Some(want) = want.as_f64() else { continue };
        let got = match field.as_str() {
            // No report tells runs of numbers, media clock steps or strays by count: they show in the others.
            "segments" | "orphans" | "ts_jumps" | "streams" => continue,
            "packets" => told(analysis, stream, report, field).map(|n| n + orphans),
            _ => told(analysis, stream, report, field),
        };
        let good = got.is_some_and(|got| match field.as_str() {
            "late60_min" => got >= want,
            "late60_max" => got <= want,
            _ => (got - want).abs() <= tolerance(field),
        });
        if !good {
            faults.push(format!("{name}: {field} is {got:?}, not {want}"));
        }
    }
}

#[test]
fn every_number_of_a_capture_made_to_measure_is_right() {
    let mut faults = Vec::new();
    let cases = cases();
    assert_eq!(cases.len(), 27);
    for (name, path, truth) in cases {
        let analysis = analyse_file(&path);
        let wanted = truth.get("streams").and_then(Value::as_u64).unwrap_or(1);
        if analysis.streams.len() as u64 != wanted {
            faults.push(format!("{name}: {} streams, not {wanted}", analysis.streams.len()));
            continue;
        }
        for place in 0..analysis.streams.len() {
            check_stream(&name, &analysis, place, truth.get("each").unwrap_or(&truth), &mut faults);
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn lost_and_late_together_make_the_burst_ratio_of_the_playout() {
    // RFC 3611 §4.7.2's own example, half of its bad packets lost and half late: six of 63 in five runs.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/cases/09_rfc3611_example.pcap.gz");
    let report = json(&analyse_file(&path));
    let fixed = report.pointer("/streams/0/playout/0").unwrap();
    let ppl = fixed.get("ppl_percent").and_then(Value::as_f64).unwrap();
    assert!((ppl - 600.0 / 63.0).abs() < 1e-5, "{ppl}");
}
