//! Columns of a table, and how they share the width of a terminal.

use std::io::{self, Write};

use super::analysis::AnalysedStream;
use super::lines::{Line, Way};
use super::terminal::{Ink, Look, columns};

/// Where a column may be cut that does not fit, and to how little.
#[derive(Clone, Copy)]
pub(super) enum Cut {
    /// Numbers.
    Never,
    /// At its end.
    End(usize),
    /// At the end of each of the two that an arrow joins: both ends of a call matter.
    Pair(usize),
}

impl Cut {
    const fn least(self) -> Option<usize> {
        match self {
            Self::Never => None,
            Self::End(least) | Self::Pair(least) => Some(least),
        }
    }
}

/// What a cell says, and how.
pub(super) type Cell = (String, Ink);

/// A column: its heading, where its text stands, and what it says of a line.
pub(super) struct Column<'p> {
    title: &'static str,
    right: bool,
    cut: Cut,
    /// Blanks before it: numbers stand close.
    gap: usize,
    say: Box<dyn Fn(&Line<'_>) -> Cell + 'p>,
}

impl<'p> Column<'p> {
    pub fn text(title: &'static str, say: impl Fn(&Line<'_>) -> Cell + 'p) -> Self {
        Self { title, right: false, cut: Cut::Never, gap: 2, say: Box::new(say) }
    }

    pub fn number(title: &'static str, say: impl Fn(&AnalysedStream) -> Cell + 'p) -> Self {
        let say = move |line: &Line<'_>| line.stream.map_or_else(unknown, &say);
        Self { title, right: true, cut: Cut::Never, gap: 1, say: Box::new(say) }
    }

    pub fn flush_right(self) -> Self {
        Self { right: true, ..self }
    }

    pub fn cut(self, cut: Cut) -> Self {
        Self { cut, ..self }
    }
}

/// What is not known is told as that, and never as 0.
pub(super) fn unknown() -> Cell {
    ("-".to_owned(), Ink::Faint)
}

/// The way of the audio, the caller being on the left.
pub(super) const fn arrow(look: Look, way: Way) -> &'static str {
    match way {
        Way::Forth => look.either("→", "->"),
        Way::Back => look.either("←", "<-"),
        Way::Unknown => look.either("↔", "--"),
    }
}

/// A part of the page: a title and a table.
pub(super) struct Section<'p> {
    pub look: Look,
    pub title: &'static str,
    pub columns: Vec<Column<'p>>,
}

impl Section<'_> {
    /// Writes the title, the headings and a row a line.
    pub fn write(&self, lines: &[Line<'_>], out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "\n{}", self.look.paint(self.title, Ink::Bold))?;
        let cells: Vec<Vec<Cell>> =
            lines.iter().map(|line| self.columns.iter().map(|column| (column.say)(line)).collect()).collect();
        let widths = self.widths(&cells);
        let titles: Vec<Cell> = self.columns.iter().map(|c| (c.title.to_owned(), Ink::Faint)).collect();
        self.row(out, &widths, &titles)?;
        for row in &cells {
            self.row(out, &widths, row)?;
        }
        Ok(())
    }

    fn row(&self, out: &mut impl Write, widths: &[usize], row: &[Cell]) -> io::Result<()> {
        let mut text = String::new();
        for (place, ((column, width), (cell, ink))) in self.columns.iter().zip(widths).zip(row).enumerate() {
            text += &" ".repeat(if place == 0 { 0 } else { column.gap });
            let cell = if matches!(column.cut, Cut::Pair(_)) { &self.fit_pair(cell, *width) } else { cell };
            let is_last = place + 1 == self.columns.len();
            let cell =
                if is_last { self.look.fit(cell, *width) } else { self.look.pad(cell, *width, column.right) };
            text += &self.look.paint(&cell, *ink);
        }
        writeln!(out, "{}", text.trim_end())
    }

    /// Two names and the arrow between them, cut so that something of both is left.
    fn fit_pair(&self, text: &str, width: usize) -> String {
        let joint = [Way::Forth, Way::Back, Way::Unknown].map(|way| format!(" {} ", arrow(self.look, way)));
        let parts = joint.iter().find_map(|joint| Some((text.split_once(joint.as_str())?, joint)));
        let Some(((left, right), joint)) = parts.filter(|_| columns(text) > width) else {
            return text.to_owned();
        };
        let room = width.saturating_sub(columns(joint));
        let half = room / 2;
        let of_left =
            if columns(right) < half { room - columns(right) } else { columns(left).min(room - half) };
        format!(
            "{}{joint}{}",
            self.look.fit(left, of_left),
            self.look.fit(right, room.saturating_sub(of_left))
        )
    }

    /// As wide as the widest cell; what is too much is taken from the columns that can be cut, from the widest
    /// of them first.
    fn widths(&self, cells: &[Vec<Cell>]) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|c| columns(c.title)).collect();
        for row in cells {
            for (width, (cell, _)) in widths.iter_mut().zip(row) {
                *width = columns(cell).max(*width);
            }
        }
        let Some(room) = self.look.width else { return widths };
        let gaps: usize = self.columns.iter().skip(1).map(|c| c.gap).sum();
        while widths.iter().sum::<usize>() + gaps > room {
            let givers = widths.iter_mut().zip(&self.columns);
            let givers = givers.filter(|(width, c)| c.cut.least().is_some_and(|least| **width > least));
            let Some((widest, _)) = givers.max_by_key(|(width, _)| **width) else { break };
            *widest -= 1;
        }
        widths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_names_something_is_left_of_both() {
        let look = Look { width: Some(80), colour: false, unicode: true };
        let section = Section { look, title: "", columns: Vec::new() };
        for (text, width, wanted) in [
            ("alice → bob", 11, "alice → bob"),
            ("+4930123456 → +4989654321", 19, "+493012… → +498965…"),
            ("+4930123456 ← 1001", 15, "+493012… ← 1001"),
            ("bob → +4989654321", 13, "bob → +49896…"),
        ] {
            assert_eq!(section.fit_pair(text, width), wanted);
        }
    }
}
