//! What a user sees, one module a thing.

mod scores;
mod steady;
mod streams;
mod tidy;
mod traffic;
