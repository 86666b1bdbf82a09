//! Listening sockets, and who can reach them.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::path::Path;

use super::{Error, web_config};

/// Opens a listening socket for each address, in order.
///
/// `HOST:PORT`, `[IPV6]:PORT`, or `:PORT` for every address of the machine, as Prometheus' flags have it. Port 0
/// takes a free one. Blocking, and before a runtime exists: privileges may be dropped afterwards.
///
/// # Errors
/// The first address that cannot be had, and what to do.
pub fn bind<A: AsRef<str>>(addresses: &[A]) -> Result<Vec<TcpListener>, Error> {
    addresses.iter().map(|address| open(address.as_ref())).collect()
}

fn open(address: &str) -> Result<TcpListener, Error> {
    let candidates = candidates(address).ok_or_else(|| Error::Address { address: address.to_owned() })?;
    TcpListener::bind(candidates.as_slice())
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => Error::InUse { address: address.to_owned() },
            _ => Error::Bind { address: address.to_owned(), source },
        })
}

/// What `address` may mean: the first that can be bound is taken.
fn candidates(address: &str) -> Option<Vec<SocketAddr>> {
    if let Some(port) = address.strip_prefix(':') {
        let port = port.parse().ok()?;
        // Linux serves IPv4 on `::` too; without IPv6 the second is left.
        return Some(vec![(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()]);
    }
    let resolved: Vec<SocketAddr> = address.to_socket_addrs().ok()?.collect();
    (!resolved.is_empty()).then_some(resolved)
}

/// What to do about a refused address; empty when there is nothing to say.
pub(super) fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need the capability CAP_NET_BIND_SERVICE: take a higher one"
        }
        io::ErrorKind::AddrNotAvailable => {
            "; no interface of this machine has that address (see `ip address`)"
        }
        _ => "",
    }
}

/// A line for each address that others than this machine can reach while TLS or users are missing.
///
/// Says nothing about a faulty file: [`serve`](super::serve) refuses it.
#[must_use]
pub fn exposure(listening: &[SocketAddr], web_config: Option<&Path>) -> Vec<String> {
    let Ok((tls, users)) = web_config.map_or(Ok((false, false)), web_config::protects) else {
        return Vec::new();
    };
    let lacking = match (tls, users) {
        (true, true) => return Vec::new(),
        (true, false) => "without users",
        (false, true) => "without TLS: passwords travel readable",
        (false, false) => "without TLS or users",
    };
    let reachable = listening.iter().filter(|address| !address.ip().to_canonical().is_loopback());
    reachable
        .map(|address| {
            format!(
                "{address} is open to the network {lacking}; \
                 give --web.config.file or listen on 127.0.0.1"
            )
        })
        .collect()
}
