//! The TCP connections of a capture: which packet belongs to which, where one ends and the next begins.

use super::packet::Segment;
use super::piece::{Direction, Flow, Origin, Piece};
use super::remark::{Anomaly, Place, Remarks};
use super::stream::{Payload, Stream, SynFit};
use super::{MAX_BYTES, MAX_FLOWS};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;

/// What one connection takes in memory beside its bytes.
const CONNECTION_COST: usize = 512;

struct Connection {
    number: u32,
    /// Who sent its first packet, and the other.
    sides: [SocketAddr; 2],
    /// What each of the two sent.
    streams: [Stream; 2],
    /// Which side opened it, where a SYN was seen.
    opener: Option<usize>,
    reset: bool,
}

impl Connection {
    fn is_closed(&self) -> bool {
        self.reset || self.streams.iter().all(Stream::has_ended)
    }

    fn finish(self, remarks: &mut Remarks) -> Vec<Piece> {
        let ports = self.sides.map(|side| side.port());
        // Well-known and registered ports are below those that the system gives to clients.
        let client = self.opener.unwrap_or(usize::from(ports[0] < ports[1]));
        let (client, server) = (self.sides[client], self.sides[1 - client]);
        let flow = Flow { number: self.number, client, server, guessed: self.opener.is_none() };
        let mut pieces: Vec<Piece> = Vec::new();
        for (stream, side) in self.streams.into_iter().zip(self.sides) {
            let direction = if side == client { Direction::ToServer } else { Direction::ToClient };
            let of_stream = stream.finish(Origin::Flow(flow, direction), remarks);
            let front = if direction == Direction::ToServer { 0 } else { pieces.len() };
            pieces.splice(front..front, of_stream);
        }
        pieces
    }
}

/// All connections.
#[derive(Default)]
pub(super) struct Flows {
    /// The youngest connection between two ports (the lower address first) -> its place in `connections`.
    youngest: HashMap<[SocketAddr; 2], usize>,
    connections: Vec<Connection>,
    closed: usize,
    /// Of connections that had to make room.
    done: Vec<Piece>,
    count: u32,
    held: usize,
}

impl Flows {
    /// Takes one segment; `false` once no more memory may be taken.
    pub fn take(
        &mut self,
        segment: &Segment<'_>,
        packet: u64,
        at_us: Option<u64>,
        remarks: &mut Remarks,
    ) -> bool {
        let place = Place::Packet(packet);
        let Some(index) = self.connection(segment, place, remarks) else { return true };
        let connection = &mut self.connections[index];
        let was_closed = connection.is_closed();
        let side = usize::from(connection.sides[0] != segment.source);
        let stream = &mut connection.streams[side];
        let mut seq = segment.seq;
        if segment.syn {
            if stream.fit(seq) == SynFit::Fits {
                stream.take_syn(seq, remarks);
            }
            connection.opener.get_or_insert(if segment.ack { 1 - side } else { side });
            seq = seq.wrapping_add(1);
        }
        if segment.rst {
            // What a reset carries is a diagnosis, no data.
            if !connection.reset {
                remarks.add(place, Anomaly::Reset);
            }
            connection.reset = true;
        } else {
            let Segment { payload: bytes, missing, .. } = *segment;
            let before = stream.held();
            stream.take(&Payload { seq, bytes, missing, packet, at_us }, remarks);
            self.held = (self.held + stream.held()).saturating_sub(before);
            if segment.fin {
                let sent = (bytes.len() as u64 + missing) as u32;
                stream.take_fin(seq.wrapping_add(sent), packet);
            }
        }
        self.closed += usize::from(connection.is_closed() && !was_closed);
        if self.held > MAX_BYTES {
            remarks.add(place, Anomaly::TooMuch);
        }
        self.held <= MAX_BYTES
    }

    /// The connection that a segment belongs to: the youngest between its ports, or a new one.
    fn connection(&mut self, segment: &Segment<'_>, place: Place, remarks: &mut Remarks) -> Option<usize> {
        let (source, target) = (segment.source, segment.target);
        let key = if source <= target { [source, target] } else { [target, source] };
        if let Some(index) = self.youngest.get(&key) {
            let connection = &self.connections[*index];
            let side = usize::from(connection.sides[0] != source);
            let fits = match connection.streams[side].fit(segment.seq) {
                SynFit::Same => true,
                // A connection that has ended is not opened again.
                SynFit::Fits => segment.ack || !connection.is_closed(),
                SynFit::Other => false,
            };
            if !segment.syn || fits {
                return Some(*index);
            }
            remarks.add(place, Anomaly::PortReused);
        } else if segment.rst || (segment.payload.is_empty() && segment.missing == 0 && !segment.syn) {
            // The tail of a connection that ended before the capture began: nothing to follow.
            return None;
        }
        if self.connections.len() >= MAX_FLOWS && !self.make_room(remarks) {
            remarks.add(place, Anomaly::TooManyFlows);
            return None;
        }
        let index = self.connections.len();
        self.connections.push(Connection {
            number: self.count,
            sides: [source, target],
            streams: [Stream::default(), Stream::default()],
            opener: None,
            reset: false,
        });
        self.count = self.count.saturating_add(1);
        self.held += CONNECTION_COST;
        self.youngest.insert(key, index);
        Some(index)
    }

    /// Ends the closed connections, if they are enough to be worth the walk.
    fn make_room(&mut self, remarks: &mut Remarks) -> bool {
        if self.closed < MAX_FLOWS / 8 {
            return false;
        }
        self.closed = 0;
        self.youngest.clear();
        for connection in std::mem::take(&mut self.connections) {
            if connection.is_closed() {
                if connection.streams.iter().all(Stream::is_empty) {
                    self.held = self.held.saturating_sub(CONNECTION_COST);
                }
                self.done.extend(connection.finish(remarks));
                continue;
            }
            let [source, target] = connection.sides;
            let key = if source <= target { [source, target] } else { [target, source] };
            // Of two between the same ports the younger is met last.
            match self.youngest.entry(key) {
                Entry::Occupied(mut slot) => *slot.get_mut() = self.connections.len(),
                Entry::Vacant(slot) => _ = slot.insert(self.connections.len()),
            }
            self.connections.push(connection);
        }
        true
    }

    /// How many connections there were.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The pieces of all connections, by number; of each, first what went to the server. Nothing more comes.
    pub fn finish(&mut self, remarks: &mut Remarks) -> Vec<Piece> {
        self.youngest.clear();
        let mut pieces = std::mem::take(&mut self.done);
        for connection in std::mem::take(&mut self.connections) {
            pieces.extend(connection.finish(remarks));
        }
        // Stable: the order within a connection stays.
        pieces.sort_by_key(|piece| match piece.origin {
            Origin::Flow(flow, _) => flow.number,
            _ => 0,
        });
        pieces
    }
}
