//! Sequence numbers: which arrived, which twice, which late, which never
//! ([RFC 3550 §A.1](https://www.rfc-editor.org/rfc/rfc3550#appendix-A.1)).
//!
//! A number's fate is open while it is among the last [`REORDER_WINDOW`]; then it is settled, once and
//! for good. Bits of the open numbers stand in three 128-bit words, so that up to 28 settled ones wait
//! to be told to the loss statistics together: on a clean stream that is one call in 28 packets.

/// RFC 3550 §A.1: a step forward up to this is loss, beyond it a restart.
pub(crate) const MAX_DROPOUT: u16 = 3000;
/// RFC 3550 §A.1: a step back up to this is reordering or duplication, beyond it a restart.
pub(crate) const MAX_MISORDER: u16 = 100;
/// Numbers this far below the highest can arrive no more.
const REORDER_WINDOW: u32 = MAX_MISORDER as u32;
/// Bits in a word of marks.
const WORD: u32 = u128::BITS;

/// What one sequence number did to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Ahead of all others, this many numbers above the highest so far (1: in order).
    Ahead(u16),
    /// Below the highest, first arrival.
    Behind(u8),
    /// Arrived before.
    Duplicate(u8),
    /// Too far away to be of this run.
    Jump,
}

/// What became of expected numbers, told in their order.
pub(crate) trait Settle {
    /// `count` numbers in a row that arrived in time for every buffer.
    fn received(&mut self, count: u32);
    /// One number that arrived too late for at least one of the buffers.
    fn late(&mut self, fixed: bool, adaptive: bool);
    /// `count` numbers in a row that never arrived.
    fn lost(&mut self, count: u32);
    /// `count` numbers in a row that were never sent.
    fn skipped(&mut self, count: u32);
}

/// One run of sequence numbers (from a restart to the next), extended to 32 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sequence {
    /// Bit i: number `highest - i` arrived.
    seen: u128,
    /// Bit i: it arrived too late for the fixed buffer.
    late_fixed: u128,
    /// Bit i: it arrived too late for the adaptive buffer.
    late_adaptive: u128,
    /// Highest extended number seen. Never shrinks within a run.
    highest: u32,
    /// All numbers below this are settled. At most 128 above.
    open: u32,
    /// First arrivals of the whole stream, this run and those before it.
    pub packets: u32,
    /// Those of them that came below the highest number so far.
    pub reordered: u32,
}

impl Sequence {
    /// A run that begins with `sequence`.
    pub const fn start(sequence: u16) -> Self {
        // One cycle of head room: numbers below the first may still arrive.
        let highest = (1 << 16) + sequence as u32;
        Self { seen: 1, late_fixed: 0, late_adaptive: 0, highest, open: highest, packets: 1, reordered: 0 }
    }

    /// A further run of the same stream, begun with `sequence`.
    pub const fn restart(&self, sequence: u16) -> Self {
        Self { packets: self.packets + 1, reordered: self.reordered, ..Self::start(sequence) }
    }

    pub const fn highest(&self) -> u32 {
        self.highest
    }

    /// Where `sequence` stands; changes nothing.
    #[inline]
    pub const fn step(&self, sequence: u16) -> Step {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        if ahead != 0 && ahead < MAX_DROPOUT {
            return Step::Ahead(ahead);
        }
        let behind = ahead.wrapping_neg();
        if behind >= MAX_MISORDER {
            return Step::Jump;
        }
        if self.seen >> behind & 1 == 1 { Step::Duplicate(behind as u8) } else { Step::Behind(behind as u8) }
    }

    /// Takes the number next above the highest, where no open number is known as never sent.
    #[inline]
    pub fn advance(&mut self, out: &mut impl Settle) {
        if self.highest.wrapping_add(1).wrapping_sub(self.open) >= WORD {
            self.make_room(1, 0, false, out);
        }
        self.move_up(1);
    }

    /// Takes the number `by` above the highest. `absent`: marks of the open numbers that were never sent
    /// (bit i: `highest - i`), kept up to date; `never_sent`: the numbers in between are such.
    pub fn leap(&mut self, by: u16, absent: &mut u128, never_sent: bool, out: &mut impl Settle) {
        self.make_room(by, *absent, never_sent, out);
        *absent = absent.checked_shl(u32::from(by)).unwrap_or(0);
        if never_sent {
            // Bits 1 to `by - 1`; bit 0 is the number that came.
            *absent |= !(u128::MAX.checked_shl(u32::from(by)).unwrap_or(0)) & !1;
        }
        self.move_up(by);
    }

    #[inline]
    fn move_up(&mut self, by: u16) {
        let shift = |word: u128| word.checked_shl(u32::from(by)).unwrap_or(0);
        self.seen = shift(self.seen) | 1;
        self.late_fixed = shift(self.late_fixed);
        self.late_adaptive = shift(self.late_adaptive);
        // A sender that leaves out 2999 numbers each time gets past 2^32 in an hour: the count wraps.
        self.highest = self.highest.wrapping_add(u32::from(by));
        self.packets += 1;
    }

    /// Settles what leaves the window when the highest number moves up `by`.
    #[cold]
    fn make_room(&mut self, by: u16, absent: u128, never_sent: bool, out: &mut impl Settle) {
        let by = u32::from(by);
        let leaves = by.min(REORDER_WINDOW);
        self.settle(self.highest.wrapping_sub(REORDER_WINDOW - 1).wrapping_add(leaves), absent, out);
        // Numbers above the highest that are out of the window before they were ever in it.
        let never_seen = by - leaves;
        if never_seen > 0 {
            if never_sent {
                out.skipped(never_seen);
            } else {
                out.lost(never_seen);
            }
            self.open = self.open.wrapping_add(never_seen);
        }
    }

    /// Takes a number below the highest that has not arrived yet.
    pub fn fill(&mut self, behind: u8) {
        self.seen |= 1 << behind;
        self.packets += 1;
        self.reordered += 1;
        let behind = u32::from(behind);
        if self.open_span() < behind + 1 {
            // Below the run's first number: the run began there.
            self.open = self.highest.wrapping_sub(behind);
        }
    }

    /// How many numbers are open, the highest included.
    const fn open_span(&self) -> u32 {
        self.highest.wrapping_sub(self.open).wrapping_add(1)
    }

    /// How many open numbers arrived too late for the fixed and for the adaptive buffer.
    pub const fn open_late(&self) -> (u32, u32) {
        let span = self.open_span();
        let mask = if span == 0 { 0 } else { u128::MAX >> (WORD - span) };
        ((self.late_fixed & mask).count_ones(), (self.late_adaptive & mask).count_ones())
    }

    /// Marks a number too late for one of the buffers or both.
    #[inline]
    pub fn mark_late(&mut self, behind: u8, fixed: bool, adaptive: bool) {
        self.late_fixed |= u128::from(fixed) << behind;
        self.late_adaptive |= u128::from(adaptive) << behind;
    }

    /// Settles the numbers that have left the window.
    pub fn settle_window(&mut self, absent: u128, out: &mut impl Settle) {
        self.settle(self.highest.wrapping_sub(REORDER_WINDOW - 1), absent, out);
    }

    /// Settles all: the run is over.
    pub fn settle_all(&mut self, absent: u128, out: &mut impl Settle) {
        self.settle(self.highest.wrapping_add(1), absent, out);
    }

    /// Settles the numbers below `end`, which is at most one above the highest.
    fn settle(&mut self, end: u32, absent: u128, out: &mut impl Settle) {
        let count = end.wrapping_sub(self.open);
        if count == 0 || count > WORD {
            // Settled already: `end` is not above `open`.
            return;
        }
        let lowest_bit = self.highest.wrapping_add(1).wrapping_sub(end);
        let mask = u128::MAX >> (WORD - count);
        let part = |word: u128| (word >> lowest_bit) & mask;
        let (seen, fixed, adaptive) = (part(self.seen), part(self.late_fixed), part(self.late_adaptive));
        self.open = end;
        if seen == mask && fixed | adaptive == 0 {
            out.received(count);
            return;
        }
        let absent = part(absent);
        for bit in (0..count).rev() {
            let is = |word: u128| word >> bit & 1 == 1;
            match (is(seen), is(fixed) || is(adaptive)) {
                (true, false) => out.received(1),
                (true, true) => out.late(is(fixed), is(adaptive)),
                (false, _) if is(absent) => out.skipped(1),
                (false, _) => out.lost(1),
            }
        }
    }
}
