//! Frames on their way from capture threads to the front: copied into batches, brought into the order of time.

use std::collections::VecDeque;

use arrayvec::ArrayVec;
use probes::{Frame, LinkType, Timestamp};

/// Frames of a batch.
const FRAMES: usize = 512;
/// Bytes of a batch, about: more than so many small frames have, and a bound where they are large.
const BYTES: usize = 256 << 10;
/// Frames that the front takes at once: a few kilobytes of descriptors, many look-ups in flight.
pub const AT_ONCE: usize = 64;
/// A batch that is not full goes after this long, ns.
const LINGER: i64 = 20_000_000;

/// Frames of one interface, copied out of its buffer.
#[derive(Debug, Default)]
pub struct Batch {
    interface: u16,
    bytes: Vec<u8>,
    frames: Vec<Copied>,
    /// Those before it have been handed on.
    next: usize,
}

#[derive(Clone, Copy, Debug)]
struct Copied {
    time: Timestamp,
    link: LinkType,
    original_len: u32,
    start: usize,
    end: usize,
}

impl Batch {
    /// Appends a frame that `interface` has seen; all frames of a batch are of one.
    pub fn push(&mut self, frame: &Frame<'_>, interface: u16) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(frame.data);
        self.interface = interface;
        let Frame { time, link, original_len, .. } = *frame;
        self.frames.push(Copied { time, link, original_len, start, end: self.bytes.len() });
    }

    /// How many frames it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether it should go.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.frames.len() >= FRAMES || self.bytes.len() >= BYTES
    }

    /// Whether it should go for its age.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.frames.first().is_some_and(|f| now.nanos_since(f.time) >= LINGER)
    }

    /// Makes it empty, to be filled again.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.frames.clear();
        self.next = 0;
    }

    /// Hands its frames to `handle`, some at once.
    fn hand_on(&self, handle: &mut impl FnMut(&[Frame<'_>])) {
        let mut frames = (0..self.frames.len()).filter_map(|number| self.frame(number));
        loop {
            let some: ArrayVec<Frame<'_>, AT_ONCE> = frames.by_ref().take(AT_ONCE).collect();
            if some.is_empty() {
                return;
            }
            handle(&some);
        }
    }

    fn frame(&self, number: usize) -> Option<Frame<'_>> {
        let Copied { time, link, original_len, start, end } = *self.frames.get(number)?;
        let data = self.bytes.get(start..end)?;
        Some(Frame { time, link, interface: self.interface, original_len, data })
    }
}

/// Batches of several interfaces that become one row of frames.
///
/// Each interface's frames come in their own order. Of two interfaces the earlier frame goes first, as long as
/// both have come: what is younger than the horizon waits for what the other one may still have.
#[derive(Debug)]
pub struct Merge {
    /// By interface, the oldest first.
    lanes: Vec<VecDeque<Batch>>,
    waiting: usize,
}

impl Merge {
    /// For so many interfaces, the first of all.
    #[must_use]
    pub fn new(interfaces: usize) -> Self {
        // One alone has nothing to wait for.
        let lanes = if interfaces > 1 { interfaces } else { 0 };
        Self { lanes: (0..lanes).map(|_| VecDeque::new()).collect(), waiting: 0 }
    }

    /// Batches that wait.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Takes a batch. One of those interfaces waits for its time; any other is handled at once, and given back.
    pub fn take(
        &mut self,
        batch: Batch,
        mut handle: impl FnMut(&[Frame<'_>]),
        mut give_back: impl FnMut(Batch),
    ) {
        if let Some(lane) = self.lanes.get_mut(usize::from(batch.interface)) {
            lane.push_back(batch);
            self.waiting += 1;
        } else {
            batch.hand_on(&mut handle);
            give_back(batch);
        }
    }

    /// Hands the frames before `horizon` to `handle`, some at once; emptied batches go to `give_back`.
    pub fn release(
        &mut self,
        horizon: Timestamp,
        mut handle: impl FnMut(&[Frame<'_>]),
        mut give_back: impl FnMut(Batch),
    ) {
        loop {
            // Of each lane: the batch and the frame that are next.
            let mut heads: Vec<(usize, usize)> =
                self.lanes.iter().map(|lane| (0, lane.front().map_or(0, |b| b.next))).collect();
            let mut frames: ArrayVec<Frame<'_>, AT_ONCE> = ArrayVec::new();
            while !frames.is_full()
                && let Some((lane, frame)) = self.earliest(&heads, horizon)
            {
                frames.push(frame);
                self.step(&mut heads, lane);
            }
            if frames.is_empty() {
                return;
            }
            handle(&frames);
            drop(frames);
            for (lane, (batch, next)) in self.lanes.iter_mut().zip(heads) {
                self.waiting -= batch;
                lane.drain(..batch).for_each(&mut give_back);
                if let Some(first) = lane.front_mut() {
                    first.next = next;
                }
            }
        }
    }

    fn earliest(&self, heads: &[(usize, usize)], horizon: Timestamp) -> Option<(usize, Frame<'_>)> {
        let all = self.lanes.iter().zip(heads).enumerate();
        let due = all.filter_map(|(number, (lane, (batch, next)))| {
            Some((number, lane.get(*batch)?.frame(*next)?)).filter(|(_, frame)| frame.time < horizon)
        });
        // Of equal ones the first: the order of interfaces.
        due.min_by_key(|(_, frame)| frame.time)
    }

    fn step(&self, heads: &mut [(usize, usize)], lane: usize) {
        let Some((batch, next)) = heads.get_mut(lane) else { return };
        *next += 1;
        if self.lanes.get(lane).and_then(|l| l.get(*batch)).is_some_and(|b| *next >= b.len()) {
            (*batch, *next) = (*batch + 1, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(interface: u16, times: impl IntoIterator<Item = i64>) -> Batch {
        let mut batch = Batch::default();
        for time in times {
            let data = time.to_be_bytes();
            let time = Timestamp::from_nanos(time);
            batch.push(&Frame { time, data: &data, original_len: 1514, ..Frame::default() }, interface);
        }
        batch
    }

    /// Times and interfaces of what is released, and how many batches come back.
    fn released(merge: &mut Merge, horizon: i64) -> (Vec<(i64, u16)>, usize) {
        let (mut frames, mut back) = (Vec::new(), 0);
        let handle = |some: &[Frame<'_>]| {
            assert!(some.len() <= AT_ONCE && some.iter().all(|f| f.original_len == 1514));
            assert!(some.iter().all(|f| f.data == f.time.as_nanos().to_be_bytes()));
            frames.extend(some.iter().map(|f| (f.time.as_nanos(), f.interface)));
        };
        merge.release(Timestamp::from_nanos(horizon), handle, |_| back += 1);
        (frames, back)
    }

    fn add(merge: &mut Merge, batch: Batch) {
        merge.take(batch, |_| panic!("it has to wait"), |_| panic!("it has to wait"));
    }

    #[test]
    fn frames_of_one_interface_and_of_sockets_go_as_they_come() {
        for interfaces in [0, 1, 2] {
            let mut merge = Merge::new(interfaces);
            let (mut times, mut back) = (Vec::new(), 0);
            let handle = |some: &[Frame<'_>]| {
                assert!(some.len() <= AT_ONCE);
                times.extend(some.iter().map(|f| f.time.as_nanos()));
            };
            let number = if interfaces == 1 { 0 } else { 2 };
            merge.take(batch(number, (0..200).rev()), handle, |_| back += 1);
            assert_eq!((times, back, merge.waiting()), ((0..200).rev().collect(), 1, 0));
        }
    }

    #[test]
    fn frames_of_several_interfaces_come_in_the_order_of_time() {
        let mut merge = Merge::new(3);
        add(&mut merge, batch(1, (1..300).step_by(3)));
        add(&mut merge, batch(0, (0..150).step_by(3)));
        add(&mut merge, batch(0, (150..300).step_by(3)));
        add(&mut merge, batch(2, [2, 400]));
        let (first, back) = released(&mut merge, 200);
        let expected = [
            vec![(0, 0), (1, 1), (2, 2)],
            (3..200).filter(|t| t % 3 < 2).map(|t| (t, u16::try_from(t % 3).unwrap())).collect(),
        ];
        assert_eq!((first, back, merge.waiting()), (expected.concat(), 1, 3));
        // What comes late goes at once.
        add(&mut merge, batch(2, [5]));
        let (rest, back) = released(&mut merge, 350);
        assert_eq!((rest[0], rest.len(), back), ((201, 0), 33 + 33, 2));
        let (rest, back) = released(&mut merge, i64::MAX);
        assert_eq!((rest, back, merge.waiting()), (vec![(400, 2), (5, 2)], 2, 0));
    }

    #[test]
    fn a_batch_is_full_by_frames_and_by_bytes_and_due_by_age() {
        let mut frames = batch(0, 0..511);
        assert!(!frames.is_full());
        frames.push(&Frame::default(), 0);
        assert!(frames.is_full());
        let mut bytes = Batch::default();
        (0..4).for_each(|_| bytes.push(&Frame { data: &[0; 65_536], ..Frame::default() }, 0));
        assert!(bytes.is_full());
        assert!(
            !bytes.is_due(Timestamp::from_nanos(LINGER - 1)) && bytes.is_due(Timestamp::from_nanos(LINGER))
        );
        bytes.clear();
        assert!(bytes.is_empty() && !bytes.is_due(Timestamp::MAX));
    }
}
