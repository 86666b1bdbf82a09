//! What happens to calls, and what is therefore true.

use super::wire::{Fate, Finale, Leg};
use super::world::{Exchange, Form, World};
use crate::traffic::{End, MS, SECOND};

/// What in a call's messages says which dialogs are one.
#[derive(Clone, Debug)]
pub enum Named {
    Not,
    Session(String),
    CallId,
}

/// What comes of the last dialog of a chain, after its INVITE, ns.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    ring: Option<i64>,
    end: End3,
    /// When the caller hears the first phone of several ring, ns since the Unix epoch.
    first_ring: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
enum End3 {
    Answer { after: i64, talk: i64, by_caller: bool },
    Refuse { after: i64, code: u16 },
    GiveUp { after: i64 },
}

/// A host's SIP port.
const fn sip(host: [u8; 4]) -> End {
    (host, 5060)
}

impl World {
    /// A thousand calls, about: some stories are two.
    pub fn tell(&mut self, calls: usize) {
        while self.kinds.len() < calls {
            let h = self.habits;
            let start = self.moment();
            match self.dice.below(100) {
                0..4 => self.voicemail(start),
                4..8 => self.exchange_calls(start),
                8..11 => self.proxied(start),
                11..13 => self.blind_transfer(start),
                13..14 => self.attended_transfer(start),
                14..15 => self.direct_transfer(start),
                15..18 => self.forwarded(start),
                18..21 => self.twins(start),
                21..24 => self.redialled(start),
                24..28 => self.internal(start),
                28..32 => self.failover(start),
                _ if self.dice.chance(h.transit) => self.transit(start),
                _ if self.dice.chance(h.incoming) => self.incoming(start),
                _ => self.outgoing(start),
            }
        }
        self.frames.sort_by_key(|f| f.time);
    }

    fn named(&mut self) -> Named {
        match self.dice.below(2) {
            _ if !self.dice.chance(self.habits.named) => Named::Not,
            0 => Named::Session(format!("{:032x}", u128::from(self.dice.roll()) << 32 | 7)),
            _ => Named::CallId,
        }
    }

    fn begin(&mut self, kind: &'static str) -> (usize, Named) {
        let named = self.named();
        (self.call(kind, !matches!(named, Named::Not)), named)
    }

    fn exchange(&mut self) -> Exchange {
        let n = self.dice.below(self.exchanges.len() as u64) as usize;
        self.exchanges[n].clone()
    }

    fn outcome(&mut self) -> Outcome {
        let ring = self.dice.chance(0.85).then(|| self.span(20 * MS, 1500 * MS));
        let rang = ring.unwrap_or(30 * MS);
        let by_caller = self.dice.chance(0.55);
        let end = match self.dice.below(100) {
            0..66 => {
                End3::Answer { after: rang + self.span(200 * MS, 18 * SECOND), talk: self.talk(), by_caller }
            }
            66..76 => End3::Refuse { after: rang.min(200 * MS) + self.span(10 * MS, 400 * MS), code: 486 },
            76..82 => {
                let code = [404, 480, 603, 408][self.dice.below(4) as usize];
                End3::Refuse { after: rang + self.span(10 * MS, 20 * SECOND), code }
            }
            _ => End3::GiveUp { after: rang + self.span(SECOND, 30 * SECOND) },
        };
        Outcome { ring, end, first_ring: None }
    }

    /// The first dialog of a call.
    fn first(&mut self, call: usize, src: End, dst: End, from: &str, to: &str, named: &Named) -> Leg {
        let (id, media, answer_media) = (self.id(call), self.media(src.0), self.media(dst.0));
        let headers = match named {
            Named::Session(uuid) => format!("Session-ID: {uuid}\r\n"),
            _ => String::new(),
        };
        let (origin, target) = (self.origin(src.0), to.to_owned());
        let (from, to) = (from.to_owned(), to.to_owned());
        Leg { id, src, dst, from, to, target, media, answer_media, origin, headers, challenged: false }
    }

    /// The way on of a dialog through a back-to-back user agent.
    fn onward(&mut self, before: &Leg, src: End, dst: End, passes_sdp: bool, named: &Named) -> Leg {
        let call = self.truth[&before.id];
        let mut leg = self.first(call, src, dst, &before.from, &before.to, named);
        if passes_sdp {
            (leg.media, leg.origin) = (before.media, before.origin.clone());
        }
        if matches!(named, Named::CallId) {
            leg.headers = format!("X-Call-ID: {}\r\n", before.id);
        }
        leg
    }

    /// Plays dialogs that follow one another through back-to-back user agents.
    fn chain(&mut self, legs: &[Leg], start: i64, outcome: &Outcome) -> i64 {
        let mut starts = vec![start];
        for leg in legs.iter().take(legs.len() - 1) {
            let asked = if leg.challenged { 20 * MS } else { 0 };
            let last = starts[starts.len() - 1];
            starts.push(last + asked + self.routing());
        }
        self.chain_from(legs, &starts, outcome)
    }

    /// The same with given beginnings; when it ends at the first dialog.
    fn chain_from(&mut self, legs: &[Leg], starts: &[i64], outcome: &Outcome) -> i64 {
        let n = legs.len();
        let sent = starts[n - 1] + if legs[n - 1].challenged { 20 * MS } else { 0 };
        let back = |world: &mut Self, at: i64| {
            let mut all = vec![at];
            (1..n).for_each(|i| all.insert(0, all[0] + world.relay() * i64::from(i > 0)));
            all
        };
        let forth = |world: &mut Self, at: i64| {
            let mut all = vec![at];
            (1..n).for_each(|i| all.push(all[i - 1] + world.relay()));
            all
        };
        let rings = outcome.ring.map(|ring| back(self, sent + ring));
        let local = self.dice.chance(0.12).then(|| starts[0] + 30 * MS);
        let mut finales: Vec<Finale> = match outcome.end {
            End3::Answer { after, talk, by_caller } => {
                let answers = back(self, sent + after);
                let end = answers[0] + talk;
                let ends = if by_caller { forth(self, end) } else { back(self, end) };
                let both = answers.into_iter().zip(ends);
                both.map(|(at, until)| Finale::Talk { at, until, by_caller }).collect()
            }
            End3::Refuse { after, code } => {
                let ends = back(self, sent + after);
                let code = if self.dice.chance(0.2) { 480 } else { code };
                ends.into_iter().map(|at| Finale::Refuse { at, code }).collect()
            }
            End3::GiveUp { after } => {
                forth(self, sent + after).into_iter().map(|at| Finale::Cancel { at }).collect()
            }
        };
        let first = finales[0];
        for (i, leg) in legs.iter().enumerate().rev() {
            let ring = rings.as_ref().map(|r| r[i]);
            let ring = if i == 0 { local.filter(|_| n > 1).or(outcome.first_ring).or(ring) } else { ring };
            let fate = Fate { start: starts[i], ring, finale: finales.remove(i) };
            self.play(leg, &fate);
        }
        match first {
            Finale::Talk { until, .. } => until,
            Finale::Refuse { at, .. } | Finale::Cancel { at } => at,
        }
    }

    /// From the exchange outwards: over a border controller or not, to a carrier.
    fn trunk(&mut self, at: &Exchange, before: &Leg, from: &str, to: &str, named: &Named) -> Vec<Leg> {
        let carrier = self.carrier();
        let border = at.border.map(|b| self.borders[b].clone());
        let next = border.as_ref().map_or(carrier, |b| sip(b.access));
        let mut leg = self.onward(before, sip(at.outside), next, at.passes_sdp, named);
        (leg.from, leg.to) = (at.writes.write(from), at.writes.write(to));
        leg.target.clone_from(&leg.to);
        let mut legs = vec![leg];
        if let Some(border) = border {
            let mut leg = self.onward(&legs[0], sip(border.core), carrier, border.passes_sdp, named);
            (leg.from, leg.to) = (border.writes.write(from), border.writes.write(to));
            leg.target.clone_from(&leg.to);
            legs.push(leg);
        }
        legs
    }

    fn shown(&mut self, at: &Exchange, extension: u32) -> String {
        match () {
            () if self.dice.chance(self.habits.anonymous) => "anonymous".to_owned(),
            () if self.dice.chance(self.habits.main_number) => at.main(),
            () => format!("{}{extension}", at.stem),
        }
    }

    /// As a phone dials a number outside.
    fn dialled(&mut self, at: &Exchange, number: &str) -> String {
        let plain = match self.dice.below(3) {
            _ if number.len() < 6 => number.to_owned(),
            0 => format!("0049{number}"),
            _ => format!("0{number}"),
        };
        format!("{}{plain}", at.line)
    }

    fn out_legs(&mut self, call: usize, at: &Exchange, extension: u32, to: &str, named: &Named) -> Vec<Leg> {
        let phone = sip(at.phone(extension));
        let dialled = self.dialled(at, to);
        let mut leg = self.first(call, phone, sip(at.inside), &extension.to_string(), &dialled, named);
        leg.challenged = self.dice.chance(0.15);
        let from = self.shown(at, extension);
        let rest = self.trunk(at, &leg, &from, to, named);
        std::iter::once(leg).chain(rest).collect()
    }

    fn outgoing(&mut self, start: i64) {
        let (call, named) = self.begin("outgoing");
        let (at, extension, to) = (self.exchange(), self.extension(), self.called());
        let legs = self.out_legs(call, &at, extension, &to, &named);
        let outcome = self.outcome();
        self.chain(&legs, start, &outcome);
    }

    /// The same parties twice at once: nothing to do with each other.
    fn twins(&mut self, start: i64) {
        let (at, extension, to) = (self.exchange(), self.extension(), self.called());
        for delay in [0, self.span(0, 2 * SECOND)] {
            let (call, named) = self.begin("twins");
            let legs = self.out_legs(call, &at, extension, &to, &named);
            let outcome = self.outcome();
            self.chain(&legs, start + delay, &outcome);
        }
    }

    fn redialled(&mut self, start: i64) {
        let (at, extension, to) = (self.exchange(), self.extension(), self.called());
        let mut start = start;
        for _ in 0..2 {
            let (call, named) = self.begin("redialled");
            let legs = self.out_legs(call, &at, extension, &to, &named);
            let end = End3::Refuse { after: self.span(100 * MS, 900 * MS), code: 486 };
            let outcome = Outcome { ring: None, end, first_ring: None };
            start = self.chain(&legs, start, &outcome) + self.span(SECOND, 4 * SECOND);
        }
    }

    /// The first trunk has no line free.
    fn failover(&mut self, start: i64) {
        let (call, named) = self.begin("failover");
        let (at, extension, to) = (self.exchange(), self.extension(), self.called());
        let at = Exchange { border: None, ..at };
        let legs = self.out_legs(call, &at, extension, &to, &named);
        let from = legs[1].from.clone();
        let mut again = self.onward(&legs[0], sip(at.outside), self.carriers[3], at.passes_sdp, &named);
        (again.from, again.to, again.target) = (from, legs[1].to.clone(), legs[1].target.clone());
        let first = start + 20 * MS + self.routing();
        let refused = first + self.span(15 * MS, 300 * MS);
        self.play(
            &legs[1],
            &Fate { start: first, ring: None, finale: Finale::Refuse { at: refused, code: 503 } },
        );
        let starts = [start, refused + self.span(3 * MS, 60 * MS)];
        let outcome = self.outcome();
        self.chain_from(&[legs[0].clone(), again], &starts, &outcome);
    }

    fn in_leg(&mut self, call: usize, at: &Exchange, from: &str, to: &str, named: &Named) -> (Leg, Vec<Leg>) {
        let carrier = self.carrier();
        let form = Form::any(&mut self.dice);
        let border = at.border.map(|b| self.borders[b].clone());
        let (src, dst) = border.as_ref().map_or((carrier, sip(at.outside)), |b| (carrier, sip(b.core)));
        let mut legs = vec![self.first(call, src, dst, &form.write(from), &form.write(to), named)];
        if let Some(b) = border {
            let mut leg = self.onward(&legs[0], sip(b.access), sip(at.outside), b.passes_sdp, named);
            (leg.from, leg.to) = (b.writes.write(from), b.writes.write(to));
            leg.target.clone_from(&leg.to);
            legs.push(leg);
        }
        (legs[legs.len() - 1].clone(), legs)
    }

    fn caller(&mut self) -> String {
        if self.dice.chance(self.habits.anonymous) { "anonymous".to_owned() } else { self.outsider() }
    }

    fn way_to_phone(
        &mut self,
        at: &Exchange,
        before: &Leg,
        from: &str,
        extension: u32,
        named: &Named,
    ) -> Leg {
        let mut leg = self.onward(before, sip(at.inside), sip(at.phone(extension)), at.passes_sdp, named);
        leg.from = match self.dice.below(4) {
            _ if from == "anonymous" => from.to_owned(),
            0 => before.from.clone(),
            _ => format!("{}{}", at.line, Form::National.write(from)),
        };
        (leg.to, leg.target) = (extension.to_string(), extension.to_string());
        leg
    }

    fn incoming(&mut self, start: i64) {
        if self.dice.chance(self.habits.queued) {
            return self.queue(start);
        }
        match self.dice.below(10) {
            0..2 => self.ring_group(start),
            2 => self.hunt(start),
            _ => {
                let (call, named) = self.begin("incoming");
                let (at, extension, from) = (self.exchange(), self.extension(), self.caller());
                let to = format!("{}{extension}", at.stem);
                let (last, mut legs) = self.in_leg(call, &at, &from, &to, &named);
                legs.push(self.way_to_phone(&at, &last, &from, extension, &named));
                let outcome = self.outcome();
                self.chain(&legs, start, &outcome);
            }
        }
    }

    /// One number, several phones at once; who answers first has it.
    fn ring_group(&mut self, start: i64) {
        let (call, named) = self.begin("ring group");
        let (at, from) = (self.exchange(), self.caller());
        let at = Exchange { border: None, ..at };
        let to = format!("{}7{}", at.stem, self.dice.below(3));
        let (last, legs) = self.in_leg(call, &at, &from, &to, &named);
        let first = self.extension();
        let winner = self.way_to_phone(&at, &last, &from, first, &named);
        let chain = [legs[0].clone(), winner];
        let begin = start + self.routing();
        let mut outcome = self.outcome();
        outcome.first_ring = outcome.ring.map(|ring| begin + ring + 5 * MS);
        let others: Vec<Leg> = (1..=1 + self.dice.below(3) as u32)
            .map(|n| self.way_to_phone(&at, &last, &from, 100 + (first + n) % 100, &named))
            .collect();
        let over = match outcome.end {
            End3::Answer { after, .. } | End3::Refuse { after, .. } => begin + after,
            End3::GiveUp { after } => begin + after + 10 * MS,
        };
        for leg in &others {
            let began = begin + self.span(MS, 30 * MS);
            let at = (over + self.span(MS, 20 * MS)).max(began + 10 * MS);
            let ring = Some(began + self.span(20 * MS, 400 * MS)).filter(|ring| *ring < at);
            outcome.first_ring = outcome.first_ring.into_iter().chain(ring.map(|r| r + 4 * MS)).min();
            self.play(leg, &Fate { start: began, ring, finale: Finale::Cancel { at } });
        }
        self.chain_from(&chain, &[start, begin], &outcome);
    }

    /// One phone after another.
    fn hunt(&mut self, start: i64) {
        let (call, named) = self.begin("hunt");
        let (at, from) = (self.exchange(), self.caller());
        let at = Exchange { border: None, ..at };
        let to = format!("{}8{}", at.stem, self.dice.below(3));
        let (last, legs) = self.in_leg(call, &at, &from, &to, &named);
        let mut begin = start + self.routing();
        let mut first_ring = None;
        for _ in 0..1 + self.dice.below(2) {
            let extension = self.extension();
            let leg = self.way_to_phone(&at, &last, &from, extension, &named);
            let over = begin + self.span(4 * SECOND, 12 * SECOND);
            let ring = Some(begin + self.span(20 * MS, 400 * MS));
            first_ring = first_ring.or(ring.map(|ring| ring + 6 * MS));
            self.play(&leg, &Fate { start: begin, ring, finale: Finale::Cancel { at: over } });
            begin = over + self.span(3 * MS, 60 * MS);
        }
        let extension = self.extension();
        let leg = self.way_to_phone(&at, &last, &from, extension, &named);
        let outcome = Outcome { first_ring, ..self.outcome() };
        self.chain_from(&[legs[0].clone(), leg], &[start, begin], &outcome);
    }

    /// The exchange answers with music, and an agent comes to it later.
    fn queue(&mut self, start: i64) {
        let (call, named) = self.begin("queue");
        let (at, from) = (self.exchange(), self.caller());
        let at = Exchange { border: None, ..at };
        let (last, legs) = self.in_leg(call, &at, &from, &format!("{}1", at.stem), &named);
        let begin = start + self.span(2 * SECOND, 40 * SECOND);
        let extension = self.extension();
        let agent = self.way_to_phone(&at, &last, &from, extension, &named);
        let answer = begin + self.span(SECOND, 9 * SECOND);
        let (end, by_caller) = (answer + self.talk(), self.dice.chance(0.5));
        let relayed = end + self.relay();
        let (of_caller, of_agent) = if by_caller { (end, relayed) } else { (relayed, end) };
        let heard = start + self.span(20 * MS, 300 * MS);
        let talk = |at, until| Finale::Talk { at, until, by_caller };
        self.play(&legs[0], &Fate { start, ring: None, finale: talk(heard, of_caller) });
        let ring = Some(begin + 50 * MS);
        self.play(&agent, &Fate { start: begin, ring, finale: talk(answer, of_agent) });
    }

    fn internal(&mut self, start: i64) {
        let (call, named) = self.begin("internal");
        let (at, a, b) = (self.exchange(), self.extension(), self.extension());
        let phone = sip(at.phone(a));
        let first = self.first(call, phone, sip(at.inside), &a.to_string(), &b.to_string(), &named);
        let second = self.onward(&first, sip(at.inside), sip(at.phone(b)), at.passes_sdp, &named);
        let outcome = self.outcome();
        self.chain(&[first, second], start, &outcome);
    }

    /// From one carrier to another.
    fn transit(&mut self, start: i64) {
        let (call, named) = self.begin("transit");
        let (from, to) = (self.caller(), self.called());
        let at = self.borders[self.dice.below(2) as usize].clone();
        let (a, b, form) = (self.carrier(), self.carrier(), Form::any(&mut self.dice));
        let first = self.first(call, a, sip(at.access), &form.write(&from), &form.write(&to), &named);
        let mut second = self.onward(&first, sip(at.core), b, at.passes_sdp, &named);
        (second.from, second.to) = (at.writes.write(&from), at.writes.write(&to));
        second.target.clone_from(&second.to);
        let outcome = self.outcome();
        self.chain(&[first, second], start, &outcome);
    }

    /// The exchange itself answers.
    fn voicemail(&mut self, start: i64) {
        let (call, named) = self.begin("voicemail");
        let (at, extension, from) = (self.exchange(), self.extension(), self.caller());
        let at = Exchange { border: None, ..at };
        let leg = if self.dice.chance(0.5) {
            self.first(call, sip(at.phone(extension)), sip(at.inside), &extension.to_string(), "*98", &named)
        } else {
            self.in_leg(call, &at, &from, &format!("{}{extension}", at.stem), &named).0
        };
        let talk = self.talk();
        let end = End3::Answer { after: self.span(20 * MS, 4 * SECOND), talk, by_caller: true };
        self.chain(&[leg], start, &Outcome { ring: None, end, first_ring: None });
    }

    /// The exchange itself calls: first the phone, and then, where somebody clicked on a number, that.
    fn exchange_calls(&mut self, start: i64) {
        let (call, named) = self.begin("exchange calls");
        let (at, extension, to) = (self.exchange(), self.extension(), self.called());
        let at = Exchange { border: None, ..at };
        let phone = sip(at.phone(extension));
        let main = at.main();
        let first = self.first(call, sip(at.inside), phone, &main, &extension.to_string(), &named);
        let outcome = self.outcome();
        let end = self.chain(&[first], start, &outcome);
        let End3::Answer { after, .. } = outcome.end else { return };
        if self.dice.chance(0.5) {
            let (call, named) = self.begin("exchange calls");
            let carrier = self.carrier();
            let (from, to) = (at.writes.write(&main), at.writes.write(&to));
            let second = self.first(call, sip(at.outside), carrier, &from, &to, &named);
            let begin = start + after + self.span(10 * MS, 90 * MS);
            let talk = end - begin - 2 * SECOND + self.span(0, 40 * MS);
            let end = End3::Answer { after: 2 * SECOND, talk: talk.max(SECOND), by_caller: true };
            self.chain(&[second], begin, &Outcome { ring: Some(SECOND), end, first_ring: None });
        }
    }

    /// A proxy keeps the Call-ID.
    fn proxied(&mut self, start: i64) {
        let (call, named) = self.begin("proxied");
        let (at, a, b) = (self.exchange(), self.extension(), self.extension());
        let proxy = sip([192, 0, 2, 80]);
        let first = self.first(call, sip(at.phone(a)), proxy, &a.to_string(), &b.to_string(), &named);
        let second = Leg { src: proxy, dst: sip(at.phone(b)), ..first.clone() };
        let outcome = self.outcome();
        let starts = [start, start + self.span(MS, 8 * MS)];
        self.chain_from(&[first, second], &starts, &outcome);
    }

    /// A call that came in is answered at a phone; the dialogs up to it, and that one.
    fn answered_inside(&mut self, call: usize, at: &Exchange, from: &str) -> (Leg, Leg, u32) {
        let extension = self.extension();
        let to = format!("{}{extension}", at.stem);
        let (last, _) = self.in_leg(call, at, from, &to, &Named::Not);
        let second = self.way_to_phone(at, &last, from, extension, &Named::Not);
        (last, second, extension)
    }

    /// The phone has its caller sent elsewhere.
    fn blind_transfer(&mut self, start: i64) {
        let call = self.call("blind transfer", true);
        let (at, from, next) = (self.exchange(), self.outsider(), self.extension());
        let at = Exchange { border: None, ..at };
        let (first, second, extension) = self.answered_inside(call, &at, &from);
        let begin = start + self.routing();
        let (answer, refer) = (begin + 3 * SECOND, begin + 3 * SECOND + self.span(5 * SECOND, 20 * SECOND));
        let mut third = self.way_to_phone(&at, &first, &from, next, &Named::Not);
        if self.dice.chance(0.5) {
            third.headers = format!("Referred-By: <sip:{extension}@voice.example>\r\n");
        }
        let [b, c, d, e] = at.inside;
        let refer_to = format!("sip:{next}@{b}.{c}.{d}.{e}");
        second.refer(refer, false, &refer_to, &extension.to_string(), &mut self.frames);
        let again = refer + self.span(10 * MS, 100 * MS);
        let end = again + 4 * SECOND + self.talk();
        let talk = |at, until, by_caller| Finale::Talk { at, until, by_caller };
        let by_caller = self.dice.chance(0.5);
        self.play(&second, &Fate { start: begin, ring: None, finale: talk(answer, again + 300 * MS, true) });
        self.play(
            &third,
            &Fate { start: again, ring: None, finale: talk(again + 4 * SECOND, end, by_caller) },
        );
        let relayed = end + self.relay() * if by_caller { -1 } else { 1 };
        self.play(&first, &Fate { start, ring: None, finale: talk(answer + 9 * MS, relayed, by_caller) });
    }

    /// The phone asks first, and then has the two connected: the exchange needs no new dialog for that.
    fn attended_transfer(&mut self, start: i64) {
        let call = self.call("attended transfer", true);
        let (at, from, next) = (self.exchange(), self.outsider(), self.extension());
        let at = Exchange { border: None, ..at };
        let (first, second, extension) = self.answered_inside(call, &at, &from);
        let begin = start + self.routing();
        let (phone, name) = (sip(at.phone(extension)), extension.to_string());
        let third = self.first(call, phone, sip(at.inside), &name, &next.to_string(), &Named::Not);
        let fourth = self.onward(&third, sip(at.inside), sip(at.phone(next)), at.passes_sdp, &Named::Not);
        let answer = begin + 3 * SECOND;
        let asks = answer + self.span(5 * SECOND, 20 * SECOND);
        let on = asks + self.routing();
        let (told, refer) = (on + 2 * SECOND, on + self.span(4 * SECOND, 12 * SECOND));
        let end = refer + self.talk();
        let replaces = format!("{}%3Bto-tag%3Dt{}%3Bfrom-tag%3Df{}", third.id, third.id, third.id);
        let [b, c, d, e] = at.inside;
        let refer_to = format!("sip:{next}@{b}.{c}.{d}.{e}?Replaces={replaces}");
        second.refer(refer, false, &refer_to, &name, &mut self.frames);
        let talk = |at, until, by_caller| Finale::Talk { at, until, by_caller };
        let (hop, back) = (self.relay(), self.relay());
        self.play(&first, &Fate { start, ring: None, finale: talk(answer + hop, end, true) });
        self.play(&second, &Fate { start: begin, ring: None, finale: talk(answer, refer + 200 * MS, true) });
        let over = talk(told + hop, refer + 210 * MS, false);
        self.play(&third, &Fate { start: asks, ring: Some(on + 90 * MS), finale: over });
        self.play(
            &fourth,
            &Fate { start: on, ring: Some(on + 60 * MS), finale: talk(told, end + back, true) },
        );
    }

    /// Two phones without an exchange, one of which calls a third at the other's wish.
    fn direct_transfer(&mut self, start: i64) {
        let call = self.call("direct transfer", true);
        let (at, a, b, c) = (self.exchange(), self.extension(), self.extension(), self.extension());
        let [pa, pb, pc] = [a, b, c].map(|n| sip(at.phone(n)));
        let first = self.first(call, pa, pb, &a.to_string(), &b.to_string(), &Named::Not);
        let mut second = self.first(call, pb, pc, &b.to_string(), &c.to_string(), &Named::Not);
        second.headers = format!("Referred-By: <sip:{a}@voice.example>\r\n");
        let answer = start + 2 * SECOND;
        let refer = answer + self.span(3 * SECOND, 9 * SECOND);
        let [w, x, y, z] = pc.0;
        first.refer(refer, true, &format!("sip:{c}@{w}.{x}.{y}.{z}"), &a.to_string(), &mut self.frames);
        let talk = |at, until, by_caller| Finale::Talk { at, until, by_caller };
        let again = refer + 30 * MS;
        let end = again + SECOND + self.talk();
        self.play(&first, &Fate { start, ring: None, finale: talk(answer, refer + 500 * MS, true) });
        self.play(&second, &Fate { start: again, ring: None, finale: talk(again + SECOND, end, true) });
    }

    /// The exchange sends a call for a phone on to a mobile, and says so.
    fn forwarded(&mut self, start: i64) {
        let call = self.call("forwarded", true);
        let (at, extension, from) = (self.exchange(), self.extension(), self.outsider());
        let at = Exchange { border: None, ..at };
        let diverter = format!("{}{extension}", at.stem);
        let (first, _) = self.in_leg(call, &at, &from, &diverter, &Named::Not);
        let to = self.outsider();
        let shown = if self.dice.chance(0.5) { from } else { at.main() };
        let mut legs = self.trunk(&at, &first, &shown, &to, &Named::Not);
        let written = Form::any(&mut self.dice).write(&diverter);
        legs[0].headers = format!("Diversion: <sip:{written}@voice.example>;reason=unconditional\r\n");
        legs.insert(0, first);
        let outcome = self.outcome();
        self.chain(&legs, start, &outcome);
    }
}
