//! What leaves the engine: plain data.

use std::collections::VecDeque;

use crate::score::{Confidence, Profile, Reasons, Score, Withheld};
use crate::track::call::Call;
use crate::track::codecs::EncodingId;
use crate::track::reports::{ReportSummary, Said};
use crate::track::streams::{Activity, ClosedInterval, EndedStream};
use crate::track::tls::TlsConnection;
use crate::track::voice_reports::VoiceReport;

/// Something the engine tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// An interval of a stream closed.
    Interval(ScoredInterval),
    /// A stream fell silent within an interval: what it would be if no packet came any more. It is told again
    /// when it closes.
    Silent(ScoredInterval),
    /// A stream began, fell silent, or went on.
    Activity(Activity),
    /// The ends said something of a stream since its interval before closed.
    Reported(Reported),
    /// A stream ended.
    Stream(Box<StreamRecord>),
    /// A call ended, or was let go.
    Call(Box<Call>),
    /// A phone said of a call what it received.
    VoiceReport(Box<VoiceReport>),
    /// A TLS connection of signalling ended, or was let go.
    Tls(Box<TlsConnection>),
}

/// What the ends said of a stream, oldest first.
#[derive(Clone, Debug)]
pub struct Reported {
    /// Of which: as in its intervals.
    pub stream: u64,
    /// What.
    pub said: VecDeque<Said>,
}

/// An interval and its score.
#[derive(Clone, Copy, Debug)]
pub struct ScoredInterval {
    /// The interval, and of which stream.
    pub closed: ClosedInterval,
    /// What most of its packets carried.
    pub encoding: EncodingId,
    /// Its score, of the configured buffer; or why there is none.
    pub score: Result<Score, Withheld>,
    /// How far the score may be trusted.
    pub confidence: Confidence,
    /// Why no further.
    pub reasons: Reasons,
}

/// What one playout buffer would have made of a stream.
#[derive(Clone, Copy, Debug)]
pub struct PlayoutRecord {
    /// Fixed or adaptive.
    pub adaptive: bool,
    /// Depth, ms; of the adaptive one none is fixed.
    pub depth_ms: Option<f64>,
    /// Mean delay it added, ms; `None` where no clock was known.
    pub delay_ms: Option<f64>,
    /// Arrived too late to be played; `None` where no clock was known.
    pub discarded: Option<u32>,
    /// Lost and discarded, per cent of the expected.
    pub ppl_percent: Option<f64>,
    /// BurstR of lost and discarded together.
    pub burst_ratio: Option<f64>,
    /// The score; or why there is none.
    pub score: Result<Score, Withheld>,
}

/// Network delay, one way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetworkDelay {
    /// ms.
    pub value_ms: f64,
    /// From RTCP; else assumed.
    pub measured: bool,
}

/// Everything about a stream that ended.
#[derive(Clone, Debug)]
pub struct StreamRecord {
    /// The stream.
    pub ended: EndedStream,
    /// What RTCP says of it.
    pub reports: ReportSummary,
    /// What it is scored by.
    pub encoding: EncodingId,
    /// The buffers: fixed, adaptive.
    pub playout: [PlayoutRecord; 2],
    /// The score, of the configured buffer; or why there is none.
    pub score: Result<Score, Withheld>,
    /// With whose values it was scored.
    pub profile: Profile,
    /// Network delay that the score used.
    pub delay: NetworkDelay,
    /// How far the score may be trusted; `None` without one.
    pub confidence: Option<Confidence>,
    /// Why no further.
    pub reasons: Reasons,
}
