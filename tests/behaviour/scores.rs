//! `clearline score`: the numbers against a second calculation, and the manners of the command.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of tests fails the test")]

use std::io::{ErrorKind, Write};
use std::process::{Command, Output, Stdio};

use clearline::score::Scale;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

const VECTORS: &str = include_str!("../data/vectors.json");

fn score(arguments: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_clearline"))
        .arg("score")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let stdin = stdin.to_owned();
    let writer = std::thread::spawn(move || match pipe.write_all(stdin.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("{error}"),
        _ => {}
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// What the command prints for `arguments`, then its exit status.
fn check(arguments: &[&str], wanted: &Expect) {
    let Output { status, stdout, stderr } = score(arguments, "");
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    wanted.assert_eq(&format!("{stdout}{stderr}exit {}\n", status.code().unwrap()));
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_e_model_vector_comes_out_as_the_second_calculation_has_it() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let vectors = vectors["emodel"].as_array().unwrap();
    assert_eq!(vectors.len(), 116);
    let input: String = vectors.iter().map(|vector| format!("{vector}\n")).collect();
    let output = score(&["--json"], &input);
    assert!(output.status.success());
    let answers = lines(&output);
    assert_eq!(answers.len(), vectors.len());
    for (vector, answer) in vectors.iter().zip(&answers) {
        assert_eq!(answer["id"], vector["id"]);
        for (key, tolerance) in
            [("R", 1e-6), ("Ie_eff", 1e-6), ("R_LQ", 1e-6), ("MOS", 1e-6), ("MOS_LQ", 1e-6)]
        {
            // Where the cubic of (B-4) leaves the scale, what is shown does not.
            let expected = &vector["expect"][if key == "MOS" { "MOS_clamped" } else { key }];
            let expected = if expected.is_null() { &vector["expect"][key] } else { expected };
            if let Some(expected) = expected.as_f64() {
                let got = answer[key].as_f64().unwrap();
                assert!((got - expected).abs() <= tolerance, "{} {key}: {got}, not {expected}", vector["id"]);
            }
        }
    }
}

#[test]
fn every_rating_becomes_the_opinion_that_annex_b_says() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    for point in vectors["r_to_mos"].as_array().unwrap() {
        let (r, clamped) = (point["R"].as_f64().unwrap(), point["clamped"].as_f64().unwrap());
        assert!((Scale::Nb.mos(r) - clamped).abs() < 1e-9, "R {r}");
    }
}

#[test]
fn both_spellings_of_a_parameter_are_understood() {
    let output = score(
        &["--json"],
        r#"{"id":1,"model":"nb","input":{"Ppl":2,"Bpl":25.1,"BurstR":2}}
{"id":2,"model":"nb","input":{"ppl":2,"bpl":25.1,"burstr":2}}
"#,
    );
    let answers = lines(&output);
    assert_eq!(answers[0]["R"], answers[1]["R"]);
}

#[test]
fn a_bad_line_is_answered_in_its_place_and_told_at_the_end() {
    let output = score(
        &["--json"],
        r#"{"id":"good","model":"nb","input":{}}
{"id":"whole","model":"nb"}
nonsense
{"id":"model","model":"hd","input":{}}
{"id":"key","model":"nb","input":{"loss":2}}
{"id":"fraction","model":"nb","input":{"Ppl":-1}}
{"id":"text","model":"nb","input":{"Ppl":"2"}}
{"id":"bpl","model":"wb","input":{"ie":13,"ppl":1}}
{"id":"class","model":"nb","input":{"delay_class":"none"}}
{"id":"last","model":"nb","input":{"Ppl":null}}"#,
    );
    assert_eq!(output.status.code(), Some(2));
    expect![[r#"
        clearline: 7 of 10 lines had no answer; each says why
    "#]]
    .assert_eq(std::str::from_utf8(&output.stderr).unwrap());
    let answers = lines(&output);
    let errors: Vec<_> = answers
        .iter()
        .filter_map(|answer| Some(format!("{} {}\n", answer["id"], answer["error"].as_str()?)))
        .collect();
    expect![[r#"
        null not JSON: expected ident at line 1 column 2
        "model" model "hd": must be nb, wb or fb
        "key" loss: no parameter of G.107 Table 3
        "fraction" Ppl: -1 is not within 0 to 100
        "text" Ppl: "2" is no number
        "bpl" loss needs a bpl: only narrowband has a default
        "class" delay_class: must be "default", "low" or "very low"
    "#]]
    .assert_eq(&errors.concat());
    assert_eq!(answers[9]["R"], answers[0]["R"]);
}

#[test]
fn a_line_without_end_is_refused_and_the_next_answered() {
    let output = score(&["--json"], &format!("{}\n{{\"id\":2,\"model\":\"nb\"}}\n", "x".repeat(1_000_000)));
    let answers = lines(&output);
    assert_eq!(answers[0], json!({"id": null, "error": "longer than 65536 bytes"}));
    assert_eq!(answers[1]["id"], 2);
}

#[test]
fn people_get_the_three_numbers_and_what_they_rest_on() {
    check(
        &["--codec", "PCMA", "--loss", "2", "--delay", "120"],
        &expect![[r#"
        MOS-LQE     4.24   how it sounds
        MOS-CQE     4.14   how it is to talk over: with the delay
        R           83.3   high: users satisfied
        scale       nb     R up to 93.2; beside other narrowband calls
        model       G.107 Ie=0 Bpl=25.1, Ie,eff=7.01
        codec       g711: 64 kbit/s, PLC (G.711 Appendix I), 10 ms packets, random loss
        source      G.113 (09/2024) App. I Tables I.1, I.4
        confidence  high
        assumed     random loss; the rest of the connection as in G.107 Table 3, its echo well cancelled
        exit 0
    "#]],
    );
    check(
        &[],
        &expect![[r#"
        MOS-LQE     4.41   how it sounds
        MOS-CQE     4.41   how it is to talk over: with the delay
        R           93.2   best: users very satisfied
        scale       nb     R up to 93.2; beside other narrowband calls
        model       G.107 Ie=0 Bpl=25.1, Ie,eff=0.00
        codec       g711: 64 kbit/s, PLC (G.711 Appendix I), 10 ms packets, random loss
        source      G.113 (09/2024) App. I Tables I.1, I.4
        confidence  high: the network's delay is assumed
        assumed     codec PCMU; no delay; the rest of the connection as in G.107 Table 3, its echo well cancelled
        exit 0
    "#]],
    );
}

#[test]
fn scales_profiles_and_own_values_say_what_they_are() {
    check(
        &["--codec", "G.711", "--scale", "fb", "--loss", "1"],
        &expect![[r#"
        MOS-LQE     3.13   how it sounds
        MOS-CQE     3.13   how it is to talk over: with the delay
        R           89.6   no bands are defined on this scale
        scale       fb     R up to 148.0; beside fullband calls
        model       G.107 Ie=0 Bpl=25.1 on the fb scale, Ie,eff=58.44
        codec       g711: 64 kbit/s, PLC (G.711 Appendix I), 10 ms packets, random loss
        source      G.113 (09/2024) App. I Tables I.1, I.4
        confidence  high: the network's delay is assumed
        assumed     no delay; random loss; the rest of the connection as in G.107 Table 3, its echo well cancelled
        exit 0
    "#]],
    );
    check(
        &["--codec", "opus", "--profile", "pesq", "--loss", "3", "--burst-ratio", "2"],
        &expect![[r#"
        MOS-LQE     3.53   how it sounds
        MOS-CQE     3.53   how it is to talk over: with the delay
        R           88.4   no bands are defined on this scale
        scale       wb     R up to 129.0; beside wideband calls
        model       G.107.1 fitted to PESQ Ie=14.6 Bpl=10.3, Ie,eff=40.40
        codec       opus: 16 kHz 24 kbit/s voice; no in-band FEC
        source      fitted to PESQ
        confidence  high: the network's delay is assumed
        assumed     no delay; random loss (this model knows no burst ratio); the rest of the connection as in G.107 Table 3, its echo well cancelled
        exit 0
    "#]],
    );
    check(
        &["--ie", "5", "--bpl", "18", "--scale", "wb", "--loss", "1"],
        &expect![[r#"
        MOS-LQE     4.39   how it sounds
        MOS-CQE     4.39   how it is to talk over: with the delay
        R           119.1  no bands are defined on this scale
        scale       wb     R up to 129.0; beside wideband calls
        model       G.107.1 Ie=5 Bpl=18, Ie,eff=9.74
        codec       given: values given by hand
        source      the user
        confidence  high: the network's delay is assumed
        assumed     no delay; random loss; the rest of the connection as in G.107 Table 3, its echo well cancelled
        exit 0
    "#]],
    );
}

#[test]
fn scripts_get_one_object() {
    check(
        &["--codec", "AMR-WB", "--loss", "2", "--delay", "150", "--format", "json"],
        &expect![[r#"
        {
          "codec": "AMR-WB",
          "row": "amr-wb-12.65",
          "condition": "12.65 kbit/s, the usual VoLTE mode; practical profile pairs monotic Ie with diotic Bpl (provisional)",
          "source": "G.113 (09/2024) App. IV Tables IV.1, IV.3, IV.4",
          "profile": "itu",
          "scale": "wb",
          "loss_percent": 2.0,
          "burst_ratio": 1.0,
          "delay_ms": {
            "value": 150.0,
            "source": "given"
          },
          "ie": 13.0,
          "bpl": 4.3,
          "ie_eff": 39.03174603174603,
          "r": 87.80585977145705,
          "r_lq": 89.96825396825398,
          "mos_lq": 3.584915817590116,
          "mos_cq": 3.5050637922212724,
          "model": "G.107.1 Ie=13 Bpl=4.3",
          "band": null,
          "confidence": "medium",
          "because": [
            "the codec's ITU values are confirmed by one reader only",
            "AMR-WB under loss: Ie for one ear with Bpl for both"
          ],
          "assumed": [
            "random loss",
            "the rest of the connection as in G.107 Table 3, its echo well cancelled"
          ]
        }
        exit 0
    "#]],
    );
}

#[test]
fn what_cannot_be_scored_says_why_in_one_line() {
    check(
        &["--codec", "GSM", "--loss", "1"],
        &expect![[r#"
            clearline: gsm-fr: packets were lost, and no Bpl is published for this codec and mode; if you know values, give them as --ie and --bpl
            exit 1
        "#]],
    );
    check(
        &["--codec", "mp3"],
        &expect![[r#"
        clearline: no impairment values for codec "mp3"; known: PCMU, PCMA, G711, PCMU-8000, G729, G729A, G729AB, G729B, G723, G723-63, G723-53, G726-40, AAL2-G726-40, G726-32, AAL2-G726-32, G721, G726-24, AAL2-G726-24, G726-16, AAL2-G726-16, G728, GSM, GSM-HR, GSM-HR-08, GSM-EFR, EVRC, AMR, ILBC, SPEEX, SILK, G722, G7221, AMR-WB, SPEEX-16000, SPEEX-32000, EVS, OPUS
        exit 2
    "#]],
    );
    check(
        &["--codec", "telephone-event"],
        &expect![[r#"
        clearline: telephone-event: no speech: comfort noise or telephone events
        exit 2
    "#]],
    );
    check(
        &["--codec", "opus", "--scale", "nb"],
        &expect![[r#"
        clearline: this codec is scored on the fb scale; nothing leads from there to nb
        exit 2
    "#]],
    );
    check(
        &["--ie", "5", "--loss", "1"],
        &expect![[r#"
        clearline: a score under loss needs --bpl, too
        exit 2
    "#]],
    );
    check(
        &["--loss", "101"],
        &expect![[r#"
        error: invalid value '101' for '--loss <%>': 101 is not within 0 to 100

        For more information, try '--help'.
        exit 2
    "#]],
    );
    check(
        &["--loss", "nan"],
        &expect![[r#"
        error: invalid value 'nan' for '--loss <%>': NaN is not within 0 to 100

        For more information, try '--help'.
        exit 2
    "#]],
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_clearline"))
        .args(["score", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let written = child.stdin.take().unwrap().write_all(b"{\"model\":\"nb\"}\n");
    assert!(written.is_ok());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
