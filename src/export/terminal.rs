//! What a terminal can show, and text made safe and fitting for it.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How results for people are to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns to fit into; `None`: as wide as it gets (a pipe, a file).
    pub width: Option<usize>,
    /// Colour, by escape sequences.
    pub colour: bool,
    /// Whether characters beyond ASCII can be shown.
    pub unicode: bool,
}

impl Look {
    /// `text` without anything that could move a cursor, set a colour or turn the order of reading: what
    /// came from the wire must not command a terminal.
    ///
    /// Replaced are control characters (C1 too: U+009B is as good as ESC `[`), the bidirectional controls,
    /// and what has no width; in ASCII, all beyond it.
    pub(super) fn clean(self, text: &str) -> String {
        let mark = if self.unicode { '\u{fffd}' } else { '?' };
        text.chars().map(|c| if is_unsafe(c) || !(self.unicode || c.is_ascii()) { mark } else { c }).collect()
    }

    /// At most `columns` wide; what is cut off is told by an ellipsis.
    pub(super) fn fit(self, text: &str, columns: usize) -> String {
        if text.width() <= columns {
            return text.to_owned();
        }
        let ellipsis = if self.unicode { "…" } else { "~" };
        let mut out = String::new();
        let mut room = columns.saturating_sub(1);
        for c in text.chars() {
            let wide = c.width().unwrap_or(0);
            if wide > room {
                break;
            }
            room -= wide;
            out.push(c);
        }
        if columns > 0 {
            out.push_str(ellipsis);
        }
        out
    }

    /// `text` in exactly `columns`, to the left or the right; numbers stand right.
    pub(super) fn pad(self, text: &str, columns: usize, right: bool) -> String {
        let text = self.fit(text, columns);
        let blank = " ".repeat(columns.saturating_sub(text.width()));
        if right { blank + &text } else { text + &blank }
    }

    /// `text` in `ink`, if there is colour.
    pub(super) fn paint(self, text: &str, ink: Ink) -> String {
        let style = ink.style();
        if !self.colour || style.is_plain() || text.is_empty() {
            return text.to_owned();
        }
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = write!(out, "{style}{text}{style:#}");
        out
    }

    /// `unicode` where it can be shown, else `ascii`.
    pub(super) const fn either(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    /// `text` in lines that fit.
    pub(super) fn wrap(self, text: &str) -> Vec<String> {
        let room = self.width.unwrap_or(usize::MAX);
        let mut lines: Vec<String> = Vec::new();
        for word in text.split(' ') {
            match lines.last_mut() {
                Some(line) if seen(line) + 1 + seen(word) <= room => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines
    }

    /// `parts` side by side, in lines that fit: broken between two of them where that can be.
    pub(super) fn flow(self, parts: &[String]) -> Vec<String> {
        let room = self.width.unwrap_or(usize::MAX);
        let mut lines: Vec<String> = Vec::new();
        for part in parts {
            match lines.last_mut() {
                Some(line) if seen(line) + 3 + seen(part) <= room => {
                    line.push_str(self.dot());
                    line.push_str(part);
                }
                _ if seen(part) > room => lines.extend(self.wrap(part)),
                _ => lines.push(part.clone()),
            }
        }
        lines
    }

    /// Between two parts of a line.
    pub(super) const fn dot(self) -> &'static str {
        self.either(" · ", " - ")
    }
}

/// Columns that `text` takes, its colours aside.
fn seen(text: &str) -> usize {
    let mut parts = text.split('\x1b');
    let plain = parts.next().unwrap_or_default().width();
    // Our only escape sequences end with the first `m`.
    plain + parts.map(|part| part.split_once('m').map_or(0, |(_, rest)| rest.width())).sum::<usize>()
}

/// Columns that `text` takes.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// `text` for a terminal: what could command it is replaced ([`Look`]s do so, too). Line ends stay: they
/// are ours, where several things are told at once.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Whether a character must not reach a terminal.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Why a text is coloured: colour only repeats what the text says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ink {
    /// As it is.
    #[default]
    Plain,
    /// A title.
    Bold,
    /// Beside the point.
    Faint,
    /// Well.
    Good,
    /// Look here.
    Warn,
    /// Look here first.
    Bad,
}

impl Ink {
    const fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Bold => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Warn => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
        }
    }
}

/// `1,234,567`.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 call`, `2 calls`.
pub(crate) fn counted(n: u64, what: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {what}{s}", count(n))
}

/// `0.8 s`, `22 s`, `3 min 05 s`, `2 h 05 min`.
pub(crate) fn span(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.round()).unwrap_or_default().as_secs();
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UTF8: Look = Look { width: None, colour: false, unicode: true };
    const ASCII: Look = Look { width: None, colour: false, unicode: false };

    #[test]
    fn nothing_from_the_wire_commands_a_terminal() {
        assert_eq!(UTF8.clean("a\x1b[31mb\u{9b}c\u{202e}d\r\n\u{7f}"), "a�[31mb�c�d���");
        assert_eq!(UTF8.clean("Zoë 山田"), "Zoë 山田");
        assert_eq!(ASCII.clean("Zoë\x07"), "Zo??");
    }

    #[test]
    fn texts_are_cut_by_what_they_take_on_the_screen() {
        assert_eq!(UTF8.fit("alice", 5), "alice");
        assert_eq!(UTF8.fit("alice", 4), "ali…");
        // Two columns a character: four of them would leave no room for the ellipsis.
        assert_eq!(UTF8.fit("山田太郎", 7), "山田太…");
        assert_eq!(UTF8.fit("山田太郎", 6), "山田…");
        assert_eq!(UTF8.pad("山田太郎", 6, false), "山田… ");
        assert_eq!(ASCII.fit("alice", 4), "ali~");
        assert_eq!(UTF8.fit("alice", 0), "");
    }

    #[test]
    fn colour_is_there_only_where_it_was_asked_for() {
        assert_eq!(UTF8.paint("3.1", Ink::Bad), "3.1");
        let colour = Look { colour: true, ..UTF8 };
        assert_eq!(colour.paint("3.1", Ink::Warn), "\x1b[33m3.1\x1b[0m");
        assert_eq!(colour.paint("3.1", Ink::Plain), "3.1");
    }

    #[test]
    fn numbers_and_spans_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.84, 22.4, 185.0, 7500.0].map(span), ["0.8 s", "22 s", "3 min 05 s", "2 h 05 min"]);
        assert_eq!([counted(1, "call"), counted(0, "call")], ["1 call", "0 calls"]);
    }
}
