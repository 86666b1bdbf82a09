//! A flood of INVITEs, as the probe's log speaks of it.

use tracing::warn;

use super::live::now;
use crate::export::analysis::flood_text;

/// A flood is spoken of at most this often, ns.
const WARN_EVERY: i64 = 60_000_000_000;

/// When a flood of INVITEs was last spoken of, and how many there were.
#[derive(Debug, Default)]
pub(super) struct FloodWatch {
    told: Option<i64>,
    forgotten: u64,
}

impl FloodWatch {
    /// Says what has come of it, but not all the time: a flood must not flood the log.
    pub fn look(&mut self, forgotten: u64, at_the_end: bool) {
        let quiet = self.told.is_some_and(|told| now().saturating_sub(told) < WARN_EVERY);
        if forgotten == self.forgotten || (quiet && !at_the_end) {
            return;
        }
        if let Some(text) = flood_text(forgotten) {
            warn!("{text}");
        }
        (self.told, self.forgotten) = (Some(now()), forgotten);
    }
}
