//! All of it: a capture file in, a report out.
#![no_main]

use clearline::engine::Settings;
use clearline::export::analysis::Labels;
use probes::pcap::Input;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let path = std::env::temp_dir().join(format!("clearline-fuzz-engine-{}", std::process::id()));
    std::fs::write(&path, data).expect("a place for the file");
    let outcome = clearline::run::analyse(&[Input::Path(path)], Settings::default(), Labels::default(), 1, |_| {});
    let Ok(outcome) = outcome else { return };
    outcome.analysis.write_json(std::io::sink()).expect("a sink takes all");
});
