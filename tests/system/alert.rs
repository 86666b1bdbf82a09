//! From a capture to a ticket: probe, Prometheus, Alertmanager, webhook; and what the dashboards show meanwhile.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails the test")]

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::calls::{Call, Frames, a_quarter, first_lost, none};
use super::http::{Posted, Webhook, scrape};
use super::peers::{Prometheus, alertmanager, quick_rules, scrape_job, shipped};
use super::processes::{Running, folder, now, wait_for};

pub const SITE: &str = "\
[[customer]]
name = \"acme\"

[[site]]
name = \"hq\"
customer = \"acme\"
subnets = [\"192.0.2.0/24\"]
";

/// From the first bad packet to the webhook: an interval is 10 s, its reordering window 2 s; the rest is for two
/// scrapes, two evaluations, the group's wait, and a busy machine. The next interval would be too late.
const IN_TIME: Duration = Duration::from_secs(20);
/// For how long a good site is watched after a bad one has called.
const MARGIN: Duration = Duration::from_secs(8);

/// Eight calls of 25 s, all at once.
fn calls(lost: fn(u16) -> bool) -> Vec<Call> {
    let call =
        |number| Call { number, at_ms: i64::from(number) * 100, packets: 1250, lost, ..Call::default() };
    (0..8).map(call).collect()
}

/// A site with its probe and all that watches it. The first to go is what asks, the last what answers.
struct Watched {
    prometheus: Prometheus,
    _alertmanager: Running,
    _probe: Running,
    webhook: Webhook,
    probe_address: SocketAddr,
    began: Instant,
}

impl Watched {
    fn start(name: &str, calls: &[Call]) -> Self {
        let folder = folder(name);
        Frames::of(calls).write(&folder, "calls.pcap");
        fs::write(folder.join("site.toml"), SITE).unwrap();
        let webhook = Webhook::start();
        let (alertmanager, alerts_to) = alertmanager(&folder, webhook.address);
        let began = now();
        let read = ["--read", "calls.pcap", "--pace", "1x", "--after-read", "serve"];
        let (probe, probe_address) =
            Running::probe(&folder, &[&read[..], &["--config.file", "site.toml"]].concat());
        let prometheus = Prometheus::start(
            &folder,
            &format!(
                "{}alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alerts_to}']}}]}}]}}\n\
                 scrape_configs:\n{}",
                quick_rules(&folder),
                scrape_job("clearline", probe_address, "")
            ),
        );
        let _alertmanager = alertmanager;
        Self { prometheus, _alertmanager, _probe: probe, webhook, probe_address, began }
    }
}

#[test]
fn a_bad_site_reaches_the_webhook_and_a_good_one_stays_silent() {
    let bad_calls = calls(a_quarter);
    let (bad, good) = std::thread::scope(|scope| {
        let good = scope.spawn(|| Watched::start("good", &calls(none)));
        (Watched::start("bad", &bad_calls), good.join().unwrap())
    });
    let first_bad_packet = bad.began + first_lost(&bad_calls[0]);
    let Posted { at, path, body } =
        bad.webhook.posted.recv_timeout(IN_TIME).expect("a bad site's alert comes to the webhook");
    let took = at.duration_since(first_bad_packet);
    println!("first bad packet to webhook: {:.1} s", took.as_secs_f64());
    assert_eq!(path, "/acme", "routed by the customer's label");
    assert_eq!((&body["status"], &body["receiver"]), (&Value::from("firing"), &Value::from("acme")));
    let alerts = body["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 1, "only the direction that is bad: {body:#}");
    for (label, wanted) in [
        ("alertname", "ClearlineSitePoorQuality"),
        ("customer", "acme"),
        ("site", "hq"),
        ("direction", "in"),
        ("severity", "critical"),
    ] {
        assert_eq!(alerts[0]["labels"][label], wanted, "{label}: {body:#}");
    }
    let summary = alerts[0]["annotations"]["summary"].as_str().unwrap();
    assert!(summary.contains("hq (acme), direction in"), "{summary}");

    let scraped = scrape(bad.probe_address);
    super::lint::check_metrics(&scraped);
    let (panels, variables) = every_panel_has_data(&bad.prometheus);
    println!("{panels} panel queries and {variables} variables of the dashboards have data");

    let until = at.max(good.began + took) + MARGIN;
    let silence = good.webhook.posted.recv_timeout(until.saturating_duration_since(now()));
    assert!(silence.is_err(), "{:#}", silence.unwrap().body);
    // Silent because all is well, not because nothing came.
    let intervals = "customer_site_direction:clearline_stream_mos_lqe:increase5m";
    let seen = good.prometheus.query(intervals, None);
    assert_eq!(seen.iter().filter(|(labels, n)| labels["site"] == "hq" && *n >= 6.0).count(), 2, "{seen:?}");
    assert!(good.prometheus.query("ALERTS", None).is_empty());
}

fn dashboards() -> Vec<PathBuf> {
    let files = fs::read_dir(shipped("grafana")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|e| e == "json")).collect()
}

/// Asks what Grafana would ask; how many panel targets and variables there were.
fn every_panel_has_data(prometheus: &Prometheus) -> (usize, usize) {
    let (mut panels, mut variables) = (0, 0);
    for path in dashboards() {
        let board: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for variable in board["templating"]["list"].as_array().unwrap() {
            if let Some(query) = variable["query"]["query"].as_str() {
                check_variable(prometheus, &path, query);
                variables += 1;
            }
        }
        for expression in expressions(&board) {
            let filled = filled(&expression);
            wait_for(&format!("{}: {filled}", path.display()), Duration::from_secs(10), || {
                let series = prometheus.query(&filled, None);
                (!series.is_empty() && series.iter().all(|(_, value)| value.is_finite())).then_some(())
            });
            panels += 1;
        }
    }
    assert!(panels > 0 && variables > 0);
    (panels, variables)
}

fn check_variable(prometheus: &Prometheus, path: &Path, query: &str) {
    let inside = query.strip_prefix("label_values(").and_then(|q| q.strip_suffix(')')).expect("label_values");
    let (series, label) = inside.rsplit_once(", ").unwrap();
    let series = super::http::escaped(&filled(series));
    let values = prometheus.api(&format!("label/{label}/values?match[]={series}"));
    assert!(!values.as_array().unwrap().is_empty(), "{}: {query}", path.display());
}

/// What all panels ask, also those in rows.
fn expressions(board: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for panel in board["panels"].as_array().into_iter().flatten() {
        let targets = panel["targets"].as_array().into_iter().flatten();
        found.extend(targets.filter_map(|target| Some(target["expr"].as_str()?.to_owned())));
        found.extend(expressions(panel));
    }
    found
}

fn filled(expression: &str) -> String {
    let variables = [
        ("$__rate_interval", "1m"),
        ("$__interval", "15s"),
        ("$__range", "5m"),
        ("$customer", "acme"),
        ("$site", "hq"),
        ("$direction", "in|out"),
    ];
    let filled =
        variables.iter().fold(expression.to_owned(), |text, (name, value)| text.replace(name, value));
    assert!(!filled.contains('$'), "a variable without a value: {filled}");
    filled
}
