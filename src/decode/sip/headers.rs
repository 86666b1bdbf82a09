//! Header fields: finding them by name in one walk over the lines, and the smaller ones among their values.

use super::params::{Params, unquote};
use super::start_line::split_line;
use super::text::{is_blank, is_token, number, split_once, split_outside, split_while, trim, trim_end};

/// Every header field in order of appearance, as name and value; the name without, the value between blanks.
/// Lines without a colon are passed over.
#[derive(Debug, Clone)]
pub struct Headers<'a>(pub(super) Lines<'a>);

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.by_ref().find_map(|line| split_field(line))
    }
}

/// The header fields behind the first line of a message in this format, SIP's or HTTP's, and the octets up to
/// its body; `None` without an empty line.
pub(crate) fn split_head(bytes: &[u8]) -> Option<(Headers<'_>, usize)> {
    let head = split_line(bytes).1?;
    let mut lines = Lines::new(head);
    lines.by_ref().for_each(drop);
    lines.ended.then(|| (Headers(Lines::new(head)), bytes.len() - lines.rest().len()))
}

/// The values of one header, however they are spread over lines and commas (RFC 3261 §7.3.1).
#[derive(Debug, Clone)]
pub struct Values<'a> {
    headers: Headers<'a>,
    name: &'static str,
    rest: Option<&'a [u8]>,
}

impl<'a> Values<'a> {
    pub(super) const fn new(headers: Headers<'a>, name: &'static str) -> Self {
        Self { headers, name, rest: None }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let field = match self.rest.take() {
                Some(rest) => rest,
                None => self.headers.find(|(name, _)| is_named(name, self.name))?.1,
            };
            let (value, rest) = split_outside(field, b',');
            self.rest = rest;
            let value = trim(value);
            if !value.is_empty() {
                return Some(value);
            }
        }
    }
}

/// Why a request was sent or refused ([RFC 3326](https://www.rfc-editor.org/rfc/rfc3326)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason<'a> {
    /// `SIP`, `Q.850` or another.
    pub protocol: &'a [u8],
    /// A status code or a Q.850 cause.
    pub cause: Option<u16>,
    /// Without quotes.
    pub text: Option<&'a [u8]>,
}

impl<'a> Reason<'a> {
    /// Reads one value, for instance `Q.850;cause=16;text="Normal call clearing"`.
    pub fn parse(value: &'a [u8]) -> Self {
        let (protocol, params) = split_once(value, b';');
        let params = Params(params.unwrap_or_default());
        Self {
            protocol: trim(protocol),
            cause: params.find("cause").and_then(number),
            text: params.find("text"),
        }
    }
}

/// A remark about a response ([RFC 3261 §20.43](https://www.rfc-editor.org/rfc/rfc3261#section-20.43)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warning<'a> {
    /// 300 to 399 in SIP; any three digits here.
    pub code: u16,
    /// Host or pseudonym of who warns.
    pub agent: &'a [u8],
    /// Without quotes.
    pub text: &'a [u8],
}

impl<'a> Warning<'a> {
    /// Reads one value, for instance `399 host "text"`.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (code, rest) = split_while(trim(value), |octet| octet.is_ascii_digit());
        let (agent, text) = split_while(trim(rest), |octet| !is_blank(octet));
        Some(Self { code: number(code)?, agent, text: unquote(text) })
    }
}

/// How long a session lasts without a refresh ([RFC 4028 §4](https://www.rfc-editor.org/rfc/rfc4028#section-4)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionExpires<'a> {
    /// Seconds.
    pub seconds: u32,
    /// `uac` or `uas`.
    pub refresher: Option<&'a [u8]>,
}

impl<'a> SessionExpires<'a> {
    /// Reads one value, for instance `1800;refresher=uac`.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (seconds, params) = split_once(value, b';');
        let refresher = Params(params.unwrap_or_default()).find("refresher");
        Some(Self { seconds: number(seconds)?, refresher })
    }
}

/// The header lines up to the empty one, folds taken together, line ends taken off.
#[derive(Debug, Clone)]
pub(super) struct Lines<'a> {
    rest: &'a [u8],
    /// True once the empty line was seen; `rest` then is what follows it.
    pub(super) ended: bool,
}

impl<'a> Lines<'a> {
    pub(super) const fn new(rest: &'a [u8]) -> Self {
        Self { rest, ended: false }
    }

    /// What follows the last line handed out.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.ended || self.rest.is_empty() {
            return None;
        }
        if let [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] = self.rest {
            self.ended = true;
            self.rest = after;
            return None;
        }
        let mut end = 0;
        loop {
            let Some(found) = self.rest.get(end..).and_then(|tail| memchr::memchr(b'\n', tail)) else {
                return Some(trim_end(std::mem::take(&mut self.rest)));
            };
            end += found + 1;
            // A blank at the start of the next line folds it onto this one.
            if !matches!(self.rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let (line, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        Some(trim_end(line))
    }
}

/// Name and value of a header line; `None` when it has no colon, or something else than a name before it.
pub(super) fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = line.iter().position(|octet| !is_token(*octet)).filter(|end| *end > 0)?;
    let (name, mut rest) = line.split_at_checked(end)?;
    while let [b' ' | b'\t', after @ ..] = rest {
        rest = after;
    }
    Some((name, trim(rest.strip_prefix(b":")?)))
}

/// True when a field's name is `wanted`, in any case and in its compact form too
/// ([RFC 3261 §7.3.3](https://www.rfc-editor.org/rfc/rfc3261#section-7.3.3)). `wanted` is the long name.
pub(super) fn is_named(name: &[u8], wanted: &str) -> bool {
    if let [letter] = name {
        return long_form(*letter).is_some_and(|long| long.eq_ignore_ascii_case(wanted))
            || wanted.as_bytes().eq_ignore_ascii_case(name);
    }
    name.eq_ignore_ascii_case(wanted.as_bytes())
}

/// The compact forms that IANA lists (SIP Parameters, "Header Fields").
const fn long_form(letter: u8) -> Option<&'static str> {
    Some(match letter.to_ascii_lowercase() {
        b'a' => "Accept-Contact",
        b'b' => "Referred-By",
        b'c' => "Content-Type",
        b'd' => "Request-Disposition",
        b'e' => "Content-Encoding",
        b'f' => "From",
        b'i' => "Call-ID",
        b'j' => "Reject-Contact",
        b'k' => "Supported",
        b'l' => "Content-Length",
        b'm' => "Contact",
        b'n' => "Identity-Info",
        b'o' => "Event",
        b'r' => "Refer-To",
        b's' => "Subject",
        b't' => "To",
        b'u' => "Allow-Events",
        b'v' => "Via",
        b'x' => "Session-Expires",
        b'y' => "Identity",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_tells_the_q850_cause() {
        let reason = Reason::parse(b"Q.850 ;cause=16;text=\"Normal; call clearing\"");
        assert_eq!(
            reason,
            Reason { protocol: b"Q.850", cause: Some(16), text: Some(b"Normal; call clearing") }
        );
        assert_eq!(Reason::parse(b"SIP"), Reason { protocol: b"SIP", cause: None, text: None });
    }

    #[test]
    fn a_warning_has_code_agent_and_text() {
        let warning = Warning::parse(b"399 sbc1.example.com \"no, route\"").unwrap();
        assert_eq!(
            (warning.code, warning.agent, warning.text),
            (399, &b"sbc1.example.com"[..], &b"no, route"[..])
        );
        assert_eq!(
            Warning::parse(b"1812 overture"),
            Some(Warning { code: 1812, agent: b"overture", text: b"" })
        );
        assert_eq!(Warning::parse(b"soon"), None);
    }

    #[test]
    fn session_timers_name_their_refresher() {
        let expires = SessionExpires::parse(b"1800 ; Refresher=uas").unwrap();
        assert_eq!((expires.seconds, expires.refresher), (1800, Some(&b"uas"[..])));
    }

    #[test]
    fn a_header_is_found_by_its_compact_form() {
        assert!(
            is_named(b"i", "Call-ID") && is_named(b"CALL-id", "call-id") && is_named(b"X", "session-expires")
        );
        assert!(!is_named(b"z", "Via") && !is_named(b"Vi", "Via"));
    }
}
