//! HEP: the same call whether it is captured, told in datagrams, over TCP, or in a file of HEP packets.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails the test")]

use std::net::Ipv4Addr;

use serde_json::Value;

use crate::traffic::{
    End, MS, Recorded, START, analyse_file, analyse_frames, json, rtp, scratch, sdp, sip, tcp, udp,
};

const A: End = ([10, 0, 0, 1], 40_000);
const B: End = ([10, 0, 1, 1], 50_000);
const AGENT: End = ([10, 7, 0, 1], 30_000);
const SERVER: End = ([10, 7, 0, 2], 9060);

/// A HEP3 packet of a SIP message (type 1) or an RTP packet (type 4).
fn hep3(time: i64, (src, dst): (End, End), kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut chunk = |number: u16, value: &[u8]| {
        body.extend([0, 0]);
        body.extend(number.to_be_bytes());
        body.extend(u16::try_from(6 + value.len()).unwrap().to_be_bytes());
        body.extend_from_slice(value);
    };
    let seconds = u32::try_from(time / 1_000_000_000).unwrap();
    let micros = u32::try_from(time % 1_000_000_000 / 1000).unwrap();
    chunk(1, &[2]);
    chunk(2, &[17]);
    chunk(3, &Ipv4Addr::from(src.0).octets());
    chunk(4, &Ipv4Addr::from(dst.0).octets());
    chunk(7, &src.1.to_be_bytes());
    chunk(8, &dst.1.to_be_bytes());
    chunk(9, &seconds.to_be_bytes());
    chunk(10, &micros.to_be_bytes());
    chunk(11, &[kind]);
    chunk(15, payload);
    let length = u16::try_from(6 + body.len()).unwrap();
    [b"HEP3", &length.to_be_bytes()[..], &body].concat()
}

/// When, between whom, and what: a call with media one way.
fn said() -> Vec<(i64, Vec<u8>)> {
    let (a, b) = ((A.0, 5060), (B.0, 5060));
    let invite = sip("INVITE sip:b@example.net SIP/2.0", "h", "1 INVITE", &sdp(A, "0", ""));
    let answer = sip("SIP/2.0 200 OK", "h", "1 INVITE", &sdp(B, "0", ""));
    let mut all = vec![
        (START, hep3(START, (a, b), 1, &invite)),
        (START + 100 * MS, hep3(START + 100 * MS, (b, a), 1, &answer)),
        (
            START + 110 * MS,
            hep3(START + 110 * MS, (a, b), 1, &sip("ACK sip:b@example.net SIP/2.0", "h", "1 ACK", "")),
        ),
    ];
    for i in 0..200_u16 {
        let time = START + 200 * MS + i64::from(i) * 20 * MS;
        all.push((time, hep3(time, (A, B), 4, &rtp(0, i == 0, i, 160 * u32::from(i), 100, &[0xd5; 160]))));
    }
    let end = START + 5000 * MS;
    all.push((end, hep3(end, (a, b), 1, &sip("BYE sip:b@example.net SIP/2.0", "h", "2 BYE", ""))));
    all.push((end + MS, hep3(end + MS, (b, a), 1, &sip("SIP/2.0 200 OK", "h", "2 BYE", ""))));
    all
}

fn essence(json: &Value) -> Value {
    let call = &json["calls"][0];
    let stream = &json["streams"][0];
    let of = |value: &Value, keys: &[&str]| keys.iter().map(|k| value[k].clone()).collect::<Vec<_>>();
    let counts = (json["calls"].as_array().unwrap().len(), json["streams"].as_array().unwrap().len());
    serde_json::json!([
        counts,
        of(call, &["state", "start", "answer", "end", "ended_by"]),
        of(stream, &["src", "dst", "ssrc", "packets", "lost", "call", "first", "last"]),
        json["captures"].as_array().map(|c| c.iter().map(|c| c["undecoded"].clone()).collect::<Vec<_>>()),
    ])
}

#[test]
fn a_file_datagrams_and_a_connection_tell_the_same_call() {
    let said = said();
    let datagrams: Vec<Recorded> = said.iter().map(|(time, p)| udp(*time, AGENT, SERVER, p)).collect();
    let as_datagrams = analyse_frames(&datagrams);
    assert_eq!(as_datagrams["calls"][0]["state"], "completed");
    assert_eq!(as_datagrams["streams"][0]["packets"], 200);

    // Over TCP, cut anywhere, and found in its middle at a packet's start.
    let mut segments = Vec::new();
    let mut sequence = 1000;
    for (time, packet) in &said {
        for piece in packet.chunks(97) {
            segments.push(tcp(*time, AGENT, SERVER, sequence, 0x18, piece));
            sequence += u32::try_from(piece.len()).unwrap();
        }
    }
    assert_eq!(essence(&analyse_frames(&segments)), essence(&as_datagrams));

    let bytes: Vec<u8> = said.iter().flat_map(|(_, packet)| packet.clone()).collect();
    let file = analyse_file(&scratch("call.hep", &bytes));
    let file = json(&file);
    assert_eq!(file["captures"][0]["link_types"], serde_json::json!(["HEP"]));
    assert_eq!(file["captures"][0]["undecoded"], serde_json::json!({}));
    assert_eq!(essence(&file)[1], essence(&as_datagrams)[1]);
    assert_eq!(essence(&file)[2], essence(&as_datagrams)[2]);
}

#[test]
fn octets_lost_from_a_connection_cost_no_more_than_their_packets() {
    let said = said();
    let mut segments = Vec::new();
    let mut sequence = 1000;
    for (n, (time, packet)) in said.iter().enumerate() {
        // One segment never came; in another place there is rubbish.
        if n != 50 {
            segments.push(tcp(*time, AGENT, SERVER, sequence, 0x18, packet));
        }
        sequence += u32::try_from(packet.len()).unwrap();
        if n == 80 {
            segments.push(tcp(*time, AGENT, SERVER, sequence, 0x18, b"HEP2 rubbish HEP"));
            sequence += 16;
        }
    }
    let json = analyse_frames(&segments);
    assert_eq!(json["calls"][0]["state"], "completed");
    assert_eq!((&json["streams"][0]["packets"], &json["streams"][0]["lost"]), (&199.into(), &1.into()));
}
