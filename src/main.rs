//! `clearline`: argv → run → exit status. The only printing outside reports is here.

use std::io::{self, BufReader};
use std::process::ExitCode;

use clap::Parser;
use clearline::cli::Cli;

fn main() -> ExitCode {
    // Wrong usage and --help are clap's to print; it leaves with 2 and 0.
    let cli = Cli::parse();
    // Standard input must not stay locked: a capture may be read from it.
    match cli.run(&mut BufReader::new(io::stdin()), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("clearline: {error}");
            ExitCode::from(error.exit_status())
        }
    }
}
