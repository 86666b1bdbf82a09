//! The first message of each side ([RFC 8446 §4.1](https://www.rfc-editor.org/rfc/rfc8446#section-4.1)).

use crate::decode::reader::be16;

/// The random of a ServerHello that asks for another ClientHello (RFC 8446 §4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];
/// Longest host name that is kept (RFC 1035 §2.3.4).
const LONGEST_NAME: usize = 255;

/// Extensions ([IANA](https://www.iana.org/assignments/tls-extensiontype-values)).
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const PRE_SHARED_KEY: u16 = 41;
const SUPPORTED_VERSIONS: u16 = 43;

/// What a client asks for.
#[derive(Clone, Copy, Debug)]
pub struct ClientHello<'a> {
    /// Highest version that it offers.
    pub version: u16,
    /// Its name for an earlier session, or anything.
    pub session_id: &'a [u8],
    /// Name of the server that it wants.
    pub sni: Option<&'a [u8]>,
    alpn: &'a [u8],
}

impl<'a> ClientHello<'a> {
    /// Reads the body of one. An extension that is cut short ends it; what came before stays.
    #[must_use]
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let mut bytes = Bytes(body);
        let legacy = bytes.u16()?;
        bytes.take(32)?;
        let session_id = bytes.vector8()?;
        bytes.vector16()?;
        bytes.vector8()?;
        let mut hello = Self { version: legacy, session_id, sni: None, alpn: &[] };
        for (kind, value) in extensions(bytes) {
            match kind {
                SERVER_NAME => hello.sni = hello.sni.or_else(|| host_name(value)),
                ALPN => hello.alpn = Bytes(value).vector16().unwrap_or_default(),
                SUPPORTED_VERSIONS => {
                    let offered = Bytes(value).vector8().unwrap_or_default();
                    let pairs = offered.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair));
                    // Values that stand for nothing keep servers tolerant (RFC 8701): 0x0a0a, 0x1a1a …
                    hello.version = pairs.filter(|v| (0x0300..=0x0304).contains(v)).max().unwrap_or(legacy);
                }
                _ => {}
            }
        }
        Some(hello)
    }

    /// The protocols that it offers (RFC 7301), in its order.
    pub fn protocols(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut bytes = Bytes(self.alpn);
        std::iter::from_fn(move || bytes.vector8().filter(|name| !name.is_empty()))
    }
}

/// What a server chose.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerHello<'a> {
    pub version: u16,
    pub session_id: &'a [u8],
    pub cipher: u16,
    pub alpn: Option<&'a [u8]>,
    pub pre_shared_key: bool,
    /// It asks for another ClientHello.
    pub retry: bool,
}

impl<'a> ServerHello<'a> {
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let mut bytes = Bytes(body);
        let version = bytes.u16()?;
        let retry = bytes.take(32)? == RETRY;
        let session_id = bytes.vector8()?;
        let cipher = bytes.u16()?;
        bytes.take(1)?;
        let mut hello = Self { version, session_id, cipher, alpn: None, pre_shared_key: false, retry };
        for (kind, value) in extensions(bytes) {
            match kind {
                SUPPORTED_VERSIONS => hello.version = be16(value, 0).unwrap_or(version),
                ALPN => hello.alpn = Bytes(value).vector16().and_then(|list| Bytes(list).vector8()),
                PRE_SHARED_KEY => hello.pre_shared_key = true,
                _ => {}
            }
        }
        Some(hello)
    }
}

fn extensions(mut rest: Bytes<'_>) -> impl Iterator<Item = (u16, &[u8])> {
    // Cut short, what is there is still read.
    let announced = rest.u16().map(usize::from).unwrap_or_default();
    let mut list = Bytes(rest.0.get(..announced).unwrap_or(rest.0));
    std::iter::from_fn(move || Some((list.u16()?, list.vector16()?)))
}

/// The host name among the server names (RFC 6066 §3).
fn host_name(value: &[u8]) -> Option<&[u8]> {
    let mut list = Bytes(Bytes(value).vector16()?);
    loop {
        let kind = *list.take(1)?.first()?;
        let name = list.vector16()?;
        if kind == 0 {
            return Some(name).filter(|name| (1..=LONGEST_NAME).contains(&name.len()));
        }
    }
}

/// A cursor that cannot run past the end.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        be16(self.take(2)?, 0)
    }

    /// Octets behind a length of one octet.
    fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(*self.take(1)?.first()?);
        self.take(length)
    }

    /// Octets behind a length of two octets.
    fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.u16()?);
        self.take(length)
    }
}
