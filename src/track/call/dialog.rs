//! How messages move a call on ([RFC 3261](https://www.rfc-editor.org/rfc/rfc3261) §12 to §15).
//!
//! Where a call passes proxies it is seen between several pairs of hosts. What the first hop saw is what the
//! caller saw, so that alone moves the call; what other hops saw moves their legs.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrayvec::ArrayVec;

use super::{Call, CallState, EndedBy, Leg, MediaSaid, Novelty, Party};
use crate::decode::sdp::Sdp;
use crate::decode::sip::{Message, NameAddr, StartLine};
use crate::decode::{Address, Flow};
use crate::track::calls::{Seen, text};
use crate::track::signal::{Attempt, Method, Parties, Session, Signal};

/// Legs of one call; more are an attack or a loop, and join the last.
const MAX_LEGS: usize = 64;
/// Hosts remembered that the INVITE went to.
const MAX_HOPS: usize = 8;
/// What is needed while a call goes on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    pub cancelled: Option<i64>,
    /// When a message of it was last seen.
    pub last_seen: i64,
    /// When it came to its end, as far as is known.
    pub over: Option<i64>,
    /// When the INVITE of the attempt was first sent, the last time with credentials.
    pub(super) asked: i64,
    /// The attempt that is going on, or the last one.
    pub attempt: Attempt,
    /// Its outcome was told.
    settled: bool,
    /// 100 Trying came: the next hop is at work.
    pub(super) tried: bool,
    /// Hosts that the INVITE went to, the first hop's first.
    pub hops: ArrayVec<Address, MAX_HOPS>,
    /// When the session expires, and its interval, ns.
    pub(super) session: Option<(i64, i64)>,
    /// Re-INVITEs that are not answered yet, the caller's and the callee's: when.
    reoffers: [Option<i64>; 2],
    /// Top branch of the INVITE at the first hop, as last sent there: a hash.
    branch: Option<u64>,
    /// First BYE, and between whom it was seen first.
    bye: Option<(i64, Flow)>,
    /// First 2xx to it, there; and on another hop.
    bye_answer: Option<i64>,
    bye_answer_elsewhere: Option<i64>,
    session_told: bool,
}

/// A message and what it is to those before it, for a call that is to move on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    pub seen: &'a Seen<'a>,
    pub novelty: Novelty,
    /// The call goes on another's way: see [`Signal::Attempted`].
    pub hop: bool,
}

fn tag(address: Option<NameAddr<'_>>) -> Option<String> {
    address.and_then(|a| a.tag()).map(text)
}

impl Call {
    pub(crate) fn begun(serial: u64, call_id: &[u8], seen: &Seen<'_>, from_the_middle: bool) -> Self {
        let message = seen.message;
        let user = |a: Option<NameAddr<'_>>| a.and_then(|a| a.uri.user()).map(text);
        let from_tag = tag(message.from()).unwrap_or_default();
        let (from, to) = (user(message.from()), user(message.to()));
        let call_id = text(call_id);
        let flow = if message.method().is_some() { seen.flow } else { seen.flow.reversed() };
        let leg = Leg {
            call_id: call_id.clone(),
            from_tag: from_tag.clone(),
            to_tag: None,
            from: from.clone(),
            to: to.clone(),
            transport: seen.transport,
            flow,
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
        let hops = std::iter::once(flow.dst.address).collect();
        let attempt = Attempt { start: seen.time, ..Attempt::default() };
        Self {
            serial,
            parts: vec![serial],
            call_id,
            from_tag,
            from,
            to,
            state: CallState::Trying,
            status: None,
            reason: None,
            q850: None,
            warning: None,
            ended_by: None,
            start: seen.time,
            ringing: None,
            answer: None,
            end: None,
            answered_by: None,
            legs: vec![leg],
            joins: Vec::new(),
            media: MediaSaid::default(),
            sessions: Vec::new(),
            audio: Vec::new(),
            info_digits: 0,
            parties: Arc::new(Parties::of(seen)),
            started_before_probe: from_the_middle || in_dialog,
            evicted: false,
            told: seen.time,
            progress: Progress {
                hops,
                attempt,
                last_seen: seen.time,
                asked: seen.time,
                branch: message.method().and(branch(message)),
                // Of a call seen from its middle nothing is known that could be told of the attempt.
                settled: from_the_middle || in_dialog,
                session_told: from_the_middle || in_dialog,
                ..Progress::default()
            },
        }
    }

    /// Moves on by a message. What it shows goes to `tell`.
    pub(crate) fn apply(&mut self, change: &Change<'_>, tell: &mut impl FnMut(Signal)) {
        let Change { seen, novelty, .. } = *change;
        let (message, time) = (seen.message, seen.time);
        self.progress.last_seen = self.progress.last_seen.max(time);
        let leg = self.leg_of(seen);
        match novelty {
            Novelty::New | Novelty::Hop => {}
            Novelty::MirrorCopy => return self.with_leg(leg, |leg| leg.mirror_copies += 1),
            Novelty::Retransmission => {
                self.with_leg(leg, |leg| leg.retransmissions += 1);
                let method = Method::of(message.cseq().map_or("", |cseq| cseq.method));
                // Those of OPTIONS are told where they are followed.
                if method != Method::Options {
                    tell(Signal::Retransmitted(method));
                }
                return;
            }
        }
        let cseq = message.cseq().map_or("", |cseq| cseq.method);
        match message.start_line() {
            StartLine::Request { method: "INVITE", .. } => self.invite(change, tell),
            StartLine::Request { method: "ACK", .. } => self.acknowledged(change, leg, tell),
            StartLine::Request { method: "CANCEL", .. } => self.cancelled(seen),
            StartLine::Request { method: "BYE", .. } => self.bye(seen, leg, tell),
            StartLine::Request { method: "INFO", .. } if novelty == Novelty::New => self.info(message),
            StartLine::Status { code, .. } if cseq == "INVITE" => self.response(change, leg, code, tell),
            StartLine::Status { code, .. } if cseq == "BYE" => {
                self.bye_response(seen, code, leg, change.hop, tell);
            }
            StartLine::Status { code: 200..300, .. } if cseq == "UPDATE" => self.refreshed(message, time),
            _ => {}
        }
        self.describe(message, time);
    }

    fn with_leg(&mut self, place: usize, change: impl FnOnce(&mut Leg)) {
        if let Some(leg) = self.legs.get_mut(place) {
            change(leg);
        }
    }

    /// Which end sent a message: by its tags.
    pub(crate) fn sender_of(&self, message: &Message<'_>) -> Party {
        let from = tag(message.from()).unwrap_or_default();
        let is_caller = self.legs.iter().any(|l| l.from_tag == from);
        let asker = if is_caller { Party::Caller } else { Party::Callee };
        if message.method().is_some() { asker } else { asker.other() }
    }

    fn describe(&mut self, message: &Message<'_>, time: i64) {
        if message.content_encoding().is_none()
            && let Some(body) = message.sdp_bodies().next()
        {
            let party = self.sender_of(message);
            self.media.take(time, party, &Sdp::parse(body));
        }
    }

    /// The leg of a message, by its tags: a place in [`Self::legs`], which is never empty.
    fn leg_of(&mut self, seen: &Seen<'_>) -> usize {
        let message = seen.message;
        let from = tag(message.from()).unwrap_or_default();
        let to = tag(message.to());
        let Some(to) = to else {
            if let Some(place) = self.legs.iter().position(|l| l.from_tag == from) {
                return place;
            }
            // Another caller's tag under the same Call-ID: a back-to-back user agent that keeps it.
            let begins = message.method() == Some("INVITE");
            return if begins {
                self.add_leg(
                    |first| Leg { from_tag: from, flow: seen.flow, start: seen.time, ..first.forked("") },
                    true,
                )
            } else {
                0
            };
        };
        if let Some(place) = self.legs.iter().position(|l| l.has_tags(&from, &to)) {
            return place;
        }
        let open = |tag: &str, l: &Leg| l.to_tag.is_none() && l.from_tag == tag;
        if let Some(place) = self.legs.iter().position(|l| open(&from, l)) {
            self.with_leg(place, |leg| leg.to_tag = Some(to));
            return place;
        }
        if let Some(place) = self.legs.iter().position(|l| open(&to, l)) {
            self.with_leg(place, |leg| leg.to_tag = Some(from));
            return place;
        }
        match self.legs.iter().position(|l| l.from_tag == from) {
            Some(origin) => {
                let forked = self.legs.get(origin).map(|l| l.forked(&to));
                self.add_leg(|first| forked.unwrap_or_else(|| first.clone()), false)
            }
            None => 0,
        }
    }

    fn add_leg(&mut self, new: impl FnOnce(&Leg) -> Leg, without_tag: bool) -> usize {
        if self.legs.len() < MAX_LEGS
            && let Some(first) = self.legs.first()
        {
            let mut leg = new(first);
            if without_tag {
                leg.to_tag = None;
            }
            self.legs.push(leg);
        }
        self.legs.len() - 1
    }

    /// Whether a response is one that the caller sees, as far as can be seen here.
    fn is_on_first_hop(&self, seen: &Seen<'_>) -> bool {
        let hops = &self.progress.hops;
        let Some(first) = self.legs.first().map(|l| l.flow).filter(|_| hops.len() > 1) else { return true };
        // The next hop may answer from another of its addresses, but not from one that it asked on at.
        let from_further = || hops.iter().skip(1).any(|hop| *hop == seen.flow.src.address);
        goes_back(seen.flow, first) || (seen.flow.dst.address == first.src.address && !from_further())
    }

    /// Whether an INVITE without a To tag is sent on by a host that the INVITE went to.
    fn comes_from_a_hop(&self, seen: &Seen<'_>) -> bool {
        let (src, dst) = (seen.flow.src.address, seen.flow.dst.address);
        let first = self.legs.first().map(|l| l.flow.src.address);
        self.progress.hops.contains(&src) && first.is_some_and(|first| first != src && first != dst)
    }

    fn reoffer_of(&mut self, party: Party) -> &mut Option<i64> {
        let [caller, callee] = &mut self.progress.reoffers;
        if party == Party::Caller { caller } else { callee }
    }

    fn invite(&mut self, change: &Change<'_>, tell: &mut impl FnMut(Signal)) {
        let Change { seen, novelty, hop } = *change;
        if novelty == Novelty::Hop {
            // Beyond the bound it is a loop.
            let _full = self.progress.hops.try_push(seen.flow.dst.address);
            return;
        }
        if seen.message.to().and_then(|t| t.tag()).is_some() {
            let party = self.sender_of(seen.message);
            self.reoffer_of(party).replace(seen.time);
            return;
        }
        if self.comes_from_a_hop(seen) {
            // Whoever took the INVITE asks on in its own name, and leaves the Call-ID: what it hears is not yet
            // what the caller hears.
            let _full = self.progress.hops.try_push(seen.flow.dst.address);
            return;
        }
        self.progress.branch = branch(seen.message);
        let Some(status) = self.progress.attempt.status.filter(|_| self.answer.is_none()) else { return };
        // The same attempt goes on with credentials or a longer session (RFC 3261 §22.2, RFC 4028 §7.3); at
        // another place it is a new one (RFC 6076 §4.6).
        if goes_on_after(status) {
            self.progress.attempt = Attempt { status: None, end: None, ..self.progress.attempt };
        } else {
            self.settle(hop, tell);
            // A redirection is a part of the delay that the caller sees (RFC 6076 §4.3.1).
            let start = if (300..400).contains(&status) { self.progress.attempt.start } else { seen.time };
            self.progress.attempt = Attempt { start, hop, ..Attempt::default() };
            self.progress.settled = false;
            tell(Signal::Attempted { hop, redial: false });
        }
        (self.state, self.status, self.reason, self.end) = (CallState::Trying, None, None, None);
        (self.progress.over, self.progress.asked) = (None, seen.time);
        if let Some(leg) = self.legs.first_mut() {
            (leg.status, leg.reason, leg.end, leg.to_tag) = (None, None, None, None);
        }
    }

    fn acknowledged(&mut self, change: &Change<'_>, leg: usize, tell: &mut impl FnMut(Signal)) {
        if self.answer.is_none() && self.acknowledges_2xx(change.seen) {
            self.answered_unseen(change, leg, tell);
        }
        if self.state == CallState::Answered {
            self.state = CallState::Established;
        }
    }

    /// Whether the caller acknowledges a 2xx: that ACK is a transaction of its own, any other one is a part of
    /// the INVITE's and has its branch (RFC 3261 §17.1.1.3, §13.2.2.4).
    fn acknowledges_2xx(&self, seen: &Seen<'_>) -> bool {
        let by_caller = self.legs.first().is_some_and(|l| l.flow.src.address == seen.flow.src.address);
        let has_tag = seen.message.to().is_some_and(|t| t.tag().is_some());
        let own = branch(seen.message).zip(self.progress.branch).is_some_and(|(ack, invite)| ack != invite);
        // What was refused is acknowledged, too, and not everybody keeps the branch then.
        let refused = self.progress.attempt.status.is_some();
        by_caller && has_tag && own && !refused && !self.started_before_probe
    }

    /// The caller got a 2xx that did not pass here, or only at another hop: answers may take a way that is not
    /// mirrored. Where no hop showed it, it came shortly before the ACK, and its status is not known.
    fn answered_unseen(&mut self, change: &Change<'_>, leg: usize, tell: &mut impl FnMut(Signal)) {
        let time = change.seen.time;
        let answer = self.legs.get(leg).and_then(|l| l.answer).unwrap_or(time);
        self.with_leg(leg, |leg| {
            leg.answer.get_or_insert(answer);
        });
        let (status, reason) = self.legs.get(leg).map_or((None, None), |l| (l.status, l.reason.clone()));
        (self.answer, self.status, self.reason, self.ended_by) = (Some(answer), status, reason, None);
        (self.state, self.end, self.progress.over) = (CallState::Answered, None, None);
        let attempt = &mut self.progress.attempt;
        (attempt.answer, attempt.end, attempt.status) = (Some(answer), Some(answer), status);
        self.settle(change.hop, tell);
    }

    fn info(&mut self, message: &Message<'_>) {
        let kind = message.content_type().unwrap_or_default().to_ascii_lowercase();
        let is_digit = kind.starts_with(b"application/dtmf");
        self.info_digits = self.info_digits.saturating_add(u32::from(is_digit));
    }

    fn response(&mut self, change: &Change<'_>, leg: usize, code: u16, tell: &mut impl FnMut(Signal)) {
        let Change { seen, hop, .. } = *change;
        let (message, time) = (seen.message, seen.time);
        if code < 101 {
            self.progress.tried = true;
            return;
        }
        let asker = self.sender_of(message).other();
        if code >= 200
            && self.answer.is_some()
            && let Some(since) = self.reoffer_of(asker).take()
        {
            // A re-INVITE that is refused leaves the call as it was (RFC 3261 §14.1).
            if code >= 300 {
                self.media.take_back(asker, since);
                return;
            }
            // Either end refreshes the session, at whatever hop that is seen.
            self.refreshed(message, time);
        }
        if self.answer.is_some() && code >= 300 {
            return;
        }
        let reason = message.reason_phrase().map(text).filter(|r| !r.is_empty());
        let agent = message.user_agent().map(text);
        self.with_leg(leg, |leg| {
            leg.callee_agent = leg.callee_agent.take().or(agent);
            match code {
                ..200 => _ = leg.ringing.get_or_insert(time),
                200..300 => {
                    leg.answer.get_or_insert(time);
                    (leg.status, leg.reason, leg.end) = (Some(code), reason.clone(), None);
                }
                _ => {
                    leg.end.get_or_insert(time);
                    (leg.status, leg.reason) = (Some(code), reason.clone());
                }
            }
        });
        if !self.is_on_first_hop(seen) {
            return;
        }
        match code {
            ..200 => self.rings(time),
            200..300 => self.answered(seen, code, reason, hop, tell),
            _ => self.refused(seen, code, reason, hop, tell),
        }
    }

    fn rings(&mut self, time: i64) {
        self.ringing.get_or_insert(time);
        self.progress.attempt.ringing.get_or_insert(time);
        if matches!(self.state, CallState::Trying | CallState::TimedOut) {
            self.state = CallState::Ringing;
            self.progress.over = None;
        }
    }

    fn answered(
        &mut self,
        seen: &Seen<'_>,
        code: u16,
        reason: Option<String>,
        hop: bool,
        tell: &mut impl FnMut(Signal),
    ) {
        self.refreshed(seen.message, seen.time);
        if self.answer.is_some() {
            return;
        }
        self.answer = Some(seen.time);
        (self.status, self.reason, self.ended_by) = (Some(code), reason, None);
        (self.state, self.end, self.progress.over) = (CallState::Answered, None, None);
        let attempt = &mut self.progress.attempt;
        attempt.answer = Some(seen.time);
        (attempt.end, attempt.status) = (Some(seen.time), Some(code));
        self.settle(hop, tell);
    }

    fn refused(
        &mut self,
        seen: &Seen<'_>,
        code: u16,
        reason: Option<String>,
        hop: bool,
        tell: &mut impl FnMut(Signal),
    ) {
        (self.status, self.reason) = (Some(code), reason);
        self.q850 = q850(seen.message).or(self.q850);
        self.warning = seen.message.warnings().last().map(|w| text(w.text)).or(self.warning.take());
        self.answered_by = Some(seen.flow);
        self.end = Some(seen.time);
        let given_up = self.progress.cancelled.is_some() && code == 487;
        self.state = if given_up { CallState::Cancelled } else { CallState::Failed };
        self.ended_by = given_up.then_some(EndedBy::Caller);
        let attempt = &mut self.progress.attempt;
        (attempt.end, attempt.status) = (Some(seen.time), Some(code));
        attempt.cancelled = given_up;
        // A challenge, or a redirection, may yet be heeded.
        if !goes_on_after(code) {
            if !(300..400).contains(&code) {
                self.progress.over = Some(seen.time);
            }
            self.settle(hop, tell);
        }
    }

    /// Tells what became of the attempt, once.
    pub(super) fn settle(&mut self, hop: bool, tell: &mut impl FnMut(Signal)) {
        if !std::mem::replace(&mut self.progress.settled, true) {
            tell(Signal::Settled(Attempt { hop, ..self.progress.attempt }));
        }
    }

    fn bye(&mut self, seen: &Seen<'_>, leg: usize, tell: &mut impl FnMut(Signal)) {
        let party = self.sender_of(seen.message);
        self.q850 = q850(seen.message).or(self.q850);
        if !self.hung_up(seen, leg, party) {
            return;
        }
        self.progress.bye.get_or_insert((seen.time, seen.flow));
        if self.answer.is_none() && !self.started_before_probe && party == Party::Caller {
            // An early dialog may be ended so (RFC 3261 §15); the 487 that follows says the same.
            self.progress.cancelled.get_or_insert(seen.time);
            self.state = CallState::Cancelled;
            self.progress.attempt.cancelled = true;
            self.settle(false, tell);
        }
    }

    /// An end leaves a leg; whether the call is over by that.
    fn hung_up(&mut self, seen: &Seen<'_>, leg: usize, party: Party) -> bool {
        let by = match party {
            Party::Caller => EndedBy::Caller,
            Party::Callee => EndedBy::Callee,
        };
        self.with_leg(leg, |leg| {
            leg.end.get_or_insert(seen.time);
            leg.ended_by.get_or_insert(by);
        });
        // Of several callees that answered all but one are let go.
        let goes_on = self.legs.iter().any(|l| l.answer.is_some() && l.end.is_none());
        if goes_on || self.end.is_some() {
            return false;
        }
        (self.state, self.ended_by) = (CallState::Completed, Some(by));
        (self.end, self.progress.over) = (Some(seen.time), Some(seen.time));
        true
    }

    fn bye_response(
        &mut self,
        seen: &Seen<'_>,
        code: u16,
        leg: usize,
        hop: bool,
        tell: &mut impl FnMut(Signal),
    ) {
        if self.progress.bye.is_none() && self.answer.is_some() && (200..300).contains(&code) {
            // Requests of one end do not pass here: the BYE came before its answer.
            self.hung_up(seen, leg, self.sender_of(seen.message).other());
        }
        let Some((_, flow)) = self.progress.bye.filter(|_| (200..300).contains(&code)) else { return };
        if goes_back(seen.flow, flow) {
            self.progress.bye_answer.get_or_insert(seen.time);
            self.tell_session(hop, tell);
        } else {
            self.progress.bye_answer_elsewhere.get_or_insert(seen.time);
        }
    }

    /// A proxy that tries several callees cancels the others; that is not the caller's doing.
    fn cancelled(&mut self, seen: &Seen<'_>) {
        let first = self.legs.first().map(|l| l.flow.src.address);
        if self.progress.hops.len() < 2 || first == Some(seen.flow.src.address) {
            self.progress.cancelled.get_or_insert(seen.time);
        }
    }

    pub(super) fn tell_session(&mut self, hop: bool, tell: &mut impl FnMut(Signal)) {
        let (Some(answer), Some(end)) = (self.answer, self.end) else { return };
        if !std::mem::replace(&mut self.progress.session_told, true) {
            let by = self.ended_by.unwrap_or(EndedBy::Unknown);
            let bye = self.progress.bye.map(|(time, _)| time);
            let bye_answer = self.progress.bye_answer.or(self.progress.bye_answer_elsewhere);
            tell(Signal::Session(Session { answer, end, bye, bye_answer, by, hop }));
        }
    }

    /// A 2xx begins or refreshes the session; without `Session-Expires` it has no limit (RFC 4028 §10).
    fn refreshed(&mut self, message: &Message<'_>, time: i64) {
        self.progress.session = message.session_expires().map(|expires| {
            let interval = i64::from(expires.seconds) * 1_000_000_000;
            (time.saturating_add(interval), interval)
        });
    }
}

/// The top branch of a request.
fn branch(message: &Message<'_>) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    message.via()?.branch()?.hash(&mut hasher);
    Some(hasher.finish())
}

/// Whether `flow` is between the hosts of `first`, the other way.
fn goes_back(flow: Flow, first: Flow) -> bool {
    flow.src.address == first.dst.address && flow.dst.address == first.src.address
}

/// Whether the same attempt is expected to go on after this final response: with credentials, a longer session,
/// or the security that was asked for (RFC 3261 §22.2, RFC 4028 §7.3, RFC 3329 §2).
pub(crate) const fn goes_on_after(status: u16) -> bool {
    matches!(status, 401 | 407 | 422 | 494)
}

/// The Q.850 cause of a message's `Reason` (RFC 3326, RFC 6432).
fn q850(message: &Message<'_>) -> Option<u16> {
    message.reasons().find(|r| r.protocol.eq_ignore_ascii_case(b"Q.850")).and_then(|r| r.cause)
}

impl Call {
    /// Whether the next hop said that it is at work.
    pub(super) const fn was_tried(&self) -> bool {
        self.progress.tried
    }

    /// Whether no answer of any kind has come.
    pub(crate) fn is_untouched(&self) -> bool {
        self.state == CallState::Trying && !self.progress.tried && self.progress.attempt.status.is_none()
    }

    /// Whether nothing more is expected of it but stragglers.
    pub(crate) const fn is_over(&self) -> bool {
        self.progress.over.is_some()
    }
}
