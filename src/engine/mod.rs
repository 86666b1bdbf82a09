//! The whole of it, sans I/O: frames in, events out.
//!
//! Three kinds of methods, in the order in which a driver calls them: [`Engine::handle_frames`] (it cannot
//! fail), [`Engine::poll_event`] (drain after every call), and [`Engine::finish`] at the end of input. No
//! clock, no socket, no thread: the same frames give the same events at any pace and in any batch size.
//!
//! An engine is a [`Front`] (decoding, signalling, calls) and a [`Media`] half (streams, scores) joined by a
//! [`Sink`]. With several workers there is one front, and a media half behind a queue for each worker; every
//! half hears of its packets, of bindings and of reports in the one order in which the front saw them.

mod clock;
mod described;
mod front;
mod media;
mod messages;
mod quality;
mod signalling;

use probes::Frame;

pub use self::described::Described;
pub use self::front::{Front, Sink};
pub use self::media::{Media, Told};
pub use self::messages::SipMessages;
pub use self::quality::ScoreSettings;
pub use self::signalling::MessageCounts;
use crate::decode::{HashKey, Undecoded};
use crate::event::Event;
use crate::track::codecs::Encodings;
use crate::track::liveness::Target;
use crate::track::registrations::Binding;
use crate::track::signal::SignalEvent;
use crate::track::streams::StreamCounters;

/// Bounds and choices of every layer.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Decoding.
    pub decode: crate::decode::Settings,
    /// SIP over byte streams.
    pub reassembly: crate::decode::reassembly::Settings,
    /// The stream table.
    pub streams: crate::track::streams::Settings,
    /// The call table.
    pub calls: crate::track::calls::Settings,
    /// Devices remembered with their registration.
    pub registrations: usize,
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
            calls: crate::track::calls::Settings::default(),
            registrations: 100_000,
            reports: 262_144,
            score: ScoreSettings::default(),
            key: HashKey::PUBLIC,
        }
    }
}

impl Settings {
    /// The bounds of each of `workers` media halves.
    #[must_use]
    pub fn shared_by(&self, workers: usize) -> Self {
        let part = |bound: usize| bound.div_ceil(workers.max(1));
        let mut share = self.clone();
        share.streams.streams = part(self.streams.streams);
        share.streams.unbound = part(self.streams.unbound);
        share.streams.unbound_bytes = part(self.streams.unbound_bytes);
        share
    }
}

/// Decode, track and score, strung together in one place.
#[derive(Debug)]
pub struct Engine {
    front: Front,
    media: Media,
}

impl Engine {
    /// An engine that has seen nothing.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "an engine is made once, of settings made for it")]
    pub fn new(settings: Settings) -> Self {
        Self { front: Front::new(&settings), media: Media::new(&settings) }
    }

    /// Takes frames in their order. Bad bytes are counted, nothing else. A few packets may wait for their
    /// look-ups until the next call of any method here.
    pub fn handle_frames(&mut self, frames: &[Frame<'_>]) {
        self.front.handle_frames(frames, &mut self.media);
    }

    /// The end of input: every stream and call is told as it stands.
    pub fn finish(&mut self) {
        self.front.finish(&mut self.media);
        self.media.finish();
    }

    /// The next thing to tell.
    pub fn poll_event(&mut self) -> Option<Event> {
        let front = &mut self.front;
        if let Some(call) = front.poll_call() {
            return Some(Event::Call(Box::new(call)));
        }
        if let Some(report) = front.poll_voice_report() {
            return Some(Event::VoiceReport(Box::new(report)));
        }
        if let Some(connection) = front.poll_tls() {
            return Some(Event::Tls(Box::new(connection)));
        }
        self.media.poll_event()
    }

    /// The next thing that signalling has shown; they wait until they are taken.
    pub fn poll_signal(&mut self) -> Option<SignalEvent> {
        self.front.poll_signal()
    }

    /// What was not decoded so far, by reason.
    #[must_use]
    pub fn undecoded(&self) -> Undecoded {
        self.front.undecoded()
    }

    /// SIP messages so far.
    #[must_use]
    pub const fn message_counts(&self) -> &MessageCounts {
        self.front.message_counts()
    }

    /// Every device's latest registration, by address-of-record and contact.
    #[must_use]
    pub fn registrations(&self) -> Vec<Binding> {
        self.front.registrations()
    }

    /// What became of OPTIONS, by where they went.
    #[must_use]
    pub fn liveness(&self) -> Vec<Target> {
        self.front.liveness()
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
