//! One call out of many.

use super::analysis::{Analysis, Labels};
use crate::track::call::Call;

/// Characters of an id's beginning that name a call, at least.
const LEAST_BEGINNING: usize = 8;
/// Characters of an id's end that name a call, at least. What tables show: an id begins with its time, so
/// that the ids of one capture begin alike, and its end is as good as random.
const LEAST_END: usize = 6;
/// The last group of an id.
const MOST_END: usize = 12;
/// Ids told where several calls are meant.
const NAMED: usize = 4;

/// The end of a call's id, `length` characters.
pub(super) fn short_id(labels: &Labels, call: &Call, length: usize) -> String {
    let id = labels.call_id(call);
    id.get(id.len().saturating_sub(length)..).unwrap_or(&id).to_owned()
}

/// Why an id names no call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchCall {
    /// None has it.
    #[error("no call has the Call-ID or ID {0:?}; without --call, all calls are listed with their IDs")]
    Unknown(String),
    /// Several are meant.
    #[error("{0:?} means several calls; give one of the ids {1}")]
    Ambiguous(String, String),
}

impl Analysis {
    /// Keeps one call and its streams only, numbered anew.
    ///
    /// `id` is its SIP Call-ID, its record id, or enough of that: 8 characters of its beginning, or 6 of its
    /// end.
    ///
    /// # Errors
    /// No call, or more than one, is named so.
    pub fn select_call(mut self, id: &str) -> Result<Self, NoSuchCall> {
        let place = self.find_call(id)?;
        self.calls = self.calls.into_iter().skip(place).take(1).collect();
        self.streams.retain(|s| s.call == Some(place));
        for stream in &mut self.streams {
            stream.call = Some(0);
        }
        Ok(self)
    }

    /// How much of an id's end tells it from others here; calls of one Call-ID may have the same end.
    pub(super) fn short_id_length(&self) -> usize {
        let end = |call: &Call| short_id(&self.labels, call, MOST_END).chars().rev().collect::<String>();
        let mut ends: Vec<String> = self.calls.iter().map(end).collect();
        ends.sort_unstable();
        ends.dedup();
        let shared =
            |(a, b): (&String, &String)| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
        let most = ends.iter().zip(ends.iter().skip(1)).map(shared).max().unwrap_or(0);
        (most + 1).clamp(LEAST_END, MOST_END)
    }

    fn find_call(&self, asked: &str) -> Result<usize, NoSuchCall> {
        // A Call-ID is anybody's to choose, so one that looks like a piece of an id must be found, too.
        let by_call_id = self.places(|call| call.call_id == asked);
        let matching = if by_call_id.is_empty() {
            let piece = asked.to_ascii_lowercase();
            self.places(|call| {
                let id = self.labels.call_id(call);
                (piece.len() >= LEAST_BEGINNING && id.starts_with(&piece))
                    || (piece.len() >= LEAST_END && id.ends_with(&piece))
            })
        } else {
            by_call_id
        };
        match matching.as_slice() {
            [place] => Ok(*place),
            [] => Err(NoSuchCall::Unknown(asked.to_owned())),
            several => {
                let ids = several
                    .iter()
                    .filter_map(|place| self.calls.get(*place))
                    .map(|call| self.labels.call_id(call));
                let ids: Vec<String> = ids.take(NAMED).collect();
                Err(NoSuchCall::Ambiguous(asked.to_owned(), ids.join(", ")))
            }
        }
    }

    fn places(&self, is_it: impl Fn(&Call) -> bool) -> Vec<usize> {
        self.calls.iter().enumerate().filter(|(_, call)| is_it(call)).map(|(place, _)| place).collect()
    }
}
