//! Calls and other signalling of one site.

use std::collections::BTreeMap;

use super::catalogue as metric;
use super::direction::{Direction, add};
use super::family::Families;
use super::histogram::{Exemplar, Histogram};
use super::peers::{PeerTotals, count};
use super::totals::{OVERFLOW, UNASSIGNED};
use crate::track::call::{EndedBy, Fault};
use crate::track::kpis::RequestDelay;

/// Peers of one site with counts of their own: as many as a configuration may name.
const MOST_PEERS: usize = 4096;
/// Directions in which a configured site shows its attempts also at 0.
const FROM_0: [Direction; 2] = [Direction::In, Direction::Out];
/// How call seconds sounded, as the label says it.
const QUALITIES: [&str; 3] = ["good", "poor", "unscored"];
/// Results of an attempt.
const RESULTS: [&str; 2] = ["success", "failure"];
/// In the order in which they are counted.
const ENDS: [EndedBy; 5] =
    [EndedBy::Caller, EndedBy::Callee, EndedBy::MediaTimeout, EndedBy::SessionTimer, EndedBy::Unknown];

/// Seconds of answered calls by how they sounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallSeconds {
    /// At or above the customer's limit, both ways.
    pub good: u64,
    /// Under it one way at least, or heard one way only.
    pub poor: u64,
    /// Without a MOS-LQE either way.
    pub unscored: u64,
}

/// Counts of one site. All but the gauges never shrink.
#[derive(Clone, Debug)]
pub(super) struct CallTotals {
    /// Its attempts are shown at 0 before the first event.
    configured: bool,
    /// By [`QUALITIES`].
    seconds: [u64; 3],
    /// By [`ENDS`].
    ends: [u64; 5],
    /// By [`Fault::ALL`].
    faults: [u64; 5],
    disconnect: Histogram,
    active: i64,
    devices: i64,
    expired: u64,
    /// By [`Direction::ALL`].
    directions: [Option<Box<CallDirection>>; 4],
    /// By name; [`UNASSIGNED`] where no end is a peer.
    peers: BTreeMap<Box<str>, PeerTotals>,
    folded_peers: u64,
}

/// Counts of calls one way.
#[derive(Clone, Debug)]
struct CallDirection {
    /// By [`RESULTS`].
    post_dial: [Histogram; 2],
    answer: Histogram,
    duration: Histogram,
    redials: u64,
}

impl Default for CallTotals {
    fn default() -> Self {
        Self {
            configured: false,
            seconds: [0; 3],
            ends: [0; 5],
            faults: [0; 5],
            disconnect: Histogram::new(metric::CALL_DISCONNECT.edges()),
            active: 0,
            devices: 0,
            expired: 0,
            directions: [const { None }; 4],
            peers: BTreeMap::new(),
            folded_peers: 0,
        }
    }
}

impl Default for CallDirection {
    fn default() -> Self {
        let new = |metric: &metric::Metric| Histogram::new(metric.edges());
        Self {
            post_dial: [(); 2].map(|()| new(&metric::CALL_POST_DIAL_DELAY)),
            answer: new(&metric::CALL_ANSWER_DELAY),
            duration: new(&metric::CALL_DURATION),
            redials: 0,
        }
    }
}

impl CallTotals {
    /// Shows attempts at 0 from now on.
    pub fn configure(&mut self) {
        self.configured = true;
        self.peers.entry(UNASSIGNED.into()).or_default();
    }

    /// The counts of a peer, or of [`OVERFLOW`].
    pub fn peer(&mut self, peer: Option<&str>) -> &mut PeerTotals {
        let peer = peer.unwrap_or(UNASSIGNED);
        self.folded_peers += u64::from(!self.has_room(peer));
        self.peer_or_overflow(peer)
    }

    fn has_room(&self, peer: &str) -> bool {
        self.peers.len() < MOST_PEERS || self.peers.contains_key(peer)
    }

    fn peer_or_overflow(&mut self, peer: &str) -> &mut PeerTotals {
        let peer = if self.has_room(peer) { peer } else { OVERFLOW };
        self.peers.entry(peer.into()).or_default()
    }

    /// Events counted as [`OVERFLOW`] for their peer's sake.
    pub const fn folded_peers(&self) -> u64 {
        self.folded_peers
    }

    fn with(&mut self, direction: Direction, action: impl FnOnce(&mut CallDirection)) {
        if let Some(place) = self.directions.get_mut(direction as usize) {
            action(place.get_or_insert_default());
        }
    }

    pub fn redialled(&mut self, direction: Direction) {
        self.with(direction, |d| d.redials += 1);
    }

    pub fn observe_post_dial_delay(&mut self, direction: Direction, delay: RequestDelay) {
        let (place, seconds) = placed(delay);
        self.with(direction, |d| {
            if let Some(histogram) = d.post_dial.get_mut(place) {
                histogram.observe(seconds, None);
            }
        });
    }

    /// Lets a call be looked up from the bucket that its post-dial delay was counted in.
    pub fn exemplify_post_dial_delay(
        &mut self,
        direction: Direction,
        delay: RequestDelay,
        call_id: &str,
        time: i64,
    ) {
        let (place, seconds) = placed(delay);
        self.with(direction, |d| {
            if let Some(histogram) = d.post_dial.get_mut(place) {
                histogram.exemplify(Exemplar::new(call_id, seconds, time));
            }
        });
    }

    pub fn observe_answer_delay(&mut self, direction: Direction, seconds: f64) {
        self.with(direction, |d| d.answer.observe(seconds, None));
    }

    pub fn observe_duration(&mut self, direction: Direction, seconds: f64) {
        self.with(direction, |d| d.duration.observe(seconds, None));
    }

    pub fn observe_disconnect(&mut self, seconds: f64) {
        self.disconnect.observe(seconds, None);
    }

    pub fn ended(&mut self, by: EndedBy) {
        if let Some(place) = ENDS.into_iter().position(|end| end == by) {
            count(&mut self.ends, place);
        }
    }

    pub fn add_seconds(&mut self, seconds: CallSeconds) {
        add(&mut self.seconds, &[seconds.good, seconds.poor, seconds.unscored]);
    }

    pub fn count_fault(&mut self, fault: Fault) {
        count(&mut self.faults, fault as usize);
    }

    pub const fn move_calls(&mut self, by: i64) {
        self.active += by;
    }

    pub const fn move_devices(&mut self, by: i64) {
        self.devices += by;
    }

    pub const fn expired(&mut self) {
        self.expired += 1;
    }

    /// Adds what another worker counted.
    pub fn merge(&mut self, other: &Self) {
        self.configured |= other.configured;
        add(&mut self.seconds, &other.seconds);
        add(&mut self.ends, &other.ends);
        add(&mut self.faults, &other.faults);
        self.disconnect.merge(&other.disconnect);
        self.active += other.active;
        self.devices += other.devices;
        self.expired += other.expired;
        self.folded_peers += other.folded_peers;
        for (mine, theirs) in self.directions.iter_mut().zip(&other.directions) {
            if let Some(theirs) = theirs {
                mine.get_or_insert_default().merge(theirs);
            }
        }
        for (peer, theirs) in &other.peers {
            self.peer_or_overflow(peer).merge(theirs);
        }
    }

    /// Shows everything: what tells of calls going on from the start, all else with its first event.
    pub fn expose<'a>(&'a self, customer: &'a str, site: &'a str, to: &mut Families<'a>) {
        let labels = [customer, site];
        for (quality, seconds) in QUALITIES.into_iter().zip(self.seconds) {
            to.count(&metric::CALL_SECONDS, &[customer, site, quality], seconds);
        }
        to.number(&metric::CALLS_ACTIVE, &labels, self.active as f64);
        to.number(&metric::REGISTERED_DEVICES, &labels, self.devices as f64);
        for (by, ends) in ENDS.into_iter().zip(self.ends).filter(|&(_, n)| n > 0) {
            to.count(&metric::CALL_ENDS, &[customer, site, by.name()], ends);
        }
        for (fault, calls) in Fault::ALL.into_iter().zip(self.faults).filter(|&(_, n)| n > 0) {
            to.count(&metric::CALL_AUDIO_FAULTS, &[customer, site, fault.name()], calls);
        }
        to.observed(&metric::CALL_DISCONNECT, &labels, &self.disconnect);
        if self.expired > 0 {
            to.count(&metric::REGISTRATIONS_EXPIRED, &labels, self.expired);
        }
        for (direction, totals) in Direction::ALL.into_iter().zip(&self.directions) {
            if let Some(totals) = totals {
                totals.expose([customer, site, direction.name()], to);
            }
        }
        for (peer, totals) in &self.peers {
            let from_0 = if self.configured && &**peer == UNASSIGNED { &FROM_0[..] } else { &[] };
            totals.expose([customer, site, peer], from_0, to);
        }
    }
}

impl CallDirection {
    fn merge(&mut self, other: &Self) {
        for (histogram, more) in self.post_dial.iter_mut().zip(&other.post_dial) {
            histogram.merge(more);
        }
        self.answer.merge(&other.answer);
        self.duration.merge(&other.duration);
        self.redials += other.redials;
    }

    fn expose<'a>(&'a self, [customer, site, direction]: [&'a str; 3], to: &mut Families<'a>) {
        for (result, histogram) in RESULTS.into_iter().zip(&self.post_dial) {
            to.observed(&metric::CALL_POST_DIAL_DELAY, &[customer, site, direction, result], histogram);
        }
        let labels = [customer, site, direction];
        to.observed(&metric::CALL_ANSWER_DELAY, &labels, &self.answer);
        to.observed(&metric::CALL_DURATION, &labels, &self.duration);
        if self.redials > 0 {
            to.count(&metric::CALL_REDIALS, &labels, self.redials);
        }
    }
}

/// Where a delay is counted, and in seconds.
fn placed(delay: RequestDelay) -> (usize, f64) {
    match delay {
        RequestDelay::Success(ns) => (0, ns as f64 / 1e9),
        RequestDelay::Failure(ns) => (1, ns as f64 / 1e9),
    }
}
