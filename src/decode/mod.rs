//! Bytes to borrowed views, layer by layer; never panics on any input.
//!
//! A layer is one function `bytes → (what comes next, rest)`; [`Decoder::decode`] walks them until a
//! transport packet stands alone. The only state here is reassembly: IP fragments, and (in
//! [`reassembly`]) SIP over byte streams; both are bounded. Nothing here knows a stream or a call.

mod counters;
mod decoder;
mod flow;
mod fragments;
mod hep;
mod ip;
mod link;
mod reader;
pub mod reassembly;
mod rtcp;
mod rtp;
pub mod sdp;
pub mod sip;
mod stun;
pub mod tls;
mod tunnel;

pub use counters::{Malformed, Undecoded};
pub use decoder::{Decoder, Packet, Settings, TcpHeader, Transport, decode_plain};
pub use flow::{Address, Endpoint, Flow, HashKey};
pub use hep::{Hep, HepPayload, HepPrefix};
pub use rtcp::{Report, ReportBlock, RtcpPackets, SenderInfo, VoipMetrics, looks_like_rtcp};
pub use rtp::{RtpPacket, looks_like_rtp};
pub use stun::{channel_data, looks_like_dtls, looks_like_stun};
