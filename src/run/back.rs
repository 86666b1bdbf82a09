//! What stands behind a front: one media half beside it, or several behind queues.

use crate::engine::{Media, Settings, Sink, Told};
use crate::run::workers::{Work, Workers};
use crate::track::arrival::RtpArrival;

/// What a probe needs of whatever stands behind its front.
pub(super) trait Back: Sink {
    /// What its work shows at any time.
    type Seen;
    /// What its work gives at the end.
    type Result;
    /// Lets the work look at what there is to tell.
    fn drain(&mut self);
    /// What has been seen of all that the front has poured in so far, by worker.
    fn look(&mut self) -> Vec<Self::Seen>;
    /// The end.
    fn finish(self) -> Vec<Self::Result>;
}

/// One half in the front's own thread.
pub(super) struct Inline<W> {
    media: Media,
    work: W,
}

impl<W: Work> Inline<W> {
    pub fn new(settings: &Settings, work: W) -> Self {
        Self { media: Media::new(settings), work }
    }
}

impl<W: Work> Sink for Inline<W> {
    fn packet(&mut self, arrival: &RtpArrival) {
        self.media.packet(arrival);
    }

    fn told(&mut self, told: Told) {
        self.media.told(told);
    }

    fn time(&mut self, now: i64) {
        self.media.time(now);
    }
}

impl<W: Work> Back for Inline<W> {
    type Seen = W::Seen;
    type Result = W::Result;

    fn drain(&mut self) {
        self.work.drain(&mut self.media);
    }

    fn look(&mut self) -> Vec<W::Seen> {
        self.drain();
        vec![self.work.look()]
    }

    fn finish(mut self) -> Vec<W::Result> {
        self.media.finish();
        self.drain();
        vec![self.work.finish(&self.media)]
    }
}

impl<W: Work> Back for Workers<W> {
    type Seen = W::Seen;
    type Result = W::Result;

    /// The workers do it themselves.
    fn drain(&mut self) {}

    fn look(&mut self) -> Vec<W::Seen> {
        Self::look(self)
    }

    fn finish(self) -> Vec<W::Result> {
        Self::finish(self)
    }
}
