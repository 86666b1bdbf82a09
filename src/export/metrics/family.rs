//! What every format writes down: families of series.

use std::borrow::Cow;
use std::collections::BTreeMap;

use arrayvec::ArrayVec;

use super::catalogue::{self, Metric};
use super::histogram::Histogram;

/// Labels a series has at most.
pub(crate) const MAX_LABELS: usize = 4;
/// Stands where a label would be empty: no label ever is.
const UNKNOWN: &str = "unknown";

/// Names and values of a series' labels.
pub type Labels<'a> = ArrayVec<(&'static str, &'a str), MAX_LABELS>;

/// A value as of one scrape.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// Of a counter or a gauge: finite.
    Number(f64),
    /// Of a histogram.
    Histogram(Cow<'a, Histogram>),
}

/// One set of labels and its value.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// In the catalogue's order.
    pub labels: Labels<'a>,
    /// What it shows.
    pub value: Value<'a>,
}

/// A metric with its series, sorted by their labels; never without one.
#[derive(Clone, Debug)]
pub struct Family<'a> {
    /// What it is.
    pub metric: &'static Metric,
    /// Its series.
    pub series: Vec<Series<'a>>,
}

impl Value<'_> {
    /// Lines of exposition, each a series in Prometheus.
    #[must_use]
    pub fn lines(&self) -> usize {
        match self {
            Self::Number(_) => 1,
            Self::Histogram(histogram) => histogram.series(),
        }
    }

    /// Adds a value of the same kind.
    pub(super) fn add(&mut self, other: &Self) {
        match (self, other) {
            (Self::Number(n), Self::Number(more)) => *n += more,
            (Self::Histogram(h), Self::Histogram(more)) => h.to_mut().merge(more),
            (Self::Number(_), Self::Histogram(_)) | (Self::Histogram(_), Self::Number(_)) => {}
        }
    }
}

/// Gathers series in any order.
#[derive(Debug, Default)]
pub(super) struct Families<'a> {
    by_name: BTreeMap<&'static str, Vec<Series<'a>>>,
}

impl<'a> Families<'a> {
    /// A counter or gauge; not a finite number: absent.
    pub fn number(&mut self, metric: &'static Metric, labels: &[&'a str], value: f64) {
        if value.is_finite() {
            self.push(metric, labels, Value::Number(value));
        }
    }

    /// A counter.
    pub fn count(&mut self, metric: &'static Metric, labels: &[&'a str], value: u64) {
        self.push(metric, labels, Value::Number(value as f64));
    }

    /// What may be unknown: then absent.
    pub fn known(&mut self, metric: &'static Metric, labels: &[&'a str], value: Option<f64>) {
        if let Some(value) = value {
            self.number(metric, labels, value);
        }
    }

    /// A histogram, also one without an observation.
    pub fn histogram(&mut self, metric: &'static Metric, labels: &[&'a str], histogram: &'a Histogram) {
        self.push(metric, labels, Value::Histogram(Cow::Borrowed(histogram)));
    }

    /// A histogram; without an observation: absent.
    pub fn observed(&mut self, metric: &'static Metric, labels: &[&'a str], histogram: &'a Histogram) {
        if histogram.count() > 0 {
            self.histogram(metric, labels, histogram);
        }
    }

    fn push(&mut self, metric: &'static Metric, values: &[&'a str], value: Value<'a>) {
        debug_assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
        let known = |v: &&'a str| if v.is_empty() { UNKNOWN } else { v };
        let labels = metric.labels.iter().map(|l| l.name).zip(values.iter().map(known)).collect();
        self.by_name.entry(metric.name).or_default().push(Series { labels, value });
    }

    /// Families in the catalogue's order, series in that of their labels.
    pub fn into_list(mut self) -> Vec<Family<'a>> {
        catalogue::all()
            .filter_map(|metric| {
                let mut series = self.by_name.remove(metric.name)?;
                series.sort_by(|a, b| a.labels.cmp(&b.labels));
                Some(Family { metric, series })
            })
            .collect()
    }
}
