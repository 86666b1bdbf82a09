//! YAML with its lines: as much of it as a web configuration needs.

use std::path::Path;

use saphyr_parser::{Event, Parser, Span};

/// Deeper nesting is refused, so that nothing recurses far.
const DEPTH: usize = 8;

/// A value and where it stands, both counted from 1.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) value: Value,
}

/// Scalars are kept as written: what they mean depends on the key.
#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    List(Vec<Node>),
    /// Keys are unique.
    Map(Vec<(Node, Node)>),
}

/// What is wrong, one line each: `FILE:LINE:COLUMN: key: what is wrong`.
#[derive(Debug)]
pub(super) struct Faults {
    file: String,
    pub(super) lines: Vec<String>,
}

impl Faults {
    pub(super) fn new(file: &Path) -> Self {
        Self { file: file.display().to_string(), lines: Vec::new() }
    }

    /// A fault at a place.
    pub(super) fn at(&mut self, line: usize, column: usize, text: impl AsRef<str>) {
        self.lines.push(format!("{}:{line}:{column}: {}", self.file, text.as_ref()));
    }

    /// A fault of a value.
    pub(super) fn on(&mut self, node: &Node, text: impl AsRef<str>) {
        self.at(node.line, node.column, text);
    }

    /// A fault of the whole file.
    pub(super) fn whole(&mut self, text: impl AsRef<str>) {
        self.lines.push(format!("{}: {}", self.file, text.as_ref()));
    }
}

impl Node {
    fn new(span: Span, value: Value) -> Self {
        Self { line: span.start.line(), column: span.start.col() + 1, value }
    }

    /// The text of a scalar.
    pub(super) fn text(&self, key: &str, faults: &mut Faults) -> Option<&str> {
        if let Value::Text(text) = &self.value {
            return Some(text);
        }
        faults.on(self, format!("{key}: one value is wanted here"));
        None
    }

    /// A truth value, as YAML 1.1 writes it.
    pub(super) fn truth(&self, key: &str, faults: &mut Faults) -> Option<bool> {
        match self.text(key, faults)?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => {
                faults.on(self, format!("{key}: true or false is wanted here"));
                None
            }
        }
    }

    /// The texts of a list; a key without a value is an empty one.
    pub(super) fn texts(&self, key: &str, faults: &mut Faults) -> Vec<(&Self, &str)> {
        match &self.value {
            Value::List(items) => items.iter().filter_map(|i| i.text(key, faults).map(|t| (i, t))).collect(),
            Value::Text(text) if is_null(text) => Vec::new(),
            Value::Text(_) | Value::Map(_) => {
                faults.on(self, format!("{key}: a list is wanted here"));
                Vec::new()
            }
        }
    }

    /// The pairs of a mapping; a key without a value is an empty one.
    pub(super) fn pairs(&self, key: &str, faults: &mut Faults) -> Vec<(&Self, &str, &Self)> {
        match &self.value {
            Value::Map(pairs) => {
                pairs.iter().filter_map(|(k, v)| k.text(key, faults).map(|name| (k, name, v))).collect()
            }
            Value::Text(text) if is_null(text) => Vec::new(),
            Value::Text(_) | Value::List(_) => {
                faults.on(self, format!("{key}: keys and values are wanted here"));
                Vec::new()
            }
        }
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null")
}

/// The file's document; None if it is empty or cannot be read, which is then among the faults.
pub(super) fn parse(text: &str, faults: &mut Faults) -> Option<Node> {
    let mut builder = Builder { open: Vec::new(), root: None };
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                faults.at(error.marker().line(), error.marker().col() + 1, error.info());
                return None;
            }
        };
        if let Err(what) = builder.take(event, span, faults) {
            faults.at(span.start.line(), span.start.col() + 1, what);
            return None;
        }
    }
    builder.root
}

struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
}

/// A list or mapping whose end has not come.
struct Open {
    node: Node,
    /// The key whose value comes next.
    key: Option<Node>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span, faults: &mut Faults) -> Result<(), &'static str> {
        match event {
            Event::Scalar(text, ..) => self.put(Node::new(span, Value::Text(text.into_owned())), faults),
            Event::SequenceStart(..) => self.open(Node::new(span, Value::List(Vec::new())))?,
            Event::MappingStart(..) => self.open(Node::new(span, Value::Map(Vec::new())))?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(done) = self.open.pop() {
                    self.put(done.node, faults);
                }
            }
            Event::Alias(_) => return Err("aliases are not supported; write the value out"),
            Event::DocumentStart(_) if self.root.is_some() => return Err("only one document is wanted"),
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, node: Node) -> Result<(), &'static str> {
        if self.open.len() >= DEPTH {
            return Err("nested too deeply");
        }
        self.open.push(Open { node, key: None });
        Ok(())
    }

    fn put(&mut self, node: Node, faults: &mut Faults) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match (&mut open.node.value, open.key.take()) {
            (Value::List(items), _) => items.push(node),
            (Value::Map(_), None) => open.key = Some(node),
            (Value::Map(pairs), Some(key)) => {
                if pairs.iter().any(|(other, _)| other.is_same_text(&key)) {
                    faults.on(&key, "this key was given before");
                }
                pairs.push((key, node));
            }
            (Value::Text(_), _) => {}
        }
    }
}

impl Node {
    fn is_same_text(&self, other: &Self) -> bool {
        matches!((&self.value, &other.value), (Value::Text(a), Value::Text(b)) if a == b)
    }
}
