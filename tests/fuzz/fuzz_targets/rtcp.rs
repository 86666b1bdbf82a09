//! One datagram as RTCP.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clearline::decode::RtcpPackets::new(data).for_each(drop);
});
