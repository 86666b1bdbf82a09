//! The HEP listener: packets that PBXes, proxies and other probes copy to this one, each a frame.

use std::sync::atomic::Ordering::Relaxed;

use probes::LinkType;

use super::batch::Batch;
use super::live::Inlet;
use super::sockets::{Answer, Cut, Taker, Way};
use crate::decode::{Hep, HepPrefix};

/// A sender's clock may be off by so much, ns. Beyond that the time of arrival is nearer to the truth.
const BELIEVED: u64 = 60_000_000_000;

/// Takes HEP packets.
#[derive(Clone)]
pub(super) struct Listener {
    inlet: Inlet,
}

impl Listener {
    pub const fn new(inlet: Inlet) -> Self {
        Self { inlet }
    }
}

impl Taker for Listener {
    fn take(&self, message: &[u8], way: &Way, batch: &mut Batch) -> Option<Answer> {
        let hep = Hep::looks_like(message).then(|| Hep::parse(message)).flatten();
        let Some(hep) = hep else {
            self.inlet.counters.refused.fetch_add(1, Relaxed);
            return None;
        };
        let time = time(hep.captured, way.now);
        if hep.captured.is_some() && time != hep.captured {
            self.inlet.counters.foreign_clock.fetch_add(1, Relaxed);
        }
        self.inlet.add(batch, (way.now, time.unwrap_or(way.now)), LinkType::HEP, message);
        None
    }

    fn cut(&self, octets: &[u8]) -> Cut {
        match Hep::prefix(octets) {
            HepPrefix::Complete(length) => Cut::Message(length),
            HepPrefix::Incomplete(_) => Cut::More,
            HepPrefix::NotHep => Cut::Rubbish,
        }
    }

    fn inlet(&self) -> &Inlet {
        &self.inlet
    }
}

/// When a packet was captured, if it says so believably.
fn time(captured: Option<i64>, now: i64) -> Option<i64> {
    captured.filter(|captured| captured.abs_diff(now) <= BELIEVED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_far_off_is_not_believed() {
        let minute = 60_000_000_000;
        let now = 1000 * minute;
        assert_eq!(time(Some(now - minute), now), Some(now - minute));
        assert_eq!(time(Some(now + minute), now), Some(now + minute));
        for off in [now - minute - 1, now + minute + 1, 0, i64::MAX, i64::MIN] {
            assert_eq!(time(Some(off), now), None);
        }
        assert_eq!(time(None, now), None);
    }
}
