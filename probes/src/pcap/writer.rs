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

#[cfg(test)]
mod tests {
    use super::super::samples::{Owned, frames};
    use super::*;
    use crate::Timestamp;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::new(Vec::new(), LinkType::LINUX_SLL2).expect("memory is writable");
        let frame = Frame {
            time: Timestamp::from_nanos(1_700_000_000_123_456_789),
            link: LinkType::LINUX_SLL2,
            interface: 0,
            original_len: 1500,
            data: b"cut short",
        };
        writer.write(&frame).expect("memory is writable");
        assert_eq!(frames(&writer.into_inner()), [Owned::from(&frame)]);
    }

    #[test]
    fn a_time_that_pcap_has_no_room_for_is_an_error() {
        for nanos in [-1, 4_294_967_296_000_000_000] {
            let mut writer = Writer::new(Vec::new(), LinkType::ETHERNET).expect("memory is writable");
            let frame = Frame { time: Timestamp::from_nanos(nanos), ..Frame::default() };
            let error = writer.write(&frame).expect_err("out of range");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert_eq!(writer.into_inner().len(), 24, "nothing is half written");
        }
    }
}
