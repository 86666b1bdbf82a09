//! Packets held back: media that came before its SDP, and flows not yet known to be media.
//!
//! Each held stream is a chain of chunks in one bounded pool.

use super::arrival::RtpArrival;

const CHUNK: usize = 4;

/// Why and how long packets are held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    /// The stream they belong to.
    pub stream: u32,
    /// Tells this hold from others that stood in its place.
    pub serial: u64,
    pub first_time: i64,
    pub last_time: i64,
    pub packets: u32,
    head: u32,
    tail: u32,
    /// Steps of the sequence number, repeats aside, and those of 1 to 10.
    steps: u32,
    small_steps: u32,
    last_sequence: u16,
}

#[derive(Debug)]
struct Chunk {
    arrivals: [RtpArrival; CHUNK],
    len: u32,
    next: u32,
}

/// No chunk, no hold.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Holds {
    holds: Vec<Hold>,
    free_holds: Vec<u32>,
    chunks: Vec<Chunk>,
    free_chunks: Vec<u32>,
    max_chunks: usize,
    next_serial: u64,
}

/// Steps of 1…`SMALL_STEP` speak for RTP.
const SMALL_STEP: u16 = 10;
/// A flow without SDP is media from this many packets on …
const MIN_PACKETS: u32 = 10;
/// … if this share of its steps is small.
const MIN_SMALL_STEPS: f64 = 0.6;

impl Hold {
    /// Whether the sequence numbers alone say that this is RTP.
    pub fn behaves_like_rtp(&self) -> bool {
        self.packets >= MIN_PACKETS
            && self.steps > 0
            && f64::from(self.small_steps) >= MIN_SMALL_STEPS * f64::from(self.steps)
    }
}

impl Holds {
    pub fn new(max_bytes: usize) -> Self {
        Self {
            holds: Vec::new(),
            free_holds: Vec::new(),
            chunks: Vec::new(),
            free_chunks: Vec::new(),
            max_chunks: (max_bytes / size_of::<Chunk>()).max(1),
            next_serial: 0,
        }
    }

    /// Whether a further packet may need memory that is not there.
    pub fn is_full(&self) -> bool {
        self.free_chunks.is_empty() && self.chunks.len() >= self.max_chunks
    }

    /// Begins to hold a stream, with its first packet.
    pub fn start(&mut self, stream: u32, p: &RtpArrival) -> u32 {
        self.next_serial += 1;
        let chunk = self.new_chunk(p);
        let hold = Hold {
            stream,
            serial: self.next_serial,
            first_time: p.time,
            last_time: p.time,
            packets: 1,
            head: chunk,
            tail: chunk,
            steps: 0,
            small_steps: 0,
            last_sequence: p.sequence,
        };
        match self.free_holds.pop() {
            Some(id) => {
                if let Some(place) = self.holds.get_mut(id as usize) {
                    *place = hold;
                }
                id
            }
            None => {
                self.holds.push(hold);
                (self.holds.len() - 1) as u32
            }
        }
    }

    fn new_chunk(&mut self, p: &RtpArrival) -> u32 {
        if let Some(id) = self.free_chunks.pop()
            && let Some(chunk) = self.chunks.get_mut(id as usize)
        {
            chunk.arrivals = [*p; CHUNK];
            (chunk.len, chunk.next) = (1, NONE);
            return id;
        }
        self.chunks.push(Chunk { arrivals: [*p; CHUNK], len: 1, next: NONE });
        (self.chunks.len() - 1) as u32
    }

    /// Adds a packet.
    pub fn push(&mut self, id: u32, p: &RtpArrival) -> Option<&Hold> {
        let tail = self.holds.get(id as usize)?.tail;
        let full = self.chunks.get(tail as usize)?.len as usize == CHUNK;
        if full {
            let new = self.new_chunk(p);
            self.chunks.get_mut(tail as usize)?.next = new;
            self.holds.get_mut(id as usize)?.tail = new;
        } else {
            let chunk = self.chunks.get_mut(tail as usize)?;
            *chunk.arrivals.get_mut(chunk.len as usize)? = *p;
            chunk.len += 1;
        }
        let hold = self.holds.get_mut(id as usize)?;
        hold.packets += 1;
        hold.last_time = hold.last_time.max(p.time);
        let step = p.sequence.wrapping_sub(hold.last_sequence);
        if step != 0 {
            hold.steps += 1;
            hold.small_steps += u32::from(step <= SMALL_STEP);
        }
        hold.last_sequence = p.sequence;
        Some(hold)
    }

    pub fn get(&self, id: u32) -> Option<&Hold> {
        self.holds.get(id as usize)
    }

    /// The held packets in their order.
    pub fn packets(&self, id: u32) -> impl Iterator<Item = &RtpArrival> + Clone {
        let mut at = self.holds.get(id as usize).map_or(NONE, |h| h.head);
        std::iter::from_fn(move || {
            let chunk = self.chunks.get(at as usize)?;
            at = chunk.next;
            chunk.arrivals.get(..chunk.len as usize)
        })
        .flatten()
    }

    /// Lets go of a hold and its packets.
    pub fn end(&mut self, id: u32) {
        let Some(hold) = self.holds.get_mut(id as usize) else { return };
        let mut at = hold.head;
        hold.serial = 0;
        hold.head = NONE;
        self.free_holds.push(id);
        while let Some(chunk) = self.chunks.get(at as usize) {
            self.free_chunks.push(at);
            at = chunk.next;
        }
    }

    /// Holds in force.
    pub fn len(&self) -> usize {
        self.holds.len() - self.free_holds.len()
    }
}
