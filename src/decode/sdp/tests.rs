use super::*;
use proptest::prelude::*;

const OFFER: &[u8] = b"v=0\r\n\
    o=- 1 2 IN IP4 192.0.2.1\r\n\
    s=caf\xe9\r\n\
    c=IN IP4 224.2.1.1/127/3\r\n\
    t=0 0\r\n\
    a=group:BUNDLE a v\r\n\
    a=sendonly\r\n\
    a=ice-ufrag:F7gI\r\n\
    a=fingerprint:sha-256 AA\r\n\
    m=audio 49170/2 UDP/TLS/RTP/SAVPF 111 0\r\n\
    c=IN IP6 2001:db8::1\r\n\
    a=mid:a\r\n\
    a=rtpmap:111 opus/48000/2\r\n\
    a=fmtp:111 minptime=10;useinbandfec=1\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=ptime:2.5\r\n\
    a=maxptime:60\r\n\
    a=rtcp:53020 IN IP4 192.0.2.9\r\n\
    a=ssrc:314159 cname:user@example.com\r\n\
    a=ssrc:314159 msid:x y\r\n\
    a=candidate:1 1 UDP 2130706431 10.0.1.1 8998 typ host\r\n\
    a=candidate:2 2 tcp 1694498815 a1.local 9 typ srflx raddr 10.0.1.1 rport 9\r\n\
    a=recvonly\r\n\
    m=video 0 RTP/SAVP 98\r\n\
    a=mid:v\r\n\
    a=bundle-only\r\n\
    a=rtcp-mux\r\n\
    a=setup:actpass\r\n\
    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n\
    m=image 0 udptl t38\r\n";

#[test]
fn a_section_says_where_what_is_received() {
    let sdp = Sdp::parse(OFFER);
    let [audio, video, image] = &sdp.media[..] else { panic!() };
    assert_eq!(
        (audio.kind, audio.port, audio.port_count, audio.proto),
        ("audio", 49170, 2, "UDP/TLS/RTP/SAVPF")
    );
    assert_eq!(audio.connection, Some(Address::Ip("2001:db8::1".parse().unwrap())));
    let opus = audio.format(111).unwrap();
    assert_eq!(opus.encoding, Some(Encoding { name: "opus", clock_rate_hz: 48000, channels: 2 }));
    assert_eq!(opus.fmtp, Some("minptime=10;useinbandfec=1"));
    assert_eq!(
        audio.formats.iter().map(|format| (format.name, format.listed)).collect::<Vec<_>>(),
        [("111", true), ("0", true), ("101", false)]
    );
    assert_eq!((audio.ptime_ms, audio.max_ptime_ms), (Some(2.5), Some(60.0)));
    assert_eq!(audio.rtcp.unwrap().address, Address::parse("192.0.2.9"));
    assert_eq!(audio.rtcp_port(), Some(53020));
    assert_eq!(audio.sources, [Source { ssrc: 314_159, cname: Some("user@example.com") }]);
    assert_eq!(audio.candidates[0].address.ip(), Some("10.0.1.1".parse().unwrap()));
    assert_eq!((audio.candidates[1].address, audio.candidates[1].kind), (Address::Name("a1.local"), "srflx"));
    assert!(video.rtcp_mux && video.crypto && video.fingerprint && audio.fingerprint && !audio.crypto);
    assert_eq!((video.setup, video.ice_ufrag), (Some("actpass"), Some("F7gI")));
    assert!(sdp.is_bundled("a") && sdp.is_bundled("v") && !sdp.is_bundled("x"));
    assert_eq!((image.formats[0].name, image.formats[0].payload_type), ("t38", None));
    assert!(!sdp.cut);
}

#[test]
fn a_section_inherits_what_the_session_says() {
    let sdp = Sdp::parse(OFFER);
    assert_eq!(sdp.media[1].connection, Some(Address::Ip("224.2.1.1".parse().unwrap())));
    assert_eq!(
        sdp.media.iter().map(|media| media.direction).collect::<Vec<_>>(),
        [Direction::RecvOnly, Direction::SendOnly, Direction::SendOnly]
    );
}

#[test]
fn port_0_refuses_unless_it_is_bundled() {
    let sdp = Sdp::parse(OFFER);
    assert_eq!(sdp.media.iter().map(Media::is_refused).collect::<Vec<_>>(), [false, false, true]);
    assert!(Sdp::parse(b"m=audio 70000 RTP/AVP 0").media[0].is_refused());
}

#[test]
fn hold_is_told_by_direction_or_by_the_zero_address() {
    let of = |lines: &str| {
        let text = format!("v=0\nm=audio 4000 RTP/AVP 0\n{lines}\n");
        let sdp = Sdp::parse(text.as_bytes());
        let media = &sdp.media[0];
        (media.sends(), media.receives(), media.is_on_hold())
    };
    assert_eq!(of("c=IN IP4 192.0.2.1"), (true, true, false));
    assert_eq!(of("c=IN IP4 0.0.0.0"), (true, false, true));
    assert_eq!(of("c=IN IP6 ::"), (true, false, true));
    assert_eq!(of("a=sendonly"), (true, false, true));
    assert_eq!(of("a=recvonly"), (false, true, true));
    assert_eq!(of("a=inactive"), (false, false, true));
}

#[test]
fn a_host_name_is_kept_as_it_is() {
    let sdp = Sdp::parse(b"c=IN IP4 media.example.com\nm=audio 4000 RTP/AVP 0\n");
    assert_eq!(sdp.media[0].connection, Some(Address::Name("media.example.com")));
}

#[test]
fn hostile_descriptions_stay_small() {
    let text = "m=audio 4000 RTP/AVP 0\n".repeat(100_000);
    let sdp = Sdp::parse(text.as_bytes());
    assert_eq!((sdp.media.len(), sdp.cut), (MAX_MEDIA, true));
    let formats = format!("m=audio 4000 RTP/AVP{}\n", " 0".repeat(10_000));
    let candidates =
        format!("m=audio 4000 RTP/AVP 0\n{}", "a=candidate:1 1 UDP 1 10.0.1.1 8998 typ host\n".repeat(1000));
    let maps = (0..1000).map(|format| format!("a=rtpmap:{format} x/8000\n")).collect::<String>();
    for (text, formats, candidates) in
        [(formats, 64, 0), (candidates, 1, 32), (format!("m=audio 1 RTP/AVP 0\n{maps}"), 64, 0)]
    {
        let sdp = Sdp::parse(text.as_bytes());
        assert_eq!(
            (sdp.media[0].formats.len(), sdp.media[0].candidates.len(), sdp.cut),
            (formats, candidates, true)
        );
    }
}

#[test]
fn the_sections_that_are_left_out_change_none_that_is_kept() {
    let text = "m=audio 4000 RTP/AVP 0\n".repeat(MAX_MEDIA)
        + "m=audio 1 RTP/AVP 0\na=inactive\nm=audio 2 RTP/AVP 0\na=inactive\n";
    let sdp = Sdp::parse(text.as_bytes());
    assert!(sdp.cut && sdp.media.iter().all(|media| media.direction == Direction::SendRecv));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(junk in proptest::collection::vec(any::<u8>(), 0..100), at in 0..900_usize) {
        let _ = Sdp::parse(&junk);
        let mut bytes = OFFER.to_vec();
        let at = at.min(bytes.len());
        bytes.splice(at..at, junk);
        let _ = Sdp::parse(&bytes);
    }
}
