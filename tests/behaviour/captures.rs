//! Captures of others, which are not ours to ship: held against the truth that lies beside them.
//!
//! `CLEARLINE_CAPTURES` names the folder. Its `check.py` runs the program over every capture and compares
//! streams, scores, SIP, jitter, false streams and faults; where tshark and we differ, `DIFFERENCES.md`
//! says who is right and how it was shown.

use std::path::Path;
use std::process::Command;

#[test]
fn every_capture_of_others_gives_what_its_truth_says() {
    let Some(folder) = std::env::var_os("CLEARLINE_CAPTURES") else {
        println!("skipped 1 comparison: CLEARLINE_CAPTURES names no folder of captures");
        return;
    };
    let check = Path::new(&folder).join("check.py");
    let output = Command::new("python3")
        .arg(&check)
        .arg(env!("CARGO_BIN_EXE_clearline"))
        .arg("--root")
        .arg(&folder)
        .output();
    let Ok(output) = output else {
        println!("skipped 1 comparison: there is no python3");
        return;
    };
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    // A comparison of nothing agrees with everything.
    let streams = told.lines().find_map(|l| l.strip_prefix("streams ")).unwrap_or_default();
    let compared: u64 = streams.split_whitespace().next().unwrap_or_default().parse().unwrap_or(0);
    assert!(compared > 0, "no stream was compared: {told}");
}
