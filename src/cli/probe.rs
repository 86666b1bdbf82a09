//! `clearline probe`: listen, or read captures as if listening.

use std::io::Write;
use std::path::PathBuf;
use std::thread;

use probes::pcap::Input;

use super::{Error, config};
use crate::config::Config;
use crate::run::log::{self, LogFormat};
use crate::run::probe::{self, Options, ProbeError, Source};
use crate::run::sockets;

const EXAMPLES: &str = "\
Examples:
  Listen on a span port, with metrics on http://127.0.0.1:9768/metrics:
      clearline probe -i eth1 --config.file /etc/clearline.toml

  Play a capture as if it came now, and look at the metrics meanwhile:
      clearline probe --read monday.pcap --pace 1x --after-read serve

  What would Prometheus have seen on Monday? promtool can load it:
      clearline probe --read monday.pcap --openmetrics monday.om --step 15s
      promtool tsdb create-blocks-from openmetrics monday.om data

SIGHUP or POST /-/reload takes the configuration up anew; SIGTERM ends it, with the report if one was asked for.";

/// Listen on a span port, unattended: metrics, health and reports over HTTP
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Interface to listen on, beside probe.interfaces of the configuration; may be given again. None is needed
    /// where the configuration has hep.listen or vq_collector.listen
    #[arg(short = 'i', value_name = "IF", conflicts_with = "read")]
    interfaces: Vec<String>,
    /// Captures to read instead, or directories of them; one timeline
    #[arg(long, value_name = "FILE", num_args = 1..)]
    read: Vec<PathBuf>,
    /// How fast to read: as fast as the packets came, or as fast as it goes
    #[arg(long, value_enum, default_value_t = Pace::Max)]
    pace: Pace,
    /// What to do when all is read
    #[arg(long, value_enum, default_value_t = AfterRead::Exit)]
    after_read: AfterRead,
    /// Threads that follow streams [default: one a core when listening, 1 when reading]
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    #[command(flatten)]
    config: config::Source,
    /// Address to serve HTTP on; may be given again [default: web.listen of the configuration when listening or
    /// serving, else none]
    #[arg(long = "web.listen-address", value_name = "A")]
    listen: Vec<String>,
    /// TLS and users, a file as in Prometheus' exporter-toolkit
    #[arg(long = "web.config.file", value_name = "F")]
    web_config: Option<PathBuf>,
    /// Write the analysis there at the end, or on SIGTERM
    #[arg(long, value_name = "F")]
    report: Option<PathBuf>,
    /// Write there what scrapes would have shown, at packet time
    #[arg(long, value_name = "F", requires = "read")]
    openmetrics: Option<PathBuf>,
    /// Packet time between two of those scrapes
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = step)]
    step: i64,
    /// What to log: error, warn, info, debug or trace
    #[arg(long = "log.level", value_name = "L", default_value = "info")]
    log_level: String,
    /// How to log
    #[arg(long = "log.format", value_enum, default_value_t = Format::Text)]
    log_format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Pace {
    #[value(name = "1x")]
    Real,
    Max,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum AfterRead {
    Exit,
    Serve,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Args {
    pub(super) fn run(self, _output: &mut dyn Write) -> Result<(), Error> {
        let format = if self.log_format == Format::Json { LogFormat::Json } else { LogFormat::Text };
        log::start(&self.log_level, format).map_err(Error::Usage)?;
        let faults = probe::run(self.options()?).map_err(told)?;
        if faults.is_empty() { Ok(()) } else { Err(Error::Damaged(faults.join("\nclearline: "))) }
    }

    fn options(self) -> Result<Options, Error> {
        let config = self.config.load()?;
        let (config_file, overlays) = self.config.parts();
        let serves = self.read.is_empty() || self.after_read == AfterRead::Serve;
        let listen = if self.listen.is_empty() && serves {
            config.web.listen.iter().map(ToString::to_string).collect()
        } else {
            self.listen
        };
        let web_config = self.web_config.or_else(|| config.web.config_file.path().map(PathBuf::from));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let configured = Some(config.probe.workers).filter(|n| *n > 0);
        let usual = if self.read.is_empty() { cores } else { 1 };
        let source = if self.read.is_empty() {
            Source::Live(interfaces(self.interfaces, &config)?)
        } else {
            Source::Read {
                inputs: self.read.into_iter().map(Input::from).collect(),
                paced: self.pace == Pace::Real,
                serve_after: self.after_read == AfterRead::Serve,
            }
        };
        Ok(Options {
            workers: self.workers.or(configured).unwrap_or(usual),
            config,
            config_file,
            overlays,
            source,
            listen,
            web_config,
            report: self.report,
            openmetrics: self.openmetrics.map(|path| (path, self.step)),
        })
    }
}

/// Those of the command line, then those of the configuration, each once.
fn interfaces(asked: Vec<String>, config: &Config) -> Result<Vec<String>, Error> {
    let mut all: Vec<String> = Vec::new();
    for name in asked.into_iter().chain(config.probe.interfaces.iter().map(|i| i.to_string())) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    if all.is_empty() && !sockets::are_wanted(config) {
        let line =
            "nothing to listen to: give -i IF or --read FILE, or configure probe.interfaces or hep.listen";
        return Err(Error::Usage(line.to_owned()));
    }
    Ok(all)
}

fn told(error: ProbeError) -> Error {
    use crate::export::http;
    match error {
        ProbeError::Http(wrong @ (http::Error::Address { .. } | http::Error::WebConfig(_))) => {
            Error::Usage(wrong.to_string())
        }
        other => Error::CannotRun(other.to_string()),
    }
}

/// A span of time as Prometheus writes it: `500ms`, `15s`, `1m`.
fn step(text: &str) -> Result<i64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
    let unit = match unit {
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err("write a number and ms, s, m or h, as in 15s".to_owned()),
    };
    let nanos = number.parse::<i64>().ok().and_then(|n| n.checked_mul(unit)).filter(|n| *n > 0);
    nanos.ok_or_else(|| "write a whole number above 0 before the unit, as in 15s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_as_prometheus_writes_them() {
        assert_eq!(step("15s"), Ok(15_000_000_000));
        assert_eq!(step("500ms"), Ok(500_000_000));
        assert_eq!(step("1m"), Ok(60_000_000_000));
        for wrong in ["", "15", "s", "0s", "-1s", "1.5s", "15 s", "9999999999999999h"] {
            assert!(step(wrong).is_err(), "{wrong}");
        }
    }
}
