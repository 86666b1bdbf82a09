//! Captures by code: calls of phones of a site with SIP, SDP and RTP, in Ethernet frames.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use probes::pcap::Writer;
use probes::{Frame, LinkType, Timestamp};

/// 2025-01-06 09:00:00 UTC: past on every machine, on the grid of 15 s.
pub const BEGIN: i64 = 1_736_154_000;
/// From INVITE to 200 and the first RTP, ms.
pub const ANSWERED: i64 = 1000;
/// Packets of 20 ms.
const PTIME: i64 = 20;

/// A call from elsewhere to a phone.
pub struct Call {
    /// Parts it from the others.
    pub number: u32,
    /// The site's phone.
    pub phone: Ipv4Addr,
    pub at_ms: i64,
    /// RTP packets each way, less the lost ones.
    pub packets: u16,
    /// Of those that flow towards the phone.
    pub lost: fn(u16) -> bool,
    /// RTP from the phone as well.
    pub both_ways: bool,
    /// `None` for PCMA, else the name of payload type 97.
    pub codec: Option<String>,
    /// Ends with a BYE 1 s after its last packet.
    pub hung_up: bool,
}

impl Default for Call {
    fn default() -> Self {
        Self {
            number: 0,
            phone: Ipv4Addr::new(192, 0, 2, 10),
            at_ms: 0,
            packets: 500,
            lost: none,
            both_ways: true,
            codec: None,
            hung_up: true,
        }
    }
}

pub const fn none(_: u16) -> bool {
    false
}

/// A quarter of the packets, without a pattern.
pub const fn a_quarter(n: u16) -> bool {
    ((n as u32).wrapping_mul(2_654_435_761) >> 13).is_multiple_of(4)
}

/// From the first frame to the first lost packet's time.
pub fn first_lost(call: &Call) -> Duration {
    let n = (0..call.packets).find(|n| (call.lost)(*n)).unwrap();
    Duration::from_millis(u64::try_from(call.at_ms + ANSWERED + i64::from(n) * PTIME).unwrap())
}

type End = (Ipv4Addr, u16);

/// Frames and when they come, ms.
#[derive(Default)]
pub struct Frames(Vec<(i64, Vec<u8>)>);

impl Frames {
    pub fn of(calls: &[Call]) -> Self {
        let mut frames = Self::default();
        for call in calls {
            frames.call(call);
        }
        frames
    }

    fn call(&mut self, call: &Call) {
        let far = Ipv4Addr::new(203, 0, 113, 5);
        let port = u16::try_from(10_000 + 2 * (call.number % 20_000)).unwrap();
        let (phone, far) = ((call.phone, port), (far, port));
        let (at, id) = (call.at_ms, call.number);
        let sip = |end: End| (end.0, 5060);
        let to_phone = |text: String| (sip(far), sip(phone), text);
        let from_phone = |text: String| (sip(phone), sip(far), text);
        let offer = sdp(far, call.codec.as_deref());
        let answer = sdp(phone, call.codec.as_deref());
        let over = at + ANSWERED + i64::from(call.packets) * PTIME + 1000;
        let mut messages = vec![
            (at, to_phone(message("INVITE sip:1001@192.0.2.1 SIP/2.0", id, "", "1 INVITE", &offer))),
            (at + 50, from_phone(message("SIP/2.0 180 Ringing", id, ";tag=b", "1 INVITE", ""))),
            (at + 990, from_phone(message("SIP/2.0 200 OK", id, ";tag=b", "1 INVITE", &answer))),
            (at + 995, to_phone(message("ACK sip:1001@192.0.2.1 SIP/2.0", id, ";tag=b", "1 ACK", ""))),
        ];
        if call.hung_up {
            let bye = message("BYE sip:1001@192.0.2.1 SIP/2.0", id, ";tag=b", "2 BYE", "");
            messages.push((over, to_phone(bye)));
            messages.push((over + 5, from_phone(message("SIP/2.0 200 OK", id, ";tag=b", "2 BYE", ""))));
        }
        for (at, (from, to, text)) in messages {
            self.udp(at, from, to, text.as_bytes());
        }
        for n in 0..call.packets {
            let at = at + ANSWERED + i64::from(n) * PTIME;
            if !(call.lost)(n) {
                self.udp(at, far, phone, &rtp(call, n, 0));
            }
            if call.both_ways {
                self.udp(at + 7, phone, far, &rtp(call, n, 1));
            }
        }
    }

    fn udp(&mut self, at_ms: i64, from: End, to: End, payload: &[u8]) {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
        let length = |above: usize| u16::try_from(payload.len() + above).unwrap().to_be_bytes();
        frame.extend([0x45, 0]);
        frame.extend(length(28));
        frame.extend([0, 0, 0, 0, 64, 17, 0, 0]);
        frame.extend(from.0.octets());
        frame.extend(to.0.octets());
        frame.extend(from.1.to_be_bytes());
        frame.extend(to.1.to_be_bytes());
        frame.extend(length(8));
        frame.extend([0, 0]);
        frame.extend(payload);
        self.0.push((at_ms, frame));
    }

    /// From the first frame to the last.
    pub fn length(&self) -> Duration {
        let times = || self.0.iter().map(|(at, _)| *at);
        let span = times().max().unwrap_or(0) - times().min().unwrap_or(0);
        Duration::from_millis(u64::try_from(span).unwrap())
    }

    /// Writes them in the order of time.
    pub fn write(mut self, folder: &Path, name: &str) -> PathBuf {
        self.0.sort_by_key(|(at, _)| *at);
        let path = folder.join(name);
        let mut writer = Writer::new(Vec::new(), LinkType::ETHERNET).unwrap();
        for (at, data) in &self.0 {
            let time = Timestamp::from_nanos(BEGIN * 1_000_000_000 + at * 1_000_000);
            let original_len = u32::try_from(data.len()).unwrap();
            writer
                .write(&Frame { time, link: LinkType::ETHERNET, interface: 0, original_len, data })
                .unwrap();
        }
        std::fs::write(&path, writer.into_inner()).unwrap();
        path
    }
}

fn rtp(call: &Call, n: u16, way: u32) -> Vec<u8> {
    let mut packet = vec![0x80, if call.codec.is_some() { 97 } else { 8 }];
    packet.extend(n.to_be_bytes());
    packet.extend((u32::from(n) * 160).to_be_bytes());
    packet.extend((call.number * 2 + way + 1).to_be_bytes());
    packet.extend([0xd5; 160]);
    packet
}

fn message(start: &str, id: u32, to_tag: &str, cseq: &str, body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{start}\r\nVia: SIP/2.0/UDP 203.0.113.5;branch=z9hG4bK{id}{}\r\nFrom: <sip:{id}@example.net>;tag=a\r\n\
         To: <sip:1001@example.net>{to_tag}\r\nCall-ID: call-{id}@example.net\r\nCSeq: {cseq}\r\n{kind}\
         Content-Length: {}\r\n\r\n{body}",
        cseq.replace(' ', ""),
        body.len()
    )
}

fn sdp((address, port): End, codec: Option<&str>) -> String {
    let media = match codec {
        None => format!("m=audio {port} RTP/AVP 8\r\n"),
        Some(name) => format!("m=audio {port} RTP/AVP 97\r\na=rtpmap:97 {name}/8000\r\n"),
    };
    format!("v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n{media}")
}
