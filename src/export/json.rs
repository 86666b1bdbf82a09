//! The analysis as `clearline.analysis/1`.

mod calls;
mod kpis;
mod registrations;
mod reports;
mod streams;
mod tls;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use self::calls::CallJson;
pub(super) use self::calls::state;
use self::kpis::KpisJson;
pub use self::registrations::devices;
use self::registrations::{LivenessJson, RegistrationJson};
pub(super) use self::streams::StreamJson;
use super::analysis::{Analysis, Capture, Labels};
use super::terminal::is_unsafe;
use super::text::rfc3339;
use crate::track::sites::View;

impl Analysis {
    /// Writes one JSON object and a line end.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_json(&self, mut out: impl Write) -> io::Result<()> {
        self.json().serialize(&mut Serializer::with_formatter(&mut out, Harmless))?;
        out.write_all(b"\n")
    }

    fn json(&self) -> AnalysisJson<'_> {
        let mut of_call: Vec<Vec<usize>> = vec![Vec::new(); self.calls.len()];
        for (i, stream) in self.streams.iter().enumerate() {
            if let Some(list) = stream.call.and_then(|c| of_call.get_mut(c)) {
                list.push(i);
            }
        }
        AnalysisJson {
            schema: "clearline.analysis/1",
            captures: self.captures.iter().map(CaptureJson::new).collect(),
            calls: self
                .calls
                .iter()
                .zip(of_call)
                .map(|(call, streams)| CallJson::new(self, call, streams))
                .collect(),
            streams: self.streams.iter().map(|s| StreamJson::new(self, s)).collect(),
            registrations: self
                .registrations
                .iter()
                .map(|b| RegistrationJson::new(&self.labels, b))
                .collect(),
            liveness: self.liveness.iter().map(LivenessJson::new).collect(),
            reports: reports::rows(self),
            tls: self.tls.iter().map(tls::TlsJson::new).collect(),
            signalling: SignallingJson {
                requests: &self.messages.requests,
                responses: self.messages.responses.iter().map(|(code, n)| (code.to_string(), *n)).collect(),
                kpis: KpisJson::new(&self.kpis),
                flood: self
                    .flood()
                    .map(|text| FloodJson { unanswered_invites_forgotten: self.invites_forgotten, text }),
            },
        }
    }
}

/// Compact, and what could command a terminal or turn the order of reading is escaped: JSON has to escape
/// the C0 controls only, but U+009B is as good as ESC `[`. The same text comes out of any reader.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        for part in fragment.split_inclusive(is_unsafe) {
            let safe = part.trim_end_matches(is_unsafe);
            out.write_all(safe.as_bytes())?;
            for c in part.chars().rev().take(1).filter(|c| is_unsafe(*c)) {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct AnalysisJson<'a> {
    schema: &'static str,
    captures: Vec<CaptureJson>,
    calls: Vec<CallJson<'a>>,
    streams: Vec<StreamJson<'a>>,
    registrations: Vec<RegistrationJson<'a>>,
    liveness: Vec<LivenessJson>,
    reports: Vec<reports::ReportJson>,
    tls: Vec<tls::TlsJson<'a>>,
    signalling: SignallingJson<'a>,
}

#[derive(Serialize)]
struct SignallingJson<'a> {
    requests: &'a BTreeMap<String, u64>,
    responses: BTreeMap<String, u64>,
    kpis: KpisJson<'a>,
    flood: Option<FloodJson>,
}

#[derive(Serialize)]
struct FloodJson {
    unanswered_invites_forgotten: u64,
    text: String,
}

#[derive(Serialize)]
struct CaptureJson {
    file: String,
    link_types: Vec<String>,
    packets: u64,
    bytes: u64,
    first: Option<String>,
    last: Option<String>,
    damaged: Option<DamageJson>,
    undecoded: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct DamageJson {
    offset: u64,
    reason: String,
}

impl CaptureJson {
    fn new(capture: &Capture) -> Self {
        let file = &capture.file;
        Self {
            file: file.path.display().to_string(),
            link_types: file.link_types.iter().map(ToString::to_string).collect(),
            packets: file.packets,
            bytes: file.bytes,
            first: file.first.map(|t| rfc3339(t.as_nanos())),
            last: file.last.map(|t| rfc3339(t.as_nanos())),
            damaged: file.damaged.as_ref().map(|d| DamageJson { offset: d.offset, reason: d.reason.clone() }),
            undecoded: capture.undecoded.iter().map(|(what, n)| (what.reason(), n)).collect(),
        }
    }
}

/// How a customer's site sees a stream or call; none without configuration.
#[derive(Clone, Copy, Serialize)]
struct ViewJson<'a> {
    customer: &'a str,
    site: &'a str,
    direction: &'static str,
}

fn views<'a>(labels: &'a Labels, views: &[View]) -> Vec<ViewJson<'a>> {
    let view = |v: &View| ViewJson {
        customer: labels.sites.customer_name(v.customer),
        site: labels.sites.site_name(v.site),
        direction: v.direction.name(),
    };
    views.iter().map(view).collect()
}

/// Six digits behind the point: a nanosecond in ms, and no noise of the last bit.
fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
