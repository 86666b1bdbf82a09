//! Files read together with what tells whether they changed.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// More than any chain of certificates needs.
const MAX_BYTES: u64 = 1 << 20;

/// The files a configuration was read from.
#[derive(Debug, Default)]
pub(super) struct Files(Vec<(PathBuf, Option<Stamp>)>);

/// Device, file, length, and both times to the nanosecond.
type Stamp = (u64, u64, u64, (i64, i64), (i64, i64));

impl Files {
    /// Reads a file and watches it from then on, whether it could be read or not.
    pub(super) fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        // First the stamp: what changes while we read is seen as a change the next time.
        self.0.push((path.to_owned(), stamp(path)));
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(io::Error::other("larger than 1 MiB"));
        }
        Ok(bytes)
    }

    /// Whether any of them is another now, or came or went.
    pub(super) fn changed(&self) -> bool {
        self.0.iter().any(|(path, before)| stamp(path) != *before)
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    let times = ((meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec()));
    Some((meta.dev(), meta.ino(), meta.len(), times.0, times.1))
}
