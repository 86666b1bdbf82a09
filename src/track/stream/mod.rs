//! One RTP stream: what arrived, what never did, and how well it could be played.
//!
//! State is split in two: `Hot` is touched by every packet, `Cold` once in a while (a settled block
//! of numbers, a new second, another payload type, the end of an interval). Together they are held to
//! [`STATE_BYTES`]. What only troubled streams need stands in a box beside them.

pub(crate) mod bursts;
mod dscp;
mod interval;
pub(crate) mod jitter;
mod payload;
pub(crate) mod playout;
pub(crate) mod sequence;
#[cfg(test)]
mod tests;

pub use bursts::{BurstGap, Runs};
pub use dscp::{DscpClass, DscpCounts};
pub use interval::{Interval, StreamTotals};
pub use jitter::JitterMs;
pub use payload::Payload;
pub(crate) use payload::{ModeReading, ResolvePayload, Resolved};

use self::bursts::Losses;
use self::interval::Before;
use self::jitter::Jitter;
use self::payload::{Modes, Payloads};
use self::playout::{Playout, Seconds};
use self::sequence::{Sequence, Step};
use super::arrival::{RtpArrival, StreamKey};

/// Bound on the tracking and playout state of one stream.
pub const STATE_BYTES: usize = 512;
const _: () = assert!(size_of::<Hot>() + size_of::<Cold>() <= STATE_BYTES);

/// Intervals are 10 s from the stream's first packet.
pub(crate) const INTERVAL: i64 = 10_000_000_000;
/// A copy made by the span port follows its original closely.
const MIRROR_COPY_WITHIN: u64 = 10_000_000;
/// Policy 6: without a marker or pause before it, a step of the media clock is jitter.
const CLOCK_STEP_MS: f64 = 1000.0;
/// Differences closer than this are equal: far below any clock's resolution.
const EPSILON_MS: f64 = 1e-9;
/// Packet time where none was seen yet, ms: the default of RFC 3551 table 1.
const USUAL_PTIME_MS: f64 = 20.0;

/// Touched by every packet.
#[derive(Clone, Debug)]
pub(crate) struct Hot {
    pub key: StreamKey,
    /// Which held-back packets are this stream's; 0 where none are.
    pub hold: u32,
    sequence: Sequence,
    /// Arrival of the last packet that was no duplicate.
    last_time: i64,
    interval_end: i64,
    media: MediaClock,
    jitter: Jitter,
    playout: Playout,
    /// Bit n: DSCP n was seen.
    dscp: u64,
    /// Longest time between two arrivals, ms; negative infinity before the second.
    max_gap_ms: f32,
    duplicates: u32,
    /// Packets of the current payload type not yet added to its count.
    of_payload: u32,
    /// Largest delay variation of the interval, ms; negative without a packet.
    delay_variation_max: f32,
    /// IP identification and UDP checksum of the last packet, folded: a copy has the same.
    last_mark: u16,
    last_ttl: u8,
    has_absent: bool,
}

/// The media clock of the last audio packet.
#[derive(Clone, Copy, Debug)]
struct MediaClock {
    time: i64,
    /// Ticks since the epoch's first packet, wraps undone.
    ticks: i64,
    ms_per_tick: f64,
    timestamp: u32,
    number: u32,
    /// Hz, of audio; 0 where it is not known.
    clock_rate: u32,
    /// Most frequent timestamp step of packets in a row, and how often.
    step: u32,
    step_count: u32,
    /// Marking and payload type of the packet before.
    dscp: u8,
    payload_type: u8,
    last_audio_payload_type: u8,
    /// The current payload type is an event or comfort noise.
    is_event: bool,
    /// How far below the highest number the last packet was, events included.
    behind: u8,
    modes: Option<ModeReading>,
    /// An event or comfort noise came since the last audio packet.
    after_event: bool,
    /// Another SDP has come: the payload type must be looked up again.
    rebind: bool,
    /// The last audio packet came too late for the adaptive buffer.
    was_late: bool,
    /// No audio packet yet in this run, or none with this clock.
    begins: bool,
}

/// Touched once in a while.
#[derive(Clone, Debug)]
pub(crate) struct Cold {
    pub first_time: i64,
    /// VLAN of the first packet.
    pub vlan: u16,
    losses: Losses,
    seconds: Seconds,
    payloads: Payloads,
    /// Counts at the start of the interval.
    before: Before,
    rare: Option<Box<Rare>>,
}

/// What only some streams need.
#[derive(Clone, Debug, Default)]
struct Rare {
    /// A packet far from the run: the first of a new one, if the next follows it.
    jump: Option<RtpArrival>,
    /// Bit i: number `highest - i` was never sent.
    absent: u128,
    modes: Modes,
    /// A timestamp step that contends with the most frequent one, and its count.
    other_step: (u32, u32),
    /// When the highest number came; told only while the last packet is another.
    highest_time: i64,
    /// Packets of this interval by their marking, until it last changed at packet `marked_from`.
    marked: DscpCounts,
    marked_from: u32,
    /// Counts at the start of the interval.
    duplicates_before: u32,
    reordered_before: u32,
    mirror_copies: u32,
    /// Duplicates that look like a span port's, and packets, of the intervals not judged yet.
    copies: u32,
    unjudged: u32,
    /// Those judged last were a span port's.
    mirrored: bool,
    /// Key presses (RFC 4733), and the timestamp of the last one: each has its own.
    digits: u32,
    digit: Option<u32>,
    /// The current payload type is that of key presses.
    is_digit: bool,
}

/// A stream's two halves, borrowed together.
#[derive(Debug)]
pub(crate) struct Stream<'a> {
    pub hot: &'a mut Hot,
    pub cold: &'a mut Cold,
}

impl Hot {
    pub fn new(first: &RtpArrival) -> Self {
        Self {
            key: first.key,
            hold: 0,
            sequence: Sequence::start(first.sequence),
            last_time: first.time,
            interval_end: first.time.saturating_add(INTERVAL),
            media: MediaClock { dscp: first.dscp, ..MediaClock::default() },
            jitter: Jitter::default(),
            playout: Playout::default(),
            dscp: 1 << (first.dscp & 63),
            max_gap_ms: f32::NEG_INFINITY,
            duplicates: 0,
            of_payload: 0,
            delay_variation_max: -1.0,
            last_mark: 0,
            last_ttl: 0,
            has_absent: false,
        }
    }

    /// Another SDP speaks of this stream's ends: its next packet looks its payload type up again.
    pub const fn look_up_again(&mut self) {
        self.media.rebind = true;
    }

    /// When the current interval ends.
    pub const fn interval_end(&self) -> i64 {
        self.interval_end
    }

    /// Passes over `count` intervals in which nothing came.
    pub const fn skip_intervals(&mut self, count: i64) {
        self.interval_end = self.interval_end.saturating_add(count.saturating_mul(INTERVAL));
    }

    /// When a packet last arrived.
    pub const fn last_time(&self) -> i64 {
        self.last_time
    }

    /// Reads a field of each cache line, wherever among lines the stream begins, so that a batch's misses are
    /// in flight together.
    #[inline]
    pub fn touch(&self) -> u64 {
        self.sequence.touch()
            ^ self.interval_end.cast_unsigned()
            ^ self.playout.epoch().cast_unsigned()
            ^ self.media.time.cast_unsigned()
            ^ u64::from(self.duplicates)
    }
}

impl Default for MediaClock {
    fn default() -> Self {
        Self {
            time: 0,
            ticks: 0,
            ms_per_tick: 0.0,
            timestamp: 0,
            number: 0,
            clock_rate: 0,
            step: 0,
            step_count: 0,
            dscp: 0,
            payload_type: 0,
            last_audio_payload_type: 0,
            is_event: false,
            behind: 0,
            modes: None,
            after_event: false,
            rebind: true,
            was_late: false,
            begins: true,
        }
    }
}

impl Cold {
    pub fn new(first: &RtpArrival) -> Self {
        Self {
            first_time: first.time,
            vlan: first.vlan,
            losses: Losses::default(),
            seconds: Seconds::default(),
            payloads: Payloads::default(),
            before: Before::default(),
            rare: None,
        }
    }
}

impl Stream<'_> {
    /// Takes the packet that made the stream.
    pub fn begin(&mut self, p: &RtpArrival, payloads: &mut impl ResolvePayload) {
        self.first_arrival(p, 0, payloads);
    }

    /// Takes one further packet. The caller has closed the intervals that ended before it.
    #[inline]
    pub fn arrive(&mut self, p: &RtpArrival, payloads: &mut impl ResolvePayload) {
        match self.hot.sequence.step(p.sequence) {
            Step::Ahead(by) => {
                if by == 1 && !self.hot.has_absent {
                    self.hot.sequence.advance(&mut self.cold.losses);
                } else {
                    self.jump_ahead(p, by);
                }
                self.first_arrival(p, 0, payloads);
            }
            Step::Behind(behind) => {
                self.fill(behind);
                self.first_arrival(p, behind, payloads);
            }
            Step::Duplicate(behind) => self.duplicate(p, behind),
            Step::Jump => self.far_away(p, payloads),
        }
    }

    /// Numbers in between are lost, or were never sent: a gap that the elapsed time could not have
    /// carried is the sender's own.
    #[cold]
    fn jump_ahead(&mut self, p: &RtpArrival, by: u16) {
        let between = f64::from(by - 1);
        let highest_time = match &self.cold.rare {
            Some(rare) if self.hot.media.behind > 0 => rare.highest_time,
            _ => self.hot.last_time,
        };
        let elapsed_ms = p.time.saturating_sub(highest_time) as f64 / 1e6;
        let never_sent = between * self.ptime_ms().unwrap_or(USUAL_PTIME_MS) > elapsed_ms + 1000.0;
        let never_sent = by > 1 && never_sent;
        let mut absent = self.absent();
        self.hot.sequence.leap(by, &mut absent, never_sent, &mut self.cold.losses);
        if never_sent || self.hot.has_absent {
            self.cold.rare.get_or_insert_default().absent = absent;
            self.hot.has_absent = absent != 0;
        }
    }

    /// Marks of the open numbers that were never sent.
    fn absent(&self) -> u128 {
        self.cold.rare.as_ref().map_or(0, |r| r.absent)
    }

    #[cold]
    fn fill(&mut self, behind: u8) {
        self.hot.sequence.fill(behind);
        let rare = self.cold.rare.get_or_insert_default();
        if self.hot.media.behind == 0 {
            rare.highest_time = self.hot.last_time;
        }
    }

    #[cold]
    fn duplicate(&mut self, p: &RtpArrival, behind: u8) {
        self.hot.duplicates += 1;
        let copy_of_last = behind == self.hot.media.behind
            && p.copy_mark() == self.hot.last_mark
            && p.time.abs_diff(self.hot.last_time) < MIRROR_COPY_WITHIN
            && (p.ttl == self.hot.last_ttl || p.ttl.wrapping_add(1) == self.hot.last_ttl);
        // Made in any case: it keeps the count from before the interval.
        let rare = self.cold.rare.get_or_insert_default();
        rare.copies += u32::from(copy_of_last);
    }

    /// RFC 3550 A.1: a number far away opens a new run if the next one that is far away follows it.
    /// Unlike the RFC's receiver, both are counted: a passive observer has kept the first.
    #[cold]
    fn far_away(&mut self, p: &RtpArrival, payloads: &mut impl ResolvePayload) {
        let rare = self.cold.rare.get_or_insert_default();
        match rare.jump.take() {
            Some(first) if p.sequence == first.sequence.wrapping_add(1) => {
                self.hot.sequence.settle_all(rare.absent, &mut self.cold.losses);
                rare.absent = 0;
                self.hot.has_absent = false;
                self.hot.sequence = self.hot.sequence.restart(first.sequence);
                self.hot.media.begins = true;
                self.hot.media.after_event = false;
                self.first_arrival(&first, 0, payloads);
                self.arrive(p, payloads);
            }
            _ => rare.jump = Some(*p),
        }
    }

    #[inline]
    fn first_arrival(&mut self, p: &RtpArrival, behind: u8, payloads: &mut impl ResolvePayload) {
        let hot = &mut *self.hot;
        if hot.sequence.packets > 1 {
            hot.max_gap_ms = hot.max_gap_ms.max(p.time.wrapping_sub(hot.last_time) as f32 / 1e6);
        }
        hot.last_time = p.time;
        hot.media.behind = behind;
        (hot.last_mark, hot.last_ttl) = (p.copy_mark(), p.ttl);
        if p.dscp != hot.media.dscp {
            self.remark(p.dscp);
        }
        let hot = &mut *self.hot;
        if p.payload_type != hot.media.payload_type || hot.media.rebind {
            self.switch_payload(p, payloads);
        }
        self.hot.of_payload += 1;
        if self.hot.media.is_event {
            self.hot.media.after_event = true;
            self.event(p);
        } else {
            self.audio(p, behind);
        }
    }

    /// Counts key presses: which, is nobody's business.
    #[cold]
    fn event(&mut self, p: &RtpArrival) {
        /// Events that are keys: 0 to 9, *, #, A to D ([RFC 4733 §3.2](https://www.rfc-editor.org/rfc/rfc4733#section-3.2)).
        const KEYS: u8 = 16;
        let [event, ..] = p.payload_head;
        if let Some(rare) = self.cold.rare.as_mut().filter(|r| r.is_digit)
            && p.payload_len >= 4
            && event < KEYS
            && rare.digit.is_none_or(|last| p.timestamp.wrapping_sub(last).cast_signed() > 0)
        {
            rare.digits = rare.digits.saturating_add(1);
            rare.digit = Some(p.timestamp);
        }
    }

    /// The marking changes with a packet that is counted already.
    #[cold]
    fn remark(&mut self, dscp: u8) {
        let marked_so = self.hot.sequence.packets - 1;
        let rare = self.cold.rare.get_or_insert_default();
        let since = rare.marked_from.max(self.cold.before.packets);
        rare.marked.add(self.hot.media.dscp, marked_so.saturating_sub(since));
        rare.marked_from = marked_so;
        self.hot.media.dscp = dscp;
        self.hot.dscp |= 1 << (dscp & 63);
    }

    #[cold]
    fn switch_payload(&mut self, p: &RtpArrival, payloads: &mut impl ResolvePayload) {
        self.flush_payload();
        let media = &mut self.hot.media;
        media.rebind = false;
        media.payload_type = p.payload_type;
        let resolved = self.cold.payloads.select(p, payloads);
        media.is_event = resolved.is_event;
        if !resolved.is_event {
            media.begins |= resolved.clock_rate != media.clock_rate;
            media.clock_rate = resolved.clock_rate;
        }
        media.modes = resolved.modes;
        if resolved.is_digit || self.cold.rare.is_some() {
            self.cold.rare.get_or_insert_default().is_digit = resolved.is_digit;
        }
    }

    fn flush_payload(&mut self) {
        self.cold.payloads.add(self.hot.media.payload_type, self.hot.of_payload);
        self.hot.of_payload = 0;
    }

    #[inline]
    fn audio(&mut self, p: &RtpArrival, behind: u8) {
        let hot = &mut *self.hot;
        let media = &mut hot.media;
        let number = hot.sequence.highest().wrapping_sub(u32::from(behind));
        let ticks = p.timestamp.wrapping_sub(media.timestamp).cast_signed();
        let same_payload = p.payload_type == media.last_audio_payload_type;
        if same_payload && number == media.number.wrapping_add(1) && ticks > 0 && !media.begins {
            count_step(media, &mut self.cold.rare, ticks.cast_unsigned());
        }
        if let Some(reading) = media.modes {
            self.cold.rare.get_or_insert_default().modes.count(reading, p.payload_head, p.payload_len);
        }
        if media.clock_rate != 0 {
            let difference =
                p.time.wrapping_sub(media.time) as f64 / 1e6 - f64::from(ticks) * media.ms_per_tick;
            let is_newer = number.wrapping_sub(media.number).cast_signed() > 0;
            let breaks = media.begins
                || (is_newer && i64::from(ticks) < -i64::from(media.clock_rate))
                || (difference.abs() > CLOCK_STEP_MS + EPSILON_MS
                    && (p.marker || media.after_event || !same_payload));
            let transit = if breaks {
                set_clock(media, &mut self.cold.rare);
                media.ticks = 0;
                media.was_late = false;
                hot.playout.start_epoch(p.time, &mut self.cold.seconds);
                0.0
            } else {
                hot.jitter.update(difference);
                media.ticks += i64::from(ticks);
                p.time.wrapping_sub(hot.playout.epoch()) as f64 / 1e6 - media.ticks as f64 * media.ms_per_tick
            };
            let play =
                hot.playout.arrive(p.time, transit, p.marker, &mut media.was_late, &mut self.cold.seconds);
            hot.delay_variation_max = hot.delay_variation_max.max(play.delay_variation_ms as f32);
            if play.late_fixed || play.late_adaptive {
                hot.sequence.mark_late(behind, play.late_fixed, play.late_adaptive);
            }
        }
        media.last_audio_payload_type = p.payload_type;
        (media.time, media.timestamp, media.number) = (p.time, p.timestamp, number);
        (media.begins, media.after_event) = (media.clock_rate == 0, false);
    }

    /// Packet time by the most frequent timestamp step, ms.
    pub fn ptime_ms(&self) -> Option<f64> {
        let MediaClock { step, ms_per_tick, .. } = self.hot.media;
        let clock_rate = (1000.0 / ms_per_tick).round();
        (step > 0).then(|| f64::from(step) * 1000.0 / clock_rate)
    }
}

/// Takes the payload type's clock. Steps counted so far are put in its ticks: a packet time is one of
/// milliseconds, whichever codec had it.
#[cold]
fn set_clock(media: &mut MediaClock, rare: &mut Option<Box<Rare>>) {
    let old = std::mem::replace(&mut media.ms_per_tick, 1000.0 / f64::from(media.clock_rate));
    if old > 0.0 && media.step > 0 {
        let scale = old / media.ms_per_tick;
        let convert = |step: u32| to_u32((f64::from(step) * scale).round());
        media.step = convert(media.step);
        if let Some(rare) = rare {
            rare.other_step.0 = convert(rare.other_step.0);
        }
    }
}

#[expect(clippy::cast_sign_loss, reason = "saturates: what is below 0 becomes 0")]
const fn to_u32(n: f64) -> u32 {
    n as u32
}

/// Two counters find the most frequent step wherever one has the majority (Misra and Gries).
#[inline]
fn count_step(media: &mut MediaClock, rare: &mut Option<Box<Rare>>, step: u32) {
    if step == media.step {
        media.step_count += 1;
    } else {
        count_other_step(media, rare, step);
    }
}

#[cold]
fn count_other_step(media: &mut MediaClock, rare: &mut Option<Box<Rare>>, step: u32) {
    if media.step_count == 0 {
        (media.step, media.step_count) = (step, 1);
        return;
    }
    let other = &mut rare.get_or_insert_default().other_step;
    if step == other.0 {
        other.1 += 1;
        if other.1 > media.step_count {
            std::mem::swap(&mut media.step, &mut other.0);
            std::mem::swap(&mut media.step_count, &mut other.1);
        }
    } else if other.1 == 0 {
        *other = (step, 1);
    } else {
        other.1 -= 1;
    }
}
