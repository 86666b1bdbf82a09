//! The files that a configuration names, and the secret that may come of the environment.

use std::path::Path;

use super::Config;
use super::fault::{Faults, Place, Source, Wrong};
use super::reading::Places;
use super::settings::Secret;
use super::sites_file::{self, Row};
use super::words::FilePath;

/// Bytes of a configuration file, of one with users, and of one with a secret.
pub(super) const MOST_BYTES: u64 = 1 << 20;
/// Bytes of a sites file.
const MOST_SITES_BYTES: u64 = 16 << 20;
/// Bytes of a secret at least: 128 bits.
const SHORTEST_SECRET: usize = 16;
/// The environment's word for the secret.
pub(super) const KEY_VARIABLE: &str = "CLEARLINE_PRIVACY_KEY";

/// What a file holds.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its permissions, where the system has such.
    pub mode: Option<u32>,
}

/// Reads a file, of a long one at least one byte more than given, or says why not. How files are read is the caller's, so that
/// tests need none.
pub type ReadFile<'a> = &'a dyn Fn(&Path, u64) -> Result<Contents, String>;

/// A file that a key names, read.
struct Named<'a> {
    key: &'static str,
    place: Place,
    path: &'a Path,
    contents: Contents,
}

fn open<'a>(
    key: &'static str,
    file: &'a FilePath,
    most: u64,
    places: &Places,
    read: ReadFile<'_>,
    faults: &mut Faults,
) -> Option<Named<'a>> {
    let (path, place) = (file.path()?, *places.get(key)?);
    match read(path, most) {
        Ok(contents) if contents.bytes.len() as u64 > most => {
            let what = format!("{} is longer than {} MiB", path.display(), most >> 20);
            faults.add(key, Wrong::new(place, what, "check that it is the file you mean, or shorten it"));
            None
        }
        Ok(contents) => Some(Named { key, place, path, contents }),
        Err(why) => {
            let mend = "check the path (it is meant from the configuration's folder) and its permissions";
            faults.add(key, Wrong::new(place, format!("cannot read {}: {why}", path.display()), mend));
            None
        }
    }
}

/// Reads the secret: of `key_file`, else of the environment.
pub(super) fn read_secret(
    config: &mut Config,
    places: &Places,
    environment: Option<&str>,
    read: ReadFile<'_>,
    faults: &mut Faults,
) {
    let file = open("privacy.key_file", &config.privacy.key_file, MOST_BYTES, places, read, faults);
    let Some(named) = file else {
        config.privacy.key = match environment {
            // What cannot be read is a fault already; no other secret takes its place.
            Some(text) if config.privacy.key_file.path().is_none() => {
                let told = |what| {
                    let mend = "set it to what `head -c 32 /dev/urandom | base64` prints, or unset it";
                    faults.add(KEY_VARIABLE, Wrong::new(Place::whole(Source::Environment), what, mend));
                };
                secret(text.as_bytes()).map_err(told).ok()
            }
            _ => None,
        };
        return;
    };
    let path = named.path.display();
    if environment.is_some() {
        let what = format!("{KEY_VARIABLE} is set in the environment, too");
        faults.add(named.key, Wrong::new(named.place, what, "keep one of the two"));
    }
    if named.contents.mode.is_some_and(|mode| mode & 0o007 != 0) {
        let what = format!("{path} is open to all users of this machine");
        faults.add(named.key, Wrong::new(named.place, what, format!("run: chmod o= {path}")));
    }
    let mend = format!("run: (umask 077; head -c 32 /dev/urandom | base64 > {path})");
    match secret(&named.contents.bytes) {
        Ok(key) => config.privacy.key = Some(key),
        Err(what) => faults.add(named.key, Wrong::new(named.place, format!("{path} {what}"), mend)),
    }
}

/// A secret without the line end that an editor adds; `Err` says what is wrong with it.
fn secret(bytes: &[u8]) -> Result<Secret, String> {
    let bytes = bytes.trim_ascii();
    match bytes.len() {
        0 => Err("is empty".to_owned()),
        n if n < SHORTEST_SECRET => Err(format!("has {n} bytes, and needs {SHORTEST_SECRET}")),
        _ => Ok(Secret::new(bytes.to_vec())),
    }
}

/// The rows of `sites_file`.
pub(super) fn read_sites(
    config: &Config,
    places: &Places,
    read: ReadFile<'_>,
    faults: &mut Faults,
) -> Vec<Row> {
    let Some(named) = open("sites_file", &config.sites_file, MOST_SITES_BYTES, places, read, faults) else {
        return Vec::new();
    };
    match std::str::from_utf8(&named.contents.bytes) {
        Ok(text) => sites_file::read(text, faults),
        Err(error) => {
            faults.add("", not_utf8(&named.contents.bytes, error.valid_up_to(), Source::Sites));
            Vec::new()
        }
    }
}

/// Whether `web.config_file` is there; what it says is read where it is used.
pub(super) fn check_web(config: &Config, places: &Places, read: ReadFile<'_>, faults: &mut Faults) {
    let named = open("web.config_file", &config.web.config_file, MOST_BYTES, places, read, faults);
    if let Some(named) = named.filter(|named| named.contents.bytes.trim_ascii().is_empty()) {
        let what = format!("{} is empty", named.path.display());
        let mend = "write tls_server_config or basic_auth_users into it, or leave web.config_file out";
        faults.add(named.key, Wrong::new(named.place, what, mend));
    }
}

/// The fault of a text that is no UTF-8 from `valid` on.
pub(super) fn not_utf8(bytes: &[u8], valid: usize, source: Source) -> Wrong {
    let before = bytes.get(..valid).unwrap_or_default();
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let column = before.iter().skip(start).filter(|b| **b & 0xc0 != 0x80).count() + 1;
    let place = Place { source, line: line as u32, column: column as u32 };
    Wrong::new(place, "a byte that is no UTF-8", "save the file as UTF-8")
}
