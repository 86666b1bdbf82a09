//! A network interface, through pnet's datalink: portable, and slow beside a mapped ring.

use std::io;
use std::time::Duration;

use pnet_datalink::{Channel, Config, DataLinkReceiver, NetworkInterface};

use crate::LinkType;

/// The longest frame: a jumbo frame or what segmentation offload merged.
const LONGEST: usize = 65_536 + 64;
/// A quiet interface is left this often, so that whoever reads it can look at the time.
const PATIENCE: Duration = Duration::from_millis(100);

/// An interface that is listened to, promiscuously.
pub struct Live {
    name: String,
    link: LinkType,
    receiver: Box<dyn DataLinkReceiver>,
}

/// Why an interface cannot be listened to.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// There is none of that name.
    #[error("no interface {name:?}; there are: {there_are}")]
    Unknown {
        /// As asked for.
        name: String,
        /// Those that exist.
        there_are: String,
    },
    /// It is switched off.
    #[error("interface {name} is down; switch it on: ip link set {name} up")]
    Down {
        /// Which.
        name: String,
    },
    /// Not allowed to.
    #[error("not allowed to listen on {name}: run as root, or give the program CAP_NET_RAW")]
    NotAllowed {
        /// Which.
        name: String,
    },
    /// Anything else.
    #[error("cannot listen on {name}: {source}")]
    Io {
        /// Which.
        name: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Live {
    /// Listens on the interface `name`.
    ///
    /// # Errors
    /// It does not exist, is down, or may not be listened on.
    pub fn open(name: &str) -> Result<Self, LiveError> {
        let interfaces = pnet_datalink::interfaces();
        let Some(interface) = interfaces.iter().find(|i| i.name == name) else {
            let there_are = interfaces.iter().map(|i| i.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(LiveError::Unknown { name: name.to_owned(), there_are });
        };
        if !interface.is_up() {
            return Err(LiveError::Down { name: name.to_owned() });
        }
        let config = Config {
            read_buffer_size: LONGEST,
            read_timeout: Some(PATIENCE),
            promiscuous: true,
            ..Config::default()
        };
        match pnet_datalink::channel(interface, config) {
            Ok(Channel::Ethernet(_, receiver)) => {
                Ok(Self { name: name.to_owned(), link: link_type(interface), receiver })
            }
            Ok(_) => Err(LiveError::Io { name: name.to_owned(), source: io::ErrorKind::Unsupported.into() }),
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                Err(LiveError::NotAllowed { name: name.to_owned() })
            }
            Err(source) => Err(LiveError::Io { name: name.to_owned(), source }),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How its frames begin.
    #[must_use]
    pub const fn link(&self) -> LinkType {
        self.link
    }

    /// The next frame; `None` where none came for a tenth of a second.
    ///
    /// # Errors
    /// The interface is gone or down.
    pub fn next_frame(&mut self) -> io::Result<Option<&[u8]>> {
        match self.receiver.next() {
            Ok(frame) => Ok(Some(frame)),
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("name", &self.name).field("link", &self.link).finish_non_exhaustive()
    }
}

/// Tunnels without link-layer addresses hand over bare IP.
fn link_type(interface: &NetworkInterface) -> LinkType {
    if interface.mac.is_none() || interface.is_point_to_point() { LinkType::RAW } else { LinkType::ETHERNET }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_that_does_not_exist_is_named_with_those_that_do() {
        let error = Live::open("no-such-interface").unwrap_err().to_string();
        assert!(error.starts_with("no interface \"no-such-interface\"; there are: "), "{error}");
        assert!(error.contains("lo"), "{error}");
    }
}
