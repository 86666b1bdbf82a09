//! Several files as one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::path::{Path, PathBuf};

use super::file::CaptureFile;
use super::input::regular_files;
use super::window::Window;
use super::{FileReport, Input, OpenError};
use crate::{Frame, Timestamp};

/// Sizes that tests make small.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Bytes of one read. Fits the second-level cache, where decoding finds what was just copied:
    /// with 1 MiB of it, 256 and 512 KiB read fastest, 64 KiB and 1 MiB take a tenth longer.
    chunk: usize,
    /// Bytes of one read of a file that is soon put to sleep again: at first, to see its first frame,
    /// and while too many are awake.
    peek: usize,
    /// Files awake at a time; past it, the one whose turn is last goes back to sleep. Bounds
    /// descriptors and buffers, of which a zstd file alone may need megabytes.
    awake: usize,
}

impl Limits {
    const DEFAULT: Self = Self { chunk: 256 << 10, peek: 16 << 10, awake: 256 };
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
    /// The window of each file.
    windows: Vec<Window>,
    turns: Turns,
    next_interface: u16,
    /// The file of each interface.
    owners: Vec<usize>,
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
            windows: Vec::new(),
            turns: Turns { current: None, limit: Timestamp::MIN, waiting: BinaryHeap::new() },
            next_interface: 0,
            owners: Vec::new(),
            refused: Vec::new(),
            passed_over: Vec::new(),
            limits,
        };
        for input in inputs {
            let added = match input {
                Input::Stdin => timeline.add_stdin(),
                Input::Path(path) if path.is_dir() => timeline.add_directory(path),
                Input::Path(path) => timeline.add_file(path),
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
    /// The frames borrow the buffers of their files. `out` must have room for one.
    pub fn fill<'a>(&'a mut self, out: &mut [Frame<'a>]) -> usize {
        let Some(mut index) = self.due() else { return 0 };
        let Self { files, windows, turns, next_interface, owners, .. } = self;
        let mut filled = 0;
        // Files that wait awake have their heads in their windows: while only the turn changes,
        // nothing is read and all windows stay as they are.
        while let (Some(file), Some(window)) = (files.get_mut(index), windows.get(index)) {
            let room = out.get_mut(filled..).unwrap_or_default();
            let taken = file.take(window, turns.limit, room, next_interface);
            owners.resize(usize::from(*next_interface), index);
            filled += taken.frames;
            let Some(later) = taken.later else { break };
            turns.wait(later, index);
            let Some(next) = turns.next() else { break };
            index = next;
        }
        filled
    }

    /// The files, in the order given, as far as they were read.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &FileReport> {
        self.files.iter().map(CaptureFile::report)
    }

    /// Which of the files an interface of a frame belongs to: its place in [`Self::files`].
    #[must_use]
    pub fn file_of(&self, interface: u16) -> Option<usize> {
        self.owners.get(usize::from(interface)).or(self.owners.last()).copied()
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

    /// At the end: the inputs that cannot be read, and the files of directories that are no captures.
    #[must_use]
    pub fn into_unread(self) -> (Vec<OpenError>, Vec<OpenError>) {
        (self.refused, self.passed_over)
    }

    fn add_stdin(&mut self) -> Result<(), OpenError> {
        let (path, stdin) = (PathBuf::from("-"), Box::new(io::stdin()));
        let mut window = Window::new(self.limits.chunk);
        let file = CaptureFile::from_stream(path, stdin, &mut window, &mut self.next_interface)?;
        self.add(file, window);
        Ok(())
    }

    fn add_directory(&mut self, directory: &Path) -> Result<(), OpenError> {
        let files = match regular_files(directory) {
            Ok(files) => files,
            Err(source) => return Err(OpenError::Io { path: directory.to_owned(), source }),
        };
        let before = self.files.len();
        for path in files {
            match self.add_file(&path) {
                Ok(()) => {}
                Err(error @ OpenError::NotACapture { .. }) => self.passed_over.push(error),
                Err(error) => self.refused.push(error),
            }
        }
        if self.files.len() == before {
            return Err(OpenError::NoCaptures { path: directory.to_owned() });
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path) -> Result<(), OpenError> {
        let mut window = Window::new(self.limits.peek);
        let file = CaptureFile::open(path, &mut window, &mut self.next_interface)?;
        self.add(file, window);
        Ok(())
    }

    /// Takes a file in and lets it sleep until it is due. Alone it stays awake: then nobody can
    /// rename it away before it is read.
    fn add(&mut self, mut file: CaptureFile, mut window: Window) {
        if let Some(time) = file.head(&mut window, &mut self.next_interface) {
            self.turns.wait(time, self.files.len());
        }
        window.read_by(self.limits.chunk);
        self.owners.resize(usize::from(self.next_interface), self.files.len());
        self.files.push(file);
        self.windows.push(window);
        if self.files.len() > 1 {
            let files = self.files.iter_mut().zip(&mut self.windows);
            files.rev().take(2).for_each(|(file, window)| file.sleep(window));
        }
    }

    /// The file whose turn it is, a frame ready that is not past the limit.
    fn due(&mut self) -> Option<usize> {
        loop {
            if let Some(index) = self.turns.current {
                match self.head(index) {
                    Some(time) if time <= self.turns.limit => return Some(index),
                    Some(time) => self.turns.wait(time, index),
                    None => {}
                }
            }
            self.turns.next()?;
        }
    }

    /// The time of a file's next frame; wakes it if it must.
    fn head(&mut self, index: usize) -> Option<Timestamp> {
        if self.files.get(index)?.is_asleep() {
            let chunk = if self.make_room() { self.limits.peek } else { self.limits.chunk };
            self.files.get_mut(index)?.wake(self.windows.get_mut(index)?, chunk);
        }
        let (file, window) = (self.files.get_mut(index)?, self.windows.get_mut(index)?);
        let time = file.head(window, &mut self.next_interface);
        self.owners.resize(usize::from(self.next_interface), index);
        time
    }

    /// Where too many files are awake for one more to be woken, puts the one to sleep whose turn
    /// is last; says whether it had to.
    fn make_room(&mut self) -> bool {
        if self.files.iter().filter(|file| file.could_sleep()).count() < self.limits.awake {
            return false;
        }
        let could_sleep = |index| self.files.get(index).is_some_and(CaptureFile::could_sleep);
        let awake = self.turns.waiting.iter().filter(|Reverse((_, other))| could_sleep(*other));
        let Some(&Reverse((_, last))) = awake.min() else { return false };
        if let (Some(file), Some(window)) = (self.files.get_mut(last), self.windows.get_mut(last)) {
            file.sleep(window);
        }
        true
    }
}

/// Whose turn it is.
#[derive(Debug)]
struct Turns {
    /// The file at its turn.
    current: Option<usize>,
    /// The turn lasts up to and including this time.
    limit: Timestamp,
    /// The heads of all other files that have one, in the order of their turns.
    waiting: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

impl Turns {
    /// Lets a file wait with a head of this time.
    fn wait(&mut self, time: Timestamp, index: usize) {
        self.waiting.push(Reverse((time, index)));
    }

    /// Gives the turn to the file that waits with the earliest head.
    fn next(&mut self) -> Option<usize> {
        self.current = self.waiting.pop().map(|Reverse((_, index))| index);
        let index = self.current?;
        self.limit = match self.waiting.peek() {
            None => Timestamp::MAX,
            // At equal times the file that was given first goes first.
            Some(&Reverse((time, other))) if index < other => time,
            Some(&Reverse((time, _))) => time.plus_nanos(-1),
        };
        self.current
    }
}

#[cfg(test)]
mod tests;
