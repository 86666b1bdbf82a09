//! What a user reads of registrations and OPTIONS.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot read its report has failed"
)]

use std::iter;

use serde_json::{Value, json};

use crate::flood::flood;
use crate::traffic::{
    End, MS, Recorded, SECOND, START, analyse_frames, analyse_in_batches, pcap_bytes, scratch, udp,
};

const PHONE: End = ([192, 0, 2, 1], 5060);
const REGISTRAR: End = ([198, 51, 100, 9], 5060);

/// A message about REGISTER `cseq` of `alice`. `more`: header lines.
fn message(start: &str, id: &str, cseq: u32, more: &str) -> Vec<u8> {
    format!(
        "{start}\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{id}-{cseq}\r\n\
         From: <sip:alice@example.net>;tag=a{id}\r\nTo: <sip:alice@example.net>\r\nCall-ID: {id}\r\n\
         CSeq: {cseq} REGISTER\r\nUser-Agent: Phone 1.0\r\n{more}Content-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

fn asked(at: i64, cseq: u32, more: &str) -> Recorded {
    udp(START + at, PHONE, REGISTRAR, &message("REGISTER sip:example.net SIP/2.0", "c", cseq, more))
}

fn answered(at: i64, cseq: u32, status: &str, more: &str) -> Recorded {
    udp(START + at, REGISTRAR, PHONE, &message(&format!("SIP/2.0 {status}"), "c", cseq, more))
}

fn contact(expires: u32) -> String {
    format!("Contact: <sip:alice@192.0.2.1:5060>;expires={expires}\r\n")
}

/// One REGISTER that is granted `expires` seconds, 20 ms later.
fn bound(at: i64, cseq: u32, expires: u32) -> [Recorded; 2] {
    [asked(at, cseq, &contact(3600)), answered(at + 20 * MS, cseq, "200 OK", &contact(expires))]
}

/// A frame of something else, so that time goes on.
fn later(at: i64) -> Recorded {
    udp(START + at, ([10, 0, 0, 1], 9), ([10, 0, 0, 2], 9), b"x")
}

/// The only device of a report: `{state, expires, refreshes, failures, flaps, reason}` or more.
#[track_caller]
fn check(frames: &[Recorded], expected: &Value) {
    let report = analyse_frames(frames);
    let devices = report["registrations"].as_array().unwrap();
    assert_eq!(devices.len(), 1, "{devices:?}");
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(devices.first().unwrap()[name], *value, "{name} of {devices:?}");
    }
    assert_eq!(analyse_in_batches(frames, 1), analyse_in_batches(frames, 64));
}

#[test]
fn a_challenged_phone_is_registered_once() {
    let frames = [
        asked(0, 1, &contact(3600)),
        answered(10 * MS, 1, "401 Unauthorized", "WWW-Authenticate: Digest realm=\"x\"\r\n"),
        asked(100 * MS, 2, &format!("{}Authorization: Digest\r\n", contact(3600))),
        answered(120 * MS, 2, "200 OK", &contact(60)),
    ];
    check(
        &frames,
        &json!({
            "aor": "alice@example.net", "contact": "sip:alice@192.0.2.1:5060", "src": "192.0.2.1:5060",
            "user_agent": "Phone 1.0", "transport": "udp", "behind_nat": false, "state": "registered",
            "expires": 60, "first_seen": "2023-11-14T22:13:20.120000000Z",
            "last_seen": "2023-11-14T22:13:20.120000000Z", "refreshes": 0, "failures": 0, "flaps": 0,
            "reason": null,
        }),
    );
}

#[test]
fn a_binding_lasts_as_long_as_was_granted_not_as_was_asked() {
    let mut frames = [bound(0, 1, 60), bound(50 * SECOND, 2, 60)].concat();
    frames.push(later(110 * SECOND));
    check(&frames, &json!({"state": "registered", "refreshes": 1}));
    frames.push(later(110 * SECOND + 200 * MS));
    check(&frames, &json!({"state": "expired", "expires": 60, "refreshes": 1, "flaps": 0}));
    frames.extend(bound(112 * SECOND, 3, 60));
    check(&frames, &json!({"state": "registered", "refreshes": 1, "flaps": 1}));
}

#[test]
fn a_phone_unregisters_by_its_contact_or_a_star() {
    for more in [contact(0), "Contact: *\r\nExpires: 0\r\n".to_owned()] {
        let mut frames = bound(0, 1, 600).to_vec();
        frames.extend([asked(SECOND, 2, &more), answered(2 * SECOND, 2, "200 OK", "")]);
        check(&frames, &json!({"state": "unregistered"}));
    }
}

#[test]
fn a_refused_phone_is_shown_with_the_reason() {
    let frames = [asked(0, 1, &contact(60)), answered(MS, 1, "403 Forbidden", "")];
    let rejected = json!({"state": "rejected", "expires": null, "failures": 1, "reason": "403 Forbidden"});
    check(&frames, &rejected);
}

#[test]
fn a_registrar_that_falls_silent_is_a_failure_of_the_phones_it_had() {
    let mut frames = bound(0, 1, 600).to_vec();
    frames.extend([asked(300 * SECOND, 2, &contact(600)), asked(301 * SECOND, 2, &contact(600))]);
    frames.push(later(333 * SECOND));
    check(&frames, &json!({"state": "registered", "failures": 1, "reason": "no final response"}));
}

#[test]
fn what_is_mirrored_twice_counts_once() {
    let once = [bound(0, 1, 60), bound(30 * SECOND, 2, 60)].concat();
    let twice: Vec<Recorded> =
        once.iter().flat_map(|f| [f.clone(), Recorded { time: f.time + MS / 10, ..f.clone() }]).collect();
    check(&twice, &json!({"state": "registered", "refreshes": 1, "failures": 0}));
}

#[test]
fn a_private_contact_from_a_public_address_is_behind_nat() {
    let private = "Contact: <sip:alice@10.1.2.3:5060>\r\n";
    check(
        &[asked(0, 1, private), answered(MS, 1, "200 OK", &format!("{private}Expires: 90\r\n"))],
        &json!({"behind_nat": true, "expires": 90}),
    );
}

#[test]
fn a_hundred_thousand_forged_registers_push_out_no_phone() {
    let phone = |n: u32, forged: bool, at: i64| {
        let [_, b, c, d] = n.to_be_bytes();
        let src = ([if forged { 172 } else { 10 }, b, c, d], 5060);
        let kind = if forged { "forged" } else { "phone" };
        let text = |start: &str| {
            format!(
                "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{kind}{n}\r\nFrom: <sip:{kind}{n}@h>;tag=1\r\n\
                 To: <sip:{kind}{n}@h>\r\nCall-ID: {kind}{n}\r\nCSeq: 1 REGISTER\r\n\
                 Contact: <sip:{kind}{n}@h>\r\nContent-Length: 0\r\n\r\n"
            )
        };
        let register = udp(START + at, src, REGISTRAR, text("REGISTER sip:h SIP/2.0").as_bytes());
        let ok = udp(START + at + MS, REGISTRAR, src, text("SIP/2.0 200 OK").as_bytes());
        iter::once(register).chain((!forged).then_some(ok))
    };
    let phones = (0..50).flat_map(move |n| phone(n, false, i64::from(n) * MS));
    let forged = (0..100_000).flat_map(move |n| phone(n, true, SECOND + i64::from(n) * MS / 10));
    let frames = phones.chain(forged).map(|f| pcap_bytes(&[f]).split_off(24));
    let (report, peak) = flood(iter::once(pcap_bytes(&[])).chain(frames));
    let devices = report["registrations"].as_array().unwrap();
    assert_eq!(devices.len(), 50);
    assert!(devices.iter().all(|d| d["state"] == "registered"));
    assert_eq!(report["signalling"]["requests"]["REGISTER"], 100_050);
    peak.assert_below(128);
}

#[test]
fn options_tell_who_is_alive() {
    let text = |start: &str, n: u32| {
        format!(
            "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKo{n}\r\nFrom: <sip:m@h>;tag=1\r\nTo: <sip:b@h>\r\n\
             Call-ID: o{n}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
        .into_bytes()
    };
    let asked = |at: i64, n| udp(START + at, PHONE, REGISTRAR, &text("OPTIONS sip:b@h SIP/2.0", n));
    let told =
        |at: i64, status: &str, n| udp(START + at, REGISTRAR, PHONE, &text(&format!("SIP/2.0 {status}"), n));
    let frames = [
        asked(0, 1),
        told(10 * MS, "200 OK", 1),
        asked(SECOND, 2),
        asked(SECOND + 500 * MS, 2),
        told(SECOND + 530 * MS, "404 Not Found", 2),
        asked(2 * SECOND, 3),
        told(2 * SECOND + MS, "503 Service Unavailable", 3),
        asked(3 * SECOND, 4),
        later(36 * SECOND),
        asked(36 * SECOND, 5),
    ];
    let target = json!({
        "target": "198.51.100.9:5060", "answered": 2, "errors": 1, "timeouts": 1, "rtt_ms": 270.0,
        "rtt_last_ms": 530.0,
    });
    assert_eq!(analyse_frames(&frames)["liveness"], json!([target]));
}

#[test]
fn a_probe_masks_who_registers_and_names_the_site() {
    let capture = scratch("registrations.pcap", &pcap_bytes(&bound(0, 1, 60)));
    let text = "[[customer]]\nname = \"Acme\"\n[[site]]\nname = \"HQ\"\ncustomer = \"Acme\"\nsubnets = [\"192.0.2.0/24\"]\n";
    let config = scratch("registrations.toml", text.as_bytes());
    let report = scratch("registrations.json", b"");
    let [capture, config, report] = [&capture, &config, &report].map(|path| path.to_str().unwrap());
    let arguments = ["probe", "--read", capture, "--config.file", config, "--report", report];
    let clearline = env!("CARGO_BIN_EXE_clearline");
    let done = std::process::Command::new(clearline).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let device = &told["registrations"][0];
    assert_eq!(device["aor"], "**ice@example.net");
    assert_eq!(device["contact"], "sip:**ice@192.0.2.1:5060");
    assert_eq!((&device["customer"], &device["site"]), (&json!("Acme"), &json!("HQ")));
}
