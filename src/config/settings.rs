//! What a valid configuration says, section by section. The keys' table ([`super::keys`]) says what each key
//! means; a section's `Default` is blank, the defaults are those of [`super::Config`].

use std::fmt;
use std::net::SocketAddr;

use siphasher::sip::SipHasher24;

use super::transport::HepListen;
use super::words::{
    Domain, FilePath, Filter, HeaderName, Interface, Listen, MosEdge, Name, ProbeName, Subnet, Zone,
};
use crate::decode::HashKey;
use crate::score::Profile;

/// `[probe]`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the table of keys says what each is")]
pub struct Probe {
    pub name: ProbeName,
    pub interfaces: Vec<Interface>,
    pub ring_mib: usize,
    pub workers: usize,
    pub filter: Filter,
    pub snaplen: usize,
}

/// `[limits]`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the table of keys says what each is")]
pub struct Limits {
    pub streams: usize,
    pub calls: usize,
    pub fragments_mib: usize,
    pub tcp_mib: usize,
    pub registrations: usize,
    pub unbound_mib: usize,
    pub series: usize,
    pub sites: usize,
}

/// `[[customer]]`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the table of keys says what each is")]
pub struct Customer {
    pub name: Name,
    pub timezone: Zone,
    pub poor_mos: PoorMos,
    pub sla_good_ratio: f64,
}

impl Customer {
    /// MOS-LQE under which an interval is poor: narrowband, wideband, fullband.
    pub(super) const fn poor_edges(&self) -> [f64; 3] {
        let PoorMos { nb, wb, fb } = self.poor_mos;
        [nb.value(), wb.value(), fb.value()]
    }
}

/// Limits under which an interval is poor, MOS-LQE, by scale.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PoorMos {
    /// Narrowband.
    pub nb: MosEdge,
    /// Wideband.
    pub wb: MosEdge,
    /// Fullband.
    pub fb: MosEdge,
}

/// `[[site]]`, without what `sites_file` adds: that is in [`super::Config::site_table`].
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the table of keys says what each is")]
pub struct Site {
    pub name: Name,
    pub customer: Name,
    pub subnets: Vec<Subnet>,
    pub vlans: Vec<u16>,
    pub domains: Vec<Domain>,
    pub counts_here: bool,
    pub probe_side: ProbeSide,
}

/// Where the probe stands, seen from a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProbeSide {
    /// Between the site's network and its uplink.
    #[default]
    Edge,
    /// Inside the site's network.
    Lan,
    /// In the provider's core.
    Core,
}

/// `[[peer]]`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the table of keys says what each is")]
pub struct Peer {
    pub name: Name,
    pub addresses: Vec<Subnet>,
    pub kind: PeerKind,
}

/// What a peer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PeerKind {
    /// A carrier's trunk.
    #[default]
    Trunk,
    /// Where phones register.
    Registrar,
}

/// `[score]`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the table of keys says what each is")]
pub struct Score {
    pub profile: Profile,
    pub playout: Playout,
    pub fixed_ms: usize,
    pub assumed_one_way_ms: f64,
}

/// Which playout buffer scores are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Playout {
    /// One that adapts.
    #[default]
    Adaptive,
    /// One of fixed depth.
    Fixed,
}

/// `[sip]`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the table of keys says what each is")]
pub struct Sip {
    pub ports: Vec<u16>,
    pub correlate_headers: Vec<HeaderName>,
}

/// `[hep]`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the table of keys says what each is")]
pub struct Hep {
    pub listen: Vec<HepListen>,
}

/// `[vq_collector]`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the table of keys says what each is")]
pub struct VqCollector {
    pub listen: Listen,
}

/// `[privacy]`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the table of keys says what each is")]
pub struct Privacy {
    pub numbers: Numbers,
    pub key_file: FilePath,
    /// The key, of `key_file` or of the environment; without one a fixed public key is used.
    pub key: Option<Secret>,
}

/// How numbers are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbers {
    /// All but the last digits hidden.
    #[default]
    Masked,
    /// As they are.
    Clear,
}

/// A secret. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    pub(super) const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key of record ids, derived likewise.
    #[must_use]
    pub fn id_key(&self) -> [u64; 2] {
        let part = |of: u64| SipHasher24::new_with_keys(0x636c_6561_726c_696e, of).hash(&self.0);
        [part(0x7265_636f_7264_6964), part(0x7265_636f_7264_6965)]
    }

    /// The key of our hash of flows, derived so that it tells nothing of the secret's other uses.
    #[must_use]
    pub fn hash_key(&self) -> HashKey {
        HashKey::from_seed(
            SipHasher24::new_with_keys(0x636c_6561_726c_696e, 0x666c_6f77_6861_7368).hash(&self.0),
        )
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// `[records]`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the table of keys says what each is")]
pub struct Records {
    pub dir: FilePath,
    pub max_age_days: usize,
    pub max_gib: usize,
    pub messages: Messages,
    pub lookback_s: usize,
    pub lookback_mib: usize,
}

/// What is kept of SIP messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Messages {
    /// Nothing.
    #[default]
    None,
    /// Start line and headers.
    Headers,
    /// All.
    Full,
}

/// `[web]`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the table of keys says what each is")]
pub struct Web {
    pub listen: Vec<SocketAddr>,
    pub config_file: FilePath,
}
