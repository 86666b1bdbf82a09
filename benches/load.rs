//! A seeded generator of load: calls with SIP, SDP, RTP in both directions and RTCP, as a span port would
//! show them.
//!
//! The same [`Load`] gives the same frames everywhere, byte for byte. A hundredth of the packets is lost, a
//! hundredth is overtaken by the next ones, a few come too late for any buffer.
#![allow(dead_code, reason = "each bench takes what it needs of it")]
#![expect(clippy::indexing_slicing, reason = "frames of a fixed layout, built here")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use probes::{Frame, LinkType, Timestamp};

/// Length of a media frame: Ethernet 14, IPv4 20, UDP 8, RTP 12, 20 ms of G.711 at 160.
pub const MEDIA_FRAME: usize = 214;
/// The first frame's time, nanoseconds since the Unix epoch: 2025-01-01T00:00:00Z.
pub const START: i64 = 1_735_689_600_000_000_000;

const MS: i64 = 1_000_000;
const PTIME: i64 = 20 * MS;
const RTCP_EVERY: i64 = 5_000 * MS;
/// Calls begin within this time after the first.
const STAGGER: u64 = 2_000_000_000;
const SIP_PORT: u16 = 5060;
const UDP_PAYLOAD: usize = 42;

/// The splitmix64 generator.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// All numbers below `n`, in an order of its own.
    pub fn shuffled(&mut self, n: u32) -> Vec<u32> {
        let mut all: Vec<u32> = (0..n).collect();
        for i in (1..all.len()).rev() {
            all.swap(i, self.below(i as u64 + 1) as usize);
        }
        all
    }
}

/// What is generated.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Calls, two streams each.
    pub calls: u32,
    /// How long media flows in each.
    pub seconds: u32,
    /// Another one gives other losses and delays.
    pub seed: u64,
}

impl Default for Load {
    /// Three million packets.
    fn default() -> Self {
        Self { calls: 500, seconds: 60, seed: 1 }
    }
}

/// What happens next, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Sip { call: u32, step: usize },
    Send { call: u32, back: bool, number: u32 },
    Arrive { call: u32, back: bool, number: u32 },
    Report { call: u32, back: bool, number: u32 },
}

impl Load {
    /// Hands every frame to `take` with its time, in the order of time.
    pub fn generate(&self, mut take: impl FnMut(i64, &[u8])) {
        let mut random = Random(self.seed);
        let mut queue = BinaryHeap::new();
        for call in 0..self.calls {
            let begin = START + random.below(STAGGER).cast_signed();
            for (step, (after_ms, _)) in DIALOG.iter().enumerate() {
                let talk = if step >= HANG_UP { i64::from(self.seconds) * 1000 } else { 0 };
                queue.push(Reverse((begin + (after_ms + talk) * MS, Happening::Sip { call, step })));
            }
            for back in [false, true] {
                let first = begin + (ANSWERED + 1) * MS + random.below(20_000_000).cast_signed();
                queue.push(Reverse((first, Happening::Send { call, back, number: 0 })));
                queue.push(Reverse((first + RTCP_EVERY, Happening::Report { call, back, number: 0 })));
            }
        }
        let last = self.seconds * 50;
        let mut frame = [0; MEDIA_FRAME];
        while let Some(Reverse((time, happening))) = queue.pop() {
            match happening {
                Happening::Sip { call, step } => take(time, &sip(call, step)),
                Happening::Send { call, back, number } => {
                    if let Some(delay) = network(&mut random) {
                        queue.push(Reverse((time + delay, Happening::Arrive { call, back, number })));
                    }
                    if number + 1 < last {
                        queue.push(Reverse((
                            time + PTIME,
                            Happening::Send { call, back, number: number + 1 },
                        )));
                    }
                }
                Happening::Arrive { call, back, number } => {
                    Party::of(call, back).media(number, &mut frame);
                    take(time, &frame);
                }
                Happening::Report { call, back, number } => {
                    take(time, &Party::of(call, back).report(number));
                    if (number + 2) * 5 < self.seconds {
                        let next = Happening::Report { call, back, number: number + 1 };
                        queue.push(Reverse((time + RTCP_EVERY, next)));
                    }
                }
            }
        }
    }

    /// All of it in memory.
    pub fn in_memory(&self) -> Frames {
        let mut frames = Frames::default();
        self.generate(|time, bytes| frames.push(time, bytes));
        frames
    }
}

/// One way through the network, ns; `None` where the packet is lost.
fn network(random: &mut Random) -> Option<i64> {
    let jitter: u64 = (0..4).map(|_| random.below(3_000_000)).sum();
    let fate = random.below(10_000);
    let detour = match fate {
        0..100 => return None,
        // Overtaken by the next one or two.
        100..200 => 25_000_000 + random.below(20_000_000),
        // Too late.
        200..210 => 70_000_000 + random.below(80_000_000),
        _ => 0,
    };
    Some((10_000_000 + jitter + detour).cast_signed())
}

/// Frames in memory.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    places: Vec<(i64, usize)>,
}

impl Frames {
    fn push(&mut self, time: i64, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.places.push((time, self.bytes.len()));
    }

    /// As a probe hands them over.
    pub fn frames(&self) -> Vec<Frame<'_>> {
        let mut start = 0;
        let frame =
            |&(time, end): &(i64, usize)| frame(time, &self.bytes[std::mem::replace(&mut start, end)..end]);
        self.places.iter().map(frame).collect()
    }
}

/// An Ethernet frame as a probe hands it over.
pub fn frame(time: i64, data: &[u8]) -> Frame<'_> {
    Frame {
        time: Timestamp::from_nanos(time),
        link: LinkType::ETHERNET,
        interface: 0,
        original_len: data.len() as u32,
        data,
    }
}

/// One side of a call, and what it sends.
#[derive(Clone, Copy, Debug)]
pub struct Party {
    /// Address and RTP port.
    pub from: ([u8; 4], u16),
    /// The other side's.
    pub to: ([u8; 4], u16),
    /// Its stream's synchronisation source.
    pub ssrc: u32,
    /// PCMU or PCMA.
    pub payload_type: u8,
    first_sequence: u16,
    first_timestamp: u32,
}

impl Party {
    /// The caller of a call, or the callee.
    pub fn of(call: u32, callee: bool) -> Self {
        let [_, a, b, c] = call.to_be_bytes();
        // Phones have addresses of their own, gateways many ports.
        let phone = ([10, a, b, c], 16_384);
        let gateway = ([192, 168, (call / 20_000) as u8, 1], 10_000 + 2 * (call % 20_000) as u16);
        let (from, to) = if callee { (gateway, phone) } else { (phone, gateway) };
        let mut random = Random(u64::from(call) << 1 | u64::from(callee));
        let bits = random.next();
        Self {
            from,
            to,
            ssrc: bits as u32,
            payload_type: if call.is_multiple_of(2) { 8 } else { 0 },
            first_sequence: (bits >> 32) as u16,
            first_timestamp: random.next() as u32,
        }
    }

    /// Writes its RTP packet `number`.
    pub fn media(&self, number: u32, out: &mut [u8; MEDIA_FRAME]) {
        let rtp = &mut out[UDP_PAYLOAD..];
        rtp[0] = 0x80;
        rtp[1] = self.payload_type | if number == 0 { 0x80 } else { 0 };
        rtp[2..4].copy_from_slice(&self.first_sequence.wrapping_add(number as u16).to_be_bytes());
        let timestamp = self.first_timestamp.wrapping_add(number.wrapping_mul(160));
        rtp[4..8].copy_from_slice(&timestamp.to_be_bytes());
        rtp[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        let mut noise = Random(u64::from(self.ssrc) << 32 | u64::from(number));
        for eight in rtp[12..].chunks_exact_mut(8) {
            eight.copy_from_slice(&noise.next().to_le_bytes());
        }
        envelope(out, self.from, self.to, number as u16, 0xb8);
    }

    /// Its sender report `number`, with a block about the other side.
    pub fn report(&self, number: u32) -> Vec<u8> {
        let (from, to) = ((self.from.0, self.from.1 + 1), (self.to.0, self.to.1 + 1));
        let other = Self::of_ends(self.to, self.from);
        let mut out = vec![0; UDP_PAYLOAD];
        out.extend([0x81, 200, 0, 12]);
        let seconds = 3_944_678_400_u32 + 5 * (number + 1);
        let packets = 250 * (number + 1);
        let timestamp = self.first_timestamp.wrapping_add(packets * 160);
        let words = [
            self.ssrc,
            seconds,
            0,
            timestamp,
            packets,
            packets * 160, // sender
            other,
            0x0200_0005,
            packets,
            40,
            seconds << 16,
            0x1000, // block
        ];
        out.extend(words.into_iter().flat_map(u32::to_be_bytes));
        envelope(&mut out, from, to, number as u16, 0);
        out
    }

    /// The SSRC that the party at `from` sends to `to`.
    fn of_ends(from: ([u8; 4], u16), to: ([u8; 4], u16)) -> u32 {
        let phone = if from.0[0] == 10 { from } else { to };
        let [_, a, b, c] = phone.0;
        Self::of(u32::from_be_bytes([0, a, b, c]), from.0[0] != 10).ssrc
    }
}

/// When a dialog's message is seen (ms after the INVITE; after the talk from [`HANG_UP`] on), and whether the
/// callee sends it.
const DIALOG: [(i64, bool); 6] = [
    (0, false),
    (60, true),
    (ANSWERED, true),
    (ANSWERED + 1, false),
    (ANSWERED + 100, false),
    (ANSWERED + 130, true),
];
const ANSWERED: i64 = 500;
const HANG_UP: usize = 4;

/// Message `step` of a call's dialog, in its frame: INVITE, 180, 200, ACK, BYE, 200.
pub fn sip(call: u32, step: usize) -> Vec<u8> {
    let back = DIALOG[step].1;
    let (caller, callee) = (Party::of(call, false), Party::of(call, true));
    let text = message(call, step, &caller, &callee);
    let mut out = vec![0; UDP_PAYLOAD];
    out.extend(text.as_bytes());
    let ((from, _), (to, _)) = if back { (callee.from, caller.from) } else { (caller.from, callee.from) };
    envelope(&mut out, (from, SIP_PORT), (to, SIP_PORT), step as u16, 0x60);
    out
}

/// The INVITE of a call: about a kilobyte, its SDP included.
pub fn invite(call: u32) -> String {
    message(call, 0, &Party::of(call, false), &Party::of(call, true))
}

/// The SDP of a call's INVITE.
pub fn offer(call: u32) -> String {
    sdp(&Party::of(call, false))
}

fn message(call: u32, step: usize, caller: &Party, callee: &Party) -> String {
    let dotted = |a: [u8; 4]| std::net::Ipv4Addr::from(a);
    let (phone, gateway) = (dotted(caller.from.0), dotted(callee.from.0));
    let (start, cseq, to_tag, body) = match step {
        0 => ("INVITE", "1 INVITE", false, Some(sdp(caller))),
        1 => ("180 Ringing", "1 INVITE", true, None),
        2 => ("200 OK", "1 INVITE", true, Some(sdp(callee))),
        3 => ("ACK", "1 ACK", true, None),
        4 => ("BYE", "2 BYE", true, None),
        _ => ("200 OK", "2 BYE", true, None),
    };
    let start = if DIALOG[step].1 {
        format!("SIP/2.0 {start}")
    } else {
        format!("{start} sip:+4930{call:08}@{gateway};user=phone SIP/2.0")
    };
    let tag = if to_tag { format!(";tag=b{call:x}") } else { String::new() };
    let body = body.unwrap_or_default();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{start}\r\n\
         Via: SIP/2.0/UDP {phone}:5060;branch=z9hG4bK{call:08x}{cseq_tag};rport\r\n\
         Max-Forwards: 70\r\n\
         From: \"Extension {call}\" <sip:+4989{call:08}@example.com;user=phone>;tag=a{call:x}\r\n\
         To: <sip:+4930{call:08}@example.com;user=phone>{tag}\r\n\
         Call-ID: {call:08x}-6f2d-4c11-9a77-clearline@{phone}\r\n\
         CSeq: {cseq}\r\n\
         Contact: <sip:+4989{call:08}@{phone}:5060;transport=udp>\r\n\
         Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PUBLISH, MESSAGE\r\n\
         Supported: replaces, timer, path, 100rel\r\n\
         User-Agent: Load generator of Clearline\r\n\
         P-Asserted-Identity: <sip:+4989{call:08}@example.com;user=phone>\r\n\
         Session-Expires: 1800;refresher=uac\r\n\
         {kind}Content-Length: {length}\r\n\r\n{body}",
        cseq_tag = cseq.replace(' ', ""),
        length = body.len(),
    )
}

fn sdp(party: &Party) -> String {
    let (address, port) = (std::net::Ipv4Addr::from(party.from.0), party.from.1);
    format!(
        "v=0\r\no=- {ssrc} 1 IN IP4 {address}\r\ns=call\r\nc=IN IP4 {address}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n",
        ssrc = party.ssrc,
    )
}

/// Fills in Ethernet, IPv4 and UDP around a payload that stands at [`UDP_PAYLOAD`].
fn envelope(frame: &mut [u8], from: ([u8; 4], u16), to: ([u8; 4], u16), id: u16, tos: u8) {
    let (ip_len, udp_len) = ((frame.len() - 14) as u16, (frame.len() - 34) as u16);
    frame[..14].copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
    frame[14..16].copy_from_slice(&[0x45, tos]);
    frame[16..18].copy_from_slice(&ip_len.to_be_bytes());
    frame[18..20].copy_from_slice(&id.to_be_bytes());
    frame[20..26].copy_from_slice(&[0x40, 0, 62, 17, 0, 0]);
    frame[26..30].copy_from_slice(&from.0);
    frame[30..34].copy_from_slice(&to.0);
    let header = checksum(0, &frame[14..34]);
    frame[24..26].copy_from_slice(&header.to_be_bytes());
    frame[34..36].copy_from_slice(&from.1.to_be_bytes());
    frame[36..38].copy_from_slice(&to.1.to_be_bytes());
    frame[38..40].copy_from_slice(&udp_len.to_be_bytes());
    frame[40..42].copy_from_slice(&[0, 0]);
    let pseudo = frame[26..34].chunks_exact(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum::<u32>();
    let udp = checksum(pseudo + 17 + u32::from(udp_len), &frame[34..]);
    frame[40..42].copy_from_slice(&udp.to_be_bytes());
}

/// RFC 1071.
fn checksum(begin: u32, bytes: &[u8]) -> u16 {
    let mut sum = begin;
    for word in bytes.chunks(2) {
        sum += u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or(0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
