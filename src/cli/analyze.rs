//! `clearline analyze`: what streams and calls are in these captures?

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use probes::pcap::{Input, OpenError};

use super::progress::ProgressLine;
use super::{Error, screen};
use crate::export::analysis::{Analysis, Labels};
use crate::export::terminal::harmless;
use crate::run::{self, Outcome};

const EXAMPLES: &str = "\
Examples:
  What is in this capture, and what sounded worst?
      clearline analyze office.pcap

  A day of files, plain or compressed, read as one in the order of time:
      clearline analyze /var/captures/2026-11-24/
      clearline analyze morning.pcap.gz evening.pcapng.zst

  One call in depth: by the ID that the table shows, or by its Call-ID
      clearline analyze office.pcap --call 0788b0

  Streams worse than 3.6, for a script:
      clearline analyze office.pcap --format json | jq '.streams[] | select(.mos_lq and .mos_lq < 3.6)'

  For a spreadsheet: a row a stream
      clearline analyze office.pcap --format csv > streams.csv

  Straight from a host far away:
      ssh gateway tcpdump -w - -s 0 udp | clearline analyze -

MOS-LQ is how it sounded here, without delay: an estimate by the E-model (ITU-T G.107), 1 to 4.5 on the \
scale that stands behind it. Numbers of callers are shown as captured. In CSV, text that a spreadsheet would \
run as a formula (it begins with = + - @) has an apostrophe before it.

The table is as wide as the terminal, or as COLUMNS says; into a pipe it is as wide as it needs to be, and \
without colour. NO_COLOR=1 turns colour off everywhere.

Exit status: 0 done; 1 nothing could be read, or no such call; 2 wrong usage; 3 a file was damaged or could \
not be read, and all the rest was analysed.";

/// Find the calls and media streams in captures, and how they sounded
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Captures (pcap, pcapng; plain, gzip or zstd), directories of them, or - for standard input
    #[arg(required = true, value_name = "FILE|DIR|-")]
    inputs: Vec<PathBuf>,

    /// How to show what was found
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    #[command(flatten)]
    config: super::config::Source,

    /// Only this call, in depth: its SIP Call-ID, its ID in the table, or 8 or more characters of its id in JSON
    #[arg(long, value_name = "ID")]
    call: Option<String>,

    /// Neither progress nor notes on standard error; errors all the same
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For people: worst first, a line per call and direction
    Table,
    /// One object, complete: schema clearline.analysis/1
    Json,
    /// A header and a row a stream
    Csv,
}

impl Args {
    pub(super) fn run(self, output: &mut dyn Write) -> Result<(), Error> {
        let inputs: Vec<Input> = self.inputs.into_iter().map(Input::from).collect();
        let mut line = ProgressLine::new(self.quiet);
        let config = self.config.load()?;
        // Whoever has the capture has the numbers in it.
        let labels = Labels { masked: false, ..config.labels() };
        let settings = config.engine_settings();
        let outcome = run::analyse(&inputs, settings, labels, 1, |progress| line.tell(&progress));
        line.erase();
        let Outcome { analysis, refused, passed_over } =
            outcome.map_err(|error| Error::CannotRun(harmless(&with_cause(&error))))?;
        if !self.quiet {
            tell_passed_over(&passed_over);
        }
        let mut faults: Vec<String> = refused.iter().map(|error| with_cause(error)).collect();
        faults.extend(damage(&analysis));
        let in_depth = self.call.is_some();
        let analysis = match &self.call {
            Some(id) => analysis.select_call(id).map_err(|error| Error::CannotRun(error.to_string()))?,
            None => analysis,
        };
        let mut output = BufWriter::new(output);
        match self.format {
            Format::Table if in_depth => analysis.write_calls_in_depth(screen::look(), &mut output)?,
            Format::Table => analysis.write_table(screen::look(), &mut output)?,
            Format::Json => analysis.write_json(&mut output)?,
            Format::Csv => analysis.write_csv(&mut output)?,
        }
        output.flush()?;
        let faults: Vec<String> = faults.iter().map(|fault| harmless(fault)).collect();
        if faults.is_empty() { Ok(()) } else { Err(Error::Damaged(faults.join("\nclearline: "))) }
    }
}

/// An error and what the system says of it, on one line.
fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn damage(analysis: &Analysis) -> impl Iterator<Item = String> {
    analysis.captures.iter().filter_map(|c| {
        let damage = c.file.damaged.as_ref()?;
        Some(format!("{}: {damage}; all before it was analysed", c.file.path.display()))
    })
}

/// Files of a directory that are no captures: worth a word, no error.
fn tell_passed_over(files: &[OpenError]) {
    /// More would push the results off the screen.
    const NAMED: usize = 3;
    let mut notes: Vec<String> = files.iter().take(NAMED).map(|file| harmless(&with_cause(file))).collect();
    if files.len() > NAMED {
        notes.push(format!("{} more files are no captures", files.len() - NAMED));
    }
    for note in notes {
        // A note that cannot be written is no reason to stop.
        let _ = writeln!(io::stderr(), "clearline: passed over: {note}");
    }
}
