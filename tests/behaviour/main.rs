//! What a user sees, one module a thing.

mod scores;
mod tidy;
mod workers;
