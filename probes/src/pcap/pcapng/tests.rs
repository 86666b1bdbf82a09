use super::super::samples::{Bytes, Owned, frames, read, whole};
use super::*;

const BOTH: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

fn section(order: ByteOrder) -> Bytes {
    Bytes::new(order).section()
}

/// What is damaged in `file`, and how many frames came before.
fn damage(file: &Bytes) -> (usize, u64, String) {
    let (frames, report) = read(&file.bytes, 64, 3).expect("a capture");
    let damage = report.damaged.expect("damage");
    (frames.len(), damage.offset, damage.reason)
}

#[test]
fn all_kinds_of_packet_blocks_in_both_byte_orders() {
    for order in BOTH {
        let file = section(order)
            .interface(1, 4, &[])
            .simple(2, b"ab")
            .enhanced(0, 5_000_000, 10, b"abc")
            .simple(9, b"abcd")
            .obsolete(0, 77, (1 << 32) + 1, b"old");
        let expected = [
            whole(0, b"ab"),
            Owned { original: 10, ..whole(5_000_000_000, b"abc") },
            Owned { original: 9, ..whole(5_000_000_000, b"abcd") },
            whole(4_294_967_297_000, b"old"),
        ];
        assert_eq!(frames(&file.bytes), expected);
    }
}

#[test]
fn what_is_not_a_packet_is_skipped() {
    let file = section(ByteOrder::Little)
        .block(4, b"names")
        .interface(1, 0, &[])
        .block(5, &[0; 12])
        .enhanced(0, 1, 1, b"a")
        .block(0x8000_0bad, &[0; 1000])
        .enhanced(0, 2, 1, b"b")
        .block(10, b"");
    assert_eq!(frames(&file.bytes), [whole(1000, b"a"), whole(2000, b"b")]);
}

#[test]
fn interfaces_have_their_own_link_type_and_number() {
    let file = section(ByteOrder::Little).interface(1, 0, &[]).interface(101, 0, &[]).interface(1, 0, &[]);
    let file = file.enhanced(2, 0, 0, b"").enhanced(1, 0, 0, b"");
    let expected = [(2, 1), (1, 101)].map(|(interface, link)| Owned { interface, link, ..whole(0, b"") });
    let (frames, report) = read(&file.bytes, 4096, 9).expect("a capture");
    assert_eq!(frames, expected);
    assert_eq!(report.link_types, [LinkType::ETHERNET, LinkType::RAW]);
}

#[test]
fn a_section_starts_anew_in_its_own_byte_order() {
    let first = section(ByteOrder::Little).interface(1, 0, &[]).enhanced(0, 1, 1, b"a");
    let second = section(ByteOrder::Big).interface(101, 0, &[]).simple(1, b"b").enhanced(0, 2, 1, b"c");
    let file = first.clone().raw(&second.bytes);
    let other = |nanos, data| Owned { interface: 1, link: 101, ..whole(nanos, data) };
    assert_eq!(frames(&file.bytes), [whole(1000, b"a"), other(1000, b"b"), other(2000, b"c")]);

    let offset = first.bytes.len() as u64 + 28;
    let no_interface = first.raw(&section(ByteOrder::Big).enhanced(0, 1, 0, b"").bytes);
    let reason = "a packet belongs to interface 0, its section has 0";
    assert_eq!(damage(&no_interface), (1, offset, reason.to_owned()));
}

#[test]
fn clocks_of_interfaces() {
    for order in BOTH {
        let options = |resolution: u8, offset: i64| {
            let [a, b, c, d, e, f, g, h] = match order {
                ByteOrder::Little => offset.to_le_bytes(),
                ByteOrder::Big => offset.to_be_bytes(),
            };
            let options = Bytes::new(order).u16(2).u16(3).raw(b"eth\0");
            let options = options.u16(9).u16(1).raw(&[resolution, 0, 0, 0]);
            options.u16(14).u16(8).raw(&[a, b, c, d, e, f, g, h]).u16(0).u16(0).bytes
        };
        // Resolution, offset, ticks, nanoseconds.
        let cases: [(u8, i64, u64, i64); 10] = [
            (6, 0, 1_700_000_000_000_001, 1_700_000_000_000_001_000),
            (9, 0, 1_700_000_000_000_000_001, 1_700_000_000_000_000_001),
            (0, 100, 7, 107_000_000_000),
            (3, -2, 1500, -500_000_000),
            (12, 0, 1_999, 1),
            (29, 0, u64::MAX, 0),
            (0x80 | 10, 0, 1536, 1_500_000_000),
            (0x80 | 32, 1, 1 << 31, 1_500_000_000),
            (0x80 | 127, 0, u64::MAX, 0),
            (0, i64::MAX, u64::MAX, i64::MAX),
        ];
        for (resolution, offset, ticks, nanos) in cases {
            let file =
                section(order).interface(1, 0, &options(resolution, offset)).enhanced(0, ticks, 0, b"");
            assert_eq!(
                frames(&file.bytes),
                [whole(nanos, b"")],
                "{order:?} {resolution:#x} {offset} {ticks}"
            );
        }
    }
}

#[test]
fn options_that_run_past_their_block_are_ignored() {
    let options = Bytes::new(ByteOrder::Little).u16(9).u16(1).raw(&[9, 0, 0, 0]).u16(14).u16(800).bytes;
    let file = section(ByteOrder::Little).interface(1, 0, &options).enhanced(0, 5, 0, b"");
    assert_eq!(frames(&file.bytes), [whole(5, b"")]);
}

#[test]
fn blocks_that_cannot_be_are_damage() {
    let good = section(ByteOrder::Little).interface(1, 0, &[]).enhanced(0, 1, 1, b"a");
    let offset = good.bytes.len() as u64;
    let cases = [
        (
            good.clone().u32(6).u32(34).raw(&[0; 40]),
            "a block claims a length of 34 bytes, not a multiple of 4 from 12 to 16777216",
        ),
        (
            good.clone().u32(6).u32(8).raw(&[0; 40]),
            "a block claims a length of 8 bytes, not a multiple of 4 from 12 to 16777216",
        ),
        (
            good.clone().u32(99).u32(16_777_220).raw(&[0; 40]),
            "a block claims a length of 16777220 bytes, not a multiple of 4 from 12 to 16777216",
        ),
        (
            good.clone().u32(99).u32(16).u32(0).u32(20),
            "a block begins with a length of 16 bytes and ends with one of 20",
        ),
        (good.clone().block(6, &[0; 16]), "a block of type 6 is too short: 28 bytes"),
        (good.clone().block(1, &[0; 4]), "a block of type 1 is too short: 16 bytes"),
        (good.clone().block(3, &[]), "a block of type 3 is too short: 12 bytes"),
        (good.clone().enhanced(1, 0, 0, b""), "a packet belongs to interface 1, its section has 1"),
        (good.clone().obsolete(9, 0, 0, b""), "a packet belongs to interface 9, its section has 1"),
        (good.clone().simple(9, b"a"), "a packet claims 9 captured bytes, its block has room for 4"),
        (
            good.clone().raw(&[10, 13, 13, 10, 28, 0, 0, 0, 1, 2, 3, 4]),
            "a section's byte-order magic reads 0x01020304",
        ),
        (
            good.clone().raw(&[10, 13, 13, 10]).u32(28).u32(0x1a2b_3c4d).u16(2).raw(&[0; 10]).u32(28),
            "a section is of pcapng version 2, not 1",
        ),
        (
            good.clone().raw(&[10, 13, 13, 10]).u32(16).u32(0x1a2b_3c4d).u32(16),
            "a block of type 168627466 is too short: 16 bytes",
        ),
    ];
    for (file, reason) in cases {
        assert_eq!(damage(&file), (1, offset, reason.to_owned()));
    }
}

#[test]
fn interfaces_without_end_are_damage() {
    let mut file = section(ByteOrder::Little).bytes;
    let interface = Bytes::new(ByteOrder::Little).interface(1, 0, &[]).bytes;
    for _ in 0..=MAX_INTERFACES {
        file.extend_from_slice(&interface);
    }
    let (_, report) = read(&file, 1 << 16, 1).expect("a capture");
    let damage = report.damaged.expect("damage");
    assert_eq!(damage.offset, 28 + 65_536 * 20);
    assert_eq!(damage.reason, "a section has more than 65536 interfaces");
}
