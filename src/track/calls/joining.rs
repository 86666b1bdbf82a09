//! Which calls are one: by what names the other first, then by numbers, times and SDP.

mod asked;
mod clues;
mod evidence;
mod onward;

use std::collections::{HashMap, VecDeque};

use self::asked::AllAsked;
pub(super) use self::clues::Clues;
use self::clues::hash;
use self::onward::{Onward, sure};
use super::numbers::Number;
use super::{Seen, text};
use crate::decode::sip::{Message, NameAddr};
use crate::track::call::{Call, Edge, EndedBy, JoinedBy};

/// Calls whose clues are indexed at most, and calls under one of them.
const MAX_CLUES: usize = 131_072;
const MAX_ALIKE: usize = 64;
/// A diverted call goes on from one that may have rung this long, ns.
const RING_TIME: i64 = 180_000_000_000;
/// Most are diverted at once, ns.
const AT_ONCE: i64 = 2_000_000_000;
/// Calls answered for less than this, and called again within that, ns: what people do when they cannot hear.
const SHORT_CALL: i64 = 60_000_000_000;
const AGAIN_WITHIN: i64 = 120_000_000_000;
const MAX_SHORT_CALLS: usize = 4096;

/// A call of the table, and the one it is a part of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub call: &'a Call,
    pub group: u64,
}

/// Begun calls by their clues, and what is expected of some.
#[derive(Debug, Default)]
pub(super) struct Joining {
    by_clue: HashMap<u64, VecDeque<u64>>,
    clues: HashMap<u64, Clues>,
    order: VecDeque<(i64, u64)>,
    asked: AllAsked,
    onward: Onward,
    /// Ends of short calls by their two parties.
    short: VecDeque<(u64, i64)>,
}

impl Joining {
    /// A call has begun; `edges`: what it was joined to.
    pub fn remember(&mut self, serial: u64, clues: Clues, edges: &[Edge]) {
        let names: Vec<u64> = clues.names.iter().map(|(n, _)| *n).collect();
        for key in clues.keys().into_iter().chain(names) {
            let alike = self.by_clue.entry(key).or_default();
            if alike.len() == MAX_ALIKE {
                alike.pop_front();
            }
            alike.push_back(serial);
        }
        self.order.push_back((clues.time, serial));
        self.onward.begun(serial, &clues, edges.is_empty());
        self.clues.insert(serial, clues);
        for edge in edges.iter().filter(|e| e.by.is_hop()) {
            self.went_on(edge);
        }
        while self.clues.len() > MAX_CLUES
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.drop_clues(oldest);
        }
    }

    fn went_on(&mut self, edge: &Edge) {
        let (Some(from), Some(to)) = (self.clues.get(&edge.earlier), self.clues.get(&edge.later)) else {
            return;
        };
        self.onward.joined(edge.earlier, edge.later, from, to, edge.confidence >= 0.95);
    }

    fn drop_clues(&mut self, serial: u64) {
        self.onward.forget(serial);
        let Some(clues) = self.clues.remove(&serial) else { return };
        let names: Vec<u64> = clues.names.iter().map(|(n, _)| *n).collect();
        for key in clues.keys().into_iter().chain(names) {
            if let Some(alike) = self.by_clue.get_mut(&key) {
                alike.retain(|s| *s != serial);
                if alike.is_empty() {
                    self.by_clue.remove(&key);
                }
            }
        }
    }

    #[cfg(test)]
    pub fn places(&self) -> usize {
        let alike: usize = self.by_clue.values().map(VecDeque::len).sum();
        let lists = self.order.len() + self.asked.len() + self.short.len();
        alike + self.clues.len() + lists + self.onward.places()
    }

    #[cfg(test)]
    pub fn calls(&self) -> usize {
        self.clues.len() + self.by_clue.len() + self.onward.calls()
    }

    /// A call left the table.
    pub fn forget(&mut self, serial: u64) {
        self.drop_clues(serial);
    }

    pub fn handle_timeout(&mut self, now: i64) {
        self.asked.handle_timeout(now);
        while self.short.front().is_some_and(|(_, end)| now.saturating_sub(*end) > AGAIN_WITHIN) {
            self.short.pop_front();
        }
        // Places of calls that left.
        while self.order.front().is_some_and(|(_, serial)| !self.clues.contains_key(serial)) {
            self.order.pop_front();
        }
        if self.order.len() > 2 * self.clues.len() + 1024 {
            let clues = &self.clues;
            self.order.retain(|(_, serial)| clues.contains_key(serial));
        }
    }

    /// Somebody is asked to call elsewhere, in a call.
    pub fn take_refer(&mut self, serial: u64, call: &Call, seen: &Seen<'_>) {
        self.asked.take_refer(serial, call, seen);
    }

    /// A REFER of this call was heeded: the dialog that its `Replaces` names is connected with it, by a new
    /// INVITE, or within the one exchange that has both.
    pub fn refer_taken(&mut self, serial: u64, known: impl Fn(&[u8]) -> Option<u64>) -> Option<Edge> {
        let other = known(self.asked.taken(serial)?).filter(|other| *other != serial)?;
        let (earlier, later) = (serial.min(other), serial.max(other));
        Some(Edge { earlier, later, by: JoinedBy::Refer, confidence: 0.98, hop: false })
    }

    /// The caller is told where else to call.
    pub fn take_redirection(&mut self, serial: u64, call: &Call, seen: &Seen<'_>) {
        self.asked.take_redirection(serial, call, seen);
    }

    /// A call was answered.
    pub fn call_answered(&mut self, serial: u64, now: i64) {
        self.onward.answered(serial, now);
    }

    /// A call is over: it may have been a short one, or have told enough by now.
    pub fn call_over(&mut self, serial: u64, call: &Call, now: i64) {
        self.onward.over(serial, call, &self.clues, now);
        let talked = call.answer.zip(call.end).map(|(answer, end)| end.saturating_sub(answer));
        let by_people = matches!(call.ended_by, Some(EndedBy::Caller | EndedBy::Callee));
        if let (Some(parties), true) = (parties(call), by_people && talked.is_some_and(|t| t < SHORT_CALL)) {
            if self.short.len() == MAX_SHORT_CALLS {
                self.short.pop_front();
            }
            self.short.push_back((parties, now));
        }
    }

    /// Whether the two have just had a short call.
    pub fn is_redial(&self, call: &Call, now: i64) -> bool {
        let Some(parties) = parties(call) else { return false };
        self.short.iter().any(|(p, end)| *p == parties && now.saturating_sub(*end) <= AGAIN_WITHIN)
    }

    /// How a call that begins belongs to those before it.
    pub fn find<'a>(
        &mut self,
        serial: u64,
        clues: &Clues,
        seen: &Seen<'_>,
        known: impl Fn(&[u8]) -> Option<u64>,
        calls: impl Fn(u64) -> Option<Known<'a>>,
    ) -> Vec<Edge> {
        let goes_on = |earlier: u64| calls(earlier).is_some_and(|k| k.call.answer.is_none());
        let edge = |earlier, by: JoinedBy, confidence| {
            let hop = by.is_hop() && goes_on(earlier);
            Edge { earlier, later: serial, by, confidence, hop }
        };
        let mut edges: Vec<Edge> = Vec::new();
        edges.extend(self.by_name(clues, seen.message, &known).map(|(earlier, by)| edge(earlier, by, 0.99)));
        let replaced: Option<&[u8]> = ["Replaces", "Join"]
            .into_iter()
            .find_map(|name| Some(seen.message.header(name)?.split(|c| *c == b';').next()?.trim_ascii()));
        if let Some(earlier) = replaced.and_then(&known) {
            edges.push(edge(earlier, JoinedBy::Replaces, 0.99));
        }
        let referred_by = seen.message.header("Referred-By").map(NameAddr::parse);
        let referred_by = Number::of(referred_by.and_then(|r| r.uri.user()));
        let by_refer = self.asked.heeded_by(clues, &referred_by, replaced);
        edges.extend(by_refer.map(|(earlier, sure)| edge(earlier, JoinedBy::Refer, sure)));
        if edges.is_empty() {
            edges.extend(self.by_diversion(clues, seen, &calls).map(|e| edge(e, JoinedBy::Header, 0.95)));
        }
        if edges.is_empty() {
            let found = self.onward.at_once(&self.alike(clues), clues, &self.clues, &calls);
            edges.extend(found.map(|(e, score)| edge(e, JoinedBy::Numbers, sure(score))));
        }
        edges.retain(|e| e.earlier != serial);
        edges
    }

    fn by_name(
        &self,
        clues: &Clues,
        message: &Message<'_>,
        known: impl Fn(&[u8]) -> Option<u64>,
    ) -> Option<(u64, JoinedBy)> {
        let first = |(key, by): &(u64, JoinedBy)| Some((*self.by_clue.get(key)?.back()?, *by));
        if let Some(found) = clues.names.iter().find_map(first) {
            return Some(found);
        }
        // A configured header may also hold the other leg's Call-ID itself, or this one's.
        let own = message.call_id().map(|id| hash(&("header", text(id))));
        if let Some(earlier) = own.and_then(|key| self.by_clue.get(&key)?.back().copied()) {
            return Some((earlier, JoinedBy::Header));
        }
        let headers = clues.names.iter().any(|(_, by)| *by == JoinedBy::Header);
        if !headers {
            return None;
        }
        let named = message.headers().find_map(|(_, value)| {
            let is_clue = clues.names.iter().any(|(key, _)| *key == hash(&("header", text(value))));
            is_clue.then(|| known(value)).flatten()
        });
        named.map(|earlier| (earlier, JoinedBy::Header))
    }

    /// The call that was diverted: to who diverts, from who calls now.
    fn by_diversion<'a>(
        &self,
        clues: &Clues,
        seen: &Seen<'_>,
        calls: &impl Fn(u64) -> Option<Known<'a>>,
    ) -> Option<u64> {
        let diversion = seen.message.values("Diversion");
        let history = seen.message.values("History-Info");
        let diverters: Vec<Number> = diversion
            .chain(history)
            .take(8)
            .map(|v| Number::of(NameAddr::parse(v).uri.user()))
            .filter(|n| n.likeness(&clues.target) < 1.5)
            .collect();
        let alike =
            diverters.iter().filter_map(|d| Some((d, self.by_clue.get(&hash(&("number", d.key()?)))?)));
        let of_each = alike.flat_map(|(diverter, alike)| alike.iter().map(move |serial| (diverter, *serial)));
        let scored = of_each.filter_map(|(diverter, serial)| {
            let (other, known) = self.clues.get(&serial).zip(calls(serial))?;
            let of_diverter = other.to.likeness(diverter).max(other.target.likeness(diverter)) >= 1.5;
            let after = clues.time.saturating_sub(other.time);
            let up = known.call.answer.is_none() && known.call.end.is_none() && after <= RING_TIME;
            if !(of_diverter && up) {
                return None;
            }
            let signs = [
                (other.media.is_some() && other.media == clues.media, 3),
                (other.from.likeness(&clues.from) >= 1.5, 2),
                (other.dst.is_some() && other.dst == clues.src, 2),
                (after <= AT_ONCE, 1),
            ];
            let sum: u32 = signs.into_iter().filter(|(holds, _)| *holds).map(|(_, points)| points).sum();
            (sum > 1).then_some((sum, serial))
        });
        scored.max().map(|(_, serial)| serial)
    }

    /// Calls that share a number, media or a session with one, each once.
    fn alike(&self, clues: &Clues) -> Vec<u64> {
        let keys = clues.keys();
        let mut all: Vec<u64> =
            keys.iter().filter_map(|key| self.by_clue.get(key)).flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The next call that is over and was joined to none.
    pub fn pop_waiting(&mut self, now: i64) -> Option<u64> {
        self.onward.pop_waiting(now)
    }

    /// What could not be told when a call began, by how it went on: told once it is over.
    pub fn resolve<'a>(&mut self, serial: u64, calls: impl Fn(u64) -> Option<Known<'a>>) -> Option<Edge> {
        if !self.onward.is_open(serial) {
            return None;
        }
        let clues = self.clues.get(&serial)?;
        let (earlier, score) = self.onward.at_last(serial, &self.alike(clues), clues, &self.clues, &calls)?;
        let hop = calls(earlier).is_some_and(|k| k.call.answer.is_none_or(|a| a >= clues.time));
        let edge = Edge { earlier, later: serial, by: JoinedBy::Numbers, confidence: sure(score), hop };
        self.went_on(&edge);
        if let Some(later) = calls(serial).filter(|k| k.call.is_over()) {
            self.onward.led_nowhere(earlier, later.call, &self.clues);
        }
        Some(edge)
    }
}

/// The two parties of a call, whoever called.
fn parties(call: &Call) -> Option<u64> {
    let number = |user: &Option<String>| Number::of(user.as_deref().map(str::as_bytes));
    let mut both = [number(&call.from), number(&call.to)];
    if both.iter().any(Number::is_anonymous) {
        return None;
    }
    both.sort_by(|a, b| a.key().cmp(&b.key()));
    Some(hash(&both.map(|n| n.key().map(str::to_owned))))
}
