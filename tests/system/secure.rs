//! TLS and users, as Prometheus meets them.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::alert::SITE;
use super::calls::{Call, Frames};
use super::http::{Answer, ask_over, connect};
use super::peers::{Prometheus, scrape_job};
use super::processes::{PATIENCE, Running, folder, wait_for};

struct Client {
    address: SocketAddr,
    config: Arc<ClientConfig>,
}

impl Client {
    fn ask(&self, method: &str, path: &str, user: Option<&str>) -> Answer {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let session = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        let header = user.map(|user| format!("Authorization: Basic {}\r\n", STANDARD.encode(user)));
        let stream = StreamOwned::new(session, connect(self.address).unwrap());
        ask_over(stream, method, path, &header.unwrap_or_default()).unwrap()
    }
}

#[test]
fn prometheus_scrapes_over_tls_with_a_password_and_nobody_gets_in_without() {
    let folder = folder("secure");
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    let web = format!(
        "tls_server_config: {{cert_file: cert.pem, key_file: key.pem}}\nbasic_auth_users:\n  prom: {}\n",
        bcrypt::hash("secret", 6).unwrap()
    );
    fs::write(folder.join("web.yml"), web).unwrap();
    fs::write(folder.join("site.toml"), SITE).unwrap();
    Frames::of(&[Call { packets: 50, ..Call::default() }]).write(&folder, "call.pcap");
    let files = ["--config.file", "site.toml", "--web.config.file", "web.yml"];
    let read = ["--read", "call.pcap", "--after-read", "serve"];
    let (_probe, address) = Running::probe(&folder, &[&read[..], &files].concat());

    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = Client { address, config: Arc::new(config) };
    for (method, path) in [("GET", "/metrics"), ("POST", "/-/reload"), ("GET", "/")] {
        for nobody in [None, Some("prom:wrong"), Some("root:secret")] {
            assert_eq!(client.ask(method, path, nobody).status, 401, "{method} {path} as {nobody:?}");
        }
        assert_eq!(client.ask(method, path, Some("prom:secret")).status, 200, "{method} {path}");
    }
    // In plain text there is no answer at all.
    let plain = ask_over(connect(address).unwrap(), "GET", "/metrics", "");
    assert!(plain.is_err() || plain.is_ok_and(|answer| answer.status != 200));

    let tls = format!("    scheme: https\n    tls_config: {{ca_file: '{}/cert.pem'}}\n", folder.display());
    let user = format!("{tls}    basic_auth: {{username: prom, password: secret}}\n");
    let jobs = [scrape_job("user", address, &user), scrape_job("nobody", address, &tls)].concat();
    let prometheus = Prometheus::start(&folder, &format!("scrape_configs:\n{jobs}"));
    let up = |job: &str| {
        let query = format!("up{{job=\"{job}\"}}");
        wait_for(&query, PATIENCE, || prometheus.query(&query, None).first().map(|(_, value)| *value))
    };
    assert_eq!(up("user"), 1.0);
    assert_eq!(up("nobody"), 0.0);
    let targets = prometheus.api("targets");
    let errors =
        targets["activeTargets"].as_array().unwrap().iter().map(|t| t["lastError"].as_str().unwrap());
    let errors: Vec<_> = errors.filter(|error| !error.is_empty()).collect();
    assert!(errors.len() == 1 && errors.iter().all(|e| e.contains("401")), "{errors:?}");
}
