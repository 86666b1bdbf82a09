//! The packet socket behind a ring: what the kernel is asked, each with its types.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use libc::{c_int, c_void, sock_filter, sock_fprog, sockaddr_ll, socklen_t, tpacket_req3, tpacket_stats_v3};

/// A packet socket.
#[derive(Debug)]
pub(super) struct Socket(OwnedFd);

impl Socket {
    /// A socket that hears nothing until it is bound. `cooked`: frames come without their link-layer header.
    pub fn new(cooked: bool) -> io::Result<Self> {
        let kind = if cooked { libc::SOCK_DGRAM } else { libc::SOCK_RAW } | libc::SOCK_CLOEXEC;
        // SAFETY: no pointers.
        let fd = checked(unsafe { libc::socket(libc::AF_PACKET, kind, 0) })?;
        // SAFETY: `fd` was just opened, and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Listens on the interface of this index; with `protocol` 0 it hears nothing, but knows its type.
    pub fn bind(&self, index: c_int, protocol: u16) -> io::Result<()> {
        let address = sockaddr_ll {
            sll_family: libc::AF_PACKET as u16,
            sll_protocol: protocol.to_be(),
            sll_ifindex: index,
            ..NO_ADDRESS
        };
        let length = size_of::<sockaddr_ll>() as socklen_t;
        // SAFETY: `address` is a `sockaddr_ll` of `length` bytes and outlives the call.
        checked(unsafe { libc::bind(self.fd(), (&raw const address).cast(), length) }).map(drop)
    }

    /// The type of hardware that it is bound to, an `ARPHRD_`.
    pub fn hardware(&self) -> io::Result<u16> {
        let mut address = NO_ADDRESS;
        let mut length = size_of::<sockaddr_ll>() as socklen_t;
        // SAFETY: the kernel writes at most `length` bytes, the size of `address`; any bytes are a `sockaddr_ll`.
        checked(unsafe { libc::getsockname(self.fd(), (&raw mut address).cast(), &raw mut length) })?;
        Ok(address.sll_hatype)
    }

    /// An option of a packet socket that is a number.
    pub fn set(&self, option: c_int, value: c_int) -> io::Result<()> {
        self.set_option(libc::SOL_PACKET, option, &value)
    }

    /// Sees what is sent to others as well, until the socket is closed.
    pub fn be_promiscuous(&self, index: c_int) -> io::Result<()> {
        let request = libc::packet_mreq {
            mr_ifindex: index,
            mr_type: libc::PACKET_MR_PROMISC as u16,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        self.set_option(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request)
    }

    /// Takes at most `length` bytes of each frame.
    pub fn cut_at(&self, length: u32) -> io::Result<()> {
        let mut program =
            [sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: length }];
        let program = sock_fprog { len: 1, filter: program.as_mut_ptr() };
        self.set_option(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
    }

    /// Makes the ring that is mapped then.
    pub fn make_ring(&self, request: &tpacket_req3) -> io::Result<()> {
        self.set_option(libc::SOL_PACKET, libc::PACKET_RX_RING, request)
    }

    /// Frames and drops since it was last asked.
    pub fn statistics(&self) -> io::Result<tpacket_stats_v3> {
        let nothing = tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
        self.option(libc::SOL_PACKET, libc::PACKET_STATISTICS, nothing)
    }

    /// What went wrong with the interface since it was last asked.
    pub fn error(&self) -> io::Result<()> {
        match self.option(libc::SOL_SOCKET, libc::SO_ERROR, 0)? {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }

    /// Waits until a block is ready.
    ///
    /// # Errors
    /// The interface went down or is gone.
    pub fn wait(&self, patience: Duration) -> io::Result<()> {
        let mut poll = libc::pollfd { fd: self.fd(), events: libc::POLLIN, revents: 0 };
        let patience = c_int::try_from(patience.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: one `pollfd`, which outlives the call.
        match checked(unsafe { libc::poll(&raw mut poll, 1, patience) }) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        if poll.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0 {
            self.error()
        } else {
            Ok(())
        }
    }

    fn fd(&self) -> c_int {
        self.0.as_raw_fd()
    }

    fn set_option<T>(&self, level: c_int, option: c_int, value: &T) -> io::Result<()> {
        let (pointer, length) = ((&raw const *value).cast::<c_void>(), size_of::<T>() as socklen_t);
        // SAFETY: the kernel reads `length` bytes of `value`, its size. What a `sock_fprog` points to lives as
        // long as it, in the one function that passes one.
        checked(unsafe { libc::setsockopt(self.fd(), level, option, pointer, length) }).map(drop)
    }

    /// `value` as the kernel fills it: a number or a struct of numbers.
    fn option<T: Copy>(&self, level: c_int, option: c_int, mut value: T) -> io::Result<T> {
        let (pointer, mut length) = ((&raw mut value).cast::<c_void>(), size_of::<T>() as socklen_t);
        // SAFETY: the kernel writes at most `length` bytes, the size of `value`; of numbers, any bytes are a value.
        checked(unsafe { libc::getsockopt(self.fd(), level, option, pointer, &raw mut length) })?;
        Ok(value)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

const NO_ADDRESS: sockaddr_ll = sockaddr_ll {
    sll_family: 0,
    sll_protocol: 0,
    sll_ifindex: 0,
    sll_hatype: 0,
    sll_pkttype: 0,
    sll_halen: 0,
    sll_addr: [0; 8],
};

/// The index of the interface of this name; `None` where there is none.
pub(super) fn index_of(name: &str) -> Option<c_int> {
    let name = std::ffi::CString::new(name).ok()?;
    // SAFETY: a string that ends in 0 and outlives the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    c_int::try_from(index).ok().filter(|index| *index != 0)
}

/// The name of the interface of this index.
pub(super) fn name_of(index: c_int) -> Option<String> {
    let mut name = [0_u8; libc::IF_NAMESIZE];
    // SAFETY: `name` has the `IF_NAMESIZE` bytes that the function asks for.
    let found = unsafe { libc::if_indextoname(index.cast_unsigned(), name.as_mut_ptr().cast()) };
    let name = std::ffi::CStr::from_bytes_until_nul(&name).ok().filter(|_| !found.is_null())?;
    Some(name.to_string_lossy().into_owned())
}

fn checked(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
