//! How messages move a call on ([RFC 3261](https://www.rfc-editor.org/rfc/rfc3261) §12 to §15).
//!
//! Where a call passes proxies it is seen between several pairs of hosts. What the first hop saw is what the
//! caller saw, so that alone moves the call; what other hops saw moves their legs.

use std::sync::Arc;

use arrayvec::ArrayVec;

use super::attempt::branch;
use super::{Call, CallState, Leg, MediaSaid, Novelty, Party};
use crate::decode::sdp::Sdp;
use crate::decode::sip::{Message, NameAddr, StartLine};
use crate::decode::{Address, Flow};
use crate::track::calls::{Seen, text};
use crate::track::signal::{Attempt, Method, Parties, Signal};

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
    pub(super) settled: bool,
    /// 100 Trying came: the next hop is at work.
    pub(super) tried: bool,
    /// Hosts that the INVITE went to, the first hop's first.
    pub hops: ArrayVec<Address, MAX_HOPS>,
    /// When the session expires, and its interval, ns.
    pub(super) session: Option<(i64, i64)>,
    /// Re-INVITEs that are not answered yet, the caller's and the callee's: when.
    pub(super) reoffers: [Option<i64>; 2],
    /// Top branch of the INVITE at the first hop, as last sent there: a hash.
    pub(super) branch: Option<u64>,
    /// First BYE, and between whom it was seen first.
    pub(super) bye: Option<(i64, Flow)>,
    /// First 2xx to it, there; and on another hop.
    pub(super) bye_answer: Option<i64>,
    pub(super) bye_answer_elsewhere: Option<i64>,
    pub(super) session_told: bool,
}

/// A message and what it is to those before it, for a call that is to move on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    pub seen: &'a Seen<'a>,
    pub novelty: Novelty,
    /// The call goes on another's way: see [`Signal::Attempted`].
    pub hop: bool,
}

pub(super) fn tag(address: Option<NameAddr<'_>>) -> Option<String> {
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

    pub(super) fn with_leg(&mut self, place: usize, change: impl FnOnce(&mut Leg)) {
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

    pub(super) fn reoffer_of(&mut self, party: Party) -> &mut Option<i64> {
        let [caller, callee] = &mut self.progress.reoffers;
        if party == Party::Caller { caller } else { callee }
    }

    fn info(&mut self, message: &Message<'_>) {
        let kind = message.content_type().unwrap_or_default().to_ascii_lowercase();
        let is_digit = kind.starts_with(b"application/dtmf");
        self.info_digits = self.info_digits.saturating_add(u32::from(is_digit));
    }
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
