//! Times, names and ids as reports write them.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};

use crate::decode::Flow;
use crate::track::codecs::Encoding;

/// RFC 3339, UTC, nanoseconds.
pub(super) fn rfc3339(nanos: i64) -> String {
    match jiff::Timestamp::from_nanosecond(i128::from(nanos)) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string(),
        Err(_) => String::new(),
    }
}

/// The encoding's registered spelling ([IANA](https://www.iana.org/assignments/rtp-parameters)); "unknown"
/// where nobody named it.
pub(super) fn codec_name(encoding: &Encoding) -> &str {
    match encoding.name.as_str() {
        "" => "unknown",
        "OPUS" => "opus",
        "SPEEX" => "speex",
        "ILBC" => "iLBC",
        "TELEPHONE-EVENT" => "telephone-event",
        "CELB" => "CelB",
        "RED" => "red",
        "NV" => "nv",
        name => name,
    }
}

/// A record's id: 48 bits of its time in ms, then a hash of what it is, as a UUID of version 8
/// ([RFC 9562 §5.8](https://www.rfc-editor.org/rfc/rfc9562#section-5.8)). The same input gives the same id.
pub(super) fn record_id(nanos: i64, parts: &[&[u8]]) -> String {
    // A fixed, public key: ids of files must not depend on the machine.
    let mut hasher = SipHasher24::new_with_keys(0x636c_6561_726c_696e, 0x6520_6964_7320_7638);
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    let hash = hasher.finish128().as_u128();
    let millis = u128::from(nanos.div_euclid(1_000_000).cast_unsigned() & 0xffff_ffff_ffff);
    let id = millis << 80 | 0x8 << 76 | (hash >> 64 & 0xfff) << 64 | 0b10 << 62 | (hash & (u128::MAX >> 66));
    let hex = format!("{id:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0..8), part(8..12), part(12..16), part(16..20), part(20..32))
}

/// The bytes of a flow, for an id.
pub(super) fn flow_bytes(flow: &Flow) -> String {
    format!("{} {}", flow.src, flow.dst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_nine_digits() {
        assert_eq!(rfc3339(1_500_000_000_000_000_001), "2017-07-14T02:40:00.000000001Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000000Z");
    }

    #[test]
    fn ids_are_uuids_of_version_8_in_the_order_of_time() {
        let id = record_id(1_500_000_000_000_000_000, &[b"a", b"b"]);
        assert_eq!(id, record_id(1_500_000_000_000_000_000, &[b"a", b"b"]));
        assert_ne!(id, record_id(1_500_000_000_000_000_000, &[b"ab", b""]));
        assert!(id < record_id(1_500_000_000_001_000_000, &[b"a", b"b"]));
        assert_eq!(id.as_bytes()[14], b'8');
        assert!(b"89ab".contains(&id.as_bytes()[19]));
    }
}
