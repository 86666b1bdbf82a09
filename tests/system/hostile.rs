//! Ten thousand names of everything: the series stay within their limit, and nothing is lost of the sums.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

use std::fmt::Write;
use std::fs;
use std::net::Ipv4Addr;

use super::calls::{Call, Frames};
use super::http::{scrape, value};
use super::lint::check_metrics;
use super::processes::{PATIENCE, Running, folder, wait_for};

const MANY: u32 = 10_000;
/// RTP packets of each call.
const PACKETS: u16 = 20;
const SITES: u32 = 256;
const SERIES: usize = 20_000;

fn phone(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + number)
}

#[test]
fn ten_thousand_sites_and_codecs_stay_within_the_limits_and_no_packet_is_lost() {
    let folder = folder("hostile");
    let call = |number| Call {
        number,
        phone: phone(number),
        at_ms: i64::from(number) * 3,
        packets: PACKETS,
        both_ways: false,
        codec: Some(format!("X-{number}\"}},evil{{le")),
        ..Call::default()
    };
    Frames::of(&(0..MANY).map(call).collect::<Vec<_>>()).write(&folder, "calls.pcap");
    let mut sites = "customer,site,subnet\n".to_owned();
    for number in 0..MANY {
        writeln!(sites, "acme,\"{number} \"\"Straße\"\" \\ {{}}, ☎\",{}/32", phone(number)).unwrap();
    }
    fs::write(folder.join("sites.csv"), sites).unwrap();
    let config = format!(
        "sites_file = \"sites.csv\"\n[limits]\nsites = {SITES}\nseries = {SERIES}\n[[customer]]\nname = \"acme\"\n"
    );
    fs::write(folder.join("site.toml"), config).unwrap();
    let read = ["--read", "calls.pcap", "--after-read", "serve", "--config.file", "site.toml"];
    let (probe, address) = Running::probe(&folder, &read);
    wait_for("the end of the capture", PATIENCE, || probe.said().contains("all is read").then_some(()));

    let scraped = scrape(address);
    check_metrics(&scraped);
    let series = scraped.lines().filter(|line| !line.starts_with('#')).count();
    let folded = ["site", "codec", "series"].map(|label| {
        value(&scraped, &format!("clearline_label_values_folded_total{{label=\"{label}\"}}")).unwrap()
    });
    let of = |name: &'static str| scraped.lines().filter(move |line| line.starts_with(name));
    let packets: f64 = of("clearline_rtp_packets_total{").map(last_number).sum();
    println!("{series} series, {packets} packets, folded: site, codec, series {folded:?}");
    assert!(series <= SERIES, "{series}");
    assert_eq!(packets, f64::from(MANY) * f64::from(PACKETS));
    assert!(of("clearline_rtp_packets_total{").all(|line| line.contains("codec=\"other\"")));
    assert!(folded.iter().all(|n| *n > 0.0), "{folded:?}");
    let mut shown: Vec<_> = of("clearline_rtp_expected_packets_total{")
        .filter_map(|line| line.split("site=\"").nth(1)?.split("\",direction").next())
        .collect();
    shown.dedup();
    assert!(shown.len() <= SITES as usize + 1 && shown.contains(&"overflow"), "{}", shown.len());
}

fn last_number(line: &str) -> f64 {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}
