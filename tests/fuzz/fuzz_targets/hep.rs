//! One HEP packet.
#![no_main]

use clearline::decode::Hep;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = (Hep::looks_like(data), Hep::parse(data));
});
