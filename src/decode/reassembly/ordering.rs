//! Segments in any order to octets in sequence ([RFC 9293 §3.4](https://www.rfc-editor.org/rfc/rfc9293#section-3.4)).

use super::Settings;

/// What comes next in a stream.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::decode) enum Piece<'a> {
    /// Octets that follow directly. They begin at a segment's start or behind what is already known.
    Octets(&'a [u8]),
    /// So many octets that will not come.
    Hole {
        /// Octets missing.
        octets: usize,
        /// True when they were on the wire and the snap length took them.
        cut: bool,
    },
}

/// The part of a stream that one segment carries: the octets there, then as many as the snap length took.
#[derive(Debug)]
struct Waiting {
    seq: u32,
    seen_ns: i64,
    octets: Vec<u8>,
    missing: usize,
}

impl Waiting {
    /// Octets it takes up: with its frame, or many small segments would be held for nothing.
    const fn size(&self) -> usize {
        size_of::<Self>() + self.octets.len()
    }
}

/// Puts the segments of one direction in order. Sequence numbers wrap; distances are below 2³¹.
#[derive(Debug)]
pub(in crate::decode) struct Ordering {
    next: u32,
    /// In order of sequence, all behind `next`.
    waiting: Vec<Waiting>,
    waiting_octets: usize,
}

impl Ordering {
    /// `next` is the sequence number of the first octet.
    pub(in crate::decode) const fn new(next: u32) -> Self {
        Self { next, waiting: Vec::new(), waiting_octets: 0 }
    }

    pub(super) const fn waiting_octets(&self) -> usize {
        self.waiting_octets
    }

    /// How far ahead of what is expected a sequence number is; negative: behind.
    pub(super) const fn distance(&self, seq: u32) -> i32 {
        seq.wrapping_sub(self.next).cast_signed()
    }

    /// Takes a segment and hands out what is now in sequence.
    pub(in crate::decode) fn accept(
        &mut self,
        time_ns: i64,
        (seq, octets, missing): (u32, &[u8], usize),
        settings: &Settings,
        out: &mut dyn FnMut(Piece<'_>),
    ) {
        if self.distance(seq) > 0 {
            self.wait(time_ns, seq, octets, missing);
        } else {
            self.advance(seq, octets, missing, out);
        }
        self.release(out);
        let full = |this: &Self| {
            this.waiting_octets > settings.max_message_octets
                || this.waiting.len() > settings.max_waiting_segments
        };
        while full(self) || self.is_overdue(time_ns, settings) {
            self.give_up_hole(out);
        }
    }

    /// Gives up every hole.
    pub(super) fn flush(&mut self, out: &mut dyn FnMut(Piece<'_>)) {
        while !self.waiting.is_empty() {
            self.give_up_hole(out);
        }
    }

    /// True when what waits behind the first hole has waited too long.
    fn is_overdue(&self, time_ns: i64, settings: &Settings) -> bool {
        let overdue = |first: &Waiting| time_ns.saturating_sub(first.seen_ns) > settings.hole_patience_ns;
        self.waiting.first().is_some_and(overdue)
    }

    fn wait(&mut self, seen_ns: i64, seq: u32, octets: &[u8], missing: usize) {
        let distance = self.distance(seq);
        let at = self.waiting.partition_point(|waiting| self.distance(waiting.seq) < distance);
        let known = |waiting: &Waiting| waiting.seq == seq && waiting.octets.len() >= octets.len();
        if self.waiting.get(at).is_some_and(known) {
            return;
        }
        let waiting = Waiting { seq, seen_ns, octets: octets.to_vec(), missing };
        self.waiting_octets += waiting.size();
        self.waiting.insert(at, waiting);
    }

    /// Hands out what of a segment at or before `next` is new.
    fn advance(&mut self, seq: u32, octets: &[u8], missing: usize, out: &mut dyn FnMut(Piece<'_>)) {
        let known = usize::try_from(-i64::from(self.distance(seq))).unwrap_or_default();
        let end = octets.len() + missing;
        if known >= end {
            return;
        }
        let fresh = octets.get(known..).unwrap_or_default();
        if !fresh.is_empty() {
            out(Piece::Octets(fresh));
        }
        let missing = missing.min(end - known);
        if missing > 0 {
            out(Piece::Hole { octets: missing, cut: true });
        }
        self.skip(end - known);
    }

    /// Hands out all that waits and is now in sequence.
    fn release(&mut self, out: &mut dyn FnMut(Piece<'_>)) {
        while self.waiting.first().is_some_and(|first| self.distance(first.seq) <= 0) {
            let waiting = self.waiting.remove(0);
            self.waiting_octets -= waiting.size();
            self.advance(waiting.seq, &waiting.octets, waiting.missing, out);
        }
    }

    fn give_up_hole(&mut self, out: &mut dyn FnMut(Piece<'_>)) {
        let Some(first) = self.waiting.first() else { return };
        let octets = usize::try_from(self.distance(first.seq)).unwrap_or_default();
        out(Piece::Hole { octets, cut: false });
        self.skip(octets);
        self.release(out);
    }

    fn skip(&mut self, octets: usize) {
        self.next = self.next.wrapping_add(u32::try_from(octets).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Reader {
        ordering: Ordering,
        got: String,
    }

    impl Reader {
        fn new(next: u32) -> Self {
            Self { ordering: Ordering::new(next), got: String::new() }
        }

        fn accept(&mut self, time_ns: i64, seq: u32, octets: &str, missing: usize) -> &str {
            let settings = Settings { max_waiting_segments: 3, hole_patience_ns: 10, ..Settings::default() };
            let got = &mut self.got;
            self.ordering.accept(time_ns, (seq, octets.as_bytes(), missing), &settings, &mut |piece| {
                match piece {
                    Piece::Octets(octets) => got.push_str(str::from_utf8(octets).unwrap()),
                    Piece::Hole { octets, cut } => {
                        got.push_str(&format!("<{octets}{}>", if cut { " cut" } else { "" }));
                    }
                }
            });
            &self.got
        }
    }

    #[test]
    fn reordered_and_repeated_octets_come_once_and_in_order() {
        let mut reader = Reader::new(u32::MAX - 1);
        assert_eq!(reader.accept(0, 3, "fgh", 0), "");
        assert_eq!(reader.accept(0, u32::MAX - 1, "abc", 0), "abc");
        assert_eq!(reader.accept(0, u32::MAX, "bcd", 0), "abcd");
        assert_eq!(reader.accept(0, 0, "cdefg", 0), "abcdefgh");
        assert_eq!(reader.accept(0, 0, "cdefg", 0), "abcdefgh");
        assert_eq!(reader.ordering.waiting_octets(), 0);
    }

    #[test]
    fn a_hole_is_given_up_after_too_many_segments_or_too_long() {
        let mut reader = Reader::new(0);
        reader.accept(0, 1, "b", 0);
        reader.accept(0, 3, "d", 0);
        reader.accept(0, 5, "f", 0);
        assert_eq!(reader.accept(0, 7, "h", 0), "<1>b");
        assert_eq!(reader.accept(11, 2, "c", 0), "<1>bcd<1>f<1>h");
        assert_eq!(reader.accept(12, 9, "j", 0), "<1>bcd<1>f<1>h");
        assert_eq!(reader.accept(22, 7, "", 0), "<1>bcd<1>f<1>h");
        assert_eq!(reader.accept(23, 11, "l", 0), "<1>bcd<1>f<1>h<1>j");
    }

    #[test]
    fn what_the_snap_length_took_is_a_hole_of_known_size() {
        let mut reader = Reader::new(0);
        assert_eq!(reader.accept(0, 4, "ef", 0), "");
        assert_eq!(reader.accept(0, 0, "ab", 2), "ab<2 cut>ef");
        assert_eq!(reader.accept(0, 0, "abcdefg", 0), "ab<2 cut>efg");
    }
}
