//! Fullband: EVS in SWB mode, diotic, ITU-T G.113 (09/2024) Appendix V, Tables V.1 and V.3; and Opus, which
//! has no ITU value on any scale. The base text misprints the 32 kbit/s row as "2"; Erratum 1 (01/2026)
//! mends it.

use super::super::confidence::Confidence;
use super::super::scale::Scale;
use super::{Basis, Row, fitted};

/// One row a mode.
pub(super) static ROWS: [Row; 7] = [
    Row {
        key: "evs-48",
        ie: Some(10.2),
        bpl: Some(9.6),
        frame_ms: Some(20.0),
        lookahead_ms: Some(12.0),
        condition: "48 kbit/s SWB",
        source: "G.113 (09/2024) App. V Tables V.1, V.3",
        ..Row::of(Scale::Fb)
    },
    Row {
        key: "evs-32",
        ie: Some(8.7),
        bpl: Some(9.3),
        frame_ms: Some(20.0),
        lookahead_ms: Some(12.0),
        condition: "32 kbit/s SWB",
        source: "G.113 (09/2024) App. V + Erratum 1 (01/2026)",
        ..Row::of(Scale::Fb)
    },
    Row {
        key: "evs-24.4",
        names: &["EVS"],
        ie: Some(7.2),
        bpl: Some(11.4),
        frame_ms: Some(20.0),
        lookahead_ms: Some(12.0),
        condition: "24.4 kbit/s SWB",
        source: "G.113 (09/2024) App. V",
        ..Row::of(Scale::Fb)
    },
    Row {
        key: "evs-16.4",
        ie: Some(10.8),
        bpl: Some(10.3),
        frame_ms: Some(20.0),
        lookahead_ms: Some(12.0),
        condition: "16.4 kbit/s SWB",
        source: "G.113 (09/2024) App. V",
        ..Row::of(Scale::Fb)
    },
    Row {
        key: "evs-13.2",
        ie: Some(17.1),
        bpl: Some(11.7),
        frame_ms: Some(20.0),
        lookahead_ms: Some(12.0),
        condition: "13.2 kbit/s SWB",
        source: "G.113 (09/2024) App. V",
        ..Row::of(Scale::Fb)
    },
    Row {
        key: "evs-9.6",
        ie: Some(22.7),
        bpl: Some(13.0),
        frame_ms: Some(20.0),
        lookahead_ms: Some(12.0),
        condition: "9.6 kbit/s SWB",
        source: "G.113 (09/2024) App. V",
        ..Row::of(Scale::Fb)
    },
    Row {
        key: "opus",
        names: &["OPUS"],
        ie: Some(10.2),
        bpl: Some(9.6),
        fit: Some(&fitted::OPUS),
        frame_ms: Some(20.0),
        lookahead_ms: Some(6.5),
        condition: "Opus 24-64 kbit/s mono; proxy = EVS 48 kbit/s row (conservative); in-band FEC not credited",
        basis: Basis::Proxy,
        source: "no ITU value; rtpengine uses Ie 10.2 (the EVS-48 number) with Bpl 4.3 on the FB scale",
        confidence: Confidence::Low,
        ..Row::of(Scale::Fb)
    },
];
