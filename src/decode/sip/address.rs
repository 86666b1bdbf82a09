//! Who is meant: `From`, `To`, `Contact` and the URIs in them.

use super::params::Params;
use super::text::{is_blank, number, split_once, split_outside, split_quoted, split_while, trim};

/// A `name-addr` or `addr-spec` with the parameters of its header
/// ([RFC 3261 §20.10](https://www.rfc-editor.org/rfc/rfc3261#section-20.10)).
#[derive(Debug, Clone, Copy)]
pub struct NameAddr<'a> {
    /// Without quotes, escapes as sent; `None` when there is none or an empty one.
    pub display_name: Option<&'a [u8]>,
    /// What is between the angle brackets, or all up to the first semicolon when there are none.
    pub uri: Uri<'a>,
    /// The parameters of the header, not those of the URI.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads one value; never fails, because a monitor shows what was sent.
    pub fn parse(value: &'a [u8]) -> Self {
        let value = trim(value);
        // A quote that is never closed protects nothing (RFC 4475 §3.1.2.6).
        let quoted = value.strip_prefix(b"\"").map(split_quoted).filter(|(_, rest)| !rest.is_empty());
        let (name, rest) = match quoted {
            Some((inside, rest)) => (inside, split_once(rest, b'<').1),
            None => split_name(value),
        };
        let display_name = Some(trim(name)).filter(|name| !name.is_empty());
        let Some(bracketed) = rest else {
            // Without angle brackets any semicolon begins the header's parameters.
            let (uri, params) = split_once(value, b';');
            return Self {
                display_name: None,
                uri: Uri(trim(uri)),
                params: Params(params.unwrap_or_default()),
            };
        };
        let (uri, params) = split_once(bracketed, b'>');
        Self { display_name, uri: Uri(trim(uri)), params: Params(params.unwrap_or_default()) }
    }

    /// The `tag` that names this end of the dialog (RFC 3261 §19.3).
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.find("tag")
    }
}

/// A display name of tokens and the rest behind `<`, unless a semicolon ends the value first.
fn split_name(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    let (name, rest) = split_once(value, b'<');
    if rest.is_none() || memchr::memchr(b';', name).is_some() { (&[], None) } else { (name, rest) }
}

/// A URI as sent: `sip:`, `sips:` and `tel:` are taken apart
/// ([RFC 3261 §19.1](https://www.rfc-editor.org/rfc/rfc3261#section-19.1),
/// [RFC 3966](https://www.rfc-editor.org/rfc/rfc3966)); of others only the scheme. Escapes stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uri<'a>(pub &'a [u8]);

impl<'a> Uri<'a> {
    /// The URI as sent, `*` for the Contact that removes all bindings.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// `sip`, `sips`, `tel` … in the case in which it was sent.
    pub fn scheme(self) -> Option<&'a [u8]> {
        let (scheme, rest) =
            split_while(self.0, |octet| octet.is_ascii_alphanumeric() || b"+-.".contains(&octet));
        (rest.first() == Some(&b':') && scheme.first().is_some_and(u8::is_ascii_alphabetic)).then_some(scheme)
    }

    /// The user part without a password, or the number of a `tel:` URI with its visual separators.
    pub fn user(self) -> Option<&'a [u8]> {
        if self.is_tel() {
            return Some(split_once(self.after_scheme(), b';').0);
        }
        let (user_info, _) = self.split_user()?;
        Some(split_once(user_info, b':').0)
    }

    /// Host name or address, IPv6 without its brackets. `None` for `tel:` and `*`.
    pub fn host(self) -> Option<&'a [u8]> {
        let (host, _) = split_host(self.host_part()?);
        (!host.is_empty()).then_some(host)
    }

    /// The port, when one is given and is one.
    pub fn port(self) -> Option<u16> {
        number(split_host(self.host_part()?).1?)
    }

    /// The URI's own parameters: `transport`, `lr`, `user`, `ob` …
    pub fn params(self) -> Params<'a> {
        let part = if self.is_tel() { self.after_scheme() } else { self.host_part().unwrap_or_default() };
        let (_, params) = split_once(part, b';');
        Params(split_once(params.unwrap_or_default(), b'?').0)
    }

    fn is_tel(self) -> bool {
        self.scheme().is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"tel"))
    }

    fn after_scheme(self) -> &'a [u8] {
        let length = self.scheme().map_or(0, |scheme| scheme.len() + 1);
        self.0.get(length..).unwrap_or_default()
    }

    /// User information and the rest. The last `@` counts: users such as `a@b` are sent unescaped, whereas
    /// neither hosts nor parameters have one.
    fn split_user(self) -> Option<(&'a [u8], &'a [u8])> {
        let part = self.after_scheme();
        let (user, rest) = part.split_at_checked(memchr::memrchr(b'@', part)?)?;
        Some((user, rest.get(1..)?))
    }

    fn host_part(self) -> Option<&'a [u8]> {
        if self.is_tel() || self.0 == b"*" {
            return None;
        }
        Some(self.split_user().map_or_else(|| self.after_scheme(), |(_, host)| host))
    }
}

/// Host and port of `host[:port]` with anything behind it; brackets of IPv6 are taken off.
pub(super) fn split_host(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    let value = trim(value);
    let ends = |octet| is_blank(octet) || matches!(octet, b';' | b'?' | b'>' | b',');
    let (host, rest) = match value.strip_prefix(b"[") {
        Some(bracketed) => split_while(bracketed, |octet| octet != b']'),
        None => split_while(value, |octet| octet != b':' && !ends(octet)),
    };
    let rest = trim(rest.strip_prefix(b"]").unwrap_or(rest));
    let port = rest.strip_prefix(b":").map(|port| split_while(trim(port), |octet| octet.is_ascii_digit()).0);
    (host, port)
}

/// The first of several comma-separated values.
pub(super) fn first_value(value: &[u8]) -> &[u8] {
    trim(split_outside(value, b',').0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(octets: Option<&[u8]>) -> Option<&str> {
        octets.map(|octets| str::from_utf8(octets).unwrap())
    }

    #[test]
    fn a_quoted_name_may_hold_what_would_separate_outside() {
        let address = NameAddr::parse(b"\"Bell, <A> \\\"G\\\"\"<sip:bell@example.com;lr>;tag=4 ; x");
        assert_eq!(text(address.display_name), Some("Bell, <A> \\\"G\\\""));
        assert_eq!(text(address.uri.user()), Some("bell"));
        assert_eq!(text(address.tag()), Some("4"));
        assert_eq!(text(address.uri.params().find("lr")), Some(""));
        assert_eq!(text(address.params.find("lr")), None);
    }

    #[test]
    fn without_brackets_parameters_belong_to_the_header() {
        let address = NameAddr::parse(b"sip:user@example.com;tag=81x2");
        assert_eq!(text(address.uri.host()), Some("example.com"));
        assert_eq!(text(address.tag()), Some("81x2"));
        assert_eq!(address.display_name, None);
    }

    #[test]
    fn users_numbers_hosts_and_ports() {
        let cases = [
            (
                "sip:alice:secret@example.com:5070;transport=tcp",
                Some("alice"),
                Some("example.com"),
                Some(5070),
            ),
            ("sips:[2001:db8::10]:5061", None, Some("2001:db8::10"), Some(5061)),
            ("sip:a@b@example.com?Subject=x", Some("a@b"), Some("example.com"), None),
            (
                "sip:user;par=u%40example.net@example.com",
                Some("user;par=u%40example.net"),
                Some("example.com"),
                None,
            ),
            ("tel:+1-201-555-0123;phone-context=example.com", Some("+1-201-555-0123"), None, None),
            ("alan@jasomi.com", Some("alan"), Some("jasomi.com"), None),
            ("*", None, None, None),
            ("sip:host:65536", None, Some("host"), None),
        ];
        for (uri, user, host, port) in cases {
            let uri = Uri(uri.as_bytes());
            assert_eq!((text(uri.user()), text(uri.host()), uri.port()), (user, host, port), "{uri:?}");
        }
        assert_eq!(text(Uri(b"tel:112;phone-context=+49").params().find("phone-context")), Some("+49"));
    }
}
