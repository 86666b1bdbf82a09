//! Session descriptions as borrowed views ([RFC 8866](https://www.rfc-editor.org/rfc/rfc8866)).
//!
//! Answers what a monitor asks of an offer or answer: where does this side receive what, under which payload
//! types, and does it want to send and receive at all. Reads any bytes; lines it does not know, cannot read
//! or that are not UTF-8 are passed over. Bounded: beyond the `MAX_` limits a description is cut and
//! [`Sdp::cut`] says so.
//!
//! Deliberately absent: matching an offer with its answer, and the static payload types of RFC 3551 (both
//! need more than one description).

use std::net::IpAddr;

mod media;
#[cfg(test)]
mod tests;

pub use media::{Candidate, Encoding, Format, Media, Rtcp, Source};

/// Media sections kept of one description.
pub const MAX_MEDIA: usize = 64;
/// Formats kept of one media section.
pub const MAX_FORMATS: usize = 64;
/// ICE candidates, and as many RTP sources, kept of one media section.
pub const MAX_CANDIDATES: usize = 32;
/// `a=group:BUNDLE` lines kept of one description.
pub const MAX_BUNDLES: usize = 8;

/// One session description.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sdp<'a> {
    /// The `o=` line: changes its version with every new offer (RFC 3264 §8).
    pub origin: Option<&'a str>,
    /// The connection address of the session; each [`Media`] already has it where it has none of its own.
    pub connection: Option<Address<'a>>,
    /// The media sections in order; their position is what an answer refers to.
    pub media: Vec<Media<'a>>,
    /// The identification tags of each BUNDLE group, separated by blanks
    /// ([RFC 9143](https://www.rfc-editor.org/rfc/rfc9143)).
    pub bundles: Vec<&'a str>,
    /// True when something beyond the limits was left out.
    pub cut: bool,
}

impl<'a> Sdp<'a> {
    /// Reads a description; an empty one when the bytes hold none.
    pub fn parse(bytes: &'a [u8]) -> Self {
        let mut sdp = Self::default();
        // What the session says holds for every section that does not say it itself (RFC 8866 §5.7, §6.7).
        let mut inherited = Media::default();
        for (kind, value) in lines(bytes) {
            if kind == b'm' {
                sdp.open_section(value, &inherited);
            } else if sdp.media.is_empty() {
                sdp.read_session_line(kind, value, &mut inherited);
            } else if sdp.media.len() <= MAX_MEDIA
                && let Some(media) = sdp.media.last_mut()
            {
                sdp.cut |= media.read_line(kind, value).is_err();
            }
        }
        sdp.cut |= sdp.media.len() > MAX_MEDIA;
        sdp.media.truncate(MAX_MEDIA);
        sdp
    }

    /// True when the section with this identification tag shares its transport with others.
    pub fn is_bundled(&self, mid: &str) -> bool {
        self.bundles.iter().flat_map(|group| group.split_ascii_whitespace()).any(|tag| tag == mid)
    }

    /// One section more than is kept may be open: it takes the lines of all that are left out.
    fn open_section(&mut self, value: &'a str, inherited: &Media<'a>) {
        if self.media.len() > MAX_MEDIA {
            return;
        }
        let (media, cut) = Media::open(value, inherited);
        self.cut |= cut;
        self.media.push(media);
    }

    fn read_session_line(&mut self, kind: u8, value: &'a str, inherited: &mut Media<'a>) {
        if kind == b'o' {
            self.origin = Some(value);
        }
        if let (b'a', Some(tags)) = (kind, value.strip_prefix("group:BUNDLE")) {
            if self.bundles.len() < MAX_BUNDLES {
                self.bundles.push(tags.trim_ascii());
            } else {
                self.cut = true;
            }
        }
        self.cut |= inherited.read_line(kind, value).is_err();
        self.connection = inherited.connection;
    }
}

/// Where media is received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address<'a> {
    /// An address.
    Ip(IpAddr),
    /// A host name, or an address of a kind unknown here; never looked up.
    Name(&'a str),
}

impl<'a> Address<'a> {
    /// Reads an address without its time to live and address count (RFC 8866 §5.7).
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let text = text.split('/').next().filter(|text| !text.is_empty())?;
        Some(text.parse().map_or(Self::Name(text), Self::Ip))
    }

    /// The address; `None` for a name.
    pub const fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(ip),
            Self::Name(_) => None,
        }
    }

    /// True for `0.0.0.0` and `::`: nothing is to be sent there (RFC 3264 §8.4, RFC 6157 §3.2).
    pub const fn is_unspecified(self) -> bool {
        matches!(self, Self::Ip(ip) if ip.is_unspecified())
    }
}

/// The way media is to flow, as the sender of the description sees it
/// ([RFC 8866 §6.7](https://www.rfc-editor.org/rfc/rfc8866#section-6.7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Both ways; also what holds when nothing is said.
    #[default]
    SendRecv,
    /// This side only sends.
    SendOnly,
    /// This side only receives.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    fn parse(attribute: &str) -> Option<Self> {
        Some(match attribute {
            "sendrecv" => Self::SendRecv,
            "sendonly" => Self::SendOnly,
            "recvonly" => Self::RecvOnly,
            "inactive" => Self::Inactive,
            _ => return None,
        })
    }
}

/// The lines as type and value, whichever way they end.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (u8, &str)> {
    bytes.split(|octet| *octet == b'\n').filter_map(|line| match line {
        [kind, b'=', value @ ..] => Some((*kind, str::from_utf8(value).ok()?.trim_ascii())),
        _ => None,
    })
}
