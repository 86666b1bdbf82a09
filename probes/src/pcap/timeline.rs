//! Several files as one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::path::PathBuf;

use super::file::CaptureFile;
use super::input::regular_files;
use super::{FileReport, Input, OpenError};
use crate::{Frame, Timestamp};

/// Sizes that tests make small.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Bytes of one read. Fits the second-level cache, where decoding finds what was just copied:
    /// with 1 MiB of it, 256 and 512 KiB read fastest, 64 KiB and 1 MiB take a tenth longer.
    chunk: usize,
    /// Bytes to read of a file that is looked at and put to sleep again.
    peek: usize,
    /// Files awake at a time; past it, the one whose turn is last goes back to sleep. Bounds
    /// descriptors and buffers, of which a zstd file alone may need megabytes.
    awake: usize,
}

impl Limits {
    const DEFAULT: Self = Self { chunk: 256 << 10, peek: 4 << 10, awake: 64 };
}

/// The frames of one or more capture files, in the order of time.
///
/// Files are merged by the time of each one's next frame, equal times in the order the files were
/// given. Within one file the order is the file's own, whatever its clock did. A file's interfaces
/// get numbers that no other file has, up to 65,534; all further ones share 65,535.
///
/// ```no_run
/// use probes::{Frame, pcap};
///
/// let mut timeline = pcap::open(&[pcap::Input::Path("call.pcap".into())])?;
/// loop {
///     let mut frames = [Frame::default(); 64];
///     let count = timeline.fill(&mut frames);
///     if count == 0 {
///         break;
///     }
///     for frame in frames.iter().take(count) {
///         println!("{} bytes", frame.data.len());
///     }
/// }
/// for file in timeline.files() {
///     println!("{}: {} packets", file.path.display(), file.packets);
/// }
/// # Ok::<(), pcap::OpenError>(())
/// ```
#[derive(Debug)]
pub struct Timeline {
    files: Vec<CaptureFile>,
    /// The file at its turn, its head not in `waiting`.
    current: Option<usize>,
    /// The current file's turn lasts up to and including this time.
    limit: Timestamp,
    /// The heads of all other files that have one.
    waiting: BinaryHeap<Reverse<(Timestamp, usize)>>,
    next_interface: u16,
    refused: Vec<OpenError>,
    passed_over: Vec<OpenError>,
    limits: Limits,
}

/// Opens one or more inputs as one timeline.
///
/// An input that cannot be read does not keep the others from being read: see
/// [`Timeline::refused`].
///
/// # Errors
/// When none of the inputs can be read: the error of the one input, or of all together.
pub fn open(inputs: &[Input]) -> Result<Timeline, OpenError> {
    Timeline::open(inputs, Limits::DEFAULT)
}

impl Timeline {
    fn open(inputs: &[Input], limits: Limits) -> Result<Self, OpenError> {
        let mut timeline = Self {
            files: Vec::new(),
            current: None,
            limit: Timestamp::MIN,
            waiting: BinaryHeap::new(),
            next_interface: 0,
            refused: Vec::new(),
            passed_over: Vec::new(),
            limits,
        };
        for input in inputs {
            let added = match input {
                Input::Stdin => timeline.add_stdin(),
                Input::Path(path) if path.is_dir() => timeline.add_directory(path.clone()),
                Input::Path(path) => CaptureFile::open(path, limits.peek, &mut timeline.next_interface)
                    .map(|file| timeline.add(file)),
            };
            if let Err(error) = added {
                timeline.refused.push(error);
            }
        }
        if !timeline.files.is_empty() {
            return Ok(timeline);
        }
        match timeline.refused.pop() {
            Some(error) if timeline.refused.is_empty() => Err(error),
            last => Err(OpenError::Nothing(timeline.refused.into_iter().chain(last).collect())),
        }
    }

    /// Fills `out` with the next frames and says how many; 0 at the end, else at least 1.
    ///
    /// All frames of one call are of one file and borrow its buffer. `out` must have room for one.
    pub fn fill<'a>(&'a mut self, out: &mut [Frame<'a>]) -> usize {
        let due = self.due();
        let Some(file) = due.and_then(|index| self.files.get_mut(index)) else { return 0 };
        file.take(self.limit, out, &mut self.next_interface)
    }

    /// The files, in the order given, as far as they were read.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &FileReport> {
        self.files.iter().map(CaptureFile::report)
    }

    /// The inputs that cannot be read, and why. A timeline has at least one that can.
    #[must_use]
    pub fn refused(&self) -> &[OpenError] {
        &self.refused
    }

    /// The files of directories that are no captures.
    #[must_use]
    pub fn passed_over(&self) -> &[OpenError] {
        &self.passed_over
    }

    fn add_stdin(&mut self) -> Result<(), OpenError> {
        let stdin = Box::new(io::stdin());
        let file =
            CaptureFile::from_stream(PathBuf::from("-"), stdin, self.limits.chunk, &mut self.next_interface)?;
        self.add(file);
        Ok(())
    }

    fn add_directory(&mut self, directory: PathBuf) -> Result<(), OpenError> {
        let files = match regular_files(&directory) {
            Ok(files) => files,
            Err(source) => return Err(OpenError::Io { path: directory, source }),
        };
        let before = self.files.len();
        for path in files {
            match CaptureFile::open(&path, self.limits.peek, &mut self.next_interface) {
                Ok(file) => self.add(file),
                Err(error @ OpenError::NotACapture { .. }) => self.passed_over.push(error),
                Err(error) => self.refused.push(error),
            }
        }
        if self.files.len() == before {
            return Err(OpenError::NoCaptures { path: directory });
        }
        Ok(())
    }

    /// Takes a file in and lets it sleep until it is due. Alone it stays awake: then nobody can
    /// rename it away before it is read.
    fn add(&mut self, mut file: CaptureFile) {
        if let Some(time) = file.head(&mut self.next_interface) {
            self.waiting.push(Reverse((time, self.files.len())));
        }
        self.files.push(file);
        if self.files.len() > 1 {
            self.files.iter_mut().rev().take(2).for_each(CaptureFile::sleep);
        }
    }

    /// The file whose turn it is, a frame ready that is not past the limit.
    fn due(&mut self) -> Option<usize> {
        loop {
            if let Some(index) = self.current {
                let head = self.files.get_mut(index).and_then(|file| file.head(&mut self.next_interface));
                match head {
                    Some(time) if time <= self.limit => return Some(index),
                    Some(time) => self.waiting.push(Reverse((time, index))),
                    None => {}
                }
            }
            let Some(Reverse((_, index))) = self.waiting.pop() else {
                self.current = None;
                return None;
            };
            self.limit = match self.waiting.peek() {
                None => Timestamp::MAX,
                // At equal times the file that was given first goes first.
                Some(&Reverse((time, other))) if index < other => time,
                Some(&Reverse((time, _))) => time.plus_nanos(-1),
            };
            self.wake(index);
            self.current = Some(index);
        }
    }

    /// Readies a file for its turn, at the cost of another's sleep where too many are awake.
    fn wake(&mut self, index: usize) {
        let asleep = self.files.get(index).is_some_and(CaptureFile::is_asleep);
        if asleep && self.files.iter().filter(|file| file.could_sleep()).count() >= self.limits.awake {
            let could_sleep = |index| self.files.get(index).is_some_and(CaptureFile::could_sleep);
            let awake = self.waiting.iter().filter(|Reverse((_, other))| could_sleep(*other));
            if let Some(Reverse((_, last))) = awake.min()
                && let Some(file) = self.files.get_mut(*last)
            {
                file.sleep();
            }
        }
        if let Some(file) = self.files.get_mut(index) {
            file.wake(self.limits.chunk);
        }
    }
}

#[cfg(test)]
mod tests;
