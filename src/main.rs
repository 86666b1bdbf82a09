//! `clearline`: argv → run → exit status. The only printing outside reports is here.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use clearline::cli::Cli;

fn main() -> ExitCode {
    // Wrong usage and --help are clap's to print; it leaves with 2 and 0.
    let cli = Cli::parse();
    match cli.run(&mut io::stdin().lock(), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("clearline: {error}");
            ExitCode::from(error.exit_status())
        }
    }
}
