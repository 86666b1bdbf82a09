//! Final responses as label values.

use std::fmt::Write;

use arrayvec::ArrayString;

use crate::track::signal::Attempt;

/// Final status codes registered with IANA for SIP
/// ([Response Codes](https://www.iana.org/assignments/sip-parameters/sip-parameters.xhtml#sip-parameters-7)),
/// sorted. A response's code is anybody's to choose, so one that is not here gets no series.
const REGISTERED: [u16; 69] = [
    200, 202, 204, 300, 301, 302, 305, 380, 400, 401, 402, 403, 404, 405, 406, 407, 408, 410, 412, 413, 414,
    415, 416, 417, 420, 421, 422, 423, 424, 425, 428, 429, 430, 433, 436, 437, 438, 439, 440, 469, 470, 480,
    481, 482, 483, 484, 485, 486, 487, 488, 489, 491, 493, 494, 500, 501, 502, 503, 504, 505, 513, 555, 580,
    600, 603, 604, 606, 607, 608,
];

/// Values that the label `status` has at most: the codes, `timeout`, `other`.
#[cfg(test)]
pub(super) const PLACES: usize = REGISTERED.len() + 2;

/// The value of the label `status`; `None` where the input ended before the attempt did.
pub(super) fn status_label(attempt: &Attempt) -> Option<ArrayString<7>> {
    let mut label = ArrayString::new();
    match attempt.status {
        Some(status) if REGISTERED.binary_search(&status).is_ok() => {
            // Three digits: they fit.
            let _written = write!(label, "{status}");
        }
        Some(_) => label.push_str("other"),
        None if attempt.timed_out => label.push_str("timeout"),
        None => return None,
    }
    Some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registered_codes_have_a_value_of_their_own() {
        assert!(REGISTERED.is_sorted());
        let label = |status, timed_out| {
            status_label(&Attempt { status, timed_out, ..Attempt::default() }).map(|label| label.to_string())
        };
        let all: std::collections::BTreeSet<_> =
            (200..=999).filter_map(|code| label(Some(code), false)).collect();
        assert_eq!(all.len() + 1, PLACES);
        assert_eq!(label(Some(486), false).as_deref(), Some("486"));
        assert_eq!(label(Some(299), false).as_deref(), Some("other"));
        assert_eq!(label(None, true).as_deref(), Some("timeout"));
        assert_eq!(label(None, false), None);
    }
}
