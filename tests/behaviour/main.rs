//! What a user sees, one module a thing.

mod analyze;
mod call_counts;
mod call_metrics;
mod calls;
mod captures;
mod config;
mod flood;
mod flood_of_invites;
mod hep;
mod hops;
mod hostile;
mod http;
mod joins;
mod probe;
mod registrations;
mod reports;
mod scores;
mod steady;
mod stories;
mod streams;
mod tidy;
mod tls;
mod traffic;
mod unsignalled;
mod workers;
