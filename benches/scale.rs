//! The packet path at 4,000 to 1,000,000 streams: `cargo bench --bench scale`.
//!
//! State is built first: streams begin spread over ten seconds, so that in any 20 ms a fiftieth of them turns
//! a second and a 500th closes an interval. Then every stream sends once in 20 ms, all in one shuffled order,
//! as in real traffic.
//! Packets are made in a small buffer just before they are taken, as a capture ring would hold them, and the
//! making is not timed. All lines are measured in turns, so that what else the machine does meets them alike;
//! medians are told, in ns a packet and as ratios to the floor: touching each frame's cache lines.
//! What a media clock costs (jitter and both playout buffers) is told by streams that have none.

mod load;

use std::collections::VecDeque;
use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clearline::decode::{HashKey, RtpPacket, Transport, decode_plain};
use clearline::engine::{self, Engine};
use clearline::track::arrival::RtpArrival;
use clearline::track::codecs::Encoding;
use clearline::track::media::{Binding, MediaKind, Place};
use clearline::track::streams::{BATCH, Settings, Streams};
use load::{MEDIA_FRAME, Party, Random, START};
use probes::Frame;

/// Packets made, then taken, at a time: 54 kB of frames.
const AHEAD: usize = 256;
/// Packets of one measurement.
const PACKETS: usize = 100_000;
const TURNS: usize = 15;
/// Periods of 20 ms over which streams begin.
const SPREAD: u32 = 500;

fn main() {
    // `cargo test --benches` runs this without the flag: nothing to test here.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let sizes = [4_000, 10_000, 100_000, 1_000_000];
    let mut lines: Vec<Line> = vec![
        Line::new("floor: touch each line", 4_000, Subject::Touch),
        Line::new("decode: Ethernet to RTP", 4_000, Subject::Decode),
        Line::new("track, no media clock", 4_000, Subject::table(4_000, 0)),
    ];
    lines.extend(sizes.map(|n| Line::new("track", n, Subject::table(n, 8000))));
    lines.extend(sizes.map(|n| Line::new("engine", n, Subject::engine(n))));
    for line in &mut lines {
        line.measure();
        line.taken.clear();
    }
    for _ in 0..TURNS {
        lines.iter_mut().for_each(Line::measure);
    }
    report(&mut lines);
}

fn report(lines: &mut [Line]) {
    let mut out = std::io::stdout().lock();
    let mut floor = None;
    let mut put = |text: String| writeln!(out, "{text}").expect("standard output takes it");
    put(format!("{:<26}{:>10}{:>12}{:>10}", "", "streams", "ns/packet", "floors"));
    for line in lines {
        line.taken.sort_unstable();
        let median = line.taken.get(line.taken.len() / 2).map_or(f64::NAN, Duration::as_secs_f64);
        let ns = median * 1e9 / PACKETS as f64;
        let floor = *floor.get_or_insert(ns);
        put(format!("{:<26}{:>10}{ns:>12.1}{:>10.1}", line.name, line.traffic.order.len(), ns / floor));
    }
}

/// One line of the report.
struct Line {
    name: &'static str,
    subject: Subject,
    traffic: Traffic,
    taken: Vec<Duration>,
}

/// What is measured.
enum Subject {
    Touch,
    Decode,
    Table(Box<Streams>),
    Engine(Box<Engine>),
}

impl Line {
    fn new(name: &'static str, streams: u32, subject: Subject) -> Self {
        let mut line = Self { name, subject, traffic: Traffic::new(streams), taken: Vec::new() };
        // Every stream's first packet, and the first of all together.
        for _ in 0..2 * (streams as usize).div_ceil(AHEAD) {
            line.step();
        }
        line
    }

    fn measure(&mut self) {
        let mut left = PACKETS;
        let mut all = Duration::ZERO;
        while left > 0 {
            all += self.step();
            left = left.saturating_sub(AHEAD);
        }
        // Whole steps were taken.
        self.taken.push(all.mul_f64(PACKETS as f64 / PACKETS.next_multiple_of(AHEAD) as f64));
    }

    fn step(&mut self) -> Duration {
        self.traffic.make();
        let frames: Vec<Frame<'_>> = self
            .traffic
            .times
            .iter()
            .zip(&self.traffic.bytes)
            .map(|(&t, bytes)| load::frame(t, bytes))
            .collect();
        match &mut self.subject {
            Subject::Touch => timed(|| {
                for frame in &frames {
                    black_box(frame.data.iter().step_by(64).fold(0, |sum, byte| sum ^ byte));
                }
            }),
            Subject::Decode => timed(|| {
                for frame in &frames {
                    black_box(arrival(frame));
                }
            }),
            Subject::Table(streams) => {
                let arrivals: Vec<RtpArrival> = frames.iter().filter_map(arrival).collect();
                timed(|| {
                    for batch in arrivals.chunks(BATCH) {
                        streams.handle(batch);
                        while let Some(event) = streams.poll_event() {
                            black_box(event);
                        }
                    }
                })
            }
            Subject::Engine(engine) => timed(|| {
                for batch in frames.chunks(64) {
                    engine.handle_frames(batch);
                    while let Some(event) = engine.poll_event() {
                        black_box(event);
                    }
                    while let Some(event) = engine.poll_signal() {
                        black_box(event);
                    }
                }
            }),
        }
    }
}

impl Subject {
    /// A stream table that SDP has told all about; of a clock of 0, nothing is known.
    fn table(streams: u32, clock_rate: u32) -> Self {
        let bound = streams as usize;
        let mut table = Streams::new(Settings { streams: bound, endpoints: bound, ..Settings::default() });
        let encoding = match clock_rate {
            0 => Encoding::unknown(0),
            rate => Encoding::new("PCMA", rate),
        };
        let encoding = table.encoding_id(encoding);
        for stream in 0..streams {
            let party = party(stream);
            let place = Place::Receiver(endpoint(party.to));
            let payloads = vec![(0, encoding), (8, encoding)];
            table
                .bind(place, Binding { time: START, call: Arc::default(), kind: MediaKind::Audio, payloads });
        }
        Self::Table(Box::new(table))
    }

    /// An engine that has seen every call being set up.
    fn engine(streams: u32) -> Self {
        let mut settings = engine::Settings::default();
        settings.calls.calls = streams as usize;
        settings.streams = Settings { endpoints: 4 * streams as usize, ..settings.streams };
        let mut engine = Engine::new(settings);
        for call in 0..streams / 2 {
            for step in [0, 2] {
                engine.handle_frames(&[load::frame(START, &load::sip(call, step))]);
            }
        }
        Self::Engine(Box::new(engine))
    }
}

fn party(stream: u32) -> Party {
    Party::of(stream / 2, stream % 2 == 1)
}

fn endpoint((address, port): ([u8; 4], u16)) -> clearline::decode::Endpoint {
    clearline::decode::Endpoint::new(clearline::decode::Address::v4(address), port)
}

#[inline(always)]
fn arrival(frame: &Frame<'_>) -> Option<RtpArrival> {
    let packet = decode_plain(frame)?;
    let Transport::Udp { payload, sent_len, checksum } = packet.transport else { return None };
    let rtp = RtpPacket::parse(payload, sent_len)?;
    Some(RtpArrival::of(&packet, packet.flow, &rtp, checksum, &HashKey::PUBLIC))
}

#[expect(clippy::disallowed_methods, reason = "a benchmark takes the time")]
fn timed(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

/// Packets of many streams, each one every 20 ms.
struct Traffic {
    /// Streams by when they begin; used up.
    begin: VecDeque<u32>,
    order: Vec<u32>,
    next: usize,
    /// The packet that each stream sends in these 20 ms.
    number: u32,
    random: Random,
    bytes: Vec<[u8; MEDIA_FRAME]>,
    times: Vec<i64>,
}

impl Traffic {
    fn new(streams: u32) -> Self {
        let mut random = Random(u64::from(streams));
        let order = random.shuffled(streams);
        let mut begin = order.clone();
        begin.sort_by_key(|stream| stream % SPREAD);
        let (bytes, times) = (vec![[0; MEDIA_FRAME]; AHEAD], vec![0; AHEAD]);
        Self { begin: begin.into(), order, next: 0, number: SPREAD, random, bytes, times }
    }

    /// The next packets; a hundredth is lost.
    fn make(&mut self) {
        const PTIME: i64 = 20_000_000;
        for (bytes, time) in self.bytes.iter_mut().zip(&mut self.times) {
            if let Some(stream) = self.begin.pop_front() {
                let number = stream % SPREAD;
                party(stream).media(number, bytes);
                *time = START + i64::from(number) * PTIME;
                continue;
            }
            let stream = loop {
                let Some(&stream) = self.order.get(self.next) else {
                    (self.next, self.number) = (0, self.number + 1);
                    continue;
                };
                self.next += 1;
                if self.random.below(100) > 0 {
                    break stream;
                }
            };
            party(stream).media(self.number, bytes);
            let into = (self.next as u64 * PTIME.cast_unsigned() / self.order.len() as u64).cast_signed();
            *time =
                START + i64::from(self.number) * PTIME + into + self.random.below(6_000_000).cast_signed();
        }
    }
}
