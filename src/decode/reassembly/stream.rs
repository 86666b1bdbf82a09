//! Octets in sequence to SIP messages, bare, in WebSocket frames or in HEP packets.

use memchr::memmem;

use super::websocket::{self, Assembled, Assembly, Frame, FramePrefix, Handshake};
use super::{Outlet, Settings};
use crate::decode::sip::{self, Malformed, Message, Prefix};
use crate::decode::{Hep, HepPrefix};

/// One direction of a connection, read from its octets in sequence.
#[derive(Debug)]
pub(super) struct Stream {
    kind: Kind,
    buffer: Vec<u8>,
    /// No use in reading before the buffer holds so many octets.
    wanted: usize,
    /// What the message in the buffer lacks.
    lacks: Lacks,
    /// Octets still to come of a message that is lost.
    to_skip: usize,
}

#[derive(Debug)]
enum Kind {
    /// Not enough seen to tell. `from_start`: the first octet is that of the connection.
    Unknown { from_start: bool },
    /// Messages follow each other. Not `trusted` after a search: what looks like a start line may stand in a
    /// body (`message/sipfrag`, RFC 3420), so the first message must be a good one.
    Sip { trusted: bool },
    /// SIP, but where the next message begins is not known.
    Lost { searched: usize },
    /// HEP packets follow each other; where octets are lost, the next magic begins one.
    Hep,
    /// Frames follow each other. `confirmed`: they are known to carry SIP.
    WebSocket { assembly: Assembly, confirmed: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lacks {
    Anything,
    HeaderEnd,
    OnlyBody,
}

/// What to do after a look at the octets.
enum Step {
    /// Go on behind so many octets.
    Take(usize),
    /// Come back when there are so many.
    Wait(usize),
    /// This is not SIP.
    Leave,
}

/// Longest start line or WebSocket handshake that is waited for, octets.
const MAX_OPENING: usize = 16 << 10;

/// Longest message over the bound that is passed over by its length; beyond it the length is not believed.
const MAX_SKIPPED: usize = 16 << 20;

impl Stream {
    pub(super) const fn new(from_start: bool) -> Self {
        let kind = Kind::Unknown { from_start };
        Self { kind, buffer: Vec::new(), wanted: 0, lacks: Lacks::Anything, to_skip: 0 }
    }

    pub(super) const fn buffered(&self) -> usize {
        let assembled = match &self.kind {
            Kind::WebSocket { assembly, .. } => assembly.buffered(),
            _ => 0,
        };
        self.buffer.capacity() + assembled
    }

    /// Takes the next octets. False: this is not SIP, forget it.
    pub(super) fn push(&mut self, octets: &[u8], settings: &Settings, outlet: &mut Outlet<'_>) -> bool {
        let skipped = self.to_skip.min(octets.len());
        self.to_skip -= skipped;
        outlet.dropped(skipped);
        let octets = octets.get(skipped..).unwrap_or_default();
        if self.buffer.is_empty() {
            // Most segments hold whole messages: nothing is copied then.
            let Some(taken) = self.read(octets, settings, outlet) else { return false };
            self.buffer.extend_from_slice(octets.get(taken..).unwrap_or_default());
            return true;
        }
        let before = self.buffer.len();
        self.buffer.extend_from_slice(octets);
        if !self.is_worth_reading(before, settings) {
            return true;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let Some(taken) = self.read(&buffer, settings, outlet) else { return false };
        if taken < buffer.len() {
            buffer.drain(..taken);
            self.buffer = buffer;
        }
        true
    }

    /// Without this a message sent in small pieces would be parsed once a piece.
    fn is_worth_reading(&self, before: usize, settings: &Settings) -> bool {
        let length = self.buffer.len();
        if self.lacks == Lacks::HeaderEnd && length <= settings.max_message_octets {
            return has_empty_line(self.buffer.get(before.saturating_sub(3)..).unwrap_or_default());
        }
        length >= self.wanted
    }

    /// So many octets will not come. What was begun is lost, but a message that only the snap length cut was
    /// whole on the wire and is delivered without its end, as it is from a datagram.
    pub(super) fn hole(&mut self, octets: usize, cut: bool, outlet: &mut Outlet<'_>) {
        let begun = std::mem::take(&mut self.buffer);
        let skipped = self.to_skip.min(octets);
        self.to_skip -= skipped;
        match self.kind {
            Kind::Sip { .. } if skipped == octets => {}
            Kind::Sip { trusted } => {
                let sure = self.lacks == Lacks::OnlyBody || trusted && self.lacks == Lacks::HeaderEnd;
                if cut && sure {
                    deliver(&begun, outlet);
                } else {
                    outlet.dropped(begun.len());
                }
                // A hole inside a body whose length is known leaves no doubt about where the next message is.
                let reach = begun.len().saturating_add(octets - skipped);
                match self.wanted.checked_sub(reach) {
                    Some(more) if trusted && self.lacks == Lacks::OnlyBody => self.to_skip = more,
                    _ => self.kind = Kind::Lost { searched: 0 },
                }
            }
            Kind::Lost { .. } | Kind::Hep => outlet.dropped(begun.len()),
            Kind::Unknown { .. } | Kind::WebSocket { .. } => {
                outlet.dropped(begun.len());
                let was_sip = !begun.is_empty() && sip::could_begin(&begun);
                self.kind =
                    if was_sip { Kind::Lost { searched: 0 } } else { Kind::Unknown { from_start: false } };
            }
        }
        (self.wanted, self.lacks) = (0, Lacks::Anything);
    }

    /// No octets will follow: what was begun stays unfinished.
    pub(super) fn end(&mut self, outlet: &mut Outlet<'_>) {
        outlet.dropped(self.buffer.len());
        *self = Self::new(false);
    }

    /// Reads as far as possible; the octets taken. `None`: this is not SIP.
    fn read(&mut self, octets: &[u8], settings: &Settings, outlet: &mut Outlet<'_>) -> Option<usize> {
        let mut taken = 0;
        loop {
            let rest = octets.get(taken..).filter(|rest| !rest.is_empty());
            (self.wanted, self.lacks) = (0, Lacks::Anything);
            let Some(rest) = rest else { return Some(octets.len()) };
            let step = match self.kind {
                Kind::Unknown { from_start } => self.decide(rest, from_start),
                Kind::Sip { trusted } => self.read_message(rest, trusted, settings, outlet),
                Kind::Lost { searched } => self.search(rest, searched, settings, outlet),
                Kind::WebSocket { .. } => self.read_frame(rest, settings, outlet),
                Kind::Hep => read_hep(rest, outlet),
            };
            match step {
                Step::Take(octets) => taken += octets,
                Step::Wait(octets) => {
                    self.wanted = octets;
                    return Some(taken);
                }
                Step::Leave => return None,
            }
        }
    }

    fn decide(&mut self, octets: &[u8], from_start: bool) -> Step {
        let text = sip::skip_line_ends(octets);
        let blank = octets.len() - text.len();
        let wait = if octets.len() < MAX_OPENING { Step::Wait(octets.len() + 1) } else { Step::Leave };
        if text.is_empty() {
            return Step::Take(blank);
        }
        if sip::looks_like_sip(text) && text.contains(&b'\n') {
            self.kind = Kind::Sip { trusted: from_start };
            return Step::Take(blank);
        }
        match Hep::prefix(text) {
            HepPrefix::NotHep => {}
            HepPrefix::Incomplete(_) if text.len() < 4 => return Step::Wait(blank + 4),
            _ => {
                self.kind = Kind::Hep;
                return Step::Take(blank);
            }
        }
        match Handshake::parse(text) {
            Handshake::Complete { length, sip: confirmed } => {
                self.kind = Kind::WebSocket { assembly: Assembly::default(), confirmed };
                Step::Take(blank + length)
            }
            Handshake::Incomplete => wait,
            Handshake::None if websocket::carries_sip(text) => {
                self.kind = Kind::WebSocket { assembly: Assembly::default(), confirmed: false };
                Step::Take(blank)
            }
            Handshake::None if sip::could_begin(text) => wait,
            Handshake::None => Step::Leave,
        }
    }

    fn read_message(
        &mut self,
        octets: &[u8],
        trusted: bool,
        settings: &Settings,
        outlet: &mut Outlet<'_>,
    ) -> Step {
        let text = sip::skip_line_ends(octets);
        if text.len() < octets.len() {
            return Step::Take(octets.len() - text.len());
        }
        match Message::parse_prefix(octets) {
            Prefix::Complete { message, length } if trusted || is_beyond_doubt(&message) => {
                self.kind = Kind::Sip { trusted: true };
                outlet.message(octets.get(..length).unwrap_or_default(), !message.defects().is_empty());
                Step::Take(length)
            }
            Prefix::Complete { .. } => self.lose_line(octets, outlet),
            Prefix::Incomplete { at_least, headers_complete } if at_least > settings.max_message_octets => {
                outlet.counters.oversized += 1;
                if headers_complete && at_least < MAX_SKIPPED {
                    self.to_skip = at_least - octets.len();
                    outlet.dropped(octets.len());
                    return Step::Take(octets.len());
                }
                self.lose_line(octets, outlet)
            }
            Prefix::Incomplete { at_least, headers_complete } => {
                self.lacks = if headers_complete { Lacks::OnlyBody } else { Lacks::HeaderEnd };
                Step::Wait(at_least)
            }
            Prefix::NotSip => {
                self.kind = Kind::Lost { searched: 0 };
                Step::Take(0)
            }
        }
    }

    /// Looks for a start line at the beginning of a line, or of what comes after a hole.
    fn search(
        &mut self,
        octets: &[u8],
        searched: usize,
        settings: &Settings,
        outlet: &mut Outlet<'_>,
    ) -> Step {
        if searched > settings.max_message_octets {
            return Step::Leave;
        }
        let complete = octets.contains(&b'\n');
        if complete && sip::looks_like_sip(octets) {
            self.kind = Kind::Sip { trusted: false };
            return Step::Take(0);
        }
        if !complete && octets.len() < MAX_OPENING && sip::could_begin(octets) {
            return Step::Wait(octets.len() + 1);
        }
        self.kind = Kind::Lost { searched };
        self.lose_line(octets, outlet)
    }

    /// Gives up the line at the front and looks for a start line behind it.
    fn lose_line(&mut self, octets: &[u8], outlet: &mut Outlet<'_>) -> Step {
        let length = memchr::memchr(b'\n', octets).map_or(octets.len(), |end| end + 1);
        let searched = match self.kind {
            Kind::Lost { searched } => searched + length,
            _ => length,
        };
        self.kind = Kind::Lost { searched };
        outlet.dropped(length);
        Step::Take(length)
    }

    fn read_frame(&mut self, octets: &[u8], settings: &Settings, outlet: &mut Outlet<'_>) -> Step {
        let Kind::WebSocket { assembly, confirmed } = &mut self.kind else { return Step::Leave };
        let frame = match Frame::parse(octets) {
            FramePrefix::Complete(frame) => frame,
            FramePrefix::Incomplete(at_least) if at_least <= settings.max_message_octets => {
                return Step::Wait(at_least);
            }
            FramePrefix::Incomplete(_) => {
                outlet.counters.oversized += u64::from(*confirmed);
                return Step::Leave;
            }
            FramePrefix::NotAFrame => return Step::Leave,
        };
        let is_sip = match assembly.take(&frame, settings.max_message_octets) {
            Assembled::Nothing => None,
            Assembled::Message(message) => {
                // A message of CRLFs keeps the connection alive (RFC 7118 §6).
                let keep_alive = sip::skip_line_ends(message).is_empty();
                (!keep_alive).then(|| deliver(message, outlet))
            }
            Assembled::Unreadable => {
                outlet.counters.unreadable += u64::from(*confirmed);
                Some(*confirmed)
            }
            Assembled::TooLong => {
                outlet.counters.oversized += u64::from(*confirmed);
                Some(*confirmed)
            }
        };
        if is_sip.is_some() {
            assembly.clear();
        }
        *confirmed |= is_sip == Some(true);
        if is_sip == Some(false) && !*confirmed { Step::Leave } else { Step::Take(frame.length) }
    }
}

/// Delivers a HEP packet as it is. What begins no packet is passed over up to what may.
fn read_hep(octets: &[u8], outlet: &mut Outlet<'_>) -> Step {
    match Hep::prefix(octets) {
        HepPrefix::Complete(length) => {
            outlet.message(octets.get(..length).unwrap_or_default(), false);
            Step::Take(length)
        }
        HepPrefix::Incomplete(at_least) => Step::Wait(at_least),
        HepPrefix::NotHep => {
            let behind = octets.get(1..).unwrap_or_default();
            let length = 1 + memmem::find(behind, b"HEP3").unwrap_or(behind.len());
            outlet.dropped(length);
            Step::Take(length)
        }
    }
}

/// Delivers a message whose end is known otherwise than by its `Content-Length`. False: it is none.
pub(super) fn deliver(octets: &[u8], outlet: &mut Outlet<'_>) -> bool {
    let Ok(message) = Message::parse(octets) else {
        outlet.dropped(octets.len());
        return false;
    };
    outlet.message(octets, !message.defects().is_empty());
    true
}

/// True when this cannot well be part of a body, and its method not the end of a longer one: `ACK` of `PRACK`.
fn is_beyond_doubt(message: &Message<'_>) -> bool {
    use Malformed::{BadCSeq, HeaderLine, MissingCSeq, MissingCallId};
    let doubtful = [HeaderLine, MissingCallId, MissingCSeq, BadCSeq];
    !doubtful.into_iter().any(|reason| message.defects().contains(reason))
}

fn has_empty_line(octets: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', octets).any(|end| {
        octets.get(end + 1..).is_some_and(|rest| rest.starts_with(b"\n") || rest.starts_with(b"\r\n"))
    })
}
