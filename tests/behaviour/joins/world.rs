//! Who there is: exchanges, border controllers, carriers, phones and their numbers; and how they write them.

use std::collections::HashMap;

use super::wire::{Fate, Leg};
use crate::traffic::{Dice, End, MS, Recorded, SECOND, START};

/// How a place differs from others, as ratios 0…1 where nothing else is said.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// Back-to-back user agents with one address for each side.
    pub two_addresses: f64,
    /// Those that hand on the SDP as it is.
    pub passes_sdp: f64,
    /// Calls that carry `Session-ID` or `X-Call-ID` across.
    pub named: f64,
    /// Outgoing calls that show the main number.
    pub main_number: f64,
    pub anonymous: f64,
    /// Calls to a popular number.
    pub popular: f64,
    /// Second legs that begin only after 0.5 to 3 s.
    pub slow_route: f64,
    /// Calls that come in, of all with a phone at one end.
    pub incoming: f64,
    /// Calls that only pass through.
    pub transit: f64,
    /// Calls in one number's queue at the exchange, of those that come in.
    pub queued: f64,
    /// Starts are within so long, s.
    pub within: i64,
    /// Exchanges.
    pub exchanges: u8,
}

/// A private branch exchange: a back-to-back user agent with phones.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub n: u8,
    pub inside: [u8; 4],
    pub outside: [u8; 4],
    pub passes_sdp: bool,
    /// Whether its trunk ends at a border controller, and at which.
    pub border: Option<usize>,
    /// How it writes numbers to the trunk.
    pub writes: Form,
    /// Digit for an outside line.
    pub line: &'static str,
    /// National number up to the extension.
    pub stem: String,
}

impl Exchange {
    pub fn main(&self) -> String {
        format!("{}0", self.stem)
    }

    pub fn phone(&self, extension: u32) -> [u8; 4] {
        [10, 50 + self.n, 0, (extension % 250) as u8]
    }
}

/// A border controller: a back-to-back user agent without phones.
#[derive(Clone, Debug)]
pub struct Border {
    pub core: [u8; 4],
    pub access: [u8; 4],
    pub passes_sdp: bool,
    pub writes: Form,
}

/// How a national number (without its 0) is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Plus,
    Zeros,
    National,
    Bare,
}

impl Form {
    pub fn write(self, number: &str) -> String {
        // Short codes are the same everywhere.
        if number.len() < 6 || number == "anonymous" {
            return number.to_owned();
        }
        match self {
            Self::Plus => format!("+49{number}"),
            Self::Zeros => format!("0049{number}"),
            Self::National => format!("0{number}"),
            Self::Bare => format!("49{number}"),
        }
    }

    pub fn any(dice: &mut Dice) -> Self {
        [Self::Plus, Self::Zeros, Self::National, Self::Bare][dice.below(4) as usize]
    }
}

/// All of it, and what was said so far.
pub struct World {
    pub habits: Habits,
    pub dice: Dice,
    pub frames: Vec<Recorded>,
    /// Call-ID to the call it belongs to in truth.
    pub truth: HashMap<String, usize>,
    /// What calls are told by.
    pub kinds: Vec<(&'static str, bool)>,
    pub exchanges: Vec<Exchange>,
    pub borders: Vec<Border>,
    pub carriers: Vec<End>,
    ids: u64,
}

impl World {
    pub fn new(habits: Habits, seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let borders: Vec<Border> = (0..2)
            .map(|n| {
                let core = [192, 0, 2, 10 + n];
                let access = if dice.chance(habits.two_addresses) { [203, 0, 113, 10 + n] } else { core };
                let passes_sdp = dice.chance(habits.passes_sdp);
                Border { core, access, passes_sdp, writes: Form::any(&mut dice) }
            })
            .collect();
        let exchanges = (0..habits.exchanges)
            .map(|n| {
                let inside = [192, 0, 2, 30 + n];
                Exchange {
                    n,
                    inside,
                    outside: if dice.chance(habits.two_addresses) { [198, 51, 100, 30 + n] } else { inside },
                    passes_sdp: dice.chance(habits.passes_sdp),
                    border: dice.chance(0.5).then(|| dice.below(2) as usize),
                    writes: Form::any(&mut dice),
                    line: ["0", "9", ""][dice.below(3) as usize],
                    stem: format!("40555{n}"),
                }
            })
            .collect();
        let carriers = (0..4).map(|n| ([203, 0, 113, 100 + n], 5060)).collect();
        Self {
            habits,
            dice,
            frames: Vec::new(),
            truth: HashMap::new(),
            kinds: Vec::new(),
            exchanges,
            borders,
            carriers,
            ids: 0,
        }
    }

    /// A new call of this kind. `named`: something in its messages says what belongs together.
    pub fn call(&mut self, kind: &'static str, named: bool) -> usize {
        self.kinds.push((kind, named));
        self.kinds.len() - 1
    }

    pub fn id(&mut self, call: usize) -> String {
        self.ids += 1;
        let id = format!("{:x}-{}", self.dice.roll() >> 16, self.ids);
        self.truth.insert(id.clone(), call);
        id
    }

    pub fn play(&mut self, leg: &Leg, fate: &Fate) {
        leg.play(fate, &mut self.frames);
    }

    /// When the next call begins: as if thrown onto the time.
    pub fn moment(&mut self) -> i64 {
        START + self.span(0, self.habits.within * SECOND)
    }

    /// Anything from `low` to `high`.
    pub fn span(&mut self, low: i64, high: i64) -> i64 {
        low + (self.dice.below((high - low).max(1).cast_unsigned())).cast_signed()
    }

    /// What a hop takes to hand on what it hears.
    pub fn relay(&mut self) -> i64 {
        if self.dice.chance(0.04) { self.span(40 * MS, 250 * MS) } else { self.span(MS / 2, 25 * MS) }
    }

    /// What a back-to-back user agent takes to find its way.
    pub fn routing(&mut self) -> i64 {
        if self.dice.chance(self.habits.slow_route) {
            self.span(500 * MS, 3 * SECOND)
        } else {
            self.span(5 * MS, 120 * MS)
        }
    }

    /// How long people talk.
    pub fn talk(&mut self) -> i64 {
        let u = (self.dice.below(10_000) as f64 + 1.0) / 10_001.0;
        ((-u.ln() * 90.0).clamp(2.0, 300.0) * 1e9) as i64 + self.span(0, SECOND)
    }

    /// Somebody outside: three thousand numbers, ten neighbours to each.
    pub fn outsider(&mut self) -> String {
        let area = ["30", "89", "221", "171"][self.dice.below(4) as usize];
        format!("{area}77{:03}{}", self.dice.below(75), self.dice.below(10))
    }

    pub fn called(&mut self) -> String {
        if self.dice.chance(self.habits.popular) {
            ["112", "116117", "3088800", "18005550"][self.dice.below(4) as usize].to_owned()
        } else {
            self.outsider()
        }
    }

    pub fn extension(&mut self) -> u32 {
        100 + self.dice.below(80) as u32
    }

    pub fn carrier(&mut self) -> End {
        self.carriers[self.dice.below(4) as usize]
    }

    pub fn media(&mut self, host: [u8; 4]) -> End {
        (host, 10_000 + 2 * self.dice.below(20_000) as u16)
    }

    pub fn origin(&mut self, host: [u8; 4]) -> String {
        let [a, b, c, d] = host;
        // Many a device gives every session the same number.
        let session = if self.dice.chance(0.3) { 1 } else { self.dice.below(1 << 32) };
        format!("- {session} 1 IN IP4 {a}.{b}.{c}.{d}")
    }
}
