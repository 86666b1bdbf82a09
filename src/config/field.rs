//! How a key's value is read, shown and described: one implementation a type.

use super::document::{Node, Value};
use super::fault::{Place, Wrong, nearest, quoted};
use super::settings::{Messages, Numbers, PeerKind, Playout, ProbeSide};
use crate::score::Profile;

/// Values in a list at most, where the key's table says nothing else.
const LONGEST_LIST: usize = 4096;

/// Numbers that a key takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub least: f64,
    pub most: f64,
    /// The two ends are no values themselves.
    pub open: bool,
}

impl Range {
    pub const ALL: Self = Self { least: 0.0, most: u32::MAX as f64, open: false };

    fn holds(&self, value: f64) -> bool {
        if self.open {
            self.least < value && value < self.most
        } else {
            (self.least..=self.most).contains(&value)
        }
    }

    fn words(&self) -> String {
        if self.open {
            format!("above {} and below {}", self.least, self.most)
        } else {
            format!("from {} to {}", self.least, self.most)
        }
    }
}

/// In what form TOML has the value; `--set` reads bare words by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    List,
    Other,
}

/// The place of a key's value in the configuration.
pub(super) trait Field {
    /// What a good value is: "a whole number from 1 to 64".
    fn wanted(&self, range: &Range) -> String;
    fn shape(&self) -> Shape;
    /// Takes a value, or says what is wrong with it.
    fn take(&mut self, node: &Node, range: &Range, wrong: &mut Vec<Wrong>);
    /// The value as TOML.
    fn toml(&self) -> String;
}

/// A value that is no list.
pub(super) trait Scalar: Sized + PartialEq {
    const SHAPE: Shape;
    /// What a good value is.
    fn expected(range: &Range) -> String;
    /// Reads a value of the right type; `Err` says what is wrong and how to mend it.
    fn read(value: &Value, range: &Range) -> Result<Self, Bad>;
    /// The value as TOML.
    fn shown(&self) -> String;
}

/// Why a value is none.
#[derive(Debug)]
pub(super) enum Bad {
    /// TOML has another type there.
    Type,
    /// What is wrong, and how to mend it.
    Value(String, String),
}

impl Bad {
    pub fn value(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Value(what.into(), mend.into())
    }
}

fn wrong_of<T: Scalar>(bad: Bad, place: Place, value: &Value, range: &Range) -> Wrong {
    match bad {
        Bad::Type => {
            let mend = match (value, T::SHAPE) {
                (Value::Text(text), Shape::Other)
                    if ["true", "false"].contains(&text.as_str()) || text.parse::<f64>().is_ok() =>
                {
                    format!("write it without quotes, {}", T::expected(range))
                }
                (Value::Integer(_) | Value::Real(_) | Value::Time, Shape::Text) => {
                    format!("put it in quotes: {}", T::expected(range))
                }
                _ => format!("write {}", T::expected(range)),
            };
            Wrong::new(place, format!("is {}", value.kind()), mend)
        }
        Bad::Value(what, mend) => Wrong::new(place, what, mend),
    }
}

impl<T: Scalar> Field for T {
    fn wanted(&self, range: &Range) -> String {
        T::expected(range)
    }

    fn shape(&self) -> Shape {
        T::SHAPE
    }

    fn take(&mut self, node: &Node, range: &Range, wrong: &mut Vec<Wrong>) {
        match T::read(&node.value, range) {
            Ok(value) => *self = value,
            Err(bad) => wrong.push(wrong_of::<T>(bad, node.place, &node.value, range)),
        }
    }

    fn toml(&self) -> String {
        T::shown(self)
    }
}

impl<T: Scalar> Field for Vec<T> {
    fn wanted(&self, range: &Range) -> String {
        format!("a list [ ], each {}", T::expected(range))
    }

    fn shape(&self) -> Shape {
        Shape::List
    }

    fn take(&mut self, node: &Node, range: &Range, wrong: &mut Vec<Wrong>) {
        let Value::List(list) = &node.value else {
            let mend = match &node.value {
                Value::Text(one) if !one.contains('[') => format!("write it in brackets: [{}]", text(one)),
                Value::Integer(one) => format!("write it in brackets: [{one}]"),
                _ => format!("write {}", Field::wanted(self, range)),
            };
            wrong.push(Wrong::new(node.place, format!("is {}", node.value.kind()), mend));
            return;
        };
        if list.len() > LONGEST_LIST {
            let what = format!("has {} values", list.len());
            wrong.push(Wrong::new(node.place, what, format!("keep at most {LONGEST_LIST}")));
            return;
        }
        self.clear();
        for item in list {
            match T::read(&item.value, range) {
                Ok(value) if self.contains(&value) => {
                    let what = format!("{} stands twice in this list", Scalar::shown(&value));
                    wrong.push(Wrong::new(item.place, what, "remove one"));
                }
                Ok(value) => self.push(value),
                Err(bad) => wrong.push(wrong_of::<T>(bad, item.place, &item.value, range)),
            }
        }
    }

    fn toml(&self) -> String {
        let all: Vec<_> = self.iter().map(Scalar::shown).collect();
        format!("[{}]", all.join(", "))
    }
}

impl Scalar for bool {
    const SHAPE: Shape = Shape::Other;

    fn expected(_: &Range) -> String {
        "true or false".to_owned()
    }

    fn read(value: &Value, _: &Range) -> Result<Self, Bad> {
        if let Value::Bool(is) = value { Ok(*is) } else { Err(Bad::Type) }
    }

    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Scalar for f64 {
    const SHAPE: Shape = Shape::Other;

    fn expected(range: &Range) -> String {
        format!("a number {}", range.words())
    }

    fn read(value: &Value, range: &Range) -> Result<Self, Bad> {
        let number = match value {
            Value::Real(number) => *number,
            Value::Integer(number) => *number as Self,
            _ => return Err(Bad::Type),
        };
        let out = || {
            let mut mend = format!("write {}", Self::expected(range));
            if range.open && number > range.most && number < 100.0 {
                mend.push_str(&format!(": {number} % is {}", (number * 1e4).round() / 1e6));
            }
            Bad::value(format!("{number} is out of range"), mend)
        };
        range.holds(number).then_some(number).ok_or_else(out)
    }

    fn shown(&self) -> String {
        format!("{self:?}")
    }
}

/// Whole numbers.
macro_rules! whole {
    ($($type:ty),*) => {$(
        impl Scalar for $type {
            const SHAPE: Shape = Shape::Other;

            fn expected(range: &Range) -> String {
                format!("a whole number {}", range.words())
            }

            fn read(value: &Value, range: &Range) -> Result<Self, Bad> {
                let out = |told: String| {
                    Bad::value(format!("{told} is out of range"), format!("write {}", Self::expected(range)))
                };
                match value {
                    Value::Integer(number) if range.holds(*number as f64) => {
                        Self::try_from(*number).map_err(|_| out(number.to_string()))
                    }
                    Value::Integer(number) => Err(out(number.to_string())),
                    Value::Huge => Err(out("the number".to_owned())),
                    _ => Err(Bad::Type),
                }
            }

            fn shown(&self) -> String {
                self.to_string()
            }
        }
    )*};
}
whole!(u16, u32, usize);

/// A value of a fixed list of words.
pub(super) trait Choice: Copy + PartialEq + 'static {
    /// Each with its word in TOML.
    const ALL: &'static [(&'static str, Self)];
}

fn choice_words<T: Choice>() -> String {
    let words: Vec<_> = T::ALL.iter().map(|(word, _)| format!("{word:?}")).collect();
    words.join(" or ")
}

fn read_choice<T: Choice>(value: &Value) -> Result<T, Bad> {
    let Value::Text(asked) = value else { return Err(Bad::Type) };
    if let Some((_, choice)) = T::ALL.iter().find(|(word, _)| word == asked) {
        return Ok(*choice);
    }
    let mend = match nearest(asked, T::ALL.iter().map(|(word, _)| *word)) {
        Some(near) => format!("write {} (did you mean {near:?}?)", choice_words::<T>()),
        None => format!("write {}", choice_words::<T>()),
    };
    Err(Bad::value(format!("{} is no choice", quoted(asked)), mend))
}

fn choice_toml<T: Choice>(choice: T) -> String {
    text(T::ALL.iter().find(|(_, other)| *other == choice).map_or("", |(word, _)| word))
}

/// Words for the variants of enums.
macro_rules! choices {
    ($($type:ident { $($word:literal = $variant:ident),* })*) => {$(
        impl Choice for $type {
            const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),*];
        }

        impl Scalar for $type {
            const SHAPE: Shape = Shape::Text;

            fn expected(_: &Range) -> String {
                choice_words::<Self>()
            }

            fn read(value: &Value, _: &Range) -> Result<Self, Bad> {
                read_choice(value)
            }

            fn shown(&self) -> String {
                choice_toml(*self)
            }
        }
    )*};
}
choices! {
    Profile { "itu" = Itu, "pesq" = Pesq }
    Playout { "adaptive" = Adaptive, "fixed" = Fixed }
    Numbers { "masked" = Masked, "clear" = Clear }
    Messages { "none" = None, "headers" = Headers, "full" = Full }
    ProbeSide { "edge" = Edge, "lan" = Lan, "core" = Core }
    PeerKind { "trunk" = Trunk, "registrar" = Registrar }
}

/// A text as TOML.
pub(super) fn text(text: &str) -> String {
    let mut toml = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => toml.push_str("\\\""),
            '\\' => toml.push_str("\\\\"),
            c if c.is_control() => toml.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => toml.push(c),
        }
    }
    toml.push('"');
    toml
}
