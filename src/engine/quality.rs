//! From what arrived to R and MOS: which codec row, which buffer, which delay, how much to trust it.

use crate::event::{NetworkDelay, PlayoutRecord, ScoredInterval, StreamRecord};
use crate::score::{CodecInUse, Evidence, MIN_PACKETS, Profile, Reasons, Row, Sample, Withheld};
use crate::track::codecs::{Encoding, EncodingId, Encodings};
use crate::track::media::MediaKind;
use crate::track::reports::ReportSummary;
use crate::track::stream::{Payload, Runs, StreamTotals};
use crate::track::streams::{ClosedInterval, EndedStream};

/// Depth of the fixed buffer, ms.
const FIXED_DEPTH_MS: f64 = 60.0;
/// Packet time where none was seen, ms (RFC 3551 table 1).
const USUAL_PTIME_MS: f64 = 20.0;

/// How scores are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreSettings {
    /// With whose values.
    pub profile: Profile,
    /// Score the adaptive buffer; else the fixed one.
    pub adaptive: bool,
    /// Network delay one way where RTCP does not tell it, ms.
    pub assumed_one_way_ms: f64,
}

impl Default for ScoreSettings {
    fn default() -> Self {
        Self { profile: Profile::Itu, adaptive: true, assumed_one_way_ms: 50.0 }
    }
}

impl ScoreSettings {
    fn delay(&self, reports: &ReportSummary) -> NetworkDelay {
        match reports.round_trip_ms() {
            Some(rtt) => NetworkDelay { value_ms: rtt / 2.0, measured: true },
            None => NetworkDelay { value_ms: self.assumed_one_way_ms, measured: false },
        }
    }
}

/// The codec row of a payload, or why it has none.
fn row(payload: Option<&Payload>, encoding: &Encoding, mode: Option<u8>) -> Result<&'static Row, Withheld> {
    if payload.is_some_and(|p| p.is_event) {
        return Err(Withheld::NotSpeech);
    }
    if encoding.is_video() {
        return Err(Withheld::NotAudio);
    }
    let codec = CodecInUse {
        name: &encoding.name,
        clock_rate_hz: encoding.clock_rate,
        annexb_no: encoding.annex_b_off,
        mode,
    };
    codec.row()
}

/// Mouth to ear: network, buffer, packet, look-ahead, ms.
fn mouth_to_ear(network: &NetworkDelay, buffer_ms: f64, ptime_ms: Option<f64>, row: &Row) -> f64 {
    network.value_ms + buffer_ms + ptime_ms.unwrap_or(USUAL_PTIME_MS) + row.lookahead_ms.unwrap_or(0.0)
}

const fn sample(expected: u32, lost: u32, bad: Runs) -> Sample {
    Sample {
        expected: expected as u64,
        lost: lost as u64,
        discarded: (bad.bad - lost) as u64,
        bad_runs: bad.runs as u64,
    }
}

pub(super) fn interval(
    settings: &ScoreSettings,
    encodings: &Encodings,
    closed: ClosedInterval,
    reports: &ReportSummary,
) -> ScoredInterval {
    let interval = &closed.interval;
    let encoding_id = interval.payload.map_or(EncodingId::UNKNOWN, |p| p.encoding);
    let encoding = encodings.get(encoding_id);
    let network = settings.delay(reports);
    let evidence = Evidence {
        packets: u64::from(interval.packets),
        one_interval: true,
        clock_inferred: encoding.inferred,
        one_direction: false,
        capture_loss: false,
        delay_assumed: !network.measured,
    };
    let bad = if settings.adaptive { interval.adaptive } else { interval.fixed };
    let rated = row(interval.payload.as_ref(), encoding, interval.mode).and_then(|row| {
        let buffer =
            if settings.adaptive { interval.adaptive_delay_ms.unwrap_or(0.0) } else { FIXED_DEPTH_MS };
        let ta = mouth_to_ear(&network, buffer, interval.ptime_ms, row);
        let sample = sample(interval.expected(), interval.lost.bad, bad);
        Ok((row, sample.score(settings.profile, row, Some(ta))?))
    });
    let reasons =
        rated.as_ref().map_or_else(|_| Reasons::default(), |(row, score)| evidence.reasons(row, score));
    ScoredInterval {
        closed,
        encoding: encoding_id,
        score: rated.map(|(_, score)| score),
        confidence: reasons.confidence(),
        reasons,
    }
}

pub(super) fn stream(
    settings: &ScoreSettings,
    encodings: &Encodings,
    ended: EndedStream,
    reports: ReportSummary,
) -> StreamRecord {
    let totals = &ended.totals;
    let main = totals.payloads.iter().find(|p| !p.is_event).or_else(|| totals.payloads.first());
    let encoding_id = main.map_or(EncodingId::UNKNOWN, |p| p.encoding);
    let encoding = encodings.get(encoding_id);
    let delay = settings.delay(&reports);
    let row = rated_row(&ended, main, encoding);
    let fixed = playout(settings, totals, row, &delay, false);
    let adaptive = playout(settings, totals, row, &delay, true);
    let score = if settings.adaptive { adaptive.score } else { fixed.score };
    let evidence = Evidence {
        packets: u64::from(totals.packets),
        one_interval: false,
        clock_inferred: encoding.inferred,
        one_direction: ended.one_direction,
        capture_loss: false,
        delay_assumed: !delay.measured,
    };
    let rated = row.and_then(|row| Ok((row, score?)));
    let reasons = rated.map_or_else(|_| Reasons::default(), |(row, score)| evidence.reasons(row, &score));
    StreamRecord {
        reports,
        encoding: encoding_id,
        playout: [fixed, adaptive],
        score,
        profile: settings.profile,
        delay,
        confidence: rated.is_ok().then(|| reasons.confidence()),
        reasons,
        ended,
    }
}

fn rated_row(
    ended: &EndedStream,
    main: Option<&Payload>,
    encoding: &Encoding,
) -> Result<&'static Row, Withheld> {
    if ended.kind == Some(MediaKind::Video) && encoding.name.is_empty() {
        return Err(Withheld::NotAudio);
    }
    let row = row(main, encoding, ended.totals.mode)?;
    // All payload types count towards the least number (CONTRACT: streams of 50 or more packets).
    if u64::from(ended.totals.packets) < MIN_PACKETS {
        return Err(Withheld::TooFewPackets);
    }
    Ok(row)
}

fn playout(
    settings: &ScoreSettings,
    totals: &StreamTotals,
    row: Result<&'static Row, Withheld>,
    network: &NetworkDelay,
    adaptive: bool,
) -> PlayoutRecord {
    let clocked = totals.adaptive_delay_ms.is_some();
    let bad = if adaptive { totals.adaptive } else { totals.fixed };
    let delay_ms = if adaptive { totals.adaptive_delay_ms } else { clocked.then_some(FIXED_DEPTH_MS) };
    let sample = sample(totals.expected, totals.lost.bad, bad);
    let score = row.and_then(|row| {
        let ta = mouth_to_ear(network, delay_ms.unwrap_or(0.0), totals.ptime_ms, row);
        crate::score::score(settings.profile, row, sample.ppl(), sample.burst_ratio(), Some(ta))
    });
    PlayoutRecord {
        adaptive,
        depth_ms: (!adaptive).then_some(FIXED_DEPTH_MS),
        delay_ms,
        discarded: clocked.then(|| bad.bad - totals.lost.bad),
        ppl_percent: clocked.then(|| sample.ppl()),
        burst_ratio: clocked.then(|| sample.burst_ratio()),
        score,
    }
}
