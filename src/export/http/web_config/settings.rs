//! From the file to settings that hold, or all its faults.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue};
use tokio_rustls::rustls::ServerConfig;

use super::files::Files;
use super::tls::{self, Tls};
use super::yaml::{Faults, Node, parse};

/// What the file says, checked and ready for use.
#[derive(Debug, Default)]
pub(in super::super) struct Settings {
    /// None: plain HTTP.
    pub(in super::super) tls: Option<Arc<ServerConfig>>,
    /// Whether every client must show a certificate of ours.
    pub(in super::super) proves_clients: bool,
    /// bcrypt hashes by user. Empty: everyone is let in.
    pub(in super::super) users: BTreeMap<String, String>,
    /// For every answer.
    pub(in super::super) headers: Vec<(HeaderName, HeaderValue)>,
}

/// Reads `path` and the files it names; `files` watches them all.
///
/// # Errors
/// Every fault found.
pub(super) fn read(path: &Path, files: &mut Files) -> Result<Settings, Vec<String>> {
    let mut faults = Faults::new(path);
    let settings = read_file(path, files, &mut faults);
    if faults.lines.is_empty() { Ok(settings) } else { Err(faults.lines) }
}

fn read_file(path: &Path, files: &mut Files, faults: &mut Faults) -> Settings {
    let mut settings = Settings::default();
    let text = match files.read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            faults.whole(format!("cannot be read: {error}"));
            return settings;
        }
    };
    let Some(root) = parse(&text, faults) else {
        return settings;
    };
    let mut tls = None;
    let mut http2 = true;
    for (key, name, value) in root.pairs("the file", faults) {
        match name {
            "tls_server_config" => tls = Tls::read(value, faults).map(|tls| (key, tls)),
            "http_server_config" => read_http(value, &mut http2, &mut settings, faults),
            "basic_auth_users" => settings.users = read_users(value, faults),
            "rate_limit" => faults.on(key, "rate_limit: not supported; leave it out"),
            _ => faults.on(
                key,
                format!(
                    "{name}: no such key; there are tls_server_config, http_server_config, basic_auth_users"
                ),
            ),
        }
    }
    if let Some((key, tls)) = tls {
        let folder = path.parent().unwrap_or(Path::new(""));
        settings.proves_clients = tls.proves_clients();
        settings.tls = tls::build(key, &tls, http2, &mut tls::Source { folder, files, faults }).map(Arc::new);
    }
    settings
}

fn read_http(node: &Node, http2: &mut bool, settings: &mut Settings, faults: &mut Faults) {
    for (key, name, value) in node.pairs("http_server_config", faults) {
        match name {
            "http2" => *http2 = value.truth(name, faults).unwrap_or(true),
            "headers" => settings.headers = read_headers(value, faults),
            _ => faults.on(key, format!("{name}: no such key; there are http2 and headers")),
        }
    }
}

/// The headers that may be set, with the values they may have; none listed: any.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-XSS-Protection", &[]),
    ("Strict-Transport-Security", &[]),
];

fn read_headers(node: &Node, faults: &mut Faults) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (key, name, value) in node.pairs("headers", faults) {
        let Some((_, allowed)) = HEADERS.iter().find(|(known, _)| *known == name) else {
            let known = HEADERS.map(|(known, _)| known).join(", ");
            faults.on(key, format!("{name}: this header cannot be set; there are {known}"));
            continue;
        };
        let Some(text) = value.text(name, faults).filter(|text| !text.is_empty()) else {
            continue;
        };
        if !allowed.is_empty() && !allowed.contains(&text) {
            faults.on(value, format!("{name}: {} is wanted here", allowed.join(" or ")));
            continue;
        }
        match (HeaderName::from_str(name), HeaderValue::from_str(text)) {
            (Ok(name), Ok(text)) => headers.push((name, text)),
            _ => faults.on(value, format!("{name}: not the value of a header")),
        }
    }
    headers
}

/// Above this one check takes several seconds, and checks run one at a time.
const MAX_COST: u32 = 16;

fn read_users(node: &Node, faults: &mut Faults) -> BTreeMap<String, String> {
    let mut users = BTreeMap::new();
    for (key, user, value) in node.pairs("basic_auth_users", faults) {
        let Some(hash) = value.text(user, faults) else {
            continue;
        };
        if user.contains(':') {
            faults.on(key, format!("{user}: a user's name cannot have a colon"));
        }
        // The hash is a secret of sorts: no message repeats it.
        match bcrypt::HashParts::from_str(hash).map(|parts| parts.get_cost()) {
            Ok(cost) if cost <= MAX_COST => {
                users.insert(user.to_owned(), hash.to_owned());
            }
            Ok(cost) => faults.on(
                value,
                format!("{user}: a hash of cost {cost} takes too long to check; {MAX_COST} is the most"),
            ),
            Err(_) => faults.on(
                value,
                format!("{user}: not a bcrypt hash; make one with `htpasswd -nBC 10 {user}` and quote it"),
            ),
        }
    }
    users
}
