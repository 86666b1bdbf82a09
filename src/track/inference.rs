//! What a stream's own packets say of its payload types where no SDP does.

use super::arrival::RtpArrival;

/// Clocks in use, Hz.
const CLOCKS: [u32; 8] = [8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 90_000];
/// A slope further than this from every clock is none of them.
const TOLERANCE: f64 = 0.1;
/// Fewer packets say nothing about a slope.
pub(crate) const MIN_PACKETS: usize = 20;
/// The first dynamic payload type (RFC 3551 §3).
const FIRST_DYNAMIC: u8 = 96;

/// The clock at which the timestamps of `packets` run, by regression on their arrival.
pub(crate) fn clock_rate<'a>(packets: impl Iterator<Item = &'a RtpArrival> + Clone) -> Option<u32> {
    let first = packets.clone().next()?;
    let points = packets.map(|p| {
        let seconds = p.time.saturating_sub(first.time) as f64 / 1e9;
        let ticks = f64::from(p.timestamp.wrapping_sub(first.timestamp).cast_signed());
        (seconds, ticks)
    });
    let (n, sum_x, sum_y) =
        points.clone().fold((0_usize, 0.0, 0.0), |(n, sx, sy), (x, y)| (n + 1, sx + x, sy + y));
    if n < MIN_PACKETS {
        return None;
    }
    let (mean_x, mean_y) = (sum_x / n as f64, sum_y / n as f64);
    let (xx, xy) = points.fold((0.0, 0.0), |(xx, xy), (x, y)| {
        (xx + (x - mean_x) * (x - mean_x), xy + (x - mean_x) * (y - mean_y))
    });
    let slope = xy / xx;
    if !slope.is_finite() || slope <= 0.0 {
        return None;
    }
    let distance = |clock: u32| (f64::from(clock) / slope).ln().abs();
    let best = CLOCKS.into_iter().min_by(|&a, &b| distance(a).total_cmp(&distance(b)))?;
    ((f64::from(best) - slope).abs() / f64::from(best) < TOLERANCE).then_some(best)
}

/// Whether a dynamic payload type looks like RFC 4733 events: four bytes of payload, and timestamps that
/// stand still while numbers go on.
pub(crate) fn looks_like_events<'a>(packets: impl Iterator<Item = &'a RtpArrival> + Clone) -> bool {
    let mut n = 0_u32;
    let mut repeats = 0_u32;
    let mut last: Option<&RtpArrival> = None;
    for p in packets {
        if p.payload_type < FIRST_DYNAMIC || p.payload_len != 4 {
            return false;
        }
        n += 1;
        repeats += u32::from(last.is_some_and(|l| l.timestamp == p.timestamp && l.sequence != p.sequence));
        last = Some(p);
    }
    n >= 3 && 2 * repeats >= n - 1
}

/// Whether one packet of a payload type that is new in a stream of another looks like an event.
pub(crate) const fn may_be_event(p: &RtpArrival) -> bool {
    p.payload_type >= FIRST_DYNAMIC && p.payload_len == 4
}
