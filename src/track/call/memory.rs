//! The last messages of a call: what tells a new one from one sent again, copied by the span port, or seen
//! once more on its way.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::decode::Flow;
use crate::decode::sip::Message;
use crate::track::calls::Seen;

/// A copy made by the span port follows its original closely, ns.
const MIRROR_COPY_WITHIN: u64 = 10_000_000;
/// Messages remembered.
const REMEMBERED: usize = 32;

/// What a message is to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Novelty {
    /// Not seen before.
    New,
    /// Seen before between others: the next hop of a proxy.
    Hop,
    /// Sent again.
    Retransmission,
    /// The span port's copy.
    MirrorCopy,
}

/// The last messages.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    messages: VecDeque<Remembered>,
}

#[derive(Clone, Copy, Debug)]
struct Remembered {
    what: u64,
    flow: Flow,
    time: i64,
}

impl Memory {
    /// Takes a message, and says what it is to those before it.
    pub fn take(&mut self, seen: &Seen<'_>) -> Novelty {
        let what = fingerprint(seen.message);
        let mut alike = self.messages.iter().rev().filter(|r| r.what == what);
        let novelty = match alike.clone().find(|r| r.flow == seen.flow) {
            Some(same) if seen.time.abs_diff(same.time) < MIRROR_COPY_WITHIN => Novelty::MirrorCopy,
            Some(_) => Novelty::Retransmission,
            None if alike.next().is_some() => Novelty::Hop,
            None => Novelty::New,
        };
        if self.messages.len() == REMEMBERED {
            self.messages.pop_front();
        }
        self.messages.push_back(Remembered { what, flow: seen.flow, time: seen.time });
        novelty
    }
}

/// What tells one message of a call from another, wherever it is seen: a proxy adds a `Via`, the last
/// one stays.
fn fingerprint(message: &Message<'_>) -> u64 {
    let mut hash = DefaultHasher::new();
    message.method().hash(&mut hash);
    message.status().hash(&mut hash);
    message.cseq().map(|c| (c.number, c.method)).hash(&mut hash);
    message.from().and_then(|f| f.tag()).hash(&mut hash);
    message.to().and_then(|t| t.tag()).hash(&mut hash);
    message.vias().last().and_then(|v| v.branch()).hash(&mut hash);
    // A reliable provisional response (RFC 3262) is a message of its own.
    message.header("RSeq").hash(&mut hash);
    hash.finish()
}
