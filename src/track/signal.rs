//! What signalling shows while it goes on, each thing told once: what metrics and KPIs are made of.

use std::sync::Arc;

use super::call::EndedBy;
use super::calls::Seen;
use crate::decode::Flow;
use crate::decode::sip::NameAddr;

/// Octets kept of a host name: no DNS name is longer.
const MAX_HOST: usize = 253;

/// Something that signalling showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalEvent {
    /// When, nanoseconds since the Unix epoch: packet time.
    pub time: i64,
    /// Between whom.
    pub parties: Arc<Parties>,
    /// What.
    pub what: Signal,
}

/// Who asked whom: what sites and peers are looked up by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Parties {
    /// From who asked (the caller, the phone) to who was asked.
    pub flow: Flow,
    /// The VLAN it was seen on; 0 without one.
    pub vlan: u16,
    /// Host of the asker's URI; empty where none is known.
    pub from_domain: Box<str>,
    /// Host of the URI of who was asked; empty where none is known.
    pub to_domain: Box<str>,
}

impl Parties {
    /// Those of a message: of a response, who asked is whom it goes to.
    #[must_use]
    pub fn of(seen: &Seen<'_>) -> Self {
        let host = |address: Option<NameAddr<'_>>| -> Box<str> {
            let host = address.and_then(|a| a.uri.host()).unwrap_or_default();
            String::from_utf8_lossy(host.get(..MAX_HOST).unwrap_or(host)).into()
        };
        let asks = seen.message.method().is_some();
        Self {
            flow: if asks { seen.flow } else { seen.flow.reversed() },
            vlan: seen.vlan,
            from_domain: host(seen.message.from()),
            to_domain: host(seen.message.to()),
        }
    }
}

/// What was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// A session request: the first INVITE of an attempt ([RFC 6076](https://www.rfc-editor.org/rfc/rfc6076) §4.6).
    /// Retries with credentials, re-INVITEs and retransmissions are none; a retry after a redirection is one.
    Attempted {
        /// A further leg of a call that was counted already (through a back-to-back user agent): it counts for
        /// its peer alone.
        hop: bool,
        /// The same two parties again within 2 min of an answered call that ended within 60 s.
        redial: bool,
    },
    /// What became of an attempt.
    Settled(Attempt),
    /// A call, all its legs together, is going on from now.
    Began,
    /// A call, all its legs together, is over.
    Ended {
        /// Who ended it; `None` where nobody did: it was refused, or timed out.
        by: Option<EndedBy>,
        /// It was answered.
        answered: bool,
    },
    /// An answered session is over.
    Session(Session),
    /// A request was sent again.
    Retransmitted(Method),
    /// A SIP response came from who was asked. Told at most once a second of an address.
    Answered,
    /// What became of a registration attempt; a challenge and its retry are one.
    Registration {
        /// First REGISTER of the attempt.
        start: i64,
        /// What became of it.
        result: RegistrationResult,
    },
    /// A device has a binding from now, and had none.
    Bound,
    /// A device has no binding any more.
    Unbound {
        /// It lapsed, with neither a refresh nor an unregister.
        expired: bool,
    },
    /// What became of an OPTIONS request.
    Options {
        /// When it was first sent.
        start: i64,
        /// What became of it.
        result: OptionsResult,
    },
    /// A phone said of a call what it received ([RFC 6035](https://www.rfc-editor.org/rfc/rfc6035)): who asks is
    /// that phone, at its media address.
    VoiceReport {
        /// Lost in the network, millionths.
        loss_ppm: Option<u32>,
        /// MOS-LQE, thousandths: 1000…5000.
        mos_lqe_milli: Option<u32>,
    },
}

/// What became of a session request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// First INVITE of the attempt, nanoseconds since the Unix epoch.
    pub start: i64,
    /// First provisional response but 100.
    pub ringing: Option<i64>,
    /// First 2xx.
    pub answer: Option<i64>,
    /// Final response.
    pub end: Option<i64>,
    /// Its status; `None`: there was none.
    pub status: Option<u16>,
    /// No final response came for as long as a caller waits (Timer B). With no status and without this, the
    /// input ended before the attempt did.
    pub timed_out: bool,
    /// The caller gave up.
    pub cancelled: bool,
    /// As in [`Signal::Attempted`].
    pub hop: bool,
}

/// An answered session that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// First 2xx to the INVITE, nanoseconds since the Unix epoch.
    pub answer: i64,
    /// Its end: BYE, last RTP packet, or the session's expiry.
    pub end: i64,
    /// First BYE.
    pub bye: Option<i64>,
    /// First 2xx to a BYE.
    pub bye_answer: Option<i64>,
    /// Who ended it.
    pub by: EndedBy,
    /// As in [`Signal::Attempted`].
    pub hop: bool,
}

/// What became of a registration attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationResult {
    /// A 2xx.
    Ok,
    /// Another final response: of challenges only the last one, with no retry.
    Rejected(u16),
    /// No final response within 32 s (Timer F).
    Timeout,
}

/// What became of an OPTIONS request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionsResult {
    /// Any final response but those of [`Self::Error`]: who answers 404 is alive.
    Answered,
    /// 408, 5xx or 6xx.
    Error(u16),
    /// No final response within 32 s (Timer F).
    Timeout,
}

/// Methods of the IANA registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names of the registry")]
pub enum Method {
    Ack,
    Bye,
    Cancel,
    Info,
    Invite,
    Message,
    Notify,
    Options,
    Prack,
    Publish,
    Refer,
    Register,
    Subscribe,
    Update,
    /// Any other token.
    Other,
}

impl Method {
    /// Every method, in the order in which they are counted.
    pub const ALL: [Self; 15] = [
        Self::Ack,
        Self::Bye,
        Self::Cancel,
        Self::Info,
        Self::Invite,
        Self::Message,
        Self::Notify,
        Self::Options,
        Self::Prack,
        Self::Publish,
        Self::Refer,
        Self::Register,
        Self::Subscribe,
        Self::Update,
        Self::Other,
    ];

    /// As it is sent; `other` for what is not registered.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Info => "INFO",
            Self::Invite => "INVITE",
            Self::Message => "MESSAGE",
            Self::Notify => "NOTIFY",
            Self::Options => "OPTIONS",
            Self::Prack => "PRACK",
            Self::Publish => "PUBLISH",
            Self::Refer => "REFER",
            Self::Register => "REGISTER",
            Self::Subscribe => "SUBSCRIBE",
            Self::Update => "UPDATE",
            Self::Other => "other",
        }
    }

    /// The method that a token names: methods are in capitals ([RFC 3261 §7.1](https://www.rfc-editor.org/rfc/rfc3261#section-7.1)).
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self::ALL.into_iter().find(|m| *m != Self::Other && m.name() == token).unwrap_or(Self::Other)
    }
}
