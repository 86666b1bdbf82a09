//! From a tree of TOML to typed values, by the table of keys.

use std::collections::BTreeMap;

use super::Config;
use super::document::{self, Entry, Node, Table, Value};
use super::fault::{Faults, Place, Source, Wrong, nearest, quoted};
use super::field::Shape;
use super::keys::{CONFIG, Key, LISTS, everywhere};

/// Where the values of the keys stand that were given.
pub(super) type Places = BTreeMap<&'static str, Place>;

/// Reads a table into `target`. `name` is how faults call the table: empty for the whole file.
pub(super) fn read<T>(
    table: &Table,
    name: &str,
    keys: &[Key<T>],
    target: &mut T,
    faults: &mut Faults,
) -> Places {
    let mut places = Places::new();
    walk(&Walk { name, keys }, table, "", target, &mut places, faults);
    places
}

/// The required keys that are missing.
pub(super) fn missing<T>(keys: &[Key<T>], name: &str, places: &Places, place: Place, faults: &mut Faults) {
    for key in keys.iter().filter(|key| key.required && !places.contains_key(key.path)) {
        let mend = format!("add a line {} = {}", key.path, key.default);
        faults.add(format!("{name}.{}", key.path), Wrong::new(place, "is missing", mend));
    }
}

/// The defaults of every key.
pub(super) fn set_defaults<T>(keys: &[Key<T>], target: &mut T) {
    for key in keys.iter().filter(|key| !key.required) {
        if let Some(node) = document::read_overlay(key.default, 0) {
            (key.field)(target).take(&node, &key.range, &mut Vec::new());
        }
    }
}

struct Walk<'a, T: 'static> {
    name: &'a str,
    keys: &'a [Key<T>],
}

fn walk<T>(
    w: &Walk<'_, T>,
    table: &Table,
    at: &str,
    target: &mut T,
    places: &mut Places,
    faults: &mut Faults,
) {
    for entry in table {
        let path = join(at, &entry.key);
        let shown = join(w.name, &path);
        if let Some(key) = w.keys.iter().find(|key| key.path == path) {
            let mut wrong = Vec::new();
            (key.field)(target).take(&entry.node, &key.range, &mut wrong);
            wrong.into_iter().for_each(|wrong| faults.add(shown.as_str(), wrong));
            places.insert(key.path, entry.node.place);
            continue;
        }
        if w.name.is_empty() && LISTS.contains(&path.as_str()) {
            continue;
        }
        if faults.has_broken_head() {
            continue;
        }
        let is_table =
            w.keys.iter().any(|key| key.path.strip_prefix(&path).is_some_and(|r| r.starts_with('.')));
        match (&entry.node.value, is_table) {
            (Value::Table(inner), true) => walk(w, inner, &path, target, places, faults),
            (Value::List(list), true) if list.iter().all(|n| matches!(n.value, Value::Table(_))) => {
                let mend = format!("write [{shown}], and that once");
                faults.add(shown.as_str(), Wrong::new(entry.place, "is a list of tables", mend));
            }
            (other, true) => {
                let inside = w.keys.iter().filter_map(|key| under(key.path, &path));
                let what = format!("is {}, but names a table", other.kind());
                let mend = if w.name.is_empty() {
                    format!("write [{shown}], and in it {}", inside.collect::<Vec<_>>().join(", "))
                } else {
                    let inside: Vec<_> = inside.map(|key| format!("{key} = …")).collect();
                    format!("write {path} = {{ {} }}", inside.join(", "))
                };
                faults.add(shown.as_str(), Wrong::new(entry.place, what, mend));
            }
            (_, false) => unknown(w, entry, at, &shown, faults),
        }
    }
}

fn unknown<T>(w: &Walk<'_, T>, entry: &Entry, at: &str, shown: &str, faults: &mut Faults) {
    let is_table = |node: &Node| matches!(node.value, Value::Table(_));
    let tables = match &entry.node.value {
        Value::List(list) => list.iter().all(is_table) && !list.is_empty(),
        _ => is_table(&entry.node),
    };
    let what = if tables { "no such table" } else { "no such key" };
    let mend = if faults.is_full() { String::new() } else { suggest(w, entry, at) };
    faults.add(shown, Wrong::new(entry.place, what, mend));
}

/// What was meant by a key that is not there.
fn suggest<T>(w: &Walk<'_, T>, entry: &Entry, at: &str) -> String {
    let key = entry.key.as_str();
    // Here, under another spelling?
    let here = w.keys.iter().filter_map(|k| under(k.path, at));
    let top = w.name.is_empty() && at.is_empty();
    let lists = LISTS.iter().copied().filter(|_| top);
    if let Some(near) = nearest(key, here.chain(lists)) {
        return match near {
            list if top && LISTS.contains(&list) => format!("did you mean [[{list}]]?"),
            table if top && !w.keys.iter().any(|k| k.path == table) => format!("did you mean [{table}]?"),
            key => format!("did you mean {key}?"),
        };
    }
    // In another table?
    let homes: Vec<_> = everywhere()
        .filter(|(_, path)| *path == key)
        .map(|(table, _)| match table {
            "" => "at the top of the file, before the first [table]".to_owned(),
            list if LISTS.contains(&list) => format!("in [[{list}]]"),
            table => format!("in [{table}]"),
        })
        .collect();
    if !homes.is_empty() {
        return format!("it belongs {}", homes.join(" or "));
    }
    if let Some(near) = nearest(key, everywhere().map(|(_, path)| path)) {
        let table = everywhere().find(|(_, path)| *path == near).map_or("", |(table, _)| table);
        return format!("did you mean {}?", join(table, near));
    }
    "remove it; `clearline config show` lists every key".to_owned()
}

/// The next name on the way from `at` to `path`.
fn under(path: &'static str, at: &str) -> Option<&'static str> {
    let rest = if at.is_empty() { path } else { path.strip_prefix(at)?.strip_prefix('.')? };
    rest.split('.').next()
}

fn join(a: &str, b: &str) -> String {
    match (a, b) {
        ("", only) | (only, "") => only.to_owned(),
        _ => format!("{a}.{b}"),
    }
}

/// The rows of a list of tables; what is not one is a fault.
pub(super) fn rows<'a>(table: &'a Table, list: &str, faults: &mut Faults) -> Vec<(&'a Table, Place)> {
    let Some(entry) = table.iter().find(|entry| entry.key == list) else { return Vec::new() };
    let mut rows = Vec::new();
    let nodes = match &entry.node.value {
        Value::List(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(&entry.node),
    };
    let in_list = matches!(entry.node.value, Value::List(_));
    for node in nodes {
        match &node.value {
            Value::Table(row) if in_list => rows.push((row, node.place)),
            other => {
                let mend = format!("write [[{list}]], once for each {list}");
                faults.add(list, Wrong::new(node.place, format!("is {}", other.kind()), mend));
            }
        }
    }
    rows
}

/// Lays `--set KEY=VALUE` over the file's tree.
pub(super) fn overlay(table: &mut Table, overlays: &[String], faults: &mut Faults) {
    for (number, text) in overlays.iter().enumerate() {
        let place = Place::whole(Source::Set(number));
        let Some((path, value)) = text.split_once('=') else {
            faults.add(text.as_str(), Wrong::new(place, "has no =", "write --set KEY=VALUE"));
            continue;
        };
        let path = path.trim();
        if let Some(key) = CONFIG.iter().find(|key| key.path == path) {
            let node = overlay_node(key, value, number, place);
            document::overlay(table, &path.split('.').collect::<Vec<_>>(), node);
            continue;
        }
        let list = path.split(['.', '[']).next().filter(|first| LISTS.contains(first));
        let (what, mend) = match (list, nearest(path, CONFIG.iter().map(|key| key.path))) {
            (Some(list), _) => (
                "cannot be set on the command line",
                format!("write [[{list}]] in the file of --config.file"),
            ),
            (None, Some(near)) => ("no such key", format!("did you mean {near}?")),
            (None, None) => match CONFIG.iter().find(|k| k.path.ends_with(&format!(".{path}"))) {
                Some(key) => ("no such key", format!("did you mean {}?", key.path)),
                None => ("no such key", "`clearline config show` lists every key".to_owned()),
            },
        };
        let shown = quoted(path);
        faults.add(shown.trim_matches('"'), Wrong::new(place, what, mend));
    }
}

/// The value as the key wants it: TOML, else a bare text; for a list one value is a list of one.
fn overlay_node(key: &Key<Config>, value: &str, number: usize, place: Place) -> Node {
    let bare = || Node { place, value: Value::Text(value.to_owned()) };
    let read = document::read_overlay(value, number);
    let shape = (key.field)(&mut Config::default()).shape();
    match (shape, read) {
        (Shape::Text, Some(node)) if !matches!(node.value, Value::Text(_)) => bare(),
        (Shape::List, Some(node)) if !matches!(node.value, Value::List(_)) => {
            Node { place, value: Value::List(vec![node]) }
        }
        (Shape::List, None) if !value.trim_start().starts_with('[') => {
            Node { place, value: Value::List(vec![bare()]) }
        }
        (_, read) => read.unwrap_or_else(bare),
    }
}
