use std::collections::BTreeMap;

use super::*;

const PUBLISHED: &str = include_str!("../../../../tests/data/METRICS.md");

/// Kind letter, edges and labels of a metric, as a row tells them.
type Facts = (char, Vec<f64>, String);

/// What a row of one name says that it means; rows may leave that to the name.
fn meaning<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let row = text.lines().find_map(|l| l.strip_prefix(&format!("| `{name}` |")))?;
    row.trim_end_matches('|').rsplit('|').next().map(str::trim).filter(|meaning| !meaning.is_empty())
}

/// The rows of the tables; a row may name several metrics, and abbreviate edges to those of a row above.
fn rows(text: &str) -> BTreeMap<String, Facts> {
    let mut found = BTreeMap::new();
    let mut edges: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for line in text.lines().filter(|l| l.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let (names, kind, labels) = (cells[0], cells[1], cells[2]);
        let numbers: Vec<f64> = match kind.strip_prefix("h ") {
            Some("same") => edges["last"].clone(),
            Some("as loss") => edges["loss"].clone(),
            Some("as MOS") => edges["MOS"].clone(),
            Some("as post-dial delay") => edges["post-dial delay"].clone(),
            Some(list) => list.split(' ').map(|n| n.parse().unwrap()).collect(),
            None => Vec::new(),
        };
        if !numbers.is_empty() {
            edges.insert("last", numbers.clone());
            let words =
                [("stream_loss", "loss"), ("stream_mos_lqe", "MOS"), ("post_dial_delay", "post-dial delay")];
            for (word, what) in words {
                if names.contains(word) {
                    edges.insert(what, numbers.clone());
                }
            }
        }
        for (name, after) in names.split('`').skip(1).collect::<Vec<_>>().chunks(2).map(|c| (c[0], c.get(1)))
        {
            let own = after.and_then(|a| a.trim().chars().next()).filter(|c| "cg".contains(*c));
            let letter = own.or_else(|| kind.chars().next()).unwrap();
            assert!(found.insert(name.to_owned(), (letter, numbers.clone(), labels.to_owned())).is_none());
        }
    }
    found
}

#[test]
fn names_kinds_labels_and_edges_are_the_published_ones() {
    let (published, ours) = (rows(PUBLISHED), rows(&markdown()));
    assert_eq!(published.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>());
    for (name, facts) in &published {
        assert_eq!(facts, &ours[name], "{name}");
    }
    assert_eq!(ours.len(), SECTIONS.iter().map(|(_, metrics)| metrics.len()).sum::<usize>());
}

#[test]
fn help_is_what_is_published() {
    let mut compared = 0;
    for metric in SECTIONS.into_iter().take(2).flat_map(|(_, metrics)| metrics) {
        if let Some(published) = meaning(PUBLISHED, metric.name) {
            assert_eq!(metric.help, published, "{}", metric.name);
            compared += 1;
        }
    }
    assert!(compared >= 28, "{compared}");
}

#[test]
fn names_tell_kind_and_unit_as_prometheus_wants_them() {
    for metric in all() {
        assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
        assert!(!metric.help.is_empty() && !metric.help.contains('\n'), "{}", metric.name);
        assert!(metric.edges().is_sorted(), "{}", metric.name);
        assert!(metric.edges().len() <= super::super::histogram::MAX_EDGES, "{}", metric.name);
        assert!(metric.edges().iter().all(|e| e.fract() != 0.0), "{}: le=\"1\" or le=\"1.0\"?", metric.name);
        assert!(metric.labels.len() <= super::super::family::MAX_LABELS, "{}", metric.name);
    }
    assert_eq!(STREAM_JITTER.unit(), Some("seconds"));
    assert_eq!(WORKER_BUSY.unit(), Some("seconds"));
    assert_eq!(STREAM_MOS_LQE.unit(), None);
}
