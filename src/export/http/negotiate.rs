//! Which exposition and which encoding a client wants, as Prometheus' libraries decide it.

use std::cmp::Reverse;

/// A text format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// [Prometheus text 0.0.4](https://prometheus.io/docs/instrumenting/exposition_formats/)
    Text004,
    /// [OpenMetrics 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/), with exemplars.
    OpenMetrics,
}

/// One offer of an `Accept` header.
struct Offer<'a> {
    kind: &'a str,
    version: Option<&'a str>,
    escaping: Option<&'static str>,
    /// In thousandths, as the header's grammar allows. 0: not wanted.
    quality: u16,
}

/// The format and its `Content-Type`. Text where nothing fits, never 406: a scraper that asks for protobuf only
/// is better served with what it also reads than with nothing.
pub(super) fn exposition(accept: &str) -> (Exposition, String) {
    let mut offers: Vec<Offer<'_>> = accept.split(',').map(Offer::new).collect();
    offers.sort_by_key(|offer| Reverse(offer.quality));
    let wanted =
        offers.iter().filter(|o| o.quality > 0).find_map(|o| o.exposition().map(|e| (e, o.escaping)));
    let (exposition, escaping) = wanted.unwrap_or((Exposition::Text004, None));
    let plain = match exposition {
        Exposition::Text004 => "text/plain; version=0.0.4; charset=utf-8",
        Exposition::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    };
    // Our names need no escaping, so every scheme is honoured by naming it; a client that named none is old.
    let kind = escaping.map_or_else(|| plain.to_owned(), |scheme| format!("{plain}; escaping={scheme}"));
    (exposition, kind)
}

impl<'a> Offer<'a> {
    fn new(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let mut offer =
            Self { kind: parts.next().unwrap_or_default(), version: None, escaping: None, quality: 1000 };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => offer.quality = quality(value),
                "version" => offer.version = Some(value),
                "escaping" => offer.escaping = ESCAPINGS.into_iter().find(|known| *known == value),
                _ => {}
            }
        }
        offer
    }

    fn exposition(&self) -> Option<Exposition> {
        let is = |kind: &str| self.kind.eq_ignore_ascii_case(kind);
        match self.version {
            None | Some("1.0.0") if is("application/openmetrics-text") => Some(Exposition::OpenMetrics),
            None | Some("0.0.4") if is("text/plain") => Some(Exposition::Text004),
            _ => None,
        }
    }
}

/// [Escaping schemes](https://prometheus.io/docs/instrumenting/escaping_schemes/)
const ESCAPINGS: [&str; 4] = ["allow-utf-8", "underscores", "dots", "values"];

/// [RFC 9110 §12.4.2](https://www.rfc-editor.org/rfc/rfc9110#section-12.4.2); 0 when it is no number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1000")]
fn quality(text: &str) -> u16 {
    text.parse::<f32>().map_or(0, |q| (q.clamp(0.0, 1.0) * 1000.0).round() as u16)
}

/// Whether an `Accept-Encoding` header allows gzip.
pub(super) fn accepts_gzip(header: &str) -> bool {
    let offered = |wanted: &str| {
        let offers = header.split(',').map(Offer::new);
        offers.filter(|offer| offer.kind.eq_ignore_ascii_case(wanted)).map(|offer| offer.quality > 0).next()
    };
    offered("gzip").or_else(|| offered("x-gzip")).or_else(|| offered("*")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::{accepts_gzip, exposition};

    #[test]
    fn gzip_is_what_the_header_says() {
        for (header, expected) in [
            ("", false),
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("gzip;q=0, *", false),
            ("*;q=0.1", true),
            ("identity", false),
            ("gzip;q=x", false),
        ] {
            assert_eq!(accepts_gzip(header), expected, "{header}");
        }
    }

    #[test]
    fn any_header_gives_a_format() {
        for header in ["", ",", ";;;", "a/b;q=", "text/plain;q=NaN", "*/*;version", "\"", "text/plain;q=1e99"]
        {
            assert!(exposition(header).1.starts_with("text/plain; version=0.0.4"), "{header}");
        }
    }
}
