//! What payload types mean: SDP, RFC 3551, then what the packets themselves say.

use crate::track::arrival::RtpArrival;
use crate::track::codecs::{Encoding, EncodingId, Encodings};
use crate::track::hold::Holds;
use crate::track::inference;
use crate::track::media::Bindings;
use crate::track::stream::{ModeReading, ResolvePayload, Resolved};

/// What SDP says that the payload type of `p` carries: the receiver's word before the sender's.
pub(super) fn described(bindings: &Bindings, p: &RtpArrival) -> Option<EncodingId> {
    bindings.of(&p.key, p.time).find_map(|b| b.encoding(p.payload_type))
}

/// Looks payload types up: SDP, RFC 3551, then what the packets themselves say.
pub(super) struct Resolver<'a> {
    bindings: &'a Bindings,
    encodings: &'a mut Encodings,
    /// The packets held of the stream.
    pub held: Option<(&'a Holds, u32)>,
}

impl<'a> Resolver<'a> {
    pub const fn new(bindings: &'a Bindings, encodings: &'a mut Encodings) -> Self {
        Self { bindings, encodings, held: None }
    }

    fn inferred(&mut self, p: &RtpArrival, main: Option<EncodingId>) -> EncodingId {
        let held =
            self.held.map(|(holds, id)| holds.packets(id).filter(|h| h.payload_type == p.payload_type));
        let main = main.map(|id| self.encodings.get(id));
        let beside_audio = main.is_some() && inference::may_be_event(p);
        if beside_audio || held.clone().is_some_and(inference::looks_like_events) {
            return self.encodings.id(Encoding::new("TELEPHONE-EVENT", 8000));
        }
        // A stream that nobody described has one clock; what a described one adds has none that is known.
        let clock = match main {
            Some(m) if m.inferred => m.clock_rate,
            Some(_) => 0,
            None => held.and_then(inference::clock_rate).unwrap_or(0),
        };
        self.encodings.id(Encoding::unknown(clock))
    }
}

impl ResolvePayload for Resolver<'_> {
    fn resolve(&mut self, p: &RtpArrival, main: Option<EncodingId>) -> Resolved {
        let id = described(self.bindings, p)
            .or_else(|| self.encodings.static_id(p.payload_type))
            .unwrap_or_else(|| self.inferred(p, main));
        let encoding = self.encodings.get(id);
        let modes = match encoding.name.as_str() {
            "AMR-WB" if encoding.octet_aligned => Some(ModeReading::OctetAligned),
            "AMR-WB" => Some(ModeReading::BandwidthEfficient),
            "G723" => Some(ModeReading::G723),
            _ => None,
        };
        Resolved {
            encoding: id,
            clock_rate: encoding.clock_rate,
            is_event: encoding.is_event(),
            is_digit: encoding.name == "TELEPHONE-EVENT",
            modes,
        }
    }
}
