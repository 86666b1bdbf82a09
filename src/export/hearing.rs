//! What streams tell of their calls: audio that was missing, late or astray, and how the seconds sounded.

use std::collections::HashSet;

use super::analysis::{AnalysedStream, Analysis};
use super::lines::POOR;
use crate::decode::Address;
use crate::score::Scale;
use crate::track::call::{Call, Heard, HeardInterval, Quality};
use crate::track::media::MediaKind;
use crate::track::sites::CallEnds;

impl Analysis {
    /// Looks at each call's streams: ends calls whose media fell silent, and finds what was wrong.
    pub(super) fn hear_calls(&mut self) {
        let senders: HashSet<Address> =
            self.streams.iter().map(|s| s.record.ended.key.flow.src.address).collect();
        let mut heard: Vec<Vec<Heard>> = vec![Vec::new(); self.calls.len()];
        for stream in &self.streams {
            if let Some(of_call) = stream.call.and_then(|place| heard.get_mut(place)) {
                of_call.push(stream.heard([POOR; 3]));
            }
        }
        for (call, streams) in self.calls.iter_mut().zip(&heard) {
            call.end_by_media(streams);
            call.audio = call.audio_faults(streams, |host| senders.contains(&host));
        }
    }

    /// How a call sounded, by the limits of the customer whose it is.
    pub(super) fn quality_of(&self, call: &Call, streams: &[usize]) -> Quality {
        let poor = self.poor_mos_of(call);
        let streams = streams.iter().filter_map(|place| self.streams.get(*place));
        let heard: Vec<Heard> = streams.map(|s| s.heard(poor)).collect();
        call.quality(&heard, &call.audio)
    }

    fn poor_mos_of(&self, call: &Call) -> [f64; 3] {
        let flow = call.parties.flow;
        let ends = CallEnds {
            caller: flow.src.address,
            callee: flow.dst.address,
            vlan: call.parties.vlan,
            ..CallEnds::default()
        };
        let views = self.labels.sites.call_views(&ends);
        let of_customer = views.first().and_then(|v| self.labels.poor_mos.get(usize::from(v.customer.0)));
        of_customer.copied().unwrap_or([POOR; 3])
    }
}

impl AnalysedStream {
    fn heard(&self, poor_mos: [f64; 3]) -> Heard {
        let (ended, t) = (&self.record.ended, &self.record.ended.totals);
        let poor = |mos: Option<f32>, scale: Option<Scale>| {
            let edge = poor_mos.get(scale? as usize)?;
            Some(f64::from(mos?) < *edge)
        };
        let intervals = self.intervals.iter().map(|i| HeardInterval {
            start: i.start,
            end: i.start.saturating_add((f64::from(i.seconds) * 1e9) as i64),
            packets: i.packets > 0,
            sent: HeardInterval::sent(i.expected(), t.ptime_ms),
            poor: poor(i.mos_lq, i.scale),
        });
        Heard {
            flow: ended.key.flow,
            first: t.first,
            last: t.last,
            is_audio: ended.kind.is_none_or(|kind| kind == MediaKind::Audio),
            mos_lq: self.record.score.ok().map(|s| s.mos_lq),
            intervals: intervals.collect(),
        }
    }
}
