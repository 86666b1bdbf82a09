//! Devices and targets of OPTIONS in JSON.

use std::cmp::Reverse;

use serde::Serialize;
use serde_json::{Value, json};

use super::{ViewJson, round, views};
use crate::export::analysis::Labels;
use crate::export::text::rfc3339;
use crate::track::liveness::Target;
use crate::track::registrations::{Binding, BindingState};
use crate::track::sites::CallEnds;

#[derive(Serialize)]
pub(super) struct RegistrationJson<'a> {
    aor: String,
    contact: String,
    src: String,
    user_agent: Option<&'a str>,
    transport: &'static str,
    behind_nat: bool,
    state: &'static str,
    expires: Option<u32>,
    first_seen: String,
    last_seen: String,
    refreshes: u32,
    failures: u32,
    flaps: u32,
    reason: Option<&'a str>,
    views: Vec<ViewJson<'a>>,
    customer: Option<&'a str>,
    site: Option<&'a str>,
}

/// Devices as `/api/v1/devices` lists them, at most `limit`: those that lapsed or were refused before those that
/// are registered, and the one heard of last first.
#[must_use]
pub fn devices(labels: &Labels, bindings: &[Binding], limit: usize) -> Value {
    let mut all: Vec<&Binding> = bindings.iter().collect();
    all.sort_by_key(|b| (b.state == BindingState::Registered, Reverse(b.last_seen)));
    let items: Vec<RegistrationJson<'_>> =
        all.into_iter().take(limit).map(|b| RegistrationJson::new(labels, b)).collect();
    json!({ "items": items, "total": bindings.len() })
}

impl<'a> RegistrationJson<'a> {
    pub fn new(labels: &'a Labels, binding: &'a Binding) -> Self {
        let flow = binding.parties.flow;
        let ends = CallEnds { caller: flow.src.address, callee: flow.dst.address, ..CallEnds::default() };
        let views = views(labels, &labels.sites.call_views(&ends));
        let first = views.first().copied();
        Self {
            aor: shown(labels, &binding.aor),
            contact: shown(labels, &binding.contact),
            src: binding.src.to_string(),
            user_agent: binding.user_agent.as_deref(),
            transport: binding.transport.name(),
            behind_nat: binding.behind_nat,
            state: binding.state.name(),
            expires: binding.expires,
            first_seen: rfc3339(binding.first_seen),
            last_seen: rfc3339(binding.last_seen),
            refreshes: binding.refreshes,
            failures: binding.failures,
            flaps: binding.flaps,
            reason: binding.reason.as_deref(),
            views,
            customer: first.map(|v| v.customer),
            site: first.map(|v| v.site),
        }
    }
}

/// A URI or an address-of-record as it may be shown: where names are masked, the user is, and a password with
/// it, and parameters, which may repeat either, are left out.
fn shown(labels: &Labels, uri: &str) -> String {
    if !labels.masked {
        return uri.to_owned();
    }
    let (scheme, rest) = match uri.split_once(':') {
        Some((scheme, rest)) if scheme.bytes().all(|b| b.is_ascii_alphabetic()) => (scheme, rest),
        _ => ("", uri),
    };
    let colon = if scheme.is_empty() { "" } else { ":" };
    // As when it is read, the last @ counts.
    let Some((user, host)) = rest.rsplit_once('@') else {
        let is_number = scheme.is_empty() || scheme.eq_ignore_ascii_case("tel");
        let whole = rest.split([';', '?']).next().unwrap_or_default();
        return if is_number {
            format!("{scheme}{colon}{}", labels.shown(whole))
        } else {
            format!("{scheme}{colon}{whole}")
        };
    };
    let host = host.split([';', '?']).next().unwrap_or_default();
    let name = user.split(':').next().unwrap_or_default();
    format!("{scheme}{colon}{}@{host}", labels.shown(name))
}

#[derive(Serialize)]
pub(super) struct LivenessJson {
    target: String,
    answered: u64,
    errors: u64,
    timeouts: u64,
    /// Mean of the answered.
    rtt_ms: Option<f64>,
    rtt_last_ms: Option<f64>,
}

impl LivenessJson {
    pub fn new(target: &Target) -> Self {
        Self {
            target: target.target.to_string(),
            answered: target.answered,
            errors: target.errors,
            timeouts: target.timeouts,
            rtt_ms: target.rtt_mean_ms().map(round),
            rtt_last_ms: target.rtt_last.map(|ns| round(ns as f64 / 1e6)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_uri_shows_the_end_of_its_user_and_its_host() {
        let masked = Labels { masked: true, ..Labels::default() };
        let cases = [
            ("sip:4930123456@10.0.0.1:5060;line=4930123456", "sip:*******456@10.0.0.1:5060"),
            ("sip:al:secret@h", "sip:*l@h"),
            ("alice@example.net", "**ice@example.net"),
            ("tel:+4930123456;phone-context=x", "tel:********456"),
            ("4930123456", "*******456"),
            ("sip:10.0.0.1:5060;x=y", "sip:10.0.0.1:5060"),
            ("sip:a@b@h", "sip:*@b@h"),
            ("", ""),
        ];
        for (uri, expected) in cases {
            assert_eq!(shown(&masked, uri), expected, "{uri}");
            assert_eq!(shown(&Labels::default(), uri), uri);
        }
    }
}
