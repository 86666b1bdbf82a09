//! SIP messages by kind, method and transport: fixed lists, so that no sender makes them grow.

use crate::decode::sip::Message;
use crate::track::call::SipTransport;
use crate::track::signal::Method;

/// Transports, in the order in which they are counted.
const TRANSPORTS: [SipTransport; 5] =
    [SipTransport::Udp, SipTransport::Tcp, SipTransport::WebSocket, SipTransport::Sctp, SipTransport::Hep];

type ByMethod = [[u64; TRANSPORTS.len()]; Method::ALL.len()];

/// SIP messages by kind, method and transport. Never shrinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SipMessages {
    requests: ByMethod,
    /// By the method of the request that they answer.
    responses: ByMethod,
}

impl SipMessages {
    /// Counts a message. A response has the method of its CSeq ([RFC 3261
    /// §8.2.6.2](https://www.rfc-editor.org/rfc/rfc3261#section-8.2.6.2)); without one it is of no method known.
    pub(super) fn count(&mut self, message: &Message<'_>, transport: SipTransport) {
        let (counts, method) = match message.method() {
            Some(method) => (&mut self.requests, Some(method)),
            None => (&mut self.responses, message.cseq().map(|cseq| cseq.method)),
        };
        let method = method.map_or(Method::Other, Method::of);
        let place = TRANSPORTS.into_iter().position(|t| t == transport);
        let of_method = counts.get_mut(method as usize);
        if let Some(count) = of_method.zip(place).and_then(|(counts, place)| counts.get_mut(place)) {
            *count += 1;
        }
    }

    /// What was seen, with how many there were: whether requests, of which method, over what.
    pub fn iter(&self) -> impl Iterator<Item = (bool, Method, SipTransport, u64)> {
        let kinds = [(true, &self.requests), (false, &self.responses)];
        kinds.into_iter().flat_map(|(requests, counts)| {
            Method::ALL.into_iter().zip(counts).flat_map(move |(method, counts)| {
                let counts = TRANSPORTS.into_iter().zip(*counts).filter(|(_, n)| *n > 0);
                counts.map(move |(transport, n)| (requests, method, transport, n))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_counts_by_the_method_that_it_answers() {
        let mut messages = SipMessages::default();
        let mut count = |start: &str, cseq: &str, transport| {
            let bytes = format!("{start}\r\n{cseq}Call-ID: 1\r\nContent-Length: 0\r\n\r\n");
            messages.count(&Message::parse(bytes.as_bytes()).unwrap(), transport);
        };
        count("OPTIONS sip:a@h SIP/2.0", "CSeq: 1 OPTIONS\r\n", SipTransport::Udp);
        count("SIP/2.0 200 OK", "CSeq: 1 OPTIONS\r\n", SipTransport::Udp);
        count("SIP/2.0 404 Not Found", "CSeq: 1 OPTIONS\r\n", SipTransport::Udp);
        count("SIP/2.0 200 OK", "", SipTransport::Tcp);
        count("PING sip:a@h SIP/2.0", "CSeq: 1 PING\r\n", SipTransport::WebSocket);
        let all: Vec<_> = messages.iter().map(|(r, m, t, n)| (r, m.name(), t.name(), n)).collect();
        let expected = [
            (true, "OPTIONS", "udp", 1),
            (true, "other", "ws", 1),
            (false, "OPTIONS", "udp", 2),
            (false, "other", "tcp", 1),
        ];
        assert_eq!(all, expected);
    }
}
