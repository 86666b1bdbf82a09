//! What a user sees, one module a thing.

mod analyze;
mod scores;
