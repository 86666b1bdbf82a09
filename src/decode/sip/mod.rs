//! SIP messages as borrowed views ([RFC 3261](https://www.rfc-editor.org/rfc/rfc3261)).
//!
//! Promises:
//! - [`Message::parse`] looks at every header line once and stores slices; what a header *means* is
//!   worked out only when asked for. Nothing is copied and nothing is allocated.
//! - Exact about the start line, because messages are counted by method and status; tolerant about all
//!   that follows, because a monitor must show broken messages rather than refuse them. What was wrong
//!   is told by [`Message::defects`].
//! - Values are returned as they were sent: a folded value (RFC 3261 §7.3.1) still has its line break in
//!   it, and every parser here takes that for a blank. [`unfold`] makes it fit for people.
//!
//! Deliberately absent: URI comparison, validation beyond what a monitor reports, and writing messages.

mod address;
mod body;
mod headers;
mod malformed;
mod message;
mod params;
mod start_line;
mod text;
mod via;
mod voice_quality;

#[cfg(test)]
mod torture_tests;

pub use address::{NameAddr, Uri};
pub use body::Bodies;
pub(crate) use headers::split_head;
pub use headers::{Headers, Reason, SessionExpires, Values, Warning};
pub use malformed::{Defects, Malformed};
pub use message::{CSeq, Message, Prefix};
pub use params::Params;
pub use start_line::{StartLine, looks_like_sip};
pub(crate) use start_line::{could_begin, skip_line_ends};
pub use text::unfold;
pub use via::Via;
pub use voice_quality::{MediaEnd, Metrics, ReportKind, Ssrc, VoiceQuality};
