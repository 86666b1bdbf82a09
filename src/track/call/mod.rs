//! One call as its INVITE dialogs tell it: when it rang, was answered, ended, and who ended it.

mod leg;

pub use leg::Leg;

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

/// One call: all INVITE dialogs of one Call-ID.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Unique for the life of the table; streams refer to it.
    pub serial: u64,
    /// `Call-ID`.
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
    /// Seen from the middle: its first INVITE was not.
    pub started_before_probe: bool,
    /// Let go before it ended, at the table's bound.
    pub evicted: bool,
    /// A CANCEL was seen.
    pub(crate) cancelled: bool,
    /// When a message of it was last seen.
    pub(crate) last_seen: i64,
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
        self.ringing.into_iter().chain(self.answer).min().map(|t| millis(t.saturating_sub(self.start)))
    }

    /// First INVITE to first 2xx, ms.
    #[must_use]
    pub fn answer_delay_ms(&self) -> Option<f64> {
        self.answer.map(|t| millis(t.saturating_sub(self.start)))
    }

    /// First 2xx to the end, s.
    #[must_use]
    pub fn duration_s(&self) -> Option<f64> {
        Some(millis(self.end?.saturating_sub(self.answer?)) / 1000.0)
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

fn millis(nanos: i64) -> f64 {
    nanos as f64 / 1e6
}
