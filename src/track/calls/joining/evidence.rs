//! How much speaks for one dialog being another's way on through a back-to-back user agent.
//!
//! Points, about a natural logarithm of how much more likely the thing is seen between two dialogs of one call
//! than between two that have nothing to do with each other. They are added, and compared with rivals.

use super::clues::Clues;
use crate::track::call::{Call, CallState, EndedBy};

/// A back-to-back user agent hands on what it hears within so long, ns; the hosts of a probe's ports may be this
/// much apart the other way.
const RELAYED_AT_ONCE: i64 = 30_000_000;
const RELAYED_SOON: i64 = 100_000_000;
const RELAYED_WITHIN: i64 = 400_000_000;
const CLOCKS_APART: i64 = -5_000_000;

/// What two INVITEs have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Likeness {
    pub to: f32,
    pub from: f32,
    pub media: f32,
    pub origin: f32,
    /// Both have both numbers whole, and one of them differs.
    pub strangers: f32,
}

impl Likeness {
    pub fn of(earlier: &Clues, later: &Clues) -> Self {
        let same_target = earlier.to == earlier.target;
        let mut to = earlier.to.likeness(&later.to);
        if to < 3.0 {
            to = to.max(earlier.to.likeness(&later.target));
            if !same_target {
                to = to.max(earlier.target.likeness(&later.to)).max(earlier.target.likeness(&later.target));
            }
        }
        let from = earlier.from.likeness(&later.from);
        let media = if earlier.media.is_some() && earlier.media == later.media { 5.0 } else { 0.0 };
        // Many a device gives every session the same number.
        let alike = earlier.origin.is_some() && earlier.origin == later.origin && to + from > 0.0;
        let origin = if alike { 2.0 } else { 0.0 };
        let mut strangers = 0.0;
        // A number is rewritten or hidden more often than it becomes another whole one.
        if to == 0.0 && earlier.to.is_long() && later.to.is_long() {
            strangers += 3.0;
        }
        let (hidden, shown) = (earlier.from.is_anonymous(), later.from.is_long());
        if from == 0.0 && shown && (hidden || earlier.from.is_long()) {
            strangers += 1.5;
        }
        Self { to, from, media, origin, strangers }
    }

    pub fn sum(self) -> f32 {
        self.to + self.from + f32::max(self.media, self.origin) - self.strangers
    }

    /// Both parties, or what they offer, say that it is the same call.
    pub fn is_firm(self) -> bool {
        self.media > 0.0 || (self.to >= 1.5 && self.from >= 1.5)
    }
}

/// A back-to-back user agent asks on soon.
pub(super) const fn soon(after: i64) -> f32 {
    match after {
        ..500_000_000 => 1.0,
        500_000_000..2_000_000_000 => 0.5,
        2_000_000_000..5_000_000_000 => 0.0,
        _ => -1.0,
    }
}

/// What happened here and, soon after, there.
fn handed_on(here: i64, there: i64) -> Option<f32> {
    match there.saturating_sub(here) {
        ..CLOCKS_APART => None,
        CLOCKS_APART..RELAYED_AT_ONCE => Some(4.0),
        RELAYED_AT_ONCE..RELAYED_SOON => Some(3.0),
        RELAYED_SOON..=RELAYED_WITHIN => Some(1.5),
        _ => None,
    }
}

/// How well the times of a call's two halves agree; `None` where they cannot be that.
pub(super) fn relayed(first: &Call, second: &Call) -> Option<f32> {
    let began = second.start;
    let over_before = first.end.is_some_and(|end| end < began);
    if over_before || first.start > began {
        return None;
    }
    let mut score = match (first.answer, second.answer) {
        // A machine answered, and somebody came to it later.
        (Some(machine), _) if machine < began => -1.0,
        (Some(there), Some(here)) => handed_on(here, there)?,
        (None, None) => 0.0,
        // Of several ways on another one was taken: this one is let go then, or had ended before.
        (Some(taken), None) => {
            let end = second.progress.cancelled.or(second.end)?;
            match handed_on(taken, end).or_else(|| handed_on(end, taken)) {
                Some(at_once) => 0.75 * at_once,
                None if end < taken => 0.0,
                None => return None,
            }
        }
        (None, Some(_)) => return None,
    };
    if let (Some(there), Some(here)) = (first.ringing, second.ringing) {
        score += handed_on(here, there).map_or(-0.5, |s| s * 0.75);
    }
    Some(score + ended(first, second))
}

fn ended(first: &Call, second: &Call) -> f32 {
    let (Some(end), Some(other)) = (first.end, second.end) else { return 0.0 };
    match (first.answer, second.answer) {
        (Some(_), Some(_)) => {
            let at_once = match (first.ended_by, second.ended_by) {
                (Some(EndedBy::Caller), Some(EndedBy::Caller)) => handed_on(end, other),
                (Some(EndedBy::Callee), Some(EndedBy::Callee)) => handed_on(other, end),
                // Who hangs up is the same on both sides.
                (Some(EndedBy::Caller | EndedBy::Callee), Some(EndedBy::Caller | EndedBy::Callee)) => None,
                _ => Some(0.0),
            };
            at_once.unwrap_or(-3.0)
        }
        (None, None) if first.state == CallState::Cancelled => {
            let given_up = first.progress.cancelled.zip(second.progress.cancelled);
            match given_up.and_then(|(here, there)| handed_on(here, there)) {
                Some(at_once) => at_once,
                // It was refused before, and the next way was on trial.
                None if other < end => 0.0,
                None => -3.0,
            }
        }
        (None, None) => {
            let same = if first.status == second.status { 0.5 } else { 0.0 };
            match handed_on(other, end) {
                Some(at_once) => at_once + same,
                None if other < end => 0.0,
                None => -3.0,
            }
        }
        _ => 0.0,
    }
}
