//! SIP messages a second on one core: Clearline's parser, its whole handling of a message, and the SIP parsers of
//! crates.io, in turns over the same messages: `cargo run --release`, from this folder, pinned to a core.
//!
//! Parsers do different amounts at once: Clearline borrows and leaves the rest for who asks, ezk-sip-types, rsip and
//! rsipstack keep the headers' text, rvoip-sip-core reads each header into a type. So Clearline has a second line, in
//! which what a call table needs is read as well (Call-ID, CSeq, both tags, branch, target, SDP's media); the others
//! have only parsed.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clearline::decode::sdp::Sdp;
use clearline::decode::sip::Message;
use clearline::decode::{Address, Endpoint, Flow};
use clearline::engine::{Engine, Settings};
use clearline::event::Event;
use clearline::track::call::SipTransport;
use clearline::track::calls::{Calls, Seen};
use ezk_sip_types::Headers;
use ezk_sip_types::msg::{Line, MessageLine, PullParser};
use ezk_sip_types::parse::Parse;
use probes::{Frame, LinkType, Timestamp};

const CALLS: usize = 1000;
const TURNS: usize = 11;
const MS: i64 = 1_000_000;

fn sdp(n: usize) -> String {
    let port = 10_000 + 2 * n;
    format!(
        "v=0\r\no=- {n} 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 8 0 18 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
    )
}

/// One message as phones and gateways write it.
fn message(n: usize, start: &str, cseq: &str, to_tag: bool, body: &str) -> Vec<u8> {
    let tag = if to_tag { format!(";tag=as{n:08x}") } else { String::new() };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let branch = cseq.replace(' ', "");
    format!(
        "{start}\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{n:08x}{branch};rport\r\nMax-Forwards: 70\r\n\
         From: \"Extension {n}\" <sip:+4989{n:08}@example.com;user=phone>;tag=a{n:x}\r\n\
         To: <sip:+4930{n:08}@example.com;user=phone>{tag}\r\n\
         Call-ID: {n:08x}-6f2d-4c11-9a77@192.0.2.1\r\nCSeq: {cseq}\r\nContact: <sip:{n}@192.0.2.1:5060>\r\n\
         User-Agent: Phone 1.0\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, REFER, NOTIFY\r\n\
         Supported: replaces, timer, 100rel\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The four messages of a call, in the order of the report.
fn messages(n: usize) -> [Vec<u8>; 4] {
    let to = format!("sip:+4930{n:08}@example.com;user=phone SIP/2.0");
    [
        message(n, &format!("INVITE {to}"), "1 INVITE", false, &sdp(n)),
        message(n, "SIP/2.0 200 OK", "1 INVITE", true, &sdp(n + 20_000)),
        message(n, &format!("BYE {to}"), "2 BYE", true, ""),
        message(n, "REGISTER sip:example.com SIP/2.0", "1 REGISTER", false, ""),
    ]
}

/// The same calls as frames; all begin before the first is answered.
fn frames() -> Vec<(i64, Vec<u8>)> {
    let mut all = Vec::new();
    for (step, (from, to)) in [([192, 0, 2, 1], [192, 0, 2, 9]), ([192, 0, 2, 9], [192, 0, 2, 1]), ([192, 0, 2, 1], [192, 0, 2, 9])]
        .into_iter()
        .enumerate()
    {
        for n in 0..CALLS {
            let payload = &messages(n)[step];
            let len = u16::try_from(payload.len()).expect("a short message");
            let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
            frame.extend((28 + len).to_be_bytes());
            frame.extend([0, 0, 0, 0, 64, 17, 0, 0]);
            frame.extend::<[u8; 4]>(from);
            frame.extend::<[u8; 4]>(to);
            frame.extend([5060_u16.to_be_bytes(), 5060_u16.to_be_bytes(), (8 + len).to_be_bytes(), [0, 0]].concat());
            frame.extend(payload);
            all.push((1_700_000_000_000 * MS + (step * CALLS + n) as i64 * 10 * MS, frame));
        }
    }
    all
}

type Subject = (&'static str, fn(&Bytes));

const SUBJECTS: [Subject; 6] = [
    ("clearline", |bytes| {
        black_box(Message::parse(bytes).expect("a good message"));
    }),
    ("clearline, and what a call needs", |bytes| {
        let message = Message::parse(bytes).expect("a good message");
        let tags = (message.from().and_then(|f| f.tag()), message.to().and_then(|t| t.tag()));
        let branch = message.via().and_then(|v| v.branch());
        black_box((message.call_id(), message.cseq(), tags, branch, message.request_uri()));
        message.sdp_bodies().for_each(|body| _ = black_box(Sdp::parse(body)));
    }),
    ("rsipstack 0.7.14", |bytes| {
        black_box(rsipstack::sip::parser::parse_message(bytes).expect("a good message"));
    }),
    ("ezk-sip-types 0.6.5", |bytes| {
        black_box(ezk(bytes));
    }),
    ("rsip 0.4.0", |bytes| {
        black_box(rsip::SipMessage::try_from(&bytes[..]).expect("a good message"));
    }),
    ("rvoip-sip-core 0.4.0", |bytes| {
        black_box(rvoip_sip_core::parse_message(bytes).expect("a good message"));
    }),
];

/// As its own pull parser is meant to be used: the first line, then each header by name.
fn ezk(bytes: &Bytes) -> (MessageLine, Headers) {
    let mut lines = PullParser::new(bytes, 0);
    let mut next = || lines.next().map(|l| str::from_utf8(l.expect("whole")).expect("text"));
    let first = MessageLine::parse(bytes)(next().expect("a first line")).expect("a good line").1;
    let mut headers = Headers::new();
    while let Some(line) = next() {
        let line = Line::parse(bytes, line).expect("a good header").1;
        headers.insert(line.name, line.value);
    }
    (first, headers)
}

fn main() {
    let kinds: [Vec<Bytes>; 4] =
        std::array::from_fn(|kind| (0..CALLS).map(|n| Bytes::from(messages(n)[kind].clone())).collect());
    let mut taken = vec![[const { Vec::new() }; 4]; SUBJECTS.len()];
    let mut whole: Vec<Duration> = Vec::new();
    let frames = frames();
    for _ in 0..TURNS {
        for ((_, parse), taken) in SUBJECTS.iter().zip(&mut taken) {
            for (kind, taken) in kinds.iter().zip(taken) {
                let begin = Instant::now();
                kind.iter().for_each(parse);
                taken.push(begin.elapsed());
            }
        }
        whole.push(handle(&frames));
    }
    let median = |all: &mut Vec<Duration>| {
        all.sort_unstable();
        all[all.len() / 2].as_nanos() as f64 / CALLS as f64
    };
    println!("{:<34}{:>9}{:>9}{:>9}{:>9}{:>12}{:>8}", "ns", "INVITE", "200", "BYE", "REGISTER", "messages/s", "ratio");
    let mut first = None;
    for ((name, _), taken) in SUBJECTS.iter().zip(&mut taken) {
        let ns: Vec<f64> = taken.iter_mut().map(median).collect();
        let mean = ns.iter().sum::<f64>() / 4.0;
        let ratio = mean / *first.get_or_insert(mean);
        println!(
            "{name:<34}{:>9.0}{:>9.0}{:>9.0}{:>9.0}{:>12.0}{ratio:>8.1}",
            ns[0], ns[1], ns[2], ns[3], 1e9 / mean
        );
    }
    let each = median(&mut whole) / 3.0;
    let (first, second) = one_number();
    println!("the INVITEs of a thousand calls to one number through one exchange: {first:.0} ns in, {second:.0} ns on");
    println!("clearline, frame to call (INVITE, 200, BYE of {CALLS} calls at once): {each:.0} ns, {:.0} messages/s", 1e9 / each);
}

/// A hotline: a thousand calls at once to one number, of callers that show one number, each with its way on. Mean
/// ns of an INVITE that comes in, and of one that goes on, when all the others are there already.
fn one_number() -> (f64, f64) {
    let text = |n: usize, from: &str, to: &str| {
        let body = sdp(n);
        format!(
            "INVITE sip:{to}@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{n}\r\nFrom: <sip:{from}@h>;tag=a{n}\r\n\
             To: <sip:{to}@h>\r\nCall-ID: {n}\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let end = |host: [u8; 4]| Endpoint::new(Address::v4(host), 5060);
    let exchange = end([192, 0, 2, 9]);
    let mut calls = Calls::new(clearline::track::calls::Settings::default());
    let mut taken = [Duration::ZERO; 2];
    for n in 0..2 * CALLS {
        let way = n % 2;
        let flow = if way == 0 {
            Flow { src: end([203, 0, 113, 1]), dst: exchange }
        } else {
            Flow { src: exchange, dst: end([10, 0, (n >> 8) as u8, n as u8]) }
        };
        let bytes = if way == 0 { text(n, "+49405550", "+4930115") } else { text(n, "+49405550", "115") };
        let message = Message::parse(bytes.as_bytes()).expect("a good message");
        // All within the ten seconds in which a way on may follow.
        let time = 1_700_000_000_000 * MS + n as i64 * 4 * MS;
        let seen = Seen { message: &message, flow, time, transport: SipTransport::Udp, vlan: 0 };
        let begin = Instant::now();
        black_box(calls.handle(&seen));
        if n >= CALLS {
            taken[way] += begin.elapsed();
        }
        calls.drain_signals().for_each(|signal| _ = black_box(signal));
    }
    let [first, second] = taken.map(|t| t.as_nanos() as f64 / (CALLS / 2) as f64);
    (first, second)
}

/// The whole of it: Ethernet, IP, UDP, SIP, SDP, call table, joins, what media is to be expected.
fn handle(frames: &[(i64, Vec<u8>)]) -> Duration {
    let frames: Vec<Frame<'_>> = frames
        .iter()
        .map(|(time, data)| Frame {
            time: Timestamp::from_nanos(*time),
            link: LinkType::ETHERNET,
            interface: 0,
            original_len: data.len() as u32,
            data,
        })
        .collect();
    let mut engine = Engine::new(Settings::default());
    let begin = Instant::now();
    for batch in frames.chunks(64) {
        engine.handle_frames(batch);
        while let Some(event) = engine.poll_event() {
            black_box(event);
        }
    }
    let taken = begin.elapsed();
    engine.finish();
    let calls = std::iter::from_fn(|| engine.poll_event()).filter(|e| matches!(e, Event::Call(_))).count();
    assert_eq!(calls, CALLS, "every call is told");
    taken
}
