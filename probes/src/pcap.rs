//! Capture files.

mod writer;

pub use writer::Writer;
