//! `clearline analyze`: what people and scripts see of a capture.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

mod frames;

use std::ffi::OsStr;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use expect_test::{Expect, expect};
use serde_json::Value;

use self::frames::{CALLEE, CALLER, Frames};

const LOSS5: &str = "loss5_pcma.pcap.gz";

/// The command, among the captures, on no terminal, in a locale of UTF-8.
fn clearline(arguments: &[&OsStr]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clearline"));
    command.args(arguments).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures"));
    for name in ["COLUMNS", "NO_COLOR", "CLICOLOR_FORCE", "LC_CTYPE", "LANG"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C.UTF-8");
    command
}

fn analyze(arguments: &[&str]) -> Command {
    let all: Vec<&OsStr> = ["analyze"].iter().chain(arguments).map(OsStr::new).collect();
    clearline(&all)
}

/// What it says on both streams, and how it ends.
fn said(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    let home = env!("CARGO_TARGET_TMPDIR");
    format!("{stdout}{stderr}exit {}\n", status.code().unwrap()).replace(&format!("{home}/"), "")
}

fn check(command: &mut Command, wanted: &Expect) {
    wanted.assert_eq(&said(command));
}

fn json(command: &mut Command) -> Value {
    serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
}

/// A morning of an office: a call with one way only and bad loss, a good one, one that is refused, one that
/// nobody takes, and a stream that no SIP tells of.
fn morning(name: &str) -> PathBuf {
    let mut f = Frames::default();
    f.answered(0, "good@office", "+4930123456", (4000, 5000), 25_000);
    f.rtp(1100, (CALLER.0, 4000), (CALLEE.0, 5000), 8, 1250, |_| false);
    f.rtp(1100, (CALLEE.0, 5000), (CALLER.0, 4000), 8, 1250, |n| n % 100 == 7);
    f.answered(10_000, "one-way@office", "bob", (4010, 5010), 30_000);
    f.rtp(11_100, (CALLER.0, 4010), (CALLEE.0, 5010), 8, 1500, |n| n % 8 == 0 || (700..740).contains(&n));
    f.invite(20_000, "busy@office", "=cmd|' /C calc'!A0", 4020);
    f.response(
        20_300,
        "busy@office",
        "=cmd|' /C calc'!A0",
        "486 Busy \x1b[31mHere",
        "Reason: Q.850;cause=17\r\n",
        None,
    );
    f.invite(25_000, "nobody@office", "carol", 4030);
    f.rtp(30_000, ([203, 0, 113, 9], 7000), (CALLEE.0, 7002), 97, 500, |_| false);
    f.write(name)
}

#[test]
fn a_call_is_a_line_a_direction_in_80_columns() {
    check(
        analyze(&[LOSS5]).env("COLUMNS", "80"),
        &expect![[r#"
            loss5_pcma.pcap.gz · 1,986 packets · 2026-11-24 03:54:16 – 03:54:38 UTC (22 s)
            1 call, completed · 2 streams · worst MOS-LQ 3.86 nb

            Calls, worst first: a line per direction
            START     FROM, TO     CODEC LOSS% LATE%  MOS-LQ    NOTES
            03:54:18  alice → bob  PCMA   5.49  0.00  3.86  nb
            03:54:18  alice ← bob  PCMA   0.00  0.00  4.41  nb

            LATE: too late for the playout buffer. nb, wb, fb: scales, not to be compared.
            One call in depth: --call 0788b0 (its ID, or its Call-ID)
            exit 0
        "#]],
    );
}

#[test]
fn and_in_120() {
    check(
        analyze(&[LOSS5]).env("COLUMNS", "120"),
        &expect![[r#"
            loss5_pcma.pcap.gz · 1,986 packets · 2026-11-24 03:54:16 – 03:54:38 UTC (22 s)
            1 call, completed · 2 streams · worst MOS-LQ 3.86 nb

            Calls, worst first: a line per direction
            START     FROM, TO     CODEC LOSS% LATE% JITTER  MOS-LQ   WORST POOR%  ID      NOTES
            03:54:18  alice → bob  PCMA   5.49  0.00    0.5  3.86  nb  3.84     0  0788b0
            03:54:18  alice ← bob  PCMA   0.00  0.00    0.4  4.41  nb  4.41     0  0788b0

            LATE: too late for the playout buffer. JITTER: mean, ms. WORST, POOR%: of intervals of 10 s; poor is below 3.6. nb, wb,
            fb: scales, not to be compared.
            One call in depth: --call 0788b0 (its ID, or its Call-ID)
            exit 0
        "#]],
    );
}

#[test]
fn the_worst_comes_first_and_what_failed_says_why() {
    let path = morning("morning-100.pcap");
    check(
        // From its folder: the length of a path moves the breaks of lines.
        analyze(&["morning-100.pcap"]).current_dir(path.parent().unwrap()).env("COLUMNS", "100"),
        &expect![[r#"
            morning-100.pcap · 4,277 packets · 2026-11-23 09:00:00 – 09:00:41 UTC (41 s)
            4 calls (2 completed, 1 failed, 1 still up at the end) · 4 streams (1 without a call)
            worst MOS-LQ 2.97~ nb

            Calls, worst first: a line per direction
            START     FROM, TO            CODEC LOSS% LATE% JITTER  MOS-LQ   WORST POOR%  ID      NOTES
            09:00:10  bob → 1001          PCMA  14.81  0.00    0.0  2.97~ nb  2.39   100  f05900  one-way
            09:00:00  +4930123456 ← 1001  PCMA   1.04  0.00    0.0  4.32  nb  4.27     0  a0e988
            09:00:00  +4930123456 → 1001  PCMA   0.00  0.00    0.0  4.41  nb  4.41     0  a0e988

            Streams without a call, worst first
            START     MEDIA                       CODEC LOSS% LATE% JITTER  MOS-LQ WORST POOR%  NOTES
            09:00:30  203.0.113.9… → 198.51.100…  ?      0.00  0.00    0.0  -          -     -  codec unknown, …

            Calls that were not answered
            START     FROM, TO                   OUTCOME              AFTER  ID      REASON
            09:00:20  =cmd|' /C calc'!A0 → 1001  failed 486           0.3 s  b07148  Busy �[31mHere, Q.850 caus…
            09:00:25  carol → 1001               still up at the end      -  7953ed

            LATE: too late for the playout buffer. JITTER: mean, ms. WORST, POOR%: of intervals of 10 s; poor is
            below 3.6. nb, wb, fb: scales, not to be compared.
            MOS-LQ: ~ medium confidence, ? low.
            one-way: the other direction was not seen here.
            One call in depth: --call f05900 (its ID, or its Call-ID)
            exit 0
        "#]],
    );
}

#[test]
fn without_a_terminal_nothing_is_cut_off() {
    let path = morning("morning-pipe.pcap");
    check(
        &mut analyze(&[path.to_str().unwrap()]),
        &expect![[r#"
            morning-pipe.pcap · 4,277 packets · 2026-11-23 09:00:00 – 09:00:41 UTC (41 s)
            4 calls (2 completed, 1 failed, 1 still up at the end) · 4 streams (1 without a call) · worst MOS-LQ 2.97~ nb

            Calls, worst first: a line per direction
            START     FROM, TO            MEDIA                               STATE          CODEC LOSS% LATE% JITTER  MOS-LQ   WORST POOR%  ID      NOTES
            09:00:10  bob → 1001          192.0.2.1:4010 → 198.51.100.2:5010  completed 200  PCMA  14.81  0.00    0.0  2.97~ nb  2.39   100  f05900  one-way
            09:00:00  +4930123456 ← 1001  198.51.100.2:5000 → 192.0.2.1:4000  completed 200  PCMA   1.04  0.00    0.0  4.32  nb  4.27     0  a0e988
            09:00:00  +4930123456 → 1001  192.0.2.1:4000 → 198.51.100.2:5000  completed 200  PCMA   0.00  0.00    0.0  4.41  nb  4.41     0  a0e988

            Streams without a call, worst first
            START     MEDIA                                 CODEC LOSS% LATE% JITTER  MOS-LQ WORST POOR%  NOTES
            09:00:30  203.0.113.9:7000 → 198.51.100.2:7002  ?      0.00  0.00    0.0  -          -     -  codec unknown, one-way

            Calls that were not answered
            START     FROM, TO                   OUTCOME              AFTER  ID      REASON
            09:00:20  =cmd|' /C calc'!A0 → 1001  failed 486           0.3 s  b07148  Busy �[31mHere, Q.850 cause 17, from 198.51.100.2:5060
            09:00:25  carol → 1001               still up at the end      -  7953ed

            LATE: too late for the playout buffer. JITTER: mean, ms. WORST, POOR%: of intervals of 10 s; poor is below 3.6. nb, wb, fb: scales, not to be compared.
            MOS-LQ: ~ medium confidence, ? low.
            one-way: the other direction was not seen here.
            One call in depth: --call f05900 (its ID, or its Call-ID)
            exit 0
        "#]],
    );
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let path = morning("morning-widths.pcap");
    for columns in ["80", "90", "98", "100", "120", "150"] {
        let text = said(analyze(&[path.to_str().unwrap()]).env("COLUMNS", columns));
        for line in text.lines() {
            assert!(line.chars().count() <= columns.parse().unwrap(), "{columns}: {line}");
        }
    }
}

#[test]
fn one_call_in_depth() {
    check(
        analyze(&[LOSS5, "--call", "c526c5b984e0f2d0"]).env("COLUMNS", "100"),
        &expect![[r#"
            alice → bob: completed 200 Answering
              id          01a20bb0-b07c-85ea-9faa-4b359a0788b0
              Call-ID     c526c5b984e0f2d0

            Times, 2026-11-24 UTC
              INVITE      03:54:18.620  +0.000 s
              ringing     03:54:18.620  +0.000 s
              answered    03:54:18.621  +0.001 s
              ended       03:54:38.622  +20.002 s  by the caller
                          post-dial delay 0.3 ms · answer delay 0.8 ms · talked 20 s

            Leg 1 of 1
              signalling  10.66.0.1:5060 → 10.66.0.2:5060 · udp
              parties     alice → bob
              status      200 Answering
              caller's    tag bb43174380411f1e · agent baresip v1.0.0 (x86_64/linux)
              callee's    tag 986763648fd1d93b · agent baresip v1.0.0 (x86_64/linux)
              messages    0 sent again · 0 copied by the tap

            Stream 1 of 2: caller to callee
              media       10.66.0.1:16386 → 10.66.0.2:20014
              MOS-LQ      3.86 nb (high confidence) · MOS-CQ 3.80, R 74.4
              model       G.107 Ie=0 Bpl=25.1 · profile itu
              caveats     none
              codec       PCMA · 8000 Hz · 20 ms a packet · payload type 8 · SSRC 0x79a5346e
              seen        03:54:18.626 to 03:54:38.624 · 20 s
              packets     946 of 1,001 expected · lost 55 (5.49 %) · skipped 0 · reordered 0
                          duplicates 0 (0 by the tap)
              jitter      mean 0.46, max 0.78, last 0.39 ms · longest gap between packets 80.9 ms
              bursts      12 bursts · mean 0.4 s, 17.9 % lost · between them 1.1 s, 1.1 % lost · BurstR 1.11
              DSCP        46 (EF)
              buffers                depth    delay   too late  lost+late%  BurstR  MOS-LQ  MOS-CQ      R
                          fixed      60 ms    60 ms          0        5.49    1.11    3.86    3.77   73.7
                          adaptive  varies    28 ms          0        5.49    1.11    3.86    3.80   74.4
              delay       0.5 ms one way in the network: half the round trip of RTCP
              RTCP        4 SR, 4 RR, 0 XR · at most 6.6 % lost in a report · round trip to the sender 0.3 ms
                          to the receiver 0.8 ms
              intervals   10 s a column
                            0m
              MOS-LQ        ▆▆  worst 3.84
              loss+late     ▅▅  worst 5.74 %
              delay var.    ▁▁  worst 4.2 ms

            Stream 2 of 2: callee to caller
              media       10.66.0.2:20014 → 10.66.0.1:16386
              MOS-LQ      4.41 nb (high confidence) · MOS-CQ 4.38, R 91.8
              model       G.107 Ie=0 Bpl=25.1 · profile itu
              caveats     none
              codec       PCMA · 8000 Hz · 20 ms a packet · payload type 8 · SSRC 0x54964925
              seen        03:54:18.625 to 03:54:38.624 · 20 s
              packets     1,001 of 1,001 expected · lost 0 (0.00 %) · skipped 0 · reordered 0
                          duplicates 0 (0 by the tap)
              jitter      mean 0.44, max 0.77, last 0.35 ms · longest gap between packets 23.2 ms
              bursts      none
              DSCP        46 (EF)
              buffers                depth    delay   too late  lost+late%  BurstR  MOS-LQ  MOS-CQ      R
                          fixed      60 ms    60 ms          0        0.00    1.00    4.41    4.36   91.1
                          adaptive  varies    28 ms          0        0.00    1.00    4.41    4.38   91.8
              delay       0.5 ms one way in the network: half the round trip of RTCP
              RTCP        4 SR, 4 RR, 0 XR · at most 5.5 % lost in a report · round trip to the sender 0.8 ms
                          to the receiver 0.3 ms
              intervals   10 s a column
                            0m
              MOS-LQ        ██  worst 4.41
              loss+late     ··  worst 0.00 %
              delay var.    ▁▂  worst 5.0 ms

            · none, ▁ to █: MOS-LQ 1 to above 4.25, loss and late above 0 to 50 %, delay variation 1 to 200 ms;
            ? unknown
            exit 0
        "#]],
    );
}

#[test]
fn one_call_in_depth_where_only_ascii_can_be_shown() {
    let path = morning("morning-ascii.pcap");
    let mut command = analyze(&[path.to_str().unwrap(), "--call", "one-way@office"]);
    check(
        command.env("COLUMNS", "80").env("LC_ALL", "C"),
        &expect![[r#"
            bob -> 1001: completed 200 OK
              id          01a207a2-5990-8ced-9421-dfa85ff05900
              Call-ID     one-way@office
              audio       none from callee to caller for 30 s from 09:00:11.000: never sent,
                          though other packets of that host pass here

            Times, 2026-11-23 UTC
              INVITE      09:00:10.000  +0.000 s
              ringing     09:00:10.180  +0.180 s
              answered    09:00:11.000  +1.000 s
              ended       09:00:41.000  +31.000 s  by the caller
                          post-dial delay 180.0 ms - answer delay 1000.0 ms - talked 30 s

            Leg 1 of 1
              signalling  192.0.2.1:5060 -> 198.51.100.2:5060 - udp
              parties     bob -> 1001
              status      200 OK
              caller's    tag a - agent made by code
              callee's    tag b - agent made by code
              messages    0 sent again - 0 copied by the tap

            Stream 1 of 1: caller to callee
              media       192.0.2.1:4010 -> 198.51.100.2:5010
              MOS-LQ      2.97 nb (medium confidence) - MOS-CQ 2.85, R 55.1
              model       G.107 Ie=0 Bpl=25.1 - profile itu
              caveats     only one direction was seen; the network's delay is assumed
              codec       PCMA - 8000 Hz - 20 ms a packet - payload type 8 - SSRC 0x00000faa
              seen        09:00:11.120 to 09:00:41.080 - 30 s
              packets     1,277 of 1,499 expected - lost 222 (14.81 %) - skipped 0
                          reordered 0 - duplicates 0 (0 by the tap)
              jitter      mean 0.00, max 0.00, last 0.00 ms - longest gap between packets
                          820.0 ms
              bursts      1 burst - mean 30 s, 14.9 % lost - between them 0.1 s, 0.0 % lost
                          BurstR 1.03
              DSCP        0 (best effort)
              one-way     no stream was seen that flows the other way
              buffers                depth    delay   too late  lost+late%  BurstR  MOS-LQ  MOS-CQ      R
                          fixed      60 ms    60 ms          0       14.81    1.03    2.97    2.81   54.4
                          adaptive  varies    23 ms          0       14.81    1.03    2.97    2.85   55.1
              delay       50.0 ms one way in the network: assumed
              RTCP        none seen
              intervals   10 s a column
                            0m
              MOS-LQ        535  worst 2.39
              loss+late     666  worst 19.44 %
              delay var.    ...  worst 0.0 ms

            . none, 1 to 8: MOS-LQ 1 to above 4.25, loss and late above 0 to 50 %, delay
            variation 1 to 200 ms; ? unknown
            exit 0
        "#]],
    );
}

#[test]
fn a_failed_call_in_depth() {
    let path = morning("morning-busy.pcap");
    check(
        analyze(&[path.to_str().unwrap(), "--call", "busy@office"]).env("COLUMNS", "80"),
        &expect![[r#"
            =cmd|' /C calc'!A0 → 1001: failed 486 Busy �[31mHere
              id          01a207a2-80a0-88ae-8c04-9eef90b07148
              Call-ID     busy@office
              failure     486 Busy �[31mHere: busy (Q.850 cause 17: user busy) · answered by
                          198.51.100.2:5060

            Times, 2026-11-23 UTC
              INVITE      09:00:20.000  +0.000 s
              ringing     -
              answered    -
              ended       09:00:20.300  +0.300 s
                          post-dial delay - · answer delay - · talked -

            Leg 1 of 1
              signalling  192.0.2.1:5060 → 198.51.100.2:5060 · udp
              parties     =cmd|' /C calc'!A0 → 1001
              status      486 Busy �[31mHere
              caller's    tag a · agent made by code
              callee's    tag b · agent made by code
              messages    0 sent again · 0 copied by the tap

            Streams
                          none was seen of this call here
            exit 0
        "#]],
    );
}

#[test]
fn a_call_is_found_by_its_call_id_and_by_pieces_of_its_id() {
    let all = json(&mut analyze(&[LOSS5, "--format", "json"]));
    let id = all["calls"][0]["id"].as_str().unwrap();
    let (beginning, end) = (id.split_once('-').unwrap().0, id.get(30..).unwrap());
    for name in [id, beginning, end, "c526c5b984e0f2d0"] {
        assert_eq!(json(&mut analyze(&[LOSS5, "--format", "json", "--call", name]))["calls"][0]["id"], id);
    }
    // Too short to be sure.
    for name in [id.get(..7).unwrap(), id.get(31..).unwrap(), ""] {
        assert!(said(&mut analyze(&[LOSS5, "--call", name])).ends_with("exit 1\n"), "{name}");
    }
}

#[test]
fn an_unknown_call_says_what_to_do() {
    check(
        &mut analyze(&[LOSS5, "--call", "nonsense"]),
        &expect![[r#"
        clearline: no call has the Call-ID or ID "nonsense"; without --call, all calls are listed with their IDs
        exit 1
    "#]],
    );
}

#[test]
fn the_json_of_one_call_has_its_streams_only_numbered_anew() {
    let path = morning("morning-json.pcap");
    let path = path.to_str().unwrap();
    let all = json(&mut analyze(&[path, "--format", "json"]));
    let one = json(&mut analyze(&[path, "--format", "json", "--call", "one-way@office"]));
    let place =
        all["calls"].as_array().unwrap().iter().position(|c| c["call_id"] == "one-way@office").unwrap();
    let (from, to) = (&all["calls"][place], &one["calls"][0]);
    assert_eq!((from["streams"].as_array().unwrap().len(), &to["streams"]), (1, &serde_json::json!([0])));
    let mut stream = all["streams"][from["streams"][0].as_u64().unwrap() as usize].clone();
    stream["call"] = 0.into();
    assert_eq!(one["streams"], serde_json::json!([stream]));
    assert_eq!((one["calls"].as_array().unwrap().len(), &one["captures"]), (1, &all["captures"]));
}

#[test]
fn csv_has_a_row_a_stream_and_no_formulas() {
    let path = morning("morning-csv.pcap");
    check(
        &mut analyze(&[path.to_str().unwrap(), "--format", "csv"]),
        &expect![[r#"
            id,customer,site,direction,src,dst,ssrc,codec,payload_types,clock_rate_hz,ptime_ms,first,last,packets,expected,lost,skipped,loss_percent,duplicates,mirror_copies,reordered,capture_loss_packets,capture_loss_seconds,jitter_ms_mean,jitter_ms_max,jitter_ms_last,max_gap_ms,burst_density_percent,gap_density_percent,burst_duration_ms,gap_duration_ms,burst_ratio,fixed_depth_ms,fixed_delay_ms,fixed_discarded,fixed_ppl_percent,fixed_burst_ratio,fixed_r,fixed_mos_lq,fixed_mos_cq,adaptive_delay_ms,adaptive_discarded,adaptive_ppl_percent,adaptive_burst_ratio,adaptive_r,adaptive_mos_lq,adaptive_mos_cq,dscp,rtcp_sr,rtcp_rr,rtcp_xr,rtcp_fraction_lost_max,rtcp_rtt_ms_src,rtcp_rtt_ms_dst,r,mos_lq,mos_cq,scale,profile,model,delay_ms_value,delay_ms_source,confidence,because,evicted,call,call_id,from,to,state,status
            01a207a2-36cc-8e5b-9a0e-a0a07c193fbc,,,,192.0.2.1:4000,198.51.100.2:5000,4000,PCMA,8,8000,20.0,2026-11-23T09:00:01.100000000Z,2026-11-23T09:00:26.080000000Z,1250,1250,0,0,0.0,0,0,0,,,0.0,0.0,0.0,20.0,0.0,0.0,0.0,25000.0,1.0,60.0,60.0,0,0.0,1.0,90.061358,4.409406,4.3405,22.864079,0,0.0,1.0,90.810509,4.409406,4.358348,0,0,0,0,,,,90.810509,4.409406,4.358348,nb,itu,G.107 Ie=0 Bpl=25.1,50.0,assumed,high,the network's delay is assumed,false,01a207a2-3280-8b52-8383-6f8f89a0e988,good@office,'+4930123456,1001,completed,200
            01a207a2-36cc-88c1-8d22-e14956e72404,,,,198.51.100.2:5000,192.0.2.1:4000,5000,PCMA,8,8000,20.0,2026-11-23T09:00:01.100000000Z,2026-11-23T09:00:26.080000000Z,1237,1250,13,0,1.04,0,0,0,,,0.0,0.0,0.0,40.0,0.0,1.04,0.0,25000.0,1.0,60.0,60.0,0,1.04,1.0,86.28171,4.324699,4.237616,22.887265,0,1.04,1.0,87.03038,4.324699,4.259637,0,0,0,0,,,,87.03038,4.324699,4.259637,nb,itu,G.107 Ie=0 Bpl=25.1,50.0,assumed,high,the network's delay is assumed,false,01a207a2-3280-8b52-8383-6f8f89a0e988,good@office,'+4930123456,1001,completed,200
            01a207a2-5df0-8569-a0f7-34840daf40cd,,,,192.0.2.1:4010,198.51.100.2:5010,4010,PCMA,8,8000,20.0,2026-11-23T09:00:11.120000000Z,2026-11-23T09:00:41.080000000Z,1277,1499,222,0,14.809873,0,0,0,,,0.0,0.0,0.0,820.0,14.909335,0.0,29780.0,100.0,1.033454,60.0,60.0,0,14.809873,1.033454,54.37986,2.971028,2.805697,22.752997,0,14.809873,1.033454,55.131317,2.971028,2.845291,0,0,0,0,,,,55.131317,2.971028,2.845291,nb,itu,G.107 Ie=0 Bpl=25.1,50.0,assumed,medium,only one direction was seen; the network's delay is assumed,false,01a207a2-5990-8ced-9421-dfa85ff05900,one-way@office,bob,1001,completed,200
            01a207a2-a7b0-891f-b0a6-cce0805b5f98,,,,203.0.113.9:7000,198.51.100.2:7002,7000,unknown,97,8000,20.0,2026-11-23T09:00:30.000000000Z,2026-11-23T09:00:39.980000000Z,500,500,0,0,0.0,0,0,0,,,0.0,0.0,0.0,20.0,0.0,0.0,0.0,10000.0,1.0,60.0,60.0,0,0.0,1.0,,,,27.160199,0,0.0,1.0,,,,0,0,0,0,,,,,,,,itu,,50.0,assumed,,no impairment values for this codec,false,,,,,,
            exit 0
        "#]],
    );
}

#[test]
fn csv_has_every_scalar_of_the_json() {
    fn scalars(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                let wanted =
                    fields.iter().filter(|(name, _)| !["intervals", "call"].contains(&name.as_str()));
                wanted.for_each(|(_, value)| scalars(value, out));
            }
            Value::Array(all) if all.iter().all(Value::is_object) => all.iter().for_each(|v| scalars(v, out)),
            Value::Array(all) => out.push(
                all.iter()
                    .map(|v| v.as_str().map_or(v.to_string(), str::to_owned))
                    .collect::<Vec<_>>()
                    .join("; "),
            ),
            Value::Null => {}
            Value::String(text) if text == "fixed" || text == "adaptive" => {}
            Value::String(text) => out.push(text.clone()),
            other => out.push(other.to_string()),
        }
    }
    let all = json(&mut analyze(&[LOSS5, "--format", "json"]));
    let output = analyze(&[LOSS5, "--format", "csv"]).output().unwrap();
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    for (stream, row) in all["streams"].as_array().unwrap().iter().zip(&rows) {
        let mut wanted = Vec::new();
        scalars(stream, &mut wanted);
        for value in wanted {
            assert!(row.iter().any(|cell| cell == value), "{value} is not in {row:?}");
        }
    }
}

#[test]
fn nothing_from_the_wire_reaches_a_terminal_raw() {
    let path = morning("morning-escapes.pcap");
    let path = path.to_str().unwrap();
    for arguments in [
        vec![path],
        vec![path, "--call", "busy@office"],
        vec![path, "--format", "csv"],
        vec![path, "--format", "json"],
    ] {
        let text = said(&mut analyze(&arguments));
        assert!(!text.contains('\x1b'), "{arguments:?}: {text}");
    }
    let busy = json(&mut analyze(&[path, "--format", "json", "--call", "busy@office"]));
    assert_eq!(
        busy["calls"][0]["failure"]["reason"], "Busy \u{1b}[31mHere",
        "a reader of JSON gets it as it was"
    );
}

#[test]
fn colour_only_where_it_is_wanted() {
    let colours = |command: &mut Command| said(command).contains('\x1b');
    assert!(!colours(&mut analyze(&[LOSS5])), "a pipe");
    assert!(colours(analyze(&[LOSS5]).env("CLICOLOR_FORCE", "1")));
    assert!(!colours(analyze(&[LOSS5]).env("NO_COLOR", "1")));
}

#[test]
fn nothing_found_says_why_that_may_be() {
    let mut f = Frames::default();
    f.udp(0, CALLER, ([192, 0, 2, 53], 53), b"not a query");
    check(
        &mut analyze(&[f.write("nothing.pcap").to_str().unwrap()]),
        &expect![[r#"
        nothing.pcap · 1 packet · 2026-11-23 09:00:00 – 09:00:00 UTC (0.0 s)
        0 calls · 0 streams

        Neither calls nor media streams were found. Likely reasons:
          • no SIP was seen in the clear: over TLS (port 5061) or a VPN it cannot be read
          • no RTP was seen: the media takes another way, or the capture filter left it out
          • what looks like RTP but has under 10 packets, and no SDP, is not taken for it
        exit 0
    "#]],
    );
    check(
        &mut analyze(&[Frames::default().write("empty.pcap").to_str().unwrap()]),
        &expect![[r#"
        empty.pcap · 0 packets
        0 calls · 0 streams

        Neither calls nor media streams were found. Likely reasons:
          • The capture holds no packets.
        exit 0
    "#]],
    );
}

#[test]
fn a_damaged_file_and_one_that_cannot_be_read_do_not_hide_the_rest() {
    let mut bytes = std::fs::read(morning("morning-whole.pcap")).unwrap();
    bytes.truncate(bytes.len() - 10);
    let damaged = morning("morning-damaged.pcap");
    std::fs::write(&damaged, bytes).unwrap();
    let text = said(&mut analyze(&[damaged.to_str().unwrap(), LOSS5, "nowhere.pcap"]));
    expect![[r#"
        2 files · 6,262 packets · 2026-11-23 09:00:00 – 2026-11-24 03:54:38 UTC (18 h 54 min)
        5 calls (3 completed, 1 failed, 1 timed out) · 6 streams (1 without a call) · worst MOS-LQ 2.97~ nb
        Damaged: morning-damaged.pcap at byte 985,171: truncated: the record wants 230 bytes, the file has 220"#]].assert_eq(text.split_once("\n\nCalls").unwrap().0);
    let (_, last) = text.split_once("One call in depth").unwrap();
    expect![[r#"
        clearline: nowhere.pcap: cannot be opened: No such file or directory (os error 2)
        clearline: morning-damaged.pcap: damaged at byte 985171: truncated: the record wants 230 bytes, the file has 220; all before it was analysed
        exit 3
    "#]].assert_eq(last.split_once('\n').unwrap().1);
}

#[test]
fn what_cannot_be_read_at_all_is_exit_1_and_wrong_usage_2() {
    check(
        &mut analyze(&["nowhere.pcap"]),
        &expect![[r#"
        clearline: nowhere.pcap: cannot be opened: No such file or directory (os error 2)
        exit 1
    "#]],
    );
    check(
        &mut analyze(&["README.md"]),
        &expect![[r#"
        clearline: README.md: not a capture: a file that begins with the bytes 23 20 43 61 70 74 75 72
        exit 1
    "#]],
    );
    assert!(said(&mut analyze(&[])).ends_with("exit 2\n"));
    let help = said(&mut clearline(&[]));
    assert!(help.contains("Examples:") && help.ends_with("exit 2\n"), "{help}");
}

#[test]
fn help_teaches_by_example() {
    let help = said(&mut analyze(&["--help"]));
    assert!(help.matches("      clearline analyze ").count() >= 5 && help.ends_with("exit 0\n"), "{help}");
}

#[test]
fn a_capture_can_come_from_standard_input() {
    let file = std::fs::File::open(morning("morning-stdin.pcap")).unwrap();
    let mut told = json(analyze(&["-", "--format", "json"]).stdin(file));
    assert_eq!(told["captures"][0]["file"].take(), "-");
    assert_eq!(told["calls"].as_array().unwrap().len(), 4);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let path = morning("morning-head.pcap");
    let mut command = analyze(&[path.to_str().unwrap(), "--format", "json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!((child.wait().unwrap().code(), told.as_str()), (Some(0), ""));
}
