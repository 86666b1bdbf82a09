//! What a call is, where the real exchanges of `stories` leave a case out.

use serde_json::Value;

use crate::traffic::{End, MS, Recorded, SECOND, START, analyse_frames, sdp, stream, udp};

const ALICE: End = ([192, 0, 2, 1], 5060);
const BOB: End = ([192, 0, 2, 2], 5060);
const PROXY: End = ([192, 0, 2, 9], 5060);
const CAROL: End = ([192, 0, 2, 3], 5060);

/// Messages of one Call-ID between two user agents, as they pass.
struct Dialog {
    id: &'static str,
    from: (&'static str, &'static str),
    to: (&'static str, &'static str),
    frames: Vec<Recorded>,
}

impl Dialog {
    fn new(id: &'static str, from: &'static str, to: &'static str) -> Self {
        Self { id, from: (from, "f"), to: (to, "t"), frames: Vec::new() }
    }

    /// A message at so many ms, from one host to another. `more`: further header lines.
    fn at(
        mut self,
        ms: i64,
        (src, dst): (End, End),
        start: &str,
        cseq: &str,
        more: &str,
        body: &str,
    ) -> Self {
        let by_callee = start.starts_with("BYE by callee");
        let start = start.replace(" by callee", "");
        let (from, to) = if by_callee { (self.to, self.from) } else { (self.from, self.to) };
        let no_tag = start.starts_with("INVITE") && !more.contains("in-dialog");
        let tag = if no_tag || start.contains(" 100 ") { String::new() } else { format!(";tag={}", to.1) };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let line =
            if start.starts_with("SIP/2.0") { start } else { format!("{start} sip:{}@h SIP/2.0", to.0) };
        let text = format!(
            "{line}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK-{}-{cseq}\r\nFrom: <sip:{}@h>;tag={}\r\n\
             To: <sip:{}@h>{tag}\r\nCall-ID: {}\r\nCSeq: {cseq}\r\n{}{kind}Content-Length: {}\r\n\r\n{body}",
            self.id,
            from.0,
            from.1,
            to.0,
            self.id,
            more.replace("in-dialog", ""),
            body.len()
        );
        let text = text.replace(&format!("-{cseq}"), &format!("-{}", cseq.replace(' ', "")));
        self.frames.push(udp(START + ms * MS, src, dst, text.as_bytes()));
        self
    }

    fn report(self) -> Value {
        report(self.frames)
    }
}

fn report(mut frames: Vec<Recorded>) -> Value {
    frames.sort_by_key(|f| f.time);
    analyse_frames(&frames)
}

fn media(end: End, port: u16) -> End {
    (end.0, port)
}

/// From INVITE to ACK, with SDP of both.
fn answered(dialog: Dialog) -> Dialog {
    let (forth, back) = ((ALICE, BOB), (BOB, ALICE));
    let (offer, answer) = (sdp(media(ALICE, 4000), "0", ""), sdp(media(BOB, 5000), "0", ""));
    dialog
        .at(0, forth, "INVITE", "1 INVITE", "", &offer)
        .at(100, back, "SIP/2.0 180 Ringing", "1 INVITE", "", "")
        .at(1000, back, "SIP/2.0 200 OK", "1 INVITE", "", &answer)
        .at(1010, forth, "ACK", "1 ACK", "", "")
}

fn voice(from_ms: i64, seconds: u16) -> Vec<Recorded> {
    let (a, b) = (media(ALICE, 4000), media(BOB, 5000));
    let begin = START + from_ms * MS;
    [stream(begin, a, b, 1, 50 * seconds), stream(begin, b, a, 2, 50 * seconds)].concat()
}

#[test]
fn a_refused_re_invite_leaves_the_call_as_it_was() {
    let hold = sdp(media(ALICE, 4000), "0", "a=inactive\r\n");
    let mut dialog = answered(Dialog::new("refused", "alice", "bob"))
        .at(3000, (ALICE, BOB), "INVITE", "2 INVITE", "in-dialog", &hold)
        .at(3010, (BOB, ALICE), "SIP/2.0 488 Not Acceptable Here", "2 INVITE", "", "")
        .at(12_000, (BOB, ALICE), "BYE by callee", "1 BYE", "", "")
        .at(12_010, (ALICE, BOB), "SIP/2.0 200 OK", "1 BYE", "", "");
    dialog.frames.extend(voice(1020, 11));
    let report = dialog.report();
    let call = &report["calls"][0];
    assert_eq!((&call["state"], &call["ended_by"]), (&"completed".into(), &"callee".into()));
    assert_eq!((&call["status"], &call["duration_s"]), (&200.into(), &11.0.into()));
    assert_eq!(call["audio"].as_array().unwrap().len(), 0, "{}", call["audio"]);
    assert_eq!((&call["good_s"], &call["poor_s"], &call["unscored_s"]), (&11.into(), &0.into(), &0.into()));
}

#[test]
fn a_caller_may_end_an_early_dialog_by_bye() {
    let report = Dialog::new("early", "alice", "bob")
        .at(0, (ALICE, BOB), "INVITE", "1 INVITE", "", "")
        .at(100, (BOB, ALICE), "SIP/2.0 183 Session Progress", "1 INVITE", "", "")
        .at(900, (ALICE, BOB), "BYE", "2 BYE", "", "")
        .at(910, (BOB, ALICE), "SIP/2.0 200 OK", "2 BYE", "", "")
        .at(920, (BOB, ALICE), "SIP/2.0 487 Request Terminated", "1 INVITE", "", "")
        .report();
    let call = &report["calls"][0];
    assert_eq!((&call["state"], &call["ended_by"]), (&"cancelled".into(), &"caller".into()));
    assert_eq!(call["failure"]["text"], "the caller gave up while it rang");
    assert_eq!(report["signalling"]["kpis"]["ser"]["numerator"], 0);
    assert_eq!(report["signalling"]["kpis"]["scr"]["numerator"], 0);
}

#[test]
fn a_proxy_that_cancels_one_branch_is_not_the_caller_giving_up() {
    let report = Dialog::new("hunt", "alice", "bob")
        .at(0, (ALICE, PROXY), "INVITE", "1 INVITE", "", "")
        .at(5, (PROXY, BOB), "INVITE", "1 INVITE", "", "")
        .at(50, (BOB, PROXY), "SIP/2.0 180 Ringing", "1 INVITE", "", "")
        .at(51, (PROXY, ALICE), "SIP/2.0 180 Ringing", "1 INVITE", "", "")
        .at(5000, (PROXY, BOB), "CANCEL", "1 CANCEL", "", "")
        .at(5010, (BOB, PROXY), "SIP/2.0 487 Request Terminated", "1 INVITE", "", "")
        .at(5020, (PROXY, ALICE), "SIP/2.0 480 Temporarily Unavailable", "1 INVITE", "", "")
        .report();
    let call = &report["calls"][0];
    assert_eq!((&call["state"], &call["status"]), (&"failed".into(), &480.into()));
    assert_eq!((&call["ended_by"], &call["post_dial_delay_ms"]), (&Value::Null, &51.0.into()));
    let seer = &report["signalling"]["kpis"]["seer"];
    assert_eq!((&seer["numerator"], &seer["denominator"]), (&1.into(), &1.into()));
}

#[test]
fn what_one_branch_answers_is_not_what_the_caller_gets() {
    let report = Dialog::new("fork", "alice", "bob")
        .at(0, (ALICE, PROXY), "INVITE", "1 INVITE", "", "")
        .at(5, (PROXY, BOB), "INVITE", "1 INVITE", "", "")
        .at(6, (PROXY, CAROL), "INVITE", "1 INVITE", "", "")
        .at(50, (BOB, PROXY), "SIP/2.0 486 Busy Here", "1 INVITE", "", "")
        .at(900, (CAROL, PROXY), "SIP/2.0 200 OK", "1 INVITE", "", "")
        .at(901, (PROXY, ALICE), "SIP/2.0 200 OK", "1 INVITE", "", "")
        .at(910, (ALICE, PROXY), "ACK", "1 ACK", "", "")
        .at(9000, (ALICE, PROXY), "BYE", "2 BYE", "", "")
        .report();
    let call = &report["calls"][0];
    assert_eq!((&call["state"], &call["status"]), (&"completed".into(), &200.into()));
    assert_eq!(call["answer_delay_ms"], 901.0);
    let kpis = &report["signalling"]["kpis"];
    assert_eq!((&kpis["ser"]["numerator"], &kpis["ser"]["denominator"]), (&1.into(), &1.into()));
    // Nobody answered the BYE.
    assert_eq!((&kpis["scr"]["numerator"], &kpis["sdd"]["count"]), (&0.into(), &0.into()));
}

#[test]
fn a_session_that_is_refreshed_in_time_goes_on() {
    let (forth, back) = ((ALICE, BOB), (BOB, ALICE));
    let timer = "Session-Expires: 90;refresher=uac\r\n";
    let mut dialog = Dialog::new("timer", "alice", "bob")
        .at(0, forth, "INVITE", "1 INVITE", timer, "")
        .at(100, back, "SIP/2.0 200 OK", "1 INVITE", timer, "")
        .at(110, forth, "ACK", "1 ACK", "", "");
    for n in 1..4 {
        let cseq = format!("{} UPDATE", n + 1);
        let ms = n * 45_000;
        dialog = dialog.at(ms, forth, "UPDATE", &cseq, timer, "").at(
            ms + 10,
            back,
            "SIP/2.0 200 OK",
            &cseq,
            timer,
            "",
        );
    }
    // Something else keeps the clock going.
    let clock = (0..400).map(|s| udp(START + s * SECOND, PROXY, CAROL, &[0; 4]));
    dialog.frames.extend(clock);
    let report = dialog.report();
    let call = &report["calls"][0];
    assert_eq!((&call["state"], &call["ended_by"]), (&"completed".into(), &"session_timer".into()));
    // The last refresh was at 135.01 s.
    assert_eq!(call["duration_s"], 135.01 + 90.0 - 0.1);
}

#[test]
fn a_call_seen_from_its_middle_is_told_as_such() {
    let (forth, back) = ((ALICE, BOB), (BOB, ALICE));
    let hold = sdp(media(ALICE, 4000), "0", "");
    let mut dialog = Dialog::new("middle", "alice", "bob")
        .at(0, forth, "INVITE", "7 INVITE", "in-dialog", &hold)
        .at(100, back, "SIP/2.0 200 OK", "7 INVITE", "", &sdp(media(BOB, 5000), "0", ""))
        .at(110, forth, "ACK", "7 ACK", "", "")
        .at(9000, forth, "BYE", "8 BYE", "", "");
    // Only one way was seen; nothing is known to be missing.
    dialog.frames.extend(stream(START + 200 * MS, media(ALICE, 4000), media(BOB, 5000), 1, 400));
    let report = dialog.report();
    let call = &report["calls"][0];
    assert_eq!((&call["state"], &call["partial"]), (&"completed".into(), &"started_before_probe".into()));
    assert_eq!((&call["post_dial_delay_ms"], &call["answer_delay_ms"]), (&Value::Null, &Value::Null));
    assert_eq!(call["audio"].as_array().unwrap().len(), 0);
    let kpis = &report["signalling"]["kpis"];
    assert_eq!((&kpis["ser"]["denominator"], &kpis["sdt"]["count"]), (&0.into(), &0.into()));
}

#[test]
fn audio_that_goes_where_nobody_receives_is_missing() {
    let mut dialog =
        answered(Dialog::new("astray", "alice", "bob")).at(9000, (ALICE, BOB), "BYE", "2 BYE", "", "");
    let (a, b) = (media(ALICE, 4000), media(BOB, 5000));
    let begin = START + 1020 * MS;
    dialog.frames.extend(stream(begin, a, b, 1, 390));
    dialog.frames.extend(stream(begin, b, ([192, 0, 2, 77], 4000), 2, 390));
    let report = dialog.report();
    let audio = &report["calls"][0]["audio"];
    let fault = audio.as_array().unwrap().iter().find(|f| f["fault"] == "one_way").unwrap();
    assert_eq!(fault["direction"], "callee_to_caller");
    assert_eq!(fault["reason"], "sent_elsewhere");
    assert_eq!(report["calls"][0]["one_way"], true);
}

#[test]
fn a_host_of_which_nothing_passes_here_is_told_from_one_that_is_silent() {
    let (forth, back) = ((ALICE, PROXY), (PROXY, ALICE));
    let far: End = ([198, 51, 100, 7], 5000);
    let mut dialog = Dialog::new("mirror", "alice", "bob")
        .at(0, forth, "INVITE", "1 INVITE", "", &sdp(media(ALICE, 4000), "0", ""))
        .at(1000, back, "SIP/2.0 200 OK", "1 INVITE", "", &sdp(far, "0", ""))
        .at(1010, forth, "ACK", "1 ACK", "", "")
        .at(9000, forth, "BYE", "2 BYE", "", "");
    dialog.frames.extend(stream(START + 1020 * MS, media(ALICE, 4000), far, 1, 390));
    let report = dialog.report();
    let fault = &report["calls"][0]["audio"][0];
    assert_eq!((&fault["fault"], &fault["reason"]), (&"one_way".into(), &"not_mirrored_here".into()));
}

#[test]
fn media_that_nobody_signalled_lets_nothing_be_said_of_a_calls_audio() {
    let report = answered(Dialog::new("unheard", "alice", "bob"))
        .at(30_000, (ALICE, BOB), "BYE", "2 BYE", "", "")
        .report();
    let call = &report["calls"][0];
    assert_eq!((&call["one_way"], &call["mos_lq_min"]), (&Value::Null, &Value::Null));
    assert_eq!((&call["audio"], &call["unscored_s"]), (&Value::Array(Vec::new()), &29.into()));
}

#[test]
fn audio_that_dies_in_the_middle_is_missing_from_then_on() {
    let (a, b) = (media(ALICE, 4000), media(BOB, 5000));
    let begin = START + 1020 * MS;
    let talked = |back: Vec<Recorded>| {
        let mut dialog = answered(Dialog::new("dies", "alice", "bob"))
            .at(61_000, (ALICE, BOB), "BYE", "2 BYE", "", "")
            .at(61_010, (BOB, ALICE), "SIP/2.0 200 OK", "2 BYE", "", "");
        dialog.frames.extend(stream(begin, a, b, 1, 50 * 59));
        dialog.frames.extend(back);
        dialog.report()
    };
    let report = talked(stream(begin, b, a, 2, 50 * 15));
    let call = &report["calls"][0];
    let fault = &call["audio"][0];
    assert_eq!((&fault["fault"], &fault["direction"]), (&"one_way".into(), &"callee_to_caller".into()));
    // From the last packet, 16 s after the INVITE, to the BYE.
    let poor = call["poor_s"].as_u64().unwrap();
    assert!((44..=46).contains(&poor), "{call}");
    // Who suppresses silence may as well have nothing to say.
    let quiet = [0, 4, 9].map(|s| stream(begin + s * SECOND, b, a, 2, 100));
    let mut talkspurts = quiet.concat();
    for (n, frame) in talkspurts.iter_mut().enumerate() {
        // One sequence of numbers over the pauses.
        let at = frame.data.len() - 172 + 2;
        frame.data[at..at + 2].copy_from_slice(&(1000 + n as u16).to_be_bytes());
    }
    let report = talked(talkspurts);
    assert_eq!(report["calls"][0]["audio"].as_array().unwrap().len(), 0, "{}", report["calls"][0]["audio"]);
}
