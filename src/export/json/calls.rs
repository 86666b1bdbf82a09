//! Calls and legs in JSON.

use std::borrow::Cow;

use serde::Serialize;

use super::{ViewJson, round, views};
use crate::decode::{Address, Flow};
use crate::export::analysis::{AnalysedStream, Analysis, Labels};
use crate::export::text::rfc3339;
use crate::track::call::{AudioFault, AudioReason, Call, CallState, EndedBy, Fault, Join, Leg, Party};
use crate::track::sites::{CallEnds, Direction, View};

/// The peer at one of a call's ends: who was called before who called, the last leg's before the first one's.
fn peer<'a>(labels: &'a Labels, call: &Call) -> Option<&'a str> {
    let of = |end: fn(&Flow) -> Address| call.legs.iter().rev().find_map(|l| labels.sites.peer(end(&l.flow)));
    let peer = of(|flow| flow.dst.address).or_else(|| of(|flow| flow.src.address))?;
    Some(labels.sites.peer_name(peer))
}

/// The sites that a call touches, each once: those of its first leg before those of legs joined to it.
fn call_views<'a>(labels: &'a Labels, call: &Call) -> Vec<ViewJson<'a>> {
    let parties = &call.parties;
    let mut flows: Vec<Flow> = call.legs.iter().map(|leg| leg.flow).collect();
    flows.dedup();
    let mut all: Vec<View> = Vec::new();
    for flow in flows {
        let ends = CallEnds {
            caller: flow.src.address,
            callee: flow.dst.address,
            vlan: parties.vlan,
            caller_domain: &parties.from_domain,
            callee_domain: &parties.to_domain,
        };
        for view in labels.sites.call_views(&ends) {
            match all.iter_mut().find(|known| known.site == view.site) {
                Some(known) => known.direction = together(known.direction, view.direction),
                None => all.push(view),
            }
        }
    }
    views(labels, &all)
}

/// How a site sees a call that it sees two legs of.
const fn together(a: Direction, b: Direction) -> Direction {
    match (a, b) {
        (Direction::In, Direction::In) => Direction::In,
        (Direction::Out, Direction::Out) => Direction::Out,
        (Direction::Through, other) | (other, Direction::Through) => other,
        _ => Direction::Internal,
    }
}

#[derive(Serialize)]
pub(super) struct CallJson<'a> {
    id: String,
    call_id: &'a str,
    views: Vec<ViewJson<'a>>,
    customer: Option<&'a str>,
    site: Option<&'a str>,
    direction: Option<&'a str>,
    peer: Option<&'a str>,
    from: Option<Cow<'a, str>>,
    to: Option<Cow<'a, str>>,
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
    joins: Vec<JoinJson>,
    streams: Vec<usize>,
    audio: Vec<AudioJson>,
    one_way: Option<bool>,
    mos_lq_min: Option<f64>,
    good_s: u32,
    poor_s: u32,
    unscored_s: u32,
    digits: DigitsJson,
    partial: Option<&'static str>,
    failure: Option<FailureJson<'a>>,
    cause: Option<()>,
}

#[derive(Serialize)]
struct JoinJson {
    a: usize,
    b: usize,
    by: &'static str,
    confidence: f64,
}

#[derive(Serialize)]
struct AudioJson {
    direction: &'static str,
    fault: &'static str,
    reason: Option<&'static str>,
    from: String,
    to: String,
}

/// Key presses: counted, never which.
#[derive(Serialize)]
struct DigitsJson {
    /// By SIP INFO, whoever pressed.
    info: u32,
    /// By RTP events (RFC 4733), of the stream that has most: each hop carries the same ones.
    caller_to_callee: u32,
    callee_to_caller: u32,
}

#[derive(Serialize)]
struct FailureJson<'a> {
    status: Option<u16>,
    q850: Option<u16>,
    reason: Option<&'a str>,
    answered_by: Option<String>,
    text: String,
}

#[derive(Serialize)]
struct LegJson<'a> {
    id: String,
    call_id: &'a str,
    from_tag: &'a str,
    to_tag: Option<&'a str>,
    from: Option<Cow<'a, str>>,
    to: Option<Cow<'a, str>>,
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
    pub fn new(analysis: &'a Analysis, call: &'a Call, streams: Vec<usize>) -> Self {
        let labels = &analysis.labels;
        let quality = analysis.quality_of(call, &streams);
        let heard = streams.iter().filter_map(|place| analysis.streams.get(*place));
        let digits = DigitsJson::new(call, heard);
        let views = call_views(labels, call);
        let first = views.first().copied();
        Self {
            id: labels.call_id(call),
            call_id: &call.call_id,
            views,
            customer: first.map(|v| v.customer),
            site: first.map(|v| v.site),
            direction: first.map(|v| v.direction),
            peer: peer(labels, call),
            from: call.from.as_deref().map(|name| labels.shown(name)),
            to: call.to.as_deref().map(|name| labels.shown(name)),
            state: state(call.state),
            status: call.status,
            ended_by: call.ended_by.map(EndedBy::name),
            start: rfc3339(call.start),
            ringing: call.ringing.map(rfc3339),
            answer: call.answer.map(rfc3339),
            end: call.end.map(rfc3339),
            post_dial_delay_ms: call.post_dial_delay_ms().map(round),
            answer_delay_ms: call.answer_delay_ms().map(round),
            duration_s: call.duration_s().map(round),
            legs: call.legs.iter().map(|leg| LegJson::new(labels, leg)).collect(),
            joins: call.joins.iter().map(JoinJson::new).collect(),
            one_way: one_way(call, !streams.is_empty()),
            streams,
            audio: call.audio.iter().map(AudioJson::new).collect(),
            mos_lq_min: quality.mos_lq_min.map(round),
            good_s: quality.good_s,
            poor_s: quality.poor_s,
            unscored_s: quality.unscored_s,
            digits,
            partial: match (call.evicted, call.started_before_probe) {
                (true, _) => Some("evicted"),
                (_, true) => Some("started_before_probe"),
                _ => None,
            },
            failure: call.failure().map(|status| FailureJson {
                text: call.failure_text(),
                status,
                q850: call.q850,
                reason: call.reason.as_deref(),
                answered_by: call.answered_by.map(|f| f.src.to_string()),
            }),
            cause: None,
        }
    }
}

/// Whether audio was missing one way; unknown of a call that was not answered, or of which nothing was heard.
fn one_way(call: &Call, heard: bool) -> Option<bool> {
    call.answer.filter(|_| heard)?;
    Some(call.audio.iter().any(|a| a.fault == Fault::OneWay))
}

impl JoinJson {
    fn new(join: &Join) -> Self {
        Self { a: join.a, b: join.b, by: join.by.name(), confidence: round(f64::from(join.confidence)) }
    }
}

impl DigitsJson {
    fn new<'s>(call: &Call, streams: impl Iterator<Item = &'s AnalysedStream>) -> Self {
        let mut digits = Self { info: call.info_digits, caller_to_callee: 0, callee_to_caller: 0 };
        for ended in streams.map(|s| &s.record.ended) {
            let pressed = match call.speaker(&ended.key.flow) {
                Some(Party::Caller) => &mut digits.caller_to_callee,
                Some(Party::Callee) => &mut digits.callee_to_caller,
                None => continue,
            };
            *pressed = (*pressed).max(ended.totals.digits);
        }
        digits
    }
}

impl AudioJson {
    fn new(audio: &AudioFault) -> Self {
        Self {
            direction: audio.way.name(),
            fault: audio.fault.name(),
            reason: audio.reason.map(AudioReason::name),
            from: rfc3339(audio.from),
            to: rfc3339(audio.to),
        }
    }
}

impl<'a> LegJson<'a> {
    fn new(labels: &Labels, leg: &'a Leg) -> Self {
        let to_tag = leg.to_tag.as_deref();
        let parts = [leg.call_id.as_bytes(), leg.from_tag.as_bytes(), to_tag.unwrap_or_default().as_bytes()];
        Self {
            id: labels.record_id(leg.start, &parts),
            call_id: &leg.call_id,
            from_tag: &leg.from_tag,
            to_tag,
            from: leg.from.as_deref().map(|name| labels.shown(name)),
            to: leg.to.as_deref().map(|name| labels.shown(name)),
            transport: leg.transport.name(),
            src: leg.flow.src.to_string(),
            dst: leg.flow.dst.to_string(),
            user_agents: AgentsJson {
                caller: leg.caller_agent.as_deref(),
                callee: leg.callee_agent.as_deref(),
            },
            status: leg.status,
            reason: leg.reason.as_deref(),
            ended_by: leg.ended_by.map(EndedBy::name),
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
pub(in crate::export) const fn state(state: CallState) -> &'static str {
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
