//! Who is talking to whom, and how well packets arrive.
//!
//! Tables that never call each other: [`streams`] and [`calls`], and beside them [`registrations`] and
//! [`liveness`]. Down from calls goes what SDP says of a flow ([`media`]); up from streams come their totals.
//! Time is the packets' own.

pub mod arrival;
pub mod call;
pub mod calls;
pub mod codecs;
mod ends;
pub mod hearing;
mod hold;
mod index;
mod inference;
pub mod kpis;
pub mod liveness;
pub mod media;
pub mod registrations;
mod repeats;
pub mod reports;
pub mod signal;
pub mod sites;
pub mod stream;
pub mod streams;
mod timed;
pub mod tls;
pub mod voice_reports;
