//! The walk from a frame to the transport packet inside it.

use pnet_packet::tcp::TcpPacket;
use pnet_packet::udp::UdpPacket;
use probes::{Frame, LinkType};

use super::counters::{Malformed, Undecoded};
use super::flow::{Endpoint, Flow};
use super::fragments::Fragments;
use super::ip::{self, IpPacket, protocol};
use super::link::ethertype;
use super::{link, tunnel};

/// Deeper nesting than any network has: VLANs, an underlay, an overlay, a mirror tunnel.
const MAX_LAYERS: usize = 24;

/// What a layer says comes next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layer<'a> {
    Ethernet(&'a [u8]),
    EtherType(u16, &'a [u8]),
    /// IPv4 or IPv6: the first nibble tells.
    Ip(&'a [u8]),
}

pub(super) type Next<'a> = Result<Layer<'a>, Malformed>;

/// Bounds of decoding.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Bytes that incomplete IP datagrams may hold together.
    pub fragment_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { fragment_bytes: 16 << 20 }
    }
}

/// The innermost transport packet of a frame, encapsulation stripped.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Nanoseconds since the Unix epoch; for a reassembled datagram, of its last fragment.
    pub time: i64,
    /// Source and destination.
    pub flow: Flow,
    /// Differentiated services code point, 0…63 (RFC 2474).
    pub dscp: u8,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// IPv4 identification; 0 for IPv6.
    pub ip_id: u16,
    /// The outermost VLAN's number; 0 without one.
    pub vlan: u16,
    /// The transport and its payload.
    pub transport: Transport<'a>,
}

/// A transport header and its payload.
#[derive(Clone, Copy, Debug)]
pub enum Transport<'a> {
    /// A UDP datagram.
    Udp {
        /// Its payload, as far as captured.
        payload: &'a [u8],
        /// Length of the payload as sent.
        sent_len: usize,
        /// The header's checksum.
        checksum: u16,
    },
    /// A TCP segment.
    Tcp {
        /// What reassembly needs of the header.
        header: TcpHeader,
        /// Its payload, as far as captured.
        payload: &'a [u8],
        /// Length of the payload as sent.
        sent_len: usize,
    },
    /// An SCTP packet, common header included.
    Sctp {
        /// The packet, as far as captured.
        packet: &'a [u8],
    },
}

/// What reassembly needs of a TCP header (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpHeader {
    /// Sequence number of the first payload byte (of the SYN where one is set).
    pub sequence: u32,
    /// SYN.
    pub syn: bool,
    /// FIN.
    pub fin: bool,
    /// RST.
    pub rst: bool,
}

/// Decodes frames. Holds incomplete IP datagrams and counters, nothing else.
#[derive(Debug)]
pub struct Decoder {
    fragments: Fragments,
    counters: Undecoded,
}

impl Decoder {
    /// A decoder with these bounds.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { fragments: Fragments::new(settings.fragment_bytes), counters: Undecoded::default() }
    }

    /// What could not be decoded so far.
    #[must_use]
    pub const fn counters(&self) -> &Undecoded {
        &self.counters
    }

    /// Counts something that a caller found unreadable in what was decoded.
    pub fn count(&mut self, what: Malformed) {
        self.counters.count(what);
    }

    /// IP datagrams that wait for fragments now.
    #[must_use]
    pub fn fragments_waiting(&self) -> usize {
        self.fragments.len()
    }

    /// The transport packet in `frame`; `None` where there is none, or not yet.
    pub fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Option<Packet<'a>> {
        let mut vlan = 0;
        let time = frame.time.as_nanos();
        if frame.link == LinkType::HEP {
            return Some(bare(time, frame.data));
        }
        match walk(link::first(frame.link, frame.data), &mut vlan, MAX_LAYERS) {
            Ok(Found::Packet(mut packet)) => {
                packet.time = time;
                Some(packet)
            }
            Ok(Found::Fragment(ip)) => self.defragment(time, &ip, vlan),
            Ok(Found::Nothing) => None,
            Err(why) => {
                self.counters.count(why);
                None
            }
        }
    }

    /// A completed datagram may hold a tunnel, and that another fragment: put together in turn, one
    /// nesting deep (the completed datagram lives in the buffer that a deeper one would need).
    fn defragment(&mut self, time: i64, ip: &IpPacket<'_>, vlan: u16) -> Option<Packet<'_>> {
        let position = ip.fragment?;
        let payload = self.fragments.add(time, ip, position, &mut self.counters)?;
        let mut whole = IpPacket {
            src: ip.src,
            dst: ip.dst,
            protocol: ip.protocol,
            dscp: ip.dscp,
            ttl: ip.ttl,
            identification: ip.identification,
            payload,
            payload_len: payload.len(),
            fragment: None,
        };
        let mut vlan = vlan;
        let found = ip::skip_extension_headers(&mut whole).and_then(|()| match over_ip(&whole, vlan) {
            Ok(Step::Layer(layer)) => walk(Ok(layer), &mut vlan, MAX_LAYERS),
            Ok(Step::Found(found)) => Ok(found),
            Err(why) => Err(why),
        });
        match found {
            Ok(Found::Packet(mut packet)) => {
                packet.time = time;
                Some(packet)
            }
            Ok(Found::Nothing) => None,
            Ok(Found::Fragment(_)) => {
                self.counters.count(Malformed::TooDeep);
                None
            }
            Err(why) => {
                self.counters.count(why);
                None
            }
        }
    }
}

/// The packet in a frame that is nothing but Ethernet, at most one VLAN tag, IPv4 in one piece, and UDP to
/// no tunnel's port. `None` where
/// [`Decoder::decode`] must look.
///
/// Nearly every frame is such. Inlined, its headers go from registers to where they are kept; a packet that
/// comes out of [`Decoder::decode`] has been through memory several times, which takes longer than reading it.
#[must_use]
#[inline(always)]
pub fn decode_plain<'a>(frame: &Frame<'a>) -> Option<Packet<'a>> {
    if frame.link != LinkType::ETHERNET {
        return None;
    }
    let mut vlan = 0;
    let mut layer = link::ethernet(frame.data).ok()?;
    if let Layer::EtherType(kind @ ethertype::VLAN, rest) = layer {
        layer = link::by_ethertype(kind, rest, &mut vlan).ok()?;
    }
    let Layer::EtherType(ethertype::IPV4, packet) = layer else { return None };
    let ip = ip::v4(packet).ok()?;
    if ip.fragment.is_some() || ip.protocol != protocol::UDP {
        return None;
    }
    let packet = datagram(&ip, vlan).ok()?;
    let may_be_tunnel = tunnel::may_be_over_udp(packet.flow.src.port, packet.flow.dst.port);
    (!may_be_tunnel).then_some(Packet { time: frame.time.as_nanos(), ..packet })
}

/// What comes without a network around it: whom it was between, it says itself.
fn bare(time: i64, payload: &[u8]) -> Packet<'_> {
    Packet {
        time,
        flow: Flow::default(),
        dscp: 0,
        ttl: 0,
        ip_id: 0,
        vlan: 0,
        transport: Transport::Udp { payload, sent_len: payload.len(), checksum: 0 },
    }
}

enum Found<'a> {
    Packet(Packet<'a>),
    Fragment(IpPacket<'a>),
    /// Decoded, and none of ours (ICMP, a routing protocol …).
    Nothing,
}

enum Step<'a> {
    Layer(Layer<'a>),
    Found(Found<'a>),
}

fn walk<'a>(first: Next<'a>, vlan: &mut u16, layers: usize) -> Result<Found<'a>, Malformed> {
    let mut layer = first?;
    for _ in 0..layers {
        layer = match layer {
            Layer::Ethernet(frame) => link::ethernet(frame)?,
            Layer::EtherType(kind, rest) => link::by_ethertype(kind, rest, vlan)?,
            Layer::Ip(packet) => {
                let ip = ip::parse(packet)?;
                if ip.fragment.is_some() {
                    return Ok(Found::Fragment(ip));
                }
                match over_ip(&ip, *vlan)? {
                    Step::Layer(next) => next,
                    Step::Found(found) => return Ok(found),
                }
            }
        };
    }
    Err(Malformed::TooDeep)
}

fn over_ip<'a>(ip: &IpPacket<'a>, vlan: u16) -> Result<Step<'a>, Malformed> {
    match ip.protocol {
        protocol::UDP => udp(ip, vlan),
        protocol::TCP => tcp(ip, vlan),
        protocol::SCTP => sctp(ip, vlan),
        protocol::IPV4 | protocol::IPV6 => Ok(Step::Layer(Layer::Ip(ip.payload))),
        protocol::GRE => Ok(Step::Layer(tunnel::gre(ip.payload)?)),
        protocol::MPLS => Ok(Step::Layer(tunnel::mpls(ip.payload)?)),
        _ => Ok(Step::Found(Found::Nothing)),
    }
}

fn udp<'a>(ip: &IpPacket<'a>, vlan: u16) -> Result<Step<'a>, Malformed> {
    let packet = datagram(ip, vlan)?;
    if let Transport::Udp { payload, .. } = packet.transport
        && let Some(layer) = tunnel::over_udp(packet.flow.src.port, packet.flow.dst.port, payload)
    {
        return Ok(Step::Layer(layer));
    }
    Ok(Step::Found(Found::Packet(packet)))
}

#[inline(always)]
fn datagram<'a>(ip: &IpPacket<'a>, vlan: u16) -> Result<Packet<'a>, Malformed> {
    let header = UdpPacket::new(ip.payload).ok_or(Malformed::TruncatedTransport)?;
    // A length that cannot be is taken for that of the IP packet, as receivers with checksum
    // offload do.
    let len = match usize::from(header.get_length()) {
        n if (8..=ip.payload_len).contains(&n) => n,
        _ => ip.payload_len,
    };
    let payload = ip.payload.get(8..len.min(ip.payload.len())).unwrap_or_default();
    let transport = Transport::Udp { payload, sent_len: len.max(8) - 8, checksum: header.get_checksum() };
    Ok(packet(ip, vlan, header.get_source(), header.get_destination(), transport))
}

fn tcp<'a>(ip: &IpPacket<'a>, vlan: u16) -> Result<Step<'a>, Malformed> {
    let segment = TcpPacket::new(ip.payload).ok_or(Malformed::TruncatedTransport)?;
    let header_len = 4 * usize::from(segment.get_data_offset());
    if header_len < 20 || header_len > ip.payload_len {
        return Err(Malformed::TruncatedTransport);
    }
    let flags = segment.get_flags();
    let header = TcpHeader {
        sequence: segment.get_sequence(),
        syn: flags & 0x02 != 0,
        fin: flags & 0x01 != 0,
        rst: flags & 0x04 != 0,
    };
    let payload = ip.payload.get(header_len..).unwrap_or_default();
    let transport = Transport::Tcp { header, payload, sent_len: ip.payload_len - header_len };
    Ok(found(ip, vlan, segment.get_source(), segment.get_destination(), transport))
}

fn sctp<'a>(ip: &IpPacket<'a>, vlan: u16) -> Result<Step<'a>, Malformed> {
    let (Some(src), Some(dst)) = (super::reader::be16(ip.payload, 0), super::reader::be16(ip.payload, 2))
    else {
        return Err(Malformed::TruncatedTransport);
    };
    Ok(found(ip, vlan, src, dst, Transport::Sctp { packet: ip.payload }))
}

fn found<'a>(ip: &IpPacket<'a>, vlan: u16, src: u16, dst: u16, transport: Transport<'a>) -> Step<'a> {
    Step::Found(Found::Packet(packet(ip, vlan, src, dst, transport)))
}

#[inline(always)]
fn packet<'a>(ip: &IpPacket<'a>, vlan: u16, src: u16, dst: u16, transport: Transport<'a>) -> Packet<'a> {
    Packet {
        time: 0,
        flow: Flow { src: Endpoint::new(ip.src, src), dst: Endpoint::new(ip.dst, dst) },
        dscp: ip.dscp,
        ttl: ip.ttl,
        ip_id: ip.identification as u16,
        vlan,
        transport,
    }
}
