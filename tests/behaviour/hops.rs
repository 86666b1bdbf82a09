//! Calls whose messages take several ways: through hosts that hide each other, through ports that are mirrored one
//! way only, or from end to end again after a transfer.

use serde_json::Value;

use crate::traffic::{End, MS, Recorded, SECOND, START, analyse_frames, sdp, stream, udp};

const A: End = ([192, 0, 2, 1], 5060);
const B: End = ([192, 0, 2, 2], 5060);
const C: End = ([192, 0, 2, 3], 5060);
const PROXY: End = ([192, 0, 2, 9], 5060);
const PROXY_ELSEWHERE: End = ([192, 0, 2, 10], 5060);

/// Frames of one call and what goes on beside it.
#[derive(Default)]
struct Scene(Vec<Recorded>);

impl Scene {
    /// A message at so many ms. `about`: Call-ID, From tag, To tag, `CSeq`, branches of its `Via`s, the top one first.
    fn at(
        mut self,
        ms: i64,
        (src, dst): (End, End),
        start: &str,
        about: [&str; 5],
        rest: (&str, &str),
    ) -> Self {
        let [id, from, to, cseq, branches] = about;
        let (more, body) = rest;
        let line =
            if start.starts_with("SIP/2.0") { start.to_owned() } else { format!("{start} sip:x@h SIP/2.0") };
        let via = |branch: &str| format!("Via: SIP/2.0/UDP h;branch=z9hG4bK{branch}\r\n");
        let vias: String = branches.split(' ').map(via).collect();
        let to = if to.is_empty() { String::new() } else { format!(";tag={to}") };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "{line}\r\n{vias}From: <sip:a@h>;tag={from}\r\nTo: <sip:b@h>{to}\r\nCall-ID: {id}\r\n\
             CSeq: {cseq}\r\n{more}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.push(udp(START + ms * MS, src, dst, text.as_bytes()));
        self
    }

    fn voice(mut self, from_ms: i64, (src, dst): (End, End), ssrc: u32, seconds: u16) -> Self {
        self.0.extend(stream(START + from_ms * MS, src, dst, ssrc, 50 * seconds));
        self
    }

    /// Something else keeps the clock going.
    fn clock(mut self, seconds: i64) -> Self {
        self.0.extend((0..seconds).map(|s| udp(START + s * SECOND + 7, PROXY_ELSEWHERE, C, &[0; 4])));
        self
    }

    fn report(mut self) -> Value {
        self.0.sort_by_key(|f| f.time);
        analyse_frames(&self.0)
    }
}

fn media(end: End, port: u16) -> End {
    (end.0, port)
}

fn description(end: End, port: u16) -> String {
    sdp(media(end, port), "0", "")
}

/// How often an attempt was answered, of how many.
fn answered(report: &Value) -> (u64, u64) {
    let of = |part: &str| report.pointer(&format!("/signalling/kpis/asr/{part}")).and_then(Value::as_u64);
    (of("numerator").unwrap_or(99), of("denominator").unwrap_or(99))
}

const INVITE: &str = "1 INVITE";
const OK: &str = "SIP/2.0 200 OK";

#[test]
fn an_ack_of_its_own_shows_an_answer_that_did_not_pass() {
    let (forth, offer) = ((A, B), description(A, 4000));
    let report = Scene::default()
        .at(0, forth, "INVITE", ["x", "f", "", INVITE, "i"], ("", &offer))
        .at(1010, forth, "ACK", ["x", "f", "t", "1 ACK", "k"], ("", ""))
        .at(61_010, forth, "BYE", ["x", "f", "t", "2 BYE", "b"], ("", ""))
        .voice(1020, (media(A, 4000), media(B, 5000)), 1, 59)
        .report();
    let call = &report["calls"][0];
    assert_eq!((&call["state"], &call["ended_by"]), (&"completed".into(), &"caller".into()));
    assert_eq!((&call["duration_s"], &call["failure"]), (&60.0.into(), &Value::Null));
    assert_eq!((&call["status"], &call["answer_delay_ms"]), (&Value::Null, &Value::Null));
    assert_eq!(report["signalling"]["kpis"]["srd_ok"]["count"], 0);
    assert_eq!((answered(&report), &report["signalling"]["kpis"]["isa"]["numerator"]), ((1, 1), &0.into()));
    // That of a refusal is a part of the INVITE's transaction.
    let refused = Scene::default()
        .at(0, forth, "INVITE", ["x", "f", "", INVITE, "i"], ("", &offer))
        .at(1010, forth, "ACK", ["x", "f", "t", "1 ACK", "i"], ("", ""))
        .clock(40)
        .report();
    assert_eq!(refused["calls"][0]["state"], "timed_out");
    let careless = Scene::default()
        .at(0, forth, "INVITE", ["x", "f", "", INVITE, "i"], ("", &offer))
        .at(1000, (B, A), "SIP/2.0 486 Busy Here", ["x", "f", "t", INVITE, "i"], ("", ""))
        .at(1010, forth, "ACK", ["x", "f", "t", "1 ACK", "k"], ("", ""))
        .report();
    assert_eq!(careless["calls"][0]["state"], "failed");
}

#[test]
fn an_answer_counts_that_only_a_further_hop_shows() {
    let (offer, answer) = (description(A, 4000), description(B, 5000));
    let report = Scene::default()
        .at(0, (A, PROXY), "INVITE", ["x", "f", "", INVITE, "a"], ("", &offer))
        .at(2, (PROXY, B), "INVITE", ["x", "f", "", INVITE, "p a"], ("", &offer))
        .at(900, (B, PROXY), OK, ["x", "f", "t", INVITE, "p a"], ("", &answer))
        .at(910, (A, PROXY), "ACK", ["x", "f", "t", "1 ACK", "k"], ("", ""))
        .at(9900, (A, PROXY), "BYE", ["x", "f", "t", "2 BYE", "b"], ("", ""))
        .report();
    let call = &report["calls"][0];
    assert_eq!((&call["state"], &call["status"]), (&"completed".into(), &200.into()));
    assert_eq!((&call["duration_s"], answered(&report)), (&9.0.into(), (1, 1)));
}

#[test]
fn a_proxy_may_answer_from_another_of_its_addresses() {
    let report = Scene::default()
        .at(0, (A, PROXY), "INVITE", ["x", "f", "", INVITE, "a"], ("", ""))
        .at(2, (PROXY_ELSEWHERE, B), "INVITE", ["x", "f", "", INVITE, "p a"], ("", ""))
        .at(900, (B, PROXY_ELSEWHERE), OK, ["x", "f", "t", INVITE, "p a"], ("", ""))
        .at(902, (PROXY_ELSEWHERE, A), OK, ["x", "f", "t", INVITE, "a"], ("", ""))
        .at(9902, (A, PROXY), "BYE", ["x", "f", "t", "2 BYE", "b"], ("", ""))
        .report();
    let call = &report["calls"][0];
    assert_eq!((&call["state"], &call["answer_delay_ms"]), (&"completed".into(), &902.0.into()));
    assert_eq!(call["duration_s"], 9.0);
}

#[test]
fn where_only_answers_pass_that_to_the_bye_ends_the_call() {
    let back = (B, A);
    let report = Scene::default()
        .at(1000, back, OK, ["x", "f", "t", INVITE, "i"], ("", ""))
        .at(20_000, back, OK, ["x", "f", "t", "2 BYE", "b"], ("", ""))
        .clock(60)
        .report();
    let call = &report["calls"][0];
    assert_eq!((&call["state"], &call["ended_by"]), (&"completed".into(), &"caller".into()));
    assert_eq!((&call["duration_s"], &call["partial"]), (&19.0.into(), &"started_before_probe".into()));
}

#[test]
fn what_a_host_asks_in_its_own_name_under_the_same_call_id_is_no_attempt_of_the_caller() {
    // With the caller's tag, as topology hiding has it; with one of its own, as a back-to-back user agent.
    for [one, two] in [["f", "f"], ["g1", "g2"]] {
        let to = if one == "f" { "t2" } else { "t3" };
        let report = Scene::default()
            .at(0, (A, PROXY), "INVITE", ["x", "f", "", INVITE, "a"], ("", ""))
            .at(5, (PROXY, B), "INVITE", ["x", one, "", INVITE, "p1"], ("", ""))
            .at(50, (B, PROXY), "SIP/2.0 503 Service Unavailable", ["x", one, "t1", INVITE, "p1"], ("", ""))
            .at(60, (PROXY, C), "INVITE", ["x", two, "", INVITE, "p2"], ("", ""))
            .at(100, (C, PROXY), "SIP/2.0 180 Ringing", ["x", two, "t2", INVITE, "p2"], ("", ""))
            .at(101, (PROXY, A), "SIP/2.0 180 Ringing", ["x", "f", to, INVITE, "a"], ("", ""))
            .at(900, (C, PROXY), OK, ["x", two, "t2", INVITE, "p2"], ("", ""))
            .at(901, (PROXY, A), OK, ["x", "f", to, INVITE, "a"], ("", ""))
            .at(9901, (A, PROXY), "BYE", ["x", "f", to, "2 BYE", "b"], ("", ""))
            .at(9902, (PROXY, C), "BYE", ["x", two, "t2", "2 BYE", "pb"], ("", ""))
            .report();
        let call = &report["calls"][0];
        assert_eq!((&call["status"], &call["post_dial_delay_ms"]), (&200.into(), &101.0.into()));
        assert_eq!(
            (answered(&report), &report["signalling"]["kpis"]["isa"]["numerator"]),
            ((1, 1), &0.into())
        );
        let failed = call["legs"].as_array().into_iter().flatten().find(|leg| leg["status"] == 503);
        if let Some(leg) = failed.filter(|_| one != "f") {
            assert_eq!((&leg["src"], &leg["dst"]), (&"192.0.2.9:5060".into(), &"192.0.2.2:5060".into()));
        }
    }
}

#[test]
fn the_callee_refreshes_a_session_through_a_proxy() {
    let timer = ("Session-Expires: 90;refresher=uas\r\n", "");
    let mut scene = Scene::default()
        .at(0, (A, PROXY), "INVITE", ["x", "f", "", INVITE, "a"], timer)
        .at(2, (PROXY, B), "INVITE", ["x", "f", "", INVITE, "p a"], timer)
        .at(100, (B, PROXY), OK, ["x", "f", "t", INVITE, "p a"], timer)
        .at(102, (PROXY, A), OK, ["x", "f", "t", INVITE, "a"], timer);
    for n in 1..6 {
        let (ms, cseq, v) = (n * 45_000, format!("{n} INVITE"), format!("r{n}"));
        let pv = format!("p{v} {v}");
        scene = scene
            .at(ms, (B, PROXY), "INVITE", ["x", "t", "f", &cseq, &v], timer)
            .at(ms + 2, (PROXY, A), "INVITE", ["x", "t", "f", &cseq, &pv], timer)
            .at(ms + 10, (A, PROXY), OK, ["x", "t", "f", &cseq, &pv], timer)
            .at(ms + 12, (PROXY, B), OK, ["x", "t", "f", &cseq, &v], timer);
    }
    let report =
        scene.at(240_102, (A, PROXY), "BYE", ["x", "f", "t", "2 BYE", "b"], ("", "")).clock(300).report();
    let calls = &report["calls"];
    assert_eq!((calls.as_array().map(Vec::len), &calls[0]["ended_by"]), (Some(1), &"caller".into()));
    assert_eq!(calls[0]["duration_s"], 240.0);
}

/// From INVITE to 200.
fn begun(
    scene: Scene,
    id: &'static str,
    (a, b): (End, End),
    tags: [&str; 2],
    ms: i64,
    ports: [u16; 2],
) -> Scene {
    let ([f, t], i) = (tags, format!("{id}i"));
    let (offer, answer) = (description(a, ports[0]), description(b, ports[1]));
    scene.at(ms, (a, b), "INVITE", [id, f, "", INVITE, &i], ("", &offer)).at(
        ms + 100,
        (b, a),
        OK,
        [id, f, t, INVITE, &i],
        ("", &answer),
    )
}

#[test]
fn a_glare_takes_back_both_offers() {
    let pending = "SIP/2.0 491 Request Pending";
    let hold = sdp(media(A, 4000), "0", "a=inactive\r\n");
    let report = begun(Scene::default(), "x", (A, B), ["f", "t"], 0, [4000, 5000])
        .at(10_000, (A, B), "INVITE", ["x", "f", "t", "2 INVITE", "g1"], ("", &hold))
        .at(10_001, (B, A), "INVITE", ["x", "t", "f", INVITE, "g2"], ("", &description(B, 5000)))
        .at(10_010, (B, A), pending, ["x", "f", "t", "2 INVITE", "g1"], ("", ""))
        .at(10_011, (A, B), pending, ["x", "t", "f", INVITE, "g2"], ("", ""))
        .voice(200, (media(A, 4000), media(B, 5000)), 1, 59)
        .at(60_100, (A, B), "BYE", ["x", "f", "t", "3 BYE", "b"], ("", ""))
        .report();
    let call = &report["calls"][0];
    assert_eq!(
        (&call["audio"][0]["fault"], &call["poor_s"]),
        (&"one_way".into(), &60.into()),
        "{}",
        call["audio"]
    );
}

#[test]
fn a_port_that_is_kept_over_a_transfer_makes_no_fault() {
    let replaces = "Replaces: y;to-tag=u;from-tag=g\r\n";
    let (offer, answer) = (description(B, 5000), description(C, 5200));
    let scene = begun(Scene::default(), "x", (A, B), ["f", "t"], 0, [4000, 5000]);
    let report = begun(scene, "y", (A, C), ["g", "u"], 10_000, [4100, 5100])
        .at(15_000, (B, C), "INVITE", ["z", "h", "", INVITE, "z"], (replaces, &offer))
        .at(15_100, (C, B), OK, ["z", "h", "v", INVITE, "z"], ("", &answer))
        .at(15_120, (C, A), "BYE", ["y", "u", "g", "1 BYE", "yb"], ("", ""))
        .at(15_200, (A, B), "BYE", ["x", "f", "t", "2 BYE", "xb"], ("", ""))
        .at(30_000, (C, B), "BYE", ["z", "v", "h", "1 BYE", "zb"], ("", ""))
        .voice(120, (media(A, 4000), media(B, 5000)), 1, 15)
        .voice(120, (media(B, 5000), media(A, 4000)), 2, 15)
        .voice(10_120, (media(A, 4100), media(C, 5100)), 3, 5)
        .voice(10_120, (media(C, 5100), media(A, 4100)), 4, 5)
        .voice(15_120, (media(B, 5000), media(C, 5200)), 5, 14)
        .voice(15_120, (media(C, 5200), media(B, 5000)), 6, 14)
        .report();
    let joined = report["calls"].as_array().into_iter().flatten().find(|c| c["joins"][0]["by"] == "replaces");
    assert_eq!(joined.map(|c| &c["audio"]), Some(&Value::Array(Vec::new())));
}

#[test]
fn a_diverted_call_without_sdp_goes_on_from_who_called() {
    let ring = "SIP/2.0 180 Ringing";
    let invite = |from: &str| format!("P-Note: {from}\r\n");
    let mut scene = Scene::default();
    for (ms, src, id, user) in [(0, A, "d1", "5551001"), (100, B, "d2", "5551777")] {
        scene = scene.at(ms, (src, PROXY), "INVITE", [id, id, "", INVITE, id], (&invite(user), ""));
        scene = scene.at(ms + 10, (PROXY, src), ring, [id, id, "t", INVITE, id], ("", ""));
    }
    let diverted = "Diversion: <sip:5552000@h>;reason=no-answer\r\n";
    scene = scene.at(5000, (PROXY, C), "INVITE", ["d3", "d3", "", INVITE, "d3"], (diverted, ""));
    let users = [("d1", "5551001", "5552000"), ("d2", "5551777", "5552000"), ("d3", "5551001", "5553000")];
    for frame in &mut scene.0 {
        // The same lengths: the frames stay whole.
        let text = String::from_utf8_lossy(&frame.data[42..]).into_owned();
        let Some((_, from, to)) = users.iter().find(|(id, ..)| text.contains(&format!("Call-ID: {id}")))
        else {
            continue;
        };
        let named = text
            .replace("<sip:a@h>", &format!("<sip:{from}@h>"))
            .replace("<sip:b@h>", &format!("<sip:{to}@h>"));
        let ends: End = ([frame.data[26], frame.data[27], frame.data[28], frame.data[29]], 5060);
        let dst: End = ([frame.data[30], frame.data[31], frame.data[32], frame.data[33]], 5060);
        *frame = udp(frame.time, ends, dst, named.as_bytes());
    }
    let report = scene.report();
    let joined = report["calls"].as_array().into_iter().flatten().find(|c| c["joins"][0]["by"] == "header");
    assert_eq!(joined.map(|c| &c["from"]), Some(&"5551001".into()));
}

#[test]
fn no_time_is_negative_where_the_clock_steps_back() {
    let mut scene = begun(Scene::default(), "x", (A, B), ["f", "t"], 0, [4000, 5000]).at(
        20_000,
        (A, B),
        "BYE",
        ["x", "f", "t", "2 BYE", "b"],
        ("", ""),
    );
    scene.0.iter_mut().filter(|f| f.time > START + 10 * SECOND).for_each(|f| f.time -= 3600 * SECOND);
    let report = analyse_frames(&scene.0);
    let call = &report["calls"][0];
    assert_eq!((&call["state"], &call["duration_s"]), (&"completed".into(), &Value::Null));
}

#[test]
fn a_call_is_as_long_as_its_media_where_no_message_comes_for_a_day() {
    let mut scene = begun(Scene::default(), "x", (A, B), ["f", "t"], 0, [4000, 5000]);
    for hour in 0..26 {
        let (a, b) = (media(A, 4000), media(B, 5000));
        scene = scene.voice(120 + hour * 3_600_000, (a, b), 1, 5).voice(120 + hour * 3_600_000, (b, a), 2, 5);
    }
    let report = scene.report();
    let call = &report["calls"][0];
    assert!(call["duration_s"].as_f64().is_some_and(|s| s > 90_000.0), "{}", call["duration_s"]);
    assert_eq!(call["audio"], Value::Array(Vec::new()));
}
