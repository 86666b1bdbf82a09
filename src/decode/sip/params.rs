//! The `;name=value` that follows many header values and URIs.

use super::text::{split_once, split_outside, split_quoted, trim};

/// Parameters in order of appearance, as name and value: `;lr;tag="a;b"` gives `lr` without a value and `tag`
/// with `a;b`. Empty ones (`;;`) are passed over.
#[derive(Debug, Clone, Copy, Default)]
pub struct Params<'a>(pub(super) &'a [u8]);

impl<'a> Params<'a> {
    /// The value of the first parameter of this name (letter case does not matter): empty when it has none.
    pub fn find(mut self, name: &str) -> Option<&'a [u8]> {
        self.find_map(|(found, value)| {
            found.eq_ignore_ascii_case(name.as_bytes()).then_some(value.unwrap_or_default())
        })
    }
}

impl<'a> Iterator for Params<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.0.is_empty() {
            let (param, rest) = split_outside(self.0, b';');
            self.0 = rest.unwrap_or_default();
            let (name, value) = split_once(param, b'=');
            let name = trim(name);
            if !name.is_empty() {
                return Some((name, value.map(unquote)));
            }
        }
        None
    }
}

/// The inside of a quoted string, anything else without the blanks around it.
pub(super) fn unquote(value: &[u8]) -> &[u8] {
    let value = trim(value);
    value.strip_prefix(b"\"").map_or(value, |inside| split_quoted(inside).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_in_any_case_and_values_lose_their_quotes() {
        let params = Params(b" ;; lr ; TAG = \"a;b\" ;empty=;tag=second");
        assert_eq!(params.find("tag"), Some(&b"a;b"[..]));
        assert_eq!(params.find("lr"), Some(&b""[..]));
        assert_eq!(params.find("empty"), Some(&b""[..]));
        assert_eq!(params.find("none"), None);
        assert_eq!(params.count(), 4);
    }
}
