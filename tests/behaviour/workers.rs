//! Any number of workers gives the same results.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

use std::path::Path;

use clearline::engine::Settings;
use clearline::export::analysis::Labels;
use clearline::run::analyse;
use probes::pcap::Input;

use crate::traffic::captures;

/// The analysis as JSON; `None` where the file is no capture.
fn json(path: &Path, workers: usize) -> Option<Vec<u8>> {
    let outcome =
        analyse(&[Input::from(path.to_owned())], Settings::default(), Labels::default(), workers, |_| {})
            .ok()?;
    let mut json = Vec::new();
    outcome.analysis.write_json(&mut json).unwrap();
    Some(json)
}

#[test]
fn one_worker_and_four_give_the_same_bytes() {
    let mut files = Vec::new();
    captures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures"), &mut files);
    match std::env::var_os("CLEARLINE_CAPTURES") {
        Some(folder) => captures(Path::new(&folder), &mut files),
        None => println!("skipped: the captures that CLEARLINE_CAPTURES would name"),
    }
    let mut compared = 0;
    for path in files {
        let Some(one) = json(&path, 1) else { continue };
        for workers in [2, 4] {
            let several = json(&path, workers);
            assert!(several.as_ref() == Some(&one), "{} differs with {workers} workers", path.display());
        }
        compared += 1;
    }
    assert!(compared > 0);
    println!("{compared} captures compared");
}
