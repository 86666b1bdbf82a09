//! What differs between two configurations, and whether a reload takes it up.

use std::collections::BTreeMap;

use super::Config;
use super::keys::{CONFIG, CUSTOMER, Key, PEER, SITE, Takes};
use crate::track::sites::SiteTable;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The dotted key, or `customer Acme`, `site Acme/Head office`, `peer Carrier`.
    pub key: String,
    /// As it was, TOML; empty for what is new. Never a secret.
    pub old: String,
    /// As it is; empty for what is gone.
    pub new: String,
    /// When it takes effect.
    pub takes: Takes,
}

pub(super) fn changes(old: &Config, new: &Config) -> Vec<Change> {
    let (mut a, mut b) = (old.clone(), new.clone());
    let mut all: Vec<Change> = CONFIG
        .iter()
        .filter_map(|key| {
            let (old, new) = ((key.field)(&mut a).toml(), (key.field)(&mut b).toml());
            (old != new).then(|| Change { key: key.path.to_owned(), old, new, takes: key.takes })
        })
        .collect();
    if old.privacy.key != new.privacy.key {
        let told = |config: &Config| if config.privacy.key.is_some() { "(a secret)" } else { "" }.to_owned();
        all.push(Change {
            key: "privacy.key".to_owned(),
            old: told(old),
            new: told(new),
            takes: Takes::Restart,
        });
    }
    differ(&mut all, &listed(old), &listed(new));
    all
}

/// Rows by what they are called, as TOML.
fn listed(config: &Config) -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    for customer in &config.customers {
        rows.insert(format!("customer {}", customer.name), toml(&CUSTOMER, customer));
    }
    for site in &config.sites {
        rows.insert(format!("site {}/{}", site.customer, site.name), toml(&SITE, site));
    }
    for peer in &config.peers {
        rows.insert(format!("peer {}", peer.name), toml(&PEER, peer));
    }
    // What the sites file adds shows in all the subnets there are.
    let SiteTable { customers, sites, .. } = &config.site_table;
    for site in sites {
        let customer = customers.get(usize::from(site.customer.0)).map_or("", String::as_str);
        let subnets: Vec<_> = site.subnets.iter().map(|subnet| format!("\"{subnet}\"")).collect();
        let row = rows.entry(format!("site {customer}/{}", site.name)).or_default();
        row.push_str(&format!("{}in all [{}]", if row.is_empty() { "" } else { ", " }, subnets.join(", ")));
    }
    rows
}

fn toml<T: Clone>(keys: &[Key<T>], row: &T) -> String {
    let mut row = row.clone();
    let all: Vec<_> =
        keys.iter().map(|key| format!("{} = {}", key.path, (key.field)(&mut row).toml())).collect();
    all.join(", ")
}

fn differ(all: &mut Vec<Change>, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) {
    let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
    for name in names {
        let told = |rows: &BTreeMap<String, String>| rows.get(name).cloned().unwrap_or_default();
        let (old, new) = (told(old), told(new));
        if old != new {
            all.push(Change { key: name.clone(), old, new, takes: Takes::Reload });
        }
    }
}
