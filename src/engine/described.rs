//! What a session description says of where media goes.

use std::sync::Arc;

use crate::decode::Endpoint;
use crate::decode::sdp::{self, Sdp};
use crate::track::call::CallIdentity;
use crate::track::codecs::{Encoding, static_payload_type};
use crate::track::media::{MediaKind, Place};

/// Ports of one `m=` line that names several.
const MAX_PORTS: u16 = 8;

/// What one party said of one place where it receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The place.
    pub place: Place,
    /// When it was said.
    pub time: i64,
    /// The call it was said in.
    pub call: Arc<CallIdentity>,
    /// Kind of media.
    pub kind: MediaKind,
    /// Payload types and what they carry.
    pub payloads: Vec<(u8, Encoding)>,
}

impl Described {
    /// Takes over the payload types of another section that shares this transport.
    fn merge(&mut self, other: &[(u8, Encoding)]) {
        for (payload_type, encoding) in other {
            if !self.payloads.iter().any(|(own, _)| own == payload_type) {
                self.payloads.push((*payload_type, encoding.clone()));
            }
        }
    }
}

/// Where the sender of a session description receives media, and what its payload types mean there.
///
/// Sections of one BUNDLE group share a transport, so each of their endpoints knows all their payload types.
pub(super) fn describe(body: &[u8], call: &Arc<CallIdentity>, time: i64) -> Vec<Described> {
    let sdp = Sdp::parse(body);
    let mut all: Vec<Described> = Vec::new();
    let mut bundled: Vec<(u8, Encoding)> = Vec::new();
    let mut in_bundle: Vec<Place> = Vec::new();
    for media in sdp.media.iter().filter(|m| m.proto.contains("RTP")) {
        let payloads = payloads(media);
        let receivers = endpoints(media).into_iter().map(Place::Receiver);
        let places: Vec<Place> =
            receivers.chain(media.sources.iter().map(|s| Place::Source(s.ssrc))).collect();
        if media.mid.is_some_and(|mid| sdp.is_bundled(mid)) {
            in_bundle.extend(&places);
            bundled.extend(payloads.iter().cloned());
        }
        for place in places {
            match all.iter_mut().find(|d| d.place == place) {
                Some(described) => described.merge(&payloads),
                None => {
                    let (kind, call) = (kind(media), Arc::clone(call));
                    all.push(Described { place, time, call, kind, payloads: payloads.clone() });
                }
            }
        }
    }
    for described in all.iter_mut().filter(|d| in_bundle.contains(&d.place)) {
        described.merge(&bundled);
    }
    all
}

fn kind(media: &sdp::Media<'_>) -> MediaKind {
    match media.kind {
        "audio" => MediaKind::Audio,
        "video" => MediaKind::Video,
        _ => MediaKind::Other,
    }
}

/// The section's own address, and its ICE candidates for RTP.
fn endpoints(media: &sdp::Media<'_>) -> Vec<Endpoint> {
    let own = media.connection.filter(|a| !a.is_unspecified()).and_then(|a| a.ip());
    let ports = (0..media.port_count.clamp(1, MAX_PORTS)).map(|n| media.port.wrapping_add(2 * n));
    let own = own
        .into_iter()
        .flat_map(|ip| ports.clone().filter(|p| *p != 0).map(move |port| Endpoint::new(ip.into(), port)));
    let candidates = media.candidates.iter().filter(|c| c.component == 1).filter_map(|c| {
        let ip = c.address.ip()?;
        (c.transport.eq_ignore_ascii_case("udp") && c.port != 0).then(|| Endpoint::new(ip.into(), c.port))
    });
    own.chain(candidates).collect()
}

fn payloads(media: &sdp::Media<'_>) -> Vec<(u8, Encoding)> {
    let mut all = Vec::new();
    for format in &media.formats {
        let Some(payload_type) = format.payload_type else { continue };
        // An rtpmap for a static type is legal and wins over the table.
        let named = format.encoding.map(|e| (e.name, e.clock_rate_hz));
        let Some((name, clock)) = named.or_else(|| static_payload_type(payload_type)) else { continue };
        all.push((payload_type, Encoding::new(name, clock).with_fmtp(format.fmtp.unwrap_or_default())));
    }
    all
}
