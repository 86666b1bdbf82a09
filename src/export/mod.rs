//! What was found, for people and programs: the analysis as JSON.
//!
//! Nothing here looks at a packet: it takes the engine's events and settled counts.

pub mod analysis;
pub mod http;
mod json;
pub mod metrics;
mod text;
