//! What payload types mean: encodings named by SDP or by RFC 3551.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

/// An encoding that streams carry, as SDP names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// The registered name, in upper case ("PCMU", "OPUS"); empty where it is not known.
    pub name: String,
    /// RTP clock, Hz; 0 where it is not known.
    pub clock_rate: u32,
    /// `annexb=no` of G.729 (RFC 4856 §2.1.9): no silence suppression.
    pub annex_b_off: bool,
    /// `octet-align=1` of AMR and AMR-WB (RFC 4867 §8.1).
    pub octet_aligned: bool,
    /// Nobody named it: the clock was inferred from the stream's own timestamps.
    pub inferred: bool,
}

impl Encoding {
    /// An encoding by name and clock.
    ///
    /// G.722 runs at 8000 whatever SDP says: `G722/16000` is a common mistake, which the senders do not make
    /// in their timestamps ([RFC 3551 §4.5.2](https://www.rfc-editor.org/rfc/rfc3551#section-4.5.2)).
    #[must_use]
    pub fn new(name: &str, clock_rate: u32) -> Self {
        let name = name.to_ascii_uppercase();
        Self {
            clock_rate: if name == "G722" { 8000 } else { clock_rate },
            name,
            annex_b_off: false,
            octet_aligned: false,
            inferred: false,
        }
    }

    /// An encoding nobody named, with the clock its timestamps run at (0: not known either).
    #[must_use]
    pub const fn unknown(clock_rate: u32) -> Self {
        Self { name: String::new(), clock_rate, annex_b_off: false, octet_aligned: false, inferred: true }
    }

    /// Reads `a=fmtp` parameters.
    #[must_use]
    pub fn with_fmtp(mut self, parameters: &str) -> Self {
        let compact: String = parameters.chars().filter(|c| !c.is_whitespace()).collect();
        let compact = compact.to_ascii_lowercase();
        let has = |what: &str| compact.split(';').any(|p| p == what);
        self.annex_b_off = has("annexb=no");
        self.octet_aligned = has("octet-align=1");
        self
    }

    /// Neither speech nor anything with a playout clock of its own: events (RFC 4733), tones, comfort
    /// noise (RFC 3389).
    #[must_use]
    pub fn is_event(&self) -> bool {
        matches!(self.name.as_str(), "TELEPHONE-EVENT" | "TONE" | "CN")
    }

    /// Moving pictures or other media that no speech model scores.
    #[must_use]
    pub fn is_video(&self) -> bool {
        matches!(
            self.name.as_str(),
            "H261"
                | "H263"
                | "H263-1998"
                | "H263-2000"
                | "H264"
                | "H264-SVC"
                | "H265"
                | "H266"
                | "VP8"
                | "VP9"
                | "AV1"
                | "JPEG"
                | "NV"
                | "MPV"
                | "MP2T"
                | "MP4V-ES"
                | "RTX"
                | "ULPFEC"
                | "FLEXFEC-03"
                | "FLEXFEC"
        )
    }
}

/// Names and clocks of the static payload types
/// ([RFC 3551 §6](https://www.rfc-editor.org/rfc/rfc3551#section-6), tables 4 and 5; 19 is the old
/// comfort noise). G.722's clock is 8000 though it samples at 16000 (§4.5.2).
#[must_use]
pub const fn static_payload_type(payload_type: u8) -> Option<(&'static str, u32)> {
    Some(match payload_type {
        0 => ("PCMU", 8000),
        3 => ("GSM", 8000),
        4 => ("G723", 8000),
        5 => ("DVI4", 8000),
        6 => ("DVI4", 16000),
        7 => ("LPC", 8000),
        8 => ("PCMA", 8000),
        9 => ("G722", 8000),
        10 | 11 => ("L16", 44100),
        12 => ("QCELP", 8000),
        13 | 19 => ("CN", 8000),
        14 => ("MPA", 90000),
        15 => ("G728", 8000),
        16 => ("DVI4", 11025),
        17 => ("DVI4", 22050),
        18 => ("G729", 8000),
        25 => ("CELB", 90000),
        26 => ("JPEG", 90000),
        28 => ("NV", 90000),
        31 => ("H261", 90000),
        32 => ("MPV", 90000),
        33 => ("MP2T", 90000),
        34 => ("H263", 90000),
        _ => return None,
    })
}

/// A number that stands for an [`Encoding`] in a stream's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct EncodingId(u16);

impl EncodingId {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self(0);
}

/// All encodings met, each once. Bounded: hostile SDP cannot make it grow.
#[derive(Clone, Debug)]
pub struct Encodings {
    all: Vec<Encoding>,
    ids: HashMap<Encoding, EncodingId, BuildHasherDefault<DefaultHasher>>,
    folded: u64,
}

impl Encodings {
    /// More than any network uses at once.
    const LIMIT: usize = 4096;

    /// Only the unknown encoding.
    #[must_use]
    pub fn new() -> Self {
        let mut new = Self { all: Vec::new(), ids: HashMap::default(), folded: 0 };
        new.id(Encoding::unknown(0));
        new
    }

    /// The number of `encoding`; [`EncodingId::UNKNOWN`] once the table is full.
    pub fn id(&mut self, encoding: Encoding) -> EncodingId {
        if let Some(&id) = self.ids.get(&encoding) {
            return id;
        }
        if self.all.len() >= Self::LIMIT {
            self.folded += 1;
            return EncodingId::UNKNOWN;
        }
        let id = EncodingId(self.all.len() as u16);
        self.all.push(encoding.clone());
        self.ids.insert(encoding, id);
        id
    }

    /// The number of a static payload type's encoding.
    pub fn static_id(&mut self, payload_type: u8) -> Option<EncodingId> {
        static_payload_type(payload_type).map(|(name, clock)| self.id(Encoding::new(name, clock)))
    }

    /// What `id` stands for.
    #[must_use]
    pub fn get(&self, id: EncodingId) -> &Encoding {
        const NONE: &Encoding = &Encoding::unknown(0);
        self.all.get(usize::from(id.0)).unwrap_or(NONE)
    }

    /// Encodings that found no place.
    #[must_use]
    pub const fn folded(&self) -> u64 {
        self.folded
    }
}

impl Default for Encodings {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g722_runs_at_8000_by_rfc_3551() {
        assert_eq!(static_payload_type(9), Some(("G722", 8000)));
    }

    #[test]
    fn g722_runs_at_8000_whatever_sdp_says() {
        assert_eq!(Encoding::new("G722", 16_000).clock_rate, 8000);
    }

    #[test]
    fn a_flood_of_names_is_folded_into_unknown() {
        let mut e = Encodings::new();
        for i in 0..10_000 {
            e.id(Encoding::new(&format!("X{i}"), 8000));
        }
        assert_eq!(e.id(Encoding::new("NEW", 8000)), EncodingId::UNKNOWN);
        assert!(e.folded() > 0);
    }

    #[test]
    fn fmtp_is_read_whatever_its_spacing() {
        assert!(Encoding::new("G729", 8000).with_fmtp("annexb = no").annex_b_off);
        assert!(Encoding::new("AMR", 8000).with_fmtp("mode-set=7; octet-align=1").octet_aligned);
    }
}
