//! Clearline among its peers: Prometheus, promtool, Alertmanager, amtool and sipp, the real ones; and on real
//! interfaces.
//!
//! `cargo test --test system`; they must be installed (Debian: `prometheus`, `prometheus-alertmanager`, `sip-tester`). All
//! runs on loopback and on ports that the system chooses; every process started here ends with its test. `ring`
//! takes root, iproute2 and tcpdump, and makes network namespaces of its own.

mod alert;
mod calls;
mod exemplars;
mod hostile;
mod http;
mod lint;
mod packet_time;
mod peers;
mod processes;
mod reload;
mod ring;
mod secure;
mod sockets;
mod stop;
