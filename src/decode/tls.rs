//! TLS without keys: what a handshake shows in clear, and how it ended
//! ([RFC 5246](https://www.rfc-editor.org/rfc/rfc5246), [RFC 8446](https://www.rfc-editor.org/rfc/rfc8446)).
//!
//! Only the first 16 KiB of each direction are read, and nothing once the handshake is over: nothing is
//! decrypted, and nothing of what is said inside is kept.

mod certificate;
mod hello;

use super::reader::be16;
use super::reassembly::{self, Ordering, Piece};
pub use hello::ClientHello;
use hello::ServerHello;

/// Octets of one direction that are read at most: a long chain of certificates has 8 KiB.
const MOST: usize = 16 << 10;
/// Alerts kept of a connection.
const ALERTS: usize = 8;
/// A record header.
const HEADER: usize = 5;
/// The longest record (RFC 8446 §5.2).
const LONGEST_RECORD: usize = (1 << 14) + 256;
/// TLS 1.3 hides what a record is, but not its length: a Finished has at least a header of 4, a hash of 32, a type
/// of 1 and a tag of 8; an alert has 2 + 1 + 16 at most.
const SHORTEST_FINISHED: usize = 45;
/// TLS 1.3.
const TLS13: u16 = 0x0304;

/// Who sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Who opened the connection.
    Client,
    /// Who was connected to.
    Server,
}

/// An alert in clear ([RFC 8446 §6](https://www.rfc-editor.org/rfc/rfc8446#section-6)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Who sent it.
    pub from: Peer,
    /// 1 warning, 2 fatal.
    pub level: u8,
    /// What is wrong, by number.
    pub description: u8,
}

/// How a handshake ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on, or its end was not seen.
    #[default]
    Unfinished,
    /// Both ends agreed.
    Completed,
    /// A fatal alert, or the connection was closed before they agreed.
    Failed,
}

/// What a handshake shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Highest version that the client offers, as on the wire: 0x0303 is TLS 1.2.
    pub client_version: Option<u16>,
    /// The version that the server chose.
    pub version: Option<u16>,
    /// The name that the client asked for (RFC 6066 §3).
    pub sni: Option<Box<str>>,
    /// The protocol that the server chose (RFC 7301); where that is encrypted (TLS 1.3), the only one that the
    /// client offers.
    pub alpn: Option<Box<str>>,
    /// The cipher suite that the server chose.
    pub cipher: Option<u16>,
    /// Alerts in clear, the first of them.
    pub alerts: Vec<Alert>,
    /// Until when the server's certificate is good, seconds since the Unix epoch; TLS 1.3 encrypts it.
    pub certificate_not_after: Option<i64>,
    /// An earlier session goes on.
    pub resumed: bool,
    /// How it ended.
    pub outcome: Outcome,
}

/// One connection's handshake, as its segments tell it.
#[derive(Debug, Default)]
pub struct Handshake {
    facts: Facts,
    /// Client, server; none once nothing more is read.
    sides: Option<Box<[Side; 2]>>,
}

/// One direction.
#[derive(Debug, Default)]
struct Side {
    ordering: Option<Ordering>,
    /// Octets of a record that is not whole yet.
    held: Vec<u8>,
    /// Octets of a handshake message that is not whole yet: a message may span records.
    message: Vec<u8>,
    /// Octets read so far.
    read: usize,
    session_id: Vec<u8>,
    hello: bool,
    certificate: bool,
    change_cipher: bool,
    finished: bool,
}

/// Whether a segment begins as a client's first one does: a handshake record with a ClientHello.
#[must_use]
pub fn looks_like_client_hello(segment: &[u8]) -> bool {
    matches!(segment, [22, 3, 0..=4, _, _, 1, ..])
}

impl Handshake {
    /// A handshake that is about to begin.
    #[must_use]
    pub fn new() -> Self {
        Self { facts: Facts::default(), sides: Some(Box::default()) }
    }

    /// What it showed so far.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether nothing more is to be learned from segments.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.sides.is_none()
    }

    /// Takes a segment: its sequence number, its octets, and how many the snap length took.
    pub fn segment(&mut self, from: Peer, time: i64, (seq, octets, missing): (u32, &[u8], usize)) {
        let Some(mut sides) = self.sides.take() else { return };
        let settings = reassembly::Settings {
            max_message_octets: MOST,
            max_waiting_segments: 32,
            ..reassembly::Settings::default()
        };
        let [client, server] = &mut *sides;
        let (side, other) = if from == Peer::Client { (client, server) } else { (server, client) };
        if side.ordering.is_none() && !matches!(octets, [20..=23] | [20..=23, 3, ..]) {
            // Its beginning is still to come.
            self.sides = Some(sides);
            return;
        }
        let mut ordering = side.ordering.take().unwrap_or_else(|| Ordering::new(seq));
        let mut readable = true;
        ordering.accept(time, (seq, octets, missing), &settings, &mut |piece| {
            readable = readable
                && match piece {
                    Piece::Octets(octets) => self.facts.read(side, other, from, octets),
                    Piece::Hole { .. } => false,
                };
        });
        side.ordering = Some(ordering);
        if readable && self.facts.outcome == Outcome::Unfinished {
            self.sides = Some(sides);
        }
    }

    /// The connection was closed.
    pub fn closed(&mut self) {
        if self.facts.outcome == Outcome::Unfinished && self.sides.take().is_some() {
            self.facts.outcome = Outcome::Failed;
        }
    }
}

impl Facts {
    /// Takes the next octets of one side; false where nothing more can be read.
    fn read(&mut self, side: &mut Side, other: &Side, from: Peer, octets: &[u8]) -> bool {
        side.read += octets.len();
        if side.read > MOST {
            return false;
        }
        side.held.extend_from_slice(octets);
        let held = std::mem::take(&mut side.held);
        let mut rest = &held[..];
        while let [kind, 3, _, high, low, ..] = *rest {
            let length = usize::from(u16::from_be_bytes([high, low]));
            if !(20..=23).contains(&kind) || length > LONGEST_RECORD {
                return false;
            }
            let Some(record) = rest.get(HEADER..HEADER + length) else { break };
            if !self.record(side, other, from, kind, record) {
                return false;
            }
            rest = rest.get(HEADER + length..).unwrap_or_default();
        }
        let is_tls = rest.get(1).is_none_or(|major| *major == 3);
        side.held = rest.to_vec();
        is_tls
    }

    fn record(&mut self, side: &mut Side, other: &Side, from: Peer, kind: u8, record: &[u8]) -> bool {
        match kind {
            20 => {
                if from == Peer::Server && !side.change_cipher && self.version != Some(TLS13) {
                    // A full handshake has shown its certificate or at least its end by now (RFC 5246 §7.3).
                    self.resumed |= !side.certificate
                        && side.hello
                        && !side.session_id.is_empty()
                        && side.session_id == other.session_id;
                }
                side.change_cipher = true;
            }
            21 => self.alert(side, from, record),
            22 if !side.change_cipher => return self.messages(side, from, record),
            // Encrypted: the Finished up to TLS 1.2.
            22 => side.finished = true,
            _ => self.hidden(side, other, from, record.len()),
        }
        if side.finished && other.finished {
            self.outcome = Outcome::Completed;
        }
        true
    }

    fn alert(&mut self, side: &Side, from: Peer, record: &[u8]) {
        if let ([level @ 1..=2, description], false) = (record, side.change_cipher) {
            let alert = Alert { from, level: *level, description: *description };
            if self.alerts.len() < ALERTS {
                self.alerts.push(alert);
            }
            if alert.level == 2 {
                self.outcome = Outcome::Failed;
            }
        } else if side.change_cipher && !side.finished {
            // An encrypted alert in place of a Finished.
            self.outcome = Outcome::Failed;
        }
    }

    /// A record of application data: in TLS 1.3 also what is left of the handshake.
    fn hidden(&mut self, side: &mut Side, other: &Side, from: Peer, length: usize) {
        if self.version != Some(TLS13) {
            // The handshake is over: its end was not seen.
            if side.hello && other.hello {
                self.outcome = Outcome::Completed;
            }
        } else if from == Peer::Server {
            side.finished |= length >= SHORTEST_FINISHED;
        } else if length >= SHORTEST_FINISHED {
            // The client speaks last, and only when it agrees.
            side.finished |= other.finished;
        } else if other.finished {
            self.outcome = Outcome::Failed;
        }
    }

    fn messages(&mut self, side: &mut Side, from: Peer, record: &[u8]) -> bool {
        side.message.extend_from_slice(record);
        loop {
            let [kind, high, middle, low, ..] = *side.message else { return true };
            let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            if length > MOST {
                return false;
            }
            let Some(body) = side.message.get(4..4 + length) else { return true };
            let body = body.to_vec();
            side.message.drain(..4 + length);
            match (kind, from) {
                (1, Peer::Client) => self.client_hello(side, &body),
                (2, Peer::Server) => self.server_hello(side, &body),
                (11, Peer::Server) => {
                    side.certificate = true;
                    self.certificate_not_after =
                        self.certificate_not_after.or_else(|| certificate::not_after(&body));
                }
                (12 | 14, Peer::Server) => side.certificate = true,
                _ => {}
            }
        }
    }

    fn client_hello(&mut self, side: &mut Side, body: &[u8]) {
        let Some(hello) = ClientHello::parse(body) else { return };
        side.hello = true;
        side.session_id = hello.session_id.to_vec();
        self.client_version = Some(hello.version);
        self.sni = hello.sni.map(text);
        let mut protocols = hello.protocols();
        self.alpn = protocols.next().filter(|_| protocols.next().is_none()).map(text);
    }

    fn server_hello(&mut self, side: &mut Side, body: &[u8]) {
        let Some(hello) = ServerHello::parse(body) else { return };
        (self.version, self.cipher) = (Some(hello.version), Some(hello.cipher));
        if hello.retry {
            return;
        }
        side.hello = true;
        side.session_id = hello.session_id.to_vec();
        self.resumed = hello.pre_shared_key;
        if hello.version != TLS13 {
            self.alpn = hello.alpn.map(text);
        }
    }
}

fn text(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into()
}

/// The ClientHello in a segment that holds it whole; for a look at what it asks for.
#[must_use]
pub fn client_hello(segment: &[u8]) -> Option<ClientHello<'_>> {
    let length = usize::from(be16(segment, 3)?);
    let record = segment.get(HEADER..)?;
    let record = record.get(..length).unwrap_or(record);
    looks_like_client_hello(segment).then(|| ClientHello::parse(record.get(4..)?)).flatten()
}

#[cfg(test)]
pub(crate) mod tests;
