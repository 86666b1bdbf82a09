//! The media half: packets and what is told of them become scored intervals and streams.
//!
//! It hears of everything in one order, and so gives the same results whether it stands beside the decoder
//! or behind a queue, alone or as one of several that share the flows.

use std::collections::VecDeque;

use arrayvec::ArrayVec;

use super::quality::{self, ScoreSettings};
use super::signalling::Described;
use crate::decode::{Flow, Report};
use crate::event::Event;
use crate::track::arrival::RtpArrival;
use crate::track::codecs::Encodings;
use crate::track::media::Binding;
use crate::track::reports::Reports;
use crate::track::streams::{self, BATCH, StreamCounters, StreamEvent, Streams};

/// What the media half is told beside the packets.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// A packet found in a wrapping: a TURN channel, HEP.
    Packet(RtpArrival),
    /// Where someone receives media, and what payload types mean there.
    Bind(Described),
    /// What an end says of a stream.
    Report {
        /// In which flow it passed.
        flow: Flow,
        /// When.
        time: i64,
        /// What it says.
        report: Report,
    },
}

/// Streams, what RTCP says of them, and their scores.
#[derive(Debug)]
pub(crate) struct Media {
    streams: Streams,
    reports: Reports,
    score: ScoreSettings,
    batch: ArrayVec<RtpArrival, BATCH>,
    events: VecDeque<Event>,
}

impl Media {
    pub fn new(streams: streams::Settings, reports: usize, score: ScoreSettings) -> Self {
        Self {
            streams: Streams::new(streams),
            reports: Reports::new(reports),
            score,
            batch: ArrayVec::new(),
            events: VecDeque::new(),
        }
    }

    /// Takes one RTP packet. It may wait for a batch to fill.
    #[inline]
    pub fn handle_packet(&mut self, arrival: &RtpArrival) {
        self.batch.push(*arrival);
        if self.batch.is_full() {
            self.flush();
        }
    }

    /// Takes what signalling or an end has said. What came before must not see it.
    pub fn handle_told(&mut self, told: &Told) {
        match told {
            Told::Packet(arrival) => self.handle_packet(arrival),
            Told::Bind(described) => {
                self.flush();
                self.bind(described);
            }
            Told::Report { flow, time, report } => {
                self.settle();
                self.reports.handle(flow, *time, report);
            }
        }
    }

    fn bind(&mut self, described: &Described) {
        let payloads = described
            .payloads
            .iter()
            .map(|(payload_type, encoding)| (*payload_type, self.streams.encoding_id(encoding.clone())))
            .collect();
        let binding = Binding { time: described.time, call: described.call, kind: described.kind, payloads };
        self.streams.bind(described.endpoint, binding);
    }

    /// Lets go what has expired; when to look again.
    pub fn handle_timeout(&mut self, now: i64) -> Option<i64> {
        self.flush();
        self.streams.handle_timeout(now);
        self.streams.poll_timeout()
    }

    /// Ends every stream.
    pub fn finish(&mut self) {
        self.settle();
        self.streams.finish();
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.settle();
        self.events.pop_front()
    }

    pub const fn encodings(&self) -> &Encodings {
        self.streams.encodings()
    }

    pub const fn counters(&self) -> StreamCounters {
        self.streams.counters()
    }

    fn flush(&mut self) {
        if !self.batch.is_empty() {
            self.streams.handle(&self.batch);
            self.batch.clear();
        }
    }

    /// Scores what has closed, with the delay that is known now: a later report must not change it.
    fn settle(&mut self) {
        self.flush();
        while let Some(event) = self.streams.poll_event() {
            let encodings = self.streams.encodings();
            self.events.push_back(match event {
                StreamEvent::Interval { stream, key, interval } => {
                    let reports = self.reports.of(&key);
                    Event::Interval(quality::interval(&self.score, encodings, stream, &interval, &reports))
                }
                StreamEvent::Ended(ended) => {
                    let reports = self.reports.of(&ended.key);
                    Event::Stream(Box::new(quality::stream(&self.score, encodings, *ended, reports)))
                }
            });
        }
    }
}
