//! One datagram as RTP, whole and cut short, bare and in a TURN channel.
#![no_main]

use clearline::decode::{RtpPacket, channel_data};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = RtpPacket::parse(data, data.len());
    let _ = RtpPacket::parse(data, 1500);
    let _ = channel_data(data).map(|inner| RtpPacket::parse(inner, inner.len()));
});
