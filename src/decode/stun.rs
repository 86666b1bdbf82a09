//! STUN, TURN and DTLS, told apart by the first byte
//! ([RFC 7983 §7](https://www.rfc-editor.org/rfc/rfc7983#section-7)).

use super::reader::{be16, be32};

/// STUN: type below 0x4000, the magic cookie
/// ([RFC 8489 §5](https://www.rfc-editor.org/rfc/rfc8489#section-5)).
#[must_use]
pub fn looks_like_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|&b| b < 4) && be32(datagram, 4) == Some(0x2112_a442)
}

/// DTLS: a record of content type 20…63 and version 1.x.
#[must_use]
pub fn looks_like_dtls(datagram: &[u8]) -> bool {
    matches!(datagram, [20..=63, 0xfe, _, ..])
}

/// What a TURN ChannelData message carries
/// ([RFC 8656 §12.4](https://www.rfc-editor.org/rfc/rfc8656#section-12.4)).
#[must_use]
pub fn channel_data(datagram: &[u8]) -> Option<&[u8]> {
    // RFC 8656 §12 allots channels 0x4000…0x4fff.
    if !(0x4000..=0x4fff).contains(&be16(datagram, 0)?) {
        return None;
    }
    let len = usize::from(be16(datagram, 2)?);
    let rest = datagram.get(4..)?;
    // Over UDP the message may be padded to a multiple of four, not more.
    if rest.len() < len || rest.len() > len + 3 {
        return None;
    }
    rest.get(..len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_data_gives_its_payload_and_nothing_else_does() {
        assert_eq!(channel_data(&[0x40, 1, 0, 2, 9, 8]), Some(&[9, 8][..]));
        assert_eq!(channel_data(&[0x40, 1, 0, 2, 9, 8, 0, 0]), Some(&[9, 8][..]));
        assert_eq!(channel_data(&[0x40, 1, 0, 2, 9, 8, 0, 0, 0, 0]), None);
        assert_eq!(channel_data(&[0x40, 1, 0, 3, 9, 8]), None);
        assert_eq!(channel_data(&[0x50, 1, 0, 2, 9, 8]), None);
        assert_eq!(channel_data(&[0x40, 1]), None);
    }
}
