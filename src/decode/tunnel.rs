//! Tunnels: from an outer header to the packet or frame inside.

use pnet_packet::gre::GrePacket;
use pnet_packet::vxlan::VxlanPacket;

use super::counters::Malformed;
use super::decoder::{Layer, Next};
use super::link::{self, ethertype, mpls_payload};
use super::reader::be16;

/// MPLS says nothing of what it carries: the first nibble tells IP from a pseudowire
/// ([RFC 4928 §3](https://www.rfc-editor.org/rfc/rfc4928#section-3)).
pub(super) fn mpls(rest: &[u8]) -> Next<'_> {
    let inner = mpls_payload(rest).ok_or(Malformed::TruncatedLink)?;
    match inner.first().ok_or(Malformed::TruncatedLink)? >> 4 {
        4 | 6 => Ok(Layer::Ip(inner)),
        // A control word (RFC 4385 §3) stands before the frame.
        0 => Ok(Layer::Ethernet(inner.get(4..).ok_or(Malformed::TruncatedLink)?)),
        _ => Ok(Layer::Ethernet(inner)),
    }
}

/// GRE ([RFC 2784](https://www.rfc-editor.org/rfc/rfc2784), [RFC 2890](https://www.rfc-editor.org/rfc/rfc2890),
/// version 1: [RFC 2637 §4.1](https://www.rfc-editor.org/rfc/rfc2637#section-4.1)).
///
/// The length is worked out here: pnet's own panics where the routing bit is set.
pub(super) fn gre(rest: &[u8]) -> Next<'_> {
    let gre = GrePacket::new(rest).ok_or(Malformed::TruncatedLink)?;
    if gre.get_routing_present() != 0 {
        return Err(Malformed::BadTunnel);
    }
    let sequenced = gre.get_sequence_present() != 0;
    let acknowledged = gre.get_version() == 1 && rest.get(1).is_some_and(|flags| flags & 0x80 != 0);
    let words = usize::from(gre.get_checksum_present())
        + usize::from(gre.get_key_present())
        + usize::from(sequenced)
        + usize::from(acknowledged);
    let inner = rest.get(4 + 4 * words..).ok_or(Malformed::TruncatedLink)?;
    match gre.get_protocol_type() {
        kind @ (ethertype::ERSPAN | ethertype::ERSPAN_III) => link::erspan(kind, sequenced, inner),
        kind => Ok(Layer::EtherType(kind, inner)),
    }
}

/// Whether [`over_udp`] would look further between these ports.
#[inline]
pub(super) const fn may_be_over_udp(src_port: u16, dst_port: u16) -> bool {
    matches!(dst_port, 4789 | 8472 | 6081 | 2152 | 37008 | 1701) || matches!(src_port, 2152 | 1701)
}

/// The tunnel that a UDP datagram is, if it is one: by port, and by a header that fits.
pub(super) fn over_udp(src_port: u16, dst_port: u16, datagram: &[u8]) -> Option<Layer<'_>> {
    match (src_port, dst_port) {
        (_, 4789 | 8472) => vxlan(datagram),
        (_, 6081) => geneve(datagram),
        (_, 2152) | (2152, _) => gtp_u(datagram),
        (_, 37008) => link::tzsp(datagram),
        (_, 1701) | (1701, _) => link::l2tp(datagram),
        _ => None,
    }
}

/// VXLAN ([RFC 7348 §5](https://www.rfc-editor.org/rfc/rfc7348#section-5)): the I flag, the rest 0.
fn vxlan(datagram: &[u8]) -> Option<Layer<'_>> {
    let header = VxlanPacket::new(datagram)?;
    (header.get_flags() == 0x08).then_some(Layer::Ethernet(datagram.get(8..)?))
}

/// Geneve ([RFC 8926 §3.4](https://www.rfc-editor.org/rfc/rfc8926#section-3.4)).
fn geneve(datagram: &[u8]) -> Option<Layer<'_>> {
    let first = *datagram.first()?;
    if first >> 6 != 0 {
        return None;
    }
    let options = 4 * usize::from(first & 0x3f);
    Some(Layer::EtherType(be16(datagram, 2)?, datagram.get(8 + options..)?))
}

/// GTP-U version 1 (3GPP TS 29.281 §5.1): only G-PDUs (255) carry a user's packet.
fn gtp_u(datagram: &[u8]) -> Option<Layer<'_>> {
    let (&first, &kind) = (datagram.first()?, datagram.get(1)?);
    if first >> 4 != 0b0011 || kind != 255 {
        return None;
    }
    let mut at = 8;
    if first & 0x07 != 0 {
        at = 12;
        let mut extension = *datagram.get(11)?;
        while extension != 0 {
            let len = 4 * usize::from(*datagram.get(at)?);
            if len == 0 {
                return None;
            }
            at += len;
            extension = *datagram.get(at - 1)?;
        }
    }
    let inner = datagram.get(at..)?;
    matches!(inner.first()? >> 4, 4 | 6).then_some(Layer::Ip(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gre_with_source_routing_is_refused_not_followed() {
        assert!(matches!(gre(&[0x40, 0, 0x08, 0, 0x45, 0, 0, 0]), Err(Malformed::BadTunnel)));
    }

    #[test]
    fn gre_header_grows_with_its_flags() {
        let packet = [0xb0, 0, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0x45];
        let Ok(Layer::EtherType(0x0800, inner)) = gre(&packet) else { panic!("not IPv4") };
        assert_eq!(inner, [0x45]);
    }

    #[test]
    fn gtp_extension_headers_are_walked_and_a_zero_length_ends_it() {
        let mut packet = vec![0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0x10, 9, 0, 0x45];
        assert!(matches!(gtp_u(&packet), Some(Layer::Ip(&[0x45]))));
        packet[12] = 0;
        assert!(gtp_u(&packet).is_none());
    }

    #[test]
    fn rtp_to_a_tunnel_port_is_no_tunnel() {
        let rtp = [0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        for port in [4789, 8472, 6081, 2152, 37008, 1701] {
            assert!(over_udp(4000, port, &rtp).is_none(), "{port}");
        }
    }
}
