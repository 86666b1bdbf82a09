//! The part of a file that is in memory.

use std::io::{self, ErrorKind, Read};

/// A reusable buffer that moves over a stream in big reads.
#[derive(Debug)]
pub(super) struct Window {
    buffer: Vec<u8>,
    /// The unread bytes are `buffer[start..end]`.
    start: usize,
    end: usize,
    /// Where in the stream `buffer[0]` is.
    base: u64,
    /// The size of a read. The buffer is as large, and larger only for a record that is.
    chunk: usize,
}

impl Window {
    pub fn new(chunk: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, end: 0, base: 0, chunk }
    }

    /// The bytes at hand.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Lets go of the first `length` bytes, which must be at hand.
    pub fn consume(&mut self, length: usize) {
        self.start += length;
        debug_assert!(self.start <= self.end, "only what is at hand is consumed");
    }

    /// Where in the stream the bytes at hand begin.
    pub fn position(&self) -> u64 {
        self.base + self.start as u64
    }

    /// From now on reads `chunk` bytes at a time.
    pub fn read_by(&mut self, chunk: usize) {
        self.chunk = chunk;
    }

    /// Lets go of the memory and of the bytes at hand; the position stays.
    pub fn shelve(&mut self) {
        self.base = self.position();
        (self.buffer, self.start, self.end) = (Vec::new(), 0, 0);
    }

    /// Reads until `want` bytes are at hand; false when the stream ends before.
    pub fn fill(&mut self, source: &mut impl Read, want: usize) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.base = self.position();
        (self.start, self.end) = (0, self.end - self.start);
        if self.buffer.len() < want.max(self.chunk) {
            self.buffer.resize(want.max(self.chunk), 0);
        }
        while self.end < want {
            let room = self.buffer.len().min(self.end.saturating_add(self.chunk));
            match source.read(self.buffer.get_mut(self.end..room).unwrap_or_default()) {
                Ok(0) => return Ok(false),
                Ok(length) => self.end += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
