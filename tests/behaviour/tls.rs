//! Signalling over TLS, without its keys: what its handshakes show.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails the test")]

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion,
    crypto,
};

use crate::traffic::{End, MS, Recorded, START, analyse_frames, tcp};

const PHONE: End = ([10, 0, 0, 1], 49_152);
const SERVER: End = ([10, 0, 1, 1], 5061);
const FIN: u8 = 0x11;

fn length(n: usize) -> [u8; 2] {
    u16::try_from(n).unwrap().to_be_bytes()
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &length(content.len()), content].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0][..], &length(body.len()), body].concat()
}

fn vector(content: &[u8]) -> Vec<u8> {
    [&length(content.len())[..], content].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector(content)].concat()
}

fn alpn() -> Vec<u8> {
    extension(16, &vector(b"\x05sip/2"))
}

fn client_hello(name: &str) -> Vec<u8> {
    let sni = extension(0, &vector(&[&[0][..], &vector(name.as_bytes())].concat()));
    let extensions = [sni, alpn(), extension(43, &[2, 3, 3])].concat();
    let body = [&[3, 3][..], &[1; 32], &[0], &vector(&[0xc0, 0x2f]), &[1, 0], &vector(&extensions)].concat();
    record(22, &message(1, &body))
}

/// ServerHello, Certificate good until 2031-05-17, ServerHelloDone.
fn server_flight() -> Vec<u8> {
    let hello = [&[3, 3][..], &[2; 32], &[0], &[0xc0, 0x2f, 0], &vector(&alpn())].concat();
    let mut params = rcgen::CertificateParams::new(vec!["sip.example.org".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2031, 5, 17);
    let der = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec();
    let certificate = [&[0][..], &length(der.len() + 3), &[0], &length(der.len()), &der].concat();
    [record(22, &message(2, &hello)), record(22, &message(11, &certificate)), record(22, &message(14, &[]))]
        .concat()
}

/// A conversation, in segments of at most 300 octets, a millisecond apart.
fn conversation(server: End, flights: &[(bool, Vec<u8>, u8)]) -> Vec<Recorded> {
    let mut frames = Vec::new();
    let mut next = [1000_u32, 9000];
    for (from_phone, octets, flags) in flights {
        let (src, dst) = if *from_phone { (PHONE, server) } else { (server, PHONE) };
        let at = &mut next[usize::from(*from_phone)];
        let pieces: Vec<&[u8]> = if octets.is_empty() { vec![&[][..]] } else { octets.chunks(300).collect() };
        for piece in pieces {
            let time = START + i64::try_from(frames.len()).unwrap() * MS;
            frames.push(tcp(time, src, dst, *at, *flags, piece));
            *at += u32::try_from(piece.len()).unwrap();
        }
    }
    frames
}

fn tls(frames: &[Recorded]) -> Value {
    analyse_frames(frames)["tls"].clone()
}

#[test]
fn a_handshake_is_told_with_the_certificates_end() {
    let finished = [record(22, &message(16, &[1; 60])), record(20, &[1]), record(22, &[9; 40])].concat();
    let flights = [
        (true, client_hello("pbx.example.org"), 0x18),
        (false, server_flight(), 0x18),
        (true, finished, 0x18),
        (false, [record(20, &[1]), record(22, &[9; 40])].concat(), 0x18),
        (true, record(23, &[0; 200]), 0x18),
    ];
    let expected = json!([{
        "src": "10.0.0.1:49152", "dst": "10.0.1.1:5061", "version": "TLS 1.2", "client_version": "TLS 1.2",
        "sni": "pbx.example.org", "alpn": "sip/2", "cipher": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "result": "completed", "resumed": false, "alerts": [],
        "certificate_not_after": "2031-05-17T00:00:00.000000000Z",
        "first": "2023-11-14T22:13:20.000000000Z", "last": "…",
    }]);
    let mut got = tls(&conversation(SERVER, &flights));
    // How many segments the certificate takes is its key's affair.
    assert!(got[0]["last"].as_str() > got[0]["first"].as_str());
    got[0]["last"] = expected[0]["last"].clone();
    assert_eq!(got, expected);
}

/// What two ends of a real implementation say to each other, until they agree or one gives up.
fn real(version: &'static SupportedProtocolVersion, trusted: bool) -> Vec<(bool, Vec<u8>, u8)> {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["sip.example.org".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let mut roots = RootCertStore::empty();
    if trusted {
        roots.add(certificate.clone()).unwrap();
    }
    let ring = || Arc::new(crypto::ring::default_provider());
    let with = |protocols: &mut Vec<Vec<u8>>| protocols.push(b"sip/2".to_vec());
    let builder = ClientConfig::builder_with_provider(ring()).with_protocol_versions(&[version]).unwrap();
    let mut client = builder.with_root_certificates(roots).with_no_client_auth();
    with(&mut client.alpn_protocols);
    let builder = ServerConfig::builder_with_provider(ring()).with_protocol_versions(&[version]).unwrap();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let mut server = builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    with(&mut server.alpn_protocols);
    let mut client = ClientConnection::new(Arc::new(client), "sip.example.org".try_into().unwrap()).unwrap();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    let mut flights = Vec::new();
    loop {
        let (mut there, mut back) = (Vec::new(), Vec::new());
        while client.wants_write() {
            client.write_tls(&mut there).unwrap();
        }
        let mut rest = &there[..];
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            let _refused = server.process_new_packets();
        }
        while server.wants_write() {
            server.write_tls(&mut back).unwrap();
        }
        let mut rest = &back[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            let _refused = client.process_new_packets();
        }
        if there.is_empty() && back.is_empty() {
            return flights;
        }
        flights.extend([(true, there, 0x18), (false, back, 0x18)]);
    }
}

#[test]
fn handshakes_of_a_real_implementation_are_told() {
    for (version, name) in [(&TLS12, "TLS 1.2"), (&TLS13, "TLS 1.3")] {
        for trusted in [true, false] {
            let got = tls(&conversation(SERVER, &real(version, trusted)))[0].clone();
            assert_eq!(got["version"], name);
            assert_eq!((&got["sni"], &got["alpn"]), (&json!("sip.example.org"), &json!("sip/2")));
            assert_eq!(got["result"], if trusted { "completed" } else { "failed" }, "{name} {got}");
            assert!(got["cipher"].as_str().unwrap().starts_with("TLS_"), "{got}");
            assert_eq!(got["certificate_not_after"].is_string(), name == "TLS 1.2");
            let alerts = got["alerts"].as_array().unwrap();
            let unknown = alerts.iter().filter(|alert| alert["description"] == "unknown_ca").count();
            assert_eq!(unknown, usize::from(!trusted && name == "TLS 1.2"), "{got}");
        }
    }
}

#[test]
fn a_phone_that_does_not_trust_the_server_says_so() {
    let flights = [
        (true, client_hello("pbx.example.org"), 0x18),
        (false, server_flight(), 0x18),
        (true, record(21, &[2, 45]), 0x18),
        (true, Vec::new(), FIN),
    ];
    let got = tls(&conversation(SERVER, &flights));
    assert_eq!(got[0]["result"], "failed");
    assert_eq!(
        got[0]["alerts"],
        json!([{"from": "client", "level": "fatal", "description": "certificate_expired"}])
    );
}

#[test]
fn a_handshake_that_breaks_off_or_goes_on_at_the_end() {
    let mut flights = vec![(true, client_hello("pbx.example.org"), 0x18)];
    assert_eq!(tls(&conversation(SERVER, &flights))[0]["result"], "unfinished");
    flights.push((false, Vec::new(), 0x14));
    assert_eq!(tls(&conversation(SERVER, &flights))[0]["result"], "failed");
}

#[test]
fn browsing_is_not_recorded() {
    let hello = [
        &[3, 3][..],
        &[1; 32],
        &[0],
        &vector(&[0xc0, 0x2f]),
        &[1, 0],
        &vector(&extension(0, &vector(&[&[0][..], &vector(b"www.example.org")].concat()))),
    ]
    .concat();
    let flights = [(true, record(22, &message(1, &hello)), 0x18)];
    assert_eq!(tls(&conversation(([10, 0, 1, 1], 443), &flights)), json!([]));
    // The same connection asking for SIP is ours.
    let flights = [(true, client_hello("pbx.example.org"), 0x18)];
    assert_eq!(tls(&conversation(([10, 0, 1, 1], 443), &flights)).as_array().unwrap().len(), 1);
}
