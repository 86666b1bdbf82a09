//! What a probe counts of real exchanges, with one worker and with four: from packets to `/metrics`.

#![expect(clippy::unwrap_used, reason = "a run that gives no metrics has failed")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The caller's host is an office, all others are a trunk.
const CONFIG: &str = "[[customer]]\nname = \"Acme\"\n[[site]]\nname = \"HQ\"\ncustomer = \"Acme\"\n\
    subnets = [\"192.0.2.1/32\"]\n[[peer]]\nname = \"Trunk\"\naddresses = [\"192.0.2.0/24\"]\n";

/// The last value of each series, as a scrape at the end would show it.
struct Metrics(Vec<(String, f64)>);

impl Metrics {
    fn of(capture: &str, workers: &str) -> Self {
        let name = format!("counts-{capture}-{workers}-{}", std::process::id());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        let (config, to) = (folder.join("c.toml"), folder.join("metrics.om"));
        fs::write(&config, CONFIG).unwrap();
        let capture = format!("{}/tests/captures/calls/{capture}.pcap.gz", env!("CARGO_MANIFEST_DIR"));
        let done = Command::new(env!("CARGO_BIN_EXE_clearline"))
            .args(["probe", "--read", &capture, "--workers", workers])
            .args(["--web.listen-address", "127.0.0.1:0", "--step", "5s"])
            .arg("--config.file")
            .arg(&config)
            .arg("--openmetrics")
            .arg(&to)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let text = fs::read_to_string(&to).unwrap();
        fs::remove_dir_all(folder).unwrap();
        let mut all: Vec<(String, f64)> = Vec::new();
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let (series, rest) = line.split_at(line.find("} ").map_or(line.find(' ').unwrap(), |at| at + 1));
            let value = rest.split(' ').nth(1).unwrap().parse().unwrap();
            match all.iter_mut().find(|(known, _)| known == series) {
                Some(known) => known.1 = value,
                None => all.push((series.to_owned(), value)),
            }
        }
        Self(all)
    }

    /// The sum over all series of this name that have all these labels.
    fn sum(&self, name_and_labels: &str) -> f64 {
        let mut parts = name_and_labels.split(' ');
        let name = parts.next().unwrap();
        let labels: Vec<String> = parts
            .map(|label| {
                let (name, value) = label.split_once('=').unwrap();
                format!("{name}=\"{value}\"")
            })
            .collect();
        let is = |series: &str| {
            series.split('{').next() == Some(name) && labels.iter().all(|l| series.contains(l.as_str()))
        };
        self.0.iter().filter(|(series, _)| is(series)).map(|(_, value)| value).sum()
    }
}

fn check(capture: &str, expected: &[(&str, f64)]) {
    for workers in ["1", "4"] {
        let metrics = Metrics::of(capture, workers);
        for (what, value) in expected {
            let have = metrics.sum(&format!("clearline_{what}"));
            assert!(
                (have - value).abs() < 1e-6,
                "{capture}, {workers} workers: {what} is {have}, not {value}"
            );
        }
    }
}

#[test]
fn an_answered_call_is_counted_at_its_site_and_peer() {
    check(
        "answered",
        &[
            ("call_attempts_total customer=Acme site=HQ direction=out peer=Trunk", 1.0),
            ("call_attempts_total", 1.0),
            ("call_final_responses_total site=HQ peer=Trunk status=200", 1.0),
            ("call_final_responses_total", 1.0),
            ("call_ends_total site=HQ ended_by=caller", 1.0),
            ("call_ends_total", 1.0),
            ("call_seconds_total site=HQ quality=good", 5.0),
            ("call_seconds_total", 5.0),
            ("call_post_dial_delay_seconds_count site=HQ direction=out result=success", 1.0),
            ("call_answer_delay_seconds_count site=HQ", 1.0),
            ("call_disconnect_seconds_count site=HQ", 1.0),
            ("call_duration_seconds_count site=HQ direction=out", 1.0),
            ("calls_active", 0.0),
            ("sip_messages_total kind=request method=INVITE transport=udp", 1.0),
            ("sip_messages_total kind=response method=BYE transport=udp", 1.0),
            ("sip_messages_total", 6.0),
            ("sip_retransmissions_total", 0.0),
            ("call_audio_faults_total", 0.0),
        ],
    );
}

#[test]
fn calls_in_vain_are_counted_by_why() {
    for (capture, status) in [("busy", "486"), ("failed_503", "503"), ("no_answer_480", "480")] {
        check(
            capture,
            &[
                (&format!("call_final_responses_total site=HQ peer=Trunk status={status}"), 1.0),
                ("call_final_responses_total", 1.0),
                ("call_attempts_total", 1.0),
                ("call_post_dial_delay_seconds_count result=failure", 1.0),
                ("call_post_dial_delay_seconds_count", 1.0),
                ("call_ends_total", 0.0),
                ("call_seconds_total", 0.0),
                ("calls_active", 0.0),
            ],
        );
    }
    check(
        "timed_out",
        &[
            ("call_final_responses_total site=HQ peer=Trunk status=timeout", 1.0),
            ("sip_retransmissions_total site=HQ peer=Trunk method=INVITE", 5.0),
            ("call_post_dial_delay_seconds_count", 0.0),
        ],
    );
    check(
        "no_answer",
        &[("call_final_responses_total status=487", 1.0), ("call_ends_total ended_by=caller", 1.0)],
    );
}

#[test]
fn an_attempt_is_one_through_challenges_proxies_and_back_to_back_user_agents() {
    for capture in ["auth_407", "forked", "forked_proxy", "b2bua_numbers", "b2bua_session_id", "mirrored"] {
        check(
            capture,
            &[
                ("call_attempts_total customer=Acme direction=out", 1.0),
                ("call_final_responses_total customer=Acme status=200", 1.0),
                ("call_final_responses_total customer=Acme", 1.0),
                ("call_ends_total", 1.0),
                ("calls_active", 0.0),
            ],
        );
    }
    // Sent elsewhere it is another one, and so is that of a transfer.
    check("redirected", &[("call_attempts_total", 2.0), ("call_final_responses_total status=302", 1.0)]);
    check(
        "attended_transfer",
        &[("call_attempts_total", 3.0), ("call_ends_total", 1.0), ("calls_active", 0.0)],
    );
}

#[test]
fn faults_of_the_audio_are_counted_and_their_seconds_are_poor() {
    check(
        "one_way",
        &[
            ("call_audio_faults_total site=HQ fault=one_way", 1.0),
            ("call_audio_faults_total", 1.0),
            ("call_seconds_total site=HQ quality=poor", 8.0),
        ],
    );
    check("late_media", &[("call_audio_faults_total fault=late_media", 2.0)]);
    check("media_after_bye", &[("call_audio_faults_total fault=media_after_bye", 1.0)]);
    check("hold_moh", &[("call_audio_faults_total", 0.0)]);
}

#[test]
fn calls_that_nobody_hangs_up_end_all_the_same() {
    check(
        "lost_bye",
        &[
            ("call_ends_total ended_by=media_timeout", 1.0),
            ("call_ends_total", 1.0),
            ("call_seconds_total", 4.0),
        ],
    );
    check("session_timer", &[("call_ends_total ended_by=session_timer", 1.0), ("call_ends_total", 1.0)]);
}

#[test]
fn devices_and_what_answers_are_counted() {
    check(
        "register_auth",
        &[
            ("registration_attempts_total site=HQ peer=Trunk result=ok", 1.0),
            ("registration_attempts_total", 1.0),
            ("registration_delay_seconds_count site=HQ", 1.0),
            ("registered_devices site=HQ", 1.0),
        ],
    );
    check("register_expiry", &[("registrations_expired_total site=HQ", 1.0), ("registered_devices", 0.0)]);
    check("register_refresh", &[("registrations_expired_total", 0.0), ("registered_devices", 0.0)]);
    check("register_failure", &[("registration_attempts_total result=rejected", 1.0)]);
    check("register_timeout", &[("registration_attempts_total result=timeout", 1.0)]);
    check(
        "options_unanswered",
        &[
            ("options_total site=HQ peer=Trunk result=answered", 4.0),
            ("options_total site=HQ peer=Trunk result=timeout", 2.0),
            ("options_total", 6.0),
        ],
    );
}
