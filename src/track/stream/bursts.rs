//! Losses in their order: counts, runs, bursts and gaps
//! ([RFC 3611 §4.7.2](https://www.rfc-editor.org/rfc/rfc3611#section-4.7.2)), burst ratio (ITU-T G.107
//! (06/2015) §7.5).

use super::sequence::Settle;

/// RFC 3611 §4.7.2: this many received packets in a row end a burst. 16 is recommended there.
const GMIN: u32 = 16;

/// Bad numbers and the runs they come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// Bad numbers.
    pub bad: u32,
    /// Runs of them.
    pub runs: u32,
}

impl Runs {
    /// ITU-T G.107 BurstR among `expected` numbers: mean run length over that of random loss at the same
    /// ratio, not below 1; 1 where none or all are bad.
    #[must_use]
    pub fn burst_ratio(self, expected: u32) -> f64 {
        if self.bad == 0 || self.bad >= expected {
            return 1.0;
        }
        let (bad, runs, n) = (f64::from(self.bad), f64::from(self.runs.max(1)), f64::from(expected));
        (bad / runs * (1.0 - bad / n)).max(1.0)
    }

    /// What came since `earlier`. Bad numbers that only went on with an earlier run are one run.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        let bad = self.bad.saturating_sub(earlier.bad);
        let runs = self.runs.saturating_sub(earlier.runs);
        Self { bad, runs: if bad > 0 { runs.max(1) } else { 0 } }
    }
}

/// All numbers settled so far of one stream, over all its runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Losses {
    /// Numbers settled, skipped ones left out.
    pub expected: u32,
    /// Numbers never sent.
    pub skipped: u32,
    /// Lost.
    pub lost: Runs,
    /// Lost, or too late for the fixed buffer.
    pub fixed: Runs,
    /// Lost, or too late for the adaptive buffer.
    pub adaptive: Runs,
    bursts: Bursts,
    /// The first number of all was in a burst: no gap stands before it.
    began_in_burst: bool,
    was_lost: bool,
    was_bad_fixed: bool,
    was_bad_adaptive: bool,
}

/// Bursts and gaps of lost numbers. Positions count settled numbers; all stop at the end of 32 bits, which
/// only a sender reaches that leaves numbers out on purpose.
#[derive(Clone, Copy, Debug, Default)]
struct Bursts {
    bursts: u32,
    burst_packets: u32,
    burst_lost: u32,
    /// One past the end of the last burst.
    after: u32,
    /// The open group of losses: first, last, how many. Empty where `count` is 0.
    first: u32,
    last: u32,
    count: u32,
}

/// Means over bursts and gaps, in packets and ratios.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BurstGap {
    /// Bursts.
    pub bursts: u32,
    /// Share of packets lost in bursts, 0…1.
    pub burst_density: f64,
    /// Share of packets lost in gaps, 0…1.
    pub gap_density: f64,
    /// Mean length of a burst, packets; 0 without one.
    pub burst_packets: f64,
    /// Mean length of a gap, packets; 0 without one.
    pub gap_packets: f64,
}

impl Bursts {
    fn lost(&mut self, at: u32, count: u32, began_in_burst: &mut bool) {
        if self.count > 0 && at.saturating_sub(self.last) <= GMIN {
            self.count = self.count.saturating_add(count);
        } else {
            self.close(began_in_burst);
            (self.first, self.count) = (at, count);
        }
        self.last = at.saturating_add(count - 1);
    }

    /// Ends the open group. One loss alone is no burst: it lies in the gap.
    fn close(&mut self, began_in_burst: &mut bool) {
        if self.count > 1 {
            self.bursts += 1;
            *began_in_burst |= self.first == 0;
            self.after = self.last.saturating_add(1);
            self.burst_packets = self.burst_packets.saturating_add(self.after - self.first);
            self.burst_lost = self.burst_lost.saturating_add(self.count);
        }
        self.count = 0;
    }
}

impl Losses {
    /// Bursts and gaps if the stream ended here.
    pub fn burst_gap(&self) -> BurstGap {
        let (mut b, mut began_in_burst) = (self.bursts, self.began_in_burst);
        b.close(&mut began_in_burst);
        // At least Gmin packets part two bursts, so each has a gap before it but one at the very start.
        let gaps = b.bursts - u32::from(began_in_burst) + u32::from(self.expected > b.after);
        let gap_packets = self.expected.saturating_sub(b.burst_packets);
        let ratio = |a: u32, b: u32| if b == 0 { 0.0 } else { f64::from(a) / f64::from(b) };
        BurstGap {
            bursts: b.bursts,
            burst_density: ratio(b.burst_lost, b.burst_packets),
            gap_density: ratio(self.lost.bad.saturating_sub(b.burst_lost), gap_packets),
            burst_packets: ratio(b.burst_packets, b.bursts),
            gap_packets: ratio(gap_packets, gaps),
        }
    }
}

/// Counts one more bad number; a run begins where the one before was good.
fn bad(runs: &mut Runs, was_bad: &mut bool, count: u32) {
    runs.bad = runs.bad.saturating_add(count);
    runs.runs += u32::from(!*was_bad);
    *was_bad = true;
}

impl Settle for Losses {
    #[inline]
    fn received(&mut self, count: u32) {
        self.expected = self.expected.saturating_add(count);
        (self.was_lost, self.was_bad_fixed, self.was_bad_adaptive) = (false, false, false);
    }

    fn late(&mut self, fixed: bool, adaptive: bool) {
        self.expected = self.expected.saturating_add(1);
        self.was_lost = false;
        if fixed {
            bad(&mut self.fixed, &mut self.was_bad_fixed, 1);
        } else {
            self.was_bad_fixed = false;
        }
        if adaptive {
            bad(&mut self.adaptive, &mut self.was_bad_adaptive, 1);
        } else {
            self.was_bad_adaptive = false;
        }
    }

    fn lost(&mut self, count: u32) {
        self.bursts.lost(self.expected, count, &mut self.began_in_burst);
        self.expected = self.expected.saturating_add(count);
        bad(&mut self.lost, &mut self.was_lost, count);
        bad(&mut self.fixed, &mut self.was_bad_fixed, count);
        bad(&mut self.adaptive, &mut self.was_bad_adaptive, count);
    }

    fn skipped(&mut self, count: u32) {
        self.skipped = self.skipped.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(events: &str) -> Losses {
        let mut l = Losses::default();
        for e in events.chars() {
            match e {
                'R' => l.received(1),
                'X' => l.late(true, false),
                'L' => l.lost(1),
                other => panic!("{other} is no event"),
            }
        }
        l
    }

    /// RFC 3611 §4.7.2's own example, lost and discarded taken together as it does.
    #[test]
    fn the_rfcs_example() {
        let events = "RRRRXRRRRRRRRRRRRRRRRRRXRRRXRXRRRRXRRRRRRRRRRRRRRRRRRXRRRRRRRRR".replace('X', "L");
        let b = losses(&events).burst_gap();
        assert_eq!((b.bursts, b.burst_packets, b.gap_packets), (1, 12.0, 25.5));
        assert!((b.burst_density - 4.0 / 12.0).abs() < 1e-12);
        assert!((b.gap_density - 2.0 / 51.0).abs() < 1e-12);
    }

    #[test]
    fn fifteen_good_packets_join_two_losses_and_sixteen_part_them() {
        let one = losses(&format!("L{}L", "R".repeat(15))).burst_gap();
        assert_eq!((one.bursts, one.burst_packets), (1, 17.0));
        let two = losses(&format!("L{}L", "R".repeat(16))).burst_gap();
        assert_eq!((two.bursts, two.gap_packets), (0, 18.0));
    }

    #[test]
    fn burst_ratio_is_that_of_runs_and_never_below_one() {
        let l = losses(&format!("{}LLLLL{}", "R".repeat(50), "R".repeat(45)));
        assert!((l.lost.burst_ratio(l.expected) - 5.0 * 0.95).abs() < 1e-12);
        let scattered = losses("RLRLRLRLRRRRRR");
        assert!((scattered.lost.burst_ratio(14) - 1.0).abs() < f64::EPSILON);
        assert!((losses("LLLL").lost.burst_ratio(4) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_run_that_goes_on_over_an_interval_counts_in_both() {
        let before = losses("RRLL");
        let after = losses("RRLLLRR");
        assert_eq!(after.lost.since(before.lost), Runs { bad: 1, runs: 1 });
        assert_eq!(after.lost.since(after.lost), Runs { bad: 0, runs: 0 });
    }
}
