//! What scrapes would have shown, at packet time: one OpenMetrics file that Prometheus can load.
//!
//! The format wants a family's samples together, so they can only be written at the end. Until then each
//! sample line keeps the points at which its value changed, not one a step; and when all lines together have
//! more points than the bound, the step doubles, which gives what scraping half as often would have given.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::catalogue::{Kind, Metric};
use super::family::{Family, Value};
use super::openmetrics::{END, Sample, Seconds, head, labels};

/// A line's value from one step on; `None`: the line is not shown from there on.
type Point = (i64, Option<f64>);

/// Gathers scrapes on a grid of packet time.
#[derive(Debug)]
pub struct PacketTime {
    /// ns.
    step: i64,
    max_points: usize,
    points: usize,
    /// First and last step gathered.
    span: Option<(i64, i64)>,
    /// By name, then labels.
    families: BTreeMap<&'static str, (&'static Metric, BTreeMap<String, Line>)>,
}

/// The values of one set of labels.
#[derive(Debug, Default)]
struct Line {
    /// One list a sample line: of a histogram its buckets, then its sum.
    slots: Vec<Vec<Point>>,
    /// The step at which it was last shown.
    shown: i64,
}

impl PacketTime {
    /// A scrape each `step` ns (1 ms at least). `max_points` of 16 bytes or so are kept, or as many as one
    /// scrape has lines, if that is more.
    #[must_use]
    pub fn new(step: i64, max_points: usize) -> Self {
        Self { step: step.max(1_000_000), max_points, points: 0, span: None, families: BTreeMap::new() }
    }

    /// The step as it is now, ns: the one asked for, doubled as often as memory wanted it.
    #[must_use]
    pub const fn step(&self) -> i64 {
        self.step
    }

    /// Whether a scrape is due before the packets of `now` are handled.
    #[must_use]
    pub fn is_due(&self, now: i64) -> bool {
        self.span.is_none_or(|(_, last)| now.div_euclid(self.step) > last)
    }

    /// Takes the state as it was before `now`: it held at every step since the last scrape.
    pub fn append(&mut self, now: i64, families: &[Family<'_>]) {
        self.coarsen();
        let now = now.div_euclid(self.step);
        match self.span {
            None => {
                self.record(now, families);
                self.span = Some((now, now));
            }
            Some((first, last)) if now > last => {
                self.record(last + 1, families);
                self.span = Some((first, now));
            }
            Some(_) => {}
        }
    }

    /// Takes the state at the end of input, shown at the step after it.
    pub fn finish(&mut self, families: &[Family<'_>]) {
        // Coarser before it is asked for the next step, not after.
        self.coarsen();
        if let Some((_, last)) = self.span {
            self.append((last + 1).saturating_mul(self.step), families);
        }
    }

    fn record(&mut self, step: i64, families: &[Family<'_>]) {
        for family in families {
            let (_, lines) =
                self.families.entry(family.metric.name).or_insert((family.metric, BTreeMap::new()));
            for series in &family.series {
                let line = lines.entry(labels(series)).or_default();
                line.shown = step;
                for (slot, value) in values(&series.value).enumerate() {
                    if line.slots.len() <= slot {
                        line.slots.push(Vec::new());
                    }
                    if let Some(points) = line.slots.get_mut(slot) {
                        self.points += push(points, (step, Some(value)));
                    }
                }
            }
        }
        let gone = self.families.values_mut().flat_map(|(_, lines)| lines.values_mut());
        for points in gone.filter(|l| l.shown != step).flat_map(|l| &mut l.slots) {
            self.points += push(points, (step, None));
        }
    }

    /// Doubles the step until the points are within their bound, or there is but one step.
    fn coarsen(&mut self) {
        while let Some((first, last)) =
            self.span.filter(|(first, last)| self.points > self.max_points && last > first)
        {
            self.step = self.step.saturating_mul(2);
            self.points = 0;
            for line in self.families.values_mut().flat_map(|(_, lines)| lines.values_mut()) {
                line.shown = halved(line.shown);
                for points in &mut line.slots {
                    let fine = std::mem::take(points);
                    for (step, value) in fine {
                        push(points, (halved(step), value));
                    }
                    points.shrink_to_fit();
                    self.points += points.len();
                }
            }
            self.span = Some((halved(first), last.div_euclid(2)));
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        for (metric, lines) in self.families.values() {
            out.write_all(head(metric).as_bytes())?;
            for (labels, line) in lines {
                self.write_line(&mut out, metric, labels, line)?;
            }
        }
        out.write_all(END.as_bytes())
    }

    /// All steps of one set of labels: OpenMetrics wants them together, in the order of time.
    fn write_line(&self, out: &mut impl Write, metric: &Metric, labels: &str, line: &Line) -> io::Result<()> {
        let samples = samples(metric, labels);
        let mut rest: Vec<&[Point]> = line.slots.iter().map(Vec::as_slice).collect();
        let mut held: Vec<Option<f64>> = vec![None; rest.len()];
        let (first, last) = self.span.unwrap_or_default();
        for step in first..=last {
            let time = Seconds(step.saturating_mul(self.step));
            for ((sample, rest), held) in samples.iter().zip(&mut rest).zip(&mut held) {
                while let Some((&(_, value), after)) =
                    rest.split_first().filter(|((from, _), _)| *from <= step)
                {
                    (*held, *rest) = (value, after);
                }
                if let Some(value) = held {
                    writeln!(out, "{sample} {value} {time}")?;
                }
            }
            if let (Some(Some(count)), Kind::Histogram(edges)) = (held.get(metric.edges().len()), metric.kind)
            {
                debug_assert_eq!(held.len(), edges.len() + 2);
                writeln!(out, "{} {count} {time}", Sample::new(metric.name, "_count", labels))?;
            }
        }
        Ok(())
    }
}

/// A step on a grid half as fine: a value shows at the first coarse step not before it.
const fn halved(step: i64) -> i64 {
    step.div_euclid(2) + step.rem_euclid(2)
}

/// Adds a point if it changes anything; says how many more points there are.
fn push(points: &mut Vec<Point>, point: Point) -> usize {
    let same = |a: Option<f64>, b: Option<f64>| a.map(f64::to_bits) == b.map(f64::to_bits);
    let before = points.len();
    points.pop_if(|last| last.0 == point.0);
    if !points.last().map_or(point.1.is_none(), |last| same(last.1, point.1)) {
        points.push(point);
    }
    points.len().saturating_sub(before)
}

/// A value's slots.
fn values<'a>(value: &'a Value<'_>) -> impl Iterator<Item = f64> + 'a {
    let (number, histogram) = match value {
        Value::Number(number) => (Some(*number), None),
        Value::Histogram(histogram) => (None, Some(histogram)),
    };
    let of_histogram =
        histogram.into_iter().flat_map(|h| h.buckets().map(|b| b.cumulative as f64).chain([h.sum()]));
    number.into_iter().chain(of_histogram)
}

/// The line of each slot.
fn samples<'a>(metric: &'a Metric, labels: &'a str) -> Vec<Sample<'a>> {
    let Kind::Histogram(edges) = metric.kind else { return vec![Sample::new(metric.name, "", labels)] };
    let bucket = |edge| Sample { edge: Some(edge), ..Sample::new(metric.name, "_bucket", labels) };
    let edges = edges.iter().copied().chain([f64::INFINITY]);
    edges.map(bucket).chain([Sample::new(metric.name, "_sum", labels)]).collect()
}

#[cfg(test)]
mod tests;
