//! How alike two parties' numbers or names are: dialling prefixes come and go from leg to leg.

/// Digits of a number that are compared at most: E.164 has 15, prefixes come on top.
const MAX_DIGITS: usize = 24;
/// Digits at the end that make two written forms of a number one (the subscriber's number without its codes).
const LONG: usize = 7;
/// The same where they are all of the shorter one but its zeros.
const WHOLE: usize = 6;
/// The same for an extension within a longer number.
const SHORT: usize = 3;

/// A user part, ready to be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Number {
    /// Digits, where it is a number; else the name in lower case.
    text: Box<str>,
    is_number: bool,
}

impl Number {
    pub fn of(user: Option<&[u8]>) -> Self {
        let user = user.unwrap_or_default();
        let text = String::from_utf8_lossy(user.get(..64).unwrap_or(user)).to_ascii_lowercase();
        let plain = text.strip_prefix('+').unwrap_or(&text);
        let is_number = plain.bytes().any(|c| c.is_ascii_digit())
            && plain.bytes().all(|c| c.is_ascii_digit() || b"-. ()*#".contains(&c));
        if !is_number {
            return Self { text: text.into(), is_number };
        }
        let digits: String = plain.chars().filter(char::is_ascii_alphanumeric).take(MAX_DIGITS).collect();
        Self { text: digits.into(), is_number }
    }

    /// Nobody in particular.
    pub fn is_anonymous(&self) -> bool {
        matches!(&*self.text, "" | "anonymous" | "unknown" | "restricted" | "unavailable")
    }

    /// A whole subscriber's number, that hardly another one is like.
    pub fn is_long(&self) -> bool {
        self.is_number && self.text.len() >= LONG
    }

    /// 0 (nothing in common) to 3 (the same).
    pub fn likeness(&self, other: &Self) -> f32 {
        if self.is_anonymous() || other.is_anonymous() {
            return 0.0;
        }
        if self.text == other.text {
            return 3.0;
        }
        if !(self.is_number && other.is_number) {
            return 0.0;
        }
        let (long, short) = if self.text.len() >= other.text.len() { (self, other) } else { (other, self) };
        let common =
            long.text.bytes().rev().zip(short.text.bytes().rev()).take_while(|(a, b)| a == b).count();
        // Without its leading zeros the shorter one is all there is: 0049… and +49…, 040… and +4940….
        let bare = short.text.trim_start_matches('0').len();
        match common {
            _ if common >= LONG && common >= bare => 2.5,
            _ if common > LONG => 2.0,
            _ if common >= WHOLE && common >= bare => 2.0,
            _ if common >= SHORT && common >= short.text.len() => 1.5,
            _ => 0.0,
        }
    }

    /// What alike numbers have in common, to find them by: their last digits.
    pub fn key(&self) -> Option<&str> {
        if self.is_anonymous() {
            return None;
        }
        let cut = if self.is_number { self.text.len().saturating_sub(SHORT) } else { 0 };
        self.text.get(cut..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_forms_of_a_number_are_alike_and_neighbours_are_not() {
        let like =
            |a: &str, b: &str| Number::of(Some(a.as_bytes())).likeness(&Number::of(Some(b.as_bytes())));
        for (a, b, expected) in [
            ("+442071838750", "+44 20 7183 8750", 3.0),
            ("+442071838750", "00442071838750", 2.5),
            ("02071838750", "+442071838750", 2.5),
            ("9002071838750", "2071838750", 2.5),
            ("0116117", "+49116117", 2.0),
            ("1234", "+442071831234", 1.5),
            ("1234", "1235", 0.0),
            ("+442071838750", "+442071838751", 0.0),
            ("12", "312", 0.0),
            ("alice", "Alice", 3.0),
            ("alice", "alicia", 0.0),
            ("anonymous", "anonymous", 0.0),
            ("", "", 0.0),
        ] {
            assert!((like(a, b) - expected).abs() < 1e-6, "{a} {b}: {}", like(a, b));
            assert!((like(b, a) - expected).abs() < 1e-6, "{b} {a}");
        }
    }
}
