//! The valid messages of [RFC 4475 §3.1.1](https://www.rfc-editor.org/rfc/rfc4475#section-3.1.1), those of
//! [RFC 5118](https://www.rfc-editor.org/rfc/rfc5118), and the start lines and lengths of RFC 4475's invalid ones.

use expect_test::{Expect, expect};

use super::*;
use crate::decode::sdp::Sdp;

/// What a monitor shows of a message, in one line a thing.
fn summary(bytes: &[u8]) -> String {
    let message = match Message::parse(bytes) {
        Ok(message) => message,
        Err(reason) => return format!("{reason:?}\n"),
    };
    let text = |octets: Option<&[u8]>| octets.map_or_else(|| "-".into(), |octets| shorten(&unfold(octets)));
    let party = |party: Option<NameAddr<'_>>| {
        let Some(party) = party else { return "-".into() };
        let (name, user, host) = (text(party.display_name), text(party.uri.user()), text(party.uri.host()));
        format!("{name} | {user} @ {host} | tag {}", text(party.tag()))
    };
    let start = match message.start_line() {
        StartLine::Request { method, uri } => format!("{method} {}", shorten(uri)),
        StartLine::Status { code, reason } => format!("{code} '{}'", shorten(reason)),
    };
    let vias = message.vias().map(|via| {
        let received = via.received().map(|received| format!(" received {}", shorten(received)));
        format!("{}/{}{}", shorten(via.transport), shorten(via.host), received.unwrap_or_default())
    });
    let vias = vias.collect::<Vec<_>>();
    let media = message.sdp_bodies().flat_map(|sdp| {
        Sdp::parse(sdp)
            .media
            .into_iter()
            .map(|media| {
                let address =
                    media.connection.and_then(|address| address.ip()).map_or("-".into(), |ip| ip.to_string());
                format!("{} {address} {}", media.kind, media.port)
            })
            .collect::<Vec<_>>()
    });
    format!(
        "{start}\ncseq {:?}\nfrom {}\nto {}\nvia {} of {}, branch {}\ncontacts {}\nbody {} octets, media [{}]\n{:?}\n",
        message.cseq().map(|cseq| cseq.number),
        party(message.from()),
        party(message.to()),
        vias.first().map_or("-", String::as_str),
        vias.len(),
        text(message.via().and_then(|via| via.branch())),
        message.contacts().count(),
        message.body().len(),
        media.collect::<Vec<_>>().join(", "),
        message.defects(),
    )
}

fn shorten(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets).escape_debug().to_string();
    if text.chars().count() <= 50 { text } else { text.chars().take(49).chain(['…']).collect() }
}

macro_rules! message {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/data/", $name, ".sip")).as_slice()
    };
}

#[expect(clippy::needless_pass_by_value, reason = "the call reads better without an ampersand")]
fn check(bytes: &[u8], expected: Expect) {
    expected.assert_eq(&summary(bytes));
}

#[test]
fn blanks_folds_and_quotes_may_stand_nearly_anywhere() {
    check(
        message!("rfc4475/wsinv"),
        expect![[r#"
            INVITE sip:vivekg@chair-dnrc.example.com;unknownparam
            cseq Some(9)
            from J Rosenberg \\\\\\\" | jdrosen @ example.com | tag 98asjd8
            to - | vivekg @ chair-dnrc.example.com | tag 1918181833n
            via UDP/192.0.2.2 of 3, branch 390skdjuw
            contacts 1
            body 150 octets, media [audio 192.0.2.4 49217, video 192.0.2.4 3227]
            {}
        "#]],
    );
    check(
        message!("rfc4475/lwsdisp"),
        expect![[r#"
            OPTIONS sip:user@example.com
            cseq Some(60)
            from caller | caller @ example.com | tag 323
            to - | user @ example.com | tag -
            via UDP/funky.example.com of 1, branch z9hG4bKkdjuw
            contacts 0
            body 0 octets, media []
            {}
        "#]],
    );
}

#[test]
fn any_token_is_a_method_and_escapes_stay() {
    check(
        message!("rfc4475/intmeth"),
        expect![[r#"
            !interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn\'t+it$/crazy?,…
            cseq Some(139122385)
            from token1~` token2\'+_ token3*%!.- | mundane @ example.com | tag _token~1\'+`*%!-.
            to BEL:\\\u{7} NUL:\\\0 DEL:\\\u{7f} | 1_unusual.URI~(to-be!sure)&isn\'t+it$/crazy?,/;;* @ example.com | tag -
            via TCP/host1.example.com of 1, branch z9hG4bK-.!%66*_+`\'~
            contacts 0
            body 0 octets, media []
            {}
        "#]],
    );
    check(
        message!("rfc4475/esc01"),
        expect![[r#"
            INVITE sip:sips%3Auser%40example.com@example.net
            cseq Some(234234)
            from - | I%20have%20spaces @ example.net | tag 938
            to - | %75se%72 @ example.com | tag -
            via UDP/host5.example.net of 1, branch z9hG4bKkdjuw
            contacts 1
            body 150 octets, media [audio 192.0.2.1 49217, video 192.0.2.1 3227]
            {}
        "#]],
    );
    check(
        message!("rfc4475/escnull"),
        expect![[r#"
            REGISTER sip:example.com
            cseq Some(14398234)
            from - | null-%00-null @ example.com | tag 839923423
            to - | null-%00-null @ example.com | tag -
            via UDP/host5.example.com of 1, branch z9hG4bKkdjuw
            contacts 2
            body 0 octets, media []
            {}
        "#]],
    );
    check(
        message!("rfc4475/esc02"),
        expect![[r#"
            RE%47IST%45R sip:registrar.example.com
            cseq Some(29344)
            from %Z%45 | resource @ example.com | tag f232jadfj23
            to %Z%45 | resource @ example.com | tag -
            via TCP/host.example.com of 1, branch z9hG4bK209%fzsnel234
            contacts 2
            body 0 octets, media []
            {}
        "#]],
    );
    check(
        message!("rfc4475/semiuri"),
        expect![[r#"
            OPTIONS sip:user;par=u%40example.net@example.com
            cseq Some(8)
            from - | caller @ example.org | tag 33242
            to - | j_user @ example.com | tag -
            via UDP/192.0.2.1 of 1, branch z9hG4bKkdjuw
            contacts 0
            body 0 octets, media []
            {}
        "#]],
    );
}

#[test]
fn long_values_and_repeated_headers_are_read() {
    check(
        message!("rfc4475/longreq"),
        expect![[r#"
            INVITE sip:user@example.com
            cseq Some(3882340)
            from - | amazinglylongcallernameamazinglylongcallernameama… @ example.net | tag 1298298298298298298298298298298298298298298298298…
            to I have a user name of extremeextremeextremeextrem… | user @ example.com | tag -
            via TCP/sip33.example.com of 34, branch -
            contacts 1
            body 150 octets, media [audio 192.0.2.1 49217, video 192.0.2.1 3227]
            {}
        "#]],
    );
    check(
        message!("rfc4475/transports"),
        expect![[r#"
            OPTIONS sip:user@example.com
            cseq Some(60)
            from - | caller @ example.com | tag 323
            to - | user @ example.com | tag -
            via UDP/t1.example.com of 5, branch z9hG4bKkdjuw
            contacts 0
            body 0 octets, media []
            {}
        "#]],
    );
}

#[test]
fn a_multipart_of_octets_is_passed_over() {
    check(
        message!("rfc4475/mpart01"),
        expect![[r#"
            MESSAGE sip:kumiko@example.org
            cseq Some(1)
            from - | fluffy @ example.com | tag 2fb0dcc9
            to - | kumiko @ example.org | tag -
            via UDP/127.0.0.1 of 1, branch z9hG4bK-d87543-4dade06d0bdb11ee-1--d87543-
            contacts 1
            body 553 octets, media []
            {}
        "#]],
    );
}

#[test]
fn a_reason_phrase_may_be_odd_or_missing() {
    check(
        message!("rfc4475/unreason"),
        expect![[r#"
            200 '= 2**3 * 5**2 но сто девяносто девять - простое'
            cseq Some(35)
            from - | user @ example.com | tag 11141343
            to - | user @ example.edu | tag 2229
            via UDP/192.0.2.198 of 1, branch z9hG4bK1324923
            contacts 1
            body 154 octets, media [audio 192.0.2.198 49217, video 192.0.2.198 3227]
            {}
        "#]],
    );
    check(
        message!("rfc4475/noreason"),
        expect![[r#"
            100 ''
            cseq Some(35)
            from - | user @ example.com | tag 39ansfi3
            to - | user @ example.edu | tag 902jndnke3
            via UDP/192.0.2.105 of 1, branch z9hG4bK2398ndaoe
            contacts 1
            body 0 octets, media []
            {}
        "#]],
    );
}

#[test]
fn a_request_line_without_a_version_is_not_sip() {
    check(
        message!("rfc4475/test"),
        expect![[r#"
        StartLine
    "#]],
    );
}

#[test]
fn ipv6_stands_in_brackets_and_is_read_without_where_meant() {
    check(
        message!("rfc5118/ipv6-good"),
        expect![[r#"
            REGISTER sip:[2001:db8::10]
            cseq Some(98176)
            from - | user @ example.com | tag 81x2
            to - | user @ example.com | tag -
            via UDP/2001:db8::9:1 of 1, branch z9hG4bKas3-111
            contacts 1
            body 0 octets, media []
            {}
        "#]],
    );
    check(
        message!("rfc5118/ipv6-bad"),
        expect![[r#"
            REGISTER sip:2001:db8::10
            cseq Some(98176)
            from - | user @ example.com | tag 81x2
            to - | user @ example.com | tag -
            via UDP/2001:db8::9:1 of 1, branch z9hG4bKas3-111
            contacts 1
            body 0 octets, media []
            {}
        "#]],
    );
    check(
        message!("rfc5118/port-ambiguous"),
        expect![[r#"
            REGISTER sip:[2001:db8::10:5070]
            cseq Some(98176)
            from - | user @ example.com | tag 81x2
            to - | user @ example.com | tag -
            via UDP/2001:db8::9:1 of 1, branch z9hG4bKas3-111
            contacts 1
            body 0 octets, media []
            {}
        "#]],
    );
    check(
        message!("rfc5118/port-unambiguous"),
        expect![[r#"
            REGISTER sip:[2001:db8::10]:5070
            cseq Some(98176)
            from - | user @ example.com | tag 81x2
            to - | user @ example.com | tag -
            via UDP/2001:db8::9:1 of 1, branch z9hG4bKas3-111
            contacts 1
            body 0 octets, media []
            {}
        "#]],
    );
}

#[test]
fn ipv6_in_via() {
    check(
        message!("rfc5118/via-received-param-with-delim"),
        expect![[r#"
            BYE sip:[2001:db8::10]
            cseq Some(321)
            from - | user @ example.com | tag 81x2
            to - | user @ example.com | tag bd76ya
            via UDP/2001:db8::9:1 received 2001:db8::9:255 of 1, branch z9hG4bKas3-111
            contacts 0
            body 0 octets, media []
            {}
        "#]],
    );
    check(
        message!("rfc5118/via-received-param-no-delim"),
        expect![[r#"
            OPTIONS sip:[2001:db8::10]
            cseq Some(921)
            from - | user @ example.com | tag 81x2
            to - | user @ example.com | tag -
            via UDP/2001:db8::9:1 received 2001:db8::9:255 of 1, branch z9hG4bKas3
            contacts 1
            body 0 octets, media []
            {}
        "#]],
    );
    check(
        message!("rfc5118/mult-ip-in-header"),
        expect![[r#"
            BYE sip:user@host.example.net
            cseq Some(89187)
            from - | user @ example.com | tag 81x2
            to - | user @ example.net | tag 9817--94
            via UDP/2001:db8::9:1 of 3, branch z9hG4bKas3-111
            contacts 0
            body 0 octets, media []
            {}
        "#]],
    );
    check(
        message!("rfc5118/ipv6-bug-abnf-3-colons"),
        expect![[r#"
            OPTIONS sip:user@[2001:db8:::192.0.2.1]
            cseq Some(689)
            from - | user @ example.com | tag 810x2
            to - | user @ 2001:db8:::192.0.2.1 | tag -
            via UDP/lab1.east.example.com of 1, branch z9hG4bKas3-111
            contacts 0
            body 0 octets, media []
            {}
        "#]],
    );
    check(
        message!("rfc5118/ipv6-correct-abnf-2-colons"),
        expect![[r#"
            OPTIONS sip:user@[2001:db8::192.0.2.1]
            cseq Some(689)
            from - | user @ example.com | tag 810x2
            to - | user @ 2001:db8::192.0.2.1 | tag -
            via UDP/lab1.east.example.com of 1, branch z9hG4bKas3-111
            contacts 0
            body 0 octets, media []
            {}
        "#]],
    );
}

#[test]
fn ipv6_in_session_descriptions() {
    check(
        message!("rfc5118/ipv6-in-sdp"),
        expect![[r#"
            INVITE sip:user@[2001:db8::10]
            cseq Some(8612)
            from - | user @ example.com | tag 81x2
            to - | user @ 2001:db8::10 | tag -
            via UDP/2001:db8::20 of 1, branch z9hG4bKas3-111
            contacts 1
            body 251 octets, media [audio 2001:db8::20 6000, video 2001:db8::20 6024]
            {BodyShort}
        "#]],
    );
    check(
        message!("rfc5118/mult-ip-in-sdp"),
        expect![[r#"
            INVITE sip:user@[2001:db8::10]
            cseq Some(8912)
            from - | user @ example.com | tag 81x2
            to - | user @ 2001:db8::10 | tag -
            via UDP/2001:db8::9:1 of 1, branch z9hG4bKas3-111
            contacts 1
            body 181 octets, media [audio 192.0.2.1 22334, video 2001:db8::1 6024]
            {}
        "#]],
    );
    check(
        message!("rfc5118/ipv4-mapped-ipv6"),
        expect![[r#"
            INVITE sip:user@example.com
            cseq Some(612)
            from - | user @ east.example.com | tag 81x2
            to - | user @ example.com | tag -
            via UDP/::ffff:192.0.2.10 of 2, branch z9hG4bKbh19
            contacts 1
            body 236 octets, media [audio ::ffff:192.0.2.2 6000, video ::ffff:192.0.2.2 6024]
            {}
        "#]],
    );
}

/// RFC 4475 §3.1.2: counted or not, by the start line alone.
#[test]
fn invalid_messages_count_when_their_start_line_is_good() {
    let counted = |start: &str| Message::parse(format!("{start}\r\nCall-ID: a\r\n\r\n").as_bytes()).is_ok();
    // ltgtruri, unkscm, novelsc, insuf
    for start in [
        "INVITE <sip:user@example.com> SIP/2.0",
        "OPTIONS nobodyKnowsThisScheme:opaque SIP/2.0",
        "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0",
        "INVITE sip:user@example.com SIP/2.0",
    ] {
        assert!(counted(start), "{start}");
    }
    // lwsruri, lwsstart, trws, badvers, bigcode
    for start in [
        "INVITE sip:user@example.com; lr SIP/2.0",
        "INVITE  sip:user@example.com  SIP/2.0",
        "OPTIONS sip:remote-target@example.com SIP/2.0  ",
        "OPTIONS sip:t.watson@example.org SIP/7.0",
        "SIP/2.0 4294967301 better not break the receiver",
    ] {
        assert!(!counted(start), "{start}");
    }
}

/// RFC 4475 §3.1.2.2, 3, 4, 17, 18 and §3.3.9: clerr, ncl, scalar02, mismatch01, mismatch02, mcl01.
#[test]
fn invalid_numbers_are_defects() {
    let defects = |start: &str, headers: &str| {
        let text = format!(
            "{start} sip:user@example.com SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nf: a\r\nt: b\r\ni: c\r\n{headers}\r\n\r\nv=0\r\n"
        );
        Message::parse(text.as_bytes()).unwrap().defects().iter().collect::<Vec<_>>()
    };
    assert_eq!(defects("INVITE", "CSeq: 8 INVITE\r\nContent-Length: 9999"), [Malformed::BodyShort]);
    assert_eq!(defects("INVITE", "CSeq: 0 INVITE\r\nContent-Length: -999"), [Malformed::ContentLength]);
    assert_eq!(defects("REGISTER", "CSeq: 36893488147419103232 REGISTER"), [Malformed::BadCSeq]);
    assert_eq!(defects("OPTIONS", "CSeq: 8 INVITE"), [Malformed::BadCSeq]);
    assert_eq!(defects("NEWMETHOD", "CSeq: 8 INVITE"), [Malformed::BadCSeq]);
    assert_eq!(
        defects("OPTIONS", "CSeq: 8 OPTIONS\r\nContent-Length: 5\r\nContent-Length: 6"),
        [Malformed::ContentLength]
    );
}

/// RFC 4475 §3.1.2.1 and 6: badinv01 (empty parameters) and quotbal (an open quote).
#[test]
fn broken_values_are_shown_as_far_as_they_go() {
    let via = Via::parse(b"SIP/2.0/UDP 192.0.2.15;;,;,,").unwrap();
    assert_eq!((via.host, via.branch()), (&b"192.0.2.15"[..], None));
    let to = NameAddr::parse(b"\"Mr. J. User <sip:j.user@example.com>");
    assert_eq!(to.uri.user(), Some(&b"j.user"[..]));
}
