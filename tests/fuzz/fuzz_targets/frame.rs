//! A frame of any link type; several, so that fragments meet.
#![no_main]

use clearline::decode::{Decoder, Settings};
use probes::{Frame, LinkType};

const LINKS: [u16; 14] = [0, 1, 9, 12, 14, 101, 105, 108, 113, 127, 228, 229, 239, 276];

libfuzzer_sys::fuzz_target!(|input: (u8, Vec<Vec<u8>>)| {
    let mut decoder = Decoder::new(Settings::default());
    let link = LinkType(LINKS[usize::from(input.0) % LINKS.len()]);
    for data in &input.1 {
        decoder.decode(&Frame { link, data, ..Frame::default() });
    }
});
