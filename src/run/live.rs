//! Interfaces to the front: one thread each, that never waits for anything but frames.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use probes::live::{Live, LiveError};
use probes::{Frame, LinkType, Timestamp};
use tracing::{info, warn};

/// Frames handed over at once.
const FRAMES: usize = 64;
/// A batch that is not full goes after this long, ns.
const LINGER: i64 = 20_000_000;
/// Batches that may wait for the front; beyond that frames are dropped and counted.
const QUEUE: usize = 512;
/// How often an interface that is gone is looked for.
const RETRY: Duration = Duration::from_secs(1);

/// What one interface has seen. Never shrinks.
#[derive(Debug, Default)]
pub struct InterfaceCounters {
    /// Frames.
    pub packets: AtomicU64,
    /// Captured bytes.
    pub bytes: AtomicU64,
    /// Frames dropped because the front did not keep up.
    pub dropped: AtomicU64,
    /// When the last frame came, nanoseconds since the Unix epoch; 0 before the first.
    pub last_frame: AtomicI64,
    /// Whether it can be listened to.
    pub up: AtomicBool,
}

/// Frames copied out of an interface's buffer.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    frames: Vec<Copied>,
}

#[derive(Clone, Copy, Debug)]
struct Copied {
    time: i64,
    link: LinkType,
    interface: u16,
    start: usize,
    end: usize,
}

impl Batch {
    fn push(&mut self, time: i64, link: LinkType, interface: u16, frame: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(frame);
        self.frames.push(Copied { time, link, interface, start, end: self.bytes.len() });
    }

    /// The frames, in their order.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.frames.iter().map(|c| {
            let data = self.bytes.get(c.start..c.end).unwrap_or_default();
            Frame {
                time: Timestamp::from_nanos(c.time),
                link: c.link,
                interface: c.interface,
                original_len: u32::try_from(data.len()).unwrap_or(u32::MAX),
                data,
            }
        })
    }

    fn is_due(&self, now: i64) -> bool {
        self.frames.len() >= FRAMES || self.frames.first().is_some_and(|f| now - f.time >= LINGER)
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.frames.clear();
    }
}

/// All interfaces that are listened to.
#[derive(Debug)]
pub struct Listening {
    /// Batches in the order in which they were filled.
    pub batches: Receiver<Batch>,
    /// Emptied batches go back.
    give_back: SyncSender<Batch>,
    /// By interface, in the order given.
    pub counters: Vec<(String, Arc<InterfaceCounters>)>,
    threads: Vec<JoinHandle<()>>,
}

impl Listening {
    /// Begins to listen on `interfaces`, until `stop` is set.
    ///
    /// # Errors
    /// One of them cannot be listened on. Later an interface may go: it is waited for.
    pub fn start(interfaces: &[String], stop: &Arc<AtomicBool>) -> Result<Self, LiveError> {
        let (send, batches) = sync_channel(QUEUE);
        let (give_back, emptied) = sync_channel(QUEUE);
        let emptied = Arc::new(std::sync::Mutex::new(emptied));
        let mut listening = Self { batches, give_back, counters: Vec::new(), threads: Vec::new() };
        for (number, name) in interfaces.iter().enumerate() {
            let live = Live::open(name)?;
            let counters = Arc::new(InterfaceCounters::default());
            listening.counters.push((name.clone(), Arc::clone(&counters)));
            let capture = Capture {
                name: name.clone(),
                number: u16::try_from(number).unwrap_or(u16::MAX),
                counters,
                send: send.clone(),
                emptied: Arc::clone(&emptied),
                stop: Arc::clone(stop),
            };
            let thread = Builder::new().name(format!("capture {name}")).spawn(move || capture.run(live));
            listening.threads.push(thread.map_err(|source| LiveError::Io { name: name.clone(), source })?);
        }
        Ok(listening)
    }

    /// Takes an emptied batch back, to be filled again.
    pub fn give_back(&self, mut batch: Batch) {
        batch.clear();
        // A full channel: the memory is let go.
        let _full = self.give_back.try_send(batch);
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

struct Capture {
    name: String,
    number: u16,
    counters: Arc<InterfaceCounters>,
    send: SyncSender<Batch>,
    emptied: Arc<std::sync::Mutex<Receiver<Batch>>>,
    stop: Arc<AtomicBool>,
}

impl Capture {
    fn run(self, live: Live) {
        let mut live = Some(live);
        while !self.stop.load(Relaxed) {
            if let Some(mut interface) = live.take().or_else(|| self.reopen()) {
                self.counters.up.store(true, Relaxed);
                info!(interface = self.name, "listening");
                let error = self.listen(&mut interface);
                self.counters.up.store(false, Relaxed);
                if let Some(error) = error {
                    warn!(interface = self.name, %error, "interface lost; waiting for it to come back");
                }
            } else {
                thread::sleep(RETRY);
            }
        }
    }

    fn reopen(&self) -> Option<Live> {
        Live::open(&self.name).ok()
    }

    /// Listens until told to stop (`None`) or the interface is gone.
    fn listen(&self, live: &mut Live) -> Option<std::io::Error> {
        let link = live.link();
        let mut batch = Batch::default();
        while !self.stop.load(Relaxed) {
            let frame = match live.next_frame() {
                Ok(frame) => frame,
                Err(error) => return Some(error),
            };
            let now = now();
            if let Some(frame) = frame {
                self.counters.packets.fetch_add(1, Relaxed);
                self.counters.bytes.fetch_add(frame.len() as u64, Relaxed);
                self.counters.last_frame.store(now, Relaxed);
                batch.push(now, link, self.number, frame);
            }
            if batch.is_due(now) {
                batch = self.hand_over(batch);
            }
        }
        self.hand_over(batch);
        None
    }

    /// Capture never waits: where the front is behind, the batch is dropped and counted.
    fn hand_over(&self, batch: Batch) -> Batch {
        match self.send.try_send(batch) {
            Ok(()) => self.emptied.lock().ok().and_then(|e| e.try_recv().ok()).unwrap_or_default(),
            Err(TrySendError::Full(mut batch) | TrySendError::Disconnected(mut batch)) => {
                self.counters.dropped.fetch_add(batch.frames.len() as u64, Relaxed);
                batch.clear();
                batch
            }
        }
    }
}

/// The machine's clock, nanoseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the rim: frames of this interface come without a time")]
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
