//! One SIP dialog of a call, as this probe saw it.

use super::{EndedBy, SipTransport};
use crate::decode::Flow;

/// One INVITE dialog: a Call-ID and both tags. Early dialogs of a forked INVITE are legs of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    /// `Call-ID`.
    pub call_id: String,
    /// Caller's tag.
    pub from_tag: String,
    /// Callee's tag; `None` until a response names it.
    pub to_tag: Option<String>,
    /// Caller's user part.
    pub from: Option<String>,
    /// Callee's user part.
    pub to: Option<String>,
    /// Of the first INVITE.
    pub transport: SipTransport,
    /// Of the first INVITE.
    pub flow: Flow,
    /// Caller's `User-Agent`.
    pub caller_agent: Option<String>,
    /// Callee's `User-Agent` or `Server`.
    pub callee_agent: Option<String>,
    /// Final status.
    pub status: Option<u16>,
    /// Reason phrase beside it.
    pub reason: Option<String>,
    /// Who ended it.
    pub ended_by: Option<EndedBy>,
    /// INVITE.
    pub start: i64,
    /// First provisional response but 100.
    pub ringing: Option<i64>,
    /// First 2xx.
    pub answer: Option<i64>,
    /// BYE or refusal.
    pub end: Option<i64>,
    /// Messages sent again.
    pub retransmissions: u32,
    /// Messages that the span port copied.
    pub mirror_copies: u32,
}

impl Leg {
    /// The leg as another callee of the same INVITE begins it: nothing of the first one's fate holds.
    pub(crate) fn forked(&self, to_tag: &str) -> Self {
        Self {
            to_tag: Some(to_tag.to_owned()),
            status: None,
            reason: None,
            ended_by: None,
            ringing: None,
            answer: None,
            end: None,
            callee_agent: None,
            retransmissions: 0,
            mirror_copies: 0,
            ..self.clone()
        }
    }

    /// Whether it has the two tags, whichever way round.
    pub(crate) fn has_tags(&self, one: &str, other: &str) -> bool {
        let to = self.to_tag.as_deref();
        (self.from_tag == one && to == Some(other)) || (self.from_tag == other && to == Some(one))
    }
}
