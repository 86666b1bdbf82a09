//! Whose stream or call is it? Addresses, VLANs and domains to sites, by configuration alone.
//!
//! A site is found by VLAN and subnet together, then by the longest subnet, then by VLAN alone, then (calls
//! only) by domain. What two sites claim alike belongs to neither: a label is never guessed.

mod prefixes;

use arrayvec::ArrayVec;

pub use self::prefixes::Subnet;
use self::prefixes::{Builder, Prefixes};
use crate::decode::{Address, Flow};

/// Number of a customer: its place in [`SiteTable::customers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CustomerId(pub u16);

/// Number of a site: its place in [`SiteTable::sites`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteId(pub u16);

/// Number of a peer: its place in [`SiteTable::peers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub u16);

/// Customers, sites and peers as configuration has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteTable {
    /// Names of customers.
    pub customers: Vec<String>,
    /// Sites.
    pub sites: Vec<SiteEntry>,
    /// Peers.
    pub peers: Vec<PeerEntry>,
}

/// One site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteEntry {
    /// Its name: unique among its customer's.
    pub name: String,
    /// Whose it is.
    pub customer: CustomerId,
    /// Where its phones are.
    pub subnets: Vec<Subnet>,
    /// VLANs it is seen on, 1 to 4094.
    pub vlans: Vec<u16>,
    /// SIP domains of its phones, in lower case.
    pub domains: Vec<String>,
    /// Whether this probe counts it.
    pub counts_here: bool,
}

/// One peer: a trunk or registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerEntry {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<Subnet>,
}

/// Which way, as the site sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// Towards the site's phones.
    In,
    /// From the site's phones.
    Out,
    /// Both ends are in the site.
    Internal,
    /// No end is known to be in the site: it was found by its VLAN or domain only.
    Through,
}

impl Direction {
    /// Every direction, in the order in which they are counted.
    pub const ALL: [Self; 4] = [Self::In, Self::Out, Self::Internal, Self::Through];

    /// `in`, `out`, `internal`, `through`, as in reports and labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Internal => "internal",
            Self::Through => "through",
        }
    }
}

/// A stream or call as one site sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Whose site.
    pub customer: CustomerId,
    /// The site.
    pub site: SiteId,
    /// Which way.
    pub direction: Direction,
    /// Whether metrics of this probe count it (`counts_here`); reports show it either way.
    pub counted: bool,
}

/// The views of one stream or call, none to two. None at all is what metrics call `unassigned`; one that is
/// not [`counted`](View::counted) is counted by another probe and is not `unassigned` here.
pub type Views = ArrayVec<View, 2>;

/// What is known of the two ends of a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallEnds<'a> {
    /// Where the INVITE came from.
    pub caller: Address,
    /// Where it went.
    pub callee: Address,
    /// The outermost VLAN; 0 without one.
    pub vlan: u16,
    /// Host of the From URI; empty if not known.
    pub caller_domain: &'a str,
    /// Host of the To URI; empty if not known.
    pub callee_domain: &'a str,
}

/// Sites, ready to be looked up: once a stream or call, never a packet.
#[derive(Debug, Default)]
pub struct Sites {
    table: SiteTable,
    /// By VLAN, sorted: the subnets of sites that name it.
    on_vlan: Vec<(u16, Prefixes)>,
    subnets: Prefixes,
    /// Sites of a VLAN without subnets, sorted by VLAN.
    vlan_only: Vec<(u16, Option<SiteId>)>,
    /// Sorted by domain.
    domains: Vec<(String, Option<SiteId>)>,
    peers: Prefixes,
}

impl Sites {
    /// Makes the look-ups of a table. Sites and peers beyond 65,535 are passed over; configuration has lower
    /// bounds.
    #[must_use]
    pub fn new(table: SiteTable) -> Self {
        let mut subnets = Builder::default();
        let mut peers = Builder::default();
        let (mut pairs, mut vlan_only, mut domains) = (Vec::new(), Vec::new(), Vec::new());
        for (number, site) in (0..u16::MAX).zip(&table.sites) {
            for subnet in &site.subnets {
                subnets.add(*subnet, number);
                pairs.extend(site.vlans.iter().map(|vlan| (*vlan, *subnet, number)));
            }
            if site.subnets.is_empty() {
                vlan_only.extend(site.vlans.iter().map(|vlan| (*vlan, Some(SiteId(number)))));
            }
            domains.extend(site.domains.iter().map(|d| (d.to_ascii_lowercase(), Some(SiteId(number)))));
        }
        for (number, peer) in (0..u16::MAX).zip(&table.peers) {
            for address in &peer.addresses {
                peers.add(*address, number);
            }
        }
        pairs.sort_unstable();
        let on_vlan = pairs.chunk_by(|a, b| a.0 == b.0).filter_map(|run| {
            let mut of_vlan = Builder::default();
            for (_, subnet, number) in run {
                of_vlan.add(*subnet, *number);
            }
            run.first().map(|(vlan, ..)| (*vlan, of_vlan.build()))
        });
        Self {
            on_vlan: on_vlan.collect(),
            subnets: subnets.build(),
            vlan_only: claimed_once(vlan_only),
            domains: claimed_once(domains),
            peers: peers.build(),
            table,
        }
    }

    /// The names by number.
    #[must_use]
    pub const fn table(&self) -> &SiteTable {
        &self.table
    }

    /// Name of a customer; empty for a number that is none.
    #[must_use]
    pub fn customer_name(&self, id: CustomerId) -> &str {
        self.table.customers.get(usize::from(id.0)).map_or("", String::as_str)
    }

    /// Name of a site; empty for a number that is none.
    #[must_use]
    pub fn site_name(&self, id: SiteId) -> &str {
        self.table.sites.get(usize::from(id.0)).map_or("", |site| &site.name)
    }

    /// Name of a peer; empty for a number that is none.
    #[must_use]
    pub fn peer_name(&self, id: PeerId) -> &str {
        self.table.peers.get(usize::from(id.0)).map_or("", |peer| &peer.name)
    }

    /// The site of an address seen on a VLAN (0: none): by both, else by the longest subnet.
    #[must_use]
    pub fn site(&self, address: Address, vlan: u16) -> Option<SiteId> {
        found(&self.on_vlan, &vlan)
            .and_then(|prefixes| prefixes.find(address))
            .unwrap_or_else(|| self.subnets.find(address).flatten())
            .map(SiteId)
    }

    /// The peer of an address: the only source of `peer`.
    #[must_use]
    pub fn peer(&self, address: Address) -> Option<PeerId> {
        self.peers.find(address).flatten().map(PeerId)
    }

    /// Name of the peer at one of a flow's ends: who was asked before who asked.
    #[must_use]
    pub fn peer_between(&self, flow: &Flow) -> Option<&str> {
        let peer = self.peer(flow.dst.address).or_else(|| self.peer(flow.src.address))?;
        Some(self.peer_name(peer))
    }

    /// Who sees a stream of this flow: the receiver's site first.
    #[must_use]
    pub fn views(&self, flow: &Flow, vlan: u16) -> Views {
        let (src, dst) = (flow.src.address, flow.dst.address);
        match self.ends(src, dst, vlan) {
            Ends::Known { from, to } => self.both(from, to),
            Ends::OnVlan(site) => self.through(site),
        }
    }

    /// Who sees a call: the callee's site first. A domain is asked only where addresses and VLAN say nothing.
    #[must_use]
    pub fn call_views(&self, call: &CallEnds<'_>) -> Views {
        match self.ends(call.caller, call.callee, call.vlan) {
            Ends::Known { from: None, to: None } => {}
            Ends::Known { from, to } => return self.both(from, to),
            Ends::OnVlan(site) => return self.through(site),
        }
        let (from, to) = (self.by_domain(call.caller_domain), self.by_domain(call.callee_domain));
        match (from, to) {
            // Behind one registrar every URI has its domain: which end is in the site is not known.
            (Some(a), Some(b)) if a == b => self.through(a),
            _ => self.both(from, to),
        }
    }

    fn by_domain(&self, domain: &str) -> Option<SiteId> {
        let domain = domain.trim_end_matches('.').to_ascii_lowercase();
        found(&self.domains, &domain).copied().flatten()
    }

    fn ends(&self, from: Address, to: Address, vlan: u16) -> Ends {
        let ends = (self.site(from, vlan), self.site(to, vlan));
        let known = Ends::Known { from: ends.0, to: ends.1 };
        let Some(site) = found(&self.vlan_only, &vlan).copied().flatten() else { return known };
        // An end that is a peer, or in another site, leaves the other one to be the VLAN's.
        let open = |end: Option<SiteId>, address| end.is_none() && self.peer(address).is_none();
        match (open(ends.0, from), open(ends.1, to)) {
            (true, false) => Ends::Known { from: Some(site), to: ends.1 },
            (false, true) => Ends::Known { from: ends.0, to: Some(site) },
            (false, false) if ends != (None, None) => known,
            _ => Ends::OnVlan(site),
        }
    }

    fn both(&self, from: Option<SiteId>, to: Option<SiteId>) -> Views {
        let mut views = Views::new();
        match (from, to) {
            (Some(a), Some(b)) if a == b => views.extend(self.view(a, Direction::Internal)),
            _ => {
                views.extend(to.and_then(|site| self.view(site, Direction::In)));
                views.extend(from.and_then(|site| self.view(site, Direction::Out)));
            }
        }
        views
    }

    fn through(&self, site: SiteId) -> Views {
        self.view(site, Direction::Through).into_iter().collect()
    }

    fn view(&self, site: SiteId, direction: Direction) -> Option<View> {
        let entry = self.table.sites.get(usize::from(site.0))?;
        Some(View { customer: entry.customer, site, direction, counted: entry.counts_here })
    }
}

/// Which sites the ends are in.
enum Ends {
    Known {
        from: Option<SiteId>,
        to: Option<SiteId>,
    },
    /// Neither end is known, but the VLAN is a site's.
    OnVlan(SiteId),
}

/// Sorted; what several claim is nobody's.
fn claimed_once<K: Ord>(mut claims: Vec<(K, Option<SiteId>)>) -> Vec<(K, Option<SiteId>)> {
    claims.sort_unstable();
    claims.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same && later.1 != kept.1 {
            kept.1 = None;
        }
        same
    });
    claims
}

fn found<'a, K: Ord, V>(sorted: &'a [(K, V)], key: &K) -> Option<&'a V> {
    let place = sorted.binary_search_by(|(k, _)| k.cmp(key)).ok()?;
    sorted.get(place).map(|(_, value)| value)
}

#[cfg(test)]
mod tests;
