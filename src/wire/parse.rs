//! The fast walk: one pass over the plan, the characters of neighbouring fields checked in one stretch. It
//! only knows right or wrong; on wrong, the strict walk reads the message again and says what and where.

use super::dialect::Dialect;
use super::error::ParseError;
use super::field::{Encoding, Prefix, Run, Step};
use super::message::{Message, View};
use super::strict::{check_content, measure};
use super::{Bitmap, Mti, scan};

impl Dialect {
    /// Reads one message (without framing) into spans, strictly: every byte is accounted for and every
    /// character held against its field's class.
    ///
    /// # Errors
    /// The first thing wrong. `into` then has the fields that are right (see [`Dialect::examine`]); without
    /// [`ParseError::readable`] it has none.
    #[inline]
    pub fn parse(&self, frame: &[u8], into: &mut Message) -> Result<(), ParseError> {
        match self.walk(frame, into) {
            Some(()) => Ok(()),
            None => self.explain(frame, into),
        }
    }

    /// The fields of a message that this dialect has parsed into `message`.
    pub fn view<'a>(&'a self, frame: &'a [u8], message: &'a Message) -> View<'a> {
        View { dialect: self, frame, message }
    }

    #[cold]
    fn explain(&self, frame: &[u8], into: &mut Message) -> Result<(), ParseError> {
        let mut first = None;
        self.examine(frame, into, &mut |error| {
            first.get_or_insert(error);
        });
        first.map_or(Ok(()), Err)
    }

    fn walk(&self, frame: &[u8], into: &mut Message) -> Option<()> {
        if frame.len() > usize::from(u16::MAX) {
            return None;
        }
        let (mti, at) = read_mti(self.mti_encoding, frame)?;
        if mti.version() != self.version {
            return None;
        }
        let (primary, mut at) = read_bitmap(self.bitmap_encoding, frame, at)?;
        let mut secondary = 0;
        if primary >> 63 != 0 {
            (secondary, at) = read_bitmap(self.bitmap_encoding, frame, at)?;
        }
        let bitmap = Bitmap::from_wire(primary, secondary);
        let mut walk = Walk { dialect: self, frame, at, run: Run::Raw, start: at };
        let mut left = bitmap.0 as u64 & !1;
        while left != 0 {
            let index = left.trailing_zeros() as usize;
            left &= left - 1;
            into.starts[index] = walk.at as u16;
            walk.step(index)?;
        }
        let mut left = (bitmap.0 >> 64) as u64;
        while left != 0 {
            let index = left.trailing_zeros() as usize + 64;
            left &= left - 1;
            into.starts[index] = walk.at as u16;
            walk.step(index)?;
        }
        settle(frame, walk.run, walk.start, walk.at)?;
        if walk.at != frame.len() {
            return None;
        }
        into.mti = mti;
        into.bitmap = bitmap;
        into.placed = bitmap;
        into.end = walk.at as u16;
        Some(())
    }
}

/// Where the walk is, and the stretch of bytes that awaits its check.
struct Walk<'a> {
    dialect: &'a Dialect,
    frame: &'a [u8],
    at: usize,
    run: Run,
    start: usize,
}

impl Walk<'_> {
    /// Goes over one field. Lengths are used before the bytes they come from are known to be right: reads
    /// stay inside the frame, and a wrong byte anywhere refuses the message in the end.
    ///
    /// The frame has at most 65,535 bytes and the walk must end where it ends: no start is cut to 16 bits.
    #[inline(always)]
    fn step(&mut self, index: usize) -> Option<()> {
        let plan = &self.dialect.plans[index];
        if plan.glide == self.run {
            self.at += usize::from(plan.bytes);
            return Some(());
        }
        if plan.run != self.run || plan.skip != 0 {
            if self.run != Run::Raw {
                settle(self.frame, self.run, self.start, self.at)?;
            }
            self.run = plan.run;
            self.start = self.at + usize::from(plan.skip);
        }
        match plan.step {
            Step::Fixed => self.at += usize::from(plan.bytes),
            Step::FixedPadded => {
                if *self.frame.get(self.at)? > 0x0F {
                    return None;
                }
                self.at += usize::from(plan.bytes);
            }
            Step::Variable | Step::VariablePadded => {
                let units = read_length(plan.prefix, self.frame, self.at)?;
                if units > usize::from(plan.units) {
                    return None;
                }
                let bytes = (units * usize::from(plan.half_bytes)).div_ceil(2);
                self.at += usize::from(plan.prefix_bytes) + bytes;
                if plan.step == Step::VariablePadded
                    && units % 2 == 1
                    && self.frame.get(self.at - 1)? & 0x0F != 0
                {
                    return None;
                }
            }
            Step::Careful => {
                self.at = check_alone(self.dialect, self.frame, index, self.at)?;
                self.start = self.at;
            }
            Step::Absent => return None,
        }
        Some(())
    }
}

/// Checks a stretch.
#[inline(never)]
fn settle(frame: &[u8], run: Run, start: usize, end: usize) -> Option<()> {
    let wrong = match run {
        Run::Raw => false,
        Run::Digits => scan::is_wrong(frame, start, end, scan::BAD, scan::not_digits)?,
        Run::Packed => scan::is_wrong(frame, start, end, scan::BAD_NIBBLES, scan::not_packed)?,
        Run::Track => scan::is_wrong(frame, start, end, scan::BAD, scan::not_track)?,
        Run::PackedTrack => scan::is_wrong(frame, start, end, scan::BAD_NIBBLES, scan::not_packed_track)?,
        Run::Alnum => scan::is_wrong(frame, start, end, scan::BAD, scan::not_alnum)?,
        Run::Printable => scan::is_wrong(frame, start, end, scan::BAD, scan::not_printable)?,
        Run::Hex => scan::is_wrong(frame, start, end, scan::BAD, scan::not_hex)?,
        Run::Absent => true,
    };
    if wrong { None } else { Some(()) }
}

/// A field whose class, encoding and pad have no quick check: the strict one. Returns where the field ends.
#[inline(never)]
fn check_alone(dialect: &Dialect, frame: &[u8], index: usize, start: usize) -> Option<usize> {
    let field = dialect.fields[index].as_ref()?;
    let span = measure(field, frame, start).ok()?;
    check_content(field, frame, span).ok()?;
    Some(span.end)
}

#[inline(always)]
fn read_mti(encoding: Encoding, frame: &[u8]) -> Option<(Mti, usize)> {
    if encoding == Encoding::Bcd {
        let bytes = frame.first_chunk::<2>()?;
        return Some((Mti::new(u16::from_be_bytes(*bytes))?, 2));
    }
    let x = u32::from_be_bytes(*frame.first_chunk::<4>()?);
    if x & 0xF0F0_F0F0 != 0x3030_3030 {
        return None;
    }
    let x = x & 0x0F0F_0F0F;
    let x = (x | x >> 4) & 0x00FF_00FF;
    Some((Mti::new((x | x >> 8) as u16)?, 4))
}

#[inline(always)]
fn read_bitmap(encoding: Encoding, frame: &[u8], at: usize) -> Option<(u64, usize)> {
    if encoding == Encoding::Binary {
        let bytes = frame.get(at..)?.first_chunk::<8>()?;
        return Some((u64::from_be_bytes(*bytes), at + 8));
    }
    let characters = frame.get(at..)?.first_chunk::<16>()?;
    let (words, _) = characters.as_chunks::<8>();
    let wrong = scan::not_hex(u64::from_le_bytes(words[0])) | scan::not_hex(u64::from_le_bytes(words[1]));
    if wrong & scan::BAD != 0 {
        return None;
    }
    Some((scan::hex_value(*characters), at + 16))
}

/// A length prefix; `None` where it is not decimal or not inside the frame.
#[inline(always)]
pub(super) fn read_length(prefix: Prefix, frame: &[u8], at: usize) -> Option<usize> {
    let from = frame.get(at..)?;
    match prefix {
        Prefix::Ascii2 => decimal(*from.first_chunk::<2>()?),
        Prefix::Ascii3 => decimal(*from.first_chunk::<3>()?),
        Prefix::Ascii4 => decimal(*from.first_chunk::<4>()?),
        Prefix::Bcd1 => packed(*from.first()?),
        Prefix::Bcd2 => {
            let [high, low] = *from.first_chunk::<2>()?;
            Some(packed(high)? * 100 + packed(low)?)
        }
        Prefix::Binary1 => Some(usize::from(*from.first()?)),
        Prefix::Binary2 => Some(usize::from(u16::from_be_bytes(*from.first_chunk::<2>()?))),
        Prefix::None => None,
    }
}

#[inline(always)]
fn decimal<const N: usize>(characters: [u8; N]) -> Option<usize> {
    let mut value = 0;
    let mut wrong = false;
    for c in characters {
        let digit = c ^ b'0';
        wrong |= digit > 9;
        value = value * 10 + usize::from(digit);
    }
    if wrong { None } else { Some(value) }
}

/// Two packed digits.
#[inline(always)]
fn packed(byte: u8) -> Option<usize> {
    let wrong = u32::from(byte) & (u32::from(byte) << 1 | u32::from(byte) << 2) & 0x88 != 0;
    if wrong { None } else { Some(usize::from(byte) - usize::from(byte >> 4) * 6) }
}
