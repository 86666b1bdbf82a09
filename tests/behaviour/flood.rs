//! A capture poured into the program itself, and the most memory it took.

#![expect(clippy::unwrap_used, reason = "a test that cannot run the program has failed")]

use std::io::{BufWriter, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

/// Whether all is asked for, not the sample that CI has time for.
pub fn is_long() -> bool {
    std::env::var_os("CLEARLINE_LONG").is_some()
}

/// The most memory a process had resident; `None` where the system does not tell.
#[derive(Clone, Copy, Debug)]
pub struct Peak(Option<u64>);

impl Peak {
    #[track_caller]
    pub fn assert_below(self, mebibytes: u64) {
        let Some(kibibytes) = self.0 else {
            // A bound that nobody looked at is none.
            assert_ne!(std::env::consts::OS, "linux", "the memory it took was not measured");
            return;
        };
        let took = kibibytes >> 10;
        eprintln!("{took} MiB of {mebibytes} at most");
        assert!(took < mebibytes, "{took} MiB, at most {mebibytes}");
    }
}

/// Analyses a capture from standard input, poured in piece by piece.
pub fn flood(pieces: impl Iterator<Item = Vec<u8>> + Send + 'static) -> (Value, Peak) {
    flood_with(&[], pieces)
}

/// The same with more arguments.
pub fn flood_with(more: &[&str], pieces: impl Iterator<Item = Vec<u8>> + Send + 'static) -> (Value, Peak) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_clearline"))
        .args(["analyze", "-", "--format", "json"])
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let process = child.id();
    let pour = thread::spawn(move || {
        let mut stdin = BufWriter::with_capacity(1 << 16, stdin);
        // It may stop reading at damage.
        for piece in pieces {
            if stdin.write_all(&piece).is_err() {
                return None;
            }
        }
        let _gone = stdin.flush();
        // All is poured in, and it waits for more: it is still there to be asked.
        high_water(process)
    });
    let mut peak = None;
    let (mut report, mut some) = (Vec::new(), vec![0; 1 << 16]);
    // A long report is told while the process is still there: what ending took is then seen as well.
    loop {
        let n = stdout.read(&mut some).unwrap();
        peak = peak.max(high_water(process));
        if n == 0 {
            break;
        }
        report.extend_from_slice(some.get(..n).unwrap());
    }
    peak = peak.max(pour.join().unwrap());
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}: {told}", output.status);
    (serde_json::from_slice(&report).unwrap(), Peak(peak))
}

/// `VmHWM` of Linux.
fn high_water(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok())
}
