//! Signalling of one site with one peer.

use std::collections::BTreeMap;

use super::catalogue as metric;
use super::direction::{Direction, add};
use super::family::Families;
use super::histogram::Histogram;
use super::responses::status_label;
use crate::track::signal::{Attempt, Method, OptionsResult, RegistrationResult};

/// Results of a registration attempt, as the label says them.
const REGISTRATION_RESULTS: [&str; 3] = ["ok", "rejected", "timeout"];
/// Results of an OPTIONS request.
const OPTIONS_RESULTS: [&str; 3] = ["answered", "error", "timeout"];

/// Counts of one site and peer. Never shrinks; each series appears with its first event.
#[derive(Clone, Debug)]
pub(super) struct PeerTotals {
    /// By [`Direction::ALL`].
    attempts: [u64; 4],
    /// By the label `status`: a fixed list.
    responses: BTreeMap<Box<str>, u64>,
    /// By [`Method::ALL`].
    retransmissions: [u64; Method::ALL.len()],
    /// By [`REGISTRATION_RESULTS`].
    registrations: [u64; 3],
    registration_delay: Histogram,
    /// By [`OPTIONS_RESULTS`].
    options: [u64; 3],
}

impl Default for PeerTotals {
    fn default() -> Self {
        Self {
            attempts: [0; 4],
            responses: BTreeMap::new(),
            retransmissions: [0; Method::ALL.len()],
            registrations: [0; 3],
            registration_delay: Histogram::new(metric::REGISTRATION_DELAY.edges()),
            options: [0; 3],
        }
    }
}

impl PeerTotals {
    pub fn attempted(&mut self, direction: Direction) {
        count(&mut self.attempts, direction as usize);
    }

    pub fn settled(&mut self, attempt: &Attempt) {
        let Some(label) = status_label(attempt) else { return };
        match self.responses.get_mut(label.as_str()) {
            Some(count) => *count += 1,
            None => {
                self.responses.insert(label.as_str().into(), 1);
            }
        }
    }

    pub fn retransmitted(&mut self, method: Method) {
        count(&mut self.retransmissions, method as usize);
    }

    /// `delay`: from the first REGISTER to this, seconds.
    pub fn registered(&mut self, result: RegistrationResult, delay: f64) {
        let place = match result {
            RegistrationResult::Ok => 0,
            RegistrationResult::Rejected(_) => 1,
            RegistrationResult::Timeout => 2,
        };
        count(&mut self.registrations, place);
        if result == RegistrationResult::Ok {
            self.registration_delay.observe(delay, None);
        }
    }

    pub fn asked_options(&mut self, result: OptionsResult) {
        let place = match result {
            OptionsResult::Answered => 0,
            OptionsResult::Error(_) => 1,
            OptionsResult::Timeout => 2,
        };
        count(&mut self.options, place);
    }

    pub fn merge(&mut self, other: &Self) {
        add(&mut self.attempts, &other.attempts);
        add(&mut self.retransmissions, &other.retransmissions);
        add(&mut self.registrations, &other.registrations);
        add(&mut self.options, &other.options);
        self.registration_delay.merge(&other.registration_delay);
        for (status, count) in &other.responses {
            *self.responses.entry(status.clone()).or_default() += count;
        }
    }

    /// Attempts of the directions in `from_0` are shown also at 0.
    pub fn expose<'a>(
        &'a self,
        [customer, site, peer]: [&'a str; 3],
        from_0: &[Direction],
        to: &mut Families<'a>,
    ) {
        let shown = |n: u64| n > 0;
        for (direction, attempts) in Direction::ALL.into_iter().zip(self.attempts) {
            if shown(attempts) || from_0.contains(&direction) {
                to.count(&metric::CALL_ATTEMPTS, &[customer, site, direction.name(), peer], attempts);
            }
        }
        for (status, responses) in &self.responses {
            to.count(&metric::CALL_FINAL_RESPONSES, &[customer, site, peer, status], *responses);
        }
        for (method, sent) in Method::ALL.into_iter().zip(self.retransmissions).filter(|(_, n)| shown(*n)) {
            to.count(&metric::SIP_RETRANSMISSIONS, &[customer, site, peer, method.name()], sent);
        }
        let results = [
            (&metric::REGISTRATION_ATTEMPTS, REGISTRATION_RESULTS, self.registrations),
            (&metric::OPTIONS, OPTIONS_RESULTS, self.options),
        ];
        for (metric, names, counts) in
            results.into_iter().filter(|(.., counts)| counts.iter().any(|n| shown(*n)))
        {
            // All three once one is there: a share of failures wants the failures that were none.
            for (result, count) in names.into_iter().zip(counts) {
                to.count(metric, &[customer, site, peer, result], count);
            }
        }
        to.observed(&metric::REGISTRATION_DELAY, &[customer, site, peer], &self.registration_delay);
    }
}

/// Counts one in its place.
pub(super) fn count(counts: &mut [u64], place: usize) {
    if let Some(count) = counts.get_mut(place) {
        *count += 1;
    }
}
