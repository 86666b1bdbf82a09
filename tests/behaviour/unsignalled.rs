//! RTP that nobody signalled, told from all else that UDP carries.
//!
//! The rule is that of the report's contract: ten packets, and six in ten steps of the sequence number
//! from 1 to 10. `CLEARLINE_LONG=1` draws a million flows (`tests/long/run.sh`).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot make its input has failed"
)]

use std::collections::BTreeMap;

use serde_json::Value;

use crate::flood::is_long;
use crate::traffic::{Dice, End, MS, Recorded, Run, SECOND, START, rtp, udp};

/// Flows that are there at the same time.
const AT_ONCE: usize = 400;

/// What sends a flow's datagrams: the next one, and how long until it, ms.
type Sender = Box<dyn FnMut(&mut Dice) -> (Vec<u8>, u64)>;
/// A protocol: its name, and what begins a flow of it.
type Protocol = (&'static str, fn(&mut Dice) -> Sender);

/// Protocols over UDP that are not RTP, each as its specification lays its datagrams out.
const PROTOCOLS: [Protocol; 22] = [
    ("dns", dns),
    ("ntp", ntp),
    ("snmp", snmp),
    ("dtls", dtls),
    ("stun", stun),
    ("turn-channel", turn_channel),
    ("quic-short", quic_short),
    ("quic-long", quic_long),
    ("quic-greased", quic_greased),
    ("utp", utp),
    ("dht", dht),
    ("wireguard", wireguard),
    ("openvpn", openvpn),
    ("esp-in-udp", esp),
    ("source-engine", source_engine),
    ("raknet", raknet),
    ("enet", enet),
    ("srt", srt),
    ("gtp-control", gtp_control),
    ("coap", coap),
    ("rtcp", rtcp),
    ("random", random),
];

fn sender(mut next: impl FnMut(&mut Dice) -> (Vec<u8>, u64) + 'static) -> Sender {
    Box::new(move |dice| next(dice))
}

fn tail(dice: &mut Dice, mut head: Vec<u8>, most: u64) -> Vec<u8> {
    let len = dice.below(most) as usize;
    head.extend(dice.bytes(len));
    head
}

/// RFC 1035 §4.1.1. The id is random, and a quarter of all begin as RTP does.
fn dns(dice: &mut Dice) -> Sender {
    let answers = dice.chance(0.5);
    sender(move |dice| {
        let flags = if answers { [0x81, 0x80] } else { [1, 0] };
        let counts = [0, 1, 0, u8::from(answers) * (1 + dice.below(4) as u8), 0, 0, 0, u8::from(!answers)];
        let head = [&dice.bytes(2)[..], &flags, &counts].concat();
        (tail(dice, head, 90), 5 + dice.below(3000))
    })
}

/// RFC 5905 §7.3; a leap second announced makes it begin as RTP.
fn ntp(dice: &mut Dice) -> Sender {
    let first = [0x23, 0x1b, 0x24, 0xa3, 0x9c][dice.below(5) as usize];
    sender(move |dice| {
        let head =
            [&[first, 2, 6, 0xec, 0, 0, 1, dice.roll() as u8][..], &[0, 0, 2, 1, 10, 0, 0, 1]].concat();
        ([head, dice.bytes(32)].concat(), 16_000 + dice.below(48_000))
    })
}

fn snmp(_: &mut Dice) -> Sender {
    sender(|dice| (tail(dice, b"\x30\x29\x02\x01\x01\x04\x06public\xa0\x1c\x02\x04".to_vec(), 60), 1000))
}

/// RFC 6347 §4.1.
fn dtls(_: &mut Dice) -> Sender {
    let mut n = 0_u64;
    sender(move |dice| {
        n += 1;
        let head = [&[23, 0xfe, 0xfd, 0, 1][..], &n.to_be_bytes()[2..], &[1, 0]].concat();
        (tail(dice, head, 400), dice.below(40))
    })
}

/// RFC 8489 §5.
fn stun(_: &mut Dice) -> Sender {
    sender(|dice| {
        let head = [&[0, 1, 0, 40, 0x21, 0x12, 0xa4, 0x42][..], &dice.bytes(12)].concat();
        (tail(dice, head, 60), 50 + dice.below(3000))
    })
}

/// RFC 8656 §12.4, with something inside that is not RTP.
fn turn_channel(_: &mut Dice) -> Sender {
    sender(|dice| {
        let inner = tail(dice, vec![23, 0xfe, 0xfd, 0, 1, 0, 0], 200);
        let len = u16::try_from(inner.len()).unwrap().to_be_bytes();
        ([&[0x40, 1][..], &len, &inner].concat(), 20)
    })
}

/// RFC 9000 §17.3.1.
fn quic_short(dice: &mut Dice) -> Sender {
    let id = dice.bytes(8);
    sender(move |dice| {
        let head = [&[0x40 | dice.below(64) as u8][..], &id].concat();
        (tail(dice, head, 1200), dice.below(20))
    })
}

/// RFC 9000 §17.2.
fn quic_long(dice: &mut Dice) -> Sender {
    let id = dice.bytes(8);
    sender(move |dice| {
        let head = [&[0xc0 | dice.below(64) as u8, 0, 0, 0, 1, 8][..], &id].concat();
        (tail(dice, head, 1200), dice.below(20))
    })
}

/// RFC 9287: the fixed bit is random, so a long header may begin as RTP does.
fn quic_greased(dice: &mut Dice) -> Sender {
    let id = dice.bytes(8);
    sender(move |dice| {
        let long = dice.chance(0.3);
        let first = if long { 0x80 | dice.below(128) as u8 } else { dice.below(128) as u8 };
        let version: &[u8] = if long { &[0, 0, 0, 1, 8] } else { &[] };
        (tail(dice, [&[first][..], version, &id].concat(), 1200), dice.below(20))
    })
}

/// BEP 29.
fn utp(dice: &mut Dice) -> Sender {
    let (id, mut n) = (dice.bytes(2), dice.roll() as u16);
    sender(move |dice| {
        n = n.wrapping_add(1);
        let head = [&[1, 0][..], &id, &dice.bytes(8), &[0, 16, 0, 0], &n.to_be_bytes(), &[0, 1]].concat();
        (tail(dice, head, 1300), dice.below(20))
    })
}

fn dht(_: &mut Dice) -> Sender {
    sender(|dice| (tail(dice, b"d1:ad2:id20:".to_vec(), 60), 100 + dice.below(900)))
}

fn wireguard(dice: &mut Dice) -> Sender {
    let (receiver, mut n) = (dice.bytes(4), 0_u64);
    sender(move |dice| {
        n += 1;
        (tail(dice, [&[4, 0, 0, 0][..], &receiver, &n.to_le_bytes()].concat(), 1300), dice.below(30))
    })
}

fn openvpn(dice: &mut Dice) -> Sender {
    let mut n = 0_u32;
    let peer = dice.bytes(3);
    sender(move |dice| {
        n += 1;
        (tail(dice, [&[0x48][..], &peer, &n.to_be_bytes()].concat(), 1300), dice.below(30))
    })
}

/// RFC 3948, RFC 4106: the SPI is random; a counter comes after it, and another as the nonce.
fn esp(dice: &mut Dice) -> Sender {
    let (spi, mut n) = (dice.bytes(4), 0_u32);
    sender(move |dice| {
        n += 1;
        let nonce = u64::from(n).to_be_bytes();
        (tail(dice, [&spi[..], &n.to_be_bytes(), &nonce].concat(), 1300), dice.below(30))
    })
}

/// Two little-endian counters.
fn source_engine(dice: &mut Dice) -> Sender {
    let (mut sent, mut heard) = (dice.below(100_000) as u32, dice.below(100_000) as u32);
    sender(move |dice| {
        sent += 1;
        heard += dice.below(3) as u32;
        (tail(dice, [sent.to_le_bytes(), heard.to_le_bytes()].concat(), 300), 15)
    })
}

/// Flags from 0x80 on, then a 24-bit little-endian counter.
fn raknet(_: &mut Dice) -> Sender {
    let (mut n, mut message) = (0_u32, 0_u32);
    sender(move |dice| {
        n += 1;
        message += dice.below(3) as u32;
        let reliability = [0x84, 0x80, 0x8c][dice.below(3) as usize];
        let bits = (8 * (20 + dice.below(200)) as u16).to_be_bytes();
        let head =
            [&[reliability][..], &n.to_le_bytes()[..3], &[0x60], &bits, &message.to_le_bytes()[..3], &[0xfe]];
        (tail(dice, head.concat(), 300), 50)
    })
}

/// A peer's number with the "sent at" bit, the time in ms, then commands with counters of their own.
fn enet(dice: &mut Dice) -> Sender {
    let (peer, mut time, mut n) = (0x8000 | dice.below(32) as u16, dice.roll() as u16, 0_u16);
    let period = [8, 16, 33, 50][dice.below(4) as usize];
    sender(move |dice| {
        let gap = period + dice.below(3);
        time = time.wrapping_add(gap as u16);
        n += 1;
        let len = (4 + dice.below(60) as u16).to_be_bytes();
        let head = [peer.to_be_bytes(), time.to_be_bytes(), [0x86, 0], n.to_be_bytes(), len];
        (tail(dice, head.concat(), 100), gap)
    })
}

/// Control packets of SRT begin as RTP does; data packets do not.
fn srt(dice: &mut Dice) -> Sender {
    let (mut n, mut acknowledged, socket) = (dice.roll() as u32 >> 1, 0_u32, dice.bytes(4));
    sender(move |dice| {
        n = (n + 1) & 0x7fff_ffff;
        let head = if dice.chance(0.1) {
            acknowledged += 1;
            [&[0x80, 2, 0, 0][..], &acknowledged.to_be_bytes(), &n.to_be_bytes(), &socket].concat()
        } else {
            [&n.to_be_bytes()[..], &[0xe0, 0, 0, 1], &n.wrapping_mul(900).to_be_bytes(), &socket].concat()
        };
        (tail(dice, head, 1300), dice.below(10))
    })
}

/// GTPv2-C, 3GPP TS 29.274 §5.1.
fn gtp_control(dice: &mut Dice) -> Sender {
    let (endpoint, mut n) = (dice.bytes(4), 0_u32);
    sender(move |dice| {
        n += 1;
        let head = [&[0x48, 34, 0, 60][..], &endpoint, &n.to_be_bytes()[1..], &[0]].concat();
        (tail(dice, head, 100), 1000)
    })
}

/// RFC 7252 §3.
fn coap(dice: &mut Dice) -> Sender {
    let mut n = dice.roll() as u16;
    sender(move |dice| {
        n = n.wrapping_add(1);
        let head = [&[0x44, 1][..], &n.to_be_bytes(), &dice.bytes(4)].concat();
        (tail(dice, head, 60), 1000)
    })
}

fn rtcp(dice: &mut Dice) -> Sender {
    let source = dice.roll() as u32;
    sender(move |dice| (crate::traffic::rtcp(source, dice.roll() as u32, 1, 0, 0), 5000))
}

fn random(_: &mut Dice) -> Sender {
    sender(|dice| {
        let len = dice.below(200) as usize;
        (dice.bytes(len), dice.below(40))
    })
}

/// A protocol of someone's own: constants, a counter and a session somewhere in its first 16 bytes.
fn homemade(dice: &mut Dice) -> Sender {
    let mut head = dice.bytes(16);
    let (at, wide, big, by) =
        (dice.below(13) as usize, dice.chance(0.5), dice.chance(0.5), 1 + dice.below(3) as u32);
    // Half of these protocols have bytes that change beside the counter.
    let noise = dice.chance(0.5).then(|| dice.below(16) as usize);
    let mut n = dice.below(60_000) as u32;
    sender(move |dice| {
        n = n.wrapping_add(by);
        if let Some(noise) = noise {
            head[noise] = dice.roll() as u8;
        }
        let counter = match (wide, big) {
            (true, true) => n.to_be_bytes().to_vec(),
            (true, false) => n.to_le_bytes().to_vec(),
            (false, true) => (n as u16).to_be_bytes().to_vec(),
            (false, false) => (n as u16).to_le_bytes().to_vec(),
        };
        head.splice(at..at + counter.len(), counter);
        (tail(dice, head.clone(), 200), 15 + dice.below(5))
    })
}

struct Flow {
    src: End,
    dst: End,
    next: i64,
    left: u64,
    send: Sender,
}

/// Sends `flows` flows, [`AT_ONCE`] at a time, and counts by kind those that are taken for streams.
fn false_streams(seed: u64, flows: usize, kinds: &[Protocol]) -> BTreeMap<&'static str, u64> {
    let mut dice = Dice(seed);
    let mut run = Run::default();
    let mut begun = 0;
    let mut begin = |dice: &mut Dice, now: i64| -> Option<Flow> {
        if begun == flows {
            return None;
        }
        begun += 1;
        let (n, kind) = (begun as u32, begun % kinds.len());
        let [a, b, c, d] = n.to_be_bytes();
        Some(Flow {
            src: ([10 + a, b, c, d], 1024 + dice.below(60_000) as u16),
            dst: ([172, 16, kind as u8, 1], 20_000 + kind as u16),
            next: now + dice.below(1000).cast_signed() * MS,
            left: 10 + dice.below(30),
            send: kinds[kind].1(dice),
        })
    };
    let mut open: Vec<Flow> = (0..AT_ONCE).filter_map(|_| begin(&mut dice, START)).collect();
    let mut batch: Vec<Recorded> = Vec::new();
    let mut now = START;
    while !open.is_empty() {
        // A tenth of a second of everyone.
        now += SECOND / 10;
        let mut n = 0;
        while n < open.len() {
            let flow = &mut open[n];
            while flow.next <= now && flow.left > 0 {
                let (datagram, gap) = (flow.send)(&mut dice);
                batch.push(udp(flow.next, flow.src, flow.dst, &datagram));
                flow.next += gap.cast_signed().min(2000) * MS;
                flow.left -= 1;
            }
            if flow.left > 0 {
                n += 1;
            } else if let Some(new) = begin(&mut dice, now) {
                open[n] = new;
                n += 1;
            } else {
                open.swap_remove(n);
            }
        }
        batch.sort_by_key(|f| f.time);
        run.take(&batch.iter().map(Recorded::frame).collect::<Vec<_>>());
        batch.clear();
    }
    let report: Value = serde_json::from_slice(&run.finish()).unwrap();
    let mut found = BTreeMap::new();
    for stream in report["streams"].as_array().unwrap() {
        let port: usize = stream["dst"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        *found.entry(kinds[port - 20_000].0).or_default() += 1;
    }
    found
}

#[test]
fn what_is_not_rtp_is_no_stream() {
    let flows = if is_long() { 1_000_000 } else { 4000 };
    let found = false_streams(1, flows, &PROTOCOLS);
    println!("{flows} flows that are not RTP: taken for streams {found:?}");
    assert!(found.is_empty(), "{found:?}");
}

/// Which of them look like RTP is a matter of layout: V=2 in the first two bits, a 16-bit big-endian
/// counter in the third and fourth byte, and bytes 9 to 12 that stay. No rule on sequence numbers alone
/// tells these from RTP; the share of all layouts that are so stays small.
#[test]
fn of_protocols_with_any_layout_only_those_laid_out_like_rtp_are_taken_for_it() {
    let flows = if is_long() { 200_000 } else { 4000 };
    let found = false_streams(2, flows, &[("homemade", homemade)]);
    let share = found.get("homemade").copied().unwrap_or(0) as f64 / flows as f64;
    println!("{flows} flows of homemade protocols: {:.3} % taken for streams", 100.0 * share);
    assert!(share < 0.03, "{share}");
}

/// Payload type, ticks a packet and ms a packet of what is in use.
const USUAL: [(u8, u32, i64); 16] = [
    (0, 160, 20),
    (8, 80, 10),
    (8, 240, 30),
    (0, 320, 40),
    (9, 160, 20),
    (18, 160, 20),
    (18, 480, 60),
    (3, 160, 20),
    (4, 240, 30),
    (15, 160, 20),
    (97, 160, 20),
    (98, 320, 20),
    (111, 960, 20),
    (111, 2880, 60),
    (120, 480, 10),
    (96, 3000, 33),
];

#[test]
fn rtp_that_nobody_signalled_is_found_with_every_packet() {
    let rounds = if is_long() { 100 } else { 2 };
    let (mut sent, mut found) = (0_u64, 0_u64);
    for round in 0..rounds {
        let mut dice = Dice(100 + round);
        let mut frames = Vec::new();
        let mut wanted: BTreeMap<u64, u64> = BTreeMap::new();
        for (n, (payload_type, ticks, ms)) in USUAL.into_iter().enumerate() {
            for (k, loss) in [0.0, 0.02, 0.1, 0.2].into_iter().enumerate() {
                for (r, reordered) in [0.0, 0.05].into_iter().enumerate() {
                    let ssrc = (n * 8 + k * 2 + r) as u32 + 1;
                    let (src, dst) = (
                        ([10, 1, n as u8, (k * 2 + r) as u8], 30_000),
                        ([10, 2, 0, 1], 40_000 + ssrc as u16),
                    );
                    let begin = START + dice.below(5000).cast_signed() * MS;
                    let first = dice.roll() as u16;
                    // The least that counts, and more.
                    let length = [10_u16, 12, 25, 60, 300][dice.below(5) as usize];
                    let mut packets = 0;
                    for i in 0..length {
                        if i >= 10 && dice.chance(loss) {
                            continue;
                        }
                        packets += 1;
                        let late = if dice.chance(reordered) { 3 * ms * MS / 2 } else { 0 };
                        let time = begin + i64::from(i) * ms * MS + late;
                        let payload = dice.bytes(20 + dice.0 as usize % 150);
                        let number = first.wrapping_add(i);
                        let packet = rtp(payload_type, i == 0, number, u32::from(i) * ticks, ssrc, &payload);
                        frames.push(udp(time, src, dst, &packet));
                    }
                    wanted.insert(u64::from(ssrc), packets);
                }
            }
        }
        frames.sort_by_key(|f| f.time);
        let report = crate::traffic::analyse_frames(&frames);
        for stream in report["streams"].as_array().unwrap() {
            let packets = wanted.remove(&stream["ssrc"].as_u64().unwrap());
            assert_eq!(stream["packets"].as_u64(), packets, "{stream}");
            found += 1;
        }
        sent += (USUAL.len() * 8) as u64;
        assert!(wanted.is_empty(), "not found: {wanted:?}");
    }
    println!("{found} of {sent} streams without signalling found");
}
