//! One session of a call, of one Call-ID: what SDP made of its audio, and what streams made of that.

use super::{
    AudioFault, AudioReason, AudioWay, Call, EndedBy, Fault, Heard, HeardInterval, MediaSaid, Party,
};
use crate::decode::{Address, Endpoint, Flow};

/// Shorter than this no silence is a fault, ns.
const MIN_SPAN: i64 = 3_000_000_000;
/// Audio that stops while the other end's goes on for so long has died, ns: nobody listens longer in silence.
const DEAD: i64 = 20_000_000_000;
/// Audio may begin and end so much beside the signalling, ns.
const GRACE: i64 = 2_000_000_000;

/// A session as its audio needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    media: MediaSaid,
    answer: Option<i64>,
    end: Option<i64>,
    ended_by: Option<EndedBy>,
    /// Nothing is known of it after this.
    told: i64,
    /// Hosts that signalled: caller's, callee's.
    hosts: Vec<(Address, Address)>,
    from_its_start: bool,
}

impl Session {
    pub(super) fn of(part: &Call) -> Self {
        Self {
            media: part.media.clone(),
            answer: part.answer,
            end: part.end,
            ended_by: part.ended_by,
            told: part.told,
            hosts: part.legs.iter().map(|l| (l.flow.src.address, l.flow.dst.address)).collect(),
            from_its_start: !part.started_before_probe,
        }
    }

    /// Nobody ended it that was seen: it ended so.
    pub(super) fn end_by(&mut self, end: i64) {
        if self.answer.is_some() && matches!(self.ended_by, None | Some(EndedBy::Unknown)) {
            self.end = Some(self.end.map_or(end, |own| own.max(end)));
        }
    }

    /// Whether a stream is at a place that one of its ends named.
    pub(super) fn is_of(&self, flow: &Flow) -> bool {
        self.media.speaker(flow).is_some()
    }

    /// Whether one of its ends named this place.
    pub(super) fn receives_at(&self, end: Endpoint) -> bool {
        [Party::Caller, Party::Callee].into_iter().any(|party| self.media.is_place_of(party, end))
    }

    /// How many of a stream's two ends are places that its ends named.
    pub(super) fn ends_known(&self, flow: &Flow) -> usize {
        [flow.src, flow.dst].into_iter().filter(|end| self.receives_at(*end)).count()
    }

    fn speaker(&self, flow: &Flow) -> Option<Party> {
        self.media.speaker(flow).or_else(|| speaker_by_host(self.hosts.iter().copied(), flow))
    }

    /// The last moment at which it may have been up.
    fn until(&self) -> i64 {
        self.end.unwrap_or(self.told)
    }

    /// What is wrong with its audio.
    pub(super) fn faults(&self, audio: &[&Heard], sends_here: &impl Fn(Address) -> bool) -> Vec<AudioFault> {
        let Some(answer) = self.answer.filter(|_| self.from_its_start && self.media.both_spoke()) else {
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
        let mut faults = self.missing(answer, &forth, &back, sends_here);
        for (party, streams) in [(Party::Caller, &forth), (Party::Callee, &back)] {
            self.late(answer, party, streams, &mut faults);
            self.after_bye(party, streams, &mut faults);
            self.astray(party, streams, &mut faults);
        }
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
            let spans = self.media.spans(party, answer, self.until()).into_iter();
            spans.filter_map(|span| silence(span, &arriving, others)).collect()
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
        let signals = |address| self.hosts.iter().any(|(a, b)| *a == address || *b == address);
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
        if first > from.saturating_add(GRACE) && first < to && !pauses(streams) {
            let (way, fault) = (AudioWay::of(party), Fault::LateMedia);
            faults.push(AudioFault { way, fault, reason: None, from, to: first });
        }
    }

    fn after_bye(&self, party: Party, streams: &[&Heard], faults: &mut Vec<AudioFault>) {
        // Where nobody hung up there is no BYE that it could go on after.
        let hung_up = matches!(self.ended_by, Some(EndedBy::Caller | EndedBy::Callee));
        let end = self.end.filter(|_| hung_up);
        let (Some(end), Some(last)) = (end, streams.iter().map(|s| s.last).max()) else { return };
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
}

/// The part of a span in which nothing was heard of one end: all of it; or its rest, where audio that never
/// paused stopped, and the other end's goes on.
fn silence(span: (i64, i64), own: &[&Heard], others: &[&Heard]) -> Option<(i64, i64)> {
    if !heard_within(own, span) {
        return (span.1.saturating_sub(span.0) >= MIN_SPAN).then_some(span);
    }
    let last = own.iter().filter(|s| s.first < span.1).map(|s| s.last).max()?;
    let rest = (last, span.1);
    let long = rest.1.saturating_sub(rest.0) >= DEAD && rest.0 > span.0;
    let mut intervals = own.iter().flat_map(|s| &s.intervals);
    let never_paused = intervals.all(HeardInterval::is_full);
    (long && never_paused && heard_within(others, (last.saturating_add(DEAD / 2), span.1))).then_some(rest)
}

/// Whether an end is silent where it has nothing to say: pauses are no faults of it.
fn pauses(streams: &[&Heard]) -> bool {
    streams.iter().flat_map(|s| &s.intervals).any(|i| !i.is_full())
}

/// A guess, and none where several hops' signalling contradicts itself.
pub(super) fn speaker_by_host(hosts: impl Iterator<Item = (Address, Address)>, flow: &Flow) -> Option<Party> {
    let (mut forth, mut back) = (false, false);
    for (caller, callee) in hosts.filter(|(caller, callee)| caller != callee) {
        forth |= flow.src.address == caller || flow.dst.address == callee;
        back |= flow.src.address == callee || flow.dst.address == caller;
    }
    match (forth, back) {
        (true, false) => Some(Party::Caller),
        (false, true) => Some(Party::Callee),
        _ => None,
    }
}

/// Whether any of the streams may have been heard within a span.
fn heard_within(streams: &[&Heard], (from, to): (i64, i64)) -> bool {
    streams.iter().any(|s| {
        let overlaps = s.first < to && s.last > from;
        let mut intervals = s.intervals.iter();
        overlaps && (s.intervals.is_empty() || intervals.any(|i| i.packets && i.start < to && i.end > from))
    })
}
