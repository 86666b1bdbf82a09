//! One RTP packet's arrival: the digest that streams are made of.

use crate::decode::{Flow, HashKey, Packet, RtpPacket};

/// RTP packets of one SSRC in one flow ("RTP stream", RFC 7656 §2.1.10; always one direction).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamKey {
    /// Who sends to whom.
    pub flow: Flow,
    /// Synchronisation source.
    pub ssrc: u32,
}

/// What is kept of an RTP packet, 80 bytes at most: it can be held back until its SDP arrives, or be
/// passed to the worker that owns its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpArrival {
    /// Its stream.
    pub key: StreamKey,
    /// Keyed hash of `key`.
    pub hash: u64,
    /// When it was seen, nanoseconds since the Unix epoch.
    pub time: i64,
    /// Media timestamp, ticks.
    pub timestamp: u32,
    /// The payload's first bytes.
    pub payload_head: [u8; 4],
    /// Sequence number.
    pub sequence: u16,
    /// Length of the payload.
    pub payload_len: u16,
    /// IPv4 identification; 0 for IPv6.
    pub ip_id: u16,
    /// UDP checksum; 0 where the sender left it out.
    pub checksum: u16,
    /// The outermost VLAN's number; 0 without one.
    pub vlan: u16,
    /// Payload type.
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// Differentiated services code point.
    pub dscp: u8,
    /// Time to live or hop limit.
    pub ttl: u8,
}

const _: () = assert!(size_of::<RtpArrival>() <= 80);

impl RtpArrival {
    /// What a copy made by a span port shares with its original, folded to 16 bits.
    #[must_use]
    pub const fn copy_mark(&self) -> u16 {
        self.ip_id ^ self.checksum.rotate_left(5)
    }

    /// The arrival of `rtp`, which `packet` carried; in `flow`, which is the packet's own unless it was
    /// wrapped.
    #[must_use]
    #[inline]
    pub fn of(packet: &Packet<'_>, flow: Flow, rtp: &RtpPacket, checksum: u16, key: &HashKey) -> Self {
        Self {
            key: StreamKey { flow, ssrc: rtp.ssrc },
            hash: key.hash(&flow, rtp.ssrc),
            time: packet.time,
            timestamp: rtp.timestamp,
            payload_head: rtp.payload_head,
            sequence: rtp.sequence,
            payload_len: rtp.payload_len,
            ip_id: packet.ip_id,
            checksum,
            vlan: packet.vlan,
            payload_type: rtp.payload_type,
            marker: rtp.marker,
            dscp: packet.dscp,
            ttl: packet.ttl,
        }
    }
}
