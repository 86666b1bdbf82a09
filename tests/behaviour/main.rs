//! What a user sees, one module a thing.

mod http;
mod scores;
mod tidy;
mod workers;
