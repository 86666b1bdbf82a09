//! Interarrival jitter ([RFC 3550 §6.4.1](https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1), §A.8),
//! in floating point and milliseconds.

/// Smoothed jitter of one stream and what its mean and maximum are made of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Jitter {
    /// J, ms.
    now: f64,
    /// Sum of J after each update, ms.
    sum: f64,
    /// Largest J, ms.
    max: f32,
    updates: u32,
}

/// Mean, maximum and last value of J, ms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JitterMs {
    /// Mean of J after each update. Not defined by any RFC; what analysers report.
    pub mean: f64,
    /// Largest J.
    pub max: f64,
    /// J after the last update: what RFC 3550 would report.
    pub last: f64,
}

impl Jitter {
    /// Takes the difference of relative transit times of two packets, ms.
    #[inline]
    pub fn update(&mut self, difference_ms: f64) {
        self.now += (difference_ms.abs() - self.now) / 16.0;
        self.sum += self.now;
        self.max = self.max.max(self.now as f32);
        self.updates += 1;
    }

    /// `None` before the first update.
    pub fn ms(&self) -> Option<JitterMs> {
        (self.updates > 0).then(|| JitterMs {
            mean: self.sum / f64::from(self.updates),
            max: f64::from(self.max),
            last: self.now,
        })
    }
}
