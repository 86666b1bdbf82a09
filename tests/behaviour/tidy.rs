//! The order of the layers and the purity of the core: if a rule matters, a test says so.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up; a layer may name itself and those before it.
const LAYERS: [&str; 10] =
    ["score", "decode", "track", "event", "engine", "export", "config", "run", "cli", "main"];
/// Layers that take bytes, times and settings, and give values.
const PURE: [&str; 5] = ["score", "decode", "track", "event", "engine"];
/// What a pure layer may not name.
const IMPURE: [&str; 11] = [
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "Instant::now",
    "SystemTime::now",
    "TcpStream",
    "UdpSocket",
    "TcpListener",
    "tokio",
    "println!",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Each source file with the layer it belongs to.
fn layered() -> Vec<(String, PathBuf, String)> {
    let src = root().join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    files
        .into_iter()
        .filter_map(|path| {
            let first = path.strip_prefix(&src).unwrap().components().next().unwrap();
            let layer = first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            (layer != "lib").then_some((layer, path, text))
        })
        .collect()
}

/// The code of a line, without its comment.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

#[test]
fn no_layer_names_one_above_it() {
    let place = |layer: &str| LAYERS.iter().position(|l| *l == layer);
    for (layer, path, text) in layered() {
        let own = place(&layer).unwrap_or_else(|| panic!("{} belongs to no layer", path.display()));
        for (number, line) in text.lines().enumerate() {
            for named in code(line).split("crate::").skip(1) {
                let name = named.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
                let allowed = place(name).is_none_or(|other| other <= own);
                assert!(allowed, "{}:{}: {layer} names {name}", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn score_names_no_other_module() {
    for (layer, path, text) in layered() {
        let other = text.lines().map(code).find(|l| l.contains("crate::") && !l.contains("crate::score"));
        assert!(layer != "score" || other.is_none(), "{}: {other:?}", path.display());
    }
}

#[test]
fn the_core_opens_nothing_and_reads_no_clock() {
    for (layer, path, text) in layered() {
        if !PURE.contains(&layer.as_str()) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            for word in IMPURE {
                assert!(!code(line).contains(word), "{}:{}: {word}", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn probes_knows_no_voip() {
    let mut files = Vec::new();
    sources(&root().join("probes/src"), &mut files);
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        for word in ["clearline", "rtp", "sip::", "sdp"] {
            let named = text.lines().map(code).any(|l| l.to_lowercase().contains(word));
            assert!(!named, "{}: {word}", path.display());
        }
    }
}

#[test]
fn the_readmes_commands_name_files_that_ship() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for word in readme.split_whitespace().filter(|w| w.starts_with("tests/") || w.starts_with("src/")) {
        let path = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '/' && c != '.');
        assert!(root().join(path).exists(), "README names {path}");
    }
}
