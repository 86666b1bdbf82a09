//! Calls and legs in JSON.

use std::borrow::Cow;

use serde::Serialize;

use super::{ViewJson, round, views};
use crate::export::analysis::Labels;
use crate::export::text::rfc3339;
use crate::track::call::{Call, CallState, EndedBy, Leg};
use crate::track::sites::CallEnds;

fn call_views<'a>(labels: &'a Labels, call: &Call) -> Vec<ViewJson<'a>> {
    let Some(leg) = call.legs.first() else { return Vec::new() };
    let (caller, callee) = (leg.flow.src.address, leg.flow.dst.address);
    views(labels, &labels.sites.call_views(&CallEnds { caller, callee, ..CallEnds::default() }))
}

/// The peer at one of a call's ends: who was called before who called.
fn peer<'a>(labels: &'a Labels, call: &Call) -> Option<&'a str> {
    let flow = call.legs.first()?.flow;
    let peer = labels.sites.peer(flow.dst.address).or_else(|| labels.sites.peer(flow.src.address))?;
    Some(labels.sites.peer_name(peer))
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
    pub fn new(labels: &'a Labels, call: &'a Call, streams: Vec<usize>) -> Self {
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
            legs: call.legs.iter().map(|leg| LegJson::new(labels, call, leg)).collect(),
            streams,
            partial: match (call.evicted, call.started_before_probe) {
                (true, _) => Some("evicted"),
                (_, true) => Some("started_before_probe"),
                _ => None,
            },
            failure: call.failure().map(|status| FailureJson {
                text: failure_text(call, status),
                status,
                q850: call.q850,
                reason: call.reason.as_deref(),
                answered_by: call.answered_by.map(|f| f.src.to_string()),
            }),
        }
    }
}

/// Why it failed, for a reader: `486 Busy Here (Q.850 cause 17)`.
fn failure_text(call: &Call, status: Option<u16>) -> String {
    let Some(status) = status else { return "no final response".to_owned() };
    let reason =
        call.reason.as_deref().filter(|r| !r.is_empty()).map(|r| format!(" {r}")).unwrap_or_default();
    let cause = call.q850.map(|cause| format!(" (Q.850 cause {cause})")).unwrap_or_default();
    format!("{status}{reason}{cause}")
}

impl<'a> LegJson<'a> {
    fn new(labels: &Labels, call: &'a Call, leg: &'a Leg) -> Self {
        let to_tag = leg.to_tag.as_deref();
        let parts = [call.call_id.as_bytes(), leg.from_tag.as_bytes(), to_tag.unwrap_or_default().as_bytes()];
        Self {
            id: labels.record_id(leg.start, &parts),
            call_id: &call.call_id,
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
