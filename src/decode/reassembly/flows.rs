//! The table of flows of one transport, and how much waits in them together.

use std::hash::Hash;

use super::table::Table;

/// State of one flow that may hold octets back.
pub(super) trait Buffers {
    /// Octets held back now.
    fn buffered(&self) -> usize;
}

/// Flows by key. `buffered` is the sum over all of them, kept up by going through [`Self::update`].
pub(super) struct Flows<K, F> {
    table: Table<K, F>,
    buffered: usize,
}

impl<K: Copy + Eq + Hash, F: Buffers> Flows<K, F> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { table: Table::new(capacity), buffered: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Changes a flow if it is known, and lets it go when `change` says false.
    pub(super) fn update(&mut self, key: &K, change: impl FnOnce(&mut F) -> bool) {
        let Some(flow) = self.table.get_mut(key) else { return };
        let before = flow.buffered();
        let keep = change(flow);
        self.buffered = self.buffered - before + flow.buffered();
        if !keep {
            self.remove(key);
        }
    }

    /// Adds or replaces a flow. True when the table was full and another one had to go.
    pub(super) fn insert(&mut self, key: K, flow: F) -> bool {
        self.remove(&key);
        self.buffered += flow.buffered();
        let gone = self.table.insert(key, flow);
        self.buffered -= gone.as_ref().map_or(0, F::buffered);
        gone.is_some()
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<F> {
        let flow = self.table.remove(key)?;
        self.buffered -= flow.buffered();
        Some(flow)
    }

    pub(super) fn take_oldest(&mut self) -> Option<F> {
        let flow = self.table.take_oldest()?;
        self.buffered -= flow.buffered();
        Some(flow)
    }
}

impl<K, F> Flows<K, F> {
    pub(super) const fn buffered(&self) -> usize {
        self.buffered
    }
}
