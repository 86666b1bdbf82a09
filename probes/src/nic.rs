//! What a network interface says it lost before the kernel saw it: `/sys/class/net/IF/statistics`.

use std::fs;
use std::path::{Path, PathBuf};

/// Where Linux keeps its interfaces.
const INTERFACES: &str = "/sys/class/net";

/// An interface's own losses.
#[derive(Debug)]
pub struct NicLosses {
    statistics: PathBuf,
    /// The sum when it was last asked; none before the first.
    last: Option<u64>,
}

impl NicLosses {
    /// Of the interface `name`, from now on.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self::within(Path::new(INTERFACES), name)
    }

    /// The same, where interfaces are kept elsewhere.
    #[must_use]
    pub fn within(interfaces: &Path, name: &str) -> Self {
        let mut losses = Self { statistics: interfaces.join(name).join("statistics"), last: None };
        losses.since_last();
        losses
    }

    /// Frames lost since it was last asked; 0 where the system does not say.
    pub fn since_last(&mut self) -> u64 {
        let Some(now) = self.sum() else { return 0 };
        match self.last.replace(now) {
            Some(last) if last <= now => now - last,
            // Another device of the same name, which counts from 0.
            Some(_) => now,
            None => 0,
        }
    }

    /// Some drivers count one loss as missed and as an overflow of the queue, so of these two the larger counts.
    fn sum(&self) -> Option<u64> {
        let read = |counter: &str| {
            fs::read_to_string(self.statistics.join(counter)).ok()?.trim().parse::<u64>().ok()
        };
        let (missed, overflow, dropped) =
            (read("rx_missed_errors"), read("rx_fifo_errors"), read("rx_dropped"));
        let known = [missed.max(overflow), dropped].into_iter().flatten();
        known.reduce(u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_since_is_told_once() {
        let folder = std::env::temp_dir().join(format!("nic-losses-{}", std::process::id()));
        let statistics = folder.join("eth9/statistics");
        fs::create_dir_all(&statistics).unwrap();
        let says = |counter: &str, value: &str| fs::write(statistics.join(counter), value).unwrap();
        let mut unknown = NicLosses::within(&folder, "eth9");
        assert_eq!(unknown.since_last(), 0);

        says("rx_missed_errors", "100\n");
        says("rx_fifo_errors", "100\n");
        says("rx_dropped", "7\n");
        assert_eq!(unknown.since_last(), 0, "what was lost before it could be known is not ours");
        let mut losses = NicLosses::within(&folder, "eth9");
        assert_eq!(losses.since_last(), 0, "what was lost before is not ours");
        says("rx_missed_errors", "130\n");
        says("rx_fifo_errors", "120\n");
        says("rx_dropped", "9\n");
        assert_eq!((losses.since_last(), losses.since_last()), (32, 0));
        says("rx_missed_errors", "3\n");
        says("rx_fifo_errors", "nonsense");
        says("rx_dropped", "0\n");
        assert_eq!((losses.since_last(), losses.since_last()), (3, 0), "a new device counts from 0");
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(losses.since_last(), 0);
    }
}
