//! What every probe hands over.

use std::fmt;

/// When a frame was seen: nanoseconds since 1970-01-01T00:00:00Z.
///
/// Range: 1677 to 2262. A capture file may hold any value, so arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest time there is.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest time there is.
    pub const MAX: Self = Self(i64::MAX);

    /// From nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Nanoseconds from `earlier` to `self`; negative where `earlier` is later.
    #[must_use]
    pub const fn nanos_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `self` moved by `nanos`.
    #[must_use]
    pub const fn plus_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

/// The layout of a frame's first bytes: a `LINKTYPE_` value of the
/// [tcpdump registry](https://www.tcpdump.org/linktypes.html).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a 4-byte address family in host byte order.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with or without HDLC-like framing.
    pub const PPP: Self = Self(9);
    /// Raw IP, as some BSDs number it in their files.
    pub const RAW_BSD: Self = Self(12);
    /// Raw IP, as OpenBSD numbers it in its files.
    pub const RAW_OPENBSD: Self = Self(14);
    /// Raw IP; the first nibble is the version.
    pub const RAW: Self = Self(101);
    /// IEEE 802.11 without radio information.
    pub const IEEE802_11: Self = Self(105);
    /// OpenBSD loopback: a 4-byte address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux "cooked" capture, version 1.
    pub const LINUX_SLL: Self = Self(113);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux netfilter log.
    pub const NFLOG: Self = Self(239);
    /// Linux "cooked" capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);
    /// A HEP packet as it is, nothing around it: of a listener or of a file of such packets. No number of the
    /// registry, which has none for it.
    pub const HEP: Self = Self(0xfe48);

    /// The registry's name without `LINKTYPE_`, "EN10MB" for Ethernet as tools print it.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NULL => "NULL",
            Self::ETHERNET => "EN10MB",
            Self::PPP => "PPP",
            Self::RAW_BSD | Self::RAW_OPENBSD | Self::RAW => "RAW",
            Self::IEEE802_11 => "IEEE802_11",
            Self::LOOP => "LOOP",
            Self::LINUX_SLL => "LINUX_SLL",
            Self::IPV4 => "IPV4",
            Self::IPV6 => "IPV6",
            Self::NFLOG => "NFLOG",
            Self::LINUX_SLL2 => "LINUX_SLL2",
            Self::HEP => "HEP",
            _ => return None,
        })
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "LINKTYPE_{}", self.0),
        }
    }
}

/// One captured link-layer unit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frame<'a> {
    /// When the probe saw it.
    pub time: Timestamp,
    /// How its first bytes read.
    pub link: LinkType,
    /// Which of the source's interfaces saw it, counted from 0.
    pub interface: u16,
    /// Length on the wire; more than `data.len()` where the snap length cut it.
    pub original_len: u32,
    /// What was captured of it.
    pub data: &'a [u8],
}
