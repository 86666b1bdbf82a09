//! Several media halves behind one front: who owns a stream, and how it hears of things.
//!
//! A keyed symmetric hash of the inner flow names the worker that owns a stream. Packets go to their owner;
//! bindings, reports and the time go to all, each in the one order in which the front saw them. So any number
//! of workers gives the same results.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use crate::decode::HashKey;
use crate::engine::{Media, Settings, Sink, Told};
use crate::track::arrival::RtpArrival;

/// Packets handed over at once: 20 kB, so that a hand-over costs little a packet.
const PACKETS: usize = 256;
/// Hand-overs that may wait for a worker: 1.3 MB. Reading files then waits; capture never does.
const QUEUE: usize = 64;

/// What a worker is handed.
enum Handed<S> {
    Packets(Vec<RtpArrival>),
    Told(Arc<Told>),
    Time(i64),
    /// A look at what has been seen so far.
    Look(SyncSender<S>),
}

/// What takes a worker's events.
pub trait Work: Send + 'static {
    /// What it gives at the end.
    type Result: Send + 'static;
    /// What it shows at any time.
    type Seen: Send + 'static;
    /// Looks at what the half has to tell.
    fn drain(&mut self, media: &mut Media);
    /// What it has seen so far.
    fn look(&self) -> Self::Seen;
    /// The half has ended every stream.
    fn finish(self, media: &Media) -> Self::Result;
}

/// The queues to all workers: what the front pours into.
pub struct Workers<W: Work> {
    key: HashKey,
    lanes: Vec<Lane<W::Seen>>,
    threads: Vec<JoinHandle<W::Result>>,
}

impl<W: Work> fmt::Debug for Workers<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("count", &self.lanes.len()).finish_non_exhaustive()
    }
}

struct Lane<S> {
    pending: Vec<RtpArrival>,
    queue: SyncSender<Handed<S>>,
    /// Emptied buffers come back.
    emptied: Receiver<Vec<RtpArrival>>,
}

impl<W: Work> Workers<W> {
    /// Starts `count` workers, each with a share of the bounds.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(
        settings: &Settings,
        count: usize,
        mut work: impl FnMut(usize) -> W,
    ) -> std::io::Result<Self> {
        let count = count.max(1);
        let share = settings.shared_by(count);
        let mut workers = Self { key: settings.key, lanes: Vec::new(), threads: Vec::new() };
        for number in 0..count {
            let (queue, handed) = sync_channel(QUEUE);
            let (give_back, emptied) = sync_channel(QUEUE);
            let (media, work) = (Media::new(&share), work(number));
            let thread = Builder::new()
                .name(format!("worker {number}"))
                .spawn(move || run(media, work, &handed, &give_back))?;
            workers.lanes.push(Lane { pending: Vec::with_capacity(PACKETS), queue, emptied });
            workers.threads.push(thread);
        }
        Ok(workers)
    }

    /// Ends all workers; their results in the order of their numbers.
    ///
    /// # Panics
    /// Where a worker panicked: the panic goes on here.
    #[must_use]
    pub fn finish(mut self) -> Vec<W::Result> {
        for lane in &mut self.lanes {
            lane.hand_over_packets();
        }
        // A closed queue is the end of input.
        self.lanes.clear();
        self.threads
            .into_iter()
            .map(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    }

    /// What each worker has seen of all that was poured in so far.
    pub fn look(&mut self) -> Vec<W::Seen> {
        let answers: Vec<Receiver<W::Seen>> = self
            .lanes
            .iter_mut()
            .map(|lane| {
                let (answer, answered) = sync_channel(1);
                lane.hand_over_packets();
                lane.send(Handed::Look(answer));
                answered
            })
            .collect();
        answers.iter().filter_map(|answered| answered.recv().ok()).collect()
    }

    fn all(&mut self, handed: impl Fn() -> Handed<W::Seen>) {
        for lane in &mut self.lanes {
            lane.hand_over_packets();
            lane.send(handed());
        }
    }

    fn owner(&mut self, arrival: &RtpArrival) -> Option<&mut Lane<W::Seen>> {
        let count = self.lanes.len() as u64;
        // The upper bits as a fraction of the workers.
        let owner = ((self.key.owner(&arrival.key.flow) >> 32) * count) >> 32;
        self.lanes.get_mut(owner as usize)
    }
}

impl<W: Work> Sink for Workers<W> {
    #[inline]
    fn packet(&mut self, arrival: &RtpArrival) {
        if let Some(lane) = self.owner(arrival) {
            lane.pending.push(*arrival);
            if lane.pending.len() == PACKETS {
                lane.hand_over_packets();
            }
        }
    }

    fn told(&mut self, told: Told) {
        match told {
            Told::Packet(arrival) => self.packet(&arrival),
            told => {
                let told = Arc::new(told);
                self.all(|| Handed::Told(Arc::clone(&told)));
            }
        }
    }

    fn time(&mut self, now: i64) {
        self.all(|| Handed::Time(now));
    }
}

impl<S> Lane<S> {
    fn hand_over_packets(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let empty = self.emptied.try_recv().unwrap_or_else(|_| Vec::with_capacity(PACKETS));
        let full = mem::replace(&mut self.pending, empty);
        self.send(Handed::Packets(full));
    }

    fn send(&self, handed: Handed<S>) {
        // A worker that is gone has panicked; `finish` passes that on.
        let _gone = self.queue.send(handed);
    }
}

fn run<W: Work>(
    mut media: Media,
    mut work: W,
    handed: &Receiver<Handed<W::Seen>>,
    give_back: &SyncSender<Vec<RtpArrival>>,
) -> W::Result {
    while let Ok(handed) = handed.recv() {
        match handed {
            Handed::Packets(mut packets) => {
                for arrival in &packets {
                    media.packet(arrival);
                }
                packets.clear();
                // A full return channel: the buffer is let go.
                let _full = give_back.try_send(packets);
            }
            Handed::Told(told) => media.take(&told),
            Handed::Time(now) => media.time(now),
            Handed::Look(answer) => {
                work.drain(&mut media);
                // Whoever asked may be gone.
                let _gone = answer.send(work.look());
            }
        }
        work.drain(&mut media);
    }
    media.finish();
    work.drain(&mut media);
    work.finish(&media)
}
