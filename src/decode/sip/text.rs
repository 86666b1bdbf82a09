//! Blanks, tokens, numbers and quoted strings: the pieces of RFC 3261 §25.1 that every header is made of.

use std::borrow::Cow;

/// A value as people read it: each fold, with the blanks around it, becomes one space
/// ([RFC 3261 §7.3.1](https://www.rfc-editor.org/rfc/rfc3261#section-7.3.1)). Borrows when nothing is folded.
pub fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'\r', b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    let lines = value.split(|octet| matches!(octet, b'\r' | b'\n')).map(trim).filter(|line| !line.is_empty());
    let mut text = Vec::with_capacity(value.len());
    for line in lines {
        if !text.is_empty() {
            text.push(b' ');
        }
        text.extend_from_slice(line);
    }
    Cow::Owned(text)
}

/// LWS: a space, a tab, or a piece of a fold.
pub(super) const fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

/// A character of `token`: what methods and header names are made of.
pub(super) const fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(octet, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

pub(super) fn trim(value: &[u8]) -> &[u8] {
    trim_end(trim_start(value))
}

pub(super) fn trim_start(mut value: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = value
        && is_blank(*first)
    {
        value = rest;
    }
    value
}

pub(super) fn trim_end(mut value: &[u8]) -> &[u8] {
    while let [rest @ .., last] = value
        && is_blank(*last)
    {
        value = rest;
    }
    value
}

/// The octets before and after the first `at`, which is dropped; all and nothing when there is none.
pub(super) fn split_once(value: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    let Some(found) = memchr::memchr(at, value) else { return (value, None) };
    let (before, rest) = value.split_at_checked(found).unwrap_or((value, &[]));
    (before, rest.get(1..))
}

/// The leading run of octets for which `belongs` holds, and the rest.
pub(super) fn split_while(value: &[u8], belongs: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let length = value.iter().position(|octet| !belongs(*octet)).unwrap_or(value.len());
    value.split_at_checked(length).unwrap_or((value, &[]))
}

/// Decimal digits only, blanks around them allowed; `None` when it is anything else or too large.
pub(super) fn number<T: TryFrom<u64>>(digits: &[u8]) -> Option<T> {
    let digits = trim(digits);
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0_u64, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })?;
    T::try_from(value).ok()
}

/// The inside of a quoted string (escapes as sent) and what follows its closing quote. `value` starts behind
/// the opening quote; without a closing one everything is inside.
pub(super) fn split_quoted(value: &[u8]) -> (&[u8], &[u8]) {
    let mut from = 0;
    while let Some(found) = value.get(from..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        let at = from + found;
        if value.get(at) == Some(&b'"') {
            let (inside, rest) = value.split_at_checked(at).unwrap_or((value, &[]));
            return (inside, rest.get(1..).unwrap_or_default());
        }
        from = at + 2;
    }
    (value, &[])
}

/// Splits at the first `at` that is outside quotes and angle brackets; the separator is dropped.
pub(super) fn split_outside(value: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    // The common case has nothing to protect.
    if memchr::memchr2(b'"', b'<', value).is_none() {
        return split_once(value, at);
    }
    let (mut quoted, mut bracketed, mut escaped) = (false, false, false);
    let end = value.iter().position(|octet| {
        match (*octet, quoted) {
            _ if escaped => escaped = false,
            (b'\\', true) => escaped = true,
            (b'"', _) => quoted = !quoted,
            (b'<', false) => bracketed = true,
            (b'>', false) => bracketed = false,
            (octet, false) => return octet == at && !bracketed,
            _ => {}
        }
        false
    });
    let (before, rest) = end.and_then(|end| value.split_at_checked(end)).unwrap_or((value, &[]));
    (before, rest.get(1..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fold_reads_as_one_space() {
        assert_eq!(unfold(b"one\r\n \t two\n\tthree").as_ref(), b"one two three");
        assert!(matches!(unfold(b"plain  text"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_comma_in_quotes_or_brackets_does_not_split() {
        assert_eq!(
            split_outside(b"\"a,\\\",\" <sip:b,c@d>, e", b','),
            (&b"\"a,\\\",\" <sip:b,c@d>"[..], Some(&b" e"[..]))
        );
        assert_eq!(split_outside(b"\"never closed, <", b','), (&b"\"never closed, <"[..], None));
    }

    #[test]
    fn numbers_are_digits_and_nothing_else() {
        assert_eq!(number::<u32>(b" 0009\r\n "), Some(9));
        assert_eq!(number::<u32>(b"4294967296"), None);
        assert_eq!(number::<u32>(b"-1"), None);
        assert_eq!(number::<u32>(b""), None);
    }

    #[test]
    fn a_quoted_string_ends_at_its_unescaped_quote() {
        assert_eq!(split_quoted(b"a \\\" b\" rest"), (&b"a \\\" b"[..], &b" rest"[..]));
        assert_eq!(split_quoted(b"open\\"), (&b"open\\"[..], &b""[..]));
    }
}
