//! `clearline score --json`: every parameter of the E-model, one connection a line.

use std::io::{BufRead, Read, Write};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Error;
use super::check;
use crate::score::Scale;
use crate::score::emodel::{self, DelayClass, Inputs, TABLE_3, Terms};
use crate::score::wideband;

/// Longer lines are no connection; 64 KiB.
const LONGEST_LINE: u64 = 65_536;

/// A line of input. Other keys may stand beside these: test vectors carry what they expect.
#[derive(Debug, Deserialize)]
struct Asked {
    model: String,
    #[serde(default)]
    input: Map<String, Value>,
}

#[derive(Debug, Serialize)]
struct Rated {
    id: Value,
    #[serde(rename = "R")]
    r: f64,
    #[serde(rename = "Ie_eff")]
    ie_eff: f64,
    #[serde(rename = "MOS")]
    mos_cq: f64,
    #[serde(rename = "R_LQ")]
    r_lq: f64,
    #[serde(rename = "MOS_LQ")]
    mos_lq: f64,
}

#[derive(Debug, Serialize)]
struct Refused {
    id: Value,
    error: String,
}

/// Answers line by line, in order.
///
/// # Errors
/// After the last line, how many had no answer; before, that a stream broke.
pub(super) fn run(input: &mut dyn BufRead, output: &mut dyn Write) -> Result<(), Error> {
    let (mut lines, mut refused) = (0_u64, 0_u64);
    let mut line = Vec::new();
    while read_line(input, &mut line).map_err(Error::Input)? {
        if line.trim_ascii().is_empty() {
            continue;
        }
        lines += 1;
        match answer(&line) {
            Ok(rated) => serde_json::to_writer(&mut *output, &rated),
            Err(refusal) => {
                refused += 1;
                serde_json::to_writer(&mut *output, &refusal)
            }
        }
        .map_err(|error| Error::Output(error.into()))?;
        writeln!(output)?;
    }
    if refused > 0 {
        return Err(Error::Usage(format!("{refused} of {lines} lines had no answer; each says why")));
    }
    Ok(())
}

/// The next line, at most a byte over the longest that is read; what is beyond is skipped. False at the end.
fn read_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let read = (&mut *input).take(LONGEST_LINE + 1).read_until(b'\n', line)?;
    if line.len() as u64 > LONGEST_LINE && line.last() != Some(&b'\n') {
        input.skip_until(b'\n')?;
    }
    Ok(read > 0)
}

fn answer(line: &[u8]) -> Result<Rated, Refused> {
    let refuse = |id: Value, error: String| Refused { id, error };
    if line.len() as u64 > LONGEST_LINE {
        return Err(refuse(Value::Null, format!("longer than {LONGEST_LINE} bytes")));
    }
    let mut value: Value = match serde_json::from_slice(line) {
        Ok(value) => value,
        Err(error) => return Err(refuse(Value::Null, format!("not JSON: {error}"))),
    };
    let id = value.get_mut("id").map(Value::take).unwrap_or_default();
    match rate(value) {
        Ok((scale, terms)) => {
            let r_lq = scale.r_max() - terms.ie_eff;
            Ok(Rated {
                id,
                r: terms.r,
                ie_eff: terms.ie_eff,
                mos_cq: scale.mos(terms.r),
                r_lq,
                mos_lq: scale.mos(r_lq),
            })
        }
        Err(error) => Err(refuse(id, error)),
    }
}

fn rate(value: Value) -> Result<(Scale, Terms), String> {
    let asked: Asked = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let scale = Scale::from_name(&asked.model)
        .ok_or_else(|| format!("model {:?}: must be nb, wb or fb", asked.model))?;
    let mut inputs = Inputs::DEFAULT;
    for (key, value) in &asked.input {
        set(&mut inputs, key, value).map_err(|error| format!("{key}: {error}"))?;
    }
    let given = |symbol: &str| {
        asked.input.iter().any(|(key, value)| key.eq_ignore_ascii_case(symbol) && !value.is_null())
    };
    if scale != Scale::Nb {
        if inputs.ppl > 0.0 && !given("Bpl") {
            return Err("loss needs a bpl: only narrowband has a default".to_owned());
        }
        let symmetric = inputs.with_delay(inputs.ta);
        inputs.t = if given("T") { inputs.t } else { symmetric.t };
        inputs.tr = if given("Tr") { inputs.tr } else { symmetric.tr };
    }
    Ok((
        scale,
        match scale {
            Scale::Nb => emodel::terms(&inputs),
            Scale::Wb => wideband::wideband_terms(&inputs),
            Scale::Fb => wideband::fullband_terms(&inputs),
        },
    ))
}

/// Takes up one key of `input`; `null` is not given.
fn set(inputs: &mut Inputs, key: &str, value: &Value) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    if key.eq_ignore_ascii_case("delay_class") {
        let name = value.as_str().unwrap_or_default();
        let class = DelayClass::ALL.iter().find(|(known, _)| *known == name);
        inputs.delay_class = class.ok_or("must be \"default\", \"low\" or \"very low\"")?.1;
        return Ok(());
    }
    let parameter = TABLE_3.iter().find(|parameter| key.eq_ignore_ascii_case(parameter.symbol));
    let parameter = parameter.ok_or("no parameter of G.107 Table 3")?;
    let number = value.as_f64().ok_or_else(|| format!("{value} is no number"))?;
    check(parameter.symbol, number)?;
    *(parameter.field)(inputs) = number;
    Ok(())
}
