//! OpenMetrics 1.0: the same families, with units and exemplars.
//!
//! The `prometheus` crate does not write it. `_created` is left out: Prometheus drops it, and it would
//! double the series of every counter.

use std::fmt::{self, Display, Write};

use super::catalogue::{Kind, Metric};
use super::family::{Family, Series, Value};
use super::histogram::Bucket;

/// What HTTP calls this format.
pub const OPENMETRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The last line: without it a text was cut short.
pub(super) const END: &str = "# EOF\n";

/// The families in OpenMetrics.
#[must_use]
pub fn openmetrics(families: &[Family<'_>]) -> String {
    let mut out = String::new();
    for family in families {
        out.push_str(&head(family.metric));
        for series in &family.series {
            write_series(&mut out, family.metric, series);
        }
    }
    out.push_str(END);
    out
}

/// The lines before a family's samples.
pub(super) fn head(metric: &Metric) -> String {
    let family = metric.family();
    let kind = match metric.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    };
    let mut head = format!("# TYPE {family} {kind}\n");
    if let Some(unit) = metric.unit() {
        let _ = writeln!(head, "# UNIT {family} {unit}");
    }
    let _ = writeln!(head, "# HELP {family} {}", Escaped(metric.help));
    head
}

fn write_series(out: &mut String, metric: &Metric, series: &Series<'_>) {
    let labels = labels(series);
    match &series.value {
        Value::Number(value) => {
            let _ = writeln!(out, "{} {value}", Sample::new(metric.name, "", &labels));
        }
        Value::Histogram(histogram) => {
            for bucket in histogram.buckets() {
                let sample =
                    Sample { edge: Some(bucket.edge), ..Sample::new(metric.name, "_bucket", &labels) };
                let _ = writeln!(out, "{sample} {}{}", bucket.cumulative, ExemplarText(&bucket));
            }
            let _ = writeln!(out, "{} {}", Sample::new(metric.name, "_sum", &labels), histogram.sum());
            let _ = writeln!(out, "{} {}", Sample::new(metric.name, "_count", &labels), histogram.count());
        }
    }
}

/// Labels as they stand between the braces.
pub(super) fn labels(series: &Series<'_>) -> String {
    let mut out = String::new();
    for (name, value) in &series.labels {
        let comma = if out.is_empty() { "" } else { "," };
        let _ = write!(out, "{comma}{name}=\"{}\"", Escaped(value));
    }
    out
}

/// Name and labels of one line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample<'a> {
    pub name: &'a str,
    pub suffix: &'a str,
    /// As [`labels`] wrote them.
    pub labels: &'a str,
    /// Upper edge of a bucket.
    pub edge: Option<f64>,
}

impl<'a> Sample<'a> {
    pub const fn new(name: &'a str, suffix: &'a str, labels: &'a str) -> Self {
        Self { name, suffix, labels, edge: None }
    }
}

impl Display for Sample<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, suffix, labels, edge } = self;
        write!(f, "{name}{suffix}")?;
        let comma = if labels.is_empty() { "" } else { "," };
        match edge {
            Some(edge) if edge.is_infinite() => write!(f, "{{{labels}{comma}le=\"+Inf\"}}"),
            Some(edge) => write!(f, "{{{labels}{comma}le=\"{edge}\"}}"),
            None if labels.is_empty() => Ok(()),
            None => write!(f, "{{{labels}}}"),
        }
    }
}

/// What stands behind the value of a bucket.
struct ExemplarText<'a>(&'a Bucket<'a>);

impl Display for ExemplarText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(exemplar) = self.0.exemplar else { return Ok(()) };
        let (id, value) = (Escaped(&exemplar.call_id), exemplar.value);
        write!(f, " # {{call_id=\"{id}\"}} {value} {}", Seconds(exemplar.time))
    }
}

/// A time in nanoseconds, to the millisecond that Prometheus keeps.
pub(super) struct Seconds(pub i64);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.div_euclid(1_000_000);
        write!(f, "{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))
    }
}

/// Text between quotes, or behind `# HELP`.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
