//! Every metric once: name, kind, unit, labels, help. What is exposed and what is documented come from here.

mod calls;
mod probe;
mod streams;

pub use calls::*;
pub use probe::*;
pub use streams::*;

use std::fmt::Write;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Never falls while the program runs.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Observations by upper edge; the edges, ascending, without +Inf.
    Histogram(&'static [f64]),
}

/// A label and, where they are a fixed list, its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// All its values; empty where they come from configuration.
    pub values: &'static [&'static str],
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Its full name, `_total` of a counter included.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels, in their order.
    pub labels: &'static [Label],
    /// What it means, in one line.
    pub help: &'static str,
}

impl Metric {
    /// The base unit, where the name ends in one (OpenMetrics' `# UNIT` must be the name's suffix).
    #[must_use]
    pub fn unit(&self) -> Option<&'static str> {
        ["seconds", "bytes", "ratio"]
            .into_iter()
            .find(|unit| self.family().strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')))
    }

    /// The name of the family in OpenMetrics: a counter's without `_total`.
    #[must_use]
    pub fn family(&self) -> &'static str {
        match self.kind {
            Kind::Counter => self.name.strip_suffix("_total").unwrap_or(self.name),
            Kind::Gauge | Kind::Histogram(_) => self.name,
        }
    }

    /// The edges of a histogram; none of anything else.
    #[must_use]
    pub const fn edges(&self) -> &'static [f64] {
        match self.kind {
            Kind::Histogram(edges) => edges,
            Kind::Counter | Kind::Gauge => &[],
        }
    }
}

const fn label(name: &'static str) -> Label {
    Label { name, values: &[] }
}

const fn listed(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values }
}

const fn counter(name: &'static str, labels: &'static [Label], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [Label], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(
    name: &'static str,
    edges: &'static [f64],
    labels: &'static [Label],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Histogram(edges), labels, help }
}

/// Every family of metrics with the heading it is documented under, in the order of exposition.
pub static SECTIONS: [(&str, &[&Metric]); 3] =
    [("Streams", STREAMS), ("Calls", CALLS), ("The probe itself", PROBE)];

/// Every metric, in the order of exposition: those of [`SECTIONS`], then the usual ones of a process.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    SECTIONS.into_iter().flat_map(|(_, metrics)| metrics).chain(PROCESS).copied()
}

/// The tables of the catalogue, for the documentation.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::new();
    for (heading, metrics) in SECTIONS {
        let _ = write!(out, "## {heading}\n| name | kind | labels | meaning |\n|---|---|---|---|\n");
        for metric in metrics {
            let _ = writeln!(
                out,
                "| `{}` | {} | {} | {} |",
                metric.name,
                kind_cell(metric.kind),
                labels_cell(metric.labels),
                metric.help
            );
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn kind_cell(kind: Kind) -> String {
    match kind {
        Kind::Counter => "c".to_owned(),
        Kind::Gauge => "g".to_owned(),
        Kind::Histogram(edges) => edges.iter().fold("h".to_owned(), |cell, edge| cell + &format!(" {edge}")),
    }
}

/// Labels as the catalogue abbreviates them: `[S]` is customer and site.
fn labels_cell(labels: &[Label]) -> String {
    let (site, rest) = match labels.split_at_checked(2) {
        Some((first, rest)) if first == SITE => (Some("[S]".to_owned()), rest),
        _ => (None, labels),
    };
    let cell = |label: &Label| match label.values {
        [] => label.name.to_owned(),
        values => format!("{}=`{}`", label.name, values.join(",")),
    };
    site.into_iter().chain(rest.iter().map(cell)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
