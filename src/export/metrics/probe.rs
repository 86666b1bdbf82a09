//! What the rim knows of the probe and its process, as plain numbers.

use super::catalogue as metric;
use super::family::Families;
use crate::decode::Undecoded;
use crate::engine::SipMessages;

/// Everything about the probe itself. What is `None`, or not listed, is not known and not shown.
#[derive(Clone, Debug, Default)]
pub struct ProbeNumbers {
    /// What runs.
    pub build: Option<Build>,
    /// Interfaces and files read.
    pub interfaces: Vec<InterfaceNumbers>,
    /// What was not decoded.
    pub undecoded: Undecoded,
    /// SIP messages.
    pub messages: SipMessages,
    /// Promised shares of good call seconds, by customer.
    pub promises: Vec<(String, f64)>,
    /// Tables of state.
    pub tables: Vec<TableNumbers>,
    /// Workers.
    pub workers: Vec<WorkerNumbers>,
    /// Steps of the machine's clock.
    pub clock_steps: Option<u64>,
    /// The machine's clock is synchronized.
    pub clock_synchronized: Option<bool>,
    /// The record store.
    pub records: Option<RecordNumbers>,
    /// Reloads of the configuration.
    pub reload: Option<ReloadNumbers>,
    /// The process.
    pub process: ProcessNumbers,
}

/// What runs.
#[derive(Clone, Debug)]
pub struct Build {
    /// Version of the program.
    pub version: String,
    /// Commit it was built of.
    pub revision: String,
    /// The probe's configured name.
    pub probe: String,
}

/// Where the probe lost frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropPlace {
    /// The network card.
    Nic,
    /// The kernel.
    Kernel,
    /// A full queue between our threads.
    Queue,
}

/// What is wrong with a span port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureFinding {
    /// One direction only is mirrored.
    OneWay,
    /// Packets are mirrored twice.
    Duplicates,
    /// More is mirrored than the port carries.
    Oversubscribed,
    /// VLAN tags are taken off.
    VlanStripped,
    /// Timestamps are coarse.
    CoarseClock,
    /// The clock stepped.
    ClockStep,
    /// The card joins packets.
    OffloadCoalescing,
    /// Frames are cut short.
    Snaplen,
    /// Nothing of ours is mirrored.
    NoVoice,
}

/// A table of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateTable {
    /// Streams.
    Streams,
    /// Calls.
    Calls,
    /// Datagrams being put together.
    Fragments,
    /// Byte streams being put together.
    Tcp,
    /// Registrations.
    Registrations,
    /// Flows that may yet be streams.
    Unbound,
}

/// Numbers of one interface.
#[derive(Clone, Debug, Default)]
pub struct InterfaceNumbers {
    /// Its name.
    pub name: String,
    /// Frames captured.
    pub packets: Option<u64>,
    /// Their bytes on the wire.
    pub bytes: Option<u64>,
    /// Frames lost, where that is known.
    pub dropped: Vec<(DropPlace, u64)>,
    /// Copies made by the span port.
    pub mirror_copies: Option<u64>,
    /// Frames cut by the snap length.
    pub truncated: Option<u64>,
    /// Time of the last frame, nanoseconds since the Unix epoch.
    pub last_packet: Option<i64>,
    /// It is up.
    pub up: Option<bool>,
    /// What was looked for, and whether it holds.
    pub findings: Vec<(CaptureFinding, bool)>,
}

/// Numbers of one table.
#[derive(Clone, Copy, Debug)]
pub struct TableNumbers {
    /// Which.
    pub table: StateTable,
    /// Entries held.
    pub entries: Option<u64>,
    /// Entries held at most.
    pub limit: Option<u64>,
    /// Entries let go at the bound.
    pub evicted_at_limit: Option<u64>,
    /// Entries let go because nothing came.
    pub evicted_idle: Option<u64>,
}

/// Numbers of one worker.
#[derive(Clone, Debug)]
pub struct WorkerNumbers {
    /// Its number, as text.
    pub worker: String,
    /// Time spent on frames, seconds.
    pub busy_seconds: Option<f64>,
    /// Digests passed to another worker.
    pub handoffs: Option<u64>,
}

/// Numbers of the record store.
#[derive(Clone, Copy, Debug)]
pub struct RecordNumbers {
    /// Records on disk.
    pub committed: u64,
    /// Records that never reached it.
    pub lost: u64,
    /// It can be written.
    pub writable: bool,
    /// Its size.
    pub bytes: u64,
}

/// Reloads of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct ReloadNumbers {
    /// The last one was taken up.
    pub successful: bool,
    /// When one last was, seconds since the Unix epoch.
    pub success_time: Option<f64>,
}

/// Numbers of the process, as Prometheus' own clients tell them.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessNumbers {
    /// CPU time, seconds.
    pub cpu_seconds: Option<f64>,
    /// Open files.
    pub open_fds: Option<u64>,
    /// Files that may be open.
    pub max_fds: Option<u64>,
    /// Address space, bytes.
    pub virtual_memory_bytes: Option<u64>,
    /// Memory, bytes.
    pub resident_memory_bytes: Option<u64>,
    /// Start, seconds since the Unix epoch.
    pub start_time_seconds: Option<f64>,
}

impl DropPlace {
    const fn name(self) -> &'static str {
        match self {
            Self::Nic => "nic",
            Self::Kernel => "kernel",
            Self::Queue => "queue",
        }
    }
}

impl CaptureFinding {
    /// Its id, as label value and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneWay => "one_way",
            Self::Duplicates => "duplicates",
            Self::Oversubscribed => "oversubscribed",
            Self::VlanStripped => "vlan_stripped",
            Self::CoarseClock => "coarse_clock",
            Self::ClockStep => "clock_step",
            Self::OffloadCoalescing => "offload_coalescing",
            Self::Snaplen => "snaplen",
            Self::NoVoice => "no_voice",
        }
    }
}

impl StateTable {
    const fn name(self) -> &'static str {
        match self {
            Self::Streams => "streams",
            Self::Calls => "calls",
            Self::Fragments => "fragments",
            Self::Tcp => "tcp",
            Self::Registrations => "registrations",
            Self::Unbound => "unbound",
        }
    }
}

fn number(n: Option<u64>) -> Option<f64> {
    n.map(|n| n as f64)
}

fn flag(holds: Option<bool>) -> Option<f64> {
    holds.map(f64::from)
}

impl ProbeNumbers {
    pub(super) fn expose<'a>(&'a self, to: &mut Families<'a>) {
        for interface in &self.interfaces {
            interface.expose(to);
        }
        for (what, count) in self.undecoded.iter() {
            to.count(&metric::CAPTURE_UNDECODED, &[what.layer(), what.reason()], count);
        }
        for (requests, method, transport, count) in self.messages.iter() {
            let kind = if requests { "request" } else { "response" };
            to.count(&metric::SIP_MESSAGES, &[kind, method.name(), transport.name()], count);
        }
        for (customer, ratio) in &self.promises {
            to.number(&metric::SLA_GOOD_RATIO, &[customer], *ratio);
        }
        for t in &self.tables {
            let table = t.table.name();
            to.known(&metric::STATE_ENTRIES, &[table], number(t.entries));
            to.known(&metric::STATE_LIMIT, &[table], number(t.limit));
            to.known(&metric::STATE_EVICTED, &[table, "limit"], number(t.evicted_at_limit));
            to.known(&metric::STATE_EVICTED, &[table, "idle"], number(t.evicted_idle));
        }
        for w in &self.workers {
            to.known(&metric::WORKER_BUSY, &[&w.worker], w.busy_seconds);
            to.known(&metric::WORKER_HANDOFFS, &[&w.worker], number(w.handoffs));
        }
        to.known(&metric::CLOCK_STEPS, &[], number(self.clock_steps));
        to.known(&metric::CLOCK_SYNCHRONIZED, &[], flag(self.clock_synchronized));
        if let Some(records) = &self.records {
            to.count(&metric::RECORDS_COMMITTED, &[], records.committed);
            to.count(&metric::RECORDS_LOST, &[], records.lost);
            to.known(&metric::RECORDS_WRITABLE, &[], flag(Some(records.writable)));
            to.count(&metric::RECORDS_BYTES, &[], records.bytes);
        }
        if let Some(reload) = &self.reload {
            to.known(&metric::CONFIG_RELOAD_SUCCESSFUL, &[], flag(Some(reload.successful)));
            to.known(&metric::CONFIG_RELOAD_TIME, &[], reload.success_time);
        }
        if let Some(build) = &self.build {
            to.count(&metric::BUILD_INFO, &[&build.version, &build.revision, &build.probe], 1);
        }
        self.process.expose(to);
    }
}

impl InterfaceNumbers {
    fn expose<'a>(&'a self, to: &mut Families<'a>) {
        let name = self.name.as_str();
        to.known(&metric::CAPTURE_PACKETS, &[name], number(self.packets));
        to.known(&metric::CAPTURE_BYTES, &[name], number(self.bytes));
        for &(place, count) in &self.dropped {
            to.count(&metric::CAPTURE_DROPPED, &[name, place.name()], count);
        }
        to.known(&metric::CAPTURE_MIRROR_COPIES, &[name], number(self.mirror_copies));
        to.known(&metric::CAPTURE_TRUNCATED, &[name], number(self.truncated));
        to.known(&metric::CAPTURE_LAST_PACKET, &[name], self.last_packet.map(|ns| ns as f64 / 1e9));
        to.known(&metric::INTERFACE_UP, &[name], flag(self.up));
        for &(finding, holds) in &self.findings {
            to.known(&metric::CAPTURE_FINDING, &[name, finding.name()], flag(Some(holds)));
        }
    }
}

impl ProcessNumbers {
    fn expose(&self, to: &mut Families<'_>) {
        to.known(&metric::PROCESS_CPU, &[], self.cpu_seconds);
        to.known(&metric::PROCESS_OPEN_FDS, &[], number(self.open_fds));
        to.known(&metric::PROCESS_MAX_FDS, &[], number(self.max_fds));
        to.known(&metric::PROCESS_VIRTUAL_MEMORY, &[], number(self.virtual_memory_bytes));
        to.known(&metric::PROCESS_RESIDENT_MEMORY, &[], number(self.resident_memory_bytes));
        to.known(&metric::PROCESS_START_TIME, &[], self.start_time_seconds);
    }
}
