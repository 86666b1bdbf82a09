//! What a registrar is asked and answers: registration attempts, and who is bound where
//! ([RFC 3261 §10](https://www.rfc-editor.org/rfc/rfc3261#section-10)).
//!
//! An attempt is a REGISTER and what follows from it on the same Call-ID for the same address-of-record: a
//! challenge (401, 407) or 423 and the retry belong to it. Only a 2xx makes a binding, so that no flood of
//! REGISTERs that nobody answers pushes one out: attempts have a bound of their own, at which the one longest
//! without news goes first. All is followed at the first hop that was seen; further hops of a proxy are
//! neither attempts nor answers.
//!
//! Deliberately absent: bindings that only a response lists (those of devices whose REGISTER was not seen), and
//! what a registrar remembers without telling.

mod attempt;
mod binding;
mod names;

use std::collections::VecDeque;
use std::sync::Arc;

use self::attempt::{Attempt, Next, Progress};
use self::binding::Bindings;
pub use self::binding::{Binding, BindingState};
use self::names::{aor, text};
use super::calls::Seen;
use super::repeats::{Repeat, Repeats, TIMER_F, hashed, transaction};
use super::signal::{Method, Parties, RegistrationResult, Signal, SignalEvent};
use super::timed::Timed;
use crate::decode::sip::Message;

/// Attempts in flight at once. One takes about 1 KB, and at worst, with contacts as many and as long as they
/// are kept, 5 KB.
const ATTEMPTS: usize = 32_768;
/// REGISTERs remembered to know them when they come again.
const REMEMBERED: usize = 65_536;

/// Attempts in flight, and bindings.
#[derive(Debug)]
pub struct Registrations {
    attempts: Timed<Attempt>,
    repeats: Repeats,
    bindings: Bindings,
}

impl Registrations {
    /// No attempt, no binding. At most `limit` bindings, those that are no more included.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self::bounded(limit, ATTEMPTS, REMEMBERED)
    }

    fn bounded(limit: usize, attempts: usize, remembered: usize) -> Self {
        Self {
            attempts: Timed::new(attempts),
            repeats: Repeats::new(remembered),
            bindings: Bindings::new(limit),
        }
    }

    /// Bindings at present, those that are no more included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bindings.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bindings and attempts pushed out at their bounds.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.bindings.evicted() + self.attempts.evicted()
    }

    /// Every device's latest state, by address-of-record and contact.
    #[must_use]
    pub fn bindings(&self) -> Vec<Binding> {
        self.bindings.sorted()
    }

    /// Takes any message.
    pub fn handle(&mut self, seen: &Seen<'_>, signals: &mut VecDeque<SignalEvent>) {
        let message = seen.message;
        let Some(cseq) = message.cseq().filter(|c| c.method == Method::Register.name()) else { return };
        let Some(key) = attempt_key(message) else { return };
        match message.status() {
            None if message.method() == Some(Method::Register.name()) => {
                self.request(key, cseq.number, seen, signals);
            }
            Some(status @ 200..) => self.response(key, cseq.number, status, seen, signals),
            _ => {}
        }
    }

    fn request(&mut self, key: u64, cseq: u32, seen: &Seen<'_>, signals: &mut VecDeque<SignalEvent>) {
        self.give_up_if_due(key, seen.time, signals);
        match self.repeats.judge(transaction(seen.message), seen.flow, seen.time) {
            Repeat::Copy | Repeat::Hop => return,
            Repeat::Again => return self.tell_retransmitted(key, seen, signals),
            Repeat::First => {}
        }
        match self.attempts.get_mut(key).map(|attempt| attempt.next(cseq, seen)) {
            None => {
                self.attempts.insert(key, seen.time.saturating_add(TIMER_F), Attempt::begun(cseq, seen));
            }
            Some(Next::SentAgain) => self.tell_retransmitted(key, seen, signals),
            Some(Next::GoesOn) => {
                if let Some(attempt) = self.attempts.get_mut(key) {
                    attempt.go_on(cseq, seen);
                }
                self.attempts.set_due(key, seen.time.saturating_add(TIMER_F));
            }
            Some(Next::Anew) => {
                if let Some(former) = self.attempts.remove(key) {
                    self.give_up(&former, seen.time, signals);
                }
                self.attempts.insert(key, seen.time.saturating_add(TIMER_F), Attempt::begun(cseq, seen));
            }
        }
    }

    fn tell_retransmitted(&mut self, key: u64, seen: &Seen<'_>, signals: &mut VecDeque<SignalEvent>) {
        let known = self.attempts.get_mut(key).map(|a| Arc::clone(&a.parties));
        let parties = known.unwrap_or_else(|| Arc::new(Parties::of(seen)));
        let what = Signal::Retransmitted(Method::Register);
        signals.push_back(SignalEvent { time: seen.time, parties, what });
    }

    fn response(
        &mut self,
        key: u64,
        cseq: u32,
        status: u16,
        seen: &Seen<'_>,
        signals: &mut VecDeque<SignalEvent>,
    ) {
        self.give_up_if_due(key, seen.time, signals);
        let Some(attempt) = self.attempts.get_mut(key).filter(|a| a.awaits(cseq, seen)) else { return };
        if attempt.may_retry_after(status, seen.message) {
            attempt.challenge(status, reason(status, seen.message));
            self.attempts.set_due(key, seen.time.saturating_add(TIMER_F));
            return;
        }
        let Some(attempt) = self.attempts.remove(key) else { return };
        if status < 300 {
            tell_result(&attempt, seen.time, RegistrationResult::Ok, signals);
            self.bindings.accept(&attempt, seen, signals);
        } else {
            tell_result(&attempt, seen.time, RegistrationResult::Rejected(status), signals);
            self.bindings.reject(&attempt, &reason(status, seen.message), seen.time);
        }
    }

    /// What was due is settled whether or not the clock was looked at in between.
    fn give_up_if_due(&mut self, key: u64, time: i64, signals: &mut VecDeque<SignalEvent>) {
        let Some(due) = self.attempts.due(key).filter(|due| *due <= time) else { return };
        if let Some(attempt) = self.attempts.remove(key) {
            self.give_up(&attempt, due, signals);
        }
    }

    fn give_up(&mut self, attempt: &Attempt, time: i64, signals: &mut VecDeque<SignalEvent>) {
        match &attempt.progress {
            Progress::Waiting => {
                tell_result(attempt, time, RegistrationResult::Timeout, signals);
                self.bindings.note_failure(attempt, "no final response");
            }
            Progress::Challenged { status, reason } => {
                tell_result(attempt, time, RegistrationResult::Rejected(*status), signals);
                self.bindings.reject(attempt, reason, time);
            }
        }
    }

    /// Settles attempts that waited too long, and lets bindings lapse.
    pub fn handle_timeout(&mut self, now: i64, signals: &mut VecDeque<SignalEvent>) {
        self.repeats.handle_timeout(now);
        while let Some((due, _, attempt)) = self.attempts.pop_due(now) {
            self.give_up(&attempt, due, signals);
        }
        self.bindings.handle_timeout(now, signals);
    }

    /// The end of input: attempts that waited long enough are told as such, younger ones not at all.
    pub fn finish(&mut self, now: i64, signals: &mut VecDeque<SignalEvent>) {
        self.handle_timeout(now, signals);
        while self.attempts.pop_first().is_some() {}
    }
}

/// A phone may use one Call-ID for all its lines, but has one attempt a line.
fn attempt_key(message: &Message<'_>) -> Option<u64> {
    Some(hashed((message.call_id()?, aor(message)?)))
}

fn reason(status: u16, message: &Message<'_>) -> String {
    let phrase = message.reason_phrase().map(text).unwrap_or_default();
    format!("{status} {phrase}").trim_end().to_owned()
}

fn tell_result(
    attempt: &Attempt,
    time: i64,
    result: RegistrationResult,
    signals: &mut VecDeque<SignalEvent>,
) {
    let what = Signal::Registration { start: attempt.start, result };
    signals.push_back(SignalEvent { time, parties: Arc::clone(&attempt.parties), what });
}

#[cfg(test)]
mod tests;
