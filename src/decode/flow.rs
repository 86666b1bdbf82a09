//! Addresses, flows, and the keyed hash that finds them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IP address of either family in 16 bytes.
///
/// IPv4 is held IPv4-mapped (`::ffff:a.b.c.d`): such addresses may not appear on the wire
/// ([RFC 4038 §4.2](https://www.rfc-editor.org/rfc/rfc4038#section-4.2)), so the two families cannot be
/// taken for one another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Address([u8; 16]);

impl Address {
    /// From the four bytes of an IPv4 header.
    #[must_use]
    pub fn v4(bytes: [u8; 4]) -> Self {
        let [a, b, c, d] = bytes;
        Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d])
    }

    /// From the sixteen bytes of an IPv6 header.
    #[must_use]
    pub const fn v6(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// As the standard library has it.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        Ipv6Addr::from(self.0).to_canonical()
    }

    /// `0.0.0.0` or `::`: nobody.
    #[must_use]
    pub fn is_unspecified(self) -> bool {
        self.ip().is_unspecified()
    }

    fn halves(self) -> (u64, u64) {
        let all = u128::from_ne_bytes(self.0);
        ((all >> 64) as u64, all as u64)
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::v4(ip.octets()),
            IpAddr::V6(ip) => Self::v6(ip.octets()),
        }
    }
}

impl From<Ipv4Addr> for Address {
    fn from(ip: Ipv4Addr) -> Self {
        Self::v4(ip.octets())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Endpoint {
    /// The address.
    pub address: Address,
    /// The UDP, TCP or SCTP port.
    pub port: u16,
}

impl Endpoint {
    /// An endpoint from its two parts.
    #[must_use]
    pub const fn new(address: Address, port: u16) -> Self {
        Self { address, port }
    }
}

impl fmt::Display for Endpoint {
    /// `192.0.2.1:5060`, `[2001:db8::1]:5060` (RFC 5952).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address.ip() {
            IpAddr::V4(ip) => write!(f, "{ip}:{}", self.port),
            IpAddr::V6(ip) => write!(f, "[{ip}]:{}", self.port),
        }
    }
}

/// One direction of one transport 5-tuple, its protocol understood from where it stands
/// (RFC 7011 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Flow {
    /// Who sent.
    pub src: Endpoint,
    /// To whom.
    pub dst: Endpoint,
}

impl Flow {
    /// The other direction.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self { src: self.dst, dst: self.src }
    }
}

/// The key of our hash of flows.
///
/// Keyed, so that who sends packets cannot aim them at one bucket. The same key gives the same hash on
/// every machine.
#[derive(Clone, Copy, Debug)]
pub struct HashKey([u64; 4]);

impl HashKey {
    /// A fixed, public key: for reading files, where order must not depend on the machine.
    pub const PUBLIC: Self = Self::from_seed(0x636c_6561_726c_696e);

    /// A key from one secret number.
    #[must_use]
    pub const fn from_seed(seed: u64) -> Self {
        let a = splitmix(seed);
        let b = splitmix(a);
        let c = splitmix(b);
        Self([a, b, c, splitmix(c)])
    }

    /// Hash that names the worker which owns a flow: the same for both directions, and for RTCP on the port
    /// above RTP's.
    #[must_use]
    pub fn owner(&self, flow: &Flow) -> u64 {
        let [k0, k1, k2, k3] = self.0;
        let end = |e: &Endpoint| {
            let (high, low) = e.address.halves();
            fold(low ^ k0 ^ u64::from(e.port & !1), high ^ k1)
        };
        fold(end(&flow.src).wrapping_add(end(&flow.dst)) ^ k2, k3)
    }

    /// Hash of a flow and a number beside it (an SSRC, or 0); differs by direction.
    #[must_use]
    #[inline]
    pub fn hash(&self, flow: &Flow, beside: u32) -> u64 {
        let [k0, k1, k2, k3] = self.0;
        let (s1, s0) = flow.src.address.halves();
        let (d1, d0) = flow.dst.address.halves();
        let ports = u64::from(flow.src.port) << 48 | u64::from(flow.dst.port) << 32 | u64::from(beside);
        let src = fold(s0 ^ k0, s1 ^ k1);
        let dst = fold(d0 ^ k2, d1 ^ k3);
        fold(src ^ ports ^ k2, dst.rotate_left(23) ^ k0)
    }
}

/// High and low half of the product, xor-ed: one multiplication that mixes all bits.
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128) * (b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

/// The splitmix64 step: spreads a seed over 64 bits.
const fn splitmix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(a: &str, b: &str) -> Flow {
        let end = |s: &str| {
            let s: std::net::SocketAddr = s.parse().unwrap();
            Endpoint::new(s.ip().into(), s.port())
        };
        Flow { src: end(a), dst: end(b) }
    }

    #[test]
    fn endpoints_print_as_rfc_5952_says() {
        let f = flow("192.0.2.1:5060", "[2001:0db8:0:0:1:0:0:1]:9");
        assert_eq!(f.src.to_string(), "192.0.2.1:5060");
        assert_eq!(f.dst.to_string(), "[2001:db8::1:0:0:1]:9");
    }

    #[test]
    fn hash_tells_direction_number_and_key() {
        let f = flow("192.0.2.1:4000", "192.0.2.2:4002");
        let h = HashKey::PUBLIC.hash(&f, 7);
        assert_eq!(h, HashKey::PUBLIC.hash(&f, 7));
        assert_ne!(h, HashKey::PUBLIC.hash(&f.reversed(), 7));
        assert_ne!(h, HashKey::PUBLIC.hash(&f, 8));
        assert_ne!(h, HashKey::from_seed(1).hash(&f, 7));
    }

    #[test]
    fn both_directions_and_their_rtcp_have_one_owner() {
        let f = flow("192.0.2.1:4000", "192.0.2.2:5000");
        let rtcp = flow("192.0.2.1:4001", "192.0.2.2:5001");
        let owner = HashKey::PUBLIC.owner(&f);
        assert_eq!(owner, HashKey::PUBLIC.owner(&f.reversed()));
        assert_eq!(owner, HashKey::PUBLIC.owner(&rtcp));
        assert_ne!(owner, HashKey::PUBLIC.owner(&flow("192.0.2.1:4002", "192.0.2.2:5000")));
    }

    #[test]
    fn hash_spreads_neighbouring_flows_evenly() {
        let mut buckets = [0_u32; 64];
        for port in 0..64_000_u32 {
            let mut f = flow("10.0.0.1:1", "10.0.0.2:2");
            f.src.port = (port % 60_000) as u16;
            f.dst.address = Address::v4((0x0a00_0000 + port / 7).to_be_bytes());
            buckets[(HashKey::PUBLIC.hash(&f, port) >> 58) as usize] += 1;
        }
        for n in buckets {
            assert!((800..1200).contains(&n), "{n} of 1000");
        }
    }
}
