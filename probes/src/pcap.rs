//! Capture files and standard input.
//!
//! [`open`] takes one or more inputs and hands out their frames as one [`Timeline`]. It reads pcap
//! (microseconds, nanoseconds, the "modified" one), pcapng, HEP3 packets one behind the other, and any of
//! them inside gzip or zstd; which one it is, the first bytes say, never the name.
//!
//! What it promises:
//! - Memory does not grow with the size of a file, and only files that are due hold a descriptor.
//! - Within one file frames keep the file's order, even where its clock goes back.
//! - A damaged file gives every whole record before the damage, then says where and what: [`Damage`].
//! - No byte of a file can make it panic.
//!
//! Deliberately absent: what is inside a frame, file names and options of pcapng, and the length of
//! a frame check sequence, since decoders go by the lengths in the headers and never see a trailer.

mod classic;
mod decompress;
mod file;
mod hep;
mod input;
mod pcapng;
mod record;
mod report;
#[cfg(test)]
mod samples;
mod timeline;
mod window;
mod writer;

pub use decompress::Compression;
pub use input::{Input, OpenError};
pub use report::{Damage, FileReport, Format};
pub use timeline::{Timeline, open};
pub use writer::Writer;
