//! The three scales of the E-model. A MOS means nothing without its scale: 4.4 is perfect narrowband, and
//! the same G.711 call is 3.7 beside wideband and 3.25 beside fullband.

use serde::Serialize;

use super::{emodel, opinion, wideband};

/// Which band of audio a listener is taken to know, and with it what the best score stands for.
///
/// Never average or compare scores of two scales; bring them onto one first ([`Scale::offset_to`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Narrowband, 300 to 3400 Hz; ITU-T G.107.
    Nb,
    /// Wideband, 50 to 7000 Hz; ITU-T G.107.1.
    Wb,
    /// Fullband, 20 Hz to 20 kHz; ITU-T G.107.2.
    Fb,
}

impl Scale {
    /// From the least to the widest.
    pub const ALL: [Self; 3] = [Self::Nb, Self::Wb, Self::Fb];

    /// `nb`, `wb` or `fb`, as in configuration and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nb => "nb",
            Self::Wb => "wb",
            Self::Fb => "fb",
        }
    }

    /// The scale of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scale| scale.name() == name)
    }

    /// The Recommendation that defines it.
    #[must_use]
    pub const fn model(self) -> &'static str {
        match self {
            Self::Nb => "G.107",
            Self::Wb => "G.107.1",
            Self::Fb => "G.107.2",
        }
    }

    /// R of an unimpaired connection, where it ends: 93.2, 129, 148. Nothing is heard of delay here, so
    /// R for MOS-LQE is this less Ie,eff.
    #[must_use]
    pub const fn r_max(self) -> f64 {
        match self {
            Self::Nb => emodel::R_DEFAULT,
            Self::Wb => wideband::RO_WB,
            Self::Fb => wideband::RO_FB,
        }
    }

    /// The opinion score, 1…4.5, of an R on this scale: G.107 Annex B after division by 1.29 (G.107.1
    /// Annex A) or 1.48 (G.107.2 Annex A).
    #[must_use]
    pub fn mos(self, r: f64) -> f64 {
        opinion::mos(match self {
            Self::Nb => r,
            Self::Wb => r / 1.29,
            Self::Fb => r / 1.48,
        })
    }

    /// What to add to an Ie,eff of this scale to have it on a wider one.
    ///
    /// 35.8 from narrowband to wideband (129 − 93.2; G.107.1) and 19 from wideband to fullband
    /// (148 − 129; G.113 (09/2024) Appendix V). Nothing is published for the way back: `None`.
    #[must_use]
    pub const fn offset_to(self, other: Self) -> Option<f64> {
        match (self, other) {
            (Self::Nb, Self::Nb) | (Self::Wb, Self::Wb) | (Self::Fb, Self::Fb) => Some(0.0),
            (Self::Nb, Self::Wb) => Some(35.8),
            (Self::Wb, Self::Fb) => Some(19.0),
            (Self::Nb, Self::Fb) => Some(54.8),
            (Self::Wb | Self::Fb, Self::Nb) | (Self::Fb, Self::Wb) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_g711_falls_as_the_listener_knows_better() {
        let mos_lqe = |scale: Scale| scale.mos(scale.r_max() - Scale::Nb.offset_to(scale).unwrap());
        assert!((mos_lqe(Scale::Nb) - 4.41).abs() < 0.005);
        assert!((mos_lqe(Scale::Wb) - 3.70).abs() < 0.005);
        assert!((mos_lqe(Scale::Fb) - 3.25).abs() < 0.005);
    }

    #[test]
    fn no_scale_is_narrowed() {
        assert_eq!(Scale::Fb.offset_to(Scale::Nb), None);
        assert_eq!(Scale::Fb.offset_to(Scale::Wb), None);
    }

    #[test]
    fn names_are_found_back() {
        for scale in Scale::ALL {
            assert_eq!(Scale::from_name(scale.name()), Some(scale));
        }
    }
}
