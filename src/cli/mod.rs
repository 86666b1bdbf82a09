//! The command line: one file a verb.
//!
//! A verb reads its input and writes its results through the streams it is handed, so that tests can read
//! them; what goes wrong comes back as an [`Error`], which `main` prints once and turns into the exit status.

mod analyze;
mod config;
mod probe;
mod progress;
mod score;
mod screen;

use std::io::{self, BufRead, Write};

use clap::{Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  What is in this capture, and what sounded worst?
      clearline analyze office.pcap

  One call of it in depth:
      clearline analyze office.pcap --call 0788b0

  Listen on a span port:
      clearline probe -i eth1

  What do 2 % of loss make of a G.711 call?
      clearline score --codec PCMA --loss 2

clearline VERB --help tells all about a verb, with more examples.";

/// Passive quality monitor for VoIP: SIP, RTP and RTCP to MOS, metrics and evidence.
#[derive(Debug, Parser)]
#[command(name = "clearline", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Analyze(analyze::Args),
    Config(config::Args),
    Probe(probe::Args),
    Score(score::Args),
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// Why it could not be done. A reader that went away (`| head`) is no error.
    pub fn run(self, input: &mut dyn BufRead, output: &mut dyn Write) -> Result<(), Error> {
        let done = match self.verb {
            Verb::Analyze(args) => args.run(output),
            Verb::Config(args) => args.run(output),
            Verb::Probe(args) => args.run(output),
            Verb::Score(args) => args.run(input, output),
        };
        match done.and_then(|()| output.flush().map_err(Error::from)) {
            Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => done,
        }
    }
}

/// Why a verb did not do what was asked: one line for the user.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Asked in a way that has no answer: exit status 2.
    #[error("{0}")]
    Usage(String),
    /// Asked well, but it cannot be done: exit status 1.
    #[error("{0}")]
    CannotRun(String),
    /// Done, but part of the input was damaged: exit status 3.
    #[error("{0}")]
    Damaged(String),
    /// Standard input cannot be read: exit status 1.
    #[error("cannot read standard input: {0}")]
    Input(#[source] io::Error),
    /// The results cannot be written: exit status 1.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

impl Error {
    /// The exit status that tells it: 1 cannot run, 2 wrong usage, 3 input damaged part-way.
    #[must_use]
    pub const fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Damaged(_) => 3,
            Self::CannotRun(_) | Self::Input(_) | Self::Output(_) => 1,
        }
    }
}
