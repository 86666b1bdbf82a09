//! What a user sees, one module a thing.

mod analyze;
mod config;
mod http;
mod scores;
mod tidy;
mod workers;
