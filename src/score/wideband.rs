//! The wideband and fullband E-models: ITU-T G.107.1 (06/2019) with Corrigendum 1 (01/2020), and
//! ITU-T G.107.2 (03/2023).
//!
//! They are G.107 with fewer terms and other constants, so they take the same [`Inputs`] and give the same
//! [`Terms`]; parameters that a model does not have (noise, sidetone, A and **BurstR**: both are for random
//! loss only) are not read. BurstR is left out on purpose: against PESQ its extension to AMR-WB gives
//! r = 0.75, random loss r = 0.95.

use super::emodel::{self, ECHO_FROM_MS, Inputs, Terms};

/// Ro,WB: the best rating on the wideband scale; G.107.1 eq. (7-2).
pub const RO_WB: f64 = 129.0;

/// Ro,FB: the best rating on the fullband scale; G.107.2. Read strictly, the 2023 edition computes 147.48
/// from noise; tools use 148, and the half point is worth 0.003 MOS at the top and 0.017 at R = 100.
pub const RO_FB: f64 = 148.0;

/// All terms of the wideband model, R = Ro,WB − Id,WB − Ie,eff,WB; G.107.1 eq. (7-1). Is,WB (7-3) and
/// A (7-16) are 0.
#[must_use]
pub fn wideband_terms(inputs: &Inputs) -> Terms {
    let x = inputs.clamped();
    wideband(&x, ie_eff_wb(x.ie, x.bpl, x.ppl))
}

/// All terms of the fullband model, R = Ro,FB − Idd,FB − Ie,eff,FB; G.107.2. It has no echo.
#[must_use]
pub fn fullband_terms(inputs: &Inputs) -> Terms {
    let x = inputs.clamped();
    fullband(&x, ie_eff_fb(x.ie, x.bpl, x.ppl))
}

/// Ie,eff,WB with loss in per cent; G.107.1 eq. (7-15). Its 95 is not rescaled to 129.
#[must_use]
pub fn ie_eff_wb(ie: f64, bpl: f64, ppl: f64) -> f64 {
    emodel::effective(95.0, ie, bpl, ppl, 1.0)
}

/// Ie,eff,FB with loss in per cent; G.107.2. Its ceiling is 132.
#[must_use]
pub fn ie_eff_fb(ie: f64, bpl: f64, ppl: f64) -> f64 {
    emodel::effective(132.0, ie, bpl, ppl, 1.0)
}

/// The wideband terms of the delays of `x`, inside the limits of [`emodel::TABLE_3`], with this Ie,eff.
pub(super) fn wideband(x: &Inputs, ie_eff: f64) -> Terms {
    let idte = idte_wb(x.telr, x.t);
    let idle = emodel::listener_echo(RO_WB, x.wepl, x.tr); // (7-11), (7-12)
    let idd = 1.29 * emodel::idd(x.ta, x.delay_class); // (7-13)
    let id = idte + idle + idd;
    Terms { ro: RO_WB, is: 0.0, idte, idle, idd, id, ie_eff, a: 0.0, r: RO_WB - id - ie_eff }
}

/// The fullband terms of the delay of `x`, inside the limits of [`emodel::TABLE_3`], with this Ie,eff.
pub(super) fn fullband(x: &Inputs, ie_eff: f64) -> Terms {
    let idd = 1.48 * emodel::idd(x.ta, x.delay_class);
    Terms { ro: RO_FB, is: 0.0, idte: 0.0, idle: 0.0, idd, id: idd, ie_eff, a: 0.0, r: RO_FB - idd - ie_eff }
}

/// Idte,WB; G.107.1 eq. (7-7) to (7-10).
///
/// Roe is Ro,WB: Corrigendum 1 took out the noise term that the 2019 edition never defined. At TELR 65 the
/// two readings differ by 0.44 R at 100 ms and 1.09 R at 400 ms.
fn idte_wb(telr: f64, t: f64) -> f64 {
    if t < ECHO_FROM_MS {
        return 0.0;
    }
    let k = if t < 100.0 { 0.08 * t + 10.0 } else { 18.0 }; // (7-9), (7-10)
    let terv = emodel::terv(telr + k, t); // (7-8)
    emodel::idte(RO_WB, 80.0 + 3.0 * (terv - 14.0), t) // (7-7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amr_wb_12_65_on_both_ears_at_two_per_cent_loss() {
        let got = ie_eff_wb(20.0, 4.3, 2.0);
        assert!((got - 43.8095).abs() < 1e-4, "{got}");
    }

    #[test]
    fn evs_9_6_at_two_per_cent_loss_uses_the_ceiling_of_132() {
        let got = ie_eff_fb(22.7, 13.0, 2.0);
        assert!((got - 37.2733).abs() < 1e-4, "{got}");
    }

    #[test]
    fn a_burst_ratio_changes_neither_scale() {
        let random = Inputs { ppl: 5.0, ..Inputs::DEFAULT };
        let bursty = Inputs { burst_r: 4.0, ..random };
        assert_eq!(wideband_terms(&random), wideband_terms(&bursty));
        assert_eq!(fullband_terms(&random), fullband_terms(&bursty));
    }
}
