//! A bounded table of entries that are each due at some time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Places that may be stale in the queue before it is sifted.
const SLACK: usize = 64;

/// Entries by key. What is due first leaves first: when its time has come, or at the bound.
///
/// No operation looks at all entries: an entry whose time is put off keeps its place in the queue, and is put
/// back when that place comes up.
#[derive(Debug)]
pub(super) struct Timed<T> {
    entries: HashMap<u64, Entry<T>>,
    queue: BinaryHeap<Reverse<(i64, u64)>>,
    limit: usize,
    evicted: u64,
}

#[derive(Debug)]
struct Entry<T> {
    value: T,
    due: i64,
    /// The place in the queue that counts: never later than `due`.
    queued: i64,
}

impl<T> Timed<T> {
    /// An empty table of at most `limit` entries, at least one.
    pub fn new(limit: usize) -> Self {
        Self { entries: HashMap::new(), queue: BinaryHeap::new(), limit: limit.max(1), evicted: 0 }
    }

    /// Entries at present.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether a further entry pushes one out.
    pub fn is_full(&self) -> bool {
        self.entries.len() >= self.limit
    }

    /// Entries pushed out at the bound.
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    pub fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        self.entries.get_mut(&key).map(|e| &mut e.value)
    }

    /// When an entry is due.
    pub fn due(&self, key: u64) -> Option<i64> {
        self.entries.get(&key).map(|e| e.due)
    }

    /// In no order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.values().map(|e| &e.value)
    }

    /// Puts an entry in, in place of one of the same key; at the bound, what is due first is pushed out and
    /// returned.
    pub fn insert(&mut self, key: u64, due: i64, value: T) -> Option<(u64, T)> {
        self.entries.remove(&key);
        let pushed_out = if self.is_full() { self.pop_first() } else { None };
        self.evicted += u64::from(pushed_out.is_some());
        self.entries.insert(key, Entry { value, due, queued: due });
        self.enqueue(due, key);
        pushed_out
    }

    /// Makes an entry due at another time.
    pub fn set_due(&mut self, key: u64, due: i64) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        entry.due = due;
        if due < entry.queued {
            entry.queued = due;
            self.enqueue(due, key);
        }
    }

    pub fn remove(&mut self, key: u64) -> Option<T> {
        self.entries.remove(&key).map(|e| e.value)
    }

    /// Takes the entry that is due first, if its time has come; with the time it was due at.
    pub fn pop_due(&mut self, now: i64) -> Option<(i64, u64, T)> {
        while self.queue.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            let Reverse((at, key)) = self.queue.pop()?;
            if let Some(value) = self.take(at, key) {
                return Some((at, key, value));
            }
        }
        None
    }

    /// Takes the entry that is due first.
    pub fn pop_first(&mut self) -> Option<(u64, T)> {
        while let Some(Reverse((at, key))) = self.queue.pop() {
            if let Some(value) = self.take(at, key) {
                return Some((key, value));
            }
        }
        None
    }

    /// The entry of a place in the queue, if it is due there; if it is due later, it gets a place there.
    fn take(&mut self, at: i64, key: u64) -> Option<T> {
        let entry = self.entries.get_mut(&key).filter(|e| e.queued == at)?;
        if entry.due > at {
            entry.queued = entry.due;
            let due = entry.due;
            self.enqueue(due, key);
            return None;
        }
        self.remove(key)
    }

    fn enqueue(&mut self, at: i64, key: u64) {
        self.queue.push(Reverse((at, key)));
        if self.queue.len() > 2 * self.entries.len() + SLACK {
            let entries = &self.entries;
            self.queue.retain(|Reverse((at, key))| entries.get(key).is_some_and(|e| e.queued == *at));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn entries_leave_when_a_slow_table_lets_them_go(
            ops in prop::collection::vec((0..5_u8, 0..20_u64, 0..50_i64), 0..400),
        ) {
            let mut timed = Timed::new(8);
            let mut slow: BTreeMap<u64, i64> = BTreeMap::new();
            let first = |slow: &BTreeMap<u64, i64>| slow.iter().map(|(k, due)| (*due, *k)).min();
            for (op, key, time) in ops {
                match op {
                    0 => {
                        slow.remove(&key);
                        let out = if slow.len() == 8 { first(&slow) } else { None };
                        out.map(|(_, k)| slow.remove(&k));
                        slow.insert(key, time);
                        prop_assert_eq!(timed.insert(key, time, key), out.map(|(_, k)| (k, k)));
                    }
                    1 => {
                        slow.entry(key).and_modify(|due| *due = time);
                        timed.set_due(key, time);
                    }
                    2 => prop_assert_eq!(timed.remove(key), slow.remove(&key).map(|_| key)),
                    _ => {
                        let out = first(&slow).filter(|(due, _)| *due <= time);
                        out.map(|(_, k)| slow.remove(&k));
                        prop_assert_eq!(timed.pop_due(time), out.map(|(due, k)| (due, k, k)));
                    }
                }
                prop_assert_eq!(timed.len(), slow.len());
                prop_assert!(timed.queue.len() <= 2 * 8 + SLACK);
            }
        }
    }
}
