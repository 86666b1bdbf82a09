//! What the streams of a call say of its audio: what was missing, late or astray, and how much of it was good.

use super::{AudioFault, AudioReason, AudioWay, Call, Fault, Party};
use crate::decode::{Address, Flow};

/// Shorter than this no silence is a fault, ns.
const MIN_SPAN: i64 = 3_000_000_000;
/// Audio may begin and end so much beside the signalling, ns.
const GRACE: i64 = 2_000_000_000;
/// A call without RTP from either side for so long is over (INTERFACES: media timeout), ns.
pub(crate) const MEDIA_TIMEOUT: i64 = 60_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// A stream as its call hears it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// From where to where.
    pub flow: Flow,
    /// First packet, nanoseconds since the Unix epoch.
    pub first: i64,
    /// Last packet.
    pub last: i64,
    /// Audio, as far as is known.
    pub is_audio: bool,
    /// MOS-LQE of the whole stream.
    pub mos_lq: Option<f64>,
    /// Its intervals, in their order.
    pub intervals: Vec<HeardInterval>,
}

/// An interval of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeardInterval {
    /// Beginning, nanoseconds since the Unix epoch.
    pub start: i64,
    /// End.
    pub end: i64,
    /// Packets came.
    pub packets: bool,
    /// It has a score; whether that is poor.
    pub poor: Option<bool>,
}

/// The answered seconds of a call by how they sounded, and its worst stream.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quality {
    /// Lowest MOS-LQE of its streams.
    pub mos_lq_min: Option<f64>,
    /// Seconds with no poor direction, and at least one that is scored.
    pub good_s: u32,
    /// Seconds in which a direction was poor, or missing.
    pub poor_s: u32,
    /// Seconds in which no direction has a score.
    pub unscored_s: u32,
}

impl Call {
    /// Whose voice a stream carries, by what SDP said of its ends, else by the hosts that signalled.
    #[must_use]
    pub fn speaker(&self, flow: &Flow) -> Option<Party> {
        let both = [Party::Caller, Party::Callee];
        let receiver = both.into_iter().find(|p| self.media.is_place_of(*p, flow.dst));
        let sender = both.into_iter().find(|p| self.media.is_place_of(*p, flow.src));
        receiver.map(Party::other).or(sender).or_else(|| self.speaker_by_host(flow))
    }

    /// A guess, and none where several hops' signalling contradicts itself.
    fn speaker_by_host(&self, flow: &Flow) -> Option<Party> {
        let (mut forth, mut back) = (false, false);
        for leg in &self.legs {
            let (caller, callee) = (leg.flow.src.address, leg.flow.dst.address);
            if caller != callee {
                forth |= flow.src.address == caller || flow.dst.address == callee;
                back |= flow.src.address == callee || flow.dst.address == caller;
            }
        }
        match (forth, back) {
            (true, false) => Some(Party::Caller),
            (false, true) => Some(Party::Callee),
            _ => None,
        }
    }

    /// The last moment at which it may have been up.
    fn until(&self) -> i64 {
        self.end.unwrap_or(self.told)
    }

    /// Ends a call whose media fell silent long before it was told: nobody hung up that was seen.
    pub fn end_by_media(&mut self, streams: &[Heard]) {
        let (Some(answer), None) = (self.answer, self.end) else { return };
        let Some(last) = streams.iter().map(|s| s.last).max().filter(|last| *last > answer) else { return };
        if self.told.saturating_sub(last) >= MEDIA_TIMEOUT && !self.media.is_silent_at(last) {
            self.end_without_bye(super::EndedBy::MediaTimeout, last);
        }
    }

    /// What is wrong with its audio. `sends_here`: whether a host sends any media that passes here.
    ///
    /// Nothing is stated of a call that was not answered, that began before the probe, of which only one end
    /// described itself, or of which no media was seen.
    #[must_use]
    pub fn audio_faults(&self, streams: &[Heard], sends_here: impl Fn(Address) -> bool) -> Vec<AudioFault> {
        let audio: Vec<&Heard> = streams.iter().filter(|s| s.is_audio).collect();
        let Some(answer) = self.answer.filter(|_| !self.started_before_probe && self.media.both_spoke())
        else {
            return Vec::new();
        };
        let of = |party| -> Vec<&Heard> {
            audio.iter().copied().filter(|s| self.speaker(&s.flow) == Some(party)).collect()
        };
        let (forth, back) = (of(Party::Caller), of(Party::Callee));
        // Where it is not known whose they are, nothing is known to be missing.
        if audio.is_empty() || forth.len() + back.len() < audio.len() {
            return Vec::new();
        }
        let mut faults = self.missing(answer, &forth, &back, &sends_here);
        for (party, streams) in [(Party::Caller, &forth), (Party::Callee, &back)] {
            self.late(answer, party, streams, &mut faults);
            self.after_bye(party, streams, &mut faults);
            self.astray(party, streams, &mut faults);
        }
        faults.sort_by_key(|f| (f.from, f.fault as u8));
        faults
    }

    fn missing(
        &self,
        answer: i64,
        forth: &[&Heard],
        back: &[&Heard],
        sends_here: &impl Fn(Address) -> bool,
    ) -> Vec<AudioFault> {
        let silent = |party, streams: &[&Heard], others: &[&Heard]| -> Vec<(i64, i64)> {
            let arrives = |s: &&&Heard| self.arrives(party, s, others);
            let arriving: Vec<&Heard> = streams.iter().filter(arrives).copied().collect();
            let spans = self.media.spans(party, answer, self.until());
            spans
                .into_iter()
                .filter(|s| s.1.saturating_sub(s.0) >= MIN_SPAN && !heard_within(&arriving, *s))
                .collect()
        };
        let no_forth = silent(Party::Caller, forth, back);
        let no_back = silent(Party::Callee, back, forth);
        let crosses = |a: &(i64, i64), b: &(i64, i64)| a.0 < b.1 && b.0 < a.1;
        let mut faults = Vec::new();
        for (party, spans, others, streams) in
            [(Party::Caller, &no_forth, &no_back, forth), (Party::Callee, &no_back, &no_forth, back)]
        {
            for &(from, to) in spans {
                let both = others.iter().any(|other| crosses(other, &(from, to)));
                if both && party == Party::Caller {
                    let (way, fault) = (AudioWay::Both, Fault::NoWay);
                    faults.push(AudioFault { way, fault, reason: None, from, to });
                } else if !both {
                    let (way, fault) = (AudioWay::of(party), Fault::OneWay);
                    let reason = Some(self.why_missing(party, heard_within(streams, (from, to)), sends_here));
                    faults.push(AudioFault { way, fault, reason, from, to });
                }
            }
        }
        faults
    }

    /// Whether a stream of `party` goes where the other end receives: where it said, or where it sends from
    /// behind NAT.
    fn arrives(&self, party: Party, stream: &Heard, others: &[&Heard]) -> bool {
        let to = stream.flow.dst;
        self.media.by_ice()
            || self.media.is_place_of(party.other(), to)
            || !self.media.has_place(party.other())
            || others.iter().any(|other| other.flow.src == to)
    }

    fn why_missing(&self, party: Party, sent: bool, sends_here: &impl Fn(Address) -> bool) -> AudioReason {
        let signals = |address| {
            self.legs.iter().any(|l| l.flow.src.address == address || l.flow.dst.address == address)
        };
        let hosts = self.media.hosts_of(party);
        if sent {
            AudioReason::SentElsewhere
        } else if hosts.iter().any(|host| sends_here(*host) || signals(*host)) {
            AudioReason::NeverSent
        } else {
            AudioReason::NotMirroredHere
        }
    }

    fn late(&self, answer: i64, party: Party, streams: &[&Heard], faults: &mut Vec<AudioFault>) {
        let first = streams.iter().map(|s| s.first).min();
        let spans = self.media.spans(party, answer, self.until());
        let (Some(first), Some(&(from, to))) = (first, spans.first()) else { return };
        if first > from.saturating_add(GRACE) && first < to {
            let (way, fault) = (AudioWay::of(party), Fault::LateMedia);
            faults.push(AudioFault { way, fault, reason: None, from, to: first });
        }
    }

    fn after_bye(&self, party: Party, streams: &[&Heard], faults: &mut Vec<AudioFault>) {
        let (Some(end), Some(last)) = (self.end, streams.iter().map(|s| s.last).max()) else { return };
        if last > end.saturating_add(GRACE) {
            let (way, fault) = (AudioWay::of(party), Fault::MediaAfterBye);
            faults.push(AudioFault { way, fault, reason: None, from: end, to: last });
        }
    }

    fn astray(&self, party: Party, streams: &[&Heard], faults: &mut Vec<AudioFault>) {
        if self.media.by_ice() {
            return;
        }
        let wrong = |s: &&&Heard| {
            let to = self.media.is_place_of(party.other(), s.flow.dst);
            let from = self.media.is_place_of(party, s.flow.src);
            to != from
        };
        let wrong: Vec<&&Heard> = streams.iter().filter(wrong).collect();
        let (first, last) = (wrong.iter().map(|s| s.first).min(), wrong.iter().map(|s| s.last).max());
        if let (Some(from), Some(to)) = (first, last) {
            let (way, fault) = (AudioWay::of(party), Fault::WrongAddress);
            faults.push(AudioFault { way, fault, reason: None, from, to });
        }
    }

    /// How its answered seconds sounded: each takes the intervals that hold it, of every direction.
    #[must_use]
    pub fn quality(&self, streams: &[Heard], faults: &[AudioFault]) -> Quality {
        let audio: Vec<&Heard> = streams.iter().filter(|s| s.is_audio).collect();
        let mos_lq_min = audio.iter().filter_map(|s| s.mos_lq).min_by(f64::total_cmp);
        let mut quality = Quality { mos_lq_min, ..Quality::default() };
        let Some(answer) = self.answer.filter(|_| !self.started_before_probe) else { return quality };
        let missing = faults.iter().filter(|f| matches!(f.fault, Fault::OneWay | Fault::NoWay));
        let missing: Vec<(i64, i64)> = missing.map(|f| (f.from, f.to)).collect();
        let mut at: Vec<(usize, &Heard)> = audio.into_iter().map(|s| (0, s)).collect();
        let seconds = self.until().saturating_sub(answer).max(0) / SECOND;
        // No call lasts longer than a month.
        for n in 0..seconds.min(31 * 86_400) {
            // Its middle says where a second belongs.
            let time = answer.saturating_add(n * SECOND + SECOND / 2);
            let mut poor = at
                .iter_mut()
                .filter_map(|(place, s)| interval_at(s, place, time)?.poor)
                .fold(None, |all: Option<bool>, poor| Some(all.unwrap_or(false) || poor));
            if missing.iter().any(|(from, to)| (*from..*to).contains(&time)) {
                poor = Some(true);
            }
            match poor {
                Some(true) => quality.poor_s += 1,
                Some(false) => quality.good_s += 1,
                None => quality.unscored_s += 1,
            }
        }
        quality
    }
}

/// The interval of a stream that holds `time`; `place` only goes forward.
fn interval_at<'a>(stream: &'a Heard, place: &mut usize, time: i64) -> Option<&'a HeardInterval> {
    while stream.intervals.get(*place).is_some_and(|i| i.end <= time) {
        *place += 1;
    }
    stream.intervals.get(*place).filter(|i| i.start <= time)
}

/// Whether any of the streams may have been heard within a span.
fn heard_within(streams: &[&Heard], (from, to): (i64, i64)) -> bool {
    streams.iter().any(|s| {
        let overlaps = s.first < to && s.last > from;
        let mut intervals = s.intervals.iter();
        overlaps && (s.intervals.is_empty() || intervals.any(|i| i.packets && i.start < to && i.end > from))
    })
}
