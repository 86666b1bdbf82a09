//! What the streams of calls that are going on tell of them, gathered until the calls end.
//!
//! Streams and calls are followed in different places; their news meet here. Bounded: beyond the limit the
//! streams of further calls are not gathered, and their seconds are unscored.

use std::collections::{HashMap, HashSet, VecDeque};

use super::call::{Call, Heard, HeardInterval, MEDIA_TIMEOUT};
use crate::decode::{Address, Flow};

/// Streams of one call at most.
const MAX_STREAMS: usize = 64;
/// Intervals kept of one stream: a day.
const MAX_INTERVALS: usize = 8640;
/// Hosts remembered that send media.
const MAX_SENDERS: usize = 65_536;

/// The worker that follows a stream, and the stream's number there.
pub type StreamNumber = (usize, u64);

/// News of a stream that belongs to a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StreamNews {
    /// Serial of the call.
    pub call: u64,
    /// Which stream: each worker numbers its own.
    pub stream: StreamNumber,
    /// From where to where.
    pub flow: Flow,
    /// What is new.
    pub what: News,
}

/// What is new of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum News {
    /// Packets come.
    Active,
    /// No packets come any more.
    Quiet {
        /// When the last one came.
        last: i64,
    },
    /// An interval, closed or as it stands; one that begins at the same time is replaced.
    Interval {
        /// The interval.
        interval: HeardInterval,
        /// It is nobody's voice.
        is_audio: bool,
    },
}

/// The gathering.
#[derive(Debug)]
pub struct Hearing {
    calls: HashMap<u64, HashMap<StreamNumber, Stream>>,
    senders: HashSet<Address>,
    /// Calls that may have fallen silent, by when.
    quiet: VecDeque<(i64, u64)>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Stream {
    heard: Heard,
    active: bool,
}

impl Hearing {
    /// For at most `limit` calls at once.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { calls: HashMap::new(), senders: HashSet::new(), quiet: VecDeque::new(), limit }
    }

    /// Takes what is new of a stream.
    pub fn take(&mut self, news: &StreamNews) {
        if self.senders.len() < MAX_SENDERS {
            self.senders.insert(news.flow.src.address);
        }
        if !self.calls.contains_key(&news.call) && self.calls.len() >= self.limit {
            return;
        }
        let streams = self.calls.entry(news.call).or_default();
        if !streams.contains_key(&news.stream) && streams.len() >= MAX_STREAMS {
            // The one that ended first tells least of how it sounds now.
            let oldest =
                streams.iter().min_by_key(|(id, s)| (s.active, s.heard.last, **id)).map(|(id, _)| *id);
            if let Some(oldest) = oldest {
                streams.remove(&oldest);
            }
        }
        let stream = streams.entry(news.stream).or_default();
        stream.heard.flow = news.flow;
        match news.what {
            News::Active => stream.active = true,
            News::Quiet { last } => {
                stream.active = false;
                stream.heard.fell_silent(last);
                if streams.values().all(|s| !s.active)
                    && let Some(last) = streams.values().map(|s| s.heard.last).max()
                    && self.quiet.len() < 2 * self.limit
                {
                    self.quiet.push_back((last, news.call));
                }
            }
            News::Interval { interval, is_audio } => stream.heard.take(interval, is_audio),
        }
    }

    /// The next call whose streams have all been silent for as long as ends a call, and since when.
    pub fn poll_silent(&mut self, now: i64) -> Option<(u64, i64)> {
        while let Some(&(last, call)) = self.quiet.front() {
            if now.saturating_sub(last) < MEDIA_TIMEOUT {
                return None;
            }
            self.quiet.pop_front();
            let Some(streams) = self.calls.get(&call) else { continue };
            let still = streams.values().all(|s| !s.active && s.heard.last <= last);
            if still {
                return Some((call, last));
            }
        }
        None
    }

    /// What was heard of a call that has ended; it is forgotten.
    pub fn conclude(&mut self, call: &Call) -> Vec<Heard> {
        let streams = call.parts.iter().filter_map(|part| self.calls.remove(part)).flatten();
        let mut heard: Vec<(StreamNumber, Heard)> = streams.map(|(id, s)| (id, s.heard)).collect();
        heard.sort_by_key(|(id, h)| (h.first, h.flow, *id));
        heard.into_iter().map(|(_, h)| h).filter(|h| !h.intervals.is_empty()).collect()
    }

    /// Forgets what was heard of all calls but these: streams may outlive their call, and what is told of them
    /// afterwards is nobody's.
    pub fn keep(&mut self, calls: &HashSet<u64>) {
        self.calls.retain(|call, _| calls.contains(call));
    }

    /// Whether media from this host was heard.
    #[must_use]
    pub fn hears(&self, host: Address) -> bool {
        self.senders.contains(&host)
    }
}

impl Heard {
    /// An interval that was closed for want of packets reaches beyond the last of them.
    fn fell_silent(&mut self, last: i64) {
        if let Some(interval) = self.intervals.last_mut() {
            interval.end = interval.end.min(last.max(interval.start));
            self.last = last;
        }
    }

    fn take(&mut self, interval: HeardInterval, is_audio: bool) {
        if self.intervals.is_empty() {
            (self.first, self.last) = (interval.start, interval.end);
        }
        self.is_audio |= is_audio;
        self.last = self.last.max(interval.end);
        if self.intervals.last().is_some_and(|i| i.start == interval.start) {
            self.intervals.pop();
        }
        if self.intervals.len() < MAX_INTERVALS {
            self.intervals.push(interval);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn news(call: u64, stream: u64, what: News) -> StreamNews {
        StreamNews { call, stream: (0, stream), flow: Flow::default(), what }
    }

    fn quiet(last: i64) -> News {
        News::Quiet { last: last * SECOND }
    }

    fn interval(start: i64, end: i64) -> News {
        let interval = HeardInterval {
            start: start * SECOND,
            end: end * SECOND,
            packets: true,
            sent: 0,
            poor: Some(false),
        };
        News::Interval { interval, is_audio: true }
    }

    #[test]
    fn a_call_is_silent_a_minute_after_the_last_of_its_streams() {
        let mut hearing = Hearing::new(10);
        for stream in [1, 2] {
            hearing.take(&news(7, stream, News::Active));
        }
        hearing.take(&news(7, 1, interval(0, 8)));
        hearing.take(&news(7, 1, quiet(8)));
        hearing.take(&news(7, 2, interval(0, 10)));
        assert_eq!(hearing.poll_silent(1000 * SECOND), None);
        // Closed for want of packets: the last came at 15 s.
        hearing.take(&news(7, 2, interval(10, 20)));
        hearing.take(&news(7, 2, quiet(15)));
        assert_eq!(hearing.poll_silent(74 * SECOND), None);
        assert_eq!(hearing.poll_silent(75 * SECOND), Some((7, 15 * SECOND)));
        assert_eq!(hearing.poll_silent(76 * SECOND), None);
    }

    #[test]
    fn streams_of_two_workers_are_two() {
        let mut hearing = Hearing::new(10);
        for worker in [0, 1] {
            let news = StreamNews { stream: (worker, 1), ..news(7, 1, interval(0, 10)) };
            hearing.take(&news);
        }
        assert_eq!(hearing.calls[&7].len(), 2);
    }

    #[test]
    fn one_that_goes_on_is_not_silent() {
        let mut hearing = Hearing::new(10);
        hearing.take(&news(7, 1, News::Active));
        hearing.take(&news(7, 1, interval(0, 5)));
        hearing.take(&news(7, 1, quiet(5)));
        hearing.take(&news(7, 1, News::Active));
        assert_eq!(hearing.poll_silent(100 * SECOND), None);
    }

    #[test]
    fn streams_that_outlive_their_call_leave_nothing() {
        let mut hearing = Hearing::new(1);
        hearing.take(&news(7, 1, News::Active));
        hearing.take(&news(7, 1, interval(0, 10)));
        hearing.calls.remove(&7);
        // Five minutes later the stream is let go, and says so.
        hearing.take(&news(7, 1, quiet(5)));
        hearing.keep(&HashSet::from([8]));
        assert!(hearing.calls.is_empty());
        hearing.take(&news(8, 2, interval(0, 10)));
        hearing.keep(&HashSet::from([8]));
        assert_eq!(hearing.calls.len(), 1);
    }

    #[test]
    fn an_interval_is_replaced_when_it_closes_and_calls_are_bounded() {
        let mut hearing = Hearing::new(1);
        hearing.take(&news(7, 1, interval(0, 5)));
        hearing.take(&news(7, 1, interval(0, 10)));
        hearing.take(&news(8, 2, interval(0, 10)));
        assert_eq!(hearing.calls.len(), 1);
        assert_eq!(hearing.calls[&7][&(0, 1)].heard.intervals.len(), 1);
        assert_eq!(hearing.calls[&7][&(0, 1)].heard.last, 10 * SECOND);
    }
}
