//! HEP3 packets one behind the other, as capture agents and servers write them down
//! ([HEP3 rev. 12](https://github.com/sipcapture/HEP/blob/master/docs/HEP3NetworkProtocolSpecification_REV26.pdf)).
//! No file header: the first packet begins the file.

use super::record::{Fault, Interfaces, Records, Step};
use crate::{Frame, LinkType, Timestamp};

/// How a packet begins.
pub(super) const MAGIC: [u8; 4] = *b"HEP3";
/// Magic and length.
const HEAD: usize = 6;
/// The chunks that hold the time of capture: seconds, and microseconds beside them.
const SECONDS: u16 = 9;
const MICROSECONDS: u16 = 10;

/// The packets of a file.
#[derive(Debug)]
pub(super) struct Hep {
    interface: u16,
    /// Time of the packet before: what has no time came when that did.
    time: Timestamp,
}

impl Hep {
    pub fn open(interfaces: &mut Interfaces<'_>) -> Self {
        Self { interface: interfaces.declare(LinkType::HEP), time: Timestamp::default() }
    }
}

impl Records for Hep {
    fn next<'b>(&mut self, bytes: &'b [u8], _: &mut Interfaces<'_>) -> Step<'b> {
        let Some((magic, rest)) = bytes.split_first_chunk() else { return Step::More(HEAD) };
        let Some(length) = rest.first_chunk().map(|l| usize::from(u16::from_be_bytes(*l))) else {
            return Step::More(HEAD);
        };
        if *magic != MAGIC || length < HEAD {
            return Step::Damage(Fault::NotHep);
        }
        let Some(data) = bytes.get(..length) else { return Step::More(length) };
        if let Some(time) = captured(data) {
            self.time = time;
        }
        let frame = Frame {
            time: self.time,
            link: LinkType::HEP,
            interface: self.interface,
            original_len: u32::try_from(length).unwrap_or(u32::MAX),
            data,
        };
        Step::Frame(frame, length)
    }
}

/// When a packet was captured, as it says itself.
fn captured(packet: &[u8]) -> Option<Timestamp> {
    let (mut seconds, mut micros) = (None, 0);
    let mut rest = packet.get(HEAD..)?;
    while let Some((&[v0, v1, k0, k1, l0, l1], _)) = rest.split_first_chunk::<HEAD>() {
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let value = rest.get(HEAD..length)?.first_chunk().map(|v| i64::from(u32::from_be_bytes(*v)));
        match (u16::from_be_bytes([v0, v1]), u16::from_be_bytes([k0, k1])) {
            (0, SECONDS) => seconds = value,
            (0, MICROSECONDS) => micros = value.unwrap_or_default(),
            _ => {}
        }
        rest = rest.get(length..)?;
    }
    Some(Timestamp::from_nanos(seconds? * 1_000_000_000 + micros * 1000))
}

#[cfg(test)]
mod tests {
    use super::super::samples::read;
    use super::*;

    fn packet(chunks: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, value) in chunks {
            body.extend([0, 0]);
            body.extend(kind.to_be_bytes());
            body.extend((6 + value.len() as u16).to_be_bytes());
            body.extend_from_slice(value);
        }
        [&MAGIC[..], &(6 + body.len() as u16).to_be_bytes(), &body].concat()
    }

    #[test]
    fn packets_follow_each_other_with_times_of_their_own() {
        let timed = packet(&[(9, &[0, 0, 0, 7]), (10, &[0, 0, 0, 5]), (15, b"SIP")]);
        let untimed = packet(&[(15, b"more")]);
        let file = [&timed[..], &untimed, &timed].concat();
        for chunk in [8, 64, 4096] {
            let (frames, report) = read(&file, chunk, 2).unwrap();
            let times: Vec<_> = frames.iter().map(|f| f.nanos).collect();
            assert_eq!(times, [7_000_005_000; 3]);
            assert_eq!((frames[1].data.as_slice(), frames[1].link), (&untimed[..], LinkType::HEP.0));
            assert!(report.damaged.is_none());
        }
    }

    #[test]
    fn what_is_no_packet_ends_the_file_where_it_is() {
        let good = packet(&[(9, &[0, 0, 0, 7])]);
        for bad in [&b"HEP4\0\x06"[..], b"HEP3\0\x05", b"HEP3\0\x20xx", b"HE"] {
            let (frames, report) = read(&[&good, bad].concat(), 4096, 4).unwrap();
            assert_eq!(frames.len(), 1, "{bad:?}");
            assert_eq!(report.damaged.unwrap().offset, good.len() as u64, "{bad:?}");
        }
        // Chunks that contradict the packet: it is handed out, and whoever reads it counts it.
        for length in [0, 5, 200] {
            let mut bad = good.clone();
            bad[11] = length;
            assert_eq!(read(&bad, 4096, 4).unwrap().0.len(), 1);
        }
    }
}
