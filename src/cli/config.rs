//! `clearline config`: is this configuration right, and what can it say?

use std::io::Write;
use std::path::PathBuf;

use super::Error;
use crate::config::{self, Config, Fault};

/// Check a configuration file, or show every key with its meaning
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Name every fault of a configuration file, one a line: F:LINE:COL: key: what is wrong; how to mend it
    Check {
        /// The file
        #[arg(value_name = "F")]
        file: PathBuf,
        #[command(flatten)]
        overlays: Overlays,
    },
    /// Print a configuration file with every key, what it means, and its value
    Show(Source),
}

/// Where the configuration comes from.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Source {
    /// The configuration file [default: none, every key has its default]
    #[arg(long = "config.file", value_name = "F")]
    file: Option<PathBuf>,
    #[command(flatten)]
    overlays: Overlays,
}

/// Keys set on the command line.
#[derive(Clone, Debug, Default, clap::Args)]
struct Overlays {
    /// Set a key over what the file says, as in --set limits.calls=5000; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Source {
    /// The file and the overlays, to load them again.
    pub(super) fn parts(&self) -> (Option<PathBuf>, Vec<String>) {
        (self.file.clone(), self.overlays.set.clone())
    }

    /// The configuration; its faults, a line each, are wrong usage.
    pub(super) fn load(&self) -> Result<Config, Error> {
        config::load(self.file.as_deref(), &self.overlays.set).map_err(|faults| {
            let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
            Error::Usage(lines.join("\nclearline: "))
        })
    }
}

impl Args {
    pub(super) fn run(self, output: &mut dyn Write) -> Result<(), Error> {
        match self.what {
            What::Check { file, overlays } => match config::load(Some(&file), &overlays.set) {
                Ok(config) => Ok(write_summary(&config, output)?),
                Err(faults) => {
                    for fault in &faults {
                        writeln!(output, "{fault}")?;
                    }
                    Err(Error::Usage(format!("{}: {}", file.display(), counted(faults.len(), "fault"))))
                }
            },
            What::Show(source) => Ok(output.write_all(source.load()?.show().as_bytes())?),
        }
    }
}

fn write_summary(config: &Config, output: &mut dyn Write) -> std::io::Result<()> {
    let table = &config.site_table;
    let subnets: usize = table.sites.iter().map(|site| site.subnets.len()).sum();
    writeln!(
        output,
        "ok: {}, {} with {}, {}",
        counted(table.customers.len(), "customer"),
        counted(table.sites.len(), "site"),
        counted(subnets, "subnet"),
        counted(table.peers.len(), "peer"),
    )?;
    if config.sites_beyond() > 0 {
        let most = config.limits.sites;
        let beyond = counted(config.sites_beyond(), "site");
        writeln!(output, "limits.sites = {most}: metrics count {beyond} beyond it as \"overflow\"")?;
    }
    if !config.not_in_use.is_empty() {
        writeln!(output, "not in use yet in this version: {}", config.not_in_use.join(", "))?;
    }
    Ok(())
}

fn counted(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}
