//! Writing a capture file.

use std::io::{self, Write};

use crate::{Frame, LinkType};

/// Writes pcap with nanoseconds, little-endian.
///
/// Makes two small writes a frame: give it a `BufWriter` where that costs.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// Writes the header of a file whose frames are all of type `link`.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn new(mut out: W, link: LinkType) -> io::Result<Self> {
        const MAGIC: u32 = 0xa1b2_3c4d;
        const VERSION: [u16; 2] = [2, 4];
        const SNAP_LENGTH: u32 = 262_144;
        let mut header = [0; 24];
        let fields = MAGIC
            .to_le_bytes()
            .into_iter()
            .chain(VERSION.into_iter().flat_map(u16::to_le_bytes))
            .chain([0; 8]) // The time zone and the accuracy: nobody uses them.
            .chain(SNAP_LENGTH.to_le_bytes())
            .chain(u32::from(link.0).to_le_bytes());
        header.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
        out.write_all(&header)?;
        Ok(Self { out })
    }

    /// Writes one frame; its link type and interface have no place in this format.
    ///
    /// # Errors
    /// When `out` cannot be written, when the frame's time is not between 1970 and 2106, or when it
    /// has 4 GiB of data or more.
    pub fn write(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        const NANOS_PER_SECOND: i64 = 1_000_000_000;
        let nanos = frame.time.as_nanos();
        let (Ok(seconds), Ok(fraction), Ok(captured)) = (
            u32::try_from(nanos.div_euclid(NANOS_PER_SECOND)),
            u32::try_from(nanos.rem_euclid(NANOS_PER_SECOND)),
            u32::try_from(frame.data.len()),
        ) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a frame pcap has no room for"));
        };
        let mut header = [0; 16];
        let fields = [seconds, fraction, captured, frame.original_len].into_iter().flat_map(u32::to_le_bytes);
        header.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
        self.out.write_all(&header)?;
        self.out.write_all(frame.data)
    }

    /// Gives back what is written to.
    pub fn into_inner(self) -> W {
        self.out
    }
}
