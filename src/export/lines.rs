//! Calls and directions as a person counts them: one line each, and which comes first.

use std::cmp::Ordering;

use super::analysis::{AnalysedStream, Analysis};
use super::terminal::span;
use crate::event::PlayoutRecord;
use crate::score::{Confidence, Reason, Withheld};
use crate::track::call::{Call, Party};

/// Below this MOS-LQ an interval or a direction is poor: some users are dissatisfied (R of 70;
/// ITU-T G.107 (06/2015) Table B.1). On its own scale, as the configuration's `poor_mos` has it.
pub(crate) const POOR: f64 = 3.6;
/// Below this it is bad: many users are dissatisfied (R of 60; same table).
pub(super) const BAD: f64 = 3.1;
/// A silence between two packets worth a word, ms: everybody notices a second.
const LONG_GAP_MS: f32 = 1000.0;

/// Which way the audio of a stream flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// Caller to callee.
    Forth,
    /// Callee to caller.
    Back,
    /// The addresses do not tell: media goes through a relay, or all is on one host.
    Unknown,
}

impl AnalysedStream {
    /// The way it flows in `call`.
    pub(super) fn way(&self, call: &Call) -> Way {
        match call.speaker(&self.record.ended.key.flow) {
            Some(Party::Caller) => Way::Forth,
            Some(Party::Callee) => Way::Back,
            None => Way::Unknown,
        }
    }

    /// MOS-LQE of the whole stream.
    pub(super) fn mos_lq(&self) -> Option<f64> {
        self.record.score.ok().map(|s| s.mos_lq)
    }

    /// Its worst interval's MOS-LQE.
    pub(super) fn worst_interval(&self) -> Option<f32> {
        self.intervals.iter().filter_map(|i| i.mos_lq).min_by(f32::total_cmp)
    }

    /// Share of its scored intervals that were poor, per cent.
    pub(super) fn poor_percent(&self) -> Option<f64> {
        let scored = self.intervals.iter().filter_map(|i| i.mos_lq);
        let (poor, all) = scored
            .fold((0_u64, 0_u64), |(poor, all), mos| (poor + u64::from(f64::from(mos) < POOR), all + 1));
        (all > 0).then(|| 100.0 * poor as f64 / all as f64)
    }

    /// Lost, per cent of the expected.
    pub(super) fn loss_percent(&self) -> Option<f64> {
        let t = &self.record.ended.totals;
        (t.expected > 0).then(|| 100.0 * f64::from(t.lost.bad) / f64::from(t.expected))
    }

    /// Too late for the scored buffer, per cent of the expected.
    pub(super) fn late_percent(&self) -> Option<f64> {
        let expected = self.record.ended.totals.expected;
        let discarded = self.scored_buffer()?.discarded?;
        (expected > 0).then(|| 100.0 * f64::from(discarded) / f64::from(expected))
    }

    /// The buffer that the stream's score is of.
    pub(super) fn scored_buffer(&self) -> Option<&PlayoutRecord> {
        let [fixed, adaptive] = &self.record.playout;
        [adaptive, fixed].into_iter().find(|p| p.score == self.record.score)
    }

    /// What else there is to say of it, the gravest first.
    pub(super) fn flags(&self, codec_known: bool) -> Vec<String> {
        let (ended, t) = (&self.record.ended, &self.record.ended.totals);
        let mut flags = Vec::new();
        if let Err(why) = self.record.score {
            let of_unknown = why == Withheld::UnknownCodec && !codec_known;
            flags.push(if of_unknown { "codec unknown" } else { in_short(why) }.to_owned());
        }
        if ended.one_direction {
            flags.push("one-way".to_owned());
        }
        if let Some(gap) = t.max_gap_ms.filter(|gap| *gap >= LONG_GAP_MS) {
            flags.push(format!("gap {}", span(f64::from(gap) / 1000.0)));
        }
        let counts = [
            ("reord", t.reordered),
            ("skip", t.skipped),
            ("dup", t.duplicates.saturating_sub(t.mirror_copies)),
            ("copies", t.mirror_copies),
        ];
        flags.extend(counts.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{what} {n}")));
        if self.record.reasons.contains(Reason::Extrapolated) {
            flags.push("extrapolated".to_owned());
        }
        if ended.evicted {
            flags.push("evicted".to_owned());
        }
        flags
    }
}

/// Why there is no score, in a column's room.
const fn in_short(why: Withheld) -> &'static str {
    match why {
        Withheld::NotSpeech => "no speech",
        Withheld::NotAudio => "not audio",
        Withheld::UnknownCodec => "codec not rated",
        Withheld::NoIe => "no Ie known",
        Withheld::LossWithoutBpl => "no Bpl known",
        Withheld::TooFewPackets => "few packets",
        Withheld::NotANumber => "no score",
    }
}

/// Behind a MOS-LQ: nothing where it can be trusted.
pub(super) const fn mark(confidence: Option<Confidence>) -> &'static str {
    match confidence {
        Some(Confidence::Medium) => "~",
        Some(Confidence::Low) => "?",
        Some(Confidence::High) | None => "",
    }
}

/// A call and one direction of it; a call of which no media was seen; or a stream without a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub call: Option<&'a Call>,
    pub stream: Option<&'a AnalysedStream>,
}

impl Line<'_> {
    /// Worst first.
    ///
    /// Heaps: known to be poor, unknown, known to be good, and what nobody listens to (digits, video). What
    /// cannot be told may be bad, so it must not hide below a page of good calls; but what is known to be poor
    /// is what somebody came to see. Each MOS-LQ counts on its own scale: beside fullband every narrowband
    /// call would come first, and nobody could do anything about it.
    fn worse(&self, other: &Self) -> Ordering {
        let of = |line: &Self| line.stream.and_then(AnalysedStream::mos_lq);
        let heap = |line: &Self| match line.stream.map(|s| s.record.score) {
            Some(Ok(score)) if score.mos_lq < POOR => 0,
            Some(Err(Withheld::NotSpeech | Withheld::NotAudio)) => 3,
            None | Some(Err(_)) => 1,
            Some(Ok(_)) => 2,
        };
        let loss = |line: &Self| line.stream.and_then(AnalysedStream::loss_percent).unwrap_or(0.0);
        let (a, b) = (of(self), of(other));
        heap(self)
            .cmp(&heap(other))
            .then_with(|| a.unwrap_or(0.0).total_cmp(&b.unwrap_or(0.0)))
            .then_with(|| loss(other).total_cmp(&loss(self)))
            .then_with(|| self.start().cmp(&other.start()))
    }

    /// When the call began; without one, the stream.
    pub fn start(&self) -> i64 {
        let of_stream = || self.stream.map_or(0, |s| s.record.ended.totals.first);
        self.call.map_or_else(of_stream, |c| c.start)
    }
}

/// All lines, in the three parts in which they are shown.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    /// Answered, or with media.
    pub calls: Vec<Line<'a>>,
    /// Never answered and without media, by their beginning.
    pub unanswered: Vec<&'a Call>,
    /// Streams that no SDP spoke of.
    pub strays: Vec<Line<'a>>,
}

impl<'a> Lines<'a> {
    pub fn new(analysis: &'a Analysis) -> Self {
        let mut has_media = vec![false; analysis.calls.len()];
        let (mut calls, mut strays) = (Vec::new(), Vec::new());
        for stream in &analysis.streams {
            let call = stream.call.and_then(|place| {
                *has_media.get_mut(place)? = true;
                analysis.calls.get(place)
            });
            let line = Line { call, stream: Some(stream) };
            if call.is_some() { calls.push(line) } else { strays.push(line) }
        }
        let mut unanswered = Vec::new();
        for (call, has_media) in analysis.calls.iter().zip(has_media) {
            match (has_media, is_answered(call)) {
                (true, _) => {}
                (false, true) => calls.push(Line { call: Some(call), stream: None }),
                (false, false) => unanswered.push(call),
            }
        }
        calls.sort_by(Line::worse);
        strays.sort_by(Line::worse);
        Self { calls, unanswered, strays }
    }
}

/// Seen from the middle, its answer may have been before.
const fn is_answered(call: &Call) -> bool {
    call.answer.is_some() || call.started_before_probe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_that_can_be_trusted_needs_no_mark() {
        use Confidence::{High, Low, Medium};
        assert_eq!([None, Some(High), Some(Medium), Some(Low)].map(mark), ["", "", "~", "?"]);
    }
}
