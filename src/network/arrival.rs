//! Since when the bytes of a connection have been waiting: moments go in, a moment comes out. Knows no socket and no
//! clock, so that a stall, a stepped clock and a full buffer are tested in virtual time.
//!
//! What counts is a moment of which it is proved that the bytes came after it. The kernel's stamp is evidence, not that
//! moment: waiting segments are merged under the stamp of the last.

/// A worker whose loop makes no turn for so long stands still. Within it a stamp is believed.
pub const STILL_NS: u64 = 20_000_000;
/// A peer that was kept from sending tries again after twice the time of its last try at most, from a second on: so within as
/// long as it has been kept from it, and this.
const RETRY_NS: u64 = 1_000_000_000;
/// The wall clock and the monotonic one part by less than this, unless one was set; stamps are as exact.
const STEP_NS: u64 = 1_000_000;

/// One read of a socket.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    /// Just before it, monotonic nanoseconds.
    pub now_ns: u64,
    /// At the same moment, nanoseconds since 1970 by the wall clock.
    pub wall_ns: i64,
    /// At the same moment, how far the wall clock is ahead of the system's monotonic one, in nanoseconds.
    pub ahead_ns: i64,
    /// Bytes it returned.
    pub length: usize,
    /// When the last segment they came in arrived, by the wall clock; none = not noted.
    pub stamp_ns: Option<i64>,
    /// Bytes that were left in the socket after it.
    pub left: usize,
}

/// A read's stamp.
#[derive(Clone, Copy, Debug)]
struct Seen {
    stamp_ns: i64,
    /// The same, monotonic.
    arrived_ns: u64,
    /// When it was read, by the wall clock.
    read_ns: i64,
}

/// A peer that is kept from sending.
#[derive(Clone, Copy, Debug)]
struct HeldBack {
    /// For how long, at most.
    kept_ns: u64,
    /// When the socket was first found empty after that.
    empty_ns: Option<u64>,
}

/// What is known of when a connection's bytes arrive.
#[derive(Debug)]
pub struct Arrivals {
    /// What is read from here on came after this.
    floor_ns: u64,
    /// Bytes read.
    position: u64,
    /// What stands at this position or behind it came after this moment.
    mark: Option<(u64, u64)>,
    /// The last read's stamp, and the last stamp before it that differs.
    seen: [Option<Seen>; 2],
    ahead_ns: Option<i64>,
    /// The wall clock was set since the socket was last found empty: stamps say nothing.
    stepped: bool,
    /// The peer's sending may be held back: nothing proves when its bytes would have come.
    held_back: Option<HeldBack>,
    /// Since when what the last read brought has waited.
    fresh_ns: u64,
    /// The same of the unfinished frame before it.
    unfinished_ns: Option<u64>,
}

impl Arrivals {
    /// Of a connection whose first byte comes after `since_ns`.
    pub fn new(since_ns: u64) -> Arrivals {
        Arrivals {
            floor_ns: since_ns,
            position: 0,
            mark: None,
            seen: [None; 2],
            ahead_ns: None,
            stepped: false,
            held_back: None,
            fresh_ns: since_ns,
            unfinished_ns: None,
        }
    }

    /// The socket was found empty at this moment.
    pub fn found_empty(&mut self, at_ns: u64) {
        if let Some(HeldBack { kept_ns, empty_ns }) = &mut self.held_back {
            let since_ns = *empty_ns.get_or_insert(at_ns);
            if at_ns.saturating_sub(since_ns) < kept_ns.saturating_add(RETRY_NS) {
                return;
            }
            self.held_back = None;
        }
        self.floor_ns = self.floor_ns.max(at_ns);
        (self.mark, self.seen, self.stepped) = (None, [None; 2], false);
    }

    /// Whether what waits may be older than a turn of the worker's loop.
    pub fn is_behind(&self, now_ns: u64) -> bool {
        now_ns.saturating_sub(self.floor_ns) > STILL_NS
    }

    /// The receive buffer is so full that the peer's sending may have been held back.
    pub fn hold_back(&mut self, now_ns: u64) {
        let kept_ns = now_ns.saturating_sub(self.floor_ns);
        self.held_back = Some(HeldBack { kept_ns, empty_ns: None });
    }

    /// Takes note of a read that brought bytes.
    pub fn read(&mut self, read: &Read) {
        let ahead_ns = self.ahead_ns.replace(read.ahead_ns).unwrap_or(read.ahead_ns);
        self.stepped |= ahead_ns.abs_diff(read.ahead_ns) > STEP_NS;
        self.raise(read.now_ns);
        let floor_ns = self.floor_ns.min(read.now_ns);
        let stamp = read.stamp_ns.map(|stamp_ns| Seen {
            stamp_ns,
            arrived_ns: held(read.now_ns, read.wall_ns, stamp_ns, floor_ns),
            read_ns: read.wall_ns,
        });
        self.fresh_ns = match stamp {
            Some(stamp) if !self.is_behind(read.now_ns) => stamp.arrived_ns,
            _ => floor_ns,
        };
        self.position += read.length as u64;
        if read.left == 0 {
            self.found_empty(read.now_ns);
            return;
        }
        if self.held_back.is_none() && self.mark.is_none() {
            self.mark = Some((self.position + read.left as u64, read.now_ns));
        }
        self.remember(stamp);
    }

    /// Raises the moment after which the next bytes came, as far as earlier reads prove it.
    fn raise(&mut self, now_ns: u64) {
        if self.held_back.is_some() {
            return;
        }
        if let Some((position, at_ns)) = self.mark
            && self.position >= position
        {
            self.floor_ns = self.floor_ns.max(at_ns);
            self.mark = None;
        }
        // The last read ended inside a run of merged segments, of which the rest is still to come, or at its end. It had its
        // stamp when the read before it was made: so that one ended in an earlier run, behind whose stamp all of this run
        // came.
        if let [Some(last), Some(before)] = self.seen
            && !self.stepped
            && last.stamp_ns.saturating_add(STEP_NS as i64) <= before.read_ns
        {
            self.floor_ns = self.floor_ns.max(before.arrived_ns.min(now_ns));
        }
    }

    fn remember(&mut self, stamp: Option<Seen>) {
        let Some(stamp) = stamp else {
            self.seen = [None; 2];
            return;
        };
        if let Some(last) = self.seen[0]
            && last.stamp_ns != stamp.stamp_ns
        {
            self.seen[1] = Some(last);
        }
        self.seen[0] = Some(stamp);
    }

    /// Since when the next frame of the last read has waited: since its first byte.
    pub fn next_frame(&mut self) -> u64 {
        self.unfinished_ns.take().unwrap_or(self.fresh_ns)
    }

    /// So many bytes of the last read are not a whole frame yet.
    pub fn keep(&mut self, bytes: usize) {
        if bytes > 0 {
            self.unfinished_ns.get_or_insert(self.fresh_ns);
        }
    }
}

/// A stamp in monotonic time, held between what is proved and now: a clock that was set makes nothing younger than that.
fn held(now_ns: u64, wall_ns: i64, stamp_ns: i64, floor_ns: u64) -> u64 {
    let age_ns = u64::try_from(wall_ns.saturating_sub(stamp_ns)).unwrap_or(0);
    now_ns.saturating_sub(age_ns).clamp(floor_ns, now_ns)
}

#[cfg(test)]
mod tests;
