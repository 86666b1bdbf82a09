//! The examples of RFC 6035 §4.7, and what hostile or careless senders write.

use proptest::prelude::*;

use super::*;

/// §4.7.1, F17.
const SESSION: &str = "VQSessionReport: CallTerm\r\n\
CallID: 6dg37f1890463\r\n\
LocalID: Alice <sip:alice@example.org>\r\n\
RemoteID: Bill <sip:bill@example.net>\r\n\
OrigID: Alice <sip:alice@example.org>\r\n\
LocalGroup: example-phone-55671\r\n\
RemoteGroup: example-gateway-09871\r\n\
LocalAddr: IP=10.10.1.100 PORT=5000 SSRC=1a3b5c7d\r\n\
LocalMAC: 00:1f:5b:cc:21:0f\r\n\
RemoteAddr:IP=11.1.1.150 PORT=5002 SSRC=0x2468abcd\r\n\
RemoteMAC: 00:26:08:8e:95:02\r\n\
LocalMetrics:\r\n\
Timestamps:START=2004-10-10T18:23:43Z STOP=2004-10-01T18:26:02Z\r\n\
SessionDesc:PT=18 PD=G729 SR=8000 FD=20 FO=20 FPP=2 PPS=50\r\n\
\x20               FMTP=\"annexb=no MOSLQ=1.0\" PLC=3 SSUP=on\r\n\
JitterBuffer:JBA=3 JBR=2 JBN=40 JBM=80 JBX=120\r\n\
PacketLoss:NLR=5.0 JDR=2.0\r\n\
BurstGapLoss:BLD=0 BD=0 GLD=2.0 GD=500 GMIN=16\r\n\
Delay:RTD=200 ESD=140 SOWD=200 IAJ=2 MAJ=10\r\n\
Signal:SL=-18 NL=-50 RERL=55\r\n\
QualityEst:RLQ=88 RCQ=85 EXTRI=90 MOSLQ=4.1 MOSCQ=4.0\r\n\
\x20 QoEEstAlg=P.564\r\n\
RemoteMetrics:\r\n\
Timestamps:START=2004-10-10T18:23:43Z STOP=2004-10-01T18:26:02Z\r\n\
PacketLoss:NLR=6.25 JDR=0\r\n\
Delay:RTD=210 ESD=140\r\n\
QualityEst:RLQ=90 RCQ=85 EXTRI=90 MOSLQ=4.3 MOSCQ=4.2\r\n\
DialogID:1890463548@alice.example.org;to-tag=8472761;\r\n\
\x20 from-tag=9123dh311\r\n";

#[test]
fn a_session_report_is_read_whole() {
    let report = VoiceQuality::parse(SESSION.as_bytes()).unwrap();
    assert_eq!((report.kind, report.is_final), (ReportKind::Session, true));
    assert_eq!(report.call_id, Some(&b"6dg37f1890463"[..]));
    let user = |id: Option<NameAddr<'static>>| str::from_utf8(id.unwrap().uri.user().unwrap()).unwrap();
    assert_eq!([report.local_id, report.remote_id, report.originator].map(user), ["alice", "bill", "alice"]);
    assert_eq!(report.local.address, Some(Address::v4([10, 10, 1, 100])));
    assert_eq!((report.local.port, report.remote.port), (Some(5000), Some(5002)));
    assert!(report.local.ssrc.may_be(0x1a3b_5c7d) && report.remote.ssrc.may_be(0x2468_abcd));
    let (local, remote) = (report.local_metrics.unwrap(), report.remote_metrics.unwrap());
    assert_eq!((local.loss_percent(), local.discard_percent()), (Some(5.0), Some(2.0)));
    assert_eq!((local.mos_lq(), local.mos_cq(), local.round_trip_ms()), (Some(4.1), Some(4.0), Some(200.0)));
    assert_eq!((remote.loss_percent(), remote.discard_percent()), (Some(6.25), Some(0.0)));
    assert_eq!(
        (remote.mos_lq(), remote.mos_cq(), remote.round_trip_ms()),
        (Some(4.3), Some(4.2), Some(210.0))
    );
    assert_eq!(local.value("SessionDesc", "PD"), Some(&b"G729"[..]));
    assert_eq!(local.value("SessionDesc", "SSUP"), Some(&b"on"[..]));
    assert_eq!(local.value("QualityEst", "QoEEstAlg"), Some(&b"P.564"[..]));
    assert_eq!(local.value("Timestamps", "STOP"), Some(&b"2004-10-01T18:26:02Z"[..]));
    assert_eq!(report.dialog_call_id, Some(&b"1890463548@alice.example.org"[..]));
    assert_eq!(report.dialog_tags, [Some(&b"8472761"[..]), Some(&b"9123dh311"[..])]);
}

#[test]
fn an_alert_whose_block_is_called_metrics_is_read() {
    // §4.7.4, F7.
    let text = SESSION
        .replace("VQSessionReport: CallTerm", "VQAlertReport: Type=RLQ Severity=Warning Dir=local")
        .replace("LocalMetrics:", "Metrics:");
    let report = VoiceQuality::parse(text.as_bytes()).unwrap();
    assert_eq!((report.kind, report.is_final), (ReportKind::Alert, false));
    assert_eq!(report.local_metrics.unwrap().mos_lq(), Some(4.1));
    assert_eq!(report.remote_metrics.unwrap().mos_lq(), Some(4.3));
}

#[test]
fn careless_senders_are_understood() {
    let text = "\r\nvqintervalreport\nCALLID : a@b\n\nlocaladdr: PORT = 4000  IP=[2001:db8::1] ssrc=3454576634\n\
                localmetrics :\n\npacketloss: JDR = 1  NLR=0\nQualityEst:MOSLQ=5\n";
    let report = VoiceQuality::parse(text.as_bytes()).unwrap();
    assert_eq!((report.kind, report.call_id), (ReportKind::Interval, Some(&b"a@b"[..])));
    let local = report.local;
    assert_eq!(local.address.unwrap().to_string(), "2001:db8::1");
    assert!(local.port == Some(4000) && local.ssrc.may_be(3_454_576_634));
    let metrics = report.local_metrics.unwrap();
    assert_eq!((metrics.loss_percent(), metrics.discard_percent()), (Some(0.0), Some(1.0)));
    assert_eq!((metrics.mos_lq(), metrics.mos_cq()), (Some(5.0), None));
    assert!(report.remote_metrics.is_none());
    for none in ["", "\r\n", "v=0\r\n", "CallID: 1\r\nVQSessionReport\r\n", "VQSessionReportX\r\n"] {
        assert!(VoiceQuality::parse(none.as_bytes()).is_none(), "{none}");
    }
}

#[test]
fn lines_in_any_order_and_addresses_with_colons_are_understood() {
    // As a generator of HEP traffic writes it.
    let text = "VQIntervalReport\r\nLocalMetrics:\r\nSessionDesc:PT=124 PD=opus SR=48000\r\nCallID:q@127.0.0.1\r\n\
                LocalAddr:IP:192.168.1.55 PORT:30539\r\nRemoteAddr:IP:2001:db8::5 PORT:7079\r\n\
                PacketLoss:NLR=8.0\r\nDelay:IAJ=93\r\n";
    let report = VoiceQuality::parse(text.as_bytes()).unwrap();
    assert_eq!(report.call_id, Some(&b"q@127.0.0.1"[..]));
    assert_eq!((report.local.port, report.remote.port), (Some(30_539), Some(7079)));
    assert_eq!(report.local.address, Some(Address::v4([192, 168, 1, 55])));
    assert_eq!(report.remote.address.unwrap().to_string(), "2001:db8::5");
    assert_eq!(report.local_metrics.unwrap().loss_percent(), Some(8.0));
}

#[test]
fn a_second_report_changes_nothing_of_the_first() {
    let twice = format!("{SESSION}{}", SESSION.replace("6dg37f1890463", "other").replace("NLR=5.0", "NLR=9"));
    let report = VoiceQuality::parse(twice.as_bytes()).unwrap();
    assert_eq!(report.call_id, Some(&b"6dg37f1890463"[..]));
    assert_eq!(report.local_metrics.unwrap().loss_percent(), Some(5.0));
}

#[test]
fn what_cannot_be_right_is_not_said() {
    let wrong =
        ["NaN", "inf", "1e999", "1e1", "-1", "+1", "100.01", "1000", "", ".", "5,0", "0x5", "5%", "1.2.3"];
    for number in wrong {
        let text = format!("VQSessionReport\r\nLocalMetrics:\r\nPacketLoss:NLR={number} JDR={number}\r\n");
        let metrics = VoiceQuality::parse(text.as_bytes()).unwrap().local_metrics.unwrap();
        assert_eq!((metrics.loss_percent(), metrics.discard_percent()), (None, None), "{number}");
    }
    for number in ["0", "0.99", "5.01", "12.7", "127", "-3", "NaN"] {
        let text =
            format!("VQSessionReport\r\nLocalMetrics:\r\nQualityEst:MOSLQ={number} MOSCQ={number}\r\n");
        let metrics = VoiceQuality::parse(text.as_bytes()).unwrap().local_metrics.unwrap();
        assert_eq!((metrics.mos_lq(), metrics.mos_cq()), (None, None), "{number}");
    }
    for number in ["0", "65536", "-1", "99999999999999999999999999999999999"] {
        let text = format!("VQSessionReport\r\nLocalMetrics:\r\nDelay:RTD={number}\r\n");
        let metrics = VoiceQuality::parse(text.as_bytes()).unwrap().local_metrics.unwrap();
        assert_eq!(metrics.round_trip_ms(), None, "{number}");
    }
    let text = "VQSessionReport\r\nLocalAddr:IP=0.0.0.0 PORT=99999 SSRC=0x123456789\r\n";
    let local = VoiceQuality::parse(text.as_bytes()).unwrap().local;
    assert_eq!(local, MediaEnd::default());
}

fn ask_everything(body: &[u8]) {
    let Some(report) = VoiceQuality::parse(body) else { return };
    for metrics in [report.local_metrics, report.remote_metrics].into_iter().flatten() {
        let percent = [metrics.loss_percent(), metrics.discard_percent()];
        assert!(percent.iter().flatten().all(|p| (0.0..=100.0).contains(p)));
        assert!([metrics.mos_lq(), metrics.mos_cq()].iter().flatten().all(|m| (1.0..=5.0).contains(m)));
        assert!(metrics.round_trip_ms().is_none_or(|ms| (0.0..=65_535.0).contains(&ms)));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_their_end(body in prop::collection::vec(any::<u8>(), 0..400)) {
        ask_everything(&body);
        ask_everything(&[b"VQSessionReport\r\nLocalMetrics:\r\nPacketLoss:NLR=", &body[..]].concat());
    }

    #[test]
    fn a_damaged_report_gives_no_wrong_numbers(at in 0..SESSION.len(), with in any::<u8>(), cut in 0..SESSION.len()) {
        let mut body = SESSION.as_bytes().to_vec();
        body[at] = with;
        ask_everything(&body);
        ask_everything(&body[..cut]);
    }
}
