//! One call out of many.

use super::analysis::Analysis;
use super::table::LEAST_ID;
use super::text::call_record_id;

/// Why an id names no call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchCall {
    /// None has it.
    #[error("no call has the Call-ID or id {0:?}; without --call, all calls and their ids are listed")]
    Unknown(String),
    /// Several begin so.
    #[error("{count} calls have an id that begins with {id:?}; give more of it, or the Call-ID")]
    Ambiguous {
        /// What was asked for.
        id: String,
        /// How many.
        count: usize,
    },
}

impl Analysis {
    /// Keeps one call and its streams only, numbered anew.
    ///
    /// `id` is its SIP Call-ID, its record id, or the beginning of that: at least 8 characters.
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

    fn find_call(&self, id: &str) -> Result<usize, NoSuchCall> {
        // A Call-ID is anybody's to choose; one that looks like the beginning of an id must be found, too.
        if let Some(place) = self.calls.iter().position(|c| c.call_id == id) {
            return Ok(place);
        }
        let asked = id.to_ascii_lowercase();
        let is_it =
            |place: &usize| self.calls.get(*place).is_some_and(|c| call_record_id(c).starts_with(&asked));
        let matching: Vec<usize> = match id.len() {
            LEAST_ID.. => (0..self.calls.len()).filter(is_it).collect(),
            _ => Vec::new(),
        };
        match matching.as_slice() {
            [place] => Ok(*place),
            [] => Err(NoSuchCall::Unknown(id.to_owned())),
            several => Err(NoSuchCall::Ambiguous { id: id.to_owned(), count: several.len() }),
        }
    }
}
