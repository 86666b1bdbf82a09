//! Times, names and ids as reports write them.

use std::borrow::Cow;
use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};

use super::analysis::Labels;
use crate::decode::Flow;
use crate::track::call::{Call, CallIdentity};
use crate::track::codecs::Encoding;

/// RFC 3339, UTC, nanoseconds.
pub(super) fn rfc3339(nanos: i64) -> String {
    match jiff::Timestamp::from_nanosecond(i128::from(nanos)) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string(),
        Err(_) => String::new(),
    }
}

/// The day, UTC: `2026-11-24`.
pub(super) fn day(nanos: i64) -> String {
    rfc3339(nanos).get(..10).unwrap_or("?").to_owned()
}

/// The time of day, UTC: `03:54:16`.
pub(super) fn time_of_day(nanos: i64) -> String {
    rfc3339(nanos).get(11..19).unwrap_or("?").to_owned()
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

/// The fixed, public key: ids of files must not depend on the machine.
const PUBLIC_KEY: [u64; 2] = [0x636c_6561_726c_696e, 0x6520_6964_7320_7638];

impl Labels {
    /// A record's id: 48 bits of its time in ms, then a keyed hash of what it is, as a UUID of version 8
    /// ([RFC 9562 §5.8](https://www.rfc-editor.org/rfc/rfc9562#section-5.8)). The same input, key and probe
    /// give the same id.
    pub(super) fn record_id(&self, nanos: i64, parts: &[&[u8]]) -> String {
        let [k0, k1] = self.id_key.unwrap_or(PUBLIC_KEY);
        let mut hasher = SipHasher24::new_with_keys(k0, k1);
        for part in [self.probe.as_bytes()].iter().chain(parts) {
            hasher.write(&(part.len() as u64).to_le_bytes());
            hasher.write(part);
        }
        let hash = hasher.finish128().as_u128();
        let millis = u128::from(nanos.div_euclid(1_000_000).cast_unsigned() & 0xffff_ffff_ffff);
        let id =
            millis << 80 | 0x8 << 76 | (hash >> 64 & 0xfff) << 64 | 0b10 << 62 | (hash & (u128::MAX >> 66));
        let hex = format!("{id:032x}");
        let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
        format!("{}-{}-{}-{}-{}", part(0..8), part(8..12), part(12..16), part(16..20), part(20..32))
    }

    /// The id of a call's record.
    pub(super) fn call_id(&self, call: &Call) -> String {
        self.record_id(call.start, &[call.call_id.as_bytes(), call.from_tag.as_bytes()])
    }

    /// The id that the record of a call has, or will have.
    #[must_use]
    pub fn call_id_of(&self, call: &CallIdentity) -> String {
        self.record_id(call.start, &[call.call_id.as_bytes(), call.from_tag.as_bytes()])
    }

    /// A number or a user's name as it may be shown.
    pub(super) fn shown<'a>(&self, name: &'a str) -> Cow<'a, str> {
        /// Characters of a masked name that stay: enough to know one's own.
        const KEPT: usize = 3;
        if !self.masked {
            return Cow::Borrowed(name);
        }
        let hidden = name.chars().count().saturating_sub(KEPT).max(1);
        Cow::Owned(name.chars().enumerate().map(|(i, c)| if i < hidden { '*' } else { c }).collect())
    }
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
        let id = Labels::default().record_id(1_500_000_000_000_000_000, &[b"a", b"b"]);
        assert_eq!(id, Labels::default().record_id(1_500_000_000_000_000_000, &[b"a", b"b"]));
        assert_ne!(id, Labels::default().record_id(1_500_000_000_000_000_000, &[b"ab", b""]));
        assert!(id < Labels::default().record_id(1_500_000_000_001_000_000, &[b"a", b"b"]));
        assert_eq!(id.as_bytes()[14], b'8');
        assert!(b"89ab".contains(&id.as_bytes()[19]));
    }

    #[test]
    fn masked_names_keep_their_last_three_characters() {
        let labels = Labels { masked: true, ..Labels::default() };
        assert_eq!(labels.shown("+4930123456"), "********456");
        assert_eq!(labels.shown("bob"), "*ob");
        assert_eq!(Labels::default().shown("bob"), "bob");
    }
}
