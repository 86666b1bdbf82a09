//! One call in depth, for people.

use std::io::{self, Write};

use super::analysis::{AnalysedStream, Analysis, Labels};
use super::chart;
use super::columns::arrow;
use super::heading::{ink_of, outcome};
use super::lines::Way;
use super::terminal::{Ink, Look, count, counted, span};
use super::text::{codec_name, day, rfc3339};
use crate::score::{Confidence, Reason, Score};
use crate::track::call::{AudioFault, AudioReason, AudioWay, Call, EndedBy, Fault, JoinedBy, Leg};

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
            view.call(&self.labels, call);
            let mut streams: Vec<&AnalysedStream> =
                self.streams.iter().filter(|s| s.call == Some(place)).collect();
            streams.sort_by_key(|s| s.way(call));
            for (n, stream) in streams.iter().enumerate() {
                let way = match stream.way(call) {
                    Way::Forth => "caller to callee",
                    Way::Back => "callee to caller",
                    Way::Unknown => "the addresses do not tell which way",
                };
                view.title(&format!("Stream {} of {}: {way}", n + 1, streams.len()));
                view.stream(self, stream);
            }
            if streams.is_empty() {
                view.title("Streams");
                view.say("", "none was seen of this call here");
            } else {
                view.key();
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

    /// A name and what there is to say, wrapped beside it.
    fn say(&mut self, name: &str, text: &str) {
        let lines = self.beside().wrap(text);
        self.named(name, lines);
    }

    /// A name and things to say side by side.
    fn parts(&mut self, name: &str, parts: &[String]) {
        let lines = self.beside().flow(parts);
        self.named(name, lines);
    }

    /// The room beside a name.
    fn beside(&self) -> Look {
        Look { width: self.look.width.map(|width| width.saturating_sub(NAME + 2).max(20)), ..self.look }
    }

    fn named(&mut self, name: &str, lines: Vec<String>) {
        for (n, line) in lines.into_iter().enumerate() {
            let name = self.look.paint(&format!("{:<NAME$}", if n == 0 { name } else { "" }), Ink::Faint);
            self.lines.push(format!("  {name}{line}"));
        }
    }

    fn call(&mut self, labels: &Labels, call: &Call) {
        let look = self.look;
        let name = |who: &Option<String>| who.as_deref().map_or("?".to_owned(), |who| look.clean(who));
        let parties = format!("{} {} {}", name(&call.from), arrow(look, Way::Forth), name(&call.to));
        let reason = call.reason.as_deref().map(|r| format!(" {}", look.clean(r))).unwrap_or_default();
        self.lines.push(look.paint(&format!("{parties}: {}{reason}", outcome(call)), Ink::Bold));
        self.say("id", &labels.call_id(call));
        self.say("Call-ID", &look.clean(&call.call_id));
        if call.started_before_probe {
            self.say("partial", "it began before the capture: the INVITE was not seen");
        }
        if call.evicted {
            self.say("partial", "let go before its end, at the bound of the call table");
        }
        if call.failure().is_some() {
            let from = call.answered_by.map(|f| format!("{}answered by {}", look.dot(), f.src));
            self.say("failure", &format!("{}{}", look.clean(&call.failure_text()), from.unwrap_or_default()));
        }
        for fault in &call.audio {
            self.say("audio", &audio_words(fault));
        }
        self.times(call);
        for (n, leg) in call.legs.iter().enumerate() {
            self.title(&format!("Leg {} of {}", n + 1, call.legs.len()));
            let joins = call.joins.iter().filter(|j| j.b == n);
            for join in joins {
                let sure = 100.0 * join.confidence;
                self.say(
                    "joined",
                    &format!("to leg {}: {} ({sure:.0} % sure)", join.a + 1, join_words(join.by)),
                );
            }
            self.leg(leg);
        }
    }

    fn times(&mut self, call: &Call) {
        self.title(&format!("Times, {} UTC", day(call.start)));
        let by = match call.ended_by {
            Some(by @ (EndedBy::Caller | EndedBy::Callee)) => format!("  by the {}", by.name()),
            Some(EndedBy::MediaTimeout) => "  without a word: no media any more".to_owned(),
            Some(EndedBy::SessionTimer) => "  without a word: the session was not refreshed".to_owned(),
            Some(EndedBy::Unknown) => "  unseen".to_owned(),
            None => String::new(),
        };
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
        self.parts("", &parts);
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

    fn stream(&mut self, analysis: &Analysis, stream: &AnalysedStream) {
        let look = self.look;
        let (record, t) = (&stream.record, &stream.record.ended.totals);
        let key = &record.ended.key;
        self.say("media", &format!("{} {} {}", key.flow.src, arrow(look, Way::Forth), key.flow.dst));
        self.quality(stream);
        let encoding = analysis.encoding(record.encoding);
        let types: Vec<String> = t.payloads.iter().map(|p| p.payload_type.to_string()).collect();
        let clock = Some(encoding.clock_rate).filter(|c| *c != 0);
        let parts = [
            look.clean(codec_name(encoding)),
            clock.map_or("clock unknown".to_owned(), |c| format!("{c} Hz")),
            t.ptime_ms.map_or("packet time unknown".to_owned(), |p| format!("{p:.0} ms a packet")),
            format!("payload type {}", types.join(", ")),
            format!("SSRC {:#010x}", key.ssrc),
        ];
        self.parts("codec", &parts);
        self.counters(stream);
        self.buffers(stream);
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
                self.parts("MOS-LQ", &parts);
                self.say(
                    "model",
                    &format!("{}{}profile {}", score.model_text(), look.dot(), record.profile.name()),
                );
                let reasons: Vec<&str> = record.reasons.iter().map(Reason::words).collect();
                let reasons = if reasons.is_empty() { "none".to_owned() } else { reasons.join("; ") };
                self.say("caveats", &reasons);
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
            format!("duplicates {} ({} by the tap)", n(t.duplicates), n(t.mirror_copies)),
        ];
        self.parts("packets", &parts);
        let jitter = t.jitter.map_or("unknown: no clock".to_owned(), |j| {
            format!("mean {:.2}, max {:.2}, last {:.2} ms", j.mean, j.max, j.last)
        });
        let gap = t.max_gap_ms.map_or("-".to_owned(), |gap| match gap {
            ..1000.0 => format!("{gap:.1} ms"),
            _ => span(f64::from(gap) / 1000.0),
        });
        self.say("jitter", &format!("{jitter}{dot}longest gap between packets {gap}"));
        self.bursts(stream);
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

    fn bursts(&mut self, stream: &AnalysedStream) {
        let t = &stream.record.ended.totals;
        let b = &t.burst_gap;
        if b.bursts == 0 {
            return self.say("bursts", "none");
        }
        let length = |packets: f64| t.ptime_ms.map_or("-".to_owned(), |ptime| span(packets * ptime / 1000.0));
        let parts = [
            counted(b.bursts.into(), "burst"),
            format!("mean {}, {:.1} % lost", length(b.burst_packets), 100.0 * b.burst_density),
            format!("between them {}, {:.1} % lost", length(b.gap_packets), 100.0 * b.gap_density),
            format!("BurstR {:.2}", t.lost.burst_ratio(t.expected)),
        ];
        self.parts("bursts", &parts);
    }

    /// What each playout buffer would have made of it.
    fn buffers(&mut self, stream: &AnalysedStream) {
        let head = "           depth    delay   too late  lost+late%  BurstR  MOS-LQ  MOS-CQ      R";
        self.named("buffers", vec![self.look.paint(head, Ink::Faint)]);
        for buffer in &stream.record.playout {
            let score = buffer.score.ok();
            let known =
                |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |v| format!("{v:.digits$}"));
            let ms = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.0} ms"));
            let line = format!(
                "{:<9}{:>7}  {:>7}  {:>9}  {:>10}  {:>6}  {:>6}  {:>6}  {:>5}",
                if buffer.adaptive { "adaptive" } else { "fixed" },
                if buffer.adaptive { "varies".to_owned() } else { ms(buffer.depth_ms) },
                ms(buffer.delay_ms),
                buffer.discarded.map_or("-".to_owned(), |n| count(n.into())),
                known(buffer.ppl_percent, 2),
                known(buffer.burst_ratio, 2),
                known(score.map(|s| s.mos_lq), 2),
                known(score.and_then(|s| s.mos_cq), 2),
                known(score.and_then(|s| s.r), 1),
            );
            self.named("", vec![line]);
        }
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
        self.parts("RTCP", &parts);
    }

    fn intervals(&mut self, stream: &AnalysedStream) {
        let lines = chart::chart(stream, self.look);
        if lines.is_empty() {
            return;
        }
        self.say("intervals", "10 s a column");
        self.lines.extend(lines.into_iter().map(|line| format!("  {line}")));
    }

    /// How to read the charts.
    fn key(&mut self) {
        self.lines.push(String::new());
        for line in self.look.wrap(&chart::key(self.look)) {
            self.lines.push(self.look.paint(&line, Ink::Faint));
        }
    }
}

/// What was wrong with a call's audio, and when.
fn audio_words(fault: &AudioFault) -> String {
    let way = match fault.way {
        AudioWay::CallerToCallee => "from caller to callee",
        AudioWay::CalleeToCaller => "from callee to caller",
        AudioWay::Both => "either way",
    };
    let what = match fault.fault {
        Fault::OneWay => "none",
        Fault::NoWay => "no audio",
        Fault::LateMedia => "late",
        Fault::MediaAfterBye => "went on after the end",
        Fault::WrongAddress => "between other addresses than SDP named (NAT?)",
    };
    let why = match fault.reason {
        Some(AudioReason::NeverSent) => ": never sent, though other packets of that host pass here",
        Some(AudioReason::SentElsewhere) => ": sent elsewhere than where the other end receives",
        Some(AudioReason::NotMirroredHere) => ": nothing of that host is mirrored here",
        None => "",
    };
    let length = span(fault.to.saturating_sub(fault.from) as f64 / 1e9);
    let (from, fault) = (rfc3339(fault.from), fault.fault);
    let clock = from.get(11..23).unwrap_or("?");
    match fault {
        Fault::OneWay | Fault::LateMedia => format!("{what} {way} for {length} from {clock}{why}"),
        _ => format!("{what} {way} for {length} from {clock}"),
    }
}

const fn join_words(by: JoinedBy) -> &'static str {
    match by {
        JoinedBy::SessionId => "they have a Session-ID in common",
        JoinedBy::Header => "a header names the other",
        JoinedBy::Replaces => "it replaces, or joins, the other",
        JoinedBy::Refer => "the other asked for it",
        JoinedBy::Numbers => "numbers, times and SDP agree",
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
