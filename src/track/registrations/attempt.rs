//! A registration attempt: what was asked, and how far it has come.

use std::net::IpAddr;
use std::sync::Arc;

use super::names::{aor, contact_key, device_key, text};
use crate::decode::Flow;
use crate::decode::sip::{Message, NameAddr, Via};
use crate::track::call::SipTransport;
use crate::track::calls::Seen;
use crate::track::repeats::hashed;
use crate::track::signal::Parties;

/// A REGISTER with credentials goes on with one whose challenge was not seen, this long after it, ns.
const RETRY_WITHIN: i64 = 10_000_000_000;
/// Challenges of one attempt that called its credentials stale; more are a loop.
const MAX_STALE: u8 = 4;
/// Contacts of one REGISTER; more are an attack.
const MAX_CONTACTS: usize = 8;
/// Contacts of a response looked at for the one that was asked for.
const MAX_LISTED: usize = 64;
/// Seconds a binding lasts where nobody says ([RFC 3261 §10.2](https://www.rfc-editor.org/rfc/rfc3261#section-10.2)
/// leaves it to the registrar; §10.3 takes this for what is malformed).
const DEFAULT_EXPIRES: u32 = 3600;
/// The port of `sip:` ([RFC 3261 §19.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-19.1.2)).
const SIP_PORT: u16 = 5060;

/// An attempt without its result.
#[derive(Debug)]
pub(super) struct Attempt {
    /// First REGISTER. Never changes.
    pub start: i64,
    /// The first hop that was seen of the last REGISTER.
    pub flow: Flow,
    pub parties: Arc<Parties>,
    pub progress: Progress,
    pub asked: Asked,
    /// Of the last REGISTER.
    cseq: u32,
    /// When the last REGISTER was first sent.
    sent: i64,
    challenged_by: Vec<u16>,
    stale: u8,
}

#[derive(Debug)]
pub(super) enum Progress {
    /// No final response yet.
    Waiting,
    /// Asked to try again otherwise.
    Challenged { status: u16, reason: String },
}

/// What a REGISTER is to the attempt of its Call-ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The same request again, under another branch.
    SentAgain,
    /// A retry.
    GoesOn,
    /// The attempt was given up; this is another.
    Anew,
}

impl Attempt {
    pub fn begun(cseq: u32, seen: &Seen<'_>) -> Self {
        Self {
            start: seen.time,
            flow: seen.flow,
            parties: Arc::new(Parties::of(seen)),
            progress: Progress::Waiting,
            asked: Asked::of(seen),
            cseq,
            sent: seen.time,
            challenged_by: Vec::new(),
            stale: 0,
        }
    }

    pub fn next(&self, cseq: u32, seen: &Seen<'_>) -> Next {
        if matches!(self.progress, Progress::Challenged { .. }) {
            return Next::GoesOn;
        }
        if cseq == self.cseq {
            return Next::SentAgain;
        }
        // No response was seen. Credentials show that there was a challenge; without them, the sender has lost
        // patience before Timer F did.
        let soon = seen.time.saturating_sub(self.sent) < RETRY_WITHIN;
        if soon && has_credentials(seen.message) { Next::GoesOn } else { Next::Anew }
    }

    pub fn go_on(&mut self, cseq: u32, seen: &Seen<'_>) {
        self.progress = Progress::Waiting;
        self.asked = Asked::of(seen);
        self.flow = seen.flow;
        (self.cseq, self.sent) = (cseq, seen.time);
    }

    /// Whether a response is to the last REGISTER, and on its way to who asked: on other hops it may be
    /// another one, as when a proxy tries a second registrar.
    pub fn awaits(&self, cseq: u32, seen: &Seen<'_>) -> bool {
        cseq == self.cseq
            && matches!(self.progress, Progress::Waiting)
            && seen.flow.dst.address == self.flow.src.address
    }

    /// Whether a response asks for a retry. The same one twice is a refusal of what was tried, unless only
    /// the nonce was too old ([RFC 3261 §22.4](https://www.rfc-editor.org/rfc/rfc3261#section-22.4)).
    pub fn may_retry_after(&mut self, status: u16, message: &Message<'_>) -> bool {
        if !matches!(status, 401 | 407 | 423) {
            return false;
        }
        if !self.challenged_by.contains(&status) {
            return true;
        }
        self.stale += 1;
        self.stale <= MAX_STALE && is_stale(message)
    }

    pub fn challenge(&mut self, status: u16, reason: String) {
        if !self.challenged_by.contains(&status) {
            self.challenged_by.push(status);
        }
        self.progress = Progress::Challenged { status, reason };
    }
}

fn has_credentials(message: &Message<'_>) -> bool {
    message.header("Authorization").or_else(|| message.header("Proxy-Authorization")).is_some()
}

fn is_stale(message: &Message<'_>) -> bool {
    let challenge = message.header("WWW-Authenticate").or_else(|| message.header("Proxy-Authenticate"));
    let says = |value: &[u8]| {
        let value: Vec<u8> =
            value.iter().filter(|o| !b" \t\"".contains(o)).map(u8::to_ascii_lowercase).collect();
        memchr::memmem::find(&value, b"stale=true").is_some()
    };
    challenge.is_some_and(says)
}

/// What a REGISTER asks for.
#[derive(Debug)]
pub(super) struct Asked {
    /// User and host of `To`.
    pub aor: String,
    /// Number of the address-of-record.
    pub aor_key: u64,
    /// Number of the Call-ID under this address-of-record.
    pub call_key: u64,
    /// None: only the present bindings are asked for.
    pub contacts: Vec<AskedContact>,
    /// `Contact: *` with `Expires: 0`.
    pub removes_all: bool,
    pub user_agent: Option<String>,
    pub transport: SipTransport,
    pub behind_nat: bool,
}

/// One contact of a REGISTER.
#[derive(Debug)]
pub(super) struct AskedContact {
    pub uri: String,
    /// Number of the contact under its address-of-record.
    pub key: u64,
    /// Number of the device under its address-of-record, where it names itself.
    pub device: Option<u64>,
    /// Seconds asked for; 0: unregister.
    pub expires: u32,
}

impl Asked {
    fn of(seen: &Seen<'_>) -> Self {
        let message = seen.message;
        let aor = aor(message).unwrap_or_default();
        let aor_key = hashed(&aor);
        let is_star = |c: &NameAddr<'_>| c.uri.as_bytes() == b"*";
        let expires = message.expires();
        let contact = |c: NameAddr<'_>| AskedContact {
            uri: text(c.uri.as_bytes()),
            key: contact_key(aor_key, c.uri),
            device: device_key(aor_key, &c),
            expires: expires_param(&c).or(expires).unwrap_or(DEFAULT_EXPIRES),
        };
        Self {
            aor_key,
            call_key: hashed((aor_key, message.call_id())),
            contacts: message.contacts().take(MAX_CONTACTS).filter(|c| !is_star(c)).map(contact).collect(),
            removes_all: message.contact().is_some_and(|c| is_star(&c)) && expires == Some(0),
            user_agent: message.user_agent().map(text),
            transport: seen.transport,
            behind_nat: is_behind_nat(seen),
            aor,
        }
    }

    /// Seconds that a 2xx grants a contact: of its own parameter there, else of the response, else as asked.
    /// Registrars and what is in between may write a contact otherwise than it was sent: then its device
    /// tells, or that there is no other.
    pub fn granted(&self, contact: &AskedContact, response: &Message<'_>) -> u32 {
        if contact.expires == 0 {
            return 0;
        }
        let listed = || response.contacts().take(MAX_LISTED);
        let same = |c: &NameAddr<'_>| contact_key(self.aor_key, c.uri) == contact.key;
        let same_device =
            |c: &NameAddr<'_>| contact.device.is_some() && device_key(self.aor_key, c) == contact.device;
        let sole = || (self.contacts.len() == 1 && listed().count() == 1).then(|| listed().next()).flatten();
        let matching = listed().find(same).or_else(|| listed().find(same_device)).or_else(sole);
        let own = matching.and_then(|c| expires_param(&c));
        own.or_else(|| response.expires()).unwrap_or(contact.expires)
    }
}

/// `expires` of a contact; more than 2³²−1 s is that much.
fn expires_param(contact: &NameAddr<'_>) -> Option<u32> {
    let digits = contact.params.find("expires")?.trim_ascii();
    let number: u64 = str::from_utf8(digits).ok()?.parse().ok()?;
    Some(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Whether a REGISTER shows that its sender is known elsewhere by another address: it gives one, as contact
/// or in its `Via`, that is not where the packet comes from.
fn is_behind_nat(seen: &Seen<'_>) -> bool {
    let mut hops = seen.message.vias();
    let (first, through_proxy) = (hops.next(), hops.next().is_some());
    if through_proxy {
        // The packet is a proxy's: only what the proxy saw tells.
        return seen.message.vias().last().is_some_and(|via| saw_another_address(&via));
    }
    let elsewhere = |host: &[u8]| address(host).is_some_and(|ip| ip != seen.flow.src.address.ip());
    let contact = seen.message.contact().and_then(|c| c.uri.host());
    contact.is_some_and(elsewhere) || first.is_some_and(|via| elsewhere(via.host))
}

/// Whether the next hop saw another address than the sender of a request gave
/// ([RFC 3581 §4](https://www.rfc-editor.org/rfc/rfc3581#section-4)). Ports tell over UDP alone: connections
/// come from any.
pub(super) fn saw_another_address(via: &Via<'_>) -> bool {
    let received = via.received().and_then(address);
    let other_host = received.zip(address(via.host)).is_some_and(|(saw, said)| saw != said);
    let is_udp = via.transport.eq_ignore_ascii_case(b"UDP");
    other_host || is_udp && via.rport().is_some_and(|port| port != via.port.unwrap_or(SIP_PORT))
}

/// The address a host is, if it is one of a host at all: no name, nor `0.0.0.0`.
fn address(host: &[u8]) -> Option<IpAddr> {
    let ip: IpAddr = str::from_utf8(host).ok()?.parse().ok()?;
    (!ip.is_unspecified()).then_some(ip.to_canonical())
}
