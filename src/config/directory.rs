//! Customers, sites and peers: their tables read, held against each other, and made into a [`SiteTable`].

use std::collections::HashMap;

use super::Config;
use super::document::{Node, Table, Value};
use super::fault::{Faults, Place, Source, Wrong, nearest, quoted};
use super::keys::{CUSTOMER, Key, PEER, SITE};
use super::reading::{missing, read, rows, set_defaults};
use super::settings::{Customer, Peer, Site};
use super::sites_file::Row;
use super::words::Subnet;
use crate::track::sites::{CustomerId, PeerEntry, SiteEntry, SiteTable};

/// Sites at most, and customers: what their numbers hold. `limits.sites` bounds those that metrics name.
const MOST_SITES: usize = 65_000;
/// Peers at most.
const MOST_PEERS: usize = 4096;
/// Subnets at most, each counted once for every VLAN of its site: what the look-up tables hold.
const MOST_SUBNETS: usize = 262_144;

/// A row of a list with the tree it was read from.
struct Read<'a, T> {
    row: T,
    table: &'a Table,
    place: Place,
}

/// Reads the three lists, and adds the rows of `sites_file`. `whole` is false where the text is no TOML in
/// part: what is missing may then stand in that part.
pub(super) fn read_lists(config: &mut Config, table: &Table, file: &[Row], whole: bool, faults: &mut Faults) {
    let customers: Vec<Read<'_, Customer>> = read_rows(table, "customer", &CUSTOMER, whole, faults);
    let sites: Vec<Read<'_, Site>> = read_rows(table, "site", &SITE, whole, faults);
    let peers: Vec<Read<'_, Peer>> = read_rows(table, "peer", &PEER, whole, faults);
    let mut build = Build {
        whole,
        faults,
        claims: HashMap::new(),
        table: SiteTable::default(),
        pairs: 0,
        pairs_beyond: None,
        site_places: Vec::new(),
    };
    let ids = build.customers(&customers);
    let by_name = build.sites(&sites, &ids);
    build.add_file(file, &ids, by_name);
    build.claim_vlans(&sites);
    build.peers(&peers);
    build.check_limits(&customers, &peers);
    config.site_table = build.table;
    config.customers = customers.into_iter().map(|r| r.row).collect();
    config.sites = sites.into_iter().map(|r| r.row).collect();
    config.peers = peers.into_iter().map(|r| r.row).collect();
}

fn read_rows<'a, T: Default>(
    table: &'a Table,
    list: &str,
    keys: &[Key<T>],
    whole: bool,
    faults: &mut Faults,
) -> Vec<Read<'a, T>> {
    let read_row = |(table, place): (&'a Table, Place), faults: &mut Faults| {
        let mut row = T::default();
        set_defaults(keys, &mut row);
        let places = read(table, list, keys, &mut row, faults);
        if whole {
            missing(keys, list, &places, place, faults);
        }
        Read { row, table, place }
    };
    rows(table, list, faults).into_iter().map(|row| read_row(row, faults)).collect()
}

/// The node of a key in a row.
fn node<'a>(table: &'a Table, key: &str) -> Option<&'a Node> {
    table.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
}

impl<T> Read<'_, T> {
    fn place_of(&self, key: &str) -> Place {
        node(self.table, key).map_or(self.place, |node| node.place)
    }

    /// The texts of a list, each with its place.
    fn texts(&self, key: &str) -> impl Iterator<Item = (&str, Place)> {
        let list = match node(self.table, key).map(|node| &node.value) {
            Some(Value::List(list)) => list.as_slice(),
            _ => &[],
        };
        list.iter().filter_map(|node| match &node.value {
            Value::Text(text) => Some((text.as_str(), node.place)),
            _ => None,
        })
    }
}

/// What only one may have.
#[derive(PartialEq, Eq, Hash)]
enum Claim {
    Customer(String),
    Site(String, String),
    Peer(String),
    Subnet(Option<u16>, Subnet),
    Vlan(u16),
    Domain(String),
    PeerAddress(Subnet),
}

/// Who claims something, and where.
struct By<'a> {
    who: &'a str,
    key: &'a str,
    place: Place,
    /// Of the table that it stands in.
    row: Place,
}

struct Build<'f> {
    whole: bool,
    faults: &'f mut Faults,
    /// Who claimed it first, and where.
    claims: HashMap<Claim, (String, Place, Place)>,
    table: SiteTable,
    /// Subnets so far, each counted once for every VLAN of its site.
    pairs: usize,
    /// The first beyond their bound.
    pairs_beyond: Option<Place>,
    /// Where each site of the table was first named.
    site_places: Vec<Place>,
}

impl Build<'_> {
    fn check_limits(&mut self, customers: &[Read<'_, Customer>], peers: &[Read<'_, Peer>]) {
        let mut limit =
            |key: &str, n: usize, noun: &str, most: usize, first_beyond: Option<Place>, mend: String| {
                if let Some(place) = first_beyond {
                    self.faults.add(key, Wrong::new(place, format!("{n} {noun}, at most {most}"), mend));
                }
            };
        let share = || "share them among several probes".to_owned();
        let beyond = customers.get(MOST_SITES).map(|read| read.place);
        limit("customer", customers.len(), "customers", MOST_SITES, beyond, share());
        let beyond = self.site_places.get(MOST_SITES).copied();
        limit("site", self.table.sites.len(), "sites", MOST_SITES, beyond, share());
        let beyond = peers.get(MOST_PEERS).map(|read| read.place);
        limit("peer", peers.len(), "peers", MOST_PEERS, beyond, "keep those whose calls matter".to_owned());
        let (n, beyond) = (self.pairs, self.pairs_beyond);
        let mend = "join neighbouring subnets, or name fewer VLANs".to_owned();
        limit("site.subnets", n, "subnets, each for every VLAN of its site", MOST_SUBNETS, beyond, mend);
    }

    /// False, and a fault, where another has it already. What one list holds twice is told where the list is
    /// read.
    fn claim(&mut self, claim: Claim, by: &By<'_>, told: &str, mend: &str) -> bool {
        let Some((first, at, row)) = self.claims.get(&claim) else {
            self.claims.insert(claim, (by.who.to_owned(), by.place, by.row));
            return true;
        };
        if *row != by.row {
            let line = match (at.source, by.place.source) {
                (Source::Sites, Source::Main) => format!("line {} of sites_file", at.line),
                (Source::Main, Source::Sites) => format!("line {} of the configuration", at.line),
                _ => format!("line {}", at.line),
            };
            let own = first == by.who;
            let whose = if own { String::new() } else { format!(" by {first}") };
            let mend = if own && !by.key.ends_with("name") { "remove one of the two" } else { mend };
            self.faults.add(by.key, Wrong::new(by.place, format!("{told} is taken{whose} in {line}"), mend));
        }
        false
    }

    fn customers(&mut self, customers: &[Read<'_, Customer>]) -> HashMap<String, CustomerId> {
        let mut ids = HashMap::new();
        for (number, read) in (0..u16::MAX).zip(customers) {
            let (name, place) = (read.row.name.to_string(), read.place_of("name"));
            self.table.customers.push(name.clone());
            let told = format!("the name {name:?}");
            if !name.is_empty()
                && self.claim(
                    Claim::Customer(name.clone()),
                    &By { who: &name, key: "customer.name", place, row: read.place },
                    &told,
                    "rename one",
                )
            {
                ids.insert(name, CustomerId(number));
            }
        }
        ids
    }

    /// The sites' numbers by customer and name.
    fn sites(
        &mut self,
        sites: &[Read<'_, Site>],
        ids: &HashMap<String, CustomerId>,
    ) -> HashMap<(CustomerId, String), usize> {
        let mut by_name = HashMap::new();
        for read in sites {
            let (site, name) = (&read.row, read.row.name.to_string());
            let customer = ids.get(&*site.customer).copied();
            if customer.is_none() && !site.customer.is_empty() {
                self.no_customer("site.customer", &site.customer, read.place_of("customer"), ids);
            }
            let who = label(&site.customer, &name);
            if !name.is_empty() {
                let told = format!("the name {name:?}");
                let claim = Claim::Site(site.customer.to_string(), name.clone());
                let by = By { who: &who, key: "site.name", place: read.place_of("name"), row: read.place };
                self.claim(claim, &by, &told, "rename one, or join the two");
            }
            self.claim_of_site(read, &who);
            let customer = customer.unwrap_or(CustomerId(0));
            by_name.entry((customer, name.clone())).or_insert(self.table.sites.len());
            self.site_places.push(read.place);
            self.table.sites.push(SiteEntry {
                name,
                customer,
                subnets: site.subnets.iter().map(|s| s.0).collect(),
                vlans: site.vlans.clone(),
                domains: site.domains.iter().map(ToString::to_string).collect(),
                counts_here: site.counts_here,
            });
        }
        by_name
    }

    fn claim_of_site(&mut self, read: &Read<'_, Site>, who: &str) {
        let site = &read.row;
        for (text, place) in read.texts("subnets") {
            if let Ok(subnet) = Subnet::parse(text) {
                let by = By { who, key: "site.subnets", place, row: read.place };
                self.claim_subnet(subnet, &site.vlans, &by);
            }
        }
        for (text, place) in read.texts("domains") {
            let domain = text.to_ascii_lowercase();
            let (told, mend) = (format!("domain {domain:?}"), "leave it to one site");
            let by = By { who, key: "site.domains", place, row: read.place };
            self.claim(Claim::Domain(domain), &by, &told, mend);
        }
    }

    /// VLANs of sites that the sites file gave no subnet, either.
    fn claim_vlans(&mut self, sites: &[Read<'_, Site>]) {
        for (number, read) in sites.iter().enumerate() {
            if self.table.sites.get(number).is_some_and(|site| !site.subnets.is_empty()) {
                continue;
            }
            let (who, place) = (label(&read.row.customer, &read.row.name), read.place_of("vlans"));
            for vlan in &read.row.vlans {
                let (told, mend) =
                    (format!("VLAN {vlan} without a subnet"), "add subnets to tell the two apart");
                let by = By { who: &who, key: "site.vlans", place, row: read.place };
                self.claim(Claim::Vlan(*vlan), &by, &told, mend);
            }
        }
    }

    /// Once for each VLAN, else for none: a fault is told once.
    fn claim_subnet(&mut self, subnet: Subnet, vlans: &[u16], by: &By<'_>) -> bool {
        self.pairs = self.pairs.saturating_add(vlans.len().max(1));
        // Beyond the bound there is a fault already, and no memory for more.
        if self.pairs > MOST_SUBNETS {
            self.pairs_beyond.get_or_insert(by.place);
            return false;
        }
        let mend = "leave it to one, or give the sites different vlans";
        if vlans.is_empty() {
            return self.claim(Claim::Subnet(None, subnet), by, &format!("subnet {}", subnet.0), mend);
        }
        vlans.iter().all(|vlan| {
            let told = format!("subnet {} on VLAN {vlan}", subnet.0);
            self.claim(Claim::Subnet(Some(*vlan), subnet), by, &told, mend)
        })
    }

    fn no_customer(&mut self, key: &str, name: &str, place: Place, ids: &HashMap<String, CustomerId>) {
        if !self.whole {
            return;
        }
        // Ever the same search through all customers: not for faults that nobody is told.
        let known = ids.keys().map(String::as_str).filter(|_| !self.faults.is_full());
        let mend = match nearest(name, known) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("add a [[customer]] with name = {} to the configuration", quoted(name)),
        };
        self.faults.add(key, Wrong::new(place, format!("there is no customer {}", quoted(name)), mend));
    }

    fn add_file(
        &mut self,
        rows: &[Row],
        ids: &HashMap<String, CustomerId>,
        mut by_name: HashMap<(CustomerId, String), usize>,
    ) {
        for row in rows {
            let Some(customer) = ids.get(&row.customer).copied() else {
                self.no_customer("customer", &row.customer, row.customer_at, ids);
                continue;
            };
            let at = *by_name.entry((customer, row.site.clone())).or_insert_with(|| {
                self.table.sites.push(SiteEntry {
                    name: row.site.clone(),
                    customer,
                    subnets: Vec::new(),
                    vlans: Vec::new(),
                    domains: Vec::new(),
                    counts_here: true,
                });
                self.site_places.push(row.customer_at);
                self.table.sites.len() - 1
            });
            let vlans = self.table.sites.get(at).map(|site| site.vlans.clone()).unwrap_or_default();
            let who = label(&row.customer, &row.site);
            let by = By { who: &who, key: "subnet", place: row.subnet_at, row: row.subnet_at };
            let free = self.claim_subnet(row.subnet, &vlans, &by);
            if let (true, Some(site)) = (free, self.table.sites.get_mut(at)) {
                site.subnets.push(row.subnet.0);
            }
        }
    }

    fn peers(&mut self, peers: &[Read<'_, Peer>]) {
        for read in peers {
            let name = read.row.name.to_string();
            if !name.is_empty() {
                let (claim, told) = (Claim::Peer(name.clone()), format!("the name {name:?}"));
                let by = By { who: &name, key: "peer.name", place: read.place_of("name"), row: read.place };
                self.claim(claim, &by, &told, "rename one, or join the two");
            }
            for (text, place) in read.texts("addresses") {
                let Ok(subnet) = Subnet::parse(text) else { continue };
                let (told, mend) = (format!("address {}", subnet.0), "leave it to one peer");
                let by = By { who: &name, key: "peer.addresses", place, row: read.place };
                self.claim(Claim::PeerAddress(subnet), &by, &told, mend);
            }
            let addresses = read.row.addresses.iter().map(|a| a.0).collect();
            self.table.peers.push(PeerEntry { name, addresses });
        }
    }
}

fn label(customer: &str, site: &str) -> String {
    format!("{customer}/{site}")
}
