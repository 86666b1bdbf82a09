//! Streams that fall silent, where nobody knows whether the input ends.

use super::{ClosedInterval, Idle, QUIET, StreamEvent, Streams, close_intervals};
use crate::track::stream::Stream;

/// The whole table is swept in this many looks at the clock.
pub(super) const SWEEPS: usize = 20;

impl Streams {
    /// Looks at a part of the table for streams that have fallen silent.
    pub(super) fn sweep_idle(&mut self, now: i64, idle: Idle) {
        let n = self.hot.len();
        for _ in 0..n.div_ceil(SWEEPS) {
            self.sweep = (self.sweep + 1) % n.max(1);
            let place = self.sweep;
            let in_use = self.ids.get(place).is_some_and(|&id| id != 0);
            let Some(hot) = self.hot.get(place).filter(|_| in_use) else { continue };
            let silent = now.saturating_sub(hot.last_time());
            let (held, quiet) = (hot.hold != 0, hot.hold == QUIET);
            if silent >= idle.end_after && (quiet || !held) {
                let alone = self.is_alone(place as u32);
                self.end_stream(place as u32, alone, false);
            } else if silent >= idle.quiet_after && !held {
                self.fall_silent(place as u32, now, idle.closes);
            }
        }
    }

    fn fall_silent(&mut self, place: u32, now: i64, closes: bool) {
        let i = place as usize;
        let stream_id = self.ids.get(i).copied().unwrap_or_default();
        let (Some(hot), Some(cold)) = (self.hot.get_mut(i), self.cold.get_mut(i)) else { return };
        hot.hold = QUIET;
        let (key, vlan) = (hot.key, cold.vlan);
        if !closes {
            let (mut hot, mut cold) = (hot.clone(), cold.clone());
            if let (Some(interval), _) = (Stream { hot: &mut hot, cold: &mut cold }).finish() {
                let open = ClosedInterval { stream: stream_id, key, vlan, interval };
                self.events.push_back(StreamEvent::Silent(open));
            }
            return self.tell_activity(place, false);
        }
        let mut stream = Stream { hot, cold };
        if now >= stream.hot.interval_end() {
            close_intervals(&mut stream, now, |interval| {
                let closed = ClosedInterval { stream: stream_id, key, vlan, interval };
                self.events.push_back(StreamEvent::Interval(closed));
            });
        }
        self.tell_activity(place, false);
    }
}
