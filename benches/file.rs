//! Writes the load to a file, and walks over such a file: the floor of whole-program runs.
//!
//! `load write PATH [CALLS [SECONDS]]` · `load walk PATH`

mod load;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use load::Load;
use probes::pcap::{self, Input, Writer};
use probes::{Frame, LinkType};

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
        _ => return Err("usage: load write PATH [CALLS [SECONDS]] | load walk PATH".into()),
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
