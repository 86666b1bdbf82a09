//! The first line of a message, which decides whether bytes are SIP at all.

use super::text::{is_token, number};

/// The first line of a request or of a response
/// ([RFC 3261 §7.1, §7.2](https://www.rfc-editor.org/rfc/rfc3261#section-7.1)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// `Method SP Request-URI SP SIP/2.0`.
    Request {
        /// Any token, in the case in which it was sent: methods are case-sensitive.
        method: &'a str,
        /// As sent; has a colon behind its first octet, no blanks and no control characters.
        uri: &'a [u8],
    },
    /// `SIP/2.0 SP Status-Code [SP Reason-Phrase]`.
    Status {
        /// 0 to 999: three digits are the rule, 100 to 699 the meaning.
        code: u16,
        /// May be empty; not always UTF-8.
        reason: &'a [u8],
    },
}

impl<'a> StartLine<'a> {
    /// Reads one line, its CRLF already taken off. `None`: this is not SIP.
    ///
    /// Blanks must be single spaces. RFC 3261 says so, RFC 4475 §3.1.2.8 leaves a parser free to be lenient,
    /// and tshark, against which our counts are checked, is not.
    pub(crate) fn parse(line: &'a [u8]) -> Option<Self> {
        if let Some(rest) = line.strip_prefix(b"SIP/2.0 ") {
            return Self::parse_status(rest);
        }
        let (method, rest) = split_method(line)?;
        let uri = rest.strip_suffix(b" SIP/2.0")?;
        let colon = memchr::memchr(b':', uri)?;
        if colon == 0 || uri.iter().any(|octet| *octet <= b' ') {
            return None;
        }
        Some(Self::Request { method, uri })
    }

    fn parse_status(rest: &'a [u8]) -> Option<Self> {
        let (code, reason) = rest.split_at_checked(3)?;
        let reason = match reason {
            [] => reason,
            [b' ', reason @ ..] => reason,
            _ => return None,
        };
        if !code.iter().all(u8::is_ascii_digit) {
            return None;
        }
        Some(Self::Status { code: number(code)?, reason })
    }
}

/// True when the bytes, after any leading CRLFs, begin with a whole SIP start line (or with all of a
/// datagram that has no line end). A few nanoseconds for anything else: RTP, RTCP, STUN, DTLS and TLS fail
/// at the first octet, which no token contains.
pub fn looks_like_sip(bytes: &[u8]) -> bool {
    let bytes = skip_line_ends(bytes);
    bytes.first().is_some_and(|first| is_token(*first)) && StartLine::parse(split_line(bytes).0).is_some()
}

/// True when the bytes, after any leading CRLFs, are or may still become a SIP start line as more of a
/// stream arrives. Nothing but CRLFs may.
pub(crate) fn could_begin(bytes: &[u8]) -> bool {
    let bytes = skip_line_ends(bytes);
    let (line, rest) = split_line(bytes);
    if rest.is_some() {
        return StartLine::parse(line).is_some();
    }
    if b"SIP/2.0 ".starts_with(line) {
        return true;
    }
    if let Some(status) = line.strip_prefix(b"SIP/2.0 ") {
        return status.iter().take(3).all(u8::is_ascii_digit);
    }
    match split_method(line) {
        // A scheme starts with a letter (RFC 3986 §3.1), which keeps `GET /path` out; some senders put the
        // URI in brackets (RFC 4475 §3.1.2.7).
        Some((_, uri)) => uri.first().is_none_or(|first| first.is_ascii_alphabetic() || *first == b'<'),
        None => line.iter().all(|octet| is_token(*octet)),
    }
}

/// RFC 3261 §7.5: CRLFs before the start line are ignored; they are also keep-alives (RFC 5626 §3.5.1).
pub(crate) fn skip_line_ends(mut bytes: &[u8]) -> &[u8] {
    while let [b'\r' | b'\n', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// The first line without its CRLF or LF, and what follows; `None` when the line has no end yet.
pub(crate) fn split_line(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    let Some((line, rest)) = memchr::memchr(b'\n', bytes).and_then(|end| bytes.split_at_checked(end)) else {
        return (bytes, None);
    };
    (line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..))
}

fn split_method(line: &[u8]) -> Option<(&str, &[u8])> {
    let length = line.iter().position(|octet| !is_token(*octet))?;
    let (method, rest) = line.split_at_checked(length)?;
    let rest = rest.strip_prefix(b" ")?;
    let method = str::from_utf8(method).ok().filter(|method| !method.is_empty())?;
    Some((method, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What tshark 4.0.17 makes of the same first lines, but for the status line without the space behind
    /// its code, which it does not know and RFC 4475 §3.1.1.13 only nearly covers: we count it.
    #[test]
    fn a_start_line_is_exact() {
        let sip: [&[u8]; 10] = [
            b"INVITE sip:a@b SIP/2.0",
            b"invite sip:a@b SIP/2.0",
            b"INVITE <sip:a@b> SIP/2.0",
            b"INVITE sip:\xff@b SIP/2.0",
            b"INVITE sip: SIP/2.0",
            b"!interesting-Method0123456789_*+`.%indeed'~ nobody:knows SIP/2.0",
            b"SIP/2.0 200 \xff\xfe",
            b"SIP/2.0 999 x",
            b"SIP/2.0 100 ",
            b"SIP/2.0 200",
        ];
        for line in sip {
            assert!(StartLine::parse(line).is_some(), "{}", line.escape_ascii());
        }
        let other: [&[u8]; 19] = [
            b"",
            b"INVITE foo SIP/2.0",
            b"INVITE :a SIP/2.0",
            b"INVITE sip:a b SIP/2.0",
            b"INVITE sip:a\0b SIP/2.0",
            b"INVITE  sip:a@b SIP/2.0",
            b"INVITE sip:a@b  SIP/2.0",
            b"INVITE sip:a@b SIP/2.0 ",
            b"INVITE sip:a@b SIP/2.0x",
            b"INVITE sip:a@b sip/2.0",
            b"INVITE sip:a@b SIP/7.0",
            b"INVITE sip:a@b",
            b"IN\xffITE sip:a@b SIP/2.0",
            b"sip/2.0 200 OK",
            b"SIP/2.0 200OK",
            b"SIP/2.0  200 OK",
            b"SIP/2.0 99 x",
            b"SIP/2.0 4294967301 better not break the receiver",
            b"GET http://a/ HTTP/1.1",
        ];
        for line in other {
            assert!(StartLine::parse(line).is_none(), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn rtp_stun_tls_and_http_do_not_look_like_sip() {
        for bytes in [
            &b"\x80\x00\x12\x34"[..],
            b"\x00\x01\x00\x00",
            b"\x16\x03\x01",
            b"GET / HTTP/1.1\r\n",
            b"",
            b"\r\n\r\n",
        ] {
            assert!(!looks_like_sip(bytes), "{}", bytes.escape_ascii());
        }
        assert!(looks_like_sip(b"\r\n\r\nBYE sip:a SIP/2.0\r\n"));
    }

    #[test]
    fn part_of_a_start_line_may_still_become_one() {
        let line = b"\r\nOPTIONS sip:a@b SIP/2.0\r\n";
        for end in 0..=line.len() {
            assert!(could_begin(&line[..end]), "{end}");
        }
        for bytes in
            [&b"GET /"[..], b"\x16\x03", b"SIP/2.0 x", b"SIP/3.0 2", b"MSRP a786hjs2 SEND\r\n", b"a b c\n"]
        {
            assert!(!could_begin(bytes), "{}", bytes.escape_ascii());
        }
    }
}
