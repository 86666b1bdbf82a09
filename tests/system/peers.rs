//! Prometheus and Alertmanager, started for one test.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails the test")]

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::http::{ask, escaped};
use super::processes::{PATIENCE, Running, wait_for};

/// A file that ships.
pub fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards").join(path)
}

pub const RULES: [&str; 2] = ["prometheus/recording.rules.yml", "prometheus/alerts.rules.yml"];

/// A copy of a file that ships, with each of the words exchanged that a test cannot wait for.
pub fn copy_with(folder: &Path, path: &str, exchanged: &[(&str, &str)]) -> PathBuf {
    let mut text = fs::read_to_string(shipped(path)).unwrap();
    for (old, new) in exchanged {
        assert!(text.contains(old), "{path} says {old} no more");
        text = text.replace(old, new);
    }
    let copy = folder.join(Path::new(path).file_name().unwrap());
    fs::write(&copy, text).unwrap();
    copy
}

/// Copies of our rules, evaluated each second.
pub fn quick_rules(folder: &Path) -> String {
    let copies = RULES.map(|path| copy_with(folder, path, &[("interval: 15s", "interval: 1s")]));
    let lines = copies.map(|copy| format!("  - {}\n", copy.display()));
    format!("rule_files:\n{}", lines.concat())
}

/// The scrape of one probe; `more` lines are indented by 4.
pub fn scrape_job(name: &str, target: SocketAddr, more: &str) -> String {
    format!("  - job_name: {name}\n    static_configs: [{{targets: ['{target}']}}]\n{more}")
}

pub struct Prometheus {
    pub address: SocketAddr,
    _process: Running,
}

impl Prometheus {
    /// Starts it in a folder, on the data that `data` there may hold.
    pub fn start(folder: &Path, config: &str) -> Self {
        let path = folder.join("prometheus.yml");
        let global = "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n";
        fs::write(&path, format!("{global}{config}")).unwrap();
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", path.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .args(["--storage.tsdb.retention.time=100y", "--web.listen-address=127.0.0.1:0"])
            .current_dir(folder);
        let mut process = Running::start("prometheus", folder, &mut command);
        let address = process.address_after("msg=\"Listening on\" address=");
        let prometheus = Self { address, _process: process };
        wait_for("Prometheus", PATIENCE, || (ask(address, "GET", "/-/ready").status == 200).then_some(()));
        prometheus
    }

    pub fn api(&self, path_and_query: &str) -> Value {
        let answer = ask(self.address, "GET", &format!("/api/v1/{path_and_query}"));
        assert_eq!(answer.status, 200, "{path_and_query}: {}", answer.body);
        serde_json::from_str::<Value>(&answer.body).unwrap()["data"].take()
    }

    /// What an expression gives, now or at a time: labels and value of each series.
    pub fn query(&self, expression: &str, time: Option<i64>) -> Vec<(Value, f64)> {
        let time = time.map(|t| format!("&time={t}")).unwrap_or_default();
        let data = self.api(&format!("query?query={}{time}", escaped(expression)));
        let series = data["result"].as_array().unwrap();
        let number = |s: &Value| s["value"][1].as_str().unwrap().parse().unwrap();
        series.iter().map(|s| (s["metric"].clone(), number(s))).collect()
    }
}

/// Our Alertmanager configuration, with its webhooks sent to `webhook`.
pub fn alertmanager(folder: &Path, webhook: SocketAddr) -> (Running, SocketAddr) {
    let exchanged =
        [("http://127.0.0.1:9099", format!("http://{webhook}")), ("group_wait: 5s", "group_wait: 1s".into())];
    let exchanged = exchanged.each_ref().map(|(old, new)| (*old, new.as_str()));
    let config = copy_with(folder, "alertmanager/alertmanager.yml", &exchanged);
    let mut command = Command::new("prometheus-alertmanager");
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.path={}", folder.join("alertmanager").display()))
        .args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="])
        .current_dir(folder);
    let mut process = Running::start("alertmanager", folder, &mut command);
    let address = process.address_after("msg=\"Listening on\" address=");
    (process, address)
}
