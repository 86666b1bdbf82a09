//! What SDP says of flows: who receives where, and what its payload types mean there
//! ([RFC 3264 §5.1](https://www.rfc-editor.org/rfc/rfc3264#section-5.1)).

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use super::arrival::StreamKey;
use super::call::CallIdentity;
use super::codecs::EncodingId;
use crate::decode::Endpoint;

/// Media may come before its SDP: an answer is looked for this long after a packet, in nanoseconds.
pub(crate) const EARLY_MEDIA: i64 = 3_000_000_000;
/// Descriptions kept of one endpoint: re-INVITEs replace each other, and held-back packets reach 3 s back.
const PER_ENDPOINT: usize = 4;

/// Where SDP says that media goes, or what it says of who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// A party receives here.
    Receiver(Endpoint),
    /// A party sends as this source ([RFC 5576](https://www.rfc-editor.org/rfc/rfc5576)), from wherever: its
    /// addresses may lie behind NAT, or be found by ICE alone.
    Source(u32),
}

/// What one party said of one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// When it was said, nanoseconds since the Unix epoch.
    pub time: i64,
    /// The call it was said in.
    pub call: Arc<CallIdentity>,
    /// Kind of media.
    pub kind: MediaKind,
    /// Payload types and what they carry.
    pub payloads: Vec<(u8, EncodingId)>,
}

/// The `m=` line's media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    /// Speech and music.
    Audio,
    /// Moving pictures.
    Video,
    /// Fax, text, application data.
    Other,
}

impl Binding {
    /// What payload type `payload_type` carries.
    #[must_use]
    pub fn encoding(&self, payload_type: u8) -> Option<EncodingId> {
        self.payloads.iter().find(|(pt, _)| *pt == payload_type).map(|&(_, e)| e)
    }
}

/// All that SDP has said, by place. Bounded: the place heard of longest ago goes first.
#[derive(Debug)]
pub(crate) struct Bindings {
    by_place: HashMap<Place, Vec<Binding>, BuildHasherDefault<DefaultHasher>>,
    order: VecDeque<Place>,
    limit: usize,
    evicted: u64,
}

impl Bindings {
    pub fn new(limit: usize) -> Self {
        Self { by_place: HashMap::default(), order: VecDeque::new(), limit, evicted: 0 }
    }

    /// Takes what was said of `place`. The same said again (a retransmission, a mirrored copy, each hop
    /// of a proxy) changes nothing: `false`.
    pub fn add(&mut self, place: Place, binding: Binding) -> bool {
        let known = self.by_place.entry(place).or_default();
        if known.is_empty() {
            self.order.push_back(place);
        }
        if known.last().is_some_and(|l| l.payloads == binding.payloads && l.call == binding.call) {
            return false;
        }
        if known.len() >= PER_ENDPOINT {
            known.remove(0);
        }
        known.push(binding);
        while self.by_place.len() > self.limit {
            let Some(oldest) = self.order.pop_front() else { break };
            self.by_place.remove(&oldest);
            self.evicted += 1;
        }
        true
    }

    /// What held for `place` at `time`: the latest said before, else the first said within 3 s after.
    pub fn at(&self, place: Place, time: i64) -> Option<&Binding> {
        let known = self.by_place.get(&place)?;
        known
            .iter()
            .rev()
            .find(|b| b.time <= time)
            .or_else(|| known.iter().find(|b| b.time <= time.saturating_add(EARLY_MEDIA)))
    }

    /// What held at `time` for a stream: the receiver's word, else what was said of its sender.
    pub fn of(&self, key: &StreamKey, time: i64) -> impl Iterator<Item = &Binding> {
        places(key).into_iter().filter_map(move |place| self.at(place, time))
    }

    /// Whether anything was ever said of an end of a stream.
    pub fn knows(&self, key: &StreamKey) -> bool {
        places(key).iter().any(|place| self.by_place.contains_key(place))
    }

    /// Places forgotten at the bound.
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }
}

/// Whose word counts for a stream, best first: where it goes, where it comes from, whose source it is.
fn places(key: &StreamKey) -> [Place; 3] {
    [Place::Receiver(key.flow.dst), Place::Receiver(key.flow.src), Place::Source(key.ssrc)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Flow;

    fn binding(time: i64, payload_type: u8) -> Binding {
        Binding {
            time,
            call: Arc::default(),
            kind: MediaKind::Audio,
            payloads: vec![(payload_type, EncodingId::UNKNOWN)],
        }
    }

    #[test]
    fn the_latest_before_a_packet_holds_else_the_first_within_three_seconds() {
        let mut b = Bindings::new(10);
        let end = Place::Source(1);
        let second = 1_000_000_000;
        b.add(end, binding(10 * second, 1));
        b.add(end, binding(20 * second, 2));
        let at = |s: i64| b.at(end, s * second).map(|b| b.payloads[0].0);
        assert_eq!(at(6), None);
        assert_eq!(at(7), Some(1));
        assert_eq!(at(19), Some(1));
        assert_eq!(at(20), Some(2));
    }

    #[test]
    fn endpoints_beyond_the_limit_push_out_the_oldest() {
        let mut b = Bindings::new(2);
        for port in 1..=3 {
            b.add(Place::Receiver(Endpoint { port, ..Endpoint::default() }), binding(0, 0));
        }
        let to = |port| {
            let dst = Endpoint { port, ..Endpoint::default() };
            StreamKey { flow: Flow { dst, ..Flow::default() }, ssrc: 0 }
        };
        assert!(!b.knows(&to(1)));
        assert!(b.knows(&to(3)));
        assert_eq!(b.evicted(), 1);
    }
}
