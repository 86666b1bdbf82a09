//! The pcapng format: blocks in sections, each section with its own byte order and interfaces.
//!
//! [draft-ietf-opsawg-pcapng](https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html).
//! Read are section headers, interface descriptions and the three kinds of packet block; all else
//! is skipped. A packet of an interface that was never described is damage: without its link type
//! and its clock it says nothing, and a writer that lost one block has lost others.

mod clock;

use self::clock::Clock;
use super::record::{ByteOrder, Fault, Interfaces, MAX_RECORD, Records, Step};
use crate::{Frame, LinkType, Timestamp};

/// The block type of a section header, the same in either byte order.
pub(super) const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Type and length before the body, the length again behind it.
const BLOCK_OVERHEAD: u32 = 12;

/// Interfaces a section may have. The format has no limit, memory has.
const MAX_INTERFACES: usize = 65_536;

/// The blocks of a pcapng file.
#[derive(Debug)]
pub(super) struct Pcapng {
    /// Of the section at hand.
    order: ByteOrder,
    /// Of the section at hand.
    interfaces: Vec<Interface>,
    /// For simple packet blocks, which carry no time: that of the packet before, in any section.
    last_time: Timestamp,
}

#[derive(Debug)]
struct Interface {
    link: LinkType,
    number: u16,
    /// 0 means no limit.
    snap_length: u32,
    clock: Clock,
}

/// A packet block, whichever kind.
struct Packet<'b> {
    interface: u32,
    /// None where the block has none.
    ticks: Option<u64>,
    /// None where the block leaves it to the snap length.
    captured: Option<u32>,
    original: u32,
    /// The data, its padding and the options.
    rest: &'b [u8],
}

impl Pcapng {
    /// Ready for the first section header.
    pub fn new() -> Self {
        Self { order: ByteOrder::Little, interfaces: Vec::new(), last_time: Timestamp::default() }
    }

    /// Starts the section whose header is at the start of `bytes`.
    #[cold]
    fn section<'b>(&mut self, bytes: &'b [u8]) -> Step<'b> {
        let Some(magic) = field::<4>(bytes, 8) else { return Step::More(BLOCK_OVERHEAD as usize) };
        let Some(order) = [ByteOrder::Little, ByteOrder::Big]
            .into_iter()
            .find(|order| order.u32(magic) == BYTE_ORDER_MAGIC)
        else {
            return Step::Damage(Fault::SectionMagic(u32::from_be_bytes(magic)));
        };
        let (length, body) = match block(order, bytes) {
            Ok(block) => block,
            Err(step) => return step,
        };
        match field(body, 4).map(|version| order.u16(version)) {
            Some(1) => {}
            Some(version) => return Step::Damage(Fault::SectionVersion(version)),
            None => {
                let kind = u32::from_be_bytes(SECTION);
                return Step::Damage(Fault::BlockTooShort { kind, length });
            }
        }
        self.order = order;
        self.interfaces.clear();
        Step::Skip(length)
    }

    /// Takes note of an interface; None when its block is too short.
    #[cold]
    fn describe(&mut self, body: &[u8], interfaces: &mut Interfaces<'_>) -> Option<()> {
        let link = LinkType(self.order.u16(field(body, 0)?));
        self.interfaces.push(Interface {
            link,
            number: interfaces.declare(link),
            snap_length: self.order.u32(field(body, 4)?),
            clock: Clock::of_interface(self.order, body.get(8..)?),
        });
        Some(())
    }

    #[inline]
    fn enhanced<'b>(&self, body: &'b [u8]) -> Option<Packet<'b>> {
        let (header, rest) = body.split_first_chunk::<20>()?;
        Some(Packet {
            interface: self.order.u32(field(header, 0)?),
            ticks: Some(self.ticks(field(header, 4)?, field(header, 8)?)),
            captured: Some(self.order.u32(field(header, 12)?)),
            original: self.order.u32(field(header, 16)?),
            rest,
        })
    }

    fn obsolete<'b>(&self, body: &'b [u8]) -> Option<Packet<'b>> {
        // Bytes 2 and 3 count drops; the rest is as in an enhanced packet block.
        let interface = u32::from(self.order.u16(field(body, 0)?));
        Some(Packet { interface, ..self.enhanced(body)? })
    }

    fn simple<'b>(&self, body: &'b [u8]) -> Option<Packet<'b>> {
        let (original, rest) = body.split_first_chunk::<4>()?;
        let original = self.order.u32(*original);
        Some(Packet { interface: 0, ticks: None, captured: None, original, rest })
    }

    /// A time as it is written: the upper half first, in either byte order.
    #[inline]
    fn ticks(&self, upper: [u8; 4], lower: [u8; 4]) -> u64 {
        u64::from(self.order.u32(upper)) << 32 | u64::from(self.order.u32(lower))
    }

    #[inline]
    fn frame<'b>(&mut self, packet: &Packet<'b>) -> Result<Frame<'b>, Fault> {
        let Some(interface) = self.interfaces.get(packet.interface as usize) else {
            let (interface, known) = (packet.interface, self.interfaces.len());
            return Err(Fault::UnknownInterface { interface, known });
        };
        let captured = packet.captured.unwrap_or(match interface.snap_length {
            0 => packet.original,
            limit => packet.original.min(limit),
        });
        let Some(data) = packet.rest.get(..captured as usize) else {
            return Err(Fault::PacketOutgrowsBlock { captured, room: packet.rest.len() });
        };
        if let Some(ticks) = packet.ticks {
            self.last_time = interface.clock.time(ticks);
        }
        Ok(Frame {
            time: self.last_time,
            link: interface.link,
            interface: interface.number,
            original_len: packet.original.max(captured),
            data,
        })
    }
}

impl Records for Pcapng {
    #[inline]
    fn next<'b>(&mut self, bytes: &'b [u8], interfaces: &mut Interfaces<'_>) -> Step<'b> {
        let Some(kind) = field(bytes, 0) else { return Step::More(BLOCK_OVERHEAD as usize) };
        if kind == SECTION {
            return self.section(bytes);
        }
        let kind = self.order.u32(kind);
        let (length, body) = match block(self.order, bytes) {
            Ok(block) => block,
            Err(step) => return step,
        };
        let packet = match kind {
            ENHANCED_PACKET => self.enhanced(body),
            SIMPLE_PACKET => self.simple(body),
            OBSOLETE_PACKET => self.obsolete(body),
            INTERFACE if self.interfaces.len() >= MAX_INTERFACES => {
                return Step::Damage(Fault::TooManyInterfaces(MAX_INTERFACES));
            }
            INTERFACE if self.describe(body, interfaces).is_some() => return Step::Skip(length),
            INTERFACE => None,
            _ => return Step::Skip(length),
        };
        let Some(packet) = packet else { return Step::Damage(Fault::BlockTooShort { kind, length }) };
        match self.frame(&packet) {
            Ok(frame) => Step::Frame(frame, length),
            Err(fault) => Step::Damage(fault),
        }
    }
}

/// The length and the body of the block at the start of `bytes`, else why there is none.
#[inline]
fn block(order: ByteOrder, bytes: &[u8]) -> Result<(usize, &[u8]), Step<'_>> {
    let Some(&[_, _, _, _, a, b, c, d, _, _, _, _]) = bytes.first_chunk() else {
        return Err(Step::More(BLOCK_OVERHEAD as usize));
    };
    let claimed = order.u32([a, b, c, d]);
    if !claimed.is_multiple_of(4) || !(BLOCK_OVERHEAD..=MAX_RECORD).contains(&claimed) {
        return Err(Step::Damage(Fault::BlockLength(claimed)));
    }
    let length = claimed as usize;
    let Some((body, trailer)) = bytes.get(8..length).and_then(|rest| rest.split_last_chunk::<4>()) else {
        return Err(Step::More(length));
    };
    let trailer = order.u32(*trailer);
    if trailer != claimed {
        return Err(Step::Damage(Fault::BlockTrailer(claimed, trailer)));
    }
    Ok((length, body))
}

/// The `N` bytes at `at`.
#[inline]
fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests;
