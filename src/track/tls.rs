//! TLS connections that carry signalling: how their handshakes ended. Web browsing is none of ours: a connection
//! is looked at on ports where SIP over TLS is expected, or where its client asks for SIP in clear.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher};

use crate::decode::tls::{Facts, Handshake, Peer, client_hello, looks_like_client_hello};
use crate::decode::{Flow, TcpHeader};

/// Ports on which TLS is taken for SIP: [RFC 3261 §18.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-18.2.1)
/// has 5061, and who runs several servers counts on from there.
const PORTS: std::ops::RangeInclusive<u16> = 5060..=5099;

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConnection {
    /// From the client to the server.
    pub flow: Flow,
    /// The VLAN it was seen on; 0 without one.
    pub vlan: u16,
    /// First and last segment, nanoseconds since the Unix epoch.
    pub first: i64,
    /// Last segment.
    pub last: i64,
    /// What the handshake showed.
    pub facts: Facts,
}

#[derive(Debug)]
struct Followed {
    /// From the client to the server.
    flow: Flow,
    serial: u64,
    vlan: u16,
    first: i64,
    last: i64,
    handshake: Handshake,
}

/// A TCP segment, and where it was seen.
#[derive(Clone, Copy, Debug)]
pub struct SeenSegment<'a> {
    /// Who sent it to whom.
    pub flow: Flow,
    /// When, nanoseconds since the Unix epoch.
    pub time: i64,
    /// The VLAN it was seen on; 0 without one.
    pub vlan: u16,
    /// Its header.
    pub header: TcpHeader,
    /// Its payload, as far as captured.
    pub payload: &'a [u8],
    /// Octets that the snap length took.
    pub missing: usize,
}

/// Connections by their two ends. Bounded: the one that began longest ago goes first.
#[derive(Debug)]
pub struct TlsConnections {
    by_flow: HashMap<Flow, Followed, BuildHasherDefault<DefaultHasher>>,
    order: VecDeque<(Flow, u64)>,
    limit: usize,
    serial: u64,
    evicted: u64,
    done: VecDeque<TlsConnection>,
}

impl TlsConnections {
    /// An empty table of at most `limit` connections.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            by_flow: HashMap::default(),
            order: VecDeque::new(),
            limit: limit.max(1),
            serial: 0,
            evicted: 0,
            done: VecDeque::new(),
        }
    }

    /// Takes a segment of any connection.
    pub fn handle(&mut self, seen: &SeenSegment<'_>) {
        let hello = looks_like_client_hello(seen.payload);
        if self.by_flow.is_empty() && !hello {
            return;
        }
        let key = key(&seen.flow);
        if hello && !self.by_flow.contains_key(&key) && is_ours(seen) {
            self.begin(key, seen);
        }
        let Some(followed) = self.by_flow.get_mut(&key) else { return };
        if seen.header.syn {
            // Another connection on the same ports.
            self.end(key);
            return;
        }
        let from = if followed.flow == seen.flow { Peer::Client } else { Peer::Server };
        followed.last = followed.last.max(seen.time);
        if !seen.payload.is_empty() || seen.missing > 0 {
            let octets = (seen.header.sequence, seen.payload, seen.missing);
            followed.handshake.segment(from, seen.time, octets);
        }
        if seen.header.fin || seen.header.rst {
            followed.handshake.closed();
            self.end(key);
        }
    }

    fn begin(&mut self, key: Flow, seen: &SeenSegment<'_>) {
        while self.by_flow.len() >= self.limit
            && let Some((oldest, serial)) = self.order.pop_front()
        {
            if self.by_flow.get(&oldest).is_some_and(|f| f.serial == serial) {
                self.end(oldest);
                self.evicted += 1;
            }
        }
        // Places of connections that ended must not pile up behind one that stays.
        if self.order.len() > 2 * self.limit {
            self.order.retain(|(flow, serial)| self.by_flow.get(flow).is_some_and(|f| f.serial == *serial));
        }
        self.serial += 1;
        self.order.push_back((key, self.serial));
        let followed = Followed {
            flow: seen.flow,
            serial: self.serial,
            vlan: seen.vlan,
            first: seen.time,
            last: seen.time,
            handshake: Handshake::new(),
        };
        self.by_flow.insert(key, followed);
    }

    fn end(&mut self, key: Flow) {
        let Some(followed) = self.by_flow.remove(&key) else { return };
        let Followed { flow, vlan, first, last, handshake, .. } = followed;
        if self.done.len() == self.limit {
            self.done.pop_front();
            self.evicted += 1;
        }
        self.done.push_back(TlsConnection { flow, vlan, first, last, facts: handshake.facts().clone() });
    }

    /// The end of input: every connection is told as it stands.
    pub fn finish(&mut self) {
        while let Some((flow, serial)) = self.order.pop_front() {
            if self.by_flow.get(&flow).is_some_and(|f| f.serial == serial) {
                self.end(flow);
            }
        }
    }

    /// The next connection that ended or was let go.
    pub fn poll(&mut self) -> Option<TlsConnection> {
        self.done.pop_front()
    }

    /// Connections let go at the bound.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }
}

/// The same for both directions: one look-up a segment is enough.
fn key(flow: &Flow) -> Flow {
    if flow.src <= flow.dst { *flow } else { flow.reversed() }
}

/// By its ports; else by what its client asks for in its first segment.
fn is_ours(seen: &SeenSegment<'_>) -> bool {
    if PORTS.contains(&seen.flow.src.port) || PORTS.contains(&seen.flow.dst.port) {
        return true;
    }
    let Some(hello) = client_hello(seen.payload) else { return false };
    let is_sip = |label: &[u8]| label.eq_ignore_ascii_case(b"sip") || label.eq_ignore_ascii_case(b"sips");
    // The registered name is sip/2 (RFC 7301 §6 has the registry).
    let by_protocol =
        hello.protocols().any(|name| name.split(|octet| *octet == b'/').next().is_some_and(is_sip));
    by_protocol || hello.sni.is_some_and(|name| name.split(|octet| *octet == b'.').any(is_sip))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::tls::Outcome;
    use crate::decode::tls::tests::{hello_of_client, record};
    use crate::decode::{Address, Endpoint};

    fn flow(client_port: u16, server_port: u16) -> Flow {
        let end = |n, port| Endpoint::new(Address::v4([10, 0, 0, n]), port);
        Flow { src: end(1, client_port), dst: end(2, server_port) }
    }

    fn handle(table: &mut TlsConnections, time: i64, flow: Flow, flags: &str, payload: &[u8]) {
        let header = TcpHeader {
            sequence: 1,
            syn: flags.contains('S'),
            fin: flags.contains('F'),
            rst: flags.contains('R'),
        };
        table.handle(&SeenSegment { flow, time, vlan: 0, header, payload, missing: 0 });
    }

    #[test]
    fn a_refused_connection_is_told_when_it_closes() {
        let mut table = TlsConnections::new(10);
        let flow = flow(40_000, 5061);
        handle(&mut table, 1, flow, "S", &[]);
        handle(&mut table, 2, flow, "", &hello_of_client("h", &[], &[], false));
        handle(&mut table, 3, flow.reversed(), "", &record(21, &[2, 70]));
        assert!(table.poll().is_none());
        handle(&mut table, 4, flow.reversed(), "F", &[]);
        let told = table.poll().unwrap();
        assert_eq!((told.first, told.last, told.facts.outcome), (2, 4, Outcome::Failed));
        assert_eq!(told.facts.alerts[0].description, 70);
        handle(&mut table, 5, flow, "F", &[]);
        assert!(table.poll().is_none());
    }

    #[test]
    fn browsing_is_not_looked_at() {
        let mut table = TlsConnections::new(10);
        for (sni, alpn, ours) in [
            ("www.example.org", &["h2", "http/1.1"][..], false),
            ("gossip.example.org", &[], false),
            ("sip.example.org", &[], true),
            ("pbx.example.org", &["sip/2"], true),
        ] {
            handle(&mut table, 0, flow(50_000, 443), "", &hello_of_client(sni, alpn, &[], true));
            assert_eq!(table.by_flow.len(), usize::from(ours), "{sni}");
            handle(&mut table, 0, flow(50_000, 443), "R", &[]);
        }
    }

    #[test]
    fn a_flood_pushes_out_the_oldest_and_leaves_nothing_behind() {
        let mut table = TlsConnections::new(10);
        let hello = hello_of_client("h", &[], &[], false);
        for port in 0..1000 {
            handle(&mut table, 0, flow(port, 5061), "", &hello);
        }
        assert_eq!((table.by_flow.len(), table.done.len()), (10, 10));
        assert_eq!(table.evicted(), 990 + 980);
        for _ in 0..1000 {
            handle(&mut table, 0, flow(2000, 5061), "", &hello);
            handle(&mut table, 0, flow(2000, 5061), "R", &[]);
        }
        assert!(table.order.len() <= 21, "{}", table.order.len());
        table.finish();
        assert!(table.by_flow.is_empty() && table.order.is_empty());
    }
}
