//! What a user sees, one module a thing.

mod analyze;
mod captures;
mod config;
mod flood;
mod hep;
mod hostile;
mod http;
mod probe;
mod reports;
mod scores;
mod steady;
mod streams;
mod tidy;
mod tls;
mod traffic;
mod unsignalled;
mod workers;
