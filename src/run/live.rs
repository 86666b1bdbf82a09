//! Interfaces to the front: one thread each, that never waits for anything but frames. Sockets that take frames
//! of others pour into the same queue.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
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
    /// What came to a socket and was none of what is taken there.
    pub refused: AtomicU64,
    /// Packets whose sender's clock is not believed: they have the time of their arrival.
    pub foreign_clock: AtomicU64,
}

impl InterfaceCounters {
    fn count(&self, now: i64, bytes: usize) {
        self.packets.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
        self.last_frame.store(now, Relaxed);
    }
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

    /// Whether it holds no frame.
    pub const fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether it holds as many frames as are handed over at once.
    pub const fn is_full(&self) -> bool {
        self.frames.len() >= FRAMES
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
        self.is_full() || self.frames.first().is_some_and(|f| now - f.time >= LINGER)
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
    send: SyncSender<Batch>,
    emptied: Arc<Mutex<Receiver<Batch>>>,
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
        let emptied = Arc::new(Mutex::new(emptied));
        let mut listening =
            Self { batches, send, emptied, give_back, counters: Vec::new(), threads: Vec::new() };
        for name in interfaces {
            let live = Live::open(name)?;
            let capture =
                Capture { name: name.clone(), inlet: listening.inlet(name), stop: Arc::clone(stop) };
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
    pub fn add(&self, batch: &mut Batch, (now, time): (i64, i64), link: LinkType, frame: &[u8]) {
        self.counters.count(now, frame.len());
        batch.push(time, link, self.number, frame);
    }

    /// Never waits: where the front is behind, the batch is dropped and counted. An empty one comes back.
    pub fn hand_over(&self, batch: Batch) -> Batch {
        if batch.is_empty() {
            return batch;
        }
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

struct Capture {
    name: String,
    inlet: Inlet,
    stop: Arc<AtomicBool>,
}

impl Capture {
    fn run(self, live: Live) {
        let mut live = Some(live);
        while !self.stop.load(Relaxed) {
            if let Some(mut interface) = live.take().or_else(|| self.reopen()) {
                self.inlet.counters.up.store(true, Relaxed);
                info!(interface = self.name, "listening");
                let error = self.listen(&mut interface);
                self.inlet.counters.up.store(false, Relaxed);
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
                self.inlet.add(&mut batch, (now, now), link, frame);
            }
            if batch.is_due(now) {
                batch = self.inlet.hand_over(batch);
            }
        }
        self.inlet.hand_over(batch);
        None
    }
}

/// The machine's clock, nanoseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the rim: frames of this interface come without a time")]
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
