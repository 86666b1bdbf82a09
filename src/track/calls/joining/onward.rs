//! The ways on of calls through back-to-back user agents, by numbers, times and SDP.
//!
//! Where both parties or their media say so and nothing else could be meant, a call that begins is joined at once.
//! Else it waits for how it goes on: a back-to-back user agent hands on ringing, answer and end within
//! milliseconds, and no two calls agree in all of them by chance.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use arrayvec::ArrayVec;

use super::Known;
use super::clues::Clues;
use super::evidence::{Likeness, relayed, soon};
use crate::decode::Address;
use crate::track::call::Call;

/// A back-to-back user agent asks on within so long of the call, or of the end of a way that led nowhere, ns.
const NEXT_WAY_WITHIN: i64 = 10_000_000_000;
/// The same where no cue is known: so long a phone rings in vain before another is tried, ns.
const NEXT_PHONE_WITHIN: i64 = 30_000_000_000;
/// Best score that joins at once, and by how much it must be ahead of the next.
const ENOUGH: f32 = 5.5;
const AHEAD: f32 = 2.0;
/// The same of what decides at the end.
const ENOUGH_AT_LAST: f32 = 8.0;
const AHEAD_AT_LAST: f32 = 1.5;
/// How long after its end a call is looked at again: whoever hands on that end has done so, ns.
const SETTLED_AFTER: i64 = 2_000_000_000;
/// Places that may be stale before the list is sifted.
const SLACK: usize = 1024;
/// Cues looked at for one call at most, the last first.
const MAX_CUES: usize = 256;
const MAX_CUES_LOOKED_AT: usize = 4096;
/// Phones of one group are called within so long of each other, or one of the other's end, ns.
const BESIDE_WITHIN: u64 = 60_000_000;
/// How much that says: less than an answer that is handed on at once.
const BESIDE: f32 = 3.0;
/// Ways on of one call that are remembered.
const MAX_WAYS: usize = 32;
/// Pairs of addresses that were seen to be two sides of one host; and how often one must be.
const MAX_SIDES: usize = 4096;
const SIDES_KNOWN_AFTER: u32 = 2;
/// Sides of one host that are heeded, and how much rarer than the first one they may be.
const MAX_OTHER_SIDES: usize = 8;
const RARE_SIDE: u32 = 16;
/// Of a way that led nowhere the numbers must say at least so much.
const SOME_LIKENESS: f32 = 1.5;

/// Which calls may be asked on where, and which have been.
#[derive(Debug, Default)]
pub(super) struct Onward {
    /// When a host had reason to ask on, and for which call: it came in, or a way on led nowhere.
    cues: BTreeSet<(Address, i64, u64)>,
    /// The same, by call.
    cues_of: HashMap<u64, Vec<(Address, i64)>>,
    /// Ways on that a call has already.
    ways: HashMap<u64, Vec<u64>>,
    /// The call that one is a way on of.
    way_of: HashMap<u64, u64>,
    /// Calls whose beginning said too little.
    open: HashSet<u64>,
    /// Those of them that are over, and when they are looked at.
    waiting: VecDeque<Look>,
    /// Where a host sends from, and where it receives: how often they were seen to be one's.
    sides: BTreeMap<(Address, Address), u32>,
}

/// When an open call is looked at, and whether once more: of several ways on one may show where the others belong.
#[derive(Clone, Copy, Debug)]
struct Look {
    time: i64,
    serial: u64,
    again: bool,
}

/// What speaks for an earlier call, when a later one begins.
struct Scored {
    likeness: Likeness,
    /// The later one is sent by the host that the earlier one went to.
    one_host: bool,
    /// How long after the earlier one gave reason to ask on, ns.
    after: i64,
    score: f32,
}

impl Onward {
    /// A call has begun. `open`: it was joined to none.
    pub fn begun(&mut self, serial: u64, clues: &Clues, open: bool) {
        if let Some(host) = clues.dst {
            self.cue(host, clues.time, serial);
        }
        if open && clues.src.is_some() {
            self.open.insert(serial);
        }
    }

    fn cue(&mut self, host: Address, time: i64, serial: u64) {
        let own = self.cues_of.entry(serial).or_default();
        if own.len() < MAX_WAYS && self.cues.insert((host, time, serial)) {
            own.push((host, time));
        }
    }

    pub fn forget(&mut self, serial: u64) {
        for (host, time) in self.cues_of.remove(&serial).unwrap_or_default() {
            self.cues.remove(&(host, time, serial));
        }
        for way in self.ways.remove(&serial).unwrap_or_default() {
            self.way_of.remove(&way);
        }
        self.way_of.remove(&serial);
        self.open.remove(&serial);
    }

    /// A call was answered: whoever hands that on has soon done so.
    pub fn answered(&mut self, serial: u64, now: i64) {
        self.wait(serial, now);
    }

    fn wait(&mut self, serial: u64, now: i64) {
        if self.open.contains(&serial) {
            self.waiting.push_back(Look { time: now.saturating_add(SETTLED_AFTER), serial, again: true });
        }
        // Each is looked at a few times, but for one that is refused over and over.
        if self.waiting.len() > 4 * self.open.len() + SLACK {
            let mut once = HashSet::new();
            let open = &self.open;
            self.waiting.retain(|look| open.contains(&look.serial) && once.insert(look.serial));
        }
    }

    /// A call is over, one way or another.
    pub fn over(&mut self, serial: u64, call: &Call, clues: &HashMap<u64, Clues>, now: i64) {
        self.wait(serial, now);
        if let Some(earlier) = self.way_of.get(&serial).copied() {
            self.led_nowhere(earlier, call, clues);
        }
    }

    /// A way on was refused or given up: the next one may be tried.
    pub fn led_nowhere(&mut self, earlier: u64, way: &Call, clues: &HashMap<u64, Clues>) {
        let host = clues.get(&earlier).and_then(|c| c.dst);
        if let (None, Some(end), Some(host)) = (way.answer, way.end, host) {
            self.cue(host, end, earlier);
        }
    }

    #[cfg(test)]
    pub fn places(&self) -> usize {
        let lists = self.cues_of.values().map(Vec::len).sum::<usize>()
            + self.ways.values().map(Vec::len).sum::<usize>();
        self.cues.len() + lists + self.way_of.len() + self.open.len() + self.waiting.len() + self.sides.len()
    }

    /// What there is of calls that have not left.
    #[cfg(test)]
    pub fn calls(&self) -> usize {
        self.cues.len() + self.cues_of.len() + self.ways.len() + self.way_of.len() + self.open.len()
    }

    /// The next call that is to be looked at again.
    pub fn pop_waiting(&mut self, now: i64) -> Option<u64> {
        while self.waiting.front().is_some_and(|look| look.time <= now) {
            let look = self.waiting.pop_front()?;
            if self.open.contains(&look.serial) {
                if look.again {
                    let time = now.saturating_add(SETTLED_AFTER);
                    self.waiting.push_back(Look { time, again: false, ..look });
                }
                return Some(look.serial);
            }
        }
        None
    }

    pub fn is_open(&self, serial: u64) -> bool {
        self.open.contains(&serial)
    }

    /// `later` is the way on of `earlier`. `sure`: enough to learn from which addresses are one host's.
    pub fn joined(&mut self, earlier: u64, later: u64, from: &Clues, to: &Clues, sure: bool) {
        let ways = self.ways.entry(earlier).or_default();
        if ways.len() < MAX_WAYS {
            ways.push(later);
            self.way_of.insert(later, earlier);
        }
        self.open.remove(&later);
        let (Some(receives), Some(sends)) = (from.dst, to.src) else { return };
        if sure && (self.sides.len() < MAX_SIDES || self.sides.contains_key(&(sends, receives))) {
            *self.sides.entry((sends, receives)).or_default() += 1;
        }
    }

    /// Where a host that sends from here is known to receive, the likeliest first: a few joins in a thousand are
    /// wrong, so what was seen now and then beside what was seen always is chance.
    fn other_sides(&self, sends: Address) -> ArrayVec<Address, MAX_OTHER_SIDES> {
        let all = self.sides.range((sends, Address::default())..).take_while(|((s, _), _)| *s == sends);
        let mut known: Vec<(u32, Address)> = all.map(|((_, receives), n)| (*n, *receives)).collect();
        known.sort_unstable_by(|a, b| b.cmp(a));
        let most = known.first().map_or(0, |(n, _)| *n);
        let often = |n: u32| n >= SIDES_KNOWN_AFTER && n >= most / RARE_SIDE;
        known.into_iter().filter(|(n, _)| often(*n)).map(|(_, a)| a).take(MAX_OTHER_SIDES).collect()
    }

    /// Calls that a host had reason to ask on for when it asked, the latest first.
    fn cued<'a>(&self, clues: &Clues, known: &impl Fn(u64) -> Option<Known<'a>>) -> Vec<u64> {
        let Some(src) = clues.src else { return Vec::new() };
        let mut hosts = self.other_sides(src);
        hosts.retain(|host| *host != src);
        let mut all = Vec::new();
        for host in std::iter::once(src).chain(hosts) {
            let within =
                (host, clues.time.saturating_sub(NEXT_PHONE_WITHIN), 0)..=(host, clues.time, u64::MAX);
            let serials =
                self.cues.range(within).rev().take(MAX_CUES_LOOKED_AT).map(|(_, _, serial)| *serial);
            // Nobody asks on without a word: a flood of forged INVITEs does not hide the others.
            let heard = serials.filter(|serial| known(*serial).is_some_and(|k| !k.call.is_untouched()));
            all.extend(heard.take(MAX_CUES));
        }
        all
    }

    /// The call that one that begins goes on from, if there is no doubt.
    pub fn at_once<'a>(
        &self,
        alike: &[u64],
        clues: &Clues,
        all: &HashMap<u64, Clues>,
        known: &impl Fn(u64) -> Option<Known<'a>>,
    ) -> Option<(u64, f32)> {
        let sides = self.other_sides(clues.src?);
        let scored = alike.iter().filter_map(|&earlier| {
            let before = known(earlier)?;
            let is_up = before.call.answer.is_none() && before.call.end.is_none();
            let found = is_up.then(|| self.score(earlier, before, clues, &sides, all, known))?;
            let Scored { likeness, one_host, score, .. } = found.filter(|f| f.after <= NEXT_WAY_WITHIN)?;
            // Nobody calls from one number twice at once.
            let caller = likeness.from >= 2.0 && clues.from.is_long() && one_host;
            Some((earlier, before.group, score, caller || likeness.is_firm()))
        });
        let (best, score, ahead, firm) = first_by_far(scored)?;
        (firm && score >= ENOUGH && ahead >= AHEAD).then_some((best, score))
    }

    /// The call that one that is over was the way on of.
    pub fn at_last<'a>(
        &self,
        serial: u64,
        alike: &[u64],
        clues: &Clues,
        all: &HashMap<u64, Clues>,
        known: &impl Fn(u64) -> Option<Known<'a>>,
    ) -> Option<(u64, f32)> {
        let later = known(serial)?;
        let sides = self.other_sides(clues.src?);
        let mut candidates = self.cued(clues, known);
        candidates.extend(alike);
        candidates.sort_unstable();
        candidates.dedup();
        let scored = candidates.into_iter().filter(|earlier| *earlier < serial).filter_map(|earlier| {
            let before = known(earlier)?;
            let times = relayed(before.call, later.call)?;
            let Scored { likeness, score, .. } = self.score(earlier, before, clues, &sides, all, known)?;
            let answered = |way: &u64| *way != serial && known(*way).is_some_and(|w| w.call.answer.is_some());
            // It talks to one at a time.
            let has = self.ways.get(&earlier).is_some_and(|ways| ways.iter().any(answered));
            let talks = if has && later.call.answer.is_some() { 4.0 } else { 0.0 };
            let beside = if self.is_beside(serial, later.call, earlier, known) { BESIDE } else { 0.0 };
            // Of a way that led nowhere while the call went on there is nothing more to see.
            let in_vain = later.call.answer.is_none()
                && likeness.sum() >= SOME_LIKENESS
                && later.call.end.is_some_and(|end| before.call.end.is_none_or(|e| e > end));
            Some((earlier, before.group, score + times + beside - talks, in_vain))
        });
        let (best, score, ahead, in_vain) = first_by_far(scored)?;
        let decided = score >= ENOUGH_AT_LAST && ahead >= AHEAD_AT_LAST;
        (decided || in_vain && score >= ENOUGH && ahead >= AHEAD).then_some((best, score))
    }

    /// Whether another way on of the same call began at the same time, or when this one had ended in vain: phones
    /// of one group.
    fn is_beside<'a>(
        &self,
        serial: u64,
        later: &Call,
        earlier: u64,
        known: &impl Fn(u64) -> Option<Known<'a>>,
    ) -> bool {
        let ways = self.ways.get(&earlier).map(Vec::as_slice).unwrap_or_default();
        ways.iter().any(|way| {
            let Some(other) = known(*way).filter(|_| *way != serial) else { return false };
            let next = later.end.filter(|_| later.answer.is_none());
            let follows = next.is_some_and(|end| other.call.start.abs_diff(end) <= BESIDE_WITHIN);
            follows || other.call.start.abs_diff(later.start) <= BESIDE_WITHIN
        })
    }

    /// How long ago a call gave reason to ask on, ns.
    fn cued_within(&self, earlier: u64, time: i64) -> Option<i64> {
        let cues = self.cues_of.get(&earlier)?.iter();
        cues.map(|(_, cue)| time.saturating_sub(*cue)).filter(|after| *after >= 0).min()
    }

    /// How well a call that begins goes on from an earlier one, as far as its beginning tells.
    fn score<'a>(
        &self,
        earlier: u64,
        before: Known<'a>,
        clues: &Clues,
        sides: &[Address],
        all: &HashMap<u64, Clues>,
        known: &impl Fn(u64) -> Option<Known<'a>>,
    ) -> Option<Scored> {
        let (other, call) = (all.get(&earlier)?, before.call);
        let (src, dst) = (clues.src?, clues.dst?);
        let one_host =
            call.progress.hops.contains(&src) || other.dst.is_some_and(|receives| sides.contains(&receives));
        // Whoever sends both is no back-to-back user agent, but a phone with two calls; and whoever receives both
        // is none either. In a flood of INVITEs nearly all are let go here, before anything is compared.
        let apart = other.src != Some(src) && !call.progress.hops.contains(&dst);
        if call.started_before_probe || !(one_host || apart) {
            return None;
        }
        let after = self.cued_within(earlier, clues.time)?;
        let likeness = Likeness::of(other, clues);
        let is_machine = call.answer.is_some_and(|answer| answer < clues.time);
        if is_machine && (likeness.from < 2.0 || !other.from.is_long()) {
            return None;
        }
        if after > NEXT_PHONE_WITHIN && !is_machine {
            return None;
        }
        if !one_host {
            // The numbers alone must leave no doubt, where nothing is known of the host yet.
            let whole = clues.to.is_long() && clues.from.is_long();
            let no_doubt =
                likeness.media > 0.0 || (sides.is_empty() && likeness.to.min(likeness.from) >= 2.0 && whole);
            if !no_doubt {
                return None;
            }
        }
        let goes_on = |way: &u64| {
            let still = known(*way)
                .is_some_and(|w| w.call.answer.is_some() || w.call.end.is_none_or(|e| e > clues.time));
            still && all.get(way).is_some_and(|w| w.to.likeness(&clues.to) > 0.0)
        };
        let taken = if self.ways.get(&earlier).is_some_and(|w| w.iter().any(goes_on)) { 3.0 } else { 0.0 };
        let place = if one_host { 2.0 } else { -1.0 };
        Some(Scored { likeness, one_host, after, score: likeness.sum() + soon(after) + place - taken })
    }
}

/// The best of `(serial, group, score, firm)`: with its score, how far it is ahead of those of other groups, and
/// whether it is firm.
fn first_by_far(scored: impl Iterator<Item = (u64, u64, f32, bool)>) -> Option<(u64, f32, f32, bool)> {
    let mut all: Vec<(u64, u64, f32, bool)> = scored.collect();
    all.sort_by(|a, b| b.2.total_cmp(&a.2).then(b.0.cmp(&a.0)));
    let &(best, group, score, firm) = all.first()?;
    let next = all.iter().find(|other| other.1 != group).map_or(0.0, |other| other.2.max(0.0));
    Some((best, score, score - next, firm))
}

/// How sure a join by numbers is, from its score.
pub(super) const fn sure(score: f32) -> f32 {
    match score {
        12.0.. => 0.97,
        9.0.. => 0.95,
        7.5.. => 0.93,
        _ => 0.85,
    }
}
