//! What a body carries that is read here, session descriptions and voice quality reports: alone, or among the
//! parts of a multipart
//! ([RFC 5621](https://www.rfc-editor.org/rfc/rfc5621), [RFC 2046 §5.1](https://www.rfc-editor.org/rfc/rfc2046#section-5.1)).

use memchr::memmem;

use super::headers::{Headers, Lines, is_named};
use super::params::Params;
use super::start_line::{skip_line_ends, split_line};
use super::text::{split_once, trim};

/// What is looked for in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// `application/sdp`.
    Sdp,
    /// `application/vq-rtcpxr` ([RFC 6035 §5.2](https://www.rfc-editor.org/rfc/rfc6035#section-5.2)).
    VoiceQuality,
}

/// Everything of one kind in a body. Looks into multiparts, and into a multipart inside one, not deeper.
#[derive(Debug, Clone)]
pub struct Bodies<'a> {
    wanted: Wanted,
    alone: Option<&'a [u8]>,
    outer: Option<Parts<'a>>,
    inner: Option<Parts<'a>>,
}

impl<'a> Bodies<'a> {
    pub(super) fn new(wanted: Wanted, content_type: Option<&'a [u8]>, body: &'a [u8]) -> Self {
        let none = Self { wanted, alone: None, outer: None, inner: None };
        match classify(wanted, content_type, body) {
            Body::Wanted(alone) => Self { alone: Some(alone), ..none },
            Body::Multipart(parts) => Self { outer: Some(parts), ..none },
            Body::Other => none,
        }
    }
}

impl<'a> Iterator for Bodies<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if let Some(alone) = self.alone.take() {
            return Some(alone);
        }
        loop {
            let (part, nested) = match self.inner.as_mut().and_then(Iterator::next) {
                Some(part) => (part, true),
                None => (self.outer.as_mut()?.next()?, false),
            };
            let (content_type, content) = split_part(part);
            match classify(self.wanted, content_type, content) {
                Body::Wanted(found) => return Some(found),
                Body::Multipart(parts) if !nested => self.inner = Some(parts),
                Body::Multipart(_) | Body::Other => {}
            }
        }
    }
}

enum Body<'a> {
    Wanted(&'a [u8]),
    Multipart(Parts<'a>),
    Other,
}

fn classify<'a>(wanted: Wanted, content_type: Option<&'a [u8]>, body: &'a [u8]) -> Body<'a> {
    let text = skip_line_ends(body);
    let (media_type, params) = split_once(content_type.unwrap_or(b"application/sdp"), b';');
    let media_type = trim(media_type);
    // Not so when it is compressed or empty.
    let (name, begins) = match wanted {
        Wanted::Sdp => ("application/sdp", text.starts_with(b"v=")),
        Wanted::VoiceQuality => ("application/vq-rtcpxr", !text.is_empty()),
    };
    if media_type.eq_ignore_ascii_case(name.as_bytes()) {
        return if begins { Body::Wanted(text) } else { Body::Other };
    }
    let multipart = media_type.get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case(b"multipart/"));
    if !multipart {
        return Body::Other;
    }
    let boundary = Params(params.unwrap_or_default()).find("boundary").unwrap_or_default();
    Body::Multipart(Parts::new(boundary, body))
}

/// Content type and content of one part. A part may have no headers at all (RFC 2046 §5.1): then it begins
/// with an empty line, which senders forget.
fn split_part(part: &[u8]) -> (Option<&[u8]>, &[u8]) {
    if part.starts_with(b"v=0") {
        return (None, part);
    }
    let mut lines = Lines::new(part);
    let mut headers = Headers(lines.clone());
    lines.by_ref().for_each(drop);
    let content_type = headers.find(|(name, _)| is_named(name, "Content-Type")).map(|(_, value)| value);
    (content_type, lines.rest())
}

/// The parts between the boundaries, without the line break that belongs to the boundary behind them.
#[derive(Debug, Clone)]
struct Parts<'a> {
    boundary: &'a [u8],
    rest: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    fn new(boundary: &'a [u8], body: &'a [u8]) -> Self {
        let rest = split_at_delimiter(body, boundary).and_then(|(_, rest)| rest);
        if rest.is_some() && !boundary.is_empty() {
            return Self { boundary, rest };
        }
        // No boundary, or one that the body does not have: its first line that could be one is.
        let mut rest = body;
        loop {
            let (line, after) = split_line(rest);
            match (line.strip_prefix(b"--").map(trim), after) {
                (Some(boundary), Some(_)) if !boundary.is_empty() => return Self { boundary, rest: after },
                (_, Some(after)) => rest = after,
                (_, None) => return Self { boundary: &[], rest: None },
            }
        }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take()?;
        let Some((part, rest)) = split_at_delimiter(rest, self.boundary) else { return Some(rest) };
        self.rest = rest;
        Some(part)
    }
}

/// What comes before a delimiter line and what comes behind it (`None` behind the closing one).
fn split_at_delimiter<'a>(body: &'a [u8], boundary: &[u8]) -> Option<(&'a [u8], Option<&'a [u8]>)> {
    memmem::find_iter(body, boundary).find_map(|at| {
        let (before, found) = body.split_at_checked(at)?;
        let before = before.strip_suffix(b"--")?;
        let part = match before.strip_suffix(b"\n") {
            Some(part) => part.strip_suffix(b"\r").unwrap_or(part),
            None if before.is_empty() => before,
            None => return None,
        };
        let behind = found.get(boundary.len()..)?;
        let (rest_of_line, after) = split_line(behind);
        match trim(rest_of_line) {
            b"" => Some((part, after)),
            closing if closing.starts_with(b"--") => Some((part, None)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdp_bodies(content_type: &str, body: &str) -> Vec<String> {
        Bodies::new(Wanted::Sdp, Some(content_type.as_bytes()), body.as_bytes())
            .map(|sdp| String::from_utf8(sdp.to_vec()).unwrap())
            .collect()
    }

    const MIXED: &str = "preamble\r\n--b1\r\nContent-Type: application/isup\r\n\r\nv=0 not\r\n\
        --b1\r\nc: application/sdp\r\n\r\nv=0\r\ns=one\r\n--b1--\r\nv=0\r\nepilogue";

    #[test]
    fn a_description_alone_or_in_a_multipart_is_found() {
        assert_eq!(sdp_bodies("Application/SDP; charset=utf-8", "\r\nv=0\r\n"), ["v=0\r\n"]);
        assert_eq!(sdp_bodies("multipart/mixed;boundary=\"b1\"", MIXED), ["v=0\r\ns=one"]);
        assert_eq!(Bodies::new(Wanted::Sdp, None, b"v=0").count(), 1);
        assert_eq!(sdp_bodies("text/plain", "v=0"), [""; 0]);
        assert_eq!(sdp_bodies("application/sdp", "\x1f\u{8b}"), [""; 0]);
    }

    #[test]
    fn without_a_boundary_the_first_delimiter_line_is_it() {
        assert_eq!(sdp_bodies("multipart/mixed", MIXED), ["v=0\r\ns=one"]);
        assert_eq!(sdp_bodies("multipart/mixed;boundary=other", MIXED), ["v=0\r\ns=one"]);
        assert_eq!(sdp_bodies("multipart/mixed", "no delimiter at all"), [""; 0]);
    }

    #[test]
    fn a_multipart_in_a_multipart_is_looked_into_once() {
        let inner = |boundary: &str, content: &str| {
            format!(
                "--{boundary}\r\nContent-Type: multipart/alternative;boundary={boundary}x\r\n\r\n{content}\r\n--{boundary}--"
            )
        };
        let two = inner("a", "--ax\r\n\r\nv=0\r\n--ax--");
        assert_eq!(sdp_bodies("multipart/mixed;boundary=a", &two), ["v=0"]);
        let three = inner("a", &inner("ax", "--axx\r\n\r\nv=0\r\n--axx--"));
        assert_eq!(sdp_bodies("multipart/mixed;boundary=a", &three), [""; 0]);
    }

    #[test]
    fn a_voice_quality_report_is_found_alone_and_among_parts() {
        let found = |kind: &str, body: &'static str| {
            let bodies = Bodies::new(Wanted::VoiceQuality, Some(kind.as_bytes()), body.as_bytes());
            bodies.map(|b| str::from_utf8(b).unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found("Application/VQ-RTCPXR;x=y", "\r\nVQSessionReport"), ["VQSessionReport"]);
        assert_eq!(found("application/sdp", "v=0"), [""; 0]);
        let two = "--b\r\nContent-Type: application/vq-rtcpxr\r\n\r\nVQ1\r\n--b\r\n\r\nv=0\r\n--b\r\n\
            c: application/vq-rtcpxr\r\n\r\nVQ2\r\n--b--";
        assert_eq!(found("multipart/mixed;boundary=b", two), ["VQ1", "VQ2"]);
    }

    #[test]
    fn a_part_may_lack_its_headers_and_the_last_its_end() {
        assert_eq!(sdp_bodies("multipart/mixed;boundary=b", "--b\r\nv=0\r\n"), ["v=0\r\n"]);
    }
}
