//! The pcap format: one link type, one record header a packet.
//!
//! [draft-ietf-opsawg-pcap](https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-03.html); for
//! what the draft leaves out (the "modified" format, old versions, length limits), libpcap's
//! `sf-pcap.c`.

use super::record::{ByteOrder, Fault, Interfaces, MAX_RECORD, Records, Step};
use crate::{Frame, LinkType, Timestamp};

/// Length of the file header.
pub(super) const FILE_HEADER: usize = 24;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// A patched libpcap of the 1990s (Alexey Kuznetzov's): eight more bytes in a record header, with
/// an interface index, a protocol and a packet type.
const MODIFIED: u32 = 0xa1b2_cd34;

/// The longest packet accepted whatever the header says: writers that understate their snap length
/// are common, and libpcap draws the line here too.
const ANY_SNAP_LENGTH: u32 = 262_144;

/// Whether a file that begins so is pcap, and how it is laid out.
fn layout(magic: [u8; 4]) -> Option<(ByteOrder, u32)> {
    [ByteOrder::Little, ByteOrder::Big]
        .map(|order| (order, order.u32(magic)))
        .into_iter()
        .find(|(_, magic)| matches!(*magic, MICROSECONDS | NANOSECONDS | MODIFIED))
}

/// Whether a file that begins so is pcap.
pub(super) fn recognises(magic: [u8; 4]) -> bool {
    layout(magic).is_some()
}

/// The records of a pcap file.
#[derive(Debug)]
pub(super) struct Classic {
    order: ByteOrder,
    /// Nanoseconds in a unit of a record's fraction.
    fraction_nanos: i64,
    record_header: usize,
    /// Up to version 2.3 some writers put the two lengths the other way round.
    lengths_may_swap: bool,
    /// The most bytes a packet may claim.
    max_captured: u32,
    link: LinkType,
    interface: u16,
}

impl Classic {
    /// Reads a file header; the error says what is wrong with it.
    pub fn open(header: [u8; FILE_HEADER], interfaces: &mut Interfaces<'_>) -> Result<Self, &'static str> {
        let [magic, version, _, _, snap_length, link] = words(&header);
        let Some((order, format)) = layout(magic) else { return Err("no pcap magic") };
        let [major_0, major_1, minor_0, minor_1] = version;
        if order.u16([major_0, major_1]) != 2 {
            return Err("pcap of a version other than 2");
        }
        // The upper half holds the length of the frame check sequence.
        let [_, _, link_bytes @ ..] = order.u32(link).to_be_bytes();
        let link = LinkType(u16::from_be_bytes(link_bytes));
        Ok(Self {
            order,
            fraction_nanos: if format == NANOSECONDS { 1 } else { 1000 },
            record_header: if format == MODIFIED { 24 } else { 16 },
            lengths_may_swap: order.u16([minor_0, minor_1]) <= 3,
            max_captured: order.u32(snap_length).clamp(ANY_SNAP_LENGTH, MAX_RECORD),
            link,
            interface: interfaces.declare(link),
        })
    }
}

impl Records for Classic {
    #[inline]
    fn next<'b>(&mut self, bytes: &'b [u8], _: &mut Interfaces<'_>) -> Step<'b> {
        let Some(header) = bytes.first_chunk::<16>().filter(|_| bytes.len() >= self.record_header) else {
            return Step::More(self.record_header);
        };
        let [seconds, fraction, captured, original] = words(header);
        let (mut captured, mut original) = (self.order.u32(captured), self.order.u32(original));
        if self.lengths_may_swap && captured > original {
            std::mem::swap(&mut captured, &mut original);
        }
        if captured > self.max_captured {
            return Step::Damage(Fault::PacketLength { captured, limit: self.max_captured });
        }
        let length = self.record_header + captured as usize;
        let Some(data) = bytes.get(self.record_header..length) else {
            return Step::More(length);
        };
        let nanos = i64::from(self.order.u32(seconds)) * 1_000_000_000
            + i64::from(self.order.u32(fraction)) * self.fraction_nanos;
        let frame = Frame {
            time: Timestamp::from_nanos(nanos),
            link: self.link,
            interface: self.interface,
            original_len: original.max(captured),
            data,
        };
        Step::Frame(frame, length)
    }
}

/// The `N` four-byte words that `bytes` begins with.
#[inline]
fn words<const N: usize, const BYTES: usize>(bytes: &[u8; BYTES]) -> [[u8; 4]; N] {
    const { assert!(N * 4 == BYTES, "the words make up the bytes") };
    let mut words = [[0; 4]; N];
    for (word, chunk) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = *chunk;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Bytes, Owned, capture_at, frames, read, whole};
    use super::*;

    const BOTH: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

    #[test]
    fn microseconds_and_nanoseconds_in_both_byte_orders() {
        for order in BOTH {
            for (magic, nanos) in [(MICROSECONDS, 7_000_005_000), (NANOSECONDS, 7_000_000_005)] {
                let file = Bytes::new(order).pcap(magic, 4, 65_535, 1).record(7, 5, 3, b"abc");
                assert_eq!(frames(&file.bytes), [whole(nanos, b"abc")], "{order:?} {magic:#x}");
            }
        }
    }

    #[test]
    fn the_modified_format_has_longer_record_headers() {
        for order in BOTH {
            let file = Bytes::new(order).pcap(MODIFIED, 4, 65_535, 1);
            let record = |file: Bytes, second| {
                file.u32(second).u32(1).u32(2).u32(9).u32(3).u16(0x800).raw(&[4, 0]).raw(b"ab")
            };
            let file = record(record(file, 1), 2);
            let cut = |nanos| Owned { original: 9, ..whole(nanos, b"ab") };
            assert_eq!(frames(&file.bytes), [cut(1_000_001_000), cut(2_000_001_000)]);
        }
    }

    #[test]
    fn the_upper_half_of_the_link_type_is_about_the_check_sequence() {
        let file = Bytes::new(ByteOrder::Big).pcap(MICROSECONDS, 4, 65_535, 0x2400_0071).record(0, 0, 0, b"");
        assert_eq!(frames(&file.bytes), [Owned { link: 113, ..whole(0, b"") }]);
    }

    #[test]
    fn old_versions_may_have_the_lengths_the_other_way_round() {
        let swapped = |minor| {
            let file = Bytes::new(ByteOrder::Little).pcap(MICROSECONDS, minor, 65_535, 1);
            file.u32(0).u32(0).u32(9).u32(2).raw(b"ab").bytes
        };
        assert_eq!(frames(&swapped(3)), [Owned { original: 9, ..whole(0, b"ab") }]);
        let (none, report) = read(&swapped(4), 64, 1).expect("a capture");
        assert!(none.is_empty() && report.damaged.is_some());
    }

    #[test]
    fn times_reach_to_the_end_of_32_bits() {
        let file = Bytes::new(ByteOrder::Little).pcap(NANOSECONDS, 4, 65_535, 1).record(
            u32::MAX,
            999_999_999,
            0,
            b"",
        );
        assert_eq!(frames(&file.bytes), [whole(4_294_967_295_999_999_999, b"")]);
    }

    #[test]
    fn a_length_beyond_all_snap_lengths_is_damage() {
        let whole_record = capture_at(&[5]);
        for (snap_length, limit) in [(96, 262_144), (300_000, 300_000), (u32::MAX, 16_777_216)] {
            let mut file = Bytes::new(ByteOrder::Little).pcap(NANOSECONDS, 4, snap_length, 1);
            file.bytes.extend(whole_record.iter().skip(FILE_HEADER));
            let file = file.u32(1).u32(1).u32(limit + 1).u32(limit + 1).raw(&[0; 64]);
            let (frames, report) = read(&file.bytes, 64, 1).expect("a capture");
            assert_eq!(frames.len(), 1);
            let damage = report.damaged.expect("the second record is damaged");
            assert_eq!(damage.offset, 24 + 24);
            assert_eq!(
                damage.reason,
                format!("a packet claims {} captured bytes, more than {limit}", limit + 1)
            );
        }
    }

    #[test]
    fn another_version_is_refused() {
        let file = Bytes::new(ByteOrder::Little).u32(MICROSECONDS).u16(1).raw(&[0; 18]);
        let error = read(&file.bytes, 64, 1).expect_err("version 1");
        assert_eq!(error.to_string(), "sample: not a capture: pcap of a version other than 2");
    }
}
