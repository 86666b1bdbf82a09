//! The HTTP server: `/metrics`, `/-/…`, `/api/v1` and the first page.
//!
//! It knows no packet and no metric: what it shows comes from the program through [`Pages`], asked on tokio's
//! blocking threads, so that a slow answer delays neither other requests nor packet work. Everything a client
//! can make grow is bounded by [`Limits`]; what is turned away is told to [`Pages::refused`].
//!
//! TLS and users are configured by the file of Prometheus' exporter-toolkit and may change while running.
//! Deliberately absent: sessions, cookies, redirects from HTTP to HTTPS, reading a clock.

mod activity;
mod bind;
mod limits;
mod negotiate;
mod paced;
mod passwords;
mod problem;
mod routes;
mod server;
mod web_config;

use std::io;

use serde_json::Value;

pub use bind::{bind, exposure};
pub use limits::Limits;
pub use negotiate::Exposition;
pub use server::{serve, serve_with};
pub use web_config::check as check_web_config;

/// What the program shows. Each call may block for milliseconds, except where it says otherwise.
pub trait Pages: Send + Sync + 'static {
    /// The whole exposition, uncompressed, in `format`.
    fn metrics(&self, format: Exposition) -> Vec<u8>;
    /// Whether capture runs and the tables are loaded. Called on the server's own thread: an atomic's read.
    fn is_ready(&self) -> bool;
    /// Takes up the configuration again.
    ///
    /// # Errors
    /// The lines `config check` would print; the old configuration stays.
    fn reload(&self) -> Result<(), Vec<String>>;
    /// What the program is and how it fares.
    fn status(&self) -> Value;
    /// What keeps it from measuring well.
    fn findings(&self) -> Value;
    /// At most `limit` streams; with `live` only those still running.
    fn streams(&self, live: bool, limit: usize) -> Value;
    /// At most `limit` devices that have registered.
    fn devices(&self, limit: usize) -> Value;
    /// Counts a client turned away. Called on the server's own thread: an atomic's increment.
    fn refused(&self, why: Refusal);
    /// Takes a line for the log. Called on the server's own thread, and rarely.
    fn warn(&self, line: &str);
}

/// Why a client did not get what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// [`Limits::connections`] were open.
    Connections,
    /// [`Limits::requests`] were being answered, or as many passwords as may wait were waiting.
    Requests,
    /// Too slow to send its request or to take the answer.
    Slow,
    /// The answer took longer than [`Limits::request_time`].
    Timeout,
    /// Not HTTP.
    Malformed,
    /// More header or body than allowed.
    TooLarge,
    /// No TLS session came about.
    Handshake,
    /// No user and password, or wrong ones.
    Unauthorized,
}

impl Refusal {
    /// Every reason, in the order of its discriminant: a table of counters can be indexed by it.
    pub const ALL: [Self; 8] = [
        Self::Connections,
        Self::Requests,
        Self::Slow,
        Self::Timeout,
        Self::Malformed,
        Self::TooLarge,
        Self::Handshake,
        Self::Unauthorized,
    ];

    /// The value of a metric's label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Requests => "requests",
            Self::Slow => "slow",
            Self::Timeout => "timeout",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Handshake => "handshake",
            Self::Unauthorized => "unauthorized",
        }
    }
}

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not an address to listen on: wrong usage.
    #[error("{address}: not an address to listen on; write HOST:PORT, [IPV6]:PORT or :PORT")]
    Address {
        /// As given.
        address: String,
    },
    /// Another socket has the address.
    #[error(
        "cannot listen on {address}: it is in use; stop the program that has it \
         (`ss -ltnp` names it) or choose another with --web.listen-address"
    )]
    InUse {
        /// As given.
        address: String,
    },
    /// The system refuses the address.
    #[error("cannot listen on {address}: {source}{}", bind::hint(.source))]
    Bind {
        /// As given.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The web configuration file has faults, one line each.
    #[error("{}", .0.join("\n"))]
    WebConfig(Vec<String>),
    /// The runtime cannot take over the listening sockets.
    #[error("cannot wait for connections: {0}")]
    Listen(#[source] io::Error),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}
