//! The media half: packets and what is told of them become scored intervals and streams.
//!
//! It hears of everything in one order, and so gives the same results whether it stands beside the decoder
//! or behind a queue, alone or as one of several that share the flows.

use std::collections::VecDeque;
use std::sync::Arc;

use arrayvec::ArrayVec;

use super::Settings;
use super::described::Described;
use super::front::Sink;
use super::quality::{self, ScoreSettings};
use crate::decode::{Flow, Report};
use crate::event::{Event, Reported};
use crate::track::arrival::RtpArrival;
use crate::track::codecs::Encodings;
use crate::track::media::Binding;
use crate::track::reports::Reports;
use crate::track::streams::{BATCH, StreamCounters, StreamEvent, Streams};

/// What the media half is told beside the packets.
#[derive(Clone, Debug)]
pub enum Told {
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
pub struct Media {
    streams: Streams,
    reports: Reports,
    score: ScoreSettings,
    batch: ArrayVec<RtpArrival, BATCH>,
    events: VecDeque<Event>,
}

impl Sink for Media {
    #[inline]
    fn packet(&mut self, arrival: &RtpArrival) {
        self.batch.push(*arrival);
        if self.batch.is_full() {
            self.flush();
        }
    }

    fn told(&mut self, told: Told) {
        self.take(&told);
    }

    fn time(&mut self, now: i64) {
        self.flush();
        self.streams.handle_timeout(now);
    }
}

impl Media {
    /// A half that has heard nothing.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            streams: Streams::new(settings.streams),
            reports: Reports::new(settings.reports),
            score: settings.score,
            batch: ArrayVec::new(),
            events: VecDeque::new(),
        }
    }

    /// Takes what signalling or an end has said. What came before must not see it.
    pub fn take(&mut self, told: &Told) {
        match told {
            Told::Packet(arrival) => self.packet(arrival),
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
        let (time, kind, call) = (described.time, described.kind, Arc::clone(&described.call));
        let binding = Binding { time, call, kind, payloads };
        self.streams.bind(described.place, binding);
    }

    /// Ends every stream.
    pub fn finish(&mut self) {
        self.settle();
        self.streams.finish();
    }

    /// The next thing to tell.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.settle();
        self.events.pop_front()
    }

    /// Encodings by the numbers in events.
    #[must_use]
    pub const fn encodings(&self) -> &Encodings {
        self.streams.encodings()
    }

    /// Streams, and flows held back, at present.
    #[must_use]
    pub fn len(&self) -> (usize, usize) {
        self.streams.len()
    }

    /// What the stream table did not keep.
    #[must_use]
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
            let event = match event {
                StreamEvent::Interval(closed) => {
                    let (stream, said) = (closed.stream, self.reports.take_fresh(&closed.key));
                    if !said.is_empty() {
                        self.events.push_back(Event::Reported(Reported { stream, said }));
                    }
                    let reports = self.reports.of(&closed.key);
                    Event::Interval(quality::interval(&self.score, encodings, closed, &reports))
                }
                StreamEvent::Silent(open) => {
                    let reports = self.reports.of(&open.key);
                    Event::Silent(quality::interval(&self.score, encodings, open, &reports))
                }
                StreamEvent::Activity(activity) => Event::Activity(activity),
                StreamEvent::Ended(ended) => {
                    let reports = self.reports.of(&ended.key);
                    Event::Stream(Box::new(quality::stream(&self.score, encodings, *ended, reports)))
                }
            };
            self.events.push_back(event);
        }
    }
}
