//! What the HTTP server answers, and what it withstands.

mod config;
mod peer;
mod secure;

use std::io::{Read, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

use clearline::export::http::{Error, Limits, Refusal, bind, exposure};
use peer::{Answer, PATIENCE, Start, request};

#[test]
fn each_path_answers() {
    let server = Start::default().server();
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
        ("/-/healthy", "text/plain; charset=utf-8"),
        ("/-/ready", "text/plain; charset=utf-8"),
        ("/api/v1/status", "application/json"),
        ("/api/v1/findings", "application/json"),
        ("/api/v1/streams", "application/json"),
        ("/api/v1/devices", "application/json"),
        ("/api/v1/openapi.json", "application/json"),
    ] {
        let answer = server.get(path, "");
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        let head = server.ask("HEAD", path, "");
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        let other = server.ask("DELETE", path, "");
        assert_eq!((other.problem(), other.header("allow")), (405, Some("GET,HEAD")), "{path}");
    }
    assert_eq!(server.get("/nothing", "").problem(), 404);
    assert_eq!(server.get("/metrics/", "").problem(), 404);
}

#[test]
fn the_interface_description_names_what_exists() {
    let server = Start::default().server();
    let document = server.get("/api/v1/openapi.json", "").json();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let answer = server.ask(&method.to_uppercase(), path, "");
            assert_eq!(answer.status, 200, "{method} {path}");
        }
    }
}

#[test]
fn readiness_follows_the_program() {
    let server = Start::default().server();
    server.program.ready.store(false, Ordering::Relaxed);
    let answer = server.get("/-/ready", "");
    assert_eq!((answer.problem(), answer.header("retry-after")), (503, Some("5")));
    assert_eq!(server.get("/-/healthy", "").status, 200);
}

#[test]
fn a_reload_tells_every_fault() {
    let server = Start::default().server();
    assert_eq!(server.ask("POST", "/-/reload", "").status, 200);
    let faults = ["a.toml:1:2: x: wrong".to_owned(), "a.toml:3:4: y: wrong".to_owned()];
    *server.program.faults.lock().unwrap() = faults.to_vec();
    let answer = server.ask("POST", "/-/reload", "");
    assert_eq!(answer.problem(), 400);
    assert_eq!(answer.json()["errors"], serde_json::json!(faults));
    assert_eq!(answer.json()["detail"], faults.join("\n"));
    let get = server.get("/-/reload", "");
    assert_eq!((get.problem(), get.header("allow")), (405, Some("POST")));
}

#[test]
fn streams_can_be_narrowed() {
    let server = Start::default().server();
    for (query, live, limit) in [
        ("", false, 50),
        ("?live", true, 50),
        ("?live=true&limit=3", true, 3),
        ("?limit=500&live=0", false, 500),
    ] {
        let answer = server.get(&format!("/api/v1/streams{query}"), "").json();
        assert_eq!(answer, serde_json::json!({"live": live, "limit": limit}), "{query}");
    }
    for query in ["limit=0", "limit=501", "limit=x", "limit=-1", "live=maybe", "limits=3", "limit"] {
        assert_eq!(server.get(&format!("/api/v1/streams?{query}"), "").problem(), 400, "{query}");
    }
}

/// The first two are what Prometheus 2.42 and 3 send.
#[test]
fn the_exposition_is_the_one_asked_for() {
    const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    let server = Start::default().server();
    for (accept, expected) in [
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OPEN.to_owned(),
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            format!("{OPEN}; escaping=allow-utf-8"),
        ),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT.to_owned()),
        ("*/*", TEXT.to_owned()),
        ("application/openmetrics-text", OPEN.to_owned()),
        ("Application/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8", OPEN.to_owned()),
        ("application/openmetrics-text; version=0.0.1", TEXT.to_owned()),
        ("application/openmetrics-text;q=0.2, text/plain;q=0.3", TEXT.to_owned()),
        ("text/plain;q=0.2, application/openmetrics-text;q=0.3", OPEN.to_owned()),
        ("application/openmetrics-text;q=0", TEXT.to_owned()),
        ("text/plain, application/openmetrics-text", TEXT.to_owned()),
        ("text/plain;escaping=underscores", format!("{TEXT}; escaping=underscores")),
        ("text/plain;escaping=\r\n\tfolded", TEXT.to_owned()),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily", TEXT.to_owned()),
    ] {
        if accept.contains('\n') {
            assert_eq!(server.get("/metrics", &format!("Accept: {accept}\r\n")).status, 400);
            continue;
        }
        let answer = server.get("/metrics", &format!("Accept: {accept}\r\n"));
        assert_eq!(answer.header("content-type"), Some(expected.as_str()), "{accept}");
        let body: &[u8] = if expected.starts_with("text") { b"# Text004\n" } else { b"# OpenMetrics\n" };
        assert_eq!(answer.body, body, "{accept}");
    }
}

#[test]
fn gzip_only_when_accepted() {
    let server = Start { bytes: 10_000, ..Start::default() }.server();
    let packed = server.get("/metrics", "Accept-Encoding: gzip\r\n");
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.header("vary"), Some("accept, accept-encoding"));
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut plain).unwrap();
    let refused = server.get("/metrics", "Accept-Encoding: gzip;q=0, *\r\n");
    assert_eq!((refused.header("content-encoding"), &refused.body), (None, &plain));
}

#[test]
fn malformed_requests_never_hurt() {
    let server = Start::default().server();
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(70_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(2_000));
    for bytes in [
        b"\0\x01\x02\x03\r\n\r\n".as_slice(),
        b"GET",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
        b"POST /-/reload HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /-/reload HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /-/reload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        long.as_bytes(),
        many.as_bytes(),
    ] {
        let mut stream = server.connect();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert_ne!(Answer::new(&answer).status, 200, "{:?}", String::from_utf8_lossy(bytes));
    }
    for path in ["/%00", "/../../etc/passwd", "//", "/api/v1/streams?%", "/metrics?a=%ff", "*"] {
        let answer = server.get(path, "Accept: ,;=\"\r\nAccept-Encoding: ;q\r\n");
        assert!([200, 400, 404].contains(&answer.status), "{path}: {answer:?}");
    }
    assert_eq!(server.get("/-/healthy", "").status, 200);
    assert!(server.end().is_ok());
}

#[test]
fn sizes_are_bounded() {
    let server = Start::default().server();
    let header = server.get("/", &format!("X: {}\r\n", "a".repeat(20_000)));
    assert_eq!((header.status, server.refusal()), (431, Refusal::TooLarge));
    let body = format!("{}\r\n{}", "Content-Length: 70000\r\n", "a".repeat(70_000));
    let request = format!("POST /-/reload HTTP/1.1\r\nHost: a\r\n{body}");
    assert_eq!(Answer::new(&server.exchange(request.as_bytes())).problem(), 413);
    assert_eq!(server.refusal(), Refusal::TooLarge);
}

#[test]
fn one_connection_too_many_is_closed() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let server = Start { limits, ..Start::default() }.server();
    let mut open = [server.connect(), server.connect()];
    for stream in &mut open {
        // An answer proves that the connection was taken.
        stream.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!(stream.read(&mut [0; 12]).unwrap(), 12);
    }
    assert!(server.exchange(request("GET", "/", "").as_bytes()).is_empty());
    assert_eq!(server.refusal(), Refusal::Connections);
}

#[test]
fn one_question_too_many_is_told_to_wait() {
    let limits = Limits { requests: 1, ..Limits::default() };
    let server = Start { limits, hold: true, ..Start::default() }.server();
    let mut first = server.connect();
    first.write_all(request("GET", "/metrics", "").as_bytes()).unwrap();
    server.began.recv_timeout(PATIENCE).unwrap();
    let second = server.get("/metrics", "");
    assert_eq!((second.problem(), server.refusal()), (503, Refusal::Requests));
    assert_eq!(server.get("/-/healthy", "").status, 200);
    server.release.send(()).unwrap();
    assert_eq!(Answer::new(&peer::exchange(first, b"")).status, 200);
}

#[test]
fn a_slow_answer_is_given_up() {
    let limits = Limits { request_time: Duration::from_millis(50), ..Limits::default() };
    let server = Start { limits, hold: true, ..Start::default() }.server();
    assert_eq!((server.get("/metrics", "").problem(), server.refusal()), (503, Refusal::Timeout));
    server.release.send(()).unwrap();
}

#[test]
fn slow_clients_are_dropped() {
    let limits = Limits { idle_time: Duration::from_millis(200), ..Limits::default() };
    let server = Start { limits, bytes: 32 << 20, ..Start::default() }.server();
    for slow in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\nX-"] {
        let mut stream = server.connect();
        stream.write_all(slow.as_bytes()).unwrap();
        assert!(stream.read_to_end(&mut Vec::new()).is_ok(), "the server hangs up");
    }
    // One that takes nothing of a long answer.
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    while server.refusal() != Refusal::Slow {}
    // One that stays without asking: closed, but no refusal.
    let mut stream = server.connect();
    stream.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(Answer::new(&answer).status, 200);
}

#[test]
fn a_stop_finishes_what_is_in_flight() {
    let mut server = Start { hold: true, ..Start::default() }.server();
    let idle = server.connect();
    let mut busy = server.connect();
    busy.write_all(request("GET", "/metrics", "").as_bytes()).unwrap();
    server.began.recv_timeout(PATIENCE).unwrap();
    server.stop();
    // The idle one is closed, so the stop was heard.
    assert!(peer::exchange(idle, b"").is_empty());
    server.release.send(()).unwrap();
    assert_eq!(Answer::new(&peer::exchange(busy, b"")).status, 200);
    assert!(server.end().is_ok());
}

#[test]
fn a_stop_does_not_wait_for_ever() {
    let limits = Limits { stop_time: Duration::from_millis(50), ..Limits::default() };
    let mut server = Start { limits, hold: true, ..Start::default() }.server();
    let mut busy = server.connect();
    busy.write_all(request("GET", "/metrics", "").as_bytes()).unwrap();
    server.began.recv_timeout(PATIENCE).unwrap();
    server.stop();
    let release = server.release.clone();
    assert!(server.end().is_ok());
    release.send(()).unwrap();
    assert!(peer::exchange(busy, b"").is_empty());
}

#[test]
fn an_address_in_use_is_named() {
    let held = bind(&["127.0.0.1:0"]).unwrap();
    let address = held[0].local_addr().unwrap().to_string();
    let error = bind(&["127.0.0.1:0", &address]).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }));
    assert!(error.to_string().starts_with(&format!("cannot listen on {address}: it is in use; stop")));
    for wrong in ["", "9768", "127.0.0.1", "[::1", "127.0.0.1:99999", ":http"] {
        assert!(matches!(bind(&[wrong]), Err(Error::Address { .. })), "{wrong}");
    }
    assert!(matches!(bind(&["192.0.2.1:0"]), Err(Error::Bind { .. })));
}

#[test]
fn several_addresses_may_be_bound_at_once() {
    let both = bind(&["127.0.0.1:0", "[::1]:0"]).unwrap();
    assert!(both[1].local_addr().unwrap().is_ipv6());
}

#[test]
fn an_open_door_is_warned_about() {
    let addresses = ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "0.0.0.0:1", "[2001:db8::1]:1"];
    let warnings = exposure(&addresses.map(|a| a.parse().unwrap()), None);
    assert_eq!(warnings.len(), 2);
    assert!(warnings[0].starts_with("0.0.0.0:1 is open to the network without TLS or users; "));
}
