//! How a call ends, and what keeps it up: BYE, CANCEL, and the session's refreshes.

use super::{Call, CallState, EndedBy, Party};
use crate::decode::Flow;
use crate::decode::sip::Message;
use crate::track::calls::Seen;
use crate::track::signal::{Session, Signal};

impl Call {
    pub(super) fn bye(&mut self, seen: &Seen<'_>, leg: usize, tell: &mut impl FnMut(Signal)) {
        let party = self.sender_of(seen.message);
        self.q850 = q850(seen.message).or(self.q850);
        if !self.hung_up(seen, leg, party) {
            return;
        }
        self.progress.bye.get_or_insert((seen.time, seen.flow));
        if self.answer.is_none() && !self.started_before_probe && party == Party::Caller {
            // An early dialog may be ended so (RFC 3261 §15); the 487 that follows says the same.
            self.progress.cancelled.get_or_insert(seen.time);
            self.state = CallState::Cancelled;
            self.progress.attempt.cancelled = true;
            self.settle(false, tell);
        }
    }

    /// An end leaves a leg; whether the call is over by that.
    fn hung_up(&mut self, seen: &Seen<'_>, leg: usize, party: Party) -> bool {
        let by = match party {
            Party::Caller => EndedBy::Caller,
            Party::Callee => EndedBy::Callee,
        };
        self.with_leg(leg, |leg| {
            leg.end.get_or_insert(seen.time);
            leg.ended_by.get_or_insert(by);
        });
        // Of several callees that answered all but one are let go.
        let goes_on = self.legs.iter().any(|l| l.answer.is_some() && l.end.is_none());
        if goes_on || self.end.is_some() {
            return false;
        }
        (self.state, self.ended_by) = (CallState::Completed, Some(by));
        (self.end, self.progress.over) = (Some(seen.time), Some(seen.time));
        true
    }

    pub(super) fn bye_response(
        &mut self,
        seen: &Seen<'_>,
        code: u16,
        leg: usize,
        hop: bool,
        tell: &mut impl FnMut(Signal),
    ) {
        if self.progress.bye.is_none() && self.answer.is_some() && (200..300).contains(&code) {
            // Requests of one end do not pass here: the BYE came before its answer.
            self.hung_up(seen, leg, self.sender_of(seen.message).other());
        }
        let Some((_, flow)) = self.progress.bye.filter(|_| (200..300).contains(&code)) else { return };
        if goes_back(seen.flow, flow) {
            self.progress.bye_answer.get_or_insert(seen.time);
            self.tell_session(hop, tell);
        } else {
            self.progress.bye_answer_elsewhere.get_or_insert(seen.time);
        }
    }

    /// A proxy that tries several callees cancels the others; that is not the caller's doing.
    pub(super) fn cancelled(&mut self, seen: &Seen<'_>) {
        let first = self.legs.first().map(|l| l.flow.src.address);
        if self.progress.hops.len() < 2 || first == Some(seen.flow.src.address) {
            self.progress.cancelled.get_or_insert(seen.time);
        }
    }

    pub(super) fn tell_session(&mut self, hop: bool, tell: &mut impl FnMut(Signal)) {
        let (Some(answer), Some(end)) = (self.answer, self.end) else { return };
        if !std::mem::replace(&mut self.progress.session_told, true) {
            let by = self.ended_by.unwrap_or(EndedBy::Unknown);
            let bye = self.progress.bye.map(|(time, _)| time);
            let bye_answer = self.progress.bye_answer.or(self.progress.bye_answer_elsewhere);
            tell(Signal::Session(Session { answer, end, bye, bye_answer, by, hop }));
        }
    }

    /// A 2xx begins or refreshes the session; without `Session-Expires` it has no limit (RFC 4028 §10).
    pub(super) fn refreshed(&mut self, message: &Message<'_>, time: i64) {
        self.progress.session = message.session_expires().map(|expires| {
            let interval = i64::from(expires.seconds) * 1_000_000_000;
            (time.saturating_add(interval), interval)
        });
    }
}

/// Whether `flow` is between the hosts of `first`, the other way.
pub(super) fn goes_back(flow: Flow, first: Flow) -> bool {
    flow.src.address == first.dst.address && flow.dst.address == first.src.address
}

/// The Q.850 cause of a message's `Reason` (RFC 3326, RFC 6432).
pub(super) fn q850(message: &Message<'_>) -> Option<u16> {
    message.reasons().find(|r| r.protocol.eq_ignore_ascii_case(b"Q.850")).and_then(|r| r.cause)
}
