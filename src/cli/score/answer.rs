//! What `clearline score` answers: one object, shown as JSON or as text.

use std::io::{self, Write};

use serde::Serialize;

use super::{Args, DEFAULT_CODEC};
use crate::score::opinion::Band;
use crate::score::{Confidence, Profile, Reason, Row, Scale, Score, Withheld};

/// The answer; names as in `clearline.analysis/1` where that has the same thing, unknown is `null`.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    codec: Option<String>,
    row: &'static str,
    condition: &'static str,
    source: &'static str,
    profile: Profile,
    scale: Option<Scale>,
    loss_percent: f64,
    burst_ratio: f64,
    delay_ms: Delay,
    ie: Option<f64>,
    bpl: Option<f64>,
    ie_eff: Option<f64>,
    /// With delay; `r_lq` is without.
    r: Option<f64>,
    r_lq: Option<f64>,
    mos_lq: Option<f64>,
    mos_cq: Option<f64>,
    model: Option<String>,
    /// ITU-T G.109, which has bands for the narrowband scale only.
    band: Option<&'static str>,
    confidence: Option<Confidence>,
    /// What limits the confidence; without a score, why there is none.
    because: Vec<String>,
    /// Inputs that were not given, with what stood for them.
    assumed: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct Delay {
    value: f64,
    source: &'static str,
}

impl Answer {
    /// The answer to `args`, which chose `row`.
    pub(super) fn new(args: &Args, row: &Row, score: Result<Score, Withheld>) -> Self {
        let (confidence, because) = match score {
            Ok(score) => {
                let mut reasons = score.reasons(row);
                if args.delay.is_none() {
                    reasons.insert(Reason::DelayAssumed);
                }
                let because = reasons.iter().map(|reason| reason.words().to_owned()).collect();
                (Some(reasons.confidence()), because)
            }
            Err(withheld) => (None, vec![withheld.to_string()]),
        };
        let score = score.ok();
        let fit = row.fit.filter(|_| score.is_some_and(|score| score.fitted));
        let r = score.and_then(|score| score.r);
        Self {
            codec: args.codec.clone().or_else(|| args.ie.is_none().then(|| DEFAULT_CODEC.to_owned())),
            row: row.key,
            condition: fit.map_or(row.condition, |fit| fit.condition),
            source: if fit.is_some() { "fitted to PESQ" } else { row.source },
            profile: args.profile,
            scale: score.map(|score| score.scale),
            loss_percent: args.loss,
            burst_ratio: args.burst_ratio,
            delay_ms: Delay {
                value: args.delay.unwrap_or(0.0),
                source: if args.delay.is_some() { "given" } else { "assumed" },
            },
            ie: score.and_then(|score| score.ie),
            bpl: score.and_then(|score| score.bpl),
            ie_eff: score.map(|score| score.ie_eff),
            r,
            r_lq: score.map(|score| score.r_lq),
            mos_lq: score.map(|score| score.mos_lq),
            mos_cq: score.and_then(|score| score.mos_cq),
            model: score.map(|score| score.model_text()),
            band: r.filter(|_| score.is_some_and(|s| s.scale == Scale::Nb)).map(|r| Band::of(r).words()),
            confidence,
            because,
            assumed: assumed(args, score.as_ref()),
        }
    }

    /// One JSON object.
    pub(super) fn write_json(&self, output: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *output, self)?;
        writeln!(output)
    }

    /// A few lines for people: the three numbers first, then what they rest on.
    pub(super) fn write_text(&self, score: &Score, output: &mut dyn Write) -> io::Result<()> {
        let band = self.band.unwrap_or("no bands are defined on this scale");
        let scale = score.scale;
        writeln!(output, "MOS-LQE     {:<7.2}how it sounds", score.mos_lq)?;
        if let (Some(mos_cq), Some(r)) = (score.mos_cq, score.r) {
            writeln!(output, "MOS-CQE     {mos_cq:<7.2}how it is to talk over: with the delay")?;
            writeln!(output, "R           {r:<7.1}{band}")?;
        }
        writeln!(output, "scale       {:<7}R up to {:.1}; {}", scale.name(), scale.r_max(), words(scale))?;
        writeln!(output, "model       {}, Ie,eff={:.2}", score.model_text(), score.ie_eff)?;
        writeln!(output, "codec       {}: {}", self.row, self.condition)?;
        writeln!(output, "source      {}", self.source)?;
        let confidence = self.confidence.map_or("unknown", Confidence::name);
        writeln!(output, "confidence  {}", join(confidence, &self.because))?;
        writeln!(output, "assumed     {}", self.assumed.join("; "))
    }
}

/// What the scale takes a listener to be used to.
const fn words(scale: Scale) -> &'static str {
    match scale {
        Scale::Nb => "beside other narrowband calls",
        Scale::Wb => "beside wideband calls",
        Scale::Fb => "beside fullband calls",
    }
}

fn join(level: &str, because: &[String]) -> String {
    if because.is_empty() { level.to_owned() } else { format!("{level}: {}", because.join("; ")) }
}

fn assumed(args: &Args, score: Option<&Score>) -> Vec<&'static str> {
    let mut assumed = Vec::new();
    if args.codec.is_none() && args.ie.is_none() {
        assumed.push("codec PCMU");
    }
    if args.delay.is_none() {
        assumed.push("no delay");
    }
    let takes_bursts =
        score.is_some_and(|s| s.codec_scale == Scale::Nb && s.profile == Profile::Itu && s.ie.is_some());
    if args.burst_ratio > 1.0 && !takes_bursts {
        assumed.push("random loss (this model knows no burst ratio)");
    } else if args.loss > 0.0 && args.burst_ratio <= 1.0 {
        assumed.push("random loss");
    }
    assumed.push("the rest of the connection as in G.107 Table 3, its echo well cancelled");
    assumed
}
