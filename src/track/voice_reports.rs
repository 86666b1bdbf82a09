//! What phones say of the media of their calls, in SIP: voice quality reports
//! ([RFC 6035](https://www.rfc-editor.org/rfc/rfc6035)), each told once however often it passes.
//!
//! A report names its call and its two ends. Which of them called is found out later, when all that the call
//! showed is known: [`VoiceReport::reporter`].

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::call::Call;
use super::calls::Seen;
use super::signal::{Parties, Signal, SignalEvent};
use crate::decode::sip::{MediaEnd, Metrics, NameAddr, VoiceQuality};
use crate::decode::{Address, Endpoint, Flow, VoipMetrics};

/// Text kept of a name or Call-ID at most, octets.
const MAX_TEXT: usize = 256;
/// Voice quality bodies looked at in one message: RFC 6035 §3.3 has one for each segment of a call.
const MAX_BODIES: usize = 16;

/// What one end says of what it received.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Heard {
    /// Lost in the network, per cent.
    pub loss_percent: Option<f64>,
    /// Discarded by the jitter buffer, per cent.
    pub discard_percent: Option<f64>,
    /// MOS-LQ, 1…5.
    pub mos_lq: Option<f64>,
    /// MOS-CQ, 1…5.
    pub mos_cq: Option<f64>,
    /// Round trip, ms.
    pub rtt_ms: Option<f64>,
}

impl Heard {
    /// `None` where nothing of it can be read.
    fn of(metrics: &Metrics<'_>) -> Option<Self> {
        let heard = Self {
            loss_percent: metrics.loss_percent(),
            discard_percent: metrics.discard_percent(),
            mos_lq: metrics.mos_lq(),
            mos_cq: metrics.mos_cq(),
            rtt_ms: metrics.round_trip_ms(),
        };
        (heard != Self::default()).then_some(heard)
    }
}

impl From<VoipMetrics> for Heard {
    fn from(block: VoipMetrics) -> Self {
        Self {
            loss_percent: Some(block.loss_percent),
            discard_percent: Some(block.discard_percent),
            mos_lq: block.mos_lq,
            mos_cq: block.mos_cq,
            rtt_ms: block.round_trip_ms.map(f64::from),
        }
    }
}

/// One of a call's two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who called.
    Caller,
    /// Who was called.
    Callee,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }

    /// The direction of what this side receives, as reports name it.
    #[must_use]
    pub const fn receives(self) -> &'static str {
        match self {
            Self::Caller => "callee_to_caller",
            Self::Callee => "caller_to_callee",
        }
    }
}

/// An end as a report names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedEnd {
    /// Its media address and SSRC.
    pub media: MediaEnd,
    /// User part of its URI.
    pub user: Option<Box<str>>,
}

/// One voice quality report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VoiceReport {
    /// When it first passed, nanoseconds since the Unix epoch.
    pub time: i64,
    /// Call-IDs under which its call may be known: of `CallID`, of `DialogID`.
    pub call_ids: [Option<Box<str>>; 2],
    /// Who reports.
    pub local: NamedEnd,
    /// The other end.
    pub remote: NamedEnd,
    /// Whether who reports began the session, where it says so.
    pub local_began: Option<bool>,
    /// What who reports received.
    pub local_heard: Option<Heard>,
    /// What the other end received, as it told who reports.
    pub remote_heard: Option<Heard>,
}

impl VoiceReport {
    fn new(time: i64, report: &VoiceQuality<'_>) -> Self {
        let user = |id: Option<NameAddr<'_>>| id.and_then(|id| id.uri.user()).map(text);
        let began = report.originator.and_then(|originator| {
            let is = |id: Option<NameAddr<'_>>| id.is_some_and(|id| id.uri == originator.uri);
            match (is(report.local_id), is(report.remote_id)) {
                (true, false) => Some(true),
                (false, true) => Some(false),
                _ => None,
            }
        });
        Self {
            time,
            call_ids: [report.call_id.map(text), report.dialog_call_id.map(text)],
            local: NamedEnd { media: report.local, user: user(report.local_id) },
            remote: NamedEnd { media: report.remote, user: user(report.remote_id) },
            local_began: began,
            local_heard: report.local_metrics.as_ref().and_then(Heard::of),
            remote_heard: report.remote_metrics.as_ref().and_then(Heard::of),
        }
    }

    /// Which side of `call` reports: by its media address, else by its name, else as it says itself.
    #[must_use]
    pub fn reporter(&self, call: &Call) -> Option<Side> {
        let by_address = |end: &NamedEnd| end.media.address.and_then(|a| side_of(call, a));
        let by_name = |end: &NamedEnd| {
            let is = |of: &Option<String>| end.user.as_deref().is_some_and(|u| Some(u) == of.as_deref());
            match (is(&call.from), is(&call.to)) {
                (true, false) => Some(Side::Caller),
                (false, true) => Some(Side::Callee),
                _ => None,
            }
        };
        let other = |side: Option<Side>| side.map(Side::other);
        by_address(&self.local)
            .or_else(|| other(by_address(&self.remote)))
            .or_else(|| by_name(&self.local))
            .or_else(|| other(by_name(&self.remote)))
            .or_else(|| self.by_its_word())
    }

    /// Which side reports, as it says itself.
    #[must_use]
    pub fn by_its_word(&self) -> Option<Side> {
        self.local_began.map(|began| if began { Side::Caller } else { Side::Callee })
    }
}

/// The side of a call at whose end `address` is. Who is between two legs is at neither.
#[must_use]
fn side_of(call: &Call, address: Address) -> Option<Side> {
    let asks = call.legs.iter().any(|leg| leg.flow.src.address == address);
    let is_asked = call.legs.iter().any(|leg| leg.flow.dst.address == address);
    match (asks, is_asked) {
        (true, false) => Some(Side::Caller),
        (false, true) => Some(Side::Callee),
        _ => None,
    }
}

/// Reports that wait to be taken, and marks of those that were seen. Both bounded: the oldest goes first.
#[derive(Debug)]
pub struct VoiceReports {
    limit: usize,
    waiting: VecDeque<VoiceReport>,
    marks: HashSet<u64, BuildHasherDefault<DefaultHasher>>,
    order: VecDeque<u64>,
    evicted: u64,
}

impl VoiceReports {
    /// No reports yet; at most `limit` wait, and as many are known again.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            waiting: VecDeque::new(),
            marks: HashSet::default(),
            order: VecDeque::new(),
            evicted: 0,
        }
    }

    /// Takes the reports in a request; what is new of them goes to `tell` too. False: a body that calls itself a
    /// report is none.
    pub fn handle(&mut self, seen: &Seen<'_>, tell: &mut impl FnMut(SignalEvent)) -> bool {
        let message = seen.message;
        if message.method().is_none() || message.content_encoding().is_some() {
            return true;
        }
        let mut readable = true;
        for body in message.voice_quality_bodies().take(MAX_BODIES) {
            let Some(report) = VoiceQuality::parse(body) else {
                readable = false;
                continue;
            };
            if self.is_new(body) {
                if let Some(event) = told(seen, &report) {
                    tell(event);
                }
                self.keep(VoiceReport::new(seen.time, &report));
            }
        }
        readable
    }

    /// By its body alone: the same report passes again when it is retransmitted, mirrored, forwarded by a proxy,
    /// or sent with credentials after a challenge, and each time the headers differ. It names its call and times,
    /// so two reports never look alike.
    fn is_new(&mut self, body: &[u8]) -> bool {
        let mut hash = DefaultHasher::new();
        body.trim_ascii().hash(&mut hash);
        let mark = hash.finish();
        if !self.marks.insert(mark) {
            return false;
        }
        self.order.push_back(mark);
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.marks.remove(&oldest);
        }
        true
    }

    fn keep(&mut self, report: VoiceReport) {
        if report.local_heard.is_none() && report.remote_heard.is_none() {
            return;
        }
        if self.waiting.len() == self.limit {
            self.waiting.pop_front();
            self.evicted += 1;
        }
        self.waiting.push_back(report);
    }

    /// The next report.
    pub fn poll(&mut self) -> Option<VoiceReport> {
        self.waiting.pop_front()
    }

    /// Reports pushed out before anybody took them.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }
}

/// What metrics must know of a report: what the phone that sent it received.
fn told(seen: &Seen<'_>, report: &VoiceQuality<'_>) -> Option<SignalEvent> {
    let heard = report.local_metrics.as_ref().and_then(Heard::of)?;
    let end = |media: &MediaEnd, else_end: Endpoint| match media.address {
        Some(address) => Endpoint::new(address, media.port.unwrap_or_default()),
        None => else_end,
    };
    let host = |id: Option<NameAddr<'_>>| text(id.and_then(|id| id.uri.host()).unwrap_or_default());
    let parties = Parties {
        flow: Flow { src: end(&report.local, seen.flow.src), dst: end(&report.remote, Endpoint::default()) },
        vlan: seen.vlan,
        from_domain: host(report.local_id),
        to_domain: host(report.remote_id),
    };
    let what = Signal::VoiceReport {
        loss_ppm: heard.loss_percent.map(|percent| whole(percent * 1e4)),
        mos_lqe_milli: heard.mos_lq.map(|mos| whole(mos * 1e3)),
    };
    Some(SignalEvent { time: seen.time, parties: Arc::new(parties), what })
}

#[expect(clippy::cast_sign_loss, reason = "no per cent and no MOS is below 0")]
fn whole(value: f64) -> u32 {
    value.round() as u32
}

/// Bytes as bounded text.
fn text(bytes: &[u8]) -> Box<str> {
    let cut = bytes.get(..bytes.len().min(MAX_TEXT)).unwrap_or_default();
    String::from_utf8_lossy(cut).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::sip::Message;
    use crate::track::call::SipTransport;

    fn publish(cseq: u32, body: &str) -> Vec<u8> {
        format!(
            "PUBLISH sip:c@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{cseq}\r\nFrom: <sip:a@h>;tag=1\r\n\
             To: <sip:c@h>\r\nCall-ID: p\r\nCSeq: {cseq} PUBLISH\r\nContent-Type: application/vq-rtcpxr\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    fn handle(reports: &mut VoiceReports, cseq: u32, body: &str) -> (bool, Vec<SignalEvent>) {
        let bytes = publish(cseq, body);
        let message = Message::parse(&bytes).unwrap();
        let seen =
            Seen { message: &message, flow: Flow::default(), time: 7, transport: SipTransport::Udp, vlan: 3 };
        let mut events = Vec::new();
        let readable = reports.handle(&seen, &mut |event| events.push(event));
        (readable, events)
    }

    fn body(call_id: &str) -> String {
        format!(
            "VQSessionReport: CallTerm\r\nCallID: {call_id}\r\nLocalID: <sip:bob@b.example>\r\n\
             RemoteID: <sip:al@a.example>\r\nOrigID: <sip:al@a.example>\r\nLocalAddr:IP=10.0.0.2 PORT=5000\r\n\
             LocalMetrics:\r\nPacketLoss:NLR=5.12 JDR=1\r\nQualityEst:MOSLQ=3.456\r\n"
        )
    }

    #[test]
    fn a_report_is_told_once_whatever_brings_it() {
        let mut reports = VoiceReports::new(10);
        let (readable, events) = handle(&mut reports, 1, &body("x"));
        assert!(readable);
        let [event] = &events[..] else { panic!("{events:?}") };
        let what = Signal::VoiceReport { loss_ppm: Some(51_200), mos_lqe_milli: Some(3456) };
        assert_eq!((event.what, event.time, event.parties.vlan), (what, 7, 3));
        assert_eq!(event.parties.flow.src.to_string(), "10.0.0.2:5000");
        assert_eq!((&*event.parties.from_domain, &*event.parties.to_domain), ("b.example", "a.example"));
        // With credentials, after a challenge.
        assert!(handle(&mut reports, 2, &body("x")).1.is_empty());
        assert_eq!(handle(&mut reports, 3, &body("y")).1.len(), 1);
        let first = reports.poll().unwrap();
        assert_eq!(first.call_ids[0].as_deref(), Some("x"));
        assert_eq!(first.by_its_word(), Some(Side::Callee));
        assert!(reports.poll().is_some() && reports.poll().is_none());
    }

    #[test]
    fn what_is_no_report_is_told_and_what_says_nothing_is_not_kept() {
        let mut reports = VoiceReports::new(10);
        assert!(!handle(&mut reports, 1, "nonsense").0);
        let (readable, events) = handle(&mut reports, 2, "VQSessionReport\r\nCallID: x\r\n");
        assert!(readable && events.is_empty() && reports.poll().is_none());
    }

    #[test]
    fn a_flood_pushes_out_the_oldest() {
        let mut reports = VoiceReports::new(10);
        for n in 0..1000 {
            handle(&mut reports, n, &body(&n.to_string()));
        }
        assert_eq!((reports.waiting.len(), reports.marks.len(), reports.order.len()), (10, 10, 10));
        assert_eq!(reports.evicted(), 990);
    }
}
