//! What `/metrics` shows: plain data in, text out.
//!
//! A worker adds each closed interval to its own [`Totals`]; a scrape merges those and never walks the
//! streams. [`Exposition`] makes of them, and of the [`ProbeNumbers`] that the rim hands in, one list of
//! [`Family`]s; [`text()`], [`openmetrics()`] and [`PacketTime`] only write it down, so that no two formats can
//! differ. Names, kinds, labels and edges stand once, in [`catalogue`].
//!
//! **Unknown is absent**: a number that is not known, or is none, is no sample, never 0. What is known to
//! be 0 is shown: counters and histograms of a configured site stand at 0 in the directions `in` and `out`
//! from the start, so that `increase()` sees the first event; so do its call seconds, call attempts (of no
//! peer), calls and devices. The other directions, codecs, the scales `wb` and `fb`, MOS-CQE, round trips,
//! reports of ends, peers and all else of calls appear with their first event: 173 series a site that is quiet.
//!
//! **Nothing grows without a bound**: sites and series are held to [`Limits`]; what is over goes to the site
//! `overflow` and is counted.
//!
//! **Absent on purpose**: sockets, clocks, threads; quantile sketches (no metric needs more than its edges).

mod budget;
mod calls;
pub mod catalogue;
mod codecs;
mod direction;
mod family;
mod histogram;
mod interval;
mod openmetrics;
mod packet_time;
mod peers;
mod probe;
mod responses;
mod signals;
mod site;
#[cfg(test)]
mod tests;
mod text;
mod totals;

pub use budget::Exposition;
pub use calls::CallSeconds;
pub use codecs::CODECS;
pub use direction::{Direction, StreamState};
pub use family::{Family, Labels, Series, Value};
pub use histogram::{Bucket, Exemplar, Histogram};
pub use interval::{IntervalSample, Outcome, ViewLabels, WithheldReason};
pub use openmetrics::{OPENMETRICS_CONTENT_TYPE, openmetrics};
pub use packet_time::PacketTime;
pub use probe::{
    Build, CaptureFinding, DropPlace, InterfaceNumbers, ProbeNumbers, ProcessNumbers, RecordNumbers,
    ReloadNumbers, StateTable, TableNumbers, WorkerNumbers,
};
pub use site::{ReportSource, RoundTripSide};
pub use text::{Snapshot, TEXT_CONTENT_TYPE, text};
pub use totals::{Limits, OVERFLOW, Totals, UNASSIGNED};
