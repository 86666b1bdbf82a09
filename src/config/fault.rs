//! What is wrong with a configuration, where, and how to mend it.

use std::fmt;

/// Faults kept; beyond these only their number is told.
const MOST: usize = 1000;

/// One fault: a line for the one who has to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, `--set KEY`, or the variable of the environment.
    pub source: String,
    /// Line and column in characters, from 1; 1 and 1 where the whole file is meant; `None` where the source
    /// is no file.
    pub place: Option<(u32, u32)>,
    /// The key, dotted; empty where no key is meant.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub mend: String,
}

impl fmt::Display for Fault {
    /// `F:LINE:COL: key: what is wrong; how to mend it`: always one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = self.source.clone();
        if let Some((row, column)) = self.place {
            line.push_str(&format!(":{row}:{column}"));
        }
        if !self.key.is_empty() {
            line.push_str(&format!(": {}", self.key));
        }
        line.push_str(&format!(": {}; {}", self.what, self.mend));
        // A file's bytes may be quoted in it: they must not break the line nor steer a terminal.
        line.chars().try_for_each(|c| match c {
            c if c.is_control() => c.escape_default().try_for_each(|e| fmt::Write::write_char(f, e)),
            c => fmt::Write::write_char(f, c),
        })
    }
}

/// Which text a place is in; sorted so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// The configuration file.
    Main,
    /// The file of `sites_file`.
    Sites,
    /// The overlay of that number.
    Set(usize),
    /// The variable of the environment with the secret.
    Environment,
}

/// Where something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub source: Source,
    /// From 1; 0 for the whole source.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl Place {
    pub const fn whole(source: Source) -> Self {
        Self { source, line: 0, column: 0 }
    }
}

/// What is wrong with a value, said by who reads it: the key is known one step further out.
#[derive(Clone, Debug)]
pub(super) struct Wrong {
    pub place: Place,
    pub what: String,
    pub mend: String,
}

impl Wrong {
    pub fn new(place: Place, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { place, what: what.into(), mend: mend.into() }
    }
}

/// Gathers faults of all sources.
#[derive(Debug)]
pub(super) struct Faults {
    found: Vec<(String, Wrong)>,
    /// Where the text is no TOML.
    syntax: Vec<Place>,
    beyond: usize,
}

impl Faults {
    pub const fn new() -> Self {
        Self { found: Vec::new(), syntax: Vec::new(), beyond: 0 }
    }

    /// Whether a table's head is broken: the keys after it then seem to stand elsewhere.
    pub fn has_broken_head(&self) -> bool {
        self.found
            .iter()
            .any(|(_, wrong)| wrong.what.contains("unclosed table") || wrong.what.contains("array table"))
    }

    /// Adds one of the text itself, the first of its line: what follows there is its echo.
    pub fn add_syntax(&mut self, wrong: Wrong) {
        if self.syntax.len() >= MOST {
            self.beyond += 1;
        } else if self.syntax.last().is_none_or(|last| last.line != wrong.place.line) {
            self.syntax.push(wrong.place);
            self.add("", wrong);
        }
    }

    pub fn add(&mut self, key: impl Into<String>, wrong: Wrong) {
        if self.found.len() < MOST {
            self.found.push((key.into(), wrong));
        } else {
            self.beyond += 1;
        }
    }

    /// No other is kept: how to mend it need not be found out.
    pub fn is_full(&self) -> bool {
        self.found.len() >= MOST
    }

    pub fn len(&self) -> usize {
        self.found.len() + self.beyond
    }

    /// Sorted by place, with the sources' names.
    pub fn finish(mut self, main: &str, sites: &str) -> Vec<Fault> {
        self.found.sort_by_key(|(_, wrong)| wrong.place);
        // What the reader made of a line that is no TOML is not what was meant there.
        let broken: Vec<_> = self.syntax.iter().map(|place| (place.source, place.line)).collect();
        self.found.retain(|(key, wrong)| {
            key.is_empty() || !broken.contains(&(wrong.place.source, wrong.place.line))
        });
        let mut all: Vec<Fault> = self
            .found
            .into_iter()
            .map(|(key, Wrong { place, what, mend })| {
                let (source, key) = match place.source {
                    Source::Main => (main.to_owned(), key),
                    Source::Sites => (sites.to_owned(), key),
                    Source::Set(_) => (format!("--set {key}"), String::new()),
                    Source::Environment => (key, String::new()),
                };
                let is_file = matches!(place.source, Source::Main | Source::Sites);
                let place = is_file.then_some((place.line.max(1), place.column.max(1)));
                Fault { source, place, key, what, mend }
            })
            .collect();
        if self.beyond > 0 {
            let (source, mend) = (main.to_owned(), "mend the ones above first".to_owned());
            let what = format!("and {} faults more", self.beyond);
            all.push(Fault { source, place: Some((1, 1)), key: String::new(), what, mend });
        }
        all
    }
}

/// The one of `known` that was probably meant.
pub(super) fn nearest<'a>(asked: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may differ, but at least a slip of two neighbours in a short name.
    let most = (asked.chars().count() / 3).max(2);
    // Distances are quadratic: no name of ours is longer than this.
    if asked.len() > 64 {
        return None;
    }
    let lower = asked.to_lowercase();
    known
        .into_iter()
        .filter(|name| name.len().abs_diff(asked.len()) <= 2 * most)
        .map(|name| (strsim::osa_distance(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= most && *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// A text as a fault quotes it: in quotes, and not longer than a line can bear.
pub(super) fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return format!("{text:?}");
    }
    let begin: String = text.chars().take(MOST).collect();
    format!("{begin:?}…")
}
