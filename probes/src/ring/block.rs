//! A block of the ring as the kernel filled it: offsets into bytes, each checked.
//!
//! Nothing here is mapped and nothing unsafe, so that Miri can run it. A block that does not hold what its
//! header says gives what can be had of it, and how many frames could not.
#![deny(unsafe_code)]

use std::mem::{offset_of, size_of};

use libc::{sockaddr_ll, tpacket_block_desc, tpacket_hdr_v1, tpacket_hdr_variant1, tpacket3_hdr};

use crate::{Frame, LinkType, Timestamp};

// Where the kernel writes what: `linux/if_packet.h`.
const BLOCK: usize = offset_of!(tpacket_block_desc, hdr);
/// Who owns the block.
pub(super) const STATUS: usize = BLOCK + offset_of!(tpacket_hdr_v1, block_status);
const COUNT: usize = BLOCK + offset_of!(tpacket_hdr_v1, num_pkts);
const FIRST: usize = BLOCK + offset_of!(tpacket_hdr_v1, offset_to_first_pkt);
const LENGTH: usize = BLOCK + offset_of!(tpacket_hdr_v1, blk_len);
const BLOCK_HEADER: usize = size_of::<tpacket_block_desc>();

const VARIANT: usize = offset_of!(tpacket3_hdr, hv1);
const ADDRESS: usize = size_of::<tpacket3_hdr>();
/// What stands before a packet's frame at least.
const PACKET_HEADER: usize = ADDRESS + size_of::<sockaddr_ll>();

/// Length of a "cooked" header: [`LinkType::LINUX_SLL`].
const SLL: usize = 16;
/// Ethernet's two addresses; type or tag follows.
const ADDRESSES: usize = 12;
const VLAN_TAG: usize = 4;
/// The tag's type where the kernel does not say it.
const DOT1Q: u16 = 0x8100;

/// How an interface's frames begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// With an Ethernet header.
    Ethernet,
    /// As Ethernet, and each frame comes twice: as it leaves and as it arrives.
    Loopback,
    /// Without: what is known of it goes into a "cooked" one, as libpcap does.
    Cooked,
}

impl Header {
    pub const fn link(self) -> LinkType {
        match self {
            Self::Ethernet | Self::Loopback => LinkType::ETHERNET,
            Self::Cooked => LinkType::LINUX_SLL,
        }
    }
}

/// The frames of a block, in the order of their arrival.
#[derive(Debug)]
pub(super) struct Frames<'a> {
    /// From the next packet's header on.
    rest: &'a mut [u8],
    left: u32,
    missing: u32,
    header: Header,
}

impl<'a> Frames<'a> {
    /// Reads a block that the kernel has handed over.
    pub fn of(block: &'a mut [u8], header: Header) -> Self {
        match bounds(block) {
            Some((first, end, left)) => {
                let rest = block.get_mut(first..end).unwrap_or_default();
                Self { rest, left, missing: 0, header }
            }
            None => Self { rest: &mut [], left: 0, missing: 1, header },
        }
    }

    /// Frames that the block should have held so far, but did not.
    pub const fn missing(&self) -> u32 {
        self.missing
    }

    /// The next packet with its header.
    fn packet(&mut self) -> Option<&'a mut [u8]> {
        // The kernel does not say where the last one ends.
        let size = if self.left == 1 { self.rest.len() } else { self.offset_of_next()? };
        if size < PACKET_HEADER {
            return None;
        }
        let (packet, rest) = std::mem::take(&mut self.rest).split_at_mut_checked(size)?;
        self.rest = rest;
        Some(packet)
    }

    fn offset_of_next(&self) -> Option<usize> {
        Some(u32_at(self.rest, offset_of!(tpacket3_hdr, tp_next_offset))? as usize)
    }
}

/// Where the first packet begins and the last one ends, and how many there are at most.
fn bounds(block: &[u8]) -> Option<(usize, usize, u32)> {
    let (first, end) = (u32_at(block, FIRST)? as usize, u32_at(block, LENGTH)? as usize);
    let count = u32_at(block, COUNT)?;
    if count == 0 {
        return Some((BLOCK_HEADER, BLOCK_HEADER, 0));
    }
    let room = end.min(block.len()).checked_sub(first).filter(|_| first >= BLOCK_HEADER)?;
    let fit = u32::try_from(room / PACKET_HEADER).unwrap_or(u32::MAX);
    // A count that cannot be says nothing of how many frames are missing.
    Some((first, first + room, count.min(fit.saturating_add(1))))
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        while self.left > 0 {
            let Some(packet) = self.packet() else {
                self.missing = self.missing.saturating_add(self.left);
                self.left = 0;
                break;
            };
            self.left -= 1;
            let Some(told) = Told::read(packet) else {
                self.missing = self.missing.saturating_add(1);
                continue;
            };
            if self.header == Header::Loopback && told.kind == libc::PACKET_OUTGOING {
                continue;
            }
            match told.frame(packet, self.header) {
                Some(frame) => return Some(frame),
                None => self.missing = self.missing.saturating_add(1),
            }
        }
        None
    }
}

/// What the kernel tells of a packet.
struct Told {
    time: Timestamp,
    start: usize,
    captured: usize,
    original_len: u32,
    /// Type and contents of a tag that was taken out of the frame.
    tag: Option<(u16, u16)>,
    /// To us, to all, from us.
    kind: u8,
}

impl Told {
    fn read(packet: &[u8]) -> Option<Self> {
        let word = |at| u32_at(packet, at);
        let seconds = i64::from(word(offset_of!(tpacket3_hdr, tp_sec))?);
        let nanos = i64::from(word(offset_of!(tpacket3_hdr, tp_nsec))?);
        let status = word(offset_of!(tpacket3_hdr, tp_status))?;
        let tci = word(VARIANT + offset_of!(tpacket_hdr_variant1, tp_vlan_tci))?;
        let tpid = u16_at(packet, VARIANT + offset_of!(tpacket_hdr_variant1, tp_vlan_tpid))?;
        let says = |what| status & what != 0;
        // The upper half of `tp_vlan_tci` is unused.
        let tag = says(libc::TP_STATUS_VLAN_VALID).then_some((
            if says(libc::TP_STATUS_VLAN_TPID_VALID) { tpid } else { DOT1Q },
            (tci & 0xffff) as u16,
        ));
        Some(Self {
            time: Timestamp::from_nanos(seconds * 1_000_000_000 + nanos),
            start: usize::from(u16_at(packet, offset_of!(tpacket3_hdr, tp_mac))?),
            captured: word(offset_of!(tpacket3_hdr, tp_snaplen))? as usize,
            original_len: word(offset_of!(tpacket3_hdr, tp_len))?,
            tag,
            kind: *packet.get(ADDRESS + offset_of!(sockaddr_ll, sll_pkttype))?,
        })
    }

    fn frame<'a>(&self, packet: &'a mut [u8], header: Header) -> Option<Frame<'a>> {
        let end = self.start.checked_add(self.captured).filter(|end| *end <= packet.len())?;
        let mut start = self.start;
        if start < PACKET_HEADER {
            return None;
        }
        let mut before_type = ADDRESSES;
        if header == Header::Cooked {
            start = cook(packet, start)?;
            before_type = SLL - 2;
        }
        if let Some(tag) = self.tag
            && end - start >= before_type
        {
            start = put_back(packet, start, before_type, tag)?;
        }
        let added = u32::try_from(self.start - start).ok()?;
        Some(Frame {
            time: self.time,
            link: header.link(),
            interface: 0,
            original_len: self.original_len.saturating_add(added),
            data: packet.get(start..end)?,
        })
    }
}

/// Writes the header that the frame has none of before it; where it begins then.
/// [LINKTYPE_LINUX_SLL](https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html)
fn cook(packet: &mut [u8], start: usize) -> Option<usize> {
    let begin = start.checked_sub(SLL).filter(|begin| *begin >= PACKET_HEADER)?;
    let address = |at: usize| ADDRESS + at;
    let kind = *packet.get(address(offset_of!(sockaddr_ll, sll_pkttype)))?;
    let length = *packet.get(address(offset_of!(sockaddr_ll, sll_halen)))?;
    let hardware = u16_at(packet, address(offset_of!(sockaddr_ll, sll_hatype)))?;
    let sender = bytes_at::<8>(packet, address(offset_of!(sockaddr_ll, sll_addr)))?;
    // In the network's order already.
    let protocol = bytes_at::<2>(packet, address(offset_of!(sockaddr_ll, sll_protocol)))?;
    let [type_high, type_low] = hardware.to_be_bytes();
    let [a, b, c, d, e, f, g, h] = sender;
    let [high, low] = protocol;
    let sll: [u8; SLL] = [0, kind, type_high, type_low, 0, length, a, b, c, d, e, f, g, h, high, low];
    packet.get_mut(begin..start)?.copy_from_slice(&sll);
    Some(begin)
}

/// Moves what is before the frame's type to make room for a tag; where the frame begins then.
fn put_back(packet: &mut [u8], start: usize, before_type: usize, (tpid, tci): (u16, u16)) -> Option<usize> {
    let begin = start.checked_sub(VLAN_TAG).filter(|begin| *begin >= PACKET_HEADER)?;
    packet.get(start..start + before_type)?;
    packet.copy_within(start..start + before_type, begin);
    let [a, b] = tpid.to_be_bytes();
    let [c, d] = tci.to_be_bytes();
    packet.get_mut(begin + before_type..start + before_type)?.copy_from_slice(&[a, b, c, d]);
    Some(begin)
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes_at(bytes, at).map(u32::from_ne_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes_at(bytes, at).map(u16::from_ne_bytes)
}

#[cfg(test)]
mod tests;
