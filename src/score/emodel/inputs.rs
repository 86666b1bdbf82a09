//! What the E-model is told about a connection: ITU-T G.107 (06/2015) Table 3.

/// The parameters of [ITU-T G.107 (06/2015)](https://www.itu.int/rec/T-REC-G.107) Table 3, by their
/// symbols there.
///
/// [`Inputs::DEFAULT`] is the standard's default connection, R = 93.2. The wideband and fullband models
/// ([`super::super::wideband`]) read the few of these that they have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inputs {
    /// Send loudness rating, dB; Table 3: 0…18.
    pub slr: f64,
    /// Receive loudness rating, dB; Table 3: −5…14.
    pub rlr: f64,
    /// Sidetone masking rating, dB; Table 3: 10…20. LSTR is STMR + Dr.
    pub stmr: f64,
    /// D-value of the telephone, send side; Table 3: −3…3.
    pub ds: f64,
    /// D-value of the telephone, receive side; Table 3: −3…3.
    pub dr: f64,
    /// Talker echo loudness rating, dB; Table 3: 5…65.
    pub telr: f64,
    /// Weighted echo path loss, dB; Table 3: 5…110.
    pub wepl: f64,
    /// Mean one-way delay of the echo path, ms; Table 3: 0…500.
    pub t: f64,
    /// Round-trip delay in a 4-wire loop, ms; Table 3: 0…1000.
    pub tr: f64,
    /// Absolute delay from mouth to ear, ms; Table 3: 0…500.
    pub ta: f64,
    /// Quantization distortion units; Table 3: 1…14.
    pub qdu: f64,
    /// Equipment impairment factor; Table 3: 0…40. G.113 itself goes up to 50 (G.726 at 16 kbit/s).
    pub ie: f64,
    /// Packet-loss robustness factor; Table 3: 4.3…40.
    pub bpl: f64,
    /// Packet loss, **per cent**; Table 3: 0…20.
    pub ppl: f64,
    /// Burst ratio; 1 is random loss; Table 3: 1…8.
    pub burst_r: f64,
    /// Circuit noise at the 0 dBr point, dBm0p; Table 3: −80…−40.
    pub nc: f64,
    /// Noise floor at the receive side, dBmp.
    pub nfor: f64,
    /// Room noise at the send side, dB(A); Table 3: 35…85.
    pub ps: f64,
    /// Room noise at the receive side, dB(A); Table 3: 35…85.
    pub pr: f64,
    /// Advantage factor; Table 3: 0…20. A monitor leaves it at 0: it would only lift every score.
    pub a: f64,
    /// How much delay disturbs this conversation.
    pub delay_class: DelayClass,
}

impl Inputs {
    /// Every parameter at the default of Table 3.
    pub const DEFAULT: Self = Self {
        slr: 8.0,
        rlr: 2.0,
        stmr: 15.0,
        ds: 3.0,
        dr: 3.0,
        telr: 65.0,
        wepl: 110.0,
        t: 0.0,
        tr: 0.0,
        ta: 0.0,
        qdu: 1.0,
        ie: 0.0,
        bpl: 4.3,
        ppl: 0.0,
        burst_r: 1.0,
        nc: -70.0,
        nfor: -64.0,
        ps: 35.0,
        pr: 35.0,
        a: 0.0,
        delay_class: DelayClass::Default,
    };

    /// The same connection with the delay `ta` (ms) both ways: T = Ta and Tr = 2 Ta, as over IP, where
    /// the echo travels the path that the voice does.
    #[must_use]
    pub const fn with_delay(self, ta: f64) -> Self {
        Self { t: ta, tr: 2.0 * ta, ta, ..self }
    }

    /// Every parameter inside the limits of [`TABLE_3`], so that no formula divides by zero or overflows:
    /// what is beyond a limit becomes the limit, what is not a number becomes the default.
    #[must_use]
    pub fn clamped(mut self) -> Self {
        let mut default = Self::DEFAULT;
        for parameter in &TABLE_3 {
            let otherwise = *(parameter.field)(&mut default);
            let value = (parameter.field)(&mut self);
            *value = parameter.clamp(*value, otherwise);
        }
        self
    }
}

impl Default for Inputs {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Delay sensitivity: G.107 (06/2015) Table 1. Before 2015 there was only the default class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DelayClass {
    /// To be used where user and service are unknown: for us, always.
    #[default]
    Default,
    /// Low sensitivity.
    Low,
    /// Very low sensitivity.
    VeryLow,
}

impl DelayClass {
    /// Every class with its name, in the order of Table 1.
    pub const ALL: [(&'static str, Self); 3] =
        [("default", Self::Default), ("low", Self::Low), ("very low", Self::VeryLow)];

    /// The sensitivity sT; G.107 (06/2015) Table 1.
    #[must_use]
    pub const fn st(self) -> f64 {
        match self {
            Self::Default => 1.0,
            Self::Low => 0.55,
            Self::VeryLow => 0.4,
        }
    }

    /// The least perceivable delay mT, ms; G.107 (06/2015) Table 1.
    #[must_use]
    pub const fn mt(self) -> f64 {
        match self {
            Self::Default => 100.0,
            Self::Low => 120.0,
            Self::VeryLow => 150.0,
        }
    }
}

/// One row of [`TABLE_3`].
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The standard's symbol.
    pub symbol: &'static str,
    /// The range of Table 3, outside of which the model is extrapolated.
    pub range: (f64, f64),
    /// What we accept and compute: what has a meaning at all and keeps every formula finite.
    pub limits: (f64, f64),
    /// Where [`Inputs`] keeps it.
    pub field: fn(&mut Inputs) -> &mut f64,
}

impl Parameter {
    /// `value` inside the limits; `otherwise` where it is not a number.
    #[must_use]
    pub fn clamp(&self, value: f64, otherwise: f64) -> f64 {
        let (least, most) = self.limits;
        if value.is_nan() { otherwise } else { value.clamp(least, most) }
    }
}

/// Loudness ratings, D-values and echo losses beyond this are no telephone's, in dB.
const LEVEL: (f64, f64) = (-50.0, 200.0);
/// Sidetone and talker echo louder than the voice itself make eq. (7-11) a root of a negative number.
const SIDETONE: (f64, f64) = (0.0, 200.0);
/// A minute: no conversation is held over more, in ms.
const DELAY: (f64, f64) = (0.0, 60_000.0);

/// Table 3 of G.107 (06/2015), one row a parameter.
pub static TABLE_3: [Parameter; 20] = [
    parameter("SLR", (0.0, 18.0), LEVEL, |x| &mut x.slr),
    parameter("RLR", (-5.0, 14.0), LEVEL, |x| &mut x.rlr),
    parameter("STMR", (10.0, 20.0), SIDETONE, |x| &mut x.stmr),
    parameter("Ds", (-3.0, 3.0), LEVEL, |x| &mut x.ds),
    parameter("Dr", (-3.0, 3.0), LEVEL, |x| &mut x.dr),
    parameter("TELR", (5.0, 65.0), SIDETONE, |x| &mut x.telr),
    parameter("WEPL", (5.0, 110.0), SIDETONE, |x| &mut x.wepl),
    parameter("T", (0.0, 500.0), DELAY, |x| &mut x.t),
    parameter("Tr", (0.0, 1000.0), (0.0, 2.0 * DELAY.1), |x| &mut x.tr),
    parameter("Ta", (0.0, 500.0), DELAY, |x| &mut x.ta),
    parameter("qdu", (1.0, 14.0), (1.0, 1000.0), |x| &mut x.qdu),
    parameter("Ie", (0.0, 40.0), (0.0, 148.0), |x| &mut x.ie),
    parameter("Bpl", (4.3, 40.0), (0.1, 1000.0), |x| &mut x.bpl),
    parameter("Ppl", (0.0, 20.0), (0.0, 100.0), |x| &mut x.ppl),
    parameter("BurstR", (1.0, 8.0), (1.0, 1e6), |x| &mut x.burst_r),
    parameter("Nc", (-80.0, -40.0), (-200.0, 0.0), |x| &mut x.nc),
    parameter("Nfor", (-64.0, -64.0), (-200.0, 0.0), |x| &mut x.nfor),
    parameter("Ps", (35.0, 85.0), (0.0, 150.0), |x| &mut x.ps),
    parameter("Pr", (35.0, 85.0), (0.0, 150.0), |x| &mut x.pr),
    parameter("A", (0.0, 20.0), (0.0, 20.0), |x| &mut x.a),
];

const fn parameter(
    symbol: &'static str,
    range: (f64, f64),
    limits: (f64, f64),
    field: fn(&mut Inputs) -> &mut f64,
) -> Parameter {
    Parameter { symbol, range, limits, field }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_and_every_range_is_inside_our_limits() {
        let mut inputs = Inputs::DEFAULT;
        for Parameter { symbol, range, limits, field } in TABLE_3 {
            let default = *field(&mut inputs);
            assert!(range.0 <= default && default <= range.1, "{symbol}");
            assert!(limits.0 <= range.0 && range.1 <= limits.1, "{symbol}");
        }
    }

    #[test]
    fn what_is_no_number_becomes_the_default_and_what_is_too_much_the_limit() {
        let inputs = Inputs { ta: f64::NAN, ppl: f64::INFINITY, burst_r: -3.0, ..Inputs::DEFAULT }.clamped();
        assert_eq!(inputs, Inputs { ta: 0.0, ppl: 100.0, burst_r: 1.0, ..Inputs::DEFAULT });
    }
}
