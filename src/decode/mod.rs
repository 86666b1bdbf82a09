//! Bytes to borrowed views; never allocates per packet, never panics.

pub mod reassembly;
pub mod sdp;
pub mod sip;
