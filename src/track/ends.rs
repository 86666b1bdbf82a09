//! Which streams an endpoint sends or receives: who must look again when SDP speaks of it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

use crate::decode::{Endpoint, Flow};

const NONE: u32 = u32::MAX;
/// An endpoint of more streams than this is no phone; told of new SDP, only so many look again at once.
const MOST_TOLD: usize = 4096;

/// Doubly linked lists through the streams' places, two a stream: by source and by destination.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    heads: HashMap<(Endpoint, Role), u32, BuildHasherDefault<DefaultHasher>>,
    links: Vec<[Link; 2]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Role {
    Source,
    Destination,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    next: u32,
    previous: u32,
}

const UNLINKED: Link = Link { next: NONE, previous: NONE };

impl Ends {
    /// Puts the stream at `place` under both ends of its flow.
    pub fn add(&mut self, place: u32, flow: &Flow) {
        if self.links.len() <= place as usize {
            self.links.resize(place as usize + 1, [UNLINKED; 2]);
        }
        for (role, end) in [(Role::Source, flow.src), (Role::Destination, flow.dst)] {
            let head = self.heads.insert((end, role), place).unwrap_or(NONE);
            *self.link(place, role) = Link { next: head, previous: NONE };
            if head != NONE {
                self.link(head, role).previous = place;
            }
        }
    }

    /// Takes it out again.
    pub fn remove(&mut self, place: u32, flow: &Flow) {
        for (role, end) in [(Role::Source, flow.src), (Role::Destination, flow.dst)] {
            let Link { next, previous } = std::mem::replace(self.link(place, role), UNLINKED);
            if next != NONE {
                self.link(next, role).previous = previous;
            }
            if previous != NONE {
                self.link(previous, role).next = next;
            } else if next != NONE {
                self.heads.insert((end, role), next);
            } else {
                self.heads.remove(&(end, role));
            }
        }
    }

    /// The streams that `end` sends or receives.
    pub fn of(&self, end: Endpoint) -> impl Iterator<Item = u32> {
        [Role::Source, Role::Destination]
            .into_iter()
            .flat_map(move |role| self.list(end, role).take(MOST_TOLD))
    }

    /// Whether there is a stream in `flow` for which `is_it` holds; asked of others as well.
    pub fn any_in(&self, flow: &Flow, mut is_it: impl FnMut(u32) -> bool) -> bool {
        // It stands in both lists, so the shorter one decides: a flood at one end must not cost a walk
        // through all of it for each of its streams.
        let both = self.list(flow.src, Role::Source).zip(self.list(flow.dst, Role::Destination));
        both.into_iter().any(|(sent, received)| is_it(sent) || is_it(received))
    }

    fn list(&self, end: Endpoint, role: Role) -> impl Iterator<Item = u32> {
        let mut at = self.heads.get(&(end, role)).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let [source, destination] = self.links.get(at as usize)?;
            let here = at;
            at = if role == Role::Source { source.next } else { destination.next };
            Some(here)
        })
    }

    #[expect(clippy::indexing_slicing, reason = "`add` made room for every place that is linked")]
    fn link(&mut self, place: u32, role: Role) -> &mut Link {
        &mut self.links[place as usize][role as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_found_under_both_ends_until_they_go() {
        let end = |port| Endpoint { port, ..Endpoint::default() };
        let flow = |src, dst| Flow { src: end(src), dst: end(dst) };
        let mut ends = Ends::default();
        ends.add(0, &flow(1, 2));
        ends.add(1, &flow(1, 3));
        ends.add(2, &flow(2, 1));
        let of = |ends: &Ends, port| {
            let mut all: Vec<_> = ends.of(end(port)).collect();
            all.sort_unstable();
            all
        };
        assert_eq!(of(&ends, 1), [0, 1, 2]);
        ends.remove(1, &flow(1, 3));
        assert_eq!(of(&ends, 1), [0, 2]);
        assert!(of(&ends, 3).is_empty());
        let any = |ends: &Ends, src, dst| {
            let mut asked = 0;
            ends.any_in(&flow(src, dst), |place| {
                asked += 1;
                (place == 0 && (src, dst) == (1, 2)) || (place == 2 && (src, dst) == (2, 1))
            }) && asked > 0
        };
        assert!(any(&ends, 1, 2) && any(&ends, 2, 1) && !any(&ends, 2, 3));
        ends.remove(0, &flow(1, 2));
        ends.remove(2, &flow(2, 1));
        assert!(ends.heads.is_empty());
    }
}
