//! What leaves the stream table.

use std::sync::Arc;

use crate::track::arrival::StreamKey;
use crate::track::call::CallIdentity;
use crate::track::media::MediaKind;
use crate::track::stream::{Interval, StreamTotals};

/// What leaves the table.
#[derive(Clone, Debug)]
pub enum StreamEvent {
    /// An interval of a stream closed.
    Interval(ClosedInterval),
    /// A stream fell silent within an interval: what it would be if no packet came any more.
    Silent(ClosedInterval),
    /// A stream began, fell silent, or went on.
    Activity(Activity),
    /// A stream ended.
    Ended(Box<EndedStream>),
}

/// A stream that began, fell silent, or went on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Which stream.
    pub stream: u64,
    /// Its key.
    pub key: StreamKey,
    /// Its VLAN; 0 without one.
    pub vlan: u16,
    /// The call whose SDP described one of its ends, as far as it is known by now.
    pub call: Option<Arc<CallIdentity>>,
    /// Whether packets come. A stream that ends is no longer active without a word.
    pub active: bool,
    /// When the last one came, nanoseconds since the Unix epoch.
    pub last: i64,
}

/// An interval that closed, and of which stream.
#[derive(Clone, Copy, Debug)]
pub struct ClosedInterval {
    /// Which stream: unique for the life of the table.
    pub stream: u64,
    /// Its key.
    pub key: StreamKey,
    /// Its VLAN; 0 without one.
    pub vlan: u16,
    /// What it was like.
    pub interval: Interval,
}

/// A stream that ended.
#[derive(Clone, Debug)]
pub struct EndedStream {
    /// Which: as in its intervals.
    pub stream: u64,
    /// Its key.
    pub key: StreamKey,
    /// Its VLAN; 0 without one.
    pub vlan: u16,
    /// All about it.
    pub totals: StreamTotals,
    /// The call whose SDP described one of its ends.
    pub call: Option<u64>,
    /// Kind of media by SDP.
    pub kind: Option<MediaKind>,
    /// No stream was seen that flows the other way.
    pub one_direction: bool,
    /// Whether it counted as active until now.
    pub was_active: bool,
    /// Pushed out because the table was full.
    pub evicted: bool,
}

/// What the table did not keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounters {
    /// Streams ended because the table was full.
    pub evicted: u64,
    /// Flows forgotten that never behaved like RTP, or were pushed out before they could.
    pub not_rtp: u64,
    /// Flows pushed out of the held-back pool at its bound.
    pub unbound_evicted: u64,
    /// Endpoints whose SDP was forgotten at the bound.
    pub endpoints_evicted: u64,
}
