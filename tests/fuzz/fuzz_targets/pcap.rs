//! A capture file of any format: every frame of it.
#![no_main]

use probes::Frame;
use probes::pcap::{self, Input};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let path = std::env::temp_dir().join(format!("clearline-fuzz-pcap-{}", std::process::id()));
    std::fs::write(&path, data).expect("a place for the file");
    let Ok(mut timeline) = pcap::open(&[Input::Path(path)]) else { return };
    while timeline.fill(&mut [Frame::default(); 8]) > 0 {}
});
