//! Every key once: what it takes, what it is without a word, what it means, and when a change takes effect.
//! Validation, `config show` and the list of changes of a reload are made of this.

use super::Config;
use super::field::{Field, Range};
use super::settings::{Customer, Peer, Site};

/// When a changed value takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// At a reload.
    Reload,
    /// At the next start.
    Restart,
}

/// One key of a table of type `T`.
pub(super) struct Key<T: 'static> {
    /// Dotted, from the table it is in.
    pub path: &'static str,
    /// TOML; for a required key an example.
    pub default: &'static str,
    /// A sentence or two, with the unit.
    pub meaning: &'static str,
    pub takes: Takes,
    pub range: Range,
    pub required: bool,
    /// It is checked, but nothing reads it yet.
    pub later: bool,
    /// Where its value lives.
    pub field: fn(&mut T) -> &mut dyn Field,
}

impl<T> Key<T> {
    const fn new(
        path: &'static str,
        default: &'static str,
        takes: Takes,
        meaning: &'static str,
        field: fn(&mut T) -> &mut dyn Field,
    ) -> Self {
        Self { path, default, meaning, takes, range: Range::ALL, required: false, later: false, field }
    }

    const fn within(mut self, least: f64, most: f64) -> Self {
        self.range = Range { least, most, open: false };
        self
    }

    const fn between(mut self, least: f64, most: f64) -> Self {
        self.range = Range { least, most, open: true };
        self
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn later(mut self) -> Self {
        self.later = true;
        self
    }
}

use Takes::{Reload, Restart};

/// Keys outside of lists.
pub(super) static CONFIG: [Key<Config>; 33] = [
    Key::new(
        "sites_file",
        "\"\"",
        Reload,
        "A file with the columns customer,site,subnet, for hundreds of sites. A row adds a subnet to a site, and \
         makes the site if it is new; its customer must be defined here.",
        |c: &mut Config| &mut c.sites_file,
    ),
    Key::new(
        "probe.name",
        "\"\"",
        Restart,
        "Name of this probe in clearline_build_info, and part of record ids; \"\": none.",
        |c: &mut Config| &mut c.probe.name,
    ),
    Key::new(
        "probe.interfaces",
        "[]",
        Restart,
        "Network interfaces to listen on, beside those of -i.",
        |c: &mut Config| &mut c.probe.interfaces,
    ),
    Key::new(
        "probe.ring_mib",
        "64",
        Restart,
        "Size of the capture ring of each interface, MiB.",
        |c: &mut Config| &mut c.probe.ring_mib,
    )
    .within(1.0, 4096.0),
    Key::new("probe.workers", "0", Restart, "Threads that decode; 0: one a core.", |c: &mut Config| {
        &mut c.probe.workers
    })
    .within(0.0, 256.0)
    .later(),
    Key::new(
        "probe.filter",
        "\"\"",
        Restart,
        "Capture only what this pcap filter lets through; \"\": everything.",
        |c: &mut Config| &mut c.probe.filter,
    )
    .later(),
    Key::new(
        "probe.snaplen",
        "0",
        Restart,
        "Bytes to capture of a packet; 0: the whole.",
        |c: &mut Config| &mut c.probe.snaplen,
    )
    .within(0.0, 262_144.0),
    Key::new("limits.streams", "1000000", Restart, "RTP streams followed at once.", |c: &mut Config| {
        &mut c.limits.streams
    })
    .within(1.0, 10_000_000.0),
    Key::new("limits.calls", "262144", Restart, "Calls followed at once.", |c: &mut Config| {
        &mut c.limits.calls
    })
    .within(1.0, 10_000_000.0),
    Key::new(
        "limits.fragments_mib",
        "16",
        Restart,
        "Memory for IP fragments that wait for the rest of their datagram, MiB.",
        |c: &mut Config| &mut c.limits.fragments_mib,
    )
    .within(1.0, 4096.0),
    Key::new(
        "limits.tcp_mib",
        "64",
        Restart,
        "Memory for signalling over TCP, WebSocket and SCTP that waits for what is missing, MiB.",
        |c: &mut Config| &mut c.limits.tcp_mib,
    )
    .within(1.0, 4096.0),
    Key::new(
        "limits.registrations",
        "100000",
        Restart,
        "Devices remembered with their registration; those that are registered push out those that are no more.",
        |c: &mut Config| &mut c.limits.registrations,
    )
    .within(1.0, 10_000_000.0),
    Key::new(
        "limits.unbound_mib",
        "64",
        Restart,
        "Memory for packets that may be RTP while no SDP has described them, MiB.",
        |c: &mut Config| &mut c.limits.unbound_mib,
    )
    .within(1.0, 4096.0),
    Key::new(
        "limits.series",
        "100000",
        Restart,
        "Metric series at most; label values beyond are counted as \"overflow\".",
        |c: &mut Config| &mut c.limits.series,
    )
    .within(1000.0, 10_000_000.0)
    .later(),
    Key::new(
        "limits.sites",
        "256",
        Reload,
        "Sites that metrics name at most, the first of the configuration; those beyond are counted as \"overflow\".",
        |c: &mut Config| &mut c.limits.sites,
    )
    .within(1.0, 65_000.0),
    Key::new(
        "score.profile",
        "\"itu\"",
        Restart,
        "Whose codec values scores are made with: the ITU's, or those fitted to PESQ.",
        |c: &mut Config| &mut c.score.profile,
    ),
    Key::new(
        "score.playout",
        "\"adaptive\"",
        Restart,
        "Which playout buffer decides what came too late.",
        |c: &mut Config| &mut c.score.playout,
    ),
    Key::new("score.fixed_ms", "60", Restart, "Depth of the fixed playout buffer, ms.", |c: &mut Config| {
        &mut c.score.fixed_ms
    })
    .within(10.0, 1000.0)
    .later(),
    Key::new(
        "score.assumed_one_way_ms",
        "50.0",
        Restart,
        "Network delay one way where RTCP does not tell it, ms.",
        |c: &mut Config| &mut c.score.assumed_one_way_ms,
    )
    .within(0.0, 1000.0),
    Key::new("sip.ports", "[]", Restart, "Ports on which SIP is looked for; []: any.", |c: &mut Config| {
        &mut c.sip.ports
    })
    .within(1.0, 65_535.0)
    .later(),
    Key::new(
        "sip.correlate_headers",
        "[\"X-Call-ID\"]",
        Restart,
        "SIP headers that carry the Call-ID of another leg of the same call.",
        |c: &mut Config| &mut c.sip.correlate_headers,
    ),
    Key::new(
        "hep.listen",
        "[]",
        Restart,
        "Addresses on which HEP packets of other probes, PBXes and proxies are taken; \"udp:…\" or \"tcp:…\": over \
         one of the two.",
        |c: &mut Config| &mut c.hep.listen,
    ),
    Key::new(
        "vq_collector.listen",
        "\"\"",
        Restart,
        "Address on which phones' quality reports (RFC 6035 PUBLISH) are taken and answered with 200.",
        |c: &mut Config| &mut c.vq_collector.listen,
    ),
    Key::new(
        "privacy.numbers",
        "\"masked\"",
        Restart,
        "How phone numbers are shown in records, pages and messages.",
        |c: &mut Config| &mut c.privacy.numbers,
    )
    .later(),
    Key::new(
        "privacy.key_file",
        "\"\"",
        Restart,
        "A file with the secret behind record ids and number hashes, 16 bytes or more, not readable by all. \
         CLEARLINE_PRIVACY_KEY in the environment does as well; without either a public key is used.",
        |c: &mut Config| &mut c.privacy.key_file,
    ),
    Key::new(
        "records.dir",
        "\"\"",
        Restart,
        "Folder of the call records; \"\": none are kept.",
        |c: &mut Config| &mut c.records.dir,
    )
    .later(),
    Key::new(
        "records.max_age_days",
        "30",
        Reload,
        "Days that a record is kept, counted from the newest record.",
        |c: &mut Config| &mut c.records.max_age_days,
    )
    .within(1.0, 3650.0)
    .later(),
    Key::new(
        "records.max_gib",
        "10",
        Reload,
        "Disk space for records, GiB; the oldest day goes first.",
        |c: &mut Config| &mut c.records.max_gib,
    )
    .within(1.0, 1_048_576.0)
    .later(),
    Key::new("records.messages", "\"none\"", Restart, "What is kept of SIP messages.", |c: &mut Config| {
        &mut c.records.messages
    })
    .later(),
    Key::new(
        "records.lookback_s",
        "60",
        Restart,
        "Seconds before a capture was asked for that it reaches back; 0: none.",
        |c: &mut Config| &mut c.records.lookback_s,
    )
    .within(0.0, 3600.0)
    .later(),
    Key::new("records.lookback_mib", "64", Restart, "Memory for looking back, MiB.", |c: &mut Config| {
        &mut c.records.lookback_mib
    })
    .within(0.0, 65_536.0)
    .later(),
    Key::new(
        "web.listen",
        "[\"127.0.0.1:9768\"]",
        Restart,
        "Addresses of the page, the API and /metrics.",
        |c: &mut Config| &mut c.web.listen,
    )
    .later(),
    Key::new(
        "web.config_file",
        "\"\"",
        Reload,
        "TLS and users, a file as in Prometheus' exporter-toolkit; \"\": neither.",
        |c: &mut Config| &mut c.web.config_file,
    )
    .later(),
];

/// Keys of a customer.
pub(super) static CUSTOMER: [Key<Customer>; 6] = [
    Key::new("name", "\"Acme\"", Reload, "Its name: the label `customer`.", |c: &mut Customer| &mut c.name)
        .required(),
    Key::new(
        "timezone",
        "\"UTC\"",
        Reload,
        "In which months and hours of the week are counted.",
        |c: &mut Customer| &mut c.timezone,
    )
    .later(),
    Key::new(
        "poor_mos.nb",
        "3.6",
        Reload,
        "Under this MOS-LQE an interval is poor: narrowband.",
        |c: &mut Customer| &mut c.poor_mos.nb,
    )
    .later(),
    Key::new("poor_mos.wb", "3.6", Reload, "The same: wideband.", |c: &mut Customer| &mut c.poor_mos.wb)
        .later(),
    Key::new("poor_mos.fb", "3.6", Reload, "The same: fullband.", |c: &mut Customer| &mut c.poor_mos.fb)
        .later(),
    Key::new("sla_good_ratio", "0.99", Reload, "Promised share of good call seconds.", |c: &mut Customer| {
        &mut c.sla_good_ratio
    })
    .between(0.0, 1.0),
];

/// Keys of a site.
pub(super) static SITE: [Key<Site>; 7] = [
    Key::new("name", "\"Head office\"", Reload, "Its name: the label `site`. Unique among its customer's.",
        |s: &mut Site| &mut s.name).required(),
    Key::new("customer", "\"Acme\"", Reload, "Whose it is: the name of a [[customer]].", |s: &mut Site| &mut s.customer)
        .required(),
    Key::new("subnets", "[]", Reload, "Where its phones are.", |s: &mut Site| &mut s.subnets),
    Key::new("vlans", "[]", Reload,
        "VLANs it is seen on. With subnets: tells apart sites that use the same subnet.", |s: &mut Site| &mut s.vlans)
        .within(1.0, 4094.0),
    Key::new("domains", "[]", Reload, "SIP domains of its phones, where neither subnet nor VLAN tells.",
        |s: &mut Site| &mut s.domains),
    Key::new("counts_here", "true", Reload,
        "Whether this probe's metrics count it: true on one of the probes that see it.", |s: &mut Site| &mut s.counts_here),
    Key::new("probe_side", "\"edge\"", Reload,
        "Where this probe stands, seen from the site: at its uplink, inside its network, or in the provider's core.",
        |s: &mut Site| &mut s.probe_side).later(),
];

/// Keys of a peer.
pub(super) static PEER: [Key<Peer>; 3] = [
    Key::new("name", "\"Carrier\"", Reload, "Its name: the label `peer`.", |p: &mut Peer| &mut p.name)
        .required(),
    Key::new("addresses", "[]", Reload, "Its addresses or subnets.", |p: &mut Peer| &mut p.addresses),
    Key::new("kind", "\"trunk\"", Reload, "What it is.", |p: &mut Peer| &mut p.kind).later(),
];

/// The lists of tables, in the order in which they are shown.
pub(super) const LISTS: [&str; 3] = ["customer", "site", "peer"];

/// Every key, for suggestions: its table and its path there.
pub(super) fn everywhere() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lists = CUSTOMER
        .iter()
        .map(|key| ("customer", key.path))
        .chain(SITE.iter().map(|key| ("site", key.path)))
        .chain(PEER.iter().map(|key| ("peer", key.path)));
    CONFIG.iter().map(|key| key.path.split_once('.').unwrap_or(("", key.path))).chain(lists)
}
