//! From a stream's hash to its place: open addressing over 8-byte slots, so that a look-up is one cache
//! miss and a batch of look-ups has all its misses in flight at once.

/// Places by hash. A slot holds the hash's upper half and the place plus one; 0 is empty.
///
/// The home of an entry is told by the upper bits of that half, so growing and deleting need no keys.
#[derive(Debug)]
pub(crate) struct Index {
    slots: Vec<u64>,
    used: usize,
}

const SMALLEST: usize = 1024;

impl Index {
    pub fn new() -> Self {
        Self { slots: vec![0; SMALLEST], used: 0 }
    }

    const fn tag(hash: u64) -> u32 {
        (hash >> 32) as u32
    }

    /// Where the probe for `tag` begins: its upper bits, as a fraction of the table.
    const fn home(&self, tag: u32) -> usize {
        ((tag as u64 * self.slots.len() as u64) >> 32) as usize
    }

    const fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }

    /// The place under `hash` for which `is_it` holds.
    #[inline]
    pub fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = Self::tag(hash);
        let mut slot = self.home(tag);
        loop {
            let entry = *self.slots.get(slot)?;
            if entry == 0 {
                return None;
            }
            if (entry >> 32) as u32 == tag {
                let place = (entry as u32) - 1;
                if is_it(place) {
                    return Some(place);
                }
            }
            slot = self.after(slot);
        }
    }

    /// Adds a place that is not there yet.
    pub fn insert(&mut self, hash: u64, place: u32) {
        // At most half full: a probe then looks at 1.5 slots on average.
        if self.used * 2 >= self.slots.len() {
            self.grow();
        }
        self.put(u64::from(Self::tag(hash)) << 32 | u64::from(place + 1));
        self.used += 1;
    }

    fn put(&mut self, entry: u64) {
        let mut at = self.home((entry >> 32) as u32);
        while let Some(slot) = self.slots.get_mut(at) {
            if *slot == 0 {
                *slot = entry;
                return;
            }
            at = self.after(at);
        }
    }

    fn grow(&mut self) {
        let doubled = vec![0; self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, doubled);
        for entry in old.into_iter().filter(|&e| e != 0) {
            self.put(entry);
        }
    }

    /// Takes a place away and closes the hole, so that no later probe stops there.
    pub fn remove(&mut self, hash: u64, place: u32) {
        let wanted = u64::from(Self::tag(hash)) << 32 | u64::from(place + 1);
        let mut hole = self.home(Self::tag(hash));
        loop {
            match self.slots.get(hole) {
                Some(&entry) if entry == wanted => break,
                Some(&entry) if entry != 0 => hole = self.after(hole),
                _ => return,
            }
        }
        self.used -= 1;
        let mut next = self.after(hole);
        while let Some(&entry) = self.slots.get(next) {
            if entry == 0 {
                break;
            }
            // Move it back unless its home lies between the hole and where it stands.
            let home = self.home((entry >> 32) as u32);
            let mask = self.slots.len() - 1;
            if (next.wrapping_sub(home) & mask) >= (next.wrapping_sub(hole) & mask) {
                if let Some(slot) = self.slots.get_mut(hole) {
                    *slot = entry;
                }
                hole = next;
            }
            next = self.after(next);
        }
        if let Some(slot) = self.slots.get_mut(hole) {
            *slot = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a HashMap, with hashes that collide in tag and home.
        #[test]
        fn finds_what_is_there_and_nothing_else(ops in prop::collection::vec((any::<bool>(), 0u64..300, 0u64..8), 0..2000)) {
            let mut index = Index::new();
            let mut model: HashMap<(u64, u32), ()> = HashMap::new();
            for (insert, number, spread) in ops {
                let hash = (u64::MAX - spread * 3) << 32 | number;
                let place = number as u32;
                let there = model.contains_key(&(hash, place));
                prop_assert_eq!(index.find(hash, |p| p == place).is_some(), there
                    || model.keys().any(|&(h, p)| p == place && h >> 32 == hash >> 32));
                if insert && !there && !model.keys().any(|&(h, p)| p == place && h >> 32 == hash >> 32) {
                    index.insert(hash, place);
                    model.insert((hash, place), ());
                } else if there {
                    index.remove(hash, place);
                    model.remove(&(hash, place));
                }
                prop_assert_eq!(index.used, model.len());
            }
        }
    }

    #[test]
    fn grows_and_keeps_all() {
        let mut index = Index::new();
        let hash = |i: u32| u64::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for i in 0..50_000 {
            index.insert(hash(i), i);
        }
        for i in 0..50_000 {
            assert_eq!(index.find(hash(i), |p| p == i), Some(i));
        }
        for i in (0..50_000).step_by(2) {
            index.remove(hash(i), i);
        }
        for i in 0..50_000 {
            assert_eq!(index.find(hash(i), |p| p == i).is_some(), i % 2 == 1);
        }
    }
}
