//! From a SIP message to what the tables take of it: counts, and who receives media where.

use std::collections::BTreeMap;

use crate::decode::sdp::{Media, Sdp};
use crate::decode::sip::{Message, StartLine};
use crate::decode::Endpoint;
use crate::track::codecs::{Encoding, EncodingId, static_payload_type};
use crate::track::media::{Binding, MediaKind};

/// Methods counted by name; any token is a method, and hostile senders have many.
const MAX_METHODS: usize = 256;
/// Ports of one `m=` line that names several.
const MAX_PORTS: u16 = 8;

/// SIP messages seen, retransmissions and copies included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageCounts {
    /// By method.
    pub requests: BTreeMap<String, u64>,
    /// By status code.
    pub responses: BTreeMap<u16, u64>,
}

impl MessageCounts {
    pub(super) fn count(&mut self, message: &Message<'_>) {
        match message.start_line() {
            StartLine::Status { code, .. } => *self.responses.entry(code).or_default() += 1,
            StartLine::Request { method, .. } => {
                if let Some(n) = self.requests.get_mut(method) {
                    *n += 1;
                } else {
                    let name = if self.requests.len() < MAX_METHODS { method } else { "other" };
                    *self.requests.entry(name.to_owned()).or_default() += 1;
                }
            }
        }
    }
}

/// Where the sender of a session description receives media, and what its payload types mean there.
///
/// Sections of one BUNDLE group share a transport, so each of their endpoints knows all their payload types.
pub(super) fn describe(
    body: &[u8],
    call: u64,
    time: i64,
    mut id_of: impl FnMut(Encoding) -> EncodingId,
) -> Vec<(Endpoint, Binding)> {
    let sdp = Sdp::parse(body);
    let mut all: Vec<(Endpoint, Binding)> = Vec::new();
    let mut bundled: Option<Binding> = None;
    let mut in_bundle: Vec<Endpoint> = Vec::new();
    for media in sdp.media.iter().filter(|m| m.proto.contains("RTP")) {
        let binding = Binding { time, call, kind: kind(media), payloads: payloads(media, &mut id_of) };
        let is_bundled = media.mid.is_some_and(|mid| sdp.is_bundled(mid));
        let ends = endpoints(media);
        if is_bundled {
            in_bundle.extend(&ends);
            match &mut bundled {
                Some(b) => b.merge(binding.clone()),
                None => bundled = Some(binding.clone()),
            }
        }
        for end in ends {
            match all.iter_mut().find(|(e, _)| *e == end) {
                Some((_, b)) => b.merge(binding.clone()),
                None => all.push((end, binding.clone())),
            }
        }
    }
    if let Some(bundled) = bundled {
        for (end, binding) in all.iter_mut().filter(|(e, _)| in_bundle.contains(e)) {
            let _ = end;
            binding.merge(bundled.clone());
        }
    }
    all
}

fn kind(media: &Media<'_>) -> MediaKind {
    match media.kind {
        "audio" => MediaKind::Audio,
        "video" => MediaKind::Video,
        _ => MediaKind::Other,
    }
}

/// The section's own address, and its ICE candidates for RTP.
fn endpoints(media: &Media<'_>) -> Vec<Endpoint> {
    let own = media.connection.filter(|a| !a.is_unspecified()).and_then(|a| a.ip());
    let ports = (0..media.port_count.clamp(1, MAX_PORTS)).map(|n| media.port.wrapping_add(2 * n));
    let own = own.into_iter().flat_map(|ip| {
        ports.clone().filter(|p| *p != 0).map(move |port| Endpoint::new(ip.into(), port))
    });
    let candidates = media.candidates.iter().filter(|c| c.component == 1).filter_map(|c| {
        let ip = c.address.ip()?;
        (c.transport.eq_ignore_ascii_case("udp") && c.port != 0).then(|| Endpoint::new(ip.into(), c.port))
    });
    own.chain(candidates).collect()
}

fn payloads(media: &Media<'_>, id_of: &mut impl FnMut(Encoding) -> EncodingId) -> Vec<(u8, EncodingId)> {
    let mut all = Vec::new();
    for format in &media.formats {
        let Some(payload_type) = format.payload_type else { continue };
        // An rtpmap for a static type is legal and wins over the table.
        let named = format.encoding.map(|e| (e.name, e.clock_rate_hz));
        let Some((name, clock)) = named.or_else(|| static_payload_type(payload_type)) else { continue };
        let encoding = Encoding::new(name, clock).with_fmtp(format.fmtp.unwrap_or_default());
        all.push((payload_type, id_of(encoding)));
    }
    all
}
