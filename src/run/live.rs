//! Interfaces to the front: one thread each, that never waits for anything but frames. Sockets that take frames
//! of others pour into the same queue.
//!
//! Each interface has one ring, read by one thread, which copies frames into batches; the front takes those and
//! finds the owner of each packet by our own hash. Frames of several interfaces are merged by their time: the
//! kernel hands a frame over within 10 ms, so the front takes none that is younger than 25 ms while another
//! interface may still have an earlier one. What sockets take has the time of other machines' clocks and goes as it
//! comes.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use probes::live::{Live, LiveError, Settings, Taken};
use probes::nic::NicLosses;
use probes::{Frame, LinkType, Timestamp};
use tracing::{info, warn};

use super::batch::{Batch, Merge};
use crate::config;

/// Batches that may wait for the front, 32 MiB at most; beyond that frames are dropped and counted.
const QUEUE: usize = 128;
/// How often an interface that is gone is looked for, and one that is there is asked for its losses.
const LOOK: Duration = Duration::from_secs(1);
/// A stop is heeded within it.
const NAP: Duration = Duration::from_millis(100);
/// How long a frame waits for earlier ones of other interfaces, ns: what a ring takes at most to hand one over, and
/// as long again for its thread to get to it.
const HOLD: i64 = 25_000_000;

/// For tests and benches: set to "pnet", there is no ring.
const CAPTURE: &str = "CLEARLINE_CAPTURE";

/// What one interface has seen. Never shrinks.
#[derive(Debug, Default)]
pub struct InterfaceCounters {
    /// Frames.
    pub packets: AtomicU64,
    /// Captured bytes.
    pub bytes: AtomicU64,
    /// Frames of which less was captured than was sent.
    pub truncated: AtomicU64,
    /// Frames that the interface itself lost.
    pub lost_by_nic: AtomicU64,
    /// Frames dropped by the kernel because we did not keep up.
    pub lost_by_kernel: AtomicU64,
    /// Frames dropped because the front did not keep up.
    pub dropped: AtomicU64,
    /// When the last frame came, nanoseconds since the Unix epoch; 0 before the first.
    pub last_frame: AtomicI64,
    /// Whether it can be listened to.
    pub up: AtomicBool,
    /// What came to a socket and was none of what is taken there.
    pub refused: AtomicU64,
    /// Packets whose sender's clock is not believed: they have the time of their arrival.
    pub foreign_clock: AtomicU64,
}

/// All interfaces that are listened to.
#[derive(Debug)]
pub struct Listening {
    /// Batches in the order in which they were filled.
    batches: Receiver<Batch>,
    send: SyncSender<Batch>,
    emptied: Arc<Mutex<Receiver<Batch>>>,
    /// Emptied batches go back.
    give_back: SyncSender<Batch>,
    merge: Merge,
    /// By interface, in the order given.
    pub counters: Vec<(String, Arc<InterfaceCounters>)>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

/// What came of waiting for frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Something, maybe: not all that came is handed on at once.
    Frames,
    /// Nothing, on any interface.
    Nothing,
    /// It was told to stop, and all that came before is handed on.
    Over,
}

impl Listening {
    /// Begins to listen on `interfaces`, until `stop` is set.
    ///
    /// # Errors
    /// One of them does not exist or cannot be listened on. One that is down is waited for, and so is one that goes
    /// later.
    pub fn start(
        interfaces: &[String],
        settings: Settings,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self, LiveError> {
        let (send, batches) = sync_channel(QUEUE);
        let (give_back, emptied) = sync_channel(QUEUE);
        let emptied = Arc::new(Mutex::new(emptied));
        let mut listening = Self {
            batches,
            send,
            emptied,
            give_back,
            merge: Merge::new(interfaces.len()),
            counters: Vec::new(),
            threads: Vec::new(),
            stop: Arc::clone(stop),
        };
        for name in interfaces {
            let live = match Live::open(name, &settings) {
                Err(down @ LiveError::Down { .. }) => Err(down),
                other => Ok(other?),
            };
            let (inlet, stop) = (listening.inlet(name), Arc::clone(stop));
            let capture = Capture { name: name.clone(), settings, inlet, stop };
            let thread = Builder::new().name(format!("capture {name}")).spawn(move || capture.run(live));
            listening.threads.push(thread.map_err(|source| LiveError::Io { name: name.clone(), source })?);
        }
        Ok(listening)
    }

    /// A further way into the queue, for frames that come by other means; counted under `name`.
    pub fn inlet(&mut self, name: &str) -> Inlet {
        let counters = Arc::new(InterfaceCounters::default());
        let number = u16::try_from(self.counters.len()).unwrap_or(u16::MAX);
        self.counters.push((name.to_owned(), Arc::clone(&counters)));
        Inlet { number, counters, send: self.send.clone(), emptied: Arc::clone(&self.emptied) }
    }

    /// Waits for frames, `nap` at most, and hands them to `handle`, some at once.
    pub fn hear(&mut self, nap: Duration, mut handle: impl FnMut(&[Frame<'_>])) -> Heard {
        if self.stop.load(Relaxed) && self.threads.iter().all(JoinHandle::is_finished) {
            // Sockets may still take some, so no more than could wait.
            for batch in self.batches.try_iter().take(QUEUE) {
                self.merge.take(batch, &mut handle, give_back(&self.give_back));
            }
            self.merge.release(Timestamp::MAX, handle, give_back(&self.give_back));
            return Heard::Over;
        }
        let holding = self.merge.waiting() > 0;
        let nap = if holding { nap.min(Duration::from_nanos(HOLD.unsigned_abs())) } else { nap };
        match self.batches.recv_timeout(nap) {
            Ok(batch) => self.merge.take(batch, &mut handle, give_back(&self.give_back)),
            // There is always a way in, `self.send`.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) if !holding => {
                return Heard::Nothing;
            }
            Err(_) => {}
        }
        if self.merge.waiting() > 0 {
            while self.merge.waiting() < QUEUE
                && let Ok(batch) = self.batches.try_recv()
            {
                self.merge.take(batch, &mut handle, give_back(&self.give_back));
            }
            // Where more waits than may wait, order comes second.
            let full = self.merge.waiting() >= QUEUE;
            let horizon = if full { i64::MAX } else { now().saturating_sub(HOLD) };
            self.merge.release(Timestamp::from_nanos(horizon), handle, give_back(&self.give_back));
        }
        Heard::Frames
    }

    /// Waits for the threads, once `stop` is set.
    pub fn join(self) {
        drop(self.batches);
        for thread in self.threads {
            if thread.join().is_err() {
                warn!("a capture thread has panicked");
            }
        }
    }
}

/// Gives emptied batches back to whoever fills them.
fn give_back(to: &SyncSender<Batch>) -> impl FnMut(Batch) {
    |mut batch| {
        batch.clear();
        // A full channel: the memory is let go.
        let _full = to.try_send(batch);
    }
}

/// How a configuration wants interfaces listened to.
pub(super) fn settings(probe: &config::Probe) -> Settings {
    Settings {
        ring_bytes: probe.ring_mib << 20,
        snaplen: u32::try_from(probe.snaplen).ok().filter(|length| *length > 0),
        hardware_time: false,
        datalink: std::env::var(CAPTURE).is_ok_and(|by| by == "pnet"),
        clock: || Timestamp::from_nanos(now()),
    }
}

/// A way into the queue.
#[derive(Clone, Debug)]
pub struct Inlet {
    number: u16,
    /// What came this way.
    pub counters: Arc<InterfaceCounters>,
    send: SyncSender<Batch>,
    emptied: Arc<Mutex<Receiver<Batch>>>,
}

impl Inlet {
    /// Adds to `batch` a frame of `time` that came `now`.
    pub fn add(&self, batch: &mut Batch, (now, time): (i64, i64), link: LinkType, data: &[u8]) {
        self.counters.packets.fetch_add(1, Relaxed);
        self.counters.bytes.fetch_add(data.len() as u64, Relaxed);
        self.counters.last_frame.store(now, Relaxed);
        let original_len = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let time = Timestamp::from_nanos(time);
        batch.push(&Frame { time, link, interface: self.number, original_len, data }, self.number);
    }

    /// Never waits: where the front is behind, the batch is dropped and counted. An empty one comes back.
    pub fn hand_over(&self, batch: Batch) -> Batch {
        if batch.is_empty() {
            return batch;
        }
        match self.send.try_send(batch) {
            Ok(()) => self.emptied.lock().ok().and_then(|e| e.try_recv().ok()).unwrap_or_default(),
            Err(TrySendError::Full(mut batch) | TrySendError::Disconnected(mut batch)) => {
                self.counters.dropped.fetch_add(batch.len() as u64, Relaxed);
                batch.clear();
                batch
            }
        }
    }
}

struct Capture {
    name: String,
    settings: Settings,
    inlet: Inlet,
    stop: Arc<AtomicBool>,
}

impl Capture {
    fn run(self, first: Result<Live, LiveError>) {
        let mut nic = NicLosses::of(&self.name);
        let mut open = first;
        let mut told = String::new();
        while !self.stop.load(Relaxed) {
            match open {
                Ok(mut live) => {
                    self.tell_of(&live);
                    told.clear();
                    self.inlet.counters.up.store(true, Relaxed);
                    let ended = self.listen(&mut live, &mut nic);
                    self.inlet.counters.up.store(false, Relaxed);
                    let Err(error) = ended else { return };
                    warn!(interface = self.name, "{error}; waiting for it to come back");
                    told = error.to_string();
                }
                Err(error) => {
                    // That it is not there yet was told when it went.
                    let said = error.to_string();
                    if said != told && (told.is_empty() || !matches!(error, LiveError::Unknown { .. })) {
                        warn!(interface = self.name, "{said}; waiting for it");
                        told = said;
                    }
                    self.wait();
                }
            }
            open = Live::open(&self.name, &self.settings);
        }
    }

    fn tell_of(&self, live: &Live) {
        if let Some(error) = live.no_ring() {
            warn!(interface = self.name, "no capture ring, so by pnet's datalink, which is slower: {error}");
        }
        let ring_mib = live.ring_bytes().map(|bytes| bytes >> 20);
        let wanted = self.settings.ring_bytes >> 20;
        if let Some(mib) = ring_mib.filter(|mib| *mib < wanted) {
            warn!(interface = self.name, "no memory for a capture ring of {wanted} MiB: it has {mib}");
        }
        info!(interface = self.name, link = %live.link(), ring_mib, "listening");
    }

    fn wait(&self) {
        let mut waited = Duration::ZERO;
        while waited < LOOK && !self.stop.load(Relaxed) {
            thread::sleep(NAP);
            waited += NAP;
        }
    }

    /// Listens until told to stop, or until the interface is gone.
    fn listen(&self, live: &mut Live, nic: &mut NicLosses) -> Result<(), LiveError> {
        let mut batch = Batch::default();
        let mut looked = now();
        let mut result = Ok(());
        while result.is_ok() && !self.stop.load(Relaxed) {
            let taken = self.take(live, &mut batch);
            let at = now();
            if taken.as_ref().is_ok_and(|t| *t == Taken::Some && !batch.is_due(Timestamp::from_nanos(at))) {
                continue;
            }
            batch = self.inlet.hand_over(batch);
            result = taken.map(drop);
            // The other way round where the clock was set back.
            if result.is_err() || at.abs_diff(looked) >= LOOK.as_nanos() as u64 {
                looked = at;
                result = result.and(self.look(live, nic));
            }
        }
        self.inlet.hand_over(batch);
        let looked = self.look(live, nic);
        result.and(looked)
    }

    fn take(&self, live: &mut Live, batch: &mut Batch) -> Result<Taken, LiveError> {
        let (mut packets, mut bytes, mut truncated) = (0_u64, 0_u64, 0_u64);
        let mut last = None;
        let taken = live.take(|frame| {
            packets += 1;
            bytes += frame.data.len() as u64;
            truncated += u64::from(frame.data.len() < frame.original_len as usize);
            last = Some(frame.time.as_nanos());
            batch.push(frame, self.inlet.number);
            if batch.is_full() {
                *batch = self.inlet.hand_over(std::mem::take(batch));
            }
        });
        self.inlet.counters.packets.fetch_add(packets, Relaxed);
        self.inlet.counters.bytes.fetch_add(bytes, Relaxed);
        self.inlet.counters.truncated.fetch_add(truncated, Relaxed);
        if let Some(last) = last {
            self.inlet.counters.last_frame.store(last, Relaxed);
        }
        taken
    }

    /// Counts what was lost on the way to us.
    fn look(&self, live: &mut Live, nic: &mut NicLosses) -> Result<(), LiveError> {
        self.inlet.counters.lost_by_nic.fetch_add(nic.since_last(), Relaxed);
        self.inlet.counters.lost_by_kernel.fetch_add(live.lost(), Relaxed);
        live.check()
    }
}

/// The machine's clock, nanoseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the rim: the machine's clock is read here")]
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
