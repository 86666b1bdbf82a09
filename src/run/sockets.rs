//! What others send to the probe itself: HEP packets, and phones' quality reports.
//!
//! One thread with a small runtime of its own, so that neither HTTP nor capture waits for it. What it takes goes
//! into the queue of the interfaces, as frames. Bounded: connections, what a connection may hold back, how long it
//! may be idle.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, watch};
use tracing::{error, info, warn};

use super::batch::Batch;
use super::live::{Inlet, Listening, now};
use super::{collector, hep};
use crate::config::Config;

/// Connections at once, of each listener.
const CONNECTIONS: usize = 256;
/// A connection that is silent for so long is closed.
const IDLE: Duration = Duration::from_secs(600);
/// Datagrams taken of one socket before the others have their turn.
const AT_ONCE: usize = 64;
/// Octets read at once.
const READ: usize = 64 << 10;
/// Longest message or packet over a connection, octets: HEP cannot have more.
const LONGEST: usize = 128 << 10;
/// Pause after a socket's fault, which may last.
const PAUSE: Duration = Duration::from_millis(100);

/// A socket cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot take {what} on {address}: {source}")]
pub struct SocketError {
    /// What was to be taken.
    pub what: &'static str,
    /// Where.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// What a socket takes, and what it does about it.
pub(super) trait Taker: Clone + Send + Sync + 'static {
    /// Takes one datagram or whole message of a connection; what to answer.
    fn take(&self, message: &[u8], way: &Way, batch: &mut Batch) -> Option<Answer>;
    /// Where the first message in a connection's octets ends.
    fn cut(&self, octets: &[u8]) -> Cut;
    /// Where what is taken goes.
    fn inlet(&self) -> &Inlet;
}

/// How something came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub peer: SocketAddr,
    pub local: SocketAddr,
    /// Arrival, nanoseconds since the Unix epoch.
    pub now: i64,
}

/// What is sent back; over a connection, there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub bytes: Vec<u8>,
    pub to: SocketAddr,
}

/// What the front of a connection's octets holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A whole message of so many octets.
    Message(usize),
    /// Octets that keep the connection alive.
    Nothing(usize),
    /// Not yet a whole one.
    More,
    /// Nothing of ours.
    Rubbish,
}

/// The thread; it ends when this goes.
pub(super) struct Sockets {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Sockets, bound.
#[derive(Default)]
struct Bound {
    hep: Vec<Socket>,
    reports: Vec<Socket>,
}

enum Socket {
    Udp(std::net::UdpSocket),
    Tcp(std::net::TcpListener),
}

/// Whether a configuration wants sockets.
#[must_use]
pub fn are_wanted(config: &Config) -> bool {
    !config.hep.listen.is_empty() || config.vq_collector.listen.0.is_some()
}

impl Sockets {
    /// Opens what the configuration wants; what comes goes into the queue of `listening`.
    pub fn open(config: &Config, listening: &mut Listening) -> Result<Self, SocketError> {
        let mut bound = Bound::default();
        for listen in &config.hep.listen {
            if listen.udp {
                bound.hep.push(Socket::udp("HEP", listen.address)?);
            }
            if listen.tcp {
                bound.hep.push(Socket::tcp("HEP", listen.address)?);
            }
        }
        if let Some(address) = config.vq_collector.listen.0 {
            let what = "quality reports";
            bound.reports = vec![Socket::udp(what, address)?, Socket::tcp(what, address)?];
        }
        let hep = (!bound.hep.is_empty()).then(|| hep::Listener::new(listening.inlet("hep")));
        let reports =
            (!bound.reports.is_empty()).then(|| collector::Collector::new(listening.inlet("vq_collector")));
        let (stop, stopped) = watch::channel(false);
        let failed = |source| SocketError { what: "anything", address: ([0, 0, 0, 0], 0).into(), source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let thread = Builder::new().name("sockets".to_owned()).spawn(move || {
            runtime.block_on(async move {
                for (sockets, taker) in bound.hep.into_iter().map(|socket| (socket, hep.clone())) {
                    spawn(sockets, taker);
                }
                for (sockets, taker) in bound.reports.into_iter().map(|socket| (socket, reports.clone())) {
                    spawn(sockets, taker);
                }
                let mut stopped = stopped;
                // An error means that the sender is gone: stop as well.
                let _ = stopped.wait_for(|stop| *stop).await;
            });
        });
        Ok(Self { stop, thread: Some(thread.map_err(failed)?) })
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        // Nobody there: the thread is gone already.
        let _gone = self.stop.send(true);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the thread of the sockets has panicked");
        }
    }
}

impl Socket {
    fn udp(what: &'static str, address: SocketAddr) -> Result<Self, SocketError> {
        let socket = std::net::UdpSocket::bind(address)
            .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
            .map_err(|source| SocketError { what, address, source })?;
        info!(%address, "taking {what} over UDP");
        Ok(Self::Udp(socket))
    }

    fn tcp(what: &'static str, address: SocketAddr) -> Result<Self, SocketError> {
        let listener = std::net::TcpListener::bind(address)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(|source| SocketError { what, address, source })?;
        info!(%address, "taking {what} over TCP");
        Ok(Self::Tcp(listener))
    }
}

fn spawn<T: Taker>(socket: Socket, taker: Option<T>) {
    let Some(taker) = taker else { return };
    taker.inlet().counters.up.store(true, Relaxed);
    match socket {
        Socket::Udp(socket) => match UdpSocket::from_std(socket) {
            Ok(socket) => drop(tokio::spawn(datagrams(socket, taker))),
            Err(error) => warn!(%error, "a socket cannot be used"),
        },
        Socket::Tcp(listener) => match TcpListener::from_std(listener) {
            Ok(listener) => drop(tokio::spawn(connections(listener, taker))),
            Err(error) => warn!(%error, "a socket cannot be used"),
        },
    }
}

async fn datagrams<T: Taker>(socket: UdpSocket, taker: T) {
    let mut buffer = vec![0; READ];
    let mut batch = Batch::default();
    let Ok(local) = socket.local_addr() else { return };
    loop {
        if socket.readable().await.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
        for _ in 0..AT_ONCE {
            let Ok((length, peer)) = socket.try_recv_from(&mut buffer) else { break };
            let datagram = buffer.get(..length).unwrap_or_default();
            let way = Way { peer, local, now: now() };
            if let Some(answer) = taker.take(datagram, &way, &mut batch) {
                // A full buffer: the sender asks again.
                let _lost = socket.try_send_to(&answer.bytes, answer.to);
            }
        }
        batch = taker.inlet().hand_over(batch);
        // A flood at one socket must not keep the others waiting.
        tokio::task::yield_now().await;
    }
}

async fn connections<T: Taker>(listener: TcpListener, taker: T) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of descriptors, as a rule.
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            taker.inlet().counters.refused.fetch_add(1, Relaxed);
            continue;
        };
        let taker = taker.clone();
        tokio::spawn(async move {
            connection(&stream, peer, &taker).await;
            drop(place);
        });
    }
}

/// Reads a connection until it ends, is idle too long, or holds rubbish: where the next message would begin is
/// not known then, and a sender that means well connects again.
async fn connection<T: Taker>(stream: &TcpStream, peer: SocketAddr, taker: &T) {
    let Ok(local) = stream.local_addr() else { return };
    let (mut held, mut batch) = (Vec::new(), Batch::default());
    let mut buffer = vec![0; READ];
    loop {
        match tokio::time::timeout(IDLE, stream.readable()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
        match stream.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => held.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        }
        let way = Way { peer, local, now: now() };
        let (taken, mut goes_on, answers) = read(&held, &way, taker, &mut batch);
        held.drain(..taken);
        batch = taker.inlet().hand_over(batch);
        goes_on &= held.len() <= LONGEST;
        if !goes_on {
            taker.inlet().counters.refused.fetch_add(1, Relaxed);
        }
        if !send(stream, &answers).await || !goes_on {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Takes the whole messages; how many octets they were, whether more may come, what to answer.
fn read<T: Taker>(octets: &[u8], way: &Way, taker: &T, batch: &mut Batch) -> (usize, bool, Vec<u8>) {
    let (mut taken, mut answers) = (0, Vec::new());
    loop {
        let rest = octets.get(taken..).unwrap_or_default();
        if rest.is_empty() {
            return (taken, true, answers);
        }
        match taker.cut(rest) {
            Cut::Message(length) => {
                let message = rest.get(..length).unwrap_or_default();
                answers.extend(taker.take(message, way, batch).map(|a| a.bytes).unwrap_or_default());
                taken += length.max(1);
            }
            Cut::Nothing(length) => taken += length.max(1),
            Cut::More => return (taken, true, answers),
            Cut::Rubbish => return (taken, false, answers),
        }
    }
}

/// Sends all of it; false where the other end is gone or does not read.
async fn send(stream: &TcpStream, mut octets: &[u8]) -> bool {
    while !octets.is_empty() {
        let Ok(Ok(())) = tokio::time::timeout(IDLE, stream.writable()).await else { return false };
        match stream.try_write(octets) {
            Ok(length) => octets = octets.get(length..).unwrap_or_default(),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
    }
    true
}
