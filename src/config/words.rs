//! Texts that mean something: names, subnets, addresses to listen on, time zones, paths.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::document::Value;
use super::fault::{nearest, quoted};
use super::field::{Bad, Range, Scalar, Shape, text};
use crate::track::sites;

/// Names that mean something else in metrics.
const RESERVED: [&str; 2] = ["unassigned", "overflow"];
/// Bytes of a name at most: it becomes a label value.
const LONGEST_NAME: usize = 64;

/// Defines a text with a rule of its own.
macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $wanted:literal, $rule:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(String);

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Scalar for $name {
            const SHAPE: Shape = Shape::Text;

            fn expected(_: &Range) -> String {
                $wanted.to_owned()
            }

            fn read(value: &Value, _: &Range) -> Result<Self, Bad> {
                let Value::Text(asked) = value else { return Err(Bad::Type) };
                let rule: fn(&str) -> Result<String, Bad> = $rule;
                rule(asked).map(Self)
            }

            fn shown(&self) -> String {
                text(&self.0)
            }
        }
    };
}

word!(
    /// A name of a customer, site or peer: what a label may be.
    Name, "a name of 1 to 64 bytes", |asked| {
        if asked.is_empty() {
            return Err(Bad::value("is empty", "write a name of 1 to 64 bytes"));
        }
        if RESERVED.contains(&asked) {
            let what = format!("{asked:?} is reserved: metrics use it for what has no name");
            return Err(Bad::value(what, "choose another name"));
        }
        label(asked)
    }
);

word!(
    /// The probe's name; may be empty.
    ProbeName, "a text of at most 64 bytes", label
);

word!(
    /// A filter expression; may be empty.
    Filter, "a text of at most 4096 bytes", |asked| {
        if asked.len() > 4096 {
            return Err(Bad::value(format!("has {} bytes", asked.len()), "shorten it to 4096"));
        }
        no_control(asked).map(|()| asked.to_owned())
    }
);

word!(
    /// Name of a network interface.
    Interface, "the name of a network interface, as in \"eth0\"", |asked| {
        let bad = asked.is_empty() || asked.len() > 15 || asked == "." || asked == "..";
        if bad || asked.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') {
            let what = format!("{} is no name of an interface", quoted(asked));
            return Err(Bad::value(what, "`ip link` lists the names: 1 to 15 bytes, no space, no /"));
        }
        Ok(asked.to_owned())
    }
);

word!(
    /// Name of a SIP header (RFC 3261 §25.1, token).
    HeaderName, "the name of a SIP header, as in \"X-Call-ID\"", |asked| {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b);
        if asked.is_empty() || asked.len() > LONGEST_NAME || !asked.bytes().all(token) {
            let what = format!("{} is no name of a SIP header", quoted(asked));
            return Err(Bad::value(what, "write it without colon or spaces, as in \"X-Call-ID\""));
        }
        Ok(asked.to_owned())
    }
);

word!(
    /// A SIP domain, in lower case.
    Domain, "a domain, as in \"pbx.example.net\"", |asked| {
        let label = |l: &str| {
            (1..=63).contains(&l.len()) && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if asked.len() > 253 || !asked.split('.').all(label) {
            let what = format!("{} is no domain", quoted(asked));
            return Err(Bad::value(what, "write the host of the SIP URIs, as in \"pbx.example.net\""));
        }
        Ok(asked.to_ascii_lowercase())
    }
);

/// What a label value may be.
fn label(asked: &str) -> Result<String, Bad> {
    no_control(asked)?;
    if asked.len() > LONGEST_NAME {
        let what = format!("has {} bytes", asked.len());
        return Err(Bad::value(what, format!("shorten it to {LONGEST_NAME}: it becomes a label")));
    }
    if asked.trim() != asked {
        return Err(Bad::value(format!("{} begins or ends with a space", quoted(asked)), "remove it"));
    }
    Ok(asked.to_owned())
}

fn no_control(asked: &str) -> Result<(), Bad> {
    match asked.chars().find(|c| c.is_control()) {
        Some(c) => {
            Err(Bad::value(format!("holds the control character U+{:04X}", u32::from(c)), "remove it"))
        }
        None => Ok(()),
    }
}

/// A subnet; one address is a subnet of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subnet(
    /// As look-ups have it.
    pub sites::Subnet,
);

impl Subnet {
    /// Reads `192.0.2.0/24`, `2001:db8::/32` or a single address.
    pub(super) fn parse(asked: &str) -> Result<Self, Bad> {
        if let Ok(ip) = asked.parse::<IpAddr>() {
            return Ok(Self(sites::Subnet::new(ip, 128)));
        }
        let Ok(net) = asked.parse::<IpNet>() else {
            let what = format!("{} is no address or subnet", quoted(asked));
            return Err(Bad::value(what, "write it as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.7"));
        };
        if net.network() != net.addr() {
            let what = format!("{asked} has bits beyond its length");
            return Err(Bad::value(what, format!("write {}, or a longer prefix", net.trunc())));
        }
        Ok(Self(sites::Subnet::new(net.addr(), net.prefix_len())))
    }
}

impl Scalar for Subnet {
    const SHAPE: Shape = Shape::Text;

    fn expected(_: &Range) -> String {
        "an address or subnet in quotes, as in \"192.0.2.0/24\"".to_owned()
    }

    fn read(value: &Value, _: &Range) -> Result<Self, Bad> {
        if let Value::Text(asked) = value { Self::parse(asked) } else { Err(Bad::Type) }
    }

    fn shown(&self) -> String {
        text(&self.0.to_string())
    }
}

/// Where to listen; `None`: nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listen(
    /// Address and port.
    pub Option<SocketAddr>,
);

fn listen(asked: &str) -> Result<SocketAddr, Bad> {
    let bad = |mend: &str| Bad::value(format!("{} is no address to listen on", quoted(asked)), mend);
    let bare_port = asked.strip_prefix(':').filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
    let address: SocketAddr = match bare_port {
        // All addresses of both families, as Prometheus reads it.
        Some(port) => port
            .parse()
            .map(|port: u16| SocketAddr::new(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED), port))
            .map_err(|_| bad("write ADDRESS:PORT, as in \"127.0.0.1:9768\""))?,
        None => asked.parse().map_err(|_| match asked.parse::<IpAddr>() {
            Ok(IpAddr::V6(ip)) => bad(&format!("a port is missing: \"[{ip}]:9768\"")),
            Ok(IpAddr::V4(ip)) => bad(&format!("a port is missing: \"{ip}:9768\"")),
            Err(_) if asked.starts_with("localhost") => bad("write 127.0.0.1 in place of localhost"),
            Err(_) => bad("write ADDRESS:PORT, as in \"127.0.0.1:9768\" or \"[::1]:9768\""),
        })?,
    };
    if address.port() == 0 {
        return Err(bad("write a port from 1 to 65535"));
    }
    Ok(address)
}

impl Scalar for SocketAddr {
    const SHAPE: Shape = Shape::Text;

    fn expected(_: &Range) -> String {
        "an address and port in quotes, as in \"127.0.0.1:9768\"".to_owned()
    }

    fn read(value: &Value, _: &Range) -> Result<Self, Bad> {
        if let Value::Text(asked) = value { listen(asked) } else { Err(Bad::Type) }
    }

    fn shown(&self) -> String {
        text(&self.to_string())
    }
}

impl Scalar for Listen {
    const SHAPE: Shape = Shape::Text;

    fn expected(range: &Range) -> String {
        format!("{}, or \"\" for none", SocketAddr::expected(range))
    }

    fn read(value: &Value, _: &Range) -> Result<Self, Bad> {
        match value {
            Value::Text(asked) if asked.is_empty() => Ok(Self(None)),
            Value::Text(asked) => listen(asked).map(|address| Self(Some(address))),
            _ => Err(Bad::Type),
        }
    }

    fn shown(&self) -> String {
        text(&self.0.map(|address| address.to_string()).unwrap_or_default())
    }
}

/// A file or folder; `None`: none. Relative ones are meant from where the configuration file is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilePath(Option<PathBuf>);

impl FilePath {
    /// As written; `None` where there is none.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.as_deref()
    }

    pub(super) fn resolve(&mut self, folder: &Path) {
        self.0 = self.0.as_deref().map(|path| folder.join(path));
    }
}

impl Scalar for FilePath {
    const SHAPE: Shape = Shape::Text;

    fn expected(_: &Range) -> String {
        "a path in quotes, or \"\" for none".to_owned()
    }

    fn read(value: &Value, _: &Range) -> Result<Self, Bad> {
        let Value::Text(asked) = value else { return Err(Bad::Type) };
        no_control(asked)?;
        if asked.len() > 4096 {
            return Err(Bad::value(format!("has {} bytes", asked.len()), "a path has at most 4096"));
        }
        Ok(Self((!asked.is_empty()).then(|| PathBuf::from(asked))))
    }

    fn shown(&self) -> String {
        text(&self.path().map(|path| path.display().to_string()).unwrap_or_default())
    }
}

/// A time zone of the IANA database that is built in.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    /// The zone.
    #[must_use]
    pub const fn time_zone(&self) -> &TimeZone {
        &self.0
    }
}

impl Scalar for Zone {
    const SHAPE: Shape = Shape::Text;

    fn expected(_: &Range) -> String {
        "an IANA time zone, as in \"Europe/Berlin\"".to_owned()
    }

    fn read(value: &Value, range: &Range) -> Result<Self, Bad> {
        let Value::Text(asked) = value else { return Err(Bad::Type) };
        let known = TimeZoneDatabase::bundled();
        known.get(asked).map(Self).map_err(|_| {
            let names: Vec<String> = known.available().map(|name| name.as_str().to_owned()).collect();
            let mend = match nearest(asked, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("write {}", Self::expected(range)),
            };
            Bad::value(format!("there is no time zone {}", quoted(asked)), mend)
        })
    }

    fn shown(&self) -> String {
        text(self.0.iana_name().unwrap_or("UTC"))
    }
}

/// A limit for MOS: one of the edges that the MOS histograms have, so that both count alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MosEdge(f64);

/// The edges of the MOS histograms.
pub const MOS_EDGES: [f64; 9] = [1.5, 2.1, 2.6, 3.1, 3.6, 3.8, 4.03, 4.2, 4.34];

impl MosEdge {
    /// The limit, MOS-LQE.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.0
    }
}

impl Default for MosEdge {
    fn default() -> Self {
        Self(3.6)
    }
}

impl Scalar for MosEdge {
    const SHAPE: Shape = Shape::Other;

    fn expected(_: &Range) -> String {
        let all: Vec<_> = MOS_EDGES.iter().map(ToString::to_string).collect();
        format!("one of {}", all.join(", "))
    }

    fn read(value: &Value, range: &Range) -> Result<Self, Bad> {
        let (Value::Real(_) | Value::Integer(_)) = value else { return Err(Bad::Type) };
        let asked = f64::read(value, &Range { least: 1.0, most: 5.0, open: false })?;
        let edge = MOS_EDGES.into_iter().find(|edge| (edge - asked).abs() < 1e-9);
        let what = || format!("{asked} is no edge of the MOS histograms");
        edge.map(Self).ok_or_else(|| Bad::value(what(), format!("write {}", Self::expected(range))))
    }

    fn shown(&self) -> String {
        format!("{:?}", self.0)
    }
}
