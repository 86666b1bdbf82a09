use super::*;
use proptest::prelude::*;

fn message(call_id: &str, body: &str) -> String {
    format!(
        "MESSAGE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:b@b>\r\nCall-ID: {call_id}\r\nCSeq: 1 MESSAGE\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// One TCP direction as the probe sees it; sequence numbers count from 0, the ISN is −1.
struct Tap {
    streams: StreamReassembly<u8>,
    got: Vec<String>,
    time_ns: i64,
}

impl Tap {
    fn new(settings: Settings) -> Self {
        Self { streams: StreamReassembly::new(settings), got: Vec::new(), time_ns: 0 }
    }

    fn segment(&mut self, key: u8, segment: &Segment<'_>) -> &mut Self {
        let got = &mut self.got;
        self.streams.handle_segment(key, self.time_ns, segment, &mut |message| {
            got.push(String::from_utf8_lossy(message).into_owned());
        });
        self
    }

    fn syn(&mut self) -> &mut Self {
        self.segment(0, &Segment { seq: u32::MAX, syn: true, ..Segment::default() })
    }

    fn data(&mut self, seq: usize, payload: impl AsRef<[u8]>) -> &mut Self {
        self.segment(
            0,
            &Segment { seq: u32::try_from(seq).unwrap(), payload: payload.as_ref(), ..Segment::default() },
        )
    }

    fn flush(&mut self) -> &mut Self {
        let got = &mut self.got;
        self.streams.flush(&mut |message| got.push(String::from_utf8_lossy(message).into_owned()));
        self
    }
}

fn tap() -> Tap {
    Tap::new(Settings::default())
}

#[test]
fn messages_share_segments_and_span_them() {
    let (one, two, three) = (message("1", "x"), message("2", ""), message("3", "long body"));
    let all = format!("\r\n\r\n{one}\r\n\r\n{two}{three}");
    for size in [1, 7, 97, 10_000] {
        let mut tap = tap();
        tap.syn();
        for (at, piece) in all.as_bytes().chunks(size).enumerate() {
            tap.data(at * size, piece);
        }
        assert_eq!(tap.got, [&*one, &*two, &*three], "{size}");
        assert_eq!(tap.streams.buffered_octets(), 0);
    }
}

#[test]
fn a_retransmission_counts_once_also_when_it_is_cut_differently() {
    let (one, two) = (message("1", "x"), message("2", "y"));
    let all = format!("{one}{two}");
    let mut tap = tap();
    tap.syn().data(0, &one).data(0, &one).data(100, &all.as_bytes()[100..]).data(0, &all).syn().data(0, &all);
    assert_eq!(tap.got, [one, two]);
}

#[test]
fn a_connection_is_picked_up_at_a_message_but_not_elsewhere() {
    let (one, two) = (message("1", "x"), message("2", "y"));
    let mut tap = tap();
    tap.data(1000, "rest of a message").data(5000, &one).data(5000 + one.len(), &two);
    assert_eq!(tap.got, [one, two]);
    assert_eq!(tap.streams.counters().holes, 0);
}

#[test]
fn other_protocols_leave_nothing_behind() {
    let mut tap = tap();
    for payload in [
        "\x16\x03\x01\x02\x00",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "SSH-2.0-x\r\n",
        "MSRP a SEND\r\n",
        "\x00\x01",
    ] {
        tap.syn().data(0, payload).data(payload.len(), [7; 1000]);
        assert_eq!((tap.streams.flows(), tap.streams.buffered_octets()), (0, 0), "{payload}");
    }
}

#[test]
fn after_a_hole_reading_goes_on_at_the_next_message() {
    let messages = ["1", "2", "3"].map(|call_id| message(call_id, "some body\r\n"));
    let all = messages.concat();
    let length = messages[0].len();
    // The middle of the second message is never seen.
    let mut tap = tap();
    tap.syn().data(0, &all.as_bytes()[..length + 50]).data(2 * length - 3, &all.as_bytes()[2 * length - 3..]);
    assert_eq!(tap.got, messages[..1]);
    tap.flush();
    assert_eq!(tap.got, [&*messages[0], &*messages[2]]);
    assert_eq!(tap.streams.counters().holes, 1);
}

#[test]
fn a_hole_is_given_up_when_the_next_segment_comes_late() {
    let messages = ["1", "2", "3"].map(|call_id| message(call_id, ""));
    let length = messages[0].len();
    let mut tap = tap();
    tap.syn().data(length, &messages[1]);
    tap.time_ns = Settings::default().hole_patience_ns + 1;
    tap.data(2 * length, &messages[2]);
    assert_eq!(tap.got, messages[1..]);
}

#[test]
fn a_start_line_in_a_body_is_no_message_even_after_a_hole() {
    let fragment = message("1", "SIP/2.0 200 OK\r\nTo: x\r\n");
    let next = message("2", "");
    let all = format!("{fragment}{next}");
    let body = fragment.len() - 24;
    for lost in [10..50, 30..body - 4, body - 4..body] {
        let mut tap = tap();
        tap.syn().data(0, &all.as_bytes()[..lost.start]).data(lost.end, &all.as_bytes()[lost.end..]).flush();
        assert_eq!(tap.got, [&*next], "{lost:?}");
    }
}

#[test]
fn a_wrong_content_length_costs_no_other_message() {
    let (one, two) = (message("1", "body"), message("2", ""));
    let short = one.replace("Content-Length: 4", "Content-Length: 1");
    let mut tap = tap();
    tap.syn().data(0, format!("{short}\r\n{two}"));
    assert_eq!(tap.got.len(), 2);
    assert_eq!(tap.got[1], two);
    assert_eq!(tap.streams.counters().dropped_octets, 5);
}

#[test]
fn what_only_the_snap_length_cut_is_delivered_without_its_end() {
    let (one, two) = (message("1", "a body of some length"), message("2", ""));
    for missing in [15, 100] {
        let seen = &one.as_bytes()[..one.len() - missing];
        let mut tap = tap();
        tap.syn().segment(0, &Segment { payload: seen, missing, ..Segment::default() }).data(one.len(), &two);
        assert_eq!(tap.got, [String::from_utf8_lossy(seen), two.as_str().into()]);
        assert_eq!(tap.streams.counters().malformed, 1);
    }
}

#[test]
fn fin_reset_and_new_connections_drop_what_was_begun() {
    let one = message("1", "body");
    let half = &one.as_bytes()[..100];
    let mut tap = tap();
    tap.syn().segment(0, &Segment { payload: half, fin: true, ..Segment::default() });
    assert_eq!(tap.streams.buffered_octets(), 0);
    tap.data(0, half).segment(0, &Segment { rst: true, ..Segment::default() });
    assert_eq!(tap.streams.flows(), 0);
    // The same ports again, first with a SYN, then without.
    tap.syn().data(0, half);
    tap.segment(0, &Segment { seq: 999, syn: true, ..Segment::default() }).data(1000, &one);
    tap.data(2_000_000_000, &one);
    assert_eq!(tap.got, [&*one, &*one]);
}

#[test]
fn memory_has_a_bound_and_the_least_used_goes_first() {
    let settings = Settings { max_flows: 3, max_buffered_octets: 1000, ..Settings::default() };
    let mut tap = Tap::new(settings);
    let one = message("1", "body");
    let half = &one.as_bytes()[..150];
    for key in 0..100 {
        tap.segment(key, &Segment { payload: half, ..Segment::default() });
        assert!(tap.streams.buffered_octets() <= 1000 && tap.streams.flows() <= 3);
    }
    assert_eq!(tap.streams.counters().evicted, 97);
    let endless = one.replace("Content-Length", &format!("X: {}\r\nContent-Length", "y".repeat(70_000)));
    for (at, piece) in endless.as_bytes().chunks(1400).enumerate() {
        tap.data(at * 1400, piece);
        assert!(tap.streams.buffered_octets() <= 1000);
    }
}

#[test]
fn a_message_over_the_bound_is_counted_and_skipped() {
    let settings = Settings { max_message_octets: 1000, ..Settings::default() };
    let (long, next) = (message("1", &"line\n".repeat(400)), message("2", ""));
    let all = format!("{long}{next}");
    let mut tap = Tap::new(settings);
    tap.syn();
    for (at, piece) in all.as_bytes().chunks(100).enumerate() {
        tap.data(at * 100, piece);
    }
    assert_eq!((tap.got, tap.streams.counters().oversized), (vec![next], 1));
}

fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    let masked = if mask.is_some() { 0x80 } else { 0 };
    match payload.len() {
        length @ ..126 => frame.push(masked | u8::try_from(length).unwrap()),
        length => {
            frame.push(masked | 126);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend(mask.iter().flatten());
    frame.extend(
        payload.iter().zip(mask.unwrap_or_default().iter().cycle()).map(|(octet, mask)| octet ^ mask),
    );
    frame
}

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nupgrade: WebSocket\r\nSec-WebSocket-Protocol: msrp, sip\r\n\r\n";

#[test]
fn sip_in_websocket_frames_is_read_masked_or_not() {
    let (one, two) = (message("1", "x"), message("2", "y"));
    let mask = Some([1, 2, 3, 4]);
    let frames = [
        frame(0x81, mask, one.as_bytes()),
        frame(0x82, mask, b"\r\n\r\n"),
        frame(0x01, mask, &two.as_bytes()[..10]),
        frame(0x89, mask, b"ping"),
        frame(0x00, None, &two.as_bytes()[10..20]),
        frame(0x80, None, &two.as_bytes()[20..]),
        frame(0xc1, mask, b"compressed"),
        frame(0x88, mask, b""),
    ]
    .concat();
    let all = [UPGRADE.as_bytes(), &frames].concat();
    for size in [1, 50, 10_000] {
        let mut tap = tap();
        tap.syn();
        for (at, piece) in all.chunks(size).enumerate() {
            tap.data(at * size, piece);
        }
        assert_eq!(tap.got, [&*one, &*two], "{size}");
        assert_eq!(tap.streams.counters().unreadable, 1);
    }
}

#[test]
fn a_websocket_is_picked_up_at_a_frame_that_holds_sip() {
    let one = message("1", "x");
    let mut tap = tap();
    tap.data(0, frame(0x81, Some([9; 4]), b"not sip")).data(5000, frame(0x81, Some([9; 4]), one.as_bytes()));
    assert_eq!((tap.got, tap.streams.flows()), (vec![one], 1));
}

#[test]
fn a_websocket_that_speaks_something_else_is_forgotten() {
    let upgrade = UPGRADE.replace("sip", "wamp");
    let mut tap = tap();
    tap.syn().data(0, &upgrade).data(upgrade.len(), frame(0x81, None, b"{}"));
    assert_eq!((tap.streams.flows(), tap.streams.counters().messages), (0, 0));
}

fn sctp(chunks: &[(u32, u8, &[u8])]) -> Vec<u8> {
    let mut packet = vec![0; 12];
    for (tsn, flags, payload) in chunks {
        packet.extend([0, *flags]);
        packet.extend(u16::try_from(16 + payload.len()).unwrap().to_be_bytes());
        packet.extend(tsn.to_be_bytes());
        packet.extend([0; 8]);
        packet.extend_from_slice(payload);
        packet.resize(packet.len().next_multiple_of(4), 0);
    }
    packet
}

#[test]
fn sctp_bundles_and_fragments_are_read_and_repetitions_dropped() {
    let (one, two) = (message("1", "x"), message("2", "y"));
    let (head, tail) = two.as_bytes().split_at(50);
    let (middle, end) = tail.split_at(50);
    let mut streams = StreamReassembly::new(Settings::default());
    let mut got = Vec::new();
    for packet in [
        sctp(&[(1, 3, b"not sip")]),
        sctp(&[(2, 3, one.as_bytes()), (3, 2, head)]),
        sctp(&[(5, 1, end)]),
        sctp(&[(2, 3, one.as_bytes())]),
        sctp(&[(4, 0, middle)]),
        sctp(&[(5, 1, end)]),
    ] {
        streams
            .handle_sctp(0, &packet, &mut |message| got.push(String::from_utf8_lossy(message).into_owned()));
    }
    assert_eq!((got, streams.buffered_octets()), (vec![one, two], 0));
}

#[test]
fn interleaved_sctp_messages_are_told_apart() {
    // RFC 8260 §2.1: message identifier, then FSN (protocol identifier in the first fragment).
    let i_data = |tsn: u32, flags: u8, message: u32, position: u32, payload: &[u8]| {
        let length = u16::try_from(20 + payload.len()).unwrap();
        let mut packet =
            [&[0; 12][..], &[64, flags], &length.to_be_bytes(), &tsn.to_be_bytes(), &[0; 4]].concat();
        packet.extend([message.to_be_bytes(), position.to_be_bytes()].concat());
        packet.extend_from_slice(payload);
        packet
    };
    let (one, two) = (message("1", "x"), message("2", "y"));
    let (head, tail) = (&one.as_bytes()[..60], &one.as_bytes()[60..]);
    let (head2, tail2) = (&two.as_bytes()[..60], &two.as_bytes()[60..]);
    let mut streams = StreamReassembly::new(Settings::default());
    let mut got = Vec::new();
    for packet in [
        i_data(9, 2, 0, 0, head),
        i_data(10, 2, 1, 0, head2),
        i_data(11, 1, 0, 1, tail),
        i_data(12, 1, 1, 1, tail2),
    ] {
        streams
            .handle_sctp(0, &packet, &mut |message| got.push(String::from_utf8_lossy(message).into_owned()));
    }
    assert_eq!(got, [one, two]);
}

proptest! {
    /// Split anywhere, repeated, and reordered within the bounds: the same messages.
    #[test]
    fn delivery_does_not_depend_on_segmentation(
        bodies in proptest::collection::vec("[a-z\r\n]{0,80}", 1..6),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        repeats in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..5),
        swaps in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..10),
    ) {
        let messages = bodies.iter().enumerate().map(|(n, body)| message(&n.to_string(), body)).collect::<Vec<_>>();
        let all = messages.concat();
        let mut cuts = cuts.iter().map(|cut| cut.index(all.len())).chain([0, all.len()]).collect::<Vec<_>>();
        cuts.sort_unstable();
        let mut ranges = cuts.windows(2).map(|pair| pair[0]..pair[1]).collect::<Vec<_>>();
        for (a, b) in repeats {
            let (a, b) = (a.index(all.len()), b.index(all.len()));
            ranges.push(a.min(b)..a.max(b));
        }
        for (a, b) in swaps {
            let (a, b) = (a.index(ranges.len()), b.index(ranges.len()));
            ranges.swap(a, b);
        }
        let mut tap = tap();
        tap.syn();
        for range in ranges {
            tap.data(range.start, &all.as_bytes()[range]);
        }
        prop_assert_eq!(&tap.got, &messages);
        prop_assert_eq!(tap.streams.buffered_octets(), 0);
    }

    /// Whatever is lost, in whatever order the rest comes: nothing is delivered that was not sent, and nothing
    /// twice.
    #[test]
    fn loss_makes_no_messages_up(
        bodies in proptest::collection::vec("(SIP/2\\.0 200 OK\r\nTo: a\r\n|[a-z\r\n]{0,40})", 1..6),
        size in 1..200_usize,
        lost in proptest::collection::vec(any::<bool>(), 50),
        swaps in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..10),
        syn in any::<bool>(),
    ) {
        let messages = bodies.iter().enumerate().map(|(n, body)| message(&n.to_string(), body)).collect::<Vec<_>>();
        let all = messages.concat();
        let mut pieces = all.as_bytes().chunks(size).enumerate().collect::<Vec<_>>();
        for (a, b) in swaps {
            let (a, b) = (a.index(pieces.len()), b.index(pieces.len()));
            pieces.swap(a, b);
        }
        let mut tap = Tap::new(Settings { max_waiting_segments: 3, ..Settings::default() });
        if syn {
            tap.syn();
        }
        for (at, piece) in pieces {
            if !lost[at % lost.len()] {
                tap.data(at * size, piece);
            }
        }
        tap.flush();
        let mut sent = messages.clone();
        for got in &tap.got {
            let at = sent.iter().position(|message| message == got);
            prop_assert!(at.is_some(), "{got}");
            sent.remove(at.unwrap());
        }
    }

    #[test]
    fn any_bytes_are_survived(
        segments in proptest::collection::vec((any::<u32>(), 0..9_u8, proptest::collection::vec(any::<u8>(), 0..60)), 0..30),
    ) {
        let mut tap = Tap::new(Settings { max_message_octets: 200, max_waiting_segments: 4, ..Settings::default() });
        let starts = [message("1", "x").into_bytes(), UPGRADE.as_bytes().to_vec(), frame(0x81, Some([1; 4]), b"BYE sip:a SIP/2.0\r\n\r\n")];
        for (n, (seq, kind, junk)) in segments.into_iter().enumerate() {
            let payload = starts.get(usize::from(kind)).unwrap_or(&junk);
            let seq = if kind > 4 { u32::try_from(n).unwrap() * 40 } else { seq };
            tap.segment(kind % 2, &Segment { seq, syn: kind == 3, fin: kind == 4, rst: kind == 8, payload, missing: usize::from(kind == 7) * 9 });
            let packet = sctp(&[(seq, kind, payload)]);
            tap.streams.handle_sctp(kind, &packet[..packet.len() - junk.len() % 20], &mut |_| {});
        }
        tap.flush();
        prop_assert_eq!(tap.streams.buffered_octets(), 0);
    }
}
