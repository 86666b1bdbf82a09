//! `Via`: which way a message came.

use super::address::{first_value, split_host};
use super::params::Params;
use super::text::{is_blank, number, split_once, split_while, trim, trim_start};

/// One `Via` value ([RFC 3261 §20.42](https://www.rfc-editor.org/rfc/rfc3261#section-20.42)).
#[derive(Debug, Clone, Copy)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, `TLS`, `SCTP`, `WS`, `WSS` or something newer.
    pub transport: &'a [u8],
    /// Host of `sent-by`, IPv6 without its brackets.
    pub host: &'a [u8],
    /// Port of `sent-by`, when given.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` and others.
    pub params: Params<'a>,
}

impl<'a> Via<'a> {
    /// Reads the first value of a `Via` field. `None` when it does not begin `SIP/2.0/transport`, blanks
    /// allowed around the slashes.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let value = first_value(value);
        let (name, rest) = split_once(value, b'/');
        let (version, rest) = split_once(rest?, b'/');
        if !trim(name).eq_ignore_ascii_case(b"SIP") || trim(version) != b"2.0" {
            return None;
        }
        let (transport, rest) = split_while(trim_start(rest?), |octet| !is_blank(octet) && octet != b';');
        let (sent_by, params) = split_once(rest, b';');
        let (host, port) = split_host(sent_by);
        Some(Self {
            transport,
            host,
            port: port.and_then(number),
            params: Params(params.unwrap_or_default()),
        })
    }

    /// The transaction's identifier (RFC 3261 §8.1.1.7).
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.params.find("branch")
    }

    /// The address that the next hop saw (RFC 3261 §18.2.1), IPv6 with or without brackets, taken off.
    pub fn received(&self) -> Option<&'a [u8]> {
        let received = self.params.find("received")?;
        Some(received.strip_prefix(b"[").and_then(|open| open.strip_suffix(b"]")).unwrap_or(received))
    }

    /// The port that the next hop saw ([RFC 3581 §4](https://www.rfc-editor.org/rfc/rfc3581#section-4)); `None`
    /// also while `rport` is only asked for.
    pub fn rport(&self) -> Option<u16> {
        self.params.find("rport").and_then(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_proxy_added_is_read_back() {
        let via = Via::parse(b"SIP/2.0/UDP [2001:db8::9:1]:6050;rport=4711;received=[2001:db8::9:255];branch=z9hG4bK1, SIP/2.0/TCP b").unwrap();
        assert_eq!((via.transport, via.host, via.port), (&b"UDP"[..], &b"2001:db8::9:1"[..], Some(6050)));
        assert_eq!((via.received(), via.rport()), (Some(&b"2001:db8::9:255"[..]), Some(4711)));
        assert_eq!(via.branch(), Some(&b"z9hG4bK1"[..]));
    }

    #[test]
    fn blanks_and_folds_may_stand_anywhere() {
        let via = Via::parse(
            b"SIP  / 2.0\r\n / TCP     spindle.example.com :\t5060  ;\r\n  branch  =   z9hG4bK9ikj8 ",
        )
        .unwrap();
        assert_eq!(
            (via.transport, via.host, via.port),
            (&b"TCP"[..], &b"spindle.example.com"[..], Some(5060))
        );
        assert_eq!(via.branch(), Some(&b"z9hG4bK9ikj8"[..]));
    }

    #[test]
    fn another_protocol_is_no_via_of_ours() {
        assert!(Via::parse(b"SIP/7.0/UDP host").is_none());
        assert!(Via::parse(b"").is_none());
    }
}
