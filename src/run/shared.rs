//! What the probe's threads share, and what HTTP shows of it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use serde_json::{Value, json};
use tracing::{info, warn};

use super::live::{InterfaceCounters, now};
use super::observer::Territory;
use super::process;
use crate::config::{self, Config, Limits};
use crate::decode::Undecoded;
use crate::engine::SipMessages;
use crate::export::http::{self, Pages, Refusal};
use crate::export::json::devices;
use crate::export::metrics::{
    self, Build, DropPlace, InterfaceNumbers, ProbeNumbers, ProcessNumbers, ReloadNumbers, StateTable,
    TableNumbers, Totals,
};
use crate::track::registrations::Binding;

/// What the front tells the others now and then.
#[derive(Clone, Debug, Default)]
pub(super) struct FrontNumbers {
    pub undecoded: Undecoded,
    pub messages: SipMessages,
    pub clock_steps: u64,
    pub tables: Vec<TableNumbers>,
    /// Files that are read: name, packets, bytes, last packet.
    pub files: Vec<InterfaceNumbers>,
    /// Voice quality reports, and TLS connections, let go at their bounds.
    pub reports_and_tls_evicted: (u64, u64),
}

/// Shared by all threads of a probe.
pub(super) struct Shared {
    pub config_file: Option<PathBuf>,
    pub overlays: Vec<String>,
    pub config: Mutex<Config>,
    pub territory: Arc<RwLock<Arc<Territory>>>,
    /// One a worker.
    pub totals: Vec<Arc<Mutex<Totals>>>,
    /// The front's.
    pub signal_totals: Arc<Mutex<Totals>>,
    pub stream_tables: Vec<Arc<StreamTable>>,
    pub interfaces: Vec<(String, Arc<InterfaceCounters>)>,
    pub front: Mutex<FrontNumbers>,
    /// Somebody asks for the devices; the front answers.
    pub devices_wanted: AtomicBool,
    pub devices: Mutex<Vec<Binding>>,
    /// No front is at work any more.
    pub all_is_read: AtomicBool,
    pub exposition: Mutex<metrics::Exposition>,
    pub reload: Mutex<ReloadNumbers>,
    pub ready: AtomicBool,
    pub stop: Arc<AtomicBool>,
    pub refused: [AtomicU64; Refusal::ALL.len()],
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What of a configuration a running probe takes up.
pub(super) fn territory(config: &Config) -> Territory {
    Territory { labels: config.labels() }
}

/// Counts of a worker or of the front, before the first.
pub(super) fn nothing_counted(max_sites: usize, territory: &Territory) -> Arc<Mutex<Totals>> {
    let mut totals = Totals::new(max_sites);
    configure(&mut totals, territory);
    Arc::new(Mutex::new(totals))
}

/// Makes the sites of a configuration known to a worker's counts.
pub(super) fn configure(totals: &mut Totals, territory: &Territory) {
    let table = territory.labels.sites.table();
    totals.configure(table.sites.iter().filter(|s| s.counts_here).map(|site| {
        let customer = territory.labels.sites.customer_name(site.customer);
        (customer, site.name.as_str())
    }));
}

/// Sites that metrics have no room for are known, and looked up; only their numbers stand together.
pub(super) fn warn_of_overflow(config: &Config) {
    let (beyond, most) = (config.sites_beyond(), config.limits.sites);
    if beyond > 0 {
        warn!("{beyond} sites beyond limits.sites = {most}: metrics count them as \"overflow\"");
    }
}

impl Shared {
    /// Takes the configuration up anew; what is going on goes on. All or nothing.
    pub fn reload_config(&self) -> Result<(), Vec<String>> {
        match config::load(self.config_file.as_deref(), &self.overlays) {
            Ok(new) => {
                self.take_up(new);
                let mut reload = lock(&self.reload);
                reload.successful = true;
                reload.success_time = Some(now() as f64 / 1e9);
                Ok(())
            }
            Err(faults) => {
                lock(&self.reload).successful = false;
                let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
                for line in &lines {
                    warn!("configuration not taken up: {line}");
                }
                Err(lines)
            }
        }
    }

    fn take_up(&self, new: Config) {
        let mut config = lock(&self.config);
        for change in new.changes(&config) {
            match change.takes {
                config::Takes::Reload => info!("{}: {} → {}", change.key, change.old, change.new),
                config::Takes::Restart => {
                    warn!(
                        "{}: {} → {} needs a restart; until then it stays",
                        change.key, change.old, change.new
                    );
                }
            }
        }
        warn_of_overflow(&new);
        let territory = Arc::new(territory(&new));
        for totals in self.totals.iter().chain([&self.signal_totals]) {
            let mut totals = lock(totals);
            totals.bound_sites(new.limits.sites);
            configure(&mut totals, &territory);
        }
        *self.territory.write().unwrap_or_else(PoisonError::into_inner) = territory;
        *config = new;
        info!("configuration taken up");
    }

    /// All that `/metrics` shows beside the streams.
    pub fn numbers(&self) -> ProbeNumbers {
        let front = lock(&self.front).clone();
        let config = lock(&self.config);
        let mut interfaces: Vec<InterfaceNumbers> =
            self.interfaces.iter().map(|(name, counters)| interface(name, counters)).collect();
        interfaces.extend(front.files);
        ProbeNumbers {
            build: Some(Build {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                revision: option_env!("CLEARLINE_REVISION").unwrap_or("unknown").to_owned(),
                probe: config.probe.name.to_string(),
            }),
            interfaces,
            undecoded: front.undecoded,
            messages: front.messages,
            promises: config.customers.iter().map(|c| (c.name.to_string(), c.sla_good_ratio)).collect(),
            tables: self.stream_tables(&config.limits).into_iter().chain(front.tables).collect(),
            clock_steps: Some(front.clock_steps),
            reload: Some(*lock(&self.reload)),
            process: process::numbers(),
            ..ProbeNumbers::default()
        }
    }

    /// The same at packet time: nothing of this machine's clock and process, so that the same packets always
    /// give the same.
    pub fn numbers_of_packets(&self) -> ProbeNumbers {
        let now = self.numbers();
        let reload = now.reload.map(|reload| ReloadNumbers { success_time: None, ..reload });
        ProbeNumbers { reload, process: ProcessNumbers::default(), ..now }
    }

    /// The counts of the front and all workers together.
    pub fn merged(&self) -> Totals {
        let mut merged = lock(&self.signal_totals).clone();
        for totals in &self.totals {
            merged.merge(&lock(totals));
        }
        merged
    }
}

fn interface(name: &str, counters: &InterfaceCounters) -> InterfaceNumbers {
    let last = counters.last_frame.load(Relaxed);
    InterfaceNumbers {
        name: name.to_owned(),
        packets: Some(counters.packets.load(Relaxed)),
        bytes: Some(counters.bytes.load(Relaxed)),
        truncated: Some(counters.truncated.load(Relaxed)),
        dropped: vec![
            (DropPlace::Nic, counters.lost_by_nic.load(Relaxed)),
            (DropPlace::Kernel, counters.lost_by_kernel.load(Relaxed)),
            (DropPlace::Queue, counters.dropped.load(Relaxed)),
        ],
        last_packet: (last != 0).then_some(last),
        up: Some(counters.up.load(Relaxed)),
        ..InterfaceNumbers::default()
    }
}

/// A table's numbers. `limit`: none where the bound is not one of entries.
pub(super) fn table(table: StateTable, entries: usize, limit: Option<usize>, evicted: u64) -> TableNumbers {
    TableNumbers {
        table,
        entries: Some(entries as u64),
        limit: limit.map(|limit| limit as u64),
        evicted_at_limit: Some(evicted),
        evicted_idle: None,
    }
}

/// What one worker's stream table holds, told after each hand-over.
#[derive(Debug, Default)]
pub(super) struct StreamTable {
    pub streams: AtomicU64,
    pub unbound: AtomicU64,
    pub evicted: AtomicU64,
    pub unbound_evicted: AtomicU64,
}

impl Shared {
    /// The stream tables of all workers together.
    fn stream_tables(&self, limits: &Limits) -> [TableNumbers; 2] {
        let sum = |of: fn(&StreamTable) -> &AtomicU64| {
            self.stream_tables.iter().map(|t| of(t).load(Relaxed)).sum::<u64>()
        };
        let entries = |of: fn(&StreamTable) -> &AtomicU64| usize::try_from(sum(of)).unwrap_or(usize::MAX);
        [
            table(StateTable::Streams, entries(|t| &t.streams), Some(limits.streams), sum(|t| &t.evicted)),
            table(StateTable::Unbound, entries(|t| &t.unbound), None, sum(|t| &t.unbound_evicted)),
        ]
    }
}

impl Pages for Shared {
    fn metrics(&self, format: http::Exposition) -> Vec<u8> {
        let (totals, numbers) = (self.merged(), self.numbers());
        let mut exposition = lock(&self.exposition);
        let families = exposition.families(&totals, &numbers);
        match format {
            http::Exposition::Text004 => metrics::text(&families),
            http::Exposition::OpenMetrics => metrics::openmetrics(&families),
        }
        .into_bytes()
    }

    fn is_ready(&self) -> bool {
        self.ready.load(Relaxed)
    }

    fn reload(&self) -> Result<(), Vec<String>> {
        self.reload_config()
    }

    fn status(&self) -> Value {
        let config = lock(&self.config);
        let front = lock(&self.front);
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "probe": config.probe.name.to_string(),
            "ready": self.is_ready(),
            "workers": self.totals.len(),
            "interfaces": self.interfaces.iter().map(|(name, c)| json!({
                "name": name,
                "up": c.up.load(Relaxed),
                "packets": c.packets.load(Relaxed),
                "dropped": c.dropped.load(Relaxed),
                "refused": c.refused.load(Relaxed),
                "foreign_clock": c.foreign_clock.load(Relaxed),
            })).collect::<Vec<_>>(),
            "undecoded": front.undecoded.iter().map(|(what, n)| (what.reason().to_owned(), json!(n)))
                .collect::<serde_json::Map<_, _>>(),
            "evicted": {
                "voice_reports": front.reports_and_tls_evicted.0,
                "tls_connections": front.reports_and_tls_evicted.1,
            },
            "requests_refused": Refusal::ALL.iter().zip(&self.refused)
                .map(|(why, n)| (why.as_str().to_owned(), json!(n.load(Relaxed))))
                .collect::<serde_json::Map<_, _>>(),
        })
    }

    fn findings(&self) -> Value {
        json!({ "items": null, "note": "the span port is not judged yet" })
    }

    fn streams(&self, _live: bool, _limit: usize) -> Value {
        json!({ "items": null, "note": "streams are told when they end: see --report" })
    }

    /// The table of devices is the front's: it is asked for a copy, and where none comes in time the last one
    /// must do.
    fn devices(&self, limit: usize) -> Value {
        self.devices_wanted.store(!self.all_is_read.load(Relaxed), Relaxed);
        for _ in 0..40 {
            if !self.devices_wanted.load(Relaxed) {
                break;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        let labels = lock(&self.config).labels();
        devices(&labels, &lock(&self.devices), limit)
    }

    fn refused(&self, why: Refusal) {
        if let Some(count) = self.refused.get(why as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    fn warn(&self, line: &str) {
        warn!("{line}");
    }
}
