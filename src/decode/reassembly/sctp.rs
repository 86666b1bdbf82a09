//! SIP over SCTP ([RFC 4168](https://www.rfc-editor.org/rfc/rfc4168)): one message in one user message.

use std::hash::Hash;

use super::flows::{Buffers, Flows};
use super::stream::deliver;
use super::{Outlet, Settings};
use crate::decode::sip;

/// What one direction of an association needs to remember.
#[derive(Debug)]
pub(super) struct Association {
    seen: SeenTsns,
    /// In order of message and position.
    fragments: Vec<Fragment>,
    fragment_octets: usize,
}

impl Buffers for Association {
    fn buffered(&self) -> usize {
        self.fragment_octets
    }
}

/// DATA or I-DATA ([RFC 9260 §3.3.1](https://www.rfc-editor.org/rfc/rfc9260#section-3.3.1),
/// [RFC 8260 §2.1](https://www.rfc-editor.org/rfc/rfc8260#section-2.1)).
#[derive(Debug, Clone, Copy)]
struct Data<'a> {
    tsn: u32,
    message: MessageId,
    /// Position among the fragments of the message: the TSN, or I-DATA's FSN.
    position: u32,
    begins: bool,
    ends: bool,
    payload: &'a [u8],
}

/// Fragments with the same one belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct MessageId {
    stream: u16,
    unordered: bool,
    /// Stream sequence number, or I-DATA's message identifier.
    number: u32,
}

#[derive(Debug)]
struct Fragment {
    message: MessageId,
    position: u32,
    begins: bool,
    ends: bool,
    payload: Vec<u8>,
}

/// Reads a packet; anything that is not SCTP has no chunks.
pub(super) fn handle_packet<K: Copy + Eq + Hash>(
    flows: &mut Flows<K, Association>,
    key: K,
    packet: &[u8],
    settings: &Settings,
    outlet: &mut Outlet<'_>,
) {
    for chunk in Chunks::of(packet) {
        match chunk {
            // A new association on the same ports begins its TSNs anew.
            Chunk::Init => drop(flows.remove(&key)),
            Chunk::Data(data) => {
                let mut known = false;
                flows.update(&key, |association| {
                    known = true;
                    association.accept(&data, settings, outlet);
                    true
                });
                if !known && data.begins && sip::looks_like_sip(data.payload) {
                    let mut association = Association::new(data.tsn);
                    association.accept(&data, settings, outlet);
                    outlet.counters.evicted += u64::from(flows.insert(key, association));
                }
            }
        }
    }
}

impl Association {
    const fn new(tsn: u32) -> Self {
        Self { seen: SeenTsns::new(tsn), fragments: Vec::new(), fragment_octets: 0 }
    }

    fn accept(&mut self, data: &Data<'_>, settings: &Settings, outlet: &mut Outlet<'_>) {
        if !self.seen.note(data.tsn) {
            return;
        }
        if data.begins && data.ends {
            deliver(data.payload, outlet);
            return;
        }
        let fragment = Fragment {
            message: data.message,
            position: data.position,
            begins: data.begins,
            ends: data.ends,
            payload: data.payload.to_vec(),
        };
        self.fragment_octets += fragment.size();
        self.fragments.push(fragment);
        if let Some(message) = self.take_complete(data) {
            deliver(&message, outlet);
        }
        while self.fragment_octets > settings.max_message_octets || self.fragments.len() > MAX_FRAGMENTS {
            let oldest = self.fragments.remove(0);
            self.fragment_octets -= oldest.size();
            outlet.counters.oversized += u64::from(oldest.begins);
            outlet.dropped(oldest.payload.len());
        }
    }

    /// The message that this fragment completes: from a beginning to an end without a gap around it.
    fn take_complete(&mut self, data: &Data<'_>) -> Option<Vec<u8>> {
        let find = |position: u32| {
            let same =
                |fragment: &&Fragment| fragment.message == data.message && fragment.position == position;
            self.fragments.iter().find(same)
        };
        let mut first = data.position;
        while !find(first)?.begins {
            first = first.wrapping_sub(1);
        }
        let mut message = Vec::new();
        let mut last = first;
        loop {
            let fragment = find(last)?;
            message.extend_from_slice(&fragment.payload);
            if fragment.ends {
                break;
            }
            last = last.wrapping_add(1);
        }
        let length = last.wrapping_sub(first);
        self.fragments.retain(|fragment| {
            fragment.message != data.message || fragment.position.wrapping_sub(first) > length
        });
        self.fragment_octets = self.fragments.iter().map(Fragment::size).sum();
        Some(message)
    }
}

/// Fragments kept of one direction: 64 KiB are about 46 in Ethernet frames.
const MAX_FRAGMENTS: usize = 128;

impl Fragment {
    /// Octets it takes up, its frame included.
    const fn size(&self) -> usize {
        size_of::<Self>() + self.payload.len()
    }
}

/// The last 128 TSNs: retransmissions come within a window.
#[derive(Debug)]
struct SeenTsns {
    highest: u32,
    /// Bit n: `highest − n` was seen.
    bits: u128,
}

impl SeenTsns {
    /// Nothing seen yet, `first` expected.
    const fn new(first: u32) -> Self {
        Self { highest: first.wrapping_sub(1), bits: 0 }
    }

    /// True when the TSN is new. One that is far behind is taken for another association's.
    fn note(&mut self, tsn: u32) -> bool {
        let ahead = tsn.wrapping_sub(self.highest).cast_signed();
        if ahead > 0 {
            self.bits = self.bits.checked_shl(ahead.unsigned_abs()).unwrap_or_default() | 1;
            self.highest = tsn;
            return true;
        }
        if ahead.unsigned_abs() >= MAX_TSNS_BEHIND {
            *self = Self { highest: tsn, bits: 1 };
            return true;
        }
        // Behind the window: too old to tell, so most likely a repetition.
        let Some(bit) = 1_u128.checked_shl(ahead.unsigned_abs()) else { return false };
        let new = self.bits & bit == 0;
        self.bits |= bit;
        new
    }
}

const MAX_TSNS_BEHIND: u32 = 1 << 16;

enum Chunk<'a> {
    Init,
    Data(Data<'a>),
}

/// The chunks of a packet that matter here; ends at the first that is cut short.
struct Chunks<'a>(&'a [u8]);

impl<'a> Chunks<'a> {
    /// Behind the common header of 12 octets (RFC 9260 §3.1).
    fn of(packet: &'a [u8]) -> Self {
        Self(packet.get(12..).unwrap_or_default())
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        while let [kind, flags, high, low, ..] = *self.0 {
            let length = usize::from(u16::from_be_bytes([high, low]));
            let value = self.0.get(4..length)?;
            self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
            let chunk = match kind {
                0 => parse_data(flags, value).map(Chunk::Data),
                1 => Some(Chunk::Init),
                64 => parse_i_data(flags, value).map(Chunk::Data),
                _ => None,
            };
            if chunk.is_some() {
                return chunk;
            }
        }
        None
    }
}

fn parse_data(flags: u8, value: &[u8]) -> Option<Data<'_>> {
    let (tsn, rest) = value.split_first_chunk::<4>()?;
    let (stream, rest) = rest.split_first_chunk::<2>()?;
    let (number, rest) = rest.split_first_chunk::<2>()?;
    let (_protocol, payload) = rest.split_first_chunk::<4>()?;
    let tsn = u32::from_be_bytes(*tsn);
    let number = u16::from_be_bytes(*number).into();
    Some(Data { position: tsn, ..Data::new(flags, tsn, u16::from_be_bytes(*stream), number, payload) })
}

fn parse_i_data(flags: u8, value: &[u8]) -> Option<Data<'_>> {
    let (tsn, rest) = value.split_first_chunk::<4>()?;
    let (stream, rest) = rest.split_first_chunk::<2>()?;
    let (_reserved, rest) = rest.split_first_chunk::<2>()?;
    let (number, rest) = rest.split_first_chunk::<4>()?;
    let (position, payload) = rest.split_first_chunk::<4>()?;
    let (tsn, number) = (u32::from_be_bytes(*tsn), u32::from_be_bytes(*number));
    let data = Data::new(flags, tsn, u16::from_be_bytes(*stream), number, payload);
    // In the first fragment the protocol identifier stands in place of the position, which is 0.
    Some(Data { position: if data.begins { 0 } else { u32::from_be_bytes(*position) }, ..data })
}

impl<'a> Data<'a> {
    const fn new(flags: u8, tsn: u32, stream: u16, number: u32, payload: &'a [u8]) -> Self {
        let message = MessageId { stream, unordered: flags & 4 != 0, number };
        Self { tsn, message, position: 0, begins: flags & 2 != 0, ends: flags & 1 != 0, payload }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_tsn_is_known_for_one_until_it_is_too_old() {
        let mut seen = SeenTsns::new(u32::MAX);
        assert!(seen.note(u32::MAX) && seen.note(2) && seen.note(0));
        assert!(!seen.note(u32::MAX) && !seen.note(2) && !seen.note(0));
        assert!(seen.note(1) && !seen.note(1));
        assert!(seen.note(500) && !seen.note(2));
        assert!(seen.note(500_000) && seen.note(7));
    }
}
