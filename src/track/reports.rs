//! What the ends say of each other's streams, joined to the streams we see: RTCP.
//!
//! A probe mid-path has no clock in common with the ends and need not: of a report block that answers a
//! sender report seen here, (time the block passed) − (time the report passed) − DLSR is the round trip
//! from the probe to the receiver and back. Both directions' halves make up the round trip of the call.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::mem;

use super::arrival::StreamKey;
use crate::decode::{Address, Flow, Report, ReportBlock, VoipMetrics};

/// Sender reports remembered of one source: a receiver answers the latest, or with one in flight the one
/// before; more for those that report often.
const SENDER_REPORTS: usize = 8;
/// Half round trips kept of one direction; a median of the latest.
const HALVES: usize = 64;
/// Newest things said of a stream that are kept until they are asked for: RTCP says two or three in an
/// interval, a flood must not fill memory.
const FRESH: usize = 16;
/// A half below this much under zero is a clock error, not a fast path, ms.
const LEAST_HALF_MS: f64 = -1.0;
/// No path on Earth is longer, ms: what is longer is no answer to that report.
const MOST_HALF_MS: f64 = 60_000.0;

/// A stream as RTCP knows it: RTCP may run on other ports than the media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Source {
    from: Address,
    to: Address,
    ssrc: u32,
}

#[derive(Debug, Default)]
struct About {
    /// (middle of the NTP time, when it passed).
    sender_reports: VecDeque<(u32, i64)>,
    /// From the probe to the stream's receiver and back, ms.
    halves: VecDeque<f64>,
    /// Who reported on it: to find the other direction.
    receiver: Option<u32>,
    counts: ReportCounts,
    fraction_lost_max: Option<u8>,
    voip: Option<VoipMetrics>,
    /// Not yet asked for.
    fresh: VecDeque<Said>,
}

/// One thing that an end said of a stream that it receives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Said {
    /// Lost since its report before, 0…1: of a receiver report.
    Loss(f64),
    /// Round trip between the probe and that end, ms.
    RoundTrip(f64),
    /// VoIP metrics ([RFC 3611 §4.7](https://www.rfc-editor.org/rfc/rfc3611#section-4.7)).
    Voip {
        /// Lost since reception began, 0…1.
        loss: f64,
        /// MOS-LQ, 1…5.
        mos_lq: Option<f64>,
    },
}

impl About {
    fn say(&mut self, said: Said) {
        if self.fresh.len() == FRESH {
            self.fresh.pop_front();
        }
        self.fresh.push_back(said);
    }
}

/// Reports about one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportCounts {
    /// Sender reports of its source.
    pub sender: u32,
    /// Report blocks about it.
    pub receiver: u32,
    /// Extended reports about it.
    pub extended: u32,
}

/// What reports say of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReportSummary {
    /// How many.
    pub counts: ReportCounts,
    /// Largest fraction lost of any report, 0…1.
    pub fraction_lost_max: Option<f64>,
    /// Round trip between the probe and the stream's sender, ms.
    pub round_trip_source_ms: Option<f64>,
    /// Round trip between the probe and the stream's receiver, ms.
    pub round_trip_destination_ms: Option<f64>,
    /// The last of its receiver's VoIP metrics, which speak of all since reception began
    /// ([RFC 3611 §4.7](https://www.rfc-editor.org/rfc/rfc3611#section-4.7)).
    pub voip: Option<VoipMetrics>,
}

impl ReportSummary {
    /// Round trip of the whole path, ms: both halves.
    #[must_use]
    pub fn round_trip_ms(&self) -> Option<f64> {
        Some(self.round_trip_source_ms? + self.round_trip_destination_ms?)
    }
}

/// All reports, by stream. Bounded: the stream first reported on longest ago goes first.
#[derive(Debug)]
pub struct Reports {
    about: HashMap<Source, About, BuildHasherDefault<DefaultHasher>>,
    order: VecDeque<Source>,
    limit: usize,
    evicted: u64,
}

impl Reports {
    /// An empty table of at most `limit` streams.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { about: HashMap::default(), order: VecDeque::new(), limit, evicted: 0 }
    }

    /// Takes one report that passed at `time` in `flow`.
    pub fn handle(&mut self, flow: &Flow, time: i64, report: &Report) {
        let (here, there) = (flow.src.address, flow.dst.address);
        match report {
            Report::Sender { ssrc, info, blocks } => {
                let about = self.about(Source { from: here, to: there, ssrc: *ssrc });
                about.counts.sender += 1;
                if about.sender_reports.len() == SENDER_REPORTS {
                    about.sender_reports.pop_front();
                }
                about.sender_reports.push_back((info.ntp_middle, time));
                self.blocks(flow, time, *ssrc, blocks);
            }
            Report::Receiver { ssrc, blocks } => self.blocks(flow, time, *ssrc, blocks),
            Report::Extended { ssrc, voip } => {
                for block in voip {
                    let about = self.about(Source { from: there, to: here, ssrc: block.ssrc });
                    about.counts.extended += 1;
                    about.voip = Some(*block);
                    about.receiver = Some(*ssrc);
                    about.say(Said::Voip { loss: block.loss_percent / 100.0, mos_lq: block.mos_lq });
                }
            }
            Report::Bye { .. } => {}
        }
    }

    fn blocks(&mut self, flow: &Flow, time: i64, reporter: u32, blocks: &[ReportBlock]) {
        for block in blocks {
            let source = Source { from: flow.dst.address, to: flow.src.address, ssrc: block.ssrc };
            let about = self.about(source);
            about.counts.receiver += 1;
            about.receiver = Some(reporter);
            about.fraction_lost_max = about.fraction_lost_max.max(Some(block.fraction_lost));
            about.say(Said::Loss(f64::from(block.fraction_lost) / 256.0));
            let answered = about.sender_reports.iter().rev().find(|(ntp, _)| *ntp == block.last_sr);
            if let (Some(&(_, passed)), true) = (answered, block.last_sr != 0) {
                let held_ms = f64::from(block.delay_since_last_sr) * 1000.0 / 65536.0;
                let half = time.saturating_sub(passed) as f64 / 1e6 - held_ms;
                if (LEAST_HALF_MS..MOST_HALF_MS).contains(&half) {
                    if about.halves.len() == HALVES {
                        about.halves.pop_front();
                    }
                    about.halves.push_back(half.max(0.0));
                    about.say(Said::RoundTrip(half.max(0.0)));
                }
            }
        }
    }

    fn about(&mut self, source: Source) -> &mut About {
        if !self.about.contains_key(&source) {
            self.order.push_back(source);
            if self.order.len() > self.limit
                && let Some(oldest) = self.order.pop_front()
            {
                self.about.remove(&oldest);
                self.evicted += 1;
            }
        }
        self.about.entry(source).or_default()
    }

    /// What is known of the stream `key` so far.
    #[must_use]
    pub fn of(&self, key: &StreamKey) -> ReportSummary {
        let (from, to) = (key.flow.src.address, key.flow.dst.address);
        let Some(about) = self.about.get(&Source { from, to, ssrc: key.ssrc }) else {
            return ReportSummary::default();
        };
        let other_way = about.receiver.and_then(|ssrc| self.about.get(&Source { from: to, to: from, ssrc }));
        ReportSummary {
            counts: about.counts,
            fraction_lost_max: about.fraction_lost_max.map(|f| f64::from(f) / 256.0),
            round_trip_source_ms: other_way.and_then(|o| median(&o.halves)),
            round_trip_destination_ms: median(&about.halves),
            voip: about.voip,
        }
    }

    /// What was said of the stream `key` since this was last asked.
    pub fn take_fresh(&mut self, key: &StreamKey) -> VecDeque<Said> {
        let (from, to) = (key.flow.src.address, key.flow.dst.address);
        let about = self.about.get_mut(&Source { from, to, ssrc: key.ssrc });
        about.map(|about| mem::take(&mut about.fresh)).unwrap_or_default()
    }

    /// Streams forgotten at the bound.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }
}

fn median(values: &VecDeque<f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Endpoint, SenderInfo, VoipMetrics};

    #[test]
    fn round_trip_is_split_at_the_probe_whatever_the_ends_clocks_say() {
        let end = |n: u8| Endpoint::new(Address::v4([10, 0, 0, n]), 5005);
        let there = Flow { src: end(1), dst: end(2) };
        let back = there.reversed();
        let sender = |ssrc, ntp_middle| Report::Sender {
            ssrc,
            info: SenderInfo { ntp_middle, packets: 0 },
            blocks: vec![],
        };
        let answer = |ssrc, about, last_sr| Report::Receiver {
            ssrc,
            blocks: vec![ReportBlock {
                ssrc: about,
                fraction_lost: 64,
                cumulative_lost: 0,
                highest_sequence: 0,
                jitter: 0,
                last_sr,
                delay_since_last_sr: 65536 / 2,
            }],
        };
        let ms = 1_000_000;
        let mut reports = Reports::new(10);
        reports.handle(&there, 0, &sender(1, 77));
        reports.handle(&back, 530 * ms, &answer(2, 1, 77));
        reports.handle(&back, 1000 * ms, &sender(2, 0x8000_0000));
        reports.handle(&there, 1550 * ms, &answer(1, 2, 0x8000_0000));
        reports.handle(&back, 9000 * ms, &answer(2, 1, 78));
        let s = reports.of(&StreamKey { flow: there, ssrc: 1 });
        assert_eq!((s.round_trip_destination_ms, s.round_trip_source_ms), (Some(30.0), Some(50.0)));
        assert_eq!(s.round_trip_ms(), Some(80.0));
        assert_eq!((s.counts.sender, s.counts.receiver), (1, 2));
        assert_eq!(s.fraction_lost_max, Some(0.25));
        let fresh = reports.take_fresh(&StreamKey { flow: there, ssrc: 1 });
        assert_eq!(fresh, [Said::Loss(0.25), Said::RoundTrip(30.0), Said::Loss(0.25)]);
        assert!(reports.take_fresh(&StreamKey { flow: there, ssrc: 1 }).is_empty());
    }

    #[test]
    fn extended_reports_are_told_of_the_stream_they_speak_of_and_no_more_than_the_latest_are_kept() {
        let end = |n: u8| Endpoint::new(Address::v4([10, 0, 0, n]), 5005);
        let there = Flow { src: end(1), dst: end(2) };
        let mut reports = Reports::new(10);
        let voip = |loss_percent| VoipMetrics {
            ssrc: 1,
            loss_percent,
            discard_percent: 0.0,
            round_trip_ms: None,
            mos_lq: Some(3.2),
            mos_cq: None,
        };
        for percent in 0..100 {
            let report = Report::Extended { ssrc: 2, voip: vec![voip(f64::from(percent))] };
            reports.handle(&there.reversed(), i64::from(percent), &report);
        }
        let fresh = reports.take_fresh(&StreamKey { flow: there, ssrc: 1 });
        assert_eq!(fresh.len(), FRESH);
        assert_eq!(fresh.back(), Some(&Said::Voip { loss: 0.99, mos_lq: Some(3.2) }));
        assert!(reports.take_fresh(&StreamKey { flow: there.reversed(), ssrc: 1 }).is_empty());
    }
}
