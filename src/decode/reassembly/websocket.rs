//! SIP in WebSocket messages ([RFC 7118](https://www.rfc-editor.org/rfc/rfc7118) over
//! [RFC 6455](https://www.rfc-editor.org/rfc/rfc6455)).

use crate::decode::sip;

/// Either side's opening handshake (RFC 6455 §4).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Handshake {
    /// A whole one of so many octets; frames follow.
    Complete {
        /// Octets up to the first frame.
        length: usize,
        /// True when the subprotocol is `sip` (RFC 7118 §4.1).
        sip: bool,
    },
    /// The beginning of something that may be one.
    Incomplete,
    /// Something else.
    None,
}

impl Handshake {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let starts = |start: &[u8]| bytes.starts_with(start) || start.starts_with(bytes);
        if !starts(b"GET ") && !starts(b"HTTP/1.1 101") {
            return Self::None;
        }
        let Some((head, length)) = sip::split_head(bytes) else { return Self::Incomplete };
        let (mut upgraded, mut sip) = (false, false);
        for (name, value) in head {
            upgraded |= name.eq_ignore_ascii_case(b"Upgrade") && value.eq_ignore_ascii_case(b"websocket");
            sip |= name.eq_ignore_ascii_case(b"Sec-WebSocket-Protocol")
                && value
                    .split(|octet| *octet == b',')
                    .any(|item| item.trim_ascii().eq_ignore_ascii_case(b"sip"));
        }
        if upgraded { Self::Complete { length, sip } } else { Self::None }
    }
}

/// One frame ([RFC 6455 §5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2)).
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    finished: bool,
    compressed: bool,
    opcode: u8,
    mask: Option<[u8; 4]>,
    payload: &'a [u8],
    /// Octets of header and payload.
    pub(super) length: usize,
}

/// What the front of a stream of frames holds.
pub(super) enum FramePrefix<'a> {
    Complete(Frame<'a>),
    /// No use in trying again before there are so many octets.
    Incomplete(usize),
    NotAFrame,
}

impl<'a> Frame<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> FramePrefix<'a> {
        let [first, second, rest @ ..] = bytes else { return FramePrefix::Incomplete(2) };
        let (finished, compressed, opcode) = (first & 0x80 != 0, first & 0x40 != 0, first & 0x0f);
        let control = opcode & 0x08 != 0;
        let reserved = first & 0x30 != 0 || !matches!(opcode, 0..=2 | 8..=10);
        let (length_octets, masked) = (second & 0x7f, second & 0x80 != 0);
        // RFC 6455 §5.5: control frames are short and whole.
        if reserved || control && (!finished || compressed || length_octets > 125) {
            return FramePrefix::NotAFrame;
        }
        let extended = match length_octets {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let header = 2 + extended + if masked { 4 } else { 0 };
        let Some((extension, rest)) = rest.split_at_checked(extended) else {
            return FramePrefix::Incomplete(header);
        };
        let length = if extended == 0 {
            usize::from(length_octets)
        } else {
            extension
                .iter()
                .fold(0_usize, |sum, octet| sum.saturating_mul(256).saturating_add((*octet).into()))
        };
        let total = header.saturating_add(length);
        let (mask, payload) = match (masked, rest.split_first_chunk::<4>()) {
            (true, Some((mask, payload))) => (Some(*mask), payload),
            (true, None) => return FramePrefix::Incomplete(total),
            (false, _) => (None, rest),
        };
        let Some(payload) = payload.get(..length) else { return FramePrefix::Incomplete(total) };
        FramePrefix::Complete(Self { finished, compressed, opcode, mask, payload, length: total })
    }

    const fn is_control(&self) -> bool {
        self.opcode & 0x08 != 0
    }

    fn octets(&self) -> impl Iterator<Item = u8> + use<'a> {
        let mask = self.mask.unwrap_or_default();
        self.payload.iter().zip(mask.into_iter().cycle()).map(|(octet, mask)| octet ^ mask)
    }
}

/// True when the bytes begin with a whole start line of SIP inside the first frame of a message: how a
/// connection is picked up whose handshake was not seen.
pub(super) fn carries_sip(bytes: &[u8]) -> bool {
    let [first, second, rest @ ..] = bytes else { return false };
    // Text or binary, uncompressed.
    if !matches!(first & 0x7f, 1 | 2) {
        return false;
    }
    let rest = rest
        .get(
            match second & 0x7f {
                126 => 2,
                127 => 8,
                _ => 0,
            }..,
        )
        .unwrap_or_default();
    if second & 0x80 == 0 {
        return sip::looks_like_sip(rest);
    }
    let Some((mask, masked)) = rest.split_first_chunk::<4>() else { return false };
    // Long enough for a start line, short enough for every segment that is none of ours.
    let line = masked.iter().zip(mask.iter().cycle()).map(|(octet, mask)| octet ^ mask);
    let line = line.take(512).collect::<arrayvec::ArrayVec<u8, 512>>();
    sip::looks_like_sip(&line)
}

/// A message being put together from its frames.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    message: Vec<u8>,
    compressed: bool,
}

/// What a frame completed.
pub(super) enum Assembled<'a> {
    /// Nothing: a control frame, or more is to come.
    Nothing,
    /// A message.
    Message(&'a [u8]),
    /// A message that is compressed.
    Unreadable,
    /// More than may be kept; it is gone.
    TooLong,
}

impl Assembly {
    pub(super) const fn buffered(&self) -> usize {
        self.message.capacity()
    }

    /// Takes the next frame. Control frames may come between the fragments of a message (RFC 6455 §5.4).
    pub(super) fn take(&mut self, frame: &Frame<'_>, max_octets: usize) -> Assembled<'_> {
        if frame.is_control() {
            return Assembled::Nothing;
        }
        if frame.opcode != 0 {
            self.message = Vec::new();
            self.compressed = frame.compressed;
        }
        if self.message.len() + frame.payload.len() > max_octets {
            self.message = Vec::new();
            return Assembled::TooLong;
        }
        self.message.extend(frame.octets());
        match (frame.finished, self.compressed) {
            (false, _) => Assembled::Nothing,
            (true, true) => Assembled::Unreadable,
            (true, false) => Assembled::Message(&self.message),
        }
    }

    /// Lets go of the message that was handed out.
    pub(super) fn clear(&mut self) {
        self.message = Vec::new();
    }
}
