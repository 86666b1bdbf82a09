//! Narrowband: ITU-T G.113 (09/2024) Appendix I, Tables I.1 (Ie) and I.4 (Bpl), and stand-ins for what it
//! leaves out. A Bpl holds for random loss and the packet size named; for others none is published.

use super::super::confidence::Confidence;
use super::super::scale::Scale;
use super::{Basis, Curve, Row, fitted};

/// One row a mode.
pub(super) static ROWS: [Row; 25] = [
    Row {
        key: "g711",
        names: &["PCMU", "PCMA", "G711", "PCMU-8000"],
        ie: Some(0.0),
        bpl: Some(25.1),
        fit: Some(&fitted::G711),
        frame_ms: Some(0.125),
        lookahead_ms: Some(0.0),
        condition: "64 kbit/s, PLC (G.711 Appendix I), 10 ms packets, random loss",
        source: "G.113 (09/2024) App. I Tables I.1, I.4",
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "g711-noplc",
        ie: Some(0.0),
        bpl: Some(4.3),
        fit: Some(&fitted::G711_NOPLC),
        frame_ms: Some(0.125),
        lookahead_ms: Some(0.0),
        condition: "64 kbit/s, no PLC, 10 ms packets, random loss (also the G.107 Table 3 default Bpl)",
        source: "G.113 (09/2024) App. I Tables I.1, I.4",
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "g729",
        names: &["G729", "G729A"],
        ie: Some(10.0),
        frame_ms: Some(10.0),
        lookahead_ms: Some(5.0),
        condition: "8 kbit/s CS-ACELP, no VAD; NO Bpl of its own is published",
        source: "G.113 App. I Table I.1",
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "g729a-vad",
        names: &["G729AB", "G729B"],
        ie: Some(11.0),
        bpl: Some(19.0),
        fit: Some(&fitted::G729A_VAD),
        frame_ms: Some(10.0),
        lookahead_ms: Some(5.0),
        condition: "8 kbit/s G.729-A + VAD, 20 ms packets, native PLC, random loss",
        source: "G.113 App. I Tables I.1, I.4",
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "g723.1-63",
        names: &["G723", "G723-63"],
        ie: Some(15.0),
        bpl: Some(16.1),
        frame_ms: Some(30.0),
        lookahead_ms: Some(7.5),
        condition: "6.3 kbit/s MP-MLQ; Bpl is for + VAD, 30 ms packets, native PLC, random loss",
        source: "G.113 App. I Tables I.1, I.4",
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "g723.1-53",
        names: &["G723-53"],
        ie: Some(19.0),
        frame_ms: Some(30.0),
        lookahead_ms: Some(7.5),
        condition: "5.3 kbit/s ACELP; no Bpl published",
        source: "G.113 App. I Table I.1",
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "g726-40",
        names: &["G726-40", "AAL2-G726-40"],
        ie: Some(2.0),
        frame_ms: Some(0.125),
        lookahead_ms: Some(0.0),
        condition: "ADPCM G.726/G.727 40 kbit/s; no Bpl published",
        source: "G.113 App. I Table I.1",
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "g726-32",
        names: &["G726-32", "AAL2-G726-32", "G721"],
        ie: Some(7.0),
        frame_ms: Some(0.125),
        lookahead_ms: Some(0.0),
        condition: "ADPCM 32 kbit/s; no Bpl published",
        source: "G.113 App. I Table I.1",
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "g726-24",
        names: &["G726-24", "AAL2-G726-24"],
        ie: Some(25.0),
        frame_ms: Some(0.125),
        lookahead_ms: Some(0.0),
        condition: "ADPCM 24 kbit/s; no Bpl published",
        source: "G.113 App. I Table I.1",
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "g726-16",
        names: &["G726-16", "AAL2-G726-16"],
        ie: Some(50.0),
        frame_ms: Some(0.125),
        lookahead_ms: Some(0.0),
        condition: "ADPCM 16 kbit/s; no Bpl published",
        source: "G.113 App. I Table I.1",
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "g728-16",
        names: &["G728"],
        ie: Some(7.0),
        frame_ms: Some(2.5),
        lookahead_ms: Some(0.0),
        condition: "LD-CELP 16 kbit/s; no Bpl published",
        source: "G.113 App. I Table I.1",
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "g728-12.8",
        ie: Some(20.0),
        frame_ms: Some(2.5),
        lookahead_ms: Some(0.0),
        condition: "LD-CELP 12.8 kbit/s; no Bpl published",
        source: "G.113 App. I Table I.1",
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "gsm-fr",
        names: &["GSM"],
        ie: Some(20.0),
        fit: Some(&fitted::GSM_FR),
        frame_ms: Some(20.0),
        lookahead_ms: Some(0.0),
        condition: "RPE-LTP 13 kbit/s; no Bpl published (two tools use 10.0, which is the GSM-EFR value)",
        source: "G.113 App. I Table I.1",
        confidence: Confidence::Medium,
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "gsm-hr",
        names: &["GSM-HR", "GSM-HR-08"],
        ie: Some(23.0),
        frame_ms: Some(20.0),
        lookahead_ms: Some(4.4),
        condition: "VSELP 5.6 kbit/s; no Bpl published",
        basis: Basis::ItuFromMemory,
        source: "G.113 App. I Table I.1 (from memory, unverified)",
        confidence: Confidence::Low,
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "gsm-efr",
        names: &["GSM-EFR"],
        ie: Some(5.0),
        bpl: Some(10.0),
        frame_ms: Some(20.0),
        lookahead_ms: Some(0.0),
        condition: "ACELP 12.2 kbit/s, 20 ms packets, native PLC, random loss",
        source: "G.113 App. I Tables I.1, I.4",
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "is-641",
        ie: Some(10.0),
        frame_ms: Some(20.0),
        lookahead_ms: Some(5.0),
        condition: "TIA IS-641 ACELP 7.4 kbit/s; no Bpl published",
        source: "G.113 App. I Table I.1",
        confidence: Confidence::Medium,
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "is-54",
        ie: Some(20.0),
        condition: "VSELP 8 kbit/s",
        basis: Basis::ItuFromMemory,
        source: "G.113 App. I Table I.1 (from memory, unverified)",
        confidence: Confidence::Low,
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "is-96a",
        ie: Some(21.0),
        condition: "QCELP 8 kbit/s",
        basis: Basis::ItuFromMemory,
        source: "G.113 App. I Table I.1 (from memory, unverified)",
        confidence: Confidence::Low,
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "is-127",
        names: &["EVRC"],
        ie: Some(6.0),
        condition: "RCELP (EVRC) 8 kbit/s",
        basis: Basis::ItuFromMemory,
        source: "G.113 App. I Table I.1 (from memory, unverified)",
        confidence: Confidence::Low,
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "pdc-fr",
        ie: Some(24.0),
        condition: "Japanese PDC VSELP 6.7 kbit/s",
        basis: Basis::ItuFromMemory,
        source: "G.113 App. I Table I.1 (from memory, unverified)",
        confidence: Confidence::Low,
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "amr-12.2",
        names: &["AMR"],
        ie: Some(5.0),
        bpl: Some(10.0),
        fit: Some(&fitted::AMR_12_2),
        frame_ms: Some(20.0),
        lookahead_ms: Some(5.0),
        condition: "AMR 12.2 kbit/s via GSM-EFR",
        basis: Basis::Proxy,
        source: "no ITU value; proxy GSM-EFR",
        confidence: Confidence::Medium,
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "amr-7.4",
        ie: Some(10.0),
        bpl: Some(10.0),
        frame_ms: Some(20.0),
        lookahead_ms: Some(5.0),
        condition: "AMR 7.40 kbit/s via IS-641 (Bpl borrowed from GSM-EFR)",
        basis: Basis::Proxy,
        source: "no ITU value; proxy IS-641",
        confidence: Confidence::Low,
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "ilbc",
        names: &["ILBC"],
        ie: Some(11.0),
        bpl: Some(32.0),
        fit: Some(&fitted::ILBC),
        frame_ms: Some(30.0),
        lookahead_ms: Some(10.0),
        condition: "iLBC 13.33 (30 ms) / 15.2 (20 ms) kbit/s; no ITU value",
        basis: Basis::Literature,
        source: "vendor figures: Ie about 10-11, Bpl about 32; unverified",
        confidence: Confidence::Low,
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "speex-nb",
        names: &["SPEEX"],
        ie: Some(11.0),
        bpl: Some(10.0),
        fit: Some(&fitted::SPEEX_NB),
        frame_ms: Some(20.0),
        lookahead_ms: Some(10.0),
        condition: "Speex narrowband; no ITU value; placeholder",
        basis: Basis::Tool,
        source: "Ie of one C library; Bpl a placeholder of this table",
        confidence: Confidence::Low,
        ..Row::of(Scale::Nb)
    },
    Row {
        key: "silk",
        names: &["SILK"],
        curve: Some(Curve { a: 18.3442, b: 1.54894, c: 1.31953 }),
        frame_ms: Some(20.0),
        lookahead_ms: Some(5.0),
        condition: "PESQ-derived curve, Ppl in percent; no ITU value",
        basis: Basis::Literature,
        source: "open-source StatisticsEngine quoting QCMan 2013",
        confidence: Confidence::Low,
        ..Row::of(Scale::Nb)
    },
];
