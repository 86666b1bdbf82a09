//! What a phone says of the media it received: the body of a voice quality report
//! ([RFC 6035 §4.6](https://www.rfc-editor.org/rfc/rfc6035#section-4.6)).
//!
//! Read as leniently as phones write: any order of lines, folded or not, blank lines between, any case of names.
//! A number that cannot be right is none: a monitor must not show what nobody measured.

use std::net::IpAddr;

use super::address::NameAddr;
use super::headers::{Lines, split_field};
use super::params::Params;
use super::text::{is_blank, split_once, split_quoted, split_while, trim, trim_start};
use crate::decode::flow::Address;

/// Why a report was sent ([RFC 6035 §4.5](https://www.rfc-editor.org/rfc/rfc6035#section-4.5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// Of a session, from its start.
    Session,
    /// Of a part of one.
    Interval,
    /// A threshold was crossed.
    Alert,
}

/// One report. What it says of the media is looked up when asked for.
#[derive(Clone, Copy, Debug)]
pub struct VoiceQuality<'a> {
    /// Why it was sent.
    pub kind: ReportKind,
    /// The last one of its session.
    pub is_final: bool,
    /// Call-ID of the call it speaks of (`CallID`).
    pub call_id: Option<&'a [u8]>,
    /// Who reports (`LocalID`).
    pub local_id: Option<NameAddr<'a>>,
    /// The other end (`RemoteID`).
    pub remote_id: Option<NameAddr<'a>>,
    /// Who began the session (`OrigID`).
    pub originator: Option<NameAddr<'a>>,
    /// Where who reports receives (`LocalAddr`).
    pub local: MediaEnd,
    /// Where that comes from (`RemoteAddr`).
    pub remote: MediaEnd,
    /// Of what who reports received.
    pub local_metrics: Option<Metrics<'a>>,
    /// Of what the other end received, as it told.
    pub remote_metrics: Option<Metrics<'a>>,
    /// Call-ID of the dialog (`DialogID`).
    pub dialog_call_id: Option<&'a [u8]>,
    /// Its tags, `to-tag` and `from-tag`.
    pub dialog_tags: [Option<&'a [u8]>; 2],
}

/// An address of media.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MediaEnd {
    /// `IP`.
    pub address: Option<Address>,
    /// `PORT`; `None` where 0.
    pub port: Option<u16>,
    /// `SSRC` of what is sent from here.
    pub ssrc: Ssrc,
}

/// An SSRC as written. The standard wants hexadecimal digits behind `0x`; its own examples leave the prefix out,
/// and phones write decimal digits too: without a prefix both readings stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ssrc {
    /// Read as hexadecimal.
    pub hexadecimal: Option<u32>,
    /// Read as decimal.
    pub decimal: Option<u32>,
}

impl Ssrc {
    /// Whether `ssrc` may be what was written. 0 stands for one that the phone did not know.
    #[must_use]
    pub fn may_be(self, ssrc: u32) -> bool {
        ssrc != 0 && (self.hexadecimal == Some(ssrc) || self.decimal == Some(ssrc))
    }

    fn parse(text: &str) -> Self {
        if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            return Self { hexadecimal: hexadecimal(digits), decimal: None };
        }
        let decimal = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        Self { hexadecimal: hexadecimal(text), decimal }
    }
}

fn hexadecimal(digits: &str) -> Option<u32> {
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// Longest number that is read, in characters.
const MAX_NUMBER: usize = 24;

/// The lines of `LocalMetrics` or `RemoteMetrics`.
#[derive(Clone, Copy, Debug)]
pub struct Metrics<'a>(&'a [u8]);

impl<'a> Metrics<'a> {
    /// What stands behind `key=` in the line `line`, quotes taken off.
    #[must_use]
    pub fn value(&self, line: &str, key: &str) -> Option<&'a [u8]> {
        let mut lines = Fields::new(self.0).filter(|field| field.name.eq_ignore_ascii_case(line.as_bytes()));
        lines.find_map(|field| find(field.value, key))
    }

    /// The number behind `key=` in the line `line`, where it is one from `least` to `most`: digits and one point,
    /// no sign, no exponent.
    #[must_use]
    pub fn number(&self, line: &str, key: &str, least: f64, most: f64) -> Option<f64> {
        let text = self.value(line, key)?;
        let plain = text.iter().all(|b| b.is_ascii_digit() || *b == b'.');
        let digits = str::from_utf8(text).ok().filter(|t| plain && !t.is_empty() && t.len() <= MAX_NUMBER)?;
        digits.parse().ok().filter(|number| (least..=most).contains(number))
    }

    /// Lost in the network, per cent (`NLR`).
    #[must_use]
    pub fn loss_percent(&self) -> Option<f64> {
        self.number("PacketLoss", "NLR", 0.0, 100.0)
    }

    /// Discarded by the jitter buffer, per cent (`JDR`).
    #[must_use]
    pub fn discard_percent(&self) -> Option<f64> {
        self.number("PacketLoss", "JDR", 0.0, 100.0)
    }

    /// MOS-LQ, 1…5. The grammar allows less, the scale does not ([RFC 6035 §4.6.2.11.9.1](https://www.rfc-editor.org/rfc/rfc6035#section-4.6.2.11.9.1)).
    #[must_use]
    pub fn mos_lq(&self) -> Option<f64> {
        self.number("QualityEst", "MOSLQ", 1.0, 5.0)
    }

    /// MOS-CQ, 1…5.
    #[must_use]
    pub fn mos_cq(&self) -> Option<f64> {
        self.number("QualityEst", "MOSCQ", 1.0, 5.0)
    }

    /// Round trip, ms; `None` where 0: that is RFC 3611's word for one that was not measured, which this is a
    /// copy of ([RFC 6035 §4.6.2.9.1](https://www.rfc-editor.org/rfc/rfc6035#section-4.6.2.9.1)).
    #[must_use]
    pub fn round_trip_ms(&self) -> Option<f64> {
        self.number("Delay", "RTD", 0.0, 65_535.0).filter(|ms| *ms > 0.0)
    }
}

impl<'a> VoiceQuality<'a> {
    /// Reads one body; `None` where its first line is none of the three headings. A second report behind it is
    /// not looked at: several come as parts of a multipart (RFC 6035 §3.3).
    #[must_use]
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let (heading, rest) = heading(trim_start(body))?;
        let mut report = Self::begun(heading);
        // Where the lines of metrics begin, and whose they are.
        let mut block: Option<(bool, &'a [u8])> = None;
        let mut fields = Fields::new(rest);
        let mut end = fields.rest();
        while let Some(field) = fields.next() {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name.as_bytes());
            let remote = is("RemoteMetrics");
            // "Metrics" alone is what the standard's example of an alert has (RFC 6035 §4.7.4).
            let begins = remote || is("LocalMetrics") || is("Metrics");
            if begins || is("DialogID") {
                report.close(block.take(), end);
            }
            if begins {
                block = Some((remote, fields.rest()));
            } else if field.name.len() > 8 && field.name.starts_with(b"VQ") {
                break;
            } else {
                report.note(field);
            }
            end = fields.rest();
        }
        report.close(block, end);
        Some(report)
    }

    fn begun((kind, is_final): (ReportKind, bool)) -> Self {
        Self {
            kind,
            is_final,
            call_id: None,
            local_id: None,
            remote_id: None,
            originator: None,
            local: MediaEnd::default(),
            remote: MediaEnd::default(),
            local_metrics: None,
            remote_metrics: None,
            dialog_call_id: None,
            dialog_tags: [None; 2],
        }
    }

    fn close(&mut self, block: Option<(bool, &'a [u8])>, end: &'a [u8]) {
        let Some((remote, from)) = block else { return };
        let lines = Metrics(from.get(..from.len().saturating_sub(end.len())).unwrap_or_default());
        let place = if remote { &mut self.remote_metrics } else { &mut self.local_metrics };
        place.get_or_insert(lines);
    }

    fn note(&mut self, Field { name, value }: Field<'a>) {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        let text = Some(value).filter(|v| !v.is_empty());
        if is("CallID") {
            self.call_id = self.call_id.or(text);
        } else if is("LocalID") {
            self.local_id = self.local_id.or(text.map(NameAddr::parse));
        } else if is("RemoteID") {
            self.remote_id = self.remote_id.or(text.map(NameAddr::parse));
        } else if is("OrigID") {
            self.originator = self.originator.or(text.map(NameAddr::parse));
        } else if is("LocalAddr") {
            self.local = MediaEnd::parse(value);
        } else if is("RemoteAddr") {
            self.remote = MediaEnd::parse(value);
        } else if is("DialogID") {
            let (call_id, params) = split_once(value, b';');
            self.dialog_call_id = Some(trim(call_id)).filter(|id| !id.is_empty());
            let params = Params(params.unwrap_or_default());
            self.dialog_tags = [params.find("to-tag"), params.find("from-tag")];
        }
    }
}

impl MediaEnd {
    fn parse(value: &[u8]) -> Self {
        let text = |key: &str| find(value, key).or_else(|| after_colon(value, key));
        let text = |key: &str| text(key).and_then(|v| str::from_utf8(v).ok());
        let address: Option<IpAddr> =
            text("IP").and_then(|ip| ip.trim_start_matches('[').trim_end_matches(']').parse().ok());
        Self {
            address: address.filter(|ip| !ip.is_unspecified()).map(Address::from),
            port: text("PORT").and_then(|port| port.parse().ok()).filter(|port| *port != 0),
            ssrc: text("SSRC").map(Ssrc::parse).unwrap_or_default(),
        }
    }
}

/// Kind and finality of the heading, and what is behind its line.
fn heading(body: &[u8]) -> Option<((ReportKind, bool), &[u8])> {
    let mut lines = Lines::new(body);
    let (name, rest) = split_while(lines.next()?, |octet| octet.is_ascii_alphanumeric());
    let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
    let kind = if is("VQSessionReport") {
        ReportKind::Session
    } else if is("VQIntervalReport") {
        ReportKind::Interval
    } else if is("VQAlertReport") {
        ReportKind::Alert
    } else {
        return None;
    };
    let said = trim_start(rest).strip_prefix(b":").map(trim).unwrap_or_default();
    Some(((kind, said.eq_ignore_ascii_case(b"CallTerm")), lines.rest()))
}

/// A line `name: value`.
#[derive(Clone, Copy, Debug)]
struct Field<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

/// Lines with a name, empty ones passed over: senders put them between the blocks.
struct Fields<'a>(Lines<'a>);

impl<'a> Fields<'a> {
    const fn new(body: &'a [u8]) -> Self {
        Self(Lines::new(body))
    }

    const fn rest(&self) -> &'a [u8] {
        self.0.rest()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        loop {
            match self.0.next() {
                Some(line) => {
                    if let Some((name, value)) = split_field(line) {
                        return Some(Field { name, value });
                    }
                }
                None if self.0.rest().is_empty() => return None,
                None => self.0 = Lines::new(self.0.rest()),
            }
        }
    }
}

/// The value of `key` in `A=1 B = 2 C="three four"`.
fn find<'a>(mut rest: &'a [u8], key: &str) -> Option<&'a [u8]> {
    loop {
        rest = trim_start(rest);
        if rest.is_empty() {
            return None;
        }
        let (name, after) = split_while(rest, |octet| octet != b'=' && !is_blank(octet));
        let Some(after) = trim_start(after).strip_prefix(b"=").map(trim_start) else {
            rest = after;
            continue;
        };
        let (value, after) = match after.strip_prefix(b"\"") {
            Some(quoted) => split_quoted(quoted),
            None => split_while(after, |octet| !is_blank(octet)),
        };
        if name.eq_ignore_ascii_case(key.as_bytes()) {
            return Some(value);
        }
        rest = after;
    }
}

/// The value of `key` in `A:1 B:2`, as some senders write addresses.
fn after_colon<'a>(value: &'a [u8], key: &str) -> Option<&'a [u8]> {
    value.split(|octet| is_blank(*octet)).find_map(|word| {
        let (name, rest) = split_once(word, b':');
        rest.filter(|_| name.eq_ignore_ascii_case(key.as_bytes()))
    })
}

#[cfg(test)]
mod tests;
