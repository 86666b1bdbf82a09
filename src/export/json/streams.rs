//! Streams and intervals in JSON.

use serde::Serialize;

use super::{ViewJson, round, views};
use crate::event::{PlayoutRecord, StreamRecord};
use crate::export::analysis::{AnalysedStream, Analysis, IntervalPoint};
use crate::export::text::{codec_name, flow_bytes, rfc3339};
use crate::score::{Confidence, Reasons, Withheld};

#[derive(Serialize)]
pub(in crate::export) struct StreamJson<'a> {
    id: String,
    views: Vec<ViewJson<'a>>,
    customer: Option<&'a str>,
    site: Option<&'a str>,
    direction: Option<&'a str>,
    src: String,
    dst: String,
    ssrc: u32,
    call: Option<usize>,
    codec: &'a str,
    payload_types: Vec<u8>,
    clock_rate_hz: Option<u32>,
    ptime_ms: Option<f64>,
    first: String,
    last: String,
    packets: u32,
    expected: u32,
    lost: u32,
    skipped: u32,
    loss_percent: Option<f64>,
    duplicates: u32,
    mirror_copies: u32,
    reordered: u32,
    digits: u32,
    /// Known where packets are captured live.
    capture_loss: Option<()>,
    jitter_ms: Option<JitterJson>,
    max_gap_ms: Option<f64>,
    burst: BurstJson,
    playout: Vec<PlayoutJson>,
    dscp: Vec<u8>,
    rtcp: RtcpJson,
    r: Option<f64>,
    mos_lq: Option<f64>,
    mos_cq: Option<f64>,
    scale: Option<&'static str>,
    profile: &'static str,
    model: Option<String>,
    delay_ms: DelayJson,
    confidence: Option<&'static str>,
    because: Vec<String>,
    evicted: bool,
    intervals: Vec<IntervalJson<'a>>,
}

#[derive(Serialize)]
struct JitterJson {
    mean: f64,
    max: f64,
    last: f64,
}

#[derive(Serialize)]
struct BurstJson {
    burst_density_percent: f64,
    gap_density_percent: f64,
    burst_duration_ms: Option<f64>,
    gap_duration_ms: Option<f64>,
    burst_ratio: f64,
}

#[derive(Serialize)]
struct PlayoutJson {
    kind: &'static str,
    depth_ms: Option<f64>,
    delay_ms: Option<f64>,
    discarded: Option<u32>,
    ppl_percent: Option<f64>,
    burst_ratio: Option<f64>,
    r: Option<f64>,
    mos_lq: Option<f64>,
    mos_cq: Option<f64>,
}

#[derive(Serialize)]
struct RtcpJson {
    sr: u32,
    rr: u32,
    xr: u32,
    fraction_lost_max: Option<f64>,
    rtt_ms: Option<RttJson>,
}

#[derive(Serialize)]
struct RttJson {
    src: Option<f64>,
    dst: Option<f64>,
}

#[derive(Serialize)]
struct DelayJson {
    value: f64,
    source: &'static str,
}

#[derive(Serialize)]
struct IntervalJson<'a> {
    start: String,
    seconds: f64,
    packets: u32,
    expected: u32,
    lost: u32,
    discarded: u32,
    jitter_ms: Option<f64>,
    pdv_max_ms: Option<f64>,
    codec: &'a str,
    scale: Option<&'static str>,
    mos_lq: Option<f64>,
    mos_cq: Option<f64>,
    confidence: Option<&'static str>,
    because: Vec<String>,
}

impl<'a> StreamJson<'a> {
    pub fn new(analysis: &'a Analysis, stream: &'a AnalysedStream) -> Self {
        let intervals = stream.intervals.iter().map(|i| interval(analysis, i)).collect();
        Self { intervals, ..Self::without_intervals(analysis, stream) }
    }

    pub(in crate::export) fn without_intervals(analysis: &'a Analysis, stream: &'a AnalysedStream) -> Self {
        let record = &stream.record;
        let (key, t) = (&record.ended.key, &record.ended.totals);
        let encoding = analysis.encoding(record.encoding);
        let score = record.score.ok();
        let flow = flow_bytes(&key.flow);
        let labels = &analysis.labels;
        let views = views(labels, &labels.sites.views(&key.flow, record.ended.vlan));
        let first = views.first().copied();
        Self {
            id: labels.record_id(t.first, &[flow.as_bytes(), &key.ssrc.to_be_bytes()]),
            customer: first.map(|v| v.customer),
            site: first.map(|v| v.site),
            direction: first.map(|v| v.direction),
            views,
            src: key.flow.src.to_string(),
            dst: key.flow.dst.to_string(),
            ssrc: key.ssrc,
            call: stream.call,
            codec: codec_name(encoding),
            payload_types: t.payloads.iter().map(|p| p.payload_type).collect(),
            clock_rate_hz: Some(encoding.clock_rate).filter(|c| *c != 0),
            ptime_ms: t.ptime_ms.map(round),
            first: rfc3339(t.first),
            last: rfc3339(t.last),
            packets: t.packets,
            expected: t.expected,
            lost: t.lost.bad,
            skipped: t.skipped,
            loss_percent: (t.expected > 0)
                .then(|| round(100.0 * f64::from(t.lost.bad) / f64::from(t.expected))),
            duplicates: t.duplicates,
            mirror_copies: t.mirror_copies,
            reordered: t.reordered,
            digits: t.digits,
            capture_loss: None,
            jitter_ms: t.jitter.map(|j| JitterJson {
                mean: round(j.mean),
                max: round(j.max),
                last: round(j.last),
            }),
            max_gap_ms: t.max_gap_ms.map(|g| round(f64::from(g))),
            burst: burst(record),
            playout: record.playout.iter().map(playout).collect(),
            dscp: (0..64).filter(|bit| t.dscp >> bit & 1 == 1).collect(),
            rtcp: rtcp(record),
            r: score.and_then(|s| s.r).map(round),
            mos_lq: score.map(|s| round(s.mos_lq)),
            mos_cq: score.and_then(|s| s.mos_cq).map(round),
            scale: score.map(|s| s.scale.name()),
            profile: record.profile.name(),
            model: score.map(|s| s.model_text()),
            delay_ms: DelayJson {
                value: round(record.delay.value_ms),
                source: if record.delay.measured { "rtcp" } else { "assumed" },
            },
            confidence: record.confidence.map(Confidence::name),
            because: because(record.reasons, record.score.err()),
            evicted: record.ended.evicted,
            intervals: Vec::new(),
        }
    }
}

fn burst(record: &StreamRecord) -> BurstJson {
    let t = &record.ended.totals;
    let b = t.burst_gap;
    let millis = |packets: f64| t.ptime_ms.map(|ptime| round(packets * ptime));
    BurstJson {
        burst_density_percent: round(100.0 * b.burst_density),
        gap_density_percent: round(100.0 * b.gap_density),
        burst_duration_ms: millis(b.burst_packets),
        gap_duration_ms: millis(b.gap_packets),
        burst_ratio: round(t.lost.burst_ratio(t.expected)),
    }
}

fn playout(p: &PlayoutRecord) -> PlayoutJson {
    let score = p.score.ok();
    PlayoutJson {
        kind: if p.adaptive { "adaptive" } else { "fixed" },
        depth_ms: p.depth_ms,
        delay_ms: p.delay_ms.map(round),
        discarded: p.discarded,
        ppl_percent: p.ppl_percent.map(round),
        burst_ratio: p.burst_ratio.map(round),
        r: score.and_then(|s| s.r).map(round),
        mos_lq: score.map(|s| round(s.mos_lq)),
        mos_cq: score.and_then(|s| s.mos_cq).map(round),
    }
}

fn rtcp(record: &StreamRecord) -> RtcpJson {
    let r = &record.reports;
    let (src, dst) = (r.round_trip_source_ms.map(round), r.round_trip_destination_ms.map(round));
    RtcpJson {
        sr: r.counts.sender,
        rr: r.counts.receiver,
        xr: r.counts.extended,
        fraction_lost_max: r.fraction_lost_max.map(round),
        rtt_ms: (src.is_some() || dst.is_some()).then_some(RttJson { src, dst }),
    }
}

fn interval<'a>(analysis: &'a Analysis, i: &IntervalPoint) -> IntervalJson<'a> {
    let short = |v: f32| round(f64::from(v));
    IntervalJson {
        start: rfc3339(i.start),
        seconds: short(i.seconds),
        packets: i.packets,
        expected: i.expected(),
        lost: i.lost,
        discarded: i.discarded,
        jitter_ms: i.jitter_ms.map(short),
        pdv_max_ms: i.delay_variation_max_ms.map(short),
        codec: codec_name(analysis.encoding(i.encoding)),
        scale: i.scale.map(crate::score::Scale::name),
        mos_lq: i.mos_lq.map(short),
        mos_cq: i.mos_cq.map(short),
        confidence: i.confidence.map(Confidence::name),
        because: because(i.reasons, i.withheld),
    }
}

fn because(reasons: Reasons, withheld: Option<Withheld>) -> Vec<String> {
    match withheld {
        Some(why) => vec![why.to_string()],
        None => reasons.iter().map(|r| r.words().to_owned()).collect(),
    }
}
