//! From loss, delay and codec to R and MOS: the E-model of ITU-T G.107, G.107.1 and G.107.2.
//!
//! Arithmetic only. It takes numbers and names no other module, so a reviewer with the ITU text needs no
//! other file open. It promises to be cheap (nothing allocates but [`Score::model_text`]) and total: a MOS
//! is always in 1…4.5, whatever comes in.
//!
//! | file | what | source |
//! |---|---|---|
//! | [`emodel`] | the narrowband model, every term | G.107 (06/2015) |
//! | [`wideband`] | the two wider models | G.107.1, G.107.2 |
//! | [`opinion`] | R to MOS, and to words | G.107 Annex B, G.109 |
//! | [`scale`] | three scales, and what leads from one to another | |
//! | [`codecs`] | Ie and Bpl: one row a mode, one source a row | G.113 and what stands in for it |
//! | [`confidence`] | how far to trust a score, and why not further | |
//!
//! How close each profile comes to PESQ, and where it does not, is said at [`Profile`] (`PROFILES.md` beside
//! this file).
//!
//! **Absent on purpose**: any default for what was not measured. No row, no score ([`Withheld`]); no delay,
//! no R and no MOS-CQE.

pub mod codecs;
pub mod confidence;
pub mod emodel;
pub mod opinion;
pub mod scale;
pub mod wideband;

pub use codecs::{CodecInUse, Row};
pub use confidence::{Confidence, Evidence, Reason, Reasons};
pub use scale::Scale;

use emodel::{Circuit, Inputs};
use serde::Serialize;

/// With which values a score is made.
///
#[doc = include_str!("PROFILES.md")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// The standards' formulas and G.113's values: what others mean by R and MOS.
    #[default]
    Itu,
    /// Ie and Bpl fitted to PESQ, no BurstR, and 129 for 95 in the wideband formula: closer to PESQ by a
    /// factor of three to six, and comparable with nobody else's R.
    Pesq,
}

impl Profile {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Itu, Self::Pesq];

    /// `itu` or `pesq`, as in configuration and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Itu => "itu",
            Self::Pesq => "pesq",
        }
    }

    /// The profile of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }
}

/// What arrived of one stream, over an interval or its whole life: what a score is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Packets that should have come.
    pub expected: u64,
    /// Those of them that never came.
    pub lost: u64,
    /// Those that came too late to be played.
    pub discarded: u64,
    /// Runs of consecutive packets that were lost or discarded.
    pub bad_runs: u64,
}

impl Sample {
    /// Ppl: lost and discarded, per cent, 0…100; 0 where nothing was expected. Both count alike
    /// ([RFC 3611 §4.7.1](https://www.rfc-editor.org/rfc/rfc3611#section-4.7.1)).
    #[must_use]
    pub fn ppl(&self) -> f64 {
        if self.expected == 0 { 0.0 } else { (100.0 * self.bad() as f64 / self.expected as f64).min(100.0) }
    }

    /// BurstR, 1 and above: the mean length of a bad run over what it would be were the same loss random,
    /// 1/(1 − Ppl/100); 1 where none or all is bad. G.107 (06/2015) clause 7.5.
    #[must_use]
    pub fn burst_ratio(&self) -> f64 {
        let bad = self.bad();
        if bad == 0 || self.bad_runs == 0 || bad >= self.expected {
            return 1.0;
        }
        let mean_run = bad as f64 / self.bad_runs as f64;
        (mean_run * (1.0 - bad as f64 / self.expected as f64)).max(1.0)
    }

    /// The score of this sample; `ta_ms` as for [`score`].
    ///
    /// # Errors
    /// [`Withheld::TooFewPackets`], and those of [`score`]. The packets counted are the *expected* ones: an
    /// interval in which hardly any came has the most to say.
    pub fn score(&self, profile: Profile, row: &Row, ta_ms: Option<f64>) -> Result<Score, Withheld> {
        if self.expected < MIN_PACKETS {
            return Err(Withheld::TooFewPackets);
        }
        score(profile, row, self.ppl(), self.burst_ratio(), ta_ms)
    }

    fn bad(&self) -> u64 {
        self.lost.saturating_add(self.discarded)
    }
}

/// Below this many packets there is no score: one second at 20 ms. A single loss would be over 2 %.
pub const MIN_PACKETS: u64 = 50;

/// Why there is no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Withheld {
    /// DTMF, comfort noise, tones.
    #[error("no speech: comfort noise or telephone events")]
    NotSpeech,
    /// Video, T.38 or anything else that nobody listens to.
    #[error("not audio")]
    NotAudio,
    /// The codec is unknown or has no row.
    #[error("no impairment values for this codec")]
    UnknownCodec,
    /// The row has neither Ie nor a curve.
    #[error("no Ie published for this codec and mode")]
    NoIe,
    /// The codec's Ie is known, but not what loss does to it.
    #[error("packets were lost, and no Bpl is published for this codec and mode")]
    LossWithoutBpl,
    /// Fewer than [`MIN_PACKETS`].
    #[error("fewer than 50 packets")]
    TooFewPackets,
    /// Loss or burst ratio is not a number.
    #[error("loss or burst ratio is not a number")]
    NotANumber,
}

/// R and MOS of one stream, and what they were made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The scale of R, MOS and Ie,eff.
    pub scale: Scale,
    /// The scale of Ie and Bpl, and so of the formula; a narrower one only after [`Score::on`].
    pub codec_scale: Scale,
    /// With which values it was made.
    pub profile: Profile,
    /// Equipment impairment factor used; `None` for a codec that has a curve.
    pub ie: Option<f64>,
    /// Packet-loss robustness factor used; `None` where there is none, or none was needed.
    pub bpl: Option<f64>,
    /// Loss used, per cent, 0…100.
    pub ppl: f64,
    /// Burst ratio given, 1 and above. Only the narrowband scale in profile `itu` acts on it.
    pub burst_ratio: f64,
    /// One-way delay from mouth to ear used, ms, 0…60 000.
    pub ta_ms: Option<f64>,
    /// Impairment by codec and loss, on this scale.
    pub ie_eff: f64,
    /// Listening-quality R: without delay. May be below 0.
    pub r_lq: f64,
    /// MOS-LQE, 1…4.5.
    pub mos_lq: f64,
    /// R with delay; `None` where the delay is unknown. May be below 0.
    pub r: Option<f64>,
    /// MOS-CQE, 1…4.5; `None` where the delay is unknown.
    pub mos_cq: Option<f64>,
    /// Ie for one ear was paired with Bpl for both (AMR-WB under loss).
    pub mixed_ears: bool,
    /// Ie and Bpl are those fitted to PESQ.
    pub fitted: bool,
}

impl Score {
    /// The same on a wider scale, by the published offsets; `None` towards a narrower one.
    #[must_use]
    pub fn on(&self, scale: Scale) -> Option<Self> {
        let ie_eff = self.ie_eff + self.scale.offset_to(scale)?;
        Some(Self { scale, ..*self }.rated(ie_eff))
    }

    /// Whether loss or bursts are outside what the model was made for.
    ///
    /// Ppl above 20 % (G.107 Table 3), or BurstR above 2 with Ppl of 2 % or more (Annex A; Table 3 note 6):
    /// on the wider scales that is the least to ask, since they know only random loss. The fits to PESQ were
    /// made on bursty loss, so there only the first counts.
    #[must_use]
    pub fn is_extrapolated(&self) -> bool {
        self.ppl > 20.0 || (!self.fitted && self.burst_ratio > 2.0 && self.ppl >= 2.0)
    }

    /// Model and values for a reader: `G.107 Ie=0 Bpl=25.1`.
    #[must_use]
    pub fn model_text(&self) -> String {
        let mut text = self.codec_scale.model().to_owned();
        if self.fitted {
            text += " fitted to PESQ";
        }
        match self.ie {
            Some(ie) => text += &format!(" Ie={ie}"),
            None => text += " with a curve of Ie,eff over loss",
        }
        if let Some(bpl) = self.bpl {
            text += &format!(" Bpl={bpl}");
        }
        if self.scale != self.codec_scale {
            text += &format!(" on the {} scale", self.scale.name());
        }
        text
    }

    /// With R and MOS for `ie_eff` on the scale and with the delay that it has.
    fn rated(self, ie_eff: f64) -> Self {
        let r_lq = self.scale.r_max() - ie_eff;
        let r = self.ta_ms.map(|ta| delayed(self.scale, ta) - ie_eff);
        let mos = |r| self.scale.mos(r);
        Self { ie_eff, r_lq, mos_lq: mos(r_lq), r, mos_cq: r.map(mos), ..self }
    }
}

/// The score of a codec with `ppl` **per cent** of loss and discards at that burst ratio.
///
/// `ta_ms` is the one-way delay from mouth to ear: network, playout buffer, packet and look-ahead; the echo
/// path is taken as symmetric (T = Ta, Tr = 2 Ta) and well cancelled (TELR 65, WEPL 110: the defaults).
/// MOS-LQE does not depend on it.
///
/// Numbers outside the limits of [`emodel::TABLE_3`] become the limit. A delay that is not a number is
/// unknown.
///
/// # Errors
/// Why the codec cannot be scored under this loss, or that a number is none.
pub fn score(
    profile: Profile,
    row: &Row,
    ppl: f64,
    burst_ratio: f64,
    ta_ms: Option<f64>,
) -> Result<Score, Withheld> {
    if ppl.is_nan() || burst_ratio.is_nan() {
        return Err(Withheld::NotANumber);
    }
    let asked = Inputs { ppl, burst_r: burst_ratio, ..Inputs::DEFAULT.with_delay(ta_ms.unwrap_or(0.0)) };
    let x = asked.clamped();
    let unrated = Score {
        scale: row.scale,
        codec_scale: row.scale,
        profile,
        ie: row.ie,
        bpl: row.bpl,
        ppl: x.ppl,
        burst_ratio: x.burst_r,
        ta_ms: ta_ms.filter(|ta| !ta.is_nan()).map(|_| x.ta),
        ie_eff: 0.0,
        r_lq: 0.0,
        mos_lq: 1.0,
        r: None,
        mos_cq: None,
        mixed_ears: false,
        fitted: false,
    };
    if let (Profile::Pesq, Some(fit)) = (profile, row.fit) {
        let fitted = Score {
            scale: fit.scale,
            codec_scale: fit.scale,
            ie: Some(fit.ie),
            bpl: Some(fit.bpl),
            fitted: true,
            ..unrated
        };
        return Ok(fitted.rated(fitted.impairment(fit.ie, fit.bpl)));
    }
    if let Some(curve) = row.curve {
        return Ok(unrated.rated(curve.ie_eff(x.ppl)));
    }
    let ie = row.ie.ok_or(Withheld::NoIe)?;
    match row.bpl.or(row.bpl_diotic) {
        None if x.ppl > 0.0 => Err(Withheld::LossWithoutBpl),
        None => Ok(unrated.rated(ie)),
        Some(bpl) => {
            let mixed_ears = row.bpl.is_none() && x.ppl > 0.0;
            let rowed = Score { bpl: Some(bpl), mixed_ears, ..unrated };
            Ok(rowed.rated(rowed.impairment(ie, bpl)))
        }
    }
}

impl Score {
    /// Ie,eff by the formula of the scale and profile.
    fn impairment(&self, ie: f64, bpl: f64) -> f64 {
        match (self.codec_scale, self.profile) {
            (Scale::Nb, Profile::Itu) => emodel::ie_eff(ie, bpl, self.ppl, self.burst_ratio),
            (Scale::Nb, Profile::Pesq) => emodel::ie_eff(ie, bpl, self.ppl, 1.0),
            (Scale::Wb, Profile::Itu) => wideband::ie_eff_wb(ie, bpl, self.ppl),
            // G.107.1 kept the 95 of the narrowband scale, so that no loss takes more than three quarters of
            // its own. PESQ goes all the way down, and so does the fit.
            (Scale::Wb, Profile::Pesq) => emodel::effective(wideband::RO_WB, ie, bpl, self.ppl, 1.0),
            (Scale::Fb, _) => wideband::ie_eff_fb(ie, bpl, self.ppl),
        }
    }
}

/// R at a delay of `ta` ms (0…60 000) both ways, of a codec that impairs nothing.
fn delayed(scale: Scale, ta: f64) -> f64 {
    let x = Inputs::DEFAULT.with_delay(ta);
    match scale {
        Scale::Nb => Circuit::DEFAULT.terms(&x).r,
        Scale::Wb => wideband::wideband(&x, 0.0).r,
        Scale::Fb => wideband::fullband(&x, 0.0).r,
    }
}

#[cfg(test)]
mod tests;
