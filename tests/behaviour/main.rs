//! What a user sees, one module a thing.

mod config;
mod scores;
