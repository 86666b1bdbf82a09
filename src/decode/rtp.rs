//! One RTP packet's header ([RFC 3550 §5.1](https://www.rfc-editor.org/rfc/rfc3550#section-5.1)).

use rtp_rs::RtpReader;

use super::reader::be16;

/// What the engine needs of an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpPacket {
    /// Synchronisation source.
    pub ssrc: u32,
    /// Sequence number.
    pub sequence: u16,
    /// Payload type, 0…127.
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// Media timestamp, in ticks of the payload's clock.
    pub timestamp: u32,
    /// Bytes of payload, padding left out, as sent (a short snap length does not shrink it).
    pub payload_len: u16,
    /// The payload's first four bytes, 0 where there are fewer: codec modes stand there.
    pub payload_head: [u8; 4],
}

/// Whether a datagram's first bytes are those of RTP
/// ([RFC 7983 §7](https://www.rfc-editor.org/rfc/rfc7983#section-7),
/// [RFC 5761 §4](https://www.rfc-editor.org/rfc/rfc5761#section-4)).
#[must_use]
pub fn looks_like_rtp(datagram: &[u8]) -> bool {
    matches!(datagram, [0x80..=0xbf, second, _, _, _, _, _, _, _, _, _, _, ..] if !(192..=223).contains(second))
}

impl RtpPacket {
    /// Reads the header of `datagram`, which had `sent_len` bytes on the wire.
    ///
    /// `None` where the checks of RFC 3550 A.1 fail. A packet that the snap length cut counts if its
    /// header is whole; its padding cannot be checked then.
    #[must_use]
    #[inline(always)]
    pub fn parse(datagram: &[u8], sent_len: usize) -> Option<Self> {
        if !looks_like_rtp(datagram) {
            return None;
        }
        let (header, _) = datagram.split_first_chunk()?;
        let is_cut = sent_len > datagram.len();
        let payload_at = if is_cut { past_extension(datagram)? } else { past_sources(header) };
        let end = if is_cut { sent_len } else { datagram.len() };
        let payload = datagram.get(payload_at..)?;
        let [first, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *header;
        let mut packet = Self {
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            sequence: u16::from_be_bytes([s0, s1]),
            payload_type: second & 0x7f,
            marker: second & 0x80 != 0,
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            payload_len: u16::try_from(end.saturating_sub(payload_at)).unwrap_or(u16::MAX),
            payload_head: head(payload),
        };
        // Few packets have either; what they take is checked by rtp-rs.
        if first & (PADDING | EXTENSION) != 0 && !is_cut {
            packet.set_payload(datagram)?;
        }
        Some(packet)
    }

    #[inline(never)]
    fn set_payload(&mut self, datagram: &[u8]) -> Option<()> {
        let rtp = RtpReader::new(datagram).ok()?;
        // RFC 3550 §5.1: the count includes itself, so it is never 0; rtp-rs checks it.
        let payload = rtp.payload();
        self.payload_len = u16::try_from(payload.len()).unwrap_or(u16::MAX);
        self.payload_head = head(payload);
        Some(())
    }
}

const PADDING: u8 = 0x20;
const EXTENSION: u8 = 0x10;

/// Where the header ends, an extension left aside.
fn past_sources(header: &[u8; 12]) -> usize {
    let [first, ..] = *header;
    12 + 4 * usize::from(first & 0x0f)
}

/// Where the payload of a packet begins that the snap length cut.
#[cold]
fn past_extension(datagram: &[u8]) -> Option<usize> {
    let (header, _) = datagram.split_first_chunk()?;
    let at = past_sources(header);
    let [first, ..] = *header;
    let extension = if first & EXTENSION == 0 { 0 } else { 4 + 4 * usize::from(be16(datagram, at + 2)?) };
    Some(at + extension)
}

fn head(payload: &[u8]) -> [u8; 4] {
    if let Some(four) = payload.first_chunk() {
        return *four;
    }
    let mut out = [0; 4];
    for (to, from) in out.iter_mut().zip(payload) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet() -> Vec<u8> {
        let mut p = vec![0x80, 0x80, 0x12, 0x34, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef];
        p.extend([1, 2, 3, 4, 5, 6]);
        p
    }

    #[test]
    fn reads_every_field() {
        let p = RtpPacket::parse(&packet(), 18).unwrap();
        assert_eq!((p.ssrc, p.sequence, p.timestamp), (0xdead_beef, 0x1234, 160));
        assert_eq!((p.payload_type, p.marker, p.payload_len), (0, true, 6));
        assert_eq!(p.payload_head, [1, 2, 3, 4]);
    }

    #[test]
    fn a_packet_cut_by_the_snap_length_counts_if_its_header_is_whole() {
        let p = packet();
        assert_eq!(RtpPacket::parse(&p[..13], 172).unwrap().payload_len, 160);
        assert!(RtpPacket::parse(&p[..11], 172).is_none());
        let mut extended = p.clone();
        extended[0] |= 0x10;
        extended.splice(12..12, [0xbe, 0xde, 0, 1, 0, 0, 0, 0]);
        assert_eq!(RtpPacket::parse(&extended[..20], 180).unwrap().payload_len, 160);
        assert!(RtpPacket::parse(&extended[..15], 180).is_none());
    }

    #[test]
    fn rtcp_wrong_versions_and_bad_padding_are_not_rtp() {
        for second in 192..=223 {
            let mut p = packet();
            p[1] = second;
            assert!(RtpPacket::parse(&p, 18).is_none());
        }
        let mut p = packet();
        p[0] = 0x40;
        assert!(RtpPacket::parse(&p, 18).is_none());
        p[0] = 0xa0;
        p[17] = 7;
        assert!(RtpPacket::parse(&p, 18).is_none());
        p[17] = 0;
        assert!(RtpPacket::parse(&p, 18).is_none());
        p[17] = 6;
        assert_eq!(RtpPacket::parse(&p, 18).unwrap().payload_len, 0);
    }
}
