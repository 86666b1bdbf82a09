use proptest::prelude::*;

use super::super::record::ByteOrder;
use super::super::samples::{
    Bytes, MICROSECONDS, MODIFIED, NANOSECONDS, capture_at, frames, gzip, read, whole, zstd,
};
use super::*;
use crate::LinkType;

fn not_a_capture(bytes: &[u8]) -> String {
    let error = read(bytes, 64, 1).expect_err("not a capture");
    assert!(matches!(error, OpenError::NotACapture { .. }), "{error}");
    error.to_string()
}

#[test]
fn what_is_not_a_capture_says_what_it_is() {
    assert_eq!(not_a_capture(b""), "sample: not a capture: an empty file");
    assert_eq!(not_a_capture(b"GIF"), "sample: not a capture: a file that begins with the bytes 47 49 46");
    let text = not_a_capture(b"#!/bin/sh\necho of some length");
    assert_eq!(text, "sample: not a capture: a file that begins with the bytes 23 21 2f 62 69 6e 2f 73");
    let empty = not_a_capture(&gzip(b""));
    assert_eq!(empty, "sample: not a capture: gzip data, in it an empty file");
    let garbage = not_a_capture(&[&gzip(b"")[..10], &[0xff; 40]].concat());
    assert!(
        garbage.starts_with("sample: not a capture: gzip data, in it something unreadable: "),
        "{garbage}"
    );
}

#[test]
fn a_header_alone_is_a_capture_without_packets() {
    let (frames, report) = read(&capture_at(&[]), 64, 1).expect("a capture");
    assert!(frames.is_empty());
    assert_eq!(report.damaged, None);
    assert_eq!(report.link_types, [LinkType::ETHERNET]);
    assert_eq!((report.packets, report.first, report.last), (0, None, None));
}

#[test]
fn the_report_counts_what_was_read() {
    let (_, report) = read(&capture_at(&[7, 3, 5]), 64, 2).expect("a capture");
    assert_eq!((report.packets, report.bytes), (3, 24));
    assert_eq!(report.first, Some(Timestamp::from_nanos(3)), "the earliest, not the first in the file");
    assert_eq!(report.last, Some(Timestamp::from_nanos(7)));
    assert_eq!(report.bytes_read, 24 + 3 * 24);
}

/// For each cut: the whole frames before it, and damage just where a record was cut.
fn check_every_prefix(file: &[u8], header: usize, format: &str, ends: &[(usize, usize)]) {
    for cut in 0..=file.len() {
        let prefix = file.get(..cut).expect("a prefix");
        if cut < header {
            let found = not_a_capture(prefix);
            assert!(cut < 4 || found.contains(&format!("a {format} header cut short after {cut} bytes")));
            continue;
        }
        let &(end, count) = ends.iter().rfind(|(end, _)| *end <= cut).expect("the header");
        for chunk in [1, 50, 4096] {
            let (frames, report) = read(prefix, chunk, 2).expect("a capture");
            assert_eq!(frames.len(), count, "{format} cut at {cut}");
            let Some(damage) = report.damaged else {
                assert_eq!(cut, end, "a cut inside a record is damage");
                continue;
            };
            assert_eq!(damage.offset, end as u64, "{format} cut at {cut}");
            assert!(damage.reason.starts_with("truncated: "), "{}", damage.reason);
            let has = format!("bytes, the file has {}", cut - end);
            assert!(damage.reason.ends_with(&has), "{}", damage.reason);
        }
    }
}

#[test]
fn every_prefix_of_a_pcap_file() {
    let file = Bytes::new(ByteOrder::Big).pcap(MICROSECONDS, 4, 65_535, 1);
    let file = file.record(1, 1, 5, b"12345").record(2, 2, 0, b"").record(3, 3, 40, &[7; 40]);
    check_every_prefix(&file.bytes, 24, "pcap", &[(24, 0), (45, 1), (61, 2), (117, 3)]);

    let (_, report) = read(&file.bytes[..60], 4096, 1).expect("a capture");
    let reason = "truncated: the record wants 16 bytes, the file has 15".to_owned();
    assert_eq!(report.damaged, Some(Damage { offset: 45, reason }));
    let (_, report) = read(&file.bytes[..90], 4096, 1).expect("a capture");
    let reason = "truncated: the record wants 56 bytes, the file has 29".to_owned();
    assert_eq!(report.damaged, Some(Damage { offset: 61, reason }));
}

#[test]
fn every_prefix_of_a_pcapng_file() {
    let mut file = Bytes::new(ByteOrder::Little).section();
    let mut ends = vec![(file.bytes.len(), 0)];
    let steps: [fn(Bytes) -> Bytes; 6] = [
        |file| file.interface(1, 0, &[]),
        |file| file.enhanced(0, 1, 5, b"12345"),
        |file| file.block(0xbad, b"unknown"),
        |file| file.section().interface(101, 0, &[]),
        |file| file.simple(3, b"abc"),
        |file| file.obsolete(0, 0, 9, b"xyz"),
    ];
    for (step, count) in steps.into_iter().zip([0, 1, 1, 1, 2, 3]) {
        let start = file.bytes.len();
        file = step(file);
        if count == 1 && file.bytes.len() - start == 48 {
            ends.push((start + 28, 1)); // The section and its interface are two blocks.
        }
        ends.push((file.bytes.len(), count));
    }
    check_every_prefix(&file.bytes, 28, "pcapng", &ends);
}

#[test]
fn compressed_captures_are_known_by_their_first_bytes() {
    let file = capture_at(&[1, 2, 3]);
    let expected = frames(&file);
    let (head, tail) = file.split_at(40);
    let skippable = [&[0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd(&file)].concat();
    for (bytes, compression) in [
        (gzip(&file), Compression::Gzip),
        ([gzip(head), gzip(tail)].concat(), Compression::Gzip),
        (zstd(&file), Compression::Zstd),
        ([zstd(head), zstd(tail)].concat(), Compression::Zstd),
        (skippable, Compression::Zstd),
    ] {
        let (frames, report) = read(&bytes, 4096, 2).expect("a capture");
        assert_eq!(frames, expected);
        assert_eq!((report.compression, report.damaged), (compression, None));
        assert_eq!(report.bytes_read, bytes.len() as u64, "the file's own size");
    }
}

#[test]
fn a_cut_in_compressed_data_is_damage_where_the_next_record_begins() {
    // Long enough for several blocks of zstd: one that is cut is lost as a whole.
    let times: Vec<i64> = (1..20_000).map(|n| n * n * 7919).collect();
    let file = capture_at(&times);
    for (bytes, name) in [(gzip(&file), "gzip"), (zstd(&file), "zstd")] {
        for cut in (bytes.len() / 2..bytes.len()).step_by(9973) {
            let (frames, report) = read(&bytes[..cut], 4096, 64).expect("a capture");
            let damage = report.damaged.expect("damage");
            assert_eq!(damage.offset, 24 + 24 * frames.len() as u64);
            assert!(damage.reason.starts_with(&format!("the {name} data is damaged: ")), "{}", damage.reason);
        }
    }
}

#[test]
fn a_wrong_checksum_costs_no_frame() {
    let mut bytes = gzip(&capture_at(&[1, 2, 3]));
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    let (frames, report) = read(&bytes, 4096, 64).expect("a capture");
    assert_eq!(frames.len(), 3);
    assert_eq!(report.damaged.map(|damage| damage.offset), Some(24 + 3 * 24));
}

#[test]
fn a_stream_that_fails_is_damaged_there() {
    struct Failing(io::Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::other("the disk is gone")),
                length => Ok(length),
            }
        }
    }
    let stream = Box::new(Failing(io::Cursor::new(capture_at(&[1]))));
    let mut window = Window::new(64);
    let file = CaptureFile::from_stream(PathBuf::from("-"), stream, &mut window, &mut 0);
    let mut file = file.expect("a capture");
    assert!(file.head(&mut window, &mut 1).is_some());
    assert_eq!(file.take(&window, Timestamp::MAX, &mut [Frame::default()], &mut 1).frames, 1);
    assert!(file.head(&mut window, &mut 1).is_none());
    let reason = "cannot be read: the disk is gone".to_owned();
    assert_eq!(file.report().damaged, Some(Damage { offset: 48, reason }));
}

#[test]
fn a_record_larger_than_the_buffer_is_read_whole() {
    let data = vec![5; 200_000];
    let file = Bytes::new(ByteOrder::Little).pcap(NANOSECONDS, 4, 65_535, 1);
    let file = file.record(0, 1, 200_000, &data).record(0, 2, 1, b"a");
    assert_eq!(frames(&file.bytes), [whole(1, &data), whole(2, b"a")]);
}

fn order() -> impl Strategy<Value = ByteOrder> {
    prop_oneof![Just(ByteOrder::Little), Just(ByteOrder::Big)]
}

/// A capture of either layout, and the frames that are in it.
fn capture() -> impl Strategy<Value = (Vec<u8>, Vec<(u32, Vec<u8>)>)> {
    let packet = (any::<u32>(), proptest::collection::vec(any::<u8>(), 0..300));
    (order(), any::<bool>(), proptest::collection::vec(packet, 0..40)).prop_map(|(order, pcapng, packets)| {
        let start = Bytes::new(order);
        let start = match pcapng {
            true => start.section().interface(1, 0, &[]),
            false => start.pcap(MICROSECONDS, 4, 65_535, 1),
        };
        let file = packets.iter().fold(start, |file, (micros, data)| {
            let length = u32::try_from(data.len()).expect("short");
            match pcapng {
                true => file.enhanced(0, u64::from(*micros), length, data).block(77, b"noise"),
                false => file.record(micros / 1_000_000, micros % 1_000_000, length, data),
            }
        });
        (file.bytes, packets)
    })
}

proptest! {
    #[test]
    fn frames_do_not_depend_on_the_size_of_reads_or_batches(
        (file, packets) in capture(),
        chunk in prop_oneof![1_usize..40, 40_usize..2000, Just(1_usize << 18)],
        batch in 1_usize..70,
        wrap in 0..3,
    ) {
        let file = match wrap {
            0 => file,
            1 => gzip(&file),
            _ => zstd(&file),
        };
        let expected: Vec<_> =
            packets.iter().map(|(micros, data)| whole(i64::from(*micros) * 1000, data)).collect();
        let (frames, report) = read(&file, chunk, batch).expect("a capture");
        prop_assert_eq!(frames, expected);
        prop_assert_eq!(report.damaged, None);
    }

    #[test]
    fn any_bytes_are_read_without_panic_and_alike(
        header in 0..6,
        noise in proptest::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..400),
        chunk in 1_usize..100,
    ) {
        let start = Bytes::new(ByteOrder::Little);
        let start = match header {
            0 => start,
            1 => start.pcap(MICROSECONDS, 2, 65_535, 1),
            2 => start.pcap(MODIFIED, 4, 65_535, 1),
            3 => start.section().interface(1, 0, &[]),
            4 => start.section().u32(1),
            _ => start.raw(&[0x1f, 0x8b, 8, 0]),
        };
        let bytes = start.raw(&noise).bytes;
        let whole = read(&bytes, 4096, 64).ok().map(|(frames, report)| (frames, report.damaged));
        let bits = read(&bytes, chunk, 1).ok().map(|(frames, report)| (frames, report.damaged));
        // Where compressed data is damaged, how much comes before depends on the reads.
        if header < 5 {
            prop_assert_eq!(whole, bits);
        }
    }

    #[test]
    fn a_changed_byte_never_panics_and_keeps_what_was_before_it(
        (mut file, _) in capture(),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let at = at.index(file.len());
        file[at] ^= flip;
        if let (Ok((before, _)), Ok((frames, _))) = (read(&file[..at], 128, 8), read(&file, 128, 8)) {
            prop_assert!(frames.starts_with(&before));
        }
    }
}
