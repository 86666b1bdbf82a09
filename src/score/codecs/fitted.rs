//! Ie and Bpl as fitted to PESQ (ITU-T P.862.1 at 8 kHz, P.862.2 at 16 kHz): what the profile `pesq`
//! scores with.
//!
//! Measured once for this project on 16,848 scores; `PROFILES.md` beside the parent module says how close
//! the fit comes. Ie and Bpl of a row are correlated: take both or neither.

use super::super::scale::Scale;

/// One codec's values, each with the uncertainty of the fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// The scale it was fitted on; not always that of the codec's ITU row (Opus).
    pub scale: Scale,
    /// Equipment impairment factor.
    pub ie: f64,
    /// From the least to the most it may be.
    pub ie_range: (f64, f64),
    /// Packet-loss robustness factor.
    pub bpl: f64,
    /// From the least to the most it may be.
    pub bpl_range: (f64, f64),
    /// What was measured.
    pub condition: &'static str,
}

pub(super) static G711: Fit = Fit {
    scale: Scale::Nb,
    ie: 7.2,
    ie_range: (6.2, 8.3),
    bpl: 15.8,
    bpl_range: (13.4, 18.4),
    condition: "20 ms packets with G.711 Appendix I concealment",
};

pub(super) static G711_NOPLC: Fit = Fit {
    scale: Scale::Nb,
    ie: 6.9,
    ie_range: (5.7, 8.5),
    bpl: 9.7,
    bpl_range: (8.8, 11.0),
    condition: "20 ms packets; silence in place of lost ones (outside PESQ's best-proven use)",
};

pub(super) static G729A_VAD: Fit = Fit {
    scale: Scale::Nb,
    ie: 23.3,
    ie_range: (19.8, 26.8),
    bpl: 20.3,
    bpl_range: (17.2, 24.9),
    condition: "G.729 20 ms with its own concealment; VAD off",
};

pub(super) static GSM_FR: Fit = Fit {
    scale: Scale::Nb,
    ie: 27.5,
    ie_range: (22.8, 30.7),
    bpl: 21.8,
    bpl_range: (18.9, 25.9),
    condition: "20 ms; concealment of GSM 06.11",
};

pub(super) static AMR_12_2: Fit = Fit {
    scale: Scale::Nb,
    ie: 13.4,
    ie_range: (11.6, 15.5),
    bpl: 15.7,
    bpl_range: (13.2, 18.9),
    condition: "20 ms",
};

pub(super) static SPEEX_NB: Fit = Fit {
    scale: Scale::Nb,
    ie: 14.5,
    ie_range: (11.6, 16.2),
    bpl: 17.3,
    bpl_range: (14.9, 20.0),
    condition: "20 ms",
};

pub(super) static ILBC: Fit = Fit {
    scale: Scale::Nb,
    ie: 19.8,
    ie_range: (17.7, 21.3),
    bpl: 25.2,
    bpl_range: (21.3, 30.6),
    condition: "20 and 30 ms",
};

pub(super) static G722_64: Fit = Fit {
    scale: Scale::Wb,
    ie: 14.0,
    ie_range: (10.7, 16.8),
    bpl: 8.4,
    bpl_range: (7.2, 9.9),
    condition: "64 kbit/s with waveform concealment at 16 kHz",
};

pub(super) static AMR_WB_12_65: Fit = Fit {
    scale: Scale::Wb,
    ie: 43.4,
    ie_range: (38.6, 47.0),
    bpl: 8.4,
    bpl_range: (7.4, 9.5),
    condition: "20 ms",
};

pub(super) static AMR_WB_23_85: Fit = Fit {
    scale: Scale::Wb,
    ie: 34.3,
    ie_range: (28.6, 39.6),
    bpl: 7.6,
    bpl_range: (6.7, 8.9),
    condition: "20 ms",
};

pub(super) static SPEEX_WB: Fit = Fit {
    scale: Scale::Wb,
    ie: 31.3,
    ie_range: (27.0, 34.1),
    bpl: 10.4,
    bpl_range: (9.0, 13.2),
    condition: "20 ms",
};

pub(super) static OPUS: Fit = Fit {
    scale: Scale::Wb,
    ie: 14.6,
    ie_range: (13.6, 15.9),
    bpl: 10.3,
    bpl_range: (9.0, 12.5),
    condition: "16 kHz 24 kbit/s voice; no in-band FEC",
};
