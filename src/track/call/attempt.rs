//! From INVITE to its final response: one attempt, and the next.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::ending::q850;
use super::{Call, CallState, Change, EndedBy, Novelty};
use crate::decode::sip::Message;
use crate::track::calls::{Seen, text};
use crate::track::signal::{Attempt, Signal};

impl Call {
    pub(super) fn invite(&mut self, change: &Change<'_>, tell: &mut impl FnMut(Signal)) {
        let Change { seen, novelty, hop } = *change;
        if novelty == Novelty::Hop {
            // Beyond the bound it is a loop.
            let _full = self.progress.hops.try_push(seen.flow.dst.address);
            return;
        }
        if seen.message.to().and_then(|t| t.tag()).is_some() {
            let party = self.sender_of(seen.message);
            self.reoffer_of(party).replace(seen.time);
            return;
        }
        if self.comes_from_a_hop(seen) {
            // Whoever took the INVITE asks on in its own name, and leaves the Call-ID: what it hears is not yet
            // what the caller hears.
            let _full = self.progress.hops.try_push(seen.flow.dst.address);
            return;
        }
        self.progress.branch = branch(seen.message);
        let Some(status) = self.progress.attempt.status.filter(|_| self.answer.is_none()) else { return };
        // The same attempt goes on with credentials or a longer session (RFC 3261 §22.2, RFC 4028 §7.3); at
        // another place it is a new one (RFC 6076 §4.6).
        if goes_on_after(status) {
            self.progress.attempt = Attempt { status: None, end: None, ..self.progress.attempt };
        } else {
            self.settle(hop, tell);
            // A redirection is a part of the delay that the caller sees (RFC 6076 §4.3.1).
            let start = if (300..400).contains(&status) { self.progress.attempt.start } else { seen.time };
            self.progress.attempt = Attempt { start, hop, ..Attempt::default() };
            self.progress.settled = false;
            tell(Signal::Attempted { hop, redial: false });
        }
        (self.state, self.status, self.reason, self.end) = (CallState::Trying, None, None, None);
        (self.progress.over, self.progress.asked) = (None, seen.time);
        if let Some(leg) = self.legs.first_mut() {
            (leg.status, leg.reason, leg.end, leg.to_tag) = (None, None, None, None);
        }
    }

    pub(super) fn acknowledged(&mut self, change: &Change<'_>, leg: usize, tell: &mut impl FnMut(Signal)) {
        if self.answer.is_none() && self.acknowledges_2xx(change.seen) {
            self.answered_unseen(change, leg, tell);
        }
        if self.state == CallState::Answered {
            self.state = CallState::Established;
        }
    }

    /// Whether the caller acknowledges a 2xx: that ACK is a transaction of its own, any other one is a part of
    /// the INVITE's and has its branch (RFC 3261 §17.1.1.3, §13.2.2.4).
    fn acknowledges_2xx(&self, seen: &Seen<'_>) -> bool {
        let by_caller = self.legs.first().is_some_and(|l| l.flow.src.address == seen.flow.src.address);
        let has_tag = seen.message.to().is_some_and(|t| t.tag().is_some());
        let own = branch(seen.message).zip(self.progress.branch).is_some_and(|(ack, invite)| ack != invite);
        // What was refused is acknowledged, too, and not everybody keeps the branch then.
        let refused = self.progress.attempt.status.is_some();
        by_caller && has_tag && own && !refused && !self.started_before_probe
    }

    /// The caller got a 2xx that did not pass here, or only at another hop: answers may take a way that is not
    /// mirrored. Where no hop showed it, it came shortly before the ACK, and its status is not known.
    fn answered_unseen(&mut self, change: &Change<'_>, leg: usize, tell: &mut impl FnMut(Signal)) {
        let time = change.seen.time;
        let answer = self.legs.get(leg).and_then(|l| l.answer).unwrap_or(time);
        self.with_leg(leg, |leg| {
            leg.answer.get_or_insert(answer);
        });
        let (status, reason) = self.legs.get(leg).map_or((None, None), |l| (l.status, l.reason.clone()));
        (self.answer, self.status, self.reason, self.ended_by) = (Some(answer), status, reason, None);
        (self.state, self.end, self.progress.over) = (CallState::Answered, None, None);
        let attempt = &mut self.progress.attempt;
        (attempt.answer, attempt.end, attempt.status) = (Some(answer), Some(answer), status);
        self.settle(change.hop, tell);
    }

    pub(super) fn response(
        &mut self,
        change: &Change<'_>,
        leg: usize,
        code: u16,
        tell: &mut impl FnMut(Signal),
    ) {
        let Change { seen, hop, .. } = *change;
        let (message, time) = (seen.message, seen.time);
        if code < 101 {
            self.progress.tried = true;
            return;
        }
        let asker = self.sender_of(message).other();
        if code >= 200
            && self.answer.is_some()
            && let Some(since) = self.reoffer_of(asker).take()
        {
            // A re-INVITE that is refused leaves the call as it was (RFC 3261 §14.1).
            if code >= 300 {
                self.media.take_back(asker, since);
                return;
            }
            // Either end refreshes the session, at whatever hop that is seen.
            self.refreshed(message, time);
        }
        if self.answer.is_some() && code >= 300 {
            return;
        }
        let reason = message.reason_phrase().map(text).filter(|r| !r.is_empty());
        let agent = message.user_agent().map(text);
        self.with_leg(leg, |leg| {
            leg.callee_agent = leg.callee_agent.take().or(agent);
            match code {
                ..200 => _ = leg.ringing.get_or_insert(time),
                200..300 => {
                    leg.answer.get_or_insert(time);
                    (leg.status, leg.reason, leg.end) = (Some(code), reason.clone(), None);
                }
                _ => {
                    leg.end.get_or_insert(time);
                    (leg.status, leg.reason) = (Some(code), reason.clone());
                }
            }
        });
        if !self.is_on_first_hop(seen) {
            return;
        }
        match code {
            ..200 => self.rings(time),
            200..300 => self.answered(seen, code, reason, hop, tell),
            _ => self.refused(seen, code, reason, hop, tell),
        }
    }

    fn rings(&mut self, time: i64) {
        self.ringing.get_or_insert(time);
        self.progress.attempt.ringing.get_or_insert(time);
        if matches!(self.state, CallState::Trying | CallState::TimedOut) {
            self.state = CallState::Ringing;
            self.progress.over = None;
        }
    }

    fn answered(
        &mut self,
        seen: &Seen<'_>,
        code: u16,
        reason: Option<String>,
        hop: bool,
        tell: &mut impl FnMut(Signal),
    ) {
        self.refreshed(seen.message, seen.time);
        if self.answer.is_some() {
            return;
        }
        self.answer = Some(seen.time);
        (self.status, self.reason, self.ended_by) = (Some(code), reason, None);
        (self.state, self.end, self.progress.over) = (CallState::Answered, None, None);
        let attempt = &mut self.progress.attempt;
        attempt.answer = Some(seen.time);
        (attempt.end, attempt.status) = (Some(seen.time), Some(code));
        self.settle(hop, tell);
    }

    fn refused(
        &mut self,
        seen: &Seen<'_>,
        code: u16,
        reason: Option<String>,
        hop: bool,
        tell: &mut impl FnMut(Signal),
    ) {
        (self.status, self.reason) = (Some(code), reason);
        self.q850 = q850(seen.message).or(self.q850);
        self.warning = seen.message.warnings().last().map(|w| text(w.text)).or(self.warning.take());
        self.answered_by = Some(seen.flow);
        self.end = Some(seen.time);
        let given_up = self.progress.cancelled.is_some() && code == 487;
        self.state = if given_up { CallState::Cancelled } else { CallState::Failed };
        self.ended_by = given_up.then_some(EndedBy::Caller);
        let attempt = &mut self.progress.attempt;
        (attempt.end, attempt.status) = (Some(seen.time), Some(code));
        attempt.cancelled = given_up;
        // A challenge, or a redirection, may yet be heeded.
        if !goes_on_after(code) {
            if !(300..400).contains(&code) {
                self.progress.over = Some(seen.time);
            }
            self.settle(hop, tell);
        }
    }

    /// Tells what became of the attempt, once.
    pub(super) fn settle(&mut self, hop: bool, tell: &mut impl FnMut(Signal)) {
        if !std::mem::replace(&mut self.progress.settled, true) {
            tell(Signal::Settled(Attempt { hop, ..self.progress.attempt }));
        }
    }
}

/// The top branch of a request.
pub(super) fn branch(message: &Message<'_>) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    message.via()?.branch()?.hash(&mut hasher);
    Some(hasher.finish())
}

/// Whether the same attempt is expected to go on after this final response: with credentials, a longer session,
/// or the security that was asked for (RFC 3261 §22.2, RFC 4028 §7.3, RFC 3329 §2).
pub(crate) const fn goes_on_after(status: u16) -> bool {
    matches!(status, 401 | 407 | 422 | 494)
}
