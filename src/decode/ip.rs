//! IPv4 and IPv6 headers, extension headers, fragments.

use pnet_packet::ipv4::Ipv4Packet;
use pnet_packet::ipv6::Ipv6Packet;

use super::counters::Malformed;
use super::flow::Address;
use super::reader::{be16, be32};

/// IP protocol numbers ([IANA](https://www.iana.org/assignments/protocol-numbers)).
pub(super) mod protocol {
    pub const HOP_BY_HOP: u8 = 0;
    pub const IPV4: u8 = 4;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const IPV6: u8 = 41;
    pub const ROUTING: u8 = 43;
    pub const FRAGMENT: u8 = 44;
    pub const GRE: u8 = 47;
    pub const AUTHENTICATION: u8 = 51;
    pub const DESTINATION_OPTIONS: u8 = 60;
    pub const SCTP: u8 = 132;
    pub const MOBILITY: u8 = 135;
    pub const MPLS: u8 = 137;
}

/// One IP packet's header and what it carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct IpPacket<'a> {
    pub src: Address,
    pub dst: Address,
    pub protocol: u8,
    pub dscp: u8,
    pub ttl: u8,
    /// IPv4 identification; 0 for IPv6 without a fragment header.
    pub identification: u32,
    pub payload: &'a [u8],
    /// Length of the payload on the wire: more than `payload.len()` where the snap length cut it.
    pub payload_len: usize,
    pub fragment: Option<FragmentPosition>,
}

/// Where a fragment stands in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FragmentPosition {
    /// Bytes from the datagram's start.
    pub offset: usize,
    /// Whether others follow.
    pub more: bool,
}

pub(super) fn parse(packet: &[u8]) -> Result<IpPacket<'_>, Malformed> {
    match packet.first().ok_or(Malformed::TruncatedIp)? >> 4 {
        4 => v4(packet),
        6 => v6(packet),
        _ => Err(Malformed::BadIp),
    }
}

#[inline(always)]
pub(super) fn v4(packet: &[u8]) -> Result<IpPacket<'_>, Malformed> {
    let ip = Ipv4Packet::new(packet).ok_or(Malformed::TruncatedIp)?;
    let header_len = 4 * usize::from(ip.get_header_length());
    // A sender with segmentation offload leaves the length 0 for the NIC to fill in.
    let total = match usize::from(ip.get_total_length()) {
        0 => packet.len(),
        n => n,
    };
    if header_len < 20 || total < header_len {
        return Err(Malformed::BadIp);
    }
    let payload = packet.get(header_len..total.min(packet.len())).ok_or(Malformed::TruncatedIp)?;
    let (offset, more) = (8 * usize::from(ip.get_fragment_offset()), ip.get_flags() & 1 != 0);
    Ok(IpPacket {
        src: ip.get_source().into(),
        dst: ip.get_destination().into(),
        protocol: ip.get_next_level_protocol().0,
        dscp: ip.get_dscp(),
        ttl: ip.get_ttl(),
        identification: u32::from(ip.get_identification()),
        payload,
        payload_len: total - header_len,
        fragment: (offset != 0 || more).then_some(FragmentPosition { offset, more }),
    })
}

fn v6(packet: &[u8]) -> Result<IpPacket<'_>, Malformed> {
    let ip = Ipv6Packet::new(packet).ok_or(Malformed::TruncatedIp)?;
    let captured = packet.len() - 40;
    // 0: a jumbogram, or segmentation offload.
    let payload_len = match usize::from(ip.get_payload_length()) {
        0 => captured,
        n => n,
    };
    let payload = packet.get(40..40 + payload_len.min(captured)).ok_or(Malformed::TruncatedIp)?;
    let mut out = IpPacket {
        src: Address::v6(ip.get_source().octets()),
        dst: Address::v6(ip.get_destination().octets()),
        protocol: ip.get_next_header().0,
        dscp: ip.get_traffic_class() >> 2,
        ttl: ip.get_hop_limit(),
        identification: 0,
        payload,
        payload_len,
        fragment: None,
    };
    skip_extension_headers(&mut out)?;
    Ok(out)
}

/// Walks [RFC 8200 §4](https://www.rfc-editor.org/rfc/rfc8200#section-4) extension headers up to the
/// payload. What follows the fragment header of a later fragment is data: nothing there is walked.
pub(super) fn skip_extension_headers(packet: &mut IpPacket<'_>) -> Result<(), Malformed> {
    use protocol as p;
    // RFC 8200 §4.1 orders at most eight; a longer chain is a trap.
    for _ in 0..16 {
        let len = match packet.protocol {
            p::HOP_BY_HOP | p::ROUTING | p::DESTINATION_OPTIONS | p::MOBILITY => {
                8 + 8 * usize::from(*packet.payload.get(1).ok_or(Malformed::TruncatedIp)?)
            }
            p::AUTHENTICATION => 8 + 4 * usize::from(*packet.payload.get(1).ok_or(Malformed::TruncatedIp)?),
            p::FRAGMENT => 8,
            _ => return Ok(()),
        };
        let next = *packet.payload.first().ok_or(Malformed::TruncatedIp)?;
        if packet.protocol == p::FRAGMENT {
            let field = be16(packet.payload, 2).ok_or(Malformed::TruncatedIp)?;
            packet.identification = be32(packet.payload, 4).ok_or(Malformed::TruncatedIp)?;
            let position = FragmentPosition { offset: usize::from(field & 0xfff8), more: field & 1 != 0 };
            // RFC 6946: an "atomic" fragment is a whole datagram.
            packet.fragment = (position.offset != 0 || position.more).then_some(position);
        }
        packet.payload = packet.payload.get(len..).ok_or(Malformed::TruncatedIp)?;
        packet.payload_len = packet.payload_len.saturating_sub(len);
        packet.protocol = next;
        if packet.fragment.is_some() {
            return Ok(());
        }
    }
    Err(Malformed::TooDeep)
}
