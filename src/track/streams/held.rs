//! Flows that are held back: until their SDP comes, or until they have shown what they are.

use super::resolver::{Resolver, described};
use super::{ClosedInterval, QUIET, StreamEvent, Streams, close_intervals};
use crate::track::arrival::RtpArrival;
use crate::track::codecs::static_payload_type;
use crate::track::hold::Hold;
use crate::track::inference;
use crate::track::media::EARLY_MEDIA;
use crate::track::stream::Stream;

/// Packets held of one stream at most.
const HELD_PACKETS: u32 = 512;
/// A flow that has not behaved like RTP is forgotten after this long without a packet.
const DOUBTFUL_IDLE: i64 = 60_000_000_000;
/// To infer a clock, packets are held up to this long.
const INFERENCE: i64 = 10_000_000_000;

impl Streams {
    #[cold]
    pub(super) fn hold_back(&mut self, place: u32, p: &RtpArrival) {
        let Some(hot) = self.hot.get_mut(place as usize) else { return };
        if hot.hold == QUIET {
            hot.hold = 0;
            self.tell_activity(place, true);
            self.arrive(place, p);
            return;
        }
        let Some(id) = hot.hold.checked_sub(1) else { return };
        if self.holds.is_full() {
            self.let_oldest_hold_go();
            if self.hot.get(place as usize).is_none_or(|h| h.key != p.key || h.hold == 0) {
                // It was this one that went.
                match self.find(p) {
                    Some(place) => self.arrive(place, p),
                    None => self.create(p),
                }
                return;
            }
        }
        // Forgotten here, not by the clock alone, so that nothing depends on when the clock is looked at.
        let stale = self
            .holds
            .get(id)
            .is_some_and(|h| p.time.saturating_sub(h.last_time) >= DOUBTFUL_IDLE && !self.is_accepted(h));
        if stale {
            self.forget(id);
            self.create(p);
            return;
        }
        let Some(hold) = self.holds.push(id, p).copied() else { return };
        if hold.packets >= HELD_PACKETS {
            if self.is_accepted(&hold) {
                self.release(id);
            } else {
                self.forget(id);
            }
        } else if p.time.saturating_sub(hold.first_time) >= EARLY_MEDIA && self.is_accepted(&hold) {
            self.release_unless_clock_may_show(id, &hold, p.time);
        }
    }

    /// By SDP for either end, or by its own behaviour.
    fn is_accepted(&self, hold: &Hold) -> bool {
        hold.behaves_like_rtp()
            || self.hot.get(hold.stream as usize).is_some_and(|h| self.bindings.knows(&h.key))
    }

    fn release_unless_clock_may_show(&mut self, id: u32, hold: &Hold, now: i64) {
        let waits = (hold.packets as usize) < inference::MIN_PACKETS
            && now.saturating_sub(hold.first_time) < INFERENCE
            && self.holds.packets(id).any(|p| !self.is_described(p));
        if !waits {
            self.release(id);
        }
    }

    fn is_described(&self, p: &RtpArrival) -> bool {
        described(&self.bindings, p).is_some() || static_payload_type(p.payload_type).is_some()
    }

    /// What was held becomes a stream, packet by packet as it came.
    pub(super) fn release(&mut self, id: u32) {
        let Some(hold) = self.holds.get(id).copied() else { return };
        let i = hold.stream as usize;
        let stream_id = self.ids.get(i).copied().unwrap_or_default();
        let (Some(hot), Some(cold)) = (self.hot.get_mut(i), self.cold.get_mut(i)) else { return };
        hot.hold = 0;
        let (key, vlan) = (hot.key, cold.vlan);
        let mut stream = Stream { hot, cold };
        let mut resolver = Resolver::new(&self.bindings, &mut self.encodings);
        resolver.held = Some((&self.holds, id));
        for (n, p) in self.holds.packets(id).enumerate() {
            if n == 0 {
                stream.begin(p, &mut resolver);
                continue;
            }
            if p.time >= stream.hot.interval_end() {
                close_intervals(&mut stream, p.time, |interval| {
                    self.events.push_back(StreamEvent::Interval(ClosedInterval {
                        stream: stream_id,
                        key,
                        vlan,
                        interval,
                    }));
                });
            }
            stream.arrive(p, &mut resolver);
        }
        self.holds.end(id);
        self.tell_activity(hold.stream, true);
    }

    /// What was held is dropped.
    pub(super) fn forget(&mut self, id: u32) {
        let Some(hold) = self.holds.get(id).copied() else { return };
        self.counters.not_rtp += 1;
        self.holds.end(id);
        self.free_place(hold.stream);
    }

    /// Makes room in the pool. Flows that do not behave like RTP go first.
    pub(super) fn let_oldest_hold_go(&mut self) -> bool {
        while let Some((id, serial)) = self.doubtful.pop_front().or_else(|| self.young.pop_front()) {
            let Some(hold) = self.holds.get(id).copied().filter(|h| h.serial == serial) else { continue };
            if self.is_accepted(&hold) {
                self.release(id);
            } else {
                self.counters.unbound_evicted += 1;
                self.forget(id);
            }
            return true;
        }
        false
    }

    /// Lets held-back flows go whose time has come.
    pub fn handle_timeout(&mut self, now: i64) {
        while let Some(&(id, serial)) = self.young.front() {
            let Some(hold) = self.holds.get(id).copied().filter(|h| h.serial == serial) else {
                self.young.pop_front();
                continue;
            };
            if now.saturating_sub(hold.first_time) < EARLY_MEDIA {
                break;
            }
            self.young.pop_front();
            self.doubtful.push_back((id, serial));
            if self.is_accepted(&hold) {
                self.release_unless_clock_may_show(id, &hold, now);
            }
        }
        self.sift_doubtful(now);
        if let Some(idle) = self.settings.idle {
            self.sweep_idle(now, idle);
        }
    }

    /// Looks at the oldest doubtful flows, one round at most.
    fn sift_doubtful(&mut self, now: i64) {
        for _ in 0..self.doubtful.len().min(64) {
            let Some((id, serial)) = self.doubtful.pop_front() else { return };
            let Some(hold) = self.holds.get(id).copied().filter(|h| h.serial == serial) else { continue };
            let accepted = self.is_accepted(&hold);
            if accepted && now.saturating_sub(hold.first_time) >= INFERENCE {
                self.release(id);
            } else if !accepted && now.saturating_sub(hold.last_time) >= DOUBTFUL_IDLE {
                self.forget(id);
            } else {
                self.doubtful.push_back((id, serial));
            }
        }
    }
}
