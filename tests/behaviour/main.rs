//! What a user sees, one module a thing.

mod analyze;
mod captures;
mod config;
mod flood;
mod flood_of_invites;
mod hostile;
mod http;
mod joins;
mod probe;
mod registrations;
mod scores;
mod steady;
mod streams;
mod tidy;
mod traffic;
mod unsignalled;
mod workers;
