//! Counts of one site.

use super::calls::CallTotals;
use super::catalogue as metric;
use super::direction::{Direction, DirectionTotals, StreamState};
use super::family::Families;
use super::histogram::Histogram;
use super::interval::IntervalSample;

/// Which way from the probe a round trip went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundTripSide {
    /// To the site's phones and back.
    Site,
    /// To the other end and back.
    Far,
}

/// Where an end's own word was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportSource {
    /// RTCP receiver reports: they know loss, but no MOS.
    RtcpRr,
    /// RTCP extended reports (RFC 3611).
    RtcpXr,
    /// SIP voice quality reports (RFC 6035).
    SipVq,
}

impl ReportSource {
    /// Every source, in the order in which they are counted.
    pub const ALL: [Self; 3] = [Self::RtcpRr, Self::RtcpXr, Self::SipVq];

    /// Its label value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RtcpRr => "rtcp_rr",
            Self::RtcpXr => "rtcp_xr",
            Self::SipVq => "sip_vq",
        }
    }
}

/// Counts of one site. All but the gauges never shrink.
#[derive(Clone, Debug)]
pub(super) struct SiteTotals {
    /// By [`Direction::ALL`]; made with the first event, or by configuration.
    directions: [Option<Box<DirectionTotals>>; 4],
    /// By side: site, far.
    round_trip: [Histogram; 2],
    /// By [`ReportSource::ALL`].
    report_loss: [Histogram; 3],
    report_mos: [Histogram; 3],
    /// Made with the first signal, or by configuration.
    calls: Option<Box<CallTotals>>,
}

impl Default for SiteTotals {
    fn default() -> Self {
        let new = |metric: &metric::Metric| Histogram::new(metric.edges());
        Self {
            directions: [const { None }; 4],
            round_trip: [(); 2].map(|()| new(&metric::STREAM_ROUND_TRIP)),
            report_loss: [(); 3].map(|()| new(&metric::REPORT_LOSS)),
            report_mos: [(); 3].map(|()| new(&metric::REPORT_MOS_LQE)),
            calls: None,
        }
    }
}

impl SiteTotals {
    /// Shows what every site has at 0, from now on: the streams and attempts of two directions, call seconds,
    /// calls and devices.
    pub fn configure(&mut self) {
        self.calls().configure();
        for direction in [Direction::In, Direction::Out] {
            self.with(direction, DirectionTotals::configure);
        }
    }

    /// Its calls and other signalling.
    pub fn calls(&mut self) -> &mut CallTotals {
        self.calls.get_or_insert_default()
    }

    /// Events of signalling counted as overflow for their peer's sake.
    pub fn folded_peers(&self) -> u64 {
        self.calls.as_ref().map_or(0, |calls| calls.folded_peers())
    }

    fn with(&mut self, direction: Direction, action: impl FnOnce(&mut DirectionTotals)) {
        if let Some(place) = self.directions.get_mut(direction as usize) {
            action(place.get_or_insert_default());
        }
    }

    pub fn observe(&mut self, direction: Direction, sample: &IntervalSample<'_>) {
        self.with(direction, |d| d.observe(sample));
    }

    pub fn move_stream(&mut self, direction: Direction, from: StreamState, to: StreamState) {
        self.with(direction, |d| d.move_stream(from, to));
    }

    pub fn observe_round_trip(&mut self, side: RoundTripSide, seconds: f64) {
        let [site, far] = &mut self.round_trip;
        let histogram = match side {
            RoundTripSide::Site => site,
            RoundTripSide::Far => far,
        };
        histogram.observe(seconds, None);
    }

    pub fn observe_report(&mut self, source: ReportSource, loss: Option<f64>, mos_lqe: Option<f64>) {
        let place = source as usize;
        if let (Some(histogram), Some(loss)) = (self.report_loss.get_mut(place), loss) {
            histogram.observe(loss, None);
        }
        // A receiver report has no MOS; the catalogue has no such series.
        let knows_mos = source != ReportSource::RtcpRr;
        if let (Some(histogram), Some(mos)) = (self.report_mos.get_mut(place), mos_lqe.filter(|_| knows_mos))
        {
            histogram.observe(mos, None);
        }
    }

    /// Adds what another worker counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.directions.iter_mut().zip(&other.directions) {
            if let Some(theirs) = theirs {
                mine.get_or_insert_default().merge(theirs);
            }
        }
        let mine = self.round_trip.iter_mut().chain(&mut self.report_loss).chain(&mut self.report_mos);
        let theirs = other.round_trip.iter().chain(&other.report_loss).chain(&other.report_mos);
        for (histogram, more) in mine.zip(theirs) {
            histogram.merge(more);
        }
        if let Some(theirs) = &other.calls {
            self.calls().merge(theirs);
        }
    }

    pub fn expose<'a>(&'a self, customer: &'a str, site: &'a str, to: &mut Families<'a>) {
        for (direction, totals) in Direction::ALL.into_iter().zip(&self.directions) {
            if let Some(totals) = totals {
                totals.expose([customer, site, direction.name()], to);
            }
        }
        for (side, histogram) in ["site", "far"].into_iter().zip(&self.round_trip) {
            to.observed(&metric::STREAM_ROUND_TRIP, &[customer, site, side], histogram);
        }
        let reports = self.report_loss.iter().zip(&self.report_mos);
        for (source, (loss, mos)) in ReportSource::ALL.into_iter().zip(reports) {
            to.observed(&metric::REPORT_LOSS, &[customer, site, source.name()], loss);
            to.observed(&metric::REPORT_MOS_LQE, &[customer, site, source.name()], mos);
        }
        if let Some(calls) = &self.calls {
            calls.expose(customer, site, to);
        }
    }
}
