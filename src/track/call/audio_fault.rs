//! What can be wrong with the audio of a call.

use super::Party;

/// Something wrong with the audio of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioFault {
    /// The way the faulty audio should flow.
    pub way: AudioWay,
    /// What is wrong.
    pub fault: Fault,
    /// Why, where that shows.
    pub reason: Option<AudioReason>,
    /// From when, nanoseconds since the Unix epoch.
    pub from: i64,
    /// Until when.
    pub to: i64,
}

impl AudioFault {
    pub(super) const fn crosses(&self, other: &Self) -> bool {
        self.from < other.to && other.from < self.to
    }
}

/// Which way audio flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioWay {
    /// From the caller.
    CallerToCallee,
    /// To the caller.
    CalleeToCaller,
    /// Both.
    Both,
}

impl AudioWay {
    pub(super) const fn of(party: Party) -> Self {
        match party {
            Party::Caller => Self::CallerToCallee,
            Party::Callee => Self::CalleeToCaller,
        }
    }

    /// As reports name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CallerToCallee => "caller_to_callee",
            Self::CalleeToCaller => "callee_to_caller",
            Self::Both => "both",
        }
    }
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Audio one way only.
    OneWay,
    /// No audio while it was to flow both ways.
    NoWay,
    /// It began long after the answer.
    LateMedia,
    /// It went on after the end.
    MediaAfterBye,
    /// It came from another place than SDP named.
    WrongAddress,
}

impl Fault {
    /// Every fault, in the order in which they are counted.
    pub const ALL: [Self; 5] =
        [Self::OneWay, Self::NoWay, Self::LateMedia, Self::MediaAfterBye, Self::WrongAddress];

    /// As reports and metrics name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneWay => "one_way",
            Self::NoWay => "no_way",
            Self::LateMedia => "late_media",
            Self::MediaAfterBye => "media_after_bye",
            Self::WrongAddress => "wrong_address",
        }
    }
}

/// Why audio is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioReason {
    /// The end that was to send it sent none that passed here, though other packets of it do.
    NeverSent,
    /// It was sent, but not to where the other end receives.
    SentElsewhere,
    /// Nothing at all of that end's host passes here.
    NotMirroredHere,
}

impl AudioReason {
    /// As reports name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NeverSent => "never_sent",
            Self::SentElsewhere => "sent_elsewhere",
            Self::NotMirroredHere => "not_mirrored_here",
        }
    }
}
