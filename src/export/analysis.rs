//! Everything found in captures, gathered from the engine's events: what reports are made of.

use std::collections::HashMap;
use std::sync::Arc;

use probes::pcap::FileReport;

use super::terminal::counted;
use crate::decode::Undecoded;
use crate::engine::{Front, Media, MessageCounts};
use crate::event::{Event, ScoredInterval, StreamRecord};
use crate::score::{Confidence, Reasons, Scale};
use crate::track::call::Call;
use crate::track::codecs::{Encoding, EncodingId, Encodings};
use crate::track::kpis::Kpis;
use crate::track::liveness::Target;
use crate::track::registrations::Binding;
use crate::track::signal::SignalEvent;
use crate::track::sites::Sites;
use crate::track::tls::TlsConnection;
use crate::track::voice_reports::VoiceReport;

/// One capture file and what could not be read of it.
#[derive(Clone, Debug)]
pub struct Capture {
    /// The file.
    pub file: FileReport,
    /// Frames not decoded, by reason.
    pub undecoded: Undecoded,
}

/// One interval, as small as it can be kept: a day of a thousand streams is nine million of them.
#[derive(Clone, Copy, Debug)]
pub struct IntervalPoint {
    /// Beginning, nanoseconds since the Unix epoch.
    pub start: i64,
    /// Length, s.
    pub seconds: f32,
    /// Arrived, duplicates not counted.
    pub packets: u32,
    /// Never arrived.
    pub lost: u32,
    /// Too late for the scored buffer.
    pub discarded: u32,
    /// RFC 3550 jitter at its end, ms.
    pub jitter_ms: Option<f32>,
    /// Largest 2-point delay variation, ms.
    pub delay_variation_max_ms: Option<f32>,
    /// MOS-LQE.
    pub mos_lq: Option<f32>,
    /// MOS-CQE.
    pub mos_cq: Option<f32>,
    /// What most of its packets carried.
    pub encoding: EncodingId,
    /// Scale of the scores.
    pub scale: Option<Scale>,
    /// How far the score may be trusted.
    pub confidence: Option<Confidence>,
    /// Why no further.
    pub reasons: Reasons,
    /// Why there is no score.
    pub withheld: Option<crate::score::Withheld>,
}

impl IntervalPoint {
    fn new(scored: &ScoredInterval, adaptive: bool) -> Self {
        let i = &scored.closed.interval;
        let bad = if adaptive { i.adaptive } else { i.fixed };
        let score = scored.score.ok();
        Self {
            start: i.start,
            seconds: (i.length as f64 / 1e9) as f32,
            packets: i.packets,
            lost: i.lost.bad,
            discarded: bad.bad - i.lost.bad,
            jitter_ms: i.jitter_ms.map(|j| j as f32),
            delay_variation_max_ms: i.delay_variation_max_ms,
            mos_lq: score.map(|s| s.mos_lq as f32),
            mos_cq: score.and_then(|s| s.mos_cq).map(|m| m as f32),
            encoding: scored.encoding,
            scale: score.map(|s| s.scale),
            confidence: score.map(|_| scored.confidence),
            reasons: scored.reasons,
            withheld: scored.score.err(),
        }
    }

    /// Arrived and lost.
    #[must_use]
    pub const fn expected(&self) -> u32 {
        self.packets + self.lost
    }
}

/// A stream with its intervals.
#[derive(Clone, Debug)]
pub struct AnalysedStream {
    /// All about it.
    pub record: StreamRecord,
    /// Its intervals, in their order.
    pub intervals: Vec<IntervalPoint>,
    /// Its call: a place in [`Analysis::calls`].
    pub call: Option<usize>,
}

/// Whose the streams and calls are, and how records are named and shown.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// Customers, sites and peers; none without configuration.
    pub sites: Arc<Sites>,
    /// Key of record ids; `None`: the fixed, public one.
    pub id_key: Option<[u64; 2]>,
    /// Name of the probe, part of record ids where it is given.
    pub probe: String,
    /// Intervals under these are poor, by customer and scale (narrowband, wideband, fullband).
    pub poor_mos: Vec<[f64; 3]>,
    /// Show no more of numbers and names than their last three characters.
    pub masked: bool,
}

/// What was found in one or more captures.
#[derive(Debug)]
pub struct Analysis {
    /// The files, in the order given.
    pub captures: Vec<Capture>,
    /// Calls by their beginning.
    pub calls: Vec<Call>,
    /// Streams by their beginning.
    pub streams: Vec<AnalysedStream>,
    /// Devices and their registrations, by address-of-record and contact.
    pub registrations: Vec<Binding>,
    /// What became of OPTIONS, by where they went.
    pub liveness: Vec<Target>,
    /// SIP messages.
    pub messages: MessageCounts,
    /// What phones said of calls, in the order in which it passed.
    pub voice_reports: Vec<VoiceReport>,
    /// TLS connections of signalling, by their beginning.
    pub tls: Vec<TlsConnection>,
    /// How well signalling did: of all that was read, whatever calls are selected.
    pub kpis: Kpis,
    /// INVITEs that nothing ever answered, forgotten where there was no room: there is no call of these.
    pub invites_forgotten: u64,
    /// Whose they are, and how they are shown.
    pub labels: Labels,
    encodings: Encodings,
}

impl Analysis {
    /// That requests were forged in masses, in a sentence; `None`: nothing of the kind.
    #[must_use]
    pub fn flood(&self) -> Option<String> {
        flood_text(self.invites_forgotten)
    }

    /// What an encoding's number stands for.
    #[must_use]
    pub fn encoding(&self, id: EncodingId) -> &Encoding {
        self.encodings.get(id)
    }
}

/// What a flood of INVITEs comes to, for people.
#[must_use]
pub fn flood_text(invites_forgotten: u64) -> Option<String> {
    let n = counted(invites_forgotten, "INVITE");
    (invites_forgotten > 0).then(|| {
        format!(
            "{n} that nothing ever answered had to make room for others (limits.calls): a flood or a scan; they are \
             not among the calls"
        )
    })
}

/// Gathers the events of one media half.
#[derive(Debug)]
pub struct Collector {
    adaptive: bool,
    intervals: HashMap<u64, Vec<IntervalPoint>>,
    streams: Vec<StreamRecord>,
    calls: Vec<Call>,
    voice_reports: Vec<VoiceReport>,
    tls: Vec<TlsConnection>,
    kpis: Kpis,
}

impl Collector {
    /// Gathers intervals with the discards of the scored buffer: the adaptive one, or the fixed.
    #[must_use]
    pub fn new(adaptive: bool) -> Self {
        Self {
            adaptive,
            intervals: HashMap::new(),
            streams: Vec::new(),
            calls: Vec::new(),
            voice_reports: Vec::new(),
            tls: Vec::new(),
            kpis: Kpis::default(),
        }
    }

    /// Takes all that a front and its only half have to tell.
    pub fn take_all(&mut self, front: &mut Front, media: &mut Media, sites: &Sites) {
        self.take_front(front, sites);
        self.take_media(media);
    }

    /// Takes the calls that have ended, and what signalling has shown, by the peers of `sites`.
    pub fn take_front(&mut self, front: &mut Front, sites: &Sites) {
        while let Some(call) = front.poll_call() {
            self.take_call(call);
        }
        while let Some(report) = front.poll_voice_report() {
            self.voice_reports.push(report);
        }
        while let Some(connection) = front.poll_tls() {
            self.tls.push(connection);
        }
        while let Some(event) = front.poll_signal() {
            self.take_signal(&event, sites.peer_between(&event.parties.flow));
        }
    }

    /// Takes a call that has ended.
    pub fn take_call(&mut self, call: Call) {
        self.calls.push(call);
    }

    /// Takes what a phone said of a call.
    pub fn take_voice_report(&mut self, report: VoiceReport) {
        self.voice_reports.push(report);
    }

    /// Takes a TLS connection that has ended.
    pub fn take_tls(&mut self, connection: TlsConnection) {
        self.tls.push(connection);
    }

    /// Takes what signalling has shown, and the name of the peer it was shown of.
    pub fn take_signal(&mut self, event: &SignalEvent, peer: Option<&str>) {
        self.kpis.observe(event, peer);
    }

    /// Takes what a half has to tell.
    pub fn take_media(&mut self, media: &mut Media) {
        while let Some(event) = media.poll_event() {
            self.take(event);
        }
    }

    /// Takes one event.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Interval(scored) => {
                let point = IntervalPoint::new(&scored, self.adaptive);
                self.intervals.entry(scored.closed.stream).or_default().push(point);
            }
            Event::Stream(record) => self.streams.push(*record),
            Event::Call(call) => self.take_call(*call),
            Event::VoiceReport(report) => self.take_voice_report(*report),
            Event::Tls(connection) => self.take_tls(*connection),
            Event::Silent(_) | Event::Activity(_) | Event::Reported(_) => {}
        }
    }
}

impl Analysis {
    /// Puts together what one or several halves gave, in an order that depends on the packets alone. Devices
    /// are the front's to tell.
    #[must_use]
    pub fn of(halves: Vec<(Collector, Encodings)>, messages: MessageCounts, captures: Vec<Capture>) -> Self {
        let mut encodings = Encodings::new();
        let (mut streams, mut calls, mut kpis) = (Vec::new(), Vec::new(), Kpis::default());
        let (mut voice_reports, mut tls) = (Vec::new(), Vec::new());
        for (mut half, own) in halves {
            // Each half numbers encodings in the order in which it met them.
            let mut renumber = |id: &mut EncodingId| *id = encodings.id(own.get(*id).clone());
            for mut record in half.streams {
                let mut intervals = half.intervals.remove(&record.ended.stream).unwrap_or_default();
                renumber(&mut record.encoding);
                record.ended.totals.payloads.iter_mut().for_each(|p| renumber(&mut p.encoding));
                intervals.iter_mut().for_each(|i| renumber(&mut i.encoding));
                streams.push(AnalysedStream { record, intervals, call: None });
            }
            calls.extend(half.calls);
            voice_reports.extend(half.voice_reports);
            tls.extend(half.tls);
            kpis.merge(&half.kpis);
        }
        calls.sort_by_key(|c| (c.start, c.serial));
        tls.sort_by_key(|c| (c.first, c.flow));
        streams.sort_by_key(|s| (s.record.ended.totals.first, s.record.ended.key, s.record.ended.stream));
        let parts = |(i, c): (usize, &Call)| c.parts.iter().map(move |part| (*part, i)).collect::<Vec<_>>();
        let places: HashMap<u64, usize> = calls.iter().enumerate().flat_map(parts).collect();
        for stream in &mut streams {
            stream.call = stream.record.ended.call.and_then(|serial| places.get(&serial).copied());
        }
        let (registrations, liveness) = (Vec::new(), Vec::new());
        let labels = Labels::default();
        let invites_forgotten = 0;
        let mut analysis = Self {
            captures,
            calls,
            streams,
            registrations,
            liveness,
            messages,
            voice_reports,
            tls,
            kpis,
            invites_forgotten,
            labels,
            encodings,
        };
        analysis.hear_calls();
        analysis
    }
}
