//! What a person reads first: how much was read and what it came to; and, where nothing was found, why.

use std::collections::BTreeMap;

use super::analysis::Analysis;
use super::json::state;
use super::lines::{BAD, POOR, mark};
use super::terminal::{Ink, Look, count, counted, span};
use super::text::{day, time_of_day};
use crate::track::call::{Call, CallState};

impl Analysis {
    /// The lines that sum up, best read from the top.
    pub(super) fn heading(&self, look: Look) -> Vec<String> {
        let read = look.flow(&self.what_was_read(look));
        let mut lines: Vec<String> = read.iter().map(|line| look.paint(line, Ink::Bold)).collect();
        lines.extend(look.flow(&self.what_was_found(look)));
        if let Some(flood) = self.flood() {
            let text = look.wrap(&format!("Flood: {flood}"));
            lines.extend(text.iter().map(|line| look.paint(line, Ink::Warn)));
        }
        lines.extend(self.what_was_not_read(look));
        lines
    }

    fn what_was_read(&self, look: Look) -> Vec<String> {
        let name = match self.captures.as_slice() {
            [one] => look.clean(&one.file.path.display().to_string()),
            all => counted(all.len() as u64, "file"),
        };
        let packets = self.captures.iter().map(|c| c.file.packets).sum();
        let mut parts = vec![name, counted(packets, "packet")];
        let first = self.captures.iter().filter_map(|c| c.file.first).min().map(|t| t.as_nanos());
        let last = self.captures.iter().filter_map(|c| c.file.last).max().map(|t| t.as_nanos());
        if let (Some(first), Some(last)) = (first, last) {
            let until = if day(first) == day(last) { String::new() } else { day(last) + " " };
            let length = span(last.saturating_sub(first) as f64 / 1e9);
            let dash = look.either("–", "to");
            let (from, to) = (time_of_day(first), time_of_day(last));
            parts.push(format!("{} {from} {dash} {until}{to} UTC ({length})", day(first)));
        }
        parts
    }

    fn what_was_found(&self, look: Look) -> Vec<String> {
        let mut parts = Vec::new();
        let mut by_state: BTreeMap<u8, (u64, CallState)> = BTreeMap::new();
        for call in &self.calls {
            by_state.entry(call.state as u8).or_insert((0, call.state)).0 += 1;
        }
        let mut calls = counted(self.calls.len() as u64, "call");
        let states: Vec<String> = by_state
            .into_values()
            .map(|(n, of)| {
                let text = format!("{} {}", count(n), words(of));
                look.paint(&text, if of == CallState::Failed { Ink::Bad } else { Ink::Plain })
            })
            .collect();
        if !states.is_empty() && self.calls.len() == 1 {
            calls = format!("{calls}, {}", states.concat().trim_start_matches("1 "));
        } else if !states.is_empty() {
            calls = format!("{calls} ({})", states.join(", "));
        }
        parts.push(calls);
        let strays = self.streams.iter().filter(|s| s.call.is_none()).count() as u64;
        let mut streams = counted(self.streams.len() as u64, "stream");
        if strays > 0 {
            streams += &format!(" ({} without a call)", count(strays));
        }
        parts.push(streams);
        let scored = self.streams.iter().filter_map(|s| Some((s.mos_lq()?, s)));
        if let Some((mos, worst)) = scored.min_by(|a, b| a.0.total_cmp(&b.0)) {
            let scale = worst.record.score.ok().map_or("", |s| s.scale.name());
            let text = format!("{mos:.2}{} {scale}", mark(worst.record.confidence));
            parts.push(format!("worst MOS-LQ {}", look.paint(&text, ink_of(mos))));
        }
        parts
    }

    /// Frames not decoded, and damage.
    fn what_was_not_read(&self, look: Look) -> Vec<String> {
        let mut lines = Vec::new();
        let undecoded = self.undecoded();
        if !undecoded.is_empty() {
            let each: Vec<String> = undecoded.iter().map(|(why, n)| format!("{} {why}", count(*n))).collect();
            let text = look.wrap(&format!("Not decoded: {}", each.join(", ")));
            lines.extend(text.iter().map(|line| look.paint(line, Ink::Warn)));
        }
        for capture in &self.captures {
            if let Some(damage) = &capture.file.damaged {
                let file = look.clean(&capture.file.path.display().to_string());
                let text = format!(
                    "Damaged: {file} at byte {}: {}",
                    count(damage.offset),
                    look.clean(&damage.reason)
                );
                lines.extend(look.wrap(&text).iter().map(|line| look.paint(line, Ink::Bad)));
            }
        }
        lines
    }

    fn undecoded(&self) -> BTreeMap<&'static str, u64> {
        let mut all = BTreeMap::new();
        for (what, n) in self.captures.iter().flat_map(|c| c.undecoded.iter()) {
            *all.entry(what.reason()).or_insert(0) += n;
        }
        all
    }

    /// Where neither calls nor streams were found: what may be the reason, the likeliest first.
    pub(super) fn why_nothing(&self, look: Look) -> Vec<String> {
        let packets: u64 = self.captures.iter().map(|c| c.file.packets).sum();
        if packets == 0 {
            return vec!["The capture holds no packets.".to_owned()];
        }
        let undecoded = self.undecoded();
        let share = |why: &str| undecoded.get(why).copied().filter(|n| *n > 0);
        let mut reasons = Vec::new();
        if let Some(n) = share("unknown-link-type") {
            let links = self.captures.iter().flat_map(|c| &c.file.link_types).map(ToString::to_string);
            let links: Vec<String> = links.collect();
            let links = look.clean(&links.join(", "));
            reasons.push(format!("{} of a link type that is not read ({links})", counted(n, "packet")));
        }
        if let Some(n) = share("encrypted") {
            reasons.push(format!("{} of encrypted Wi-Fi: capture on the wired side", counted(n, "packet")));
        }
        let cut: u64 =
            ["truncated-link", "truncated-ip", "truncated-transport"].into_iter().filter_map(share).sum();
        if cut > 0 {
            reasons
                .push(format!("{} cut short: capture whole packets (tcpdump -s 0)", counted(cut, "packet")));
        }
        if let Some(seen) = self.messages_seen() {
            reasons.push(format!("SIP was seen, but no INVITE ({})", look.clean(&seen)));
        } else {
            reasons.push(
                "no SIP was seen in the clear: over TLS (port 5061) or a VPN it cannot be read".to_owned(),
            );
        }
        reasons.push(
            "no RTP was seen: the media takes another way, or the capture filter left it out".to_owned(),
        );
        reasons
            .push("what looks like RTP but has under 10 packets, and no SDP, is not taken for it".to_owned());
        reasons
    }

    fn messages_seen(&self) -> Option<String> {
        let each = self.messages.requests.iter().map(|(method, n)| format!("{method} {n}"));
        let answers: u64 = self.messages.responses.values().sum();
        let answers = (answers > 0).then(|| counted(answers, "response"));
        let all: Vec<String> = each.chain(answers).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

/// A state as people say it.
pub(super) const fn words(of: CallState) -> &'static str {
    match of {
        CallState::TimedOut => "timed out",
        CallState::Interrupted => "still up at the end",
        other => state(other),
    }
}

/// The state of a call and its status.
pub(super) fn outcome(call: &Call) -> String {
    match call.status {
        Some(status) => format!("{} {status}", words(call.state)),
        None => words(call.state).to_owned(),
    }
}

/// The colour of a MOS-LQ, by its own scale.
pub(super) const fn ink_of(mos: f64) -> Ink {
    if mos < BAD {
        Ink::Bad
    } else if mos < POOR {
        Ink::Warn
    } else {
        Ink::Good
    }
}
