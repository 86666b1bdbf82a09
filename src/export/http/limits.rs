//! What a client may use up.

use std::time::Duration;

/// The bounds of the server. The defaults leave room for a few Prometheus servers and browsers.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections over all listen addresses; one more is closed at once.
    pub connections: usize,
    /// Questions to [`Pages`](super::Pages) being answered; one more gets 503.
    pub requests: usize,
    /// Passwords waiting for their slow check; one more gets 503. Apart from `requests`, so that guessing
    /// cannot starve those whose password was checked before.
    pub passwords: usize,
    /// Bytes of a request's header (at least 8,192 are allowed).
    pub header_bytes: usize,
    /// Bytes of a request's body. Nothing here reads one.
    pub body_bytes: usize,
    /// To agree on a TLS session.
    pub handshake_time: Duration,
    /// To answer one request.
    pub request_time: Duration,
    /// To send a whole header, to take a whole answer, and to stay connected without a request.
    pub idle_time: Duration,
    /// To finish after the stop was asked for.
    pub stop_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            requests: 16,
            passwords: 8,
            header_bytes: 16 * 1024,
            body_bytes: 64 * 1024,
            handshake_time: Duration::from_secs(10),
            request_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(30),
            stop_time: Duration::from_secs(5),
        }
    }
}
