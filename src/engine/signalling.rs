//! The signalling half: packets that are not plain RTP become calls, counts, and what the media half must
//! know.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::Settings;
use super::described::describe;
use super::media::Told;
use super::messages::SipMessages;
use crate::decode::reassembly::{Segment, StreamReassembly};
use crate::decode::sip::{Message, StartLine, looks_like_sip};
use crate::decode::{
    Flow, HashKey, Hep, HepPayload, Malformed, Packet, RtcpPackets, RtpPacket, Transport, Undecoded,
    channel_data, looks_like_rtcp,
};
use crate::track::arrival::RtpArrival;
use crate::track::call::{Call, SipTransport};
use crate::track::calls::{Calls, Seen};
use crate::track::liveness::Liveness;
use crate::track::registrations::Registrations;
use crate::track::signal::SignalEvent;
use crate::track::tls::{SeenSegment, TlsConnection, TlsConnections};
use crate::track::voice_reports::{VoiceReport, VoiceReports};

/// Methods counted by name; any token is a method, and hostile senders have many.
const MAX_METHODS: usize = 256;
/// Voice quality reports that wait to be taken, and as many that are known again when they pass once more.
const VOICE_REPORTS: usize = 16_384;
/// TLS connections of signalling followed at once.
const TLS_CONNECTIONS: usize = 65_536;
/// Events that may wait to be polled, whatever the bounds of tables.
const MIN_SIGNALS: usize = 131_072;

/// Calls, and the byte streams that carry them.
#[derive(Debug)]
pub(crate) struct Signalling {
    reassembly: StreamReassembly<Flow>,
    tls: TlsConnections,
    messages: Messages,
}

/// How a message came.
#[derive(Clone, Copy, Debug)]
struct Way {
    flow: Flow,
    time: i64,
    vlan: u16,
    transport: SipTransport,
}

/// All that a message may concern.
#[derive(Debug)]
struct Messages {
    calls: Calls,
    voice_reports: VoiceReports,
    registrations: Registrations,
    liveness: Liveness,
    signals: VecDeque<SignalEvent>,
    /// Events that wait to be polled at most: all that the tables can tell at one time.
    most_signals: usize,
    signals_dropped: u64,
    counts: MessageCounts,
    malformed: Undecoded,
    key: HashKey,
}

impl Signalling {
    pub fn new(settings: &Settings) -> Self {
        Self {
            reassembly: StreamReassembly::new(settings.reassembly),
            tls: TlsConnections::new(TLS_CONNECTIONS),
            messages: Messages {
                calls: Calls::new(settings.calls.clone()),
                voice_reports: VoiceReports::new(VOICE_REPORTS),
                registrations: Registrations::new(settings.registrations),
                liveness: Liveness::default(),
                signals: VecDeque::new(),
                most_signals: settings.registrations.saturating_add(settings.calls.calls).max(MIN_SIGNALS),
                signals_dropped: 0,
                counts: MessageCounts::default(),
                malformed: Undecoded::default(),
                key: settings.key,
            },
        }
    }

    /// Takes a packet that is not plain RTP; what the media half must know of it goes to `tell`.
    pub fn handle(&mut self, packet: &Packet<'_>, tell: &mut impl FnMut(Told)) {
        let Self { reassembly, tls, messages } = self;
        let (flow, time, vlan) = (packet.flow, packet.time, packet.vlan);
        match packet.transport {
            Transport::Udp { payload, sent_len, checksum } => {
                messages.datagram(packet, payload, sent_len, checksum, tell);
            }
            Transport::Tcp { header, payload, sent_len } => {
                let missing = sent_len.saturating_sub(payload.len());
                tls.handle(&SeenSegment { flow, time, vlan, header, payload, missing });
                let segment = Segment {
                    seq: header.sequence,
                    syn: header.syn,
                    fin: header.fin,
                    rst: header.rst,
                    payload,
                    missing,
                };
                reassembly.handle_segment(flow, time, &segment, &mut |bytes| {
                    messages.of_stream(packet, bytes, tell);
                });
            }
            Transport::Sctp { packet: sctp } => reassembly.handle_sctp(flow, sctp, &mut |bytes| {
                messages.sip(Way { flow, time, vlan, transport: SipTransport::Sctp }, bytes, tell);
            }),
        }
    }

    /// Lets go what has expired.
    pub fn handle_timeout(&mut self, now: i64) {
        let Messages { calls, registrations, liveness, signals, .. } = &mut self.messages;
        calls.handle_timeout(now);
        registrations.handle_timeout(now, signals);
        liveness.handle_timeout(now, signals);
        self.messages.bound_signals();
    }

    /// The end of input: what waits behind holes is read, and every call told as it stands.
    pub fn finish(&mut self, now: i64, tell: &mut impl FnMut(Told)) {
        let Self { reassembly, tls, messages } = self;
        tls.finish();
        let last = Packet {
            time: now,
            flow: Flow::default(),
            dscp: 0,
            ttl: 0,
            ip_id: 0,
            vlan: 0,
            transport: Transport::Sctp { packet: &[] },
        };
        reassembly.flush(&mut |bytes| messages.of_stream(&last, bytes, tell));
        messages.calls.finish(now);
        messages.registrations.finish(now, &mut messages.signals);
        messages.liveness.finish(now, &mut messages.signals);
        messages.bound_signals();
    }

    pub fn poll_call(&mut self) -> Option<Call> {
        self.messages.calls.poll_done()
    }

    pub fn media_silent(&mut self, call: u64, last: i64, now: i64) {
        self.messages.calls.media_silent(call, last, now);
        self.messages.bound_signals();
    }

    pub fn poll_signal(&mut self) -> Option<SignalEvent> {
        self.messages.signals.pop_front()
    }

    pub fn poll_tls(&mut self) -> Option<TlsConnection> {
        self.tls.poll()
    }

    pub fn poll_voice_report(&mut self) -> Option<VoiceReport> {
        self.messages.voice_reports.poll()
    }

    pub const fn reports_and_tls_evicted(&self) -> (u64, u64) {
        (self.messages.voice_reports.evicted(), self.tls.evicted())
    }

    pub const fn signals_dropped(&self) -> u64 {
        self.messages.signals_dropped
    }

    pub const fn registrations(&self) -> &Registrations {
        &self.messages.registrations
    }

    pub const fn liveness(&self) -> &Liveness {
        &self.messages.liveness
    }

    pub fn calls(&self) -> usize {
        self.messages.calls.len()
    }

    pub fn call_serials(&self) -> HashSet<u64> {
        self.messages.calls.serials()
    }

    pub const fn calls_evicted(&self) -> u64 {
        self.messages.calls.counters().evicted
    }

    pub const fn calls_forgotten(&self) -> u64 {
        self.messages.calls.counters().unanswered
    }

    pub const fn byte_streams_evicted(&self) -> u64 {
        self.reassembly.counters().evicted
    }

    pub fn byte_streams(&self) -> usize {
        self.reassembly.flows()
    }

    pub const fn malformed(&self) -> &Undecoded {
        &self.messages.malformed
    }

    pub const fn counts(&self) -> &MessageCounts {
        &self.messages.counts
    }
}

impl Messages {
    fn datagram(
        &mut self,
        packet: &Packet<'_>,
        payload: &[u8],
        sent_len: usize,
        checksum: u16,
        tell: &mut impl FnMut(Told),
    ) {
        let (flow, time, vlan) = (packet.flow, packet.time, packet.vlan);
        if looks_like_rtcp(payload) {
            self.rtcp(flow, time, payload, tell);
        } else if Hep::looks_like(payload) && payload.len() == sent_len {
            // Before SIP: a length of 0x20… after the magic makes it look like a method.
            self.hep(packet, payload, tell);
        } else if looks_like_sip(payload) {
            self.sip(Way { flow, time, vlan, transport: SipTransport::Udp }, payload, tell);
        } else if let Some(inner) = channel_data(payload) {
            // What TURN relays stands under the outer addresses.
            if let Some(rtp) = RtpPacket::parse(inner, inner.len()) {
                tell(Told::Packet(RtpArrival::of(packet, packet.flow, &rtp, checksum, &self.key)));
            } else if looks_like_rtcp(inner) {
                self.rtcp(flow, time, inner, tell);
            }
        }
    }

    /// What a TCP connection carried, which `packet` completed.
    fn of_stream(&mut self, packet: &Packet<'_>, bytes: &[u8], tell: &mut impl FnMut(Told)) {
        if Hep::looks_like(bytes) {
            self.hep(packet, bytes, tell);
        } else {
            let Packet { flow, time, vlan, .. } = *packet;
            self.sip(Way { flow, time, vlan, transport: SipTransport::Tcp }, bytes, tell);
        }
    }

    fn hep(&mut self, packet: &Packet<'_>, datagram: &[u8], tell: &mut impl FnMut(Told)) {
        let Some(hep) = Hep::parse(datagram) else {
            self.malformed.count(Malformed::BadHep);
            return;
        };
        match hep.payload {
            HepPayload::Sip(bytes) if looks_like_sip(bytes) => {
                let way = Way {
                    flow: hep.flow,
                    time: packet.time,
                    vlan: packet.vlan,
                    transport: SipTransport::Hep,
                };
                self.sip(way, bytes, tell);
            }
            HepPayload::Rtcp(bytes) if looks_like_rtcp(bytes) => {
                self.rtcp(hep.flow, packet.time, bytes, tell);
            }
            HepPayload::Rtp(bytes) => {
                if let Some(rtp) = RtpPacket::parse(bytes, bytes.len()) {
                    tell(Told::Packet(RtpArrival::of(packet, hep.flow, &rtp, 0, &self.key)));
                }
            }
            HepPayload::Sip(_) | HepPayload::Rtcp(_) | HepPayload::Other => {}
        }
    }

    fn rtcp(&mut self, flow: Flow, time: i64, datagram: &[u8], tell: &mut impl FnMut(Told)) {
        let mut packets = RtcpPackets::new(datagram);
        for report in packets.by_ref() {
            tell(Told::Report { flow, time, report });
        }
        if packets.is_broken() {
            self.malformed.count(Malformed::BadRtcp);
        }
    }

    fn sip(&mut self, way: Way, bytes: &[u8], tell: &mut impl FnMut(Told)) {
        let Ok(message) = Message::parse(bytes) else { return };
        if !message.defects().is_empty() {
            self.malformed.count(Malformed::BadSip);
        }
        let over_web_socket =
            message.via().is_some_and(|v| v.transport.to_ascii_uppercase().starts_with(b"WS"));
        let Way { flow, time, vlan, .. } = way;
        let transport = match way.transport {
            SipTransport::Tcp if over_web_socket => SipTransport::WebSocket,
            other => other,
        };
        self.counts.count(&message, transport);
        let seen = Seen { message: &message, flow, time, transport, vlan };
        let signals = &mut self.signals;
        if !self.voice_reports.handle(&seen, &mut |signal| signals.push_back(signal)) {
            self.malformed.count(Malformed::BadSip);
        }
        self.registrations.handle(&seen, &mut self.signals);
        self.liveness.handle(&seen, &mut self.signals);
        let call = self.calls.handle(&seen);
        self.bound_signals();
        let Some(call) = call else { return };
        if message.content_encoding().is_some() {
            return;
        }
        for body in message.sdp_bodies() {
            describe(body, &call, time).into_iter().for_each(|described| tell(Told::Bind(described)));
        }
    }

    /// Whoever does not poll loses the oldest events, not memory.
    fn bound_signals(&mut self) {
        self.signals.extend(self.calls.drain_signals());
        while self.signals.len() > self.most_signals {
            self.signals.pop_front();
            self.signals_dropped += 1;
        }
    }
}

/// SIP messages seen, retransmissions and copies included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageCounts {
    /// By method.
    pub requests: BTreeMap<String, u64>,
    /// By status code.
    pub responses: BTreeMap<u16, u64>,
    /// Both by method and transport.
    pub by_transport: SipMessages,
}

impl MessageCounts {
    pub(super) fn count(&mut self, message: &Message<'_>, transport: SipTransport) {
        self.by_transport.count(message, transport);
        match message.start_line() {
            StartLine::Status { code, .. } => *self.responses.entry(code).or_default() += 1,
            StartLine::Request { method, .. } => {
                if let Some(n) = self.requests.get_mut(method) {
                    *n += 1;
                } else {
                    let name = if self.requests.len() < MAX_METHODS { method } else { "other" };
                    *self.requests.entry(name.to_owned()).or_default() += 1;
                }
            }
        }
    }
}
