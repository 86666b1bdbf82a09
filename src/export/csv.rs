//! The analysis as CSV: a row a stream, for spreadsheets.
//!
//! The columns are the scalar fields of a stream in the JSON, under the same names, and what its call says.
//! Intervals are left to the JSON.

use std::io::{self, Write};

use serde_json::Value;

use super::analysis::{Analysis, Labels};
use super::json::{self, StreamJson};
use super::terminal::is_unsafe;
use crate::track::call::Call;

/// Columns and where the JSON of a stream has their values.
const COLUMNS: [(&str, &str); 63] = [
    ("id", "/id"),
    ("customer", "/customer"),
    ("site", "/site"),
    ("direction", "/direction"),
    ("src", "/src"),
    ("dst", "/dst"),
    ("ssrc", "/ssrc"),
    ("codec", "/codec"),
    ("payload_types", "/payload_types"),
    ("clock_rate_hz", "/clock_rate_hz"),
    ("ptime_ms", "/ptime_ms"),
    ("first", "/first"),
    ("last", "/last"),
    ("packets", "/packets"),
    ("expected", "/expected"),
    ("lost", "/lost"),
    ("skipped", "/skipped"),
    ("loss_percent", "/loss_percent"),
    ("duplicates", "/duplicates"),
    ("mirror_copies", "/mirror_copies"),
    ("reordered", "/reordered"),
    ("capture_loss_packets", "/capture_loss/packets"),
    ("capture_loss_seconds", "/capture_loss/seconds"),
    ("jitter_ms_mean", "/jitter_ms/mean"),
    ("jitter_ms_max", "/jitter_ms/max"),
    ("jitter_ms_last", "/jitter_ms/last"),
    ("max_gap_ms", "/max_gap_ms"),
    ("burst_density_percent", "/burst/burst_density_percent"),
    ("gap_density_percent", "/burst/gap_density_percent"),
    ("burst_duration_ms", "/burst/burst_duration_ms"),
    ("gap_duration_ms", "/burst/gap_duration_ms"),
    ("burst_ratio", "/burst/burst_ratio"),
    ("fixed_depth_ms", "/playout/0/depth_ms"),
    ("fixed_delay_ms", "/playout/0/delay_ms"),
    ("fixed_discarded", "/playout/0/discarded"),
    ("fixed_ppl_percent", "/playout/0/ppl_percent"),
    ("fixed_burst_ratio", "/playout/0/burst_ratio"),
    ("fixed_r", "/playout/0/r"),
    ("fixed_mos_lq", "/playout/0/mos_lq"),
    ("fixed_mos_cq", "/playout/0/mos_cq"),
    ("adaptive_delay_ms", "/playout/1/delay_ms"),
    ("adaptive_discarded", "/playout/1/discarded"),
    ("adaptive_ppl_percent", "/playout/1/ppl_percent"),
    ("adaptive_burst_ratio", "/playout/1/burst_ratio"),
    ("adaptive_r", "/playout/1/r"),
    ("adaptive_mos_lq", "/playout/1/mos_lq"),
    ("adaptive_mos_cq", "/playout/1/mos_cq"),
    ("dscp", "/dscp"),
    ("rtcp_sr", "/rtcp/sr"),
    ("rtcp_rr", "/rtcp/rr"),
    ("rtcp_xr", "/rtcp/xr"),
    ("rtcp_fraction_lost_max", "/rtcp/fraction_lost_max"),
    ("rtcp_rtt_ms_src", "/rtcp/rtt_ms/src"),
    ("rtcp_rtt_ms_dst", "/rtcp/rtt_ms/dst"),
    ("r", "/r"),
    ("mos_lq", "/mos_lq"),
    ("mos_cq", "/mos_cq"),
    ("scale", "/scale"),
    ("profile", "/profile"),
    ("model", "/model"),
    ("delay_ms_value", "/delay_ms/value"),
    ("delay_ms_source", "/delay_ms/source"),
    ("confidence", "/confidence"),
];
/// Behind them.
const LAST: [(&str, &str); 2] = [("because", "/because"), ("evicted", "/evicted")];
/// What is said of a stream's call; empty without one.
const OF_CALL: [&str; 6] = ["call", "call_id", "from", "to", "state", "status"];

impl Analysis {
    /// Writes a header and a row a stream. An empty cell: unknown.
    ///
    /// Text that a spreadsheet would take for a formula gets an apostrophe before it, and what could command
    /// a terminal is replaced: see `text`.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_csv(&self, out: impl Write) -> io::Result<()> {
        let mut out = ::csv::Writer::from_writer(out);
        let names = COLUMNS.iter().chain(&LAST).map(|(name, _)| *name);
        out.write_record(names.chain(OF_CALL)).map_err(io::Error::from)?;
        for stream in &self.streams {
            let json = serde_json::to_value(StreamJson::without_intervals(self, stream))?;
            let mut row: Vec<String> = COLUMNS
                .iter()
                .chain(&LAST)
                .map(|(_, place)| json.pointer(place).map(cell).unwrap_or_default())
                .collect();
            row.extend(of_call(&self.labels, stream.call.and_then(|place| self.calls.get(place))));
            out.write_record(&row).map_err(io::Error::from)?;
        }
        out.flush()
    }
}

fn of_call(labels: &Labels, call: Option<&Call>) -> [String; 6] {
    let Some(call) = call else { return Default::default() };
    [
        labels.call_id(call),
        text(&call.call_id),
        call.from.as_deref().map(|name| text(&labels.shown(name))).unwrap_or_default(),
        call.to.as_deref().map(|name| text(&labels.shown(name))).unwrap_or_default(),
        json::state(call.state).to_owned(),
        call.status.map(|s| s.to_string()).unwrap_or_default(),
    ]
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null | Value::Object(_) => String::new(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => n.to_string(),
        Value::String(s) => text(s),
        Value::Array(all) => {
            let between = if all.iter().all(Value::is_string) { "; " } else { " " };
            all.iter().map(cell).collect::<Vec<_>>().join(between)
        }
    }
}

/// A text that is only a text: spreadsheets run what begins with one of these
/// ([OWASP, CSV injection](https://owasp.org/www-community/attacks/CSV_Injection)), and names and numbers of
/// callers are anybody's to choose. `+4930123456` becomes `'+4930123456`.
fn text(text: &str) -> String {
    let safe: String = text.chars().map(|c| if is_unsafe(c) { '\u{fffd}' } else { c }).collect();
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{safe}"),
        _ => safe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_name_is_no_formula() {
        for (name, wanted) in [
            ("=HYPERLINK(\"http://evil\")", "'=HYPERLINK(\"http://evil\")"),
            ("+4930123456", "'+4930123456"),
            ("-1+1", "'-1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\u{fffd}=1"),
            ("alice", "alice"),
            ("a\x1b]0;b", "a\u{fffd}]0;b"),
        ] {
            assert_eq!(text(name), wanted);
        }
    }

    #[test]
    fn numbers_below_zero_stay_numbers() {
        assert_eq!(cell(&serde_json::json!(-3.25)), "-3.25");
        assert_eq!(cell(&serde_json::json!([8, 101])), "8 101");
        assert_eq!(cell(&Value::Null), "");
    }
}
