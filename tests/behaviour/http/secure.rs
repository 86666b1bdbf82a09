//! TLS and users, also as they change while the server runs.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clearline::export::http::{Refusal, exposure};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::peer::{Answer, PATIENCE, Server, Start, exchange, folder, request, shown, tls};

/// A certificate of its own authority.
struct Made {
    cert: rcgen::Certificate,
    key: KeyPair,
}

fn made() -> Made {
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    Made { cert, key }
}

fn roots(trusted: &[&Made]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for made in trusted {
        roots.add(made.cert.der().clone()).unwrap();
    }
    roots
}

fn client(trusted: &[&Made]) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(trusted))
        .with_no_client_auth()
}

const TLS: &str = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n";

/// A folder with a certificate and a configuration that begins with TLS.
fn configured(test: &str, made: &Made, more: &str) -> (PathBuf, Server) {
    let folder = folder(test);
    fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), made.key.serialize_pem()).unwrap();
    let config = folder.join("web.yml");
    fs::write(&config, format!("{TLS}{more}")).unwrap();
    let server = Start { config: Some(config), ..Start::default() }.server();
    (folder, server)
}

#[test]
fn a_renewed_certificate_is_shown_without_a_restart() {
    let (old, new) = (made(), made());
    let trusted = [&old, &new];
    let (folder, server) = configured("renewed", &old, "");
    let mut kept = tls(&server, client(&trusted)).unwrap();
    assert_eq!(shown(&kept), *old.cert.der());
    // Half renewed: the key does not fit, so the old pair stays, and that is said once.
    fs::write(folder.join("cert.pem"), new.cert.pem()).unwrap();
    for _ in 0..2 {
        assert_eq!(shown(&tls(&server, client(&trusted)).unwrap()), *old.cert.der());
    }
    let warning = server.warnings.recv_timeout(PATIENCE).unwrap();
    assert!(warning.contains("web.yml:1:1: cert_file, key_file: "), "{warning}");
    assert!(server.warnings.try_recv().is_err());
    fs::write(folder.join("key.pem"), new.key.serialize_pem()).unwrap();
    let fresh = tls(&server, client(&trusted)).unwrap();
    assert_eq!(shown(&fresh), *new.cert.der());
    for stream in [fresh, tls(&server, client(&trusted)).unwrap()] {
        let answer = Answer::new(&exchange(stream, request("GET", "/-/healthy", "").as_bytes()));
        assert_eq!(answer.status, 200);
    }
    kept.write_all(request("GET", "/-/healthy", "").as_bytes()).unwrap();
    assert_eq!(Answer::new(&exchange(kept, b"")).status, 200);
    assert!(server.warnings.try_recv().is_err());
}

#[test]
fn plain_requests_to_a_tls_address_get_nothing() {
    let (_, server) = configured("plain", &made(), "");
    assert_ne!(Answer::new(&server.exchange(request("GET", "/", "").as_bytes())).status, 200);
    assert_eq!(server.refusal(), Refusal::Handshake);
}

#[test]
fn http2_is_offered_unless_turned_off() {
    let made = made();
    let offering = || {
        let mut config = client(&[&made]);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    };
    let (_, server) = configured("http2", &made, "");
    let mut stream = tls(&server, offering()).unwrap();
    assert_eq!(stream.conn.alpn_protocol(), Some(b"h2".as_slice()));
    // The preface and empty settings; the answer's first frame is settings too (type 4, RFC 9113 §6.5).
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(frame[3], 4);
    let (_, server) = configured("http1", &made, "http_server_config: {http2: false}\n");
    let stream = tls(&server, offering()).unwrap();
    assert_eq!(stream.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
}

#[test]
fn clients_can_be_made_to_prove_themselves() {
    let server_made = made();
    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["authority".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap();
    let client_key = KeyPair::generate().unwrap();
    let signed = CertificateParams::new(vec!["scraper".to_owned()]).unwrap();
    let signed = signed.signed_by(&client_key, &Issuer::from_params(&params, &authority_key)).unwrap();

    let ca = authority.pem().replace('\n', "\n    ");
    let more = format!("  client_auth_type: RequireAndVerifyClientCert\n  client_ca: |\n    {ca}\n");
    let (folder, server) = configured("clients", &server_made, &more);
    let proven = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(&[&server_made]))
        .with_client_auth_cert(
            vec![signed.der().clone()],
            PrivateKeyDer::try_from(client_key.serialize_der()).unwrap(),
        )
        .unwrap();
    let stream = tls(&server, proven).unwrap();
    let answer = Answer::new(&exchange(stream, request("GET", "/", "").as_bytes()));
    assert_eq!(answer.status, 200);
    // In TLS 1.3 a client learns only afterwards that it was turned away.
    let answer =
        tls(&server, client(&[&server_made])).map(|s| exchange(s, request("GET", "/", "").as_bytes()));
    assert!(answer.unwrap_or_default().is_empty());
    assert_eq!(server.refusal(), Refusal::Handshake);
    let open = ["0.0.0.0:1".parse().unwrap()];
    assert!(exposure(&open, Some(&folder.join("web.yml"))).is_empty());
}

fn basic(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")))
}

/// A configuration with one user, by the cheapest hash there is.
fn users(user: &str, password: &str) -> String {
    format!("basic_auth_users:\n  {user}: {}\n", bcrypt::hash(password, 4).unwrap())
}

fn with_users(test: &str) -> (PathBuf, Server) {
    let config = folder(test).join("web.yml");
    fs::write(&config, users("alice", "correct")).unwrap();
    let server = Start { config: Some(config.clone()), ..Start::default() }.server();
    // An answer proves that the file was read, before a test changes it.
    assert_eq!(server.get("/", "").problem(), 401);
    assert_eq!(server.refusal(), Refusal::Unauthorized);
    (config, server)
}

#[test]
fn only_users_get_in() {
    let (_, server) = with_users("users");
    for path in ["/", "/metrics", "/-/healthy", "/api/v1/status", "/nothing"] {
        let answer = server.get(path, "");
        assert_eq!(answer.problem(), 401, "{path}");
        let challenge = Some("Basic realm=\"clearline\", charset=\"UTF-8\"");
        assert_eq!(answer.header("www-authenticate"), challenge);
        assert_eq!(server.refusal(), Refusal::Unauthorized);
    }
    for wrong in [
        basic("alice", "wrong"),
        basic("bob", "correct"),
        basic("", ""),
        basic("alice", ""),
        "Authorization: Basic !!!\r\n".to_owned(),
        "Authorization: Basic\r\n".to_owned(),
        "Authorization: Bearer x\r\n".to_owned(),
        format!("Authorization: Basic {}\r\n", STANDARD.encode("no colon")),
        format!("Authorization: Basic {}\r\n", STANDARD.encode([0xff, b':', 0])),
    ] {
        assert_eq!(server.ask("POST", "/-/reload", &wrong).problem(), 401, "{wrong}");
    }
    assert_eq!(server.ask("POST", "/-/reload", &basic("alice", "correct")).status, 200);
    // Now that a right password is remembered, a wrong one still is wrong.
    assert_eq!(server.get("/metrics", &basic("alice", "correct")).status, 200);
    assert_eq!(server.get("/metrics", &basic("alice", "wrong")).problem(), 401);
}

#[test]
fn users_change_while_connected() {
    let (config, server) = with_users("changed");
    let ask = |headers: &str| server.get("/-/healthy", headers).status;
    assert_eq!(ask(&basic("alice", "correct")), 200);
    fs::write(&config, users("alice", "changed")).unwrap();
    assert_eq!(ask(&basic("alice", "correct")), 401);
    assert_eq!(ask(&basic("alice", "changed")), 200);
    fs::write(&config, users("bob", "correct")).unwrap();
    assert_eq!(ask(&basic("alice", "changed")), 401);
    assert_eq!(ask(&basic("bob", "correct")), 200);
}

#[test]
fn a_file_caught_half_written_opens_nothing() {
    let (config, server) = with_users("half");
    for half in ["", "basic_auth_users:\n", "basic_auth_users:\n  alice: $2b$04$abc\n", "basic_auth"] {
        fs::write(&config, half).unwrap();
        assert_eq!(server.get("/", "").problem(), 401, "{half}");
        assert_eq!(server.get("/", &basic("alice", "correct")).status, 200, "{half}");
    }
    // The first two have the same fault, which is said once.
    let warnings: Vec<String> = server.warnings.try_iter().collect();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings.iter().all(|line| line.ends_with("(the old web configuration stays in force)")));
    fs::remove_file(&config).unwrap();
    assert_eq!(server.get("/", "").problem(), 401);
}

#[test]
fn configured_headers_are_on_every_answer() {
    let config = folder("headers").join("web.yml");
    fs::write(&config, "http_server_config:\n  headers:\n    X-Frame-Options: deny\n").unwrap();
    let server = Start { config: Some(config), ..Start::default() }.server();
    for path in ["/", "/nothing"] {
        assert_eq!(server.get(path, "").header("x-frame-options"), Some("deny"));
    }
}
