//! One INVITE dialog as messages on the wire.

use crate::traffic::{End, MS, Recorded, udp};

/// One dialog: who asks whom for whom, and what it offers.
#[derive(Clone, Debug, Default)]
pub struct Leg {
    pub id: String,
    pub src: End,
    pub dst: End,
    pub from: String,
    pub to: String,
    /// User of the request URI.
    pub target: String,
    pub media: End,
    pub answer_media: End,
    /// Words of `o=` without the version's.
    pub origin: String,
    /// Header lines of the INVITE.
    pub headers: String,
    /// It is asked for a password first.
    pub challenged: bool,
}

/// What becomes of it, in ns since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub struct Fate {
    pub start: i64,
    pub ring: Option<i64>,
    pub finale: Finale,
}

#[derive(Clone, Copy, Debug)]
pub enum Finale {
    Talk { at: i64, until: i64, by_caller: bool },
    Refuse { at: i64, code: u16 },
    Cancel { at: i64 },
}

impl Leg {
    fn address(user: &str) -> String {
        match user {
            "anonymous" => "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned(),
            _ => format!("<sip:{user}@voice.example>"),
        }
    }

    /// One message. `caller`: the caller sends the request that it is, or answers.
    fn message(&self, start: &str, cseq: &str, with_to_tag: bool, more: &str, body: &str) -> Vec<u8> {
        let id = &self.id;
        let tag = if with_to_tag { format!(";tag=t{id}") } else { String::new() };
        let branch = cseq.replace(' ', "");
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{id}{branch}\r\nFrom: {};tag=f{id}\r\nTo: {}{tag}\r\n\
             Call-ID: {id}\r\nCSeq: {cseq}\r\n{more}{kind}Content-Length: {}\r\n\r\n{body}",
            Self::address(&self.from),
            Self::address(&self.to),
            body.len()
        )
        .into_bytes()
    }

    /// A request of the callee within the dialog.
    fn callee_request(&self, method: &str, cseq: u32, more: &str) -> Vec<u8> {
        let id = &self.id;
        format!(
            "{method} sip:x@voice.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKc{id}{cseq}\r\n\
             From: {};tag=t{id}\r\nTo: {};tag=f{id}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\n{more}\
             Content-Length: 0\r\n\r\n",
            Self::address(&self.to),
            Self::address(&self.from),
        )
        .into_bytes()
    }

    fn sdp(media: End, origin: &str) -> String {
        let [a, b, c, d] = media.0;
        format!(
            "v=0\r\no={origin}\r\ns=-\r\nc=IN IP4 {a}.{b}.{c}.{d}\r\nt=0 0\r\nm=audio {} RTP/AVP 8\r\n",
            media.1
        )
    }

    /// Everything that is said in this dialog.
    pub fn play(&self, fate: &Fate, out: &mut Vec<Recorded>) {
        let forth = |time: i64, bytes: &[u8]| udp(time, self.src, self.dst, bytes);
        let back = |time: i64, bytes: &[u8]| udp(time, self.dst, self.src, bytes);
        let uri = format!("sip:{}@voice.example", self.target);
        let offer = Self::sdp(self.media, &self.origin);
        let invite =
            |cseq: &str| self.message(&format!("INVITE {uri} SIP/2.0"), cseq, false, &self.headers, &offer);
        let mut cseq = 1;
        out.push(forth(fate.start, &invite("1 INVITE")));
        if self.challenged {
            let (asked, again) = (fate.start + 10 * MS, fate.start + 20 * MS);
            out.push(back(asked, &self.message("SIP/2.0 407 Auth", "1 INVITE", true, "", "")));
            out.push(forth(asked + MS, &self.message(&format!("ACK {uri} SIP/2.0"), "1 ACK", true, "", "")));
            cseq = 2;
            out.push(forth(again, &invite("2 INVITE")));
        }
        let of_invite = format!("{cseq} INVITE");
        let sent = fate.start + if self.challenged { 20 * MS } else { 0 };
        out.push(back(sent + 2 * MS, &self.message("SIP/2.0 100 Trying", &of_invite, false, "", "")));
        if let Some(at) = fate.ring {
            out.push(back(at, &self.message("SIP/2.0 180 Ringing", &of_invite, true, "", "")));
        }
        let ack = self.message(&format!("ACK {uri} SIP/2.0"), &format!("{cseq} ACK"), true, "", "");
        match fate.finale {
            Finale::Talk { at, until, by_caller } => {
                let [a, b, c, d] = self.answer_media.0;
                let answer = Self::sdp(
                    self.answer_media,
                    &format!("- {} 1 IN IP4 {a}.{b}.{c}.{d}", self.answer_media.1),
                );
                out.push(back(at, &self.message("SIP/2.0 200 OK", &of_invite, true, "", &answer)));
                out.push(forth(at + 2 * MS, &ack));
                let ok = self.message("SIP/2.0 200 OK", "9 BYE", true, "", "");
                if by_caller {
                    let bye = self.message(&format!("BYE {uri} SIP/2.0"), "9 BYE", true, "", "");
                    out.extend([forth(until, &bye), back(until + 3 * MS, &ok)]);
                } else {
                    out.push(back(until, &self.callee_request("BYE", 9, "")));
                }
            }
            Finale::Refuse { at, code } => {
                out.push(back(at, &self.message(&format!("SIP/2.0 {code} No"), &of_invite, true, "", "")));
                out.push(forth(at + 2 * MS, &ack));
            }
            Finale::Cancel { at } => {
                let cancel =
                    self.message(&format!("CANCEL {uri} SIP/2.0"), &format!("{cseq} CANCEL"), false, "", "");
                out.push(forth(at, &cancel));
                out.push(back(at + 3 * MS, &self.message("SIP/2.0 487 Gone", &of_invite, true, "", "")));
                out.push(forth(at + 5 * MS, &ack));
            }
        }
    }

    /// The callee, or else the caller, sends a REFER, and it is taken.
    pub fn refer(
        &self,
        at: i64,
        by_caller: bool,
        refer_to: &str,
        referred_by: &str,
        out: &mut Vec<Recorded>,
    ) {
        let more = format!(
            "Refer-To: <{refer_to}>\r\nReferred-By: <sip:{referred_by}@voice.example>\r\nContact: <sip:x@h>\r\n"
        );
        if by_caller {
            let request = self.message("REFER sip:x@voice.example SIP/2.0", "5 REFER", true, &more, "");
            out.push(udp(at, self.src, self.dst, &request));
            let taken = self.message("SIP/2.0 202 Accepted", "5 REFER", true, "", "");
            out.push(udp(at + 3 * MS, self.dst, self.src, &taken));
            return;
        }
        out.push(udp(at, self.dst, self.src, &self.callee_request("REFER", 5, &more)));
        let id = &self.id;
        let taken = format!(
            "SIP/2.0 202 Accepted\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKc{id}5\r\nFrom: {};tag=t{id}\r\n\
             To: {};tag=f{id}\r\nCall-ID: {id}\r\nCSeq: 5 REFER\r\nContent-Length: 0\r\n\r\n",
            Self::address(&self.to),
            Self::address(&self.from)
        );
        out.push(udp(at + 3 * MS, self.src, self.dst, taken.as_bytes()));
    }
}
