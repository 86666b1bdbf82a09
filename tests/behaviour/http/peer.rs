//! A server to ask, and a client that can misbehave.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails the test")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use clearline::export::http::{Error, Exposition, Limits, Pages, Refusal, bind, serve_with};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};

/// Longer than anything here takes, so that a fault ends the test instead of hanging it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What the server asks, and what a test hears of it.
pub struct Program {
    pub ready: AtomicBool,
    /// What a reload says.
    pub faults: Mutex<Vec<String>>,
    /// The size of the exposition.
    pub bytes: usize,
    /// With it an exposition says that it began and waits for a word.
    hold: Option<Mutex<(Sender<()>, Receiver<()>)>>,
    refusals: Mutex<Sender<Refusal>>,
    warnings: Mutex<Sender<String>>,
}

impl Pages for Program {
    fn metrics(&self, format: Exposition) -> Vec<u8> {
        if let Some(hold) = &self.hold {
            let hold = hold.lock().unwrap();
            hold.0.send(()).unwrap();
            let _ = hold.1.recv_timeout(PATIENCE);
        }
        let mut text = format!("# {format:?}\n").into_bytes();
        text.resize(self.bytes.max(text.len()), b'#');
        text
    }
    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }
    fn reload(&self) -> Result<(), Vec<String>> {
        let faults = self.faults.lock().unwrap().clone();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
    fn status(&self) -> Value {
        json!({"version": "1"})
    }
    fn findings(&self) -> Value {
        json!([])
    }
    fn streams(&self, live: bool, limit: usize) -> Value {
        json!({"live": live, "limit": limit})
    }
    fn devices(&self, limit: usize) -> Value {
        json!({"limit": limit})
    }
    fn refused(&self, why: Refusal) {
        let _ = self.refusals.lock().unwrap().send(why);
    }
    fn warn(&self, line: &str) {
        let _ = self.warnings.lock().unwrap().send(line.to_owned());
    }
}

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub program: Arc<Program>,
    pub refusals: Receiver<Refusal>,
    pub warnings: Receiver<String>,
    /// An exposition began.
    pub began: Receiver<()>,
    /// Lets it end.
    pub release: Sender<()>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

/// How to start one.
#[derive(Default)]
pub struct Start {
    pub limits: Limits,
    pub config: Option<PathBuf>,
    pub bytes: usize,
    pub hold: bool,
}

impl Start {
    pub fn server(self) -> Server {
        let (began_in, began) = channel();
        let (release, release_out) = channel();
        let (refusals_in, refusals) = channel();
        let (warnings_in, warnings) = channel();
        let program = Arc::new(Program {
            ready: AtomicBool::new(true),
            faults: Mutex::default(),
            bytes: self.bytes,
            hold: self.hold.then(|| Mutex::new((began_in, release_out))),
            refusals: Mutex::new(refusals_in),
            warnings: Mutex::new(warnings_in),
        });
        let listeners = bind(&["127.0.0.1:0"]).unwrap();
        let address = listeners[0].local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let pages = Arc::clone(&program);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let shutdown = async { drop(stopped.await) };
            let ended = runtime.block_on(serve_with(self.limits, listeners, self.config, pages, shutdown));
            runtime.shutdown_background();
            ended
        });
        Server {
            address,
            program,
            refusals,
            warnings,
            began,
            release,
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Server {
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends `request` and reads until the server hangs up.
    pub fn exchange(&self, request: &[u8]) -> Vec<u8> {
        exchange(self.connect(), request)
    }

    pub fn get(&self, path: &str, headers: &str) -> Answer {
        self.ask("GET", path, headers)
    }

    pub fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        Answer::new(&self.exchange(request(method, path, headers).as_bytes()))
    }

    /// The next refusal.
    pub fn refusal(&self) -> Refusal {
        self.refusals.recv_timeout(PATIENCE).unwrap()
    }

    /// Asks it to stop.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits for its end.
    pub fn end(mut self) -> Result<(), Error> {
        self.stop();
        self.thread.take().unwrap().join().unwrap()
    }
}

/// A request after which the connection ends.
pub fn request(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")
}

/// Sends and reads to the end; a reset ends it too.
pub fn exchange(mut stream: impl Read + Write, request: &[u8]) -> Vec<u8> {
    let _ = stream.write_all(request).and_then(|()| stream.flush());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn new(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(bytes.len());
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Self { status, head, body: bytes.get(end + 4..).unwrap_or_default().to_vec() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        pairs.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Its status, after checking that it is a problem of that status.
    pub fn problem(&self) -> u16 {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.json()["status"], self.status);
        self.status
    }
}

/// An empty folder of this test's own.
pub fn folder(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("http-{test}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A TLS session with the server, or why there is none.
pub fn tls(
    server: &Server,
    config: ClientConfig,
) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(client, server.connect());
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// The certificate the server shows.
pub fn shown(stream: &StreamOwned<ClientConnection, TcpStream>) -> CertificateDer<'static> {
    stream.conn.peer_certificates().unwrap()[0].clone().into_owned()
}
