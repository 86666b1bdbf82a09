//! Captures by code: frames, calls, streams, and the analysis of them as a user would read it.

#![expect(clippy::unwrap_used, reason = "a test that cannot make its input has failed")]

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clearline::engine::{Engine, Settings};
use clearline::export::analysis::{Analysis, Collector, Labels};
use clearline::run;
use probes::pcap::{self, Input, Writer};
use probes::{Frame, LinkType, Timestamp};
use serde_json::Value;

/// 2023-11-14T22:13:20Z.
pub const START: i64 = 1_700_000_000_000_000_000;
pub const MS: i64 = 1_000_000;
pub const SECOND: i64 = 1000 * MS;

/// A frame that owns its bytes.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub time: i64,
    pub link: LinkType,
    pub data: Vec<u8>,
}

impl Recorded {
    pub fn frame(&self) -> Frame<'_> {
        Frame {
            time: Timestamp::from_nanos(self.time),
            link: self.link,
            interface: 0,
            original_len: u32::try_from(self.data.len()).unwrap(),
            data: &self.data,
        }
    }
}

/// SplitMix64: small, seeded, the same everywhere.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0…n−1.
    pub fn below(&mut self, n: u64) -> u64 {
        self.roll() % n
    }

    pub fn chance(&mut self, ratio: f64) -> bool {
        self.roll() as f64 / u64::MAX as f64 <= ratio
    }

    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n.div_ceil(8)).flat_map(|_| self.roll().to_le_bytes()).take(n).collect()
    }
}

/// An IPv4 address and a port.
pub type End = ([u8; 4], u16);

/// A UDP datagram in IPv4, from the IP header on.
pub fn udp_packet(src: End, dst: End, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + payload.len()).unwrap();
    let mut udp = [src.1.to_be_bytes(), dst.1.to_be_bytes(), len.to_be_bytes(), [0, 0]].concat();
    udp.extend_from_slice(payload);
    ipv4(17, src.0, dst.0, 0, 0, &udp)
}

/// `fragment`: the flags and offset field.
pub fn ipv4(protocol: u8, src: [u8; 4], dst: [u8; 4], id: u16, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let total = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x45, 0xb8, total[0], total[1]];
    packet.extend(id.to_be_bytes());
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0]);
    packet.extend(src);
    packet.extend(dst);
    packet.extend_from_slice(payload);
    packet
}

pub fn ethernet(time: i64, packet: &[u8]) -> Recorded {
    let mut data = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    data.extend_from_slice(packet);
    Recorded { time, link: LinkType::ETHERNET, data }
}

pub fn udp(time: i64, src: End, dst: End, payload: &[u8]) -> Recorded {
    ethernet(time, &udp_packet(src, dst, payload))
}

/// The same datagram in two fragments.
pub fn udp_in_fragments(time: i64, id: u16, src: End, dst: End, payload: &[u8]) -> [Recorded; 2] {
    let whole = udp_packet(src, dst, payload);
    let body = whole.get(20..).unwrap();
    let half = body.len() / 16 * 8;
    let (first, second) = body.split_at(half);
    let at = u16::try_from(half / 8).unwrap();
    [
        ethernet(time, &ipv4(17, src.0, dst.0, id, 0x2000, first)),
        ethernet(time + MS, &ipv4(17, src.0, dst.0, id, at, second)),
    ]
}

pub fn tcp(time: i64, src: End, dst: End, sequence: u32, flags: u8, payload: &[u8]) -> Recorded {
    let mut segment = [src.1.to_be_bytes(), dst.1.to_be_bytes()].concat();
    segment.extend(sequence.to_be_bytes());
    segment.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend_from_slice(payload);
    ethernet(time, &ipv4(6, src.0, dst.0, 0, 0, &segment))
}

pub fn rtp(
    payload_type: u8,
    marker: bool,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    payload: &[u8],
) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type | u8::from(marker) << 7];
    packet.extend(sequence.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend_from_slice(payload);
    packet
}

/// One party's session description.
pub fn sdp(end: End, formats: &str, attributes: &str) -> String {
    let [a, b, c, d] = end.0;
    let ip = format!("{a}.{b}.{c}.{d}");
    let port = end.1;
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP {formats}\r\n{attributes}"
    )
}

/// One message of the call `id`. `start`: "INVITE sip:b@example.net SIP/2.0", "SIP/2.0 200 OK".
pub fn sip(start: &str, id: &str, cseq: &str, body: &str) -> Vec<u8> {
    let tag = if start.starts_with("INVITE") { String::new() } else { format!(";tag=b{id}") };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let branch = cseq.replace(' ', "-");
    let mut message = format!(
        "{start}\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{id}-{branch}\r\n\
         From: <sip:a@example.net>;tag=a{id}\r\nTo: <sip:b@example.net>{tag}\r\n\
         Call-ID: {id}@example.net\r\nCSeq: {cseq}\r\n{kind}Content-Length: {}\r\n\r\n",
        body.len()
    );
    message.push_str(body);
    message.into_bytes()
}

/// An analysis as `clearline analyze` writes it.
pub fn json(analysis: &Analysis) -> Value {
    serde_json::from_slice(&written(analysis)).unwrap()
}

/// Frames through the engine, `batch` at a time, as a driver hands them over.
pub fn analyse_in_batches(frames: &[Recorded], batch: usize) -> Vec<u8> {
    let frames: Vec<Frame<'_>> = frames.iter().map(Recorded::frame).collect();
    let mut run = Run::default();
    for some in frames.chunks(batch) {
        run.take(some);
    }
    run.finish()
}

/// An engine and what it told so far.
pub struct Run {
    pub engine: Engine,
    collector: Collector,
}

impl Default for Run {
    fn default() -> Self {
        let settings = Settings::default();
        let collector = Collector::new(settings.score.adaptive);
        Self { engine: Engine::new(settings), collector }
    }
}

impl Run {
    pub fn take(&mut self, frames: &[Frame<'_>]) {
        self.engine.handle_frames(frames);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            self.collector.take(event);
        }
        while let Some(event) = self.engine.poll_signal() {
            self.collector.take_signal(&event, None);
        }
    }

    /// The end of input; the report as `clearline analyze` writes it.
    pub fn finish(mut self) -> Vec<u8> {
        self.engine.finish();
        self.drain();
        let messages = self.engine.message_counts().clone();
        let mut analysis =
            Analysis::of(vec![(self.collector, self.engine.encodings().clone())], messages, Vec::new());
        analysis.registrations = self.engine.registrations();
        analysis.liveness = self.engine.liveness();
        written(&analysis)
    }
}

pub fn written(analysis: &Analysis) -> Vec<u8> {
    let mut out = Vec::new();
    analysis.write_json(&mut out).unwrap();
    out
}

pub fn analyse_frames(frames: &[Recorded]) -> Value {
    serde_json::from_slice(&analyse_in_batches(frames, 64)).unwrap()
}

pub fn analyse_file(path: &Path) -> Analysis {
    run::analyse(&[Input::from(path.to_owned())], Settings::default(), Labels::default(), 1, |_| {})
        .unwrap()
        .analysis
}

/// The frames of a capture file.
pub fn read_frames(path: &Path) -> Vec<Recorded> {
    let mut timeline = pcap::open(&[Input::from(path.to_owned())]).unwrap();
    let mut all = Vec::new();
    loop {
        let mut frames = [Frame::default(); 16];
        let n = timeline.fill(&mut frames);
        if n == 0 {
            return all;
        }
        all.extend(frames.iter().take(n).map(|f| Recorded {
            time: f.time.as_nanos(),
            link: f.link,
            data: f.data.to_vec(),
        }));
    }
}

/// Frames as a pcap file, of the first one's link type.
pub fn pcap_bytes(frames: &[Recorded]) -> Vec<u8> {
    let link = frames.first().map_or(LinkType::ETHERNET, |f| f.link);
    let mut writer = Writer::new(Vec::new(), link).unwrap();
    for frame in frames {
        writer.write(&frame.frame()).unwrap();
    }
    writer.into_inner()
}

/// A file of this test run, by a name of its own.
pub fn scratch(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
    std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    path
}

/// Every file under `folder`.
pub fn captures(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            captures(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Own-made captures: `tests/captures/**/*.pcap[.gz]`, sorted.
pub fn own_captures() -> Vec<PathBuf> {
    let mut files = Vec::new();
    captures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures"), &mut files);
    files.retain(|path| {
        let name = path.to_string_lossy();
        [".pcap.gz", ".pcap", ".pcapng"].iter().any(|end| name.ends_with(end))
    });
    files.sort();
    files
}

/// A stream of `n` packets of PCMU, 20 ms apart, from `time` on.
pub fn stream(time: i64, src: End, dst: End, ssrc: u32, n: u16) -> Vec<Recorded> {
    (0..n)
        .map(|i| {
            let packet = rtp(0, i == 0, 1000 + i, 160 * u32::from(i), ssrc, &[0xd5; 160]);
            udp(time + i64::from(i) * 20 * MS, src, dst, &packet)
        })
        .collect()
}

/// A sender report of `ssrc`, and a receiver report about `about`, in one datagram.
pub fn rtcp(ssrc: u32, ntp_middle: u32, about: u32, last_sr: u32, held: u32) -> Vec<u8> {
    let mut packet = vec![0x81, 200, 0, 12];
    packet.extend(ssrc.to_be_bytes());
    packet.extend((u64::from(ntp_middle) << 16).to_be_bytes());
    packet.extend([0; 12]);
    packet.extend(about.to_be_bytes());
    packet.extend([0; 12]);
    packet.extend(last_sr.to_be_bytes());
    packet.extend(held.to_be_bytes());
    packet
}

/// Much of what there is at once: calls one in another, media before its SDP, streams nobody signalled,
/// fragments, SIP over TCP in small pieces, RTCP whose round trip changes, losses, a re-INVITE, noise.
pub fn mix() -> Vec<Recorded> {
    let mut dice = Dice(7);
    let mut all = Vec::new();
    for n in 0..6_u8 {
        let begin = START + i64::from(n) * 700 * MS;
        let (a, b) = (([10, 0, 0, n], 40_000), ([10, 0, 1, n], 50_000));
        all.extend(signalling_of_the_mix(n, begin, a, b));
        for (src, dst, ssrc) in [(a, b, 100 + u32::from(n)), (b, a, 200 + u32::from(n))] {
            for (i, frame) in stream(begin + 150 * MS, src, dst, ssrc, 1500).into_iter().enumerate() {
                if n == 1 && i % 50 == 7 {
                    let datagram = frame.data.get(42..).unwrap();
                    all.extend(udp_in_fragments(frame.time, 20 + i as u16, src, dst, datagram));
                    all.push(Recorded { time: frame.time + 30 * MS, ..frame });
                } else if !dice.chance(0.03) {
                    let jitter = i64::try_from(dice.below(90)).unwrap() * MS * i64::from(dice.chance(0.2));
                    all.push(Recorded { time: frame.time + jitter, ..frame });
                }
            }
        }
        all.extend(reports_of_the_mix(u32::from(n), begin, a, b));
    }
    for n in 0..4_u8 {
        let (a, b) = (([10, 9, 0, n], 6000), ([10, 9, 1, n], 7000));
        all.extend(stream(START + SECOND + i64::from(n) * MS, a, b, 900 + u32::from(n), 8 << (3 * n)));
    }
    for _ in 0..3000 {
        let time = START + i64::try_from(dice.below(30_000)).unwrap() * MS;
        let len = dice.below(80) as usize;
        let end = |dice: &mut Dice| ([10, 8, 0, dice.below(8) as u8], 4000 + dice.below(8) as u16);
        let (src, dst) = (end(&mut dice), end(&mut dice));
        all.push(udp(time, src, dst, &dice.bytes(len)));
    }
    all.sort_by_key(|f| f.time);
    all
}

fn signalling_of_the_mix(n: u8, begin: i64, a: End, b: End) -> Vec<Recorded> {
    let (sa, sb) = ((a.0, 5060), (b.0, 5060));
    let id = format!("c{n}");
    let maps = "a=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n";
    let offer = sip("INVITE sip:b@example.net SIP/2.0", &id, "1 INVITE", &sdp(a, "0 8 96 101", maps));
    let mut all = Vec::new();
    if n == 2 {
        // Over TCP, a few bytes a segment, one of them late.
        for (i, piece) in offer.chunks(50).enumerate() {
            let late = if i == 3 { 40 * MS } else { 0 };
            let sequence = u32::try_from(1 + 50 * i).unwrap();
            all.push(tcp(begin + i64::try_from(i).unwrap() * MS + late, sa, sb, sequence, 0x18, piece));
        }
    } else if n == 3 {
        all.extend(udp_in_fragments(begin, 9, sa, sb, &offer));
    } else {
        all.push(udp(begin, sa, sb, &offer));
    }
    // The callee's media comes before its answer.
    let answered = begin + i64::from(n) * 400 * MS + 100 * MS;
    let answer = sip("SIP/2.0 200 OK", &id, "1 INVITE", &sdp(b, "0 101", maps));
    all.push(udp(answered, sb, sa, &answer));
    all.push(udp(answered + 5 * MS, sa, sb, &sip("ACK sip:b@example.net SIP/2.0", &id, "1 ACK", "")));
    if n.is_multiple_of(2) {
        let again = sip("INVITE sip:b@example.net SIP/2.0", &id, "2 INVITE", &sdp(a, "8", ""));
        all.push(udp(begin + 12 * SECOND, sa, sb, &again));
    }
    all.push(udp(begin + 31 * SECOND, sa, sb, &sip("BYE sip:b@example.net SIP/2.0", &id, "3 BYE", "")));
    all.push(udp(begin + 31 * SECOND + MS, sb, sa, &sip("SIP/2.0 200 OK", &id, "3 BYE", "")));
    all
}

fn reports_of_the_mix(n: u32, begin: i64, a: End, b: End) -> Vec<Recorded> {
    let (a, b) = ((a.0, a.1 + 1), (b.0, b.1 + 1));
    let mut all = Vec::new();
    for k in 1..6_u32 {
        let time = begin + i64::from(k) * 5 * SECOND;
        let round = i64::from(k) * 20 * MS;
        // B's report came 20(k−1) ms after the last of A's, and A held it for all of this time but 30 ms.
        let held = (5000 - 20 * (k - 1) - 30) * 65_536 / 1000;
        all.push(udp(time, a, b, &rtcp(100 + n, 1000 + k, 200 + n, 2000 + k - 1, held)));
        all.push(udp(time + round, b, a, &rtcp(200 + n, 2000 + k, 100 + n, 1000 + k, 0)));
    }
    all
}
