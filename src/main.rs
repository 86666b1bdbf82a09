//! `clearline`: argv → run → exit status. The only printing outside reports is here.

use std::io::{self, BufReader};
use std::process::ExitCode;

use clap::Parser;
use clearline::cli::Cli;

fn main() -> ExitCode {
    abort_on_panic();
    // Wrong usage and --help are clap's to print; it leaves with 2 and 0.
    let cli = Cli::parse();
    // Standard input is not locked here: `analyze -` reads it as a capture, by a lock of its own.
    match cli.run(&mut BufReader::new(io::stdin()), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("clearline: {error}");
            ExitCode::from(error.exit_status())
        }
    }
}

/// A panic is our bug, and what it leaves behind is not to be trusted: told, then ended, so that a supervisor
/// starts anew. (`panic = "abort"` in the profile would have every bench built twice.)
fn abort_on_panic() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        eprintln!("clearline: this is a bug; please report it with the lines above");
        std::process::abort();
    }));
}
