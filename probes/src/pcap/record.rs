//! What the two formats have in common: a stream of records, read one at a time from a slice.

use thiserror::Error;

use crate::{Frame, LinkType};

/// The largest record there is; one that claims more is damage. Bounds the memory a file can take.
pub(super) const MAX_RECORD: u32 = 16 << 20;

/// Link types listed for a file; a file with more of them is made to be a nuisance.
const MAX_LINK_TYPES: usize = 64;

/// A capture format, past its file header.
pub(super) trait Records {
    /// Reads the record at the start of `bytes`.
    ///
    /// Asking again with the same bytes, or with more of them, gives the same frame: a reader may
    /// look before it takes.
    fn next<'b>(&mut self, bytes: &'b [u8], interfaces: &mut Interfaces<'_>) -> Step<'b>;
}

/// What stands at the start of a slice.
#[derive(Debug)]
pub(super) enum Step<'b> {
    /// A frame, in a record of this many bytes.
    Frame(Frame<'b>, usize),
    /// A record of this many bytes, all at hand, without a frame.
    Skip(usize),
    /// Not yet known: the record is at least this many bytes, more than are at hand.
    More(usize),
    /// Not a record.
    Damage(Fault),
}

/// Where a file's interfaces become interfaces of the timeline.
#[derive(Debug)]
pub(super) struct Interfaces<'r> {
    /// The number of the next one.
    pub next: &'r mut u16,
    /// The file's link types so far, each once.
    pub link_types: &'r mut Vec<LinkType>,
}

impl Interfaces<'_> {
    /// Gives a number to an interface that was just met. From 65,535 on they share that number.
    pub fn declare(&mut self, link: LinkType) -> u16 {
        if self.link_types.len() < MAX_LINK_TYPES && !self.link_types.contains(&link) {
            self.link_types.push(link);
        }
        let number = *self.next;
        *self.next = number.saturating_add(1);
        number
    }
}

/// Why a record cannot be one.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum Fault {
    #[error("a packet claims {captured} captured bytes, more than {limit}")]
    PacketLength { captured: u32, limit: u32 },
    #[error("a block claims a length of {0} bytes, not a multiple of 4 from 12 to {MAX_RECORD}")]
    BlockLength(u32),
    #[error("a block begins with a length of {0} bytes and ends with one of {1}")]
    BlockTrailer(u32, u32),
    #[error("a block of type {kind} is too short: {length} bytes")]
    BlockTooShort { kind: u32, length: usize },
    #[error("a packet claims {captured} captured bytes, its block has room for {room}")]
    PacketOutgrowsBlock { captured: u32, room: usize },
    #[error("what is there begins no HEP packet")]
    NotHep,
    #[error("a packet belongs to interface {interface}, its section has {known}")]
    UnknownInterface { interface: u32, known: usize },
    #[error("a section has more than {0} interfaces")]
    TooManyInterfaces(usize),
    #[error("a section's byte-order magic reads {0:#010x}")]
    SectionMagic(u32),
    #[error("a section is of pcapng version {0}, not 1")]
    SectionVersion(u16),
}

/// The order in which a file's numbers are written: that of the machine that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    #[inline]
    pub fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub fn i64(self, bytes: [u8; 8]) -> i64 {
        match self {
            Self::Little => i64::from_le_bytes(bytes),
            Self::Big => i64::from_be_bytes(bytes),
        }
    }
}
