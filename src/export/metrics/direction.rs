//! Counts of the streams of one site that flow one way.

use super::catalogue as metric;
use super::codecs::{self, CODECS};
use super::family::Families;
use super::histogram::{Exemplar, Histogram};
use super::interval::{IntervalSample, Outcome};
use crate::score::Scale;
pub use crate::track::sites::Direction;
use crate::track::stream::DscpClass;

/// What the gauges say of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// Not there: not yet, or no more.
    Absent,
    /// Going on.
    Active,
    /// Going on, with its last interval under the customer's limit.
    Poor,
}

/// Results of an interval, as the label says them.
const RESULTS: [&str; 3] = ["scored", "withheld", "capture_loss"];

/// Counts of one direction. All but the gauges never shrink.
#[derive(Clone, Debug)]
pub(super) struct DirectionTotals {
    /// Shown at 0 before the first event.
    configured: bool,
    packets: [u64; codecs::PLACES],
    expected: u64,
    lost: u64,
    discarded: u64,
    duplicates: u64,
    reordered: u64,
    dscp: [u64; 6],
    /// By [`RESULTS`].
    intervals: [u64; 3],
    active: i64,
    poor: i64,
    /// By [`Scale::ALL`].
    mos_lqe: [Histogram; 3],
    mos_cqe: [Histogram; 3],
    loss: Histogram,
    discard: Histogram,
    jitter: Histogram,
    delay_variation: Histogram,
    burst: Histogram,
}

impl Default for DirectionTotals {
    fn default() -> Self {
        let new = |metric: &metric::Metric| Histogram::new(metric.edges());
        Self {
            configured: false,
            packets: [0; codecs::PLACES],
            expected: 0,
            lost: 0,
            discarded: 0,
            duplicates: 0,
            reordered: 0,
            dscp: [0; 6],
            intervals: [0; 3],
            active: 0,
            poor: 0,
            mos_lqe: [(); 3].map(|()| new(&metric::STREAM_MOS_LQE)),
            mos_cqe: [(); 3].map(|()| new(&metric::STREAM_MOS_CQE)),
            loss: new(&metric::STREAM_LOSS),
            discard: new(&metric::STREAM_DISCARD),
            jitter: new(&metric::STREAM_JITTER),
            delay_variation: new(&metric::STREAM_DELAY_VARIATION),
            burst: new(&metric::STREAM_BURST),
        }
    }
}

impl DirectionTotals {
    /// Shows histograms at 0 from now on: `increase()` misses the first event of one that appears with it.
    pub const fn configure(&mut self) {
        self.configured = true;
    }

    /// Adds one interval. What arrived is counted in any case; what did not, only where the probe itself
    /// lost nothing.
    pub fn observe(&mut self, sample: &IntervalSample<'_>) {
        let codec = codecs::place(sample.encoding_name).unwrap_or(CODECS.len());
        if let Some(packets) = self.packets.get_mut(codec) {
            *packets += sample.packets;
        }
        add(&mut self.dscp, &sample.dscp);
        if sample.outcome != Outcome::CaptureLoss {
            self.expected += sample.expected;
            self.lost += sample.lost;
            self.discarded += sample.discarded;
            self.duplicates += sample.duplicates;
            self.reordered += sample.reordered;
        }
        if sample.is_observation() {
            self.observe_quality(sample);
        }
    }

    fn observe_quality(&mut self, sample: &IntervalSample<'_>) {
        let [scored, withheld, capture_loss] = &mut self.intervals;
        match sample.outcome {
            Outcome::CaptureLoss => {
                *capture_loss += 1;
                return;
            }
            Outcome::Withheld(_) => *withheld += 1,
            Outcome::Scored { scale, mos_lqe, mos_cqe } => {
                *scored += 1;
                let exemplar = |mos| sample.call_id.and_then(|id| Exemplar::new(id, mos, sample.end));
                if let Some(histogram) = of_scale(&mut self.mos_lqe, scale) {
                    histogram.observe(mos_lqe, exemplar(mos_lqe));
                }
                if let (Some(histogram), Some(mos)) = (of_scale(&mut self.mos_cqe, scale), mos_cqe) {
                    histogram.observe(mos, exemplar(mos));
                }
            }
        }
        if sample.expected > 0 {
            let ratio = |n: u64| n as f64 / sample.expected as f64;
            self.loss.observe(ratio(sample.lost), None);
            self.discard.observe(ratio(sample.discarded), None);
        }
        let seen = [
            (&mut self.jitter, sample.jitter),
            (&mut self.delay_variation, sample.delay_variation),
            (&mut self.burst, sample.burst_ratio.filter(|_| sample.lost > 0)),
        ];
        for (histogram, value) in seen {
            if let Some(value) = value {
                histogram.observe(value, None);
            }
        }
    }

    /// A stream goes from one state to another.
    pub fn move_stream(&mut self, from: StreamState, to: StreamState) {
        let active = |state| i64::from(state != StreamState::Absent);
        let poor = |state| i64::from(state == StreamState::Poor);
        self.active += active(to) - active(from);
        self.poor += poor(to) - poor(from);
    }

    /// Adds what another worker counted.
    pub fn merge(&mut self, other: &Self) {
        self.configured |= other.configured;
        add(&mut self.packets, &other.packets);
        add(&mut self.dscp, &other.dscp);
        add(&mut self.intervals, &other.intervals);
        self.expected += other.expected;
        self.lost += other.lost;
        self.discarded += other.discarded;
        self.duplicates += other.duplicates;
        self.reordered += other.reordered;
        self.active += other.active;
        self.poor += other.poor;
        for (histogram, more) in self.histograms_mut().into_iter().zip(other.histograms()) {
            histogram.merge(more);
        }
    }

    fn histograms_mut(&mut self) -> impl IntoIterator<Item = &mut Histogram> {
        let one = [&mut self.loss, &mut self.discard, &mut self.jitter, &mut self.delay_variation];
        one.into_iter().chain([&mut self.burst]).chain(&mut self.mos_lqe).chain(&mut self.mos_cqe)
    }

    fn histograms(&self) -> impl Iterator<Item = &Histogram> {
        let one = [&self.loss, &self.discard, &self.jitter, &self.delay_variation];
        one.into_iter().chain([&self.burst]).chain(&self.mos_lqe).chain(&self.mos_cqe)
    }

    /// Shows everything; a codec with its first packet, a wider scale than narrowband and what needs a measured
    /// delay with its first score.
    pub fn expose<'a>(&'a self, [customer, site, direction]: [&'a str; 3], to: &mut Families<'a>) {
        let labels = [customer, site, direction];
        let codecs = CODECS.into_iter().chain([codecs::OTHER]);
        for (codec, packets) in codecs.zip(self.packets).filter(|&(_, n)| n > 0) {
            to.count(&metric::RTP_PACKETS, &[customer, site, direction, codec], packets);
        }
        to.count(&metric::RTP_EXPECTED, &labels, self.expected);
        to.count(&metric::RTP_LOST, &labels, self.lost);
        to.count(&metric::RTP_DISCARDED, &labels, self.discarded);
        to.count(&metric::RTP_DUPLICATE, &labels, self.duplicates);
        to.count(&metric::RTP_REORDERED, &labels, self.reordered);
        for (class, packets) in DscpClass::ALL.into_iter().zip(self.dscp) {
            to.count(&metric::RTP_DSCP, &[customer, site, direction, class.name()], packets);
        }
        for (result, intervals) in RESULTS.into_iter().zip(self.intervals) {
            to.count(&metric::STREAM_INTERVALS, &[customer, site, direction, result], intervals);
        }
        to.number(&metric::STREAMS_ACTIVE, &labels, self.active as f64);
        to.number(&metric::STREAMS_POOR, &labels, self.poor as f64);
        for (scale, (lqe, cqe)) in Scale::ALL.into_iter().zip(self.mos_lqe.iter().zip(&self.mos_cqe)) {
            let labels = [customer, site, direction, scale.name()];
            if self.configured && scale == Scale::Nb {
                to.histogram(&metric::STREAM_MOS_LQE, &labels, lqe);
            } else {
                to.observed(&metric::STREAM_MOS_LQE, &labels, lqe);
            }
            to.observed(&metric::STREAM_MOS_CQE, &labels, cqe);
        }
        let unscaled = [
            (&metric::STREAM_LOSS, &self.loss),
            (&metric::STREAM_DISCARD, &self.discard),
            (&metric::STREAM_JITTER, &self.jitter),
            (&metric::STREAM_DELAY_VARIATION, &self.delay_variation),
            (&metric::STREAM_BURST, &self.burst),
        ];
        for (metric, histogram) in unscaled {
            if self.configured {
                to.histogram(metric, &labels, histogram);
            } else {
                to.observed(metric, &labels, histogram);
            }
        }
    }
}

/// Adds counts place by place.
pub(super) fn add(counts: &mut [u64], more: &[u64]) {
    for (count, more) in counts.iter_mut().zip(more) {
        *count += more;
    }
}

fn of_scale(histograms: &mut [Histogram; 3], scale: Scale) -> Option<&mut Histogram> {
    Scale::ALL.into_iter().zip(histograms).find_map(|(s, histogram)| (s == scale).then_some(histogram))
}
