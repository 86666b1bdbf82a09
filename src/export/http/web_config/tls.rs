//! `tls_server_config`: what Go's TLS offers, as far as rustls does it as well.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{NamedGroup, RootCertStore, ServerConfig, SupportedProtocolVersion, version};

use super::files::Files;
use super::yaml::{Faults, Node};

/// The section's keys, each fit for rustls.
pub(super) struct Tls<'a> {
    cert: Option<Pem<'a>>,
    key: Option<Pem<'a>>,
    client_ca: Option<Pem<'a>>,
    client_auth: ClientAuth,
    min: Version,
    max: Version,
    suites: Vec<&'a str>,
    prefer_server: bool,
    curves: Vec<NamedGroup>,
}

/// PEM text, or the file that holds it.
struct Pem<'a> {
    node: &'a Node,
    name: &'a str,
    text: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ClientAuth {
    None,
    IfGiven,
    Required,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    Tls12,
    Tls13,
}

impl<'a> Tls<'a> {
    /// None when the section is empty: no TLS, as in the original.
    pub(super) fn read(section: &'a Node, faults: &mut Faults) -> Option<Self> {
        let mut tls = Self {
            cert: None,
            key: None,
            client_ca: None,
            client_auth: ClientAuth::None,
            min: Version::Tls12,
            max: Version::Tls13,
            suites: Vec::new(),
            prefer_server: true,
            curves: Vec::new(),
        };
        let pairs = section.pairs("tls_server_config", faults);
        if pairs.is_empty() {
            return None;
        }
        for (key, name, value) in pairs {
            tls.read_key(key, name, value, faults);
        }
        if tls.min > tls.max {
            faults.on(section, "max_version: older than min_version");
        }
        Some(tls)
    }

    fn read_key(&mut self, key: &'a Node, name: &'a str, value: &'a Node, faults: &mut Faults) {
        match name {
            "cert" | "cert_file" => set_pem(&mut self.cert, name, value, faults),
            "key" | "key_file" => set_pem(&mut self.key, name, value, faults),
            "client_ca" | "client_ca_file" => set_pem(&mut self.client_ca, name, value, faults),
            "client_auth_type" => self.client_auth = client_auth(value, faults),
            "min_version" => self.min = version_of(name, value, faults).unwrap_or(self.min),
            "max_version" => self.max = version_of(name, value, faults).unwrap_or(self.max),
            "cipher_suites" => self.suites = suites(value, faults),
            "prefer_server_cipher_suites" => {
                self.prefer_server = value.truth(name, faults).unwrap_or(true);
            }
            "curve_preferences" => self.curves = curves(value, faults),
            "client_allowed_sans" => faults.on(
                key,
                "client_allowed_sans: not supported; give client_ca_file an authority for these clients alone",
            ),
            _ => faults.on(key, format!("{name}: no such key of tls_server_config")),
        }
    }

    /// Whether no client gets in without a certificate of ours.
    pub(super) fn proves_clients(&self) -> bool {
        self.client_auth == ClientAuth::Required
    }
}

fn set_pem<'a>(slot: &mut Option<Pem<'a>>, name: &'a str, node: &'a Node, faults: &mut Faults) {
    let Some(text) = node.text(name, faults).filter(|text| !text.is_empty()) else {
        return;
    };
    if let Some(other) = slot {
        faults.on(node, format!("{name}: {} was given as well; give one of the two", other.name));
    }
    *slot = Some(Pem { node, name, text });
}

fn client_auth(node: &Node, faults: &mut Faults) -> ClientAuth {
    match node.text("client_auth_type", faults) {
        None | Some("" | "NoClientCert") => ClientAuth::None,
        Some("VerifyClientCertIfGiven") => ClientAuth::IfGiven,
        Some("RequireAndVerifyClientCert") => ClientAuth::Required,
        Some("RequestClientCert" | "RequireAnyClientCert" | "RequireClientCert") => {
            faults.on(
                node,
                "client_auth_type: certificates that nobody verifies prove nothing and are not supported; \
                 use RequireAndVerifyClientCert",
            );
            ClientAuth::None
        }
        Some(_) => {
            faults.on(
                node,
                "client_auth_type: NoClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert is \
                 wanted here",
            );
            ClientAuth::None
        }
    }
}

fn version_of(name: &str, node: &Node, faults: &mut Faults) -> Option<Version> {
    match node.text(name, faults)? {
        "TLS12" => Some(Version::Tls12),
        "TLS13" => Some(Version::Tls13),
        "TLS10" | "TLS11" => {
            faults.on(node, format!("{name}: TLS 1.0 and 1.1 are not supported (RFC 8996); use TLS12"));
            None
        }
        _ => {
            faults.on(node, format!("{name}: TLS12 or TLS13 is wanted here"));
            None
        }
    }
}

/// Go's names of the suites of TLS 1.3, which cannot be chosen there either.
const TLS13_SUITES: [&str; 3] =
    ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

fn suites<'a>(node: &'a Node, faults: &mut Faults) -> Vec<&'a str> {
    let known: Vec<&str> = ring::ALL_CIPHER_SUITES.iter().filter_map(|s| s.suite().as_str()).collect();
    let mut chosen = Vec::new();
    for (item, name) in node.texts("cipher_suites", faults) {
        if known.contains(&name) {
            chosen.push(name);
        } else if !TLS13_SUITES.contains(&name) {
            let offered: Vec<&str> = known.iter().filter(|n| n.contains("_WITH_")).copied().collect();
            let offered = offered.join(", ");
            faults.on(item, format!("cipher_suites: {name} is not supported; there are {offered}"));
        }
    }
    chosen
}

fn curves(node: &Node, faults: &mut Faults) -> Vec<NamedGroup> {
    let mut chosen = Vec::new();
    for (item, name) in node.texts("curve_preferences", faults) {
        match name {
            "X25519" => chosen.push(NamedGroup::X25519),
            "CurveP256" => chosen.push(NamedGroup::secp256r1),
            "CurveP384" => chosen.push(NamedGroup::secp384r1),
            _ => faults.on(
                item,
                format!("curve_preferences: {name} is not supported; there are X25519, CurveP256, CurveP384"),
            ),
        }
    }
    chosen
}

/// Where the section's files are, and where faults go.
pub(super) struct Source<'a> {
    pub(super) folder: &'a Path,
    pub(super) files: &'a mut Files,
    pub(super) faults: &'a mut Faults,
}

impl Source<'_> {
    fn load(&mut self, pem: &Pem<'_>) -> Option<Vec<u8>> {
        if !pem.name.ends_with("_file") {
            return Some(pem.text.as_bytes().to_vec());
        }
        let path = self.folder.join(pem.text);
        let read = self.files.read(&path);
        if let Err(error) = &read {
            self.faults.on(pem.node, format!("{}: cannot read {}: {error}", pem.name, path.display()));
        }
        read.ok()
    }

    fn certificates(&mut self, pem: &Pem<'_>) -> Option<Vec<CertificateDer<'static>>> {
        let bytes = self.load(pem)?;
        let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        let found = parsed.ok().filter(|list| !list.is_empty());
        if found.is_none() {
            self.faults.on(pem.node, format!("{}: no certificate in PEM form", pem.name));
        }
        found
    }

    fn private_key(&mut self, pem: &Pem<'_>) -> Option<PrivateKeyDer<'static>> {
        let bytes = self.load(pem)?;
        let found = PrivateKeyDer::from_pem_slice(&bytes).ok();
        if found.is_none() {
            self.faults.on(pem.node, format!("{}: no private key in PEM form", pem.name));
        }
        found
    }
}

/// rustls' configuration; None when the faults say why.
pub(super) fn build(key: &Node, tls: &Tls<'_>, http2: bool, source: &mut Source<'_>) -> Option<ServerConfig> {
    for (slot, name) in [(&tls.cert, "cert_file"), (&tls.key, "key_file")] {
        if slot.is_none() {
            source.faults.on(key, format!("{name}: missing; TLS needs a certificate and its key"));
        }
    }
    let chain = tls.cert.as_ref().and_then(|pem| source.certificates(pem));
    let private = tls.key.as_ref().and_then(|pem| source.private_key(pem));
    let provider = Arc::new(provider(tls));
    let verifier = verifier(key, tls, &provider, source)?;
    let (chain, private) = (chain?, private?);
    let builder = match ServerConfig::builder_with_provider(provider).with_protocol_versions(&versions(tls)) {
        Ok(builder) => builder,
        Err(error) => {
            source.faults.on(key, format!("tls_server_config: {error}"));
            return None;
        }
    };
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = match builder.with_single_cert(chain, private) {
        Ok(config) => config,
        Err(error) => {
            source.faults.on(key, format!("cert_file, key_file: {error}"));
            return None;
        }
    };
    config.ignore_client_order = tls.prefer_server;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if http2 {
        config.alpn_protocols.insert(0, b"h2".to_vec());
    }
    Some(config)
}

/// The algorithms, in the order asked for. TLS 1.3's suites always stay, as in Go.
fn provider(tls: &Tls<'_>) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if !tls.suites.is_empty() {
        let all = provider.cipher_suites.clone();
        let fixed = all.iter().filter(|suite| suite.tls13().is_some());
        let chosen =
            tls.suites.iter().filter_map(|name| all.iter().find(|s| s.suite().as_str() == Some(*name)));
        provider.cipher_suites =
            fixed.chain(chosen.filter(|suite| suite.tls13().is_none())).copied().collect();
    }
    if !tls.curves.is_empty() {
        let all = provider.kx_groups.clone();
        let chosen = tls.curves.iter().filter_map(|name| all.iter().find(|group| group.name() == *name));
        provider.kx_groups = chosen.copied().collect();
    }
    provider
}

fn versions(tls: &Tls<'_>) -> Vec<&'static SupportedProtocolVersion> {
    [(Version::Tls13, &version::TLS13), (Version::Tls12, &version::TLS12)]
        .into_iter()
        .filter(|(version, _)| (tls.min..=tls.max).contains(version))
        .map(|(_, supported)| supported)
        .collect()
}

/// How clients prove themselves: `Some(None)` not at all; None when the faults say why.
#[expect(clippy::option_option, reason = "the outer one is failure, the inner one is the setting")]
fn verifier(
    key: &Node,
    tls: &Tls<'_>,
    provider: &Arc<CryptoProvider>,
    source: &mut Source<'_>,
) -> Option<Option<Arc<dyn ClientCertVerifier>>> {
    let authorities = tls.client_ca.as_ref().map(|pem| (pem, source.certificates(pem)));
    let (pem, authorities) = match (tls.client_auth, authorities) {
        (ClientAuth::None, None) => return Some(None),
        (ClientAuth::None, Some((pem, _))) => {
            source.faults.on(pem.node, format!("{}: without client_auth_type nobody is asked", pem.name));
            return None;
        }
        (ClientAuth::IfGiven | ClientAuth::Required, None) => {
            source
                .faults
                .on(key, "client_ca_file: missing; client_auth_type needs an authority to verify by");
            return None;
        }
        (ClientAuth::IfGiven | ClientAuth::Required, Some((pem, certificates))) => (pem, certificates?),
    };
    let mut roots = RootCertStore::empty();
    let added = authorities.into_iter().try_for_each(|authority| roots.add(authority));
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder =
        if tls.client_auth == ClientAuth::IfGiven { builder.allow_unauthenticated() } else { builder };
    let built = added.map_err(|e| e.to_string()).and_then(|()| builder.build().map_err(|e| e.to_string()));
    if let Err(error) = &built {
        source.faults.on(pem.node, format!("{}: {error}", pem.name));
    }
    built.ok().map(Some)
}
