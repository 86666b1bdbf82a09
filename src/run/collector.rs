//! The collector of phones' quality reports ([RFC 6035 §3.2](https://www.rfc-editor.org/rfc/rfc6035#section-3.2)):
//! it answers, and what it takes becomes a frame, as if a span port had shown it. So a report that is mirrored too
//! counts once.

mod answer;

use std::collections::HashMap;
use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use probes::LinkType;

use self::answer::{Answerer, Verdict};
use super::batch::Batch;
use super::live::Inlet;
use super::sockets::{Answer, Cut, Taker, Way};
use crate::decode::sip::{Message, Prefix};

/// Requests of one address that are taken in a second: a proxy sends those of all its phones.
const PER_SECOND: u32 = 500;
/// Addresses told apart in one second; what comes from more is not taken.
const SOURCES: usize = 65_536;
const SECOND: i64 = 1_000_000_000;

/// Takes reports and answers them.
#[derive(Clone)]
pub(super) struct Collector {
    inlet: Inlet,
    answerer: Answerer,
    pace: Arc<Mutex<Pace>>,
}

impl Collector {
    pub fn new(inlet: Inlet) -> Self {
        Self { inlet, answerer: Answerer::new(), pace: Arc::default() }
    }

    fn refuse(&self) {
        self.inlet.counters.refused.fetch_add(1, Relaxed);
    }
}

impl Taker for Collector {
    fn take(&self, message: &[u8], way: &Way, batch: &mut Batch) -> Option<Answer> {
        if message.iter().all(u8::is_ascii_whitespace) {
            // Keeps a NAT's binding open (RFC 5626 §3.5.1).
            return None;
        }
        let allowed = self.pace.lock().unwrap_or_else(PoisonError::into_inner).allows(way.peer.ip(), way.now);
        match self.answerer.answer(message, way).filter(|_| allowed) {
            Some((verdict, answer)) => {
                if verdict == Verdict::Taken
                    && let Some(frame) = raw_ip(&seen_at(way), message)
                {
                    self.inlet.add(batch, (way.now, way.now), LinkType::RAW, &frame);
                }
                Some(answer)
            }
            None => {
                self.refuse();
                None
            }
        }
    }

    fn cut(&self, octets: &[u8]) -> Cut {
        let blank = octets.iter().take_while(|octet| octet.is_ascii_whitespace()).count();
        if blank > 0 {
            return Cut::Nothing(blank);
        }
        match Message::parse_prefix(octets) {
            Prefix::Complete { length, .. } => Cut::Message(length),
            Prefix::Incomplete { .. } => Cut::More,
            Prefix::NotSip => Cut::Rubbish,
        }
    }

    fn inlet(&self) -> &Inlet {
        &self.inlet
    }
}

/// Requests of this second, by address.
#[derive(Debug, Default)]
struct Pace {
    second: i64,
    requests: HashMap<IpAddr, u32>,
}

impl Pace {
    fn allows(&mut self, source: IpAddr, now: i64) -> bool {
        let second = now.div_euclid(SECOND);
        if self.second != second {
            self.second = second;
            self.requests.clear();
        }
        if self.requests.len() >= SOURCES && !self.requests.contains_key(&source) {
            return false;
        }
        let requests = self.requests.entry(source).or_default();
        *requests = requests.saturating_add(1);
        *requests <= PER_SECOND
    }
}

/// A socket of all addresses does not tell which of them was written to: the one that leads back to the peer.
fn seen_at(way: &Way) -> Way {
    let mut way = *way;
    if way.local.ip().is_unspecified()
        && let Ok(socket) = UdpSocket::bind((way.local.ip(), 0))
        && let Ok(local) = socket.connect(way.peer).and_then(|()| socket.local_addr())
    {
        way.local.set_ip(local.ip());
    }
    way
}

/// The message as it would stand on the wire: a UDP datagram in IP, whatever it came over. `None` where it is
/// too long for one.
fn raw_ip(way: &Way, payload: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(8 + payload.len()).ok()?;
    let mut packet = match (way.peer.ip().to_canonical(), way.local.ip().to_canonical()) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let [high, low] = length.checked_add(20)?.to_be_bytes();
            let mut header = vec![0x45, 0, high, low, 0, 0, 0, 0, 64, 17, 0, 0];
            header.extend(src.octets());
            header.extend(dst.octets());
            header
        }
        (src, dst) => {
            let octets = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            let [high, low] = length.to_be_bytes();
            let mut header = vec![0x60, 0, 0, 0, high, low, 17, 64];
            header.extend(octets(src));
            header.extend(octets(dst));
            header
        }
    };
    for field in [way.peer.port(), way.local.port(), length, 0] {
        packet.extend(field.to_be_bytes());
    }
    packet.extend_from_slice(payload);
    Some(packet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Decoder, Settings, Transport};
    use probes::{Frame, Timestamp};

    #[test]
    fn what_is_taken_reads_as_a_datagram_between_the_two() {
        for (peer, local, flow) in [
            ("192.0.2.7:5070", "192.0.2.1:5060", ("192.0.2.7:5070", "192.0.2.1:5060")),
            ("[::ffff:192.0.2.7]:5070", "[::ffff:192.0.2.1]:5060", ("192.0.2.7:5070", "192.0.2.1:5060")),
            ("[2001:db8::7]:5070", "[2001:db8::1]:5060", ("[2001:db8::7]:5070", "[2001:db8::1]:5060")),
        ] {
            let way = Way { peer: peer.parse().unwrap(), local: local.parse().unwrap(), now: 0 };
            let data = raw_ip(&way, b"PUBLISH").unwrap();
            let frame =
                Frame { time: Timestamp::default(), link: LinkType::RAW, data: &data, ..Frame::default() };
            let mut decoder = Decoder::new(Settings::default());
            let packet = decoder.decode(&frame).unwrap();
            assert_eq!((packet.flow.src.to_string().as_str(), packet.flow.dst.to_string().as_str()), flow);
            let Transport::Udp { payload, .. } = packet.transport else { panic!("{packet:?}") };
            assert_eq!(payload, b"PUBLISH");
            assert!(raw_ip(&way, &vec![0; 65_530]).is_none());
        }
    }

    #[test]
    fn a_socket_of_all_addresses_is_seen_at_the_one_that_was_written_to() {
        let way =
            Way { peer: "127.0.0.1:5070".parse().unwrap(), local: "0.0.0.0:5060".parse().unwrap(), now: 0 };
        assert_eq!(seen_at(&way).local.to_string(), "127.0.0.1:5060");
    }

    #[test]
    fn one_source_is_slowed_and_others_are_not() {
        let mut pace = Pace::default();
        let ip = |n: u32| IpAddr::from(n.to_be_bytes());
        let allowed = (0..1000).filter(|_| pace.allows(ip(1), 5)).count();
        assert_eq!(allowed, 500);
        assert!(pace.allows(ip(2), 6) && pace.allows(ip(1), SECOND));
        for n in 0..70_000 {
            pace.allows(ip(n), SECOND);
        }
        assert_eq!(pace.requests.len(), SOURCES);
    }
}
