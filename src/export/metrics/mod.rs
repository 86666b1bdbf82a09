//! What `/metrics` shows.
//!
//! Names, kinds, labels and edges stand once, in [`catalogue`].

pub mod catalogue;
