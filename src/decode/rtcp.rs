//! RTCP: what the ends say of each other's streams.
//!
//! Parsed by webrtc-rs' `rtcp`, which is handed one packet at a time and only the types it reads
//! safely: 200–204 and 207. Its feedback types (205, 206) panic on hostile lengths.

use rtcp::extended_report::{ExtendedReport, VoIPMetricsReportBlock};
use rtcp::goodbye::Goodbye;
use rtcp::receiver_report::ReceiverReport;
use rtcp::reception_report::ReceptionReport;
use rtcp::sender_report::SenderReport;
use webrtc_util::marshal::Unmarshal;

use super::reader::{be16, be32};

/// Whether a datagram's first bytes are those of RTCP
/// ([RFC 5761 §4](https://www.rfc-editor.org/rfc/rfc5761#section-4)).
#[must_use]
pub fn looks_like_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [0x80..=0xbf, 192..=223, _, _, _, _, _, _, ..])
}

/// One thing an RTCP packet says.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// A sender report ([RFC 3550 §6.4.1](https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1)).
    Sender {
        /// Who sent it.
        ssrc: u32,
        /// What it sent.
        info: SenderInfo,
        /// What it received.
        blocks: Vec<ReportBlock>,
    },
    /// A receiver report (§6.4.2).
    Receiver {
        /// Who sent it.
        ssrc: u32,
        /// What it received.
        blocks: Vec<ReportBlock>,
    },
    /// An extended report ([RFC 3611](https://www.rfc-editor.org/rfc/rfc3611)).
    Extended {
        /// Who sent it.
        ssrc: u32,
        /// Its VoIP metrics blocks (§4.7).
        voip: Vec<VoipMetrics>,
    },
    /// Sources that leave (§6.6).
    Bye {
        /// Which.
        ssrcs: Vec<u32>,
    },
}

/// What a sender says it sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// The middle 32 bits of its NTP time: what a report block's LSR quotes.
    pub ntp_middle: u32,
    /// Packets sent since it began.
    pub packets: u32,
}

/// One reception report block (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream it speaks of.
    pub ssrc: u32,
    /// Packets lost in the interval, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; negative with duplicates.
    pub cumulative_lost: i32,
    /// Highest extended sequence number received.
    pub highest_sequence: u32,
    /// Jitter, in ticks of the stream's clock.
    pub jitter: u32,
    /// Middle 32 bits of the last sender report received; 0 if none.
    pub last_sr: u32,
    /// Time since then, in 1/65536 s.
    pub delay_since_last_sr: u32,
}

/// A VoIP metrics block (RFC 3611 §4.7). 127 in a quality field means unavailable: `None` here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VoipMetrics {
    /// The stream it speaks of.
    pub ssrc: u32,
    /// Per cent of packets lost.
    pub loss_percent: f64,
    /// Per cent of packets discarded.
    pub discard_percent: f64,
    /// Round-trip time, ms; `None` where 0.
    pub round_trip_ms: Option<u16>,
    /// MOS-LQ.
    pub mos_lq: Option<f64>,
    /// MOS-CQ.
    pub mos_cq: Option<f64>,
}

/// The packets of a compound (or reduced-size, RFC 5506) RTCP datagram.
#[derive(Clone, Copy, Debug)]
pub struct RtcpPackets<'a> {
    rest: &'a [u8],
    /// Set once a packet did not hold what its header says; nothing after it is read.
    broken: bool,
}

impl<'a> RtcpPackets<'a> {
    /// Reads `datagram` packet by packet.
    #[must_use]
    pub const fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram, broken: false }
    }

    /// Whether something in it could not be read. Encrypted RTCP (SRTCP) mostly ends so.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.broken
    }
}

impl Iterator for RtcpPackets<'_> {
    type Item = Report;

    fn next(&mut self) -> Option<Report> {
        while self.rest.len() >= 8 && !self.broken {
            let length = 4 + 4 * usize::from(be16(self.rest, 2)?);
            let (first, kind) = (*self.rest.first()?, *self.rest.get(1)?);
            let Some((packet, rest)) = self.rest.split_at_checked(length) else {
                self.broken = true;
                return None;
            };
            self.rest = rest;
            if first >> 6 != 2 {
                self.broken = true;
                return None;
            }
            match read(kind, packet) {
                Ok(Some(report)) => return Some(report),
                Ok(None) => {}
                Err(Unreadable) => self.broken = true,
            }
        }
        None
    }
}

struct Unreadable;

fn read(kind: u8, packet: &[u8]) -> Result<Option<Report>, Unreadable> {
    let mut bytes = packet;
    let report = match kind {
        200 => {
            let sr = SenderReport::unmarshal(&mut bytes).map_err(|_| Unreadable)?;
            Report::Sender {
                ssrc: sr.ssrc,
                info: SenderInfo { ntp_middle: (sr.ntp_time >> 16) as u32, packets: sr.packet_count },
                blocks: sr.reports.iter().map(block).collect(),
            }
        }
        201 => {
            let rr = ReceiverReport::unmarshal(&mut bytes).map_err(|_| Unreadable)?;
            Report::Receiver { ssrc: rr.ssrc, blocks: rr.reports.iter().map(block).collect() }
        }
        203 => {
            let bye = Goodbye::unmarshal(&mut bytes).map_err(|_| Unreadable)?;
            Report::Bye { ssrcs: bye.sources }
        }
        207 => {
            let xr = ExtendedReport::unmarshal(&mut bytes).map_err(|_| Unreadable)?;
            Report::Extended {
                ssrc: be32(packet, 4).unwrap_or(xr.sender_ssrc),
                voip: xr
                    .reports
                    .iter()
                    .filter_map(|r| r.as_any().downcast_ref::<VoIPMetricsReportBlock>())
                    .map(voip)
                    .collect(),
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(report))
}

fn block(b: &ReceptionReport) -> ReportBlock {
    ReportBlock {
        ssrc: b.ssrc,
        fraction_lost: b.fraction_lost,
        // 24 bits, two's complement.
        cumulative_lost: ((b.total_lost << 8).cast_signed()) >> 8,
        highest_sequence: b.last_sequence_number,
        jitter: b.jitter,
        last_sr: b.last_sender_report,
        delay_since_last_sr: b.delay,
    }
}

fn voip(b: &VoIPMetricsReportBlock) -> VoipMetrics {
    let mos = |tenths: u8| (10..=50).contains(&tenths).then(|| f64::from(tenths) / 10.0);
    VoipMetrics {
        ssrc: b.ssrc,
        loss_percent: f64::from(b.loss_rate) / 2.56,
        discard_percent: f64::from(b.discard_rate) / 2.56,
        round_trip_ms: (b.round_trip_delay != 0).then_some(b.round_trip_delay),
        mos_lq: mos(b.mos_lq),
        mos_cq: mos(b.mos_cq),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver_report() -> Vec<u8> {
        let mut p = vec![0x81, 201, 0, 7, 0, 0, 0, 9];
        p.extend([0, 0, 0, 7]);
        p.extend([0x40, 0xff, 0xff, 0xfe]);
        p.extend(70_000_u32.to_be_bytes());
        p.extend(160_u32.to_be_bytes());
        p.extend([1, 2, 3, 4]);
        p.extend([0, 1, 0, 0]);
        p
    }

    #[test]
    fn reads_a_report_block_with_negative_loss() {
        let packets: Vec<_> = RtcpPackets::new(&receiver_report()).collect();
        let [Report::Receiver { ssrc: 9, blocks }] = &packets[..] else { panic!("{packets:?}") };
        assert_eq!(blocks[0].ssrc, 7);
        assert_eq!(blocks[0].fraction_lost, 0x40);
        assert_eq!(blocks[0].cumulative_lost, -2);
        assert_eq!(blocks[0].highest_sequence, 70_000);
        assert_eq!((blocks[0].last_sr, blocks[0].delay_since_last_sr), (0x0102_0304, 0x1_0000));
    }

    #[test]
    fn compound_packets_are_read_up_to_what_is_broken() {
        let mut two = receiver_report();
        two.extend(receiver_report());
        let mut packets = RtcpPackets::new(&two);
        assert_eq!(packets.by_ref().count(), 2);
        assert!(!packets.is_broken());
        let mut packets = RtcpPackets::new(&two[..two.len() - 1]);
        assert_eq!(packets.by_ref().count(), 1);
        assert!(packets.is_broken());
    }

    #[test]
    fn feedback_packets_are_passed_over_whatever_their_length() {
        for length in 0..8_u8 {
            let mut p = vec![0x8f, 205, 0, length];
            p.resize(4 + 4 * usize::from(length), 0xff);
            p.extend(receiver_report());
            assert_eq!(RtcpPackets::new(&p).count(), 1, "{length}");
        }
    }
}
