//! How far a long reading has come, on one line of standard error that is gone at the end.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::export::terminal::{counted, span};
use crate::run::Progress;

/// Before, nobody has begun to wait.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two drawings: often enough to be seen to move.
const PAUSE: Duration = Duration::from_millis(200);

/// The line.
#[derive(Debug)]
pub(super) struct ProgressLine {
    shown: bool,
    next: Duration,
    wanted: bool,
}

impl ProgressLine {
    /// Shown only where somebody looks: on a terminal, unless `quiet`.
    pub fn new(quiet: bool) -> Self {
        Self { shown: false, next: PATIENCE, wanted: !quiet && io::stderr().is_terminal() }
    }

    /// Draws it anew, if it is time to.
    pub fn tell(&mut self, progress: &Progress) {
        if !self.wanted || progress.elapsed < self.next {
            return;
        }
        self.next = progress.elapsed + PAUSE;
        self.shown = true;
        // A line that cannot be drawn is no reason to stop.
        let _ = write!(io::stderr(), "\r\x1b[K{}", words(progress));
    }

    /// Takes it away.
    pub fn erase(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn words(progress: &Progress) -> String {
    let seconds = progress.elapsed.as_secs_f64();
    let rate = u128::from(progress.frames) * 1000 / progress.elapsed.as_millis().max(1);
    let rate = u64::try_from(rate).unwrap_or(u64::MAX);
    let speed = format!("{}, {} a second", counted(progress.frames, "packet"), counted(rate, "packet"));
    let share =
        progress.bytes_in_all.filter(|all| *all > 0).map(|all| progress.bytes_read as f64 / all as f64);
    match share.map(|share| share.clamp(0.0, 1.0)) {
        Some(share) if share > 0.0 => {
            let left = span(seconds / share - seconds);
            format!("{:3.0} %  {speed}, {left} to go", 100.0 * share)
        }
        _ => speed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_share_speed_and_what_is_left_if_there_is_an_end() {
        let mut progress = Progress {
            frames: 1_000_000,
            bytes_read: 250,
            bytes_in_all: Some(1000),
            elapsed: Duration::from_secs(5),
        };
        assert_eq!(words(&progress), " 25 %  1,000,000 packets, 200,000 packets a second, 15 s to go");
        progress.bytes_in_all = None;
        assert_eq!(words(&progress), "1,000,000 packets, 200,000 packets a second");
    }
}
