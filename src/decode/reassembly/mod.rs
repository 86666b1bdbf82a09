//! SIP messages out of byte streams: TCP, WebSocket over TCP, SCTP. The only state in decode.
//!
//! Promises:
//! - A retransmitted octet counts once, a reordered one waits, a lost one costs the messages it belongs to
//!   and no more: reading goes on at the next start line.
//! - A flow may be picked up in its middle. Flows that are not SIP cost one look-up a segment and are not
//!   kept, except from their SYN to their first octets.
//! - Bounded by [`Settings`]: the flow unused for longest goes first. What was given up is in [`Counters`].
//! - The same segments in the same order give the same messages: no clock, no random hashing.
//!
//! Deliberately absent: acknowledgements (the other direction may be captured elsewhere), TLS and compressed
//! WebSocket messages (counted, not read).

mod flows;
mod ordering;
mod sctp;
mod stream;
mod table;
mod tcp;
mod websocket;

#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::Hash;

pub(in crate::decode) use ordering::{Ordering, Piece};
pub use tcp::Segment;

/// Bounds of [`StreamReassembly`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Directions of TCP connections, and as many of SCTP associations, that are remembered.
    pub max_flows: usize,
    /// Octets waiting in all of them together.
    pub max_buffered_octets: usize,
    /// Octets of one message, and of what waits behind a hole in one direction. Above 64 KiB, since messages with
    /// bodies of that size are seen.
    pub max_message_octets: usize,
    /// Segments that wait behind a hole in one direction.
    pub max_waiting_segments: usize,
    /// Packet time after which a hole is given up, nanoseconds. Longer than a first retransmission takes
    /// (RFC 6298 §2: 1 s, then doubled).
    pub hole_patience_ns: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_flows: 65_536,
            max_buffered_octets: 64 << 20,
            max_message_octets: 128 << 10,
            max_waiting_segments: 128,
            hole_patience_ns: 4_000_000_000,
        }
    }
}

/// What happened so far; nothing here ever shrinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// SIP messages delivered.
    pub messages: u64,
    /// Those of them with [defects](crate::decode::sip::Message::defects).
    pub malformed: u64,
    /// Flows let go because of a bound.
    pub evicted: u64,
    /// Holes that were given up, those that the snap length made included.
    pub holes: u64,
    /// Octets of SIP flows that were seen and belong to no delivered message.
    pub dropped_octets: u64,
    /// Messages longer than the bound.
    pub oversized: u64,
    /// WebSocket messages that cannot be read: compressed ones (RFC 7692).
    pub unreadable: u64,
}

/// Puts SIP messages together from segments and packets of many flows.
///
/// `K` names one direction of one connection; the caller chooses what goes into it (addresses, ports, VLAN …).
/// `deliver` is called with each complete message before the call returns.
pub struct StreamReassembly<K> {
    settings: Settings,
    counters: Counters,
    tcp: flows::Flows<K, tcp::Direction>,
    sctp: flows::Flows<K, sctp::Association>,
}

impl<K: Copy + Eq + Hash> StreamReassembly<K> {
    /// Without any flow yet; memory grows with use.
    pub fn new(settings: Settings) -> Self {
        let flows = settings.max_flows;
        Self {
            settings,
            counters: Counters::default(),
            tcp: flows::Flows::new(flows),
            sctp: flows::Flows::new(flows),
        }
    }

    /// Takes a TCP segment of the flow `key`, seen at `time_ns`.
    pub fn handle_segment(
        &mut self,
        key: K,
        time_ns: i64,
        segment: &Segment<'_>,
        deliver: &mut dyn FnMut(&[u8]),
    ) {
        let mut outlet = Outlet { counters: &mut self.counters, deliver };
        tcp::handle_segment(&mut self.tcp, key, time_ns, segment, &self.settings, &mut outlet);
        self.keep_within_bounds();
    }

    /// Takes an SCTP packet, from its common header on, of the flow `key`.
    pub fn handle_sctp(&mut self, key: K, packet: &[u8], deliver: &mut dyn FnMut(&[u8])) {
        let mut outlet = Outlet { counters: &mut self.counters, deliver };
        sctp::handle_packet(&mut self.sctp, key, packet, &self.settings, &mut outlet);
        self.keep_within_bounds();
    }

    /// Gives up every hole and delivers what waits behind them: for the end of a capture.
    pub fn flush(&mut self, deliver: &mut dyn FnMut(&[u8])) {
        let mut outlet = Outlet { counters: &mut self.counters, deliver };
        while let Some(mut direction) = self.tcp.take_oldest() {
            direction.flush(&self.settings, &mut outlet);
        }
        while self.sctp.take_oldest().is_some() {}
    }

    /// What happened so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Octets waiting now; at most [`Settings::max_buffered_octets`] after every call.
    pub const fn buffered_octets(&self) -> usize {
        self.tcp.buffered() + self.sctp.buffered()
    }

    /// Flows remembered now.
    pub fn flows(&self) -> usize {
        self.tcp.len() + self.sctp.len()
    }

    fn keep_within_bounds(&mut self) {
        while self.buffered_octets() > self.settings.max_buffered_octets {
            let let_go = if self.tcp.buffered() >= self.sctp.buffered() {
                self.tcp.take_oldest().map(drop)
            } else {
                self.sctp.take_oldest().map(drop)
            };
            if let_go.is_none() {
                break;
            }
            self.counters.evicted += 1;
        }
    }
}

impl<K> fmt::Debug for StreamReassembly<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamReassembly")
            .field("settings", &self.settings)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

/// Where messages and counts go.
struct Outlet<'o> {
    counters: &'o mut Counters,
    deliver: &'o mut dyn FnMut(&[u8]),
}

impl Outlet<'_> {
    fn message(&mut self, message: &[u8], defective: bool) {
        self.counters.messages += 1;
        self.counters.malformed += u64::from(defective);
        (self.deliver)(message);
    }

    fn dropped(&mut self, octets: usize) {
        self.counters.dropped_octets += octets as u64;
    }
}
