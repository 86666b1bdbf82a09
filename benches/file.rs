//! Writes the load to a file, and walks over such a file: the floor of whole-program runs. Listens on an interface
//! and counts: the floor of live runs.
//!
//! `load write PATH [CALLS [SECONDS]]` · `load walk PATH` · `load listen INTERFACE ring|pnet`

mod load;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use load::Load;
use probes::live::{Live, LiveError, Settings};
use probes::pcap::{self, Input, Writer};
use probes::{Frame, LinkType, Timestamp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let frames = match *arguments.as_slice() {
        ["write", path] => write(path.as_ref(), &Load::default())?,
        ["write", path, calls] => write(path.as_ref(), &Load { calls: calls.parse()?, ..Load::default() })?,
        ["write", path, calls, seconds] => {
            let load = Load { calls: calls.parse()?, seconds: seconds.parse()?, ..Load::default() };
            write(path.as_ref(), &load)?
        }
        ["walk", path] => walk(path.as_ref())?,
        ["listen", interface, how @ ("ring" | "pnet")] => listen(interface, how == "pnet")?,
        _ => {
            let usage =
                "load write PATH [CALLS [SECONDS]] | load walk PATH | load listen INTERFACE ring|pnet";
            return Err(format!("usage: {usage}").into());
        }
    };
    writeln!(io::stdout(), "{frames}")?;
    Ok(())
}

fn write(path: &Path, load: &Load) -> io::Result<u64> {
    let mut writer = Writer::new(BufWriter::with_capacity(1 << 20, File::create(path)?), LinkType::ETHERNET)?;
    let mut result = Ok(0);
    load.generate(|time, bytes| {
        if let Ok(frames) = &mut result {
            match writer.write(&load::frame(time, bytes)) {
                Ok(()) => *frames += 1,
                Err(error) => result = Err(error),
            }
        }
    });
    writer.into_inner().flush()?;
    result
}

/// Reads every record and touches nothing of it.
fn walk(path: &Path) -> Result<u64, pcap::OpenError> {
    let mut timeline = pcap::open(&[Input::from(path.to_owned())])?;
    let mut all = 0;
    loop {
        let mut frames = [Frame::default(); 64];
        let count = timeline.fill(&mut frames);
        if count == 0 {
            return Ok(all);
        }
        std::hint::black_box(&frames);
        all += count as u64;
    }
}

/// Counts frames until none has come for two seconds, and touches nothing of them.
fn listen(interface: &str, datalink: bool) -> Result<u64, LiveError> {
    let clock = || Timestamp::MIN;
    let settings = Settings { ring_bytes: 64 << 20, snaplen: None, hardware_time: false, datalink, clock };
    let mut live = Live::open(interface, &settings)?;
    let (mut all, mut quiet) = (0, 0);
    while all == 0 || quiet < 20 {
        let before = all;
        live.take(|frame| {
            std::hint::black_box(frame);
            all += 1;
        })?;
        // `take` waits a tenth of a second.
        quiet = if all == before { quiet + 1 } else { 0 };
    }
    Ok(all)
}
