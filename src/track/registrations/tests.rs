use proptest::prelude::*;

use super::*;
use crate::decode::{Endpoint, Flow};
use crate::track::call::SipTransport;

const S: i64 = 1_000_000_000;
const MS: i64 = 1_000_000;

fn flow(src: &str, dst: &str) -> Flow {
    let end = |s: &str| {
        let s: std::net::SocketAddr = s.parse().unwrap();
        Endpoint::new(s.ip().into(), s.port())
    };
    Flow { src: end(src), dst: end(dst) }
}

/// A phone at 192.0.2.1, its proxy or registrar at 192.0.2.9, and all that is told of them.
struct Bench {
    table: Registrations,
    signals: VecDeque<SignalEvent>,
    flow: Flow,
}

impl Default for Bench {
    fn default() -> Self {
        Self::of(Registrations::new(100))
    }
}

impl Bench {
    fn of(table: Registrations) -> Self {
        Self { table, signals: VecDeque::new(), flow: flow("192.0.2.1:5060", "192.0.2.9:5060") }
    }

    fn send(&mut self, time: i64, flow: Flow, bytes: &[u8]) {
        let message = Message::parse(bytes).unwrap();
        let seen = Seen { message: &message, flow, time, transport: SipTransport::Udp, vlan: 0 };
        self.table.handle(&seen, &mut self.signals);
    }

    /// A REGISTER of the user on Call-ID `id`; `more`: header lines.
    fn ask(&mut self, time: i64, user: &str, id: &str, cseq: u32, more: &str) {
        self.send(time, self.flow, &message("REGISTER sip:h SIP/2.0", user, id, cseq, more));
    }

    fn answer(&mut self, time: i64, user: &str, id: &str, cseq: u32, status: &str, more: &str) {
        let start = format!("SIP/2.0 {status}");
        self.send(time, self.flow.reversed(), &message(&start, user, id, cseq, more));
    }

    /// A REGISTER of contact `a@192.0.2.1` and its 200, which grants so much.
    fn bind(&mut self, time: i64, cseq: u32, granted: u32) {
        self.ask(time, "a", "c", cseq, CONTACT);
        self.answer(time + 20 * MS, "a", "c", cseq, "200 OK", &contact(granted));
    }

    fn told(&mut self) -> Vec<(i64, Signal)> {
        self.signals.drain(..).map(|e| (e.time, e.what)).collect()
    }

    fn clock(&mut self, now: i64) -> Vec<(i64, Signal)> {
        self.table.handle_timeout(now, &mut self.signals);
        self.told()
    }

    #[track_caller]
    fn only(&self) -> Binding {
        let all = self.table.bindings();
        assert_eq!(all.len(), 1, "{all:?}");
        all.into_iter().next().unwrap()
    }
}

const CONTACT: &str = "Contact: <sip:a@192.0.2.1>\r\n";

fn contact(expires: u32) -> String {
    format!("Contact: <sip:a@192.0.2.1>;expires={expires}\r\n")
}

fn message(start: &str, user: &str, id: &str, cseq: u32, more: &str) -> Vec<u8> {
    format!(
        "{start}\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{id}{user}{cseq}\r\nFrom: <sip:{user}@h>;tag=1\r\n\
         To: <sip:{user}@H.Example:5060>\r\nCall-ID: {id}\r\nCSeq: {cseq} REGISTER\r\n{more}Content-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

fn result(time: i64, start: i64, result: RegistrationResult) -> (i64, Signal) {
    (time, Signal::Registration { start, result })
}

#[test]
fn a_challenge_and_its_retry_are_one_attempt() {
    let mut b = Bench::default();
    b.ask(0, "a", "c", 1, CONTACT);
    b.answer(10 * MS, "a", "c", 1, "401 Unauthorized", "");
    assert_eq!(b.told(), []);
    b.ask(S, "a", "c", 2, CONTACT);
    b.answer(S + 10 * MS, "a", "c", 2, "423 Interval Too Brief", "Min-Expires: 60\r\n");
    b.ask(2 * S, "a", "c", 3, CONTACT);
    b.answer(2 * S + 10 * MS, "a", "c", 3, "200 OK", &contact(60));
    let at = 2 * S + 10 * MS;
    assert_eq!(b.told(), [result(at, 0, RegistrationResult::Ok), (at, Signal::Bound)]);
    let binding = b.only();
    assert_eq!((&*binding.aor, &*binding.contact), ("a@h.example", "sip:a@192.0.2.1"));
    assert_eq!(
        (binding.state, binding.expires, binding.first_seen),
        (BindingState::Registered, Some(60), at)
    );
}

#[test]
fn a_challenge_without_retry_is_a_rejection() {
    let mut b = Bench::default();
    b.ask(0, "a", "c", 1, CONTACT);
    b.answer(S, "a", "c", 1, "407 Proxy Authentication Required", "");
    assert_eq!(b.clock(33 * S - 1), []);
    assert_eq!(b.clock(33 * S), [result(33 * S, 0, RegistrationResult::Rejected(407))]);
    let binding = b.only();
    assert_eq!((binding.state, binding.expires), (BindingState::Rejected, None));
    assert_eq!(binding.reason.as_deref(), Some("407 Proxy Authentication Required"));
}

#[test]
fn the_same_challenge_to_what_was_tried_is_a_rejection_unless_the_nonce_was_stale() {
    let mut b = Bench::default();
    for (cseq, more) in [
        (1, ""),
        (2, "WWW-Authenticate: Digest realm=\"h\", stale = \"TRUE\"\r\n"),
        (3, "WWW-Authenticate: Digest\r\n"),
    ] {
        assert_eq!(b.told(), []);
        b.ask(i64::from(cseq) * S, "a", "c", cseq, CONTACT);
        b.answer(i64::from(cseq) * S + MS, "a", "c", cseq, "401 Unauthorized", more);
    }
    assert_eq!(b.told(), [result(3 * S + MS, S, RegistrationResult::Rejected(401))]);
}

#[test]
fn what_is_sent_again_or_copied_never_resets_the_start() {
    let mut b = Bench::default();
    b.ask(0, "a", "c", 1, CONTACT);
    b.ask(MS, "a", "c", 1, CONTACT);
    assert_eq!(b.told(), []);
    b.ask(500 * MS, "a", "c", 1, CONTACT);
    b.ask(501 * MS, "a", "c", 1, CONTACT);
    let again = Signal::Retransmitted(Method::Register);
    assert_eq!(b.told(), [(500 * MS, again)]);
    b.answer(S, "a", "c", 1, "200 OK", &contact(60));
    b.answer(S + MS, "a", "c", 1, "200 OK", &contact(60));
    assert_eq!(b.told(), [result(S, 0, RegistrationResult::Ok), (S, Signal::Bound)]);
    // The response was lost on its way: the request comes once more.
    b.ask(3 * S, "a", "c", 1, CONTACT);
    b.answer(3 * S + MS, "a", "c", 1, "200 OK", &contact(60));
    assert_eq!(b.told(), [(3 * S, again)]);
}

#[test]
fn the_hop_of_a_proxy_is_no_attempt_and_its_answer_not_the_phones() {
    let mut b = Bench::default();
    let hop = flow("192.0.2.9:5060", "192.0.2.20:5060");
    let via = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKp\r\n";
    let relayed = |start: &str| {
        let plain = String::from_utf8(message(start, "a", "c", 1, CONTACT)).unwrap();
        plain.replacen("Via:", &format!("{via}Via:"), 1).into_bytes()
    };
    b.ask(0, "a", "c", 1, CONTACT);
    b.send(20 * MS, hop, &relayed("REGISTER sip:h SIP/2.0"));
    b.send(30 * MS, hop.reversed(), &relayed("SIP/2.0 503 Service Unavailable"));
    b.answer(S, "a", "c", 1, "200 OK", "");
    assert_eq!(b.told(), [result(S, 0, RegistrationResult::Ok), (S, Signal::Bound)]);
    let binding = b.only();
    assert_eq!((binding.src, binding.expires, binding.behind_nat), (b.flow.src, Some(3600), false));
}

#[test]
fn without_a_final_response_it_times_out() {
    let mut b = Bench::default();
    b.ask(0, "a", "c", 1, CONTACT);
    b.answer(MS, "a", "c", 1, "100 Trying", "");
    assert_eq!(b.clock(32 * S), [result(32 * S, 0, RegistrationResult::Timeout)]);
    b.answer(33 * S, "a", "c", 1, "200 OK", "");
    assert!(b.table.is_empty());
    // Who loses patience has had no answer either; one with credentials goes on.
    b.ask(40 * S, "a", "c", 2, CONTACT);
    b.ask(45 * S, "a", "c", 3, CONTACT);
    assert_eq!(b.told(), [result(45 * S, 40 * S, RegistrationResult::Timeout)]);
    b.ask(46 * S, "a", "c", 4, &format!("{CONTACT}Authorization: Digest\r\n"));
    b.answer(47 * S, "a", "c", 4, "200 OK", "");
    assert_eq!(b.told()[0], result(47 * S, 45 * S, RegistrationResult::Ok));
}

#[test]
fn attempts_younger_than_timer_f_are_not_told_at_the_end() {
    let mut b = Bench::default();
    b.ask(0, "a", "c", 1, CONTACT);
    b.ask(5 * S, "b", "d", 1, CONTACT);
    b.table.finish(33 * S, &mut b.signals);
    assert_eq!(b.told(), [result(32 * S, 0, RegistrationResult::Timeout)]);
}

#[test]
fn a_binding_lapses_when_the_granted_time_is_over() {
    let mut b = Bench::default();
    b.bind(0, 1, 60);
    b.bind(50 * S, 2, 60);
    b.told();
    assert_eq!(b.clock(110 * S), []);
    let lapse = 110 * S + 20 * MS;
    assert_eq!(b.clock(lapse), [(lapse, Signal::Unbound { expired: true })]);
    let binding = b.only();
    assert_eq!((binding.state, binding.refreshes, binding.flaps), (BindingState::Expired, 1, 0));
}

#[test]
fn a_refresh_that_comes_late_is_a_flap() {
    let mut b = Bench::default();
    b.bind(0, 1, 60);
    b.told();
    // Nobody looked at the clock in between.
    b.bind(61 * S, 2, 60);
    let (lapse, at) = (60 * S + 20 * MS, 61 * S + 20 * MS);
    let expired = (lapse, Signal::Unbound { expired: true });
    assert_eq!(b.told(), [result(at, 61 * S, RegistrationResult::Ok), expired, (at, Signal::Bound)]);
    assert_eq!((b.only().flaps, b.only().refreshes), (1, 0));
    // A phone that was away over night does not flap.
    b.bind(40_000 * S, 3, 60);
    assert_eq!(b.only().flaps, 1);
}

#[test]
fn what_is_granted_comes_from_where_the_standard_says() {
    let other = "Contact: <sip:z@192.0.2.7>;expires=7\r\n";
    let cases = [
        (CONTACT, "Expires: 9\r\n".to_owned(), Some(9)),
        (CONTACT, format!("{other}{}Expires: 9\r\n", contact(30)), Some(30)),
        (CONTACT, format!("{other}{other}Expires: 9\r\n"), Some(9)),
        // Written otherwise on the way, but there is no other.
        (CONTACT, "Contact: <sip:a@198.51.100.1:1024>;expires=8\r\n".to_owned(), Some(8)),
        ("Contact: <sip:a@192.0.2.1>;expires=77\r\nExpires: 5\r\n", String::new(), Some(77)),
        ("Contact: <sip:a@192.0.2.1>\r\nExpires: 5\r\n", String::new(), Some(5)),
        (CONTACT, String::new(), Some(3600)),
        (
            CONTACT,
            "Contact: <sip:A@192.0.2.1>;expires=x, <sip:a@192.0.2.1:5060;ob>;Expires=11\r\n".to_owned(),
            Some(11),
        ),
        (CONTACT, "Contact: <sip:a@192.0.2.1>;expires=99999999999\r\n".to_owned(), Some(u32::MAX)),
    ];
    for (asked, answered, granted) in cases {
        let mut b = Bench::default();
        b.ask(0, "a", "c", 1, asked);
        b.answer(MS, "a", "c", 1, "200 OK", &answered);
        assert_eq!(b.only().expires, granted, "{asked}{answered}");
    }
}

#[test]
fn an_unregister_ends_the_binding_and_a_star_all_of_the_user() {
    let mut b = Bench::default();
    b.bind(0, 1, 600);
    b.ask(S, "a", "other", 1, "Contact: <sip:a@192.0.2.2>\r\n");
    b.answer(S + MS, "a", "other", 1, "200 OK", "");
    b.ask(S, "b", "third", 1, "Contact: <sip:b@192.0.2.1>\r\n");
    b.answer(S + MS, "b", "third", 1, "200 OK", "");
    b.told();
    b.ask(2 * S, "a", "c", 2, &contact(0));
    b.answer(2 * S + MS, "a", "c", 2, "200 OK", "");
    let ended = (2 * S + MS, Signal::Unbound { expired: false });
    assert_eq!(b.told(), [result(2 * S + MS, 2 * S, RegistrationResult::Ok), ended]);
    b.bind(3 * S, 3, 600);
    b.told();
    b.ask(4 * S, "a", "c", 4, "Contact: *\r\nExpires: 0\r\n");
    b.answer(4 * S + MS, "a", "c", 4, "200 OK", "");
    assert_eq!(b.told().len(), 3);
    let states: Vec<_> = b.table.bindings().iter().map(|b| (b.aor.to_string(), b.state)).collect();
    let (a, c) = ("a@h.example".to_owned(), "b@h.example".to_owned());
    let gone = BindingState::Unregistered;
    assert_eq!(states, [(a.clone(), gone), (a, gone), (c, BindingState::Registered)]);
}

#[test]
fn a_query_is_an_attempt_and_changes_nothing() {
    let mut b = Bench::default();
    b.ask(0, "a", "c", 1, "");
    b.answer(MS, "a", "c", 1, "200 OK", &contact(60));
    assert_eq!(b.told(), [result(MS, 0, RegistrationResult::Ok)]);
    assert!(b.table.is_empty());
}

#[test]
fn a_refusal_leaves_what_is_bound_until_it_lapses() {
    let mut b = Bench::default();
    b.bind(0, 1, 60);
    b.ask(30 * S, "a", "c", 2, CONTACT);
    b.answer(30 * S + MS, "a", "c", 2, "403 Forbidden", "");
    let binding = b.only();
    assert_eq!((binding.state, binding.failures), (BindingState::Registered, 1));
    assert_eq!(binding.reason.as_deref(), Some("403 Forbidden"));
    b.clock(100 * S);
    assert_eq!(b.only().state, BindingState::Expired);
    b.ask(130 * S, "a", "c", 3, CONTACT);
    b.answer(130 * S + MS, "a", "c", 3, "403 Forbidden", "");
    assert_eq!((b.only().state, b.only().failures), (BindingState::Rejected, 2));
}

#[test]
fn a_device_on_a_new_port_is_the_same_device() {
    let mut b = Bench::default();
    let at = |port: u16, more: &str| format!("Contact: <sip:a@192.0.2.1:{port}>{more}\r\n");
    for (n, port) in [(1, 5060), (2, 5070)] {
        b.ask(i64::from(n) * S, "a", "c", n, &at(port, ""));
        b.answer(i64::from(n) * S + MS, "a", "c", n, "200 OK", "");
    }
    assert_eq!((&*b.only().contact, b.only().refreshes), ("sip:a@192.0.2.1:5070", 1));
    let mut b = Bench::default();
    let me = ";+sip.instance=\"<urn:uuid:1>\"";
    for (n, port) in [(1, 5060), (2, 5070)] {
        // Started anew, with another Call-ID.
        b.ask(i64::from(n) * S, "a", &format!("c{n}"), n, &at(port, me));
        b.answer(i64::from(n) * S + MS, "a", &format!("c{n}"), n, "200 OK", "");
    }
    assert_eq!(b.only().refreshes, 1);
    // Two flows of one device (RFC 5626) are two bindings.
    for (n, port) in [(3, 5080), (4, 5090)] {
        b.ask(i64::from(n) * S, "a", &format!("c{n}"), n, &at(port, &format!("{me};reg-id={n}")));
        b.answer(i64::from(n) * S + MS, "a", &format!("c{n}"), n, "200 OK", "");
    }
    assert_eq!(b.table.len(), 3);
}

#[test]
fn addresses_that_differ_tell_of_nat() {
    let cases = [
        ("sip:a@192.0.2.1", "", "", false),
        ("sip:a@10.0.0.1", "", "", true),
        ("sip:a@phone.example", "", "", false),
        ("sip:a@phone.example", "", ";received=192.0.2.1", false),
        ("sip:a@192.0.2.1", "", ";received=203.0.113.5", true),
        ("sip:a@192.0.2.1", "", ";rport=5060", false),
        ("sip:a@192.0.2.1", "", ";rport=1024", true),
    ];
    for (contact, _, via, expected) in cases {
        let mut b = Bench::default();
        let contact = format!("Contact: <{contact}>\r\n");
        b.ask(0, "a", "c", 1, &contact);
        let ok = String::from_utf8(message("SIP/2.0 200 OK", "a", "c", 1, &contact)).unwrap();
        let ok = ok.replacen("UDP 192.0.2.1", &format!("UDP 192.0.2.1{via}"), 1);
        b.send(MS, b.flow.reversed(), ok.as_bytes());
        assert_eq!(b.only().behind_nat, expected, "{contact} {via}");
    }
}

#[test]
fn a_device_that_moves_is_gone_from_where_it_was() {
    let mut b = Bench::default();
    b.bind(0, 1, 600);
    b.told();
    b.flow = flow("198.51.100.1:5060", "192.0.2.9:5060");
    b.bind(S, 2, 600);
    let at = S + 20 * MS;
    let moved = [(at, Signal::Unbound { expired: false }), (at, Signal::Bound)];
    assert_eq!(b.told()[1..], moved);
    assert_eq!(b.only().src, b.flow.src);
}

#[test]
fn forged_registers_push_out_no_binding() {
    let mut b = Bench::of(Registrations::bounded(3, 50, 50));
    for n in 0..3_u32 {
        let (user, id) = (format!("u{n}"), format!("live{n}"));
        b.ask(0, &user, &id, 1, CONTACT);
        b.answer(MS, &user, &id, 1, "200 OK", &contact(600));
    }
    for n in 0..10_000_u32 {
        let (user, time) = (format!("x{n}"), S + i64::from(n) * MS);
        b.ask(time, &user, &user, 1, CONTACT);
        if n % 2 == 0 {
            b.answer(time, &user, &user, 1, "403 Forbidden", "");
        }
    }
    assert_eq!((b.table.attempts.len(), b.table.bindings.up(), b.table.len()), (50, 3, 3));
    assert_eq!(b.table.evicted(), 5000 + 5000 - 50);
    // Another that is bound makes the one go that lapses first, and tells of it.
    b.told();
    b.ask(20 * S, "new", "new", 1, CONTACT);
    b.answer(20 * S, "new", "new", 1, "200 OK", &contact(900));
    let gone = (20 * S, Signal::Unbound { expired: false });
    assert_eq!(b.told()[1..], [gone, (20 * S, Signal::Bound)]);
}

#[derive(Clone, Debug)]
struct Step {
    after: i64,
    user: u8,
    id: u8,
    cseq: u32,
    contact: u8,
    expires: u32,
    status: Option<u16>,
}

fn step() -> impl Strategy<Value = Step> {
    let status = prop_oneof![
        Just(None),
        Just(None),
        Just(Some(200_u16)),
        Just(Some(200)),
        Just(Some(401)),
        Just(Some(403)),
    ];
    (0..20_i64, 0..6_u8, 0..4_u8, 0..4_u32, 0..6_u8, 0..30_u32, status).prop_map(
        |(after, user, id, cseq, contact, expires, status)| Step {
            after,
            user,
            id,
            cseq,
            contact,
            expires,
            status,
        },
    )
}

proptest! {
    #[test]
    fn tables_keep_their_bounds_and_what_is_told_adds_up(steps in prop::collection::vec(step(), 0..300)) {
        let mut b = Bench::of(Registrations::bounded(4, 3, 5));
        let (mut time, mut bound) = (0, 0_i64);
        for s in steps {
            time += s.after * S / 4;
            let (user, id) = (format!("u{}", s.user), format!("c{}", s.id));
            let more = match s.contact {
                0 => String::new(),
                1 => "Contact: *\r\nExpires: 0\r\n".to_owned(),
                2 => format!("Contact: <sip:a@h>;expires=0, <sip:b@h>;expires={}\r\n", s.expires),
                n => format!("Contact: <sip:a@h:{n}>;+sip.instance=\"{}\";expires={}\r\n", s.user % 2, s.expires),
            };
            match s.status {
                None => b.ask(time, &user, &id, s.cseq, &more),
                Some(status) => b.answer(time, &user, &id, s.cseq, &format!("{status} x"), &more),
            }
            if s.after % 3 == 0 {
                b.table.handle_timeout(time, &mut b.signals);
            }
            for (_, what) in b.told() {
                bound += match what { Signal::Bound => 1, Signal::Unbound { .. } => -1, _ => 0 };
            }
            prop_assert!(b.table.attempts.len() <= 3 && b.table.repeats.len() <= 5);
            prop_assert!(b.table.bindings.is_consistent());
            prop_assert_eq!(usize::try_from(bound), Ok(b.table.bindings.up()));
        }
    }

    #[test]
    fn no_message_is_too_odd(head in "[ -~\r\n]{0,200}", n in 0..4_usize) {
        let start = ["REGISTER sip:h SIP/2.0", "SIP/2.0 200 OK", "SIP/2.0 401 x", "OPTIONS sip:h SIP/2.0"][n];
        let bytes = message(start, "a", "c", 1, &format!("{head}\r\nContact: {head}\r\nExpires: {head}\r\n"));
        let mut b = Bench::default();
        b.ask(0, "a", "c", 1, CONTACT);
        b.send(1, b.flow, &bytes);
        b.send(2, b.flow.reversed(), &bytes);
        b.table.finish(100 * S, &mut b.signals);
        prop_assert!(b.table.bindings.is_consistent());
    }
}
