//! The rim: gives the engine frames and a place to put results.

mod back;
mod batch;
mod collector;
mod flood;
mod hep;
pub mod live;
pub mod log;
mod observer;
pub mod probe;
mod process;
mod pump;
mod serving;
mod shared;
mod signals;
pub mod sockets;
pub mod workers;

use probes::pcap::{self, Input, OpenError};

use self::pump::Pump;
use self::workers::{Work, Workers};
use crate::engine::{Front, Media, Settings};
use crate::export::analysis::{Analysis, Collector, Labels};
use crate::track::codecs::Encodings;

pub use self::pump::Progress;

/// What reading captures gave.
#[derive(Debug)]
pub struct Outcome {
    /// What was found.
    pub analysis: Analysis,
    /// Inputs that cannot be read.
    pub refused: Vec<OpenError>,
    /// Files of directories that are no captures.
    pub passed_over: Vec<OpenError>,
}

/// Reads captures to their end, with one worker or several: the results are the same. `labels` say whose they
/// are, and how they are shown.
///
/// `progress` is told every some thousand frames.
///
/// # Errors
/// None of the inputs can be read, or no thread can be started.
#[expect(clippy::needless_pass_by_value, reason = "captures are read once, with settings made for it")]
pub fn analyse(
    inputs: &[Input],
    settings: Settings,
    labels: Labels,
    workers: usize,
    progress: impl FnMut(Progress),
) -> Result<Outcome, AnalyseError> {
    let mut pump = Pump::new(pcap::open(inputs)?, progress);
    let mut front = Front::new(&settings);
    let mut collector = Collector::new(settings.score.adaptive);
    let sites = &labels.sites;
    let halves = if workers <= 1 {
        let mut media = Media::new(&settings);
        pump.run(&mut front, &mut media, |front, media| collector.take_all(front, media, sites));
        front.finish(&mut media);
        media.finish();
        collector.take_all(&mut front, &mut media, sites);
        vec![(collector, media.encodings().clone())]
    } else {
        let new = |_| HalfCollector(Collector::new(settings.score.adaptive));
        let mut workers = Workers::start(&settings, workers, new)?;
        pump.run(&mut front, &mut workers, |front, _| collector.take_front(front, sites));
        front.finish(&mut workers);
        collector.take_front(&mut front, sites);
        let mut halves = workers.finish();
        halves.push((collector, Encodings::new()));
        halves
    };
    let (captures, refused, passed_over) = pump.finish();
    let mut analysis = Analysis::of(halves, front.message_counts().clone(), captures);
    (analysis.registrations, analysis.liveness) = (front.registrations(), front.liveness());
    analysis.labels = labels;
    analysis.invites_forgotten = front.calls_forgotten();
    Ok(Outcome { analysis, refused, passed_over })
}

/// Why captures could not be analysed.
#[derive(Debug, thiserror::Error)]
pub enum AnalyseError {
    /// None of the inputs can be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The system gives no thread.
    #[error("cannot start a worker: {0}")]
    Thread(#[from] std::io::Error),
}

/// A worker that gathers what its half has to tell.
struct HalfCollector(Collector);

impl Work for HalfCollector {
    type Result = (Collector, Encodings);
    type Seen = ();

    fn drain(&mut self, media: &mut Media) {
        self.0.take_media(media);
    }

    fn look(&self) {}

    fn finish(self, media: &Media) -> Self::Result {
        (self.0, media.encodings().clone())
    }
}
