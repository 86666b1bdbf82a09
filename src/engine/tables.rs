//! Packets to tables: which bytes concern whom.

use arrayvec::ArrayVec;

use super::quality::ScoreSettings;
use super::signalling::{MessageCounts, describe};
use super::{Settings, quality};
use crate::decode::reassembly::{Segment, StreamReassembly};
use crate::decode::sip::{Message, looks_like_sip};
use crate::decode::{
    Flow, HashKey, Hep, HepPayload, Malformed, Packet, RtcpPackets, RtpPacket, Transport, Undecoded,
    channel_data, looks_like_rtcp,
};
use crate::event::Event;
use crate::track::arrival::RtpArrival;
use crate::track::call::SipTransport;
use crate::track::calls::{Calls, Seen};
use crate::track::codecs::Encodings;
use crate::track::reports::Reports;
use crate::track::streams::{BATCH, StreamCounters, StreamEvent, Streams};

/// Streams, calls, reports: everything but the frames' own decoding.
#[derive(Debug)]
pub(super) struct Tables {
    reassembly: StreamReassembly<Flow>,
    live: Live,
}

/// All that a SIP message may concern.
#[derive(Debug)]
struct Live {
    streams: Streams,
    calls: Calls,
    reports: Reports,
    counts: MessageCounts,
    malformed: Undecoded,
    batch: ArrayVec<RtpArrival, BATCH>,
    key: HashKey,
    score: ScoreSettings,
}

impl Tables {
    pub fn new(settings: Settings) -> Self {
        Self {
            reassembly: StreamReassembly::new(settings.reassembly),
            live: Live {
                streams: Streams::new(settings.streams),
                calls: Calls::new(settings.calls),
                reports: Reports::new(settings.reports),
                counts: MessageCounts::default(),
                malformed: Undecoded::default(),
                batch: ArrayVec::new(),
                key: settings.key,
                score: settings.score,
            },
        }
    }

    #[inline]
    pub fn handle_packet(&mut self, packet: &Packet<'_>) {
        if let Transport::Udp { payload, sent_len, checksum } = packet.transport
            && let Some(rtp) = RtpPacket::parse(payload, sent_len)
        {
            self.live.rtp(packet, &rtp, checksum);
        } else {
            self.handle_rest(packet);
        }
    }

    /// All but media, which is nearly all there is and must not wait for what is rare.
    fn handle_rest(&mut self, packet: &Packet<'_>) {
        let (flow, time) = (packet.flow, packet.time);
        let Self { reassembly, live } = self;
        match packet.transport {
            Transport::Udp { payload, sent_len, checksum } => live.datagram(packet, payload, sent_len, checksum),
            Transport::Tcp { header, payload, sent_len } => {
                let segment = Segment {
                    seq: header.sequence,
                    syn: header.syn,
                    fin: header.fin,
                    rst: header.rst,
                    payload,
                    missing: sent_len.saturating_sub(payload.len()),
                };
                reassembly.handle_segment(flow, time, &segment, &mut |bytes| {
                    live.sip(flow, time, SipTransport::Tcp, bytes);
                });
            }
            Transport::Sctp { packet: sctp } => reassembly.handle_sctp(flow, sctp, &mut |bytes| {
                live.sip(flow, time, SipTransport::Sctp, bytes);
            }),
        }
    }

    /// Lets go what has expired; when to look again.
    pub fn handle_timeout(&mut self, now: i64) -> i64 {
        let live = &mut self.live;
        live.flush();
        live.streams.handle_timeout(now);
        live.calls.handle_timeout(now);
        live.streams.poll_timeout().into_iter().chain(live.calls.poll_timeout()).min().unwrap_or(i64::MIN)
    }

    pub fn finish(&mut self, now: i64) {
        let Self { reassembly, live } = self;
        live.flush();
        reassembly.flush(&mut |bytes| live.sip(Flow::default(), now, SipTransport::Tcp, bytes));
        live.streams.finish();
        live.calls.finish(now);
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.live.flush();
        self.live.poll_event()
    }

    pub const fn malformed(&self) -> &Undecoded {
        &self.live.malformed
    }

    pub const fn message_counts(&self) -> &MessageCounts {
        &self.live.counts
    }

    pub const fn encodings(&self) -> &Encodings {
        self.live.streams.encodings()
    }

    pub const fn stream_counters(&self) -> StreamCounters {
        self.live.streams.counters()
    }
}

impl Live {
    #[inline]
    fn rtp(&mut self, packet: &Packet<'_>, rtp: &RtpPacket, checksum: u16) {
        let arrival = RtpArrival {
            ip_id: packet.ip_id,
            checksum,
            dscp: packet.dscp,
            ttl: packet.ttl,
            ..RtpArrival::new(packet.flow, rtp, packet.time, &self.key)
        };
        self.batch.push(arrival);
        if self.batch.is_full() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.batch.is_empty() {
            self.streams.handle(&self.batch);
            self.batch.clear();
        }
    }

    fn datagram(&mut self, packet: &Packet<'_>, payload: &[u8], sent_len: usize, checksum: u16) {
        let (flow, time) = (packet.flow, packet.time);
        if looks_like_rtcp(payload) {
            self.rtcp(&flow, time, payload);
        } else if looks_like_sip(payload) {
            self.sip(flow, time, SipTransport::Udp, payload);
        } else if let Some(inner) = channel_data(payload) {
            self.channel_data(packet, inner, checksum);
        } else if Hep::looks_like(payload) && payload.len() == sent_len {
            self.hep(packet, payload);
        }
    }

    /// What TURN relays stands under the outer addresses.
    fn channel_data(&mut self, packet: &Packet<'_>, inner: &[u8], checksum: u16) {
        if let Some(rtp) = RtpPacket::parse(inner, inner.len()) {
            self.rtp(packet, &rtp, checksum);
        } else if looks_like_rtcp(inner) {
            self.rtcp(&packet.flow, packet.time, inner);
        }
    }

    fn hep(&mut self, packet: &Packet<'_>, datagram: &[u8]) {
        let Some(hep) = Hep::parse(datagram) else {
            self.malformed.count(Malformed::BadHep);
            return;
        };
        match hep.payload {
            HepPayload::Sip(bytes) if looks_like_sip(bytes) => {
                self.sip(hep.flow, packet.time, SipTransport::Hep, bytes);
            }
            HepPayload::Rtcp(bytes) if looks_like_rtcp(bytes) => self.rtcp(&hep.flow, packet.time, bytes),
            HepPayload::Rtp(bytes) => {
                if let Some(rtp) = RtpPacket::parse(bytes, bytes.len()) {
                    self.rtp(&Packet { flow: hep.flow, ..*packet }, &rtp, 0);
                }
            }
            HepPayload::Sip(_) | HepPayload::Rtcp(_) | HepPayload::Other => {}
        }
    }

    fn rtcp(&mut self, flow: &Flow, time: i64, datagram: &[u8]) {
        let mut packets = RtcpPackets::new(datagram);
        for report in packets.by_ref() {
            self.reports.handle(flow, time, &report);
        }
        if packets.is_broken() {
            self.malformed.count(Malformed::BadRtcp);
        }
    }

    fn sip(&mut self, flow: Flow, time: i64, transport: SipTransport, bytes: &[u8]) {
        let Ok(message) = Message::parse(bytes) else { return };
        if !message.defects().is_empty() {
            self.malformed.count(Malformed::BadSip);
        }
        let over_web_socket = message.via().is_some_and(|v| v.transport.to_ascii_uppercase().starts_with(b"WS"));
        let transport = match transport {
            SipTransport::Tcp if over_web_socket => SipTransport::WebSocket,
            other => other,
        };
        self.counts.count(&message);
        let Some(call) = self.calls.handle(&Seen { message: &message, flow, time, transport }) else { return };
        if message.content_encoding().is_some() {
            return;
        }
        // What came before this message must not see what it says.
        self.flush();
        for body in message.sdp_bodies() {
            let streams = &mut self.streams;
            for (endpoint, binding) in describe(body, call, time, |encoding| streams.encoding_id(encoding)) {
                self.streams.bind(endpoint, binding);
            }
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        if let Some(call) = self.calls.poll_done() {
            return Some(Event::Call(Box::new(call)));
        }
        let event = self.streams.poll_event()?;
        let encodings = self.streams.encodings();
        Some(match event {
            StreamEvent::Interval { stream, key, interval } => {
                let reports = self.reports.of(&key);
                Event::Interval(quality::interval(&self.score, encodings, stream, &interval, &reports))
            }
            StreamEvent::Ended(ended) => {
                let reports = self.reports.of(&ended.key);
                Event::Stream(Box::new(quality::stream(&self.score, encodings, *ended, reports)))
            }
        })
    }
}
