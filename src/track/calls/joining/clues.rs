//! What an INVITE says that could tell which other dialogs are of its call.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::super::numbers::Number;
use super::super::{Seen, text};
use crate::decode::sdp::Sdp;
use crate::decode::sip::{Message, NameAddr, Uri};
use crate::decode::{Address, Endpoint};
use crate::track::call::JoinedBy;

/// What an INVITE says of other dialogs.
#[derive(Debug, Default)]
pub(crate) struct Clues {
    pub time: i64,
    /// Hashes of what only dialogs of one call have in common, and how they do.
    pub names: Vec<(u64, JoinedBy)>,
    pub from: Number,
    pub to: Number,
    pub target: Number,
    pub media: Option<Endpoint>,
    pub origin: Option<u64>,
    pub src: Option<Address>,
    pub dst: Option<Address>,
}

impl Clues {
    pub fn of(seen: &Seen<'_>, correlate_headers: &[Box<str>]) -> Self {
        let message = seen.message;
        let user = |a: Option<NameAddr<'_>>| Number::of(a.and_then(|a| a.uri.user()));
        let body = message.sdp_bodies().next();
        let sdp = body.map(Sdp::parse).unwrap_or_default();
        let audio = sdp.media.iter().find(|m| m.kind == "audio" && m.port != 0);
        let media = audio.and_then(|m| {
            let ip = m.connection.and_then(|a| a.ip()).filter(|ip| !ip.is_unspecified())?;
            Some(Endpoint::new(ip.into(), m.port))
        });
        Self {
            time: seen.time,
            names: names(message, correlate_headers),
            from: user(message.from()),
            to: user(message.to()),
            target: Number::of(message.request_uri().and_then(Uri::user)),
            media,
            // Name, session and address; the version changes.
            origin: sdp.origin.map(|o| {
                let mut words: Vec<&str> = o.split_ascii_whitespace().collect();
                if words.len() > 2 {
                    words.remove(2);
                }
                hash(&("origin", words))
            }),
            src: message.method().map(|_| seen.flow.src.address),
            dst: message.method().map(|_| seen.flow.dst.address),
        }
    }

    pub fn keys(&self) -> Vec<u64> {
        let mut keys: Vec<u64> = [&self.to, &self.target, &self.from]
            .into_iter()
            .filter_map(|n| n.key().map(|key| hash(&("number", key))))
            .collect();
        keys.extend(self.media.map(|m| hash(&("media", m))));
        keys.extend(self.origin);
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

pub(super) fn hash(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// Session-IDs, and the values of configured headers.
fn names(message: &Message<'_>, correlate_headers: &[Box<str>]) -> Vec<(u64, JoinedBy)> {
    let mut names = Vec::new();
    if let Some(value) = message.header("Session-ID") {
        let mut parts = value.split(|c| *c == b';').map(<[u8]>::trim_ascii);
        let local = parts.next();
        let remote = parts.find_map(|p| p.strip_prefix(b"remote="));
        for uuid in local.into_iter().chain(remote) {
            let uuid = uuid.to_ascii_lowercase();
            // The nil UUID stands for an end that is not known yet (RFC 7989 §5).
            let is_uuid = uuid.len() == 32 && uuid.iter().all(u8::is_ascii_hexdigit);
            if is_uuid && uuid.iter().any(|c| *c != b'0') {
                names.push((hash(&("session", uuid)), JoinedBy::SessionId));
            }
        }
    }
    for header in correlate_headers {
        if let Some(value) = message.header(header).map(<[u8]>::trim_ascii).filter(|v| !v.is_empty()) {
            names.push((hash(&("header", text(value))), JoinedBy::Header));
        }
    }
    names
}
