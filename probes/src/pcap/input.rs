//! What a user names, and the files that this means.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Something to read frames from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file; or a directory, which means the captures among its regular files, sorted by name.
    Path(PathBuf),
}

impl From<PathBuf> for Input {
    /// A path; `-` is standard input.
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Self::Stdin } else { Self::Path(path) }
    }
}

/// Why an input cannot be read.
#[derive(Debug, Error)]
pub enum OpenError {
    /// It does not exist, may not be read, or the like.
    #[error("{}: cannot be opened", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Its first bytes are not those of a capture.
    #[error("{}: not a capture: {found}", path.display())]
    NotACapture {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        found: String,
    },
    /// A directory without a capture.
    #[error("{}: no captures in this directory", path.display())]
    NoCaptures {
        /// The directory.
        path: PathBuf,
    },
    /// Several inputs, and none can be read.
    #[error("none of {} inputs can be read: {}", .0.len(), lines(.0))]
    Nothing(Vec<OpenError>),
}

/// Each error with its cause on a line of its own.
fn lines(errors: &[OpenError]) -> String {
    use std::error::Error;
    let line = |error: &OpenError| match error.source() {
        Some(source) => format!("\n  {error}: {source}"),
        None => format!("\n  {error}"),
    };
    errors.iter().map(line).collect()
}

/// The regular files of a directory, sorted by name.
pub(super) fn regular_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        // Follows links: directories of links to captures are common.
        if fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
