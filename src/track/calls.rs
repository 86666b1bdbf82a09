//! The call table: SIP messages become calls and legs.
//!
//! Enough dialog state to bind media and to give each call its times, its final status and who ended it.
//! Bounded: at the limit, the oldest call that was never answered goes first.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::call::{Call, CallIdentity, CallState, EndedBy, Leg, SipTransport};
use crate::decode::Flow;
use crate::decode::sip::{Message, StartLine};

/// A copy made by the span port follows its original closely, ns.
const MIRROR_COPY_WITHIN: u64 = 10_000_000;
/// Messages of a call remembered to know copies and retransmissions from new ones.
const REMEMBERED: usize = 32;
/// Legs of one call; more are an attack or a loop, and join the last.
const MAX_LEGS: usize = 64;
/// Text kept of a header at most.
const MAX_TEXT: usize = 256;
/// Calls looked at to find one that was never answered, when the table is full.
const EVICTION_SAMPLE: usize = 64;
/// Places that may be stale in a queue before it is sifted.
const SLACK: usize = 1024;
/// RFC 3261 §17: T1 × 64. A finished call may still see retransmissions for so long, ns.
const LINGER: i64 = 32_000_000_000;

/// A SIP message and where it was seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The message.
    pub message: &'a Message<'a>,
    /// Who sent it to whom.
    pub flow: Flow,
    /// When, nanoseconds since the Unix epoch.
    pub time: i64,
    /// Over what.
    pub transport: SipTransport,
    /// The VLAN it was seen on; 0 without one.
    pub vlan: u16,
}

/// The table.
#[derive(Debug)]
pub struct Calls {
    by_id: HashMap<String, Entry, BuildHasherDefault<DefaultHasher>>,
    order: VecDeque<(String, u64)>,
    /// Ended calls in the order of their end.
    ended: VecDeque<(String, u64, i64)>,
    limit: usize,
    next_serial: u64,
    evicted: u64,
    done: VecDeque<Call>,
}

#[derive(Debug)]
struct Entry {
    call: Call,
    /// Shared with all that its SDP describes.
    identity: Arc<CallIdentity>,
    remembered: VecDeque<Remembered>,
}

#[derive(Clone, Copy, Debug)]
struct Remembered {
    what: u64,
    flow: Flow,
    time: i64,
}

impl Calls {
    /// An empty table of at most `limit` calls.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            by_id: HashMap::default(),
            order: VecDeque::new(),
            ended: VecDeque::new(),
            limit: limit.max(1),
            next_serial: 0,
            evicted: 0,
            done: VecDeque::new(),
        }
    }

    /// Calls pushed out at the bound.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Calls at present.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Takes the oldest call that has left the table.
    pub fn poll_done(&mut self) -> Option<Call> {
        self.done.pop_front()
    }

    /// Takes one message; the call it belongs to, if it belongs to one.
    pub fn handle(&mut self, seen: &Seen<'_>) -> Option<Arc<CallIdentity>> {
        let message = seen.message;
        let call_id = text(message.call_id()?);
        let cseq = message.cseq()?;
        if !self.by_id.contains_key(&call_id) {
            // Only an INVITE begins a call; a 2xx to one shows a call that began before the probe.
            let begins = message.method() == Some("INVITE");
            let answers =
                cseq.method == "INVITE" && message.status().is_some_and(|s| (101..300).contains(&s));
            if !(begins || answers) {
                return None;
            }
            self.create(&call_id, seen, !begins);
        }
        let entry = self.by_id.get_mut(&call_id)?;
        let identity = Arc::clone(&entry.identity);
        entry.call.last_seen = seen.time;
        let end_before = entry.call.end;
        if entry.is_new(seen) {
            entry.apply(seen, cseq.method);
        }
        if let Some(end) = entry.call.end.filter(|end| Some(*end) != end_before) {
            self.ended.push_back((call_id, identity.serial, end));
            self.drop_stale();
        }
        Some(identity)
    }

    fn create(&mut self, call_id: &str, seen: &Seen<'_>, from_the_middle: bool) {
        while self.by_id.len() >= self.limit {
            self.evict_one();
        }
        self.next_serial += 1;
        let call = Call::begun(self.next_serial, call_id, seen, from_the_middle);
        self.order.push_back((call_id.to_owned(), self.next_serial));
        let identity = Arc::new(call.identity());
        self.by_id.insert(call_id.to_owned(), Entry { call, identity, remembered: VecDeque::new() });
    }

    /// Queues hold more than the calls there are: what went from their middle, and ends that were none. A
    /// call that stays at the front must not make them grow.
    fn drop_stale(&mut self) {
        let most = 2 * self.by_id.len() + SLACK;
        if self.order.len() > most {
            self.order.retain(|(id, serial)| self.by_id.get(id).is_some_and(|e| e.call.serial == *serial));
        }
        if self.ended.len() > most {
            self.ended.retain(|(id, serial, end)| {
                self.by_id.get(id).is_some_and(|e| e.call.serial == *serial && e.call.end == Some(*end))
            });
        }
    }

    fn evict_one(&mut self) {
        for _ in 0..EVICTION_SAMPLE {
            let Some((id, serial)) = self.order.pop_front() else { return };
            match self.by_id.get(&id) {
                Some(e) if e.call.serial == serial && e.call.answer.is_some() && e.call.is_up() => {
                    self.order.push_back((id, serial));
                }
                Some(e) if e.call.serial == serial => return self.remove_evicted(&id),
                _ => {}
            }
        }
        if let Some((id, _)) = self.order.pop_front() {
            self.remove_evicted(&id);
        }
    }

    fn remove_evicted(&mut self, id: &str) {
        if let Some(mut entry) = self.by_id.remove(id) {
            entry.call.evicted = entry.call.is_up();
            self.evicted += u64::from(entry.call.evicted);
            self.done.push_back(entry.call);
        }
    }

    /// Lets calls go that ended long enough ago.
    pub fn handle_timeout(&mut self, now: i64) {
        while let Some((id, serial, end)) = self.ended.front() {
            if now.saturating_sub(*end) < LINGER {
                return;
            }
            // It may have gone on since, as an INVITE does after a challenge.
            if self.by_id.get(id).is_some_and(|e| e.call.serial == *serial && e.call.end == Some(*end))
                && let Some(entry) = self.by_id.remove(id)
            {
                self.done.push_back(entry.call);
            }
            self.ended.pop_front();
        }
        while self.order.front().is_some_and(|(id, s)| self.by_id.get(id).is_none_or(|e| e.call.serial != *s))
        {
            self.order.pop_front();
        }
    }

    /// Lets every call go, as it stands at `now`.
    pub fn finish(&mut self, now: i64) {
        let mut rest: Vec<Call> = self.by_id.drain().map(|(_, e)| e.call).collect();
        rest.sort_by_key(|c| c.serial);
        for mut call in rest {
            call.capture_ended(now);
            self.done.push_back(call);
        }
        self.order.clear();
        self.ended.clear();
    }
}

impl Entry {
    /// Whether the message is new: not sent again, nor copied by the span port.
    fn is_new(&mut self, seen: &Seen<'_>) -> bool {
        let what = fingerprint(seen.message);
        let earlier = self.remembered.iter().rev().find(|r| r.what == what).copied();
        if let Some(earlier) = earlier {
            let leg = self.call.leg_mut(seen.message);
            if earlier.flow != seen.flow {
                // The next hop of a proxy: the same message on its way.
            } else if seen.time.abs_diff(earlier.time) < MIRROR_COPY_WITHIN {
                leg.mirror_copies += 1;
            } else {
                leg.retransmissions += 1;
            }
        }
        if self.remembered.len() == REMEMBERED {
            self.remembered.pop_front();
        }
        self.remembered.push_back(Remembered { what, flow: seen.flow, time: seen.time });
        earlier.is_none()
    }

    fn apply(&mut self, seen: &Seen<'_>, cseq_method: &str) {
        match seen.message.start_line() {
            StartLine::Request { method: "INVITE", .. } => self.call.invite(seen),
            StartLine::Request { method: "ACK", .. } => self.call.ack(),
            StartLine::Request { method: "CANCEL", .. } => self.call.cancelled = true,
            StartLine::Request { method: "BYE", .. } => self.call.bye(seen),
            StartLine::Status { code, .. } if cseq_method == "INVITE" => self.call.response(seen, code),
            _ => {}
        }
    }
}

/// What tells one message of a call from another, wherever it is seen: a proxy adds a `Via`, the last
/// one stays.
fn fingerprint(message: &Message<'_>) -> u64 {
    let mut hash = DefaultHasher::new();
    message.method().hash(&mut hash);
    message.status().hash(&mut hash);
    message.cseq().map(|c| (c.number, c.method)).hash(&mut hash);
    message.from().and_then(|f| f.tag()).hash(&mut hash);
    message.to().and_then(|t| t.tag()).hash(&mut hash);
    message.vias().last().and_then(|v| v.branch()).hash(&mut hash);
    // A reliable provisional response (RFC 3262) is a message of its own.
    message.header("RSeq").hash(&mut hash);
    message.body().hash(&mut hash);
    hash.finish()
}

impl Call {
    fn begun(serial: u64, call_id: &str, seen: &Seen<'_>, from_the_middle: bool) -> Self {
        let message = seen.message;
        let tag = |a: Option<crate::decode::sip::NameAddr<'_>>| a.and_then(|a| a.tag()).map(text);
        let user = |a: Option<crate::decode::sip::NameAddr<'_>>| a.and_then(|a| a.uri.user()).map(text);
        let (from_tag, from, to) =
            (tag(message.from()).unwrap_or_default(), user(message.from()), user(message.to()));
        let leg = Leg {
            from_tag: from_tag.clone(),
            to_tag: None,
            from: from.clone(),
            to: to.clone(),
            transport: seen.transport,
            flow: if from_the_middle { seen.flow.reversed() } else { seen.flow },
            caller_agent: message.method().and(message.user_agent()).map(text),
            callee_agent: None,
            status: None,
            reason: None,
            ended_by: None,
            start: seen.time,
            ringing: None,
            answer: None,
            end: None,
            retransmissions: 0,
            mirror_copies: 0,
        };
        // An INVITE inside a dialog has a To tag: the call is older than what was captured of it.
        let in_dialog = message.to().and_then(|t| t.tag()).is_some();
        Self {
            serial,
            call_id: call_id.to_owned(),
            from_tag,
            from,
            to,
            state: CallState::Trying,
            status: None,
            reason: None,
            q850: None,
            ended_by: None,
            start: seen.time,
            ringing: None,
            answer: None,
            end: None,
            answered_by: None,
            legs: vec![leg],
            started_before_probe: from_the_middle || in_dialog,
            evicted: false,
            cancelled: false,
            last_seen: seen.time,
        }
    }

    /// The leg of a message: by the callee's tag, else the first.
    #[expect(clippy::indexing_slicing, reason = "a call has a leg from its beginning")]
    fn leg_mut(&mut self, message: &Message<'_>) -> &mut Leg {
        let from = message.from().and_then(|f| f.tag()).map(text);
        let to = message.to().and_then(|t| t.tag()).map(text);
        // A request from the callee has the tags the other way round.
        let callee_tag = if from.as_deref() == Some(&*self.from_tag) { to } else { from };
        let Some(tag) = callee_tag else { return &mut self.legs[0] };
        if let Some(i) = self.legs.iter().position(|l| l.to_tag.as_deref() == Some(&*tag)) {
            return &mut self.legs[i];
        }
        if self.legs[0].to_tag.is_none() {
            self.legs[0].to_tag = Some(tag);
            return &mut self.legs[0];
        }
        if self.legs.len() < MAX_LEGS {
            let forked = self.legs[0].forked(&tag);
            self.legs.push(forked);
        }
        let last = self.legs.len() - 1;
        &mut self.legs[last]
    }

    fn invite(&mut self, seen: &Seen<'_>) {
        let again = matches!(self.state, CallState::Failed | CallState::TimedOut);
        let in_dialog = seen.message.to().and_then(|t| t.tag()).is_some();
        if again && !in_dialog {
            // The same attempt goes on: with credentials after a challenge, or at another place after a
            // redirection (RFC 3261 §8.1.3.4, §22.2).
            (self.state, self.status, self.reason, self.end) = (CallState::Trying, None, None, None);
            if let Some(leg) = self.legs.first_mut() {
                (leg.status, leg.reason, leg.end, leg.to_tag) = (None, None, None, None);
            }
        }
    }

    fn ack(&mut self) {
        if self.state == CallState::Answered {
            self.state = CallState::Established;
        }
    }

    fn bye(&mut self, seen: &Seen<'_>) {
        let from = seen.message.from().and_then(|f| f.tag()).map(text);
        let by = if from.as_deref() == Some(&*self.from_tag) { EndedBy::Caller } else { EndedBy::Callee };
        self.q850 = q850(seen.message).or(self.q850);
        let leg = self.leg_mut(seen.message);
        leg.end.get_or_insert(seen.time);
        leg.ended_by.get_or_insert(by);
        if self.end.is_none() {
            self.end = Some(seen.time);
            self.ended_by = Some(by);
            self.state = CallState::Completed;
        }
    }

    fn response(&mut self, seen: &Seen<'_>, code: u16) {
        let message = seen.message;
        if code == 100 {
            return;
        }
        let in_dialog_already = self.answer.is_some() && code >= 300;
        if in_dialog_already {
            // A re-INVITE was refused; the call goes on (RFC 3261 §14.1).
            return;
        }
        let reason = message.reason_phrase().map(text).filter(|r| !r.is_empty());
        let leg = self.leg_mut(message);
        leg.callee_agent = leg.callee_agent.take().or_else(|| message.user_agent().map(text));
        match code {
            101..200 => {
                leg.ringing.get_or_insert(seen.time);
                self.ringing.get_or_insert(seen.time);
                if self.state == CallState::Trying {
                    self.state = CallState::Ringing;
                }
            }
            200..300 => {
                leg.answer.get_or_insert(seen.time);
                (leg.status, leg.reason) = (Some(code), reason.clone());
                if self.answer.is_none() {
                    self.answer = Some(seen.time);
                    (self.status, self.reason) = (Some(code), reason);
                    (self.state, self.end) = (CallState::Answered, None);
                }
            }
            _ => {
                leg.end.get_or_insert(seen.time);
                (leg.status, leg.reason) = (Some(code), reason.clone());
                self.refused(seen, code, reason);
            }
        }
    }

    fn refused(&mut self, seen: &Seen<'_>, code: u16, reason: Option<String>) {
        (self.status, self.reason) = (Some(code), reason);
        self.q850 = q850(seen.message).or(self.q850);
        self.answered_by = Some(seen.flow);
        self.end = Some(seen.time);
        let given_up = self.cancelled && code == 487;
        self.state = if given_up { CallState::Cancelled } else { CallState::Failed };
        self.ended_by = given_up.then_some(EndedBy::Caller);
    }

    /// The input ended. What was still going on is cut off by that; but an INVITE that nobody answered for as
    /// long as its sender waits has failed (RFC 3261 §17.1.1.2, Timer B).
    fn capture_ended(&mut self, now: i64) {
        self.state = match self.state {
            CallState::Trying | CallState::Ringing if now.saturating_sub(self.last_seen) >= LINGER => {
                if self.cancelled { CallState::Cancelled } else { CallState::TimedOut }
            }
            CallState::Trying | CallState::Ringing | CallState::Answered | CallState::Established => {
                CallState::Interrupted
            }
            over => over,
        };
    }
}

/// The Q.850 cause of a message's `Reason` (RFC 3326, RFC 6432).
fn q850(message: &Message<'_>) -> Option<u16> {
    message.reasons().find(|r| r.protocol.eq_ignore_ascii_case(b"Q.850")).and_then(|r| r.cause)
}

/// Bytes of a header as bounded text.
fn text(bytes: &[u8]) -> String {
    let cut = bytes.get(..bytes.len().min(MAX_TEXT)).unwrap_or_default();
    String::from_utf8_lossy(cut).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Endpoint;

    fn handle(calls: &mut Calls, time: i64, id: u32, start: &str, cseq: u32) {
        let bytes = format!(
            "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{id}-{cseq}\r\nFrom: <sip:a@h>;tag=1\r\n\
             To: <sip:b@h>\r\nCall-ID: {id}\r\nCSeq: {cseq} INVITE\r\nContent-Length: 0\r\n\r\n"
        );
        let message = Message::parse(bytes.as_bytes()).unwrap();
        let flow = Flow { src: Endpoint::default(), dst: Endpoint::default() };
        calls.handle(&Seen { message: &message, flow, time, transport: SipTransport::Udp, vlan: 0 });
    }

    #[test]
    fn calls_that_went_behind_one_that_stays_leave_no_place() {
        let mut calls = Calls::new(100_000);
        handle(&mut calls, 0, 0, "INVITE sip:b@h SIP/2.0", 1);
        for n in 1..10_000 {
            let time = i64::from(n) * 1_000_000_000;
            handle(&mut calls, time, n, "INVITE sip:b@h SIP/2.0", 1);
            handle(&mut calls, time, n, "SIP/2.0 404 Not Found", 1);
            calls.handle_timeout(time);
            while calls.poll_done().is_some() {}
        }
        assert!(calls.order.len() < 3000, "{}", calls.order.len());
    }

    #[test]
    fn one_call_refused_over_and_over_has_few_ends() {
        let mut calls = Calls::new(100_000);
        for n in 1..10_000 {
            handle(&mut calls, i64::from(n), 0, "INVITE sip:b@h SIP/2.0", n);
            handle(&mut calls, i64::from(n), 0, "SIP/2.0 401 Unauthorized", n);
        }
        assert!(calls.ended.len() < 3000, "{}", calls.ended.len());
    }
}
