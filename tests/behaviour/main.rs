//! What a user sees, one module a thing.

mod http;
mod config;
mod analyze;
mod scores;
mod tidy;
mod workers;
