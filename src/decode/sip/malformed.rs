//! What can be wrong with a SIP message, small enough to count by.

use std::fmt;

/// Why bytes are not a SIP message ([`StartLine`](Malformed::StartLine)), or what is wrong with one that is
/// counted all the same (the rest).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Malformed {
    /// The first line is neither a request line nor a status line (RFC 3261 §7.1, §7.2).
    StartLine,
    /// A header line without a colon or without a name (RFC 3261 §7.3.1).
    HeaderLine,
    /// No empty line after the headers: cut short, or never finished.
    HeaderEnd,
    /// No `Call-ID` (RFC 3261 §8.1.1.4).
    MissingCallId,
    /// No `CSeq` (RFC 3261 §8.1.1.5).
    MissingCSeq,
    /// A `CSeq` that is not a number and a method, or whose method is not the request's.
    BadCSeq,
    /// No `From` (RFC 3261 §8.1.1.3).
    MissingFrom,
    /// No `To` (RFC 3261 §8.1.1.2).
    MissingTo,
    /// No `Via` (RFC 3261 §8.1.1.7).
    MissingVia,
    /// A `Content-Length` that is no number, or a second one that differs (RFC 3261 §20.14).
    ContentLength,
    /// Fewer octets of body than `Content-Length` says (RFC 3261 §18.3).
    BodyShort,
    /// More octets in the datagram than `Content-Length` says; they are no part of the message (RFC 3261 §18.3).
    BodyLong,
}

impl Malformed {
    /// Every reason, in the order of the declaration.
    pub const ALL: [Self; 12] = [
        Self::StartLine,
        Self::HeaderLine,
        Self::HeaderEnd,
        Self::MissingCallId,
        Self::MissingCSeq,
        Self::BadCSeq,
        Self::MissingFrom,
        Self::MissingTo,
        Self::MissingVia,
        Self::ContentLength,
        Self::BodyShort,
        Self::BodyLong,
    ];

    /// The reason as a label value: lower case, hyphens.
    pub const fn label(self) -> &'static str {
        match self {
            Self::StartLine => "start-line",
            Self::HeaderLine => "header-line",
            Self::HeaderEnd => "header-end",
            Self::MissingCallId => "missing-call-id",
            Self::MissingCSeq => "missing-cseq",
            Self::BadCSeq => "bad-cseq",
            Self::MissingFrom => "missing-from",
            Self::MissingTo => "missing-to",
            Self::MissingVia => "missing-via",
            Self::ContentLength => "content-length",
            Self::BodyShort => "body-short",
            Self::BodyLong => "body-long",
        }
    }
}

/// The set of things wrong with one message.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Defects(u16);

impl Defects {
    /// True when nothing is wrong.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True when `reason` is in the set.
    pub const fn contains(self, reason: Malformed) -> bool {
        self.0 & 1 << reason as u16 != 0
    }

    /// The reasons in the order in which [`Malformed`] declares them.
    pub fn iter(self) -> impl Iterator<Item = Malformed> {
        Malformed::ALL.into_iter().filter(move |reason| self.contains(*reason))
    }

    pub(crate) const fn insert(&mut self, reason: Malformed) {
        self.0 |= 1 << reason as u16;
    }

    pub(crate) const fn insert_if(&mut self, wrong: bool, reason: Malformed) {
        if wrong {
            self.insert(reason);
        }
    }
}

impl fmt::Debug for Defects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
