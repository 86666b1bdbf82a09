//! Streams: by site and direction.

use super::{Label, Metric, counter, gauge, histogram, label, listed};

const CUSTOMER_LABEL: Label = label("customer");
const SITE_LABEL: Label = label("site");
/// Documented once for all: `in`, `out`, `internal`, `through`.
const DIRECTION: Label = label("direction");

/// What [`super::markdown`] abbreviates to `[S]`.
pub(super) const SITE: [Label; 2] = [CUSTOMER_LABEL, SITE_LABEL];
const BY_DIRECTION: &[Label] = &[CUSTOMER_LABEL, SITE_LABEL, DIRECTION];

/// Limits of service contracts are exact edges, so that "share below 3.6" is exact.
const MOS: &[f64] = &[1.5, 2.1, 2.6, 3.1, 3.6, 3.8, 4.03, 4.2, 4.34];
const LOSS: &[f64] = &[0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
const JITTER: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.045, 0.06, 0.1, 0.2];
const BURST: &[f64] = &[1.5, 2.5, 4.5, 8.5];
const ROUND_TRIP: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6];

/// All of them, in their order.
pub(super) static STREAMS: &[&Metric] = &[
    &RTP_PACKETS,
    &RTP_EXPECTED,
    &RTP_LOST,
    &RTP_DISCARDED,
    &RTP_DUPLICATE,
    &RTP_REORDERED,
    &RTP_DSCP,
    &STREAM_MOS_LQE,
    &STREAM_MOS_CQE,
    &STREAM_LOSS,
    &STREAM_DISCARD,
    &STREAM_JITTER,
    &STREAM_DELAY_VARIATION,
    &STREAM_BURST,
    &STREAM_ROUND_TRIP,
    &STREAM_INTERVALS,
    &SCORES_WITHHELD,
    &STREAMS_ACTIVE,
    &STREAMS_POOR,
    &REPORT_LOSS,
    &REPORT_MOS_LQE,
];

/// Received packets.
pub static RTP_PACKETS: Metric = counter(
    "clearline_rtp_packets_total",
    &[CUSTOMER_LABEL, SITE_LABEL, DIRECTION, label("codec")],
    "received, unique; codec: IANA name in lower case, `other`",
);
/// Expected packets.
pub static RTP_EXPECTED: Metric =
    counter("clearline_rtp_expected_packets_total", BY_DIRECTION, "RFC 3550 A.3 expected");
/// Lost packets.
pub static RTP_LOST: Metric = counter(
    "clearline_rtp_lost_packets_total",
    BY_DIRECTION,
    "never arrived: counted in the interval in which the number leaves the 100-number reordering window; \
     closed intervals never change",
);
/// Discarded packets.
pub static RTP_DISCARDED: Metric = counter(
    "clearline_rtp_discarded_packets_total",
    BY_DIRECTION,
    "too late for the configured playout buffer",
);
/// Duplicates.
pub static RTP_DUPLICATE: Metric = counter(
    "clearline_rtp_duplicate_packets_total",
    BY_DIRECTION,
    "network duplicates, mirror copies excluded",
);
/// Reordered packets.
pub static RTP_REORDERED: Metric =
    counter("clearline_rtp_reordered_packets_total", BY_DIRECTION, "arrived below the highest number so far");
/// Packets by marking.
pub static RTP_DSCP: Metric = counter(
    "clearline_rtp_dscp_packets_total",
    &[CUSTOMER_LABEL, SITE_LABEL, DIRECTION, listed("dscp", &["ef", "af4", "af3", "cs", "be", "other"])],
    "marking as seen here",
);
/// Listening quality.
pub static STREAM_MOS_LQE: Metric = histogram(
    "clearline_stream_mos_lqe",
    MOS,
    &[CUSTOMER_LABEL, SITE_LABEL, DIRECTION, listed("scale", &["nb", "wb", "fb"])],
    "listening quality, P.800.1 MOS-LQE",
);
/// Conversational quality.
pub static STREAM_MOS_CQE: Metric = histogram(
    "clearline_stream_mos_cqe",
    MOS,
    &[CUSTOMER_LABEL, SITE_LABEL, DIRECTION, label("scale")],
    "conversational, only where delay is measured",
);
/// Loss of an interval.
pub static STREAM_LOSS: Metric =
    histogram("clearline_stream_loss_ratio", LOSS, BY_DIRECTION, "lost of the expected, per interval");
/// Discards of an interval.
pub static STREAM_DISCARD: Metric = histogram(
    "clearline_stream_discard_ratio",
    LOSS,
    BY_DIRECTION,
    "discarded of the expected, per interval",
);
/// Jitter of an interval.
pub static STREAM_JITTER: Metric = histogram(
    "clearline_stream_jitter_seconds",
    JITTER,
    BY_DIRECTION,
    "RFC 3550 §6.4.1, last of the interval",
);
/// Delay variation of an interval.
pub static STREAM_DELAY_VARIATION: Metric = histogram(
    "clearline_stream_delay_variation_seconds",
    JITTER,
    BY_DIRECTION,
    "maximum 2-point PDV of the interval (RFC 5481); the early sign",
);
/// Burst ratio of an interval.
pub static STREAM_BURST: Metric =
    histogram("clearline_stream_burst_ratio", BURST, BY_DIRECTION, "intervals with loss only; G.107 BurstR");
/// Round trips.
pub static STREAM_ROUND_TRIP: Metric = histogram(
    "clearline_stream_round_trip_seconds",
    ROUND_TRIP,
    &[CUSTOMER_LABEL, SITE_LABEL, listed("side", &["site", "far"])],
    "from RTCP seen here, probe to that side and back",
);
/// Intervals by what became of them.
pub static STREAM_INTERVALS: Metric = counter(
    "clearline_stream_intervals_total",
    &[CUSTOMER_LABEL, SITE_LABEL, DIRECTION, listed("result", &["scored", "withheld", "capture_loss"])],
    "closed intervals of at least 1 s",
);
/// Scores withheld.
pub static SCORES_WITHHELD: Metric = counter(
    "clearline_scores_withheld_total",
    &[listed("reason", &["codec", "clock", "samples", "capture_loss", "not_audio", "encrypted"])],
    "intervals without a score, by why",
);
/// Streams going on.
pub static STREAMS_ACTIVE: Metric = gauge("clearline_streams_active", BY_DIRECTION, "streams going on");
/// Streams going badly.
pub static STREAMS_POOR: Metric =
    gauge("clearline_streams_poor", BY_DIRECTION, "last interval under the customer's `poor_mos`");
/// Loss by the ends' word.
pub static REPORT_LOSS: Metric = histogram(
    "clearline_report_loss_ratio",
    LOSS,
    &[CUSTOMER_LABEL, SITE_LABEL, listed("source", &["rtcp_rr", "rtcp_xr", "sip_vq"])],
    "what the ends say",
);
/// Listening quality by the ends' word.
pub static REPORT_MOS_LQE: Metric = histogram(
    "clearline_report_mos_lqe",
    MOS,
    &[CUSTOMER_LABEL, SITE_LABEL, listed("source", &["rtcp_xr", "sip_vq"])],
    "what the ends say",
);
