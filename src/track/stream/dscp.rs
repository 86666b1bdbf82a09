//! How packets were marked ([RFC 2474](https://www.rfc-editor.org/rfc/rfc2474)).

/// Marking of packets, in the classes that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DscpClass {
    /// Expedited forwarding (46, [RFC 3246](https://www.rfc-editor.org/rfc/rfc3246)): voice.
    Ef,
    /// AF41 to AF43 ([RFC 2597](https://www.rfc-editor.org/rfc/rfc2597)): video.
    Af4,
    /// AF31 to AF33: signalling.
    Af3,
    /// CS1 to CS7.
    Cs,
    /// 0: nobody marked it, or somebody took the marking off.
    Be,
    /// Anything else.
    Other,
}

impl DscpClass {
    /// Every class, in the order in which they are counted.
    pub const ALL: [Self; 6] = [Self::Ef, Self::Af4, Self::Af3, Self::Cs, Self::Be, Self::Other];

    /// The class of a DSCP (0…63).
    #[must_use]
    pub const fn of(dscp: u8) -> Self {
        match dscp {
            46 => Self::Ef,
            34 | 36 | 38 => Self::Af4,
            26 | 28 | 30 => Self::Af3,
            8 | 16 | 24 | 32 | 40 | 48 | 56 => Self::Cs,
            0 => Self::Be,
            _ => Self::Other,
        }
    }

    /// As metrics label it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ef => "ef",
            Self::Af4 => "af4",
            Self::Af3 => "af3",
            Self::Cs => "cs",
            Self::Be => "be",
            Self::Other => "other",
        }
    }
}

/// Packets by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DscpCounts([u32; DscpClass::ALL.len()]);

impl DscpCounts {
    pub(super) fn add(&mut self, dscp: u8, packets: u32) {
        if let Some(count) = self.0.get_mut(DscpClass::of(dscp) as usize) {
            *count = count.saturating_add(packets);
        }
    }

    /// Each class with its packets.
    pub fn iter(&self) -> impl Iterator<Item = (DscpClass, u32)> + '_ {
        DscpClass::ALL.into_iter().zip(self.0)
    }
}
