//! A map with a bound: the entry unused for longest makes room for a new one.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{BuildHasherDefault, Hash};

/// At most `capacity` entries, every operation in constant time. The hash is SipHash with a fixed key, so that the same
/// input gives the same behaviour in every run.
pub(super) struct Table<K, V> {
    index: HashMap<K, usize, BuildHasherDefault<DefaultHasher>>,
    slots: Vec<Slot<K, V>>,
    free: Vec<usize>,
    oldest: Option<usize>,
    newest: Option<usize>,
    capacity: usize,
}

/// A link in the list from oldest to newest; empty while on the free list.
struct Slot<K, V> {
    entry: Option<(K, V)>,
    older: Option<usize>,
    newer: Option<usize>,
}

impl<K: Copy + Eq + Hash, V> Table<K, V> {
    /// `capacity` below 1 is 1.
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            index: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            oldest: None,
            newest: None,
            capacity,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The entry, which counts as used now.
    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = *self.index.get(key)?;
        if self.newest != Some(at) {
            self.unlink(at);
            self.link_newest(at);
        }
        self.slots.get_mut(at)?.entry.as_mut().map(|(_, value)| value)
    }

    /// Adds or replaces; hands back what had to go, be it the old value or the oldest entry.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let gone = match self.remove(&key) {
            Some(old) => Some(old),
            None if self.len() >= self.capacity => self.take_oldest(),
            None => None,
        };
        let slot = Slot { entry: Some((key, value)), older: None, newer: None };
        let at = match self.free.pop() {
            Some(at) => {
                if let Some(free) = self.slots.get_mut(at) {
                    *free = slot;
                }
                at
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        self.index.insert(key, at);
        self.link_newest(at);
        gone
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.index.remove(key)?;
        self.unlink(at);
        self.free.push(at);
        self.slots.get_mut(at)?.entry.take().map(|(_, value)| value)
    }

    pub(super) fn take_oldest(&mut self) -> Option<V> {
        let (key, _) = self.slots.get(self.oldest?)?.entry.as_ref()?;
        let key = *key;
        self.remove(&key)
    }

    fn unlink(&mut self, at: usize) {
        let Some(slot) = self.slots.get_mut(at) else { return };
        let (older, newer) = (slot.older.take(), slot.newer.take());
        match older.and_then(|older| self.slots.get_mut(older)) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
        match newer.and_then(|newer| self.slots.get_mut(newer)) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
    }

    fn link_newest(&mut self, at: usize) {
        let before = self.newest.replace(at);
        match before.and_then(|before| self.slots.get_mut(before)) {
            Some(slot) => slot.newer = Some(at),
            None => self.oldest = Some(at),
        }
        if let Some(slot) = self.slots.get_mut(at) {
            slot.older = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_unused_for_longest_makes_room() {
        let mut table = Table::new(2);
        assert_eq!(table.insert('a', 1), None);
        assert_eq!(table.insert('b', 2), None);
        assert_eq!(table.get_mut(&'a'), Some(&mut 1));
        assert_eq!(table.insert('c', 3), Some(2));
        assert_eq!(table.insert('a', 4), Some(1));
        assert_eq!((table.take_oldest(), table.take_oldest(), table.take_oldest()), (Some(3), Some(4), None));
        assert_eq!(table.insert('d', 5), None);
        assert_eq!((table.len(), table.remove(&'d'), table.remove(&'d')), (1, Some(5), None));
    }
}
