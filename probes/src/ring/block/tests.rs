use proptest::prelude::*;

use super::*;

/// A packet as the kernel writes it.
#[derive(Clone)]
struct Packet {
    time: (u32, u32),
    data: Vec<u8>,
    original_len: u32,
    status: u32,
    tag: (u16, u16),
    kind: u8,
}

impl Packet {
    fn new(data: &[u8]) -> Self {
        Self {
            time: (1_735_689_600, 123_456_789),
            data: data.to_vec(),
            original_len: data.len() as u32,
            status: libc::TP_STATUS_USER,
            tag: (0, 0),
            kind: libc::PACKET_HOST,
        }
    }
}

const BLOCK_SIZE: usize = 4096;
/// From a packet's begin to its frame, as with Ethernet and our reserve.
const MAC: usize = 98;

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    put(bytes, at, &value.to_ne_bytes());
}

/// Fills a block as `net/packet/af_packet.c` does: each packet from a multiple of 8 on, the last without a next.
fn filled(packets: &[Packet]) -> Vec<u8> {
    let mut block = vec![0xa5; BLOCK_SIZE];
    let mut at = BLOCK_HEADER;
    put_u32(&mut block, COUNT, packets.len() as u32);
    put_u32(&mut block, FIRST, at as u32);
    for (number, packet) in packets.iter().enumerate() {
        let size = (MAC + packet.data.len()).next_multiple_of(8);
        let last = number + 1 == packets.len();
        let header = &mut block[at..at + size];
        let mut word = |at, value| put_u32(header, at, value);
        word(offset_of!(tpacket3_hdr, tp_next_offset), if last { 0 } else { size as u32 });
        word(offset_of!(tpacket3_hdr, tp_sec), packet.time.0);
        word(offset_of!(tpacket3_hdr, tp_nsec), packet.time.1);
        word(offset_of!(tpacket3_hdr, tp_snaplen), packet.data.len() as u32);
        word(offset_of!(tpacket3_hdr, tp_len), packet.original_len);
        word(offset_of!(tpacket3_hdr, tp_status), packet.status);
        word(VARIANT + offset_of!(tpacket_hdr_variant1, tp_vlan_tci), u32::from(packet.tag.1));
        let tpid = VARIANT + offset_of!(tpacket_hdr_variant1, tp_vlan_tpid);
        put(header, tpid, &packet.tag.0.to_ne_bytes());
        put(header, offset_of!(tpacket3_hdr, tp_mac), &(MAC as u16).to_ne_bytes());
        put(header, ADDRESS + offset_of!(sockaddr_ll, sll_protocol), &[0x08, 0x00]);
        put(header, ADDRESS + offset_of!(sockaddr_ll, sll_hatype), &778_u16.to_ne_bytes());
        put(header, ADDRESS + offset_of!(sockaddr_ll, sll_halen), &[4]);
        put(header, ADDRESS + offset_of!(sockaddr_ll, sll_pkttype), &[packet.kind]);
        put(header, ADDRESS + offset_of!(sockaddr_ll, sll_addr), &[192, 0, 2, 1, 0, 0, 0, 0]);
        put(header, MAC, &packet.data);
        at += size;
    }
    put_u32(&mut block, LENGTH, at as u32);
    block
}

/// The frames' bytes, and how many are missing.
fn read(block: &mut [u8], header: Header) -> (Vec<Vec<u8>>, u32) {
    let mut frames = Frames::of(block, header);
    let data = frames.by_ref().map(|f| f.data.to_vec()).collect();
    (data, frames.missing())
}

fn ethernet(length: usize) -> Vec<u8> {
    (0..length).map(|n| n as u8).collect()
}

#[test]
fn frames_come_in_their_order_with_time_and_length() {
    let mut cut = Packet::new(&ethernet(60));
    (cut.original_len, cut.time) = (1514, (7, 999_999_999));
    let mut block = filled(&[Packet::new(&ethernet(214)), cut, Packet::new(&ethernet(15))]);
    let frames: Vec<_> = Frames::of(&mut block, Header::Ethernet).collect();
    let told: Vec<_> = frames.iter().map(|f| (f.time.as_nanos(), f.data.len(), f.original_len)).collect();
    let time = 1_735_689_600_123_456_789;
    assert_eq!(told, [(time, 214, 214), (7_999_999_999, 60, 1514), (time, 15, 15)]);
    assert!(frames.iter().all(|f| f.data == ethernet(f.data.len()) && f.link == LinkType::ETHERNET));
}

#[test]
fn an_empty_block_is_whole() {
    assert_eq!(read(&mut filled(&[]), Header::Ethernet), (vec![], 0));
}

#[test]
fn a_tag_that_the_kernel_took_out_is_put_back() {
    let mut tagged = Packet::new(&ethernet(60));
    tagged.tag = (0x88a8, 0x6123);
    // The next one carries leftovers that are not valid.
    let plain = tagged.clone();
    tagged.status |= libc::TP_STATUS_VLAN_VALID;
    let untyped = tagged.clone();
    tagged.status |= libc::TP_STATUS_VLAN_TPID_VALID;
    let mut short = tagged.clone();
    short.data.truncate(11);
    let mut block = filled(&[tagged, plain, untyped, short]);
    let frames: Vec<_> = Frames::of(&mut block, Header::Ethernet).collect();
    let with = |tag: &[u8]| [&ethernet(60)[..12], tag, &ethernet(60)[12..]].concat();
    assert_eq!(frames[0].data, with(&[0x88, 0xa8, 0x61, 0x23]));
    assert_eq!(frames[0].original_len, 64);
    assert_eq!((frames[1].data, frames[1].original_len), (&ethernet(60)[..], 60));
    assert_eq!(frames[2].data, with(&[0x81, 0x00, 0x61, 0x23]));
    assert_eq!(frames[3].data, ethernet(11), "no place for a tag in what is shorter than the addresses");
}

#[test]
fn a_frame_without_a_link_layer_header_gets_a_cooked_one() {
    let mut tagged = Packet::new(&[0x45, 0, 0, 20]);
    tagged.tag = (0x8100, 5);
    tagged.status |= libc::TP_STATUS_VLAN_VALID;
    let mut block = filled(&[Packet::new(&[0x45, 0, 0, 20]), tagged]);
    let frames: Vec<_> = Frames::of(&mut block, Header::Cooked).collect();
    let cooked = [0, 0, 3, 10, 0, 4, 192, 0, 2, 1, 0, 0, 0, 0];
    assert_eq!(frames[0].data, [&cooked[..], &[8, 0, 0x45, 0, 0, 20]].concat());
    assert_eq!((frames[0].link, frames[0].original_len), (LinkType::LINUX_SLL, 20));
    assert_eq!(frames[1].data, [&cooked[..], &[0x81, 0, 0, 5, 8, 0, 0x45, 0, 0, 20]].concat());
}

#[test]
fn a_loopback_frame_counts_as_it_arrives_not_as_it_leaves() {
    let mut leaves = Packet::new(&ethernet(60));
    leaves.kind = libc::PACKET_OUTGOING;
    let packets = [leaves, Packet::new(&ethernet(60))];
    assert_eq!(read(&mut filled(&packets), Header::Loopback).0.len(), 1);
    assert_eq!(read(&mut filled(&packets), Header::Ethernet).0.len(), 2, "elsewhere both ways are heard");
}

#[test]
fn offsets_that_lead_out_of_the_block_cost_frames_and_nothing_else() {
    let three = || filled(&vec![Packet::new(&ethernet(100)); 3]);
    let second = BLOCK_HEADER + (MAC + 100usize).next_multiple_of(8);
    /// What is written where, and what is left: frames and missing ones.
    type Case<'a> = (&'a str, usize, &'a [u8], (usize, u32));
    let cases: [Case<'_>; 14] = [
        ("no room for a header", FIRST, &u32::MAX.to_ne_bytes(), (0, 1)),
        ("first in the block's header", FIRST, &4_u32.to_ne_bytes(), (0, 1)),
        ("first behind the end", FIRST, &3000_u32.to_ne_bytes(), (0, 1)),
        ("longer than the block", LENGTH, &u32::MAX.to_ne_bytes(), (3, 0)),
        ("shorter than its frames", LENGTH, &(second as u32 + 80).to_ne_bytes(), (1, 2)),
        ("nothing in it", LENGTH, &0_u32.to_ne_bytes(), (0, 1)),
        ("more than there are", COUNT, &9_u32.to_ne_bytes(), (2, 7)),
        ("more than fit", COUNT, &u32::MAX.to_ne_bytes(), (2, 7)),
        ("next is itself", second, &0_u32.to_ne_bytes(), (1, 2)),
        ("next within the header", second, &67_u32.to_ne_bytes(), (1, 2)),
        ("next behind the end", second, &u32::MAX.to_ne_bytes(), (1, 2)),
        ("a frame in its header", second + offset_of!(tpacket3_hdr, tp_mac), &[0, 0], (2, 1)),
        ("a frame behind its end", second + offset_of!(tpacket3_hdr, tp_mac), &[255, 255], (2, 1)),
        ("a frame too long", second + offset_of!(tpacket3_hdr, tp_snaplen), &[255; 4], (2, 1)),
    ];
    for (what, at, value, (left, missing)) in cases {
        let mut block = three();
        put(&mut block, at, value);
        let (frames, lost) = read(&mut block, Header::Ethernet);
        assert_eq!((frames.len(), lost), (left, missing), "{what}");
    }
    for length in 0..BLOCK_HEADER + PACKET_HEADER {
        let mut block = three();
        let (frames, missing) = read(&mut block[..length], Header::Ethernet);
        assert_eq!((frames.len(), missing > 0), (0, true), "cut at {length}");
    }
}

#[test]
fn no_room_for_what_is_put_before_a_frame_costs_that_frame() {
    let mut packet = Packet::new(&ethernet(60));
    packet.status |= libc::TP_STATUS_VLAN_VALID;
    let mut block = filled(&[packet]);
    let mac = BLOCK_HEADER + offset_of!(tpacket3_hdr, tp_mac);
    put(&mut block, mac, &(PACKET_HEADER as u16 + 3).to_ne_bytes());
    assert_eq!(read(&mut block.clone(), Header::Ethernet), (vec![], 1));
    assert_eq!(read(&mut block, Header::Cooked), (vec![], 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 8 } else { 256 }, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever was sent comes, and nothing else.
    #[test]
    fn frames_of_any_length_come_whole(lengths in prop::collection::vec(0_usize..300, 0..9)) {
        let packets: Vec<_> = lengths.iter().map(|n| Packet::new(&ethernet(*n))).collect();
        let (frames, missing) = read(&mut filled(&packets), Header::Ethernet);
        prop_assert_eq!(frames, lengths.iter().map(|n| ethernet(*n)).collect::<Vec<_>>());
        prop_assert_eq!(missing, 0);
    }

    /// Any bytes are read without a panic, and give no more than they hold.
    #[test]
    fn any_bytes_are_a_block(mut bytes in prop::collection::vec(any::<u8>(), 0..2000), header in headers()) {
        let length = bytes.len();
        let (frames, missing) = read(&mut bytes, header);
        prop_assert!((frames.len() + missing as usize) * PACKET_HEADER <= length + 2 * PACKET_HEADER);
    }

    /// A good block with a few bytes changed anywhere.
    #[test]
    fn a_damaged_block_is_read_without_a_panic(
        damage in prop::collection::vec((0_usize..1000, any::<u8>()), 1..20),
        header in headers(),
    ) {
        let mut tagged = Packet::new(&ethernet(100));
        tagged.status |= libc::TP_STATUS_VLAN_VALID;
        let mut block = filled(&vec![tagged; 4]);
        for (at, byte) in damage {
            block[at] = byte;
        }
        let (frames, _) = read(&mut block, header);
        prop_assert!(frames.iter().all(|f| f.len() <= BLOCK_SIZE));
    }
}

fn headers() -> impl Strategy<Value = Header> {
    prop_oneof![Just(Header::Ethernet), Just(Header::Loopback), Just(Header::Cooked)]
}
