//! From a rating to what people say of it: ITU-T G.107 (06/2015) Annex B and Appendix I, and the bands of
//! ITU-T G.109 (09/1999). All of it for R on the narrowband scale; [`super::scale`] brings others there.

use std::f64::consts::{FRAC_PI_3, SQRT_2};

/// The opinion score for a rating `r`; G.107 eq. (B-4), kept in 1…4.5.
///
/// The cubic as printed dips to 0.989 for R between 0 and 6.5; a score below its own scale helps nobody.
/// Not a number counts as the worst.
#[must_use]
pub fn mos(r: f64) -> f64 {
    if r >= 100.0 {
        4.5
    } else if r > 0.0 {
        (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7.0e-6).clamp(1.0, 4.5)
    } else {
        1.0
    }
}

/// The rating for an opinion score, the inverse of [`mos`] where that rises: 6.52…100; G.107 Appendix I.
#[must_use]
pub fn r_from_mos(mos: f64) -> f64 {
    let mos = if mos.is_nan() { 1.0 } else { mos.clamp(1.0, 4.5) };
    let root = (-903_522.0 + 1_113_960.0 * mos - 202_500.0 * mos * mos).max(0.0).sqrt();
    let h = (15.0 * root).atan2(18_566.0 - 6_750.0 * mos) / 3.0;
    20.0 / 3.0 * (8.0 - 226.0_f64.sqrt() * (h + FRAC_PI_3).cos())
}

/// How many in a hundred would call it good or better; G.107 eq. (B-1).
#[must_use]
pub fn good_or_better_percent(r: f64) -> f64 {
    100.0 * normal((r - 60.0) / 16.0)
}

/// How many in a hundred would call it poor or worse; G.107 eq. (B-2).
#[must_use]
pub fn poor_or_worse_percent(r: f64) -> f64 {
    100.0 * normal((45.0 - r) / 16.0)
}

/// The standard normal distribution function, within 1.5e-7: Abramowitz and Stegun, formula 7.1.26.
fn normal(x: f64) -> f64 {
    let z = x.abs() / SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let polynomial = t
        * (0.254_829_592
            + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = polynomial * (-z * z).exp() / 2.0;
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// Speech transmission quality in words; ITU-T G.109 (09/1999), G.107 Table B.1.
///
/// By R and never by a rounded MOS; there are no such bands for the wideband and fullband scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// R below 50.
    NotRecommended,
    /// R from 50.
    Poor,
    /// R from 60.
    Low,
    /// R from 70.
    Medium,
    /// R from 80.
    High,
    /// R from 90.
    Best,
}

impl Band {
    /// The band of a rating; not a number is not recommended.
    #[must_use]
    pub fn of(r: f64) -> Self {
        match r {
            r if r >= 90.0 => Self::Best,
            r if r >= 80.0 => Self::High,
            r if r >= 70.0 => Self::Medium,
            r if r >= 60.0 => Self::Low,
            r if r >= 50.0 => Self::Poor,
            _ => Self::NotRecommended,
        }
    }

    /// The class and what its users feel, as G.109 words them.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Best => "best: users very satisfied",
            Self::High => "high: users satisfied",
            Self::Medium => "medium: some users dissatisfied",
            Self::Low => "low: many users dissatisfied",
            Self::Poor => "poor: nearly all users dissatisfied",
            Self::NotRecommended => "below all classes: not recommended",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// G.107 Table B.1: R, MOS, good or better, poor or worse. It prints 4.03 at R = 80, where (B-4)
    /// gives 4.024.
    const TABLE_B1: [(f64, f64, f64, f64); 5] = [
        (90.0, 4.34, 97.0, 0.0),
        (80.0, 4.03, 89.0, 1.0),
        (70.0, 3.60, 73.0, 6.0),
        (60.0, 3.10, 50.0, 17.0),
        (50.0, 2.58, 27.0, 38.0),
    ];

    #[test]
    fn table_b1_is_what_the_formulas_give() {
        for (r, score, good, poor) in TABLE_B1 {
            assert!((mos(r) - score).abs() < 0.01, "MOS at {r}: {}", mos(r));
            assert!((good_or_better_percent(r) - good).abs() <= 0.5, "good or better at {r}");
            assert!((poor_or_worse_percent(r) - poor).abs() <= 0.5, "poor or worse at {r}");
        }
    }

    #[test]
    fn the_inverse_finds_back_every_rating_on_the_rising_branch() {
        for tenth in 66..1000 {
            let r = f64::from(tenth) / 10.0;
            assert!((r_from_mos(mos(r)) - r).abs() < 1e-6, "{r}");
        }
    }

    #[test]
    fn an_opinion_stays_on_its_scale_where_the_cubic_does_not() {
        for r in [f64::NAN, f64::NEG_INFINITY, -1.0, 0.0, 3.21, 6.5] {
            assert_eq!(mos(r), 1.0, "{r}");
        }
        assert_eq!(mos(f64::INFINITY), 4.5);
        assert!(r_from_mos(f64::NAN).is_finite());
    }

    #[test]
    fn a_band_begins_at_its_own_rating() {
        assert_eq!(Band::of(90.0), Band::Best);
        assert_eq!(Band::of(89.999), Band::High);
        assert_eq!(Band::of(f64::NAN), Band::NotRecommended);
    }
}
