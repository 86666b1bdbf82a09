//! Counts of all sites, as one worker keeps them and a scrape merges them.

use std::collections::BTreeMap;

use super::calls::CallTotals;
use super::catalogue as metric;
use super::codecs;
use super::direction::{StreamState, add};
use super::family::Families;
use super::interval::{IntervalSample, Outcome, ViewLabels, WithheldReason};
use super::peers::PeerTotals;
use super::site::{ReportSource, RoundTripSide, SiteTotals};

/// Customer and site of what no configured site knows.
pub const UNASSIGNED: &str = "unassigned";
/// Customer and site of what is over the budget.
pub const OVERFLOW: &str = "overflow";

/// Peers whose last answer is remembered: as many as a configuration may name.
const MOST_PEERS: usize = 4096;

/// The label budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sites with labels of their own; [`UNASSIGNED`] and [`OVERFLOW`] come on top.
    pub sites: usize,
    /// Series in all.
    pub series: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sites: 256, series: 100_000 }
    }
}

/// Counts of all sites. All but the gauges never shrink.
///
/// A site is admitted by configuration and never by traffic, in the order of the configuration up to the
/// limit: so every worker admits the same ones, and how streams are spread over workers changes no sum.
#[derive(Clone, Debug)]
pub struct Totals {
    max_sites: usize,
    /// By customer, then site.
    sites: BTreeMap<Box<str>, BTreeMap<Box<str>, SiteTotals>>,
    configured: usize,
    /// By [`WithheldReason::ALL`].
    withheld: [u64; 6],
    /// Observations counted as `overflow` or `other` for their site's or codec's sake.
    folded_sites: u64,
    folded_codecs: u64,
    /// When peers last answered, nanoseconds since the Unix epoch.
    last_answers: BTreeMap<Box<str>, i64>,
}

impl Totals {
    /// Nothing counted, and no site known.
    #[must_use]
    pub const fn new(max_sites: usize) -> Self {
        Self {
            max_sites,
            sites: BTreeMap::new(),
            configured: 0,
            withheld: [0; 6],
            folded_sites: 0,
            folded_codecs: 0,
            last_answers: BTreeMap::new(),
        }
    }

    /// Another limit on sites from now on; those known already stay.
    pub const fn bound_sites(&mut self, max_sites: usize) {
        self.max_sites = max_sites;
    }

    /// Makes customers' sites known, in the order of the configuration. What is known stays, also after a
    /// reload that no longer names it: counters survive.
    pub fn configure<'a>(&mut self, customers_and_sites: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (customer, site) in customers_and_sites {
            let reserved = [UNASSIGNED, OVERFLOW].contains(&site);
            if reserved || self.site(customer, site).is_some() || self.configured >= self.max_sites {
                continue;
            }
            self.configured += 1;
            self.sites.entry(customer.into()).or_default().entry(site.into()).or_default().configure();
        }
    }

    fn site(&mut self, customer: &str, site: &str) -> Option<&mut SiteTotals> {
        self.sites.get_mut(customer)?.get_mut(site)
    }

    /// The site's counts; what no site has goes to [`UNASSIGNED`], what has none of its own to [`OVERFLOW`].
    fn site_or_overflow(&mut self, customer: &str, site: &str) -> &mut SiteTotals {
        let known = self.sites.get(customer).is_some_and(|sites| sites.contains_key(site));
        let (customer, site) = match (known, site) {
            (true, _) => (customer, site),
            (false, UNASSIGNED) => (UNASSIGNED, UNASSIGNED),
            (false, _) => {
                self.folded_sites += u64::from(site != OVERFLOW);
                (OVERFLOW, OVERFLOW)
            }
        };
        self.sites.entry(customer.into()).or_default().entry(site.into()).or_default()
    }

    /// What is counted of the site's calls.
    pub(super) fn calls(&mut self, customer: &str, site: &str) -> &mut CallTotals {
        self.site_or_overflow(customer, site).calls()
    }

    /// What is counted of the site's signalling with a peer.
    pub(super) fn peer(&mut self, view: &ViewLabels<'_>, peer: Option<&str>) -> &mut PeerTotals {
        self.calls(view.customer, view.site).peer(peer)
    }

    /// A peer answered.
    pub(super) fn answered(&mut self, peer: &str, time: i64) {
        if let Some(last) = self.last_answers.get_mut(peer) {
            *last = time.max(*last);
        } else if self.last_answers.len() < MOST_PEERS {
            self.last_answers.insert(peer.into(), time);
        }
    }

    /// Adds one closed interval: once at each site that its stream touches, or of
    /// [`ViewLabels::UNASSIGNED`].
    pub fn observe_interval(&mut self, views: &[ViewLabels<'_>], sample: &IntervalSample<'_>) {
        for view in views {
            self.site_or_overflow(view.customer, view.site).observe(view.direction, sample);
        }
        if !sample.encoding_name.is_empty() && codecs::place(sample.encoding_name).is_none() {
            self.folded_codecs += 1;
        }
        let reason = match sample.outcome {
            Outcome::Scored { .. } => None,
            Outcome::Withheld(reason) => Some(reason),
            Outcome::CaptureLoss => Some(WithheldReason::CaptureLoss),
        };
        let counted = reason.filter(|_| sample.is_observation());
        if let Some(count) = counted.and_then(|reason| self.withheld.get_mut(reason as usize)) {
            *count += 1;
        }
    }

    /// A stream begins, ends, or has become better or worse.
    pub fn move_stream(&mut self, views: &[ViewLabels<'_>], from: StreamState, to: StreamState) {
        for view in views {
            self.site_or_overflow(view.customer, view.site).move_stream(view.direction, from, to);
        }
    }

    /// A round trip from the probe, seconds.
    pub fn observe_round_trip(&mut self, customer: &str, site: &str, side: RoundTripSide, seconds: f64) {
        self.site_or_overflow(customer, site).observe_round_trip(side, seconds);
    }

    /// What an end says: loss, 0…1, and MOS-LQE.
    pub fn observe_report(
        &mut self,
        customer: &str,
        site: &str,
        source: ReportSource,
        loss: Option<f64>,
        mos_lqe: Option<f64>,
    ) {
        self.site_or_overflow(customer, site).observe_report(source, loss, mos_lqe);
    }

    /// Adds what another worker of the same configuration counted, in any order of workers.
    pub fn merge(&mut self, other: &Self) {
        for (customer, sites) in &other.sites {
            let mine = self.sites.entry(customer.clone()).or_default();
            for (site, totals) in sites {
                mine.entry(site.clone()).or_default().merge(totals);
            }
        }
        self.configured = self.configured.max(other.configured);
        add(&mut self.withheld, &other.withheld);
        self.folded_sites += other.folded_sites;
        self.folded_codecs += other.folded_codecs;
        for (peer, time) in &other.last_answers {
            self.answered(peer, *time);
        }
    }

    pub(super) fn expose<'a>(&'a self, to: &mut Families<'a>) {
        for (customer, sites) in &self.sites {
            for (site, totals) in sites {
                totals.expose(customer, site, to);
            }
        }
        for (reason, count) in WithheldReason::ALL.into_iter().zip(self.withheld) {
            to.count(&metric::SCORES_WITHHELD, &[reason.name()], count);
        }
        to.count(&metric::LABEL_VALUES_FOLDED, &["site"], self.folded_sites);
        to.count(&metric::LABEL_VALUES_FOLDED, &["codec"], self.folded_codecs);
        let folded_peers = self.sites.values().flat_map(BTreeMap::values).map(SiteTotals::folded_peers).sum();
        to.count(&metric::LABEL_VALUES_FOLDED, &["peer"], folded_peers);
        for (peer, time) in &self.last_answers {
            to.number(&metric::PEER_LAST_ANSWER, &[peer], *time as f64 / 1e9);
        }
    }
}
