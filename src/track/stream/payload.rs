//! The payload types of one stream: what they carry, how often they came.

use crate::track::arrival::RtpArrival;
use crate::track::codecs::EncodingId;

/// Payload types held per stream: a codec, the one it changed to, comfort noise and events. The packets of
/// any beyond are counted in the stream, not by type.
const SLOTS: usize = 4;

/// One payload type of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// RTP payload type.
    pub payload_type: u8,
    /// What it carries.
    pub encoding: EncodingId,
    /// Event or comfort noise: never what a stream is scored by.
    pub is_event: bool,
    /// Packets of it.
    pub packets: u32,
}

/// What a payload type means at a packet's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub encoding: EncodingId,
    /// Hz; 0 where it is not known.
    pub clock_rate: u32,
    pub is_event: bool,
    /// Key presses.
    pub is_digit: bool,
    pub modes: Option<ModeReading>,
}

/// Who knows what payload types mean.
pub(crate) trait ResolvePayload {
    /// What the payload type of `p` means at its time. `main`: what most packets carried until now.
    fn resolve(&mut self, p: &RtpArrival, main: Option<EncodingId>) -> Resolved;
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    total: u32,
    interval: u32,
    resolved: EncodingId,
    /// Payload type, and flags above it.
    payload_type: u8,
    flags: u8,
}

const IS_EVENT: u8 = 1;
const IN_USE: u8 = 2;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Payloads([Slot; SLOTS]);

impl Payloads {
    /// Looks up (or makes room for) the payload type of `p`.
    pub fn select(&mut self, p: &RtpArrival, resolve: &mut impl ResolvePayload) -> Resolved {
        let resolved = resolve.resolve(p, self.main().map(|m| m.encoding));
        let slot = self.0.iter_mut().find(|s| s.flags & IN_USE == 0 || s.payload_type == p.payload_type);
        if let Some(slot) = slot {
            slot.payload_type = p.payload_type;
            slot.resolved = resolved.encoding;
            slot.flags = IN_USE | if resolved.is_event { IS_EVENT } else { 0 };
        }
        resolved
    }

    /// Adds packets of a payload type.
    pub fn add(&mut self, payload_type: u8, packets: u32) {
        let slot = self.0.iter_mut().find(|s| s.flags & IN_USE != 0 && s.payload_type == payload_type);
        if let Some(slot) = slot {
            slot.total += packets;
            slot.interval += packets;
        }
    }

    /// The payload type of most packets of the interval (events only if there is nothing else), and
    /// begins the next interval.
    pub fn take_interval(&mut self) -> Option<Payload> {
        let main = Self::most(&self.0, |s| s.interval);
        for slot in &mut self.0 {
            slot.interval = 0;
        }
        main
    }

    /// The payload type of most packets so far.
    pub fn main(&self) -> Option<Payload> {
        Self::most(&self.0, |s| s.total)
    }

    fn most(slots: &[Slot; SLOTS], count: impl Fn(&Slot) -> u32) -> Option<Payload> {
        slots
            .iter()
            .enumerate()
            .filter(|(_, s)| s.flags & IN_USE != 0 && count(s) > 0)
            // The first of equals, as it came first.
            .max_by_key(|(i, s)| (s.flags & IS_EVENT == 0, count(s), std::cmp::Reverse(*i)))
            .map(|(_, s)| Payload { packets: count(s), ..s.payload() })
    }

    /// All payload types, most frequent first.
    pub fn all(&self) -> Vec<Payload> {
        let mut all: Vec<Payload> =
            self.0.iter().filter(|s| s.flags & IN_USE != 0 && s.total > 0).map(Slot::payload).collect();
        all.sort_by_key(|p| (std::cmp::Reverse(p.packets), p.payload_type));
        all
    }
}

impl Slot {
    const fn payload(&self) -> Payload {
        Payload {
            payload_type: self.payload_type,
            encoding: self.resolved,
            is_event: self.flags & IS_EVENT != 0,
            packets: self.total,
        }
    }
}

/// Where an encoding's payload header tells its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModeReading {
    /// AMR and AMR-WB, `octet-align=1` (RFC 4867 §4.4).
    OctetAligned,
    /// AMR and AMR-WB, bandwidth-efficient (RFC 4867 §4.3).
    BandwidthEfficient,
    /// G.723.1: 0 is 6.3 kbit/s, 1 is 5.3 (RFC 3551 §4.5.3).
    G723,
}

impl ModeReading {
    fn mode(self, [a, b, ..]: [u8; 4], payload_len: u16) -> Option<u8> {
        let (mode, needs, speech_modes) = match self {
            Self::OctetAligned => (b >> 3 & 15, 2, 9),
            Self::BandwidthEfficient => ((a & 7) << 1 | b >> 7, 2, 9),
            Self::G723 => (a & 3, 1, 2),
        };
        (payload_len >= needs && mode < speech_modes).then_some(mode)
    }
}

/// How often each speech mode came.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Modes([u32; 9]);

impl Modes {
    pub fn count(&mut self, reading: ModeReading, head: [u8; 4], payload_len: u16) {
        let mode = reading.mode(head, payload_len);
        if let Some(count) = mode.and_then(|m| self.0.get_mut(usize::from(m))) {
            *count += 1;
        }
    }

    pub fn most_frequent(&self) -> Option<u8> {
        let (mode, &count) = self.0.iter().enumerate().max_by_key(|&(i, &n)| (n, std::cmp::Reverse(i)))?;
        (count > 0).then_some(mode as u8)
    }
}
