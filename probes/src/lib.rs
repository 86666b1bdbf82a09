//! Everything that can hand over frames; knows no VoIP.
//!
//! A [`Frame`] is one captured link-layer unit with the time it was seen. Capture files and
//! standard input are read by [`pcap`]; what is inside a frame is the engine's business.
#![deny(unsafe_code)]

mod frame;
pub mod live;
pub mod pcap;

pub use frame::{Frame, LinkType, Timestamp};
