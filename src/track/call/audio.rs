//! What the streams of a call say of its audio: what was missing, late or astray, and how much of it was good.

use super::session::speaker_by_host;
use super::{AudioFault, Call, Fault, Party};
use crate::decode::{Address, Flow};

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
    /// How long the audio in its packets is, those that were lost included, ns; 0 where that is not known.
    pub sent: i64,
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

impl HeardInterval {
    /// Of this much of an interval packets may be missing, sent and lost together, before it has pauses.
    const PAUSES: f64 = 0.1;

    /// The length of the audio in so many packets, ns; 0 where the packet time is not known.
    #[must_use]
    pub fn sent(packets: u32, ptime_ms: Option<f64>) -> i64 {
        // The last packet of an interval has no length in it.
        ptime_ms.map_or(0, |ptime| (f64::from(packets.saturating_add(1)) * ptime * 1e6) as i64)
    }

    /// Whether its packets fill it: nobody suppressed silence.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let length = self.end.saturating_sub(self.start);
        self.sent > 0 && self.sent as f64 >= (1.0 - Self::PAUSES) * length as f64
    }
}

impl Call {
    /// Whose voice a stream carries, by what SDP said of its ends, else by the hosts that signalled.
    #[must_use]
    pub fn speaker(&self, flow: &Flow) -> Option<Party> {
        let hosts = self.legs.iter().map(|l| (l.flow.src.address, l.flow.dst.address));
        self.media.speaker(flow).or_else(|| speaker_by_host(hosts, flow))
    }

    /// The last moment at which it may have been up.
    fn until(&self) -> i64 {
        self.end.unwrap_or(self.told)
    }

    /// Ends a call whose media fell silent long before it was told: nobody hung up that was seen.
    pub fn end_by_media(&mut self, streams: &[Heard]) {
        let nobody_ended_it = self.end.is_none() || self.ended_by == Some(super::EndedBy::Unknown);
        let Some(answer) = self.answer.filter(|_| nobody_ended_it) else { return };
        let since = self.end.map_or(answer, |end| end.max(answer));
        let Some(last) = streams.iter().map(|s| s.last).max().filter(|last| *last > since) else { return };
        let held = self.media.is_on_hold(last) || self.media.is_on_hold(self.told);
        if self.told.saturating_sub(last) >= MEDIA_TIMEOUT && !held {
            self.end_without_bye(super::EndedBy::MediaTimeout, last);
        } else if self.end.is_some() {
            // Forgotten for want of messages, while its media went on.
            self.end = Some(last);
        } else {
            return;
        }
        self.sessions.iter_mut().for_each(|s| s.end_by(last));
    }

    /// What is wrong with its audio, in each of its sessions. `sends_here`: whether a host sends any media that
    /// passes here.
    ///
    /// Nothing is stated of a session that was not answered, that began before the probe, of which only one end
    /// described itself, or of which no media was seen.
    #[must_use]
    pub fn audio_faults(&self, streams: &[Heard], sends_here: impl Fn(Address) -> bool) -> Vec<AudioFault> {
        let audio: Vec<&Heard> = streams.iter().filter(|s| s.is_audio).collect();
        let mut faults: Vec<AudioFault> = Vec::new();
        for session in &self.sessions {
            // Streams of one session alone are all its own, wherever they go; of several, of whoever receives.
            let alone = self.sessions.len() == 1;
            let strays = |flow: &Flow| !self.sessions.iter().any(|s| s.receives_at(flow.dst));
            // An end may keep its port when the call goes on elsewhere: who knows both ends of a stream has it.
            let known_best = |flow: &Flow| self.sessions.iter().map(|s| s.ends_known(flow)).max();
            let is_own = |flow: &Flow| {
                (session.receives_at(flow.dst) || (session.is_of(flow) && strays(flow)))
                    && known_best(flow) == Some(session.ends_known(flow))
            };
            let own: Vec<&Heard> = audio.iter().copied().filter(|s| alone || is_own(&s.flow)).collect();
            for fault in session.faults(&own, &sends_here) {
                // A back-to-back user agent that lets media pass has the same ones on both sides.
                let known =
                    faults.iter().any(|f| (f.way, f.fault) == (fault.way, fault.fault) && f.crosses(&fault));
                if !known {
                    faults.push(fault);
                }
            }
        }
        faults.sort_by_key(|f| (f.from, f.fault as u8));
        faults
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
