//! `clearline score`: what loss, delay and codec are worth, asked by hand or by a script.

mod answer;
mod json_lines;

use std::io::{BufRead, Write};

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use self::answer::Answer;
use super::Error;
use crate::score::emodel::TABLE_3;
use crate::score::{self, CodecInUse, Profile, Row, Scale, Score, Withheld, codecs};

const EXAMPLES: &str = "\
Examples:
  What do 2 % of loss make of a G.711 call with 120 ms from mouth to ear?
      clearline score --codec PCMA --loss 2 --delay 120

  The same loss in bursts of about three packets, for G.729:
      clearline score --codec G729 --loss 2 --burst-ratio 3

  G.711 and Opus side by side: only on one scale can they be compared.
      clearline score --codec PCMA --scale fb --loss 1
      clearline score --codec opus --loss 1

  A codec of which you know Ie and Bpl yourself:
      clearline score --ie 5 --bpl 18 --loss 1

  For a script, thousands of connections, one JSON object a line:
      echo '{\"id\":1,\"model\":\"nb\",\"input\":{\"Ppl\":2,\"Bpl\":25.1}}' | clearline score --json

MOS-LQE is how it sounds, MOS-CQE how it is to talk over: with the delay. Both are estimates by the
E-model (ITU-T G.107, G.107.1, G.107.2), 1 to 4.5.";

/// Rate a codec under loss and delay: R, MOS-LQE and MOS-CQE by the E-model.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Encoding name as in SDP, with its clock rate where that matters (SPEEX/16000), or a row of the table
    /// (g711-noplc, amr-wb-23.85) [default: PCMU]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["ie", "bpl"])]
    codec: Option<String>,

    /// Equipment impairment factor, on the scale of --scale
    #[arg(long, value_name = "N", value_parser = within("Ie"))]
    ie: Option<f64>,

    /// Packet-loss robustness factor; without it there is no score under loss
    #[arg(long, value_name = "N", requires = "ie", value_parser = within("Bpl"))]
    bpl: Option<f64>,

    /// Packets lost or too late to be played, per cent
    #[arg(long, value_name = "%", default_value_t = 0.0, value_parser = within("Ppl"))]
    loss: f64,

    /// Mean length of a run of losses over that of random loss: 1 is random
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = within("BurstR"))]
    burst_ratio: f64,

    /// Delay from mouth to ear, one way, in ms: network, buffer, packet and codec together [default: 0]
    #[arg(long, value_name = "MS", value_parser = within("Ta"))]
    delay: Option<f64>,

    /// The scale of the answer: narrowband, wideband, fullband [default: the codec's own]
    #[arg(long, value_parser = PossibleValuesParser::new(Scale::ALL.map(Scale::name))
        .try_map(|name| Scale::from_name(&name).ok_or("no such scale")))]
    scale: Option<Scale>,

    /// ITU's values, or those fitted to PESQ
    #[arg(long, default_value = "itu", value_parser = PossibleValuesParser::new(Profile::ALL.map(Profile::name))
        .try_map(|name| Profile::from_name(&name).ok_or("no such profile")))]
    profile: Profile,

    /// For people, or one JSON object
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Read one JSON object a line from standard input, write one a line
    ///
    /// In: {"id", "model": "nb|wb|fb", "input": {…}}; the keys of input are the symbols of G.107 Table 3 in
    /// any case, and delay_class (default, low, very low). What is left out has its default there; on wb and
    /// fb T is Ta and Tr is 2 Ta unless given, and loss needs a bpl. Parameters that a model does not have
    /// are not read: BurstR, for one, on wb and fb. Out: {"id", "R", "Ie_eff", "MOS", "R_LQ", "MOS_LQ"}, or
    /// {"id", "error"} for a line without an answer, and exit status 2 at the end.
    #[arg(long, conflicts_with_all =
        ["codec", "ie", "bpl", "loss", "burst_ratio", "delay", "scale", "profile", "format"])]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// A parser for a number inside the limits of that parameter of Table 3.
fn within(symbol: &'static str) -> impl Fn(&str) -> Result<f64, String> + Clone + Send + Sync {
    move |text: &str| {
        let value = text.parse::<f64>().map_err(|_| "not a number".to_owned())?;
        check(symbol, value).map(|()| value)
    }
}

/// Whether a value has a meaning for that parameter of Table 3; else, what would have.
fn check(symbol: &str, value: f64) -> Result<(), String> {
    let limits =
        TABLE_3.iter().find(|parameter| parameter.symbol == symbol).map(|parameter| parameter.limits);
    match limits {
        Some((least, most)) if (least..=most).contains(&value) => Ok(()),
        Some((least, most)) => Err(format!("{value} is not within {least} to {most}")),
        None => Err("no parameter of G.107 Table 3".to_owned()),
    }
}

impl Args {
    pub(super) fn run(self, input: &mut dyn BufRead, output: &mut dyn Write) -> Result<(), Error> {
        if self.json {
            return json_lines::run(input, output);
        }
        let row = self.row()?;
        let delay = Some(self.delay.unwrap_or(0.0));
        let score = match score::score(self.profile, &row, self.loss, self.burst_ratio, delay) {
            Ok(own) => Ok(self.on_asked_scale(own)?),
            Err(withheld) => Err(withheld),
        };
        let answer = Answer::new(&self, &row, score);
        match (self.format, score) {
            (Format::Json, _) => answer.write_json(output)?,
            (Format::Text, Ok(score)) => answer.write_text(&score, output)?,
            (Format::Text, Err(_)) => {}
        }
        score.map(|_| ()).map_err(|withheld| self.why_not(&row, withheld))
    }

    /// The row to score with: that of the codec, or one of the numbers given.
    fn row(&self) -> Result<Row, Error> {
        if let Some(ie) = self.ie {
            return Ok(Row::given(self.scale.unwrap_or(Scale::Nb), ie, self.bpl));
        }
        let asked = self.codec.as_deref().unwrap_or(DEFAULT_CODEC);
        match find(asked) {
            Ok(row) => Ok(*row),
            Err(Withheld::UnknownCodec) => {
                let names: Vec<_> = codecs::rows().flat_map(|row| row.names).copied().collect();
                let names = names.join(", ");
                Err(Error::Usage(format!("no impairment values for codec {asked:?}; known: {names}")))
            }
            Err(withheld) => Err(Error::Usage(format!("{asked}: {withheld}"))),
        }
    }

    fn on_asked_scale(&self, own: Score) -> Result<Score, Error> {
        let asked = self.scale.unwrap_or(own.scale);
        own.on(asked).ok_or_else(|| {
            let (own, asked) = (own.scale.name(), asked.name());
            Error::Usage(format!(
                "this codec is scored on the {own} scale; nothing leads from there to {asked}"
            ))
        })
    }

    fn why_not(&self, row: &Row, withheld: Withheld) -> Error {
        if self.ie.is_some() && withheld == Withheld::LossWithoutBpl {
            return Error::Usage("a score under loss needs --bpl, too".to_owned());
        }
        Error::CannotRun(format!("{}: {withheld}; if you know values, give them as --ie and --bpl", row.key))
    }
}

/// What is scored where nobody says what.
const DEFAULT_CODEC: &str = "PCMU";

/// The row of an encoding name, with or without its clock rate, or of a row's key. `G.711` is `G711`.
fn find(asked: &str) -> Result<&'static Row, Withheld> {
    let (name, clock) = asked.split_once('/').unwrap_or((asked, ""));
    let clock_rate_hz = clock.parse().unwrap_or(0);
    let in_use = |name| CodecInUse { name, clock_rate_hz, ..CodecInUse::default() }.row();
    match (in_use(name), Row::by_key(asked)) {
        (Ok(row), _) | (Err(_), Some(row)) => Ok(row),
        (Err(Withheld::UnknownCodec), None) => in_use(&name.replace('.', "")),
        (Err(withheld), None) => Err(withheld),
    }
}
