//! The web configuration file: every fault is told, with its place.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

use clearline::export::http::check_web_config;
use expect_test::{Expect, expect};

use super::peer::folder;

/// Faults without the folder's name.
fn check(test: &str, text: &str, expected: &Expect) {
    let folder = folder(test);
    let file = folder.join("web.yml");
    std::fs::write(&file, text).unwrap();
    let faults = check_web_config(&file).join("\n");
    expected.assert_eq(&faults.replace(&format!("{}/", folder.display()), ""));
}

#[test]
fn an_empty_file_is_right() {
    for (number, text) in ["", "# nothing\n", "tls_server_config:\nbasic_auth_users: {}\n"].iter().enumerate()
    {
        check(&format!("empty{number}"), text, &expect![[""]]);
    }
}

#[test]
fn all_faults_are_told_at_once() {
    check(
        "faults",
        "tls_server_config:
  cert_file: missing.pem
  client_auth_type: RequireAnyClientCert
  min_version: TLS10
  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA, TLS_AES_128_GCM_SHA256]
  curve_preferences:
    - CurveP521
  client_allowed_sans: [a]
  certfile: x
http_server_config:
  http2: maybe
  headers:
    X-Frame-Options: allow
    Server: me
basic_auth_users:
  alice: secret
  alice: secret
  bob: [a]
  carol: $2y$20$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG
rate_limit: {interval: 1s}
basic_auth: x
",
        &expect![[r#"
            web.yml:17:3: this key was given before
            web.yml:3:21: client_auth_type: certificates that nobody verifies prove nothing and are not supported; use RequireAndVerifyClientCert
            web.yml:4:16: min_version: TLS 1.0 and 1.1 are not supported (RFC 8996); use TLS12
            web.yml:5:19: cipher_suites: TLS_RSA_WITH_AES_128_CBC_SHA is not supported; there are TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
            web.yml:7:7: curve_preferences: CurveP521 is not supported; there are X25519, CurveP256, CurveP384
            web.yml:8:3: client_allowed_sans: not supported; give client_ca_file an authority for these clients alone
            web.yml:9:3: certfile: no such key of tls_server_config
            web.yml:11:10: http2: true or false is wanted here
            web.yml:13:22: X-Frame-Options: deny or sameorigin is wanted here
            web.yml:14:5: Server: this header cannot be set; there are Content-Security-Policy, X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, Strict-Transport-Security
            web.yml:16:10: alice: not a bcrypt hash; make one with `htpasswd -nBC 10 alice` and quote it
            web.yml:17:10: alice: not a bcrypt hash; make one with `htpasswd -nBC 10 alice` and quote it
            web.yml:18:8: bob: one value is wanted here
            web.yml:19:10: carol: a hash of cost 20 takes too long to check; 16 is the most
            web.yml:20:1: rate_limit: not supported; leave it out
            web.yml:21:1: basic_auth: no such key; there are tls_server_config, http_server_config, basic_auth_users
            web.yml:1:1: key_file: missing; TLS needs a certificate and its key
            web.yml:2:14: cert_file: cannot read missing.pem: No such file or directory (os error 2)"#]],
    );
}

#[test]
fn what_is_no_configuration_is_told() {
    check("list", "- a\n", &expect!["web.yml:1:1: the file: keys and values are wanted here"]);
    check(
        "alias",
        "a: &x b\nc: *x\n",
        &expect!["web.yml:2:4: aliases are not supported; write the value out"],
    );
    check("deep", &"[".repeat(100_000), &expect!["web.yml:1:256: recursion limit exceeded"]);
    check("broken", "a: [b\nc: }", &expect!["web.yml:2:2: illegal placement of ':' indicator"]);
    check(
        "two",
        "http_server_config:\n---\nhttp_server_config:\n",
        &expect!["web.yml:2:1: only one document is wanted"],
    );
    check(
        "authority",
        "tls_server_config: {client_auth_type: RequireAndVerifyClientCert}",
        &expect![[r#"
        web.yml:1:1: cert_file: missing; TLS needs a certificate and its key
        web.yml:1:1: key_file: missing; TLS needs a certificate and its key
        web.yml:1:1: client_ca_file: missing; client_auth_type needs an authority to verify by"#]],
    );
    check(
        "versions",
        "tls_server_config: {min_version: TLS13, max_version: TLS12, cert: x, key: y}",
        &expect![[r#"
            web.yml:1:20: max_version: older than min_version
            web.yml:1:67: cert: no certificate in PEM form
            web.yml:1:75: key: no private key in PEM form"#]],
    );
}
