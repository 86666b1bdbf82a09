//! What follows the front for the probe: whose each thing is that signalling shows, and what the metrics count of
//! it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::observer::Territory;
use super::shared::lock;
use crate::engine::Front;
use crate::export::analysis::Collector;
use crate::export::metrics::{CallSeconds, Totals};
use crate::track::call::{Call, Quality};
use crate::track::hearing::{Hearing, StreamNews};
use crate::track::kpis::RequestDelay;
use crate::track::signal::{Attempt, Parties, Signal, SignalEvent};
use crate::track::sites::CallEnds;

/// What follows the front.
pub(super) struct Signals {
    shared: Arc<RwLock<Arc<Territory>>>,
    /// As of the last look.
    territory: Arc<Territory>,
    totals: Arc<Mutex<Totals>>,
    /// What the gauges hold, by whose it is: a reload may give it another site.
    going_on: HashMap<Arc<Parties>, GoingOn>,
    /// Entries of it at most: as many as there are calls and registrations. What goes on beyond them keeps its
    /// site over a reload.
    limit: usize,
    hearing: Hearing,
    news: Arc<Mutex<Vec<StreamNews>>>,
    /// When what was heard of calls that are no more was last swept out.
    swept: i64,
    /// Calls that have ended, until all is known of their streams.
    ended: VecDeque<Call>,
    /// Calls whose media falls silent end. Of a capture that is known when all of it was read.
    ends_silent_calls: bool,
    /// For a report.
    collector: Option<Collector>,
}

/// Workers are behind the front by less than this, ns: a queue of looks at the clock.
const BEHIND: i64 = 15_000_000_000;

/// What streams say of calls that were concluded already is swept out this often, ns.
const SWEEP_EVERY: i64 = 60_000_000_000;

/// What goes on between two parties.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct GoingOn {
    calls: i64,
    devices: i64,
}

impl Signals {
    pub fn new(
        shared: Arc<RwLock<Arc<Territory>>>,
        totals: Arc<Mutex<Totals>>,
        limit: usize,
        news: Arc<Mutex<Vec<StreamNews>>>,
        ends_silent_calls: bool,
        collector: Option<Collector>,
    ) -> Self {
        let territory = Arc::clone(&shared.read().unwrap_or_else(PoisonError::into_inner));
        let (going_on, hearing, ended) = (HashMap::new(), Hearing::new(limit), VecDeque::new());
        Self {
            shared,
            territory,
            totals,
            going_on,
            limit,
            hearing,
            news,
            swept: i64::MIN,
            ended,
            ends_silent_calls,
            collector,
        }
    }

    /// Takes what signalling has shown, and the calls that have ended.
    pub fn drain(&mut self, front: &mut Front) {
        self.take_up_territory();
        self.take_news();
        let now = front.now().unwrap_or(i64::MIN);
        while self.ends_silent_calls
            && let Some((call, last)) = self.hearing.poll_silent(now)
        {
            front.media_silent(call, last);
        }
        while let Some(event) = front.poll_signal() {
            self.take(&event);
        }
        while let Some(call) = front.poll_call() {
            self.exemplify(&call);
            self.ended.push_back(call.clone());
            // Calls that have ended are kept only where a report will want them.
            if let Some(collector) = &mut self.collector {
                collector.take_call(call);
            }
        }
        while let Some(report) = front.poll_voice_report() {
            if let Some(collector) = &mut self.collector {
                collector.take_voice_report(report);
            }
        }
        while let Some(connection) = front.poll_tls() {
            if let Some(collector) = &mut self.collector {
                collector.take_tls(connection);
            }
        }
        while self.ended.front().is_some_and(|call| now.saturating_sub(call.told) >= BEHIND) {
            self.conclude_first();
        }
        if now.saturating_sub(self.swept) >= SWEEP_EVERY {
            self.swept = now;
            let mut known = front.call_serials();
            known.extend(self.ended.iter().flat_map(|call| &call.parts));
            self.hearing.keep(&known);
        }
    }

    /// The streams have ended, too: tells what is left to tell of calls.
    pub fn conclude(&mut self) {
        self.take_news();
        while !self.ended.is_empty() {
            self.conclude_first();
        }
    }

    fn take_news(&mut self) {
        for news in std::mem::take(&mut *lock(&self.news)) {
            self.hearing.take(&news);
        }
    }

    /// Counts how an ended call sounded.
    fn conclude_first(&mut self) {
        let Some(mut call) = self.ended.pop_front() else { return };
        let heard = self.hearing.conclude(&call);
        let open = call.ended_by.is_none();
        call.end_by_media(&heard);
        let faults = call.audio_faults(&heard, |host| self.hearing.hears(host));
        let Quality { good_s, poor_s, unscored_s, .. } = call.quality(&heard, &faults);
        let views = self.territory.call_views(&call.parties);
        let labels = self.territory.labels_of(&views);
        let mut totals = lock(&self.totals);
        if let Some(by) = call.ended_by.filter(|_| open) {
            totals.observe_call_end(&labels, by, None);
        }
        for view in &labels {
            let seconds =
                CallSeconds { good: good_s.into(), poor: poor_s.into(), unscored: unscored_s.into() };
            totals.add_call_seconds(view.customer, view.site, seconds);
            for fault in &faults {
                totals.count_audio_fault(view.customer, view.site, fault.fault);
            }
        }
    }

    /// What a report is made of, if one is wanted.
    pub fn finish(self) -> Option<Collector> {
        self.collector
    }

    fn take(&mut self, event: &SignalEvent) {
        let territory = Arc::clone(&self.territory);
        let (parties, sites) = (&event.parties, &territory.labels.sites);
        let views = territory.call_views(parties);
        let peer = match event.what {
            // Who asks has answered nothing.
            Signal::Answered => sites.peer(parties.flow.dst.address).map(|peer| sites.peer_name(peer)),
            _ => sites.peer_between(&parties.flow),
        };
        lock(&self.totals).observe_signal(event, &territory.labels_of(&views), peer);
        self.remember(parties, &event.what);
        if let Some(collector) = &mut self.collector {
            collector.take_signal(event, peer);
        }
    }

    fn remember(&mut self, parties: &Arc<Parties>, what: &Signal) {
        let (calls, devices) = match what {
            Signal::Began => (1, 0),
            Signal::Ended { .. } => (-1, 0),
            Signal::Bound => (0, 1),
            Signal::Unbound { .. } => (0, -1),
            _ => return,
        };
        if let Some(going_on) = self.going_on.get_mut(&**parties) {
            going_on.calls += calls;
            going_on.devices += devices;
            if *going_on == GoingOn::default() {
                self.going_on.remove(&**parties);
            }
        } else if calls + devices > 0 && self.going_on.len() < self.limit {
            self.going_on.insert(Arc::clone(parties), GoingOn { calls, devices });
        }
    }

    /// After a reload what goes on counts where it is now: a gauge that one site raised and another lowered would
    /// never be right again.
    fn take_up_territory(&mut self) {
        let shared = self.shared.read().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&shared, &self.territory) {
            return;
        }
        let old = std::mem::replace(&mut self.territory, Arc::clone(&shared));
        drop(shared);
        let mut totals = lock(&self.totals);
        for (parties, going_on) in &self.going_on {
            for (territory, sign) in [(&old, -1), (&self.territory, 1)] {
                let views = territory.call_views(parties);
                let labels = territory.labels_of(&views);
                totals.move_calls(&labels, sign * going_on.calls);
                totals.move_devices(&labels, sign * going_on.devices);
            }
        }
    }

    /// Now that the call has a record, its post-dial delay leads there.
    fn exemplify(&self, call: &Call) {
        let Some(leg) = call.legs.first().filter(|_| !call.started_before_probe) else { return };
        let Call { start, ringing, answer, end, status, .. } = *call;
        let attempt = Attempt { start, ringing, answer, end, status, ..Attempt::default() };
        let Some(delay) = attempt.request_delay() else { return };
        let (RequestDelay::Success(ns) | RequestDelay::Failure(ns)) = delay;
        let (caller, callee) = (leg.flow.src.address, leg.flow.dst.address);
        let labels = &self.territory.labels;
        let views = labels.sites.call_views(&CallEnds { caller, callee, ..CallEnds::default() });
        let (id, time) = (labels.call_id_of(&call.identity()), start.saturating_add(ns));
        let labels = self.territory.labels_of(&views);
        lock(&self.totals).exemplify_post_dial_delay(&labels, delay, &id, time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::analysis::Labels;
    use crate::export::metrics::{Exposition, ProbeNumbers, text};
    use crate::run::shared::configure;
    use crate::track::call::EndedBy;
    use crate::track::sites::{CustomerId, PeerEntry, SiteEntry, SiteTable, Sites, Subnet};

    fn ip(text: &str) -> std::net::IpAddr {
        text.parse().unwrap()
    }

    /// The office 10.1.0.0/16 under a name, and the trunk 192.0.2.1.
    fn territory(office: &str) -> Arc<Territory> {
        let site = SiteEntry {
            name: office.to_owned(),
            customer: CustomerId(0),
            subnets: vec![Subnet::new(ip("10.1.0.0"), 16)],
            vlans: Vec::new(),
            domains: Vec::new(),
            counts_here: true,
        };
        let peer = PeerEntry { name: "Trunk".to_owned(), addresses: vec![Subnet::new(ip("192.0.2.1"), 32)] };
        let table = SiteTable { customers: vec!["Acme".to_owned()], sites: vec![site], peers: vec![peer] };
        let labels = Labels { sites: Arc::new(Sites::new(table)), ..Labels::default() };
        Arc::new(Territory { labels })
    }

    fn event(from: &str, to: &str, what: Signal) -> SignalEvent {
        let mut parties = Parties::default();
        parties.flow.src.address = ip(from).into();
        parties.flow.dst.address = ip(to).into();
        SignalEvent { time: 5_000_000_000, parties: Arc::new(parties), what }
    }

    fn signals(shared: &Arc<RwLock<Arc<Territory>>>) -> Signals {
        let mut totals = Totals::new(256);
        configure(&mut totals, &shared.read().unwrap());
        Signals::new(
            Arc::clone(shared),
            Arc::new(Mutex::new(totals)),
            2,
            Arc::default(),
            true,
            Some(Collector::new(true)),
        )
    }

    fn check(signals: &Signals, lines: &[&str]) {
        let totals = lock(&signals.totals);
        let all = text(&Exposition::new(100_000).families(&totals, &ProbeNumbers::default()));
        for line in lines {
            assert!(all.lines().any(|l| l == *line), "{line} is not in\n{all}");
        }
    }

    #[test]
    fn what_goes_on_moves_to_the_site_that_a_reload_gives_it() {
        let shared = Arc::new(RwLock::new(territory("HQ")));
        let mut signals = signals(&shared);
        let [phone, trunk] = ["10.1.0.7", "192.0.2.1"];
        signals.take(&event(phone, trunk, Signal::Began));
        signals.take(&event(phone, trunk, Signal::Bound));
        check(&signals, &["clearline_calls_active{customer=\"Acme\",site=\"HQ\"} 1"]);
        let moved = territory("Head office");
        configure(&mut lock(&signals.totals), &moved);
        *shared.write().unwrap() = moved;
        signals.take_up_territory();
        check(
            &signals,
            &[
                "clearline_calls_active{customer=\"Acme\",site=\"HQ\"} 0",
                "clearline_calls_active{customer=\"Acme\",site=\"Head office\"} 1",
                "clearline_registered_devices{customer=\"Acme\",site=\"Head office\"} 1",
            ],
        );
        signals.take(&event(phone, trunk, Signal::Ended { by: Some(EndedBy::Caller), answered: true }));
        signals.take(&event(phone, trunk, Signal::Unbound { expired: false }));
        check(
            &signals,
            &[
                "clearline_calls_active{customer=\"Acme\",site=\"Head office\"} 0",
                "clearline_registered_devices{customer=\"Acme\",site=\"Head office\"} 0",
            ],
        );
        assert!(signals.going_on.is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let shared = Arc::new(RwLock::new(territory("HQ")));
        let mut signals = signals(&shared);
        for n in 1..9 {
            signals.take(&event(&format!("10.1.0.{n}"), "192.0.2.1", Signal::Began));
        }
        // An end whose beginning was not seen is not remembered either.
        signals.take(&event("10.1.0.99", "192.0.2.1", Signal::Ended { by: None, answered: false }));
        assert_eq!(signals.going_on.len(), 2);
        check(&signals, &["clearline_calls_active{customer=\"Acme\",site=\"HQ\"} 7"]);
    }

    #[test]
    fn only_who_was_asked_has_answered() {
        let shared = Arc::new(RwLock::new(territory("HQ")));
        let mut signals = signals(&shared);
        signals.take(&event("192.0.2.1", "10.1.0.7", Signal::Answered));
        let none = text(&Exposition::new(100_000).families(&lock(&signals.totals), &ProbeNumbers::default()));
        assert!(!none.contains("peer_last_answer"));
        signals.take(&event("10.1.0.7", "192.0.2.1", Signal::Answered));
        check(&signals, &["clearline_peer_last_answer_timestamp_seconds{peer=\"Trunk\"} 5"]);
        // But a call from it is a call of this peer.
        signals.take(&event("192.0.2.1", "10.1.0.7", Signal::Attempted { hop: false, redial: false }));
        let attempts =
            "clearline_call_attempts_total{customer=\"Acme\",site=\"HQ\",direction=\"in\",peer=\"Trunk\"} 1";
        check(&signals, &[attempts]);
        assert!(signals.finish().is_some());
    }
}
