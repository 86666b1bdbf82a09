//! Codecs that have a label value of their own.

/// Media types registered with IANA for RTP, in lower case, sorted: the only values of the label `codec`
/// besides `other`. SDP is written by strangers, so a name that is not here gets no series.
pub const CODECS: [&str; 47] = [
    "amr",
    "amr-wb",
    "amr-wb+",
    "av1",
    "clearmode",
    "cn",
    "dvi4",
    "evrc",
    "evrc0",
    "evrcb",
    "evrcnw",
    "evrcwb",
    "evs",
    "g719",
    "g722",
    "g7221",
    "g723",
    "g726-16",
    "g726-24",
    "g726-32",
    "g726-40",
    "g728",
    "g729",
    "g7291",
    "gsm",
    "gsm-efr",
    "gsm-hr-08",
    "h263",
    "h264",
    "h265",
    "ilbc",
    "l16",
    "lpc",
    "mp4a-latm",
    "mpa",
    "opus",
    "pcma",
    "pcma-wb",
    "pcmu",
    "pcmu-wb",
    "qcelp",
    "red",
    "speex",
    "telephone-event",
    "vmr-wb",
    "vp8",
    "vp9",
];

/// Label value of every other name, and of none.
pub(super) const OTHER: &str = "other";

/// Places in a list of counts: one a codec, and the last for [`OTHER`].
pub(super) const PLACES: usize = CODECS.len() + 1;

/// The place of an encoding name in any case; `None` where it is not listed.
pub(super) fn place(name: &str) -> Option<usize> {
    CODECS.binary_search_by(|codec| codec.bytes().cmp(name.bytes().map(|b| b.to_ascii_lowercase()))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        assert!(CODECS.is_sorted());
        for (i, codec) in CODECS.iter().enumerate() {
            assert_eq!(place(&codec.to_ascii_uppercase()), Some(i));
        }
        assert_eq!(place(""), None);
        assert_eq!(place("X-EVIL"), None);
    }
}
