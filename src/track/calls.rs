//! The call table: SIP messages become calls and legs, and calls of several Call-IDs are joined.
//!
//! Bounded: at the limit the oldest call that nothing ever answered goes first, then those that ring, and an
//! answered one only where there is nothing else: forged INVITEs push out no call that is going on.

mod entry;
mod joining;
mod numbers;
#[cfg(test)]
mod properties;
mod queues;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use self::entry::Entry;
use self::joining::{Clues, Joining, Known};
use self::queues::{Queues, Stage};
use super::call::{Call, CallIdentity, CallState, Edge, EndedBy, Memory, Novelty, SipTransport};
use super::signal::{Parties, Signal, SignalEvent};
use crate::decode::Flow;
use crate::decode::sip::Message;

/// Text kept of a header at most.
const MAX_TEXT: usize = 256;
/// Parts of one call at most: more are an attack, or a loop through back-to-back user agents.
const MAX_PARTS: usize = 32;

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

/// Bounds and choices of the table.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Calls at once, each Call-ID counted.
    pub calls: usize,
    /// Headers that name another leg of the same call.
    pub correlate_headers: Arc<[Box<str>]>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { calls: 262_144, correlate_headers: Arc::new(["X-Call-ID".into()]) }
    }
}

/// The table.
#[derive(Debug)]
pub struct Calls {
    settings: Settings,
    by_id: HashMap<Box<[u8]>, u64>,
    entries: BTreeMap<u64, Entry>,
    groups: HashMap<u64, Group>,
    joining: Joining,
    queues: Queues,
    next_serial: u64,
    counters: CallCounters,
    done: VecDeque<Call>,
    signals: VecDeque<SignalEvent>,
}

/// What the table did not keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCounters {
    /// Calls pushed out at the bound before they ended.
    pub evicted: u64,
    /// Those of them that nothing ever answered: no record is made of these.
    pub unanswered: u64,
}

/// The parts of one call.
#[derive(Debug, Default)]
struct Group {
    /// Between whom the first part is: what goes on and ends between them.
    parties: Arc<Parties>,
    live: Vec<u64>,
    left: Vec<Call>,
    edges: Vec<Edge>,
    /// It was told that it goes on.
    active: bool,
}

impl Calls {
    /// An empty table.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            by_id: HashMap::new(),
            entries: BTreeMap::new(),
            groups: HashMap::new(),
            joining: Joining::default(),
            queues: Queues::default(),
            next_serial: 0,
            counters: CallCounters::default(),
            done: VecDeque::new(),
            signals: VecDeque::new(),
        }
    }

    /// What was not kept.
    #[must_use]
    pub const fn counters(&self) -> CallCounters {
        self.counters
    }

    /// Call-IDs at present.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Serials of all that has not been told yet: parts that have left while others of their call go on included.
    #[must_use]
    pub fn serials(&self) -> HashSet<u64> {
        let left = self.groups.values().flat_map(|g| g.left.iter().map(|part| part.serial));
        self.entries.keys().copied().chain(left).collect()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes the oldest call that has left the table.
    pub fn poll_done(&mut self) -> Option<Call> {
        self.done.pop_front()
    }

    /// Takes what calls have shown.
    pub fn drain_signals(&mut self) -> impl Iterator<Item = SignalEvent> {
        self.signals.drain(..)
    }

    /// Takes one message; the call it belongs to, if it belongs to one.
    pub fn handle(&mut self, seen: &Seen<'_>) -> Option<Arc<CallIdentity>> {
        let message = seen.message;
        let id = message.call_id()?;
        let id = id.get(..MAX_TEXT).unwrap_or(id);
        let cseq = message.cseq()?;
        let serial = match self.by_id.get(id) {
            Some(serial) => *serial,
            None => {
                // Only an INVITE begins a call; a 2xx to one shows a call that began before the probe.
                let begins = message.method() == Some("INVITE");
                let answers =
                    cseq.method == "INVITE" && message.status().is_some_and(|s| (101..300).contains(&s));
                if !(begins || answers) {
                    return None;
                }
                self.create(id, seen, !begins)
            }
        };
        let entry = self.entries.get_mut(&serial)?;
        let identity = Arc::clone(&entry.identity);
        let novelty = entry.memory.take(seen);
        let (was_over, was_answered) = (entry.call.is_over(), entry.call.answer.is_some());
        entry.move_on(seen, novelty, &mut self.signals);
        if !was_answered && entry.call.answer.is_some() {
            self.joining.call_answered(serial, seen.time);
        }
        if !was_over && entry.call.is_over() {
            self.joining.call_over(serial, &entry.call, seen.time);
        }
        if novelty == Novelty::New && message.method() == Some("REFER") {
            self.joining.take_refer(serial, &entry.call, seen);
        }
        let again = matches!(novelty, Novelty::Retransmission | Novelty::MirrorCopy);
        match message.status() {
            Some(200..300) if cseq.method == "REFER" => {
                let Self { joining, by_id, .. } = self;
                if let Some(edge) = joining.refer_taken(serial, |id| by_id.get(id).copied()) {
                    self.connect(edge);
                }
            }
            Some(300..400) if !again => self.joining.take_redirection(serial, &entry.call, seen),
            _ => {}
        }
        self.settle(serial, seen.time);
        Some(identity)
    }

    fn create(&mut self, id: &[u8], seen: &Seen<'_>, from_the_middle: bool) -> u64 {
        while self.entries.len() >= self.settings.calls.max(1) {
            self.evict_one(seen.time);
        }
        self.next_serial += 1;
        let serial = self.next_serial;
        let call = Call::begun(serial, id, seen, from_the_middle);
        let clues = Clues::of(seen, &self.settings.correlate_headers);
        let identity = Arc::new(call.identity());
        let fresh = !call.started_before_probe;
        let entry = Entry {
            id: id.into(),
            identity,
            memory: Memory::default(),
            stage: Stage::Trying,
            group: serial,
            hop: false,
            call,
        };
        let parties = Arc::clone(&entry.call.parties);
        self.groups.insert(serial, Group { parties, live: vec![serial], ..Group::default() });
        self.by_id.insert(id.into(), serial);
        self.entries.insert(serial, entry);
        let edges = if fresh { self.find_joins(serial, &clues, seen) } else { Vec::new() };
        self.joining.remember(serial, clues, &edges);
        for edge in edges {
            self.connect(edge);
        }
        if let Some(entry) = self.entries.get(&serial) {
            self.queues.enter(serial, Stage::Trying);
            if fresh {
                let redial = self.joining.is_redial(&entry.call, seen.time);
                let what = Signal::Attempted { hop: entry.hop, redial };
                self.tell(seen.time, &Arc::clone(&entry.call.parties), what);
            }
        }
        serial
    }

    /// How a call that begins goes on from others.
    fn find_joins(&mut self, serial: u64, clues: &Clues, seen: &Seen<'_>) -> Vec<Edge> {
        let Self { joining, entries, by_id, .. } = self;
        joining.find(serial, clues, seen, |id| by_id.get(id).copied(), |serial| known(entries, serial))
    }

    /// Makes one call of two, if they are not one already.
    fn connect(&mut self, edge: Edge) {
        let group_of = |serial| self.entries.get(&serial).map(|e| e.group);
        let (Some(a), Some(b)) = (group_of(edge.earlier), group_of(edge.later)) else { return };
        let parts = |g: u64| self.groups.get(&g).map_or(0, |g| g.live.len() + g.left.len());
        if a == b || parts(a) + parts(b) > MAX_PARTS {
            return;
        }
        let (kept, gone) = (a.min(b), a.max(b));
        let Some(other) = self.groups.remove(&gone) else { return };
        let identity = self.entries.get(&kept).map(|e| Arc::clone(&e.identity));
        for part in &other.live {
            if let Some(entry) = self.entries.get_mut(part) {
                entry.group = kept;
                entry.hop |= *part == edge.later && edge.hop;
                // Streams of a call that only begins are its first part's; those of one that goes on keep theirs.
                if let (true, Some(identity)) = (*part == edge.later && other.left.is_empty(), &identity) {
                    entry.identity = Arc::clone(identity);
                }
            }
        }
        self.carry_redirection(&edge);
        let Some(group) = self.groups.get_mut(&kept) else { return };
        group.live.extend(other.live);
        group.left.extend(other.left);
        group.edges.extend(other.edges);
        group.edges.push(edge);
        // Two calls that were counted are one, and what one began the other will end.
        let (begins, parties) = (!group.active, Arc::clone(&group.parties));
        group.active |= other.active;
        if other.active {
            let time = self.entries.get(&edge.later).map_or(0, |e| e.call.progress.last_seen);
            self.tell(time, &other.parties, Signal::Ended { by: None, answered: false });
            if begins {
                self.tell(time, &parties, Signal::Began);
            }
        }
    }

    /// A redirection is a part of the delay that the caller sees, whatever Call-ID the retry has (RFC 6076 §4.3.1).
    fn carry_redirection(&mut self, edge: &Edge) {
        let first = self.entries.get(&edge.earlier).map(|e| &e.call);
        let redirected = first.filter(|c| c.status.is_some_and(|s| (300..400).contains(&s)));
        let start = redirected.map(|c| c.progress.attempt.start);
        if let (Some(start), Some(later)) = (start, self.entries.get_mut(&edge.later)) {
            later.call.progress.attempt.start = start;
        }
    }

    fn tell(&mut self, time: i64, parties: &Arc<Parties>, what: Signal) {
        self.signals.push_back(SignalEvent { time, parties: Arc::clone(parties), what });
    }

    /// Brings the queues and the group up to what a call has become.
    fn settle(&mut self, serial: u64, time: i64) {
        let Some(entry) = self.entries.get_mut(&serial) else { return };
        let stage = Stage::of(&entry.call);
        if stage != entry.stage {
            entry.stage = stage;
            self.queues.enter(serial, stage);
        }
        self.queues.arm(serial, entry.call.due());
        let group = entry.group;
        self.settle_group(group, serial, time);
        let entries = &self.entries;
        self.queues.drop_stale(entries.len(), |serial| entries.get(&serial).map(|e| e.stage));
    }

    fn settle_group(&mut self, id: u64, serial: u64, time: i64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let up = |serial: &u64| self.entries.get(serial).is_some_and(|e| !e.call.is_over());
        let active = group.live.iter().any(up);
        if active == group.active {
            return;
        }
        group.active = active;
        let Some(first) = self.entries.get(&id).or_else(|| self.entries.get(&serial)) else { return };
        let Some(last) = self.entries.get(&serial) else { return };
        let parties = Arc::clone(&group.parties);
        let answered = last.call.answer.is_some() || first.call.answer.is_some();
        let what = if active {
            Signal::Began
        } else {
            let by = last.call.ended_by.filter(|_| answered || last.call.state == CallState::Cancelled);
            Signal::Ended { by, answered }
        };
        self.tell(time, &parties, what);
    }

    fn evict_one(&mut self, now: i64) {
        let entries = &self.entries;
        let victim = self.queues.pop_victim(|serial| entries.get(&serial).map(|e| e.stage));
        let Some(serial) = victim.or_else(|| entries.keys().next().copied()) else { return };
        let Some(entry) = self.entries.get_mut(&serial) else { return };
        if !entry.call.is_over() {
            self.counters.evicted += 1;
            entry.call.evicted = true;
            // A flood of requests that nothing answers would fill the memory of whoever keeps the records.
            if entry.stage == Stage::Trying && entry.call.status.is_none() && entry.group == serial {
                let alone = self.groups.get(&serial).is_some_and(|g| g.live.len() + g.left.len() == 1);
                if alone {
                    self.counters.unanswered += 1;
                    self.forget(serial, now);
                    return;
                }
            }
        }
        self.leave(serial, now);
    }

    /// Lets a call go without a record.
    fn forget(&mut self, serial: u64, now: i64) {
        let group = self.groups.remove(&serial);
        if let Some(entry) = self.entries.remove(&serial) {
            self.by_id.remove(&entry.id);
            self.joining.forget(serial);
            if let Some(group) = group.filter(|g| g.active) {
                self.tell(now, &group.parties, Signal::Ended { by: None, answered: false });
            }
        }
    }

    /// Lets go what has been over for long enough, and ends what nobody ended.
    pub fn handle_timeout(&mut self, now: i64) {
        while let Some(serial) = self.queues.pop_due(now) {
            let Some(entry) = self.entries.get_mut(&serial) else { continue };
            let due = entry.call.due();
            if due > now {
                self.queues.arm(serial, due);
            } else if entry.call.is_over() {
                self.leave(serial, now);
            } else {
                entry.expire(now, &mut self.signals);
                self.joining.call_over(serial, &entry.call, now);
                self.settle(serial, now);
            }
        }
        while let Some(serial) = self.joining.pop_waiting(now) {
            self.resolve(serial);
        }
        self.joining.handle_timeout(now);
    }

    /// Neither end of a call has sent media since `last`: it is over, though nobody said so.
    pub fn media_silent(&mut self, serial: u64, last: i64, now: i64) {
        let group = self.entries.get(&serial).map_or(serial, |e| e.group);
        let parts = self.groups.get(&group).map(|g| g.live.clone()).unwrap_or_default();
        for part in parts {
            let Some(entry) = self.entries.get_mut(&part) else { continue };
            let call = &mut entry.call;
            let up = matches!(call.state, CallState::Answered | CallState::Established) && !call.is_over();
            let held = call.media.is_on_hold(last) || call.media.is_on_hold(now);
            // What was heard before the answer only tells nothing of the session.
            let heard = call.answer.is_some_and(|answer| last > answer);
            if up && heard && entry.identity.serial == serial && !held {
                call.end_without_bye(EndedBy::MediaTimeout, last);
                self.joining.call_over(part, call, now);
                self.settle(part, now);
            }
        }
    }

    fn leave(&mut self, serial: u64, now: i64) {
        self.resolve(serial);
        let Some(mut entry) = self.entries.remove(&serial) else { return };
        self.by_id.remove(&entry.id);
        self.joining.forget(serial);
        entry.leave(now, &mut self.signals);
        let Some(group) = self.groups.get_mut(&entry.group) else { return };
        group.live.retain(|part| *part != serial);
        group.left.push(entry.call);
        if group.live.is_empty()
            && let Some(mut group) = self.groups.remove(&entry.group)
        {
            if group.active {
                self.tell(now, &group.parties, Signal::Ended { by: None, answered: false });
            }
            group.left.sort_by_key(|call| call.serial);
            self.done.extend(Call::of_parts(group.left, &group.edges));
        }
    }

    /// What could not be told when it began, by how it went on.
    fn resolve(&mut self, serial: u64) {
        let Self { joining, entries, .. } = self;
        if let Some(edge) = joining.resolve(serial, |serial| known(entries, serial)) {
            self.connect(edge);
        }
    }

    /// Lets every call go, as it stands at `now`.
    pub fn finish(&mut self, now: i64) {
        self.handle_timeout(now);
        let rest: Vec<u64> = self.entries.keys().copied().collect();
        for serial in &rest {
            self.resolve(*serial);
        }
        for serial in rest {
            self.leave(serial, now);
        }
    }
}

fn known(entries: &BTreeMap<u64, Entry>, serial: u64) -> Option<Known<'_>> {
    entries.get(&serial).map(|e| Known { call: &e.call, group: e.group })
}

/// Bytes of a header as bounded text.
pub(crate) fn text(bytes: &[u8]) -> String {
    let cut = bytes.get(..bytes.len().min(MAX_TEXT)).unwrap_or_default();
    String::from_utf8_lossy(cut).into_owned()
}
