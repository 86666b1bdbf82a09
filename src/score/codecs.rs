//! What each codec costs: Ie and Bpl, one row a mode, each with its source and how far to trust it.
//!
//! G.113 calls all its values provisional planning values. Where it has none, the row says so
//! ([`Row::basis`]) and the score's confidence falls; an unknown codec has **no** row and no score, never
//! that of G.711.

mod fitted;
mod fullband;
mod narrowband;
mod wideband;

pub use fitted::Fit;

use super::Withheld;
use super::confidence::Confidence;
use super::scale::Scale;

/// One codec in one mode. A value that nobody published is `None`, never 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Our name for the row; unique.
    pub key: &'static str,
    /// Encoding names (SDP, IANA) that mean this row unless [`CodecInUse::row`] knows better; upper case.
    pub names: &'static [&'static str],
    /// The scale of all values of the row.
    pub scale: Scale,
    /// Equipment impairment factor, 0…50; on the wideband scale the monotic one (a handset, one ear).
    pub ie: Option<f64>,
    /// Packet-loss robustness factor.
    pub bpl: Option<f64>,
    /// Equipment impairment factor with both ears, wideband only.
    pub ie_diotic: Option<f64>,
    /// Packet-loss robustness factor with both ears, wideband only. G.113 has no monotic one, so this
    /// serves for it.
    pub bpl_diotic: Option<f64>,
    /// Ie,eff as a curve over loss, for a codec that has it in place of Ie and Bpl.
    pub curve: Option<Curve>,
    /// The same codec fitted to PESQ, for [`super::Profile::Pesq`].
    pub fit: Option<&'static Fit>,
    /// Frame length, ms.
    pub frame_ms: Option<f64>,
    /// The encoder's look-ahead, ms: a part of the delay Ta.
    pub lookahead_ms: Option<f64>,
    /// For what the values hold.
    pub condition: &'static str,
    /// What kind of source it is.
    pub basis: Basis,
    /// The source itself.
    pub source: &'static str,
    /// How far to trust the row: `High` where two independent readers of G.113 quote the same number,
    /// `Medium` for one, `Low` for memory, a single tool or another codec's values.
    pub confidence: Confidence,
}

impl Row {
    /// A row of that scale in which nothing is known yet, to fill in.
    const fn of(scale: Scale) -> Self {
        Self {
            key: "",
            names: &[],
            scale,
            ie: None,
            bpl: None,
            ie_diotic: None,
            bpl_diotic: None,
            curve: None,
            fit: None,
            frame_ms: None,
            lookahead_ms: None,
            condition: "",
            basis: Basis::Itu,
            source: "",
            confidence: Confidence::High,
        }
    }

    /// A row of values that a user gives, for a codec of which the table knows less.
    #[must_use]
    pub const fn given(scale: Scale, ie: f64, bpl: Option<f64>) -> Self {
        Self {
            key: "given",
            ie: Some(ie),
            bpl,
            condition: "values given by hand",
            basis: Basis::Given,
            source: "the user",
            ..Self::of(scale)
        }
    }

    /// The row of that key, case aside.
    #[must_use]
    pub fn by_key(key: &str) -> Option<&'static Self> {
        rows().find(|row| row.key.eq_ignore_ascii_case(key))
    }
}

/// Where a row's values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Published in ITU-T G.113.
    Itu,
    /// Remembered from ITU-T G.113, not read back.
    ItuFromMemory,
    /// ITU's values of another codec, standing in.
    Proxy,
    /// A paper or a vendor.
    Literature,
    /// Open-source tools, or a placeholder.
    Tool,
    /// The user, who answers for them.
    Given,
}

/// Ie,eff = a lg(1 + b Ppl) + c with Ppl in per cent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    /// R for each tenfold of loss.
    pub a: f64,
    /// How soon it bends, per per cent.
    pub b: f64,
    /// Ie,eff without loss.
    pub c: f64,
}

impl Curve {
    /// Ie,eff at `ppl` per cent, 0…100.
    #[must_use]
    pub fn ie_eff(self, ppl: f64) -> f64 {
        self.a * (1.0 + self.b * ppl).log10() + self.c
    }
}

/// Every row: narrowband, wideband, fullband.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    narrowband::ROWS.iter().chain(&wideband::ROWS).chain(&fullband::ROWS)
}

/// A codec as it is used in a stream, in plain words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodecInUse<'a> {
    /// Encoding name as in SDP or RFC 3551, in any case.
    pub name: &'a str,
    /// RTP clock rate, Hz; 0 if unknown.
    pub clock_rate_hz: u32,
    /// SDP said `annexb=no` (RFC 4856): G.729 without VAD.
    pub annexb_no: bool,
    /// The speech mode that most packets name in their payload header: the frame type of AMR-WB
    /// (RFC 4867 §4.3, 0…8), the rate bits of G.723 (RFC 3551 §4.5.3, 0 is 6.3 kbit/s and 1 is 5.3).
    pub mode: Option<u8>,
}

impl CodecInUse<'_> {
    /// The row to score this codec with.
    ///
    /// # Errors
    /// [`Withheld::NotSpeech`] for comfort noise and DTMF, [`Withheld::UnknownCodec`] where the table has
    /// nothing.
    pub fn row(&self) -> Result<&'static Row, Withheld> {
        let is = |name: &str| self.name.eq_ignore_ascii_case(name);
        if NOT_SPEECH.iter().any(|name| is(name)) {
            return Err(Withheld::NotSpeech);
        }
        let special = if is("G729") {
            // VAD is G.729's default (RFC 4856), so only an explicit annexb=no turns it off.
            if self.annexb_no { Some(&G729_WITHOUT_VAD) } else { Row::by_key("g729a-vad") }
        } else if is("G723") && self.mode == Some(1) {
            Row::by_key("g723.1-53")
        } else if is("SPEEX") && self.clock_rate_hz > 8000 {
            Row::by_key("speex-wb")
        } else if is("AMR-WB") {
            self.mode.and_then(|mode| AMR_WB.get(usize::from(mode))).and_then(|key| Row::by_key(key))
        } else {
            None
        };
        special
            .or_else(|| rows().find(|row| row.names.iter().any(|name| is(name))))
            .ok_or(Withheld::UnknownCodec)
    }
}

/// Payload formats that ride in an audio stream but carry no speech to score.
const NOT_SPEECH: [&str; 3] = ["CN", "telephone-event", "tone"];

/// Row keys of AMR-WB by frame type; RFC 4867 §4.3, 3GPP TS 26.201 Table 1a.
const AMR_WB: [&str; 9] = [
    "amr-wb-6.6",
    "amr-wb-8.85",
    "amr-wb-12.65",
    "amr-wb-14.25",
    "amr-wb-15.85",
    "amr-wb-18.25",
    "amr-wb-19.85",
    "amr-wb-23.05",
    "amr-wb-23.85",
];

/// G.729 with `annexb=no`: its own Ie with the Bpl of G.729A + VAD, the only one published. The fit to
/// PESQ was measured with VAD off, so it is this mode's before it is the other's.
static G729_WITHOUT_VAD: Row = Row {
    key: "g729",
    ie: Some(10.0),
    bpl: Some(19.0),
    fit: Some(&fitted::G729A_VAD),
    frame_ms: Some(10.0),
    lookahead_ms: Some(5.0),
    condition: "8 kbit/s CS-ACELP, no VAD; Bpl borrowed from G.729A + VAD",
    basis: Basis::Proxy,
    source: "G.113 App. I Tables I.1, I.4",
    confidence: Confidence::Medium,
    ..Row::of(Scale::Nb)
};

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, clock_rate_hz: u32, annexb_no: bool, mode: Option<u8>) -> &'static str {
        CodecInUse { name, clock_rate_hz, annexb_no, mode }.row().map_or("none", |row| row.key)
    }

    #[test]
    fn a_codec_in_use_finds_its_row() {
        for (name, clock, annexb_no, mode, wanted) in [
            ("PCMA", 8000, false, None, "g711"),
            ("pcmu", 8000, false, None, "g711"),
            ("G729", 8000, false, None, "g729a-vad"),
            ("G729", 8000, true, None, "g729"),
            ("G723", 8000, false, Some(0), "g723.1-63"),
            ("G723", 8000, false, Some(1), "g723.1-53"),
            ("G723", 8000, false, None, "g723.1-63"),
            ("AMR", 8000, false, Some(4), "amr-12.2"),
            ("AMR-WB", 16000, false, None, "amr-wb-12.65"),
            ("AMR-WB", 16000, false, Some(0), "amr-wb-6.6"),
            ("amr-wb", 16000, false, Some(8), "amr-wb-23.85"),
            ("AMR-WB", 16000, false, Some(9), "amr-wb-12.65"),
            ("SPEEX", 8000, false, None, "speex-nb"),
            ("SPEEX", 16000, false, None, "speex-wb"),
            ("speex", 32000, false, None, "speex-wb"),
            ("SILK", 16000, false, None, "silk"),
            ("G722", 8000, false, None, "g722-64"),
            ("opus", 48000, false, None, "opus"),
            ("EVS", 16000, false, None, "evs-24.4"),
            ("L16", 44100, false, None, "none"),
            ("", 0, false, None, "none"),
        ] {
            assert_eq!(key(name, clock, annexb_no, mode), wanted, "{name}/{clock} {annexb_no} {mode:?}");
        }
    }

    #[test]
    fn dtmf_and_comfort_noise_are_no_speech() {
        for name in ["CN", "telephone-event", "TELEPHONE-EVENT"] {
            let codec = CodecInUse { name, ..CodecInUse::default() };
            assert_eq!(codec.row(), Err(Withheld::NotSpeech), "{name}");
        }
    }

    #[test]
    fn keys_and_names_are_unique_and_names_upper_case() {
        let mut seen = std::collections::HashSet::new();
        for row in rows() {
            assert!(seen.insert(row.key), "{}", row.key);
            assert!(!row.condition.is_empty() && !row.source.is_empty(), "{}", row.key);
        }
        seen.clear();
        for name in rows().flat_map(|row| row.names) {
            assert!(seen.insert(*name), "{name}");
            assert_eq!(*name, name.to_uppercase());
        }
    }

    #[test]
    fn every_row_can_be_scored_without_loss_and_stays_in_range() {
        for row in rows() {
            assert!(row.curve.is_some() || row.ie.is_some(), "{}", row.key);
            assert!(row.ie.is_none_or(|ie| (0.0..=50.0).contains(&ie)), "{}", row.key);
            assert!(row.bpl.or(row.bpl_diotic).is_none_or(|bpl| (4.3..=40.0).contains(&bpl)), "{}", row.key);
        }
    }

    #[test]
    fn only_an_itu_row_is_trusted_fully() {
        for row in rows().filter(|row| row.basis != Basis::Itu) {
            assert!(row.confidence < Confidence::High, "{}", row.key);
        }
    }

    #[test]
    fn amr_wb_23_85_is_worse_than_23_05_as_published() {
        let ie = |key| Row::by_key(key).unwrap().ie.unwrap();
        assert!(ie("amr-wb-23.85") > ie("amr-wb-23.05"));
    }
}
