//! Packet time as timers may trust it.

/// A jump forward of more than this must be confirmed by the next frame, ns.
const SUSPECT: i64 = 60_000_000_000;

/// The highest time seen, but for jumps that nothing confirms: one frame with a broken time must not expire
/// every table.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    now: Option<i64>,
    suspect: Option<i64>,
    pub quarantined: u64,
}

impl Clock {
    /// Takes a frame's time; what time it is.
    #[inline]
    pub fn observe(&mut self, time: i64) -> i64 {
        let Some(now) = self.now else {
            self.now = Some(time);
            return time;
        };
        if time.saturating_sub(now) <= SUSPECT {
            if time > now {
                self.now = Some(time);
                self.suspect = None;
                return time;
            }
            return now;
        }
        self.leap(now, time)
    }

    #[cold]
    fn leap(&mut self, now: i64, time: i64) -> i64 {
        let confirmed = self.suspect.is_some_and(|s| time.saturating_sub(s).saturating_abs() <= SUSPECT);
        if confirmed {
            self.now = Some(time);
            self.suspect = None;
            return time;
        }
        self.suspect = Some(time);
        self.quarantined += 1;
        now
    }

    /// What time it is; `None` before the first frame.
    pub const fn now(&self) -> Option<i64> {
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    #[test]
    fn one_frame_from_the_far_future_changes_nothing() {
        let mut c = Clock::default();
        assert_eq!(c.observe(S), S);
        assert_eq!(c.observe(9_999 * S), S);
        assert_eq!(c.observe(2 * S), 2 * S);
        assert_eq!(c.observe(8_888 * S), 2 * S);
        assert_eq!(c.quarantined, 2);
    }

    #[test]
    fn a_pause_is_believed_with_the_second_frame_after_it() {
        let mut c = Clock::default();
        c.observe(S);
        assert_eq!(c.observe(500 * S), S);
        assert_eq!(c.observe(501 * S), 501 * S);
    }

    #[test]
    fn time_never_goes_back() {
        let mut c = Clock::default();
        c.observe(10 * S);
        assert_eq!(c.observe(3 * S), 10 * S);
        assert_eq!(c.observe(i64::MIN), 10 * S);
    }
}
