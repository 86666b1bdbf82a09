//! How well signalling does: the metrics of [RFC 6076](https://www.rfc-editor.org/rfc/rfc6076), and the two that
//! telephony has beside them, of all calls and by peer.
//!
//! Where the RFC leaves a choice to a passive probe:
//! - A session request is an attempt that was begun ([`Signal::Attempted`]). The denominators take it at once,
//!   the numerators when it is settled: what is still open counts as not yet a success.
//! - Further legs of a call (`hop`) count for their peer alone, and never in the whole, so that a back-to-back
//!   user agent makes no call two (§5.2).
//! - SDT runs to the BYE, whether or not that was answered: its Timer F (§4.5.2) is seen by nobody but its sender.
//!
//! Absent on purpose: rates over time, which are Prometheus' to make of the metrics.

mod delays;
mod ratio;

use std::collections::BTreeMap;

pub use self::delays::Delays;
pub use self::ratio::Ratio;
use super::signal::{Attempt, RegistrationResult, Session, Signal, SignalEvent};

/// Peers with numbers of their own: as many as a configuration may name. Reloads with ever new names end here.
const MOST_PEERS: usize = 4096;

/// What NER takes for the network's success, as it is published beside it: ITU-T E.425 speaks of answers, busy,
/// no answer and terminal rejection, and names no SIP status. "after ringing" is after any provisional response
/// but 100.
pub const NER_CODES: [&str; 7] =
    ["2xx", "480", "486", "487 after ringing", "600", "603", "408 after ringing"];

/// The metrics of all calls, and by peer.
#[derive(Clone, Debug, Default)]
pub struct Kpis {
    /// Of all calls, each counted once.
    pub all: KpiSet,
    /// By name of peer, further legs included.
    pub by_peer: BTreeMap<Box<str>, KpiSet>,
}

impl Kpis {
    /// Counts what signalling showed. `peer`: the name of the peer asked, else of the one that asked.
    pub fn observe(&mut self, event: &SignalEvent, peer: Option<&str>) {
        if !matters(&event.what) {
            return;
        }
        if !event.what.is_hop() {
            self.all.observe(event);
        }
        let Some(peer) = peer else { return };
        if let Some(set) = self.by_peer.get_mut(peer) {
            set.observe(event);
        } else if self.by_peer.len() < MOST_PEERS {
            self.by_peer.entry(peer.into()).or_default().observe(event);
        }
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        for (peer, set) in &other.by_peer {
            if self.by_peer.len() < MOST_PEERS || self.by_peer.contains_key(peer) {
                self.by_peer.entry(peer.clone()).or_default().merge(set);
            }
        }
    }
}

/// Whether any metric is made of it: a peer that shows nothing else has no numbers.
const fn matters(what: &Signal) -> bool {
    match what {
        Signal::Attempted { .. } | Signal::Settled(_) | Signal::Session(_) | Signal::Registration { .. } => {
            true
        }
        Signal::Began
        | Signal::Ended { .. }
        | Signal::Retransmitted(_)
        | Signal::Answered
        | Signal::Bound
        | Signal::Unbound { .. }
        | Signal::Options { .. }
        | Signal::VoiceReport { .. } => false,
    }
}

/// The metrics of one set of calls and registrations. Never shrinks.
#[derive(Clone, Debug, Default)]
pub struct KpiSet {
    /// Session requests.
    attempts: u64,
    /// Those that were redirected.
    redirected: u64,
    /// Those that were answered.
    answered: u64,
    /// Of SEER's numerator.
    seer: u64,
    /// Of ISA's.
    isa: u64,
    /// Of NER's.
    ner: u64,
    /// Of SCR's.
    completed: u64,
    /// Registration attempts that are settled.
    registrations: u64,
    /// Of IRA's numerator.
    ira: u64,
    rrd: Delays,
    srd_ok: Delays,
    srd_failed: Delays,
    sdd: Delays,
    sdt: Delays,
}

impl KpiSet {
    fn observe(&mut self, event: &SignalEvent) {
        match event.what {
            Signal::Attempted { .. } => self.attempts += 1,
            Signal::Settled(attempt) => self.settled(&attempt),
            Signal::Session(session) => {
                self.completed += u64::from(session.disconnect_delay().is_some());
                self.sdd.observe_some(session.disconnect_delay());
                self.sdt.observe_some(session.duration());
            }
            Signal::Registration { start, result } => {
                self.registrations += 1;
                match result {
                    RegistrationResult::Ok => self.rrd.observe(event.time.saturating_sub(start)),
                    RegistrationResult::Timeout => self.ira += 1,
                    RegistrationResult::Rejected(status) => self.ira += u64::from(is_failure(status)),
                }
            }
            Signal::Began
            | Signal::Ended { .. }
            | Signal::Retransmitted(_)
            | Signal::Answered
            | Signal::Bound
            | Signal::Unbound { .. }
            | Signal::Options { .. }
            | Signal::VoiceReport { .. } => {}
        }
    }

    fn settled(&mut self, attempt: &Attempt) {
        let answered = attempt.answer.is_some();
        let status = attempt.status.filter(|_| !answered);
        let is = |codes: &[u16]| status.is_some_and(|status| codes.contains(&status));
        let rang = attempt.ringing.is_some();
        self.answered += u64::from(answered);
        self.redirected += u64::from(status.is_some_and(|s| (300..400).contains(&s)));
        self.seer += u64::from(answered || is(&[480, 486, 600, 603]));
        self.ner += u64::from(answered || is(&[480, 486, 600, 603]) || (rang && is(&[487, 408])));
        self.isa +=
            u64::from(is(&[408, 500, 503, 504]) || (attempt.timed_out && status.is_none() && !answered));
        match attempt.request_delay() {
            Some(RequestDelay::Success(delay)) => self.srd_ok.observe(delay),
            Some(RequestDelay::Failure(delay)) => self.srd_failed.observe(delay),
            None => {}
        }
    }

    /// Registration request delay: first REGISTER to its 2xx, the challenge inside; refreshes are registrations
    /// ([RFC 6076 §4.1](https://www.rfc-editor.org/rfc/rfc6076#section-4.1)).
    #[must_use]
    pub const fn rrd(&self) -> &Delays {
        &self.rrd
    }

    /// Ineffective registration attempts: 4xx but 401, 402, 407; 5xx; 6xx; Timer F. Of all that are settled
    /// ([RFC 6076 §4.2](https://www.rfc-editor.org/rfc/rfc6076#section-4.2)).
    #[must_use]
    pub const fn ira(&self) -> Ratio {
        Ratio { numerator: self.ira, denominator: self.registrations }
    }

    /// Session request delay of what was answered: INVITE to the first provisional response but 100, else to the
    /// 2xx ([RFC 6076 §4.3.1](https://www.rfc-editor.org/rfc/rfc6076#section-4.3.1)).
    #[must_use]
    pub const fn srd_ok(&self) -> &Delays {
        &self.srd_ok
    }

    /// Session request delay of what failed: to the first provisional response but 100, else to the failure
    /// ([RFC 6076 §4.3.2](https://www.rfc-editor.org/rfc/rfc6076#section-4.3.2)).
    #[must_use]
    pub const fn srd_failed(&self) -> &Delays {
        &self.srd_failed
    }

    /// Session disconnect delay: BYE to its 2xx; those without one are left out
    /// ([RFC 6076 §4.4](https://www.rfc-editor.org/rfc/rfc6076#section-4.4)).
    #[must_use]
    pub const fn sdd(&self) -> &Delays {
        &self.sdd
    }

    /// Session duration: 2xx to the INVITE to the BYE
    /// ([RFC 6076 §4.5.1](https://www.rfc-editor.org/rfc/rfc6076#section-4.5.1)).
    #[must_use]
    pub const fn sdt(&self) -> &Delays {
        &self.sdt
    }

    /// Session establishment: answered, of the attempts that were not redirected
    /// ([RFC 6076 §4.6](https://www.rfc-editor.org/rfc/rfc6076#section-4.6)).
    #[must_use]
    pub const fn ser(&self) -> Ratio {
        Ratio { numerator: self.answered, denominator: self.attempts.saturating_sub(self.redirected) }
    }

    /// Its effectiveness: answered, 480, 486, 600 or 603, of the same
    /// ([RFC 6076 §4.7](https://www.rfc-editor.org/rfc/rfc6076#section-4.7)).
    #[must_use]
    pub const fn seer(&self) -> Ratio {
        Ratio { numerator: self.seer, denominator: self.attempts.saturating_sub(self.redirected) }
    }

    /// Ineffective session attempts: 408, 500, 503, 504 or Timer B, of all attempts
    /// ([RFC 6076 §4.8](https://www.rfc-editor.org/rfc/rfc6076#section-4.8)).
    #[must_use]
    pub const fn isa(&self) -> Ratio {
        Ratio { numerator: self.isa, denominator: self.attempts }
    }

    /// Session completion: answered sessions whose BYE has its 2xx, of all attempts
    /// ([RFC 6076 §4.9](https://www.rfc-editor.org/rfc/rfc6076#section-4.9)).
    #[must_use]
    pub const fn scr(&self) -> Ratio {
        Ratio { numerator: self.completed, denominator: self.attempts }
    }

    /// Answer–seizure ratio: answered, of all attempts (ITU-T E.411; RFC 6076 §4.6 calls SER similar).
    #[must_use]
    pub const fn asr(&self) -> Ratio {
        Ratio { numerator: self.answered, denominator: self.attempts }
    }

    /// Network effectiveness ratio: [`NER_CODES`], of all attempts (ITU-T E.425; RFC 6076 §4.7 calls SEER similar).
    #[must_use]
    pub const fn ner(&self) -> Ratio {
        Ratio { numerator: self.ner, denominator: self.attempts }
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.redirected += other.redirected;
        self.answered += other.answered;
        self.seer += other.seer;
        self.isa += other.isa;
        self.ner += other.ner;
        self.completed += other.completed;
        self.registrations += other.registrations;
        self.ira += other.ira;
        self.rrd.merge(&other.rrd);
        self.srd_ok.merge(&other.srd_ok);
        self.srd_failed.merge(&other.srd_failed);
        self.sdd.merge(&other.sdd);
        self.sdt.merge(&other.sdt);
    }
}

/// A session request delay, ns. The two are never mixed
/// ([RFC 6076 §4.3](https://www.rfc-editor.org/rfc/rfc6076#section-4.3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestDelay {
    /// Of an attempt that was answered (§4.3.1).
    Success(i64),
    /// Of one that failed (§4.3.2).
    Failure(i64),
}

impl Attempt {
    /// INVITE to the first sign of what became of it. None of an attempt that was redirected, ended in a
    /// challenge, timed out or was cut off: nothing indicated its status.
    #[must_use]
    pub fn request_delay(&self) -> Option<RequestDelay> {
        let first = |end: Option<i64>| self.ringing.into_iter().chain(end).min();
        let since = |time: i64| time.saturating_sub(self.start).max(0);
        if self.answer.is_some() {
            return first(self.seen_answer()).map(|time| RequestDelay::Success(since(time)));
        }
        self.status.filter(|status| is_failure(*status))?;
        first(self.end).map(|time| RequestDelay::Failure(since(time)))
    }

    /// INVITE to its 2xx, ns.
    #[must_use]
    pub fn answer_delay(&self) -> Option<i64> {
        self.seen_answer().map(|answer| answer.saturating_sub(self.start).max(0))
    }

    /// The answer, unless only the ACK showed that there was one: when it came is not known then.
    fn seen_answer(&self) -> Option<i64> {
        self.answer.filter(|_| self.status.is_some())
    }
}

impl Session {
    /// BYE to its 2xx, ns.
    #[must_use]
    pub fn disconnect_delay(&self) -> Option<i64> {
        Some(self.bye_answer?.saturating_sub(self.bye?).max(0))
    }

    /// 2xx to BYE, ns. None where nobody hung up: when such a session ended is an inference, no message.
    #[must_use]
    pub fn duration(&self) -> Option<i64> {
        Some(self.bye?.saturating_sub(self.answer).max(0))
    }
}

impl Signal {
    /// Of a further leg of a call that was counted already.
    #[must_use]
    pub const fn is_hop(&self) -> bool {
        matches!(
            self,
            Self::Attempted { hop: true, .. }
                | Self::Settled(Attempt { hop: true, .. })
                | Self::Session(Session { hop: true, .. })
        )
    }
}

/// A final response that is a failure: 401, 402 and 407 are challenges (RFC 6076 §4.2, §4.3.2).
const fn is_failure(status: u16) -> bool {
    matches!(status, 400..=699) && !matches!(status, 401 | 402 | 407)
}

#[cfg(test)]
mod tests;
