//! What the ends say of what they received: RTCP XR, and phones' voice quality reports.
#![expect(clippy::indexing_slicing, reason = "a helper of tests fails the test")]

use serde_json::{Value, json};

use crate::traffic::{End, MS, Recorded, SECOND, START, analyse_frames, sdp, sip, stream, udp};

const A: End = ([10, 0, 0, 1], 40_000);
const B: End = ([10, 0, 1, 1], 50_000);
const COLLECTOR: End = ([10, 9, 9, 9], 5060);

/// A call from A to B with both its streams, SSRC 100 and 200.
fn call(id: &str) -> Vec<Recorded> {
    let (a, b) = ((A.0, 5060), (B.0, 5060));
    let mut all = vec![
        udp(START, a, b, &sip("INVITE sip:b@example.net SIP/2.0", id, "1 INVITE", &sdp(A, "0", ""))),
        udp(START + 100 * MS, b, a, &sip("SIP/2.0 200 OK", id, "1 INVITE", &sdp(B, "0", ""))),
        udp(START + 110 * MS, a, b, &sip("ACK sip:b@example.net SIP/2.0", id, "1 ACK", "")),
    ];
    all.extend(stream(START + 200 * MS, A, B, 100, 500));
    all.extend(stream(START + 200 * MS, B, A, 200, 500));
    all.push(udp(START + 11 * SECOND, a, b, &sip("BYE sip:b@example.net SIP/2.0", id, "2 BYE", "")));
    all.push(udp(START + 11 * SECOND + MS, b, a, &sip("SIP/2.0 200 OK", id, "2 BYE", "")));
    all.sort_by_key(|frame| frame.time);
    all
}

/// B's report on the call `id`; A's part of it as B heard from A.
fn body(id: &str) -> String {
    format!(
        "VQSessionReport: CallTerm\r\nCallID: {id}@example.net\r\nLocalID: <sip:b@example.net>\r\n\
         RemoteID: <sip:a@example.net>\r\nOrigID: <sip:a@example.net>\r\n\
         LocalAddr:IP=10.0.1.1 PORT=50000 SSRC=0xc8\r\nRemoteAddr:IP=10.0.0.1 PORT=40000 SSRC=0x64\r\n\
         LocalMetrics:\r\nTimestamps:START=2023-11-14T22:13:20Z STOP=2023-11-14T22:13:31Z\r\n\
         PacketLoss:NLR=5.0 JDR=2.0\r\nDelay:RTD=200 ESD=140\r\nQualityEst:RLQ=88 MOSLQ=4.1 MOSCQ=4.0\r\n\
         RemoteMetrics:\r\nPacketLoss:NLR=1.5\r\nQualityEst:MOSLQ=9.9 MOSCQ=NaN\r\n\
         DialogID:{id}@example.net;to-tag=b{id};from-tag=a{id}\r\n"
    )
}

fn publish(method: &str, cseq: u32, content_type: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} sip:c@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.1;branch=z9hG4bK{cseq}\r\n\
         From: <sip:b@example.net>;tag=p\r\nTo: <sip:c@example.net>\r\nCall-ID: report\r\nCSeq: {cseq} {method}\r\n\
         Event: vq-rtcpxr\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An extended report of `from` on `about`: 12.5 % lost, 6.25 % discarded, 80 ms, MOS 3.6 and 3.5.
fn extended(from: u32, about: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 207, 0, 10];
    packet.extend(from.to_be_bytes());
    packet.extend([7, 0, 0, 8]);
    packet.extend(about.to_be_bytes());
    packet.extend([32, 16, 0, 0, 0, 0, 0, 0, 0, 80, 0, 0]);
    packet.extend([127, 127, 127, 16, 70, 127, 36, 35, 0, 0, 0, 40, 0, 80, 0, 120]);
    packet
}

fn reports(frames: &[Recorded]) -> Value {
    analyse_frames(frames)["reports"].clone()
}

#[test]
fn a_phones_report_becomes_a_row_for_each_direction_and_counts_once() {
    let mut frames = call("c");
    let (phone, time) = ((B.0, 5060), START + 12 * SECOND);
    let whole = publish("PUBLISH", 1, "application/vq-rtcpxr", &body("c"));
    // Mirrored, sent again, sent once more with credentials, and forwarded in a NOTIFY.
    frames.push(udp(time, phone, COLLECTOR, &whole));
    frames.push(udp(time, phone, COLLECTOR, &whole));
    frames.push(udp(time + 500 * MS, phone, COLLECTOR, &whole));
    let again = publish("PUBLISH", 2, "application/vq-rtcpxr", &body("c"));
    frames.push(udp(time + 600 * MS, phone, COLLECTOR, &again));
    let parts = format!("--x\r\nContent-Type: application/vq-rtcpxr\r\n\r\n{}\r\n--x--\r\n", body("c"));
    let notify = publish("NOTIFY", 3, "multipart/mixed;boundary=x", &parts);
    frames.push(udp(time + 700 * MS, COLLECTOR, phone, &notify));
    let json = analyse_frames(&frames);
    let stream_of = |ssrc: u64| json["streams"].as_array().unwrap().iter().position(|s| s["ssrc"] == ssrc);
    let expected = json!([
        {"source": "sip_vq", "call": 0, "stream": stream_of(100), "direction": "caller_to_callee",
         "loss_percent": 5.0, "discard_percent": 2.0, "mos_lq": 4.1, "mos_cq": 4.0, "rtt_ms": 200.0},
        {"source": "sip_vq", "call": 0, "stream": stream_of(200), "direction": "callee_to_caller",
         "loss_percent": 1.5, "discard_percent": null, "mos_lq": null, "mos_cq": null, "rtt_ms": null},
    ]);
    assert_eq!(json["reports"], expected);
}

#[test]
fn an_extended_report_is_a_row_of_its_stream() {
    let mut frames = call("c");
    frames.push(udp(START + 9 * SECOND, (B.0, B.1 + 1), (A.0, A.1 + 1), &extended(200, 100)));
    frames.sort_by_key(|frame| frame.time);
    let json = analyse_frames(&frames);
    let [row] = &json["reports"].as_array().unwrap()[..] else { panic!("{}", json["reports"]) };
    assert_eq!(json["streams"][row["stream"].as_u64().unwrap() as usize]["ssrc"], 100);
    let said = ["loss_percent", "discard_percent", "mos_lq", "mos_cq", "rtt_ms"].map(|key| row[key].as_f64());
    assert_eq!(said, [Some(12.5), Some(6.25), Some(3.6), Some(3.5), Some(80.0)]);
    assert_eq!(
        (&row["source"], &row["call"], &row["direction"]),
        (&json!("rtcp_xr"), &json!(0), &json!("caller_to_callee"))
    );
}

#[test]
fn without_the_call_a_report_stands_alone_with_what_it_says_itself() {
    let publish = publish("PUBLISH", 1, "application/vq-rtcpxr", &body("elsewhere"));
    let rows = reports(&[udp(START, (B.0, 5060), COLLECTOR, &publish)]);
    assert_eq!(rows[0]["direction"], "caller_to_callee");
    assert_eq!((&rows[0]["call"], &rows[0]["stream"]), (&Value::Null, &Value::Null));
    assert_eq!(rows[1]["direction"], "callee_to_caller");
}

#[test]
fn a_report_through_nat_is_placed_by_names_and_direction() {
    let mut frames = call("c");
    // Private addresses, no SSRC, and who began it left out.
    let text = body("c").replace("10.0.1.1", "192.168.7.7").replace("10.0.0.1", "192.168.8.8");
    let text: String =
        text.lines().filter(|l| !l.starts_with("OrigID")).map(|l| format!("{l}\r\n")).collect();
    let text = text.replace(" SSRC=0xc8", "").replace(" SSRC=0x64", "");
    frames.push(udp(
        START + 12 * SECOND,
        (B.0, 5060),
        COLLECTOR,
        &publish("PUBLISH", 1, "application/vq-rtcpxr", &text),
    ));
    let json = analyse_frames(&frames);
    let row = &json["reports"][0];
    assert_eq!((&row["call"], &row["direction"]), (&json!(0), &json!("caller_to_callee")));
    assert_eq!(json["streams"][row["stream"].as_u64().unwrap() as usize]["ssrc"], 100);
}

#[test]
fn nonsense_under_the_name_of_a_report_is_no_row() {
    let nonsense = publish("PUBLISH", 1, "application/vq-rtcpxr", "\u{0}\u{1}nonsense: yes");
    assert_eq!(reports(&[udp(START, (B.0, 5060), COLLECTOR, &nonsense)]), json!([]));
}

#[test]
fn the_direction_of_a_report_is_known_where_media_has_hosts_of_its_own() {
    let (a, b) = (([10, 0, 0, 2], 5060), ([10, 0, 1, 2], 5060));
    let mut frames = vec![
        udp(START, a, b, &sip("INVITE sip:b@example.net SIP/2.0", "m", "1 INVITE", &sdp(A, "0", ""))),
        udp(START + 100 * MS, b, a, &sip("SIP/2.0 200 OK", "m", "1 INVITE", &sdp(B, "0", ""))),
    ];
    frames.extend(stream(START + 200 * MS, A, B, 100, 500));
    let control = |end: End| (end.0, end.1 + 1);
    frames.push(udp(START + 5 * SECOND + 1, control(B), control(A), &extended(200, 100)));
    frames.sort_by_key(|frame| frame.time);
    let report = analyse_frames(&frames);
    assert_eq!(report["reports"][0]["direction"], "caller_to_callee", "{}", report["reports"]);
}
