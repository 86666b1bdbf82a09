//! What `/metrics` and reports say of calls and registrations.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use clearline::export::analysis::{Analysis, Collector, Labels};
use clearline::export::metrics::{
    Direction, Exposition, ProbeNumbers, Totals, ViewLabels, catalogue, openmetrics, text,
};
use clearline::track::call::EndedBy;
use clearline::track::codecs::Encodings;
use clearline::track::signal::{Attempt, Parties, RegistrationResult, Session, Signal, SignalEvent};
use clearline::track::sites::{PeerEntry, SiteTable, Sites, Subnet};
use serde_json::{Value, json};

use crate::traffic::written;

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_700_000_000 * SECOND;

/// A message between two addresses, and what it showed.
fn event(from: &str, to: &str, what: Signal) -> SignalEvent {
    let address = |text: &str| text.parse::<IpAddr>().unwrap().into();
    let mut parties = Parties::default();
    parties.flow.src.address = address(from);
    parties.flow.dst.address = address(to);
    SignalEvent { time: START + SECOND, parties: Arc::new(parties), what }
}

/// A registration, then a call through a back-to-back user agent at 10.1.0.5 to the trunk 192.0.2.1: 65 s,
/// rung after 0.2 s, answered after 5 s. A second call finds the trunk overloaded.
fn office() -> Vec<SignalEvent> {
    let (phone, pbx, trunk) = ("10.1.0.7", "10.1.0.5", "192.0.2.1");
    let answer = START + 5 * SECOND;
    let end = answer + 60 * SECOND;
    let ringing = Some(START + SECOND / 5);
    let answered = |hop| {
        let (answer, end) = (Some(answer), Some(answer));
        Signal::Settled(Attempt {
            start: START,
            ringing,
            answer,
            end,
            status: Some(200),
            hop,
            ..Attempt::default()
        })
    };
    let refused = |hop| {
        let end = Some(START + SECOND / 10);
        Signal::Settled(Attempt { start: START, end, status: Some(503), hop, ..Attempt::default() })
    };
    let session = |hop| {
        let bye_answer = Some(end + SECOND / 20);
        Signal::Session(Session { answer, end, bye: Some(end), bye_answer, by: EndedBy::Caller, hop })
    };
    let attempted = |hop| Signal::Attempted { hop, redial: false };
    let ended = |answered| Signal::Ended { by: Some(EndedBy::Caller).filter(|_| answered), answered };
    let near = |what| event(phone, pbx, what);
    let far = |what| event(pbx, trunk, what);
    vec![
        near(Signal::Registration { start: START + SECOND / 2, result: RegistrationResult::Ok }),
        near(attempted(false)),
        near(Signal::Began),
        far(attempted(true)),
        far(answered(true)),
        near(answered(false)),
        far(session(true)),
        near(session(false)),
        near(ended(true)),
        near(attempted(false)),
        near(Signal::Began),
        far(attempted(true)),
        far(refused(true)),
        near(refused(false)),
        near(ended(false)),
    ]
}

#[test]
fn a_call_through_a_back_to_back_user_agent_is_one_and_its_trunk_has_its_leg() {
    let address = Subnet::new("192.0.2.1".parse().unwrap(), 32);
    let peers = vec![PeerEntry { name: "Trunk".to_owned(), addresses: vec![address] }];
    let sites = Arc::new(Sites::new(SiteTable { peers, ..SiteTable::default() }));
    let mut collector = Collector::new(true);
    for event in office() {
        collector.take_signal(&event, sites.peer_between(&event.parties.flow));
    }
    let halves = vec![(collector, Encodings::new()), (Collector::new(true), Encodings::new())];
    let mut analysis = Analysis::of(halves, Default::default(), Vec::new());
    analysis.labels = Labels { sites, ..Labels::default() };
    let report: Value = serde_json::from_slice(&written(&analysis)).unwrap();
    let kpis = &report["signalling"]["kpis"];
    let half = json!({ "numerator": 1, "denominator": 2, "value": 0.5 });
    let none = json!({ "count": 0, "mean_ms": null, "p50_ms": null, "p95_ms": null });
    for set in [kpis, &kpis["by_peer"]["Trunk"]] {
        for ratio in ["ser", "seer", "isa", "scr", "asr"] {
            assert_eq!(set[ratio], half, "{ratio}");
        }
        assert_eq!((&set["ner"]["value"], &set["ner"]["codes"][0]), (&json!(0.5), &json!("2xx")));
        for (delay, ms) in [("srd_ok", 200.0), ("srd_failed", 100.0), ("sdd", 50.0), ("sdt", 60_000.0)] {
            assert_eq!(
                set[delay],
                json!({ "count": 1, "mean_ms": ms, "p50_ms": ms, "p95_ms": ms }),
                "{delay}"
            );
        }
    }
    assert_eq!((&kpis["rrd"]["mean_ms"], &kpis["ira"]["denominator"]), (&json!(500.0), &json!(1)));
    let trunk = &kpis["by_peer"]["Trunk"];
    assert_eq!((&trunk["rrd"], &trunk["ira"]["value"]), (&none, &Value::Null));
    assert_eq!(kpis["by_peer"].as_object().unwrap().len(), 1);
}

#[test]
fn sums_over_sites_and_over_peers_count_each_call_once() {
    let mut totals = Totals::new(16);
    totals.configure([("Acme", "HQ")]);
    let views = [ViewLabels { customer: "Acme", site: "HQ", direction: Direction::Out }];
    for event in office() {
        let trunk = event.parties.flow.dst.to_string().starts_with("192.0.2.1");
        totals.observe_signal(&event, &views, trunk.then_some("Trunk"));
    }
    let probe = ProbeNumbers::default();
    let families = Exposition::new(100_000).families(&totals, &probe);
    for all in [text(&families), openmetrics(&families)] {
        let sum = |name: &str, label: &str| -> f64 {
            let lines = all.lines().filter(|l| l.starts_with(name) && l.contains(label));
            lines.filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok()).sum()
        };
        for name in ["clearline_call_attempts_total", "clearline_call_final_responses_total"] {
            assert_eq!((sum(name, "site=\"HQ\""), sum(name, "peer=\"Trunk\"")), (2.0, 2.0), "{name}");
        }
        assert_eq!(sum("clearline_calls_active", "site=\"HQ\""), 0.0);
        assert_eq!(sum("clearline_call_duration_seconds_count", ""), 1.0);
    }
}

#[test]
fn a_probe_tells_messages_promises_and_the_numbers_of_a_quiet_site() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("calls-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let [config, metrics, report] = ["c.toml", "m.om", "r.json"].map(|name| folder.join(name));
    let sites = "[[customer]]\nname = \"Acme\"\nsla_good_ratio = 0.995\n\
                 [[site]]\nname = \"HQ\"\ncustomer = \"Acme\"\nsubnets = [\"10.66.0.2/32\"]\n";
    fs::write(&config, sites).unwrap();
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures/loss5_pcma.pcap.gz");
    let mut first = None;
    for workers in ["1", "4"] {
        let done = Command::new(env!("CARGO_BIN_EXE_clearline"))
            .args(["probe", "--read", capture, "--workers", workers, "--config.file"])
            .args([config.as_path(), "--openmetrics".as_ref(), &metrics, "--report".as_ref(), &report])
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        // A key that is in use is no reason to warn.
        assert!(!String::from_utf8_lossy(&done.stderr).contains("sla_good_ratio"));
        let all = fs::read_to_string(&metrics).unwrap();
        let last = |series: &str| {
            let rest = all.lines().rev().find_map(|line| line.strip_prefix(series)).expect(series);
            rest.split(' ').nth(1).unwrap().parse::<f64>().unwrap()
        };
        assert_eq!(last("clearline_customer_sla_good_ratio{customer=\"Acme\"}"), 0.995);
        let requests = "clearline_sip_messages_total{kind=\"request\",method=\"INVITE\",transport=\"udp\"}";
        let responses = "clearline_sip_messages_total{kind=\"response\",method=\"INVITE\",transport=\"udp\"}";
        assert!(last(requests) >= 1.0 && last(responses) >= 1.0);
        for series in [
            "clearline_call_seconds_total{customer=\"Acme\",site=\"HQ\",quality=\"poor\"}",
            "clearline_calls_active{customer=\"Acme\",site=\"HQ\"}",
            "clearline_registered_devices{customer=\"Acme\",site=\"HQ\"}",
        ] {
            last(series);
        }
        let told: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
        let names =
            ["rrd", "ira", "srd_ok", "srd_failed", "sdd", "sdt", "ser", "seer", "isa", "scr", "asr", "ner"];
        assert!(names.iter().all(|name| told["signalling"]["kpis"][name].is_object()));
        assert_eq!(first.get_or_insert_with(|| all.clone()), &all, "{workers} workers");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn every_metric_of_calls_is_documented_and_none_twice() {
    let documented = catalogue::markdown();
    let section = documented.split("## ").find(|s| s.starts_with("Calls\n")).unwrap();
    assert_eq!(section.lines().filter(|l| l.starts_with("| `clearline_")).count(), 20);
    let mut names: Vec<&str> = catalogue::all().map(|metric| metric.name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}
