//! Why a call failed, in plain words.

use super::{Call, CallState};

impl Call {
    /// Why it failed, for a reader: what was answered, what that means, and what was said beside it. Empty for
    /// a call that did not fail.
    #[must_use]
    pub fn failure_text(&self) -> String {
        let Some(status) = self.failure() else { return String::new() };
        let mut text = match (self.state, status) {
            (CallState::Cancelled, _) if self.ringing.is_some() => {
                "the caller gave up while it rang".to_owned()
            }
            (CallState::Cancelled, _) => "the caller gave up before it rang".to_owned(),
            (_, None) => self.silence(),
            (_, Some(status)) => {
                let reason = self.reason.as_deref().filter(|r| !r.is_empty());
                let reason = reason.map(|r| format!(" {r}")).unwrap_or_default();
                format!("{status}{reason}: {}", meaning(status))
            }
        };
        if let Some(cause) = self.q850 {
            text += &match cause_words(cause) {
                Some(words) => format!(" (Q.850 cause {cause}: {words})"),
                None => format!(" (Q.850 cause {cause})"),
            };
        }
        if let Some(warning) = &self.warning {
            text += &format!("; warning: {warning}");
        }
        text
    }

    fn silence(&self) -> String {
        let asked = self.legs.first().map(|l| l.flow.dst.to_string()).unwrap_or_default();
        let (rang, tried) = (self.ringing.is_some(), self.was_tried());
        match (rang, tried) {
            (true, _) => "it rang, and nobody answered for minutes".to_owned(),
            (_, true) => format!("no final response: {asked} took the call on and went silent"),
            _ => format!("no response at all from {asked}: unreachable, or its answers do not pass here"),
        }
    }
}

/// What a final status means to who calls ([RFC 3261](https://www.rfc-editor.org/rfc/rfc3261) §21 and the IANA
/// registry of response codes).
const fn meaning(status: u16) -> &'static str {
    match status {
        300..=399 => "the callee is to be reached elsewhere, and nobody tried there",
        401 | 407 => "credentials were asked for, and none that hold were given",
        402 => "payment is required",
        403 => "the server refuses: not allowed",
        404 | 604 => "there is no such number or name",
        405 => "the server does not take calls at this address",
        406 | 415 | 488 | 606 => "the two ends found no media that both can use",
        408 => "the callee's side did not answer in time",
        410 => "the number or name is no longer in use",
        413 | 414 | 513 => "the request is too long",
        416 => "the kind of address is not supported",
        420 | 421 => "one end asks for an extension that the other lacks",
        422 => "the session interval is too short for the server",
        423 => "the interval is too brief for the server",
        428 | 436 | 437 | 438 => "the caller's identity was not proven",
        430 | 480 => "the callee is not to be reached now: not registered, or does not want to be disturbed",
        433 => "calls from withheld numbers are refused",
        469 | 489 => "the server does not know this package",
        470 => "the callee's consent is needed",
        481 => "the other end does not know this call",
        482 | 483 => "the call goes round in circles",
        484 => "the number is incomplete",
        485 => "the number or name is ambiguous",
        486 | 600 => "busy",
        487 => "the request was ended before an answer",
        491 => "both ends changed the call at once",
        493 => "the body could not be decrypted",
        501 => "the server cannot do this",
        502 => "the server got a bad answer from the next one",
        503 => "the server or trunk is overloaded or out of service",
        504 => "the server got no answer from the next one in time",
        505 => "the server does not know this version of SIP",
        580 => "resources for the call could not be had",
        603 => "the callee declined",
        607 => "the callee does not want calls from there",
        608 => "an intermediary rejected the call as unwanted",
        401..=499 => "the request was refused",
        400 => "the request was not understood",
        500..=599 => "the server failed",
        600..=699 => "the callee cannot be reached anywhere",
        _ => "an answer that the standard does not know",
    }
}

/// Q.850 causes that are met in practice (ITU-T Q.850 (05/1998) §2.2.7).
const fn cause_words(cause: u16) -> Option<&'static str> {
    Some(match cause {
        1 => "unallocated number",
        2 | 3 => "no route",
        6 => "channel unacceptable",
        16 => "normal clearing",
        17 => "user busy",
        18 => "no user responding",
        19 => "no answer from the user",
        20 => "subscriber absent",
        21 => "call rejected",
        22 => "number changed",
        26 => "answered elsewhere",
        27 => "destination out of order",
        28 => "invalid number format",
        29 => "facility rejected",
        31 => "normal, unspecified",
        34 => "no circuit available",
        38 => "network out of order",
        41 => "temporary failure",
        42 => "switching equipment congestion",
        44 => "requested circuit not available",
        47 => "resource unavailable",
        50 => "facility not subscribed",
        55 => "incoming calls barred",
        57 => "bearer capability not authorised",
        58 => "bearer capability not available",
        65 => "bearer capability not implemented",
        79 => "service not implemented",
        88 => "incompatible destination",
        96 => "mandatory information missing",
        102 => "recovery on timer expiry",
        111 => "protocol error",
        127 => "interworking, unspecified",
        _ => return None,
    })
}
