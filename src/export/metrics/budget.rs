//! One scrape's families, within the bound on series.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use siphasher::sip128::{Hasher128, SipHasher13};

use super::catalogue::{Kind, LABEL_VALUES_FOLDED, Metric};
use super::family::{Families, Family, Labels, Series, Value};
use super::probe::ProbeNumbers;
use super::totals::{OVERFLOW, Totals};

/// Labels whose values come by the hundreds, from configuration: what is over the budget folds them.
const FOLDED_LABELS: [&str; 4] = ["customer", "site", "peer", "interface"];
/// Kept free for the series of [`OVERFLOW`], which always have room: their other labels are fixed lists.
const FOR_OVERFLOW: usize = 1_500;
/// Kept free for what has no such label: SIP messages (180 at most), workers mostly.
const FOR_PROBE: usize = 480;
/// Kept free for the first interfaces: they say whether what is shown of sites can be believed.
const FOR_INTERFACES: usize = 200;

/// Makes one scrape after the other.
///
/// A series that was shown once is shown for ever: a sum that moved to `overflow` later would look like a
/// reset here and a jump there. One that found no room stays in `overflow`. Which is which is remembered by
/// hash; both lists are bounded, since sites and all other labels are.
#[derive(Debug)]
pub struct Exposition {
    room: usize,
    room_for_interfaces: usize,
    admitted: HashMap<u128, bool>,
    folded: u64,
}

impl Exposition {
    /// At most `max_series` series; a limit under 2,500 counts as that.
    #[must_use]
    pub fn new(max_series: usize) -> Self {
        let room = max_series.max(2_500) - FOR_OVERFLOW - FOR_PROBE - FOR_INTERFACES;
        Self { room, room_for_interfaces: FOR_INTERFACES, admitted: HashMap::new(), folded: 0 }
    }

    /// Everything to be shown, in the catalogue's order.
    pub fn families<'a>(&mut self, totals: &'a Totals, probe: &'a ProbeNumbers) -> Vec<Family<'a>> {
        let mut gathered = Families::default();
        totals.expose(&mut gathered);
        probe.expose(&mut gathered);
        // Set below, when it is known.
        gathered.count(&LABEL_VALUES_FOLDED, &["series"], 0);
        let mut families = gathered.into_list();
        for family in &mut families {
            self.hold(family);
        }
        // Where nothing found room and no sum says anything; a family without a series is none.
        families.retain(|family| !family.series.is_empty());
        let folded = families.iter_mut().filter(|f| f.metric.name == LABEL_VALUES_FOLDED.name);
        for series in folded.flat_map(|f| &mut f.series) {
            if series.labels.iter().any(|&(_, value)| value == "series") {
                series.value = Value::Number(self.folded as f64);
            }
        }
        families
    }

    /// Folds the series of a family that find no room.
    fn hold<'a>(&mut self, family: &mut Family<'a>) {
        if !family.metric.labels.iter().any(|l| FOLDED_LABELS.contains(&l.name)) {
            return;
        }
        let mut over: BTreeMap<Labels<'a>, Value<'a>> = BTreeMap::new();
        let mut kept = Vec::with_capacity(family.series.len());
        for series in family.series.drain(..) {
            if series.is_overflow() || self.admits(family.metric.name, &series) {
                kept.push(series);
                continue;
            }
            if !family.metric.sums() {
                continue;
            }
            let labels = series.labels.iter().map(|&(name, value)| {
                if FOLDED_LABELS.contains(&name) { (name, OVERFLOW) } else { (name, value) }
            });
            match over.entry(labels.collect()) {
                Entry::Vacant(place) => {
                    place.insert(series.value);
                }
                Entry::Occupied(mut sum) => sum.get_mut().add(&series.value),
            }
        }
        for series in kept.iter_mut().filter(|s| s.is_overflow()) {
            if let Some(more) = over.remove(&series.labels) {
                series.value.add(&more);
            }
        }
        kept.extend(over.into_iter().map(|(labels, value)| Series { labels, value }));
        kept.sort_by(|a, b| a.labels.cmp(&b.labels));
        family.series = kept;
    }

    fn admits(&mut self, name: &str, series: &Series<'_>) -> bool {
        let mut hasher = SipHasher13::new();
        (name, &series.labels[..]).hash(&mut hasher);
        let lines = series.value.lines();
        let interface = series.labels.iter().any(|&(name, _)| name == "interface");
        let room = if interface && self.room_for_interfaces >= lines {
            &mut self.room_for_interfaces
        } else {
            &mut self.room
        };
        let folded = &mut self.folded;
        *self.admitted.entry(hasher.finish128().as_u128()).or_insert_with(|| match room.checked_sub(lines) {
            Some(left) => {
                *room = left;
                true
            }
            None => {
                *folded += 1;
                false
            }
        })
    }
}

impl Metric {
    /// Whether values of several series add up to one that says something: times, ratios and the states of
    /// interfaces do not.
    fn sums(&self) -> bool {
        let state =
            self.unit().is_some_and(|u| u != "bytes") || self.labels.iter().any(|l| l.name == "interface");
        self.kind != Kind::Gauge || !state
    }
}

impl Series<'_> {
    fn is_overflow(&self) -> bool {
        let mut folded = self.labels.iter().filter(|(name, _)| FOLDED_LABELS.contains(name));
        folded.all(|&(_, value)| value == OVERFLOW)
    }
}

#[cfg(test)]
mod tests;
