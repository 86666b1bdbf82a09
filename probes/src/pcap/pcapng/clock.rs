//! What an interface's timestamps mean.

use super::{ByteOrder, field};
use crate::Timestamp;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Option codes of an interface description block.
const END_OF_OPTIONS: u16 = 0;
const RESOLUTION: u16 = 9;
const OFFSET: u16 = 14;

/// The unit and the origin of an interface's timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    unit: Unit,
    /// Added to every time; a whole number of seconds.
    offset_nanos: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// This many nanoseconds a tick.
    Nanos(u64),
    /// This many ticks a nanosecond; 0 for more than 64 bits can count, when every time is 0.
    PerNano(u64),
    /// Two to this power ticks a second.
    Binary(u8),
}

impl Clock {
    /// Reads `if_tsresol` and `if_tsoffset`; without them, microseconds since 1970.
    ///
    /// Options that run past the block end the list: the packets are worth more than its tail.
    pub fn of_interface(order: ByteOrder, mut options: &[u8]) -> Self {
        let mut clock = Self { unit: Unit::Nanos(1000), offset_nanos: 0 };
        while let (Some(code), Some(length)) = (field(options, 0), field(options, 2)) {
            let length = usize::from(order.u16(length));
            let Some(value) = options.get(4..4 + length) else { break };
            match (order.u16(code), value) {
                (END_OF_OPTIONS, _) => break,
                (RESOLUTION, &[resolution]) => clock.unit = Unit::of_resolution(resolution),
                (OFFSET, value) => {
                    let seconds = field(value, 0).map_or(0, |seconds| order.i64(seconds));
                    clock.offset_nanos = seconds.saturating_mul(1_000_000_000);
                }
                _ => {}
            }
            options = options.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        }
        clock
    }

    /// The time at `ticks`; the nearest there is where it is out of range.
    #[inline]
    pub fn time(self, ticks: u64) -> Timestamp {
        let nanos = match self.unit {
            Unit::Nanos(nanos) => ticks.saturating_mul(nanos),
            Unit::PerNano(ticks_per_nano) => ticks.checked_div(ticks_per_nano).unwrap_or(0),
            Unit::Binary(power) => {
                // 64 bits by 30 fit 128.
                let nanos = (u128::from(ticks) * u128::from(NANOS_PER_SECOND)) >> power;
                u64::try_from(nanos).unwrap_or(u64::MAX)
            }
        };
        Timestamp::from_nanos(self.offset_nanos.saturating_add_unsigned(nanos))
    }
}

impl Unit {
    /// The upper bit chooses between powers of 10 and of 2; the others are the negative power.
    fn of_resolution(resolution: u8) -> Self {
        let power = u32::from(resolution & 0x7f);
        if resolution & 0x80 != 0 {
            return Self::Binary(resolution & 0x7f);
        }
        match 9_u32.checked_sub(power) {
            Some(coarser) => Self::Nanos(10_u64.pow(coarser)),
            None => Self::PerNano(10_u64.checked_pow(power - 9).unwrap_or(0)),
        }
    }
}
