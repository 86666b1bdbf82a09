//! `signalling.kpis`: the metrics of RFC 6076 by name, and the same by peer.

use std::collections::BTreeMap;

use serde::Serialize;

use super::round;
use crate::track::kpis::{Delays, KpiSet, Kpis, NER_CODES, Ratio};

/// Of all calls, then by name of peer; a peer that nothing was seen of is not listed.
#[derive(Serialize)]
pub(super) struct KpisJson<'a> {
    #[serde(flatten)]
    all: SetJson,
    by_peer: BTreeMap<&'a str, SetJson>,
}

#[derive(Serialize)]
struct SetJson {
    rrd: DelaysJson,
    ira: RatioJson,
    srd_ok: DelaysJson,
    srd_failed: DelaysJson,
    sdd: DelaysJson,
    sdt: DelaysJson,
    ser: RatioJson,
    seer: RatioJson,
    isa: RatioJson,
    scr: RatioJson,
    asr: RatioJson,
    ner: RatioJson,
}

#[derive(Serialize)]
struct RatioJson {
    numerator: u64,
    denominator: u64,
    /// 0…1; null of nothing.
    value: Option<f64>,
    /// What counts as a success, where no standard says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    codes: Option<[&'static str; NER_CODES.len()]>,
}

#[derive(Serialize)]
struct DelaysJson {
    count: u64,
    mean_ms: Option<f64>,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
}

impl<'a> KpisJson<'a> {
    pub fn new(kpis: &'a Kpis) -> Self {
        let by_peer = kpis.by_peer.iter().map(|(peer, set)| (&**peer, SetJson::new(set)));
        Self { all: SetJson::new(&kpis.all), by_peer: by_peer.collect() }
    }
}

impl SetJson {
    fn new(set: &KpiSet) -> Self {
        Self {
            rrd: DelaysJson::new(set.rrd()),
            ira: RatioJson::new(set.ira()),
            srd_ok: DelaysJson::new(set.srd_ok()),
            srd_failed: DelaysJson::new(set.srd_failed()),
            sdd: DelaysJson::new(set.sdd()),
            sdt: DelaysJson::new(set.sdt()),
            ser: RatioJson::new(set.ser()),
            seer: RatioJson::new(set.seer()),
            isa: RatioJson::new(set.isa()),
            scr: RatioJson::new(set.scr()),
            asr: RatioJson::new(set.asr()),
            ner: RatioJson { codes: Some(NER_CODES), ..RatioJson::new(set.ner()) },
        }
    }
}

impl RatioJson {
    fn new(ratio: Ratio) -> Self {
        let Ratio { numerator, denominator } = ratio;
        Self { numerator, denominator, value: ratio.value(), codes: None }
    }
}

impl DelaysJson {
    fn new(delays: &Delays) -> Self {
        Self {
            count: delays.count(),
            mean_ms: delays.mean_ms().map(round),
            p50_ms: delays.percentile_ms(0.5).map(round),
            p95_ms: delays.percentile_ms(0.95).map(round),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::track::signal::{Attempt, Signal, SignalEvent};

    #[test]
    fn names_and_nulls_are_the_published_ones() {
        let mut kpis = Kpis::default();
        let attempt = Attempt {
            ringing: Some(180_500_000),
            answer: Some(2_000_000_000),
            end: Some(2_000_000_000),
            status: Some(200),
            ..Attempt::default()
        };
        for what in [Signal::Attempted { hop: false, redial: false }, Signal::Settled(attempt)] {
            kpis.observe(
                &SignalEvent { time: 0, parties: std::sync::Arc::default(), what },
                Some("Carrier A"),
            );
        }
        let json = serde_json::to_value(KpisJson::new(&kpis)).unwrap();
        let lines = |json: &serde_json::Value| -> String {
            let object = json.as_object().unwrap().iter();
            object.filter(|(name, _)| *name != "by_peer").map(|(name, v)| format!("{name} {v}\n")).collect()
        };
        expect![[r#"
            asr {"denominator":1,"numerator":1,"value":1.0}
            ira {"denominator":0,"numerator":0,"value":null}
            isa {"denominator":1,"numerator":0,"value":0.0}
            ner {"codes":["2xx","480","486","487 after ringing","600","603","408 after ringing"],"denominator":1,"numerator":1,"value":1.0}
            rrd {"count":0,"mean_ms":null,"p50_ms":null,"p95_ms":null}
            scr {"denominator":1,"numerator":0,"value":0.0}
            sdd {"count":0,"mean_ms":null,"p50_ms":null,"p95_ms":null}
            sdt {"count":0,"mean_ms":null,"p50_ms":null,"p95_ms":null}
            seer {"denominator":1,"numerator":1,"value":1.0}
            ser {"denominator":1,"numerator":1,"value":1.0}
            srd_failed {"count":0,"mean_ms":null,"p50_ms":null,"p95_ms":null}
            srd_ok {"count":1,"mean_ms":180.5,"p50_ms":180.5,"p95_ms":180.5}
        "#]].assert_eq(&lines(&json));
        assert_eq!(json["by_peer"].as_object().unwrap().len(), 1);
        assert_eq!(lines(&json), lines(&json["by_peer"]["Carrier A"]));
    }
}
