//! The stream table: find, hold back, follow, evict.
//!
//! A stream whose receiver has described itself is followed from its first packet. Any other is held back for
//! three seconds, in case its SDP is still to come; if none comes, it must have behaved like RTP, and its clock
//! is inferred from what was held.

mod event;
mod held;
mod idle;
mod resolver;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use arrayvec::ArrayVec;

pub use self::event::{Activity, ClosedInterval, EndedStream, StreamCounters, StreamEvent};
use self::resolver::Resolver;
use super::arrival::{RtpArrival, StreamKey};
use super::codecs::{Encoding, EncodingId, Encodings};
use super::ends::Ends;
use super::hold::Holds;
use super::index::Index;
use super::media::{Binding, Bindings, Place};
use super::stream::{Cold, Hot, INTERVAL, Interval, Stream};

/// Packets whose look-ups are in flight together.
pub const BATCH: usize = 32;
/// A stream that fell silent: its next packet takes the slow path.
const QUIET: u32 = u32::MAX;
/// Places looked at to find the one idle longest, when the table is full.
const EVICTION_SAMPLE: usize = 16;

/// Bounds of the stream table.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Streams followed at once.
    pub streams: usize,
    /// Flows held back at once that may yet be streams.
    pub unbound: usize,
    /// Bytes of packets held back.
    pub unbound_bytes: usize,
    /// Endpoints of which SDP is remembered.
    pub endpoints: usize,
    /// When a stream without packets counts as ended. `None`, as for captures: never before their end.
    pub idle: Option<Idle>,
}

/// What becomes of a stream that falls silent, where nobody knows whether the input ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// It is no longer active after this long, ns.
    pub quiet_after: i64,
    /// Its interval is then closed; else it is only looked at, because a packet may yet come.
    pub closes: bool,
    /// It ends after this long, ns.
    pub end_after: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            streams: 1_000_000,
            unbound: 65_536,
            unbound_bytes: 64 << 20,
            endpoints: 1_000_000,
            idle: None,
        }
    }
}

/// The table.
#[derive(Debug)]
pub struct Streams {
    settings: Settings,
    index: Index,
    hot: Vec<Hot>,
    cold: Vec<Cold>,
    ids: Vec<u64>,
    hashes: Vec<u64>,
    free: Vec<u32>,
    in_use: usize,
    next_id: u64,
    sweep: usize,
    ends: Ends,
    holds: Holds,
    /// Holds by the time they began; a hold whose serial has gone is over.
    young: VecDeque<(u32, u64)>,
    /// Holds older than that, that do not behave like RTP.
    doubtful: VecDeque<(u32, u64)>,
    bindings: Bindings,
    encodings: Encodings,
    counters: StreamCounters,
    events: VecDeque<StreamEvent>,
}

impl Streams {
    /// An empty table with these bounds.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            index: Index::new(),
            hot: Vec::new(),
            cold: Vec::new(),
            ids: Vec::new(),
            hashes: Vec::new(),
            free: Vec::new(),
            in_use: 0,
            next_id: 0,
            sweep: 0,
            ends: Ends::default(),
            holds: Holds::new(settings.unbound_bytes),
            young: VecDeque::new(),
            doubtful: VecDeque::new(),
            bindings: Bindings::new(settings.endpoints),
            encodings: Encodings::new(),
            counters: StreamCounters::default(),
            events: VecDeque::new(),
        }
    }

    /// Encodings by the numbers in what leaves the table.
    #[must_use]
    pub const fn encodings(&self) -> &Encodings {
        &self.encodings
    }

    /// The number of an encoding that SDP names.
    pub fn encoding_id(&mut self, encoding: Encoding) -> EncodingId {
        self.encodings.id(encoding)
    }

    /// What was not kept.
    #[must_use]
    pub const fn counters(&self) -> StreamCounters {
        StreamCounters { endpoints_evicted: self.bindings.evicted(), ..self.counters }
    }

    /// Streams and held-back flows at present.
    #[must_use]
    pub fn len(&self) -> (usize, usize) {
        (self.in_use - self.holds.len(), self.holds.len())
    }

    /// Takes the oldest thing that has left the table.
    pub fn poll_event(&mut self) -> Option<StreamEvent> {
        self.events.pop_front()
    }

    /// Takes up to [`BATCH`] packets, in their order.
    pub fn handle(&mut self, batch: &[RtpArrival]) {
        let mut places: ArrayVec<Option<u32>, BATCH> = ArrayVec::new();
        let mut touched = 0;
        for p in batch.iter().take(BATCH) {
            // By hash alone: to compare keys here would wait for each stream's first line in turn.
            let place = self.index.find(p.hash, |_| true);
            touched ^= place.and_then(|i| self.hot.get(i as usize)).map_or(0, Hot::touch);
            places.push(place);
        }
        std::hint::black_box(touched);
        for (p, place) in batch.iter().zip(places) {
            // A place found may be another stream's of the same hash, or have been given to one by now.
            let place = match place {
                Some(i) if self.hot.get(i as usize).is_some_and(|h| h.key == p.key) => Some(i),
                _ => self.find(p),
            };
            match place {
                Some(place) => self.arrive(place, p),
                None => self.create(p),
            }
        }
    }

    #[inline]
    fn find(&self, p: &RtpArrival) -> Option<u32> {
        self.index.find(p.hash, |place| self.hot.get(place as usize).is_some_and(|h| h.key == p.key))
    }

    #[inline]
    fn arrive(&mut self, place: u32, p: &RtpArrival) {
        let (Some(hot), Some(cold)) = (self.hot.get_mut(place as usize), self.cold.get_mut(place as usize))
        else {
            return;
        };
        if hot.hold != 0 {
            self.hold_back(place, p);
            return;
        }
        let mut stream = Stream { hot, cold };
        if p.time >= stream.hot.interval_end() {
            let (id, key) = (self.ids.get(place as usize).copied().unwrap_or_default(), p.key);
            let vlan = stream.cold.vlan;
            close_intervals(&mut stream, p.time, |interval| {
                self.events.push_back(StreamEvent::Interval(ClosedInterval {
                    stream: id,
                    key,
                    vlan,
                    interval,
                }));
            });
        }
        let mut resolver = Resolver::new(&self.bindings, &mut self.encodings);
        stream.arrive(p, &mut resolver);
    }

    #[cold]
    fn create(&mut self, p: &RtpArrival) {
        let place = self.take_place(p);
        let receiver_known = self.bindings.at(Place::Receiver(p.key.flow.dst), p.time).is_some();
        if receiver_known {
            self.ends.add(place, &p.key.flow);
            let (Some(hot), Some(cold)) =
                (self.hot.get_mut(place as usize), self.cold.get_mut(place as usize))
            else {
                return;
            };
            Stream { hot, cold }.begin(p, &mut Resolver::new(&self.bindings, &mut self.encodings));
            self.tell_activity(place, true);
            return;
        }
        while self.holds.is_full() || self.holds.len() >= self.settings.unbound {
            if !self.let_oldest_hold_go() {
                break;
            }
        }
        self.ends.add(place, &p.key.flow);
        let hold = self.holds.start(place, p);
        if let (Some(hot), Some(held)) = (self.hot.get_mut(place as usize), self.holds.get(hold)) {
            hot.hold = hold + 1;
            self.young.push_back((hold, held.serial));
        }
    }

    fn take_place(&mut self, p: &RtpArrival) -> u32 {
        if self.in_use >= self.settings.streams + self.settings.unbound {
            self.evict_one();
        }
        self.in_use += 1;
        self.next_id += 1;
        let (hot, cold) = (Hot::new(p), Cold::new(p));
        let place = if let Some(place) = self.free.pop() {
            let i = place as usize;
            if let (Some(h), Some(c), Some(id), Some(hash)) =
                (self.hot.get_mut(i), self.cold.get_mut(i), self.ids.get_mut(i), self.hashes.get_mut(i))
            {
                (*h, *c, *id, *hash) = (hot, cold, self.next_id, p.hash);
            }
            place
        } else {
            self.hot.push(hot);
            self.cold.push(cold);
            self.ids.push(self.next_id);
            self.hashes.push(p.hash);
            (self.hot.len() - 1) as u32
        };
        self.index.insert(p.hash, place);
        place
    }

    /// The one idle longest of a few: near enough to the one idle longest of all.
    fn evict_one(&mut self) {
        let n = self.hot.len();
        let oldest = (0..EVICTION_SAMPLE.min(n))
            .map(|k| (self.sweep + k) % n)
            .filter(|&i| self.ids.get(i).is_some_and(|&id| id != 0))
            .filter(|&i| self.hot.get(i).is_some_and(|h| h.hold == 0 || h.hold == QUIET))
            .min_by_key(|&i| self.hot.get(i).map_or(i64::MAX, Hot::last_time));
        self.sweep = (self.sweep + EVICTION_SAMPLE) % n.max(1);
        if let Some(place) = oldest {
            self.counters.evicted += 1;
            let alone = self.is_alone(place as u32);
            self.end_stream(place as u32, alone, true);
        } else {
            self.let_oldest_hold_go();
        }
    }

    fn free_place(&mut self, place: u32) {
        let i = place as usize;
        let (Some(hot), Some(id), Some(&hash)) =
            (self.hot.get_mut(i), self.ids.get_mut(i), self.hashes.get(i))
        else {
            return;
        };
        let flow = hot.key.flow;
        // No packet may find it any more.
        hot.key = StreamKey::default();
        hot.hold = 0;
        *id = 0;
        self.index.remove(hash, place);
        self.ends.remove(place, &flow);
        self.free.push(place);
        self.in_use -= 1;
    }

    fn tell_activity(&mut self, place: u32, active: bool) {
        let i = place as usize;
        if let (Some(hot), Some(cold), Some(&stream)) = (self.hot.get(i), self.cold.get(i), self.ids.get(i)) {
            let binding = self.bindings.of(&hot.key, cold.first_time).next();
            let call = binding.map(|b| Arc::clone(&b.call));
            let (key, vlan, last) = (hot.key, cold.vlan, hot.last_time());
            let activity = Activity { stream, key, vlan, call, active, last };
            self.events.push_back(StreamEvent::Activity(activity));
        }
    }

    /// Takes what SDP says of `place`.
    pub fn bind(&mut self, place: Place, binding: Binding) {
        let news = self.bindings.add(place, binding);
        // A stream that is known by its source alone looks at its next change of payload type.
        let Place::Receiver(endpoint) = place else { return };
        if !news {
            return;
        }
        let concerned: Vec<u32> = self.ends.of(endpoint).collect();
        for place in concerned {
            let Some(hot) = self.hot.get_mut(place as usize) else { continue };
            match hot.hold.checked_sub(1) {
                None => hot.look_up_again(),
                _ if hot.hold == QUIET => hot.look_up_again(),
                // The receiver has spoken: nothing better is to come.
                Some(id) if hot.key.flow.dst == endpoint => self.release(id),
                Some(_) => {}
            }
        }
    }

    /// Ends every stream.
    pub fn finish(&mut self) {
        while self.let_oldest_hold_go() {}
        let places: Vec<u32> = (0..self.hot.len() as u32)
            .filter(|&place| self.ids.get(place as usize).is_some_and(|&id| id != 0))
            .collect();
        // All are asked before the first one goes.
        let alone: Vec<bool> = places.iter().map(|&place| self.is_alone(place)).collect();
        for (place, alone) in places.into_iter().zip(alone) {
            self.end_stream(place, alone, false);
        }
    }

    /// Whether no stream flows the other way.
    fn is_alone(&self, place: u32) -> bool {
        let Some(flow) = self.hot.get(place as usize).map(|h| h.key.flow) else { return true };
        let back = flow.reversed();
        !self.ends.any_in(&back, |i| {
            self.hot.get(i as usize).is_some_and(|h| h.key.flow == back && (h.hold == 0 || h.hold == QUIET))
        })
    }

    fn end_stream(&mut self, place: u32, one_direction: bool, evicted: bool) {
        let i = place as usize;
        let stream = self.ids.get(i).copied().unwrap_or_default();
        let (Some(hot), Some(cold)) = (self.hot.get_mut(i), self.cold.get_mut(i)) else { return };
        let (key, vlan, was_active) = (hot.key, cold.vlan, hot.hold != QUIET);
        let first_time = cold.first_time;
        let (interval, totals) = Stream { hot, cold }.finish();
        if let Some(interval) = interval {
            self.events.push_back(StreamEvent::Interval(ClosedInterval { stream, key, vlan, interval }));
        }
        let binding =
            self.bindings.of(&key, first_time).next().or_else(|| self.bindings.of(&key, totals.last).next());
        let (call, kind) = (binding.map(|b| b.call.serial), binding.map(|b| b.kind));
        let ended = EndedStream { stream, key, vlan, totals, call, kind, one_direction, was_active, evicted };
        self.events.push_back(StreamEvent::Ended(Box::new(ended)));
        self.free_place(place);
    }
}

/// Closes the interval that ended before `time`; the empty ones up to then are passed over.
fn close_intervals(stream: &mut Stream<'_>, time: i64, mut emit: impl FnMut(Interval)) {
    let end = stream.hot.interval_end();
    let empty = time.saturating_sub(end) / INTERVAL;
    if let Some(interval) = stream.close_interval(end) {
        emit(interval);
    }
    stream.hot.skip_intervals(empty);
}
