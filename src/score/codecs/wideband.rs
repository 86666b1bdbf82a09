//! Wideband: ITU-T G.113 (09/2024) Appendix IV, Tables IV.1 (monotic Ie,wb), IV.3 (diotic Ie,wb) and IV.4
//! (diotic Bpl,wb, uniform loss). Do not sort AMR-WB by bit rate: 23.85 is published as worse than 23.05.

use super::super::confidence::Confidence;
use super::super::scale::Scale;
use super::{Basis, Row, fitted};

/// One row a mode.
pub(super) static ROWS: [Row; 15] = [
    Row {
        key: "g722-64",
        names: &["G722"],
        ie: Some(13.0),
        bpl: Some(7.1),
        fit: Some(&fitted::G722_64),
        frame_ms: Some(0.125),
        lookahead_ms: Some(1.5),
        condition: "64 kbit/s monotic; Bpl,wb 7.1 is one tool's, with Ie 5 there: provisional",
        basis: Basis::ItuFromMemory,
        source: "G.113 App. IV Table IV.1 (Ie,wb from memory, unverified); Bpl from SIP3 codecs.yml",
        confidence: Confidence::Low,
        ..Row::of(Scale::Wb)
    },
    Row {
        key: "g722-56",
        ie: Some(20.0),
        condition: "56 kbit/s monotic",
        basis: Basis::ItuFromMemory,
        source: "G.113 App. IV Table IV.1 (from memory, unverified)",
        confidence: Confidence::Low,
        ..Row::of(Scale::Wb)
    },
    Row {
        key: "g722-48",
        ie: Some(31.0),
        condition: "48 kbit/s monotic",
        basis: Basis::ItuFromMemory,
        source: "G.113 App. IV Table IV.1 (from memory, unverified)",
        confidence: Confidence::Low,
        ..Row::of(Scale::Wb)
    },
    Row {
        key: "g722.1-32",
        names: &["G7221"],
        ie: Some(13.0),
        frame_ms: Some(20.0),
        lookahead_ms: Some(20.0),
        condition: "32 kbit/s monotic; no Bpl,wb known",
        basis: Basis::ItuFromMemory,
        source: "G.113 App. IV Table IV.1 (from memory, unverified)",
        confidence: Confidence::Low,
        ..Row::of(Scale::Wb)
    },
    Row {
        key: "g722.1-24",
        ie: Some(19.0),
        frame_ms: Some(20.0),
        lookahead_ms: Some(20.0),
        condition: "24 kbit/s monotic",
        basis: Basis::ItuFromMemory,
        source: "G.113 App. IV Table IV.1 (from memory, unverified)",
        confidence: Confidence::Low,
        ..Row::of(Scale::Wb)
    },
    Row {
        key: "amr-wb-23.85",
        ie: Some(8.0),
        ie_diotic: Some(10.0),
        bpl_diotic: Some(4.9),
        fit: Some(&fitted::AMR_WB_23_85),
        frame_ms: Some(20.0),
        lookahead_ms: Some(5.0),
        condition: "23.85 kbit/s; worse than 23.05 on purpose (published inversion)",
        source: "G.113 (09/2024) App. IV Tables IV.1, IV.3, IV.4",
        confidence: Confidence::Medium,
        ..Row::of(Scale::Wb)
    },
    Row {
        key: "amr-wb-23.05",
        ie: Some(1.0),
        ie_diotic: Some(8.0),
        bpl_diotic: Some(4.6),
        frame_ms: Some(20.0),
        lookahead_ms: Some(5.0),
        condition: "23.05 kbit/s",
        source: "G.113 (09/2024) App. IV Tables IV.1, IV.3, IV.4",
        confidence: Confidence::Medium,
        ..Row::of(Scale::Wb)
    },
    Row {
        key: "amr-wb-19.85",
        ie: Some(3.0),
        frame_ms: Some(20.0),
        lookahead_ms: Some(5.0),
        condition: "19.85 kbit/s; no diotic value",
        source: "G.113 (09/2024) App. IV Table IV.1",
        confidence: Confidence::Medium,
        ..Row::of(Scale::Wb)
    },
    Row {
        key: "amr-wb-18.25",
        ie: Some(5.0),
        frame_ms: Some(20.0),
        lookahead_ms: Some(5.0),
        condition: "18.25 kbit/s; no diotic value",
        source: "G.113 (09/2024) App. IV Table IV.1",
        confidence: Confidence::Medium,
        ..Row::of(Scale::Wb)
    },
    Row {
        key: "amr-wb-15.85",
        ie: Some(7.0),
        ie_diotic: Some(17.0),
        frame_ms: Some(20.0),
        lookahead_ms: Some(5.0),
        condition: "15.85 kbit/s",
        source: "G.113 (09/2024) App. IV Tables IV.1, IV.3",
        confidence: Confidence::Medium,
        ..Row::of(Scale::Wb)
    },
    Row {
        key: "amr-wb-14.25",
        ie: Some(10.0),
        frame_ms: Some(20.0),
        lookahead_ms: Some(5.0),
        condition: "14.25 kbit/s; no diotic value",
        source: "G.113 (09/2024) App. IV Table IV.1",
        confidence: Confidence::Medium,
        ..Row::of(Scale::Wb)
    },
    Row {
        key: "amr-wb-12.65",
        names: &["AMR-WB"],
        ie: Some(13.0),
        ie_diotic: Some(20.0),
        bpl_diotic: Some(4.3),
        fit: Some(&fitted::AMR_WB_12_65),
        frame_ms: Some(20.0),
        lookahead_ms: Some(5.0),
        condition: "12.65 kbit/s, the usual VoLTE mode; practical profile pairs monotic Ie with diotic Bpl (provisional)",
        source: "G.113 (09/2024) App. IV Tables IV.1, IV.3, IV.4",
        confidence: Confidence::Medium,
        ..Row::of(Scale::Wb)
    },
    Row {
        key: "amr-wb-8.85",
        ie: Some(26.0),
        ie_diotic: Some(41.0),
        frame_ms: Some(20.0),
        lookahead_ms: Some(5.0),
        condition: "8.85 kbit/s",
        source: "G.113 (09/2024) App. IV Tables IV.1, IV.3",
        confidence: Confidence::Medium,
        ..Row::of(Scale::Wb)
    },
    Row {
        key: "amr-wb-6.6",
        ie: Some(41.0),
        ie_diotic: Some(56.0),
        frame_ms: Some(20.0),
        lookahead_ms: Some(5.0),
        condition: "6.60 kbit/s",
        source: "G.113 (09/2024) App. IV Tables IV.1, IV.3",
        confidence: Confidence::Medium,
        ..Row::of(Scale::Wb)
    },
    Row {
        key: "speex-wb",
        names: &["SPEEX-16000", "SPEEX-32000"],
        ie: Some(20.0),
        bpl: Some(7.1),
        fit: Some(&fitted::SPEEX_WB),
        frame_ms: Some(20.0),
        lookahead_ms: Some(14.0),
        condition: "Speex wideband; no ITU value; placeholder so that the stream is not silently scored as NB",
        basis: Basis::Tool,
        source: "placeholder of this table",
        confidence: Confidence::Low,
        ..Row::of(Scale::Wb)
    },
];
