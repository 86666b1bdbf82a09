//! Delays, summed up.

use hdrhistogram::Histogram;

/// Digits to which percentiles are exact.
const DIGITS: u8 = 3;
/// Longer ones count as this in percentiles, µs: one hour.
const LONGEST: u64 = 3_600_000_000;

/// How long something took, many times over.
///
/// Percentiles come out of a histogram that grows with the longest delay: from 8 kB to 94 kB at an hour.
#[derive(Clone, Debug, Default)]
pub struct Delays {
    count: u64,
    /// ns.
    sum: u128,
    /// ns; both 0 while there is nothing.
    least: i64,
    most: i64,
    /// µs; made with the first delay.
    histogram: Option<Box<Histogram<u32>>>,
}

impl Delays {
    /// Counts a delay, ns; a negative one, of a clock that stepped, as 0.
    pub fn observe(&mut self, delay: i64) {
        let delay = delay.max(0);
        self.least = if self.count == 0 { delay } else { self.least.min(delay) };
        self.most = self.most.max(delay);
        self.count += 1;
        self.sum += u128::from(delay.unsigned_abs());
        if self.histogram.is_none() {
            self.histogram = Histogram::new(DIGITS).ok().map(Box::new);
        }
        if let Some(histogram) = &mut self.histogram {
            // It grows as far as `LONGEST`, so there is no place that it does not have.
            let _recorded = histogram.record((delay.unsigned_abs() / 1000).min(LONGEST));
        }
    }

    /// The same where there is one.
    pub fn observe_some(&mut self, delay: Option<i64>) {
        if let Some(delay) = delay {
            self.observe(delay);
        }
    }

    /// How many.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The mean, ms; exact. `None` of nothing.
    #[must_use]
    pub fn mean_ms(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64 / 1e6)
    }

    /// The delay, ms, that a share of all does not exceed (nearest rank), to three digits. `None` of nothing.
    #[must_use]
    pub fn percentile_ms(&self, share: f64) -> Option<f64> {
        let histogram = self.histogram.as_ref()?;
        let micros = histogram.median_equivalent(histogram.value_at_quantile(share));
        // A bucket is wider than what it holds: of one delay all percentiles are that delay.
        Some((micros as f64 / 1e3).clamp(self.least as f64 / 1e6, self.most as f64 / 1e6))
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.least = if self.count == 0 { other.least } else { self.least.min(other.least) };
        self.most = self.most.max(other.most);
        self.count += other.count;
        self.sum += other.sum;
        match (&mut self.histogram, &other.histogram) {
            (Some(histogram), Some(more)) => {
                // Both have the same digits, and neither is longer than `LONGEST`.
                let _added = histogram.add(&**more);
            }
            (none, Some(more)) => *none = Some(more.clone()),
            (_, None) => {}
        }
    }
}
