//! One call: what people mean by it. Its dialogs are its legs; those of several Call-IDs are joined.

mod attempt;
mod audio;
mod audio_fault;
mod deadline;
mod dialog;
mod ending;
mod failure;
mod leg;
mod legs;
mod media;
mod memory;
mod merge;
mod session;

use std::sync::Arc;

pub(crate) use self::audio::MEDIA_TIMEOUT;
pub use self::audio::{Heard, HeardInterval, Quality};
pub use self::audio_fault::{AudioFault, AudioReason, AudioWay, Fault};
pub(crate) use self::dialog::{Change, Progress};
pub use self::leg::Leg;
pub use self::media::{MediaSaid, Party};
pub(crate) use self::memory::{Memory, Novelty};
pub(crate) use self::merge::Edge;
pub use self::session::Session;
use super::signal::Parties;
use crate::decode::Flow;

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// INVITE seen, nothing but 100 in answer.
    Trying,
    /// A provisional response other than 100.
    Ringing,
    /// A 2xx, not yet acknowledged.
    Answered,
    /// Acknowledged.
    Established,
    /// Answered and over.
    Completed,
    /// Given up by the caller before an answer.
    Cancelled,
    /// Refused.
    Failed,
    /// No final response was ever seen.
    TimedOut,
    /// Still up when the capture ended.
    Interrupted,
}

/// Who ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// Who sent the INVITE.
    Caller,
    /// Who received it.
    Callee,
    /// Nobody hung up: neither side sent media any more.
    MediaTimeout,
    /// Nobody hung up: the session was not refreshed ([RFC 4028](https://www.rfc-editor.org/rfc/rfc4028)).
    SessionTimer,
    /// It ended unseen.
    Unknown,
}

impl EndedBy {
    /// As reports and metrics name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
            Self::MediaTimeout => "media_timeout",
            Self::SessionTimer => "session_timer",
            Self::Unknown => "unknown",
        }
    }
}

/// What SIP transport a message came over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SipTransport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// WebSocket (RFC 7118).
    WebSocket,
    /// SCTP.
    Sctp,
    /// Told by a HEP sender.
    Hep,
}

impl SipTransport {
    /// As reports and metrics name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::WebSocket => "ws",
            Self::Sctp => "sctp",
            Self::Hep => "hep",
        }
    }
}

/// What tells one call from all others, and stays the same while it lasts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallIdentity {
    /// Unique for the life of the table; streams refer to it.
    pub serial: u64,
    /// First INVITE, nanoseconds since the Unix epoch.
    pub start: i64,
    /// `Call-ID`.
    pub call_id: String,
    /// Caller's tag.
    pub from_tag: String,
}

/// Two legs of one call that have different Call-IDs, and why they belong together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Join {
    /// The earlier leg: a place in [`Call::legs`].
    pub a: usize,
    /// The later one.
    pub b: usize,
    /// What shows it.
    pub by: JoinedBy,
    /// 0 … 1.
    pub confidence: f32,
}

/// What shows that two dialogs belong to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinedBy {
    /// The same `Session-ID` ([RFC 7989](https://www.rfc-editor.org/rfc/rfc7989)).
    SessionId,
    /// A header that names the other: a configured one, `Diversion`, `History-Info`.
    Header,
    /// `Replaces` or `Join` ([RFC 3891](https://www.rfc-editor.org/rfc/rfc3891),
    /// [RFC 3911](https://www.rfc-editor.org/rfc/rfc3911)).
    Replaces,
    /// It is what a `REFER` asked for ([RFC 3515](https://www.rfc-editor.org/rfc/rfc3515)), or a redirection.
    Refer,
    /// Numbers, times and SDP agree: an inference.
    Numbers,
}

impl JoinedBy {
    /// As reports name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionId => "session_id",
            Self::Header => "header",
            Self::Replaces => "replaces",
            Self::Refer => "refer",
            Self::Numbers => "numbers",
        }
    }

    /// Whether the later dialog is the earlier one's way on through a back-to-back user agent, rather than an
    /// attempt of its own, as that of a transfer is.
    pub(crate) const fn is_hop(self) -> bool {
        matches!(self, Self::SessionId | Self::Header | Self::Numbers)
    }
}

/// One call. In the table, all INVITE dialogs of one Call-ID; when told, those of all that were joined.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Unique for the life of the table; streams refer to it.
    pub serial: u64,
    /// Serials of all that was joined to it, its own first.
    pub parts: Vec<u64>,
    /// `Call-ID` of the first INVITE.
    pub call_id: String,
    /// Caller's tag.
    pub from_tag: String,
    /// Caller's user part.
    pub from: Option<String>,
    /// First callee's user part.
    pub to: Option<String>,
    /// How far it came.
    pub state: CallState,
    /// Last final status of the INVITE.
    pub status: Option<u16>,
    /// Reason phrase beside it.
    pub reason: Option<String>,
    /// `Reason` header's Q.850 cause.
    pub q850: Option<u16>,
    /// Text of the last `Warning` beside a final failure.
    pub warning: Option<String>,
    /// Who ended it.
    pub ended_by: Option<EndedBy>,
    /// First INVITE, nanoseconds since the Unix epoch.
    pub start: i64,
    /// First provisional response but 100.
    pub ringing: Option<i64>,
    /// First 2xx.
    pub answer: Option<i64>,
    /// The end: BYE, or the final response that refused it.
    pub end: Option<i64>,
    /// Who sent the last final failure.
    pub answered_by: Option<Flow>,
    /// The dialogs, in the order in which they were first seen.
    pub legs: Vec<Leg>,
    /// How legs of different Call-IDs belong together: a tree.
    pub joins: Vec<Join>,
    /// What SDP said of its audio.
    pub media: MediaSaid,
    /// Its sessions, one a Call-ID, once it is told.
    pub sessions: Vec<Session>,
    /// What was wrong with its audio, as far as its streams were looked at.
    pub audio: Vec<AudioFault>,
    /// Digits sent by INFO; they are counted, never kept.
    pub info_digits: u32,
    /// Between whom it was first asked for.
    pub parties: Arc<Parties>,
    /// Seen from the middle: its first INVITE was not.
    pub started_before_probe: bool,
    /// Let go before it ended, at the table's bound.
    pub evicted: bool,
    /// Packet time at which it was told: nothing after that is known of it.
    pub told: i64,
    /// What is needed while it goes on.
    pub(crate) progress: Progress,
}

impl Call {
    /// What tells it from all others.
    #[must_use]
    pub fn identity(&self) -> CallIdentity {
        CallIdentity {
            serial: self.serial,
            start: self.start,
            call_id: self.call_id.clone(),
            from_tag: self.from_tag.clone(),
        }
    }

    /// First INVITE to the first sign of life, ms (RFC 6076 §4.3).
    #[must_use]
    pub fn post_dial_delay_ms(&self) -> Option<f64> {
        let sign_of_life = self.ringing.into_iter().chain(self.seen_answer()).min()?;
        between(self.start, sign_of_life).filter(|_| !self.started_before_probe)
    }

    /// First INVITE to first 2xx, ms.
    #[must_use]
    pub fn answer_delay_ms(&self) -> Option<f64> {
        between(self.start, self.seen_answer()?).filter(|_| !self.started_before_probe)
    }

    /// The answer, unless only the ACK showed that there was one: when it came is not known then.
    fn seen_answer(&self) -> Option<i64> {
        self.answer.filter(|_| self.status.is_some())
    }

    /// First 2xx that was seen to the end, s.
    #[must_use]
    pub fn duration_s(&self) -> Option<f64> {
        Some(between(self.answer?, self.end?)? / 1000.0)
    }

    /// Its last status, if it was never answered.
    #[must_use]
    pub fn failure(&self) -> Option<Option<u16>> {
        let over = matches!(self.state, CallState::Failed | CallState::Cancelled | CallState::TimedOut);
        (over && self.answer.is_none()).then_some(self.status)
    }

    /// Whether it still has something to come.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.end.is_none()
    }
}

/// Milliseconds from one time to a later one. None where the capture's clock stepped back between them: how long
/// it was is not known then.
fn between(from: i64, to: i64) -> Option<f64> {
    to.checked_sub(from).filter(|ns| *ns >= 0).map(|ns| ns as f64 / 1e6)
}
