//! Who is bound where, and who was.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::attempt::{Asked, AskedContact, Attempt, saw_another_address};
use crate::decode::Endpoint;
use crate::track::call::SipTransport;
use crate::track::calls::Seen;
use crate::track::signal::{Parties, Signal, SignalEvent};
use crate::track::timed::Timed;

/// Who is bound again so soon after its binding lapsed was late, not away, ns.
const FLAP_WITHIN: i64 = 120_000_000_000;
/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// How a device stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingState {
    /// Bound.
    Registered,
    /// It was bound; the time granted passed without a refresh.
    Expired,
    /// It was bound, and gave that up.
    Unregistered,
    /// It is not bound, and was refused when it last asked.
    Rejected,
}

impl BindingState {
    /// As reports name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Expired => "expired",
            Self::Unregistered => "unregistered",
            Self::Rejected => "rejected",
        }
    }
}

/// One device of an address-of-record: one contact, under which it may have come from several ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Address-of-record: user and host of `To`, the host in lower case.
    pub aor: Box<str>,
    /// The contact's URI as it was last sent.
    pub contact: Box<str>,
    /// Where it last came from, at the first hop that was seen.
    pub src: Endpoint,
    /// `User-Agent` of its last REGISTER.
    pub user_agent: Option<Box<str>>,
    /// What its last REGISTER came over.
    pub transport: SipTransport,
    /// It gives another address than it is seen at.
    pub behind_nat: bool,
    /// How it stands.
    pub state: BindingState,
    /// Seconds granted last; `None` where none ever were.
    pub expires: Option<u32>,
    /// First final response to it, nanoseconds since the Unix epoch.
    pub first_seen: i64,
    /// Last final response to it, nanoseconds since the Unix epoch.
    pub last_seen: i64,
    /// 2xx while it was bound.
    pub refreshes: u32,
    /// Attempts refused or unanswered.
    pub failures: u32,
    /// Times that it was bound again within two minutes after it had lapsed.
    pub flaps: u32,
    /// Why its last attempt failed; `None` if it did not.
    pub reason: Option<Box<str>>,
    /// Between whom, as events about it say: the same from its binding to its end.
    pub parties: Arc<Parties>,
    aor_key: u64,
    /// What it is also found by: the device's own name, and its Call-ID.
    aliases: [Option<u64>; 2],
    /// When it lapsed.
    lapsed: Option<i64>,
}

/// Bindings by number: those that are up, due when they lapse, and those that are no more, due by their age.
///
/// Both together are bounded. What is no more goes first, oldest first; then what lapses first. A refusal
/// never pushes out what is up.
#[derive(Debug)]
pub(super) struct Bindings {
    up: Timed<Binding>,
    over: Timed<Binding>,
    aliases: HashMap<u64, u64>,
    /// Numbers of address-of-record and binding, of those that are up: for `Contact: *`.
    of_aor: BTreeSet<(u64, u64)>,
    limit: usize,
    evicted: u64,
}

impl Bindings {
    pub fn new(limit: usize) -> Self {
        let limit = limit.max(1);
        Self {
            up: Timed::new(limit),
            over: Timed::new(limit),
            aliases: HashMap::new(),
            of_aor: BTreeSet::new(),
            limit,
            evicted: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.up.len() + self.over.len()
    }

    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    pub fn sorted(&self) -> Vec<Binding> {
        let mut all: Vec<Binding> = self.up.values().chain(self.over.values()).cloned().collect();
        let rest = |b: &Binding| (b.src, b.first_seen, b.last_seen);
        all.sort_by(|a, b| (&a.aor, &a.contact, rest(a)).cmp(&(&b.aor, &b.contact, rest(b))));
        all
    }

    /// A 2xx.
    pub fn accept(&mut self, attempt: &Attempt, seen: &Seen<'_>, signals: &mut VecDeque<SignalEvent>) {
        let asked = &attempt.asked;
        if asked.removes_all {
            let all = self.of_aor.range((asked.aor_key, 0)..=(asked.aor_key, u64::MAX));
            for (_, key) in all.copied().collect::<Vec<_>>() {
                self.unregister(key, seen.time, signals);
            }
            return;
        }
        for contact in &asked.contacts {
            match asked.granted(contact, seen.message) {
                0 => self.unregister(contact.key, seen.time, signals),
                seconds => self.bind(attempt, contact, seconds, seen, signals),
            }
        }
    }

    fn bind(
        &mut self,
        attempt: &Attempt,
        contact: &AskedContact,
        seconds: u32,
        seen: &Seen<'_>,
        signals: &mut VecDeque<SignalEvent>,
    ) {
        let (asked, time) = (&attempt.asked, seen.time);
        self.lapse_if_due(self.find(asked, contact), time, signals);
        let former = self.find(asked, contact).and_then(|key| self.take(key));
        self.make_room(time, signals);
        let (mut binding, was_up) = former.unwrap_or_else(|| (Binding::new(attempt, contact, time), false));
        binding.describe(attempt, contact, time);
        binding.behind_nat |= seen.message.vias().last().is_some_and(|via| saw_another_address(&via));
        let late = binding.lapsed.take().is_some_and(|at| time.saturating_sub(at) <= FLAP_WITHIN);
        binding.flaps += u32::from(late);
        binding.refreshes += u32::from(was_up);
        (binding.state, binding.expires, binding.reason) = (BindingState::Registered, Some(seconds), None);
        // Who has moved is gone from where it was, for those who count devices by site.
        let moved = was_up && !is_same_place(&binding.parties, &attempt.parties);
        if moved {
            tell(&binding.parties, time, Signal::Unbound { expired: false }, signals);
        }
        if moved || !was_up {
            binding.parties = Arc::clone(&attempt.parties);
            tell(&binding.parties, time, Signal::Bound, signals);
        }
        let due = time.saturating_add(i64::from(seconds).saturating_mul(SECOND));
        self.learn(contact.key, &binding);
        self.of_aor.insert((binding.aor_key, contact.key));
        self.up.insert(contact.key, due, binding);
    }

    fn unregister(&mut self, key: u64, time: i64, signals: &mut VecDeque<SignalEvent>) {
        self.lapse_if_due(Some(key), time, signals);
        let Some((mut binding, was_up)) = self.take(key) else { return };
        if was_up {
            tell(&binding.parties, time, Signal::Unbound { expired: false }, signals);
        }
        (binding.state, binding.reason, binding.lapsed) = (BindingState::Unregistered, None, None);
        binding.last_seen = time;
        self.keep(key, binding);
    }

    /// A refusal. What is up stays up until it lapses (RFC 3261 §10.3: a refused request changes nothing).
    pub fn reject(&mut self, attempt: &Attempt, reason: &str, time: i64) {
        self.note_failure(attempt, reason);
        let asked = &attempt.asked;
        for contact in asked.contacts.iter().filter(|c| c.expires > 0) {
            let found = self.find(asked, contact);
            if found.is_some_and(|key| self.up.due(key).is_some()) {
                continue;
            }
            let former = found.and_then(|key| self.take(key)).map(|(binding, _)| binding);
            let mut binding = former.unwrap_or_else(|| {
                let mut new = Binding::new(attempt, contact, time);
                (new.failures, new.reason) = (1, Some(reason.into()));
                new
            });
            binding.describe(attempt, contact, time);
            binding.state = BindingState::Rejected;
            self.keep(contact.key, binding);
        }
    }

    /// Counts a failed attempt of devices that are known.
    pub fn note_failure(&mut self, attempt: &Attempt, reason: &str) {
        for contact in &attempt.asked.contacts {
            let Some(key) = self.find(&attempt.asked, contact) else { continue };
            if let Some(binding) = self.up.get_mut(key).or_else(|| self.over.get_mut(key)) {
                binding.failures += 1;
                binding.reason = Some(reason.into());
            }
        }
    }

    /// Lets lapse what was not refreshed in time, without grace: a registrar gives none either.
    pub fn handle_timeout(&mut self, now: i64, signals: &mut VecDeque<SignalEvent>) {
        while let Some((due, key, binding)) = self.up.pop_due(now) {
            self.lapse(key, binding, due, signals);
        }
    }

    fn lapse_if_due(&mut self, key: Option<u64>, time: i64, signals: &mut VecDeque<SignalEvent>) {
        let Some((key, due)) = key.and_then(|key| Some((key, self.up.due(key)?))) else { return };
        if due <= time
            && let Some(binding) = self.up.remove(key)
        {
            self.lapse(key, binding, due, signals);
        }
    }

    fn lapse(&mut self, key: u64, mut binding: Binding, due: i64, signals: &mut VecDeque<SignalEvent>) {
        self.of_aor.remove(&(binding.aor_key, key));
        tell(&binding.parties, due, Signal::Unbound { expired: true }, signals);
        (binding.state, binding.lapsed) = (BindingState::Expired, Some(due));
        self.keep(key, binding);
    }

    /// The binding of a contact: its own, else that of the same device, else, where a REGISTER is about one
    /// contact, the one its Call-ID was about before: a phone behind NAT comes from a new port now and then.
    fn find(&self, asked: &Asked, contact: &AskedContact) -> Option<u64> {
        let is_known = |key: &u64| self.up.due(*key).is_some() || self.over.due(*key).is_some();
        let alias = |alias: u64| self.aliases.get(&alias).copied().filter(is_known);
        let call = (asked.contacts.len() == 1).then_some(asked.call_key);
        Some(contact.key)
            .filter(is_known)
            .or_else(|| alias(contact.device?))
            // A device that names itself is not another one of the same Call-ID.
            .or_else(|| contact.device.is_none().then(|| alias(call?)).flatten())
    }

    /// Takes a binding out; whether it was up.
    fn take(&mut self, key: u64) -> Option<(Binding, bool)> {
        let up = self.up.remove(key).map(|binding| (binding, true));
        let (binding, was_up) = up.or_else(|| self.over.remove(key).map(|binding| (binding, false)))?;
        self.forget(key, &binding);
        Some((binding, was_up))
    }

    /// Puts a binding that is no more to the others, unless all room is taken by those that are up.
    fn keep(&mut self, key: u64, binding: Binding) {
        while self.len() >= self.limit {
            match self.over.pop_first() {
                Some((oldest, gone)) => self.forget(oldest, &gone),
                None => return self.forget_evicted(key, &binding),
            }
            self.evicted += 1;
        }
        self.learn(key, &binding);
        self.over.insert(key, binding.last_seen, binding);
    }

    fn forget_evicted(&mut self, key: u64, binding: &Binding) {
        self.forget(key, binding);
        self.evicted += 1;
    }

    /// Room for one that is up.
    fn make_room(&mut self, time: i64, signals: &mut VecDeque<SignalEvent>) {
        while self.len() >= self.limit {
            if let Some((key, gone)) = self.over.pop_first() {
                self.forget(key, &gone);
            } else if let Some((key, gone)) = self.up.pop_first() {
                // Nobody will tell of its end: who counts devices must hear of it now.
                tell(&gone.parties, time, Signal::Unbound { expired: false }, signals);
                self.forget(key, &gone);
            }
            self.evicted += 1;
        }
    }

    fn learn(&mut self, key: u64, binding: &Binding) {
        for alias in binding.aliases.into_iter().flatten() {
            self.aliases.insert(alias, key);
        }
    }

    fn forget(&mut self, key: u64, binding: &Binding) {
        self.of_aor.remove(&(binding.aor_key, key));
        for alias in binding.aliases.into_iter().flatten() {
            if self.aliases.get(&alias) == Some(&key) {
                self.aliases.remove(&alias);
            }
        }
    }

    #[cfg(test)]
    pub fn up(&self) -> usize {
        self.up.len()
    }

    /// Whether every index is about what is there, and nothing else.
    #[cfg(test)]
    pub fn is_consistent(&self) -> bool {
        self.len() <= self.limit
            && self.of_aor.len() == self.up.len()
            && self.aliases.len() <= 2 * self.len()
            && self.aliases.values().all(|k| self.up.due(*k).is_some() || self.over.due(*k).is_some())
    }
}

impl Binding {
    fn new(attempt: &Attempt, contact: &AskedContact, time: i64) -> Self {
        Self {
            aor: attempt.asked.aor.as_str().into(),
            contact: contact.uri.as_str().into(),
            src: attempt.flow.src,
            user_agent: None,
            transport: attempt.asked.transport,
            behind_nat: false,
            state: BindingState::Rejected,
            expires: None,
            first_seen: time,
            last_seen: time,
            refreshes: 0,
            failures: 0,
            flaps: 0,
            reason: None,
            parties: Arc::clone(&attempt.parties),
            aor_key: attempt.asked.aor_key,
            aliases: [None; 2],
            lapsed: None,
        }
    }

    /// Takes over what an attempt says of the device.
    fn describe(&mut self, attempt: &Attempt, contact: &AskedContact, time: i64) {
        let asked = &attempt.asked;
        if *self.contact != *contact.uri {
            self.contact = contact.uri.as_str().into();
        }
        if self.user_agent.as_deref() != asked.user_agent.as_deref() {
            self.user_agent = asked.user_agent.as_deref().map(Into::into);
        }
        self.src = attempt.flow.src;
        self.transport = asked.transport;
        self.behind_nat = asked.behind_nat;
        self.aliases = [contact.device, (asked.contacts.len() == 1).then_some(asked.call_key)];
        self.last_seen = time;
    }
}

fn tell(parties: &Arc<Parties>, time: i64, what: Signal, signals: &mut VecDeque<SignalEvent>) {
    signals.push_back(SignalEvent { time, parties: Arc::clone(parties), what });
}

/// Whether two parties are the same to those who know sites and peers: ports do not matter.
fn is_same_place(a: &Parties, b: &Parties) -> bool {
    let place = |p: &Parties| (p.flow.src.address, p.flow.dst.address, p.vlan);
    place(a) == place(b) && a.from_domain == b.from_domain && a.to_domain == b.to_domain
}
