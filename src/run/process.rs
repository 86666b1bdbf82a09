//! What the system says of this process: the usual `process_*` metrics, from `/proc`.

use std::fs;

use crate::export::metrics::ProcessNumbers;

/// Ticks a second in which the kernel counts CPU time: 100 on every Linux that user space sees.
const TICKS: f64 = 100.0;
/// Size of a page; 4 KiB but on a few exotic builds, where the figure is then left out by `smaps`.
const PAGE: u64 = 4096;

/// As the system sees this process now; what it does not tell is not known.
pub(super) fn numbers() -> ProcessNumbers {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field, the name, may hold blanks; all after its last bracket is numbers.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3).and_then(|f| f.parse::<u64>().ok());
    let cpu_ticks = number(14).zip(number(15)).map(|(user, system)| user + system);
    let boot = fs::read_to_string("/proc/stat").unwrap_or_default();
    let boot = boot.lines().find_map(|l| l.strip_prefix("btime ")).and_then(|t| t.trim().parse::<f64>().ok());
    ProcessNumbers {
        cpu_seconds: cpu_ticks.map(|ticks| ticks as f64 / TICKS),
        open_fds: fs::read_dir("/proc/self/fd").ok().map(|fds| fds.count() as u64),
        max_fds: max_fds(),
        virtual_memory_bytes: number(23),
        resident_memory_bytes: number(24).map(|pages| pages * PAGE),
        start_time_seconds: boot.zip(number(22)).map(|(boot, ticks)| boot + ticks as f64 / TICKS),
    }
}

fn max_fds() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    limits.lines().find_map(|l| l.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_knows_itself() {
        let n = numbers();
        assert!(n.resident_memory_bytes.unwrap() > 100_000);
        assert!(n.open_fds.unwrap() > 0);
        assert!(n.max_fds.unwrap() > 0);
        assert!(n.start_time_seconds.unwrap() > 1.6e9);
    }
}
