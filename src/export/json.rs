//! The analysis as `clearline.analysis/1`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::analysis::{AnalysedStream, Analysis, Capture, IntervalPoint};
use super::text::{codec_name, flow_bytes, record_id, rfc3339};
use crate::event::{PlayoutRecord, StreamRecord};
use crate::score::{Confidence, Reasons, Withheld};
use crate::track::call::{Call, CallState, EndedBy, Leg};

impl Analysis {
    /// Writes one JSON object and a line end.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_json(&self, mut out: impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut out, &self.json())?;
        out.write_all(b"\n")
    }

    fn json(&self) -> AnalysisJson<'_> {
        let mut of_call: Vec<Vec<usize>> = vec![Vec::new(); self.calls.len()];
        for (i, stream) in self.streams.iter().enumerate() {
            if let Some(list) = stream.call.and_then(|c| of_call.get_mut(c)) {
                list.push(i);
            }
        }
        AnalysisJson {
            schema: "clearline.analysis/1",
            captures: self.captures.iter().map(CaptureJson::new).collect(),
            calls: self
                .calls
                .iter()
                .zip(of_call)
                .map(|(call, streams)| CallJson::new(call, streams))
                .collect(),
            streams: self.streams.iter().map(|s| StreamJson::new(self, s)).collect(),
            signalling: SignallingJson {
                requests: &self.messages.requests,
                responses: self.messages.responses.iter().map(|(code, n)| (code.to_string(), *n)).collect(),
                kpis: None,
            },
        }
    }
}

#[derive(Serialize)]
struct AnalysisJson<'a> {
    schema: &'static str,
    captures: Vec<CaptureJson>,
    calls: Vec<CallJson<'a>>,
    streams: Vec<StreamJson<'a>>,
    signalling: SignallingJson<'a>,
}

#[derive(Serialize)]
struct SignallingJson<'a> {
    requests: &'a BTreeMap<String, u64>,
    responses: BTreeMap<String, u64>,
    /// Not computed yet.
    kpis: Option<()>,
}

#[derive(Serialize)]
struct CaptureJson {
    file: String,
    link_types: Vec<String>,
    packets: u64,
    bytes: u64,
    first: Option<String>,
    last: Option<String>,
    damaged: Option<DamageJson>,
    undecoded: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct DamageJson {
    offset: u64,
    reason: String,
}

impl CaptureJson {
    fn new(capture: &Capture) -> Self {
        let file = &capture.file;
        Self {
            file: file.path.display().to_string(),
            link_types: file.link_types.iter().map(ToString::to_string).collect(),
            packets: file.packets,
            bytes: file.bytes,
            first: file.first.map(|t| rfc3339(t.as_nanos())),
            last: file.last.map(|t| rfc3339(t.as_nanos())),
            damaged: file.damaged.as_ref().map(|d| DamageJson { offset: d.offset, reason: d.reason.clone() }),
            undecoded: capture.undecoded.iter().map(|(what, n)| (what.reason(), n)).collect(),
        }
    }
}

/// A customer's or site's view; none without configuration.
#[derive(Serialize)]
struct ViewJson {}

#[derive(Serialize)]
struct CallJson<'a> {
    id: String,
    call_id: &'a str,
    views: [ViewJson; 0],
    customer: Option<&'a str>,
    site: Option<&'a str>,
    direction: Option<&'a str>,
    peer: Option<&'a str>,
    from: Option<&'a str>,
    to: Option<&'a str>,
    state: &'static str,
    status: Option<u16>,
    ended_by: Option<&'static str>,
    start: String,
    ringing: Option<String>,
    answer: Option<String>,
    end: Option<String>,
    post_dial_delay_ms: Option<f64>,
    answer_delay_ms: Option<f64>,
    duration_s: Option<f64>,
    legs: Vec<LegJson<'a>>,
    streams: Vec<usize>,
    partial: Option<&'static str>,
    failure: Option<FailureJson<'a>>,
}

#[derive(Serialize)]
struct FailureJson<'a> {
    status: Option<u16>,
    q850: Option<u16>,
    reason: Option<&'a str>,
    answered_by: Option<String>,
}

#[derive(Serialize)]
struct LegJson<'a> {
    id: String,
    call_id: &'a str,
    from_tag: &'a str,
    to_tag: Option<&'a str>,
    from: Option<&'a str>,
    to: Option<&'a str>,
    transport: &'static str,
    src: String,
    dst: String,
    user_agents: AgentsJson<'a>,
    status: Option<u16>,
    reason: Option<&'a str>,
    ended_by: Option<&'static str>,
    start: String,
    ringing: Option<String>,
    answer: Option<String>,
    end: Option<String>,
    retransmissions: u32,
    mirror_copies: u32,
}

#[derive(Serialize)]
struct AgentsJson<'a> {
    caller: Option<&'a str>,
    callee: Option<&'a str>,
}

impl<'a> CallJson<'a> {
    fn new(call: &'a Call, streams: Vec<usize>) -> Self {
        Self {
            id: record_id(call.start, &[call.call_id.as_bytes(), call.from_tag.as_bytes()]),
            call_id: &call.call_id,
            views: [],
            customer: None,
            site: None,
            direction: None,
            peer: None,
            from: call.from.as_deref(),
            to: call.to.as_deref(),
            state: state(call.state),
            status: call.status,
            ended_by: call.ended_by.map(ended_by),
            start: rfc3339(call.start),
            ringing: call.ringing.map(rfc3339),
            answer: call.answer.map(rfc3339),
            end: call.end.map(rfc3339),
            post_dial_delay_ms: call.post_dial_delay_ms().map(round),
            answer_delay_ms: call.answer_delay_ms().map(round),
            duration_s: call.duration_s().map(round),
            legs: call.legs.iter().map(|leg| LegJson::new(call, leg)).collect(),
            streams,
            partial: match (call.evicted, call.started_before_probe) {
                (true, _) => Some("evicted"),
                (_, true) => Some("started_before_probe"),
                _ => None,
            },
            failure: call.failure().map(|status| FailureJson {
                status,
                q850: call.q850,
                reason: call.reason.as_deref(),
                answered_by: call.answered_by.map(|f| f.src.to_string()),
            }),
        }
    }
}

impl<'a> LegJson<'a> {
    fn new(call: &'a Call, leg: &'a Leg) -> Self {
        let to_tag = leg.to_tag.as_deref();
        let parts = [call.call_id.as_bytes(), leg.from_tag.as_bytes(), to_tag.unwrap_or_default().as_bytes()];
        Self {
            id: record_id(leg.start, &parts),
            call_id: &call.call_id,
            from_tag: &leg.from_tag,
            to_tag,
            from: leg.from.as_deref(),
            to: leg.to.as_deref(),
            transport: leg.transport.name(),
            src: leg.flow.src.to_string(),
            dst: leg.flow.dst.to_string(),
            user_agents: AgentsJson {
                caller: leg.caller_agent.as_deref(),
                callee: leg.callee_agent.as_deref(),
            },
            status: leg.status,
            reason: leg.reason.as_deref(),
            ended_by: leg.ended_by.map(ended_by),
            start: rfc3339(leg.start),
            ringing: leg.ringing.map(rfc3339),
            answer: leg.answer.map(rfc3339),
            end: leg.end.map(rfc3339),
            retransmissions: leg.retransmissions,
            mirror_copies: leg.mirror_copies,
        }
    }
}

/// As INTERFACES name it.
pub(super) const fn state(state: CallState) -> &'static str {
    match state {
        CallState::Trying => "trying",
        CallState::Ringing => "ringing",
        CallState::Answered => "answered",
        CallState::Established => "established",
        CallState::Completed => "completed",
        CallState::Cancelled => "cancelled",
        CallState::Failed => "failed",
        CallState::TimedOut => "timed_out",
        CallState::Interrupted => "interrupted",
    }
}

pub(super) const fn ended_by(by: EndedBy) -> &'static str {
    match by {
        EndedBy::Caller => "caller",
        EndedBy::Callee => "callee",
    }
}

#[derive(Serialize)]
struct StreamJson<'a> {
    id: String,
    views: [ViewJson; 0],
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
    fn new(analysis: &'a Analysis, stream: &'a AnalysedStream) -> Self {
        let record = &stream.record;
        let (key, t) = (&record.ended.key, &record.ended.totals);
        let encoding = analysis.encoding(record.encoding);
        let score = record.score.ok();
        let flow = flow_bytes(&key.flow);
        Self {
            id: record_id(t.first, &[flow.as_bytes(), &key.ssrc.to_be_bytes()]),
            views: [],
            customer: None,
            site: None,
            direction: None,
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
            intervals: stream.intervals.iter().map(|i| interval(analysis, i)).collect(),
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

/// Six digits behind the point: a nanosecond in ms, and no noise of the last bit.
fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
