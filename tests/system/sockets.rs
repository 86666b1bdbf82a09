//! What others send to the probe itself: phones' quality reports, and HEP packets.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails the test")]
#![expect(clippy::disallowed_methods, reason = "packets of now carry the time of now")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::alert::SITE;
use super::calls::{Call, Frames};
use super::http::{scrape, value};
use super::processes::{PATIENCE, Running, folder, succeed, wait_for};

/// An address that was free just now: the configuration takes no port 0.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn report(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap()
}

fn body(call_id: &str, loss: &str) -> String {
    format!(
        "VQSessionReport: CallTerm\r\nCallID: {call_id}\r\nLocalID: <sip:1001@192.0.2.1>\r\n\
         RemoteID: <sip:other@203.0.113.5>\r\nLocalAddr:IP=192.0.2.10 PORT=10000\r\n\
         RemoteAddr:IP=203.0.113.5 PORT=10000\r\nLocalMetrics:\r\nPacketLoss:NLR={loss}\r\n\
         QualityEst:MOSLQ=3.9\r\n"
    )
}

fn publish(cseq: u32, port: u16, body: &str) -> String {
    format!(
        "PUBLISH sip:c@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{cseq};rport\r\n\
         From: <sip:1001@192.0.2.1>;tag=p\r\nTo: <sip:c@127.0.0.1>\r\nCall-ID: pub\r\nCSeq: {cseq} PUBLISH\r\n\
         Event: vq-rtcpxr\r\nContent-Type: application/vq-rtcpxr\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Asks over UDP, again and again until there is an answer.
fn ask(phone: &UdpSocket, collector: SocketAddr, request: &str) -> String {
    phone.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    wait_for("an answer", PATIENCE, || {
        phone.send_to(request.as_bytes(), collector).unwrap();
        let mut buffer = [0; 4096];
        let (length, from) = phone.recv_from(&mut buffer).ok()?;
        assert_eq!(from, collector);
        Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
    })
}

#[test]
fn reports_sent_to_the_collector_are_answered_and_tied_to_calls_that_were_read() {
    let folder = folder("collector");
    let address = free();
    let config = format!("vq_collector.listen = \"{address}\"\n{SITE}");
    fs::write(folder.join("c.toml"), config).unwrap();
    Frames::of(&[Call { packets: 100, ..Call::default() }]).write(&folder, "call.pcap");
    let call_id = {
        let done = super::processes::clearline(&folder, &["analyze", "--format", "json", "call.pcap"])
            .output()
            .unwrap();
        let json: Value = serde_json::from_slice(&done.stdout).unwrap();
        json["calls"][0]["call_id"].as_str().unwrap().to_owned()
    };
    let read = ["--read", "call.pcap", "--after-read", "serve", "--config.file", "c.toml"];
    let (mut probe, http) = Running::probe(&folder, &[&read[..], &["--report", "report.json"]].concat());
    wait_for("the end of reading", PATIENCE, || probe.said().contains("all is read").then_some(()));

    let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = phone.local_addr().unwrap().port();
    let request = publish(1, port, &body(&call_id, "5.5"));
    let answer = ask(&phone, address, &request);
    assert!(answer.starts_with("SIP/2.0 200 OK\r\n"), "{answer}");
    assert!(answer.contains(&format!(";received=127.0.0.1;rport={port}\r\n")), "{answer}");
    // Sent again: the same answer, and no second row.
    assert_eq!(ask(&phone, address, &request), answer);
    let options = request.replace("PUBLISH", "OPTIONS");
    assert!(ask(&phone, address, &options).contains("Allow: PUBLISH, OPTIONS\r\n"));
    let register = request.replace("PUBLISH", "REGISTER");
    assert!(ask(&phone, address, &register).starts_with("SIP/2.0 405 "));
    phone.send_to(b"rubbish", address).unwrap();
    phone.send_to(request.replace("PUBLISH", "ACK").as_bytes(), address).unwrap();

    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let second = publish(2, port, &body("elsewhere", "1"));
    let (one, two) = second.split_at(100);
    connection.write_all(b"\r\n\r\n").unwrap();
    connection.write_all(one.as_bytes()).unwrap();
    connection.write_all(two.as_bytes()).unwrap();
    let mut start = [0; 14];
    connection.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"SIP/2.0 200 OK");

    // Both reports are of the same phone, which is at the site.
    let reported = "clearline_report_loss_ratio_count{customer=\"acme\",site=\"hq\",source=\"sip_vq\"}";
    wait_for("both reports", PATIENCE, || (value(&scrape(http), reported) == Some(2.0)).then_some(()));
    probe.signal("TERM");
    assert!(probe.end(PATIENCE).success(), "{}", probe.said());
    let report = report(&folder);
    let rows = report["reports"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(
        (&rows[0]["call"], &rows[0]["loss_percent"], &rows[0]["direction"]),
        (&json!(0), &json!(5.5), &json!("caller_to_callee"))
    );
    assert!(rows[0]["stream"].is_u64());
    assert_eq!((&rows[1]["call"], &rows[1]["loss_percent"]), (&Value::Null, &json!(1.0)));
    assert_eq!(report["signalling"]["requests"]["REGISTER"], Value::Null);
}

/// A real user agent is content with what it is answered, over UDP and TCP.
#[test]
fn sipp_publishes_reports_and_gets_its_200() {
    let folder = folder("publish");
    let address = free();
    fs::write(folder.join("c.toml"), format!("vq_collector.listen = \"{address}\"\n{SITE}")).unwrap();
    Frames::of(&[Call { packets: 100, ..Call::default() }]).write(&folder, "call.pcap");
    let read = ["--read", "call.pcap", "--after-read", "serve", "--config.file", "c.toml"];
    let (mut probe, _) = Running::probe(&folder, &[&read[..], &["--report", "report.json"]].concat());
    wait_for("the end of reading", PATIENCE, || probe.said().contains("all is read").then_some(()));
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/system/publish.xml");
    for transport in ["u1", "t1"] {
        let mut sipp = Command::new("sipp");
        sipp.args(["-sf", scenario, "-m", "5", "-r", "50", "-t", transport, "-i", "127.0.0.1", "-nostdin"]);
        sipp.args(["-timeout", "20s", "-cid_str"]).arg(format!("%u-{transport}@phone"));
        let told = succeed(sipp.arg(address.to_string()).env("TERM", "xterm").current_dir(&folder));
        assert!(!told.contains("Aborting"), "{told}");
    }
    probe.signal("TERM");
    assert!(probe.end(PATIENCE).success(), "{}", probe.said());
    // The same report over another transport is the same report.
    let rows = report(&folder)["reports"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 5, "{rows:?}");
    assert!(rows.iter().all(|r| r["mos_lq"] == 3.6 && r["loss_percent"] == 5.0 && r["rtt_ms"] == 200.0));
}

/// A HEP3 packet of a SIP message between 192.0.2.10 and 203.0.113.5, captured now.
fn hep3(captured: Duration, payload: &str) -> Vec<u8> {
    let mut body = Vec::new();
    let mut chunk = |number: u8, value: &[u8]| {
        body.extend([0, 0, 0, number]);
        body.extend(u16::try_from(6 + value.len()).unwrap().to_be_bytes());
        body.extend_from_slice(value);
    };
    chunk(2, &[17]);
    chunk(3, &[192, 0, 2, 10]);
    chunk(4, &[203, 0, 113, 5]);
    chunk(7, &5060_u16.to_be_bytes());
    chunk(8, &5060_u16.to_be_bytes());
    chunk(9, &u32::try_from(captured.as_secs()).unwrap().to_be_bytes());
    chunk(10, &captured.subsec_micros().to_be_bytes());
    chunk(11, &[1]);
    chunk(15, payload.as_bytes());
    let length = u16::try_from(6 + body.len()).unwrap();
    [b"HEP3", &length.to_be_bytes()[..], &body].concat()
}

fn invite(id: &str) -> String {
    format!(
        "INVITE sip:b@203.0.113.5 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK{id}\r\n\
         From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: {id}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
}

#[test]
fn hep_is_taken_over_datagrams_and_connections_without_any_interface() {
    let folder = folder("hep");
    let address = free();
    fs::write(folder.join("c.toml"), format!("[hep]\nlisten = [\"{address}\"]\n")).unwrap();
    let (mut probe, http) =
        Running::probe(&folder, &["--config.file", "c.toml", "--report", "report.json", "--workers", "2"]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let agent = UdpSocket::bind("127.0.0.1:0").unwrap();
    agent.send_to(&hep3(now, &invite("udp")), address).unwrap();
    agent.send_to(b"rubbish", address).unwrap();
    // A clock that is years behind: the time of arrival counts.
    agent.send_to(&hep3(Duration::from_secs(1_000_000_000), &invite("old")), address).unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    for piece in [hep3(now, &invite("tcp1")), hep3(now, &invite("tcp2"))].concat().chunks(150) {
        connection.write_all(piece).unwrap();
    }
    // Rubbish ends a connection, after what was good.
    let mut bad = TcpStream::connect(address).unwrap();
    bad.write_all(&hep3(now, &invite("bad"))).unwrap();
    bad.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    bad.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(bad.read(&mut [0; 8]).unwrap_or(0), 0);
    wait_for("all packets", PATIENCE, || {
        let packets = value(&scrape(http), "clearline_capture_packets_total{interface=\"hep\"}");
        (packets == Some(5.0)).then_some(())
    });
    std::thread::sleep(Duration::from_millis(300));
    probe.signal("TERM");
    assert!(probe.end(PATIENCE).success(), "{}", probe.said());
    let report = report(&folder);
    let calls = report["calls"].as_array().unwrap();
    let mut ids: Vec<&str> = calls.iter().map(|c| c["call_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["bad", "old", "tcp1", "tcp2", "udp"]);
    let year = |start: &Value| start.as_str().unwrap().split('-').next().unwrap().parse::<u32>().unwrap();
    assert!(calls.iter().all(|c| year(&c["start"]) > 2020), "{calls:?}");
    assert!(calls.iter().all(|c| c["legs"][0]["src"] == "192.0.2.10:5060"));
}
