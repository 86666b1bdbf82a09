//! Captures by code: calls in Ethernet frames.

use std::path::{Path, PathBuf};

use probes::pcap::Writer;
use probes::{Frame, LinkType, Timestamp};

/// A Monday morning, UTC: 2026-11-23 09:00:00.
const MORNING: i64 = 1_795_424_400_000_000_000;

/// An IPv4 address and port.
type End = ([u8; 4], u16);

pub(super) const CALLER: End = ([192, 0, 2, 1], 5060);
pub(super) const CALLEE: End = ([198, 51, 100, 2], 5060);

/// Frames and when they come, ms.
#[derive(Default)]
pub(super) struct Frames(Vec<(i64, Vec<u8>)>);

impl Frames {
    pub fn udp(&mut self, at_ms: i64, from: End, to: End, payload: &[u8]) {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
        let length = |above: usize| u16::try_from(payload.len() + above).unwrap().to_be_bytes();
        frame.extend([0x45, 0]);
        frame.extend(length(28));
        frame.extend([0, 0, 0, 0, 64, 17, 0, 0]);
        frame.extend(from.0);
        frame.extend(to.0);
        frame.extend(from.1.to_be_bytes());
        frame.extend(to.1.to_be_bytes());
        frame.extend(length(8));
        frame.extend([0, 0]);
        frame.extend(payload);
        self.0.push((at_ms, frame));
    }

    /// `count` packets of 20 ms from `at_ms` on; those whose number `lost` knows never come.
    pub fn rtp(
        &mut self,
        at_ms: i64,
        from: End,
        to: End,
        payload_type: u8,
        count: u16,
        lost: fn(u16) -> bool,
    ) {
        for n in (0..count).filter(|n| !lost(*n)) {
            let mut packet = vec![0x80, payload_type];
            packet.extend(n.to_be_bytes());
            packet.extend((u32::from(n) * 160).to_be_bytes());
            packet.extend(u32::from(from.1).to_be_bytes());
            packet.extend([0xd5; 160]);
            self.udp(at_ms + i64::from(n) * 20, from, to, &packet);
        }
    }

    /// An INVITE at `at_ms`, its answer at once, an ACK, and a BYE after `talk_ms`.
    pub fn answered(&mut self, at_ms: i64, call_id: &str, from: &str, ports: (u16, u16), talk_ms: i64) {
        self.invite(at_ms, call_id, from, ports.0);
        self.response(at_ms + 180, call_id, from, "180 Ringing", "", None);
        self.response(at_ms + 1000, call_id, from, "200 OK", "", Some(ports.1));
        let request = |method: &str, cseq: u8| request(method, call_id, from, ";tag=b", cseq, "");
        self.udp(at_ms + 1020, CALLER, CALLEE, request("ACK", 1).as_bytes());
        self.udp(at_ms + 1000 + talk_ms, CALLER, CALLEE, request("BYE", 2).as_bytes());
    }

    pub fn invite(&mut self, at_ms: i64, call_id: &str, from: &str, port: u16) {
        let body = sdp(CALLER.0, port);
        self.udp(at_ms, CALLER, CALLEE, request("INVITE", call_id, from, "", 1, &body).as_bytes());
    }

    pub fn response(
        &mut self,
        at_ms: i64,
        call_id: &str,
        from: &str,
        status: &str,
        more: &str,
        port: Option<u16>,
    ) {
        let body = port.map(|port| sdp(CALLEE.0, port)).unwrap_or_default();
        let head = head(call_id, from, ";tag=b", 1, "INVITE", &body);
        let message = format!("SIP/2.0 {status}\r\nServer: made by code\r\n{more}{head}{body}");
        self.udp(at_ms, CALLEE, CALLER, message.as_bytes());
    }

    /// Writes them in the order of time, under a name of its own a test.
    pub fn write(mut self, name: &str) -> PathBuf {
        self.0.sort_by_key(|(at, _)| *at);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let mut writer = Writer::new(Vec::new(), LinkType::ETHERNET).unwrap();
        for (at, data) in &self.0 {
            let time = Timestamp::from_nanos(MORNING + at * 1_000_000);
            let original_len = u32::try_from(data.len()).unwrap();
            writer
                .write(&Frame { time, link: LinkType::ETHERNET, interface: 0, original_len, data })
                .unwrap();
        }
        std::fs::write(&path, writer.into_inner()).unwrap();
        path
    }
}

fn request(method: &str, call_id: &str, from: &str, to_tag: &str, cseq: u8, body: &str) -> String {
    let head = head(call_id, from, to_tag, cseq, method, body);
    format!("{method} sip:1001@example.net SIP/2.0\r\nUser-Agent: made by code\r\n{head}{body}")
}

fn head(call_id: &str, from: &str, to_tag: &str, cseq: u8, method: &str, body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{call_id}{cseq}\r\nFrom: <sip:{from}@example.net>;tag=a\r\n\
         To: <sip:1001@example.net>{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{kind}\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
}

fn sdp([a, b, c, d]: [u8; 4], port: u16) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 {a}.{b}.{c}.{d}\r\ns=-\r\nc=IN IP4 {a}.{b}.{c}.{d}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 8\r\n"
    )
}
