//! A network interface through pnet's datalink: portable, and slow beside the ring.

use std::io;
use std::time::Duration;

use pnet_datalink::{Channel, Config, DataLinkReceiver, NetworkInterface};

use crate::LinkType;
use crate::live::LiveError;

/// The longest frame: a jumbo frame or what segmentation offload merged.
const LONGEST: usize = 65_536 + 64;

/// An interface that is listened to, promiscuously.
pub(crate) struct Datalink {
    name: String,
    link: LinkType,
    receiver: Box<dyn DataLinkReceiver>,
}

impl Datalink {
    /// Listens on the interface `name`; where it is quiet it is left after so long.
    ///
    /// # Errors
    /// It does not exist, is down, or may not be listened on.
    pub fn open(name: &str, patience: Duration) -> Result<Self, LiveError> {
        let interfaces = pnet_datalink::interfaces();
        let interface = interfaces.iter().find(|i| i.name == name).ok_or_else(|| LiveError::unknown(name))?;
        if !interface.is_up() {
            return Err(LiveError::Down { name: name.to_owned() });
        }
        let config = Config {
            read_buffer_size: LONGEST,
            read_timeout: Some(patience),
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

    /// How its frames begin.
    pub const fn link(&self) -> LinkType {
        self.link
    }

    /// The next frame; `None` where none came in time.
    ///
    /// # Errors
    /// The interface is gone or down.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, LiveError> {
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
            Err(source) => Err(LiveError::Io { name: self.name.clone(), source }),
        }
    }
}

impl std::fmt::Debug for Datalink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Datalink").field("name", &self.name).field("link", &self.link).finish_non_exhaustive()
    }
}

/// Tunnels without link-layer addresses hand over bare IP.
fn link_type(interface: &NetworkInterface) -> LinkType {
    if interface.mac.is_none() || interface.is_point_to_point() { LinkType::RAW } else { LinkType::ETHERNET }
}
