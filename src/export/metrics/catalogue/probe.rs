//! The probe itself, and the process it runs in.

use super::{Label, Metric, counter, gauge, label, listed};

const INTERFACE: Label = label("interface");
const TABLE: Label = listed("table", &["streams", "calls", "fragments", "tcp", "registrations", "unbound"]);
const BY_INTERFACE: &[Label] = &[INTERFACE];

/// All of them, in their order.
pub(super) static PROBE: &[&Metric] = &[
    &CAPTURE_PACKETS,
    &CAPTURE_BYTES,
    &CAPTURE_DROPPED,
    &CAPTURE_UNDECODED,
    &CAPTURE_MIRROR_COPIES,
    &CAPTURE_TRUNCATED,
    &CAPTURE_LAST_PACKET,
    &INTERFACE_UP,
    &CAPTURE_FINDING,
    &STATE_ENTRIES,
    &STATE_LIMIT,
    &STATE_EVICTED,
    &WORKER_BUSY,
    &WORKER_HANDOFFS,
    &CLOCK_STEPS,
    &CLOCK_SYNCHRONIZED,
    &LABEL_VALUES_FOLDED,
    &RECORDS_COMMITTED,
    &RECORDS_LOST,
    &RECORDS_WRITABLE,
    &RECORDS_BYTES,
    &CONFIG_RELOAD_SUCCESSFUL,
    &CONFIG_RELOAD_TIME,
    &BUILD_INFO,
];

/// The usual ones of a process: their names and meanings are Prometheus' own, so no table lists them.
pub(super) static PROCESS: &[&Metric] = &[
    &PROCESS_CPU,
    &PROCESS_OPEN_FDS,
    &PROCESS_MAX_FDS,
    &PROCESS_VIRTUAL_MEMORY,
    &PROCESS_RESIDENT_MEMORY,
    &PROCESS_START_TIME,
];

/// Frames captured.
pub static CAPTURE_PACKETS: Metric =
    counter("clearline_capture_packets_total", BY_INTERFACE, "frames captured");
/// Bytes captured.
pub static CAPTURE_BYTES: Metric =
    counter("clearline_capture_bytes_total", BY_INTERFACE, "bytes on the wire of the frames captured");
/// Frames lost by the probe.
pub static CAPTURE_DROPPED: Metric = counter(
    "clearline_capture_dropped_packets_total",
    &[INTERFACE, listed("where", &["nic", "kernel", "queue"])],
    "ours, never the network's",
);
/// Frames not decoded.
pub static CAPTURE_UNDECODED: Metric = counter(
    "clearline_capture_undecoded_packets_total",
    &[label("layer"), label("reason")],
    "not decoded further, by layer and why: fixed lists",
);
/// Copies made by the span port.
pub static CAPTURE_MIRROR_COPIES: Metric =
    counter("clearline_capture_mirror_copies_total", BY_INTERFACE, "copies made by the span port, inferred");
/// Frames cut short.
pub static CAPTURE_TRUNCATED: Metric =
    counter("clearline_capture_truncated_packets_total", BY_INTERFACE, "frames cut by the snap length");
/// When a frame last came.
pub static CAPTURE_LAST_PACKET: Metric = gauge(
    "clearline_capture_last_packet_timestamp_seconds",
    BY_INTERFACE,
    "time of the last frame, since the Unix epoch",
);
/// Whether the interface is up.
pub static INTERFACE_UP: Metric = gauge("clearline_interface_up", BY_INTERFACE, "1 if the interface is up");
/// What is wrong with the span port.
pub static CAPTURE_FINDING: Metric = gauge(
    "clearline_capture_finding",
    &[
        INTERFACE,
        listed(
            "finding",
            &[
                "one_way",
                "duplicates",
                "oversubscribed",
                "vlan_stripped",
                "coarse_clock",
                "clock_step",
                "offload_coalescing",
                "snaplen",
                "no_voice",
            ],
        ),
    ],
    "span-port self-diagnosis: 1 while it holds",
);
/// Entries of a table.
pub static STATE_ENTRIES: Metric = gauge("clearline_state_entries", &[TABLE], "entries held");
/// Bound of a table.
pub static STATE_LIMIT: Metric = gauge("clearline_state_limit", &[TABLE], "entries held at most");
/// Entries let go.
pub static STATE_EVICTED: Metric = counter(
    "clearline_state_evicted_total",
    &[label("table"), listed("reason", &["limit", "idle"])],
    "entries let go before their end",
);
/// Time a worker worked.
pub static WORKER_BUSY: Metric =
    counter("clearline_worker_busy_seconds_total", &[label("worker")], "time spent on frames, not waiting");
/// Packets passed on.
pub static WORKER_HANDOFFS: Metric =
    counter("clearline_worker_handoffs_total", &[label("worker")], "digests passed to another worker");
/// Steps of the machine's clock.
pub static CLOCK_STEPS: Metric = counter("clearline_clock_steps_total", &[], "steps of the machine's clock");
/// Whether the machine's clock is kept.
pub static CLOCK_SYNCHRONIZED: Metric =
    gauge("clearline_clock_synchronized", &[], "1 if the machine's clock is synchronized");
/// Label values over the budget.
pub static LABEL_VALUES_FOLDED: Metric = counter(
    "clearline_label_values_folded_total",
    &[label("label")],
    "values over the budget, counted as `overflow`",
);
/// Records written.
pub static RECORDS_COMMITTED: Metric = counter("clearline_records_committed_total", &[], "records on disk");
/// Records not written.
pub static RECORDS_LOST: Metric =
    counter("clearline_records_lost_total", &[], "records that never reached the disk");
/// Whether records can be written.
pub static RECORDS_WRITABLE: Metric =
    gauge("clearline_records_writable", &[], "1 if the record store can be written");
/// Size of the record store.
pub static RECORDS_BYTES: Metric = gauge("clearline_records_bytes", &[], "size of the record store");
/// Whether the configuration could be read again.
pub static CONFIG_RELOAD_SUCCESSFUL: Metric =
    gauge("clearline_config_last_reload_successful", &[], "1 if the last reload was taken up");
/// When it last was.
pub static CONFIG_RELOAD_TIME: Metric = gauge(
    "clearline_config_last_reload_success_timestamp_seconds",
    &[],
    "time of the last reload that was taken up, since the Unix epoch",
);
/// What runs.
pub static BUILD_INFO: Metric = gauge(
    "clearline_build_info",
    &[label("version"), label("revision"), label("probe")],
    "1: what runs here, and the probe's name",
);

/// CPU time.
pub static PROCESS_CPU: Metric =
    counter("process_cpu_seconds_total", &[], "Total user and system CPU time spent in seconds.");
/// Open files.
pub static PROCESS_OPEN_FDS: Metric = gauge("process_open_fds", &[], "Number of open file descriptors.");
/// Files that may be open.
pub static PROCESS_MAX_FDS: Metric =
    gauge("process_max_fds", &[], "Maximum number of open file descriptors.");
/// Address space.
pub static PROCESS_VIRTUAL_MEMORY: Metric =
    gauge("process_virtual_memory_bytes", &[], "Virtual memory size in bytes.");
/// Memory.
pub static PROCESS_RESIDENT_MEMORY: Metric =
    gauge("process_resident_memory_bytes", &[], "Resident memory size in bytes.");
/// When it began.
pub static PROCESS_START_TIME: Metric =
    gauge("process_start_time_seconds", &[], "Start time of the process since unix epoch in seconds.");
