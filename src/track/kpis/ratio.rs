//! A share of something that is counted.

/// A share. The numerator is part of the denominator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratio {
    /// What counts.
    pub numerator: u64,
    /// Of how many.
    pub denominator: u64,
}

impl Ratio {
    /// 0…1; `None` of nothing: it is undefined then
    /// ([RFC 6076 §4](https://www.rfc-editor.org/rfc/rfc6076#section-4)).
    #[must_use]
    pub fn value(self) -> Option<f64> {
        (self.denominator > 0).then(|| self.numerator as f64 / self.denominator as f64)
    }
}
