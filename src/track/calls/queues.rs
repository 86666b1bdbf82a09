//! Which call is due next, and which one goes first when there is no room.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use crate::track::call::Call;

/// Places that may be stale in a queue before it is sifted.
const SLACK: usize = 1024;

/// How much a call is worth keeping, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It is over, and only waits for stragglers.
    Over,
    /// No answer of any kind.
    Trying,
    /// The next hop is at work, or the callee rings.
    Ringing,
    /// Answered and up.
    Answered,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Over, Self::Trying, Self::Ringing, Self::Answered];

    pub fn of(call: &Call) -> Self {
        if call.is_over() {
            Self::Over
        } else if call.answer.is_some() {
            Self::Answered
        } else if call.is_untouched() {
            Self::Trying
        } else {
            Self::Ringing
        }
    }
}

/// Serials by what they wait for. Entries that no longer hold are passed over when they come up.
#[derive(Debug, Default)]
pub(super) struct Queues {
    stages: [VecDeque<u64>; 4],
    due: BinaryHeap<Reverse<(i64, u64)>>,
    /// The earliest time that each call has in `due`.
    armed: HashMap<u64, i64>,
}

impl Queues {
    pub fn enter(&mut self, serial: u64, stage: Stage) {
        if let Some(queue) = self.stages.get_mut(stage as usize) {
            queue.push_back(serial);
        }
    }

    /// Takes the call to let go. `stage_of`: where a call is now.
    pub fn pop_victim(&mut self, stage_of: impl Fn(u64) -> Option<Stage>) -> Option<u64> {
        for (stage, queue) in Stage::ALL.into_iter().zip(&mut self.stages) {
            while let Some(serial) = queue.pop_front() {
                if stage_of(serial) == Some(stage) {
                    return Some(serial);
                }
            }
        }
        None
    }

    /// Sees to it that a call comes up at `due` at the latest.
    pub fn arm(&mut self, serial: u64, due: i64) {
        let armed = self.armed.entry(serial).or_insert(i64::MAX);
        if due < *armed {
            *armed = due;
            self.due.push(Reverse((due, serial)));
        }
    }

    /// The next call whose time has come.
    pub fn pop_due(&mut self, now: i64) -> Option<u64> {
        while let Some(&Reverse((time, serial))) = self.due.peek() {
            if time > now {
                return None;
            }
            self.due.pop();
            if self.armed.get(&serial) == Some(&time) {
                self.armed.remove(&serial);
                return Some(serial);
            }
        }
        None
    }

    /// Sifts queues that hold much more than the calls there are.
    pub fn drop_stale(&mut self, calls: usize, stage_of: impl Fn(u64) -> Option<Stage>) {
        let most = 2 * calls + SLACK;
        for (stage, queue) in Stage::ALL.into_iter().zip(&mut self.stages) {
            if queue.len() > most {
                queue.retain(|serial| stage_of(*serial) == Some(stage));
            }
        }
        if self.due.len() > most {
            let armed = &self.armed;
            self.due.retain(|Reverse((time, serial))| armed.get(serial) == Some(time));
        }
        if self.armed.len() > most {
            self.armed.retain(|serial, _| stage_of(*serial).is_some());
        }
    }

    #[cfg(test)]
    pub fn places(&self) -> usize {
        self.stages.iter().map(VecDeque::len).sum::<usize>() + self.due.len() + self.armed.len()
    }
}
