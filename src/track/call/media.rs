//! What the session descriptions of a call said of its audio: who receives where, and which way it is to flow.

use arrayvec::ArrayVec;

use crate::decode::sdp::{Direction, Sdp};
use crate::decode::{Address, Endpoint, Flow};

/// Descriptions kept of a call: each re-INVITE adds two.
const MAX_SAID: usize = 64;
/// Places kept of one description: the section's own, and candidates of ICE.
const MAX_PLACES: usize = 4;

/// Which end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// Who sent the first INVITE.
    Caller,
    /// Who received it.
    Callee,
}

impl Party {
    /// The one at the other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

/// What the descriptions said, oldest first. Bounded: the oldest goes first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaSaid(Vec<Said>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    time: i64,
    by: Party,
    places: ArrayVec<Endpoint, MAX_PLACES>,
    sends: bool,
    receives: bool,
    /// Addresses are found by ICE, or hidden: those that were said need not be those that are used.
    by_ice: bool,
}

impl MediaSaid {
    /// Takes a description: its first audio section.
    pub fn take(&mut self, time: i64, by: Party, sdp: &Sdp<'_>) {
        let Some(audio) = sdp.media.iter().find(|m| m.kind == "audio" && m.proto.contains("RTP")) else {
            return;
        };
        // Hold as RFC 2543 had it: nothing is to be sent to 0.0.0.0.
        let nowhere = audio.connection.is_some_and(|a| a.is_unspecified());
        let refused = audio.port == 0 && !audio.bundle_only;
        let mut places = ArrayVec::new();
        let mut place = |ip: Option<std::net::IpAddr>, port: u16| {
            if let Some(ip) = ip.filter(|ip| !ip.is_unspecified())
                && port != 0
            {
                // More are an oddity, and not looked for.
                let _full = places.try_push(Endpoint::new(Address::from(ip), port));
            }
        };
        place(audio.connection.and_then(|a| a.ip()), audio.port);
        for candidate in audio.candidates.iter().filter(|c| c.component == 1) {
            place(candidate.address.ip(), candidate.port);
        }
        let said = Said {
            time,
            by,
            places,
            sends: !refused && matches!(audio.direction, Direction::SendRecv | Direction::SendOnly),
            receives: !refused
                && !nowhere
                && matches!(audio.direction, Direction::SendRecv | Direction::RecvOnly),
            by_ice: audio.ice_ufrag.is_some() || !audio.candidates.is_empty(),
        };
        let again = self.0.iter().rev().find(|s| s.by == by);
        if again.is_some_and(|s| Said { time, ..s.clone() } == said) {
            return;
        }
        if self.0.len() == MAX_SAID {
            self.0.remove(0);
        }
        self.0.push(said);
    }

    /// Forgets what `party` offered since `time`: the offer was refused (RFC 3261 §14.1).
    pub fn take_back(&mut self, party: Party, time: i64) {
        self.0.retain(|s| s.by != party || s.time < time);
    }

    /// Takes over what was said in a joined part.
    pub(super) fn absorb(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.sort_by_key(|s| s.time);
        let beyond = self.0.len().saturating_sub(MAX_SAID);
        self.0.drain(..beyond);
    }

    /// Whether anything was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose voice a stream carries: whoever does not receive it, else whoever sends it.
    #[must_use]
    pub fn speaker(&self, flow: &Flow) -> Option<Party> {
        let both = [Party::Caller, Party::Callee];
        let receiver = both.into_iter().find(|p| self.is_place_of(*p, flow.dst));
        let sender = both.into_iter().find(|p| self.is_place_of(*p, flow.src));
        receiver.map(Party::other).or(sender)
    }

    /// Whether `party` ever said that it receives at `end`.
    #[must_use]
    pub fn is_place_of(&self, party: Party, end: Endpoint) -> bool {
        self.0.iter().any(|s| s.by == party && s.places.contains(&end))
    }

    /// Whether `party` ever named a place where it receives.
    pub(super) fn has_place(&self, party: Party) -> bool {
        self.0.iter().any(|s| s.by == party && !s.places.is_empty())
    }

    /// The hosts that `party` named.
    pub(super) fn hosts_of(&self, party: Party) -> Vec<Address> {
        self.0.iter().filter(|s| s.by == party).flat_map(|s| &s.places).map(|p| p.address).collect()
    }

    /// Whether both described themselves.
    pub(super) fn both_spoke(&self) -> bool {
        [Party::Caller, Party::Callee].iter().all(|party| self.0.iter().any(|s| s.by == *party))
    }

    /// Whether addresses are left to ICE.
    pub(super) fn by_ice(&self) -> bool {
        self.0.iter().any(|s| s.by_ice)
    }

    /// Spans within `from..to` in which audio is to flow from `party` to the other: neither holds.
    ///
    /// What was said last before a time holds at it. With several dialogs in one call what each end said is
    /// taken together.
    pub(super) fn spans(&self, party: Party, from: i64, to: i64) -> Vec<(i64, i64)> {
        let mut spans: Vec<(i64, i64)> = Vec::new();
        let (mut sends, mut receives) = (true, true);
        let mut open = from;
        if from >= to {
            return spans;
        }
        for said in &self.0 {
            let time = said.time.clamp(from, to);
            if sends && receives && time > open {
                spans.push((open, time));
            }
            open = time;
            if said.by == party {
                sends = said.sends;
            } else {
                receives = said.receives;
            }
        }
        if sends && receives && to > open {
            spans.push((open, to));
        }
        // Two that touch are one.
        spans.dedup_by(|later, kept| {
            let touch = later.0 == kept.1;
            if touch {
                kept.1 = later.1;
            }
            touch
        });
        spans
    }

    /// Whether an end is not to send at `time`: the call is on hold. Who holds may play music, and need not.
    pub(crate) fn is_on_hold(&self, time: i64) -> bool {
        let (time, to) = (time.min(i64::MAX - 1), time.saturating_add(1));
        [Party::Caller, Party::Callee].iter().any(|party| self.spans(*party, time, to).is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdp(direction: &str) -> String {
        format!("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\na={direction}\r\n")
    }

    fn said(all: &[(i64, Party, &str)]) -> MediaSaid {
        let mut media = MediaSaid::default();
        for (time, by, direction) in all {
            media.take(*time, *by, &Sdp::parse(sdp(direction).as_bytes()));
        }
        media
    }

    #[test]
    fn a_hold_takes_its_time_out_of_the_spans() {
        let (a, b) = (Party::Caller, Party::Callee);
        let media = said(&[
            (0, a, "sendrecv"),
            (1, b, "sendrecv"),
            (10, a, "sendonly"),
            (11, b, "recvonly"),
            (20, a, "sendrecv"),
            (21, b, "sendrecv"),
        ]);
        assert_eq!(media.spans(a, 2, 30), [(2, 30)]);
        assert_eq!(media.spans(b, 2, 30), [(2, 10), (21, 30)]);
        assert!(media.is_on_hold(15) && !media.is_on_hold(9) && !media.is_on_hold(25));
        let media = said(&[(0, a, "sendrecv"), (1, b, "sendrecv"), (10, a, "inactive"), (11, b, "inactive")]);
        assert_eq!(media.spans(a, 2, 30), [(2, 10)]);
        assert!(media.is_on_hold(15) && !media.is_on_hold(9));
    }

    #[test]
    fn nothing_is_to_be_sent_to_an_unspecified_address() {
        let mut media = said(&[(0, Party::Caller, "sendrecv"), (1, Party::Callee, "sendrecv")]);
        let held = b"v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\n";
        media.take(10, Party::Caller, &Sdp::parse(held));
        assert_eq!(media.spans(Party::Callee, 0, 20), [(0, 10)]);
        assert_eq!(media.spans(Party::Caller, 0, 20), [(0, 20)]);
    }
}
