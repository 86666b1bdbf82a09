//! A slow, plain second calculation: it keeps every packet, makes one pass per metric, and follows the
//! definitions word for word (RFC 3550 §A.1 and §6.4.1, RFC 3611 §4.7.2, ITU-T G.107 §7.5, Ramjee 1994).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{RtpArrival, known};
use crate::track::stream::{BurstGap, JitterMs, Runs};

/// What became of one expected number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fate {
    pub lost: bool,
    pub late_fixed: bool,
    pub late_adaptive: bool,
}

#[derive(Debug, Default)]
pub struct Model {
    pub packets: u32,
    pub skipped: u32,
    pub duplicates: u32,
    pub reordered: u32,
    /// Every expected number of every run, in order.
    pub fates: Vec<Fate>,
    pub jitter: Option<JitterMs>,
    pub adaptive_delay_ms: Option<f64>,
    pub ptime_ms: Option<f64>,
}

/// A packet with its extended sequence number.
type Numbered = (i64, RtpArrival);

/// RFC 3550 §A.1. The held packet of a confirmed jump is the first of the new run.
fn runs(packets: &[RtpArrival]) -> Vec<Vec<Numbered>> {
    let mut done = Vec::new();
    let mut run: Vec<Numbered> = vec![(i64::from(packets[0].sequence), packets[0])];
    let mut highest = run[0].0;
    let mut held: Option<RtpArrival> = None;
    for p in &packets[1..] {
        let up = (i64::from(p.sequence) - highest).rem_euclid(65536);
        if up < 3000 {
            highest += up;
            run.push((highest, *p));
        } else if up <= 65536 - 100 {
            match held {
                Some(h) if p.sequence == h.sequence.wrapping_add(1) => {
                    done.push(std::mem::take(&mut run));
                    highest = i64::from(h.sequence) + 1;
                    run = vec![(highest - 1, h), (highest, *p)];
                    held = None;
                }
                _ => held = Some(*p),
            }
        } else {
            run.push((highest - (65536 - up), *p));
        }
    }
    done.push(run);
    done
}

fn ticks(later: &RtpArrival, earlier: &RtpArrival) -> i64 {
    i64::from(later.timestamp.wrapping_sub(earlier.timestamp).cast_signed())
}

fn ms(later: &RtpArrival, earlier: &RtpArrival) -> f64 {
    (later.time - earlier.time) as f64 / 1e6
}

fn clock(p: &RtpArrival) -> f64 {
    f64::from(known(p.payload_type).clock_rate)
}

/// How often each timestamp step between audio packets in a row came, as nanoseconds.
#[derive(Default)]
struct Steps(Vec<(i64, u32)>);

impl Steps {
    fn count(&mut self, (before, a): Numbered, (number, b): Numbered) {
        if a.payload_type == b.payload_type && number == before + 1 && ticks(&b, &a) > 0 && clock(&b) > 0.0 {
            let step = (ticks(&b, &a) as f64 * 1e9 / clock(&b)).round() as i64;
            match self.0.iter_mut().find(|s| s.0 == step) {
                Some(s) => s.1 += 1,
                None => self.0.push((step, 1)),
            }
        }
    }

    fn most_frequent_ms(&self) -> Option<f64> {
        let most = self.0.iter().map(|s| s.1).max()?;
        self.0.iter().find(|s| s.1 == most).map(|s| s.0 as f64 / 1e6)
    }
}

/// Least transit of each packet's own second and the nine before, seconds from the epoch's first packet.
fn base_transit(epoch: &[(Numbered, f64)]) -> Vec<f64> {
    let (mut second, mut least) = (0, BTreeMap::new());
    let start = epoch[0].0.1.time;
    let base = |&((_, p), transit): &(Numbered, f64)| {
        second = second.max((p.time - start).div_euclid(1_000_000_000));
        let own = least.entry(second).or_insert(transit);
        *own = own.min(transit);
        least.range(second - 9..).map(|(_, &n)| n).fold(f64::INFINITY, f64::min)
    };
    epoch.iter().map(base).collect()
}

/// First arrivals of one run, and the numbers in it that were never sent.
fn first_arrivals(run: &[Numbered], steps: &mut Steps, m: &mut Model) -> (Vec<Numbered>, BTreeSet<i64>) {
    let (mut seen, mut never_sent, mut first) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let mut highest: Option<Numbered> = None;
    let mut last_audio: Option<Numbered> = None;
    for &(number, p) in run {
        if !seen.insert(number) {
            m.duplicates += 1;
            continue;
        }
        if highest.is_none_or(|h| number > h.0) {
            if let Some((before, h)) = highest {
                let ptime = steps.most_frequent_ms().unwrap_or(20.0);
                if (number - before - 1) as f64 * ptime > ms(&p, &h) + 1000.0 {
                    never_sent.extend(before + 1..number);
                }
            }
            highest = Some((number, p));
        } else {
            m.reordered += 1;
        }
        first.push((number, p));
        if !known(p.payload_type).is_event {
            if let Some(last) = last_audio {
                steps.count(last, (number, p));
            }
            last_audio = Some((number, p));
        }
    }
    m.packets += seen.len() as u32;
    (first, never_sent)
}

/// Whether the media clock of `p` is not comparable with that of the audio packet before it.
fn breaks((number, p): Numbered, (before, q): Numbered, after_event: bool) -> bool {
    let c = clock(&p);
    let d = ms(&p, &q) - ticks(&p, &q) as f64 * 1000.0 / c;
    c != clock(&q)
        || (number > before && (ticks(&p, &q) as f64) < -c)
        || (d.abs() > 1000.0 && (p.marker || after_event || p.payload_type != q.payload_type))
}

/// J so far, and after each update.
#[derive(Default)]
struct Jitter(f64, Vec<f64>);

/// Audio of one run with its transit, in epochs that end where the media clock breaks; jitter within each.
fn epochs(first_arrivals: &[Numbered], jitter: &mut Jitter) -> Vec<Vec<(Numbered, f64)>> {
    let mut epochs: Vec<Vec<(Numbered, f64)>> = Vec::new();
    let (mut last, mut after_event): (Option<Numbered>, bool) = (None, false);
    for &(number, p) in first_arrivals {
        if known(p.payload_type).is_event {
            after_event = true;
            continue;
        }
        let c = clock(&p);
        if c > 0.0 {
            match last.filter(|&q| !breaks((number, p), q, after_event)) {
                Some((_, q)) => {
                    let d = ms(&p, &q) - ticks(&p, &q) as f64 * 1000.0 / c;
                    jitter.0 += (d.abs() - jitter.0) / 16.0;
                    jitter.1.push(jitter.0);
                }
                None => epochs.push(Vec::new()),
            }
            let epoch = epochs.last_mut().unwrap();
            let start = epoch.first().map_or(p, |f| f.0.1);
            let transit = ms(&p, &start) - ticks(&p, &start) as f64 * 1000.0 / c;
            epoch.push(((number, p), transit));
        }
        (last, after_event) = (Some((number, p)), false);
    }
    epochs
}

/// Sum of the adaptive buffer's delays, and over how many packets.
#[derive(Default)]
struct Played(f64, u32);

/// Which numbers of an epoch come too late for the fixed and for the adaptive buffer.
fn play(epoch: &[(Numbered, f64)], played: &mut Played) -> HashMap<i64, (bool, bool)> {
    let mut late = HashMap::new();
    let (mut d, mut v, mut was_late) = (0.0, 10.0, false);
    let (mut play, mut updated) = (f64::NEG_INFINITY, epoch[0].0.1.time);
    for (i, (&((number, p), n), base)) in epoch.iter().zip(base_transit(epoch)).enumerate() {
        let target = d + f64::clamp(4.0 * v, 20.0, 200.0);
        let due = i == 0 || p.marker || p.time - updated >= 1_000_000_000;
        if due || (was_late && target > play) {
            (play, updated) = (target, p.time);
        }
        was_late = n > play + 1e-9;
        late.insert(number, (n - base > 60.0 + 1e-9, was_late));
        played.0 += play - base;
        played.1 += 1;
        let w = if n > d { 0.75 } else { 0.998002 };
        d = w * d + (1.0 - w) * n;
        v = 0.998002 * v + (1.0 - 0.998002) * f64::abs(d - n);
    }
    late
}

pub fn analyse(packets: &[RtpArrival]) -> Model {
    let mut m = Model::default();
    let (mut steps, mut jitter, mut played) = (Steps::default(), Jitter::default(), Played::default());
    for run in runs(packets) {
        let (first, never_sent) = first_arrivals(&run, &mut steps, &mut m);
        let mut late = HashMap::new();
        for epoch in epochs(&first, &mut jitter) {
            late.extend(play(&epoch, &mut played));
        }
        let seen: BTreeSet<i64> = first.iter().map(|f| f.0).collect();
        for number in *seen.first().unwrap()..=*seen.last().unwrap() {
            if seen.contains(&number) {
                let &(late_fixed, late_adaptive) = late.get(&number).unwrap_or(&(false, false));
                m.fates.push(Fate { lost: false, late_fixed, late_adaptive });
            } else if never_sent.contains(&number) {
                m.skipped += 1;
            } else {
                m.fates.push(Fate { lost: true, ..Fate::default() });
            }
        }
    }
    let js = jitter.1;
    m.jitter = js.last().map(|&last| JitterMs {
        mean: js.iter().sum::<f64>() / js.len() as f64,
        max: js.iter().copied().fold(0.0, f64::max),
        last,
    });
    m.adaptive_delay_ms = (played.1 > 0).then(|| played.0 / f64::from(played.1));
    m.ptime_ms = steps.most_frequent_ms();
    m
}

/// Bad numbers and the runs they come in.
pub fn count_runs(bad: &[bool]) -> Runs {
    Runs {
        bad: bad.iter().filter(|&&b| b).count() as u32,
        runs: bad.split(|&b| !b).filter(|run| !run.is_empty()).count() as u32,
    }
}

/// ITU-T G.107 §7.5.
pub fn burst_ratio(bad: &[bool]) -> f64 {
    let Runs { bad: lost, runs } = count_runs(bad);
    if lost == 0 || lost as usize == bad.len() {
        return 1.0;
    }
    let ratio = f64::from(lost) / bad.len() as f64;
    (f64::from(lost) / f64::from(runs) * (1.0 - ratio)).max(1.0)
}

/// RFC 3611 §4.7.2, Gmin 16.
pub fn burst_gap(bad: &[bool]) -> BurstGap {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for at in (0..bad.len()).filter(|&i| bad[i]) {
        match groups.last_mut() {
            Some(group) if at - group[group.len() - 1] - 1 < 16 => group.push(at),
            _ => groups.push(vec![at]),
        }
    }
    let bursts: Vec<(usize, usize, usize)> =
        groups.iter().filter(|g| g.len() > 1).map(|g| (g[0], g[g.len() - 1], g.len())).collect();
    let (mut gaps, mut start) = (Vec::new(), 0);
    for &(first, last, _) in &bursts {
        gaps.push(first - start);
        start = last + 1;
    }
    gaps.push(bad.len() - start);
    gaps.retain(|&g| g > 0);
    let in_bursts: usize = bursts.iter().map(|b| b.1 - b.0 + 1).sum();
    let bad_in_bursts: usize = bursts.iter().map(|b| b.2).sum();
    let bad_in_gaps = bad.iter().filter(|&&b| b).count() - bad_in_bursts;
    let ratio = |a: usize, b: usize| if b == 0 { 0.0 } else { a as f64 / b as f64 };
    BurstGap {
        bursts: bursts.len() as u32,
        burst_density: ratio(bad_in_bursts, in_bursts),
        gap_density: ratio(bad_in_gaps, bad.len() - in_bursts),
        burst_packets: ratio(in_bursts, bursts.len()),
        gap_packets: ratio(gaps.iter().sum(), gaps.len()),
    }
}
