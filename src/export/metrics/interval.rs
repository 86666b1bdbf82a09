//! What the metrics take in: closed intervals, with the labels of who saw them.

use arrayvec::ArrayVec;

use super::direction::Direction;
use super::totals::UNASSIGNED;
use crate::event::ScoredInterval;
use crate::score::{Reason, Scale, Withheld};

/// Shorter last intervals are counted, but are no observation, ns.
const LEAST_OBSERVED: i64 = 1_000_000_000;

/// A configured site that a stream touches, and which way the stream flows there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewLabels<'a> {
    /// The site's customer.
    pub customer: &'a str,
    /// The site.
    pub site: &'a str,
    /// Seen from the site.
    pub direction: Direction,
}

impl ViewLabels<'static> {
    /// Of a stream that touches no configured site.
    pub const UNASSIGNED: Self =
        Self { customer: UNASSIGNED, site: UNASSIGNED, direction: Direction::Through };
}

/// Why an interval has no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithheldReason {
    /// The codec has no row, or not all of one.
    Codec,
    /// The RTP clock is not known.
    Clock,
    /// Too few packets.
    Samples,
    /// The probe itself lost packets.
    CaptureLoss,
    /// Nobody listens to it.
    NotAudio,
    /// What was sent cannot be told.
    Encrypted,
}

impl WithheldReason {
    /// Every reason, in the order in which they are counted.
    pub const ALL: [Self; 6] =
        [Self::Codec, Self::Clock, Self::Samples, Self::CaptureLoss, Self::NotAudio, Self::Encrypted];

    /// Its label value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Codec => "codec",
            Self::Clock => "clock",
            Self::Samples => "samples",
            Self::CaptureLoss => "capture_loss",
            Self::NotAudio => "not_audio",
            Self::Encrypted => "encrypted",
        }
    }

    /// What metrics call it; `clocked`: the RTP clock is known.
    #[must_use]
    pub const fn of(withheld: Withheld, clocked: bool) -> Self {
        match withheld {
            Withheld::NotSpeech | Withheld::NotAudio => Self::NotAudio,
            Withheld::UnknownCodec if !clocked => Self::Clock,
            Withheld::UnknownCodec | Withheld::NoIe | Withheld::LossWithoutBpl => Self::Codec,
            Withheld::TooFewPackets | Withheld::NotANumber => Self::Samples,
        }
    }
}

/// What became of an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// It has a score.
    Scored {
        /// On which scale.
        scale: Scale,
        /// MOS-LQE.
        mos_lqe: f64,
        /// MOS-CQE; `None` where the delay is not measured.
        mos_cqe: Option<f64>,
    },
    /// It has none.
    Withheld(WithheldReason),
    /// The probe lost packets in it, so that it says nothing of the network.
    CaptureLoss,
}

/// One closed interval of one stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntervalSample<'a> {
    /// Its end, nanoseconds since the Unix epoch.
    pub end: i64,
    /// Its length, ns.
    pub length: i64,
    /// Encoding name of most of its packets, in any case; empty where it is not known.
    pub encoding_name: &'a str,
    /// Received, unique.
    pub packets: u64,
    /// Expected.
    pub expected: u64,
    /// Never arrived.
    pub lost: u64,
    /// Too late for the configured playout buffer.
    pub discarded: u64,
    /// Duplicated by the network; mirror copies left out.
    pub duplicates: u64,
    /// Arrived below the highest number so far.
    pub reordered: u64,
    /// Packets by the classes of [`DscpClass::ALL`](crate::track::stream::DscpClass::ALL).
    pub dscp: [u64; 6],
    /// Interarrival jitter at its end, seconds.
    pub jitter: Option<f64>,
    /// Largest 2-point delay variation, seconds.
    pub delay_variation: Option<f64>,
    /// G.107 BurstR of the lost; `None` without loss.
    pub burst_ratio: Option<f64>,
    /// Its score, or why there is none.
    pub outcome: Outcome,
    /// Our id of its call, for exemplars.
    pub call_id: Option<&'a str>,
}

impl<'a> IntervalSample<'a> {
    /// What the engine tells of an interval; `adaptive`: that buffer is the configured one.
    #[must_use]
    pub fn new(scored: &ScoredInterval, encoding_name: &'a str, adaptive: bool) -> Self {
        let interval = &scored.closed.interval;
        let bad = if adaptive { interval.adaptive } else { interval.fixed };
        let clocked = interval.adaptive_delay_ms.is_some();
        let outcome = match scored.score {
            _ if scored.reasons.contains(Reason::CaptureLoss) => Outcome::CaptureLoss,
            Ok(score) => Outcome::Scored {
                scale: score.scale,
                mos_lqe: score.mos_lq,
                mos_cqe: score.mos_cq.filter(|_| !scored.reasons.contains(Reason::DelayAssumed)),
            },
            Err(withheld) => Outcome::Withheld(WithheldReason::of(withheld, clocked)),
        };
        let lost = interval.lost;
        Self {
            end: interval.start.saturating_add(interval.length),
            length: interval.length,
            encoding_name,
            packets: u64::from(interval.packets),
            expected: u64::from(interval.expected()),
            lost: u64::from(lost.bad),
            discarded: u64::from(bad.bad.saturating_sub(lost.bad)),
            duplicates: u64::from(interval.duplicates.saturating_sub(interval.mirror_copies)),
            reordered: u64::from(interval.reordered),
            dscp: interval
                .dscp
                .iter()
                .map(|(_, n)| u64::from(n))
                .collect::<ArrayVec<_, 6>>()
                .into_inner()
                .unwrap_or_default(),
            jitter: interval.jitter_ms.map(|ms| ms / 1e3),
            delay_variation: interval.delay_variation_max_ms.map(|ms| f64::from(ms) / 1e3),
            burst_ratio: (lost.bad > 0).then(|| lost.burst_ratio(interval.expected())),
            outcome,
            call_id: None,
        }
    }

    /// Whether it is long enough to be an observation.
    #[must_use]
    pub const fn is_observation(&self) -> bool {
        self.length >= LEAST_OBSERVED
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{Confidence, Profile, Reasons, Sample, codecs::CodecInUse};
    use crate::track::arrival::StreamKey;
    use crate::track::codecs::EncodingId;
    use crate::track::stream::{DscpClass, DscpCounts, Interval, Runs};
    use crate::track::streams::ClosedInterval;

    fn scored() -> ScoredInterval {
        let codec = CodecInUse { name: "PCMA", clock_rate_hz: 8000, annexb_no: false, mode: None };
        let sample = Sample { expected: 500, lost: 10, discarded: 20, bad_runs: 8 };
        ScoredInterval {
            closed: ClosedInterval {
                stream: 1,
                key: StreamKey::default(),
                vlan: 0,
                interval: Interval {
                    start: 5_000_000_000,
                    length: 10_000_000_000,
                    packets: 490,
                    lost: Runs { bad: 10, runs: 4 },
                    fixed: Runs { bad: 12, runs: 5 },
                    adaptive: Runs { bad: 30, runs: 8 },
                    jitter_ms: Some(4.0),
                    delay_variation_max_ms: Some(32.0),
                    payload: None,
                    mode: None,
                    adaptive_delay_ms: Some(40.0),
                    ptime_ms: Some(20.0),
                    duplicates: 3,
                    mirror_copies: 1,
                    reordered: 2,
                    dscp: DscpCounts::default(),
                },
            },
            encoding: EncodingId::UNKNOWN,
            score: sample.score(Profile::Itu, codec.row().unwrap(), Some(100.0)),
            confidence: Confidence::High,
            reasons: Reasons::default(),
        }
    }

    #[test]
    fn units_and_the_configured_buffer_are_taken() {
        let sample = IntervalSample::new(&scored(), "PCMA", true);
        assert_eq!(
            (sample.end, sample.expected, sample.lost, sample.discarded),
            (15_000_000_000, 500, 10, 20)
        );
        assert_eq!(IntervalSample::new(&scored(), "PCMA", false).discarded, 2);
        assert_eq!((sample.duplicates, sample.reordered), (2, 2));
        assert_eq!((sample.jitter, sample.delay_variation), (Some(0.004), Some(0.032)));
        // 10 lost in 4 runs, of 500: 2.5 × 0.98.
        assert!((sample.burst_ratio.unwrap() - 2.45).abs() < 1e-12);
    }

    #[test]
    fn conversational_quality_wants_a_measured_delay() {
        let mut scored = scored();
        let cqe = |s: &ScoredInterval| match IntervalSample::new(s, "PCMA", true).outcome {
            Outcome::Scored { mos_cqe, .. } => mos_cqe,
            Outcome::Withheld(_) | Outcome::CaptureLoss => None,
        };
        assert!(cqe(&scored).is_some());
        scored.reasons.insert(Reason::DelayAssumed);
        assert_eq!(cqe(&scored), None);
        scored.reasons.insert(Reason::CaptureLoss);
        assert_eq!(IntervalSample::new(&scored, "PCMA", true).outcome, Outcome::CaptureLoss);
    }

    #[test]
    fn a_score_is_withheld_by_a_reason() {
        let mut scored = scored();
        scored.score = Err(Withheld::UnknownCodec);
        let reason = |s: &ScoredInterval| IntervalSample::new(s, "", true).outcome;
        assert_eq!(reason(&scored), Outcome::Withheld(WithheldReason::Codec));
        scored.closed.interval.adaptive_delay_ms = None;
        assert_eq!(reason(&scored), Outcome::Withheld(WithheldReason::Clock));
        scored.score = Err(Withheld::TooFewPackets);
        assert_eq!(reason(&scored), Outcome::Withheld(WithheldReason::Samples));
    }

    #[test]
    fn markings_fall_into_their_classes() {
        let classes = [46, 34, 26, 24, 0, 1].map(DscpClass::of);
        assert_eq!(classes, DscpClass::ALL);
    }
}
