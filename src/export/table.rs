//! The analysis as a table for people: worst first, a line per call and direction.

use std::io::{self, Write};

use super::analysis::Analysis;
use super::columns::{Cell, Column, Cut, Section, arrow, unknown};
use super::heading::{ink_of, outcome, words};
use super::lines::{Line, Lines, POOR, Way, mark};
use super::selection::short_id;
use super::terminal::{Ink, Look};
use super::text::{codec_name, day, time_of_day};
use crate::track::call::{Call, CallState};

/// From this width on, there is room for jitter (what it does is in LATE% anyway) and ids.
const ROOMY: usize = 90;
/// From this width on, there is room for the worst interval and the share of poor ones.
const BROAD: usize = 98;
/// From this width on, there is room for the state and the addresses of the media, too.
const WIDE: usize = 150;
/// Less of two names says nothing.
const LEAST_NAMES: usize = 12;
/// Two short IPv4 addresses with their ports; more where there is room.
const LEAST_MEDIA: usize = 26;
/// A word.
const LEAST_NOTES: usize = 9;

impl Analysis {
    /// Writes the table.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_table(&self, look: Look, mut out: impl Write) -> io::Result<()> {
        for line in self.heading(look) {
            writeln!(out, "{line}")?;
        }
        let lines = Lines::new(self);
        if self.calls.is_empty() && self.streams.is_empty() {
            writeln!(out, "\nNeither calls nor media streams were found. Likely reasons:")?;
            let beside = Look { width: look.width.map(|width| width.saturating_sub(4)), ..look };
            for reason in self.why_nothing(look) {
                writeln!(out, "  {} {}", look.either("•", "-"), beside.wrap(&reason).join("\n    "))?;
            }
            return Ok(());
        }
        let page = Page { analysis: self, look, dates: self.spans_days(), id_length: self.short_id_length() };
        if !lines.calls.is_empty() {
            let title = "Calls, worst first: a line per direction";
            Section { look, title, columns: page.media_columns(true) }.write(&lines.calls, &mut out)?;
        }
        if !lines.strays.is_empty() {
            let title = "Streams without a call, worst first";
            Section { look, title, columns: page.media_columns(false) }.write(&lines.strays, &mut out)?;
        }
        if !lines.unanswered.is_empty() {
            let rows: Vec<Line<'_>> =
                lines.unanswered.iter().map(|call| Line { call: Some(call), stream: None }).collect();
            let title = "Calls that were not answered";
            Section { look, title, columns: page.unanswered_columns() }.write(&rows, &mut out)?;
        }
        page.legend(&mut out, &lines)
    }

    /// Whether the time of day alone would not tell when.
    fn spans_days(&self) -> bool {
        let first = self.captures.iter().filter_map(|c| c.file.first).min();
        let last = self.captures.iter().filter_map(|c| c.file.last).max();
        matches!((first, last), (Some(a), Some(b)) if day(a.as_nanos()) != day(b.as_nanos()))
    }
}

fn plain(text: String) -> Cell {
    (text, Ink::Plain)
}

/// What all sections of the page share.
#[derive(Clone, Copy)]
struct Page<'a> {
    analysis: &'a Analysis,
    look: Look,
    dates: bool,
    id_length: usize,
}

impl<'a> Page<'a> {
    fn has_room(&self, columns: usize) -> bool {
        self.look.width.is_none_or(|width| width >= columns)
    }

    fn media_columns(&self, of_calls: bool) -> Vec<Column<'a>> {
        let page = *self;
        let mut all = vec![page.start()];
        if of_calls {
            all.push(
                Column::text("FROM, TO", move |line| plain(page.parties(line))).cut(Cut::Pair(LEAST_NAMES)),
            );
        }
        if !of_calls || self.has_room(WIDE) {
            all.push(
                Column::text("MEDIA", move |line| plain(page.addresses(line))).cut(Cut::Pair(LEAST_MEDIA)),
            );
        }
        if of_calls && self.has_room(WIDE) {
            all.push(Column::text("STATE", move |line| plain(line.call.map(outcome).unwrap_or_default())));
        }
        all.push(Column::text("CODEC", move |line| page.codec(line)));
        all.push(Column::number("LOSS%", |s| share(s.loss_percent())));
        all.push(Column::number("LATE%", |s| share(s.late_percent())));
        if self.has_room(ROOMY) {
            all.push(Column::number("JITTER", |s| match s.record.ended.totals.jitter {
                Some(jitter) => plain(format!("{:.1}", jitter.mean)),
                None => unknown(),
            }));
        }
        all.push(Column::text("MOS-LQ", mos));
        if self.has_room(BROAD) {
            all.push(Column::number("WORST", |s| match s.worst_interval() {
                Some(mos) => (format!("{mos:.2}"), ink_of(f64::from(mos))),
                None => unknown(),
            }));
            all.push(Column::number("POOR%", |s| match s.poor_percent() {
                Some(percent) => plain(format!("{percent:.0}")),
                None => unknown(),
            }));
        }
        if of_calls && self.has_room(ROOMY) {
            all.push(page.id());
        }
        all.push(Column::text("NOTES", move |line| page.notes(line)).cut(Cut::End(LEAST_NOTES)));
        all
    }

    fn unanswered_columns(&self) -> Vec<Column<'a>> {
        let page = *self;
        let of_call =
            |line: &Line<'_>, say: &dyn Fn(&Call) -> String| plain(line.call.map(say).unwrap_or_default());
        let mut all = vec![
            page.start(),
            Column::text("FROM, TO", move |line| plain(page.parties(line))).cut(Cut::Pair(LEAST_NAMES)),
            Column::text("OUTCOME", |line| {
                let failed = line.call.is_some_and(|c| c.state == CallState::Failed);
                (line.call.map(outcome).unwrap_or_default(), if failed { Ink::Bad } else { Ink::Plain })
            }),
            Column::text("AFTER", move |line| {
                of_call(line, &|c| match c.end {
                    Some(end) => format!("{:.1} s", (end - c.start) as f64 / 1e9),
                    None => "-".to_owned(),
                })
            })
            .flush_right(),
        ];
        if self.has_room(ROOMY) {
            all.push(page.id());
        }
        all.push(
            Column::text("REASON", move |line| of_call(line, &|c| page.reason(c))).cut(Cut::End(LEAST_NOTES)),
        );
        all
    }

    fn start(self) -> Column<'a> {
        Column::text("START", move |line| {
            let time = time_of_day(line.start());
            plain(if self.dates { format!("{} {time}", day(line.start())) } else { time })
        })
    }

    fn id(self) -> Column<'a> {
        Column::text("ID", move |line| {
            (
                line.call.map(|c| short_id(&self.analysis.labels, c, self.id_length)).unwrap_or_default(),
                Ink::Faint,
            )
        })
    }

    /// The caller stands left always; the arrow is the way the audio flows.
    fn parties(&self, line: &Line<'_>) -> String {
        let Some(call) = line.call else { return String::new() };
        let way = line.stream.map_or(Way::Forth, |s| s.way(call));
        let name = |who: &Option<String>| who.as_deref().map_or("?".to_owned(), |who| self.look.clean(who));
        format!("{} {} {}", name(&call.from), arrow(self.look, way), name(&call.to))
    }

    fn addresses(&self, line: &Line<'_>) -> String {
        let Some(stream) = line.stream else { return "-".to_owned() };
        let flow = &stream.record.ended.key.flow;
        format!("{} {} {}", flow.src, arrow(self.look, Way::Forth), flow.dst)
    }

    fn codec(&self, line: &Line<'_>) -> Cell {
        let Some(stream) = line.stream else { return unknown() };
        match codec_name(self.analysis.encoding(stream.record.encoding)) {
            "unknown" => ("?".to_owned(), Ink::Faint),
            "telephone-event" => plain("tel-event".to_owned()),
            name => plain(self.look.fit(&self.look.clean(name), 9)),
        }
    }

    fn notes(&self, line: &Line<'_>) -> Cell {
        let mut notes = Vec::new();
        if let Some(call) = line.call {
            if line.stream.is_none() {
                notes.push("no media".to_owned());
            }
            if call.state != CallState::Completed && !self.has_room(WIDE) {
                notes.push(match call.status {
                    Some(status) if status >= 300 => outcome(call),
                    _ => words(call.state).to_owned(),
                });
            }
            if call.started_before_probe {
                notes.push("began before".to_owned());
            }
            if call.evicted {
                notes.push("evicted".to_owned());
            }
        }
        if let Some(stream) = line.stream {
            let encoding = self.analysis.encoding(stream.record.encoding);
            notes.extend(stream.flags(!encoding.name.is_empty()));
        }
        (notes.join(", "), Ink::Warn)
    }

    /// The reason phrase, Q.850 cause and who said it.
    fn reason(&self, call: &Call) -> String {
        let mut parts = Vec::new();
        parts.extend(call.reason.as_deref().filter(|r| !r.is_empty()).map(|r| self.look.clean(r)));
        parts.extend(call.q850.map(|cause| format!("Q.850 cause {cause}")));
        parts.extend(call.answered_by.map(|flow| format!("from {}", flow.src)));
        parts.join(", ")
    }

    fn legend(&self, out: &mut impl Write, lines: &Lines<'_>) -> io::Result<()> {
        let mut notes = Vec::new();
        let marked = |mark_of: &str| {
            let all = lines.calls.iter().chain(&lines.strays);
            all.filter_map(|l| l.stream).any(|s| mark(s.record.confidence) == mark_of)
        };
        if !lines.calls.is_empty() || !lines.strays.is_empty() {
            let mut columns = vec!["LATE: too late for the playout buffer.".to_owned()];
            if self.has_room(ROOMY) {
                columns.push("JITTER: mean, ms.".to_owned());
            }
            if self.has_room(BROAD) {
                columns.push(format!("WORST, POOR%: of intervals of 10 s; poor is below {POOR}."));
            }
            columns.push("nb, wb, fb: scales, not to be compared.".to_owned());
            notes.push(columns.join(" "));
        }
        if marked("~") || marked("?") {
            notes.push("MOS-LQ: ~ medium confidence, ? low.".to_owned());
        }
        if lines
            .calls
            .iter()
            .chain(&lines.strays)
            .any(|l| l.stream.is_some_and(|s| s.record.ended.one_direction))
        {
            notes.push("one-way: the other direction was not seen here.".to_owned());
        }
        if let Some(call) =
            lines.calls.first().and_then(|l| l.call).or_else(|| lines.unanswered.first().copied())
        {
            let id = short_id(&self.analysis.labels, call, self.id_length);
            notes.push(format!("One call in depth: --call {id} (its ID, or its Call-ID)"));
        }
        writeln!(out)?;
        for note in notes {
            for line in self.look.wrap(&note) {
                writeln!(out, "{}", self.look.paint(&line, Ink::Faint))?;
            }
        }
        Ok(())
    }
}

/// A share in per cent, to the hundredth; small is not none.
fn share(percent: Option<f64>) -> Cell {
    let Some(percent) = percent else { return unknown() };
    let ink = match percent {
        p if p >= 5.0 => Ink::Bad,
        p if p >= 1.0 => Ink::Warn,
        _ => Ink::Plain,
    };
    let text = match percent {
        p if p > 0.0 && p < 0.01 => "<0.01".to_owned(),
        p if p >= 99.995 => "100".to_owned(),
        p => format!("{p:.2}"),
    };
    (text, ink)
}

fn mos(line: &Line<'_>) -> Cell {
    let Some(stream) = line.stream else { return unknown() };
    let Ok(score) = stream.record.score else { return unknown() };
    let mark = mark(stream.record.confidence);
    (format!("{:.2}{mark:1} {}", score.mos_lq, score.scale.name()), ink_of(score.mos_lq))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_loss_is_not_none_and_unknown_is_not_zero() {
        let text = |percent| share(percent).0;
        assert_eq!(text(None), "-");
        assert_eq!([0.0, 0.004, 5.494, 99.999].map(|p| text(Some(p))), ["0.00", "<0.01", "5.49", "100"]);
    }
}
