//! The kernel's ring of captured frames, mapped into our memory: AF_PACKET with `TPACKET_V3`.
//!
//! The kernel copies each frame once, into a block that both sides see; a block comes over whole, when it is full
//! or [`RETIRE`] old. No system call a frame. In here is the workspace's only unsafe code: [`map`] (the memory) and
//! [`socket`] (the kernel's calls). What a block says is read by [`block`], which is safe and trusts none of it.
//!
//! Deliberately absent: fan-out of one interface over several rings. It takes `PACKET_FANOUT_CBPF` with a program
//! that makes the owner's choice from the bytes of a plain frame, as many fronts as rings, and a hand-off for
//! tunnels, whose inner flow such a program does not see.

mod block;
mod map;
mod socket;

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use libc::{c_int, tpacket_req3};

use self::block::{Frames, Header};
use self::map::Map;
use self::socket::{Socket, index_of, name_of};
use crate::live::{LiveError, Settings};
use crate::{Frame, LinkType};

/// The oldest that a frame gets before its block comes over.
const RETIRE: Duration = Duration::from_millis(10);
/// Size of a block: a frame that segmentation offload merged fits. No more than that, as a block comes over after
/// [`RETIRE`] however little is in it: 16 blocks of 1 MiB hold no more than 160 ms of a quiet interface, but 128 of
/// this size 1.3 s.
const BLOCK: usize = 1 << 17;
/// Fewer blocks than this and the kernel waits for us.
const BLOCKS: usize = 8;
/// A unit that divides blocks; frames may be longer and shorter.
const UNIT: usize = 2048;

/// An interface's ring.
#[derive(Debug)]
pub(crate) struct Ring {
    name: String,
    index: c_int,
    header: Header,
    // Unmapped before the socket is closed.
    map: Map,
    socket: Socket,
    /// Frames that blocks should have held, since it was last asked.
    missing: u64,
}

impl Ring {
    /// Listens on the interface `name`.
    ///
    /// # Errors
    /// It does not exist, is down, may not be listened on, or the kernel has no ring for us.
    pub fn open(name: &str, settings: &Settings) -> Result<Self, LiveError> {
        let index = index_of(name).ok_or_else(|| LiveError::unknown(name))?;
        Self::of(name, index, settings).map_err(|error| match error.raw_os_error() {
            Some(libc::ENETDOWN) => LiveError::Down { name: name.to_owned() },
            Some(libc::ENODEV | libc::ENXIO) => LiveError::unknown(name),
            Some(libc::EPERM | libc::EACCES) => LiveError::NotAllowed { name: name.to_owned() },
            _ => LiveError::Io { name: name.to_owned(), source: error },
        })
    }

    fn of(name: &str, index: c_int, settings: &Settings) -> io::Result<Self> {
        let mut socket = Socket::new(false)?;
        socket.bind(index, 0)?;
        let header = match socket.hardware()? {
            libc::ARPHRD_ETHER => Header::Ethernet,
            libc::ARPHRD_LOOPBACK => Header::Loopback,
            _ => Header::Cooked,
        };
        if header == Header::Cooked {
            socket = Socket::new(true)?;
        }
        prepare(&socket, header, settings)?;
        let map = ring_of(&socket, settings.ring_bytes)?;
        socket.be_promiscuous(index)?;
        socket.bind(index, libc::ETH_P_ALL as u16)?;
        socket.error()?;
        if index_of(name) != Some(index) {
            // Renamed while the ring was made.
            return Err(io::Error::from_raw_os_error(libc::ENODEV));
        }
        Ok(Self { name: name.to_owned(), index, header, map, socket, missing: 0 })
    }

    pub const fn link(&self) -> LinkType {
        self.header.link()
    }

    /// Hands over all frames that have come; where there are none, waits so long for some.
    ///
    /// # Errors
    /// The interface went down or is gone. What it saw before was handed over.
    pub fn take(&mut self, patience: Duration, mut each: impl FnMut(&Frame<'_>)) -> Result<(), LiveError> {
        if self.drain(&mut each) {
            return Ok(());
        }
        let waited = self.socket.wait(patience);
        if waited.is_err() {
            // The last block is not full, but comes over for its age.
            std::thread::sleep(RETIRE * 2);
        }
        self.drain(&mut each);
        waited.map_err(|source| self.ended(source))
    }

    fn drain(&mut self, each: &mut impl FnMut(&Frame<'_>)) -> bool {
        let (header, missing) = (self.header, &mut self.missing);
        // Once around at most: whoever reads has other things to do as well.
        let blocks = self.map.blocks();
        (0..blocks)
            .take_while(|_| {
                self.map.take(|block| {
                    let mut frames = Frames::of(block, header);
                    for frame in &mut frames {
                        each(&frame);
                    }
                    *missing += u64::from(frames.missing());
                })
            })
            .count()
            > 0
    }

    /// Frames that found the ring full or were in a damaged block, since it was last asked.
    pub fn lost(&mut self) -> u64 {
        let dropped = self.socket.statistics().map_or(0, |told| u64::from(told.tp_drops));
        dropped + std::mem::take(&mut self.missing)
    }

    /// Whether the interface is still the one of this name.
    ///
    /// # Errors
    /// It is gone, or has another name now.
    pub fn check(&self) -> Result<(), LiveError> {
        if index_of(&self.name) == Some(self.index) { Ok(()) } else { Err(self.gone()) }
    }

    /// Size of the ring, bytes.
    pub const fn bytes(&self) -> usize {
        self.map.bytes()
    }

    fn ended(&self, source: io::Error) -> LiveError {
        let name = self.name.clone();
        match source.raw_os_error() {
            _ if self.check().is_err() => self.gone(),
            Some(libc::ENETDOWN) => LiveError::Down { name },
            _ => LiveError::Io { name, source },
        }
    }

    fn gone(&self) -> LiveError {
        let now_called = name_of(self.index).filter(|other| *other != self.name);
        LiveError::Gone { name: self.name.clone(), now_called }
    }
}

/// All that must stand before the first frame.
fn prepare(socket: &Socket, header: Header, settings: &Settings) -> io::Result<()> {
    socket.set(libc::PACKET_VERSION, libc::tpacket_versions::TPACKET_V3 as c_int)?;
    if settings.hardware_time {
        // The interface's own clock where the driver gives it, else the kernel's.
        socket.set(libc::PACKET_TIMESTAMP, libc::SOF_TIMESTAMPING_RAW_HARDWARE.cast_signed())?;
    }
    if header == Header::Loopback {
        // Kernels before 4.20 do not know it: such frames are then passed over one by one.
        let _unknown = socket.set(libc::PACKET_IGNORE_OUTGOING, 1);
    }
    // Room before the frame for a tag that is put back.
    socket.set(libc::PACKET_RESERVE, 16)?;
    if let Some(length) = settings.snaplen {
        socket.cut_at(length)?;
    }
    Ok(())
}

/// A ring of so many bytes, or of half as many, or a quarter, where memory is short.
fn ring_of(socket: &Socket, bytes: usize) -> io::Result<Map> {
    let blocks = (bytes / BLOCK).max(BLOCKS);
    match mapped(socket, blocks) {
        Err(error) if error.raw_os_error() == Some(libc::ENOMEM) && blocks > BLOCKS => {
            ring_of(socket, bytes / 2)
        }
        other => other,
    }
}

fn mapped(socket: &Socket, blocks: usize) -> io::Result<Map> {
    let number = |n: usize| u32::try_from(n).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
    socket.make_ring(&tpacket_req3 {
        tp_block_size: number(BLOCK)?,
        tp_block_nr: number(blocks)?,
        tp_frame_size: number(UNIT)?,
        tp_frame_nr: number(blocks * (BLOCK / UNIT))?,
        tp_retire_blk_tov: number(RETIRE.as_millis() as usize)?,
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    })?;
    Map::new(socket.as_fd(), BLOCK, blocks)
}
