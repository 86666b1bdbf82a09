//! What a user sees, one module a thing.

mod captures;
mod flood;
mod hostile;
mod scores;
mod steady;
mod streams;
mod tidy;
mod traffic;
mod unsignalled;
mod workers;
