//! Where packets of others are taken: an address, and over what.

use std::net::SocketAddr;

use super::document::Value;
use super::field::{Bad, Range, Scalar, Shape, text};

/// An address of the HEP listener: `udp:ADDRESS:PORT`, `tcp:ADDRESS:PORT`, or both without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HepListen {
    /// Datagrams are taken.
    pub udp: bool,
    /// Connections are taken.
    pub tcp: bool,
    /// Where.
    pub address: SocketAddr,
}

impl Scalar for HepListen {
    const SHAPE: Shape = Shape::Text;

    fn expected(_: &Range) -> String {
        "an address and port in quotes, as in \"0.0.0.0:9060\", with udp: or tcp: before it for one of the two"
            .to_owned()
    }

    fn read(value: &Value, range: &Range) -> Result<Self, Bad> {
        let Value::Text(asked) = value else { return Err(Bad::Type) };
        let (udp, tcp, address) = match (asked.strip_prefix("udp:"), asked.strip_prefix("tcp:")) {
            (Some(rest), _) => (true, false, rest),
            (_, Some(rest)) => (false, true, rest),
            _ => (true, true, asked.as_str()),
        };
        let address = SocketAddr::read(&Value::Text(address.to_owned()), range)?;
        Ok(Self { udp, tcp, address })
    }

    fn shown(&self) -> String {
        let over = match (self.udp, self.tcp) {
            (true, false) => "udp:",
            (false, true) => "tcp:",
            _ => "",
        };
        text(&format!("{over}{}", self.address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_over_what_or_both() {
        let read = |asked: &str| HepListen::read(&Value::Text(asked.to_owned()), &Range::ALL);
        let address: SocketAddr = "192.0.2.1:9060".parse().unwrap();
        for (asked, udp, tcp) in [("udp:", true, false), ("tcp:", false, true), ("", true, true)] {
            let listen = read(&format!("{asked}192.0.2.1:9060")).unwrap();
            assert_eq!(listen, HepListen { udp, tcp, address });
            assert_eq!(listen.shown(), format!("\"{asked}192.0.2.1:9060\""));
        }
        assert!(read(":9060").is_ok());
        assert!(read("sctp:192.0.2.1:9060").is_err() && read("udp:192.0.2.1").is_err() && read("").is_err());
    }
}
