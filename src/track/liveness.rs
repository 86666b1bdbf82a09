//! Who answers: OPTIONS as keepalives, and the last sign of life of each address.
//!
//! OPTIONS count inside and outside of dialogs: either way somebody asks whether the other side is there.
//! Bounded throughout: of unanswered requests the oldest goes first, of targets the one longest without news,
//! those that never answered before those that did.

use std::collections::VecDeque;
use std::sync::Arc;

use super::calls::Seen;
use super::repeats::{Repeat, Repeats, TIMER_F, hashed, transaction};
use super::signal::{Method, OptionsResult, Parties, Signal, SignalEvent};
use super::timed::Timed;
use crate::decode::{Endpoint, Flow};

/// Unanswered OPTIONS at once.
const PENDING: usize = 32_768;
/// OPTIONS remembered to know them when they come again.
const REMEMBERED: usize = 65_536;
/// Targets told of.
const TARGETS: usize = 16_384;
/// Addresses whose last answer is remembered.
const ADDRESSES: usize = 1024;
/// An answer of an address is told once in this time, ns.
const ANSWER_EVERY: i64 = 1_000_000_000;
/// A target that has answered stays this much longer than one that never did, ns: whoever scans a network
/// with OPTIONS must not push out what is there.
const ANSWER_WORTH: i64 = 86_400_000_000_000;

/// Requests that wait, targets, and addresses that answer.
#[derive(Debug)]
pub struct Liveness {
    pending: Timed<Pending>,
    repeats: Repeats,
    targets: Timed<Target>,
    answers: Answers,
}

#[derive(Debug)]
struct Pending {
    start: i64,
    flow: Flow,
    parties: Arc<Parties>,
}

/// Where OPTIONS go, and what became of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where the first hop that was seen led.
    pub target: Endpoint,
    /// Requests answered: by any final response but those of `errors`.
    pub answered: u64,
    /// Requests answered by 408, 5xx or 6xx.
    pub errors: u64,
    /// Requests without a final response for 32 s.
    pub timeouts: u64,
    /// From the last answered request to its answer, ns.
    pub rtt_last: Option<i64>,
    /// The same of all answered requests together, ns.
    rtt_sum: i64,
}

impl Target {
    /// Mean time to an answer, over all answered requests, ms. `None` without one.
    #[must_use]
    pub fn rtt_mean_ms(&self) -> Option<f64> {
        (self.answered > 0).then(|| self.rtt_sum as f64 / self.answered as f64 / 1e6)
    }
}

impl Default for Liveness {
    fn default() -> Self {
        Self::bounded(PENDING, REMEMBERED, TARGETS, ADDRESSES)
    }
}

impl Liveness {
    fn bounded(pending: usize, remembered: usize, targets: usize, addresses: usize) -> Self {
        Self {
            pending: Timed::new(pending),
            repeats: Repeats::new(remembered),
            targets: Timed::new(targets),
            answers: Answers(Timed::new(addresses)),
        }
    }

    /// Unanswered requests pushed out at the bound; what becomes of them is not told.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.pending.evicted()
    }

    /// Targets pushed out at the bound.
    #[must_use]
    pub const fn targets_evicted(&self) -> u64 {
        self.targets.evicted()
    }

    /// Every target, by its address.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        let mut all: Vec<Target> = self.targets.values().copied().collect();
        all.sort_by_key(|t| t.target);
        all
    }

    /// Takes any message.
    pub fn handle(&mut self, seen: &Seen<'_>, signals: &mut VecDeque<SignalEvent>) {
        let status = seen.message.status();
        if status.is_some() {
            self.answers.note(seen, signals);
        }
        if seen.message.cseq().is_none_or(|c| c.method != Method::Options.name()) {
            return;
        }
        let key = transaction(seen.message);
        match status {
            None if seen.message.method() == Some(Method::Options.name()) => self.request(key, seen, signals),
            Some(200..) => self.response(key, seen, signals),
            _ => {}
        }
    }

    fn request(&mut self, key: u64, seen: &Seen<'_>, signals: &mut VecDeque<SignalEvent>) {
        let waits = self.pending.due(key).is_some_and(|due| seen.time < due);
        match self.repeats.judge(key, seen.flow, seen.time) {
            Repeat::First if !waits => {
                let parties = Arc::new(Parties::of(seen));
                let due = seen.time.saturating_add(TIMER_F);
                self.pending.insert(key, due, Pending { start: seen.time, flow: seen.flow, parties });
            }
            Repeat::First | Repeat::Again => {
                let known = self.pending.get_mut(key).map(|p| Arc::clone(&p.parties));
                let parties = known.unwrap_or_else(|| Arc::new(Parties::of(seen)));
                let what = Signal::Retransmitted(Method::Options);
                signals.push_back(SignalEvent { time: seen.time, parties, what });
            }
            Repeat::Copy | Repeat::Hop => {}
        }
    }

    fn response(&mut self, key: u64, seen: &Seen<'_>, signals: &mut VecDeque<SignalEvent>) {
        let late = self.pending.due(key).is_some_and(|due| due <= seen.time);
        // Other hops see the response too: the one that counts goes to who asked.
        let asked = self.pending.get_mut(key).is_some_and(|p| p.flow.src.address == seen.flow.dst.address);
        if late || !asked {
            return;
        }
        let (Some(pending), Some(status)) = (self.pending.remove(key), seen.message.status()) else { return };
        let result = match status {
            408 | 500..=699 => OptionsResult::Error(status),
            _ => OptionsResult::Answered,
        };
        self.settle(pending, seen.time, result, signals);
    }

    fn settle(
        &mut self,
        pending: Pending,
        time: i64,
        result: OptionsResult,
        signals: &mut VecDeque<SignalEvent>,
    ) {
        let endpoint = pending.flow.dst;
        let key = hashed(endpoint);
        let former = self.targets.remove(key).filter(|t| t.target == endpoint);
        let mut target = former.unwrap_or(Target {
            target: endpoint,
            answered: 0,
            errors: 0,
            timeouts: 0,
            rtt_last: None,
            rtt_sum: 0,
        });
        match result {
            OptionsResult::Answered => {
                let rtt = time.saturating_sub(pending.start).max(0);
                target.answered += 1;
                target.rtt_last = Some(rtt);
                target.rtt_sum = target.rtt_sum.saturating_add(rtt);
            }
            OptionsResult::Error(_) => target.errors += 1,
            OptionsResult::Timeout => target.timeouts += 1,
        }
        let worth = if target.answered > 0 { ANSWER_WORTH } else { 0 };
        self.targets.insert(key, time.saturating_add(worth), target);
        let what = Signal::Options { start: pending.start, result };
        signals.push_back(SignalEvent { time, parties: pending.parties, what });
    }

    /// Gives up what was not answered for as long as its sender waits.
    pub fn handle_timeout(&mut self, now: i64, signals: &mut VecDeque<SignalEvent>) {
        self.repeats.handle_timeout(now);
        while let Some((due, _, pending)) = self.pending.pop_due(now) {
            self.settle(pending, due, OptionsResult::Timeout, signals);
        }
    }

    /// The end of input: what has waited long enough is told as timed out, the rest not at all.
    pub fn finish(&mut self, now: i64, signals: &mut VecDeque<SignalEvent>) {
        self.handle_timeout(now, signals);
        while self.pending.pop_first().is_some() {}
    }
}

/// When each address last told of an answer.
///
/// At the bound the one that told longest ago makes room, but none that told within the last second: so at
/// most as many events a second leave as there are places, whoever sends. A new address then stays unheard.
#[derive(Debug)]
struct Answers(Timed<()>);

impl Answers {
    fn note(&mut self, seen: &Seen<'_>, signals: &mut VecDeque<SignalEvent>) {
        let key = hashed(seen.flow.src.address);
        if self.0.due(key).is_some_and(|due| seen.time < due) {
            return;
        }
        let full = self.0.due(key).is_none() && self.0.is_full();
        if full && self.0.pop_due(seen.time).is_none() {
            return;
        }
        self.0.insert(key, seen.time.saturating_add(ANSWER_EVERY), ());
        let parties = Arc::new(Parties::of(seen));
        signals.push_back(SignalEvent { time: seen.time, parties, what: Signal::Answered });
    }
}

#[cfg(test)]
mod tests;
