//! What a request to the collector is answered ([RFC 3903 §6](https://www.rfc-editor.org/rfc/rfc3903#section-6),
//! [RFC 3261 §8.2](https://www.rfc-editor.org/rfc/rfc3261#section-8.2)): one small response, without any state, the
//! same to a request that is sent again.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::decode::sip::{Message, Via, unfold};
use crate::run::sockets::{Answer, Way};

/// Longest response: what would be longer is not answered.
const LONGEST: usize = 4096;
/// `Expires` where the request names none, and at most, s (RFC 3903 §6).
const EXPIRES: u32 = 3600;
/// Methods that are understood.
const ALLOW: &[u8] = b"Allow: PUBLISH, OPTIONS\r\n";
const PACKAGE: &[u8] = b"Allow-Events: vq-rtcpxr\r\n";
const ACCEPT: &[u8] = b"Accept: application/vq-rtcpxr\r\n";

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is a report: taken.
    Taken,
    /// Answered, and no more.
    Answered,
}

/// Answers requests.
#[derive(Clone, Debug)]
pub(super) struct Answerer {
    /// Tags are made with it, so that nobody foresees them.
    secret: Arc<RandomState>,
}

impl Answerer {
    pub fn new() -> Self {
        Self { secret: Arc::default() }
    }

    /// The answer to `bytes`; `None` to what must not be answered, or is no request at all.
    pub fn answer(&self, bytes: &[u8], way: &Way) -> Option<(Verdict, Answer)> {
        let message = Message::parse(bytes).ok()?;
        let method = message.method().filter(|method| *method != "ACK")?;
        message.cseq().filter(|cseq| cseq.method == method)?;
        let via = message.values("Via").next().and_then(Via::parse)?;
        let (verdict, status, more) = self.decide(&message, method);
        let mut out = format!("SIP/2.0 {status}\r\n").into_bytes();
        for (number, value) in message.values("Via").enumerate() {
            let stamped = if number == 0 { stamp(&via, way.peer) } else { unfold(value).into_owned() };
            line(&mut out, "Via", &stamped);
        }
        line(&mut out, "From", &unfold(message.header("From")?));
        let mut to = unfold(message.header("To")?).into_owned();
        if message.to()?.tag().is_none() {
            let tag = self.secret.hash_one((message.call_id(), message.from().and_then(|f| f.tag())));
            to.extend(format!(";tag={tag:016x}").into_bytes());
        }
        line(&mut out, "To", &to);
        line(&mut out, "Call-ID", &unfold(message.call_id()?));
        line(&mut out, "CSeq", &unfold(message.header("CSeq")?));
        out.extend(more);
        out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
        let to = goes_to(&via, way.peer);
        (out.len() <= LONGEST).then_some((verdict, Answer { bytes: out, to }))
    }

    fn decide(&self, message: &Message<'_>, method: &str) -> (Verdict, &'static str, Vec<u8>) {
        let capable = [ALLOW, PACKAGE, ACCEPT].concat();
        match method {
            "OPTIONS" => return (Verdict::Answered, "200 OK", capable),
            "PUBLISH" => {}
            _ => return (Verdict::Answered, "405 Method Not Allowed", ALLOW.to_vec()),
        }
        let event = message.header("Event").map(|event| unfold(event).to_ascii_lowercase());
        let ours = event.as_deref().is_none_or(|event| event.starts_with(b"vq-rtcpxr"));
        let reports = message.voice_quality_bodies().next().is_some();
        if !ours || event.is_none() && !reports {
            return (Verdict::Answered, "489 Bad Event", PACKAGE.to_vec());
        }
        if !reports && !message.body().is_empty() {
            return (Verdict::Answered, "415 Unsupported Media Type", ACCEPT.to_vec());
        }
        // Without a body an earlier publication is refreshed or taken back: there is nothing to do about it.
        let verdict = if reports { Verdict::Taken } else { Verdict::Answered };
        let tag = self.secret.hash_one((message.call_id(), message.cseq().map(|c| c.number), message.body()));
        let expires = message.expires().unwrap_or(EXPIRES).min(EXPIRES);
        (verdict, "200 OK", format!("SIP-ETag: {tag:016x}\r\nExpires: {expires}\r\n").into_bytes())
    }
}

fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The topmost `Via` with where its request came from
/// ([RFC 3261 §18.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-18.2.1),
/// [RFC 3581 §4](https://www.rfc-editor.org/rfc/rfc3581#section-4)).
fn stamp(via: &Via<'_>, peer: SocketAddr) -> Vec<u8> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let host = text(via.host);
    let bracketed = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let port = via.port.map(|port| format!(":{port}")).unwrap_or_default();
    let mut out = format!("SIP/2.0/{} {bracketed}{port}", text(via.transport));
    let mut asks_for_port = false;
    for (name, value) in via.params {
        let name = text(name);
        match (name.to_ascii_lowercase().as_str(), value.map(text)) {
            ("received", _) => {}
            ("rport", _) => asks_for_port = true,
            (_, None) => out.push_str(&format!(";{name}")),
            (_, Some(value)) if value.bytes().all(is_plain) => out.push_str(&format!(";{name}={value}")),
            (_, Some(value)) => out.push_str(&format!(";{name}=\"{value}\"")),
        }
    }
    let ip = peer.ip().to_canonical();
    if asks_for_port || host.parse::<IpAddr>().ok() != Some(ip) {
        out.push_str(&format!(";received={ip}"));
    }
    if asks_for_port {
        out.push_str(&format!(";rport={}", peer.port()));
    }
    unfold(out.as_bytes()).into_owned()
}

const fn is_plain(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(
            octet,
            b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~' | b':' | b'[' | b']'
        )
}

/// Always to the address that the request came from. To its port where it asks for that; else to the port that
/// it names. Where it names none the standard has 5060; but who sends from elsewhere and listens there writes
/// the port, as a rule, and who left it out waits where the request came from.
fn goes_to(via: &Via<'_>, peer: SocketAddr) -> SocketAddr {
    match via.port.filter(|port| *port != 0) {
        Some(port) if via.params.find("rport").is_none() => SocketAddr::new(peer.ip(), port),
        _ => peer,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PEER: &str = "192.0.2.7:40000";

    fn way() -> Way {
        let local = "192.0.2.1:5060".parse().unwrap();
        Way { peer: PEER.parse().unwrap(), local, now: 0 }
    }

    fn request(method: &str, via: &str, more: &str, body: &str) -> String {
        format!(
            "{method} sip:c@example.org SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nTo: <sip:c@example.org>\r\n\
             From: Alice <sip:a@example.org>;tag=a3\r\nCall-ID: 1890463548\r\nCSeq: 4331 {method}\r\n{more}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn ask(text: &str) -> Option<(Verdict, String, SocketAddr)> {
        let (verdict, answer) = Answerer::new().answer(text.as_bytes(), &way())?;
        Some((verdict, String::from_utf8(answer.bytes).unwrap(), answer.to))
    }

    const VIA: &str = "SIP/2.0/UDP pc22.example.org;branch=z9hG4bK3343d7";
    const VQ: &str = "Event: vq-rtcpxr\r\nContent-Type: application/vq-rtcpxr\r\n";

    #[test]
    fn a_report_is_taken_and_answered_as_rfc_3903_says() {
        let via = "SIP/2.0/UDP 10.0.0.7:5062;rport;branch=z9hG4bK1, SIP/2.0/TCP up;branch=\"z 2\"";
        let (verdict, answer, to) = ask(&request("PUBLISH", via, VQ, "VQSessionReport\r\n")).unwrap();
        assert_eq!((verdict, to), (Verdict::Taken, PEER.parse().unwrap()));
        let message = Message::parse(answer.as_bytes()).unwrap();
        assert!(message.defects().is_empty(), "{answer}");
        assert_eq!(message.status(), Some(200));
        assert!(
            answer.contains(
                "Via: SIP/2.0/UDP 10.0.0.7:5062;branch=z9hG4bK1;received=192.0.2.7;rport=40000\r\n\
                 Via: SIP/2.0/TCP up;branch=\"z 2\"\r\n"
            ),
            "{answer}"
        );
        assert!(message.header("SIP-ETag").is_some() && message.to().unwrap().tag().is_some());
        assert_eq!((message.expires(), message.content_length()), (Some(3600), Some(0)));
    }

    #[test]
    fn the_same_request_has_the_same_answer() {
        let text = request("PUBLISH", VIA, VQ, "VQSessionReport\r\n");
        let answerer = Answerer::new();
        let once = |text: &str| answerer.answer(text.as_bytes(), &way()).unwrap().1.bytes;
        assert_eq!(once(&text), once(&text));
        assert_ne!(once(&text), once(&text.replace("4331", "4332")));
    }

    #[test]
    fn what_is_none_of_a_collectors_is_told_so() {
        let status = |text: &str| {
            ask(text).map(|(verdict, answer, _)| (verdict, answer.split("\r\n").next().unwrap().to_owned()))
        };
        let answered = |line: &str| Some((Verdict::Answered, format!("SIP/2.0 {line}")));
        assert_eq!(status(&request("OPTIONS", VIA, "", "")), answered("200 OK"));
        assert_eq!(status(&request("INVITE", VIA, "", "")), answered("405 Method Not Allowed"));
        assert_eq!(
            status(&request("NOTIFY", VIA, VQ, "VQSessionReport")),
            answered("405 Method Not Allowed")
        );
        assert_eq!(status(&request("PUBLISH", VIA, "Event: presence\r\n", "")), answered("489 Bad Event"));
        assert_eq!(status(&request("PUBLISH", VIA, "", "")), answered("489 Bad Event"));
        let other = "Event: vq-rtcpxr\r\nContent-Type: text/plain\r\n";
        assert_eq!(status(&request("PUBLISH", VIA, other, "x")), answered("415 Unsupported Media Type"));
        assert_eq!(
            status(&request("PUBLISH", VIA, "Event: vq-rtcpxr\r\nExpires: 0\r\n", "")),
            answered("200 OK")
        );
        assert_eq!(status(&request("ACK", VIA, "", "")), None);
        assert_eq!(status("SIP/2.0 200 OK\r\n\r\n"), None);
        assert_eq!(status("rubbish"), None);
        for header in ["Via", "To", "From", "Call-ID", "CSeq"] {
            let text =
                request("PUBLISH", VIA, VQ, "VQSessionReport").replace(&format!("\r\n{header}:"), "\r\nX:");
            assert_eq!(status(&text), None, "{header}");
        }
        let long = format!("{VIA};x={}", "y".repeat(5000));
        assert_eq!(status(&request("OPTIONS", &long, "", "")), None);
    }

    #[test]
    fn answers_go_to_where_requests_came_from() {
        let to = |via: &str| ask(&request("OPTIONS", via, "", "")).unwrap().2.to_string();
        assert_eq!(to(VIA), PEER);
        assert_eq!(to("SIP/2.0/UDP 198.51.100.1:5070;branch=z"), "192.0.2.7:5070");
        assert_eq!(to("SIP/2.0/UDP 198.51.100.1:5070;branch=z;rport"), PEER);
    }

    proptest! {
        #[test]
        fn any_via_gives_one_well_formed_response(via in "[ -~]{0,80}") {
            if let Some((_, answer, _)) = ask(&request("OPTIONS", &format!("SIP/2.0/UDP {via}"), "", "")) {
                prop_assert!(answer.len() <= LONGEST);
                prop_assert_eq!(answer.matches("\r\n\r\n").count(), 1);
                prop_assert!(Message::parse(answer.as_bytes()).is_ok());
            }
        }

        #[test]
        fn any_bytes_are_answered_or_dropped(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Answerer::new().answer(&bytes, &way());
        }
    }
}
