//! The memory that the kernel and we share: one mapping, blocks that change hands.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

use super::block::STATUS;

/// The blocks of a ring, taken in turn.
#[derive(Debug)]
pub(super) struct Map {
    start: NonNull<u8>,
    block_size: usize,
    blocks: usize,
    /// The block that the kernel hands over next.
    next: usize,
}

// SAFETY: a `Map` is the only one that reads or writes its memory on this side, through `&mut self`; which thread
// does so makes no difference.
unsafe impl Send for Map {}

impl Map {
    /// Maps the ring that the socket has made: `blocks` of `block_size` bytes.
    pub fn new(socket: BorrowedFd<'_>, block_size: usize, blocks: usize) -> io::Result<Self> {
        let length = block_size.checked_mul(blocks).ok_or(io::ErrorKind::InvalidInput)?;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, where the kernel finds room for it; the kernel refuses a `length` that is not the
        // ring's.
        let start =
            unsafe { libc::mmap(ptr::null_mut(), length, access, libc::MAP_SHARED, socket.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, block_size, blocks, next: 0 })
    }

    pub const fn blocks(&self) -> usize {
        self.blocks
    }

    pub const fn bytes(&self) -> usize {
        self.block_size * self.blocks
    }

    /// Hands the next block to `read`, then gives it back to the kernel; `false` where the kernel still fills it.
    pub fn take(&mut self, read: impl FnOnce(&mut [u8])) -> bool {
        // SAFETY: `next < blocks`, so the block lies within the mapping.
        let block = unsafe { self.start.add(self.next * self.block_size) };
        // SAFETY: the status lies within the block, aligned as the mapping and the kernel's struct are; while no
        // slice of the block exists, both sides reach it by atomic operations alone.
        let status = || unsafe { AtomicU32::from_ptr(block.add(STATUS).cast().as_ptr()) };
        // Acquire: what the kernel wrote before it handed over is seen.
        if status().load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return false;
        }
        // SAFETY: the block lies within the mapping and is all ours: the kernel writes nothing of it until its
        // status says so, and `&mut self` keeps others of this side away.
        read(unsafe { std::slice::from_raw_parts_mut(block.as_ptr(), self.block_size) });
        // Release: all that we read and wrote happens before the kernel has it again.
        status().store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.next = (self.next + 1) % self.blocks;
        true
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`, whole; no slice of it outlives `take`.
        let unmapped = unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes()) };
        debug_assert_eq!(unmapped, 0, "the kernel takes back what it mapped");
    }
}
