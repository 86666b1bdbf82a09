//! Segments of one TLS connection, both ways.
#![no_main]

use clearline::decode::tls::{Handshake, Peer, client_hello};

libfuzzer_sys::fuzz_target!(|segments: Vec<(bool, u16, u8, Vec<u8>)>| {
    let mut handshake = Handshake::new();
    for (time, (client, seq, missing, octets)) in segments.iter().enumerate() {
        let from = if *client { Peer::Client } else { Peer::Server };
        let _ = client_hello(octets);
        handshake.segment(from, time as i64, (u32::from(*seq), octets, usize::from(*missing)));
    }
    handshake.closed();
});
