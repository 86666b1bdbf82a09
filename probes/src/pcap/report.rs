//! What became of each file.

use std::fmt;
use std::path::PathBuf;

use super::Compression;
use crate::{Frame, LinkType, Timestamp};

/// The layout of a capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// pcap, of any kind.
    Pcap,
    /// pcapng.
    Pcapng,
    /// HEP3 packets one behind the other.
    Hep,
}

/// One file of a timeline, as far as it was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FileReport {
    /// As it was named, or as its directory lists it; `-` for standard input.
    pub path: PathBuf,
    /// The layout.
    pub format: Format,
    /// What it is wrapped in.
    pub compression: Compression,
    /// Link types of the interfaces met so far, each once, in order; at most 64.
    pub link_types: Vec<LinkType>,
    /// Frames handed out.
    pub packets: u64,
    /// Captured bytes of these frames.
    pub bytes: u64,
    /// The earliest frame time; None before the first frame.
    pub first: Option<Timestamp>,
    /// The latest frame time; None before the first frame.
    pub last: Option<Timestamp>,
    /// Where reading stopped, if it did before the end.
    pub damaged: Option<Damage>,
    /// Bytes read of the file itself, compressed as it is; may run ahead of the frames.
    pub bytes_read: u64,
    /// The file's size in bytes when it was opened; None for a pipe.
    pub size: Option<u64>,
}

impl FileReport {
    /// Adds frames that are handed out.
    pub(super) fn count(&mut self, frames: &[Frame<'_>]) {
        let mut first = self.first.unwrap_or(Timestamp::MAX);
        let mut last = self.last.unwrap_or(Timestamp::MIN);
        for frame in frames {
            self.bytes += frame.data.len() as u64;
            first = first.min(frame.time);
            last = last.max(frame.time);
        }
        if !frames.is_empty() {
            self.packets += frames.len() as u64;
            (self.first, self.last) = (Some(first), Some(last));
        }
    }
}

/// Where a file stops making sense. All before it was read; nothing after it was.
///
/// Compressed data that is cut off gives all that can be decompressed. Where it is garbled instead,
/// the 16 KiB before the damage may be lost too: a decompressor keeps back what it was at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where the first record that cannot be read begins: bytes from the start of the capture, in
    /// the uncompressed stream where the file is compressed.
    pub offset: u64,
    /// What is wrong there, in words.
    pub reason: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "damaged at byte {}: {}", self.offset, self.reason)
    }
}
