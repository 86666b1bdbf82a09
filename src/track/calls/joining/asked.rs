//! Who was asked to call elsewhere: by REFER ([RFC 3515](https://www.rfc-editor.org/rfc/rfc3515)) or by a
//! redirection.

use std::collections::VecDeque;

use super::super::Seen;
use super::super::numbers::Number;
use super::clues::Clues;
use crate::decode::Address;
use crate::decode::sip::NameAddr;
use crate::track::call::{Call, Party};

/// Requests to call elsewhere that are remembered.
const MAX_ASKED: usize = 4096;
/// One is heeded within so long, ns: what a transaction may take.
const PATIENCE: i64 = 32_000_000_000;
/// Without a word of who asked, only by who was asked, and at once, ns.
const AT_ONCE: i64 = 1_000_000_000;

/// Somebody was asked to call elsewhere.
#[derive(Debug)]
struct Asked {
    time: i64,
    serial: u64,
    target: Number,
    /// Who is to call: at which host, and by which name.
    host: Option<Address>,
    who: Number,
    by: Number,
    /// The Call-ID of the dialog that the new one is to replace.
    replaces: Option<Box<[u8]>>,
    /// The call came.
    heeded: bool,
}

/// All that was asked of late, in its order.
#[derive(Debug, Default)]
pub(super) struct AllAsked(VecDeque<Asked>);

impl AllAsked {
    pub fn handle_timeout(&mut self, now: i64) {
        while self.0.front().is_some_and(|a| now.saturating_sub(a.time) > PATIENCE) {
            self.0.pop_front();
        }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Somebody is asked to call elsewhere, in a call.
    pub fn take_refer(&mut self, serial: u64, call: &Call, seen: &Seen<'_>) {
        let message = seen.message;
        let Some(value) = message.header("Refer-To") else { return };
        let refer_to = NameAddr::parse(value);
        let uri = refer_to.uri.as_bytes();
        let embedded = uri.split(|c| *c == b'?').nth(1).unwrap_or_default();
        let replaces = embedded.split(|c| *c == b'&').find_map(|pair| {
            let value = pair.get(..9).filter(|n| n.eq_ignore_ascii_case(b"replaces=")).and(pair.get(9..))?;
            let value = unescape(value);
            Some(value.split(|c| *c == b';').next().unwrap_or_default().into())
        });
        let referred_by = message.header("Referred-By").map(NameAddr::parse);
        let name = |user: Option<&str>| Number::of(user.map(str::as_bytes));
        let (asker, asked) = match call.sender_of(message) {
            Party::Caller => (&call.from, &call.to),
            Party::Callee => (&call.to, &call.from),
        };
        let by =
            referred_by.and_then(|r| r.uri.user()).map_or(name(asker.as_deref()), |u| Number::of(Some(u)));
        self.push(Asked {
            time: seen.time,
            serial,
            target: Number::of(refer_to.uri.user()),
            host: Some(seen.flow.dst.address),
            who: name(asked.as_deref()),
            by,
            replaces,
            heeded: false,
        });
    }

    /// The caller is told where else to call.
    pub fn take_redirection(&mut self, serial: u64, call: &Call, seen: &Seen<'_>) {
        let caller = Number::of(call.from.as_deref().map(str::as_bytes));
        for contact in seen.message.contacts().take(4) {
            self.push(Asked {
                time: seen.time,
                serial,
                target: Number::of(contact.uri.user()),
                host: Some(seen.flow.dst.address),
                who: caller.clone(),
                by: Number::default(),
                replaces: None,
                heeded: false,
            });
        }
    }

    fn push(&mut self, asked: Asked) {
        if self.0.len() == MAX_ASKED {
            self.0.pop_front();
        }
        self.0.push_back(asked);
    }

    /// A REFER in this call was taken: the Call-ID of the dialog that it would have replaced. Who names that may
    /// need no new INVITE.
    pub fn taken(&mut self, serial: u64) -> Option<&[u8]> {
        let asked = self.0.iter_mut().rev().find(|a| a.serial == serial)?;
        asked.heeded |= asked.replaces.is_some();
        asked.replaces.as_deref()
    }

    /// The call in which the one that begins was asked for, and how sure that is.
    pub fn heeded_by(
        &mut self,
        clues: &Clues,
        referred_by: &Number,
        replaced: Option<&[u8]>,
    ) -> Option<(u64, f32)> {
        let sure = |asked: &Asked| -> Option<f32> {
            if let (Some(wanted), Some(replaced)) = (&asked.replaces, replaced) {
                return (**wanted == *replaced).then_some(0.99);
            }
            let after = clues.time.saturating_sub(asked.time);
            let target = asked.target.likeness(&clues.to).max(asked.target.likeness(&clues.target));
            if target < 1.5 || !(0..=PATIENCE).contains(&after) {
                return None;
            }
            let by = asked.by.likeness(referred_by) > 0.0;
            let who = asked.who.likeness(&clues.from) > 0.0;
            let host = asked.host.is_some() && asked.host == clues.src;
            match () {
                // Somebody else asked for it.
                () if !referred_by.is_anonymous() && !asked.by.is_anonymous() && !by => None,
                () if by && (who || host) => Some(0.98),
                // It is for one call.
                () if asked.heeded => None,
                () if who && host || by => Some(0.95),
                // An exchange calls for many at once: its address alone says little.
                () if (who || host) && after <= AT_ONCE => Some(0.9),
                () => None,
            }
        };
        // The last one asked goes first.
        let all = self.0.iter_mut().rev();
        let (asked, sure) =
            all.filter_map(|a| sure(a).map(|sure| (a, sure))).max_by(|a, b| a.1.total_cmp(&b.1))?;
        asked.heeded = true;
        Some((asked.serial, sure))
    }
}

/// `%`-escapes undone (RFC 3986 §2.1).
fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|h| u8::from_str_radix(str::from_utf8(h).ok()?, 16).ok());
        match escaped.filter(|_| first == b'%') {
            Some(octet) => {
                out.push(octet);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(first);
                rest = after;
            }
        }
    }
    out
}
