//! A network interface that is listened to: by the kernel's ring, and where that cannot be had by pnet's datalink.

use std::io;
use std::time::Duration;

use crate::datalink::Datalink;
#[cfg(target_os = "linux")]
use crate::ring::Ring;
use crate::{Frame, LinkType, Timestamp};

/// A quiet interface is left this often, so that whoever reads it can look at the time.
const PATIENCE: Duration = Duration::from_millis(100);

/// How an interface is listened to.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Size of the ring, bytes, about.
    pub ring_bytes: usize,
    /// Bytes to take of a frame at most; `None`: the whole.
    pub snaplen: Option<u32>,
    /// The interface's own clock, where it has one.
    pub hardware_time: bool,
    /// pnet's datalink even where there is a ring: to compare.
    pub datalink: bool,
    /// The machine's clock: pnet's frames come without a time.
    pub clock: fn() -> Timestamp,
}

/// An interface that is listened to, promiscuously. Where it goes down, is renamed or removed, [`Live::take`] or
/// [`Live::check`] says so: it is then opened anew.
#[derive(Debug)]
pub struct Live {
    name: String,
    source: Source,
    clock: fn() -> Timestamp,
    no_ring: Option<LiveError>,
}

#[derive(Debug)]
enum Source {
    #[cfg(target_os = "linux")]
    Ring(Ring),
    Datalink(Datalink),
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
    /// It was there, and is no more.
    #[error("interface {name} is gone{}", .now_called.as_ref().map(|n| format!(": it is called {n} now")).unwrap_or_default())]
    Gone {
        /// Its name.
        name: String,
        /// Its new name.
        now_called: Option<String>,
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

impl LiveError {
    pub(crate) fn unknown(name: &str) -> Self {
        let interfaces = pnet_datalink::interfaces();
        let there_are = interfaces.iter().map(|i| i.name.as_str()).collect::<Vec<_>>().join(", ");
        Self::Unknown { name: name.to_owned(), there_are }
    }
}

/// Whether more frames wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// All that had come, for now.
    All,
    /// Maybe not all.
    Some,
}

impl Live {
    /// Listens on the interface `name`.
    ///
    /// # Errors
    /// It does not exist, is down, or may not be listened on.
    pub fn open(name: &str, settings: &Settings) -> Result<Self, LiveError> {
        let (source, no_ring) = Source::open(name, settings)?;
        Ok(Self { name: name.to_owned(), source, clock: settings.clock, no_ring })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How its frames begin.
    #[must_use]
    pub const fn link(&self) -> LinkType {
        match &self.source {
            #[cfg(target_os = "linux")]
            Source::Ring(ring) => ring.link(),
            Source::Datalink(datalink) => datalink.link(),
        }
    }

    /// Why there is no ring, though one was wanted.
    #[must_use]
    pub const fn no_ring(&self) -> Option<&LiveError> {
        self.no_ring.as_ref()
    }

    /// Hands the frames that have come to `each`; where there are none, waits a tenth of a second at most.
    ///
    /// # Errors
    /// The interface is gone or down. Frames that it saw before were handed over.
    pub fn take(&mut self, mut each: impl FnMut(&Frame<'_>)) -> Result<Taken, LiveError> {
        match &mut self.source {
            #[cfg(target_os = "linux")]
            Source::Ring(ring) => ring.take(PATIENCE, each).map(|()| Taken::All),
            Source::Datalink(datalink) => {
                let link = datalink.link();
                let Some(data) = datalink.next_frame()? else { return Ok(Taken::All) };
                let original_len = u32::try_from(data.len()).unwrap_or(u32::MAX);
                each(&Frame { time: (self.clock)(), link, interface: 0, original_len, data });
                Ok(Taken::Some)
            }
        }
    }

    /// Frames that the kernel had no room for, or lost in a damaged block, since it was last asked; 0 where that
    /// cannot be known. To be asked every second or so: the kernel's own count has 32 bits.
    pub fn lost(&mut self) -> u64 {
        match &mut self.source {
            #[cfg(target_os = "linux")]
            Source::Ring(ring) => ring.lost(),
            Source::Datalink(_) => 0,
        }
    }

    /// Whether the interface is still there under its name; a quiet one does not tell otherwise.
    ///
    /// # Errors
    /// It is gone, or its name is another now.
    pub fn check(&self) -> Result<(), LiveError> {
        match &self.source {
            #[cfg(target_os = "linux")]
            Source::Ring(ring) => ring.check(),
            Source::Datalink(_) => Ok(()),
        }
    }

    /// Size of the ring, bytes; `None` without one.
    #[must_use]
    pub const fn ring_bytes(&self) -> Option<usize> {
        match &self.source {
            #[cfg(target_os = "linux")]
            Source::Ring(ring) => Some(ring.bytes()),
            Source::Datalink(_) => None,
        }
    }
}

impl Source {
    #[cfg(target_os = "linux")]
    fn open(name: &str, settings: &Settings) -> Result<(Self, Option<LiveError>), LiveError> {
        if settings.datalink {
            return Ok((Self::Datalink(Datalink::open(name, PATIENCE)?), None));
        }
        match Ring::open(name, settings) {
            Ok(ring) => Ok((Self::Ring(ring), None)),
            // Such as no memory for it, or a kernel without it.
            Err(no_ring @ LiveError::Io { .. }) => {
                Ok((Self::Datalink(Datalink::open(name, PATIENCE)?), Some(no_ring)))
            }
            Err(other) => Err(other),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn open(name: &str, _: &Settings) -> Result<(Self, Option<LiveError>), LiveError> {
        Ok((Self::Datalink(Datalink::open(name, PATIENCE)?), None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings {
        ring_bytes: 1 << 20,
        snaplen: None,
        hardware_time: false,
        datalink: false,
        clock: || Timestamp::MIN,
    };

    #[test]
    fn an_interface_that_does_not_exist_is_named_with_those_that_do() {
        for datalink in [false, true] {
            let settings = Settings { datalink, ..SETTINGS };
            let error = Live::open("no-such-interface", &settings).unwrap_err().to_string();
            assert!(error.starts_with("no interface \"no-such-interface\"; there are: "), "{error}");
            assert!(error.contains("lo"), "{error}");
        }
    }
}
