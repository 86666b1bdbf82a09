//! Clearline: a passive quality monitor for VoIP.
//!
//! ```text
//! frame → decode → track → score → export
//! ```
//!
//! | step | one sentence | where |
//! |---|---|---|
//! | **frame** | A probe hands over a link-layer frame with the time it was seen. | crate `probes` |
//! | **decode** | Layer by layer the frame becomes one borrowed view: SIP, RTP, RTCP, or nothing of ours. | [`decode`] |
//! | **track** | Views update streams and calls; SDP ties the two together. | [`track`] |
//! | **score** | Each interval, a stream's sample becomes R and MOS. | [`score`] |
//! | **export** | Samples and finished calls become reports. | [`export`] |
//!
//! [`engine`] strings decode, track and score together and owns their state; [`run`] gives it
//! frames and a place to put results. Nothing else knows the whole.
#![forbid(unsafe_code)]

pub mod cli;
pub mod config;
pub mod decode;
pub mod engine;
pub mod event;
pub mod export;
pub mod run;
pub mod score;
pub mod track;
