//! One capture file: its layout found, its records read, its damage located.

use std::fs::File;
use std::io::{self, Read};
use std::mem;
use std::path::{Path, PathBuf};

use super::classic::{self, Classic};
use super::decompress::Source;
use super::hep::{self, Hep};
use super::pcapng::{self, Pcapng};
use super::record::{Interfaces, Records, Step};
use super::window::Window;
use super::{Compression, Damage, FileReport, Format, OpenError};
use crate::{Frame, Timestamp};

/// A capture whose header was read.
///
/// Look with [`head`](Self::head), then take: a taken frame borrows the file's window, and looking
/// is what moves that on. The window is kept beside the file, so that frames of several files can be
/// held while all of these files count on. A file that can be opened again can sleep: then it holds
/// neither a descriptor nor a buffer.
#[derive(Debug)]
pub(super) struct CaptureFile {
    report: FileReport,
    layout: Layout,
    /// Bytes of the window whose frames were taken; let go when the window moves on.
    taken: usize,
    /// None while it sleeps, and after its last record.
    source: Option<Source>,
    /// A pipe cannot be opened again.
    can_sleep: bool,
}

/// What was taken of a window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    pub frames: usize,
    /// The time of the next frame, where it is whole in the window and past the limit.
    pub later: Option<Timestamp>,
    /// The records of these frames, and those between them.
    bytes: usize,
}

#[derive(Debug)]
enum Layout {
    Pcap(Classic),
    Pcapng(Pcapng),
    Hep(Hep),
}

impl CaptureFile {
    /// Opens the file at `path`, to be read through `window`, a new one.
    pub fn open(path: &Path, window: &mut Window, next_interface: &mut u16) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let mut capture = Self::from_stream(path.to_owned(), Box::new(file), window, next_interface)?;
        if metadata.is_file() {
            capture.can_sleep = true;
            capture.report.size = Some(metadata.len());
        }
        Ok(capture)
    }

    /// Reads a stream that can be read once; `path` is what to call it.
    pub fn from_stream(
        path: PathBuf,
        stream: Box<dyn Read + Send>,
        window: &mut Window,
        next_interface: &mut u16,
    ) -> Result<Self, OpenError> {
        let mut source = match Source::new(stream) {
            Ok(source) => source,
            Err(source) => return Err(OpenError::Io { path, source }),
        };
        let compression = source.compression();
        let mut link_types = Vec::new();
        let mut interfaces = Interfaces { next: next_interface, link_types: &mut link_types };
        let layout = match Layout::find(window, &mut source, &mut interfaces) {
            Ok(layout) => layout,
            Err(NoLayout::Unreadable(source)) if compression == Compression::None => {
                return Err(OpenError::Io { path, source });
            }
            Err(no_layout) => {
                let found = match compression {
                    Compression::None => no_layout.to_string(),
                    _ => format!("{compression} data, in it {no_layout}"),
                };
                return Err(OpenError::NotACapture { path, found });
            }
        };
        let report = FileReport {
            path,
            format: layout.format(),
            compression,
            link_types,
            packets: 0,
            bytes: 0,
            first: None,
            last: None,
            damaged: None,
            bytes_read: source.bytes_read(),
            size: None,
        };
        Ok(Self { report, layout, taken: 0, source: Some(source), can_sleep: false })
    }

    pub fn report(&self) -> &FileReport {
        &self.report
    }

    /// The time of the next frame, brought into the buffer whole; None at the end.
    pub fn head(&mut self, window: &mut Window, next_interface: &mut u16) -> Option<Timestamp> {
        window.consume(mem::take(&mut self.taken));
        let source = self.source.as_mut()?;
        let mut interfaces = Interfaces { next: next_interface, link_types: &mut self.report.link_types };
        let head = match &mut self.layout {
            Layout::Pcap(records) => head(records, window, source, &mut interfaces),
            Layout::Pcapng(records) => head(records, window, source, &mut interfaces),
            Layout::Hep(records) => head(records, window, source, &mut interfaces),
        };
        self.report.bytes_read = source.bytes_read();
        match head {
            Ok(Some(time)) => return Some(time),
            Ok(None) => {}
            Err(reason) => self.report.damaged = Some(Damage { offset: window.position(), reason }),
        }
        self.source = None;
        window.shelve();
        None
    }

    /// Takes the frames that are in the window, up to the first one later than `limit`.
    pub fn take<'a>(
        &mut self,
        window: &'a Window,
        limit: Timestamp,
        out: &mut [Frame<'a>],
        next_interface: &mut u16,
    ) -> Taken {
        let bytes = window.bytes().get(self.taken..).unwrap_or_default();
        let mut interfaces = Interfaces { next: next_interface, link_types: &mut self.report.link_types };
        let taken = match &mut self.layout {
            Layout::Pcap(records) => take(records, bytes, limit, out, &mut interfaces),
            Layout::Pcapng(records) => take(records, bytes, limit, out, &mut interfaces),
            Layout::Hep(records) => take(records, bytes, limit, out, &mut interfaces),
        };
        self.taken += taken.bytes;
        self.report.count(out.get(..taken.frames).unwrap_or_default());
        taken
    }

    /// Whether it must be woken before it is read on.
    pub fn is_asleep(&self) -> bool {
        self.source.is_none()
    }

    /// Whether it holds a descriptor that it could do without.
    pub fn could_sleep(&self) -> bool {
        self.can_sleep && self.source.is_some()
    }

    /// Lets go of descriptor and buffer until [`wake`](Self::wake), if it can be opened again.
    pub fn sleep(&mut self, window: &mut Window) {
        if self.could_sleep() {
            self.source = None;
            window.consume(mem::take(&mut self.taken));
            window.shelve();
        }
    }

    /// Goes on where it fell asleep, from now on `chunk` bytes at a time. A file that is gone by
    /// now, or cut, is damaged there.
    pub fn wake(&mut self, window: &mut Window, chunk: usize) {
        let position = window.position();
        window.read_by(chunk.min(self.bytes_left(position)));
        match self.resume(position) {
            Ok(source) => self.source = Some(source),
            Err(error) => {
                let reason = format!("cannot be opened again: {error}");
                self.report.damaged = Some(Damage { offset: position, reason });
            }
        }
    }

    /// What a buffer need not exceed: clearing a big one costs more than reading a small file.
    fn bytes_left(&self, position: u64) -> usize {
        const LEAST: usize = 4 << 10;
        match (self.report.compression, self.report.size) {
            (Compression::None, Some(size)) => {
                usize::try_from(size.saturating_sub(position)).unwrap_or(usize::MAX).max(LEAST)
            }
            _ => usize::MAX,
        }
    }

    fn resume(&self, position: u64) -> io::Result<Source> {
        let file = File::open(&self.report.path)?;
        if self.report.size.is_some_and(|size| file.metadata().is_ok_and(|now| now.len() < size)) {
            return Err(io::Error::other("the file is shorter than it was"));
        }
        Source::resume(file, self.report.compression, position)
    }
}

/// Why a stream is not a capture.
#[derive(Debug, thiserror::Error)]
enum NoLayout {
    #[error("something unreadable: {0}")]
    Unreadable(io::Error),
    #[error("an empty file")]
    Empty,
    #[error("a {0} header cut short after {1} bytes")]
    HeaderCut(&'static str, usize),
    #[error("a pcapng header that makes no sense: {0}")]
    PcapngHeader(super::record::Fault),
    #[error("{0}")]
    PcapHeader(&'static str),
    #[error("a file that begins with the bytes {0}")]
    Unknown(String),
}

impl Layout {
    /// Reads the file header.
    fn find(
        window: &mut Window,
        source: &mut Source,
        interfaces: &mut Interfaces<'_>,
    ) -> Result<Self, NoLayout> {
        window.fill(source, classic::FILE_HEADER).map_err(NoLayout::Unreadable)?;
        let bytes = window.bytes();
        match bytes.first_chunk() {
            None if bytes.is_empty() => Err(NoLayout::Empty),
            Some(magic) if classic::recognises(*magic) => {
                let Some(header) = bytes.first_chunk() else {
                    return Err(NoLayout::HeaderCut("pcap", bytes.len()));
                };
                let records = Classic::open(*header, interfaces).map_err(NoLayout::PcapHeader)?;
                window.consume(classic::FILE_HEADER);
                Ok(Self::Pcap(records))
            }
            Some(&hep::MAGIC) => Ok(Self::Hep(Hep::open(interfaces))),
            Some(&pcapng::SECTION) => Self::find_section(window, source, interfaces),
            _ => {
                let bytes = bytes.iter().take(8).map(|byte| format!("{byte:02x}"));
                Err(NoLayout::Unknown(bytes.collect::<Vec<_>>().join(" ")))
            }
        }
    }

    /// Reads the first section header.
    fn find_section(
        window: &mut Window,
        source: &mut Source,
        interfaces: &mut Interfaces<'_>,
    ) -> Result<Self, NoLayout> {
        let mut records = Pcapng::new();
        loop {
            match records.next(window.bytes(), interfaces) {
                Step::Damage(fault) => return Err(NoLayout::PcapngHeader(fault)),
                Step::More(want) => {
                    if !window.fill(source, want).map_err(NoLayout::Unreadable)? {
                        return Err(NoLayout::HeaderCut("pcapng", window.bytes().len()));
                    }
                }
                // Left in the window: a section may be begun twice.
                Step::Skip(_) | Step::Frame(..) => return Ok(Self::Pcapng(records)),
            }
        }
    }

    fn format(&self) -> Format {
        match self {
            Self::Pcap(_) => Format::Pcap,
            Self::Pcapng(_) => Format::Pcapng,
            Self::Hep(_) => Format::Hep,
        }
    }
}

/// Moves to the next frame and says when it was; the error says why what is there is none.
fn head<R: Records>(
    records: &mut R,
    window: &mut Window,
    source: &mut Source,
    interfaces: &mut Interfaces<'_>,
) -> Result<Option<Timestamp>, String> {
    loop {
        let want = match records.next(window.bytes(), interfaces) {
            Step::Frame(frame, _) => return Ok(Some(frame.time)),
            Step::Skip(length) => {
                window.consume(length);
                continue;
            }
            Step::More(want) => want,
            Step::Damage(fault) => return Err(fault.to_string()),
        };
        match window.fill(source, want) {
            Ok(true) => {}
            Ok(false) if window.bytes().is_empty() => return Ok(None),
            Ok(false) => {
                let left = window.bytes().len();
                return Err(format!("truncated: the record wants {want} bytes, the file has {left}"));
            }
            Err(error) => match source.compression() {
                Compression::None => return Err(format!("cannot be read: {error}")),
                compression => return Err(format!("the {compression} data is damaged: {error}")),
            },
        }
    }
}

/// Stops short of whatever needs the file or an explanation: [`head`] comes by next.
fn take<'a, R: Records>(
    records: &mut R,
    bytes: &'a [u8],
    limit: Timestamp,
    out: &mut [Frame<'a>],
    interfaces: &mut Interfaces<'_>,
) -> Taken {
    let mut taken = Taken::default();
    let mut rest = bytes;
    while let Some(slot) = out.get_mut(taken.frames) {
        let length = match records.next(rest, interfaces) {
            Step::Frame(frame, length) if frame.time <= limit => {
                *slot = frame;
                taken.frames += 1;
                length
            }
            Step::Frame(frame, _) => {
                taken.later = Some(frame.time);
                break;
            }
            Step::Skip(length) => length,
            Step::More(_) | Step::Damage(_) => break,
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    taken.bytes = bytes.len() - rest.len();
    taken
}

#[cfg(test)]
mod tests;
