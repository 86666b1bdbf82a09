//! Calls and all other signalling: by site and peer.

use super::{Label, Metric, counter, gauge, histogram, label, listed};

const CUSTOMER: Label = label("customer");
const SITE: Label = label("site");
/// Documented once for all: `in`, `out`, `internal`, `through`.
const DIRECTION: Label = label("direction");
/// By configuration; `unassigned` where neither end is one.
const PEER: Label = label("peer");
/// IANA names, or `other`.
const METHOD: Label = label("method");

const BY_SITE: &[Label] = &[CUSTOMER, SITE];
const BY_DIRECTION: &[Label] = &[CUSTOMER, SITE, DIRECTION];

/// Times that people wait for a call.
const SETUP: &[f64] = &[0.1, 0.25, 0.5, 1.5, 2.5, 4.5, 8.5, 16.5, 32.5];
const DISCONNECT: &[f64] = &[0.1, 0.25, 0.5, 1.5, 4.5];
const DURATION: &[f64] = &[1.5, 10.5, 30.5, 60.5, 180.5, 600.5, 1800.5, 3600.5];

/// All of them, in their order.
pub(super) static CALLS: &[&Metric] = &[
    &CALL_SECONDS,
    &SLA_GOOD_RATIO,
    &CALL_ATTEMPTS,
    &CALL_FINAL_RESPONSES,
    &CALL_ENDS,
    &CALL_POST_DIAL_DELAY,
    &CALL_ANSWER_DELAY,
    &CALL_DISCONNECT,
    &CALL_DURATION,
    &CALL_AUDIO_FAULTS,
    &CALL_REDIALS,
    &CALLS_ACTIVE,
    &SIP_MESSAGES,
    &SIP_RETRANSMISSIONS,
    &REGISTRATION_ATTEMPTS,
    &REGISTRATION_DELAY,
    &REGISTERED_DEVICES,
    &REGISTRATIONS_EXPIRED,
    &OPTIONS,
    &PEER_LAST_ANSWER,
];

/// Seconds of answered calls by how they sounded.
pub static CALL_SECONDS: Metric = counter(
    "clearline_call_seconds_total",
    &[CUSTOMER, SITE, listed("quality", &["good", "poor", "unscored"])],
    "the SLA, per call; each answered second takes, per direction, the stream interval that holds it; \
     poor: either direction's MOS-LQE under `poor_mos` of its scale, or one-way; unscored: no direction has \
     a MOS-LQE. Confidence stands beside, it never gates",
);
/// The promised share of good ones.
pub static SLA_GOOD_RATIO: Metric =
    gauge("clearline_customer_sla_good_ratio", &[CUSTOMER], "the configured target, for burn-rate rules");
/// Session requests.
pub static CALL_ATTEMPTS: Metric = counter(
    "clearline_call_attempts_total",
    &[CUSTOMER, SITE, DIRECTION, PEER],
    "RFC 6076 session requests; authentication retries, re-INVITEs and retransmissions are none",
);
/// What became of them.
pub static CALL_FINAL_RESPONSES: Metric = counter(
    "clearline_call_final_responses_total",
    &[CUSTOMER, SITE, PEER, label("status")],
    "IANA code, `timeout`, `other`",
);
/// Who ended calls.
pub static CALL_ENDS: Metric = counter(
    "clearline_call_ends_total",
    &[CUSTOMER, SITE, listed("ended_by", &["caller", "callee", "media_timeout", "session_timer", "unknown"])],
    "calls that are over, by who ended them; what was refused or timed out is none",
);
/// Post-dial delay.
pub static CALL_POST_DIAL_DELAY: Metric = histogram(
    "clearline_call_post_dial_delay_seconds",
    SETUP,
    &[CUSTOMER, SITE, DIRECTION, listed("result", &["success", "failure"])],
    "RFC 6076 §4.3 SRD",
);
/// Answer delay.
pub static CALL_ANSWER_DELAY: Metric =
    histogram("clearline_call_answer_delay_seconds", SETUP, BY_DIRECTION, "INVITE to 200");
/// Disconnect delay.
pub static CALL_DISCONNECT: Metric =
    histogram("clearline_call_disconnect_seconds", DISCONNECT, BY_SITE, "RFC 6076 §4.4 SDD");
/// Duration.
pub static CALL_DURATION: Metric =
    histogram("clearline_call_duration_seconds", DURATION, BY_DIRECTION, "RFC 6076 §4.5 SDT");
/// What is wrong with the audio of calls.
pub static CALL_AUDIO_FAULTS: Metric = counter(
    "clearline_call_audio_faults_total",
    &[
        CUSTOMER,
        SITE,
        listed("fault", &["one_way", "no_way", "late_media", "media_after_bye", "wrong_address"]),
    ],
    "calls by what is wrong with their audio",
);
/// Redials.
pub static CALL_REDIALS: Metric = counter(
    "clearline_call_redials_total",
    BY_DIRECTION,
    "the same two parties again within 2 min of an answered call that ended within 60 s: what people do when \
     they cannot hear",
);
/// Calls going on.
pub static CALLS_ACTIVE: Metric = gauge("clearline_calls_active", BY_SITE, "calls going on");
/// Messages.
pub static SIP_MESSAGES: Metric = counter(
    "clearline_sip_messages_total",
    &[
        listed("kind", &["request", "response"]),
        METHOD,
        listed("transport", &["udp", "tcp", "tls", "ws", "sctp", "hep"]),
    ],
    "method: IANA, `other`",
);
/// Messages sent again.
pub static SIP_RETRANSMISSIONS: Metric =
    counter("clearline_sip_retransmissions_total", &[CUSTOMER, SITE, PEER, METHOD], "requests sent again");
/// Registration attempts.
pub static REGISTRATION_ATTEMPTS: Metric = counter(
    "clearline_registration_attempts_total",
    &[CUSTOMER, SITE, PEER, listed("result", &["ok", "rejected", "timeout"])],
    "what became of registration attempts; a challenge and its retry are one",
);
/// Registration delay.
pub static REGISTRATION_DELAY: Metric =
    histogram("clearline_registration_delay_seconds", SETUP, &[CUSTOMER, SITE, PEER], "RFC 6076 §4.1 RRD");
/// Devices registered.
pub static REGISTERED_DEVICES: Metric =
    gauge("clearline_registered_devices", BY_SITE, "bindings not expired");
/// Registrations that lapsed.
pub static REGISTRATIONS_EXPIRED: Metric =
    counter("clearline_registrations_expired_total", BY_SITE, "lapsed without a refresh or unregister");
/// OPTIONS.
pub static OPTIONS: Metric = counter(
    "clearline_options_total",
    &[CUSTOMER, SITE, PEER, listed("result", &["answered", "error", "timeout"])],
    "what became of OPTIONS requests",
);
/// When a peer last answered.
pub static PEER_LAST_ANSWER: Metric =
    gauge("clearline_peer_last_answer_timestamp_seconds", &[PEER], "any SIP answer");
