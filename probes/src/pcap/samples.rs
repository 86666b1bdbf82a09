//! Captures made by code, for tests.

use std::io::{Cursor, Write};
use std::path::PathBuf;

use super::file::CaptureFile;
use super::record::ByteOrder;
use super::window::Window;
use super::{FileReport, OpenError, Writer};
use crate::{Frame, LinkType, Timestamp};

pub(super) const MICROSECONDS: u32 = 0xa1b2_c3d4;
pub(super) const NANOSECONDS: u32 = 0xa1b2_3c4d;
pub(super) const MODIFIED: u32 = 0xa1b2_cd34;

/// A frame that outlives its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owned {
    pub nanos: i64,
    pub link: u16,
    pub interface: u16,
    pub original: u32,
    pub data: Vec<u8>,
}

impl From<&Frame<'_>> for Owned {
    fn from(frame: &Frame<'_>) -> Self {
        Self {
            nanos: frame.time.as_nanos(),
            link: frame.link.0,
            interface: frame.interface,
            original: frame.original_len,
            data: frame.data.to_vec(),
        }
    }
}

/// An Ethernet frame, whole, on interface 0.
pub(super) fn whole(nanos: i64, data: &[u8]) -> Owned {
    let original = u32::try_from(data.len()).expect("samples are small");
    Owned { nanos, link: 1, interface: 0, original, data: data.to_vec() }
}

/// Reads a capture to its end, `chunk` bytes a read and `batch` frames a call.
pub(super) fn read(bytes: &[u8], chunk: usize, batch: usize) -> Result<(Vec<Owned>, FileReport), OpenError> {
    let stream = Box::new(Cursor::new(bytes.to_vec()));
    let (mut window, mut next_interface) = (Window::new(chunk), 0);
    let mut file =
        CaptureFile::from_stream(PathBuf::from("sample"), stream, &mut window, &mut next_interface)?;
    let mut frames = Vec::new();
    while file.head(&mut window, &mut next_interface).is_some() {
        let mut out = vec![Frame::default(); batch];
        let taken = file.take(&window, Timestamp::MAX, &mut out, &mut next_interface).frames;
        assert_ne!(taken, 0, "a head is there to be taken");
        frames.extend(out.iter().take(taken).map(Owned::from));
    }
    Ok((frames, file.report().clone()))
}

/// The frames of a capture that is in order.
pub(super) fn frames(bytes: &[u8]) -> Vec<Owned> {
    let (frames, report) = read(bytes, 4096, 7).expect("a capture");
    assert_eq!(report.damaged, None);
    assert_eq!(report.packets, frames.len() as u64);
    frames
}

/// A nanosecond Ethernet capture with a frame at each of these times, its data made of the time.
pub(super) fn capture_at(times: &[i64]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), LinkType::ETHERNET).expect("memory is writable");
    for &nanos in times {
        let data = nanos.to_be_bytes();
        let time = Timestamp::from_nanos(nanos);
        let frame = Frame { time, original_len: 8, data: &data, ..Frame::default() };
        writer.write(&frame).expect("memory is writable");
    }
    writer.into_inner()
}

/// The same as pcapng.
pub(super) fn pcapng_at(times: &[i64]) -> Vec<u8> {
    let nanoseconds = [9, 0, 1, 0, 9, 0, 0, 0];
    let file = Bytes::new(ByteOrder::Little).section().interface(1, 0, &nanoseconds);
    let packet = |file: Bytes, nanos: &i64| file.enhanced(0, nanos.unsigned_abs(), 8, &nanos.to_be_bytes());
    times.iter().fold(file, packet).bytes
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory is writable");
    encoder.finish().expect("memory is writable")
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory is writable")
}

/// Writes numbers in one byte order.
#[derive(Clone, Debug)]
pub(super) struct Bytes {
    pub order: ByteOrder,
    pub bytes: Vec<u8>,
}

impl Bytes {
    pub fn new(order: ByteOrder) -> Self {
        Self { order, bytes: Vec::new() }
    }

    pub fn u16(mut self, value: u16) -> Self {
        self.bytes.extend(match self.order {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        });
        self
    }

    pub fn u32(mut self, value: u32) -> Self {
        self.bytes.extend(match self.order {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        });
        self
    }

    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// A pcap file header; `link` has the upper bits, too.
    pub fn pcap(self, magic: u32, minor: u16, snap_length: u32, link: u32) -> Self {
        self.u32(magic).u16(2).u16(minor).u32(0).u32(0).u32(snap_length).u32(link)
    }

    /// A pcap record.
    pub fn record(self, seconds: u32, fraction: u32, original: u32, data: &[u8]) -> Self {
        let captured = u32::try_from(data.len()).expect("samples are small");
        self.u32(seconds).u32(fraction).u32(captured).u32(original).raw(data)
    }

    /// A pcapng block; pads the body.
    pub fn block(self, kind: u32, body: &[u8]) -> Self {
        let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
        let length = u32::try_from(12 + body.len() + padding.len()).expect("samples are small");
        self.u32(kind).u32(length).raw(body).raw(&padding).u32(length)
    }

    pub fn section(self) -> Self {
        let body = self.fresh().u32(0x1a2b_3c4d).u16(1).u16(0).raw(&[0xff; 8]);
        self.block(0x0a0d_0d0a, &body.bytes)
    }

    pub fn interface(self, link: u16, snap_length: u32, options: &[u8]) -> Self {
        let body = self.fresh().u16(link).u16(0).u32(snap_length).raw(options);
        self.block(1, &body.bytes)
    }

    pub fn enhanced(self, interface: u32, ticks: u64, original: u32, data: &[u8]) -> Self {
        let captured = u32::try_from(data.len()).expect("samples are small");
        let body = self.fresh().u32(interface).ticks(ticks).u32(captured).u32(original).raw(data);
        self.block(6, &body.bytes)
    }

    pub fn obsolete(self, interface: u16, drops: u16, ticks: u64, data: &[u8]) -> Self {
        let length = u32::try_from(data.len()).expect("samples are small");
        let body = self.fresh().u16(interface).u16(drops).ticks(ticks).u32(length).u32(length).raw(data);
        self.block(2, &body.bytes)
    }

    pub fn simple(self, original: u32, data: &[u8]) -> Self {
        let body = self.fresh().u32(original).raw(data);
        self.block(3, &body.bytes)
    }

    fn ticks(self, ticks: u64) -> Self {
        let upper = u32::try_from(ticks >> 32).expect("32 bits are left");
        let lower = u32::try_from(ticks & 0xffff_ffff).expect("32 bits are left");
        self.u32(upper).u32(lower)
    }

    pub fn fresh(&self) -> Self {
        Self::new(self.order)
    }
}
