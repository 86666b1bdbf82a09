//! IP fragments put together again: bounded in datagrams, bytes and time.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher};

use super::counters::{Malformed, Undecoded};
use super::flow::Address;
use super::ip::{FragmentPosition, IpPacket};

/// How long a datagram waits for its missing fragments, in nanoseconds. RFC 8200 §4.5 gives a receiver
/// 60 s, RFC 791 at least 15 s; 16-bit identifications of a busy sender come round in less than that.
const PATIENCE: i64 = 15_000_000_000;
/// No IP datagram is longer.
const MAX_DATAGRAM: usize = 65_535;
/// More pieces than any honest path makes of one datagram: 65,535 / 8 is the format's own limit, at 68
/// bytes (the least MTU of IPv4) a datagram has 1,366.
const MAX_PIECES: usize = 2_048;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Key {
    src: Address,
    dst: Address,
    protocol: u8,
    identification: u32,
}

#[derive(Debug)]
struct Partial {
    key: Key,
    first_seen: i64,
    serial: u64,
    /// Known once the last fragment came.
    total: Option<usize>,
    /// Byte ranges that have arrived: sorted, disjoint.
    have: Vec<(usize, usize)>,
    bytes: Vec<u8>,
}

/// Datagrams that wait for fragments.
#[derive(Debug)]
pub(super) struct Fragments {
    waiting: HashMap<Key, Partial, BuildHasherDefault<DefaultHasher>>,
    /// In order of arrival, for expiry; an entry whose serial is gone was completed.
    order: VecDeque<(Key, u64)>,
    next_serial: u64,
    held_bytes: usize,
    max_bytes: usize,
    /// The last completed datagram, lent to the caller; its memory is used again.
    complete: Vec<u8>,
}

impl Fragments {
    pub fn new(max_bytes: usize) -> Self {
        Self {
            waiting: HashMap::default(),
            order: VecDeque::new(),
            next_serial: 0,
            held_bytes: 0,
            max_bytes,
            complete: Vec::new(),
        }
    }

    /// Datagrams waiting now.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes one fragment; the whole datagram's payload if it was the last one missing.
    pub fn add(
        &mut self,
        time: i64,
        packet: &IpPacket<'_>,
        position: FragmentPosition,
        counters: &mut Undecoded,
    ) -> Option<&[u8]> {
        let end = position.offset + packet.payload.len();
        let cut = packet.payload_len > packet.payload.len();
        if cut || end > MAX_DATAGRAM || packet.payload.is_empty() {
            counters.count(Malformed::BadFragment);
            return None;
        }
        self.expire(time, counters);
        let key = Key {
            src: packet.src,
            dst: packet.dst,
            protocol: packet.protocol,
            identification: packet.identification,
        };
        let (partial, before) = match self.waiting.entry(key) {
            Entry::Occupied(e) => {
                let partial = e.into_mut();
                let before = partial.size();
                (partial, before)
            }
            Entry::Vacant(e) => {
                self.next_serial += 1;
                self.order.push_back((key, self.next_serial));
                (e.insert(Partial::new(key, time, self.next_serial)), 0)
            }
        };
        if !partial.insert(position, packet.payload) {
            counters.count(Malformed::BadFragment);
        }
        let whole = partial.is_whole();
        self.held_bytes = self.held_bytes + partial.size() - before;
        if whole {
            let done = self.waiting.remove(&key)?;
            self.held_bytes -= done.size();
            self.complete = done.bytes;
            self.drop_completed();
            return Some(&self.complete);
        }
        while self.held_bytes > self.max_bytes && self.drop_oldest() {
            counters.count(Malformed::FragmentLimit);
        }
        None
    }

    /// One that waits at the front must not keep those that were completed behind it.
    fn drop_completed(&mut self) {
        const SLACK: usize = 1024;
        if self.order.len() > 2 * self.waiting.len() + SLACK {
            let waiting = &self.waiting;
            self.order.retain(|(key, serial)| waiting.get(key).is_some_and(|p| p.serial == *serial));
        }
    }

    fn expire(&mut self, time: i64, counters: &mut Undecoded) {
        while let Some((key, serial)) = self.order.front() {
            match self.waiting.get(key) {
                Some(p) if p.serial == *serial => {
                    if time.saturating_sub(p.first_seen) <= PATIENCE {
                        return;
                    }
                    self.drop_oldest();
                    counters.count(Malformed::FragmentTimeout);
                }
                _ => drop(self.order.pop_front()),
            }
        }
    }

    /// Whether there was one to drop.
    fn drop_oldest(&mut self) -> bool {
        while let Some((key, serial)) = self.order.pop_front() {
            if self.waiting.get(&key).is_some_and(|p| p.serial == serial) {
                if let Some(p) = self.waiting.remove(&key) {
                    self.held_bytes -= p.size();
                }
                return true;
            }
        }
        false
    }
}

impl Partial {
    const fn new(key: Key, first_seen: i64, serial: u64) -> Self {
        Self { key, first_seen, serial, total: None, have: Vec::new(), bytes: Vec::new() }
    }

    /// What it costs, roughly and never less than it does.
    fn size(&self) -> usize {
        size_of::<Self>() + size_of_val(&self.key) + self.bytes.capacity() + 16 * self.have.capacity()
    }

    /// Whether the fragment fits the others. The first copy of each byte stays: what a later one
    /// overlaps is an attack or a retransmission (RFC 5722).
    fn insert(&mut self, position: FragmentPosition, payload: &[u8]) -> bool {
        let (start, end) = (position.offset, position.offset + payload.len());
        if !position.more {
            if self.total.is_some_and(|t| t != end) || self.have.last().is_some_and(|&(_, e)| e > end) {
                return false;
            }
            self.total = Some(end);
        } else if self.total.is_some_and(|t| end > t) || !payload.len().is_multiple_of(8) {
            return false;
        }
        if self.have.len() >= MAX_PIECES {
            return false;
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let mut at = self.have.partition_point(|&(_, e)| e <= start);
        let mut from = start;
        while from < end {
            let (to, next) = match self.have.get(at) {
                Some(&(s, e)) if s < end => (s.max(from), e),
                _ => (end, end),
            };
            if from < to {
                let target = self.bytes.get_mut(from..to);
                let source = payload.get(from - start..to - start);
                let (Some(target), Some(source)) = (target, source) else { return false };
                target.copy_from_slice(source);
                self.have.insert(at, (from, to));
                at += 1;
            }
            at += 1;
            from = next;
        }
        true
    }

    fn is_whole(&self) -> bool {
        let Some(total) = self.total else { return false };
        let mut at = 0;
        for &(start, end) in &self.have {
            if start != at {
                return false;
            }
            at = end;
        }
        at == total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(payload: &[u8]) -> IpPacket<'_> {
        IpPacket {
            src: Address::v4([192, 0, 2, 1]),
            dst: Address::v4([192, 0, 2, 2]),
            protocol: 17,
            dscp: 0,
            ttl: 64,
            identification: 9,
            payload,
            payload_len: payload.len(),
            fragment: None,
        }
    }

    fn add(fragments: &mut Fragments, time: i64, offset: usize, more: bool, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut counters = Undecoded::default();
        let position = FragmentPosition { offset, more };
        fragments.add(time, &packet(bytes), position, &mut counters).map(<[u8]>::to_vec)
    }

    #[test]
    fn fragments_in_any_order_give_the_datagram_when_the_last_one_arrives() {
        let data: Vec<u8> = (0..40).collect();
        let mut f = Fragments::new(1 << 20);
        assert_eq!(add(&mut f, 0, 32, false, &data[32..]), None);
        assert_eq!(add(&mut f, 1, 0, true, &data[..16]), None);
        assert_eq!(add(&mut f, 1, 0, true, &data[..16]), None);
        assert_eq!(add(&mut f, 2, 16, true, &data[16..32]), Some(data));
        assert_eq!((f.len(), f.held_bytes), (0, 0));
    }

    #[test]
    fn the_first_copy_of_a_byte_stays() {
        let mut f = Fragments::new(1 << 20);
        assert_eq!(add(&mut f, 0, 8, true, &[1; 8]), None);
        assert_eq!(add(&mut f, 0, 0, true, &[2; 24]), None);
        let whole = add(&mut f, 0, 24, false, &[3; 3]).unwrap();
        assert_eq!(whole, [[2; 8], [1; 8], [2; 8]].concat().into_iter().chain([3; 3]).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_completed_behind_one_that_waits_leaves_no_place() {
        let mut f = Fragments::new(1 << 20);
        let mut counters = Undecoded::default();
        for id in 0..10_000 {
            let mut p = packet(&[0; 8]);
            p.identification = id;
            let _ = f.add(0, &p, FragmentPosition { offset: 0, more: true }, &mut counters);
            if id > 0 {
                let last = FragmentPosition { offset: 8, more: false };
                assert!(f.add(0, &p, last, &mut counters).is_some());
            }
        }
        assert_eq!(f.len(), 1);
        assert!(f.order.len() < 2000, "{}", f.order.len());
    }

    #[test]
    fn what_waits_too_long_or_takes_too_much_is_let_go_and_counted() {
        let mut f = Fragments::new(20_000);
        let mut counters = Undecoded::default();
        let more = |offset| FragmentPosition { offset, more: true };
        for id in 0..100 {
            let mut p = packet(&[0; 1024]);
            p.identification = id;
            assert!(f.add(0, &p, more(0), &mut counters).is_none());
            assert!(f.held_bytes <= 20_000);
        }
        let mut p = packet(&[0; 8]);
        p.identification = 1000;
        assert!(f.add(PATIENCE + 1, &p, more(0), &mut counters).is_none());
        assert_eq!(f.len(), 1);
        let by = |m| counters.iter().find(|&(r, _)| r == m).map_or(0, |(_, n)| n);
        assert_eq!(by(Malformed::FragmentLimit) + by(Malformed::FragmentTimeout), 100);
    }
}
