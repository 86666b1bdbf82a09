use std::path::Path;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// Files that configurations of the tests name, beside `c.toml`.
fn files(path: &Path, _: u64) -> Result<Contents, String> {
    let file = |text: &str, mode| Ok(Contents { bytes: text.as_bytes().to_vec(), mode: Some(mode) });
    match path.to_str().unwrap_or_default() {
        "good.key" => file("0123456789abcdef0123456789abcdef\n", 0o100_640),
        "open.key" => file("0123456789abcdef0123456789abcdef\n", 0o100_644),
        "empty.key" => file("\n", 0o100_600),
        "short.key" => file("secret\n", 0o100_600),
        "web.yml" => file("basic_auth_users: {}\n", 0o100_600),
        "blank.yml" => file(" \n", 0o100_600),
        "sites.csv" => {
            file("customer,site,subnet\nAcme,Shop,10.2.0.0/24\nAcme,Shop,10.2.1.0/24\n", 0o100_644)
        }
        "twice.csv" => file(
            "customer,site,subnet\nAcme,Shop,10.2.0.0/24\nAcme,Depot,10.3.0.0/24\nAcme,Shop,10.2.0.0/24\n",
            0o100_644,
        ),
        "semicolon.csv" => file("customer;site;subnet\nAcme;Shop;10.2.0.0/24\n", 0o100_644),
        "faulty.csv" => file(
            "customer,site,subnet\nAcme,Shop,10.2.0.0/33\nAcne,Shop,10.2.0.0/24\nAcme,,10.2.9.0/24\nAcme,Shop\n\
             Acme,\"Shop,10.2.8.0/24\nAcme,Shop,10.2.3.4/24\nAcme,Shop,10.1.0.0/16\nAcme,unassigned,\n",
            0o100_644,
        ),
        "latin1.csv" => {
            Ok(Contents { bytes: b"customer,site,subnet\nAcme,B\xe4r,10.0.0.0/8\n".to_vec(), mode: None })
        }
        _ => Err("No such file or directory (os error 2)".to_owned()),
    }
}

fn parsed(text: &[u8], overlays: &[&str], secret: Option<&str>) -> Result<Config, Vec<Fault>> {
    let overlays: Vec<String> = overlays.iter().map(ToString::to_string).collect();
    parse(&Input { name: "c.toml", text, overlays: &overlays, secret }, &files)
}

fn faults(text: &str, overlays: &[&str], secret: Option<&str>) -> String {
    match parsed(text.as_bytes(), overlays, secret) {
        Ok(_) => "ok\n".to_owned(),
        Err(faults) => faults.iter().map(|fault| format!("{fault}\n")).collect(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "so that cases read check(…, expect![[…]])")]
fn check(text: &str, wanted: Expect) {
    wanted.assert_eq(&faults(text, &[], None));
}

#[expect(clippy::needless_pass_by_value, reason = "as above")]
fn check_set(overlays: &[&str], wanted: Expect) {
    wanted.assert_eq(&faults("", overlays, None));
}

const ACME: &str = "[[customer]]\nname = \"Acme\"\n";

#[test]
fn text_that_is_no_toml() {
    check(
        "[limits\nstreams = 5\n",
        expect![[r#"
            c.toml:1:8: not TOML: unclosed table, expected `]`; write ] at the end of the line
        "#]],
    );
    check(
        "[limits]\nstreams =\ncalls = 0\n",
        expect![[r#"
            c.toml:2:10: not TOML: there is no value; write one after the =
            c.toml:3:9: limits.calls: 0 is out of range; write a whole number from 1 to 10000000
        "#]],
    );
    check(
        "[probe]\nname = north\ninterfaces = [\"eth0\" \"eth1\"]\n[sip\n",
        expect![[r#"
            c.toml:2:8: not TOML: a text without quotes; write "north"
            c.toml:3:22: not TOML: missing comma between array elements, expected `,`; write a comma between the two
            c.toml:4:5: not TOML: unclosed table, expected `]`; write ] at the end of the line
        "#]],
    );
    check(
        "[limits]\ncalls = 5\ncalls = 6\n",
        expect![[r#"
            c.toml:3:1: not TOML: this key or table stands here a second time; keep one of the two
        "#]],
    );
    check(
        "[sip]\n[sip]\n",
        expect![[r#"
            c.toml:2:2: not TOML: this key or table stands here a second time; keep one of the two
        "#]],
    );
    check(
        "limits.calls 5\n",
        expect![[r#"
        c.toml:1:14: not TOML: key with no value, expected `=`; write key = value
    "#]],
    );
}

#[test]
fn keys_that_are_not_there() {
    check(
        "[limits]\nstrems = 5\n",
        expect![[r#"
        c.toml:2:1: limits.strems: no such key; did you mean streams?
    "#]],
    );
    check(
        "[probe]\nstreams = 5\n",
        expect![[r#"
        c.toml:2:1: probe.streams: no such key; it belongs in [limits]
    "#]],
    );
    check(
        "[limit]\nstreams = 5\n",
        expect![[r#"
            c.toml:1:2: limit: no such table; did you mean [limits]?
        "#]],
    );
    check(
        "[probe]\nsites_file = \"sites.csv\"\n",
        expect![[r#"
            c.toml:2:1: probe.sites_file: no such key; it belongs at the top of the file, before the first [table]
        "#]],
    );
    check(
        "listen = []\n",
        expect![[r#"
            c.toml:1:1: listen: no such key; it belongs in [hep] or in [vq_collector] or in [web]
        "#]],
    );
    check(
        "[[sites]]\nname = \"a\"\n",
        expect![[r#"
            c.toml:1:3: sites: no such table; did you mean [[site]]?
        "#]],
    );
    check(
        "[records]\nxyzzy = 1\n",
        expect![[r#"
        c.toml:2:1: records.xyzzy: no such key; remove it; `clearline config show` lists every key
    "#]],
    );
    check(
        "[[customer]]\nname = \"Acme\"\npoor_mos = { nb = 3.6, swb = 3.6 }\n",
        expect![[r#"
        c.toml:3:24: customer.poor_mos.swb: no such key; did you mean wb?
    "#]],
    );
    check(
        "[[customer]]\nname = \"Acme\"\nsubnets = []\n",
        expect![[r#"
        c.toml:3:1: customer.subnets: no such key; it belongs in [[site]]
    "#]],
    );
}

#[test]
fn tables_in_the_wrong_form() {
    check(
        "limits = 5\n",
        expect![[r#"
        c.toml:1:1: limits: is a whole number, but names a table; write [limits], and in it streams, calls, fragments_mib, tcp_mib, registrations, unbound_mib, series, sites
    "#]],
    );
    check(
        "[[limits]]\ncalls = 5\n",
        expect![[r#"
        c.toml:1:3: limits: is a list of tables; write [limits], and that once
    "#]],
    );
    check(
        "[customer]\nname = \"Acme\"\n",
        expect![[r#"
        c.toml:1:1: customer: is a table; write [[customer]], once for each customer
    "#]],
    );
    check(
        "site = [1]\n",
        expect![[r#"
        c.toml:1:9: site: is a whole number; write [[site]], once for each site
    "#]],
    );
    check(
        "[[customer]]\nname = \"Acme\"\npoor_mos = 3.6\n",
        expect![[r#"
            c.toml:3:1: customer.poor_mos: is a number, but names a table; write poor_mos = { nb = …, wb = …, fb = … }
        "#]],
    );
    check(
        "[[customer]]\ntimezone = \"UTC\"\n",
        expect![[r#"
        c.toml:1:1: customer.name: is missing; add a line name = "Acme"
    "#]],
    );
}

#[test]
fn values_of_the_wrong_type() {
    check(
        "[limits]\ncalls = \"many\"\n",
        expect![[r#"
        c.toml:2:9: limits.calls: is a text; write a whole number from 1 to 10000000
    "#]],
    );
    check(
        "[limits]\ncalls = 1.5\n",
        expect![[r#"
        c.toml:2:9: limits.calls: is a number; write a whole number from 1 to 10000000
    "#]],
    );
    check(
        "[probe]\ninterfaces = \"eth0\"\n",
        expect![[r#"
            c.toml:2:14: probe.interfaces: is a text; write it in brackets: ["eth0"]
        "#]],
    );
    check(
        "[probe]\ninterfaces = [\"eth0\", 1]\n",
        expect![[r#"
            c.toml:2:23: probe.interfaces: is a whole number; put it in quotes: the name of a network interface, as in "eth0"
        "#]],
    );
    check(
        "[probe]\nname = 2026-11-24\n",
        expect![[r#"
            c.toml:2:8: probe.name: is a date or time; put it in quotes: a text of at most 64 bytes
        "#]],
    );
    check(
        "[sip]\nports = [\"5060\"]\n",
        expect![[r#"
            c.toml:2:10: sip.ports: is a text; write it without quotes, a whole number from 1 to 65535
        "#]],
    );
}

#[test]
fn numbers_out_of_range() {
    check(
        "[limits]\ncalls = 0\nstreams = -1\nsites = 99999999999999999999\n",
        expect![[r#"
        c.toml:2:9: limits.calls: 0 is out of range; write a whole number from 1 to 10000000
        c.toml:3:11: limits.streams: -1 is out of range; write a whole number from 1 to 10000000
        c.toml:4:9: limits.sites: the number is out of range; write a whole number from 1 to 65000
    "#]],
    );
    check(
        "[sip]\nports = [5060, 70000]\n",
        expect![[r#"
        c.toml:2:16: sip.ports: 70000 is out of range; write a whole number from 1 to 65535
    "#]],
    );
    check(
        "[score]\nfixed_ms = 5\nassumed_one_way_ms = nan\n",
        expect![[r#"
        c.toml:2:12: score.fixed_ms: 5 is out of range; write a whole number from 10 to 1000
        c.toml:3:22: score.assumed_one_way_ms: NaN is out of range; write a number from 0 to 1000
    "#]],
    );
    check(
        "[[customer]]\nname = \"Acme\"\nsla_good_ratio = 1\n",
        expect![[r#"
        c.toml:3:18: customer.sla_good_ratio: 1 is out of range; write a number above 0 and below 1
    "#]],
    );
    check(
        "[[customer]]\nname = \"Acme\"\nsla_good_ratio = 99.5\n",
        expect![[r#"
            c.toml:3:18: customer.sla_good_ratio: 99.5 is out of range; write a number above 0 and below 1: 99.5 % is 0.995
        "#]],
    );
    check(
        "[[customer]]\nname = \"Acme\"\npoor_mos.nb = 3.5\n",
        expect![[r#"
        c.toml:3:15: customer.poor_mos.nb: 3.5 is no edge of the MOS histograms; write one of 1.5, 2.1, 2.6, 3.1, 3.6, 3.8, 4.03, 4.2, 4.34
    "#]],
    );
}

#[test]
fn words_that_are_no_choice() {
    check(
        "[score]\nprofile = \"ITU\"\nplayout = \"dynamic\"\n",
        expect![[r#"
            c.toml:2:11: score.profile: "ITU" is no choice; write "itu" or "pesq" (did you mean "itu"?)
            c.toml:3:11: score.playout: "dynamic" is no choice; write "adaptive" or "fixed"
        "#]],
    );
    check(
        "[privacy]\nnumbers = \"mask\"\n",
        expect![[r#"
            c.toml:2:11: privacy.numbers: "mask" is no choice; write "masked" or "clear" (did you mean "masked"?)
        "#]],
    );
    check(
        "[records]\nmessages = \"all\"\n",
        expect![[r#"
            c.toml:2:12: records.messages: "all" is no choice; write "none" or "headers" or "full" (did you mean "full"?)
        "#]],
    );
}

#[test]
fn addresses_zones_and_names() {
    check(
        "[web]\nlisten = [\"localhost:9768\", \"::1\", \"127.0.0.1:0\", \"9768\"]\n",
        expect![[r#"
            c.toml:2:11: web.listen: "localhost:9768" is no address to listen on; write 127.0.0.1 in place of localhost
            c.toml:2:29: web.listen: "::1" is no address to listen on; a port is missing: "[::1]:9768"
            c.toml:2:36: web.listen: "127.0.0.1:0" is no address to listen on; write a port from 1 to 65535
            c.toml:2:51: web.listen: "9768" is no address to listen on; write ADDRESS:PORT, as in "127.0.0.1:9768" or "[::1]:9768"
        "#]],
    );
    check(
        "[web]\nlisten = [\"127.0.0.1:9768\", \"127.0.0.1:9768\"]\n",
        expect![[r#"
        c.toml:2:29: web.listen: "127.0.0.1:9768" stands twice in this list; remove one
    "#]],
    );
    check(
        "[probe]\ninterfaces = [\"eth 0\"]\n",
        expect![[r#"
        c.toml:2:15: probe.interfaces: "eth 0" is no name of an interface; `ip link` lists the names: 1 to 15 bytes, no space, no /
    "#]],
    );
    check(
        "[sip]\ncorrelate_headers = [\"X-Call-ID:\"]\n",
        expect![[r#"
        c.toml:2:22: sip.correlate_headers: "X-Call-ID:" is no name of a SIP header; write it without colon or spaces, as in "X-Call-ID"
    "#]],
    );
    check(
        "[[customer]]\nname = \"Acme\"\ntimezone = \"Europe/Berlim\"\n",
        expect![[r#"
        c.toml:3:12: customer.timezone: there is no time zone "Europe/Berlim"; did you mean "Europe/Berlin"?
    "#]],
    );
    check(
        "[[customer]]\nname = \"Acme\"\ntimezone = \"+01:00\"\n",
        expect![[r#"
        c.toml:3:12: customer.timezone: there is no time zone "+01:00"; write an IANA time zone, as in "Europe/Berlin"
    "#]],
    );
    check(
        "[[customer]]\nname = \"\"\n[[customer]]\nname = \"overflow\"\n",
        expect![[r#"
        c.toml:2:8: customer.name: is empty; write a name of 1 to 64 bytes
        c.toml:4:8: customer.name: "overflow" is reserved: metrics use it for what has no name; choose another name
    "#]],
    );
    check(
        "[[customer]]\nname = \"a\\tb\"\n[[customer]]\nname = \" Acme\"\n",
        expect![[r#"
        c.toml:2:8: customer.name: holds the control character U+0009; remove it
        c.toml:4:8: customer.name: " Acme" begins or ends with a space; remove it
    "#]],
    );
    let long = format!("[[customer]]\nname = \"{}\"\n", "ä".repeat(33));
    check(
        &long,
        expect![[r#"
        c.toml:2:8: customer.name: has 66 bytes; shorten it to 64: it becomes a label
    "#]],
    );
}

#[test]
fn sites_that_do_not_fit() {
    let with_acme = |text: &str, wanted: Expect| check(&format!("{ACME}{text}"), wanted);
    with_acme(
        "[[site]]\nname = \"Shop\"\n",
        expect![[r#"
        c.toml:3:1: site.customer: is missing; add a line customer = "Acme"
    "#]],
    );
    with_acme(
        "[[site]]\nname = \"Shop\"\ncustomer = \"Acmee\"\n",
        expect![[r#"
        c.toml:5:12: site.customer: there is no customer "Acmee"; did you mean "Acme"?
    "#]],
    );
    with_acme(
        "[[site]]\nname = \"Shop\"\ncustomer = \"Globex\"\n",
        expect![[r#"
            c.toml:5:12: site.customer: there is no customer "Globex"; add a [[customer]] with name = "Globex" to the configuration
        "#]],
    );
    with_acme(
        "[[site]]\nname = \"Shop\"\ncustomer = \"Acme\"\nsubnets = [\"10.1.2.3/16\", \"10.1\", \"fe80::1%eth0\"]\nvlans = [0, 4095]\ndomains = [\"a b\"]\n",
        expect![[r#"
            c.toml:6:12: site.subnets: 10.1.2.3/16 has bits beyond its length; write 10.1.0.0/16, or a longer prefix
            c.toml:6:27: site.subnets: "10.1" is no address or subnet; write it as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.7
            c.toml:6:35: site.subnets: "fe80::1%eth0" is no address or subnet; write it as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.7
            c.toml:7:10: site.vlans: 0 is out of range; write a whole number from 1 to 4094
            c.toml:7:13: site.vlans: 4095 is out of range; write a whole number from 1 to 4094
            c.toml:8:12: site.domains: "a b" is no domain; write the host of the SIP URIs, as in "pbx.example.net"
        "#]],
    );
    with_acme(
        "[[site]]\nname = \"A\"\ncustomer = \"Acme\"\nsubnets = [\"10.1.0.0/16\"]\nvlans = [10]\n\
         [[site]]\nname = \"B\"\ncustomer = \"Acme\"\nsubnets = [\"10.1.0.0/16\"]\nvlans = [20, 10]\n\
         [[site]]\nname = \"C\"\ncustomer = \"Acme\"\nsubnets = [\"10.1.0.0/16\"]\n",
        expect![[r#"
            c.toml:11:12: site.subnets: subnet 10.1.0.0/16 on VLAN 10 is taken by Acme/A in line 6; leave it to one, or give the sites different vlans
        "#]],
    );
    with_acme(
        "[[site]]\nname = \"A\"\ncustomer = \"Acme\"\nvlans = [10]\ndomains = [\"a.example\"]\n\
         [[site]]\nname = \"A\"\ncustomer = \"Acme\"\nvlans = [10]\ndomains = [\"A.example\"]\n",
        expect![[r#"
            c.toml:9:8: site.name: the name "A" is taken in line 4; rename one, or join the two
            c.toml:11:9: site.vlans: VLAN 10 without a subnet is taken in line 6; remove one of the two
            c.toml:12:12: site.domains: domain "a.example" is taken in line 7; remove one of the two
        "#]],
    );
    with_acme(
        "[[customer]]\nname = \"Acme\"\n",
        expect![[r#"
        c.toml:4:8: customer.name: the name "Acme" is taken in line 2; rename one
    "#]],
    );
    check(
        "[[peer]]\nname = \"Trunk\"\naddresses = [\"203.0.113.5\"]\n\
         [[peer]]\nname = \"Trunk\"\naddresses = [\"203.0.113.5/32\"]\nkind = \"trunc\"\n",
        expect![[r#"
            c.toml:5:8: peer.name: the name "Trunk" is taken in line 2; rename one, or join the two
            c.toml:6:14: peer.addresses: address 203.0.113.5 is taken in line 3; remove one of the two
            c.toml:7:8: peer.kind: "trunc" is no choice; write "trunk" or "registrar" (did you mean "trunk"?)
        "#]],
    );
}

#[test]
fn what_stands_twice_is_told_once() {
    let with_acme = |text: &str, wanted: Expect| check(&format!("{ACME}{text}"), wanted);
    with_acme(
        "[[site]]\nname = \"A\"\ncustomer = \"Acme\"\nsubnets = [\"10.0.0.0/8\", \"10.0.0.0/8\"]\ndomains = [\"a.example\", \"A.example\"]\n",
        expect![[r#"
            c.toml:6:26: site.subnets: "10.0.0.0/8" stands twice in this list; remove one
            c.toml:7:25: site.domains: "a.example" stands twice in this list; remove one
        "#]],
    );
    check(
        "sites_file = \"twice.csv\"\n[[customer]]\nname = \"Acme\"\n\
         [[site]]\nname = \"Shop\"\ncustomer = \"Acme\"\nvlans = [7]\n\
         [[site]]\nname = \"Depot\"\ncustomer = \"Acme\"\nvlans = [7]\n",
        expect![[r#"
            twice.csv:4:11: subnet: subnet 10.2.0.0/24 on VLAN 7 is taken in line 2; remove one of the two
        "#]],
    );
    let vlans: Vec<_> = (1..=4000).map(|vlan| vlan.to_string()).collect();
    let subnets: Vec<_> = (0..100).map(|n| format!("\"10.{n}.0.0/16\"")).collect();
    with_acme(
        &format!(
            "[[site]]\nname = \"A\"\ncustomer = \"Acme\"\nvlans = [{}]\nsubnets = [{}]\n",
            vlans.join(", "),
            subnets.join(", ")
        ),
        expect![[r#"
            c.toml:7:1042: site.subnets: 400000 subnets, each for every VLAN of its site, at most 262144; join neighbouring subnets, or name fewer VLANs
        "#]],
    );
}

#[test]
fn files_that_are_named() {
    check(
        "sites_file = \"absent.csv\"\n",
        expect![[r#"
        c.toml:1:14: sites_file: cannot read absent.csv: No such file or directory (os error 2); check the path (it is meant from the configuration's folder) and its permissions
    "#]],
    );
    check(
        "sites_file = \"semicolon.csv\"\n",
        expect![[r#"
        semicolon.csv:1:1: the first line is "customer;site;subnet"; columns are parted by commas here: save it with commas, first line customer,site,subnet
    "#]],
    );
    check(
        "sites_file = \"latin1.csv\"\n",
        expect![[r#"
        latin1.csv:2:7: a byte that is no UTF-8; save the file as UTF-8
    "#]],
    );
    check(
        "sites_file = \"faulty.csv\"\n[[customer]]\nname = \"Acme\"\n\
         [[site]]\nname = \"HQ\"\ncustomer = \"Acme\"\nsubnets = [\"10.1.0.0/16\"]\n",
        expect![[r#"
            faulty.csv:2:11: subnet: "10.2.0.0/33" is no address or subnet; write it as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.7
            faulty.csv:3:1: customer: there is no customer "Acne"; did you mean "Acme"?
            faulty.csv:4:6: site: is empty; write a name of 1 to 64 bytes
            faulty.csv:5:1: has 2 columns; write three: customer,site,subnet
            faulty.csv:6:6: a quote is not closed; close it; a quote inside is ""
            faulty.csv:7:11: subnet: 10.2.3.4/24 has bits beyond its length; write 10.2.3.0/24, or a longer prefix
            faulty.csv:8:11: subnet: subnet 10.1.0.0/16 is taken by Acme/HQ in line 7 of the configuration; leave it to one, or give the sites different vlans
            faulty.csv:9:6: site: "unassigned" is reserved: metrics use it for what has no name; choose another name
            faulty.csv:9:17: subnet: "" is no address or subnet; write it as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.7
        "#]],
    );
}

#[test]
fn secrets_and_users() {
    check(
        "[privacy]\nkey_file = \"absent.key\"\n",
        expect![[r#"
        c.toml:2:12: privacy.key_file: cannot read absent.key: No such file or directory (os error 2); check the path (it is meant from the configuration's folder) and its permissions
    "#]],
    );
    check(
        "[privacy]\nkey_file = \"open.key\"\n",
        expect![[r#"
        c.toml:2:12: privacy.key_file: open.key is open to all users of this machine; run: chmod o= open.key
    "#]],
    );
    check(
        "[privacy]\nkey_file = \"empty.key\"\n",
        expect![[r#"
            c.toml:2:12: privacy.key_file: empty.key is empty; run: (umask 077; head -c 32 /dev/urandom | base64 > empty.key)
        "#]],
    );
    check(
        "[privacy]\nkey_file = \"short.key\"\n",
        expect![[r#"
            c.toml:2:12: privacy.key_file: short.key has 6 bytes, and needs 16; run: (umask 077; head -c 32 /dev/urandom | base64 > short.key)
        "#]],
    );
    check(
        "[web]\nconfig_file = \"absent.yml\"\n",
        expect![[r#"
        c.toml:2:15: web.config_file: cannot read absent.yml: No such file or directory (os error 2); check the path (it is meant from the configuration's folder) and its permissions
    "#]],
    );
    check(
        "[web]\nconfig_file = \"blank.yml\"\n",
        expect![[r#"
        c.toml:2:15: web.config_file: blank.yml is empty; write tls_server_config or basic_auth_users into it, or leave web.config_file out
    "#]],
    );
    expect![[r#"
        CLEARLINE_PRIVACY_KEY: has 5 bytes, and needs 16; set it to what `head -c 32 /dev/urandom | base64` prints, or unset it
    "#]].assert_eq(&faults("", &[], Some("short")));
    expect![[r#"
        c.toml:2:12: privacy.key_file: CLEARLINE_PRIVACY_KEY is set in the environment, too; keep one of the two
    "#]].assert_eq(&faults("[privacy]\nkey_file = \"good.key\"\n", &[], Some("0123456789abcdef")));
}

#[test]
fn overlays_are_checked_too() {
    check_set(
        &["limits.calls=0"],
        expect![[r#"
        --set limits.calls: 0 is out of range; write a whole number from 1 to 10000000
    "#]],
    );
    check_set(
        &["limits.cals=1"],
        expect![[r#"
        --set limits.cals: no such key; did you mean limits.calls?
    "#]],
    );
    check_set(
        &["calls=1"],
        expect![[r#"
        --set calls: no such key; did you mean limits.calls?
    "#]],
    );
    check_set(
        &["limits.calls"],
        expect![[r#"
        --set limits.calls: has no =; write --set KEY=VALUE
    "#]],
    );
    check_set(
        &["site.name=x"],
        expect![[r#"
        --set site.name: cannot be set on the command line; write [[site]] in the file of --config.file
    "#]],
    );
    check_set(
        &["web.listen=localhost:1", "score.profile=iut"],
        expect![[r#"
            --set web.listen: "localhost:1" is no address to listen on; write 127.0.0.1 in place of localhost
            --set score.profile: "iut" is no choice; write "itu" or "pesq" (did you mean "itu"?)
        "#]],
    );
    check_set(
        &["probe.interfaces=[\"eth0\""],
        expect![[r#"
        --set probe.interfaces: is a text; write a list [ ], each the name of a network interface, as in "eth0"
    "#]],
    );
}

#[test]
fn a_head_that_is_not_closed_makes_no_other_faults() {
    check(
        "[[site]\nname = \"a\"\n[limits]\ncalls = 0\n",
        expect![[r#"
            c.toml:1:8: not TOML: unclosed array table, expected `]`; write ]] at the end of the line
        "#]],
    );
    check(
        "[web]\nconfig_file = web.yml # as in Prometheus\nlisten = [\"127.0.0.1:9768\"\n",
        expect![[r#"
        c.toml:2:15: not TOML: a text without quotes; write "web.yml"
        c.toml:3:27: not TOML: unclosed array, expected `]`; write ] after the last value
    "#]],
    );
}

#[test]
fn an_empty_file_is_the_defaults_and_they_are_the_layers_own() {
    let empty = parsed(b"", &[], None).unwrap();
    assert_eq!(empty, Config::default());
    let ours = empty.engine_settings();
    assert_eq!(format!("{ours:?}"), format!("{:?}", Settings::default()));
}

#[test]
fn every_default_is_a_good_value_and_every_key_stands_once() {
    fn check<T: Default>(table: &str, keys: &[Key<T>]) {
        let mut target = T::default();
        for key in keys {
            let node = document::read_overlay(key.default, 0).unwrap();
            let mut wrong = Vec::new();
            (key.field)(&mut target).take(&node, &key.range, &mut wrong);
            assert!(wrong.is_empty(), "{table} {}: {wrong:?}", key.path);
            assert_eq!((key.field)(&mut target).toml(), key.default, "{table} {}", key.path);
            assert!(key.meaning.ends_with(['.', ';']) && !key.meaning.contains("  "), "{}", key.path);
            assert_eq!(keys.iter().filter(|other| other.path == key.path).count(), 1);
        }
        // A field that two keys share would be lost here.
        let shown: Vec<_> =
            keys.iter().map(|key| std::ptr::from_mut((key.field)(&mut target)).addr()).collect();
        let mut apart = shown.clone();
        apart.sort_unstable();
        apart.dedup();
        assert_eq!(apart.len(), shown.len());
    }
    check("", &CONFIG);
    check("customer", &keys::CUSTOMER);
    check("site", &keys::SITE);
    check("peer", &keys::PEER);
}

const FULL: &str = r#"
sites_file = "sites.csv"
limits = { calls = 5000, sites = 10 }
score = { profile = "pesq", playout = "fixed", fixed_ms = 80, assumed_one_way_ms = 20 }
privacy = { key_file = "good.key" }
probe = { name = "north \"1\"", interfaces = ["eth0", "eth1"] }
hep.listen = [":9060"]
[[customer]]
name = "Acme"
timezone = "Europe/Berlin"
poor_mos = { nb = 3.1, fb = 4.03 }
[[site]]
name = "Head office"
customer = "Acme"
subnets = ["10.1.0.0/16", "2001:db8:1::/48", "192.0.2.7"]
vlans = [10]
domains = ["PBX.example"]
counts_here = false
[[site]]
name = "Shop"
customer = "Acme"
probe_side = "core"
[[peer]]
name = "Carrier"
addresses = ["203.0.113.5"]
kind = "registrar"
"#;

#[test]
fn what_is_shown_gives_the_same_configuration() {
    for text in ["", FULL] {
        let config = parsed(text.as_bytes(), &[], None).unwrap();
        let shown = config.show();
        let again = parsed(shown.as_bytes(), &[], None).unwrap_or_else(|f| panic!("{f:?}"));
        assert_eq!(Config { not_in_use: config.not_in_use.clone(), ..again }, config, "{shown}");
    }
}

#[test]
fn the_examples_of_lists_are_good_once_uncommented() {
    let lists = Config::default().show();
    let lists = lists.split_once("\n# [[customer]]").unwrap().1;
    let uncommented: String = lists
        .lines()
        .filter_map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(uncommented.matches("[[").count(), 3);
    assert_eq!(faults(&uncommented, &[], None), "ok\n", "{uncommented}");
}

#[test]
fn sites_of_the_file_join_those_of_the_configuration() {
    let config = parsed(FULL.as_bytes(), &[], None).unwrap();
    let told: Vec<_> = config.site_table.sites.iter().map(|s| (s.name.as_str(), s.subnets.len())).collect();
    assert_eq!(told, [("Head office", 3), ("Shop", 2)]);
    assert_eq!(config.sites.len(), 2);
    assert_eq!(config.not_in_use, ["score.fixed_ms"]);
}

#[test]
fn settings_of_the_layers_are_composed() {
    let config = parsed(FULL.as_bytes(), &["limits.fragments_mib=3"], None).unwrap();
    let settings = config.engine_settings();
    assert_eq!((settings.calls.calls, settings.decode.fragment_bytes), (5000, 3 << 20));
    assert!(!settings.score.adaptive);
    let flow = crate::decode::Flow::default();
    assert_ne!(settings.key.hash(&flow, 0), crate::decode::HashKey::PUBLIC.hash(&flow, 0));
    assert!(!format!("{config:?}").contains("0123456789"), "a secret is shown");
}

#[test]
fn overlays_are_toml_or_plain_words() {
    let config = parsed(
        b"[limits]\ncalls = 7\n",
        &[
            "limits.calls=8",
            "limits.calls = 9",
            "probe.name=2026",
            "probe.interfaces=eth0",
            "sip.ports=[5060, 5070]",
        ],
        None,
    );
    let config = config.unwrap();
    assert_eq!((config.limits.calls, &*config.probe.name), (9, "2026"));
    assert_eq!((&*config.probe.interfaces[0], config.sip.ports.as_slice()), ("eth0", &[5060, 5070][..]));
    assert_eq!(faults("limits = 5\n", &["limits.calls=1"], None).lines().count(), 1);
    // What is laid over a fault hides it.
    assert_eq!(faults("[limits]\ncalls = 0\n", &["limits.calls=1"], None), "ok\n");
}

#[test]
fn a_reload_says_what_it_takes_up() {
    let old = parsed(FULL.as_bytes(), &[], None).unwrap();
    assert_eq!(old.changes(&old), []);
    let text = FULL.replace("calls = 5000, sites = 10", "calls = 6000").replace("203.0.113.5", "203.0.113.6");
    let new = parsed(text.replace("name = \"Shop\"", "name = \"Depot\"").as_bytes(), &[], None).unwrap();
    let told: String = new
        .changes(&old)
        .iter()
        .map(|c| format!("{:?} {}: {} → {}\n", c.takes, c.key, c.old, c.new))
        .collect();
    expect![[r#"
        Restart limits.calls: 5000 → 6000
        Reload limits.sites: 10 → 256
        Reload peer Carrier: name = "Carrier", addresses = ["203.0.113.5"], kind = "registrar" → name = "Carrier", addresses = ["203.0.113.6"], kind = "registrar"
        Reload site Acme/Shop: name = "Shop", customer = "Acme", subnets = [], vlans = [], domains = [], counts_here = true, probe_side = "core", in all ["10.2.0.0/24", "10.2.1.0/24"] → in all ["10.2.0.0/24", "10.2.1.0/24"]
        Reload site Acme/Depot:  → name = "Depot", customer = "Acme", subnets = [], vlans = [], domains = [], counts_here = true, probe_side = "core", in all []
    "#]].assert_eq(&told);
}

#[test]
fn bounds_hold() {
    let long = vec![b'#'; 1 << 20 | 1];
    assert_eq!(
        parsed(&long, &[], None).unwrap_err()[0].to_string(),
        "c.toml:1:1: longer than 1 MiB; move sites into sites_file"
    );
    let many = "x = \n".repeat(5000);
    assert_eq!(parsed(many.as_bytes(), &[], None).unwrap_err().len(), 1001);
    let deep = format!("a = {}", "[".repeat(100_000));
    assert!(parsed(deep.as_bytes(), &[], None).is_err());
    assert_eq!(
        parsed(b"[probe]\nname = \"\xff\"\n", &[], None).unwrap_err()[0].to_string(),
        "c.toml:2:9: a byte that is no UTF-8; save the file as UTF-8"
    );
}

/// Texts near to TOML: pieces of a good file, mangled.
fn near_toml() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(FULL.split_inclusive(['\n', ' ', '"']).map(str::to_owned).collect::<Vec<_>>()),
        1 => "[\\[\\]{}=\",.#a-z0-9ä\n\t-]{0,8}",
    ];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_give_a_configuration_or_faults(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parsed(&bytes, &[], None);
    }

    #[test]
    fn any_text_near_toml_gives_a_configuration_or_faults(text in near_toml(), set in near_toml()) {
        if let Err(faults) = parsed(text.as_bytes(), &[&set], None) {
            prop_assert!(!faults.is_empty());
            for fault in faults {
                prop_assert_eq!(fault.to_string().lines().count(), 1);
            }
        }
    }

    #[test]
    fn any_sites_file_gives_sites_or_faults(bytes in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        "customer,site,subnet\n([Acme,\"10./:\n]{0,30}\n){0,5}".prop_map(String::into_bytes),
    ]) {
        let read = |_: &Path, _| Ok(Contents { bytes: bytes.clone(), mode: None });
        let text = format!("sites_file = \"s\"\n{ACME}");
        let _ = parse(&Input { name: "c.toml", text: text.as_bytes(), ..Input::default() }, &read);
    }
}
