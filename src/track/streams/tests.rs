//! The table as its users see it.

use super::idle::SWEEPS;
use super::*;
use crate::decode::{Address, Endpoint, Flow, HashKey};
use crate::track::call::CallIdentity;
use crate::track::codecs::Encoding;
use crate::track::media::MediaKind;

const SECOND: i64 = 1_000_000_000;

fn flow() -> Flow {
    let end = |n| Endpoint::new(Address::v4([10, 0, 0, n]), 4000);
    Flow { src: end(1), dst: end(2) }
}

/// Packet `n` of a stream of 20 ms packets at a clock of 16 kHz, payload type 96.
fn packet(n: u16) -> RtpArrival {
    let key = StreamKey { flow: flow(), ssrc: 7 };
    RtpArrival {
        key,
        hash: HashKey::PUBLIC.hash(&key.flow, key.ssrc),
        time: 100 * SECOND + i64::from(n) * 20_000_000,
        timestamp: u32::from(n) * 320,
        payload_head: [0; 4],
        sequence: n,
        payload_len: 60,
        ip_id: 0,
        checksum: 0,
        vlan: 0,
        payload_type: 96,
        marker: false,
        dscp: 46,
        ttl: 64,
    }
}

fn said(streams: &mut Streams, time: i64, name: &str) {
    let encoding = streams.encoding_id(Encoding::new(name, 16_000));
    let binding = Binding {
        time,
        call: Arc::new(CallIdentity { serial: 3, ..CallIdentity::default() }),
        kind: MediaKind::Audio,
        payloads: vec![(96, encoding)],
    };
    streams.bind(Place::Receiver(flow().dst), binding);
}

fn ended(streams: &mut Streams) -> Vec<EndedStream> {
    let mut all = Vec::new();
    while let Some(event) = streams.poll_event() {
        if let StreamEvent::Ended(stream) = event {
            all.push(*stream);
        }
    }
    all
}

fn names(streams: &Streams, stream: &EndedStream) -> Vec<(String, u32)> {
    let payloads = stream.totals.payloads.iter();
    payloads.map(|p| (streams.encodings().get(p.encoding).name.clone(), p.packets)).collect()
}

#[test]
fn media_before_its_sdp_is_counted_with_it_from_the_first_packet() {
    let mut streams = Streams::new(Settings::default());
    (0..100).for_each(|n| streams.handle(&[packet(n)]));
    said(&mut streams, packet(100).time, "AMR-WB");
    (100..200).for_each(|n| streams.handle(&[packet(n)]));
    streams.finish();
    let all = ended(&mut streams);
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].totals.packets, all[0].call), (200, Some(3)));
    assert_eq!(names(&streams, &all[0]), [("AMR-WB".to_owned(), 200)]);
}

#[test]
fn sdp_that_comes_too_late_holds_from_then_on() {
    let mut streams = Streams::new(Settings::default());
    for n in 0..200 {
        streams.handle_timeout(packet(n).time);
        streams.handle(&[packet(n)]);
    }
    said(&mut streams, packet(200).time, "AMR-WB");
    streams.handle(&[packet(200)]);
    streams.finish();
    let all = ended(&mut streams);
    assert_eq!((all.len(), all[0].totals.packets), (1, 201));
    // Its clock was known all the time: by inference, then by name.
    assert_eq!(all[0].totals.jitter.map(|j| j.max < 0.01), Some(true));
}

#[test]
fn without_sdp_ten_packets_make_a_stream_and_nine_do_not() {
    for (packets, streams_found) in [(9, 0), (10, 1)] {
        let mut streams = Streams::new(Settings::default());
        (0..packets).for_each(|n| streams.handle(&[packet(n)]));
        streams.finish();
        assert_eq!(ended(&mut streams).len(), streams_found, "{packets}");
    }
}

#[test]
fn the_clock_of_an_unsignalled_stream_is_inferred() {
    let mut streams = Streams::new(Settings::default());
    for n in 0..300 {
        streams.handle_timeout(packet(n).time);
        streams.handle(&[packet(n)]);
    }
    streams.finish();
    let all = ended(&mut streams);
    let encoding = streams.encodings().get(all[0].totals.payloads[0].encoding);
    assert_eq!((encoding.clock_rate, encoding.inferred), (16_000, true));
}

#[test]
fn a_silent_stream_is_closed_and_goes_on_and_ends() {
    let idle = Idle { quiet_after: 10 * SECOND, closes: true, end_after: 60 * SECOND };
    let mut streams = Streams::new(Settings { idle: Some(idle), ..Settings::default() });
    said(&mut streams, 0, "AMR-WB");
    (0..50).for_each(|n| streams.handle(&[packet(n)]));
    let look = |streams: &mut Streams, at: i64| {
        (0..SWEEPS).for_each(|_| streams.handle_timeout(packet(0).time + at * SECOND));
        let mut told = Vec::new();
        while let Some(event) = streams.poll_event() {
            told.push(match event {
                StreamEvent::Silent(_) => continue,
                StreamEvent::Activity(a) => format!("active {}", a.active),
                StreamEvent::Interval(c) => format!("interval of {}", c.interval.packets),
                StreamEvent::Ended(e) => format!("ended, active {}", e.was_active),
            });
        }
        told
    };
    assert_eq!(look(&mut streams, 5), ["active true"]);
    assert_eq!(look(&mut streams, 12), ["interval of 50", "active false"]);
    let mut late = packet(50);
    late.time += 20 * SECOND;
    streams.handle(&[late]);
    assert_eq!(look(&mut streams, 22), ["active true"]);
    assert_eq!(look(&mut streams, 90), ["interval of 1", "ended, active true"]);
    assert_eq!(streams.len(), (0, 0));
}

#[test]
fn a_full_table_lets_the_longest_silent_go() {
    let bounds = Settings { streams: 4, unbound: 4, ..Settings::default() };
    let mut streams = Streams::new(bounds);
    said(&mut streams, 0, "AMR-WB");
    for ssrc in 0..20 {
        let mut p = packet(ssrc as u16);
        p.key.ssrc = ssrc;
        p.hash = HashKey::PUBLIC.hash(&p.key.flow, ssrc);
        streams.handle(&[p]);
    }
    assert_eq!(streams.len(), (8, 0));
    assert_eq!(streams.counters().evicted, 12);
    let gone: Vec<u32> = ended(&mut streams).iter().map(|e| e.key.ssrc).collect();
    assert_eq!(gone, (0..12).collect::<Vec<_>>());
}
