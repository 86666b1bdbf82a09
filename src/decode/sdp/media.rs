//! One media section: a port, what may arrive there, and how.

use std::str::FromStr;

use super::{Address, Direction, MAX_CANDIDATES, MAX_FORMATS};

/// One `m=` line with all that follows it, and what the session says for it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Media<'a> {
    /// `audio`, `video`, `image`, `application`, `message` …
    pub kind: &'a str,
    /// 0 refuses the section, unless it is [`Self::bundle_only`].
    pub port: u16,
    /// Ports in use, every second one from `port` on (RFC 8866 §5.14); 1 as a rule.
    pub port_count: u16,
    /// `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, `udptl` …
    pub proto: &'a str,
    /// In the order of preference in which they are listed; mapped but not listed ones come last.
    pub formats: Vec<Format<'a>>,
    /// Where this side receives: the section's `c=`, else the session's.
    pub connection: Option<Address<'a>>,
    /// The section's direction, else the session's.
    pub direction: Direction,
    /// `a=ptime`, milliseconds, above 0: a wish of the receiver, not a measurement.
    pub ptime_ms: Option<f64>,
    /// `a=maxptime`, milliseconds, above 0.
    pub max_ptime_ms: Option<f64>,
    /// `a=rtcp` ([RFC 3605](https://www.rfc-editor.org/rfc/rfc3605)).
    pub rtcp: Option<Rtcp<'a>>,
    /// `a=rtcp-mux` ([RFC 5761](https://www.rfc-editor.org/rfc/rfc5761)).
    pub rtcp_mux: bool,
    /// `a=ssrc` ([RFC 5576](https://www.rfc-editor.org/rfc/rfc5576)).
    pub sources: Vec<Source<'a>>,
    /// `a=candidate` ([RFC 8839](https://www.rfc-editor.org/rfc/rfc8839)).
    pub candidates: Vec<Candidate<'a>>,
    /// `a=mid`.
    pub mid: Option<&'a str>,
    /// `a=bundle-only`: port 0 does not refuse (RFC 9143 §6).
    pub bundle_only: bool,
    /// `a=setup`: `active`, `passive`, `actpass`, `holdconn` (RFC 4145).
    pub setup: Option<&'a str>,
    /// `a=ice-ufrag`: names this side in STUN user names.
    pub ice_ufrag: Option<&'a str>,
    /// `a=crypto`: SRTP with keys in the SDP (RFC 4568).
    pub crypto: bool,
    /// `a=fingerprint`: DTLS-SRTP (RFC 5763).
    pub fingerprint: bool,
}

/// One format of an `m=` line, with its `a=rtpmap` and `a=fmtp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format<'a> {
    /// As listed: a payload type for RTP, a name for others (`t38`).
    pub name: &'a str,
    /// 0 to 127, when the name is one.
    pub payload_type: Option<u8>,
    /// What `a=rtpmap` says; `None` leaves RFC 3551's static types.
    pub encoding: Option<Encoding<'a>>,
    /// The parameters of `a=fmtp`.
    pub fmtp: Option<&'a str>,
    /// False when there is only an `a=rtpmap` for it.
    pub listed: bool,
}

/// The value of `a=rtpmap` ([RFC 8866 §6.6](https://www.rfc-editor.org/rfc/rfc8866#section-6.6)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding<'a> {
    /// As sent; letter case does not matter.
    pub name: &'a str,
    /// RTP clock, Hz, above 0. For G.722 that is 8000 (RFC 3551 §4.5.2), for Opus always 48000 (RFC 7587 §7).
    pub clock_rate_hz: u32,
    /// 1 when not given.
    pub channels: u8,
}

/// Where RTCP is received when it is not the port above RTP's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rtcp<'a> {
    /// UDP port.
    pub port: u16,
    /// When it is another than the connection's.
    pub address: Option<Address<'a>>,
}

/// One RTP source that this side announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'a> {
    /// Synchronisation source.
    pub ssrc: u32,
    /// Its canonical name.
    pub cname: Option<&'a str>,
}

/// One address at which this side may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// 1 RTP, 2 RTCP.
    pub component: u16,
    /// `UDP`, `TCP`; letter case does not matter.
    pub transport: &'a str,
    /// A name when it is hidden behind mDNS.
    pub address: Address<'a>,
    /// Port.
    pub port: u16,
    /// `host`, `srflx`, `prflx`, `relay`.
    pub kind: &'a str,
}

/// A limit was reached.
#[derive(Debug)]
pub(super) struct Cut;

impl<'a> Media<'a> {
    /// Begins a section by its `m=` value. True: it lists more formats than are kept.
    pub(super) fn open(value: &'a str, session: &Self) -> (Self, bool) {
        let mut words = value.split_ascii_whitespace();
        let kind = words.next().unwrap_or_default();
        let (port, count) = split(words.next().unwrap_or_default(), '/');
        let proto = words.next().unwrap_or_default();
        let formats = words.by_ref().take(MAX_FORMATS).map(|name| Format::new(name, true)).collect();
        let media = Self {
            kind,
            // A port that is none refuses: nothing can be sent there.
            port: port.parse().unwrap_or_default(),
            port_count: count.parse().unwrap_or(1),
            proto,
            formats,
            sources: Vec::new(),
            candidates: Vec::new(),
            ..session.clone()
        };
        (media, words.next().is_some())
    }

    /// Takes up one line of the section.
    pub(super) fn read_line(&mut self, kind: u8, value: &'a str) -> Result<(), Cut> {
        match kind {
            b'c' => self.connection = value.split_ascii_whitespace().nth(2).and_then(Address::parse),
            b'a' => return self.read_attribute(value),
            _ => {}
        }
        Ok(())
    }

    fn read_attribute(&mut self, attribute: &'a str) -> Result<(), Cut> {
        let (name, value) = split(attribute, ':');
        let value = value.trim_ascii();
        match name {
            "rtpmap" => return self.map(value, |format, value| format.encoding = Encoding::parse(value)),
            "fmtp" => return self.map(value, |format, value| format.fmtp = Some(value)),
            "ptime" => self.ptime_ms = milliseconds(value),
            "maxptime" => self.max_ptime_ms = milliseconds(value),
            "rtcp" => self.rtcp = Rtcp::parse(value),
            "rtcp-mux" => self.rtcp_mux = true,
            "ssrc" => return self.read_source(value),
            "candidate" => return keep(&mut self.candidates, Candidate::parse(value)),
            "mid" => self.mid = Some(value),
            "bundle-only" => self.bundle_only = true,
            "setup" => self.setup = Some(value),
            "ice-ufrag" => self.ice_ufrag = Some(value),
            "crypto" => self.crypto = true,
            "fingerprint" => self.fingerprint = true,
            _ => self.direction = Direction::parse(name).unwrap_or(self.direction),
        }
        Ok(())
    }

    /// Changes the format that a value begins with; the last line about a format holds.
    fn map(&mut self, value: &'a str, change: impl FnOnce(&mut Format<'a>, &'a str)) -> Result<(), Cut> {
        let (name, value) = split(value, ' ');
        let value = value.trim_ascii();
        if let Some(format) = self.formats.iter_mut().find(|format| format.name == name) {
            change(format, value);
            return Ok(());
        }
        if self.formats.len() >= MAX_FORMATS {
            return Err(Cut);
        }
        let mut format = Format::new(name, false);
        change(&mut format, value);
        self.formats.push(format);
        Ok(())
    }

    /// `a=ssrc:id attribute[:value]`, one line an attribute.
    fn read_source(&mut self, value: &'a str) -> Result<(), Cut> {
        let (id, attribute) = split(value, ' ');
        let Ok(ssrc) = id.parse() else { return Ok(()) };
        let cname = attribute.strip_prefix("cname:");
        match self.sources.iter_mut().find(|source| source.ssrc == ssrc) {
            Some(source) => source.cname = source.cname.or(cname),
            None => return keep(&mut self.sources, Some(Source { ssrc, cname })),
        }
        Ok(())
    }

    /// True when this side will have none of it (RFC 3264 §6).
    pub const fn is_refused(&self) -> bool {
        self.port == 0 && !self.bundle_only
    }

    /// True when this side means to send.
    pub const fn sends(&self) -> bool {
        !self.is_refused() && matches!(self.direction, Direction::SendRecv | Direction::SendOnly)
    }

    /// True when this side is ready to receive: also not so at `0.0.0.0`, the hold of RFC 2543.
    pub fn receives(&self) -> bool {
        !self.is_refused()
            && matches!(self.direction, Direction::SendRecv | Direction::RecvOnly)
            && !self.connection.is_some_and(Address::is_unspecified)
    }

    /// True when media does not flow both ways though the section is not refused: hold, either side's
    /// (RFC 3264 §8.4).
    pub fn is_on_hold(&self) -> bool {
        let both_ways = self.sends() && self.receives();
        !self.is_refused() && !both_ways
    }

    /// The format of a payload type.
    pub fn format(&self, payload_type: u8) -> Option<&Format<'a>> {
        self.formats.iter().find(|format| format.payload_type == Some(payload_type))
    }

    /// The port where RTCP is received: RTP's when multiplexed, else what `a=rtcp` says, else the one above
    /// (RFC 3550 §11). `None` when refused.
    pub fn rtcp_port(&self) -> Option<u16> {
        if self.port == 0 {
            return None;
        }
        if self.rtcp_mux {
            return Some(self.port);
        }
        self.rtcp.map_or_else(|| self.port.checked_add(1), |rtcp| Some(rtcp.port))
    }
}

impl<'a> Format<'a> {
    fn new(name: &'a str, listed: bool) -> Self {
        let payload_type = name.parse().ok().filter(|payload_type| *payload_type < 128);
        Self { name, payload_type, encoding: None, fmtp: None, listed }
    }
}

impl<'a> Encoding<'a> {
    fn parse(value: &'a str) -> Option<Self> {
        let mut parts = value.split('/').map(str::trim_ascii);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let clock_rate_hz = parts.next()?.parse().ok().filter(|rate| *rate > 0)?;
        Some(Self { name, clock_rate_hz, channels: parts.next().and_then(parse).unwrap_or(1) })
    }
}

impl<'a> Rtcp<'a> {
    /// `port [nettype addrtype address]`.
    fn parse(value: &'a str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let port = words.next().and_then(parse)?;
        Some(Self { port, address: words.nth(2).and_then(Address::parse) })
    }
}

impl<'a> Candidate<'a> {
    /// `foundation component transport priority address port typ kind …`.
    fn parse(value: &'a str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace().skip(1);
        let component = words.next().and_then(parse)?;
        let transport = words.next()?;
        let address = words.nth(1).and_then(Address::parse)?;
        let port = words.next().and_then(parse)?;
        let kind = words.next().filter(|word| *word == "typ").and_then(|_| words.next())?;
        Some(Self { component, transport, address, port, kind })
    }
}

fn keep<T>(kept: &mut Vec<T>, item: Option<T>) -> Result<(), Cut> {
    let Some(item) = item else { return Ok(()) };
    if kept.len() >= MAX_CANDIDATES {
        return Err(Cut);
    }
    kept.push(item);
    Ok(())
}

fn parse<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn milliseconds(value: &str) -> Option<f64> {
    parse(value).filter(|ms: &f64| ms.is_finite() && *ms > 0.0)
}

/// Before and after the first `at`; nothing after when there is none.
fn split(text: &str, at: char) -> (&str, &str) {
    text.split_once(at).unwrap_or((text, ""))
}
