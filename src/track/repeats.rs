//! Which requests are new, and which are one that was seen before: copied, sent again, or on its way.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::timed::Timed;
use crate::decode::Flow;
use crate::decode::sip::Message;

/// Timer F, and how long a request may be sent again: T1 × 64, ns
/// ([RFC 3261 §17.1.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-17.1.2.2)).
pub(super) const TIMER_F: i64 = 32_000_000_000;
/// A copy made by the span port follows its original closely, ns.
const MIRROR_COPY_WITHIN: u64 = 10_000_000;

/// What a request is to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Nothing: it is the first of its kind.
    First,
    /// A copy by the span port.
    Copy,
    /// Sent again.
    Again,
    /// The same on another way: the next hop of a proxy.
    Hop,
}

/// Requests of the last 32 s. At the bound the oldest is forgotten: what comes of it again is taken for new.
#[derive(Debug)]
pub(super) struct Repeats {
    seen: Timed<Sighting>,
}

/// Where a request was seen first, and when last.
#[derive(Debug)]
struct Sighting {
    flow: Flow,
    time: i64,
}

impl Repeats {
    pub fn new(limit: usize) -> Self {
        Self { seen: Timed::new(limit) }
    }

    /// Takes a request.
    pub fn judge(&mut self, what: u64, flow: Flow, time: i64) -> Repeat {
        let lasts = self.seen.due(what).is_some_and(|due| time < due);
        let Some(sighting) = self.seen.get_mut(what).filter(|_| lasts) else {
            self.seen.insert(what, time.saturating_add(TIMER_F), Sighting { flow, time });
            return Repeat::First;
        };
        if sighting.flow != flow {
            return Repeat::Hop;
        }
        let copy = time.abs_diff(sighting.time) < MIRROR_COPY_WITHIN;
        sighting.time = time;
        self.seen.set_due(what, time.saturating_add(TIMER_F));
        if copy { Repeat::Copy } else { Repeat::Again }
    }

    /// Forgets what is old.
    pub fn handle_timeout(&mut self, now: i64) {
        while self.seen.pop_due(now).is_some() {}
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.seen.len()
    }
}

/// A number that stands for its parts.
pub(super) fn hashed(parts: impl Hash) -> u64 {
    let mut hash = DefaultHasher::new();
    parts.hash(&mut hash);
    hash.finish()
}

/// What a request, and the responses to it, have in common wherever they are seen: a proxy adds a `Via`, the
/// last one stays ([RFC 3261 §17.2.3](https://www.rfc-editor.org/rfc/rfc3261#section-17.2.3)).
pub(super) fn transaction(message: &Message<'_>) -> u64 {
    hashed((
        message.call_id(),
        message.cseq().map(|c| (c.number, c.method)),
        message.from().and_then(|f| f.tag()),
        message.vias().last().and_then(|v| v.branch()),
    ))
}
