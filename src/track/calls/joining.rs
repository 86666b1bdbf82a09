//! Which calls are one: by what names the other first, then by numbers, time and SDP.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::numbers::Number;
use super::{Seen, text};
use crate::decode::sdp::Sdp;
use crate::decode::sip::{Message, NameAddr, Uri};
use crate::decode::{Address, Endpoint};
use crate::track::call::{Call, Edge, EndedBy, JoinedBy, Party};

/// Clues that are indexed at most, and calls under one of them.
const MAX_CLUES: usize = 524_288;
const MAX_ALIKE: usize = 64;
/// Requests to call elsewhere that are remembered.
const MAX_REFERS: usize = 4096;
/// A REFER or redirection is heeded within so long, ns.
const REFER_PATIENCE: i64 = 32_000_000_000;
/// A diverted call goes on from one that may have rung this long, ns.
const RING_TIME: i64 = 180_000_000_000;
/// A back-to-back user agent asks on within so long, ns.
const NEXT_LEG_WITHIN: i64 = 10_000_000_000;
/// The two legs of a back-to-back user agent ring, answer and end within so long of each other, ns.
const RELAYED_WITHIN: i64 = 400_000_000;
/// Best score that joins, and by how much it must be ahead of the next.
const ENOUGH: f32 = 5.5;
const AHEAD: f32 = 2.0;
/// What decides between those that were alike at the beginning.
const ENOUGH_AT_LAST: f32 = 7.0;
const AHEAD_AT_LAST: f32 = 1.5;
/// Calls answered for less than this, and called again within that, ns: what people do when they cannot hear.
const SHORT_CALL: i64 = 60_000_000_000;
const AGAIN_WITHIN: i64 = 120_000_000_000;
const MAX_SHORT_CALLS: usize = 4096;

/// What an INVITE says of other dialogs.
#[derive(Debug, Default)]
pub(super) struct Clues {
    time: i64,
    /// Hashes of what only dialogs of one call have in common, and how they do.
    names: Vec<(u64, JoinedBy)>,
    from: Number,
    to: Number,
    target: Number,
    media: Option<Endpoint>,
    origin: Option<u64>,
    src: Option<Address>,
    dst: Option<Address>,
}

impl Clues {
    pub fn of(seen: &Seen<'_>, correlate_headers: &[Box<str>]) -> Self {
        let message = seen.message;
        let user = |a: Option<NameAddr<'_>>| Number::of(a.and_then(|a| a.uri.user()));
        let body = message.sdp_bodies().next();
        let sdp = body.map(Sdp::parse).unwrap_or_default();
        let audio = sdp.media.iter().find(|m| m.kind == "audio" && m.port != 0);
        let media = audio.and_then(|m| {
            let ip = m.connection.and_then(|a| a.ip()).filter(|ip| !ip.is_unspecified())?;
            Some(Endpoint::new(ip.into(), m.port))
        });
        Self {
            time: seen.time,
            names: names(message, correlate_headers),
            from: user(message.from()),
            to: user(message.to()),
            target: Number::of(message.request_uri().and_then(Uri::user)),
            media,
            // Name, session and address; the version changes.
            origin: sdp.origin.map(|o| {
                let mut words: Vec<&str> = o.split_ascii_whitespace().collect();
                if words.len() > 2 {
                    words.remove(2);
                }
                hash(&("origin", words))
            }),
            src: message.method().map(|_| seen.flow.src.address),
            dst: message.method().map(|_| seen.flow.dst.address),
        }
    }

    fn keys(&self) -> Vec<u64> {
        let mut keys: Vec<u64> = [&self.to, &self.target, &self.from]
            .into_iter()
            .filter_map(|n| n.key().map(|key| hash(&("number", key))))
            .collect();
        keys.extend(self.media.map(|m| hash(&("media", m))));
        keys.extend(self.origin);
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

fn hash(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// Session-IDs, and the values of configured headers.
fn names(message: &Message<'_>, correlate_headers: &[Box<str>]) -> Vec<(u64, JoinedBy)> {
    let mut names = Vec::new();
    if let Some(value) = message.header("Session-ID") {
        let mut parts = value.split(|c| *c == b';').map(<[u8]>::trim_ascii);
        let local = parts.next();
        let remote = parts.find_map(|p| p.strip_prefix(b"remote="));
        for uuid in local.into_iter().chain(remote) {
            let uuid = uuid.to_ascii_lowercase();
            // The nil UUID stands for an end that is not known yet (RFC 7989 §5).
            let is_uuid = uuid.len() == 32 && uuid.iter().all(u8::is_ascii_hexdigit);
            if is_uuid && uuid.iter().any(|c| *c != b'0') {
                names.push((hash(&("session", uuid)), JoinedBy::SessionId));
            }
        }
    }
    for header in correlate_headers {
        if let Some(value) = message.header(header).map(<[u8]>::trim_ascii).filter(|v| !v.is_empty()) {
            names.push((hash(&("header", text(value))), JoinedBy::Header));
        }
    }
    names
}

/// Somebody was asked to call elsewhere.
#[derive(Debug)]
struct Asked {
    time: i64,
    serial: u64,
    target: Number,
    /// Who is to call: at which host, and by which name.
    host: Option<Address>,
    who: Number,
    by: Number,
    replaces: Option<Box<[u8]>>,
}

/// Begun calls by their clues, and what is expected of some.
#[derive(Debug, Default)]
pub(super) struct Joining {
    by_clue: HashMap<u64, VecDeque<u64>>,
    clues: HashMap<u64, Clues>,
    order: VecDeque<(i64, u64)>,
    asked: VecDeque<Asked>,
    /// Calls that could be the way on of several others, best first.
    open: HashMap<u64, Vec<(u64, f32)>>,
    /// Those others, and who may be theirs.
    wanted_by: HashMap<u64, Vec<u64>>,
    /// Ways on that a call has already, by number.
    taken: HashMap<u64, Vec<Number>>,
    /// Ends of short calls by their two parties.
    short: VecDeque<(u64, i64)>,
}

impl Joining {
    pub fn remember(&mut self, serial: u64, clues: Clues, time: i64) {
        let names: Vec<u64> = clues.names.iter().map(|(n, _)| *n).collect();
        for key in clues.keys().into_iter().chain(names) {
            let alike = self.by_clue.entry(key).or_default();
            if alike.len() == MAX_ALIKE {
                alike.pop_front();
            }
            alike.push_back(serial);
        }
        self.clues.insert(serial, clues);
        self.order.push_back((time, serial));
        while self.clues.len() > MAX_CLUES / 4
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.drop_clues(oldest);
        }
    }

    fn drop_clues(&mut self, serial: u64) {
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

    /// A call left the table.
    pub fn forget(&mut self, serial: u64) {
        self.drop_clues(serial);
        self.taken.remove(&serial);
        self.open.remove(&serial);
        self.wanted_by.remove(&serial);
    }

    pub fn handle_timeout(&mut self, now: i64) {
        while self.asked.front().is_some_and(|a| now.saturating_sub(a.time) > REFER_PATIENCE) {
            self.asked.pop_front();
        }
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
        let message = seen.message;
        let Some(value) = message.header("Refer-To") else { return };
        let refer_to = NameAddr::parse(value);
        let uri = refer_to.uri.as_bytes();
        let embedded = uri.split(|c| *c == b'?').nth(1).unwrap_or_default();
        let replaces = embedded.split(|c| *c == b'&').find_map(|pair| {
            let value = pair.get(..9).filter(|n| n.eq_ignore_ascii_case(b"replaces=")).and(pair.get(9..))?;
            let value = unescape(value);
            Some(value.split(|c| *c == b';').next().unwrap_or_default().into())
        });
        let referred_by = message.header("Referred-By").map(NameAddr::parse);
        let name = |user: Option<&str>| Number::of(user.map(str::as_bytes));
        let asks = call.sender_of(message);
        let (asker, asked) = match asks {
            Party::Caller => (&call.from, &call.to),
            Party::Callee => (&call.to, &call.from),
        };
        let by =
            referred_by.and_then(|r| r.uri.user()).map_or(name(asker.as_deref()), |u| Number::of(Some(u)));
        self.ask(Asked {
            time: seen.time,
            serial,
            target: Number::of(refer_to.uri.user()),
            host: Some(seen.flow.dst.address),
            who: name(asked.as_deref()),
            by,
            replaces,
        });
    }

    /// The caller is told where else to call.
    pub fn take_redirection(&mut self, serial: u64, call: &Call, seen: &Seen<'_>) {
        let caller = Number::of(call.from.as_deref().map(str::as_bytes));
        for contact in seen.message.contacts().take(4) {
            self.ask(Asked {
                time: seen.time,
                serial,
                target: Number::of(contact.uri.user()),
                host: Some(seen.flow.dst.address),
                who: caller.clone(),
                by: Number::default(),
                replaces: None,
            });
        }
    }

    fn ask(&mut self, asked: Asked) {
        if self.asked.len() == MAX_REFERS {
            self.asked.pop_front();
        }
        self.asked.push_back(asked);
    }

    /// Two parties that talked for a moment.
    pub fn call_over(&mut self, call: &Call, now: i64) {
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
        calls: impl Fn(u64) -> Option<&'a Call>,
    ) -> Vec<Edge> {
        let goes_on = |earlier: u64| calls(earlier).is_some_and(|c| c.answer.is_none());
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
        edges.extend(
            self.by_refer(clues, seen, replaced).map(|(earlier, sure)| edge(earlier, JoinedBy::Refer, sure)),
        );
        if edges.is_empty() {
            edges.extend(self.by_diversion(clues, seen, &calls).map(|e| edge(e, JoinedBy::Header, 0.95)));
        }
        if edges.is_empty() {
            edges.extend(
                self.by_numbers(serial, clues, &calls).map(|(e, sure)| edge(e, JoinedBy::Numbers, sure)),
            );
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

    fn by_refer(&self, clues: &Clues, seen: &Seen<'_>, replaced: Option<&[u8]>) -> Option<(u64, f32)> {
        let referred_by = seen.message.header("Referred-By").map(NameAddr::parse);
        let referred_by = Number::of(referred_by.and_then(|r| r.uri.user()));
        let sure = |asked: &Asked| -> Option<f32> {
            if let (Some(wanted), Some(replaced)) = (&asked.replaces, replaced) {
                return (**wanted == *replaced).then_some(0.99);
            }
            let target = asked.target.likeness(&clues.to).max(asked.target.likeness(&clues.target));
            // First of all: thousands may have been asked elsewhere.
            if target < 1.5 || clues.time.saturating_sub(asked.time) > REFER_PATIENCE {
                return None;
            }
            let signs = [
                asked.who.likeness(&clues.from) > 0.0,
                asked.host.is_some() && asked.host == clues.src,
                asked.by.likeness(&referred_by) > 0.0,
            ];
            match signs.into_iter().filter(|s| *s).count() {
                0 => None,
                1 => Some(0.9),
                _ => Some(0.98),
            }
        };
        // The last one asked goes first.
        self.asked.iter().rev().filter_map(|a| Some((a.serial, sure(a)?))).max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// The call that was diverted: to who diverts, from who calls now.
    fn by_diversion<'a>(
        &self,
        clues: &Clues,
        seen: &Seen<'_>,
        calls: &impl Fn(u64) -> Option<&'a Call>,
    ) -> Option<u64> {
        let diversion = seen.message.values("Diversion");
        let history = seen.message.values("History-Info");
        let diverters: Vec<Number> = diversion
            .chain(history)
            .take(8)
            .map(|v| Number::of(NameAddr::parse(v).uri.user()))
            .filter(|n| n.likeness(&clues.target) < 1.5)
            .collect();
        diverters.iter().find_map(|diverter| {
            let alike = self.by_clue.get(&hash(&("number", diverter.key()?)))?;
            alike.iter().rev().copied().find(|serial| {
                let Some((other, call)) = self.clues.get(serial).zip(calls(*serial)) else { return false };
                let of_diverter = other.to.likeness(diverter).max(other.target.likeness(diverter)) >= 1.5;
                let same_media = other.media.is_some() && other.media == clues.media;
                let by_caller = other.from.likeness(&clues.from) >= 1.5 || same_media;
                let ringing = clues.time.saturating_sub(other.time) <= RING_TIME && call.answer.is_none();
                of_diverter && by_caller && ringing
            })
        })
    }

    fn by_numbers<'a>(
        &mut self,
        serial: u64,
        clues: &Clues,
        calls: &impl Fn(u64) -> Option<&'a Call>,
    ) -> Option<(u64, f32)> {
        let mut candidates: Vec<u64> = Vec::new();
        for key in clues.keys() {
            candidates.extend(self.by_clue.get(&key).into_iter().flatten());
        }
        candidates.sort_unstable();
        candidates.dedup();
        let mut scored: Vec<(u64, f32)> = candidates
            .into_iter()
            .filter_map(|earlier| Some((earlier, self.score(earlier, calls(earlier)?, clues)?)))
            .filter(|(_, score)| *score >= ENOUGH - AHEAD)
            .collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let &(best, score) = scored.first()?;
        let second = scored.get(1).map_or(0.0, |(_, s)| *s);
        if score < ENOUGH {
            return None;
        }
        if score - second >= AHEAD {
            self.taken.entry(best).or_default().push(clues.to.clone());
            return Some((best, sure(score)));
        }
        scored.truncate(8);
        for (earlier, _) in &scored {
            self.wanted_by.entry(*earlier).or_default().push(serial);
        }
        self.open.insert(serial, scored);
        None
    }

    /// How well a call that begins goes on from an earlier one.
    fn score(&self, earlier: u64, call: &Call, clues: &Clues) -> Option<f32> {
        let other = self.clues.get(&earlier)?;
        let after = clues.time.saturating_sub(other.time);
        let may_go_on = (0..=NEXT_LEG_WITHIN).contains(&after)
            && call.answer.is_none()
            && call.end.is_none()
            && !call.started_before_probe;
        if !may_go_on {
            return None;
        }
        let asks_on = clues.src.is_some_and(|src| call.progress.hops.contains(&src));
        // Whoever sends both is no back-to-back user agent, but a phone with two calls; and whoever receives
        // both is none either.
        let apart = clues.src != other.src && clues.dst.is_some_and(|dst| !call.progress.hops.contains(&dst));
        if !asks_on && !apart {
            return None;
        }
        let to = [&other.to, &other.target]
            .into_iter()
            .flat_map(|n| [n.likeness(&clues.to), n.likeness(&clues.target)])
            .fold(0.0, f32::max);
        let from = other.from.likeness(&clues.from);
        let media = if other.media.is_some() && other.media == clues.media { 5.0 } else { 0.0 };
        // Many a device gives every session the same number.
        let origin =
            if other.origin.is_some() && other.origin == clues.origin && to + from > 0.0 { 2.0 } else { 0.0 };
        let evidence = to + from + f32::max(media, origin);
        // Between other hosts the numbers alone must leave no doubt.
        let no_doubt = media > 0.0 || (to.min(from) >= 2.0 && clues.to.is_long() && clues.from.is_long());
        if evidence < 2.5 || !(asks_on || no_doubt) {
            return None;
        }
        let soon = match after {
            0..500_000_000 => 1.0,
            500_000_000..2_000_000_000 => 0.5,
            2_000_000_000..5_000_000_000 => 0.0,
            _ => -1.0,
        };
        let taken = self.taken.get(&earlier).is_some_and(|t| t.iter().any(|n| n.likeness(&clues.to) > 0.0));
        let taken = if taken { 3.0 } else { 0.0 };
        Some(evidence + soon + if asks_on { 2.0 } else { -1.0 } - taken)
    }

    /// What could not be told apart when it began, decided by when each rang, was answered and ended: asked
    /// when one of them leaves.
    pub fn resolve<'a>(&mut self, serial: u64, calls: impl Fn(u64) -> Option<&'a Call>) -> Vec<Edge> {
        let mut later: Vec<u64> = self.wanted_by.remove(&serial).unwrap_or_default();
        later.push(serial);
        let mut edges = Vec::new();
        for later in later {
            let Some(candidates) = self.open.remove(&later) else { continue };
            let Some(call) = calls(later) else { continue };
            let taken = |earlier: &u64| self.taken.get(earlier).is_some_and(|t| !t.is_empty());
            let mut scored: Vec<(u64, f32)> = candidates
                .iter()
                .filter(|(earlier, _)| !taken(earlier))
                .filter_map(|(earlier, score)| Some((*earlier, score + relayed(calls(*earlier)?, call)?)))
                .collect();
            scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let Some(&(best, score)) = scored.first() else { continue };
            let second = scored.get(1).map_or(0.0, |(_, s)| *s);
            if score >= ENOUGH_AT_LAST && score - second >= AHEAD_AT_LAST {
                let to = Number::of(call.to.as_deref().map(str::as_bytes));
                self.taken.entry(best).or_default().push(to);
                let by = JoinedBy::Numbers;
                edges.push(Edge { earlier: best, later, by, confidence: sure(score - 2.0), hop: true });
            }
        }
        edges
    }
}

/// How well the times of a call's two halves agree; `None` where they cannot be that.
fn relayed(first: &Call, second: &Call) -> Option<f32> {
    let close = |a: i64, b: i64| a.abs_diff(b) <= RELAYED_WITHIN.unsigned_abs();
    let mut score = match (first.answer, second.answer) {
        (Some(a), Some(b)) if close(a, b) && a >= b => 3.0,
        (Some(a), Some(b)) if close(a, b) => 1.0,
        (None, None) => 0.5,
        _ => return None,
    };
    if let (Some(a), Some(b)) = (first.ringing, second.ringing) {
        score += if close(a, b) && a >= b { 2.0 } else { -0.5 };
    }
    score += match (first.end, second.end) {
        (Some(a), Some(b)) if close(a, b) => 3.0,
        (Some(_), Some(_)) => -2.0,
        _ => 0.0,
    };
    Some(score)
}

/// How sure a join by numbers is, from its score.
fn sure(score: f32) -> f32 {
    match score {
        9.0.. => 0.97,
        7.5.. => 0.93,
        _ => 0.85,
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

/// `%`-escapes undone (RFC 3986 §2.1).
fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|h| u8::from_str_radix(str::from_utf8(h).ok()?, 16).ok());
        match escaped.filter(|_| first == b'%') {
            Some(octet) => {
                out.push(octet);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(first);
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
impl Joining {
    /// Whether nothing is left of calls.
    pub fn is_empty(&self) -> bool {
        self.clues.is_empty()
            && self.by_clue.is_empty()
            && self.open.is_empty()
            && self.wanted_by.is_empty()
            && self.taken.is_empty()
    }
}
