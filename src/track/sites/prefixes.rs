//! The longest prefix of an address, by one binary search.
//!
//! Prefixes nest or are apart, never overlap in part; so they cut the line of addresses into intervals that
//! each have one longest prefix. N prefixes make at most 2 N + 1 intervals.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::decode::Address;

/// A block of addresses of one family. Bits beyond its length are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subnet {
    v6: bool,
    first: u128,
    /// Of 32 or 128.
    length: u8,
}

impl Subnet {
    /// The block of `length` leading bits in which `address` is; longer than the address is the address
    /// itself. IPv4-mapped IPv6 addresses are IPv4.
    #[must_use]
    pub fn new(address: IpAddr, length: u8) -> Self {
        let (length, address) = match (address, address.to_canonical()) {
            (IpAddr::V6(_), canonical @ IpAddr::V4(_)) => (length.saturating_sub(96), canonical),
            (_, canonical) => (length, canonical),
        };
        let (v6, number, bits) = position(address);
        let length = length.min(bits);
        Self { v6, first: number & !host_mask(bits - length), length }
    }

    const fn last(&self) -> u128 {
        let bits = if self.v6 { 128 } else { 32 };
        self.first | host_mask(bits - self.length)
    }
}

impl std::fmt::Display for Subnet {
    /// `192.0.2.0/24`, `2001:db8::/32`; one address without its length.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (address, bits): (IpAddr, u8) = if self.v6 {
            (Ipv6Addr::from_bits(self.first).into(), 128)
        } else {
            (Ipv4Addr::from_bits(self.first as u32).into(), 32)
        };
        if self.length == bits { write!(f, "{address}") } else { write!(f, "{address}/{}", self.length) }
    }
}

/// `bits` ones at the end.
const fn host_mask(bits: u8) -> u128 {
    match u128::MAX.checked_shl(bits as u32) {
        Some(network) => !network,
        None => u128::MAX,
    }
}

/// Family, place on its line, and how many bits that has.
fn position(address: IpAddr) -> (bool, u128, u8) {
    match address {
        IpAddr::V4(ip) => (false, u128::from(ip.to_bits()), 32),
        IpAddr::V6(ip) => (true, ip.to_bits(), 128),
    }
}

/// Gathers prefixes with their owners.
#[derive(Debug, Default)]
pub(super) struct Builder(Vec<(Subnet, u16)>);

impl Builder {
    pub fn add(&mut self, subnet: Subnet, owner: u16) {
        self.0.push((subnet, owner));
    }

    pub fn build(mut self) -> Prefixes {
        // By family, then first address, then length: a prefix comes right before what it holds.
        self.0.sort_unstable();
        let mut owned: Vec<(Subnet, Option<u16>)> = Vec::new();
        for (subnet, owner) in self.0 {
            match owned.last_mut() {
                Some((same, whose)) if *same == subnet => *whose = whose.filter(|w| *w == owner),
                _ => owned.push((subnet, Some(owner))),
            }
        }
        let split = owned.partition_point(|(subnet, _)| !subnet.v6);
        let (v4, v6) = owned.split_at_checked(split).unwrap_or_default();
        Prefixes { v4: intervals(v4), v6: intervals(v6) }
    }
}

/// Outside of every prefix, or the owner of the longest; `Some(None)` is a prefix that several claim.
type Owner = Option<Option<u16>>;

/// Owners by longest prefix.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    v4: Vec<(u128, Owner)>,
    v6: Vec<(u128, Owner)>,
}

impl Prefixes {
    /// The longest prefix of `address`.
    pub fn find(&self, address: Address) -> Owner {
        let (v6, number, _) = position(address.ip());
        let intervals = if v6 { &self.v6 } else { &self.v4 };
        let after = intervals.partition_point(|(first, _)| *first <= number);
        intervals.get(after.checked_sub(1)?).and_then(|(_, owner)| *owner)
    }
}

/// Where each interval begins, and whose it is.
fn intervals(sorted: &[(Subnet, Option<u16>)]) -> Vec<(u128, Owner)> {
    let mut cut: Vec<(u128, Owner)> = Vec::with_capacity(sorted.len() * 2 + 1);
    // Prefixes that the sweep is inside of, the longest last.
    let mut open: Vec<(u128, Option<u16>)> = Vec::new();
    let mut begin = |first: u128, owner: Owner| match cut.last_mut() {
        Some((same, whose)) if *same == first => *whose = owner,
        _ => cut.push((first, owner)),
    };
    for (subnet, owner) in sorted {
        close(&mut open, Some(subnet.first), &mut begin);
        begin(subnet.first, Some(*owner));
        open.push((subnet.last(), *owner));
    }
    close(&mut open, None, &mut begin);
    cut
}

/// Ends the open prefixes that lie before `first`, all of them without one.
fn close(open: &mut Vec<(u128, Option<u16>)>, first: Option<u128>, begin: &mut impl FnMut(u128, Owner)) {
    while let Some((last, _)) = open.pop_if(|(last, _)| first.is_none_or(|f| *last < f)) {
        if let Some(next) = last.checked_add(1) {
            begin(next, open.last().map(|(_, owner)| *owner));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Few bits set, so that prefixes nest and meet.
    fn address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            (0..4_u32, 0..4_u32).prop_map(|(a, b)| IpAddr::V4((0x0a00_0000 | a << 20 | b).into())),
            (0..4_u128, 0..4_u128).prop_map(|(a, b)| IpAddr::V6((a << 126 | b).into())),
            any::<u32>().prop_map(|n| IpAddr::V4(n.into())),
            any::<u128>().prop_map(|n| IpAddr::V6(n.into())),
        ]
    }

    /// The slow way: the longest of all that hold the address.
    fn model(subnets: &[(Subnet, u16)], ip: IpAddr) -> Owner {
        let (v6, number, _) = position(ip.to_canonical());
        let holds = |s: &Subnet| s.v6 == v6 && s.first <= number && number <= s.last();
        let (longest, owner) = *subnets.iter().filter(|(s, _)| holds(s)).max_by_key(|(s, _)| s.length)?;
        let contested = subnets.iter().any(|(s, o)| *s == longest && *o != owner);
        Some((!contested).then_some(owner))
    }

    proptest! {
        #[test]
        fn finds_what_the_slow_way_finds(
            blocks in prop::collection::vec((address(), 0..=128_u8, 0..5_u16), 0..30),
            asked in prop::collection::vec(address(), 1..60),
        ) {
            let subnets: Vec<_> = blocks.iter().map(|(ip, length, o)| (Subnet::new(*ip, *length), *o)).collect();
            let mut builder = Builder::default();
            for (subnet, owner) in &subnets {
                builder.add(*subnet, *owner);
            }
            let prefixes = builder.build();
            prop_assert!(prefixes.v4.len() + prefixes.v6.len() <= 2 * subnets.len() + 2);
            for ip in asked.into_iter().chain(blocks.iter().map(|(ip, ..)| *ip)) {
                prop_assert_eq!(prefixes.find(ip.into()), model(&subnets, ip), "{}", ip);
            }
        }
    }

    #[test]
    fn the_families_are_apart() {
        let mut builder = Builder::default();
        builder.add(Subnet::new("::".parse().unwrap(), 0), 6);
        builder.add(Subnet::new("0.0.0.0".parse().unwrap(), 0), 4);
        builder.add(Subnet::new("::ffff:192.0.2.0".parse().unwrap(), 120), 5);
        let prefixes = builder.build();
        let find = |ip: &str| prefixes.find(ip.parse::<IpAddr>().unwrap().into());
        assert_eq!(find("198.51.100.1"), Some(Some(4)));
        assert_eq!(find("255.255.255.255"), Some(Some(4)));
        assert_eq!(find("192.0.2.9"), Some(Some(5)));
        assert_eq!(find("2001:db8::1"), Some(Some(6)));
    }
}
