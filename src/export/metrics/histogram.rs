//! A histogram of fixed edges that merges exactly.

use arrayvec::ArrayString;

/// Edges a histogram has at most.
pub(crate) const MAX_EDGES: usize = 10;
/// Sums are kept in units of 1e-9: integers add up to the same in any order, floats do not.
const PER_UNIT: f64 = 1e9;

/// One observation that can be looked up: the last one of its bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// Our id of the call; never the SIP Call-ID.
    pub call_id: ArrayString<64>,
    /// What was observed.
    pub value: f64,
    /// When, nanoseconds since the Unix epoch.
    pub time: i64,
}

impl Exemplar {
    /// `None` for an empty id, or one of more than 64 bytes: half an id leads nowhere.
    #[must_use]
    pub fn new(call_id: &str, value: f64, time: i64) -> Option<Self> {
        let call_id = ArrayString::from(call_id).ok().filter(|id| !id.is_empty())?;
        Some(Self { call_id, value, time })
    }

    /// Whether this one is shown rather than `other`: the later; at one time, in an order that no merge
    /// depends on.
    fn is_after(&self, other: &Self) -> bool {
        let order = self.time.cmp(&other.time).then_with(|| self.call_id.cmp(&other.call_id));
        order.then_with(|| self.value.total_cmp(&other.value)).is_gt()
    }
}

type Exemplars = [Option<Exemplar>; MAX_EDGES + 1];

/// Observations by upper edge. Never shrinks.
#[derive(Clone, Debug)]
pub struct Histogram {
    edges: &'static [f64],
    /// Not cumulative; the place after the last edge is +Inf.
    counts: [u64; MAX_EDGES + 1],
    sum: i128,
    exemplars: Option<Box<Exemplars>>,
}

/// One bucket as it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Bucket<'a> {
    /// Upper edge, included; +Inf for the last one.
    pub edge: f64,
    /// Observations up to it.
    pub cumulative: u64,
    /// The last one between the edge before and this one.
    pub exemplar: Option<&'a Exemplar>,
}

impl Histogram {
    /// Nothing observed; `edges` ascending, ten at most.
    #[must_use]
    pub const fn new(edges: &'static [f64]) -> Self {
        Self { edges, counts: [0; MAX_EDGES + 1], sum: 0, exemplars: None }
    }

    /// Counts `value`; what is not a finite number is no observation.
    pub fn observe(&mut self, value: f64, exemplar: Option<Exemplar>) {
        if !value.is_finite() {
            return;
        }
        let place = self.place(value);
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.sum += (value * PER_UNIT).round() as i128;
        if let Some(exemplar) = exemplar {
            self.keep(place, exemplar);
        }
    }

    /// Keeps what leads to one of the observations; where its bucket has none, nothing.
    pub fn exemplify(&mut self, exemplar: Option<Exemplar>) {
        let Some(exemplar) = exemplar else { return };
        let place = self.place(exemplar.value);
        if self.counts.get(place).is_some_and(|count| *count > 0) {
            self.keep(place, exemplar);
        }
    }

    /// The bucket of a value.
    fn place(&self, value: f64) -> usize {
        self.edges.iter().take_while(|edge| value > **edge).count()
    }

    fn keep(&mut self, place: usize, exemplar: Exemplar) {
        let kept = self.exemplars.get_or_insert_default().get_mut(place);
        if let Some(kept) = kept.filter(|k| k.as_ref().is_none_or(|k| exemplar.is_after(k))) {
            *kept = Some(exemplar);
        }
    }

    /// Adds what `other`, of the same edges, observed.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.sum += other.sum;
        let theirs = other.exemplars.iter().flat_map(|e| e.iter()).enumerate();
        for (place, exemplar) in theirs.filter_map(|(place, e)| Some((place, e.clone()?))) {
            self.keep(place, exemplar);
        }
    }

    /// Observations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Sum of what was observed, each value rounded to 1e-9.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum as f64 / PER_UNIT
    }

    /// The buckets, the one of +Inf last.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket<'_>> {
        let edges = self.edges.iter().copied().chain([f64::INFINITY]);
        let exemplar = |place: usize| self.exemplars.as_ref().and_then(|e| e.get(place)?.as_ref());
        edges.zip(self.counts).enumerate().scan(0, move |sum, (place, (edge, count))| {
            *sum += count;
            Some(Bucket { edge, cumulative: *sum, exemplar: exemplar(place) })
        })
    }

    /// Series that it makes: its buckets, sum and count.
    #[must_use]
    pub const fn series(&self) -> usize {
        self.edges.len() + 3
    }
}
