//! What the ends say of what they received, a row a direction: RTCP XR, and phones' voice quality reports.

use std::collections::HashMap;

use serde::Serialize;

use super::round;
use crate::decode::sip::MediaEnd;
use crate::export::analysis::Analysis;
use crate::track::call::Party;
use crate::track::voice_reports::{Heard, NamedEnd, Side};

#[derive(Serialize)]
pub(super) struct ReportJson {
    source: &'static str,
    call: Option<usize>,
    stream: Option<usize>,
    direction: Option<&'static str>,
    loss_percent: Option<f64>,
    discard_percent: Option<f64>,
    mos_lq: Option<f64>,
    mos_cq: Option<f64>,
    rtt_ms: Option<f64>,
}

/// Where a row belongs.
struct Place {
    call: Option<usize>,
    stream: Option<usize>,
    /// Who received.
    receiver: Option<Side>,
}

impl ReportJson {
    fn new(source: &'static str, place: &Place, heard: &Heard) -> Self {
        Self {
            source,
            call: place.call,
            stream: place.stream,
            direction: place.receiver.map(Side::receives),
            loss_percent: heard.loss_percent.map(round),
            discard_percent: heard.discard_percent.map(round),
            mos_lq: heard.mos_lq.map(round),
            mos_cq: heard.mos_cq.map(round),
            rtt_ms: heard.rtt_ms.map(round),
        }
    }
}

/// Streams before phones, each in their order.
pub(super) fn rows(analysis: &Analysis) -> Vec<ReportJson> {
    let mut rows = Vec::new();
    for (stream, analysed) in analysis.streams.iter().enumerate() {
        if let Some(voip) = analysed.record.reports.voip {
            let (call, receiver) = (analysed.call, receiver_of(analysis, stream));
            let place = Place { call, stream: Some(stream), receiver };
            rows.push(ReportJson::new("rtcp_xr", &place, &Heard::from(voip)));
        }
    }
    let finder = Finder::new(analysis);
    for report in &analysis.voice_reports {
        let call = report.call_ids.iter().flatten().find_map(|id| finder.calls.get(&**id).copied());
        let known = call.and_then(|call| analysis.calls.get(call));
        let reporter = known.map_or_else(|| report.by_its_word(), |call| report.reporter(call));
        let ways = [
            (&report.local_heard, &report.remote, &report.local, reporter),
            (&report.remote_heard, &report.local, &report.remote, reporter.map(Side::other)),
        ];
        for (heard, from, to, receiver) in ways {
            if let Some(heard) = heard {
                let stream = finder.stream(call, from, to, receiver);
                rows.push(ReportJson::new("sip_vq", &Place { call, stream, receiver }, heard));
            }
        }
    }
    rows
}

/// Which side of its call receives a stream.
fn receiver_of(analysis: &Analysis, stream: usize) -> Option<Side> {
    let stream = analysis.streams.get(stream)?;
    let call = analysis.calls.get(stream.call?)?;
    // Media hosts need not be those that signal: what SDP said goes first.
    Some(match call.speaker(&stream.record.ended.key.flow)? {
        Party::Caller => Side::Callee,
        Party::Callee => Side::Caller,
    })
}

/// Calls by the Call-IDs of their legs, streams by their SSRC and by their call.
struct Finder<'a> {
    analysis: &'a Analysis,
    calls: HashMap<&'a str, usize>,
    by_ssrc: HashMap<u32, Vec<usize>>,
    by_call: HashMap<usize, Vec<usize>>,
}

impl<'a> Finder<'a> {
    fn new(analysis: &'a Analysis) -> Self {
        let mut found =
            Self { analysis, calls: HashMap::new(), by_ssrc: HashMap::new(), by_call: HashMap::new() };
        if analysis.voice_reports.is_empty() {
            return found;
        }
        for (number, call_id) in call_ids(analysis) {
            found.calls.entry(call_id).or_insert(number);
        }
        for (number, stream) in analysis.streams.iter().enumerate() {
            found.by_ssrc.entry(stream.record.ended.key.ssrc).or_default().push(number);
            if let Some(call) = stream.call {
                found.by_call.entry(call).or_default().push(number);
            }
        }
        found
    }

    /// The stream that went `from` one end `to` the other: by its SSRC, told apart by addresses where several
    /// have it; else the only one of the call between these addresses; else the only one in that direction.
    fn stream(
        &self,
        call: Option<usize>,
        from: &NamedEnd,
        to: &NamedEnd,
        receiver: Option<Side>,
    ) -> Option<usize> {
        let ssrc = from.media.ssrc;
        let same_ssrc: Vec<usize> = [ssrc.hexadecimal, ssrc.decimal]
            .into_iter()
            .flatten()
            .filter(|ssrc| *ssrc != 0)
            .filter_map(|ssrc| self.by_ssrc.get(&ssrc))
            .flatten()
            .copied()
            .filter(|stream| self.belongs(*stream, call))
            .collect();
        let fits = |stream: &usize| self.runs(*stream, &from.media, &to.media);
        let of_call = call.and_then(|call| self.by_call.get(&call)).map(Vec::as_slice).unwrap_or_default();
        let received = |stream: &usize| receiver.is_some() && receiver_of(self.analysis, *stream) == receiver;
        only(same_ssrc.iter().filter(|s| fits(s)))
            .or_else(|| only(same_ssrc.iter()))
            .or_else(|| only(of_call.iter().filter(|s| fits(s))))
            .or_else(|| only(of_call.iter().filter(|s| received(s))))
    }

    /// An SSRC is unique in its session only: one of another call is none.
    fn belongs(&self, stream: usize, call: Option<usize>) -> bool {
        let own = self.analysis.streams.get(stream).and_then(|s| s.call);
        own.is_none() || call.is_none() || own == call
    }

    /// Whether a stream's ends are those, as far as the report names them. Something must be named.
    fn runs(&self, stream: usize, from: &MediaEnd, to: &MediaEnd) -> bool {
        let Some(stream) = self.analysis.streams.get(stream) else { return false };
        let flow = &stream.record.ended.key.flow;
        let named = from.address.is_some() || to.address.is_some();
        let is = |end: &MediaEnd, seen: &crate::decode::Endpoint| {
            end.address.is_none_or(|a| a == seen.address) && end.port.is_none_or(|p| p == seen.port)
        };
        named && is(from, &flow.src) && is(to, &flow.dst)
    }
}

/// Every Call-ID with the number of its call.
fn call_ids(analysis: &Analysis) -> impl Iterator<Item = (usize, &str)> {
    let legs = analysis.calls.iter().enumerate();
    legs.flat_map(|(number, call)| call.legs.iter().map(move |leg| (number, leg.call_id.as_str())))
}

fn only<'s>(mut found: impl Iterator<Item = &'s usize>) -> Option<usize> {
    let first = found.next()?;
    found.next().is_none().then_some(*first)
}
