//! The web configuration file of Prometheus' exporter-toolkit: TLS, users, headers.
//!
//! [Its format](https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md).
//! Kept here: it is looked at for each connection and each request, so renewed certificates and withdrawn users
//! take effect; a file that became faulty keeps the old settings and is warned about once.
//!
//! Differs where the original would ignore, weaken or expose: what rustls cannot do is refused with its line; a
//! running server never turns off TLS, users or the proof of clients, because a file caught half-written reads
//! as one without them. Absent: `rate_limit`, `client_allowed_sans`.

mod files;
mod settings;
mod tls;
mod yaml;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use files::Files;
pub(super) use settings::Settings;

/// The faults of a web configuration file and of the files it names: `FILE:LINE:COLUMN: key: what is wrong`.
#[must_use]
pub fn check(path: &Path) -> Vec<String> {
    settings::read(path, &mut Files::default()).err().unwrap_or_default()
}

/// Whether a file turns on TLS, and whether it names users or asks clients to prove themselves.
///
/// # Errors
/// Its faults.
pub(super) fn protects(path: &Path) -> Result<(bool, bool), Vec<String>> {
    let settings = settings::read(path, &mut Files::default())?;
    Ok((settings.tls.is_some(), !settings.users.is_empty() || settings.proves_clients))
}

/// A file and the last settings that were right.
pub(super) struct WebConfig {
    path: PathBuf,
    held: Mutex<Held>,
}

struct Held {
    settings: Arc<Settings>,
    files: Files,
    /// When these files were first seen as they are.
    since: Instant,
    /// Whether they were read again later than [`SETTLING`] after that.
    settled: bool,
    /// The faults that were warned about.
    said: Vec<String>,
}

/// Two changes within one tick of a file system's clock (2 s at worst) look the same if the length does too: files
/// that changed just now are read again until this has passed.
const SETTLING: Duration = Duration::from_secs(2);

impl WebConfig {
    /// # Errors
    /// The file's faults.
    pub(super) fn open(path: PathBuf) -> Result<Self, Vec<String>> {
        let mut files = Files::default();
        let settings = Arc::new(settings::read(&path, &mut files)?);
        let held = Held { settings, files, since: Instant::now(), settled: false, said: Vec::new() };
        Ok(Self { path, held: Mutex::new(held) })
    }

    /// The settings as of now. Costs a `stat` of each file when nothing changed.
    pub(super) fn current(&self, warn: impl Fn(&str)) -> Arc<Settings> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.files.changed() {
            held.since = Instant::now();
            held.settled = false;
        } else if held.settled {
            return Arc::clone(&held.settings);
        } else {
            held.settled = held.since.elapsed() > SETTLING;
        }
        let mut files = Files::default();
        let read =
            settings::read(&self.path, &mut files).and_then(|new| self.not_weaker(&held.settings, new));
        held.files = files;
        match read {
            Ok(settings) => {
                held.settings = Arc::new(settings);
                held.said.clear();
            }
            Err(faults) if faults == held.said => {}
            Err(faults) => {
                for fault in &faults {
                    warn(&format!("{fault} (the old web configuration stays in force)"));
                }
                held.said = faults;
            }
        }
        Arc::clone(&held.settings)
    }

    fn not_weaker(&self, old: &Settings, new: Settings) -> Result<Settings, Vec<String>> {
        let lost = [
            ("tls_server_config", old.tls.is_some() && new.tls.is_none()),
            ("basic_auth_users", !old.users.is_empty() && new.users.is_empty()),
            ("client_auth_type", old.proves_clients && !new.proves_clients),
        ];
        let lines: Vec<String> = lost
            .into_iter()
            .filter(|(_, lost)| *lost)
            .map(|(key, _)| {
                format!(
                    "{}: {key}: cannot be turned off while running; restart to do so",
                    self.path.display()
                )
            })
            .collect();
        if lines.is_empty() { Ok(new) } else { Err(lines) }
    }
}
