//! Link layers: from the frame's first byte to an IP header.

use pnet_packet::ethernet::EthernetPacket;
use pnet_packet::sll2::SLL2Packet;
use pnet_packet::vlan::VlanPacket;
use probes::LinkType;

use super::counters::Malformed;
use super::decoder::{Layer, Next};
use super::reader::{be16, be32};
use super::tunnel;

/// EtherTypes ([IANA](https://www.iana.org/assignments/ieee-802-numbers)).
pub(super) mod ethertype {
    pub const IPV4: u16 = 0x0800;
    pub const IPV6: u16 = 0x86dd;
    pub const VLAN: u16 = 0x8100;
    pub const QINQ: u16 = 0x88a8;
    pub const QINQ_OLD: u16 = 0x9100;
    pub const MPLS: u16 = 0x8847;
    pub const MPLS_MULTICAST: u16 = 0x8848;
    pub const PPPOE_SESSION: u16 = 0x8864;
    pub const VNTAG: u16 = 0x8926;
    pub const TRANSPARENT_ETHERNET: u16 = 0x6558;
    pub const ERSPAN: u16 = 0x88be;
    pub const ERSPAN_III: u16 = 0x22eb;
    pub const PPP: u16 = 0x880b;
}

/// The first layer of a frame.
pub(super) fn first(link: LinkType, frame: &[u8]) -> Next<'_> {
    match link {
        LinkType::ETHERNET => Ok(Layer::Ethernet(frame)),
        LinkType::LINUX_SLL => {
            // pnet's view takes eight bytes for a whole header, and panics.
            after(frame, 16, be16(frame, 14).ok_or(Malformed::TruncatedLink)?)
        }
        LinkType::LINUX_SLL2 => {
            let sll = SLL2Packet::new(frame).ok_or(Malformed::TruncatedLink)?;
            after(frame, 20, sll.get_protocol_type().0)
        }
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD | LinkType::IPV4 | LinkType::IPV6 => {
            Ok(Layer::Ip(frame))
        }
        LinkType::NULL | LinkType::LOOP => loopback(frame),
        LinkType::PPP => ppp(frame),
        LinkType::IEEE802_11 => wireless(frame),
        LinkType::NFLOG => netfilter_log(frame),
        LinkType(104) => cisco_hdlc(frame),
        LinkType(127) => radiotap(frame),
        _ => Err(Malformed::UnknownLinkType),
    }
}

/// The layer of EtherType `kind` that begins at `at`.
fn after(bytes: &[u8], at: usize, kind: u16) -> Next<'_> {
    Ok(Layer::EtherType(kind, bytes.get(at..).ok_or(Malformed::TruncatedLink)?))
}

#[inline]
pub(super) fn ethernet(frame: &[u8]) -> Next<'_> {
    let ethernet = EthernetPacket::new(frame).ok_or(Malformed::TruncatedLink)?;
    let kind = ethernet.get_ethertype().0;
    if kind < 0x0600 {
        return llc(frame.get(14..).unwrap_or_default());
    }
    after(frame, 14, kind)
}

/// What an EtherType announces. `vlan` takes the outermost VLAN's number.
pub(super) fn by_ethertype<'a>(kind: u16, rest: &'a [u8], vlan: &mut u16) -> Next<'a> {
    use ethertype as e;
    match kind {
        e::IPV4 | e::IPV6 => Ok(Layer::Ip(rest)),
        e::VLAN | e::QINQ | e::QINQ_OLD => {
            let tag = VlanPacket::new(rest).ok_or(Malformed::TruncatedLink)?;
            if *vlan == 0 {
                *vlan = tag.get_vlan_identifier();
            }
            match tag.get_ethertype().0 {
                short @ 0..0x0600 if short > 0 => llc(rest.get(4..).unwrap_or_default()),
                inner => after(rest, 4, inner),
            }
        }
        e::MPLS | e::MPLS_MULTICAST => tunnel::mpls(rest),
        e::PPPOE_SESSION => {
            // RFC 2516 §4: version 1, type 1; code 0 is session data.
            if rest.first() != Some(&0x11) {
                return Err(Malformed::BadTunnel);
            }
            ppp_protocol(rest.get(6..).ok_or(Malformed::TruncatedLink)?)
        }
        e::VNTAG => after(rest, 6, be16(rest, 4).ok_or(Malformed::TruncatedLink)?),
        e::TRANSPARENT_ETHERNET => Ok(Layer::Ethernet(rest)),
        e::PPP => ppp(rest),
        _ => Err(Malformed::UnknownEtherType),
    }
}

/// BSD loopback: an address family in the byte order of whoever captured it; the IP version says it
/// without asking which.
fn loopback(frame: &[u8]) -> Next<'_> {
    Ok(Layer::Ip(frame.get(4..).ok_or(Malformed::TruncatedLink)?))
}

/// IEEE 802.2 LLC with SNAP; anything else above LLC is not IP.
fn llc(rest: &[u8]) -> Next<'_> {
    match rest.split_first_chunk::<6>() {
        Some(([0xaa, 0xaa, 0x03, 0, 0, 0], _)) => {
            after(rest, 8, be16(rest, 6).ok_or(Malformed::TruncatedLink)?)
        }
        // RFC 1042 §"Header Format"; 0x06 is the DSAP that a few old bridges use for IP.
        Some(([0x06, 0x06, 0x03, ..], _)) => Ok(Layer::Ip(rest.get(3..).unwrap_or_default())),
        _ => Err(Malformed::UnknownEtherType),
    }
}

/// PPP, with or without the address and control bytes of
/// [RFC 1662 §3.1](https://www.rfc-editor.org/rfc/rfc1662#section-3.1).
pub(super) fn ppp(frame: &[u8]) -> Next<'_> {
    match frame {
        [0xff, 0x03, rest @ ..] => ppp_protocol(rest),
        _ => ppp_protocol(frame),
    }
}

fn ppp_protocol(rest: &[u8]) -> Next<'_> {
    // RFC 1661 §6.5: a compressed protocol field is one odd byte.
    let (protocol, body) = match *rest {
        [odd, ref body @ ..] if odd & 1 == 1 => (u16::from(odd), body),
        [high, low, ref body @ ..] => (u16::from_be_bytes([high, low]), body),
        _ => return Err(Malformed::TruncatedLink),
    };
    match protocol {
        0x0021 | 0x0057 => Ok(Layer::Ip(body)),
        0x0281 | 0x0283 => tunnel::mpls(body),
        _ => Err(Malformed::UnknownEtherType),
    }
}

fn cisco_hdlc(frame: &[u8]) -> Next<'_> {
    after(frame, 4, be16(frame, 2).ok_or(Malformed::TruncatedLink)?)
}

/// The radiotap header carries its own length, little-endian.
fn radiotap(frame: &[u8]) -> Next<'_> {
    let (Some(&low), Some(&high)) = (frame.get(2), frame.get(3)) else {
        return Err(Malformed::TruncatedLink);
    };
    let len = usize::from(u16::from_le_bytes([low, high]));
    wireless(frame.get(len.max(8)..).ok_or(Malformed::TruncatedLink)?)
}

/// An IEEE 802.11 data frame (IEEE Std 802.11-2020 §9.3.2.1): header, LLC.
pub(super) fn wireless(frame: &[u8]) -> Next<'_> {
    let (Some(&control), Some(&flags)) = (frame.first(), frame.get(1)) else {
        return Err(Malformed::TruncatedLink);
    };
    let (kind, subtype) = (control >> 2 & 3, control >> 4);
    // Only data frames that carry data: bit 2 of the subtype says "no data".
    if kind != 2 || subtype & 0x4 != 0 {
        return Err(Malformed::UnknownEtherType);
    }
    if flags & 0x40 != 0 {
        return Err(Malformed::Encrypted);
    }
    let four_addresses = flags & 0x03 == 0x03;
    let qos = subtype & 0x8 != 0;
    let ht_control = qos && flags & 0x80 != 0;
    let len = 24 + 6 * usize::from(four_addresses) + 2 * usize::from(qos) + 4 * usize::from(ht_control);
    llc(frame.get(len..).ok_or(Malformed::TruncatedLink)?)
}

/// Linux netfilter log: attributes in the byte order of the machine that wrote them; number 9 is the
/// packet ([LINKTYPE_NFLOG](https://www.tcpdump.org/linktypes/LINKTYPE_NFLOG.html)).
fn netfilter_log(frame: &[u8]) -> Next<'_> {
    const PAYLOAD: u16 = 9;
    let mut rest = frame.get(4..).ok_or(Malformed::TruncatedLink)?;
    while let Some((&[l0, l1, k0, k1], _)) = rest.split_first_chunk::<4>() {
        let little = u16::from_le_bytes([k0, k1]) & 0x7fff;
        let read: fn([u8; 2]) -> u16 = if little <= 0xff { u16::from_le_bytes } else { u16::from_be_bytes };
        let (len, kind) = (usize::from(read([l0, l1])), read([k0, k1]) & 0x7fff);
        if len < 4 {
            return Err(Malformed::BadTunnel);
        }
        if kind == PAYLOAD {
            let end = len.min(rest.len());
            return Ok(Layer::Ip(rest.get(4..end).unwrap_or_default()));
        }
        rest = rest.get(len.next_multiple_of(4)..).ok_or(Malformed::TruncatedLink)?;
    }
    Err(Malformed::TruncatedLink)
}

/// TZSP ([draft format](https://en.wikipedia.org/wiki/TZSP)): header, tagged fields, the frame.
pub(super) fn tzsp(datagram: &[u8]) -> Option<Layer<'_>> {
    // Version 1, type 0 (received) or 1 (to be sent).
    let [1, 0 | 1, rest @ ..] = datagram else { return None };
    let encapsulated = be16(rest, 0)?;
    let mut rest = rest.get(2..)?;
    loop {
        match *rest {
            [0, ref more @ ..] => rest = more,
            [1, ref frame @ ..] => {
                return match encapsulated {
                    1 => Some(Layer::Ethernet(frame)),
                    18 => wireless(frame).ok(),
                    _ => None,
                };
            }
            [_, len, ref more @ ..] => rest = more.get(usize::from(len)..)?,
            _ => return None,
        }
    }
}

/// ERSPAN behind GRE ([draft-foschiano-erspan-03](https://datatracker.ietf.org/doc/html/draft-foschiano-erspan-03)).
/// Type I has no header of its own and no GRE sequence number.
pub(super) fn erspan(kind: u16, sequenced: bool, rest: &[u8]) -> Next<'_> {
    let frame = match kind {
        ethertype::ERSPAN if !sequenced => rest.get(..),
        ethertype::ERSPAN => rest.get(8..),
        _ => {
            let flags = be16(rest, 10).ok_or(Malformed::TruncatedLink)?;
            // The O bit: an 8-byte subheader follows the 12 bytes.
            let frame = rest.get(12 + 8 * usize::from(flags & 1)..).ok_or(Malformed::TruncatedLink)?;
            // FT, "frame type": 0 Ethernet, 2 IP.
            if flags >> 10 & 0x1f == 2 {
                return Ok(Layer::Ip(frame));
            }
            Some(frame)
        }
    };
    Ok(Layer::Ethernet(frame.ok_or(Malformed::TruncatedLink)?))
}

/// L2TPv2 data message over UDP ([RFC 2661 §3.1](https://www.rfc-editor.org/rfc/rfc2661#section-3.1)):
/// PPP inside.
pub(super) fn l2tp(datagram: &[u8]) -> Option<Layer<'_>> {
    let flags = be16(datagram, 0)?;
    let control = flags & 0x8000 != 0;
    if control || flags & 0x000f != 2 {
        return None;
    }
    let length = 2 * usize::from(flags & 0x4000 != 0);
    let sequence = 4 * usize::from(flags & 0x0800 != 0);
    let offset = flags & 0x0200 != 0;
    let mut at = 2 + length + 4 + sequence;
    if offset {
        at += 2 + usize::from(be16(datagram, at)?);
    }
    ppp(datagram.get(at..)?).ok()
}

/// The 4-byte MPLS label stack entries; `None` where the bottom is not reached.
pub(super) fn mpls_payload(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let entry = be32(rest, 0)?;
        rest = rest.get(4..)?;
        if entry & 0x100 != 0 {
            return Some(rest);
        }
    }
}
