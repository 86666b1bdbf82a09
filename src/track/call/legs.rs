//! To which leg a message belongs, and at which hop it was seen.

use super::dialog::tag;
use super::ending::goes_back;
use super::{Call, Leg};
use crate::track::calls::Seen;

/// Legs of one call; more are an attack or a loop, and join the last.
const MAX_LEGS: usize = 64;

impl Call {
    /// The leg of a message, by its tags: a place in [`Self::legs`], which is never empty.
    pub(super) fn leg_of(&mut self, seen: &Seen<'_>) -> usize {
        let message = seen.message;
        let from = tag(message.from()).unwrap_or_default();
        let to = tag(message.to());
        let Some(to) = to else {
            if let Some(place) = self.legs.iter().position(|l| l.from_tag == from) {
                return place;
            }
            // Another caller's tag under the same Call-ID: a back-to-back user agent that keeps it.
            let begins = message.method() == Some("INVITE");
            return if begins {
                self.add_leg(
                    |first| Leg { from_tag: from, flow: seen.flow, start: seen.time, ..first.forked("") },
                    true,
                )
            } else {
                0
            };
        };
        if let Some(place) = self.legs.iter().position(|l| l.has_tags(&from, &to)) {
            return place;
        }
        let open = |tag: &str, l: &Leg| l.to_tag.is_none() && l.from_tag == tag;
        if let Some(place) = self.legs.iter().position(|l| open(&from, l)) {
            self.with_leg(place, |leg| leg.to_tag = Some(to));
            return place;
        }
        if let Some(place) = self.legs.iter().position(|l| open(&to, l)) {
            self.with_leg(place, |leg| leg.to_tag = Some(from));
            return place;
        }
        match self.legs.iter().position(|l| l.from_tag == from) {
            Some(origin) => {
                let forked = self.legs.get(origin).map(|l| l.forked(&to));
                self.add_leg(|first| forked.unwrap_or_else(|| first.clone()), false)
            }
            None => 0,
        }
    }

    fn add_leg(&mut self, new: impl FnOnce(&Leg) -> Leg, without_tag: bool) -> usize {
        if self.legs.len() < MAX_LEGS
            && let Some(first) = self.legs.first()
        {
            let mut leg = new(first);
            if without_tag {
                leg.to_tag = None;
            }
            self.legs.push(leg);
        }
        self.legs.len() - 1
    }

    /// Whether a response is one that the caller sees, as far as can be seen here.
    pub(super) fn is_on_first_hop(&self, seen: &Seen<'_>) -> bool {
        let hops = &self.progress.hops;
        let Some(first) = self.legs.first().map(|l| l.flow).filter(|_| hops.len() > 1) else { return true };
        // The next hop may answer from another of its addresses, but not from one that it asked on at.
        let from_further = || hops.iter().skip(1).any(|hop| *hop == seen.flow.src.address);
        goes_back(seen.flow, first) || (seen.flow.dst.address == first.src.address && !from_further())
    }

    /// Whether an INVITE without a To tag is sent on by a host that the INVITE went to.
    pub(super) fn comes_from_a_hop(&self, seen: &Seen<'_>) -> bool {
        let (src, dst) = (seen.flow.src.address, seen.flow.dst.address);
        let first = self.legs.first().map(|l| l.flow.src.address);
        self.progress.hops.contains(&src) && first.is_some_and(|first| first != src && first != dst)
    }
}
