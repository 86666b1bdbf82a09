//! What Prometheus' own tools say of what we show and ship.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use super::peers::{RULES, shipped};
use super::processes::{folder, run, succeed, text};

/// `promtool check metrics` on a scrape: valid, and nothing to find fault with.
pub fn check_metrics(scraped: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool; on Debian: apt-get install prometheus");
    promtool.stdin.take().unwrap().write_all(scraped.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let told = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && told.is_empty(), "{told}");
}

#[test]
fn our_rules_are_valid_and_pass_their_own_tests() {
    let rules = RULES.map(shipped);
    succeed(Command::new("promtool").args(["check", "rules"]).args(&rules));
    let tests = fs::read_dir(shipped("prometheus/tests")).unwrap().map(|entry| entry.unwrap().path());
    let tests: Vec<_> = tests.collect();
    assert!(!tests.is_empty());
    succeed(Command::new("promtool").args(["test", "rules"]).args(&tests));
}

#[test]
fn our_alertmanager_configuration_is_valid_and_routes_by_customer() {
    let config = shipped("alertmanager/alertmanager.yml");
    succeed(Command::new("amtool").arg("check-config").arg(&config));
    let routed = |labels: &[&str]| {
        let flag = format!("--config.file={}", config.display());
        let home = folder("amtool");
        let mut amtool = Command::new("amtool");
        let output = run(amtool.args(["config", "routes", "test", &flag]).args(labels).env("HOME", home));
        text(&output.stdout).trim().to_owned()
    };
    assert_eq!(routed(&["customer=acme", "site=hq"]), "acme");
    assert_eq!(routed(&["customer=another", "site=hq"]), "tickets");
}
