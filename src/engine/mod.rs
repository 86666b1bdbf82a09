//! The whole of it, sans I/O: frames in, events out.
//!
//! Three kinds of methods, in the order in which a driver calls them: [`Engine::handle_frames`] (it cannot
//! fail), [`Engine::poll_event`] (drain after every call), and [`Engine::finish`] at the end of input. No
//! clock, no socket, no thread: the same frames give the same events at any pace and in any batch size.

mod clock;
mod media;
mod quality;
mod signalling;

use probes::Frame;

use self::clock::Clock;
use self::media::Media;
pub use self::quality::ScoreSettings;
pub use self::signalling::MessageCounts;
use self::signalling::Signalling;
use crate::decode::{Decoder, HashKey, RtpPacket, Transport, Undecoded};
use crate::event::Event;
use crate::track::arrival::RtpArrival;
use crate::track::codecs::Encodings;
use crate::track::streams::StreamCounters;

/// The tables look at the clock no more often than this, ns of packet time.
const CLOCK_STEP: i64 = 100_000_000;

/// Bounds and choices of every layer.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Decoding.
    pub decode: crate::decode::Settings,
    /// SIP over byte streams.
    pub reassembly: crate::decode::reassembly::Settings,
    /// The stream table.
    pub streams: crate::track::streams::Settings,
    /// Calls at once.
    pub calls: usize,
    /// Streams of which RTCP is remembered.
    pub reports: usize,
    /// How scores are made.
    pub score: ScoreSettings,
    /// Key of our hash of flows.
    pub key: HashKey,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            decode: crate::decode::Settings::default(),
            reassembly: crate::decode::reassembly::Settings::default(),
            streams: crate::track::streams::Settings::default(),
            calls: 262_144,
            reports: 262_144,
            score: ScoreSettings::default(),
            key: HashKey::PUBLIC,
        }
    }
}

/// Decode, track and score, strung together.
#[derive(Debug)]
pub struct Engine {
    decoder: Decoder,
    signalling: Signalling,
    media: Media,
    clock: Clock,
    key: HashKey,
    /// When the tables next want to look at the clock.
    deadline: i64,
}

impl Engine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            decoder: Decoder::new(settings.decode),
            signalling: Signalling::new(&settings),
            media: Media::new(settings.streams, settings.reports, settings.score),
            clock: Clock::default(),
            key: settings.key,
            deadline: i64::MIN,
        }
    }

    /// Takes frames in their order. Bad bytes are counted, nothing else. A few packets may wait for their
    /// look-ups until the next call of any method here.
    pub fn handle_frames(&mut self, frames: &[Frame<'_>]) {
        for frame in frames {
            let now = self.clock.observe(frame.time.as_nanos());
            if now >= self.deadline {
                self.turn_clock(now);
            }
            let Some(packet) = self.decoder.decode(frame) else { continue };
            // Media is nearly all there is: it must not wait for what is rare.
            if let Transport::Udp { payload, sent_len, checksum } = packet.transport
                && let Some(rtp) = RtpPacket::parse(payload, sent_len)
            {
                self.media.handle_packet(&RtpArrival::of(&packet, packet.flow, &rtp, checksum, &self.key));
            } else {
                let media = &mut self.media;
                self.signalling.handle(&packet, &mut |told| media.handle_told(&told));
            }
        }
    }

    #[cold]
    fn turn_clock(&mut self, now: i64) {
        let next = [self.media.handle_timeout(now), self.signalling.handle_timeout(now)];
        let next = next.into_iter().flatten().min().unwrap_or(i64::MIN);
        self.deadline = next.max(now.saturating_add(CLOCK_STEP));
    }

    /// The end of input: every stream and call is told as it stands.
    pub fn finish(&mut self) {
        let media = &mut self.media;
        self.signalling.finish(self.clock.now().unwrap_or_default(), &mut |told| media.handle_told(&told));
        media.finish();
    }

    /// The next thing to tell.
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(call) = self.signalling.poll_call() {
            return Some(Event::Call(Box::new(call)));
        }
        self.media.poll_event()
    }

    /// What was not decoded so far, by reason.
    #[must_use]
    pub fn undecoded(&self) -> Undecoded {
        let mut all = *self.decoder.counters();
        all.add(self.signalling.malformed());
        all
    }

    /// SIP messages so far.
    #[must_use]
    pub const fn message_counts(&self) -> &MessageCounts {
        self.signalling.counts()
    }

    /// Encodings by the numbers in events.
    #[must_use]
    pub const fn encodings(&self) -> &Encodings {
        self.media.encodings()
    }

    /// What the stream table did not keep.
    #[must_use]
    pub const fn stream_counters(&self) -> StreamCounters {
        self.media.counters()
    }
}
