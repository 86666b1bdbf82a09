//! What becomes of a call when no message comes: retransmission timers, the session's, and patience.

use super::{Call, CallState, EndedBy};
use crate::track::signal::Signal;

/// RFC 3261 §17: T1 × 64, Timer B: so long a caller waits for any answer, and a finished call may still see
/// retransmissions, ns.
pub(crate) const LINGER: i64 = 32_000_000_000;
/// A call that rings without another word for longer than Timer C (3 min) has been given up (RFC 3261 §16.6), ns.
pub(crate) const RING_PATIENCE: i64 = 212_000_000_000;
/// An answered call that nobody ends is forgotten after a day without a message, ns.
const FORGOTTEN: i64 = 86_400_000_000_000;

impl Call {
    /// When there is something to do if no message comes.
    pub(crate) fn due(&self) -> i64 {
        let p = &self.progress;
        let after = |time: i64, patience: i64| time.saturating_add(patience);
        if let Some(over) = p.over {
            return after(over, LINGER);
        }
        match self.state {
            CallState::Trying | CallState::Ringing if p.cancelled.is_some() => {
                after(p.cancelled.unwrap_or(p.last_seen), LINGER)
            }
            // The caller's Timer B runs from the first INVITE, however often it is sent again.
            CallState::Trying if !p.tried => after(p.asked, LINGER),
            CallState::Trying | CallState::Ringing => after(p.last_seen, RING_PATIENCE),
            CallState::Answered | CallState::Established => {
                p.session.map_or(after(p.last_seen, FORGOTTEN), |(expires, _)| expires)
            }
            _ => after(p.last_seen, LINGER),
        }
    }

    /// What was due came without a message. Afterwards it is over.
    pub(crate) fn expire(&mut self, now: i64, hop: bool, tell: &mut impl FnMut(Signal)) {
        match self.state {
            CallState::Trying | CallState::Ringing => self.give_up(hop, tell),
            CallState::Answered | CallState::Established => {
                let (by, end) = match self.progress.session {
                    Some((expires, _)) => (EndedBy::SessionTimer, expires),
                    None => (EndedBy::Unknown, self.progress.last_seen),
                };
                self.end_without_bye(by, end);
            }
            // A challenge or redirection that nobody heeded: the lingering is done already.
            _ => self.settle(hop, tell),
        }
        let done = self.end.is_some() && self.answer.is_none();
        self.progress.over = Some(if done { now.saturating_sub(LINGER) } else { now });
    }

    /// It ended, and nobody said so.
    pub(crate) fn end_without_bye(&mut self, by: EndedBy, end: i64) {
        (self.state, self.ended_by, self.end) = (CallState::Completed, Some(by), Some(end));
        self.progress.over = Some(self.progress.over.map_or(end, |over| over.max(end)));
    }

    /// No final response reached the caller for as long as one waits. Where another hop saw one, that is what
    /// it came to.
    fn give_up(&mut self, hop: bool, tell: &mut impl FnMut(Signal)) {
        let refused =
            self.legs.iter().filter_map(|l| Some((l.status?, l.reason.clone(), l.end?))).max_by_key(|l| l.2);
        if self.progress.cancelled.is_some() {
            (self.state, self.ended_by) = (CallState::Cancelled, Some(EndedBy::Caller));
            (self.end, self.progress.attempt.cancelled) = (self.progress.cancelled, true);
        } else if let Some((status, reason, end)) = refused {
            (self.state, self.status, self.reason, self.end) =
                (CallState::Failed, Some(status), reason, Some(end));
            (self.progress.attempt.status, self.progress.attempt.end) = (Some(status), Some(end));
        } else {
            self.state = CallState::TimedOut;
            self.progress.attempt.timed_out = true;
        }
        self.settle(hop, tell);
    }

    /// It leaves the table, at its time or because the input ended at `now`. What was still going on is cut
    /// off by that; but an INVITE that nobody answered for as long as its sender waits has failed.
    pub(crate) fn leave(&mut self, now: i64, hop: bool, tell: &mut impl FnMut(Signal)) {
        self.told = now;
        if self.progress.over.is_none() && now >= self.due() {
            self.expire(now, hop, tell);
        }
        self.state = match self.state {
            CallState::Trying | CallState::Ringing | CallState::Answered | CallState::Established => {
                CallState::Interrupted
            }
            over => over,
        };
        self.settle(hop, tell);
        self.tell_session(hop, tell);
        // What no first hop showed, another may have.
        self.ringing = self.ringing.or_else(|| self.legs.iter().filter_map(|l| l.ringing).min());
    }
}
