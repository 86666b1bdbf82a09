//! The rim: gives the engine frames and a place to put results.

use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use probes::Frame;
use probes::pcap::{self, Input, OpenError, Timeline};

use crate::decode::Undecoded;
use crate::engine::{Engine, Settings};
use crate::export::analysis::{Analysis, Capture, Collector};

/// Frames handed to the engine at once: a few kilobytes of descriptors, many look-ups in flight.
const FRAMES: usize = 64;

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

/// What reading captures gave.
#[derive(Debug)]
pub struct Outcome {
    /// What was found.
    pub analysis: Analysis,
    /// Inputs that cannot be read.
    pub refused: Vec<OpenError>,
    /// Files of directories that are no captures.
    pub passed_over: Vec<OpenError>,
}

/// Reads captures to their end.
///
/// `progress` is told every some thousand frames.
///
/// # Errors
/// None of the inputs can be read.
pub fn analyse(
    inputs: &[Input],
    settings: Settings,
    mut progress: impl FnMut(Progress),
) -> Result<Outcome, OpenError> {
    /// Frames between two calls of `progress`.
    const STRIDE: u64 = 1 << 13;
    let began = now();
    let mut timeline = pcap::open(inputs)?;
    let mut engine = Engine::new(settings);
    let mut collector = Collector::new(settings.score.adaptive);
    let mut undecoded = vec![Undecoded::default(); timeline.files().len()];
    let (mut frames_read, mut told) = (0_u64, 0_u64);
    loop {
        let mut frames = [Frame::default(); FRAMES];
        let n = timeline.fill(&mut frames);
        if n == 0 {
            break;
        }
        // What was not decoded is told by file: a batch may hold frames of several.
        let mut by_interface: ArrayVec<(u16, Undecoded), FRAMES> = ArrayVec::new();
        for run in frames.get(..n).unwrap_or_default().chunk_by(|a, b| a.interface == b.interface) {
            let before = engine.undecoded();
            engine.handle_frames(run);
            let since = engine.undecoded().since(&before);
            if let (Some(first), false) = (run.first(), since.is_empty()) {
                by_interface.push((first.interface, since));
            }
        }
        for (interface, since) in by_interface {
            if let Some(counts) = timeline.file_of(interface).and_then(|file| undecoded.get_mut(file)) {
                counts.add(&since);
            }
        }
        collector.drain(&mut engine);
        frames_read += n as u64;
        if frames_read - told >= STRIDE {
            told = frames_read;
            progress(state_of(&timeline, frames_read, began));
        }
    }
    engine.finish();
    collector.drain(&mut engine);
    progress(state_of(&timeline, frames_read, began));
    let captures = timeline
        .files()
        .zip(undecoded)
        .map(|(file, undecoded)| Capture { file: file.clone(), undecoded })
        .collect();
    let analysis = collector.finish(&engine, captures);
    let (refused, passed_over) = timeline.into_unread();
    Ok(Outcome { analysis, refused, passed_over })
}

/// The wall clock: what people wait by. Nothing that is measured hangs on it.
#[expect(clippy::disallowed_methods, reason = "progress is told by the clock on the wall")]
fn now() -> Instant {
    Instant::now()
}

fn state_of(timeline: &Timeline, frames: u64, began: Instant) -> Progress {
    Progress {
        frames,
        elapsed: now().duration_since(began),
        bytes_read: timeline.files().map(|f| f.bytes_read).sum(),
        bytes_in_all: timeline.files().map(|f| f.size).sum(),
    }
}
