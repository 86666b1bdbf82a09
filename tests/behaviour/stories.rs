//! Real exchanges between real programs, and the whole story that each tells: `tests/captures/calls`.
//!
//! The stories were written by whoever made the captures, from what the programs did and by another tool.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a story that cannot be read has failed")]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::traffic::{analyse_file, json};

fn stories() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/calls");
    let text = std::fs::read_to_string(folder.join("stories.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn analyse(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/calls");
    json(&analyse_file(&folder.join(format!("{name}.pcap.gz"))))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// All stories are told, and all that differs at once.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn same(&mut self, what: &str, have: &Value, want: &Value) {
        let close = match (have.as_f64(), want.as_f64()) {
            // Another tool rounds to a microsecond.
            (Some(a), Some(b)) => (a - b).abs() <= 0.0015,
            _ => have == want,
        };
        if !close {
            self.0.push(format!("{what}: have {have}, want {want}"));
        }
    }

    fn call(&mut self, name: &str, have: &Value, want: &Value) {
        for key in ["from", "to", "state", "status", "ended_by"] {
            self.same(&format!("{name} {key}"), &have[key], &want[key]);
        }
        for key in ["post_dial_delay_ms", "answer_delay_ms", "duration_s"] {
            // Of a call that nobody hung up the other tool knows no end.
            let claimed = !want[key].is_null() || want["state"] != "completed";
            if claimed && want.get(key).is_some() {
                self.same(&format!("{name} {key}"), &have[key], &want[key]);
            }
        }
        let legs = list(&have["legs"]).len();
        self.same(&format!("{name} legs"), &legs.into(), &want["legs"]);
        let mut joins: Vec<Value> = list(&have["joins"]).iter().map(|j| j["by"].clone()).collect();
        joins.sort_by_key(ToString::to_string);
        self.same(&format!("{name} joins"), &joins.into(), &want["joins"]);
    }

    fn audio(&mut self, name: &str, calls: &[Value], want: &Value) {
        let mut have: Vec<String> = Vec::new();
        for fault in calls.iter().flat_map(|c| list(&c["audio"])) {
            have.push(format!("{} {}", fault["fault"], fault["direction"]));
        }
        let mut expected: Vec<String> = Vec::new();
        for fault in list(want) {
            let both = fault["direction"] == "both" && fault["fault"] != "no_way";
            let ways = ["caller_to_callee", "callee_to_caller"];
            let ways = if both { ways.map(Value::from).to_vec() } else { vec![fault["direction"].clone()] };
            expected.extend(ways.iter().map(|way| format!("{} {way}", fault["fault"])));
        }
        have.sort();
        expected.sort();
        self.same(&format!("{name} audio"), &have.into(), &expected.into());
    }

    fn sums(&mut self, name: &str, calls: &[Value], story: &Value) {
        let legs = || calls.iter().flat_map(|c| list(&c["legs"]));
        for key in ["retransmissions", "mirror_copies"] {
            let sum: u64 = legs().map(|l| l[key].as_u64().unwrap()).sum();
            if !calls.is_empty() {
                self.same(&format!("{name} {key}"), &sum.into(), &story[key]);
            }
        }
        for leg in legs() {
            let transport = &story["transport"];
            if name.starts_with("hep") {
                self.same(&format!("{name} transport"), &leg["transport"], &"hep".into());
            } else {
                self.same(&format!("{name} transport"), &leg["transport"], transport);
            }
        }
    }

    fn registrations(&mut self, name: &str, report: &Value, story: &Value) {
        for want in list(&story["registrations"]).iter().filter(|r| !r["state"].is_null()) {
            let have = list(&report["registrations"])
                .iter()
                .find(|r| r["aor"].as_str().unwrap().ends_with(want["aor"].as_str().unwrap()));
            let have = have.cloned().unwrap_or_default();
            self.same(&format!("{name} registration"), &have["state"], &want["state"]);
            if want["state"] == "registered" || want["state"] == "expired" {
                self.same(&format!("{name} expires"), &have["expires"], &want["expires"]);
            }
        }
        if let Some(options) = story.get("options") {
            for key in ["answered", "errors", "timeouts"] {
                let sum: u64 = list(&report["liveness"]).iter().map(|l| l[key].as_u64().unwrap()).sum();
                self.same(&format!("{name} OPTIONS {key}"), &sum.into(), &options[key]);
            }
        }
    }

    fn digits(&mut self, name: &str, calls: &[Value], story: &Value) {
        for way in ["caller_to_callee", "callee_to_caller"] {
            let have: u64 = calls.iter().map(|c| c["digits"][way].as_u64().unwrap()).sum();
            let want = story["dtmf"][way].as_u64().unwrap_or(0);
            self.same(&format!("{name} digits {way}"), &have.into(), &want.into());
        }
    }

    /// Packets by flow: with TLS, too, where nobody sees the signalling.
    fn media(&mut self, name: &str, report: &Value, story: &Value) {
        // What the span port copies is no packet more.
        let copies = if name == "mirrored" { 2 } else { 1 };
        let place = |end: &Value| {
            let (host, port) = end.as_str().unwrap().split_once(' ').unwrap();
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
        };
        for want in list(&story["rtp"]) {
            let (src, dst) = (place(&want["src"]), place(&want["dst"]));
            let of_flow = |s: &&Value| s["src"] == src.as_str() && s["dst"] == dst.as_str();
            let streams = list(&report["streams"]).iter().filter(of_flow);
            let packets: u64 = streams.map(|s| s["packets"].as_u64().unwrap()).sum();
            let want = want["packets"].as_u64().unwrap() / copies;
            self.same(&format!("{name} packets {src} {dst}"), &packets.into(), &want.into());
        }
    }

    /// What a phone says in a report: of what it received, and of what its peer told it.
    fn reports(&mut self, name: &str, report: &Value, story: &Value) {
        for want in list(&story["reports"]) {
            for (end, way) in [("local", "callee_to_caller"), ("remote", "caller_to_callee")] {
                let reports = list(&report["reports"]);
                let of_way = |r: &&Value| r["source"] == "sip_vq" && r["direction"] == way;
                let have = reports.iter().find(of_way).cloned().unwrap_or_default();
                self.same(&format!("{name} report's call"), &have["call"], &0.into());
                let keys = [
                    ("loss", "loss_percent"),
                    ("discard", "discard_percent"),
                    ("round_trip_ms", "rtt_ms"),
                    ("mos_lq", "mos_lq"),
                    ("mos_cq", "mos_cq"),
                ];
                for (theirs, ours) in keys {
                    self.same(&format!("{name} {end} {ours}"), &have[ours], &want[end][theirs]);
                }
            }
        }
    }

    fn tls(&mut self, name: &str, report: &Value, story: &Value) {
        if story["transport"] == "tls" {
            let version = if name == "tls12" { "TLS 1.2" } else { "TLS 1.3" };
            let tls = &report["tls"][0];
            self.same(&format!("{name} version"), &tls["version"], &version.into());
            self.same(&format!("{name} result"), &tls["result"], &"completed".into());
            // Its certificate is visible before TLS 1.3 only.
            let visible = !tls["certificate_not_after"].is_null();
            self.same(&format!("{name} certificate"), &visible.into(), &(name == "tls12").into());
            for stream in list(&report["streams"]) {
                self.same(
                    &format!("{name} scored"),
                    &(stream["mos_lq"].as_f64() > Some(4.0)).into(),
                    &true.into(),
                );
            }
        }
    }

    fn kpis(&mut self, name: &str, report: &Value, story: &Value) {
        let mean = |all: &[Value]| all.iter().filter_map(Value::as_f64).sum::<f64>() / all.len() as f64;
        for kpi in ["rrd", "sdd"] {
            let want = list(&story["kpis"][format!("{kpi}_ms")]);
            if want.is_empty() || story.get("hop").is_some() {
                continue;
            }
            let have = &report["signalling"]["kpis"][kpi];
            self.same(&format!("{name} {kpi} count"), &have["count"], &want.len().into());
            self.same(&format!("{name} {kpi}"), &have["mean_ms"], &mean(want).into());
        }
    }
}

#[test]
fn every_real_exchange_is_told_as_it_was() {
    let mut differences = Differences::default();
    let stories = stories();
    assert!(stories.len() >= 50, "{}", stories.len());
    for (name, story) in &stories {
        let (report, story) = (analyse(name), &story["story"]);
        let calls = list(&report["calls"]);
        let visible = story.get("visible_calls").unwrap_or(&story["calls"]);
        differences.same(&format!("{name} calls"), &calls.len().into(), visible);
        for want in list(&story["each"]).iter().take(visible.as_u64().unwrap() as usize) {
            let have = calls.iter().find(|c| c["from"] == want["from"]).cloned().unwrap_or_default();
            differences.call(name, &have, want);
        }
        differences.audio(name, calls, &story["audio"]);
        differences.sums(name, calls, story);
        differences.registrations(name, &report, story);
        differences.digits(name, calls, story);
        differences.media(name, &report, story);
        differences.reports(name, &report, story);
        differences.tls(name, &report, story);
        differences.kpis(name, &report, story);
    }
    assert!(differences.0.is_empty(), "\n{}", differences.0.join("\n"));
}
