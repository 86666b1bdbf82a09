//! The analysis as a table for people: worst first, a line per call and direction.

use std::io::{self, Write};

use super::analysis::{AnalysedStream, Analysis};
use super::heading::{ink_of, outcome};
use super::lines::{Line, Lines, Way, mark};
use super::terminal::{Ink, Look, columns};
use super::text::{call_record_id, codec_name, day, time_of_day};
use crate::track::call::{Call, CallState};

/// From this width on, there is room for the worst interval, the share of poor ones, and ids.
const ROOMY: usize = 100;
/// From this width on, there is room for the state and the addresses of the media, too.
const WIDE: usize = 150;
/// Less of a name says nothing.
const LEAST_NAME: usize = 12;
/// Characters of an id that `--call` takes at least.
pub(super) const LEAST_ID: usize = 8;

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
            for reason in self.why_nothing(look) {
                writeln!(out, "  {} {reason}", look.either("•", "-"))?;
            }
            return Ok(());
        }
        let page = Page { analysis: self, look, dates: self.spans_days(), id_length: self.id_length() };
        if !lines.calls.is_empty() {
            let title = "Calls, worst first: a line per direction";
            page.section(&mut out, title, &page.media_columns(true), &lines.calls)?;
        }
        if !lines.strays.is_empty() {
            let title = "Streams without a call, worst first";
            page.section(&mut out, title, &page.media_columns(false), &lines.strays)?;
        }
        if !lines.unanswered.is_empty() {
            let rows: Vec<Line<'_>> =
                lines.unanswered.iter().map(|call| Line { call: Some(call), stream: None }).collect();
            page.section(&mut out, "Calls that were not answered", &page.unanswered_columns(), &rows)?;
        }
        page.legend(&mut out, &lines)
    }

    /// Whether the time of day alone would not tell when.
    fn spans_days(&self) -> bool {
        let first = self.captures.iter().filter_map(|c| c.file.first).min();
        let last = self.captures.iter().filter_map(|c| c.file.last).max();
        matches!((first, last), (Some(a), Some(b)) if day(a.as_nanos()) != day(b.as_nanos()))
    }

    /// Characters of a call's id that tell it from every other: as many as `--call` needs.
    fn id_length(&self) -> usize {
        let mut ids: Vec<String> = self.calls.iter().map(call_record_id).collect();
        ids.sort_unstable();
        let shared =
            |(a, b): (&String, &String)| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
        let most = ids.iter().zip(ids.iter().skip(1)).map(shared).max();
        most.map_or(LEAST_ID, |n| (n + 1).max(LEAST_ID))
    }
}

/// A column: its heading, where its text stands, and what it says of a line.
struct Column<'p> {
    title: &'static str,
    right: bool,
    /// Whether it may be cut to fit: names and notes, never numbers.
    gives_way: bool,
    say: Box<dyn Fn(&Line<'_>) -> (String, Ink) + 'p>,
}

impl<'p> Column<'p> {
    fn text(title: &'static str, say: impl Fn(&Line<'_>) -> (String, Ink) + 'p) -> Self {
        Self { title, right: false, gives_way: false, say: Box::new(say) }
    }

    fn number(title: &'static str, say: impl Fn(&AnalysedStream) -> (String, Ink) + 'p) -> Self {
        let say = move |line: &Line<'_>| line.stream.map_or_else(unknown, &say);
        Self { title, right: true, gives_way: false, say: Box::new(say) }
    }

    fn cuttable(self) -> Self {
        Self { gives_way: true, ..self }
    }
}

fn unknown() -> (String, Ink) {
    ("-".to_owned(), Ink::Faint)
}

fn plain(text: String) -> (String, Ink) {
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
            all.push(Column::text("FROM, TO", move |line| plain(page.parties(line))).cuttable());
        }
        if !of_calls || self.has_room(WIDE) {
            all.push(Column::text("MEDIA", move |line| plain(page.addresses(line))).cuttable());
        }
        if of_calls && self.has_room(WIDE) {
            all.push(Column::text("STATE", move |line| plain(line.call.map(outcome).unwrap_or_default())));
        }
        all.push(Column::text("CODEC", move |line| page.codec(line)));
        all.push(Column::number("LOSS%", |s| share(s.loss_percent())));
        all.push(Column::number("LATE%", |s| share(s.late_percent())));
        all.push(Column::number("JITTER", |s| match s.record.ended.totals.jitter {
            Some(jitter) => plain(format!("{:.1}", jitter.mean)),
            None => unknown(),
        }));
        all.push(Column::text("MOS-LQ", mos));
        if self.has_room(ROOMY) {
            all.push(Column::number("WORST", |s| match s.worst_interval() {
                Some(mos) => (format!("{mos:.2}"), ink_of(f64::from(mos))),
                None => unknown(),
            }));
            all.push(Column::number("POOR%", |s| match s.poor_percent() {
                Some(percent) => plain(format!("{percent:.0}")),
                None => unknown(),
            }));
            if of_calls {
                all.push(page.id());
            }
        }
        all.push(Column::text("NOTES", move |line| page.notes(line)).cuttable());
        all
    }

    fn unanswered_columns(&self) -> Vec<Column<'a>> {
        let page = *self;
        let of_call =
            |line: &Line<'_>, say: &dyn Fn(&Call) -> String| plain(line.call.map(say).unwrap_or_default());
        let mut all = vec![
            page.start(),
            Column::text("FROM, TO", move |line| plain(page.parties(line))).cuttable(),
            Column::text("OUTCOME", |line| {
                let failed = line.call.is_some_and(|c| c.state == CallState::Failed);
                (line.call.map(outcome).unwrap_or_default(), if failed { Ink::Bad } else { Ink::Plain })
            }),
            Column {
                right: true,
                ..Column::text("AFTER", move |line| {
                    of_call(line, &|c| match c.end {
                        Some(end) => format!("{:.1} s", (end - c.start) as f64 / 1e9),
                        None => "-".to_owned(),
                    })
                })
            },
        ];
        if self.has_room(ROOMY) {
            all.push(page.id());
        }
        all.push(Column::text("REASON", move |line| of_call(line, &|c| page.reason(c))).cuttable());
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
            let id = line.call.map(call_record_id).unwrap_or_default();
            (id.chars().take(self.id_length).collect(), Ink::Faint)
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

    fn codec(&self, line: &Line<'_>) -> (String, Ink) {
        let Some(stream) = line.stream else { return unknown() };
        match codec_name(self.analysis.encoding(stream.record.encoding)) {
            "unknown" => ("?".to_owned(), Ink::Faint),
            name => plain(self.look.fit(&self.look.clean(name), 9)),
        }
    }

    fn notes(&self, line: &Line<'_>) -> (String, Ink) {
        let mut notes = Vec::new();
        if let Some(call) = line.call {
            if line.stream.is_none() {
                notes.push("no media seen".to_owned());
            }
            if call.state != CallState::Completed && !self.has_room(WIDE) {
                notes.push(outcome(call));
            }
            if call.started_before_probe {
                notes.push("began before the capture".to_owned());
            }
            if call.evicted {
                notes.push("let go early".to_owned());
            }
        }
        notes.extend(line.stream.map(AnalysedStream::flags).unwrap_or_default());
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

    fn section(
        &self,
        out: &mut impl Write,
        title: &str,
        all: &[Column<'a>],
        lines: &[Line<'_>],
    ) -> io::Result<()> {
        writeln!(out, "\n{}", self.look.paint(title, Ink::Bold))?;
        let cells: Vec<Vec<(String, Ink)>> =
            lines.iter().map(|line| all.iter().map(|column| (column.say)(line)).collect()).collect();
        let widths = self.widths(all, &cells);
        let titles: Vec<(String, Ink)> = all.iter().map(|c| (c.title.to_owned(), Ink::Faint)).collect();
        self.row(out, all, &widths, &titles)?;
        for row in &cells {
            self.row(out, all, &widths, row)?;
        }
        Ok(())
    }

    fn row(
        &self,
        out: &mut impl Write,
        all: &[Column<'a>],
        widths: &[usize],
        row: &[(String, Ink)],
    ) -> io::Result<()> {
        let mut text = String::new();
        for (place, ((column, width), (cell, ink))) in all.iter().zip(widths).zip(row).enumerate() {
            let is_last = place + 1 == all.len();
            let cell =
                if is_last { self.look.fit(cell, *width) } else { self.look.pad(cell, *width, column.right) };
            text += &self.look.paint(&cell, *ink);
            text += if is_last { "" } else { "  " };
        }
        writeln!(out, "{}", text.trim_end())
    }

    /// As wide as the widest cell; what is too much is taken from the columns that give way, from the widest
    /// of them first.
    fn widths(&self, all: &[Column<'a>], cells: &[Vec<(String, Ink)>]) -> Vec<usize> {
        let mut widths: Vec<usize> = all.iter().map(|c| columns(c.title)).collect();
        for row in cells {
            for (width, (cell, _)) in widths.iter_mut().zip(row) {
                *width = columns(cell).max(*width);
            }
        }
        let Some(room) = self.look.width else { return widths };
        let gaps = 2 * all.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > room {
            let givers = widths.iter_mut().zip(all).filter(|(_, c)| c.gives_way).map(|(width, _)| width);
            match givers.max_by_key(|width| **width) {
                Some(widest) if *widest > LEAST_NAME => *widest -= 1,
                _ => break,
            }
        }
        widths
    }

    fn legend(&self, out: &mut impl Write, lines: &Lines<'_>) -> io::Result<()> {
        let mut notes = Vec::new();
        let marked = |mark_of: &str| {
            let all = lines.calls.iter().chain(&lines.strays);
            all.filter_map(|l| l.stream).any(|s| mark(s.record.confidence) == mark_of)
        };
        if !lines.calls.is_empty() || !lines.strays.is_empty() {
            notes.push("LATE: too late for the playout buffer. JITTER: mean, ms. nb, wb, fb: scales, not to be compared.".to_owned());
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
            let id: String = call_record_id(call).chars().take(self.id_length).collect();
            notes.push(format!("One call in depth: --call {id}"));
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

/// The way of the audio, the caller being on the left.
pub(super) const fn arrow(look: Look, way: Way) -> &'static str {
    match way {
        Way::Forth => look.either("→", "->"),
        Way::Back => look.either("←", "<-"),
        Way::Unknown => look.either("↔", "--"),
    }
}

/// A share in per cent, to the hundredth; small is not none.
fn share(percent: Option<f64>) -> (String, Ink) {
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

fn mos(line: &Line<'_>) -> (String, Ink) {
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
