//! Same input, same output, byte for byte, however the frames are handed over.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot make its input has failed")]

use clearline::engine::Settings;
use clearline::export::analysis::Labels;
use clearline::run;
use probes::pcap::Input;

use crate::traffic::{
    Recorded, analyse_file, analyse_frames, analyse_in_batches, mix, own_captures, pcap_bytes, read_frames,
    scratch, written,
};

/// Says where two reports part, not the whole of both.
fn assert_same(name: &str, batch: usize, want: &[u8], got: &[u8]) {
    if want == got {
        return;
    }
    let at = want.iter().zip(got).position(|(a, b)| a != b).unwrap_or(want.len().min(got.len()));
    let around = |bytes: &[u8]| {
        let cut = bytes.get(at.saturating_sub(120)..bytes.len().min(at + 40)).unwrap_or_default();
        String::from_utf8_lossy(cut).into_owned()
    };
    panic!("{name}, {batch} frames at a time:\n{}\nnot\n{}", around(got), around(want));
}

fn analyse_by_workers(frames: &[Recorded], count: usize) -> Vec<u8> {
    let path = scratch(&format!("{}-{count}-workers.pcap", frames.len()), &pcap_bytes(frames));
    let outcome =
        run::analyse(&[Input::from(path.clone())], Settings::default(), Labels::default(), count, |_| {})
            .unwrap();
    std::fs::remove_file(path).unwrap();
    let mut analysis = outcome.analysis;
    analysis.captures.clear();
    written(&analysis)
}

fn check(name: &str, frames: &[Recorded]) {
    let want = analyse_in_batches(frames, 1);
    for batch in [2, 7, 31, 32, 33, 64, frames.len().max(1)] {
        assert_same(name, batch, &want, &analyse_in_batches(frames, batch));
    }
    for workers in [1, 2, 3] {
        assert_same(&format!("{name}, {workers} workers"), 1, &want, &analyse_by_workers(frames, workers));
    }
}

#[test]
fn the_size_of_batches_changes_nothing_in_a_mix_of_everything() {
    let frames = mix();
    let report = analyse_frames(&frames);
    // The mix is one: calls, their streams both ways, and streams that nobody signalled.
    assert_eq!(report.pointer("/calls").unwrap().as_array().unwrap().len(), 6);
    assert!(report.pointer("/streams").unwrap().as_array().unwrap().len() >= 14, "{report}");
    check("mix", &frames);
}

#[test]
fn the_size_of_batches_changes_nothing_in_our_own_captures() {
    for path in own_captures() {
        // The long ones differ from the others in length alone.
        let frames: Vec<Recorded> = read_frames(&path).into_iter().take(700).collect();
        check(&path.display().to_string(), &frames);
    }
}

#[test]
fn a_file_gives_what_its_frames_give_plain_or_compressed() {
    let frames: Vec<Recorded> = mix().into_iter().step_by(3).collect();
    let path = scratch("steady.pcap", &pcap_bytes(&frames));
    let mut analysis = analyse_file(&path);
    analysis.captures.clear();
    std::fs::remove_file(path).unwrap();
    assert_same("file", 64, &analyse_in_batches(&frames, 1), &written(&analysis));
}
