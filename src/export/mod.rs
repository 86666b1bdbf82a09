//! What was found, for people and programs: the analysis as JSON, CSV, a table, and one call in depth.
//!
//! Nothing here looks at a packet: it takes the engine's events and settled counts. What came from the wire
//! as text is made harmless before it can reach a terminal or a spreadsheet.

pub mod analysis;
mod call_view;
mod chart;
mod columns;
mod csv;
mod heading;
mod hearing;
pub mod http;
pub(crate) mod json;
pub(crate) mod lines;
pub mod metrics;
mod selection;
mod table;
pub mod terminal;
mod text;

pub use selection::NoSuchCall;
