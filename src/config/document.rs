//! A TOML text as a tree in which every key and value knows its place, with `--set` laid over it.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::fault::{Faults, Place, Source, Wrong, quoted};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub place: Place,
    pub value: Value,
}

/// What TOML can say; numbers are read, so that nobody else parses them.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    /// An integer that fits nowhere.
    Huge,
    Real(f64),
    Bool(bool),
    Time,
    List(Vec<Node>),
    Table(Table),
}

impl Value {
    /// What it is, as a fault says it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) | Self::Huge => "a whole number",
            Self::Real(_) => "a number",
            Self::Bool(_) => "true or false",
            Self::Time => "a date or time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Keys with their values.
pub(super) type Table = Vec<Entry>;

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: String,
    pub place: Place,
    pub node: Node,
}

/// Reads a text; what is no TOML becomes faults, and the rest is kept so that it is checked, too.
pub(super) fn read(text: &str, faults: &mut Faults) -> Table {
    let lines = Lines::new(text, Source::Main);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let offset = error.span().map_or(0, |span| span.start);
        let (what, mend) = explain(error.message(), lines.line_at(offset));
        faults.add_syntax(Wrong::new(lines.place(offset), format!("not TOML: {what}"), mend));
    }
    lines.table(table.get_ref())
}

/// What usually lies behind a message of the parser, and how to mend it.
fn explain(message: &str, line: &str) -> (String, String) {
    const USUAL: [(&str, &str); 6] = [
        ("unclosed array table", "write ]] at the end of the line"),
        ("unclosed table", "write ] at the end of the line"),
        ("unclosed array", "write ] after the last value"),
        ("missing comma", "write a comma between the two"),
        ("key with no value", "write key = value"),
        ("missing assignment", "write key = value"),
    ];
    if message.contains("duplicate key") {
        return ("this key or table stands here a second time".to_owned(), "keep one of the two".to_owned());
    }
    // The commonest slips; of these the parser says what number they are not.
    let value = line.split_once('=').map(|(_, value)| value.split('#').next().unwrap_or_default().trim());
    match value {
        Some("") => return ("there is no value".to_owned(), "write one after the =".to_owned()),
        Some(bare) if bare.starts_with(|c: char| c.is_alphabetic() || c == '/') => {
            return ("a text without quotes".to_owned(), format!("write {}", quoted(bare)));
        }
        _ => {}
    }
    let mend = USUAL
        .iter()
        .find(|(part, _)| message.contains(part))
        .map_or("texts stand in quotes, lists in [ ], tables begin with [name]", |(_, mend)| mend);
    (message.to_owned(), mend.to_owned())
}

/// A value given as `--set KEY=VALUE`: TOML, else the text itself.
pub(super) fn read_overlay(text: &str, number: usize) -> Option<Node> {
    let lines = Lines { text: "", starts: Vec::new(), source: Source::Set(number) };
    DeValue::parse(text.trim()).ok().map(|value| lines.node(&value))
}

/// Lays a value over a path, making the tables it needs. What is no table on the way is left for who checks
/// the file.
pub(super) fn overlay(table: &mut Table, path: &[&str], node: Node) {
    let Some((first, rest)) = path.split_first() else { return };
    let place = node.place;
    let at = table.iter().position(|entry| entry.key == *first).unwrap_or_else(|| {
        table.push(Entry {
            key: (*first).to_owned(),
            place,
            node: Node { place, value: Value::Table(Table::new()) },
        });
        table.len() - 1
    });
    let Some(entry) = table.get_mut(at) else { return };
    if rest.is_empty() {
        *entry = Entry { key: entry.key.clone(), place, node };
    } else if let Value::Table(inner) = &mut entry.node.value {
        overlay(inner, rest, node);
    }
}

/// From byte offsets to lines and columns.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    source: Source,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str, source: Source) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(ends).collect(), source }
    }

    fn line_at(&self, offset: usize) -> &'a str {
        let start = self.starts.partition_point(|start| *start <= offset).checked_sub(1);
        let start = start.and_then(|line| self.starts.get(line)).copied().unwrap_or(0);
        self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default()
    }

    fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset);
        let Some(&start) = line.checked_sub(1).and_then(|l| self.starts.get(l)) else {
            return Place::whole(self.source);
        };
        // A line of a megabyte: its column need not be exact, but cheap.
        let before = self.text.as_bytes().get(start..offset).unwrap_or_default();
        let before = before.get(..before.len().min(4096)).unwrap_or_default();
        let column = before.iter().filter(|b| **b & 0xc0 != 0x80).count() + 1;
        Place { source: self.source, line: line as u32, column: column as u32 }
    }

    fn table(&self, table: &DeTable<'_>) -> Table {
        let entry = |(key, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| Entry {
            key: key.get_ref().as_ref().to_owned(),
            place: self.place(key.span().start),
            node: self.node(value),
        };
        let mut entries: Table = table.iter().map(entry).collect();
        // In the order of the text, so that where faults are too many the first are told.
        entries.sort_by_key(|entry| entry.place);
        entries
    }

    fn node(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let place = self.place(value.span().start);
        let value = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.as_ref().to_owned()),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Huge, Value::Integer)
            }
            DeValue::Float(number) => Value::Real(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(is) => Value::Bool(*is),
            DeValue::Datetime(_) => Value::Time,
            DeValue::Array(list) => Value::List(list.iter().map(|value| self.node(value)).collect()),
            DeValue::Table(table) => Value::Table(self.table(table)),
        };
        Node { place, value }
    }
}
