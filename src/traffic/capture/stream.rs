//! One direction of a TCP connection: segments in any order -> runs of bytes. Knows neither packets' headers nor
//! what the bytes mean.

use super::MAX_AHEAD;
use super::piece::{Begins, Mark, Origin, Piece};
use super::remark::{Anomaly, Place, Remarks};
use std::collections::BTreeMap;

/// Where the first sequence number seen is put in the stream's positions: earlier ones, which may come later,
/// have a place before it.
const ANCHOR: u64 = 1 << 40;
/// Bytes of a connection without a SYN that wait for earlier ones before its beginning is settled: far more than a
/// network puts out of order.
const MAX_BEFORE_START: usize = 256 << 10;
/// What one segment takes in memory beside its bytes.
const SEGMENT_COST: usize = 96;

/// The payload of one packet.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a> {
    /// Sequence number of its first byte.
    pub seq: u32,
    pub bytes: &'a [u8],
    /// Bytes behind them that were sent and not captured.
    pub missing: u64,
    pub packet: u64,
    pub at_us: Option<u64>,
}

struct Ahead {
    bytes: Vec<u8>,
    packet: u64,
    at_us: Option<u64>,
}

struct Run {
    /// Position of its first byte.
    position: u64,
    begins: Begins,
    bytes: Vec<u8>,
    marks: Vec<Mark>,
}

/// How a SYN's sequence number stands to what is known of a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SynFit {
    /// It is the stream's own.
    Same,
    /// It can be the stream's own: only data shortly behind it, or none, were seen.
    Fits,
    /// It is another connection's.
    Other,
}

/// The bytes that one side sent. Positions are sequence numbers that do not wrap.
#[derive(Default)]
pub(super) struct Stream {
    /// The sequence number of its SYN.
    syn: Option<u32>,
    /// A sequence number and its position; moves along, so that the 32 bits are never ambiguous.
    anchor: Option<(u32, u64)>,
    /// The position of the stream's first byte; unknown while neither a SYN came nor too much waits.
    start: Option<u64>,
    /// One past the last byte of the last run; counts only where `start` is known.
    next: u64,
    /// One past the highest byte that is known to have been sent.
    highest: u64,
    /// The position and the packet of the FIN.
    end: Option<(u64, u64)>,
    runs: Vec<Run>,
    /// What came ahead of bytes that are missing; its parts do not overlap.
    ahead: BTreeMap<u64, Ahead>,
    /// What `ahead` takes in memory.
    ahead_cost: usize,
    /// What the runs take in memory.
    runs_cost: usize,
}

impl Stream {
    pub fn fit(&self, syn: u32) -> SynFit {
        match (self.syn, self.anchor, self.ahead.first_key_value()) {
            (Some(known), ..) if known == syn => SynFit::Same,
            (None, None, _) => SynFit::Fits,
            (None, Some(_), Some((lowest, _))) if self.start.is_none() => {
                let distance = lowest.checked_sub(self.position(syn.wrapping_add(1)));
                if distance.is_some_and(|d| d <= MAX_AHEAD as u64) { SynFit::Fits } else { SynFit::Other }
            }
            _ => SynFit::Other,
        }
    }

    /// Takes a SYN that [`Stream::fit`]s.
    pub fn take_syn(&mut self, syn: u32, remarks: &mut Remarks) {
        self.syn = Some(syn);
        let start = self.position_or_anchor(syn.wrapping_add(1));
        (self.start, self.next) = (Some(start), start);
        self.highest = self.highest.max(start);
        self.drain(remarks);
    }

    pub fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.ahead.is_empty()
    }

    /// Takes a FIN whose sequence number is `seq`.
    pub fn take_fin(&mut self, seq: u32, packet: u64) {
        let end = self.position_or_anchor(seq);
        if self.end.is_none() && end >= self.highest {
            self.end = Some((end, packet));
        }
    }

    fn position(&self, seq: u32) -> u64 {
        let (anchor, position) = self.anchor.unwrap_or((seq, ANCHOR));
        position.saturating_add_signed(i64::from(seq.wrapping_sub(anchor).cast_signed()))
    }

    fn position_or_anchor(&mut self, seq: u32) -> u64 {
        let position = self.position(seq);
        self.anchor.get_or_insert((seq, position));
        position
    }

    /// Bytes of memory that it takes.
    pub fn held(&self) -> usize {
        self.runs_cost + self.ahead_cost
    }

    pub fn take(&mut self, payload: &Payload<'_>, remarks: &mut Remarks) {
        if payload.bytes.is_empty() && payload.missing == 0 {
            return;
        }
        let place = Place::Packet(payload.packet);
        let mut position = self.position_or_anchor(payload.seq);
        let mut bytes = payload.bytes;
        if payload.missing > 0 {
            remarks.add(place, Anomaly::Truncated(payload.missing));
        }
        if let Some((end, _)) = self.end {
            let fitting = bytes.len().min(end.saturating_sub(position) as usize);
            if fitting < bytes.len() {
                remarks.add(place, Anomaly::OutOfStream((bytes.len() - fitting) as u64));
                bytes = &bytes[..fitting];
            }
        }
        if self.start.is_some() && position < self.next {
            let old = bytes.len().min((self.next - position) as usize);
            // A keep-alive probe repeats the last byte, or any byte in its place: no data.
            if !(old == 1 && bytes.len() == 1 && position + 1 == self.next) {
                self.compare(position, &bytes[..old], place, remarks);
            }
            position += old as u64;
            bytes = &bytes[old..];
        }
        if !bytes.is_empty() {
            if position < self.highest && !self.holds(position) {
                remarks.add(place, Anomaly::OutOfOrder);
            }
            self.insert(position, bytes, payload, remarks);
        }
        self.highest = self.highest.max(position + bytes.len() as u64 + payload.missing);
        if self.start.is_none() && self.ahead_cost > MAX_BEFORE_START {
            self.give_up(remarks);
        }
        if self.ahead_cost > MAX_AHEAD {
            remarks.add(place, Anomaly::TooFarAhead);
            self.give_up(remarks);
        }
    }

    /// Bytes sent again, before `next`, beside those that were taken.
    fn compare(&self, position: u64, bytes: &[u8], place: Place, remarks: &mut Remarks) {
        let end = position + bytes.len() as u64;
        let first = self.runs.partition_point(|run| run.position + run.bytes.len() as u64 <= position);
        let (mut known, mut differing) = (0, 0);
        for run in self.runs[first..].iter().take_while(|run| run.position < end) {
            let (from, to) = (run.position.max(position), (run.position + run.bytes.len() as u64).min(end));
            let of = |start: u64| (from - start) as usize..(to - start) as usize;
            let (ours, theirs) = (&run.bytes[of(run.position)], &bytes[of(position)]);
            known += to - from;
            differing += ours.iter().zip(theirs).filter(|(a, b)| a != b).count() as u64;
        }
        let unknown = bytes.len() as u64 - known;
        for (count, anomaly) in [
            (known, Anomaly::Retransmission(known)),
            (differing, Anomaly::Differs(differing)),
            (unknown, Anomaly::OutOfStream(unknown)),
        ] {
            if count > 0 {
                remarks.add(place, anomaly);
            }
        }
    }

    /// Whether the byte at this position, not before `next`, is there.
    fn holds(&self, position: u64) -> bool {
        let before = self.ahead.range(..=position).next_back();
        before.is_some_and(|(start, ahead)| start + ahead.bytes.len() as u64 > position)
    }

    /// Takes bytes that are not before `next`, save those that are there.
    fn insert(&mut self, position: u64, bytes: &[u8], payload: &Payload<'_>, remarks: &mut Remarks) {
        let Payload { packet, at_us, .. } = *payload;
        if self.start.is_some() && position == self.next && self.ahead.is_empty() {
            self.append(bytes, packet, at_us);
            return;
        }
        let end = position + bytes.len() as u64;
        let (mut at, mut again, mut differing) = (position, 0, 0);
        while at < end {
            let of = |to: u64| &bytes[(at - position) as usize..(to - position) as usize];
            let covering = self.ahead.range(..=at).next_back();
            let covering = covering.filter(|(start, held)| *start + held.bytes.len() as u64 > at);
            let to = if let Some((start, held)) = covering {
                let to = end.min(start + held.bytes.len() as u64);
                let ours = &held.bytes[(at - start) as usize..(to - start) as usize];
                again += to - at;
                differing += ours.iter().zip(of(to)).filter(|(a, b)| a != b).count() as u64;
                to
            } else {
                let to = self.ahead.range(at..).next().map_or(end, |(start, _)| end.min(*start));
                self.ahead.insert(at, Ahead { bytes: of(to).to_vec(), packet, at_us });
                self.ahead_cost += (to - at) as usize + SEGMENT_COST;
                to
            };
            at = to;
        }
        for (count, anomaly) in
            [(again, Anomaly::Retransmission(again)), (differing, Anomaly::Differs(differing))]
        {
            if count > 0 {
                remarks.add(Place::Packet(packet), anomaly);
            }
        }
        self.drain(remarks);
    }

    fn append(&mut self, bytes: &[u8], packet: u64, at_us: Option<u64>) {
        if self.runs.is_empty() {
            let begins = if self.syn.is_some() { Begins::AtStart } else { Begins::MidStream };
            self.open(begins);
        }
        // Every stream has a run by now.
        let Some(run) = self.runs.last_mut() else { return };
        run.marks.push(Mark { offset: run.bytes.len(), packet, at_us });
        run.bytes.extend_from_slice(bytes);
        self.next += bytes.len() as u64;
        self.runs_cost += bytes.len() + size_of::<Mark>();
        if let Some((seq, position)) = self.anchor {
            let seq = seq.wrapping_add(self.next.wrapping_sub(position) as u32);
            self.anchor = Some((seq, self.next));
        }
    }

    fn open(&mut self, begins: Begins) {
        self.runs.push(Run { position: self.next, begins, bytes: Vec::new(), marks: Vec::new() });
        self.runs_cost += SEGMENT_COST;
    }

    /// Appends what waits and is due.
    fn drain(&mut self, remarks: &mut Remarks) {
        if self.start.is_none() {
            return;
        }
        while let Some(first) = self.ahead.first_entry().filter(|first| *first.key() <= self.next) {
            let (position, ahead) = first.remove_entry();
            self.ahead_cost = self.ahead_cost.saturating_sub(ahead.bytes.len() + SEGMENT_COST);
            let old = ((self.next - position) as usize).min(ahead.bytes.len());
            if old > 0 {
                remarks.add(Place::Packet(ahead.packet), Anomaly::OutOfStream(old as u64));
            }
            if old < ahead.bytes.len() {
                self.append(&ahead.bytes[old..], ahead.packet, ahead.at_us);
            }
        }
    }

    /// Takes what waits as it is: what is missing before it does not come any more.
    fn give_up(&mut self, remarks: &mut Remarks) {
        let Some((position, ahead)) = self.ahead.first_key_value() else { return };
        let (position, place) = (*position, Place::Packet(ahead.packet));
        if self.start.is_some() {
            let missing = position - self.next;
            remarks.add(place, Anomaly::Gap(missing));
            self.next = position;
            self.open(Begins::AfterGap(missing));
        } else {
            remarks.add(place, Anomaly::MidStream);
            (self.start, self.next) = (Some(position), position);
        }
        self.drain(remarks);
    }

    /// The pieces, in order. Nothing more comes.
    pub fn finish(mut self, origin: Origin, remarks: &mut Remarks) -> Vec<Piece> {
        while !self.ahead.is_empty() {
            self.give_up(remarks);
        }
        let start = self.start.unwrap_or_default();
        if let Some((end, packet)) = self.end.filter(|(end, _)| self.start.is_some() && *end > self.next) {
            remarks.add(Place::Packet(packet), Anomaly::Gap(end - self.next));
        }
        let runs = self.runs.into_iter().filter(|run| !run.bytes.is_empty());
        runs.map(|Run { position, begins, bytes, marks }| Piece {
            begins,
            offset: position.saturating_sub(start),
            marks,
            ..Piece::new(origin, bytes)
        })
        .collect()
    }
}
