//! What a stream was like: each interval as it closes, and all of it at its end.

use super::bursts::{BurstGap, Runs};
use super::dscp::DscpCounts;
use super::jitter::JitterMs;
use super::{INTERVAL, Payload, Rare, Stream};

/// Above this share of duplicates that look like a span port's in an interval, that is what they are.
const MIRROR_COPY_SHARE: f64 = 0.4;
/// Intervals with fewer packets are judged together with the next.
const MIRROR_COPY_PACKETS: u32 = 50;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before {
    pub packets: u32,
    lost: Runs,
    fixed: Discards,
    adaptive: Discards,
}

/// Packets too late for one buffer, as they arrived, and the runs of lost and late numbers, as they settled.
#[derive(Clone, Copy, Debug, Default)]
struct Discards {
    late: u32,
    runs: u32,
}

impl Discards {
    const fn of(bad: Runs, lost: Runs, open_late: u32) -> Self {
        Self { late: bad.bad.saturating_sub(lost.bad).saturating_add(open_late), runs: bad.runs }
    }

    /// Lost and late together since `earlier`.
    fn since(self, earlier: Self, lost: Runs) -> Runs {
        let bad = lost.bad.saturating_add(self.late.saturating_sub(earlier.late));
        let runs = self.runs.saturating_sub(earlier.runs).max(u32::from(bad > 0));
        Runs { bad, runs: runs.min(bad) }
    }
}

/// What one interval of a stream was like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Beginning, nanoseconds since the Unix epoch.
    pub start: i64,
    /// Length, ns: 10 s, less for the last one.
    pub length: i64,
    /// Arrived, duplicates not counted.
    pub packets: u32,
    /// Lost: left the reordering window without arriving.
    pub lost: Runs,
    /// Lost, or arrived in it too late for the fixed buffer; runs are those that left the reordering window.
    pub fixed: Runs,
    /// The same of the adaptive buffer.
    pub adaptive: Runs,
    /// Arrived again.
    pub duplicates: u32,
    /// Duplicates found in it to be the span port's; some may have arrived in intervals before.
    pub mirror_copies: u32,
    /// Arrived below the highest number so far.
    pub reordered: u32,
    /// Arrived, by their marking.
    pub dscp: DscpCounts,
    /// RFC 3550 jitter at its end, ms.
    pub jitter_ms: Option<f64>,
    /// Largest 2-point delay variation, ms.
    pub delay_variation_max_ms: Option<f32>,
    /// What most of its packets carried.
    pub payload: Option<Payload>,
    /// Most frequent codec mode so far, for encodings that have modes.
    pub mode: Option<u8>,
    /// Mean delay of the adaptive buffer so far, ms.
    pub adaptive_delay_ms: Option<f64>,
    /// Packet time so far, ms.
    pub ptime_ms: Option<f64>,
}

impl Interval {
    /// Expected: arrived and lost.
    #[must_use]
    pub const fn expected(&self) -> u32 {
        self.packets.saturating_add(self.lost.bad)
    }

    /// Too late for the adaptive buffer.
    #[must_use]
    pub const fn discarded_adaptive(&self) -> u32 {
        self.adaptive.bad.saturating_sub(self.lost.bad)
    }
}

/// Everything about a stream once no number of it is open.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamTotals {
    /// First arrival, nanoseconds since the Unix epoch.
    pub first: i64,
    /// Last arrival that was no duplicate.
    pub last: i64,
    /// Arrived, duplicates not counted.
    pub packets: u32,
    /// Expected (RFC 3550 A.3), over all runs; skipped numbers left out.
    pub expected: u32,
    /// Never sent.
    pub skipped: u32,
    /// Arrived again, copies made by the span port included.
    pub duplicates: u32,
    /// Those of the duplicates that the span port made (inferred).
    pub mirror_copies: u32,
    /// Arrived below the highest number so far.
    pub reordered: u32,
    /// Lost numbers and their runs.
    pub lost: Runs,
    /// Lost, or too late for the fixed buffer.
    pub fixed: Runs,
    /// Lost, or too late for the adaptive buffer.
    pub adaptive: Runs,
    /// Bursts and gaps of lost numbers.
    pub burst_gap: BurstGap,
    /// Jitter; `None` where no clock was known.
    pub jitter: Option<JitterMs>,
    /// Mean delay of the adaptive buffer, ms.
    pub adaptive_delay_ms: Option<f64>,
    /// Longest time between two arrivals, ms; `None` with one packet.
    pub max_gap_ms: Option<f32>,
    /// Bit n: DSCP n was seen.
    pub dscp: u64,
    /// Payload types with their encodings and counts, most frequent first.
    pub payloads: Vec<Payload>,
    /// Packet time, ms.
    pub ptime_ms: Option<f64>,
    /// Most frequent codec mode, for encodings that have modes.
    pub mode: Option<u8>,
    /// Key presses.
    pub digits: u32,
}

impl Stream<'_> {
    /// Ends the current interval at `end` and begins the next there. `None` if it was empty.
    #[cold]
    pub fn close_interval(&mut self, end: i64) -> Option<Interval> {
        let absent = self.absent();
        self.hot.sequence.settle_window(absent, &mut self.cold.losses);
        self.take_interval(end, false)
    }

    fn take_interval(&mut self, end: i64, is_last: bool) -> Option<Interval> {
        self.flush_payload();
        let payload = self.cold.payloads.take_interval();
        let (losses, before) = (&self.cold.losses, self.cold.before);
        let start = self.hot.interval_end.saturating_sub(INTERVAL);
        let variation = self.hot.delay_variation_max;
        let packets = self.hot.sequence.packets;
        let lost = losses.lost.since(before.lost);
        let (open_fixed, open_adaptive) = self.hot.sequence.open_late();
        let fixed = Discards::of(losses.fixed, losses.lost, open_fixed);
        let adaptive = Discards::of(losses.adaptive, losses.lost, open_adaptive);
        let mut interval = Interval {
            start,
            length: end.saturating_sub(start),
            packets: packets - before.packets,
            lost,
            fixed: fixed.since(before.fixed, lost),
            adaptive: adaptive.since(before.adaptive, lost),
            duplicates: 0,
            mirror_copies: 0,
            reordered: 0,
            dscp: DscpCounts::default(),
            jitter_ms: self.hot.jitter.ms().map(|j| j.last),
            delay_variation_max_ms: (variation >= 0.0).then_some(variation),
            payload,
            mode: self.mode(),
            adaptive_delay_ms: self.hot.playout.adaptive_delay_ms(),
            ptime_ms: self.ptime_ms(),
        };
        let mut marked_from = before.packets;
        if let Some(rare) = &mut self.cold.rare {
            let copies_before = rare.mirror_copies;
            rare.unjudged += interval.packets;
            rare.judge_copies(is_last, packets);
            let (duplicates, reordered) = (self.hot.duplicates, self.hot.sequence.reordered);
            interval.duplicates = duplicates - std::mem::replace(&mut rare.duplicates_before, duplicates);
            interval.reordered = reordered - std::mem::replace(&mut rare.reordered_before, reordered);
            interval.mirror_copies = rare.mirror_copies - copies_before;
            interval.dscp = std::mem::take(&mut rare.marked);
            marked_from = marked_from.max(rare.marked_from);
        }
        interval.dscp.add(self.hot.media.dscp, packets - marked_from);
        self.hot.delay_variation_max = -1.0;
        self.cold.before = Before { packets, lost: self.cold.losses.lost, fixed, adaptive };
        self.hot.interval_end = end.saturating_add(INTERVAL);
        (interval.expected() > 0).then_some(interval)
    }

    fn mode(&self) -> Option<u8> {
        self.cold.rare.as_ref()?.modes.most_frequent()
    }

    /// Ends the stream: settles every number, closes the last interval.
    pub fn finish(&mut self) -> (Option<Interval>, StreamTotals) {
        let absent = self.absent();
        self.hot.sequence.settle_all(absent, &mut self.cold.losses);
        let end = self.hot.last_time.max(self.hot.interval_end.saturating_sub(INTERVAL));
        let interval = self.take_interval(end, true);
        let (hot, losses) = (&*self.hot, &self.cold.losses);
        let totals = StreamTotals {
            first: self.cold.first_time,
            last: hot.last_time,
            packets: hot.sequence.packets,
            expected: losses.expected,
            skipped: losses.skipped,
            duplicates: hot.duplicates,
            mirror_copies: self.cold.rare.as_ref().map_or(0, |r| r.mirror_copies),
            reordered: hot.sequence.reordered,
            digits: self.cold.rare.as_ref().map_or(0, |r| r.digits),
            lost: losses.lost,
            fixed: losses.fixed,
            adaptive: losses.adaptive,
            burst_gap: losses.burst_gap(),
            jitter: hot.jitter.ms(),
            adaptive_delay_ms: hot.playout.adaptive_delay_ms(),
            max_gap_ms: (hot.sequence.packets > 1).then_some(hot.max_gap_ms),
            dscp: hot.dscp,
            payloads: self.cold.payloads.all(),
            ptime_ms: self.ptime_ms(),
            mode: self.mode(),
        };
        (interval, totals)
    }
}

impl Rare {
    /// Whether the duplicates not judged yet are a span port's. The last few packets of a stream are too
    /// few to tell: they go with those before.
    fn judge_copies(&mut self, is_last: bool, packets: u32) {
        if self.unjudged >= MIRROR_COPY_PACKETS || (is_last && self.unjudged == packets) {
            self.mirrored = f64::from(self.copies) > MIRROR_COPY_SHARE * f64::from(self.unjudged);
        } else if !is_last {
            return;
        }
        if self.mirrored {
            self.mirror_copies += self.copies;
        }
        (self.copies, self.unjudged) = (0, 0);
    }
}
