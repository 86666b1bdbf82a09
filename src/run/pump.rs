//! Captures into a front: batch by batch, with what was not decoded told by file.

use arrayvec::ArrayVec;
use probes::Frame;
use probes::pcap::{OpenError, Timeline};

use crate::decode::Undecoded;
use crate::engine::{Front, Sink};
use crate::export::analysis::Capture;

/// Frames handed over at once: a few kilobytes of descriptors, many look-ups in flight.
const FRAMES: usize = 64;
/// Frames between two looks at the progress.
const STRIDE: u64 = 1 << 16;

/// How far reading has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Frames so far.
    pub frames: u64,
    /// Bytes read of the files.
    pub bytes_read: u64,
    /// Bytes the files have; `None` where one of them is a pipe.
    pub bytes_in_all: Option<u64>,
}

/// A timeline on its way into a front.
pub(super) struct Pump<P> {
    timeline: Timeline,
    undecoded: Vec<Undecoded>,
    frames: u64,
    progress: P,
}

impl<P: FnMut(Progress)> Pump<P> {
    pub fn new(timeline: Timeline, progress: P) -> Self {
        let undecoded = vec![Undecoded::default(); timeline.files().len()];
        Self { timeline, undecoded, frames: 0, progress }
    }

    /// Reads to the end; `after` each batch there may be something to tell.
    pub fn run<S: Sink>(
        &mut self,
        front: &mut Front,
        sink: &mut S,
        mut after: impl FnMut(&mut Front, &mut S),
    ) {
        let mut told = 0;
        while self.batch(front, sink) {
            after(front, sink);
            if self.frames - told >= STRIDE {
                told = self.frames;
                self.tell();
            }
        }
        self.tell();
    }

    /// One batch; `false` at the end.
    fn batch<S: Sink>(&mut self, front: &mut Front, sink: &mut S) -> bool {
        let mut frames = [Frame::default(); FRAMES];
        let n = self.timeline.fill(&mut frames);
        let mut by_interface: ArrayVec<(u16, Undecoded), FRAMES> = ArrayVec::new();
        // A batch may hold frames of several files.
        for run in frames.get(..n).unwrap_or_default().chunk_by(|a, b| a.interface == b.interface) {
            let before = front.undecoded();
            front.handle_frames(run, sink);
            let since = front.undecoded().since(&before);
            if let (Some(first), false) = (run.first(), since.is_empty()) {
                by_interface.push((first.interface, since));
            }
        }
        for (interface, since) in by_interface {
            let file = self.timeline.file_of(interface);
            if let Some(counts) = file.and_then(|file| self.undecoded.get_mut(file)) {
                counts.add(&since);
            }
        }
        self.frames += n as u64;
        n > 0
    }

    fn tell(&mut self) {
        (self.progress)(Progress {
            frames: self.frames,
            bytes_read: self.timeline.files().map(|f| f.bytes_read).sum(),
            bytes_in_all: self.timeline.files().map(|f| f.size).sum(),
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
