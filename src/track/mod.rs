//! Who is talking to whom, and how well packets arrive.
//!
//! Two tables that never call each other: [`streams`] and [`calls`]. Down from calls goes what SDP says
//! of a flow ([`media`]); up from streams come their totals. Time is the packets' own.

pub mod arrival;
pub mod call;
pub mod calls;
pub mod codecs;
mod ends;
mod hold;
mod index;
mod inference;
pub mod media;
pub mod reports;
pub mod signal;
pub mod sites;
pub mod stream;
pub mod streams;
pub mod tls;
pub mod voice_reports;
