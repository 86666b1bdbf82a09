//! Several Call-IDs, one call.

use super::{Call, Join, JoinedBy, Session};

/// Two parts that belong together, by their serials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Edge {
    pub earlier: u64,
    pub later: u64,
    pub by: JoinedBy,
    pub confidence: f32,
    /// The later part is the way on of the earlier one through a back-to-back user agent.
    pub hop: bool,
}

impl Call {
    /// The call that `parts` are together. They are in the order in which they began; `edges` join them.
    pub(crate) fn of_parts(parts: Vec<Self>, edges: &[Edge]) -> Option<Self> {
        let sessions = parts.iter().map(Session::of).collect();
        let mut parts = parts.into_iter();
        let mut whole = parts.next()?;
        let mut first_leg_of = vec![(whole.serial, 0)];
        for part in parts {
            first_leg_of.push((part.serial, whole.legs.len()));
            let is_hop = edges.iter().any(|e| e.later == part.serial && e.hop);
            whole.absorb(part, is_hop);
        }
        let place = |serial| first_leg_of.iter().find(|(s, _)| *s == serial).map(|(_, place)| *place);
        whole.joins = edges
            .iter()
            .filter_map(|e| {
                let (a, b) = (place(e.earlier)?, place(e.later)?);
                Some(Join { a: a.min(b), b: a.max(b), by: e.by, confidence: e.confidence })
            })
            .collect();
        whole.joins.sort_by_key(|j| (j.b, j.a));
        whole.sessions = sessions;
        Some(whole)
    }

    fn absorb(&mut self, part: Self, is_hop: bool) {
        let had_failed = self.answer.is_none();
        // Of a way on through a back-to-back user agent the first part already tells what came of it. Where
        // the call went on elsewhere, its fate is there; an attempt in vain beside an answered call is none.
        if !is_hop && (part.answer.is_some() || had_failed) {
            self.follow(&part);
        } else if had_failed {
            self.q850 = self.q850.or(part.q850);
        }
        self.parts.extend(part.parts);
        self.legs.extend(part.legs);
        self.media.absorb(part.media);
        self.info_digits = self.info_digits.saturating_add(part.info_digits);
        self.evicted |= part.evicted;
        self.told = self.told.max(part.told);
    }

    fn follow(&mut self, part: &Self) {
        let was_answered = self.answer.is_some();
        if !was_answered {
            self.ringing = self.ringing.or(part.ringing);
            (self.answer, self.status, self.reason) = (part.answer, part.status, part.reason.clone());
            (self.q850, self.warning) = (part.q850.or(self.q850), part.warning.clone());
            self.answered_by = part.answered_by;
        }
        let end = |call: &Self| call.end.unwrap_or(i64::MAX);
        if !was_answered || end(part) >= end(self) {
            (self.state, self.end, self.ended_by) = (part.state, part.end, part.ended_by);
        }
    }
}
