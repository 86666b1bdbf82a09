//! One call in depth, for people.

use std::io::{self, Write};

use super::analysis::{AnalysedStream, Analysis};
use super::chart;
use super::heading::{ink_of, outcome};
use super::json::ended_by;
use super::lines::Way;
use super::table::arrow;
use super::terminal::{Ink, Look, count, span};
use super::text::{call_record_id, codec_name, day, rfc3339};
use crate::event::PlayoutRecord;
use crate::score::{Confidence, Reason, Score, Withheld};
use crate::track::call::{Call, Leg};

/// Room for the names on the left.
const NAME: usize = 12;

impl Analysis {
    /// Writes all about each call here: after [`Analysis::select_call`], about one.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_calls_in_depth(&self, look: Look, mut out: impl Write) -> io::Result<()> {
        let mut view = View { look, lines: Vec::new() };
        for (place, call) in self.calls.iter().enumerate() {
            view.call(call);
            let streams: Vec<&AnalysedStream> =
                self.streams.iter().filter(|s| s.call == Some(place)).collect();
            for (n, stream) in streams.iter().enumerate() {
                view.title(&format!("Stream {} of {}", n + 1, streams.len()));
                view.stream(self, call, stream);
            }
            if streams.is_empty() {
                view.title("Streams");
                view.text("none was seen of this call here");
            }
        }
        view.lines.iter().try_for_each(|line| writeln!(out, "{}", line.trim_end()))
    }
}

struct View {
    look: Look,
    lines: Vec<String>,
}

impl View {
    fn title(&mut self, text: &str) {
        self.lines.push(String::new());
        self.lines.push(self.look.paint(text, Ink::Bold));
    }

    /// A line without a name, wrapped.
    fn text(&mut self, text: &str) {
        self.say("", text);
    }

    /// A name and what there is to say, wrapped beside it.
    fn say(&mut self, name: &str, text: &str) {
        let room = self.look.width.map(|width| width.saturating_sub(NAME + 2).max(20));
        let narrow = Look { width: room, ..self.look };
        for (n, line) in narrow.wrap(text).into_iter().enumerate() {
            let name = self.look.paint(&format!("{:<NAME$}", if n == 0 { name } else { "" }), Ink::Faint);
            self.lines.push(format!("  {name}{line}"));
        }
    }

    fn call(&mut self, call: &Call) {
        let look = self.look;
        let name = |who: &Option<String>| who.as_deref().map_or("?".to_owned(), |who| look.clean(who));
        let parties = format!("{} {} {}", name(&call.from), arrow(look, Way::Forth), name(&call.to));
        let reason = call.reason.as_deref().map(|r| format!(" {}", look.clean(r))).unwrap_or_default();
        self.lines.push(look.paint(&format!("{parties}: {}{reason}", outcome(call)), Ink::Bold));
        self.say("id", &call_record_id(call));
        self.say("Call-ID", &look.clean(&call.call_id));
        if call.started_before_probe {
            self.say("partial", "it began before the capture: the INVITE was not seen");
        }
        if call.evicted {
            self.say("partial", "let go before its end, at the bound of the call table");
        }
        if call.failure().is_some() {
            let cause = call.q850.map(|c| format!("Q.850 cause {c}"));
            let from = call.answered_by.map(|f| format!("answered by {}", f.src));
            let all: Vec<String> = cause.into_iter().chain(from).collect();
            if !all.is_empty() {
                self.say("failure", &all.join(look.dot()));
            }
        }
        self.times(call);
        for (n, leg) in call.legs.iter().enumerate() {
            self.title(&format!("Leg {} of {}", n + 1, call.legs.len()));
            self.leg(leg);
        }
    }

    fn times(&mut self, call: &Call) {
        self.title(&format!("Times, {} UTC", day(call.start)));
        let by = call.ended_by.map(|by| format!("  by the {}", ended_by(by))).unwrap_or_default();
        let invite = if call.started_before_probe { "first seen" } else { "INVITE" };
        let steps = [
            (invite, Some(call.start), ""),
            ("ringing", call.ringing, ""),
            ("answered", call.answer, ""),
            ("ended", call.end, by.as_str()),
        ];
        for (name, time, note) in steps {
            let text = time.map_or("-".to_owned(), |time| {
                let clock = rfc3339(time);
                let clock = clock.get(11..23).unwrap_or("?");
                format!("{clock}  +{:.3} s{note}", (time - call.start) as f64 / 1e9)
            });
            self.say(name, &text);
        }
        let millis = |ms: Option<f64>| ms.map_or("-".to_owned(), |ms| format!("{ms:.1} ms"));
        let talked = call.duration_s().map_or("-".to_owned(), span);
        let parts = [
            format!("post-dial delay {}", millis(call.post_dial_delay_ms())),
            format!("answer delay {}", millis(call.answer_delay_ms())),
            format!("talked {talked}"),
        ];
        self.say("", &parts.join(self.look.dot()));
    }

    fn leg(&mut self, leg: &Leg) {
        let look = self.look;
        let (to, dot) = (arrow(look, Way::Forth), look.dot());
        let known = |text: &Option<String>| text.as_deref().map_or("?".to_owned(), |text| look.clean(text));
        self.say(
            "signalling",
            &format!("{} {to} {}{dot}{}", leg.flow.src, leg.flow.dst, leg.transport.name()),
        );
        self.say("parties", &format!("{} {to} {}", known(&leg.from), known(&leg.to)));
        let status = leg.status.map_or("no final response".to_owned(), |s| s.to_string());
        let reason = leg.reason.as_deref().map(|r| format!(" {}", look.clean(r))).unwrap_or_default();
        self.say("status", &format!("{status}{reason}"));
        self.say(
            "caller's",
            &format!("tag {}{dot}agent {}", look.clean(&leg.from_tag), known(&leg.caller_agent)),
        );
        self.say("callee's", &format!("tag {}{dot}agent {}", known(&leg.to_tag), known(&leg.callee_agent)));
        let (again, copies) = (count(leg.retransmissions.into()), count(leg.mirror_copies.into()));
        self.say("messages", &format!("{again} sent again{dot}{copies} copied by the tap"));
    }

    fn stream(&mut self, analysis: &Analysis, call: &Call, stream: &AnalysedStream) {
        let look = self.look;
        let (record, t) = (&stream.record, &stream.record.ended.totals);
        let key = &record.ended.key;
        let way = match stream.way(call) {
            Way::Forth => "caller to callee",
            Way::Back => "callee to caller",
            Way::Unknown => "which way is not to be told by the addresses",
        };
        self.say(
            "media",
            &format!("{} {} {}{}{way}", key.flow.src, arrow(look, Way::Forth), key.flow.dst, look.dot()),
        );
        self.quality(stream);
        let encoding = analysis.encoding(record.encoding);
        let types: Vec<String> = t.payloads.iter().map(|p| p.payload_type.to_string()).collect();
        let clock = encoding.map(|e| e.clock_rate).filter(|c| *c != 0);
        let parts = [
            look.clean(codec_name(encoding)),
            clock.map_or("clock unknown".to_owned(), |c| format!("{c} Hz")),
            t.ptime_ms.map_or("packet time unknown".to_owned(), |p| format!("{p:.0} ms a packet")),
            format!("payload types {}", types.join(" ")),
            format!("SSRC {:#010x}", key.ssrc),
        ];
        self.say("codec", &parts.join(look.dot()));
        self.counters(stream);
        for buffer in &record.playout {
            self.buffer(buffer);
        }
        let source = if record.delay.measured { "half the round trip of RTCP" } else { "assumed" };
        self.say("delay", &format!("{:.1} ms one way in the network: {source}", record.delay.value_ms));
        self.rtcp(stream);
        self.intervals(stream);
    }

    fn quality(&mut self, stream: &AnalysedStream) {
        let record = &stream.record;
        match record.score {
            Ok(score) => {
                let look = self.look;
                let lq = look.paint(&format!("{:.2}", score.mos_lq), ink_of(score.mos_lq));
                let confidence = record.confidence.map_or("unknown", Confidence::name);
                let parts =
                    [format!("{lq} {} ({confidence} confidence)", score.scale.name()), conversation(&score)];
                self.say("MOS-LQ", &parts.join(look.dot()));
                self.say(
                    "model",
                    &format!("{}{}profile {}", score.model_text(), look.dot(), record.profile.name()),
                );
                let reasons: Vec<&str> = record.reasons.iter().map(Reason::words).collect();
                let reasons = if reasons.is_empty() { "nothing".to_owned() } else { reasons.join("; ") };
                self.say("against it", &reasons);
            }
            Err(why) => self.say("MOS-LQ", &format!("unknown: {why}")),
        }
    }

    fn counters(&mut self, stream: &AnalysedStream) {
        let t = &stream.record.ended.totals;
        let dot = self.look.dot();
        let n = |n: u32| count(n.into());
        let percent = stream.loss_percent().map_or(String::new(), |p| format!(" ({p:.2} %)"));
        let (first, last) = (rfc3339(t.first), rfc3339(t.last));
        let clock = |time: &str| time.get(11..23).unwrap_or("?").to_owned();
        self.say(
            "seen",
            &format!("{} to {}{dot}{}", clock(&first), clock(&last), span((t.last - t.first) as f64 / 1e9)),
        );
        let parts = [
            format!("{} of {} expected", n(t.packets), n(t.expected)),
            format!("lost {}{percent}", n(t.lost.bad)),
            format!("skipped {}", n(t.skipped)),
            format!("reordered {}", n(t.reordered)),
            format!("duplicates {}, {} of them the tap's", n(t.duplicates), n(t.mirror_copies)),
        ];
        self.say("packets", &parts.join(dot));
        let jitter = t.jitter.map_or("unknown: no clock".to_owned(), |j| {
            format!("mean {:.2}, max {:.2}, last {:.2} ms", j.mean, j.max, j.last)
        });
        let gap = t.max_gap_ms.map_or("-".to_owned(), |gap| format!("{gap:.1} ms"));
        self.say("jitter", &format!("{jitter}{dot}longest gap between packets {gap}"));
        let b = &t.burst_gap;
        let length =
            |packets: f64| t.ptime_ms.map_or("-".to_owned(), |ptime| format!("{:.0} ms", packets * ptime));
        let parts = [
            format!(
                "{}, mean {} with {:.1} % lost",
                count(b.bursts.into()),
                length(b.burst_packets),
                100.0 * b.burst_density
            ),
            format!("gaps: mean {} with {:.1} % lost", length(b.gap_packets), 100.0 * b.gap_density),
            format!("BurstR {:.2}", t.lost.burst_ratio(t.expected)),
        ];
        self.say("bursts", &parts.join(dot));
        let marks: Vec<String> = (0..64_u32).filter(|bit| t.dscp >> bit & 1 == 1).map(dscp).collect();
        self.say("DSCP", &marks.join(", "));
        let ended = &stream.record.ended;
        if ended.one_direction {
            self.say("one-way", "no stream was seen that flows the other way");
        }
        if ended.evicted {
            self.say("partial", "let go before its end, at the bound of the stream table");
        }
    }

    fn buffer(&mut self, buffer: &PlayoutRecord) {
        let name = if buffer.adaptive { "adaptive" } else { "fixed" };
        let known =
            |value: Option<f64>, unit: &str| value.map_or("-".to_owned(), |v| format!("{v:.2}{unit}"));
        let depth = buffer.depth_ms.map(|d| format!("{d:.0} ms deep")).unwrap_or_default();
        let delay = buffer.delay_ms.map_or("delay unknown".to_owned(), |d| format!("adds {d:.0} ms"));
        let parts = [
            if depth.is_empty() { delay } else { depth },
            format!("too late {}", buffer.discarded.map_or("-".to_owned(), |n| count(n.into()))),
            format!("lost or late {}", known(buffer.ppl_percent, " %")),
            format!("BurstR {}", known(buffer.burst_ratio, "")),
            match buffer.score {
                Ok(score) => format!("MOS-LQ {:.2}, {}", score.mos_lq, conversation(&score)),
                Err(Withheld::TooFewPackets) => "too few packets for a score".to_owned(),
                Err(_) => "no score".to_owned(),
            },
        ];
        self.say(&format!("{name} buf."), &parts.join(self.look.dot()));
    }

    fn rtcp(&mut self, stream: &AnalysedStream) {
        let r = &stream.record.reports;
        let c = r.counts;
        if c.sender + c.receiver + c.extended == 0 {
            return self.say("RTCP", "none seen");
        }
        let mut parts = vec![format!("{} SR, {} RR, {} XR", c.sender, c.receiver, c.extended)];
        parts.extend(r.fraction_lost_max.map(|f| format!("at most {:.1} % lost in a report", 100.0 * f)));
        parts.extend(r.round_trip_source_ms.map(|ms| format!("round trip to the sender {ms:.1} ms")));
        parts.extend(r.round_trip_destination_ms.map(|ms| format!("to the receiver {ms:.1} ms")));
        self.say("RTCP", &parts.join(self.look.dot()));
    }

    fn intervals(&mut self, stream: &AnalysedStream) {
        let lines = chart::chart(stream, self.look);
        if lines.is_empty() {
            return;
        }
        self.say("intervals", "10 s a column");
        self.lines.extend(lines.into_iter().map(|line| format!("  {line}")));
        let key = chart::key(self.look);
        let faint = self.look;
        let narrow = Look { width: faint.width.map(|w| w.saturating_sub(2)), ..faint };
        self.lines.extend(
            narrow.wrap(&key).into_iter().map(|line| format!("  {}", faint.paint(&line, Ink::Faint))),
        );
    }
}

/// How it is to talk over: with the delay.
fn conversation(score: &Score) -> String {
    match (score.mos_cq, score.r) {
        (Some(mos), Some(r)) => format!("MOS-CQ {mos:.2}, R {r:.1}"),
        _ => "MOS-CQ unknown".to_owned(),
    }
}

/// A code point and the name of the usual ones (RFC 2474, RFC 3246, RFC 2597).
fn dscp(code: u32) -> String {
    match code {
        0 => "0 (best effort)".to_owned(),
        46 => "46 (EF)".to_owned(),
        8 | 16 | 24 | 32 | 40 | 48 | 56 => format!("{code} (CS{})", code / 8),
        10..=38 if code.is_multiple_of(2) && (1..=3).contains(&(code % 8 / 2)) => {
            format!("{code} (AF{}{})", code / 8, code % 8 / 2)
        }
        _ => code.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_points_have_their_names() {
        let names = [0, 46, 26, 34, 24, 1, 12].map(dscp);
        assert_eq!(
            names,
            ["0 (best effort)", "46 (EF)", "26 (AF31)", "34 (AF41)", "24 (CS3)", "1", "12 (AF12)"]
        );
    }
}
