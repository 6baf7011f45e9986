//! The fast walk: one pass over the plan, the characters of neighbouring fields checked in one stretch. It only
//! knows right or wrong; on wrong, the strict walk reads the message again and says what and where.

use super::dialect::Dialect;
use super::error::ParseError;
use super::field::{Encoding, FieldPlan, Prefix, Run};
use super::message::{Message, Span, View};
use super::strict::check_content;
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
        let mut walk = Walk { frame, at, run: Run::Raw, start: at };
        let (plans, spans) = (&self.plans, &mut into.spans);
        let mut left = primary & (u64::MAX >> 1);
        while left != 0 {
            let i = left.leading_zeros() as usize;
            left &= !(1 << 63 >> i);
            spans[i] = walk.step(&plans[i], self, i)?;
        }
        let mut left = secondary;
        while left != 0 {
            let i = left.leading_zeros() as usize;
            left &= !(1 << 63 >> i);
            spans[i + 64] = walk.step(&plans[i + 64], self, i + 64)?;
        }
        walk.settle(walk.at)?;
        if walk.at != frame.len() {
            return None;
        }
        into.mti = mti;
        into.bitmap = Bitmap(u128::from(primary) << 64 | u128::from(secondary));
        Some(())
    }
}

/// Where the walk is, and the stretch of bytes that awaits its check.
struct Walk<'a> {
    frame: &'a [u8],
    at: usize,
    run: Run,
    start: usize,
}

impl Walk<'_> {
    /// Goes over one field. Lengths are used before the bytes they come from are known to be right: reads stay
    /// inside the frame, and a wrong byte anywhere refuses the message in the end.
    #[inline(always)]
    fn step(&mut self, plan: &FieldPlan, dialect: &Dialect, index: usize) -> Option<Span> {
        let start = self.at;
        let (data, units, bytes) = match plan.prefix {
            Prefix::None => (start, usize::from(plan.units), usize::from(plan.bytes)),
            prefix => {
                let units = read_length(prefix, self.frame, start)?;
                if units > usize::from(plan.units) {
                    return None;
                }
                let bytes = (units * usize::from(plan.half_bytes)).div_ceil(2);
                (start + usize::from(plan.prefix_bytes), units, bytes)
            }
        };
        let end = data + bytes;
        if plan.run != self.run || !plan.joins {
            self.settle(start)?;
            self.run = plan.run;
            self.start = data;
        }
        if plan.first_mask != 0 && self.frame.get(data)? & plan.first_mask != 0 {
            return None;
        }
        if plan.last_mask != 0 && units % 2 == 1 && self.frame.get(end - 1)? & plan.last_mask != 0 {
            return None;
        }
        self.at = end;
        // The frame has at most 65,535 bytes and the walk must end where it ends, so a cut offset never passes.
        let mut span = Span { start: start as u16, data: data as u16, end: end as u16, units: units as u16 };
        if plan.run == Run::Careful {
            self.check_carefully(dialect, index, &mut span)?;
        }
        Some(span)
    }

    /// Checks the stretch that ends here.
    #[inline(always)]
    fn settle(&self, end: usize) -> Option<()> {
        let (frame, start) = (self.frame, self.start);
        let wrong = match self.run {
            Run::Raw => false,
            Run::Digits => scan::is_wrong(frame, start, end, scan::BAD, scan::not_digits)?,
            Run::Packed => scan::is_wrong(frame, start, end, scan::BAD_NIBBLES, scan::not_packed)?,
            Run::Track => scan::is_wrong(frame, start, end, scan::BAD, scan::not_track)?,
            Run::PackedTrack => scan::is_wrong(frame, start, end, scan::BAD_NIBBLES, scan::not_packed_track)?,
            Run::Alnum => scan::is_wrong(frame, start, end, scan::BAD, scan::not_alnum)?,
            Run::Printable => scan::is_wrong(frame, start, end, scan::BAD, scan::not_printable)?,
            Run::Hex => scan::is_wrong(frame, start, end, scan::BAD, scan::not_hex)?,
            Run::Absent | Run::Careful => true,
        };
        if wrong { None } else { Some(()) }
    }

    /// A field whose class, encoding and pad have no check of their own here.
    #[inline(never)]
    fn check_carefully(&mut self, dialect: &Dialect, index: usize, span: &mut Span) -> Option<()> {
        let field = dialect.fields[index].as_ref()?;
        // A signed amount keeps a character before its packed digits, which the plan's sum does not know.
        let bytes = field.wire_bytes(usize::from(span.units));
        self.at = usize::from(span.data) + bytes;
        span.end = self.at as u16;
        if self.at > self.frame.len() {
            return None;
        }
        check_content(field, self.frame, *span).ok()?;
        self.run = Run::Raw;
        self.start = self.at;
        Some(())
    }
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
fn read_length(prefix: Prefix, frame: &[u8], at: usize) -> Option<usize> {
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

#[inline(always)]
fn packed(byte: u8) -> Option<usize> {
    let (high, low) = (byte >> 4, byte & 15);
    if high > 9 || low > 9 { None } else { Some(usize::from(high) * 10 + usize::from(low)) }
}
