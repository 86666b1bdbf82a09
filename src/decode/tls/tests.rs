//! Handshakes made by hand, record by record.

use proptest::prelude::*;

use super::*;

pub(crate) fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &(content.len() as u16).to_be_bytes(), content].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0][..], &(body.len() as u16).to_be_bytes(), body].concat()
}

fn vector16(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u16).to_be_bytes()[..], content].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector16(content)].concat()
}

fn protocols(names: &[&str]) -> Vec<u8> {
    let list: Vec<u8> = names.iter().flat_map(|n| [&[n.len() as u8][..], n.as_bytes()].concat()).collect();
    extension(16, &vector16(&list))
}

/// A record with a ClientHello.
pub(crate) fn hello_of_client(sni: &str, alpn: &[&str], session: &[u8], tls13: bool) -> Vec<u8> {
    let mut extensions = extension(0, &vector16(&[&[0][..], &vector16(sni.as_bytes())].concat()));
    if !alpn.is_empty() {
        extensions.extend(protocols(alpn));
    }
    if tls13 {
        extensions.extend(extension(43, &[6, 0x1a, 0x1a, 3, 4, 3, 3]));
    }
    let body = [
        &[3, 3][..],
        &[7; 32],
        &[session.len() as u8],
        session,
        &vector16(&[0x13, 1, 0xc0, 0x2f]),
        &[1, 0],
        &vector16(&extensions),
    ]
    .concat();
    record(22, &message(1, &body))
}

fn hello_of_server(cipher: u16, session: &[u8], random: [u8; 32], extensions: &[u8]) -> Vec<u8> {
    let body = [
        &[3, 3][..],
        &random,
        &[session.len() as u8],
        session,
        &cipher.to_be_bytes(),
        &[0],
        &vector16(extensions),
    ]
    .concat();
    record(22, &message(2, &body))
}

/// A handshake of these flights, each in segments of `size`.
fn told(flights: &[(Peer, Vec<u8>)], size: usize) -> Handshake {
    let mut handshake = Handshake::new();
    let mut next = [1000_u32, 5000];
    for (from, octets) in flights {
        for segment in octets.chunks(size) {
            let at = &mut next[*from as usize];
            handshake.segment(*from, 0, (*at, segment, 0));
            *at += segment.len() as u32;
        }
    }
    handshake
}

use Peer::{Client, Server};

fn full_12() -> Vec<(Peer, Vec<u8>)> {
    let server = [
        hello_of_server(0xc02f, &[9; 32], [8; 32], &protocols(&["sip/2"])),
        record(22, &message(11, &[0, 0, 3, 0, 0, 0])),
        record(22, &message(14, &[])),
    ]
    .concat();
    vec![
        (Client, hello_of_client("sip.example.org", &["sip/2", "h2"], &[], false)),
        (Server, server),
        (Client, [record(22, &message(16, &[1; 40])), record(20, &[1]), record(22, &[0xaa; 40])].concat()),
        (Server, [record(20, &[1]), record(22, &[0xbb; 40])].concat()),
    ]
}

fn full_13() -> Vec<(Peer, Vec<u8>)> {
    vec![
        (Client, hello_of_client("pbx.example.org", &["sip/2"], &[5; 32], true)),
        (
            Server,
            [
                hello_of_server(0x1301, &[5; 32], [8; 32], &extension(43, &[3, 4])),
                record(20, &[1]),
                record(23, &[1; 900]),
            ]
            .concat(),
        ),
        (Client, [record(20, &[1]), record(23, &[2; 53])].concat()),
    ]
}

#[test]
fn a_full_handshake_of_1_2_is_told_however_it_is_cut() {
    for size in [1, 7, 100, 4000] {
        let handshake = told(&full_12(), size);
        let facts = handshake.facts();
        assert_eq!((facts.client_version, facts.version), (Some(0x0303), Some(0x0303)));
        assert_eq!((facts.sni.as_deref(), facts.alpn.as_deref()), (Some("sip.example.org"), Some("sip/2")));
        assert_eq!((facts.cipher, facts.resumed, facts.outcome), (Some(0xc02f), false, Outcome::Completed));
        assert!(handshake.is_over());
    }
}

#[test]
fn an_abbreviated_handshake_is_a_resumed_one() {
    let flights = [
        (Client, hello_of_client("h", &[], &[4; 32], false)),
        (
            Server,
            [hello_of_server(0xc02f, &[4; 32], [8; 32], &[]), record(20, &[1]), record(22, &[0; 40])]
                .concat(),
        ),
        (Client, [record(20, &[1]), record(22, &[0; 40])].concat()),
    ];
    let handshake = told(&flights, 4000);
    assert!(handshake.facts().resumed);
    assert_eq!(handshake.facts().outcome, Outcome::Completed);
}

#[test]
fn a_handshake_of_1_3_is_told_by_its_lengths() {
    let handshake = told(&full_13(), 333);
    let facts = handshake.facts();
    assert_eq!(
        (facts.client_version, facts.version, facts.cipher),
        (Some(0x0304), Some(0x0304), Some(0x1301))
    );
    assert_eq!((facts.alpn.as_deref(), facts.resumed), (Some("sip/2"), false));
    assert_eq!(facts.outcome, Outcome::Completed);
    // The client answers with an alert, encrypted.
    let mut refused = full_13();
    refused[2].1 = [record(20, &[1]), record(23, &[2; 19])].concat();
    assert_eq!(told(&refused, 333).facts().outcome, Outcome::Failed);
    // A HelloRetryRequest comes first; the second ServerHello resumes a session.
    let retry = [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
        0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ];
    let mut retried = full_13();
    let versions = [extension(43, &[3, 4]), extension(41, &[0, 0])].concat();
    retried[1].1 = [hello_of_server(0x1302, &[5; 32], [8; 32], &versions), record(23, &[1; 900])].concat();
    retried.insert(1, (Server, hello_of_server(0x1302, &[5; 32], retry, &extension(43, &[3, 4]))));
    retried.insert(2, (Client, hello_of_client("pbx.example.org", &["sip/2"], &[5; 32], true)));
    let handshake = told(&retried, 4000);
    assert_eq!((handshake.facts().resumed, handshake.facts().outcome), (true, Outcome::Completed));
}

#[test]
fn an_alert_or_an_early_end_is_a_failure() {
    let flights = [full_12()[0].clone(), (Server, record(21, &[2, 40]))];
    let facts = told(&flights, 4000).facts().clone();
    assert_eq!(facts.outcome, Outcome::Failed);
    assert_eq!(facts.alerts, [Alert { from: Server, level: 2, description: 40 }]);
    let mut closed = told(&full_12()[..2], 4000);
    assert_eq!(closed.facts().outcome, Outcome::Unfinished);
    closed.closed();
    assert_eq!(closed.facts().outcome, Outcome::Failed);
    let mut completed = told(&full_12(), 4000);
    completed.closed();
    assert_eq!(completed.facts().outcome, Outcome::Completed);
}

#[test]
fn segments_in_any_order_tell_the_same() {
    let hello = hello_of_client("sip.example.org", &[], &[], false);
    let (first, second) = hello.split_at(40);
    let mut handshake = Handshake::new();
    handshake.segment(Client, 0, (1000, first, 0));
    handshake.segment(Client, 0, (1000 + hello.len() as u32, &record(20, &[1]), 0));
    handshake.segment(Client, 0, (1040, second, 0));
    assert_eq!(handshake.facts().sni.as_deref(), Some("sip.example.org"));
    // What the snap length took ends the reading.
    handshake.segment(Client, 0, (1006 + hello.len() as u32, &[22, 3], 300));
    assert!(handshake.is_over());
}

#[test]
fn no_more_is_held_than_a_handshake_needs() {
    let mut handshake = Handshake::new();
    let endless = record(22, &[1, 0, 0x3f, 0xff]);
    handshake.segment(Client, 0, (0, &endless, 0));
    let mut at = endless.len() as u32;
    while !handshake.is_over() {
        let more = record(22, &[0; 1000]);
        handshake.segment(Client, 0, (at, &more, 0));
        at += more.len() as u32;
        assert!(at < 40_000);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_their_end(segments in prop::collection::vec((any::<bool>(), 0..4000_u32, prop::collection::vec(any::<u8>(), 0..200)), 0..20)) {
        let mut handshake = Handshake::new();
        for (client, seq, octets) in &segments {
            handshake.segment(if *client { Client } else { Server }, 0, (*seq, octets, 0));
            let _ = client_hello(octets);
        }
        handshake.closed();
    }

    #[test]
    fn any_damage_is_borne(which in 0..7_usize, at in any::<prop::sample::Index>(), with in any::<u8>(), size in 1..500_usize) {
        let mut flights = if which < 4 { full_12() } else { full_13() };
        let octets = &mut flights[which % 4 % 3].1;
        let at = at.index(octets.len());
        octets[at] = with;
        let _ = client_hello(octets);
        told(&flights, size).closed();
    }
}
