use std::net::{IpAddr, SocketAddr};

use super::*;
use crate::decode::Endpoint;

fn subnet(text: &str) -> Subnet {
    let (ip, length) = text.split_once('/').unwrap();
    Subnet::new(ip.parse().unwrap(), length.parse().unwrap())
}

fn site(name: &str, subnets: &[&str], vlans: &[u16], domains: &[&str]) -> SiteEntry {
    SiteEntry {
        name: name.to_owned(),
        customer: CustomerId(0),
        subnets: subnets.iter().map(|s| subnet(s)).collect(),
        vlans: vlans.to_vec(),
        domains: domains.iter().map(|d| (*d).to_owned()).collect(),
        counts_here: true,
    }
}

fn sites(sites: Vec<SiteEntry>) -> Sites {
    let trunk = PeerEntry { name: "trunk".to_owned(), addresses: vec![subnet("203.0.113.5/32")] };
    Sites::new(SiteTable { customers: vec!["acme".to_owned()], sites, peers: vec![trunk] })
}

fn ip(text: &str) -> Address {
    text.parse::<IpAddr>().unwrap().into()
}

fn told(sites: &Sites, views: &Views) -> String {
    let all: Vec<_> =
        views.iter().map(|v| format!("{} {}", sites.site_name(v.site), v.direction.name())).collect();
    all.join(", ")
}

fn views(sites: &Sites, src: &str, dst: &str, vlan: u16) -> String {
    let end = |ip: &str| {
        let end = SocketAddr::new(ip.parse().unwrap(), 4000);
        Endpoint::new(end.ip().into(), end.port())
    };
    told(sites, &sites.views(&Flow { src: end(src), dst: end(dst) }, vlan))
}

#[test]
fn a_stream_counts_once_at_each_site_it_touches() {
    let s = sites(vec![site("hq", &["10.1.0.0/16"], &[], &[]), site("shop", &["10.2.0.0/16"], &[], &[])]);
    assert_eq!(views(&s, "198.51.100.1", "10.1.0.9", 0), "hq in");
    assert_eq!(views(&s, "10.1.0.9", "198.51.100.1", 0), "hq out");
    assert_eq!(views(&s, "10.1.0.9", "10.1.0.10", 0), "hq internal");
    assert_eq!(views(&s, "10.1.0.9", "10.2.0.1", 0), "shop in, hq out");
    assert_eq!(views(&s, "198.51.100.1", "198.51.100.2", 0), "");
}

#[test]
fn vlan_and_subnet_come_before_a_longer_subnet() {
    let s = sites(vec![site("a", &["10.0.0.0/8"], &[10], &[]), site("b", &["10.1.0.0/16"], &[], &[])]);
    assert_eq!(views(&s, "198.51.100.1", "10.1.0.9", 10), "a in");
    assert_eq!(views(&s, "198.51.100.1", "10.1.0.9", 0), "b in");
    assert_eq!(views(&s, "198.51.100.1", "10.9.0.9", 77), "a in");
}

#[test]
fn the_same_subnet_on_two_vlans_is_told_by_the_vlan_only() {
    let s = sites(vec![
        site("a", &["192.168.1.0/24"], &[10], &[]),
        site("b", &["192.168.1.0/24"], &[20], &[]),
        site("wide", &["192.168.0.0/16"], &[], &[]),
    ]);
    assert_eq!(views(&s, "198.51.100.1", "192.168.1.9", 10), "a in");
    assert_eq!(views(&s, "198.51.100.1", "192.168.1.9", 20), "b in");
    // Neither, and not the wider one either: that would be a guess.
    assert_eq!(views(&s, "198.51.100.1", "192.168.1.9", 0), "");
    assert_eq!(views(&s, "198.51.100.1", "192.168.2.9", 10), "wide in");
}

#[test]
fn a_vlan_alone_tells_the_site_and_a_peer_which_end_is_in_it() {
    let s = sites(vec![site("hotel", &[], &[30], &[]), site("dc", &["10.0.0.0/8"], &[], &[])]);
    assert_eq!(views(&s, "172.16.0.1", "172.16.0.2", 30), "hotel through");
    assert_eq!(views(&s, "172.16.0.1", "203.0.113.5", 30), "hotel out");
    assert_eq!(views(&s, "203.0.113.5", "172.16.0.1", 30), "hotel in");
    assert_eq!(views(&s, "172.16.0.1", "10.0.0.1", 30), "dc in, hotel out");
    assert_eq!(views(&s, "203.0.113.5", "10.0.0.1", 30), "dc in");
    assert_eq!(views(&s, "172.16.0.1", "172.16.0.2", 31), "");
}

#[test]
fn calls_ask_the_domain_last() {
    let s = sites(vec![
        site("hq", &["10.1.0.0/16"], &[], &["hq.example"]),
        site("shop", &[], &[], &["shop.example"]),
    ]);
    let views = |caller: &str, callee: &str, caller_domain: &str, callee_domain: &str| {
        let ends = CallEnds { caller: ip(caller), callee: ip(callee), vlan: 0, caller_domain, callee_domain };
        told(&s, &s.call_views(&ends))
    };
    assert_eq!(views("10.1.0.1", "198.51.100.1", "hq.example", "hq.example"), "hq out");
    assert_eq!(views("198.51.100.9", "198.51.100.1", "HQ.example.", "elsewhere.example"), "hq out");
    assert_eq!(views("198.51.100.9", "198.51.100.1", "hq.example", "shop.example"), "shop in, hq out");
    assert_eq!(views("198.51.100.9", "198.51.100.1", "shop.example", "shop.example"), "shop through");
    assert_eq!(views("198.51.100.9", "198.51.100.1", "", ""), "");
}

#[test]
fn a_site_that_counts_elsewhere_is_seen_but_not_counted() {
    let mut hq = site("hq", &["10.1.0.0/16"], &[], &[]);
    hq.counts_here = false;
    let s = sites(vec![hq]);
    let end = Endpoint::new(ip("10.1.0.1"), 4000);
    let views = s.views(&Flow { src: end, dst: end }, 0);
    assert_eq!(views.iter().map(|v| v.counted).collect::<Vec<_>>(), [false]);
}

#[test]
fn peers_are_found_by_address() {
    let s = sites(Vec::new());
    assert_eq!(s.peer(ip("203.0.113.5")).map(|p| s.peer_name(p)), Some("trunk"));
    assert_eq!(s.peer(ip("203.0.113.6")), None);
}
