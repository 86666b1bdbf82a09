//! Each part of the packet path alone: `cargo bench --bench parts`.
//!
//! Divan rather than criterion: it reads a parameter's counter as packets a second, finds its sample size by
//! itself, and brings three crates where criterion brings forty. Ratios within one run are in `scale.rs`.

mod load;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::LazyLock;

use clearline::decode::sdp::Sdp;
use clearline::decode::sip::Message;
use clearline::decode::{
    Address, Decoder, Endpoint, Flow, HashKey, RtpPacket, Settings, Transport, decode_plain,
};
use clearline::engine::{self, Engine};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use load::{Frames, Load};
use probes::pcap::{self, Input, Writer};
use probes::{Frame, LinkType};

fn main() {
    divan::main();
}

/// A hundred calls of ten seconds: 21 MB, more than a second-level cache holds.
static LOAD: LazyLock<Frames> =
    LazyLock::new(|| Load { calls: 100, seconds: 10, ..Load::default() }.in_memory());

fn each_frame(bencher: Bencher<'_, '_>, mut take: impl FnMut(&Frame<'_>)) {
    let frames = LOAD.frames();
    bencher.counter(ItemsCount::new(frames.len())).bench_local(|| frames.iter().for_each(&mut take));
}

/// The floor: one byte of each cache line.
#[divan::bench]
fn frames_touch(bencher: Bencher<'_, '_>) {
    each_frame(bencher, |frame| {
        black_box(frame.data.iter().step_by(64).fold(0, |sum, byte| sum ^ byte));
    });
}

/// Reading a file: records only.
#[divan::bench]
fn file_walk(bencher: Bencher<'_, '_>) {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("parts.pcap");
    let frames = LOAD.frames();
    let written = (|| {
        let mut writer = Writer::new(BufWriter::new(File::create(&path)?), LinkType::ETHERNET)?;
        frames.iter().try_for_each(|frame| writer.write(frame))?;
        writer.into_inner().flush()
    })();
    written.expect("the target directory can be written");
    bencher.counter(ItemsCount::new(frames.len())).bench_local(|| {
        let mut timeline = pcap::open(&[Input::from(path.clone())]).expect("it was just written");
        loop {
            let mut frames = [Frame::default(); 64];
            if timeline.fill(&mut frames) == 0 {
                break;
            }
            black_box(&frames);
        }
    });
}

/// Ethernet, IPv4, UDP, as nearly every frame is read.
#[divan::bench]
fn decode_plain_frames(bencher: Bencher<'_, '_>) {
    each_frame(bencher, |frame| {
        black_box(decode_plain(frame));
    });
}

/// The same by the walk over layers, as tunnels and fragments are read.
#[divan::bench]
fn decode_any_frames(bencher: Bencher<'_, '_>) {
    let mut decoder = Decoder::new(Settings::default());
    each_frame(bencher, |frame| {
        black_box(decoder.decode(frame));
    });
}

#[divan::bench]
fn rtp_parse(bencher: Bencher<'_, '_>) {
    let frames = LOAD.frames();
    let datagrams: Vec<(&[u8], usize)> = frames
        .iter()
        .filter_map(decode_plain)
        .filter_map(|packet| match packet.transport {
            Transport::Udp { payload, sent_len, .. } => Some((payload, sent_len)),
            _ => None,
        })
        .collect();
    bencher.counter(ItemsCount::new(datagrams.len())).bench_local(|| {
        for (payload, sent_len) in &datagrams {
            black_box(RtpPacket::parse(payload, *sent_len));
        }
    });
}

#[divan::bench]
fn flow_hash(bencher: Bencher<'_, '_>) {
    let end = |n: u8| Endpoint::new(Address::v4([10, 0, 0, n]), 16_384 + u16::from(n));
    let flows: Vec<Flow> = (0..200).map(|n| Flow { src: end(n), dst: end(n + 1) }).collect();
    bencher.counter(ItemsCount::new(flows.len())).bench_local(|| {
        for flow in &flows {
            black_box(HashKey::PUBLIC.hash(black_box(flow), 7));
        }
    });
}

/// A kilobyte of INVITE, SDP included, and what the call table asks of it.
#[divan::bench]
fn sip_invite(bencher: Bencher<'_, '_>) {
    let invite = load::invite(7);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        let message = Message::parse(black_box(invite.as_bytes())).expect("a good message");
        black_box((message.call_id(), message.cseq(), message.from(), message.to(), message.via()));
    });
}

#[divan::bench]
fn sdp_offer(bencher: Bencher<'_, '_>) {
    let offer = load::offer(7);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| Sdp::parse(black_box(offer.as_bytes())));
}

/// All but the file and the report.
#[divan::bench]
fn engine_whole(bencher: Bencher<'_, '_>) {
    let frames = LOAD.frames();
    bencher.counter(ItemsCount::new(frames.len())).bench_local(|| {
        let mut engine = Engine::new(engine::Settings::default());
        for batch in frames.chunks(64) {
            engine.handle_frames(batch);
            while let Some(event) = engine.poll_event() {
                black_box(event);
            }
            while let Some(event) = engine.poll_signal() {
                black_box(event);
            }
        }
        engine.finish();
        while let Some(event) = engine.poll_event() {
            black_box(event);
        }
        while let Some(event) = engine.poll_signal() {
            black_box(event);
        }
    });
}
