//! The front: from frames to packets of streams, and all that signalling says.

use std::collections::HashSet;

use probes::Frame;

use super::Settings;
use super::clock::Clock;
use super::media::Told;
use super::signalling::{MessageCounts, Signalling};
use crate::decode::{Decoder, HashKey, Malformed, Packet, RtpPacket, Transport, Undecoded, decode_plain};
use crate::track::arrival::RtpArrival;
use crate::track::call::Call;
use crate::track::liveness::Target;
use crate::track::registrations::Binding;
use crate::track::signal::SignalEvent;
use crate::track::tls::TlsConnection;
use crate::track::voice_reports::VoiceReport;

/// Tables look at the clock once in this much packet time, ns.
const CLOCK_STEP: i64 = 100_000_000;

/// Who takes what the front finds, in one order.
pub trait Sink {
    /// An RTP packet.
    fn packet(&mut self, arrival: &RtpArrival);
    /// What signalling or an end has said.
    fn told(&mut self, told: Told);
    /// What time it is, by the packets.
    fn time(&mut self, now: i64);
}

/// Decoding, calls, and the clock.
#[derive(Debug)]
pub struct Front {
    decoder: Decoder,
    signalling: Signalling,
    clock: Clock,
    key: HashKey,
    /// When the tables next look at the clock.
    deadline: i64,
}

impl Front {
    /// A front that has seen nothing.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            decoder: Decoder::new(settings.decode),
            signalling: Signalling::new(settings),
            clock: Clock::default(),
            key: settings.key,
            deadline: i64::MIN,
        }
    }

    /// Takes frames in their order.
    pub fn handle_frames(&mut self, frames: &[Frame<'_>], sink: &mut impl Sink) {
        for frame in frames {
            let now = self.clock.observe(frame.time.as_nanos());
            if now >= self.deadline {
                self.turn_clock(now, sink);
            }
            // Media is nearly all there is: it must not wait for what is rare.
            if let Some(packet) = decode_plain(frame)
                && let Some(arrival) = media(&packet, &self.key)
            {
                sink.packet(&arrival);
            } else {
                self.handle_rest(frame, sink);
            }
        }
    }

    /// Signalling, and media in less plain frames.
    #[inline(never)]
    fn handle_rest(&mut self, frame: &Frame<'_>, sink: &mut impl Sink) {
        let Some(packet) = self.decoder.decode(frame) else { return };
        match media(&packet, &self.key) {
            Some(arrival) => sink.packet(&arrival),
            None => self.signalling.handle(&packet, &mut |told| sink.told(told)),
        }
    }

    /// Tells what time it is where no frame does: on a quiet interface.
    pub fn handle_time(&mut self, now: i64, sink: &mut impl Sink) {
        let now = self.clock.observe(now);
        if now >= self.deadline {
            self.turn_clock(now, sink);
        }
    }

    #[cold]
    fn turn_clock(&mut self, now: i64, sink: &mut impl Sink) {
        sink.time(now);
        self.signalling.handle_timeout(now);
        self.deadline = now.saturating_add(CLOCK_STEP);
    }

    /// The end of input: what waits is read, every call is told as it stands.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        self.signalling.finish(self.clock.now().unwrap_or_default(), &mut |told| sink.told(told));
    }

    /// The next call that has ended or was let go.
    pub fn poll_call(&mut self) -> Option<Call> {
        self.signalling.poll_call()
    }

    /// No end of a call has sent media since `last`: see [`Hearing`](crate::track::hearing::Hearing).
    pub fn media_silent(&mut self, call: u64, last: i64) {
        let now = self.clock.now().unwrap_or(last);
        self.signalling.media_silent(call, last, now);
    }

    /// The next thing that signalling has shown.
    pub fn poll_signal(&mut self) -> Option<SignalEvent> {
        self.signalling.poll_signal()
    }

    /// The next voice quality report.
    pub fn poll_voice_report(&mut self) -> Option<VoiceReport> {
        self.signalling.poll_voice_report()
    }

    /// The next TLS connection of signalling that has ended or was let go.
    pub fn poll_tls(&mut self) -> Option<TlsConnection> {
        self.signalling.poll_tls()
    }

    /// Things that signalling has shown and nobody polled in time.
    #[must_use]
    pub const fn signals_dropped(&self) -> u64 {
        self.signalling.signals_dropped()
    }

    /// What was not decoded so far, by reason.
    #[must_use]
    pub fn undecoded(&self) -> Undecoded {
        let mut all = *self.decoder.counters();
        all.add(self.signalling.malformed());
        all
    }

    /// How often something was not decoded so far.
    #[must_use]
    pub const fn not_decoded(&self) -> u64 {
        self.decoder.counters().total() + self.signalling.malformed().total()
    }

    /// Calls at present.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.signalling.calls()
    }

    /// Serials of calls, and of parts of calls, that have not been told yet.
    #[must_use]
    pub fn call_serials(&self) -> HashSet<u64> {
        self.signalling.call_serials()
    }

    /// Calls pushed out at the bound.
    #[must_use]
    pub const fn calls_evicted(&self) -> u64 {
        self.signalling.calls_evicted()
    }

    /// Those of them that nothing ever answered: no call is told of these.
    #[must_use]
    pub const fn calls_forgotten(&self) -> u64 {
        self.signalling.calls_forgotten()
    }

    /// Devices remembered with their registration at present.
    #[must_use]
    pub fn registered(&self) -> usize {
        self.signalling.registrations().len()
    }

    /// Devices, and registration attempts, pushed out at the bound.
    #[must_use]
    pub const fn registrations_evicted(&self) -> u64 {
        self.signalling.registrations().evicted()
    }

    /// Every device's latest registration, by address-of-record and contact.
    #[must_use]
    pub fn registrations(&self) -> Vec<Binding> {
        self.signalling.registrations().bindings()
    }

    /// What became of OPTIONS, by where they went.
    #[must_use]
    pub fn liveness(&self) -> Vec<Target> {
        self.signalling.liveness().targets()
    }

    /// IP datagrams that wait for fragments at present.
    #[must_use]
    pub fn fragments_waiting(&self) -> usize {
        self.decoder.fragments_waiting()
    }

    /// IP datagrams given up at the bound.
    #[must_use]
    pub fn fragments_evicted(&self) -> u64 {
        let limit = |&(why, _): &(Malformed, u64)| why == Malformed::FragmentLimit;
        self.decoder.counters().iter().find(limit).map_or(0, |(_, count)| count)
    }

    /// Byte streams forgotten at the bound.
    #[must_use]
    pub const fn byte_streams_evicted(&self) -> u64 {
        self.signalling.byte_streams_evicted()
    }

    /// Byte streams remembered at present.
    #[must_use]
    pub fn byte_streams(&self) -> usize {
        self.signalling.byte_streams()
    }

    /// Voice quality reports, and TLS connections, let go at their bounds.
    #[must_use]
    pub const fn reports_and_tls_evicted(&self) -> (u64, u64) {
        self.signalling.reports_and_tls_evicted()
    }

    /// SIP messages so far.
    #[must_use]
    pub const fn message_counts(&self) -> &MessageCounts {
        self.signalling.counts()
    }

    /// Packet time; `None` before the first frame.
    #[must_use]
    pub const fn now(&self) -> Option<i64> {
        self.clock.now()
    }

    /// Frames whose time was too far ahead to be believed.
    #[must_use]
    pub const fn quarantined(&self) -> u64 {
        self.clock.quarantined
    }
}

#[inline(always)]
fn media(packet: &Packet<'_>, key: &HashKey) -> Option<RtpArrival> {
    let Transport::Udp { payload, sent_len, checksum } = packet.transport else { return None };
    let rtp = RtpPacket::parse(payload, sent_len)?;
    Some(RtpArrival::of(packet, packet.flow, &rtp, checksum, key))
}
