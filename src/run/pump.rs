//! Captures into a front: batch by batch, with what was not decoded told by file.

use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use probes::Frame;
use probes::pcap::{OpenError, Timeline};

use crate::decode::Undecoded;
use crate::engine::{Front, Sink};
use crate::export::analysis::Capture;

/// Frames handed over at once: a few kilobytes of descriptors, many look-ups in flight.
const FRAMES: usize = 64;
/// Frames between two looks at the progress.
const STRIDE: u64 = 1 << 13;

/// How far reading has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Frames so far.
    pub frames: u64,
    /// Bytes read of the files.
    pub bytes_read: u64,
    /// Bytes the files have; `None` where one of them is a pipe.
    pub bytes_in_all: Option<u64>,
    /// How long it has taken so far.
    pub elapsed: Duration,
}

/// Where reading stands, for whoever drives it.
pub(super) enum Turn<'a, S> {
    /// Frames of a step are about to be handed over, the first of them of this `time`.
    Before { time: i64, front: &'a mut Front, back: &'a mut S },
    /// A batch was handed over. `files` are the files as far as they were read.
    After { front: &'a mut Front, back: &'a mut S, files: &'a dyn Fn() -> Vec<Capture> },
}

/// A timeline on its way into a front.
pub(super) struct Pump<P> {
    timeline: Timeline,
    undecoded: Vec<Undecoded>,
    /// Of all files, when it was last told apart by file.
    undecoded_so_far: Undecoded,
    frames: u64,
    began: Instant,
    progress: P,
}

impl<P: FnMut(Progress)> Pump<P> {
    pub fn new(timeline: Timeline, progress: P) -> Self {
        let undecoded = vec![Undecoded::default(); timeline.files().len()];
        Self {
            timeline,
            undecoded,
            undecoded_so_far: Undecoded::default(),
            frames: 0,
            began: clock(),
            progress,
        }
    }

    /// Reads to the end; `after` each batch there may be something to tell.
    pub fn run<S: Sink>(
        &mut self,
        front: &mut Front,
        sink: &mut S,
        mut after: impl FnMut(&mut Front, &mut S),
    ) {
        self.run_by_steps(front, sink, i64::MAX, |turn| {
            if let Turn::After { front, back, .. } = turn {
                after(front, back);
            }
            true
        });
    }

    /// Reads to the end, or until `turn` answers `false`. No frames are handed over together that lie in
    /// different steps of `step` ns, so that what is due between them can be done.
    pub fn run_by_steps<S: Sink>(
        &mut self,
        front: &mut Front,
        sink: &mut S,
        step: i64,
        mut turn: impl FnMut(Turn<'_, S>) -> bool,
    ) {
        let mut told = 0;
        while self.batch(front, sink, step, &mut turn) {
            let files = || self.captures().collect();
            if !turn(Turn::After { front, back: sink, files: &files }) {
                return;
            }
            if self.frames - told >= STRIDE {
                told = self.frames;
                self.tell();
            }
        }
        self.tell();
    }

    /// One batch; `false` at the end.
    fn batch<S: Sink>(
        &mut self,
        front: &mut Front,
        sink: &mut S,
        step: i64,
        turn: &mut impl FnMut(Turn<'_, S>) -> bool,
    ) -> bool {
        let mut frames = [Frame::default(); FRAMES];
        let n = self.timeline.fill(&mut frames);
        let frames = frames.get(..n).unwrap_or_default();
        let mut by_interface: ArrayVec<(u16, Undecoded), FRAMES> = ArrayVec::new();
        let mut go_on = n > 0;
        let in_step = |f: &Frame<'_>| f.time.as_nanos().div_euclid(step);
        let together = |a: &Frame<'_>, b: &Frame<'_>| {
            a.interface == b.interface && (step == i64::MAX || in_step(a) == in_step(b))
        };
        // A batch may hold frames of several files.
        for run in frames.chunk_by(together) {
            let Some(first) = run.first() else { continue };
            go_on = turn(Turn::Before { time: first.time.as_nanos(), front, back: sink });
            if !go_on {
                break;
            }
            let before = front.not_decoded();
            front.handle_frames(run, sink);
            if front.not_decoded() != before {
                by_interface.push((first.interface, front.undecoded()));
            }
        }
        self.frames += n as u64;
        // By reference: an `ArrayVec` that is iterated by value is first copied whole, 8 KB a batch.
        for (interface, so_far) in &by_interface {
            let since = so_far.since(&self.undecoded_so_far);
            self.undecoded_so_far = *so_far;
            let file = self.timeline.file_of(*interface);
            if let Some(counts) = file.and_then(|file| self.undecoded.get_mut(file)) {
                counts.add(&since);
            }
        }
        go_on
    }

    fn captures(&self) -> impl Iterator<Item = Capture> {
        let files = self.timeline.files().zip(&self.undecoded);
        files.map(|(file, undecoded)| Capture { file: file.clone(), undecoded: *undecoded })
    }

    fn tell(&mut self) {
        (self.progress)(Progress {
            frames: self.frames,
            bytes_read: self.timeline.files().map(|f| f.bytes_read).sum(),
            bytes_in_all: self.timeline.files().map(|f| f.size).sum(),
            elapsed: clock().duration_since(self.began),
        });
    }

    /// The files with what was not decoded of them; inputs that could not be read; files passed over.
    pub fn finish(self) -> (Vec<Capture>, Vec<OpenError>, Vec<OpenError>) {
        let captures = self
            .timeline
            .files()
            .zip(self.undecoded)
            .map(|(file, undecoded)| Capture { file: file.clone(), undecoded })
            .collect();
        let (refused, passed_over) = self.timeline.into_unread();
        (captures, refused, passed_over)
    }
}

/// The clock on the wall: what people wait by. Nothing that is measured hangs on it.
#[expect(clippy::disallowed_methods, reason = "progress is told by the clock on the wall")]
fn clock() -> Instant {
    Instant::now()
}
