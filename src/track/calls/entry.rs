//! One Call-ID of the table, and what moves it on.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Seen;
use super::queues::Stage;
use crate::track::call::{Call, CallIdentity, Change, Memory, Novelty};
use crate::track::signal::SignalEvent;

/// A call of the table: one Call-ID.
#[derive(Debug)]
pub(super) struct Entry {
    pub id: Box<[u8]>,
    pub call: Call,
    /// Shared with all that its SDP describes.
    pub identity: Arc<CallIdentity>,
    pub memory: Memory,
    pub stage: Stage,
    /// The call it is a part of: the serial of its first part.
    pub group: u64,
    /// The way on of an earlier part.
    pub hop: bool,
}

impl Entry {
    pub fn move_on(&mut self, seen: &Seen<'_>, novelty: Novelty, signals: &mut VecDeque<SignalEvent>) {
        let (time, parties) = (seen.time, Arc::clone(&self.call.parties));
        let mut tell = |what| signals.push_back(SignalEvent { time, parties: Arc::clone(&parties), what });
        self.call.apply(&Change { seen, novelty, hop: self.hop }, &mut tell);
    }

    pub fn expire(&mut self, now: i64, signals: &mut VecDeque<SignalEvent>) {
        let parties = Arc::clone(&self.call.parties);
        let mut tell =
            |what| signals.push_back(SignalEvent { time: now, parties: Arc::clone(&parties), what });
        self.call.expire(now, self.hop, &mut tell);
    }

    pub fn leave(&mut self, now: i64, signals: &mut VecDeque<SignalEvent>) {
        let parties = Arc::clone(&self.call.parties);
        let mut tell =
            |what| signals.push_back(SignalEvent { time: now, parties: Arc::clone(&parties), what });
        self.call.leave(now, self.hop, &mut tell);
    }
}
