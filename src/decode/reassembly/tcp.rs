//! One direction of a TCP connection: found, put in order, read.

use std::hash::Hash;

use super::flows::{Buffers, Flows};
use super::ordering::{Ordering, Piece};
use super::stream::Stream;
use super::websocket::{self, Handshake};
use super::{Outlet, Settings};
use crate::decode::sip;

/// A TCP segment as captured ([RFC 9293 §3.1](https://www.rfc-editor.org/rfc/rfc9293#section-3.1)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Segment<'a> {
    /// Sequence number, of the SYN when there is one.
    pub seq: u32,
    /// Opens the connection.
    pub syn: bool,
    /// Ends this direction.
    pub fin: bool,
    /// Breaks the connection off.
    pub rst: bool,
    /// The octets captured.
    pub payload: &'a [u8],
    /// How many more were on the wire and were taken by the snap length.
    pub missing: usize,
}

/// State of one direction.
#[derive(Debug)]
pub(super) struct Direction {
    /// Sequence number of the first octet.
    first: u32,
    /// Sequence number behind the last octet, once a FIN told it.
    end: Option<u32>,
    ordering: Ordering,
    stream: Stream,
}

impl Buffers for Direction {
    fn buffered(&self) -> usize {
        self.ordering.waiting_octets() + self.stream.buffered()
    }
}

/// Beyond any window that signalling uses: such a jump is another connection on the same ports.
const MAX_JUMP: u32 = 16 << 20;

pub(super) fn handle_segment<K: Copy + Eq + Hash>(
    flows: &mut Flows<K, Direction>,
    key: K,
    time_ns: i64,
    segment: &Segment<'_>,
    settings: &Settings,
    outlet: &mut Outlet<'_>,
) {
    let first = segment.seq.wrapping_add(u32::from(segment.syn));
    let segment = Segment { seq: first, ..*segment };
    if segment.rst {
        if let Some(mut direction) = flows.remove(&key) {
            direction.flush(settings, outlet);
        }
        return;
    }
    let mut is_new = true;
    flows.update(&key, |direction| {
        is_new = direction.is_other_connection(&segment);
        !is_new && direction.accept(time_ns, &segment, settings, outlet)
    });
    if is_new && (segment.syn || may_begin(segment.payload)) {
        let mut direction = Direction::new(first, segment.syn);
        if direction.accept(time_ns, &segment, settings, outlet) {
            outlet.counters.evicted += u64::from(flows.insert(key, direction));
        }
    }
}

/// True when a flow that is not known is worth knowing from this segment on.
fn may_begin(payload: &[u8]) -> bool {
    sip::looks_like_sip(payload)
        || payload.starts_with(b"HEP3")
        || websocket::carries_sip(payload)
        || payload.len() > 4 && Handshake::parse(payload) != Handshake::None
}

impl Direction {
    const fn new(first: u32, from_start: bool) -> Self {
        Self { first, end: None, ordering: Ordering::new(first), stream: Stream::new(from_start) }
    }

    /// True for a new connection on the same ports, be its SYN seen or not.
    fn is_other_connection(&self, segment: &Segment<'_>) -> bool {
        let jump = self.ordering.distance(segment.seq).unsigned_abs();
        segment.syn && segment.seq != self.first || !segment.payload.is_empty() && jump > MAX_JUMP
    }

    /// False: this is not SIP, forget it.
    fn accept(
        &mut self,
        time_ns: i64,
        segment: &Segment<'_>,
        settings: &Settings,
        outlet: &mut Outlet<'_>,
    ) -> bool {
        let length = segment.payload.len() + segment.missing;
        let mut ours = true;
        if length > 0 {
            let stream = &mut self.stream;
            let octets = (segment.seq, segment.payload, segment.missing);
            self.ordering.accept(time_ns, octets, settings, &mut |piece| {
                ours = ours && stream.take(&piece, settings, outlet);
            });
        }
        if segment.fin {
            self.end = Some(segment.seq.wrapping_add(u32::try_from(length).unwrap_or_default()));
        }
        if self.end.is_some_and(|end| self.ordering.distance(end) == 0) {
            // Nothing follows; the rest stays, so that a repeated last segment is known for one.
            self.stream.end(outlet);
        }
        ours
    }

    /// Reads what waits behind holes.
    pub(super) fn flush(&mut self, settings: &Settings, outlet: &mut Outlet<'_>) {
        let stream = &mut self.stream;
        let mut ours = true;
        self.ordering.flush(&mut |piece| ours = ours && stream.take(&piece, settings, outlet));
    }
}

impl Stream {
    fn take(&mut self, piece: &Piece<'_>, settings: &Settings, outlet: &mut Outlet<'_>) -> bool {
        match *piece {
            Piece::Octets(octets) => self.push(octets, settings, outlet),
            Piece::Hole { octets, cut } => {
                outlet.counters.holes += 1;
                self.hole(octets, cut, outlet);
                true
            }
        }
    }
}
