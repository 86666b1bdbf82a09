//! `clearline probe`: the engine at work, unattended.
//!
//! The calling thread is the front: it decodes and follows signalling. Workers stand behind it, a capture
//! thread for each interface before it, and one thread with a small tokio runtime serves HTTP and signals.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;
use std::time::Duration;

use arrayvec::ArrayVec;
use probes::Frame;
use probes::live::LiveError;
use probes::pcap::{self, Input, OpenError};
use tracing::{info, warn};

use super::back::{Back, Inline};
use super::batch::AT_ONCE;
use super::flood::FloodWatch;
use super::live::{self, Heard, Listening, now};
use super::observer::Observer;
use super::pump::{Pump, Turn};
use super::serving::Serving;
use super::shared::{
    FrontNumbers, Shared, StreamTable, lock, nothing_counted, table, territory, warn_of_overflow,
};
use super::signals::Signals;
use super::sockets::{self, SocketError, Sockets};
use super::workers::Workers;
use crate::config::Config;
use crate::engine::{Front, Settings};
use crate::export::analysis::{Analysis, Capture, Collector};
use crate::export::http;
use crate::export::metrics::{Exposition, InterfaceNumbers, PacketTime, ReloadNumbers, StateTable, Totals};
use crate::track::codecs::Encodings;
use crate::track::streams::Idle;

/// Longest nap while waiting for a packet's time: a stop is heeded within it.
const NAP: Duration = Duration::from_millis(50);
/// The front tells its numbers at most this often, ns of packet time.
const TELL_EVERY: i64 = 1_000_000_000;
/// Paced reading hands packets over in steps of this much packet time, ns.
const PACE_STEP: i64 = 5_000_000;
/// Live, a stream without packets for so long is no longer active, and ends, ns.
const IDLE: Idle = Idle { quiet_after: 10_000_000_000, closes: true, end_after: 300_000_000_000 };
/// Points of an OpenMetrics file kept in memory: about 160 MB.
const POINTS: usize = 10_000_000;

/// Where frames come from.
#[derive(Debug)]
pub enum Source {
    /// Interfaces.
    Live(Vec<String>),
    /// Captures.
    Read {
        /// Which.
        inputs: Vec<Input>,
        /// As fast as the packets came; else as fast as it goes.
        paced: bool,
        /// Go on serving after the end.
        serve_after: bool,
    },
}

/// What a probe is asked to do.
#[derive(Debug)]
pub struct Options {
    /// The configuration, and where it came from.
    pub config: Config,
    /// The file to read again on a reload.
    pub config_file: Option<PathBuf>,
    /// Overlays to lay over it again.
    pub overlays: Vec<String>,
    /// Where frames come from.
    pub source: Source,
    /// Media halves.
    pub workers: usize,
    /// Addresses to serve HTTP on.
    pub listen: Vec<String>,
    /// TLS and users.
    pub web_config: Option<PathBuf>,
    /// Where the analysis goes at the end.
    pub report: Option<PathBuf>,
    /// Where what scrapes would have shown goes, and how often, ns of packet time.
    pub openmetrics: Option<(PathBuf, i64)>,
}

/// Why a probe cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No capture can be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An interface cannot be listened to.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// What others send cannot be taken.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// HTTP cannot be served.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// The system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
    /// A result cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// How a probe ended: faults of inputs, a line each; none when all is well.
pub type Faults = Vec<String>;

/// Runs a probe to its end: of the input, or a signal.
///
/// # Errors
/// It cannot run, or its results cannot be written.
pub fn run(options: Options) -> Result<Faults, ProbeError> {
    let mut settings = options.config.engine_settings();
    let live = goes_on(&options);
    settings.streams.idle =
        Some(if live { IDLE } else { Idle { closes: false, end_after: i64::MAX, ..IDLE } });
    // Results that cannot be written are better known before the work than after it.
    let report = options.report.as_ref().map(create).transpose()?;
    let openmetrics = options.openmetrics.as_ref().map(|(path, _)| create(path)).transpose()?;
    warn_of_overflow(&options.config);
    let workers = options.workers.max(1);
    let territory = Arc::new(territory(&options.config));
    let nothing_counted = || nothing_counted(options.config.limits.sites, &territory);
    let totals: Vec<_> = (0..workers).map(|_| nothing_counted()).collect();
    let signal_totals = nothing_counted();
    let territory = Arc::new(RwLock::new(territory));
    let reports = options.report.is_some();
    let stream_tables: Vec<Arc<StreamTable>> = (0..workers).map(|_| Arc::default()).collect();
    let adaptive = settings.score.adaptive;
    let news = Arc::default();
    let observer = |worker: usize| {
        let totals = totals.get(worker).cloned().unwrap_or_else(|| Arc::new(Mutex::new(Totals::new(0))));
        let collector = reports.then(|| Collector::new(adaptive));
        let table = stream_tables.get(worker).cloned().unwrap_or_default();
        Observer::new(worker, Arc::clone(&territory), totals, table, Arc::clone(&news), collector, adaptive)
    };
    let signals = Signals::new(
        Arc::clone(&territory),
        Arc::clone(&signal_totals),
        options.config.limits.calls.saturating_add(options.config.limits.registrations),
        Arc::clone(&news),
        live,
        reports.then(|| Collector::new(settings.score.adaptive)),
    );
    let (frames, sockets) = Frames::open(&options)?;
    let shared = Arc::new(Shared {
        config_file: options.config_file,
        overlays: options.overlays,
        exposition: Mutex::new(Exposition::new(options.config.limits.series)),
        config: Mutex::new(options.config),
        territory: Arc::clone(&territory),
        totals: totals.clone(),
        signal_totals,
        stream_tables: stream_tables.clone(),
        interfaces: frames.interfaces(),
        front: Mutex::default(),
        devices_wanted: AtomicBool::new(false),
        devices: Mutex::default(),
        all_is_read: AtomicBool::new(false),
        reload: Mutex::new(ReloadNumbers { successful: true, success_time: Some(now() as f64 / 1e9) }),
        ready: AtomicBool::new(false),
        stop: frames.stop(),
        refused: Default::default(),
    });
    let serving = Serving::start(&options.listen, options.web_config, Arc::clone(&shared))?;
    let openmetrics = openmetrics.zip(options.openmetrics).map(Scrapes::new);
    let report = report.zip(options.report);
    let probe = Probe {
        settings: settings.clone(),
        shared,
        signals,
        openmetrics,
        report,
        serving,
        _sockets: sockets,
        flood: FloodWatch::default(),
    };
    if workers == 1 {
        probe.run(frames, Inline::new(&settings, observer(0)))
    } else {
        let back = Workers::start(&settings, workers, observer).map_err(ProbeError::Thread)?;
        probe.run(frames, back)
    }
}

fn create(path: &PathBuf) -> Result<File, ProbeError> {
    File::create(path).map_err(|source| ProbeError::Write { path: path.clone(), source })
}

/// Whether frames come until the probe is told to stop: of interfaces, or of sockets once all is read.
fn goes_on(options: &Options) -> bool {
    match options.source {
        Source::Live(_) => true,
        Source::Read { serve_after, .. } => serve_after && sockets::are_wanted(&options.config),
    }
}

/// Frames, opened.
enum Frames {
    Live(Listening, Arc<AtomicBool>),
    Read {
        timeline: Box<pcap::Timeline>,
        paced: bool,
        serve_after: bool,
        stop: Arc<AtomicBool>,
        /// What sockets take meanwhile and afterwards.
        listening: Option<Listening>,
    },
}

impl Frames {
    fn open(options: &Options) -> Result<(Self, Option<Sockets>), ProbeError> {
        let stop = Arc::new(AtomicBool::new(false));
        let wanted = sockets::are_wanted(&options.config);
        let how = live::settings(&options.config.probe);
        let open =
            |listening: &mut Listening| wanted.then(|| Sockets::open(&options.config, listening)).transpose();
        Ok(match &options.source {
            Source::Live(interfaces) => {
                let mut listening = Listening::start(interfaces, how, &stop)?;
                let sockets = open(&mut listening)?;
                (Self::Live(listening, stop), sockets)
            }
            Source::Read { inputs, paced, serve_after } => {
                let timeline = Box::new(pcap::open(inputs)?);
                if wanted && !goes_on(options) {
                    info!(
                        "hep.listen and vq_collector.listen wait for --after-read serve: nothing is taken there"
                    );
                }
                let mut listening =
                    goes_on(options).then(|| Listening::start(&[], how, &stop)).transpose()?;
                let sockets = listening.as_mut().map(open).transpose()?.flatten();
                let (paced, serve_after) = (*paced, *serve_after);
                (Self::Read { timeline, paced, serve_after, stop, listening }, sockets)
            }
        })
    }

    fn interfaces(&self) -> Vec<(String, Arc<live::InterfaceCounters>)> {
        match self {
            Self::Live(listening, _) | Self::Read { listening: Some(listening), .. } => {
                listening.counters.clone()
            }
            Self::Read { listening: None, .. } => Vec::new(),
        }
    }

    fn stop(&self) -> Arc<AtomicBool> {
        match self {
            Self::Live(_, stop) | Self::Read { stop, .. } => Arc::clone(stop),
        }
    }
}

/// What scrapes would have shown, at packet time.
struct Scrapes {
    file: File,
    path: PathBuf,
    gathered: PacketTime,
}

impl Scrapes {
    fn new((file, (path, step)): (File, (PathBuf, i64))) -> Self {
        Self { file, path, gathered: PacketTime::new(step, POINTS) }
    }
}

struct Probe {
    settings: Settings,
    shared: Arc<Shared>,
    signals: Signals,
    openmetrics: Option<Scrapes>,
    report: Option<(File, PathBuf)>,
    serving: Serving,
    /// Open as long as it runs.
    _sockets: Option<Sockets>,
    flood: FloodWatch,
}

type Halves = Vec<(Option<Collector>, Encodings)>;

impl Probe {
    fn run<B>(mut self, frames: Frames, mut back: B) -> Result<Faults, ProbeError>
    where
        B: Back<Seen = Totals, Result = (Option<Collector>, Encodings)>,
    {
        let mut front = Front::new(&self.settings);
        self.shared.ready.store(true, Relaxed);
        let (captures, faults, serve_after) = match frames {
            Frames::Live(mut listening, _) => {
                self.listen(&mut listening, (0, &[]), &mut front, &mut back);
                listening.join();
                (Vec::new(), Faults::new(), false)
            }
            Frames::Read { timeline, paced, serve_after, mut listening, .. } => {
                let mut pump = Pump::new(*timeline, |_| {});
                self.read(&mut pump, paced, listening.as_mut(), &mut front, &mut back);
                let (captures, refused, _) = pump.finish();
                let faults = faults(&captures, &refused);
                if let Some(listening) = &mut listening {
                    info!("all is read; taking what others send until told to stop");
                    let shift = shift(&front);
                    self.listen(listening, (shift, &captures), &mut front, &mut back);
                }
                (captures, faults, serve_after)
            }
        };
        front.finish(&mut back);
        self.signals.drain(&mut front);
        self.tell(&front, &captures);
        self.flood.look(front.calls_forgotten(), true);
        let mut halves = back.finish();
        self.signals.conclude();
        self.finish_openmetrics()?;
        halves.push((self.signals.finish(), Encodings::new()));
        finish_report(self.report, &self.shared, halves, &front, captures)?;
        if serve_after {
            *lock(&self.shared.devices) = front.registrations();
            self.shared.all_is_read.store(true, Relaxed);
            info!("all is read; serving until told to stop");
            self.serving.wait(&self.shared.stop);
        }
        self.serving.stop();
        Ok(faults)
    }

    /// Listens until told to stop. `shift` is added to this machine's time; `captures` were read before.
    fn listen<B: Back<Seen = Totals>>(
        &mut self,
        listening: &mut Listening,
        (shift, captures): (i64, &[Capture]),
        front: &mut Front,
        back: &mut B,
    ) {
        let mut told = 0;
        loop {
            match listening.hear(NAP, |frames| handle(frames, shift, front, back)) {
                Heard::Frames => {}
                Heard::Nothing => front.handle_time(now().saturating_add(shift), back),
                Heard::Over => break,
            }
            back.drain();
            self.signals.drain(front);
            self.tell_devices(front);
            if now() - told >= TELL_EVERY {
                told = now();
                self.tell(front, captures);
            }
        }
        info!("stopping");
    }

    fn read<B: Back<Seen = Totals>, P: FnMut(super::Progress)>(
        &mut self,
        pump: &mut Pump<P>,
        paced: bool,
        mut listening: Option<&mut Listening>,
        front: &mut Front,
        back: &mut B,
    ) {
        let step = self.openmetrics.as_ref().map_or(i64::MAX, |s| s.gathered.step());
        let step = if paced { step.min(PACE_STEP) } else { step };
        let mut pace = Pace::default();
        let mut told = i64::MIN;
        pump.run_by_steps(front, back, step, |turn| match turn {
            Turn::Before { time, front, back } => {
                if paced && !pace.wait_for(time, &self.shared.stop) {
                    return false;
                }
                self.scrape_if_due(time, front, back);
                !self.shared.stop.load(Relaxed)
            }
            Turn::After { front, back, files } => {
                if let Some(listening) = &mut listening {
                    let shift = shift(front);
                    while listening.hear(Duration::ZERO, |frames| handle(frames, shift, front, back))
                        == Heard::Frames
                    {}
                }
                back.drain();
                self.signals.drain(front);
                self.tell_devices(front);
                let time = front.now().unwrap_or(i64::MIN);
                if time.saturating_sub(told) >= TELL_EVERY {
                    told = time;
                    self.tell(front, &files());
                }
                true
            }
        });
    }

    fn scrape_if_due<B: Back<Seen = Totals>>(&mut self, time: i64, front: &mut Front, back: &mut B) {
        let Some(scrapes) = self.openmetrics.as_mut().filter(|s| s.gathered.is_due(time)) else { return };
        // Of all frames before this step, also those of the same batch.
        self.signals.drain(front);
        let mut totals = lock(&self.shared.signal_totals).clone();
        back.look().iter().for_each(|other| totals.merge(other));
        let mut numbers = lock(&self.shared.front);
        numbers.undecoded = front.undecoded();
        numbers.messages = front.message_counts().by_transport;
        drop(numbers);
        let numbers = self.shared.numbers_of_packets();
        scrapes.gathered.append(time, &lock(&self.shared.exposition).families(&totals, &numbers));
    }

    fn finish_openmetrics(&mut self) -> Result<(), ProbeError> {
        let Some(mut scrapes) = self.openmetrics.take() else { return Ok(()) };
        let (totals, numbers) = (self.shared.merged(), self.shared.numbers_of_packets());
        scrapes.gathered.finish(&lock(&self.shared.exposition).families(&totals, &numbers));
        write(scrapes.file, &scrapes.path, |out| scrapes.gathered.write(out))
    }

    fn tell_devices(&self, front: &Front) {
        if self.shared.devices_wanted.swap(false, Relaxed) {
            *lock(&self.shared.devices) = front.registrations();
        }
    }

    /// Tells HTTP what the front knows.
    fn tell(&mut self, front: &Front, captures: &[Capture]) {
        self.flood.look(front.calls_forgotten(), false);
        let limits = &self.settings;
        let files = captures.iter().map(|c| InterfaceNumbers {
            name: c.file.path.file_name().unwrap_or(c.file.path.as_os_str()).to_string_lossy().into_owned(),
            packets: Some(c.file.packets),
            bytes: Some(c.file.bytes),
            last_packet: c.file.last.map(probes::Timestamp::as_nanos),
            ..InterfaceNumbers::default()
        });
        *lock(&self.shared.front) = FrontNumbers {
            undecoded: front.undecoded(),
            messages: front.message_counts().by_transport,
            clock_steps: front.quarantined(),
            tables: vec![
                table(StateTable::Calls, front.calls(), Some(limits.calls.calls), front.calls_evicted()),
                table(
                    StateTable::Registrations,
                    front.registered(),
                    Some(limits.registrations),
                    front.registrations_evicted(),
                ),
                table(StateTable::Fragments, front.fragments_waiting(), None, front.fragments_evicted()),
                table(
                    StateTable::Tcp,
                    front.byte_streams(),
                    Some(limits.reassembly.max_flows),
                    front.byte_streams_evicted(),
                ),
            ],
            files: files.collect(),
            reports_and_tls_evicted: front.reports_and_tls_evicted(),
        };
    }
}

/// From this machine's time to that of the packets that are read: what comes to a socket meanwhile is as if it
/// had been captured beside them.
fn shift(front: &Front) -> i64 {
    front.now().map_or(0, |time| time.saturating_sub(now()))
}

fn finish_report(
    report: Option<(File, PathBuf)>,
    shared: &Shared,
    halves: Halves,
    front: &Front,
    captures: Vec<Capture>,
) -> Result<(), ProbeError> {
    let Some((file, path)) = report else { return Ok(()) };
    let halves = halves.into_iter().filter_map(|(collector, encodings)| Some((collector?, encodings)));
    let mut analysis = Analysis::of(halves.collect(), front.message_counts().clone(), captures);
    (analysis.registrations, analysis.liveness) = (front.registrations(), front.liveness());
    analysis.invites_forgotten = front.calls_forgotten();
    analysis.labels = lock(&shared.config).labels();
    write(file, &path, |out| analysis.write_json(out))
}

fn handle<B: Back>(frames: &[Frame<'_>], shift: i64, front: &mut Front, back: &mut B) {
    if shift == 0 {
        return front.handle_frames(frames, back);
    }
    for frames in frames.chunks(AT_ONCE) {
        let shifted = frames.iter().map(|frame| Frame { time: frame.time.plus_nanos(shift), ..*frame });
        front.handle_frames(&shifted.collect::<ArrayVec<_, AT_ONCE>>(), back);
    }
}

fn faults(captures: &[Capture], refused: &[OpenError]) -> Faults {
    let damaged = captures.iter().filter_map(|c| {
        let damage = c.file.damaged.as_ref()?;
        Some(format!("{}: {damage}; all before it was analysed", c.file.path.display()))
    });
    refused.iter().map(ToString::to_string).chain(damaged).collect()
}

fn write(
    file: File,
    path: &std::path::Path,
    what: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), ProbeError> {
    let mut out = BufWriter::new(file);
    let written = what(&mut out).and_then(|()| out.flush()).and_then(|()| out.get_ref().sync_all());
    written.map_err(|source| ProbeError::Write { path: path.to_owned(), source })
}

/// Packet time at the speed of the machine's clock.
#[derive(Default)]
struct Pace {
    /// Packet time and machine time at the beginning.
    began: Option<(i64, i64)>,
}

impl Pace {
    /// Waits until it is `time`; `false` where told to stop.
    fn wait_for(&mut self, time: i64, stop: &AtomicBool) -> bool {
        let (first, began) = *self.began.get_or_insert_with(|| (time, now()));
        loop {
            if stop.load(Relaxed) {
                return false;
            }
            let early = time.saturating_sub(first).saturating_sub(now().saturating_sub(began));
            if early <= 0 {
                return true;
            }
            thread::sleep(NAP.min(Duration::from_nanos(early.unsigned_abs())));
        }
    }
}

/// Says what nobody must overlook about where HTTP is served.
pub(super) fn warn_of_exposure(lines: &[String]) {
    for line in lines {
        warn!("{line}");
    }
}
