//! TOML → [`Config`]: every key with its default and check.
//!
//! One table (`keys.rs`) says what each key takes, means and is without a word; reading, `config show` and the
//! changes of a reload are made of it. All faults of a file are told at once, each with its place and how to
//! mend it. A `Config` that exists is valid. Nothing below this module sees TOML; each layer's own `Settings`
//! are composed here.

mod changes;
mod directory;
mod document;
mod fault;
mod field;
mod files;
mod keys;
mod reading;
mod settings;
mod show;
mod sites_file;
mod transport;
mod words;

use std::path::Path;
use std::sync::Arc;

pub use self::changes::Change;
pub use self::fault::Fault;
use self::fault::{Faults, Place, Source, Wrong};
pub use self::files::{Contents, ReadFile};
use self::files::{KEY_VARIABLE, MOST_BYTES};
pub use self::keys::Takes;
use self::keys::{CONFIG, Key};
pub use self::settings::{
    Customer, Hep, Limits, Messages, Numbers, Peer, PeerKind, Playout, PoorMos, Privacy, Probe, ProbeSide,
    Records, Score, Secret, Sip, Site, VqCollector, Web,
};
pub use self::transport::HepListen;
pub use self::words::{
    Domain, FilePath, Filter, HeaderName, Interface, Listen, MOS_EDGES, MosEdge, Name, ProbeName, Subnet,
    Zone,
};
use crate::engine::{ScoreSettings, Settings};
use crate::export::analysis::Labels;
use crate::track::sites::{SiteTable, Sites};

/// A valid configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `sites_file`
    pub sites_file: FilePath,
    /// `[probe]`
    pub probe: Probe,
    /// `[limits]`
    pub limits: Limits,
    /// `[[customer]]`
    pub customers: Vec<Customer>,
    /// `[[site]]`
    pub sites: Vec<Site>,
    /// `[[peer]]`
    pub peers: Vec<Peer>,
    /// Customers, sites and peers with what `sites_file` adds, for look-ups. Its customers stand in the order
    /// of `customers`, its peers in that of `peers`, its first sites in that of `sites`.
    pub site_table: SiteTable,
    /// `[score]`
    pub score: Score,
    /// `[sip]`
    pub sip: Sip,
    /// `[hep]`
    pub hep: Hep,
    /// `[vq_collector]`
    pub vq_collector: VqCollector,
    /// `[privacy]`
    pub privacy: Privacy,
    /// `[records]`
    pub records: Records,
    /// `[web]`
    pub web: Web,
    /// Keys set to something else than their default, but that nothing reads yet.
    pub not_in_use: Vec<&'static str>,
}

impl Default for Config {
    /// The configuration of an empty file.
    fn default() -> Self {
        let mut config = Self {
            sites_file: FilePath::default(),
            probe: Probe::default(),
            limits: Limits::default(),
            customers: Vec::new(),
            sites: Vec::new(),
            peers: Vec::new(),
            site_table: SiteTable::default(),
            score: Score::default(),
            sip: Sip::default(),
            hep: Hep::default(),
            vq_collector: VqCollector::default(),
            privacy: Privacy::default(),
            records: Records::default(),
            web: Web::default(),
            not_in_use: Vec::new(),
        };
        reading::set_defaults(&CONFIG, &mut config);
        config
    }
}

/// What a configuration is made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Input<'a> {
    /// The file, as faults name it; relative paths in it are meant from its folder.
    pub name: &'a str,
    /// Its bytes.
    pub text: &'a [u8],
    /// Overlays, `KEY=VALUE`, later ones over earlier ones.
    pub overlays: &'a [String],
    /// The secret of the environment.
    pub secret: Option<&'a str>,
}

/// Reads a configuration file, or the defaults where there is none, and the files it names.
///
/// # Errors
/// Every fault, in the order of their places.
pub fn load(file: Option<&Path>, overlays: &[String]) -> Result<Config, Vec<Fault>> {
    let name = file.map_or_else(|| "no configuration file".to_owned(), |path| path.display().to_string());
    let text = match file.map(|path| read_file(path, MOST_BYTES)).transpose() {
        Ok(contents) => contents.unwrap_or_default().bytes,
        Err(why) => {
            let mend = "check the path and its permissions".to_owned();
            let what = format!("cannot be read: {why}");
            return Err(vec![Fault { source: name, place: Some((1, 1)), key: String::new(), what, mend }]);
        }
    };
    let secret = std::env::var(KEY_VARIABLE).ok();
    parse(&Input { name: &name, text: &text, overlays, secret: secret.as_deref() }, &read_file)
}

/// Makes a configuration of a text. Only `read` touches files.
///
/// # Errors
/// Every fault, in the order of their places.
pub fn parse(input: &Input<'_>, read: ReadFile<'_>) -> Result<Config, Vec<Fault>> {
    let mut faults = Faults::new();
    let text = text(input, &mut faults);
    let mut table = document::read(text, &mut faults);
    let whole = faults.len() == 0;
    reading::overlay(&mut table, input.overlays, &mut faults);
    let mut config = Config::default();
    let places = reading::read(&table, "", &CONFIG, &mut config, &mut faults);
    config.resolve_paths(Path::new(input.name).parent().unwrap_or(Path::new("")));
    files::read_secret(&mut config, &places, input.secret, read, &mut faults);
    files::check_web(&config, &places, read, &mut faults);
    let rows = files::read_sites(&config, &places, read, &mut faults);
    directory::read_lists(&mut config, &table, &rows, whole, &mut faults);
    config.note_unused();
    if faults.len() == 0 {
        return Ok(config);
    }
    let sites = config.sites_file.path().map(|path| path.display().to_string()).unwrap_or_default();
    Err(faults.finish(input.name, &sites))
}

/// The text, if it is one and not too long.
fn text<'a>(input: &Input<'a>, faults: &mut Faults) -> &'a str {
    if input.text.len() as u64 > MOST_BYTES {
        let wrong = Wrong::new(Place::whole(Source::Main), "longer than 1 MiB", "move sites into sites_file");
        faults.add("", wrong);
        return "";
    }
    std::str::from_utf8(input.text).unwrap_or_else(|error| {
        faults.add("", files::not_utf8(input.text, error.valid_up_to(), Source::Main));
        ""
    })
}

impl Config {
    /// As a file that explains every key; reading it gives this configuration again.
    #[must_use]
    pub fn show(&self) -> String {
        show::show(self)
    }

    /// How records are named, and numbers in them shown.
    #[must_use]
    pub fn labels(&self) -> Labels {
        Labels {
            sites: Arc::new(Sites::new(self.site_table.clone())),
            id_key: self.privacy.key.as_ref().map(Secret::id_key),
            probe: self.probe.name.to_string(),
            poor_mos: self.customers.iter().map(Customer::poor_edges).collect(),
            masked: self.privacy.numbers == Numbers::Masked,
        }
    }

    /// What differs from `old`, and whether a reload takes it up.
    #[must_use]
    pub fn changes(&self, old: &Self) -> Vec<Change> {
        changes::changes(old, self)
    }

    /// The settings of the layers below, composed.
    #[must_use]
    pub fn engine_settings(&self) -> Settings {
        let mib = |n: usize| n.saturating_mul(1 << 20);
        let mut settings = Settings::default();
        settings.decode.fragment_bytes = mib(self.limits.fragments_mib);
        settings.reassembly.max_buffered_octets = mib(self.limits.tcp_mib);
        settings.streams.streams = self.limits.streams;
        settings.streams.unbound_bytes = mib(self.limits.unbound_mib);
        settings.calls.calls = self.limits.calls;
        let headers = self.sip.correlate_headers.iter();
        settings.calls.correlate_headers = headers.map(|h| h.to_string().into()).collect();
        settings.registrations = self.limits.registrations;
        settings.score = ScoreSettings {
            profile: self.score.profile,
            adaptive: self.score.playout == Playout::Adaptive,
            assumed_one_way_ms: self.score.assumed_one_way_ms,
        };
        if let Some(secret) = &self.privacy.key {
            settings.key = secret.hash_key();
        }
        settings
    }

    fn note_unused(&mut self) {
        let mut blank = Self::default();
        let mut differs = |key: &&Key<Self>| (key.field)(self).toml() != (key.field)(&mut blank).toml();
        self.not_in_use = CONFIG.iter().filter(|key| key.later && differs(key)).map(|key| key.path).collect();
    }

    /// Sites beyond `limits.sites`, which metrics count as `overflow`.
    #[must_use]
    pub fn sites_beyond(&self) -> usize {
        let counted = self.site_table.sites.iter().filter(|site| site.counts_here).count();
        counted.saturating_sub(self.limits.sites)
    }

    fn resolve_paths(&mut self, folder: &Path) {
        let Self { sites_file, privacy, records, web, .. } = self;
        for file in [sites_file, &mut privacy.key_file, &mut records.dir, &mut web.config_file] {
            file.resolve(folder);
        }
    }
}

/// What a file holds, up to one byte more than `most`, so that one that is too long is known.
fn read_file(path: &Path, most: u64) -> Result<Contents, String> {
    use std::io::Read;
    let open = || -> std::io::Result<Contents> {
        let file = std::fs::File::open(path)?;
        let about = file.metadata()?;
        if about.is_dir() {
            return Err(std::io::ErrorKind::IsADirectory.into());
        }
        let mut bytes = Vec::new();
        file.take(most + 1).read_to_end(&mut bytes)?;
        Ok(Contents { bytes, mode: mode(&about) })
    };
    open().map_err(|error| error.to_string())
}

#[cfg(unix)]
fn mode(about: &std::fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    Some(about.permissions().mode())
}

#[cfg(not(unix))]
const fn mode(_: &std::fs::Metadata) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests;
