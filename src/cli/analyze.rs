//! `clearline analyze`: what streams and calls are in these captures?

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use probes::pcap::Input;

use super::Error;
use crate::engine::Settings;
use crate::export::analysis::Analysis;
use crate::run;

/// Find the calls and media streams in captures, and how they sounded
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Captures (pcap, pcapng; plain, gzip or zstd), directories of them, or - for standard input
    #[arg(required = true, value_name = "FILE|DIR|-")]
    inputs: Vec<PathBuf>,
    /// How to show what was found
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Json,
}

impl Args {
    pub(super) fn run(self, output: &mut dyn Write) -> Result<(), Error> {
        let inputs: Vec<Input> = self.inputs.into_iter().map(Input::from).collect();
        let outcome = run::analyse(&inputs, Settings::default(), 1, |_| {})
            .map_err(|error| Error::CannotRun(error.to_string()))?;
        let mut output = BufWriter::new(output);
        match self.format {
            Format::Json => outcome.analysis.write_json(&mut output)?,
        }
        output.flush()?;
        let mut faults: Vec<String> = outcome.refused.iter().map(ToString::to_string).collect();
        faults.extend(damage(&outcome.analysis));
        if faults.is_empty() { Ok(()) } else { Err(Error::Damaged(faults.join("\nclearline: "))) }
    }
}

fn damage(analysis: &Analysis) -> impl Iterator<Item = String> {
    analysis.captures.iter().filter_map(|c| {
        let damage = c.file.damaged.as_ref()?;
        Some(format!("{}: {damage}; all before it was analysed", c.file.path.display()))
    })
}
