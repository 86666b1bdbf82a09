//! A worker's view of its streams: which site sees each, what the metrics count of it.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use arrayvec::ArrayVec;

use super::shared::StreamTable;
use super::workers::Work;
use crate::decode::Flow;
use crate::engine::Media;
use crate::event::{Event, Reported, ScoredInterval};
use crate::export::analysis::{Collector, Labels};
use crate::export::lines::POOR;
use crate::export::metrics::{
    Direction, IntervalSample, ReportSource, RoundTripSide, StreamState, Totals, ViewLabels,
};
use crate::score::{Scale, Withheld};
use crate::track::call::{CallIdentity, HeardInterval};
use crate::track::codecs::Encodings;
use crate::track::hearing::{News, StreamNews};
use crate::track::reports::Said;
use crate::track::signal::Parties;
use crate::track::sites::{CallEnds, Views};
use crate::track::streams::Activity;

/// News that wait for the front at most: those of ten thousand streams for minutes. Beyond it a call's seconds
/// are unscored.
const MAX_NEWS: usize = 262_144;

/// What a reload may change: who has which site, and from where on an interval is poor.
#[derive(Debug, Default)]
pub struct Territory {
    /// The sites, and how records are named.
    pub labels: Labels,
}

impl Territory {
    fn poor_mos(&self, views: &Views, scale: Scale) -> Option<f64> {
        let customer = views.first()?.customer;
        self.labels.poor_mos.get(usize::from(customer.0))?.get(scale as usize).copied()
    }

    /// Who sees what signalling shows between two parties.
    pub(super) fn call_views(&self, parties: &Parties) -> Views {
        self.labels.sites.call_views(&CallEnds {
            caller: parties.flow.src.address,
            callee: parties.flow.dst.address,
            vlan: parties.vlan,
            caller_domain: &parties.from_domain,
            callee_domain: &parties.to_domain,
        })
    }

    /// Labels of who counts it here.
    pub(super) fn labels_of(&self, views: &Views) -> ArrayVec<ViewLabels<'_>, 2> {
        let sites = &self.labels.sites;
        let mut labels = ArrayVec::new();
        if views.is_empty() {
            labels.push(ViewLabels::UNASSIGNED);
        }
        labels.extend(views.iter().filter(|v| v.counted).map(|view| ViewLabels {
            customer: sites.customer_name(view.customer),
            site: sites.site_name(view.site),
            direction: view.direction,
        }));
        labels
    }
}

/// What follows one media half for the probe.
pub(super) struct Observer {
    /// Read when a stream begins: one that is going on keeps its site.
    territory: Arc<RwLock<Arc<Territory>>>,
    totals: Arc<Mutex<Totals>>,
    table: Arc<StreamTable>,
    streams: HashMap<u64, Followed>,
    /// What calls are told of their streams.
    news: Arc<Mutex<Vec<StreamNews>>>,
    /// The worker's number.
    worker: usize,
    /// For a report.
    collector: Option<Collector>,
    adaptive: bool,
}

struct Followed {
    /// The serial of its call, and the id of the call's record.
    call: Option<(u64, String)>,
    territory: Arc<Territory>,
    views: Views,
    state: StreamState,
}

impl Observer {
    pub fn new(
        worker: usize,
        territory: Arc<RwLock<Arc<Territory>>>,
        totals: Arc<Mutex<Totals>>,
        table: Arc<StreamTable>,
        news: Arc<Mutex<Vec<StreamNews>>>,
        collector: Option<Collector>,
        adaptive: bool,
    ) -> Self {
        Self { territory, totals, table, streams: HashMap::new(), news, worker, collector, adaptive }
    }

    /// Tells the call of a stream, if it has one.
    fn tell(&self, stream: u64, flow: Flow, what: News) {
        let Some((call, _)) = self.streams.get(&stream).and_then(|f| f.call.as_ref()) else { return };
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        if news.len() < MAX_NEWS {
            news.push(StreamNews { call: *call, stream: (self.worker, stream), flow, what });
        }
    }

    fn tell_interval(&self, scored: &ScoredInterval) {
        let closed = &scored.closed;
        let Some(followed) = self.streams.get(&closed.stream) else { return };
        let poor = scored.score.ok().map(|score| {
            let edge = followed.territory.poor_mos(&followed.views, score.scale);
            score.mos_lq < edge.unwrap_or(POOR)
        });
        let interval = HeardInterval {
            start: closed.interval.start,
            end: closed.interval.start.saturating_add(closed.interval.length),
            packets: closed.interval.packets > 0,
            sent: HeardInterval::sent(
                closed.interval.packets + closed.interval.lost.bad,
                closed.interval.ptime_ms,
            ),
            poor,
        };
        let is_audio = scored.score != Err(Withheld::NotAudio);
        self.tell(closed.stream, closed.key.flow, News::Interval { interval, is_audio });
    }

    fn totals(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn activity(&mut self, activity: &Activity) {
        let territory = &self.territory;
        let followed = self.streams.entry(activity.stream).or_insert_with(|| {
            let territory = Arc::clone(&territory.read().unwrap_or_else(PoisonError::into_inner));
            let views = territory.labels.sites.views(&activity.key.flow, activity.vlan);
            Followed { territory, views, call: None, state: StreamState::Absent }
        });
        if let Some(call) = &activity.call {
            followed.belongs_to(call);
        }
        let to = if activity.active { StreamState::Active } else { StreamState::Absent };
        let from = std::mem::replace(&mut followed.state, to);
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.move_stream(&followed.labels(), from, to);
        drop(totals);
        let what = if activity.active { News::Active } else { News::Quiet { last: activity.last } };
        self.tell(activity.stream, activity.key.flow, what);
    }

    fn interval(&mut self, scored: &ScoredInterval, encodings: &Encodings) {
        let name = &encodings.get(scored.encoding).name;
        let mut sample = IntervalSample::new(scored, name, self.adaptive);
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(followed) = self.streams.get_mut(&scored.closed.stream) else {
            totals.observe_interval(&[ViewLabels::UNASSIGNED], &sample);
            return;
        };
        sample.call_id = followed.call.as_ref().map(|(_, id)| id.as_str());
        let labels = followed.labels();
        totals.observe_interval(&labels, &sample);
        let poor = scored.score.ok().is_some_and(|score| {
            followed.territory.poor_mos(&followed.views, score.scale).is_some_and(|edge| score.mos_lq < edge)
        });
        let to = if poor { StreamState::Poor } else { StreamState::Active };
        if followed.state != StreamState::Absent {
            totals.move_stream(&labels, followed.state, to);
            drop(labels);
            followed.state = to;
        }
    }

    fn reported(&mut self, reported: &Reported) {
        let Some(followed) = self.streams.get(&reported.stream) else { return };
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        for view in followed.labels() {
            // The end that spoke is the one that receives.
            let side = match view.direction {
                Direction::In | Direction::Internal => Some(RoundTripSide::Site),
                Direction::Out => Some(RoundTripSide::Far),
                Direction::Through => None,
            };
            let ViewLabels { customer, site, .. } = view;
            for said in &reported.said {
                match (*said, side) {
                    (Said::RoundTrip(ms), Some(side)) => {
                        totals.observe_round_trip(customer, site, side, ms / 1e3);
                    }
                    (Said::RoundTrip(_), None) => {}
                    (Said::Loss(loss), _) => {
                        totals.observe_report(customer, site, ReportSource::RtcpRr, Some(loss), None);
                    }
                    (Said::Voip { loss, mos_lq }, _) => {
                        totals.observe_report(customer, site, ReportSource::RtcpXr, Some(loss), mos_lq);
                    }
                }
            }
        }
    }

    fn ended(&mut self, stream: u64) {
        if let Some(followed) = self.streams.remove(&stream) {
            self.totals().move_stream(&followed.labels(), followed.state, StreamState::Absent);
        }
    }
}

impl Followed {
    fn belongs_to(&mut self, call: &CallIdentity) {
        if self.call.as_ref().is_none_or(|(known, _)| *known != call.serial) {
            self.call = Some((call.serial, self.territory.labels.call_id_of(call)));
        }
    }

    fn labels(&self) -> ArrayVec<ViewLabels<'_>, 2> {
        self.territory.labels_of(&self.views)
    }
}

impl Work for Observer {
    type Result = (Option<Collector>, Encodings);
    type Seen = Totals;

    fn drain(&mut self, media: &mut Media) {
        let ((streams, unbound), counters) = (media.len(), media.counters());
        self.table.streams.store(streams as u64, Relaxed);
        self.table.unbound.store(unbound as u64, Relaxed);
        self.table.evicted.store(counters.evicted, Relaxed);
        self.table.unbound_evicted.store(counters.unbound_evicted, Relaxed);
        while let Some(event) = media.poll_event() {
            match &event {
                Event::Activity(activity) => self.activity(activity),
                Event::Interval(scored) => {
                    self.interval(scored, media.encodings());
                    self.tell_interval(scored);
                }
                Event::Silent(open) => self.tell_interval(open),
                Event::Stream(record) => {
                    let ended = &record.ended;
                    self.tell(ended.stream, ended.key.flow, News::Quiet { last: ended.totals.last });
                    self.ended(record.ended.stream);
                }
                Event::Reported(reported) => self.reported(reported),
                Event::Call(_) | Event::VoiceReport(_) | Event::Tls(_) => {}
            }
            if let Some(collector) = &mut self.collector {
                collector.take(event);
            }
        }
    }

    fn look(&self) -> Totals {
        self.totals().clone()
    }

    fn finish(self, media: &Media) -> Self::Result {
        (self.collector, media.encodings().clone())
    }
}
