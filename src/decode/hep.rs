//! HEP, the Homer encapsulation protocol, versions 1 to 3: signalling that a PBX or proxy copies to a
//! monitor ([HEP3 rev. 12](https://github.com/sipcapture/HEP/blob/master/docs/HEP3NetworkProtocolSpecification_REV26.pdf)).

use super::flow::{Address, Endpoint, Flow};
use super::reader::{be16, be32};

/// What a HEP packet carries, and between whom it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hep<'a> {
    /// Source and destination of the inner packet.
    pub flow: Flow,
    /// The inner transport: 17 UDP, 6 TCP, 132 SCTP.
    pub ip_protocol: u8,
    /// When the sender captured it: nanoseconds since the Unix epoch.
    pub captured: Option<i64>,
    /// What it carries.
    pub payload: HepPayload<'a>,
}

/// What the front of a byte stream of HEP packets holds: version 3 alone tells its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HepPrefix {
    /// A whole packet of so many octets.
    Complete(usize),
    /// Perhaps one; no use in looking again before there are so many octets.
    Incomplete(usize),
    /// None.
    NotHep,
}

/// Magic, length.
const HEAD: usize = 6;

/// A HEP payload by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HepPayload<'a> {
    /// One SIP message (type 1; versions 1 and 2 carry nothing else).
    Sip(&'a [u8]),
    /// One RTP packet (type 4).
    Rtp(&'a [u8]),
    /// One RTCP packet (type 5); some senders put JSON here.
    Rtcp(&'a [u8]),
    /// Logs, statistics, compressed bodies.
    Other,
}

impl<'a> Hep<'a> {
    /// Whether a datagram begins as HEP does.
    #[must_use]
    pub fn looks_like(datagram: &[u8]) -> bool {
        // Versions 1 and 2: version, header length, address family 2 (IPv4) or 10 (IPv6), a transport.
        matches!(
            datagram,
            [b'H', b'E', b'P', b'3', ..]
                | [1, 16, 2, 6 | 17, ..]
                | [2, 28, 2, 6 | 17, ..]
                | [1, 40, 10, 6 | 17, ..]
                | [2, 52, 10, 6 | 17, ..]
        )
    }

    /// Looks at the front of a stream of HEP packets (version 3 over TCP, or in a file).
    #[must_use]
    pub fn prefix(stream: &[u8]) -> HepPrefix {
        let magic = b"HEP3";
        if !stream.iter().zip(magic).all(|(octet, expected)| octet == expected) {
            return HepPrefix::NotHep;
        }
        match be16(stream, 4).map(usize::from) {
            None => HepPrefix::Incomplete(HEAD),
            Some(length) if length < HEAD => HepPrefix::NotHep,
            Some(length) if length > stream.len() => HepPrefix::Incomplete(length),
            Some(length) => HepPrefix::Complete(length),
        }
    }

    /// Reads one HEP packet of any version.
    #[must_use]
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        if datagram.starts_with(b"HEP3") { Self::v3(datagram) } else { Self::v1_v2(datagram) }
    }

    fn v1_v2(datagram: &'a [u8]) -> Option<Self> {
        let [version, len, family, protocol, ..] = *datagram else { return None };
        let (sport, dport) = (be16(datagram, 4)?, be16(datagram, 6)?);
        let (src, dst, after) = match family {
            2 => (v4(datagram, 8)?, v4(datagram, 12)?, 16),
            10 => (v6(datagram, 8)?, v6(datagram, 24)?, 40),
            _ => return None,
        };
        let captured = (version == 2).then(|| {
            // Version 2 writes its times in the sender's byte order; nearly all are little-endian.
            let seconds = be32(datagram, after).map(u32::swap_bytes)?;
            let micros = be32(datagram, after + 4).map(u32::swap_bytes)?;
            Some(nanos(seconds, micros))
        });
        Some(Self {
            flow: Flow { src: Endpoint::new(src, sport), dst: Endpoint::new(dst, dport) },
            ip_protocol: protocol,
            captured: captured.flatten(),
            payload: HepPayload::Sip(datagram.get(usize::from(len)..)?),
        })
    }

    fn v3(datagram: &'a [u8]) -> Option<Self> {
        let total = usize::from(be16(datagram, 4)?);
        let mut rest = datagram.get(6..total.min(datagram.len()))?;
        let mut chunks = Chunks::default();
        while rest.len() >= 6 {
            let len = usize::from(be16(rest, 4)?);
            if len < 6 || len > rest.len() {
                return None;
            }
            // Vendor 0 is generic; other vendors' chunks are passed over.
            if be16(rest, 0)? == 0 {
                chunks.take(be16(rest, 2)?, rest.get(6..len)?);
            }
            rest = rest.get(len..)?;
        }
        let payload = chunks.payload.map_or(HepPayload::Other, |bytes| match chunks.kind {
            Some(1) => HepPayload::Sip(bytes),
            Some(4) => HepPayload::Rtp(bytes),
            Some(5) => HepPayload::Rtcp(bytes),
            _ => HepPayload::Other,
        });
        Some(Self {
            flow: Flow {
                src: Endpoint::new(chunks.src?, chunks.sport.unwrap_or(0)),
                dst: Endpoint::new(chunks.dst?, chunks.dport.unwrap_or(0)),
            },
            ip_protocol: chunks.protocol.unwrap_or(17),
            captured: chunks.seconds.map(|s| nanos(s, chunks.micros.unwrap_or(0))),
            payload,
        })
    }
}

/// The generic chunks that matter here.
#[derive(Default)]
struct Chunks<'a> {
    protocol: Option<u8>,
    src: Option<Address>,
    dst: Option<Address>,
    sport: Option<u16>,
    dport: Option<u16>,
    seconds: Option<u32>,
    micros: Option<u32>,
    kind: Option<u8>,
    payload: Option<&'a [u8]>,
}

impl<'a> Chunks<'a> {
    fn take(&mut self, number: u16, body: &'a [u8]) {
        match number {
            0x02 => self.protocol = body.first().copied(),
            0x03 => self.src = v4(body, 0),
            0x04 => self.dst = v4(body, 0),
            0x05 => self.src = v6(body, 0),
            0x06 => self.dst = v6(body, 0),
            0x07 => self.sport = be16(body, 0),
            0x08 => self.dport = be16(body, 0),
            0x09 => self.seconds = be32(body, 0),
            0x0a => self.micros = be32(body, 0),
            0x0b => self.kind = body.first().copied(),
            0x0f => self.payload = Some(body),
            _ => {}
        }
    }
}

fn v4(bytes: &[u8], at: usize) -> Option<Address> {
    Some(Address::v4(*bytes.get(at..)?.first_chunk()?))
}

fn v6(bytes: &[u8], at: usize) -> Option<Address> {
    Some(Address::v6(*bytes.get(at..)?.first_chunk()?))
}

fn nanos(seconds: u32, micros: u32) -> i64 {
    i64::from(seconds) * 1_000_000_000 + i64::from(micros) * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_is_read() {
        let mut p = vec![1, 16, 2, 17, 0x13, 0xc4, 0x13, 0xc5, 192, 0, 2, 1, 192, 0, 2, 2];
        p.extend(b"OPTIONS");
        let hep = Hep::parse(&p).unwrap();
        assert_eq!(hep.flow.src.to_string(), "192.0.2.1:5060");
        assert_eq!(hep.payload, HepPayload::Sip(b"OPTIONS"));
    }

    #[test]
    fn a_stream_is_cut_at_the_packets_own_lengths() {
        use HepPrefix::{Complete, Incomplete, NotHep};
        let packet = b"HEP3\0\x07xHEP3";
        let expected = [6, 6, 6, 6, 6, 6, 7].map(Incomplete);
        assert_eq!(std::array::from_fn(|n| Hep::prefix(&packet[..n])), expected);
        assert_eq!((Hep::prefix(&packet[..7]), Hep::prefix(packet)), (Complete(7), Complete(7)));
        assert_eq!(
            (Hep::prefix(b"HEQ"), Hep::prefix(b"HEP3\0\x05"), Hep::prefix(b"\x02")),
            (NotHep, NotHep, NotHep)
        );
    }

    #[test]
    fn a_chunk_that_runs_past_the_packet_ends_it() {
        let mut p = b"HEP3\0\x10\0\0\0\x0b\0\x07\x01\0\0\0".to_vec();
        assert!(Hep::parse(&p).is_none());
        p[11] = 200;
        assert!(Hep::parse(&p).is_none());
    }
}
