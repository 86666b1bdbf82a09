//! What could not be decoded, counted by layer and reason.

/// Why a frame, or what it carried, was not decoded further.
///
/// Copied freely, holds no text: counted by the caller, never logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Malformed {
    /// A link type that is not read.
    UnknownLinkType,
    /// An EtherType (or PPP protocol) that is neither IP nor a tunnel that is read.
    UnknownEtherType,
    /// The frame ends inside a link-layer or tunnel header.
    TruncatedLink,
    /// A link-layer or tunnel header that contradicts itself.
    BadTunnel,
    /// The frame ends inside an IP header.
    TruncatedIp,
    /// An IP header that contradicts itself.
    BadIp,
    /// The frame ends inside a UDP, TCP or SCTP header.
    TruncatedTransport,
    /// Layers nested deeper than the bound.
    TooDeep,
    /// A fragment that contradicts the others of its datagram, or runs past 64 KiB.
    BadFragment,
    /// A fragmented datagram given up: its other fragments did not come in time.
    FragmentTimeout,
    /// A fragmented datagram given up: the bound on memory was reached.
    FragmentLimit,
    /// An 802.11 frame that is encrypted.
    Encrypted,
    /// An RTCP packet that does not hold what its header says.
    BadRtcp,
    /// A SIP message with a good start line and something unreadable below it.
    BadSip,
    /// A HEP packet that does not hold what its header says.
    BadHep,
}

impl Malformed {
    const ALL: [Self; 15] = [
        Self::UnknownLinkType,
        Self::UnknownEtherType,
        Self::TruncatedLink,
        Self::BadTunnel,
        Self::TruncatedIp,
        Self::BadIp,
        Self::TruncatedTransport,
        Self::TooDeep,
        Self::BadFragment,
        Self::FragmentTimeout,
        Self::FragmentLimit,
        Self::Encrypted,
        Self::BadRtcp,
        Self::BadSip,
        Self::BadHep,
    ];

    /// The layer, as metrics label it.
    #[must_use]
    pub const fn layer(self) -> &'static str {
        match self {
            Self::UnknownLinkType
            | Self::UnknownEtherType
            | Self::TruncatedLink
            | Self::BadTunnel
            | Self::Encrypted
            | Self::TooDeep => "link",
            Self::TruncatedIp
            | Self::BadIp
            | Self::BadFragment
            | Self::FragmentTimeout
            | Self::FragmentLimit => "ip",
            Self::TruncatedTransport => "transport",
            Self::BadRtcp => "rtcp",
            Self::BadSip => "sip",
            Self::BadHep => "hep",
        }
    }

    /// The reason, as reports and metrics name it.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::UnknownLinkType => "unknown-link-type",
            Self::UnknownEtherType => "unknown-ethertype",
            Self::TruncatedLink => "truncated-link",
            Self::BadTunnel => "bad-tunnel",
            Self::TruncatedIp => "truncated-ip",
            Self::BadIp => "bad-ip",
            Self::TruncatedTransport => "truncated-transport",
            Self::TooDeep => "too-deep",
            Self::BadFragment => "bad-fragment",
            Self::FragmentTimeout => "fragment-timeout",
            Self::FragmentLimit => "fragment-limit",
            Self::Encrypted => "encrypted",
            Self::BadRtcp => "bad-rtcp",
            Self::BadSip => "bad-sip",
            Self::BadHep => "bad-hep",
        }
    }
}

/// Counts by [`Malformed`]. Never shrinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Undecoded {
    by_reason: [u64; Malformed::ALL.len()],
    total: u64,
}

impl Undecoded {
    pub(crate) fn count(&mut self, what: Malformed) {
        self.add_count(what, 1);
    }

    fn add_count(&mut self, what: Malformed, count: u64) {
        if let Some(n) = self.by_reason.get_mut(what as usize) {
            *n += count;
            self.total += count;
        }
    }

    /// All together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Each reason that occurred, with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Malformed, u64)> + '_ {
        Malformed::ALL.into_iter().zip(self.by_reason).filter(|&(_, n)| n > 0)
    }

    /// What was counted here since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut out = Self::default();
        for ((what, n), before) in Malformed::ALL.into_iter().zip(self.by_reason).zip(earlier.by_reason) {
            out.add_count(what, n.saturating_sub(before));
        }
        out
    }

    /// Whether nothing was counted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &Self) {
        for (what, count) in other.iter() {
            self.add_count(what, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_place_and_name() {
        let mut names: Vec<_> = Malformed::ALL.iter().map(|m| m.reason()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Malformed::ALL.len());
        for (i, m) in Malformed::ALL.into_iter().enumerate() {
            assert_eq!(m as usize, i);
        }
    }
}
