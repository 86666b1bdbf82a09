//! The little of HTTP that the tests need: questions, and a receiver of webhooks.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::processes::now;

const TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

/// Asks one question; `headers` each end in a new line.
pub fn ask_over(
    mut stream: impl Read + Write,
    method: &str,
    path: &str,
    headers: &str,
) -> io::Result<Answer> {
    // 1.0: the answer comes whole and ends with the connection.
    let request = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\n{headers}\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        // A server need not end TLS in words.
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
        _ => {}
    }
    let answer = String::from_utf8(answer).map_err(io::Error::other)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Answer { status, body: body.to_owned() })
}

pub fn ask(address: SocketAddr, method: &str, path: &str) -> Answer {
    ask_over(connect(address).unwrap(), method, path, "").unwrap()
}

/// What a probe shows, as text 0.0.4.
pub fn scrape(address: SocketAddr) -> String {
    let answer = ask(address, "GET", "/metrics");
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

/// The value of the sample whose name and labels are `start`.
pub fn value(scraped: &str, start: &str) -> Option<f64> {
    scraped.lines().find_map(|line| line.strip_prefix(start)?.strip_prefix(' ')?.parse().ok())
}

/// A text as a part of a query.
pub fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// What was posted, where and when.
pub struct Posted {
    pub at: Instant,
    pub path: String,
    pub body: Value,
}

/// Takes whatever is posted to it.
pub struct Webhook {
    pub address: SocketAddr,
    pub posted: Receiver<Posted>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Webhook {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (send, posted) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                // Whoever hangs up half-way has posted nothing.
                let _ = stream.and_then(|stream| take(stream, &send));
            }
        });
        Self { address, posted, stop, thread: Some(thread) }
    }
}

fn take(stream: TcpStream, to: &Sender<Posted>) -> io::Result<()> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut stream = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    stream.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    while line.trim_end() != "" {
        line.clear();
        stream.read_line(&mut line)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let at = now();
    let body = serde_json::from_slice(&body)?;
    stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    // The test may be over.
    let _ = to.send(Posted { at, path, body });
    Ok(())
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes it up.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
