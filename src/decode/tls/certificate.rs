//! Until when a certificate is good: five steps into its DER, and nothing else of it
//! ([RFC 5280 §4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)).

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// `notAfter` of the first certificate of a Certificate message up to TLS 1.2 (RFC 5246 §7.4.2), the server's own:
/// seconds since the Unix epoch.
pub(super) fn not_after(message: &[u8]) -> Option<i64> {
    let [_, _, _, high, middle, low, rest @ ..] = message else { return None };
    let length = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
    let (certificate, _) = element(rest.get(..length)?, SEQUENCE)?;
    let (mut fields, _) = element(certificate, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = any(fields)?.2;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        fields = any(fields)?.2;
    }
    let (validity, _) = element(fields, SEQUENCE)?;
    let (kind, text, _) = any(any(validity)?.2)?;
    time(kind, text)
}

/// Times are in UTC and to the second (RFC 5280 §4.1.2.5).
fn time(kind: u8, text: &[u8]) -> Option<i64> {
    let text = text.strip_suffix(b"Z").filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let mut pairs = text.as_chunks::<2>().0.iter().map(|[a, b]| i16::from((a - b'0') * 10 + (b - b'0')));
    let year = match (kind, text.len()) {
        (GENERALIZED_TIME, 14) => pairs.next()? * 100 + pairs.next()?,
        (UTC_TIME, 12) => match pairs.next()? {
            year @ 0..50 => 2000 + year,
            year => 1900 + year,
        },
        _ => return None,
    };
    let mut part = || i8::try_from(pairs.next()?).ok();
    let civil = DateTime::new(year, part()?, part()?, part()?, part()?, part()?, 0).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

/// Content of the element of this `kind` at the front, and what follows it.
fn element(bytes: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (kind, content, rest) = any(bytes)?;
    (kind == wanted).then_some((content, rest))
}

/// Tag, content and rest of whatever element is at the front (X.690 §8.1): one octet of tag, definite length.
fn any(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [kind, first, rest @ ..] = bytes else { return None };
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        // 0x80, a length told by the end, is none of DER.
        long => {
            let octets = usize::from(long & 0x7f);
            let (octets, rest) = rest.split_at_checked(octets).filter(|_| (1..=3).contains(&octets))?;
            (octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*kind, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_write_a_time_are_read() {
        assert_eq!(time(UTC_TIME, b"260101000000Z"), Some(1_767_225_600));
        assert_eq!(time(UTC_TIME, b"500101000000Z"), Some(-631_152_000));
        assert_eq!(time(GENERALIZED_TIME, b"20500101000000Z"), Some(2_524_608_000));
        for wrong in [&b"260101000000"[..], b"2601010000Z", b"261301000000Z", b"26010100000xZ", b"Z", b""] {
            assert_eq!(time(UTC_TIME, wrong), None);
        }
    }

    #[test]
    fn a_real_certificate_is_read_wherever_it_is_cut() {
        let mut params = rcgen::CertificateParams::new(vec!["sip.example.org".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2031, 5, 17);
        let der = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec();
        let length = |n: usize| [0, (n >> 8) as u8, n as u8];
        let message = [&length(der.len() + 3)[..], &length(der.len()), &der].concat();
        assert_eq!(not_after(&message), Some(1_936_742_400));
        for cut in 0..message.len() {
            assert_eq!(not_after(&message[..cut]), None);
        }
    }
}
