//! TLS connections of signalling in JSON.

use std::borrow::Cow;

use serde::Serialize;

use crate::decode::tls::{Alert, Outcome, Peer};
use crate::export::text::rfc3339;
use crate::track::tls::TlsConnection;

#[derive(Serialize)]
pub(super) struct TlsJson<'a> {
    src: String,
    dst: String,
    version: Option<Cow<'static, str>>,
    client_version: Option<Cow<'static, str>>,
    sni: Option<&'a str>,
    alpn: Option<&'a str>,
    cipher: Option<Cow<'static, str>>,
    result: &'static str,
    resumed: bool,
    alerts: Vec<AlertJson>,
    certificate_not_after: Option<String>,
    first: String,
    last: String,
}

#[derive(Serialize)]
struct AlertJson {
    from: &'static str,
    level: &'static str,
    description: Cow<'static, str>,
}

impl<'a> TlsJson<'a> {
    pub fn new(connection: &'a TlsConnection) -> Self {
        let facts = &connection.facts;
        Self {
            src: connection.flow.src.to_string(),
            dst: connection.flow.dst.to_string(),
            version: facts.version.map(version),
            client_version: facts.client_version.map(version),
            sni: facts.sni.as_deref(),
            alpn: facts.alpn.as_deref(),
            cipher: facts.cipher.map(cipher),
            result: match facts.outcome {
                Outcome::Completed => "completed",
                Outcome::Failed => "failed",
                Outcome::Unfinished => "unfinished",
            },
            resumed: facts.resumed,
            alerts: facts.alerts.iter().map(AlertJson::new).collect(),
            certificate_not_after: facts
                .certificate_not_after
                .map(|seconds| rfc3339(seconds.saturating_mul(1_000_000_000))),
            first: rfc3339(connection.first),
            last: rfc3339(connection.last),
        }
    }
}

impl AlertJson {
    fn new(alert: &Alert) -> Self {
        Self {
            from: match alert.from {
                Peer::Client => "client",
                Peer::Server => "server",
            },
            level: if alert.level == 1 { "warning" } else { "fatal" },
            description: description(alert.description),
        }
    }
}

/// As the registry of protocol versions is commonly written.
fn version(number: u16) -> Cow<'static, str> {
    match number {
        0x0300 => "SSL 3.0".into(),
        0x0301 => "TLS 1.0".into(),
        0x0302 => "TLS 1.1".into(),
        0x0303 => "TLS 1.2".into(),
        0x0304 => "TLS 1.3".into(),
        other => format!("0x{other:04x}").into(),
    }
}

/// The suite's name ([IANA](https://www.iana.org/assignments/tls-parameters)), of those that SIP servers choose;
/// else its number.
fn cipher(number: u16) -> Cow<'static, str> {
    match number {
        0x000a => "TLS_RSA_WITH_3DES_EDE_CBC_SHA".into(),
        0x002f => "TLS_RSA_WITH_AES_128_CBC_SHA".into(),
        0x0033 => "TLS_DHE_RSA_WITH_AES_128_CBC_SHA".into(),
        0x0035 => "TLS_RSA_WITH_AES_256_CBC_SHA".into(),
        0x0039 => "TLS_DHE_RSA_WITH_AES_256_CBC_SHA".into(),
        0x003c => "TLS_RSA_WITH_AES_128_CBC_SHA256".into(),
        0x003d => "TLS_RSA_WITH_AES_256_CBC_SHA256".into(),
        0x009c => "TLS_RSA_WITH_AES_128_GCM_SHA256".into(),
        0x009d => "TLS_RSA_WITH_AES_256_GCM_SHA384".into(),
        0x009e => "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256".into(),
        0x009f => "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384".into(),
        0x1301 => "TLS_AES_128_GCM_SHA256".into(),
        0x1302 => "TLS_AES_256_GCM_SHA384".into(),
        0x1303 => "TLS_CHACHA20_POLY1305_SHA256".into(),
        0xc009 => "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA".into(),
        0xc00a => "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA".into(),
        0xc013 => "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA".into(),
        0xc014 => "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA".into(),
        0xc027 => "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256".into(),
        0xc028 => "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384".into(),
        0xc02b => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".into(),
        0xc02c => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384".into(),
        0xc02f => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256".into(),
        0xc030 => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384".into(),
        0xcca8 => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256".into(),
        0xcca9 => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256".into(),
        other => format!("0x{other:04x}").into(),
    }
}

/// The alert's name ([RFC 8446 §6](https://www.rfc-editor.org/rfc/rfc8446#section-6),
/// [RFC 5246 §7.2](https://www.rfc-editor.org/rfc/rfc5246#section-7.2)); else its number.
fn description(number: u8) -> Cow<'static, str> {
    match number {
        0 => "close_notify".into(),
        10 => "unexpected_message".into(),
        20 => "bad_record_mac".into(),
        22 => "record_overflow".into(),
        40 => "handshake_failure".into(),
        41 => "no_certificate".into(),
        42 => "bad_certificate".into(),
        43 => "unsupported_certificate".into(),
        44 => "certificate_revoked".into(),
        45 => "certificate_expired".into(),
        46 => "certificate_unknown".into(),
        47 => "illegal_parameter".into(),
        48 => "unknown_ca".into(),
        49 => "access_denied".into(),
        50 => "decode_error".into(),
        51 => "decrypt_error".into(),
        70 => "protocol_version".into(),
        71 => "insufficient_security".into(),
        80 => "internal_error".into(),
        86 => "inappropriate_fallback".into(),
        90 => "user_canceled".into(),
        100 => "no_renegotiation".into(),
        109 => "missing_extension".into(),
        110 => "unsupported_extension".into(),
        112 => "unrecognized_name".into(),
        113 => "bad_certificate_status_response".into(),
        115 => "unknown_psk_identity".into(),
        116 => "certificate_required".into(),
        120 => "no_application_protocol".into(),
        other => other.to_string().into(),
    }
}
