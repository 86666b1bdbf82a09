//! One SIP message: start line, header fields, body.

use super::address::{NameAddr, first_value};
use super::body::{Bodies, Wanted};
use super::headers::{Headers, Lines, Reason, SessionExpires, Values, Warning, is_named, split_field};
use super::malformed::{Defects, Malformed};
use super::start_line::{StartLine, could_begin, skip_line_ends, split_line};
use super::text::{is_blank, number, split_while, trim};
use super::via::Via;

/// A request or a response, borrowed from the bytes it was parsed from.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    start: StartLine<'a>,
    head: &'a [u8],
    known: Known<'a>,
    body: &'a [u8],
    defects: Defects,
}

/// What the front of a byte stream holds.
#[derive(Debug, Clone)]
pub enum Prefix<'a> {
    /// A whole message, and the octets it takes up, CRLFs before it included.
    Complete {
        /// The message; its body is as long as `Content-Length` says.
        message: Message<'a>,
        /// Octets from the start of the stream to the end of the message.
        length: usize,
    },
    /// Perhaps a message, not yet whole.
    Incomplete {
        /// No use in trying again before the stream has this many octets.
        at_least: usize,
        /// True when only body is missing.
        headers_complete: bool,
    },
    /// The first line is none of SIP's.
    NotSip,
}

/// The number and method of a `CSeq` ([RFC 3261 §20.16](https://www.rfc-editor.org/rfc/rfc3261#section-20.16)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// Below 2³¹ by the standard, any 32 bits here.
    pub number: u32,
    /// The method of the request that this message is or answers.
    pub method: &'a str,
}

impl<'a> Message<'a> {
    /// Reads one datagram: without a `Content-Length` the body is all that follows the headers, and what goes
    /// beyond it is no part of the message ([RFC 3261 §18.3](https://www.rfc-editor.org/rfc/rfc3261#section-18.3)).
    ///
    /// # Errors
    ///
    /// [`Malformed::StartLine`] when the bytes are not SIP. All else that is wrong is in [`Self::defects`].
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Malformed> {
        let (mut message, rest) = Self::parse_head(datagram).ok_or(Malformed::StartLine)?;
        match message.content_length() {
            Some(length) => {
                let (body, more) = rest.split_at_checked(length).unwrap_or((rest, &[]));
                message.body = body;
                message.defects.insert_if(body.len() < length, Malformed::BodyShort);
                message.defects.insert_if(!more.is_empty(), Malformed::BodyLong);
            }
            None => message.body = rest,
        }
        Ok(message)
    }

    /// Reads the front of a byte stream, where `Content-Length` alone says how long a body is: none without
    /// one (RFC 3261 §18.3, §20.14).
    pub fn parse_prefix(stream: &'a [u8]) -> Prefix<'a> {
        if !could_begin(stream) {
            return Prefix::NotSip;
        }
        let unknown = Prefix::Incomplete { at_least: stream.len() + 1, headers_complete: false };
        let Some((mut message, rest)) = Self::parse_head(stream) else { return unknown };
        if message.defects.contains(Malformed::HeaderEnd) {
            return unknown;
        }
        message.defects.insert_if(message.known.content_length.is_none(), Malformed::ContentLength);
        let length = message.content_length().unwrap_or_default();
        let front = stream.len() - rest.len();
        let Some((body, _)) = rest.split_at_checked(length) else {
            return Prefix::Incomplete { at_least: front.saturating_add(length), headers_complete: true };
        };
        message.body = body;
        Prefix::Complete { message, length: front + length }
    }

    fn parse_head(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (line, rest) = split_line(skip_line_ends(bytes));
        let start = StartLine::parse(line)?;
        let head = rest.unwrap_or_default();
        let (mut known, mut defects) = (Known::default(), Defects::default());
        let mut lines = Lines::new(head);
        for line in lines.by_ref() {
            match split_field(line) {
                Some((name, value)) => known.note(name, value, &mut defects),
                None => defects.insert(Malformed::HeaderLine),
            }
        }
        defects.insert_if(!lines.ended, Malformed::HeaderEnd);
        let message = Self { start, head, known, body: &[], defects };
        let defects = message.missing_or_bad(defects);
        Some((Self { defects, ..message }, lines.rest()))
    }

    fn missing_or_bad(&self, mut defects: Defects) -> Defects {
        let known = &self.known;
        defects.insert_if(known.call_id.is_none(), Malformed::MissingCallId);
        defects.insert_if(known.from.is_none(), Malformed::MissingFrom);
        defects.insert_if(known.to.is_none(), Malformed::MissingTo);
        defects.insert_if(known.via.is_none(), Malformed::MissingVia);
        defects.insert_if(known.cseq.is_none(), Malformed::MissingCSeq);
        let agrees = |cseq: CSeq<'_>| self.method().is_none_or(|method| method == cseq.method);
        defects.insert_if(known.cseq.is_some() && !self.cseq().is_some_and(agrees), Malformed::BadCSeq);
        let bad_length = known.content_length.is_some() && self.content_length().is_none();
        defects.insert_if(bad_length, Malformed::ContentLength);
        defects
    }

    /// What is wrong with this message. It counts all the same.
    pub const fn defects(&self) -> Defects {
        self.defects
    }

    /// The first line.
    pub const fn start_line(&self) -> StartLine<'a> {
        self.start
    }

    /// The method of a request, as sent; `None` for a response.
    pub const fn method(&self) -> Option<&'a str> {
        match self.start {
            StartLine::Request { method, .. } => Some(method),
            StartLine::Status { .. } => None,
        }
    }

    /// The Request-URI of a request.
    pub const fn request_uri(&self) -> Option<super::Uri<'a>> {
        match self.start {
            StartLine::Request { uri, .. } => Some(super::Uri(uri)),
            StartLine::Status { .. } => None,
        }
    }

    /// The status code of a response, 0 to 999.
    pub const fn status(&self) -> Option<u16> {
        match self.start {
            StartLine::Status { code, .. } => Some(code),
            StartLine::Request { .. } => None,
        }
    }

    /// The reason phrase of a response; may be empty, not always UTF-8.
    pub const fn reason_phrase(&self) -> Option<&'a [u8]> {
        match self.start {
            StartLine::Status { reason, .. } => Some(reason),
            StartLine::Request { .. } => None,
        }
    }

    /// `Call-ID`, compared octet by octet (RFC 3261 §20.8).
    pub const fn call_id(&self) -> Option<&'a [u8]> {
        self.known.call_id
    }

    /// `CSeq`.
    pub fn cseq(&self) -> Option<CSeq<'a>> {
        let (digits, rest) = split_while(self.known.cseq?, |octet| octet.is_ascii_digit());
        let separated = rest.first().is_some_and(|octet| is_blank(*octet));
        let method = str::from_utf8(trim(rest)).ok().filter(|method| separated && !method.is_empty())?;
        Some(CSeq { number: number(digits)?, method })
    }

    /// `From`: who began the dialog.
    pub fn from(&self) -> Option<NameAddr<'a>> {
        self.known.from.map(NameAddr::parse)
    }

    /// `To`: whom the dialog was begun with.
    pub fn to(&self) -> Option<NameAddr<'a>> {
        self.known.to.map(NameAddr::parse)
    }

    /// The topmost `Via`: who sent this message last.
    pub fn via(&self) -> Option<Via<'a>> {
        self.known.via.and_then(Via::parse)
    }

    /// Every `Via`, topmost first; the last one is who sent the request first.
    pub fn vias(&self) -> impl Iterator<Item = Via<'a>> + use<'a> {
        self.values("Via").filter_map(Via::parse)
    }

    /// The first `Contact`.
    pub fn contact(&self) -> Option<NameAddr<'a>> {
        self.known.contact.map(|value| NameAddr::parse(first_value(value)))
    }

    /// Every `Contact`.
    pub fn contacts(&self) -> impl Iterator<Item = NameAddr<'a>> + use<'a> {
        self.values("Contact").map(NameAddr::parse)
    }

    /// `Content-Type` with its parameters.
    pub const fn content_type(&self) -> Option<&'a [u8]> {
        self.known.content_type
    }

    /// `Content-Length` in octets, as sent; `None` when absent or no number.
    pub fn content_length(&self) -> Option<usize> {
        number(self.known.content_length?)
    }

    /// `Content-Encoding`: when there is one the body cannot be read as it is.
    pub fn content_encoding(&self) -> Option<&'a [u8]> {
        self.header("Content-Encoding")
    }

    /// `User-Agent`, or `Server` in what answers.
    pub fn user_agent(&self) -> Option<&'a [u8]> {
        self.header("User-Agent").or_else(|| self.header("Server"))
    }

    /// `Expires` in seconds; a `Contact` may have a parameter of its own that wins (RFC 3261 §10.2.1.1).
    pub fn expires(&self) -> Option<u32> {
        number(self.header("Expires")?)
    }

    /// `Session-Expires`.
    pub fn session_expires(&self) -> Option<SessionExpires<'a>> {
        SessionExpires::parse(self.header("Session-Expires")?)
    }

    /// Every `Reason`: at most one a protocol by the standard.
    pub fn reasons(&self) -> impl Iterator<Item = Reason<'a>> + use<'a> {
        self.values("Reason").map(Reason::parse)
    }

    /// Every `Warning`.
    pub fn warnings(&self) -> impl Iterator<Item = Warning<'a>> + use<'a> {
        self.values("Warning").filter_map(Warning::parse)
    }

    /// All header fields in order.
    pub const fn headers(&self) -> Headers<'a> {
        Headers(Lines::new(self.head))
    }

    /// The first field of this (long) name, whole: commas are not looked at.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers().find(|(found, _)| is_named(found, name)).map(|(_, value)| value)
    }

    /// Every value of this (long) name, over repeated fields and commas. Not for fields whose grammar is no
    /// list (`Date`, `Subject`, `Authorization` …): a comma there is text.
    pub const fn values(&self, name: &'static str) -> Values<'a> {
        Values::new(self.headers(), name)
    }

    /// The body; empty when there is none.
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Every session description in the body, alone or in a multipart.
    pub fn sdp_bodies(&self) -> Bodies<'a> {
        Bodies::new(Wanted::Sdp, self.content_type(), self.body)
    }

    /// Every voice quality report in the body ([RFC 6035](https://www.rfc-editor.org/rfc/rfc6035)), alone or in a
    /// multipart: for [`VoiceQuality::parse`](super::VoiceQuality::parse).
    pub fn voice_quality_bodies(&self) -> Bodies<'a> {
        Bodies::new(Wanted::VoiceQuality, self.content_type(), self.body)
    }
}

/// The first field of each header that nearly every use of a message asks for; the rest is found when asked.
#[derive(Debug, Clone, Copy, Default)]
struct Known<'a> {
    call_id: Option<&'a [u8]>,
    cseq: Option<&'a [u8]>,
    from: Option<&'a [u8]>,
    to: Option<&'a [u8]>,
    via: Option<&'a [u8]>,
    contact: Option<&'a [u8]>,
    content_type: Option<&'a [u8]>,
    content_length: Option<&'a [u8]>,
}

impl<'a> Known<'a> {
    fn note(&mut self, name: &[u8], value: &'a [u8], defects: &mut Defects) {
        let is = |long: &[u8]| name.eq_ignore_ascii_case(long);
        // The length leaves two candidates at most, so that a name costs about one comparison.
        let slot = match name.len() {
            1 => match name.first().map_or(0, u8::to_ascii_lowercase) {
                b'i' => &mut self.call_id,
                b'f' => &mut self.from,
                b't' => &mut self.to,
                b'v' => &mut self.via,
                b'm' => &mut self.contact,
                b'c' => &mut self.content_type,
                b'l' => return self.note_content_length(value, defects),
                _ => return,
            },
            2 if is(b"to") => &mut self.to,
            3 if is(b"via") => &mut self.via,
            4 if is(b"from") => &mut self.from,
            4 if is(b"cseq") => &mut self.cseq,
            7 if is(b"call-id") => &mut self.call_id,
            7 if is(b"contact") => &mut self.contact,
            12 if is(b"content-type") => &mut self.content_type,
            14 if is(b"content-length") => return self.note_content_length(value, defects),
            _ => return,
        };
        slot.get_or_insert(value);
    }

    fn note_content_length(&mut self, value: &'a [u8], defects: &mut Defects) {
        let first = self.content_length.get_or_insert(value);
        defects.insert_if(*first != value, Malformed::ContentLength);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INVITE: &[u8] = b"INVITE sip:bob@example.com SIP/2.0\r\n\
        Via: SIP/2.0/UDP pc33;branch=z9hG4bK77\r\n\
        v: SIP/2.0/UDP a, SIP/2.0/TCP b\r\n\
        From: Alice <sip:alice@example.com>;tag=1\r\n\
        t: <sip:bob@example.com>\r\n\
        i: a84b4c76e66710\r\n\
        CSEQ : 314159\r\n INVITE\r\n\
        Contact: \"A, B\" <sip:a@b>, <sip:c@d>\r\n\
        Reason: SIP;cause=200, Q.850;cause=16\r\n\
        x: 90;refresher=uac\r\n\
        Content-Type: application/sdp\r\n\
        Content-Length: 5\r\n\r\n\
        v=0\r\n";

    #[test]
    fn a_request_tells_who_calls_whom() {
        let message = Message::parse(INVITE).unwrap();
        assert!(message.defects().is_empty(), "{:?}", message.defects());
        assert_eq!((message.method(), message.status()), (Some("INVITE"), None));
        assert_eq!(message.request_uri().unwrap().user(), Some(&b"bob"[..]));
        assert_eq!(message.call_id(), Some(&b"a84b4c76e66710"[..]));
        assert_eq!(message.cseq(), Some(CSeq { number: 314_159, method: "INVITE" }));
        assert_eq!(message.from().unwrap().display_name, Some(&b"Alice"[..]));
        assert_eq!((message.from().unwrap().tag(), message.to().unwrap().tag()), (Some(&b"1"[..]), None));
        assert_eq!(message.via().unwrap().host, b"pc33");
        assert_eq!(message.vias().map(|via| via.host).collect::<Vec<_>>(), [&b"pc33"[..], b"a", b"b"]);
        assert_eq!(message.contacts().count(), 2);
        assert_eq!(message.reasons().filter_map(|reason| reason.cause).collect::<Vec<_>>(), [200, 16]);
        assert_eq!(message.session_expires().unwrap().seconds, 90);
        assert_eq!(message.sdp_bodies().collect::<Vec<_>>(), [b"v=0\r\n"]);
    }

    #[test]
    fn a_body_is_as_long_as_content_length_says_if_it_is_there() {
        let message = |length: &str| format!("BYE sip:a SIP/2.0\r\nl: {length}\r\n\r\n12345").into_bytes();
        let parse = |length: &str| {
            let bytes = message(length);
            let message = Message::parse(&bytes).unwrap();
            let defects = message.defects();
            let of_body = [Malformed::BodyShort, Malformed::BodyLong, Malformed::ContentLength];
            (message.body().len(), of_body.map(|reason| defects.contains(reason)))
        };
        assert_eq!(parse("5"), (5, [false; 3]));
        assert_eq!(parse("9"), (5, [true, false, false]));
        assert_eq!(parse("3"), (3, [false, true, false]));
        assert_eq!(parse("-999"), (5, [false, false, true]));
        assert_eq!(parse("3\r\nContent-Length: 5"), (3, [false, true, true]));
    }

    #[test]
    fn lines_may_end_in_a_bare_line_feed() {
        let bytes = INVITE.to_vec().into_iter().filter(|octet| *octet != b'\r').collect::<Vec<_>>();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.cseq().unwrap().number, 314_159);
        assert_eq!(message.sdp_bodies().next(), Some(&b"v=0\n"[..]));
    }

    #[test]
    fn a_message_with_bad_headers_is_still_one() {
        let message =
            Message::parse(b"ACK sip:a@b SIP/2.0\r\nno colon\r\n: no name\r\nCSeq: 1 INVITE\r\n").unwrap();
        let defects = message.defects().iter().collect::<Vec<_>>();
        use Malformed as M;
        let missing = [M::MissingCallId, M::BadCSeq, M::MissingFrom, M::MissingTo, M::MissingVia];
        assert_eq!(defects, [&[M::HeaderLine, M::HeaderEnd], &missing[..]].concat());
        assert_eq!(Message::parse(b"\x80\x08").unwrap_err(), M::StartLine);
    }

    #[test]
    fn in_a_stream_a_message_ends_where_content_length_says() {
        let stream = [b"\r\n\r\n", INVITE, b"BYE"].concat();
        for end in 0..stream.len() - 3 {
            let Prefix::Incomplete { at_least, .. } = Message::parse_prefix(&stream[..end]) else {
                panic!("{end}")
            };
            assert!(at_least > end && at_least <= INVITE.len() + 4);
        }
        let Prefix::Complete { length, .. } = Message::parse_prefix(&stream) else { panic!() };
        assert_eq!(length, INVITE.len() + 4);
        assert!(matches!(Message::parse_prefix(b"\x16\x03\x01"), Prefix::NotSip));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(junk in proptest::collection::vec(any::<u8>(), 0..200), at in 0..600_usize) {
            let mut bytes = INVITE.to_vec();
            let at = at.min(bytes.len());
            bytes.splice(at..(at + junk.len() / 2).min(bytes.len()), junk.iter().copied());
            for bytes in [&bytes, &junk] {
                let _ = Message::parse_prefix(bytes);
                let Ok(message) = Message::parse(bytes) else { continue };
                let _ = (message.cseq(), message.via(), message.session_expires(), message.expires());
                let _ = message.from().map(|from| (from.tag(), from.uri.user(), from.uri.host(), from.uri.port()));
                let _ = (message.headers().count(), message.contacts().count(), message.vias().count());
                let _ = (message.warnings().count(), message.reasons().count(), message.sdp_bodies().count());
            }
        }
    }
}
