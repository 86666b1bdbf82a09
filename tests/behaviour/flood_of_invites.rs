//! Forged INVITEs by the hundred thousand: real calls among them come out whole, memory keeps its bound, and
//! whoever reads the result sees what happened.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot read its report has failed"
)]

use std::iter;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::flood::{flood_with, is_long};
use crate::traffic::{Dice, End, MS, Recorded, SECOND, START, pcap_bytes, scratch, sdp, sip, stream, udp};

const PROXY: End = ([192, 0, 2, 9], 5060);
const REAL_CALLS: u64 = 100;
/// The flood takes so long, and the calls are spread over it.
const SPREAD: i64 = 100 * SECOND;
/// A second of media and the calls' own messages would be as much as the flood: ten packets tell as well.
const PACKETS: u16 = 120;

/// A call that is answered after `rings`, and talks while `PACKETS` packets go each way.
fn real_call(n: u64) -> Vec<Recorded> {
    let id = format!("real{n}");
    let begin = START + SPREAD / REAL_CALLS.cast_signed() * n.cast_signed();
    let rings = if n.is_multiple_of(4) { 20 * SECOND } else { 2 * SECOND };
    let [a, b]: [End; 2] = [([10, 1, 0, n as u8], 40_000), ([10, 2, 0, n as u8], 50_000)];
    let phone = (a.0, 5060);
    let answer = begin + rings;
    let end = answer + i64::from(PACKETS) * 20 * MS;
    let said =
        |at: i64, start: &str, cseq: &str, body: &str| udp(at, phone, PROXY, &sip(start, &id, cseq, body));
    let told =
        |at: i64, start: &str, cseq: &str, body: &str| udp(at, PROXY, phone, &sip(start, &id, cseq, body));
    let mut all = vec![
        said(begin, "INVITE sip:b@example.net SIP/2.0", "1 INVITE", &sdp(a, "0", "")),
        told(begin + 20 * MS, "SIP/2.0 100 Trying", "1 INVITE", ""),
        told(begin + 300 * MS, "SIP/2.0 180 Ringing", "1 INVITE", ""),
        told(answer, "SIP/2.0 200 OK", "1 INVITE", &sdp(b, "0", "")),
        said(answer + 10 * MS, "ACK sip:b@example.net SIP/2.0", "1 ACK", ""),
        said(end, "BYE sip:b@example.net SIP/2.0", "2 BYE", ""),
        told(end + 10 * MS, "SIP/2.0 200 OK", "2 BYE", ""),
    ];
    all.extend(stream(answer + 5 * MS, a, b, 1000 + n as u32, PACKETS));
    all.extend(stream(answer + 5 * MS, b, a, 2000 + n as u32, PACKETS));
    all
}

/// An INVITE from anywhere for anybody, that nothing answers.
fn forged(dice: &mut Dice, n: u64, of: u64) -> Recorded {
    let at = START + (SPREAD as u64 * n / of).cast_signed();
    let r = dice.roll().to_be_bytes();
    let (src, port) = ([r[0] | 1, r[1], r[2], r[3]], 1024 + u16::from(r[4]) * 7);
    let (from, to, id) = (dice.below(1 << 40), dice.below(1 << 33), dice.roll());
    let body = sdp((src, port & !1), "0 8", "");
    let text = format!(
        "INVITE sip:{to}@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{id:x}\r\n\
         From: <sip:{from}@example.org>;tag={id:x}\r\nTo: <sip:{to}@192.0.2.9>\r\nCall-ID: {id:x}\r\n\
         CSeq: 1 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    udp(at, (src, 5060), PROXY, text.as_bytes())
}

/// The real calls and the flood in the order of time.
fn both(forgeries: u64) -> impl Iterator<Item = Recorded> + Send + 'static {
    let mut real: Vec<Recorded> = (0..REAL_CALLS).flat_map(real_call).collect();
    real.sort_by_key(|f| f.time);
    let mut dice = Dice(11);
    let mut flood = (0..forgeries).map(move |n| forged(&mut dice, n, forgeries)).peekable();
    let mut real = real.into_iter().peekable();
    iter::from_fn(move || {
        let is_next = match (real.peek(), flood.peek()) {
            (Some(real), Some(forged)) => real.time <= forged.time,
            (real, _) => real.is_some(),
        };
        if is_next { real.next() } else { flood.next() }
    })
}

fn config(calls: u64) -> String {
    let text = format!("[limits]\ncalls = {calls}\n");
    scratch(&format!("flood-{calls}.toml"), text.as_bytes()).to_str().unwrap().to_owned()
}

/// Each of them is whole, as if there had been no flood.
fn assert_whole(report: &Value) {
    let (calls, streams) = (report["calls"].as_array().unwrap(), report["streams"].as_array().unwrap());
    let is_real = |c: &&Value| c["call_id"].as_str().unwrap().starts_with("real");
    let real: Vec<&Value> = calls.iter().filter(is_real).collect();
    assert_eq!(real.len() as u64, REAL_CALLS);
    for call in real {
        assert_eq!((&call["state"], &call["partial"]), (&json!("completed"), &Value::Null), "{call}");
        assert_eq!(call["duration_s"], f64::from(PACKETS) * 0.02, "{call}");
        assert_eq!(call["ended_by"], "caller", "{call}");
        let own = call["streams"].as_array().unwrap();
        assert_eq!(own.len(), 2, "{call}");
        for stream in own {
            assert_eq!(streams[stream.as_u64().unwrap() as usize]["packets"], PACKETS);
        }
    }
}

#[test]
fn real_calls_among_a_million_forged_invites_come_out_whole() {
    let n = if is_long() { 1_000_000 } else { 100_000 };
    let pieces = both(n).map(|f| pcap_bytes(&[f]).split_off(24));
    let pieces = iter::once(pcap_bytes(&[])).chain(pieces);
    let (report, peak) = flood_with(&["--config.file", &config(20_000)], pieces);
    assert_eq!(report["signalling"]["requests"]["INVITE"], n + REAL_CALLS);
    assert_whole(&report);
    // What was pushed out is counted; no record tells of it.
    let left = report["calls"].as_array().unwrap().len() as u64;
    assert!(left <= 20_000 + REAL_CALLS, "{left}");
    let flood = &report["signalling"]["flood"];
    assert_eq!(flood["unanswered_invites_forgotten"], n + REAL_CALLS - left);
    assert!(flood["text"].as_str().unwrap().contains("INVITEs that nothing ever answered"), "{flood}");
    // Beside the calls, what SDP said of media is remembered: of 1,000,000 endpoints at most.
    peak.assert_below(300 + n / 2000);
}

#[test]
fn without_a_flood_there_is_no_word_of_one() {
    let report = crate::traffic::analyse_frames(&real_call(1));
    assert_eq!(report["signalling"]["flood"], Value::Null);
    assert_eq!(report["calls"][0]["state"], "completed");
}

fn clearline(arguments: &[&str]) -> Output {
    let done = Command::new(env!("CARGO_BIN_EXE_clearline")).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    done
}

#[test]
fn whoever_reads_table_log_or_metrics_sees_the_flood() {
    let frames: Vec<Recorded> = both(3000).collect();
    let capture = scratch("flood-of-invites.pcap", &pcap_bytes(&frames));
    let [report, metrics] = ["flood.json", "flood.om"].map(|name| scratch(name, b""));
    let config = config(500);
    let [capture, report, metrics] = [&capture, &report, &metrics].map(|path| path.to_str().unwrap());
    let table = clearline(&["analyze", capture, "--config.file", &config]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("Flood: 2,") && table.contains("that nothing ever answered"), "{table}");
    let probe = [
        "probe",
        "--read",
        capture,
        "--config.file",
        &config,
        "--report",
        report,
        "--openmetrics",
        metrics,
        "--step",
        "15s",
    ];
    let told = clearline(&probe);
    let log = String::from_utf8_lossy(&told.stderr).into_owned();
    let lines =
        log.lines().filter(|l| l.contains("WARN") && l.contains("that nothing ever answered")).count();
    // One as it begins, one at the end.
    assert!((1..=2).contains(&lines), "{log}");
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_whole(&report);
    let forgotten = report["signalling"]["flood"]["unanswered_invites_forgotten"].as_u64().unwrap();
    let metrics = std::fs::read_to_string(metrics).unwrap();
    let evicted = metrics
        .lines()
        .filter_map(|l| l.strip_prefix("clearline_state_evicted_total{table=\"calls\",reason=\"limit\"} "))
        .filter_map(|l| l.split(' ').next()?.parse::<f64>().ok())
        .fold(0.0, f64::max);
    assert!(forgotten > 2000 && evicted == forgotten as f64, "{forgotten} {evicted}");
}
