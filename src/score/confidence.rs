//! How far to trust a score, and why not further.
//!
//! Each reason caps the confidence; the lowest cap stands. The whole rule is the one table in [`Reason`],
//! published in `PROFILES.md`. Delay is said when assumed, but lowers nothing: MOS-LQE has no delay in it.

use serde::Serialize;

use super::codecs::{Basis, Row};
use super::{Profile, Score};

/// How far a MOS-LQE can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// An indication.
    Low,
    /// Right about good and bad; not to the tenth.
    Medium,
    /// As good as the model is.
    High,
}

impl Confidence {
    /// `low`, `medium` or `high`, as in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What limits the confidence in a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The probe itself lost packets, and cannot tell them from the network's.
    CaptureLoss,
    /// Fewer than [`FEW_PACKETS`].
    FewPackets,
    /// No more than one interval of 10 s, be it one of many or a short stream.
    OneInterval,
    /// The RTP clock was inferred, not read from SDP or RFC 3551.
    ClockInferred,
    /// The other direction was never seen.
    OneDirection,
    /// Loss or bursts beyond what the model was made for: see [`Score::is_extrapolated`].
    Extrapolated,
    /// The codec's values are ITU's, but only one reader of G.113 confirms them.
    OneReader,
    /// The codec's values are ITU's, from memory.
    FromMemory,
    /// ITU has no full row for the codec; that of a close relative is used.
    Relative,
    /// ITU has no row for the codec; that of quite another codec is used.
    StandIn,
    /// The codec's values are from a paper or a vendor.
    Literature,
    /// The codec's values are those of open-source tools.
    Tool,
    /// AMR-WB under loss: Ie for one ear, Bpl for both, as nothing better is published.
    MixedEars,
    /// Profile `pesq`, but the codec was not measured, so it has its row of profile `itu`.
    NotFitted,
    /// The network's delay was assumed, not measured.
    DelayAssumed,
}

impl Reason {
    /// Every reason, in the order in which they are told.
    pub const ALL: [Self; 15] = [
        Self::CaptureLoss,
        Self::FewPackets,
        Self::OneInterval,
        Self::ClockInferred,
        Self::OneDirection,
        Self::Extrapolated,
        Self::OneReader,
        Self::FromMemory,
        Self::Relative,
        Self::StandIn,
        Self::Literature,
        Self::Tool,
        Self::MixedEars,
        Self::NotFitted,
        Self::DelayAssumed,
    ];

    /// The table: the most that can be said, and the words for it.
    const fn entry(self) -> (Confidence, &'static str) {
        use Confidence::{High, Low, Medium};
        match self {
            Self::CaptureLoss => (Low, "the probe itself missed packets"),
            Self::FewPackets => (Low, "fewer than 250 packets"),
            Self::OneInterval => (Medium, "one interval of 10 s or less"),
            Self::ClockInferred => (Medium, "the RTP clock rate is inferred"),
            Self::OneDirection => (Medium, "only one direction was seen"),
            Self::Extrapolated => (Medium, "loss or bursts beyond the model's validity: extrapolated"),
            Self::OneReader => (Medium, "the codec's ITU values are confirmed by one reader only"),
            Self::FromMemory => (Low, "the codec's ITU values are from memory"),
            Self::Relative => (Medium, "no complete ITU values for the codec: those of a close relative"),
            Self::StandIn => (Low, "no ITU values for the codec: those of another one stand in"),
            Self::Literature => (Low, "no ITU values for the codec: those of a paper or a vendor"),
            Self::Tool => (Low, "no ITU values for the codec: those of open-source tools"),
            Self::MixedEars => (Medium, "AMR-WB under loss: Ie for one ear with Bpl for both"),
            Self::NotFitted => (Low, "the codec was not fitted to PESQ: its values of profile itu"),
            Self::DelayAssumed => (High, "the network's delay is assumed"),
        }
    }

    /// The most that a score can be trusted with this against it.
    #[must_use]
    pub const fn cap(self) -> Confidence {
        self.entry().0
    }

    /// What to tell a reader.
    #[must_use]
    pub const fn words(self) -> &'static str {
        self.entry().1
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// Below this many packets a score has [`Reason::FewPackets`].
///
/// With 250 (5 s at 20 ms) one packet more or less is 0.4 % of loss, which moves R of G.711 by 1.5; and a
/// true loss of 2 % is measured with a standard error of 0.9 %. With fewer, chance outweighs the network.
pub const FEW_PACKETS: u64 = 250;

/// A set of [`Reason`]s; copied freely, allocates nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reasons(u16);

impl Reasons {
    /// Adds a reason.
    pub const fn insert(&mut self, reason: Reason) {
        self.0 |= reason.bit();
    }

    /// Whether a reason is among them.
    #[must_use]
    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & reason.bit() != 0
    }

    /// The reasons, in the order of [`Reason::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.into_iter().filter(move |reason| self.contains(*reason))
    }

    /// The lowest cap of them all; `High` where there is none.
    #[must_use]
    pub fn confidence(self) -> Confidence {
        self.iter().map(Reason::cap).min().unwrap_or(Confidence::High)
    }

    fn insert_if(&mut self, holds: bool, reason: Reason) {
        if holds {
            self.insert(reason);
        }
    }
}

/// How the numbers behind a score were come by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Packets expected in what is scored.
    pub packets: u64,
    /// What is scored is one interval of 10 s, or a stream no longer than that.
    pub one_interval: bool,
    /// The RTP clock rate was inferred.
    pub clock_inferred: bool,
    /// No packet of the other direction was seen.
    pub one_direction: bool,
    /// The probe dropped packets meanwhile.
    pub capture_loss: bool,
    /// The one-way delay was assumed, not measured.
    pub delay_assumed: bool,
}

impl Evidence {
    /// All that speaks against `score`, which was made with `row`.
    #[must_use]
    pub fn reasons(&self, row: &Row, score: &Score) -> Reasons {
        let mut reasons = score.reasons(row);
        reasons.insert_if(self.capture_loss, Reason::CaptureLoss);
        reasons.insert_if(self.packets < FEW_PACKETS, Reason::FewPackets);
        reasons.insert_if(self.one_interval, Reason::OneInterval);
        reasons.insert_if(self.clock_inferred, Reason::ClockInferred);
        reasons.insert_if(self.one_direction, Reason::OneDirection);
        reasons.insert_if(self.delay_assumed, Reason::DelayAssumed);
        reasons
    }
}

impl Score {
    /// What speaks against a score by its model alone, whoever measured the loss.
    #[must_use]
    pub fn reasons(&self, row: &Row) -> Reasons {
        let mut reasons = Reasons::default();
        reasons.insert_if(self.is_extrapolated(), Reason::Extrapolated);
        reasons.insert_if(self.mixed_ears, Reason::MixedEars);
        reasons.insert_if(self.profile == Profile::Pesq && !self.fitted, Reason::NotFitted);
        // A fitted score has nothing of the row's values in it.
        if let (false, Some(reason)) = (self.fitted, weakness(row)) {
            reasons.insert(reason);
        }
        reasons
    }
}

/// Why a row is not to be trusted fully; its cap is [`Row::confidence`].
fn weakness(row: &Row) -> Option<Reason> {
    match row.basis {
        Basis::Given => None,
        Basis::Itu if row.confidence == Confidence::High => None,
        Basis::Itu => Some(Reason::OneReader),
        Basis::ItuFromMemory => Some(Reason::FromMemory),
        Basis::Proxy if row.confidence == Confidence::Low => Some(Reason::StandIn),
        Basis::Proxy => Some(Reason::Relative),
        Basis::Literature => Some(Reason::Literature),
        Basis::Tool => Some(Reason::Tool),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CodecInUse, codecs, score};
    use super::*;

    fn judged(name: &str, profile: Profile, ppl: f64, burst_ratio: f64, evidence: Evidence) -> Reasons {
        let row = CodecInUse { name, ..CodecInUse::default() }.row().unwrap();
        evidence.reasons(row, &score(profile, row, ppl, burst_ratio, None).unwrap())
    }

    const WHOLE_CALL: Evidence = Evidence {
        packets: 4000,
        one_interval: false,
        clock_inferred: false,
        one_direction: false,
        capture_loss: false,
        delay_assumed: false,
    };

    #[test]
    fn the_published_page_has_the_table_of_the_code() {
        let mut table = String::from("| reason | at most |\n|---|---|\n");
        for reason in Reason::ALL {
            table += &format!("| {} | {} |\n", reason.words(), reason.cap().name());
        }
        assert!(include_str!("PROFILES.md").contains(&table), "PROFILES.md should have:\n{table}");
    }

    #[test]
    fn every_reason_is_listed_once_and_in_order() {
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
        assert_eq!(Reason::ALL.len(), Reason::DelayAssumed as usize + 1);
        assert!(Reason::FewPackets.words().contains(&FEW_PACKETS.to_string()));
    }

    #[test]
    fn a_whole_call_of_g711_is_trusted() {
        let got = judged("PCMA", Profile::Itu, 1.0, 1.0, WHOLE_CALL);
        assert_eq!((got, got.confidence()), (Reasons::default(), Confidence::High));
    }

    #[test]
    fn an_assumed_delay_is_said_and_lowers_nothing() {
        let got = judged("PCMA", Profile::Itu, 0.0, 1.0, Evidence { delay_assumed: true, ..WHOLE_CALL });
        assert!(got.iter().eq([Reason::DelayAssumed]));
        assert_eq!(got.confidence(), Confidence::High);
    }

    #[test]
    fn one_interval_is_never_high() {
        let got = judged("PCMA", Profile::Itu, 0.0, 1.0, Evidence { one_interval: true, ..WHOLE_CALL });
        assert_eq!(got.confidence(), Confidence::Medium);
    }

    #[test]
    fn the_lowest_cap_stands() {
        let evidence = Evidence { packets: 249, one_direction: true, ..WHOLE_CALL };
        assert_eq!(judged("PCMA", Profile::Itu, 0.0, 1.0, evidence).confidence(), Confidence::Low);
    }

    #[test]
    fn a_rows_reason_caps_at_the_rows_own_confidence() {
        for row in codecs::rows() {
            assert_eq!(weakness(row).map_or(Confidence::High, Reason::cap), row.confidence, "{}", row.key);
        }
    }

    #[test]
    fn amr_wb_is_mixed_only_under_loss() {
        let mixed = |ppl| judged("AMR-WB", Profile::Itu, ppl, 1.0, WHOLE_CALL).contains(Reason::MixedEars);
        assert!(!mixed(0.0) && mixed(1.0));
    }

    #[test]
    fn a_codec_without_a_fit_is_low_in_profile_pesq_and_one_with_is_not() {
        let got = judged("EVS", Profile::Pesq, 0.0, 1.0, WHOLE_CALL);
        assert!(got.contains(Reason::NotFitted) && got.confidence() == Confidence::Low);
        assert_eq!(judged("opus", Profile::Pesq, 1.0, 1.0, WHOLE_CALL).confidence(), Confidence::High);
    }

    #[test]
    fn beyond_annex_a_is_extrapolated() {
        let beyond = |profile, ppl, burst_ratio| {
            judged("PCMU", profile, ppl, burst_ratio, WHOLE_CALL).contains(Reason::Extrapolated)
        };
        assert!(beyond(Profile::Itu, 20.1, 1.0) && beyond(Profile::Pesq, 20.1, 1.0));
        assert!(beyond(Profile::Itu, 3.0, 2.1));
        // The fit was made on bursty loss too, and under 2 % any burst ratio is within Annex A.
        assert!(!beyond(Profile::Pesq, 3.0, 2.1) && !beyond(Profile::Itu, 1.9, 8.0));
    }
}
