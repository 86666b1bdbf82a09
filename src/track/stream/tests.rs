//! Streams of packets through [`Stream`], against a slow second calculation ([`model`]).

mod model;

use proptest::prelude::*;
use serde_json::Value;

use self::model::Fate;
use super::sequence::Settle;
use super::*;
use crate::track::codecs::EncodingId;

/// What the payload types of these tests carry.
fn known(payload_type: u8) -> Resolved {
    let clock = |clock_rate| Resolved { clock_rate, ..Resolved::default() };
    match payload_type {
        0 => clock(8000),
        1 => clock(16_000),
        2 => clock(48_000),
        3 => clock(44_100),
        4 => Resolved { is_event: true, ..clock(8000) },
        20 => Resolved { modes: Some(ModeReading::OctetAligned), ..clock(16_000) },
        21 => Resolved { modes: Some(ModeReading::BandwidthEfficient), ..clock(16_000) },
        22 => Resolved { modes: Some(ModeReading::G723), ..clock(8000) },
        _ => Resolved::default(),
    }
}

struct Known;

impl ResolvePayload for Known {
    fn resolve(&mut self, p: &RtpArrival, _: Option<EncodingId>) -> Resolved {
        known(p.payload_type)
    }
}

const MS: i64 = 1_000_000;
const START: i64 = 1_700_000_000_000_000_000;

fn packet(time: i64, sequence: u16, timestamp: u32) -> RtpArrival {
    RtpArrival {
        key: StreamKey::default(),
        hash: 0,
        time,
        timestamp,
        payload_head: [0; 4],
        sequence,
        payload_len: 160,
        ip_id: sequence,
        vlan: 0,
        checksum: sequence.wrapping_mul(31),
        payload_type: 0,
        marker: false,
        dscp: 46,
        ttl: 60,
    }
}

/// Packet `n` of a PCMU sender without flaws.
fn regular(n: u16) -> RtpArrival {
    packet(START + i64::from(n) * 20 * MS, n, u32::from(n) * 160)
}

/// What was settled when an interval was closed: expected, lost, late for either buffer.
type Settled = (u32, u32, u32, u32);

struct Outcome {
    intervals: Vec<Interval>,
    settled: Vec<Settled>,
    totals: StreamTotals,
}

/// Follows a stream to its end. Intervals are closed when they are over, and early before the packets of
/// `early`.
fn follow_closing(packets: &[RtpArrival], early: &[usize]) -> Outcome {
    let (mut hot, mut cold) = (Hot::new(&packets[0]), Cold::new(&packets[0]));
    let mut stream = Stream { hot: &mut hot, cold: &mut cold };
    let (mut intervals, mut settled) = (Vec::new(), Vec::new());
    stream.begin(&packets[0], &mut Known);
    for (i, p) in packets.iter().enumerate().skip(1) {
        let end = stream.hot.interval_end();
        if p.time >= end || early.contains(&i) {
            intervals.extend(stream.close_interval(end));
            stream.hot.skip_intervals((p.time.saturating_sub(end) / INTERVAL).max(0));
            let l = &stream.cold.losses;
            settled.push((l.expected, l.lost.bad, l.fixed.bad, l.adaptive.bad));
        }
        stream.arrive(p, &mut Known);
    }
    let (last, totals) = stream.finish();
    intervals.extend(last);
    Outcome { intervals, settled, totals }
}

fn follow(packets: &[RtpArrival]) -> StreamTotals {
    follow_closing(packets, &[]).totals
}

fn close(ours: f64, theirs: f64, tolerance: f64, what: &str) {
    let allowed = tolerance * theirs.abs().max(1.0);
    assert!((ours - theirs).abs() <= allowed, "{what}: {ours} here, {theirs} by the slow calculation");
}

fn same_burst_gap(ours: BurstGap, theirs: BurstGap) {
    assert_eq!(ours.bursts, theirs.bursts);
    close(ours.burst_density, theirs.burst_density, 1e-12, "burst density");
    close(ours.gap_density, theirs.gap_density, 1e-12, "gap density");
    close(ours.burst_packets, theirs.burst_packets, 1e-12, "burst length");
    close(ours.gap_packets, theirs.gap_packets, 1e-12, "gap length");
}

fn same_jitter(ours: Option<JitterMs>, theirs: Option<JitterMs>) {
    assert_eq!(ours.is_some(), theirs.is_some(), "jitter known");
    if let (Some(ours), Some(theirs)) = (ours, theirs) {
        close(ours.mean, theirs.mean, 1e-9, "mean jitter");
        close(ours.last, theirs.last, 1e-9, "last jitter");
        // Held in 32 bits.
        close(ours.max, theirs.max, 1e-7, "largest jitter");
    }
}

/// Everything a stream tells, against the slow calculation.
fn check(packets: &[RtpArrival], early: &[usize]) {
    let Outcome { intervals, settled, totals } = follow_closing(packets, early);
    let m = model::analyse(packets);
    let bad = |is: fn(&Fate) -> bool| m.fates.iter().map(is).collect::<Vec<bool>>();
    let lost = bad(|f| f.lost);

    assert_eq!(totals.packets, m.packets, "packets");
    assert_eq!(totals.duplicates, m.duplicates, "duplicates");
    assert_eq!(totals.reordered, m.reordered, "reordered");
    assert_eq!(totals.skipped, m.skipped, "skipped");
    assert_eq!(totals.expected as usize, m.fates.len(), "expected");
    assert_eq!(totals.lost, model::count_runs(&lost), "lost");
    same_burst_gap(totals.burst_gap, model::burst_gap(&lost));
    close(totals.lost.burst_ratio(totals.expected), model::burst_ratio(&lost), 1e-12, "burst ratio");

    same_jitter(totals.jitter, m.jitter);
    assert_eq!(totals.fixed, model::count_runs(&bad(|f| f.lost || f.late_fixed)), "fixed buffer");
    assert_eq!(totals.adaptive, model::count_runs(&bad(|f| f.lost || f.late_adaptive)), "adaptive buffer");
    assert_eq!(totals.adaptive_delay_ms.is_some(), m.adaptive_delay_ms.is_some());
    if let (Some(ours), Some(theirs)) = (totals.adaptive_delay_ms, m.adaptive_delay_ms) {
        close(ours, theirs, 1e-6, "adaptive delay");
    }

    let sum = |of: fn(&Interval) -> u32| intervals.iter().map(of).sum::<u32>();
    assert_eq!(sum(|i| i.packets), totals.packets, "packets of all intervals");
    assert_eq!(sum(Interval::expected), totals.expected, "expected of all intervals");
    assert_eq!(sum(|i| i.lost.bad), totals.lost.bad, "lost of all intervals");
    assert_eq!(sum(|i| i.fixed.bad), totals.fixed.bad, "lost and discarded (fixed) of all intervals");
    assert_eq!(
        sum(|i| i.adaptive.bad),
        totals.adaptive.bad,
        "lost and discarded (adaptive) of all intervals"
    );
    let possible = |i: &Interval| i.fixed.bad.max(i.adaptive.bad) <= i.expected();
    assert!(intervals.iter().all(possible), "more bad than expected");

    // What was settled then is what it is now.
    for (expected, lost, fixed, adaptive) in settled {
        let then = &m.fates[..expected as usize];
        let count = |is: fn(&Fate) -> bool| then.iter().filter(|f| is(f)).count() as u32;
        assert_eq!(count(|f| f.lost), lost, "settled as lost");
        assert_eq!(count(|f| f.lost || f.late_fixed), fixed, "settled as lost or late (fixed)");
        assert_eq!(count(|f| f.lost || f.late_adaptive), adaptive, "settled as lost or late (adaptive)");
    }
}

/// What happens to a stream, one after the other.
#[derive(Clone, Debug)]
enum Happening {
    /// Packets in order, each late by up to so many microseconds.
    Packets(u16, u32),
    /// Packets lost while time goes on.
    Lose(u16),
    /// Numbers left out while no time passes.
    LeaveOut(u16),
    /// The number so far below the highest arrives, again or for the first time.
    Again(u16),
    /// One packet overtakes so many.
    Overtake(u16),
    Stray(u16),
    Restart(u16),
    /// Milliseconds in which nothing is sent and the media clock goes on; marker after it.
    Silence(u32, bool),
    /// The same, but the media clock stands still.
    Hold(u32, bool),
    /// The media clock steps by so many ms; marker.
    ClockStep(i32, bool),
    /// The network's delay becomes this many ms.
    Delay(u32),
    /// Events, or another codec.
    Events(u16),
    Payload(u8),
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    let far = prop::sample::select(vec![99, 100, 101, 127, 128, 129, 2997, 2998, 2999, 3000, 3001]);
    prop_oneof![
        8 => (5..80u16, prop::sample::select(vec![0, 10, 3000, 70_000])).prop_map(|(n, us)| Packets(n, us)),
        3 => (1..40u16).prop_map(Lose),
        1 => far.clone().prop_map(Lose),
        1 => (1..200u16).prop_map(LeaveOut),
        1 => far.prop_map(LeaveOut),
        4 => (0..103u16).prop_map(Again),
        3 => (1..100u16).prop_map(Overtake),
        1 => any::<u16>().prop_map(Stray),
        1 => any::<u16>().prop_map(Restart),
        1 => (0..40_000u32, any::<bool>()).prop_map(|(ms, m)| Silence(ms, m)),
        1 => (0..40_000u32, any::<bool>()).prop_map(|(ms, m)| Hold(ms, m)),
        1 => (-5000..5000i32, any::<bool>()).prop_map(|(ms, m)| ClockStep(ms, m)),
        2 => prop::sample::select(vec![0, 10, 60, 61, 100, 300, 2000, 7000, 9500]).prop_map(Delay),
        1 => (1..10u16).prop_map(Events),
        1 => prop::sample::select(vec![0, 1, 2, 3, 9]).prop_map(Payload),
    ]
}

/// A sender of a packet each 20 ms, and the network behind it.
struct Sender {
    packets: Vec<RtpArrival>,
    time: i64,
    sequence: u16,
    media_ms: i64,
    first_timestamp: u32,
    delay: i64,
    late_us: u32,
    payload_type: u8,
    marker: bool,
    random: u32,
}

impl Sender {
    fn send(&mut self, back: u16) {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let late = i64::from((self.random >> 8) % (self.late_us + 1)) * 1000;
        let clock = match self.payload_type {
            4 => 8000,
            other => i64::from(known(other).clock_rate.max(8000)),
        };
        let ticks = (self.media_ms - i64::from(back) * 20) * clock / 1000;
        // Wraps, as a media clock does.
        let ticks = ticks.rem_euclid(1 << 32).cast_unsigned() as u32;
        self.packets.push(RtpArrival {
            payload_type: self.payload_type,
            marker: std::mem::take(&mut self.marker),
            ..packet(
                self.time + self.delay + late,
                self.sequence.wrapping_sub(back),
                self.first_timestamp.wrapping_add(ticks),
            )
        });
    }

    fn go_on(&mut self, packets: u16) {
        self.sequence = self.sequence.wrapping_add(packets);
        self.media_ms += i64::from(packets) * 20;
        self.time += i64::from(packets) * 20 * MS;
    }

    fn next(&mut self) {
        self.go_on(1);
        self.send(0);
    }

    fn happens(&mut self, what: &Happening) {
        match *what {
            Happening::Packets(n, us) => {
                self.late_us = us;
                (0..n).for_each(|_| self.next());
            }
            Happening::Lose(n) => {
                self.go_on(n);
                self.next();
            }
            Happening::LeaveOut(n) => {
                self.sequence = self.sequence.wrapping_add(n);
                self.next();
            }
            Happening::Again(back) => self.send(back),
            Happening::Overtake(n) => {
                self.go_on(n);
                (0..=n).for_each(|back| self.send(back));
            }
            Happening::Stray(sequence) => {
                let own = std::mem::replace(&mut self.sequence, sequence);
                self.send(0);
                self.sequence = own;
            }
            Happening::Restart(sequence) => {
                self.sequence = sequence;
                (0..5).for_each(|_| self.next());
            }
            Happening::Silence(ms, marker) => {
                self.media_ms += i64::from(ms);
                self.time += i64::from(ms) * MS;
                self.marker = marker;
            }
            Happening::Hold(ms, marker) => {
                self.time += i64::from(ms) * MS;
                self.marker = marker;
            }
            Happening::ClockStep(ms, marker) => {
                self.media_ms += i64::from(ms);
                self.marker = marker;
            }
            Happening::Delay(ms) => self.delay = i64::from(ms) * MS,
            Happening::Events(n) => {
                let audio = std::mem::replace(&mut self.payload_type, 4);
                (0..n).for_each(|_| self.next());
                self.payload_type = audio;
            }
            Happening::Payload(payload_type) => {
                self.payload_type = payload_type;
                (0..5).for_each(|_| self.next());
            }
        }
    }
}

fn sent(sequence: u16, first_timestamp: u32, random: u32, happenings: &[Happening]) -> Vec<RtpArrival> {
    let mut sender = Sender {
        packets: Vec::new(),
        time: START,
        sequence,
        media_ms: 0,
        first_timestamp,
        delay: 0,
        late_us: 0,
        payload_type: 0,
        marker: false,
        random,
    };
    sender.send(0);
    // Enough for the packet time to be known and stay: what is never sent hangs on it.
    sender.happens(&Happening::Packets(100, 0));
    happenings.iter().for_each(|h| sender.happens(h));
    sender.packets
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_to_a_stream_it_counts_as_the_slow_calculation_does(
        sequence: u16,
        timestamp: u32,
        random: u32,
        happenings in prop::collection::vec(happening(), 0..60),
        early in prop::collection::vec(0..3000usize, 0..4),
    ) {
        check(&sent(sequence, timestamp, random, &happenings), &early);
    }
}

/// Bursts and jitter by a second calculation.
fn vectors(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../../tests/data/stream_vectors.json")).unwrap();
    all[kind].as_array().unwrap().clone()
}

#[test]
fn bursts_gaps_and_burst_ratio_are_those_of_the_vectors() {
    let vectors = vectors("bursts");
    assert_eq!(vectors.len(), 10);
    for v in vectors {
        let events = v["events"].as_str().unwrap();
        let (mut losses, mut with_discards) = (Losses::default(), Losses::default());
        for event in events.chars() {
            match event {
                'R' => {
                    losses.received(1);
                    with_discards.received(1);
                }
                'X' => {
                    losses.late(true, true);
                    with_discards.lost(1);
                }
                _ => {
                    losses.lost(1);
                    with_discards.lost(1);
                }
            }
        }
        let number = |of: &str, name: &str| v[of][name].as_f64().unwrap();
        let expect = |name| number("burst_gap", name);
        let ptime = v["ptime_ms"].as_f64().unwrap();
        let b = with_discards.burst_gap();
        close(f64::from(b.bursts), expect("bursts"), 0.0, "bursts");
        close(b.burst_density, expect("burst_density"), 1e-12, "burst density");
        close(b.gap_density, expect("gap_density"), 1e-12, "gap density");
        close(b.burst_packets * ptime, expect("burst_duration_ms"), 1e-12, "burst duration");
        close(b.gap_packets * ptime, expect("gap_duration_ms"), 1e-12, "gap duration");
        for runs in [losses.fixed, losses.adaptive, with_discards.lost] {
            close(f64::from(runs.runs), number("burst_ratio", "runs"), 0.0, "runs");
            let ratio = runs.burst_ratio(losses.expected);
            close(ratio, number("burst_ratio", "burstr_runs"), 1e-12, "burst ratio");
        }
    }
}

#[test]
fn jitter_is_that_of_the_vectors() {
    let vectors = vectors("jitter");
    assert_eq!(vectors.len(), 6);
    for v in vectors {
        let payload_type = if v["clock"] == 48_000 { 2 } else { 0 };
        let arrivals = v["arrival_us_ts"].as_array().unwrap();
        let packets: Vec<RtpArrival> = (0u16..)
            .zip(arrivals)
            .map(|(n, a)| {
                let timestamp = a[1].as_u64().unwrap() as u32;
                let time = START + a[0].as_i64().unwrap() * 1000;
                RtpArrival { payload_type, ..packet(time, n, timestamp) }
            })
            .collect();
        let expected = v["j_ms"].as_array().unwrap();
        // J after each packet: the stream that ends there.
        for (count, j) in (2..).zip(expected) {
            let last = follow(&packets[..count]).jitter.unwrap().last;
            close(last, j.as_f64().unwrap(), 1e-9, "J");
        }
        let of = |name: &str| v[name].as_f64().unwrap();
        let theirs = JitterMs { mean: of("mean"), max: of("max"), last: of("final") };
        same_jitter(follow(&packets).jitter, Some(theirs));
    }
}

/// `count` regular packets, delayed by what `delay_ms` says of each.
fn delayed(count: u16, delay_ms: impl Fn(u16) -> i64) -> Vec<RtpArrival> {
    (0..count)
        .map(|n| {
            let p = regular(n);
            RtpArrival { time: p.time + delay_ms(n) * MS, ..p }
        })
        .collect()
}

#[test]
fn sixty_ms_late_is_in_time_and_sixty_one_is_not() {
    let late = |ms| follow(&delayed(500, |n| if n == 250 { ms } else { 0 })).fixed.bad;
    assert_eq!((late(59), late(60), late(61)), (0, 0, 1));
}

/// Counted by hand from Ramjee's algorithm: six packets until the mean has caught up.
#[test]
fn a_step_of_100_ms_costs_the_adaptive_buffer_six_packets() {
    // The step falls right after a second began, so that the playout point has just moved.
    let packets = delayed(1500, |n| if n < 501 { 0 } else { 100 });
    check(&packets, &[]);
    assert_eq!(follow(&packets).adaptive.bad, 6);
}

/// Ten seconds after the step the least transit is that behind it, however far the step was.
#[test]
fn a_step_of_many_seconds_is_forgotten_as_soon_as_a_small_one() {
    for step in [100, 4000, 6000, 20_000] {
        let packets = delayed(3000, |n| if n < 500 { 0 } else { step });
        check(&packets, &[]);
        assert!(follow(&packets).fixed.bad <= 500, "{step} ms");
    }
}

#[test]
fn clock_drift_for_hours_discards_nothing() {
    for drift in [-1, 1] {
        // 500 ppm: 10 µs a packet, over 4.2 s in all.
        let packets: Vec<RtpArrival> = (0..450_000)
            .map(|n: u32| {
                let time = START + i64::from(n) * 20 * MS + i64::from(n) * drift * 10_000;
                packet(time, n as u16, n.wrapping_mul(160))
            })
            .collect();
        let totals = follow(&packets);
        assert_eq!((totals.fixed.bad, totals.adaptive.bad, totals.packets), (0, 0, 450_000));
    }
}

#[test]
fn numbers_that_no_time_could_carry_are_skipped_and_stay_so_behind_a_loss() {
    let sent = |gap_ms: i64, lose: u16| {
        let mut packets: Vec<RtpArrival> = (0..200).map(regular).collect();
        let after = |n: u16| packet(START + (4000 + gap_ms) * MS + i64::from(n) * 20 * MS, n + 280, 0);
        packets.extend((0..5).map(after));
        packets.extend((5 + lose..200).map(after));
        packets
    };
    // 80 numbers are 1.6 s of 20 ms.
    assert_eq!(follow(&sent(0, 0)).skipped, 80);
    assert_eq!(follow(&sent(1000, 0)).skipped, 0);
    for lose in [1, 28, 29, 50, 99, 100, 101] {
        let totals = follow(&sent(0, lose));
        assert_eq!((totals.skipped, totals.lost.bad), (80, u32::from(lose)), "{lose} lost");
    }
}

/// The time of a gap counts from the packet before it, not from one that came late in between.
#[test]
fn a_gap_is_as_long_as_the_time_between_its_ends() {
    let mut packets: Vec<RtpArrival> = (0..100).filter(|&n| n != 98).map(regular).collect();
    packets.push(RtpArrival { time: START + 2980 * MS, ..regular(98) });
    packets.push(RtpArrival { time: START + 3000 * MS, ..regular(180) });
    check(&packets, &[]);
    // 80 × 20 ms ≤ 3000 − 1980 + 1000 ms.
    assert_eq!((follow(&packets).skipped, follow(&packets).lost.bad), (0, 80));
}

#[test]
fn the_packet_time_outlives_a_change_of_clock() {
    let mut packets: Vec<RtpArrival> = (0..300).map(regular).collect();
    let opus = |n: u16| RtpArrival { payload_type: 2, timestamp: u32::from(n) * 960, ..regular(n) };
    packets.extend((300..400).map(opus));
    assert_eq!(follow(&packets).ptime_ms, Some(20.0));
    assert_eq!(model::analyse(&packets).ptime_ms, Some(20.0));
}

/// Each packet again `after` nanoseconds, as `of` makes it.
fn doubled(packets: &[RtpArrival], of: impl Fn(&RtpArrival) -> RtpArrival) -> Vec<RtpArrival> {
    packets.iter().flat_map(|p| [*p, of(p)]).collect()
}

#[test]
fn every_packet_seen_twice_is_a_span_ports_doing() {
    let in_order: Vec<RtpArrival> = (0..2003).map(regular).collect();
    let mut reordered = in_order.clone();
    reordered.chunks_mut(7).for_each(|c| c.swap(0, c.len() - 1));
    for packets in [in_order, reordered] {
        let copies = [
            doubled(&packets, |p| RtpArrival { time: p.time + 7000, ..*p }),
            // Seen before and behind a router.
            doubled(&packets, |p| RtpArrival { time: p.time + 7000, ttl: p.ttl - 1, ..*p }),
        ];
        for seen in copies {
            let totals = follow(&seen);
            let expected = (2003, 2003, 2003);
            assert_eq!((totals.packets, totals.duplicates, totals.mirror_copies), expected);
        }
    }
}

#[test]
fn duplicates_that_the_network_makes_are_no_mirror_copies() {
    let every_50th = |packets: u16, from: u16| -> Vec<RtpArrival> {
        let twice = |n: u16| if n % 50 == from { vec![regular(n); 2] } else { vec![regular(n)] };
        (0..packets).flat_map(twice).collect()
    };
    for (packets, from) in [(2000, 0), (2000, 49), (501, 0), (502, 1), (50, 3)] {
        let totals = follow(&every_50th(packets, from));
        assert!(totals.duplicates > 0);
        assert_eq!(totals.mirror_copies, 0, "{packets} packets");
    }
    // The same, but another packet of the sender's: not even in a stream that short.
    let resent = doubled(&(0..20).map(regular).collect::<Vec<_>>(), |p| RtpArrival {
        ip_id: p.ip_id.wrapping_add(1000),
        ..*p
    });
    assert_eq!((follow(&resent).duplicates, follow(&resent).mirror_copies), (20, 0));
}

/// A discard counts in the interval in which the packet came, so none is bad beyond what is expected.
#[test]
fn the_last_packets_discards_stand_in_their_own_interval() {
    let mut packets = delayed(500, |n| if n > 480 && n % 4 == 0 { 300 } else { 0 });
    packets.sort_by_key(|p| p.time);
    let (mut hot, mut cold) = (Hot::new(&packets[0]), Cold::new(&packets[0]));
    let mut stream = Stream { hot: &mut hot, cold: &mut cold };
    stream.begin(&packets[0], &mut Known);
    packets[1..].iter().for_each(|p| stream.arrive(p, &mut Known));
    let first = stream.close_interval(stream.hot.interval_end()).unwrap();
    let (last, totals) = stream.finish();
    assert!(first.discarded_adaptive() > 0);
    assert_eq!(first.discarded_adaptive(), totals.adaptive.bad - totals.lost.bad);
    assert_eq!(last, None);
}

#[test]
fn a_burst_longer_than_the_window_settles_as_it_is() {
    for lost in [99, 100, 101, 127, 128, 129, 2998] {
        let packets: Vec<RtpArrival> =
            (0..4000).filter(|n| !(300..300 + lost).contains(n)).map(regular).collect();
        check(&packets, &[]);
        assert_eq!(follow(&packets).lost, Runs { bad: u32::from(lost), runs: 1 });
    }
}

/// RFC 4867 §4.3.1, §4.3.2 and §4.4.1: CMR, then F, FT and Q; figure 4 of §4.5.1 for octets.
#[test]
fn codec_modes_are_read_from_payload_headers() {
    let mode = |payload_type: u8, heads: &[([u8; 4], u16)]| {
        let packets: Vec<RtpArrival> = (0u16..)
            .zip(heads)
            .map(|(n, &(payload_head, payload_len))| RtpArrival {
                payload_type,
                payload_head,
                payload_len,
                ..regular(n)
            })
            .collect();
        follow(&packets).mode
    };
    for ft in 0..9u8 {
        let octets = [0xf0, ft << 3 | 4, 0, 0];
        assert_eq!(mode(20, &[(octets, 33)]), Some(ft), "octet-aligned");
        // CMR 15 (4 bits), F 0, FT (4 bits), Q 1.
        let bits = 0xf << 12 | u16::from(ft) << 7 | 1 << 6;
        let [a, b] = bits.to_be_bytes();
        assert_eq!(mode(21, &[([a, b, 0, 0], 33)]), Some(ft), "bandwidth-efficient");
    }
    // SID, no data, and what was cut off are no speech.
    assert_eq!(
        mode(20, &[([0xf0, 9 << 3, 0, 0], 7), ([0xf0, 15 << 3, 0, 0], 2), ([0xf0, 16, 0, 0], 1)]),
        None
    );
    // RFC 3551 §4.5.3: 00 is 6.3 kbit/s in 24 octets, 01 5.3 in 20, 10 a SID frame in 4.
    let (high, low, sid) = (([0b1010_1000, 0, 0, 0], 24), ([0b0101, 0, 0, 0], 20), ([0b10, 0, 0, 0], 4));
    assert_eq!(mode(22, &[high, sid, sid, sid]), Some(0));
    assert_eq!(mode(22, &[high, low, low, sid]), Some(1));
}

/// Times and numbers that no clock and no sender shows, but a file may hold.
fn hostile() -> impl Strategy<Value = RtpArrival> {
    let time = prop_oneof![
        any::<i64>(),
        prop::sample::select(vec![i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX]),
        START..START + 60_000 * MS,
    ];
    let sequence = prop_oneof![any::<u16>(), 0..200u16, 65_400..=65_535u16];
    let timestamp =
        prop_oneof![any::<u32>(), prop::sample::select(vec![0, 1 << 31, (1 << 31) - 1, u32::MAX])];
    let of_packet = (any::<[u8; 4]>(), any::<u16>(), 0..30u8, any::<bool>(), any::<u8>(), any::<u8>());
    (time, sequence, timestamp, of_packet).prop_map(
        |(time, sequence, timestamp, (payload_head, payload_len, payload_type, marker, dscp, ttl))| {
            let p = packet(time, sequence, timestamp);
            RtpArrival { payload_head, payload_len, payload_type, marker, dscp, ttl, ..p }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_time_timestamp_or_number_breaks_a_stream(
        packets in prop::collection::vec(hostile(), 1..300),
        early in prop::collection::vec(0..300usize, 0..20),
    ) {
        let Outcome { intervals, totals, .. } = follow_closing(&packets, &early);
        prop_assert_eq!(totals.expected, totals.packets + totals.lost.bad);
        prop_assert_eq!(intervals.iter().map(Interval::expected).sum::<u32>(), totals.expected);
        let j = totals.jitter.unwrap_or(JitterMs { mean: 0.0, max: 0.0, last: 0.0 });
        let delay = totals.adaptive_delay_ms.unwrap_or(0.0);
        prop_assert!([j.mean, j.max, j.last, delay].iter().all(|n| n.is_finite()));
    }
}

/// 2999 numbers a packet: past 2^32 after 1.4 million packets. Counts stop there; nothing wraps.
#[test]
fn a_sender_that_leaves_out_numbers_for_ever_breaks_nothing() {
    for elapsed_ms in [1, 60_000] {
        let (first, mut n) = (regular(0), 0u32);
        let (mut hot, mut cold) = (Hot::new(&first), Cold::new(&first));
        let mut stream = Stream { hot: &mut hot, cold: &mut cold };
        stream.begin(&first, &mut Known);
        while n < 1_500_000 {
            n += 1;
            let time = START + i64::from(n) * elapsed_ms * MS;
            let sequence = n.wrapping_mul(2999) as u16;
            stream.arrive(&packet(time, sequence, n.wrapping_mul(160)), &mut Known);
            if n.is_multiple_of(100) {
                let back = sequence.wrapping_sub(50);
                stream.arrive(&packet(time, back, n.wrapping_mul(160)), &mut Known);
            }
            if n.is_multiple_of(10_000) {
                stream.close_interval(time);
            }
        }
        let (_, totals) = stream.finish();
        assert_eq!((totals.packets, totals.reordered), (1_515_001, 15_000));
        assert_eq!(totals.skipped.max(totals.lost.bad), u32::MAX);
    }
}

proptest! {
    /// Markings, duplicates and reordered packets of the intervals add up to the stream's.
    #[test]
    fn intervals_tell_every_marking_duplicate_and_reordering(
        marks in prop::collection::vec(prop::sample::select(vec![46_u8, 34, 26, 8, 0, 1]), 1..40),
        twice in prop::collection::vec(1..1999_usize, 0..30),
        swapped in prop::collection::vec(1..1999_usize, 0..30),
    ) {
        let mut packets: Vec<RtpArrival> = (0..2000).map(regular).collect();
        let each = packets.len().div_ceil(marks.len());
        for (i, p) in packets.iter_mut().enumerate() {
            p.dscp = marks[i / each];
        }
        let mut slow = DscpCounts::default();
        packets.iter().for_each(|p| slow.add(p.dscp, 1));
        for i in swapped {
            packets.swap(i, i - 1);
        }
        for i in twice {
            packets.insert(i, packets[i]);
        }
        let outcome = follow_closing(&packets, &[]);
        let mut marked = [0_u32; 6];
        for interval in &outcome.intervals {
            let of_interval: Vec<u32> = interval.dscp.iter().map(|(_, n)| n).collect();
            prop_assert_eq!(of_interval.iter().sum::<u32>(), interval.packets);
            marked.iter_mut().zip(of_interval).for_each(|(sum, n)| *sum += n);
        }
        prop_assert_eq!(marked.to_vec(), slow.iter().map(|(_, n)| n).collect::<Vec<_>>());
        let sum = |part: fn(&Interval) -> u32| outcome.intervals.iter().map(part).sum::<u32>();
        prop_assert_eq!(sum(|i| i.duplicates), outcome.totals.duplicates);
        prop_assert_eq!(sum(|i| i.reordered), outcome.totals.reordered);
        prop_assert_eq!(sum(|i| i.mirror_copies), outcome.totals.mirror_copies);
    }
}
