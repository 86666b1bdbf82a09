//! Playout buffers emulated: which packets would have come too late to be played.
//!
//! Two buffers watch each stream: a fixed one of 60 ms, and an adaptive one after Ramjee et al. 1994
//! (algorithm 2 for the mean, algorithm 1 for the deviation). Both work on transit, arrival less media
//! time, relative to the first packet of an epoch; an epoch ends where the media clock breaks.

/// Depth of the fixed buffer, ms.
pub(crate) const FIXED_DEPTH_MS: f64 = 60.0;
/// The least transit is taken over the packets of the current second and of this many before it.
const SECONDS_BEFORE: usize = 9;
/// A transit above another by no more than this is no later: far below any clock's resolution.
const EPSILON_MS: f64 = 1e-9;
/// The same for transits above the least, which is held in nanoseconds.
const NANOSECOND_MS: f64 = 1e-6;
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

/// Least transits of the nine seconds before the current one; touched once a second.
#[derive(Clone, Debug)]
pub(crate) enum Seconds {
    /// Nanoseconds above the least of all, so that they fit in 36 bytes. [`NO_PACKET`] where none came.
    Near { base: f64, above: [u32; SECONDS_BEFORE] },
    /// Milliseconds, once they lie more than 4.2 s apart. Infinite where no packet came.
    Far(Box<[f64; SECONDS_BEFORE]>),
}

const NO_PACKET: u32 = u32::MAX;

impl Default for Seconds {
    fn default() -> Self {
        Self::Near { base: 0.0, above: [NO_PACKET; SECONDS_BEFORE] }
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
        // Wraps on times no clock shows: then the numbers are void, but nothing breaks.
        let since_epoch = time.wrapping_sub(self.epoch);
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
            late_fixed: delay_variation_ms > FIXED_DEPTH_MS + NANOSECOND_MS,
            late_adaptive: *was_late,
            delay_variation_ms,
        }
    }

    #[inline]
    fn adapt(&mut self, time: i64, transit: f64, marker: bool, was_late: bool) -> bool {
        let target = self.mean + margin(self.deviation);
        let due = marker || time.wrapping_sub(self.updated) >= UPDATE_PERIOD;
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
        // A second without a packet pushes an older one out all the same.
        for empty in (self.second..second).skip(1).take(SECONDS_BEFORE) {
            seconds.put(empty, f64::INFINITY);
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

    /// Sets the least transit of `second`, ms; infinite where no packet came.
    fn put(&mut self, second: u32, least: f64) {
        let slot = second as usize % SECONDS_BEFORE;
        match self {
            Self::Near { base, above } => {
                if let Some(old) = above.get_mut(slot) {
                    *old = NO_PACKET;
                }
                if least.is_infinite() || Self::put_near(base, above, slot, least).is_some() {
                    return;
                }
                *self = Self::Far(Box::new(self.all()));
                self.put(second, least);
            }
            Self::Far(all) => {
                if let Some(old) = all.get_mut(slot) {
                    *old = least;
                }
            }
        }
    }

    /// `None` where the seconds lie too far apart.
    fn put_near(base: &mut f64, above: &mut [u32; SECONDS_BEFORE], slot: usize, least: f64) -> Option<()> {
        let lowest = above.iter().copied().min().filter(|&a| a != NO_PACKET);
        let (new_base, up) = match lowest {
            None => (least, 0),
            // To the least there is, but by a whole number of nanoseconds: no value is rounded again.
            Some(lowest) => {
                let new = ((least - *base) * Self::NANOS_PER_MS).floor() as i64;
                let up = new.min(i64::from(lowest));
                (*base + up as f64 / Self::NANOS_PER_MS, up)
            }
        };
        let fits = |nanos: i64| u32::try_from(nanos).ok().filter(|&n| n != NO_PACKET);
        let mut moved = *above;
        for a in moved.iter_mut().filter(|a| **a != NO_PACKET) {
            *a = fits(i64::from(*a).saturating_sub(up))?;
        }
        let nanos = ((least - new_base) * Self::NANOS_PER_MS).round() as i64;
        *moved.get_mut(slot)? = fits(nanos)?;
        (*base, *above) = (new_base, moved);
        Some(())
    }

    /// Milliseconds of each.
    fn all(&self) -> [f64; SECONDS_BEFORE] {
        match self {
            Self::Far(all) => **all,
            Self::Near { base, above } => above.map(|a| match a {
                NO_PACKET => f64::INFINITY,
                a => base + f64::from(a) / Self::NANOS_PER_MS,
            }),
        }
    }

    fn least(&self) -> f64 {
        self.all().into_iter().fold(f64::INFINITY, f64::min)
    }
}
