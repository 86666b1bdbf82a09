//! One session description.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clearline::decode::sdp::Sdp::parse(data);
});
