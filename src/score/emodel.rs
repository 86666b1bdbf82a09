//! The narrowband E-model: [ITU-T G.107 (06/2015)](https://www.itu.int/rec/T-REC-G.107), equations
//! (7-1) to (7-30), under the standard's symbols.
//!
//! Logarithms are to base 10, delays in ms, loss in **per cent**. [`terms`] is total: whatever the input,
//! it is first brought inside the limits of [`TABLE_3`], and no term is ever infinite or not a number.
//!
//! G.107 calls its results planning values. What we show is therefore named MOS-CQE and MOS-LQE
//! (ITU-T P.800.1), never plain MOS.

mod inputs;

pub use inputs::{DelayClass, Inputs, Parameter, TABLE_3};

/// R of the default connection, printed as 93.2 in G.107 (06/2015) clause 7.7.
pub const R_DEFAULT: f64 = 93.206_207_723_275_71;

/// Every term of R = Ro − Is − Id − Ie,eff + A; G.107 (06/2015) eq. (7-1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Basic signal-to-noise ratio, eq. (7-2).
    pub ro: f64,
    /// Impairment simultaneous with the voice: too loud, sidetone, quantization; eq. (7-8).
    pub is: f64,
    /// Talker echo, eq. (7-19), (7-24). A little below 0 near T = 1 ms, as the standard has it.
    pub idte: f64,
    /// Listener echo, eq. (7-25).
    pub idle: f64,
    /// Too long an absolute delay, eq. (7-27).
    pub idd: f64,
    /// All that delay does: Idte + Idle + Idd; eq. (7-18).
    pub id: f64,
    /// Codec and packet loss, eq. (7-29). May exceed 95 where BurstR > 1; R is then below 0 and MOS 1.
    pub ie_eff: f64,
    /// Advantage factor, clause 7.6.
    pub a: f64,
    /// The rating, eq. (7-1). Not bounded: [`super::opinion::mos`] does that.
    pub r: f64,
}

/// All terms of the narrowband model for `inputs`, brought inside the limits of [`TABLE_3`] first.
#[must_use]
pub fn terms(inputs: &Inputs) -> Terms {
    let x = inputs.clamped();
    Circuit::of(&x).terms(&x)
}

/// What noise, levels and quantization make of a connection, before delay and packets come into it.
///
/// Apart, because it is the same for every stream that a monitor scores ([`Circuit::DEFAULT`]), and more
/// than half of the model's logarithms are in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Circuit {
    /// Sum of all noise, dBm0p; eq. (7-3).
    pub no: f64,
    /// Basic signal-to-noise ratio, eq. (7-2).
    pub ro: f64,
    /// Too low an overall loudness rating, eq. (7-9).
    pub iolr: f64,
    /// Quantization distortion, eq. (7-13).
    pub iq: f64,
}

impl Circuit {
    /// That of [`Inputs::DEFAULT`]; a test computes it anew.
    pub const DEFAULT: Self = Self {
        no: -61.179_214_386_241_69,
        ro: 94.768_821_579_362_54,
        iolr: 0.440_178_125_611_132_56,
        iq: 0.974_105_138_427_228,
    };

    /// Of inputs that are inside the limits of [`TABLE_3`].
    fn of(x: &Inputs) -> Self {
        let no = noise(x);
        let ro = 15.0 - 1.5 * (x.slr + no); // (7-2)
        let xolr = x.slr + x.rlr + 0.2 * (64.0 + no - x.rlr); // (7-10)
        let iolr = 20.0 * (soft_knee(xolr / 8.0, 8.0) - xolr / 8.0); // (7-9)
        Self { no, ro, iolr, iq: quantization(x.qdu, ro) }
    }

    /// The terms of this circuit with the delays, codec and loss of `x`, inside the limits of
    /// [`TABLE_3`]; its levels and noises are taken from the circuit.
    pub(super) fn terms(&self, x: &Inputs) -> Terms {
        let ist = sidetone(x);
        let is = self.iolr + ist + self.iq; // (7-8)
        let idte = self.talker_echo(x, ist);
        let idle = listener_echo(self.ro, x.wepl, x.tr);
        let idd = idd(x.ta, x.delay_class);
        let id = idte + idle + idd; // (7-18)
        let ie_eff = ie_eff(x.ie, x.bpl, x.ppl, x.burst_r);
        Terms { ro: self.ro, is, idte, idle, idd, id, ie_eff, a: x.a, r: self.ro - is - id - ie_eff + x.a }
    }

    /// Idte with the two exceptions for unusual sidetone; eq. (7-19) to (7-24).
    fn talker_echo(&self, x: &Inputs, ist: f64) -> f64 {
        let roe = -1.5 * (self.no - x.rlr); // (7-20)
        let mut terv = terv(x.telr, x.t);
        if x.stmr < 9.0 {
            terv += ist / 2.0; // (7-23): TERVs for TERV
        }
        let idte = idte(roe, 80.0 + 2.5 * (terv - 14.0), x.t); // (7-21)
        // (7-24): Idtes for Idte. Below 1 ms echo counts as sidetone, so there Ist is not added again.
        if x.stmr > 20.0 && x.t >= ECHO_FROM_MS { idte.hypot(ist) } else { idte }
    }
}

/// No: the power sum of circuit noise, room noise on both sides and the noise floor; eq. (7-3) to (7-7).
fn noise(x: &Inputs) -> f64 {
    let olr = x.slr + x.rlr;
    let nos = x.ps - x.slr - x.ds - 100.0 + 0.004 * (x.ps - olr - x.ds - 14.0).powi(2); // (7-4)
    let lstr = x.stmr + x.dr;
    let pre = x.pr + 10.0 * (1.0 + power((10.0 - lstr) / 10.0)).log10(); // (7-6)
    let nor = x.rlr - 121.0 + pre + 0.008 * (pre - 35.0).powi(2); // (7-5)
    let nfo = x.nfor + x.rlr; // (7-7)
    10.0 * [x.nc, nos, nor, nfo].map(|level| power(level / 10.0)).iter().sum::<f64>().log10() // (7-3)
}

/// Iq: quantization distortion; eq. (7-13) to (7-17).
fn quantization(qdu: f64, ro: f64) -> f64 {
    let q = 37.0 - 15.0 * qdu.log10(); // (7-17)
    let g = 1.07 + 0.258 * q + 0.0602 * q * q; // (7-16)
    let y = (ro - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0; // (7-14)
    let z = 46.0 / 30.0 - g / 40.0; // (7-15)
    15.0 * (1.0 + power(y) + power(z)).log10() // (7-13)
}

/// Ist: sidetone off its best loudness, an early talker echo counted in; eq. (7-11), (7-12).
fn sidetone(x: &Inputs) -> f64 {
    let echo = (-x.t / 4.0).exp() * power(-x.telr / 10.0);
    let stmro = -10.0 * (power(-x.stmr / 10.0) + echo).log10(); // (7-12)
    12.0 * soft_knee((stmro - 13.0) / 6.0, 8.0)
        - 28.0 * soft_knee((stmro + 1.0) / 19.4, 35.0)
        - 13.0 * soft_knee((stmro - 3.0) / 33.0, 13.0)
        + 29.0 // (7-11)
}

/// Below this an echo is not told from the sidetone; G.107 (06/2015) clause 7.4, in ms.
pub(super) const ECHO_FROM_MS: f64 = 1.0;

/// TERV: how loud the talker's echo is felt to be after `t` ms; eq. (7-22).
pub(super) fn terv(telr: f64, t: f64) -> f64 {
    telr - 40.0 * ((1.0 + t / 10.0) / (1.0 + t / 150.0)).log10() + 6.0 * (-0.3 * t * t).exp()
}

/// Idte from the echo-free rating `roe` and the echo's rating `re`; eq. (7-19).
pub(super) fn idte(roe: f64, re: f64, t: f64) -> f64 {
    if t < ECHO_FROM_MS {
        return 0.0;
    }
    let half = (roe - re) / 2.0;
    (half + (half * half + 100.0).sqrt() - 1.0) * (1.0 - (-t).exp())
}

/// Idle: the listener hears the talker twice; eq. (7-25), (7-26).
pub(super) fn listener_echo(ro: f64, wepl: f64, tr: f64) -> f64 {
    let rle = 10.5 * (wepl + 7.0) * (tr + 1.0).powf(-0.25); // (7-26)
    let half = (ro - rle) / 2.0;
    half + (half * half + 169.0).sqrt() // (7-25)
}

/// Idd: impairment by an absolute one-way delay of `ta` ms; 0 up to mT; eq. (7-27), (7-28).
///
/// Not the straight-line fit of Cole and Rosenbluth that many tools call G.107: at 400 ms that one gives
/// 34.1, this 31.1 with all of Id.
#[must_use]
pub fn idd(ta: f64, class: DelayClass) -> f64 {
    let ta = ta.min(60_000.0);
    if ta.is_nan() || ta <= class.mt() {
        return 0.0;
    }
    let x = (ta / class.mt()).log2(); // (7-28)
    let order = 6.0 * class.st();
    25.0 * (soft_knee(x, order) - 3.0 * soft_knee(x / 3.0, order) + 2.0) // (7-27)
}

/// Ie,eff: the codec's own impairment and what packet loss adds; eq. (7-29).
///
/// `ppl` in per cent. Only the Ppl of the denominator is divided by BurstR, so burstier loss is worse.
/// Arguments are brought inside the limits of [`TABLE_3`] by the caller ([`terms`], [`super::score`]);
/// an Ie above 95 leaves nothing for loss to take away.
#[must_use]
pub fn ie_eff(ie: f64, bpl: f64, ppl: f64, burst_r: f64) -> f64 {
    effective(95.0, ie, bpl, ppl, burst_r)
}

/// Eq. (7-29) with `ceiling` for 95, which the other scales and profiles have otherwise.
pub(super) fn effective(ceiling: f64, ie: f64, bpl: f64, ppl: f64, burst_r: f64) -> f64 {
    // Written as "not above 0" so that a NaN, too, leaves Ie alone.
    if ppl > 0.0 { ie + (ceiling - ie).max(0.0) * ppl / (ppl / burst_r + bpl) } else { ie }
}

/// 10 to the power of `x`.
fn power(x: f64) -> f64 {
    10.0_f64.powf(x)
}

/// (1 + xⁿ)^(1/n): the corner, rounded off, that G.107 bends most of its curves with.
fn soft_knee(x: f64, n: f64) -> f64 {
    (1.0 + x.powf(n)).powf(1.0 / n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, wanted: f64, by: f64) {
        assert!((got - wanted).abs() <= by, "got {got}, wanted {wanted}");
    }

    #[test]
    fn the_default_connection_rates_93_2_as_clause_7_7_prints() {
        let got = terms(&Inputs::DEFAULT);
        close(got.r, 93.2, 0.05);
        close(got.r, R_DEFAULT, 1e-9);
        assert_eq!((got.idte, got.idd, got.ie_eff), (0.0, 0.0, 0.0));
    }

    #[test]
    fn the_default_circuit_is_what_its_formulas_give() {
        let got = Circuit::of(&Inputs::DEFAULT);
        close(got.no, Circuit::DEFAULT.no, 1e-9);
        close(got.ro, Circuit::DEFAULT.ro, 1e-9);
        close(got.iolr, Circuit::DEFAULT.iolr, 1e-9);
        close(got.iq, Circuit::DEFAULT.iq, 1e-9);
    }

    #[test]
    fn delay_is_the_full_model_and_not_the_straight_line_fit() {
        let id = |ta| terms(&Inputs::DEFAULT.with_delay(ta)).id;
        close(id(150.0), 3.82, 0.005);
        close(id(250.0), 14.18, 0.005);
        close(id(400.0), 31.108, 0.005);
    }

    #[test]
    fn one_millisecond_of_delay_rates_above_none_as_the_standard_has_it() {
        close(terms(&Inputs::DEFAULT.with_delay(1.0)).r, 93.26, 0.005);
    }

    #[test]
    fn loss_is_in_per_cent_and_bpl_is_added() {
        close(ie_eff(0.0, 25.1, 5.0, 1.0), 15.7807, 1e-4); // G.711 with concealment
        close(ie_eff(11.0, 19.0, 2.0, 1.0), 19.0, 1e-9); // G.729A + VAD
    }

    #[test]
    fn bursts_make_it_worse_and_may_pass_95() {
        close(ie_eff(0.0, 4.3, 20.0, 2.0), 132.867, 1e-3);
    }

    #[test]
    fn no_input_makes_a_term_infinite() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 0.0, -1.0] {
            for Parameter { symbol, field, .. } in TABLE_3 {
                let mut inputs = Inputs { ppl: 5.0, ..Inputs::DEFAULT.with_delay(150.0) };
                *field(&mut inputs) = value;
                assert!(terms(&inputs).r.is_finite(), "{symbol} = {value}");
            }
        }
    }
}
