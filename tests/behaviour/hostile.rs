//! Bytes that nobody honest sends: whatever comes in, numbers come out, and memory keeps its bounds.
//!
//! `CLEARLINE_LONG=1` runs all of what is otherwise a sample (`tests/long/run.sh`).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot make its input has failed"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use clearline::engine::Settings;
use clearline::export::analysis::Labels;
use clearline::run;
use probes::pcap::Input;
use probes::{Frame, LinkType};
use serde_json::Value;

use crate::flood::{Peak, flood, is_long};
use crate::traffic::{
    Dice, End, MS, Recorded, Run, SECOND, START, analyse_frames, captures, ethernet, ipv4, json, mix,
    own_captures, pcap_bytes, read_frames, rtp, scratch, sdp, sip, stream, tcp, udp, udp_in_fragments,
    udp_packet,
};

/// What may only grow as a file goes on.
#[derive(Debug, Default)]
struct Counts(BTreeMap<String, u64>);

impl Counts {
    fn of(report: &Value) -> Self {
        let mut all = BTreeMap::new();
        let mut add = |name: String, n: Option<u64>| *all.entry(name).or_default() += n.unwrap_or(0);
        for kind in ["requests", "responses"] {
            for (name, n) in report["signalling"][kind].as_object().unwrap() {
                add(format!("{kind} {name}"), n.as_u64());
            }
        }
        for s in report["streams"].as_array().unwrap() {
            let key = format!("{} > {} {}", s["src"], s["dst"], s["ssrc"]);
            for field in ["packets", "duplicates", "reordered"] {
                add(format!("{key} {field}"), s[field].as_u64());
            }
            // A number is skipped or lost, and which of them may turn out later.
            add(
                format!("{key} numbers"),
                Some(s["expected"].as_u64().unwrap() + s["skipped"].as_u64().unwrap()),
            );
        }
        for c in report["captures"].as_array().unwrap() {
            add("frames".into(), c["packets"].as_u64());
            add("bytes".into(), c["bytes"].as_u64());
        }
        // Calls may yet turn out to be one.
        let legs = report["calls"].as_array().unwrap().iter().map(|c| c["legs"].as_array().unwrap().len());
        add("legs".into(), Some(legs.sum::<usize>() as u64));
        Self(all)
    }

    fn assert_within(&self, whole: &Self, what: &str) {
        for (name, n) in &self.0 {
            let most = whole.0.get(name).copied().unwrap_or(0);
            assert!(*n <= most, "{what}: {name} is {n}, of the whole file {most}");
        }
    }
}

/// Analyses bytes as a file. `None`: not a capture.
fn analyse_bytes(name: &str, bytes: &[u8]) -> Option<Value> {
    let path = scratch(name, bytes);
    let outcome =
        run::analyse(&[Input::from(path.clone())], Settings::default(), Labels::default(), 1, |_| {});
    std::fs::remove_file(path).unwrap();
    outcome.ok().map(|o| json(&o.analysis))
}

fn check_cuts(name: &str, bytes: &[u8], at: impl Iterator<Item = usize>) {
    let whole = Counts::of(&analyse_bytes(name, bytes).unwrap());
    for cut in at {
        if let Some(report) = analyse_bytes(name, bytes.get(..cut).unwrap()) {
            Counts::of(&report).assert_within(&whole, &format!("{name} cut at {cut}"));
        }
    }
}

/// Own-made captures by name, as they stand (most of them compressed).
fn stored() -> Vec<(String, Vec<u8>)> {
    own_captures()
        .into_iter()
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap()))
        .collect()
}

/// Own-made captures by name, and the mix: their frames.
fn captured() -> Vec<(String, Vec<Recorded>)> {
    let mut all: Vec<_> = own_captures()
        .iter()
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned() + ".plain", read_frames(path)))
        .collect();
    all.push(("mix".into(), mix()));
    all
}

#[test]
fn a_file_cut_short_anywhere_tells_no_more_than_the_whole() {
    let mut dice = Dice(1);
    for (name, bytes) in stored() {
        if is_long() && bytes.len() <= 64 << 10 {
            check_cuts(&name, &bytes, 0..bytes.len());
        } else {
            let at: Vec<usize> = (0..4).map(|_| dice.below(bytes.len() as u64) as usize).collect();
            check_cuts(&name, &bytes, at.into_iter());
        }
    }
}

#[test]
fn a_file_cut_short_about_a_record_tells_no_more_than_the_whole() {
    let mut dice = Dice(2);
    for (name, frames) in captured() {
        let bytes = pcap_bytes(&frames);
        let most = if is_long() { 1500.0 } else { 2.0 };
        let at = cuts_about_records(&mut dice, &frames, most);
        check_cuts(&name, &bytes, at.into_iter());
    }
}

/// Ends of the records of `frames` as a pcap file, about `most` of them, spread over them all; and a byte
/// before and after each.
fn cuts_about_records(dice: &mut Dice, frames: &[Recorded], most: f64) -> Vec<usize> {
    let mut ends = vec![24];
    for frame in frames {
        ends.push(ends.last().unwrap() + 16 + frame.data.len());
    }
    let keep = most / ends.len() as f64;
    let last = ends.last().copied().unwrap();
    let kept = ends.into_iter().filter(|_| dice.chance(keep));
    kept.flat_map(|e| [e - 1, e, e + 1]).filter(|&cut| cut <= last).collect()
}

/// A capture's bytes, and where to cut them: in CI anywhere once; at length at every byte of a short file, and of
/// a longer one at the end of every record and a byte before and after it.
fn cuts_of(path: &Path, bytes: Vec<u8>) -> (Vec<u8>, Vec<usize>) {
    let mut dice = Dice(bytes.len() as u64);
    if !is_long() {
        let at = dice.below(bytes.len() as u64) as usize;
        return (bytes, vec![at]);
    }
    if bytes.len() <= 64 << 10 {
        let at = (0..bytes.len()).collect();
        return (bytes, at);
    }
    let mut frames = read_frames(path);
    // A pcap file has one link type.
    let link = frames.first().map(|f| f.link);
    frames.retain(|f| Some(f.link) == link);
    (pcap_bytes(&frames), cuts_about_records(&mut dice, &frames, f64::INFINITY))
}

#[test]
fn captures_of_others_cut_short_are_read_to_their_end() {
    let Some(folder) = std::env::var_os("CLEARLINE_CAPTURES") else {
        println!("skipped: the captures that CLEARLINE_CAPTURES would name");
        return;
    };
    let mut files = Vec::new();
    captures(Path::new(&folder), &mut files);
    files.sort();
    let files = Mutex::new(files);
    let (read, cuts) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let cut_one_after_another = |name: &str| {
        while let Some(path) = { files.lock().unwrap().pop() } {
            let bytes = std::fs::read(&path).unwrap();
            if analyse_bytes(name, &bytes).is_none() {
                continue;
            }
            let (bytes, at) = cuts_of(&path, bytes);
            for &cut in &at {
                analyse_bytes(name, bytes.get(..cut).unwrap());
            }
            let done = cuts.fetch_add(at.len(), Relaxed) + at.len();
            let read = 1 + read.fetch_add(1, Relaxed);
            if is_long() {
                println!("{done} cuts of {read} captures, {} the last", path.display());
            }
        }
    };
    std::thread::scope(|threads| {
        threads.spawn(|| cut_one_after_another("cut-a"));
        cut_one_after_another("cut-b");
    });
    assert!(read.load(Relaxed) > 0);
    println!("{} cuts of {} captures", cuts.load(Relaxed), read.load(Relaxed));
}

/// Link types that are read, and two that are not.
const LINKS: [u16; 14] = [0, 1, 9, 12, 101, 105, 113, 127, 192, 228, 229, 239, 276, 999];

/// What noise on a line, a broken tool or an attacker would change.
fn mutate(dice: &mut Dice, frames: &mut Vec<Recorded>) {
    for _ in 0..=dice.below(12) {
        let n = dice.below(frames.len() as u64) as usize;
        let other = frames.get(dice.below(frames.len() as u64) as usize).cloned().unwrap();
        let choice = dice.below(9);
        let frame = frames.get_mut(n).unwrap();
        let len = frame.data.len().max(1) as u64;
        let at = dice.below(len) as usize;
        match choice {
            0 => frame.data.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << (dice.0 & 7)),
            1 => frame.data.iter_mut().skip(at).take(4).for_each(|b| *b = dice.roll() as u8),
            2 => frame.data.truncate(at),
            3 => frame.time = dice.roll().cast_signed(),
            4 => frame.time += dice.below(20_000_000_000_000).cast_signed() - 10_000_000_000_000,
            5 => frame.link = LinkType(LINKS[n % LINKS.len()]),
            6 => frame.data.extend_from_slice(&other.data),
            7 => {
                let some = other.data.get(at.min(other.data.len())..).unwrap();
                frame.data.splice(at..at, some.iter().copied());
            }
            _ => frames.insert(n, other),
        }
    }
}

#[test]
fn mutated_captures_are_analysed_without_a_fault() {
    let rounds = if is_long() { 20_000 } else { 60 };
    let captured: Vec<_> = captured().into_iter().map(|(_, f)| f).collect();
    for seed in 0..rounds {
        let mut dice = Dice(seed);
        let whole = captured.get(dice.below(captured.len() as u64) as usize).unwrap();
        let from = dice.below(whole.len() as u64) as usize;
        let mut frames: Vec<Recorded> = whole.iter().skip(from).take(400).cloned().collect();
        for _ in 0..=dice.below(6) {
            mutate(&mut dice, &mut frames);
        }
        analyse_frames(&frames);
    }
}

#[test]
fn mutated_files_are_read_without_a_fault() {
    let rounds = if is_long() { 20_000 } else { 60 };
    let mut files = stored();
    let some: Vec<Recorded> = mix().into_iter().take(300).collect();
    files.push(("mix.pcap".into(), pcap_bytes(&some)));
    for seed in 0..rounds {
        let mut dice = Dice(!seed);
        let (name, bytes) = files.get(dice.below(files.len() as u64) as usize).unwrap();
        let mut bytes = bytes.clone();
        for _ in 0..=dice.below(8) {
            let at = dice.below(bytes.len() as u64) as usize;
            // The headers are where it hurts.
            let at = if dice.chance(0.3) { at % 64 } else { at };
            bytes.iter_mut().skip(at).take(1 + dice.below(4) as usize).for_each(|b| *b = dice.roll() as u8);
        }
        analyse_bytes(&format!("mutated-{name}"), &bytes);
    }
}

/// A gzip file that says "the same byte again" 258 times with every 13 bits: `prefix`, then zeros.
fn gzip_bomb(prefix: &[u8], zeros: usize) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    // A stored block with the prefix and one zero to repeat.
    let len = u16::try_from(prefix.len() + 1).unwrap();
    out.push(0);
    out.extend(len.to_le_bytes());
    out.extend((!len).to_le_bytes());
    out.extend_from_slice(prefix);
    out.push(0);
    // The last block, of fixed codes (RFC 1951 §3.2.6): length 258 is 11000101, distance 1 is 00000.
    let (mut bits, mut held) = (0b011_u64, 3);
    for _ in 0..zeros / 258 {
        bits |= 0b1010_0011 << held;
        held += 13;
        while held >= 8 {
            out.push(bits as u8);
            bits >>= 8;
            held -= 8;
        }
    }
    out.extend([bits as u8, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out
}

#[test]
fn a_gzip_bomb_is_read_in_little_memory() {
    let header = pcap_bytes(&[]);
    let zeros = if is_long() { 2 << 30 } else { 32 << 20 };
    // As empty records, and as one record after another of the most that is allowed.
    let empty = gzip_bomb(&header, zeros);
    let mut one = header;
    one.extend([0; 8]);
    one.extend((256_u32 << 10).to_le_bytes());
    one.extend((256_u32 << 10).to_le_bytes());
    for (bomb, packets) in [(empty, zeros as u64 / 17), (gzip_bomb(&one, zeros), 1)] {
        let (report, peak) = flood(std::iter::once(bomb));
        assert!(report["captures"][0]["packets"].as_u64().unwrap() >= packets, "{}", report["captures"]);
        peak.assert_below(96);
    }
}

/// One block of pcapng, with what it claims to be long.
fn pcapng_block(kind: u32, claims: u32, body: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &claims.to_le_bytes(), body, &claims.to_le_bytes()].concat()
}

#[test]
fn a_record_that_claims_16_mebibytes_costs_no_more_than_that() {
    let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    let mut bytes = pcapng_block(0x0a0d_0d0a, 28, &section);
    bytes.extend(pcapng_block(1, 20, &[1, 0, 0, 0, 0, 0, 0, 0]));
    bytes.extend(pcapng_block(6, 16 << 20, &[0x55; 4000]));
    let (report, peak) = flood(std::iter::once(bytes));
    assert!(!report["captures"][0]["damaged"].is_null());
    peak.assert_below(64);
    // In pcap no packet may claim more than the largest snap length.
    let mut bytes = pcap_bytes(&stream(START, END_A, END_B, 1, 20));
    bytes.extend([0; 8]);
    bytes.extend((16_u32 << 20).to_le_bytes());
    bytes.extend((16_u32 << 20).to_le_bytes());
    let report = analyse_bytes("claims.pcap", &bytes).unwrap();
    assert_eq!(report["streams"][0]["packets"], 20);
    assert!(!report["captures"][0]["damaged"].is_null());
}

const END_A: End = ([192, 0, 2, 1], 40_000);
const END_B: End = ([192, 0, 2, 2], 50_000);

fn undecoded(frames: &[Recorded]) -> BTreeMap<&'static str, u64> {
    let frames: Vec<Frame<'_>> = frames.iter().map(Recorded::frame).collect();
    let mut run = Run::default();
    run.take(&frames);
    let counts = run.engine.undecoded().iter().map(|(why, n)| (why.reason(), n)).collect();
    run.finish();
    counts
}

#[test]
fn tunnels_a_thousand_deep_are_given_up_and_counted() {
    let inner = udp_packet(END_A, END_B, &rtp(0, false, 1, 0, 1, &[0; 20]));
    let v4 = |protocol, payload: &[u8]| ipv4(protocol, [10, 0, 0, 1], [10, 0, 0, 2], 0, 0, payload);
    let deep = |wrap: &dyn Fn(&[u8]) -> Vec<u8>| (0..1000).fold(inner.clone(), |packet, _| wrap(&packet));
    let gre = deep(&|p| v4(47, &[&[0, 0, 8, 0], p].concat()));
    let ip_in_ip = deep(&|p| v4(4, p));
    let vlans = [[0x81, 0, 0, 1].repeat(1000), vec![8, 0], inner.clone()].concat();
    let labels = [[0, 0, 0x10, 64].repeat(1000), vec![0, 0, 0x11, 64], inner.clone()].concat();
    let vlan_frame = [[2; 12].to_vec(), vlans].concat();
    let mpls_frame = [[2; 12].to_vec(), vec![0x88, 0x47], labels].concat();
    let options = [[60, 0, 1, 4, 0, 0, 0, 0].repeat(1000), inner.clone()].concat();
    let mut v6 = vec![0x60, 0, 0, 0];
    v6.extend(u16::try_from(options.len()).unwrap().to_be_bytes());
    v6.extend([60, 64]);
    v6.extend([0x20; 32]);
    v6.extend(options);
    let raw = |data| Recorded { time: START, link: LinkType::RAW, data };
    let tagged = |data| Recorded { time: START, link: LinkType::ETHERNET, data };
    for frame in [raw(gre), raw(ip_in_ip), tagged(vlan_frame), raw(v6)] {
        assert_eq!(undecoded(&[frame]).get("too-deep"), Some(&1));
    }
    // A label stack is one layer, however high.
    assert!(undecoded(&[tagged(mpls_frame)]).is_empty());
}

/// pnet's view of a cooked header takes 8 bytes for all 16, and panicked (fuzz target `frame`).
#[test]
fn a_frame_of_any_link_type_may_end_anywhere_in_its_headers() {
    let udp = udp_packet(END_A, END_B, &rtp(0, false, 1, 0, 1, &[0; 20]));
    for link in LINKS {
        for fill in [0, 1, 8, 0x45, 0x81, 0xff] {
            for len in 0..64 {
                let data = [&vec![fill; len][..], &udp].concat();
                let cuts = (0..data.len()).map(|cut| data.get(..cut).unwrap().to_vec());
                let frames: Vec<_> =
                    cuts.map(|data| Recorded { time: START, link: LinkType(link), data }).collect();
                undecoded(&frames);
            }
        }
    }
}

/// Frames of a flood as a pcap stream.
fn flood_of(frames: impl Iterator<Item = Recorded> + Send + 'static) -> (Value, Peak) {
    let header = std::iter::once(pcap_bytes(&[]));
    flood(header.chain(frames.map(|f| pcap_bytes(&[f]).split_off(24))))
}

/// So many in CI; all of them at length.
fn many(all: u64) -> u64 {
    if is_long() { all } else { all / 20 }
}

fn any_end(dice: &mut Dice) -> End {
    let r = dice.roll();
    ([10, r as u8, (r >> 8) as u8, (r >> 16) as u8], (r >> 24) as u16 | 1024)
}

#[test]
fn a_flood_of_random_datagrams_is_forgotten() {
    let mut dice = Dice(3);
    let n = many(1_000_000);
    let (report, peak) = flood_of((0..n).map(move |i| {
        let (src, dst, len) = (any_end(&mut dice), any_end(&mut dice), dice.below(64) as usize);
        udp(START + i.cast_signed() * 1000, src, dst, &dice.bytes(len))
    }));
    assert_eq!(report["captures"][0]["packets"], n);
    assert_eq!(report["streams"].as_array().unwrap().len(), 0);
    peak.assert_below(256);
}

#[test]
fn a_flood_of_sources_is_held_within_bounds() {
    let mut dice = Dice(4);
    let n = many(1_000_000);
    let (report, peak) = flood_of((0..n).map(move |i| {
        let (src, dst, ssrc) = (any_end(&mut dice), any_end(&mut dice), dice.roll() as u32);
        udp(START + i.cast_signed() * 1000, src, dst, &rtp(0, false, 1, 0, ssrc, &[0; 20]))
    }));
    assert_eq!(report["streams"].as_array().unwrap().len(), 0);
    peak.assert_below(256);
}

#[test]
fn a_flood_of_sources_on_one_signalled_port_is_ended_in_good_time() {
    let mut dice = Dice(5);
    // Each is told, and takes its place in the report.
    let n = many(if is_long() { 1_000_000 } else { 200_000 });
    let answer = sip("SIP/2.0 200 OK", "flood", "1 INVITE", &sdp(END_B, "0", ""));
    let first = udp(START, (END_B.0, 5060), (END_A.0, 5060), &answer);
    let (report, peak) = flood_of(std::iter::once(first).chain((0..n).map(move |i| {
        let packet = rtp(0, false, 1, 0, dice.roll() as u32, &[0; 20]);
        udp(START + MS + i.cast_signed() * 1000, END_A, END_B, &packet)
    })));
    let streams = report["streams"].as_array().unwrap().len() as u64;
    assert!(streams * 100 >= n * 99 && streams <= n, "{streams} of {n}");
    // 3.8 kB a stream told, whatever their number.
    peak.assert_below(200 + 4 * n / 1000);
}

#[test]
fn a_flood_of_reports_keeps_the_bound_on_what_is_remembered() {
    let mut dice = Dice(8);
    let n = many(1_000_000);
    let (report, peak) = flood_of((0..n).map(move |i| {
        let (source, about) = (dice.roll() as u32, dice.roll() as u32);
        let report = crate::traffic::rtcp(source, dice.roll() as u32, about, dice.roll() as u32, 0);
        udp(START + i.cast_signed() * 1000, END_A, END_B, &report)
    }));
    assert_eq!(report["captures"][0]["packets"], n);
    peak.assert_below(256);
}

#[test]
fn counters_tell_what_a_flood_pushed_out() {
    let mut settings = Settings::default();
    settings.streams.unbound = 100;
    settings.streams.streams = 100;
    let mut engine = clearline::engine::Engine::new(settings);
    for i in 0..5000_u32 {
        let packet = rtp(0, false, 1, 0, i, &[0; 20]);
        engine.handle_frames(&[udp(START + i64::from(i) * 1000, END_A, END_B, &packet).frame()]);
    }
    engine.finish();
    assert_eq!(engine.stream_counters().not_rtp, 5000);
    assert!(engine.stream_counters().unbound_evicted >= 4900);
    assert!(engine.poll_event().is_none());
}

#[test]
fn a_flood_of_forged_invites_keeps_the_bound_on_calls() {
    let n = many(100_000);
    let (report, peak) = flood_of((0..n).map(|i| {
        let end = ([10, 1, (i >> 8) as u8, i as u8], 4000 + (i >> 16) as u16 * 2);
        let invite = sip(
            "INVITE sip:b@example.net SIP/2.0",
            &format!("f{i}"),
            "1 INVITE",
            &sdp(end, "0 8 18 101", ""),
        );
        udp(START + i.cast_signed() * 10_000, (end.0, 5060), (END_B.0, 5060), &invite)
    }));
    assert_eq!(report["signalling"]["requests"]["INVITE"], n);
    assert_eq!(report["calls"].as_array().unwrap().len() as u64, n);
    peak.assert_below(160 + 8 * n / 1000);
}

#[test]
fn calls_that_came_and_went_leave_nothing_behind_one_that_stays() {
    let n = many(400_000);
    let message = |i: u64, time, start: &str, cseq: &str| {
        udp(time, (END_A.0, 5060), (END_B.0, 5060), &sip(start, &format!("g{i}"), cseq, ""))
    };
    let (report, peak) = flood_of((0..n).flat_map(move |i| {
        let time = START + i.cast_signed() * SECOND;
        let invite = message(i, time, "INVITE sip:b@example.net SIP/2.0", "1 INVITE");
        let refusal = message(i, time + MS, "SIP/2.0 404 Not Found", "1 INVITE");
        std::iter::once(invite).chain((i > 0).then_some(refusal))
    }));
    assert_eq!(report["calls"].as_array().unwrap().len() as u64, n);
    peak.assert_below(160 + 3 * n / 1000);
}

#[test]
fn a_call_refused_over_and_over_costs_no_more_than_one() {
    let n = many(1_000_000);
    let (report, peak) = flood_of((0..n).flat_map(move |i| {
        let time = START + i.cast_signed() * 10_000;
        let cseq = format!("{} INVITE", 1 + i);
        let flow = ((END_A.0, 5060), (END_B.0, 5060));
        [
            udp(time, flow.0, flow.1, &sip("INVITE sip:b@example.net SIP/2.0", "again", &cseq, "")),
            udp(time + 1000, flow.1, flow.0, &sip("SIP/2.0 401 Unauthorized", "again", &cseq, "")),
        ]
    }));
    assert_eq!(report["calls"].as_array().unwrap().len(), 1);
    peak.assert_below(96);
}

#[test]
fn a_call_answered_after_a_challenge_is_one_call_however_long_it_lasts() {
    let (a, b) = ((END_A.0, 5060), (END_B.0, 5060));
    let invite = |cseq| sip("INVITE sip:b@example.net SIP/2.0", "long", cseq, "");
    let frames = [
        udp(START, a, b, &invite("1 INVITE")),
        udp(START + 20 * MS, b, a, &sip("SIP/2.0 407 Proxy Authentication Required", "long", "1 INVITE", "")),
        udp(START + 40 * MS, a, b, &invite("2 INVITE")),
        udp(START + 2 * SECOND, b, a, &sip("SIP/2.0 200 OK", "long", "2 INVITE", "")),
        udp(START + 2 * SECOND + MS, a, b, &sip("ACK sip:b@example.net SIP/2.0", "long", "2 ACK", "")),
        udp(START + 50 * SECOND, a, b, &[0; 4]),
        udp(START + 100 * SECOND, a, b, &[0; 4]),
        udp(START + 102 * SECOND, a, b, &sip("BYE sip:b@example.net SIP/2.0", "long", "3 BYE", "")),
    ];
    let report = analyse_frames(&frames);
    assert_eq!(report["calls"].as_array().unwrap().len(), 1);
    assert_eq!(report["calls"][0]["state"], "completed");
    assert_eq!(report["calls"][0]["duration_s"], 100.0);
}

#[test]
fn a_description_of_a_million_media_is_cut_or_passed_over() {
    // Over UDP as many as a datagram holds, each with eight ports …
    let lines = "m=audio 9000/8 RTP/AVP 0\r\n".repeat(2200);
    let body = sdp(END_A, "0", "") + &lines;
    let invite = sip("INVITE sip:b@example.net SIP/2.0", "wide", "1 INVITE", &body);
    let mut frames: Vec<Recorded> = Vec::new();
    for _ in 0..many(400) {
        frames.extend(udp_in_fragments(START, 1, (END_A.0, 5060), (END_B.0, 5060), &invite));
    }
    let report = analyse_frames(&frames);
    assert_eq!(report["signalling"]["requests"]["INVITE"], many(400));
    // … over TCP a million.
    let body = sdp(END_A, "0", "") + &"m=audio 1 RTP/AVP 0\r\n".repeat(many(1_000_000) as usize);
    let invite = sip("INVITE sip:b@example.net SIP/2.0", "wide", "1 INVITE", &body);
    let mut sequence = 1_u32;
    let segments: Vec<Recorded> = invite
        .chunks(1400)
        .map(|piece| {
            let frame = tcp(START, (END_A.0, 5060), (END_B.0, 5060), sequence, 0x18, piece);
            sequence += u32::try_from(piece.len()).unwrap();
            frame
        })
        .collect();
    let after = sip("OPTIONS sip:b@example.net SIP/2.0", "after", "1 OPTIONS", "");
    let last = tcp(START, (END_A.0, 5060), (END_B.0, 5060), sequence, 0x18, &after);
    let (report, peak) = flood_of(segments.into_iter().chain([last]));
    // Too long to be kept; the message after it is read.
    assert_eq!(report["signalling"]["requests"]["OPTIONS"], 1);
    peak.assert_below(96);
}

#[test]
fn fragments_that_never_complete_are_let_go_and_counted() {
    let n = many(1_000_000);
    let (report, peak) = flood_of((0..n).map(|i| {
        let [_, a, b, c] = (i as u32).to_be_bytes();
        ethernet(
            START + i.cast_signed() * 1000,
            &ipv4(17, [10, a, b, c], END_B.0, i as u16, 0x2000, &[0; 512]),
        )
    }));
    let given_up = report["captures"][0]["undecoded"]["fragment-limit"].as_u64().unwrap();
    assert!(given_up > n / 2, "{given_up}");
    peak.assert_below(160);
}

#[test]
fn datagrams_completed_behind_one_that_never_is_leave_nothing() {
    let n = many(1_000_000);
    let waiting = ethernet(START, &ipv4(17, [10, 9, 9, 9], END_B.0, 7, 0x2000, &[0; 64]));
    let (_, peak) = flood_of(std::iter::once(waiting).chain((0..n).flat_map(|i| {
        udp_in_fragments(START, i as u16, END_A, END_B, &[0; 32]).map(|f| Recorded { time: START, ..f })
    })));
    peak.assert_below(96);
}

#[test]
fn connections_that_never_complete_a_message_are_let_go() {
    let n = many(1_000_000);
    let (report, peak) = flood_of((0..n).map(|i| {
        let [_, a, b, c] = (i as u32).to_be_bytes();
        let begun =
            format!("INVITE sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/TCP x\r\nSubject: {}", "x".repeat(900));
        tcp(START + i.cast_signed() * 1000, ([10, a, b, c], 5060), END_B, 1, 0x18, begun.as_bytes())
    }));
    assert_eq!(report["captures"][0]["packets"], n);
    peak.assert_below(256);
}

#[test]
fn holes_in_a_connection_keep_little_waiting() {
    let n = many(1_000_000);
    let (_, peak) = flood_of((0..n).map(|i| {
        let sequence = 1_u32.wrapping_add((i as u32).wrapping_mul(3000));
        tcp(
            START + i.cast_signed() * 1000,
            END_A,
            ([10, 0, 0, (i % 251) as u8], 5060),
            sequence,
            0x18,
            &[b'x'; 1400],
        )
    }));
    peak.assert_below(256);
}

#[test]
fn times_at_both_ends_of_the_range_are_only_numbers() {
    let times = [i64::MIN, i64::MAX, 0, -1, START, i64::MIN + 1, i64::MAX - 1, i64::MAX / 2];
    let (a, b) = ((END_A.0, 5060), (END_B.0, 5060));
    let mut dice = Dice(6);
    for round in 0..many(2000) {
        let mut any_time = || times.get(dice.below(8) as usize).copied().unwrap();
        let mut frames = vec![
            udp(
                any_time(),
                a,
                b,
                &sip("INVITE sip:b@example.net SIP/2.0", "t", "1 INVITE", &sdp(END_A, "0", "")),
            ),
            udp(any_time(), b, a, &sip("SIP/2.0 180 Ringing", "t", "1 INVITE", "")),
            udp(any_time(), b, a, &sip("SIP/2.0 200 OK", "t", "1 INVITE", &sdp(END_B, "0", ""))),
        ];
        for i in 0..40 {
            let packet = rtp(0, i % 7 == 0, (i * (round as u16 % 5)) ^ 1, u32::from(i) * 160, 9, &[0; 160]);
            frames.push(udp(any_time(), END_A, END_B, &packet));
            frames.push(udp(any_time(), END_B, ([10, 0, 0, 1], 9), &packet));
        }
        let report = crate::traffic::rtcp(9, 7, 9, 7, u32::MAX);
        frames.push(udp(any_time(), (END_A.0, 40_001), (END_B.0, 50_001), &report));
        frames.push(udp(any_time(), (END_B.0, 50_001), (END_A.0, 40_001), &report));
        frames.push(udp(any_time(), a, b, &sip("BYE sip:b@example.net SIP/2.0", "t", "2 BYE", "")));
        frames.push(udp(any_time(), a, b, &sip("BYE sip:b@example.net SIP/2.0", "t", "2 BYE", "")));
        analyse_frames(&frames);
    }
}
