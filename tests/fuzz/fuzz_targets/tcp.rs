//! Segments of one connection as a byte stream of SIP, and the same bytes as SCTP.
#![no_main]

use clearline::decode::reassembly::{Segment, Settings, StreamReassembly};

libfuzzer_sys::fuzz_target!(|input: Vec<(u16, u8, u8, Vec<u8>)>| {
    let mut streams = StreamReassembly::new(Settings { max_buffered_octets: 4096, ..Settings::default() });
    for (time, (seq, flags, missing, payload)) in input.iter().enumerate() {
        let (syn, fin, rst) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
        let segment =
            Segment { seq: u32::from(*seq), syn, fin, rst, payload, missing: usize::from(*missing) };
        streams.handle_segment(flags >> 6, time as i64 * 1_000_000_000, &segment, &mut |_| {});
        streams.handle_sctp(flags >> 6, payload, &mut |_| {});
    }
    streams.flush(&mut |_| {});
});
