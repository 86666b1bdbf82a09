//! Prometheus' text format 0.0.4, by way of the `prometheus` crate.

use std::collections::HashMap;

use prometheus::core::{Collector, Desc};
use prometheus::proto;
use prometheus::{Encoder, TextEncoder};

use super::catalogue::Kind;
use super::family::{Family, Series, Value};

/// What HTTP calls this format.
pub const TEXT_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One scrape as a collector: for a registry that shows other things beside it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    descs: Vec<Desc>,
    families: Vec<proto::MetricFamily>,
}

impl Snapshot {
    /// The families of one scrape.
    #[must_use]
    pub fn new(families: &[Family<'_>]) -> Self {
        Self {
            descs: families.iter().filter_map(desc).collect(),
            families: families.iter().map(metric_family).collect(),
        }
    }
}

impl Collector for Snapshot {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        self.families.clone()
    }
}

/// The families in text format 0.0.4. Exemplars have no place in it.
#[must_use]
pub fn text(families: &[Family<'_>]) -> String {
    let families: Vec<_> = families.iter().map(metric_family).collect();
    let mut out = Vec::new();
    // Writing to memory does not fail, and no family is without a series.
    let _ = TextEncoder::new().encode(&families, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

fn desc(family: &Family<'_>) -> Option<Desc> {
    let metric = family.metric;
    let labels = metric.labels.iter().map(|l| l.name.to_owned()).collect();
    Desc::new(metric.name.to_owned(), metric.help.to_owned(), labels, HashMap::new()).ok()
}

fn metric_family(family: &Family<'_>) -> proto::MetricFamily {
    let mut out = proto::MetricFamily::default();
    out.set_name(family.metric.name.to_owned());
    out.set_help(family.metric.help.to_owned());
    out.set_field_type(match family.metric.kind {
        Kind::Counter => proto::MetricType::COUNTER,
        Kind::Gauge => proto::MetricType::GAUGE,
        Kind::Histogram(_) => proto::MetricType::HISTOGRAM,
    });
    out.set_metric(family.series.iter().map(|s| metric(family.metric.kind, s)).collect());
    out
}

fn metric(kind: Kind, series: &Series<'_>) -> proto::Metric {
    let labels = series.labels.iter().map(|&(name, value)| {
        let mut pair = proto::LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    });
    let mut out = proto::Metric::from_label(labels.collect());
    match &series.value {
        Value::Number(value) if kind == Kind::Counter => {
            let mut counter = proto::Counter::default();
            counter.set_value(*value);
            out.set_counter(counter);
        }
        Value::Number(value) => {
            let mut gauge = proto::Gauge::default();
            gauge.set_value(*value);
            out.set_gauge(gauge);
        }
        Value::Histogram(histogram) => {
            let mut shown = proto::Histogram::default();
            shown.set_sample_count(histogram.count());
            shown.set_sample_sum(histogram.sum());
            // The encoder itself adds the bucket of +Inf.
            let finite = histogram.buckets().filter(|b| b.edge.is_finite());
            shown.set_bucket(
                finite
                    .map(|b| {
                        let mut bucket = proto::Bucket::default();
                        bucket.set_upper_bound(b.edge);
                        bucket.set_cumulative_count(b.cumulative);
                        bucket
                    })
                    .collect(),
            );
            out.set_histogram(shown);
        }
    }
    out
}

#[cfg(test)]
mod tests;
