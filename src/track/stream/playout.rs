//! Playout buffers emulated: which packets would have come too late to be played.
//!
//! Two buffers watch each stream: a fixed one of 60 ms, and an adaptive one after Ramjee et al. 1994
//! (algorithm 2 for the mean, algorithm 1 for the deviation). Both work on transit, arrival less media
//! time, relative to the first packet of an epoch; an epoch ends where the media clock breaks.

/// Depth of the fixed buffer, ms.
pub(crate) const FIXED_DEPTH_MS: f64 = 60.0;
/// Seconds over which the least transit is taken: packets of the current one and the nine before.
const WINDOW_SECONDS: usize = 10;
/// A transit above another by no more than this is no later: far below any clock's resolution.
const EPSILON_MS: f64 = 1e-9;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Ramjee et al. 1994: weight of the past in mean and deviation.
const ALPHA: f64 = 0.998_002;
/// Algorithm 2: the mean rises fast.
const BETA: f64 = 0.75;
/// The margin over the mean is this many deviations …
const DEVIATIONS: f64 = 4.0;
/// … but neither less …
const MARGIN_MIN_MS: f64 = 20.0;
/// … nor more than this.
const MARGIN_MAX_MS: f64 = 200.0;
/// Deviation to begin with.
const DEVIATION_START_MS: f64 = 10.0;
/// The playout point moves at talkspurts, and at least this often.
const UPDATE_PERIOD: i64 = NANOS_PER_SECOND;

/// What the buffers make of one packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Playability {
    pub late_fixed: bool,
    pub late_adaptive: bool,
    /// Transit above the least of the window: the 2-point delay variation of RFC 5481 §4.2, ms.
    pub delay_variation_ms: f64,
}

/// The state of both buffers within one epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Playout {
    epoch: i64,
    /// Least transit of the current second, ms.
    least_now: f64,
    /// Least transit of the nine seconds before it, ms.
    least_before: f64,
    mean: f64,
    deviation: f64,
    /// Transit at which the adaptive buffer plays, ms.
    play: f64,
    updated: i64,
    /// Sum over packets of the adaptive buffer's delay, ms.
    delay_sum: f64,
    second: u32,
    packets: u32,
}

/// Least transits of the last seconds; touched once a second.
///
/// Held as nanoseconds above the least of all, so that ten fit in 40 bytes; a step of more than 4.2 s
/// up is cut there for the ten seconds it takes to leave the window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds {
    base: f64,
    above: [u32; WINDOW_SECONDS],
}

impl Default for Seconds {
    fn default() -> Self {
        Self { base: 0.0, above: [u32::MAX; WINDOW_SECONDS] }
    }
}

impl Default for Playout {
    fn default() -> Self {
        Self {
            epoch: 0,
            least_now: f64::INFINITY,
            least_before: f64::INFINITY,
            mean: 0.0,
            deviation: DEVIATION_START_MS,
            play: 0.0,
            updated: 0,
            delay_sum: 0.0,
            second: 0,
            packets: 0,
        }
    }
}

impl Playout {
    /// Begins an epoch with a packet that arrived at `time`; its transit is 0.
    pub fn start_epoch(&mut self, time: i64, seconds: &mut Seconds) {
        *seconds = Seconds::default();
        *self = Self {
            epoch: time,
            play: margin(DEVIATION_START_MS),
            updated: time,
            delay_sum: self.delay_sum,
            packets: self.packets,
            ..Self::default()
        };
    }

    /// When the epoch began.
    pub const fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Takes a packet that arrived at `time` with `transit` ms. In order of arrival. `was_late`: whether
    /// the packet before it in this epoch came too late for the adaptive buffer; told anew for the next.
    #[inline]
    pub fn arrive(
        &mut self,
        time: i64,
        transit: f64,
        marker: bool,
        was_late: &mut bool,
        seconds: &mut Seconds,
    ) -> Playability {
        let since_epoch = time - self.epoch;
        if since_epoch >= (i64::from(self.second) + 1) * NANOS_PER_SECOND {
            self.turn_second(since_epoch, seconds);
        }
        self.least_now = self.least_now.min(transit);
        let base = self.least_now.min(self.least_before);
        *was_late = self.adapt(time, transit, marker, *was_late);
        self.delay_sum += self.play - base;
        self.packets += 1;
        let delay_variation_ms = transit - base;
        Playability {
            late_fixed: delay_variation_ms > FIXED_DEPTH_MS + EPSILON_MS,
            late_adaptive: *was_late,
            delay_variation_ms,
        }
    }

    #[inline]
    fn adapt(&mut self, time: i64, transit: f64, marker: bool, was_late: bool) -> bool {
        let target = self.mean + margin(self.deviation);
        let due = marker || time - self.updated >= UPDATE_PERIOD;
        // A late packet shows that the buffer is too shallow: it grows at once, it never shrinks so.
        if due || (was_late && target > self.play) {
            self.play = target;
            self.updated = time;
        }
        let late = transit > self.play + EPSILON_MS;
        let weight = if transit > self.mean { BETA } else { ALPHA };
        self.mean = weight * self.mean + (1.0 - weight) * transit;
        self.deviation = ALPHA * self.deviation + (1.0 - ALPHA) * (self.mean - transit).abs();
        late
    }

    #[cold]
    fn turn_second(&mut self, since_epoch: i64, seconds: &mut Seconds) {
        let second = u32::try_from(since_epoch / NANOS_PER_SECOND).unwrap_or(u32::MAX);
        seconds.put(self.second, self.least_now);
        // Each second that begins pushes the one ten before it out, whether packets came or not.
        for begun in (self.second + 1..=second).take(WINDOW_SECONDS) {
            seconds.forget(begun);
        }
        self.second = second;
        self.least_now = f64::INFINITY;
        self.least_before = seconds.least();
    }

    /// Mean delay that the adaptive buffer added, ms; `None` without a packet.
    pub fn adaptive_delay_ms(&self) -> Option<f64> {
        (self.packets > 0).then(|| self.delay_sum / f64::from(self.packets))
    }
}

fn margin(deviation: f64) -> f64 {
    (DEVIATIONS * deviation).clamp(MARGIN_MIN_MS, MARGIN_MAX_MS)
}

impl Seconds {
    const NANOS_PER_MS: f64 = 1e6;

    fn put(&mut self, second: u32, least: f64) {
        if least < self.base || self.least().is_infinite() {
            self.rebase(least);
        }
        if let Some(slot) = self.above.get_mut(second as usize % WINDOW_SECONDS) {
            // Saturating cast; u32::MAX itself means "no packet".
            *slot = ((least - self.base) * Self::NANOS_PER_MS).round().min(f64::from(u32::MAX - 1)) as u32;
        }
    }

    fn rebase(&mut self, base: f64) {
        let shift = (self.base - base) * Self::NANOS_PER_MS;
        for above in self.above.iter_mut().filter(|a| **a != u32::MAX) {
            *above = (f64::from(*above) + shift).round().clamp(0.0, f64::from(u32::MAX - 1)) as u32;
        }
        self.base = base;
    }

    /// Empties the place that `second` will take.
    fn forget(&mut self, second: u32) {
        if let Some(slot) = self.above.get_mut(second as usize % WINDOW_SECONDS) {
            *slot = u32::MAX;
        }
    }

    fn least(&self) -> f64 {
        match self.above.iter().copied().min() {
            None | Some(u32::MAX) => f64::INFINITY,
            Some(above) => self.base + f64::from(above) / Self::NANOS_PER_MS,
        }
    }
}
