//! Everything that can hand over frames; knows no VoIP.
//!
//! A [`Frame`] is one captured link-layer unit with the time it was seen. Capture files and
//! standard input are read by [`pcap`], interfaces are listened to by [`live`]; what is inside a
//! frame is the engine's business.
#![deny(unsafe_code)]

mod datalink;
mod frame;
pub mod live;
pub mod nic;
pub mod pcap;
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "memory shared with the kernel, and the calls that make it")]
mod ring;

pub use frame::{Frame, LinkType, Timestamp};
