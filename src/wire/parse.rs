//! The fast walk: one pass over the plan, the characters of neighbouring fields checked in one stretch. It
//! only knows right or wrong; on wrong, the strict walk reads the message again and says what and where.

use super::charset::CodePage;
use super::dialect::Dialect;
use super::error::ParseError;
use super::field::Encoding;
use super::message::{Message, View};
use super::plan::{PrefixPlan, Run, Step};
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
        let mut maps = [0; 3];
        let (more, at) = self.walk_bitmaps(frame, at, &mut maps)?;
        let bitmap = Bitmap::from_wire(maps);
        let mut walk = Walk { dialect: self, frame, at, run: Run::Raw, start: at };
        let mut left = bitmap.0[0];
        while left != 0 {
            let index = left.trailing_zeros() as usize;
            left &= left - 1;
            into.starts[index] = walk.at as u16;
            walk.step(index)?;
        }
        let end = walk.finish(bitmap.0, &mut into.starts)?;
        into.mti = mti;
        into.bitmap = bitmap;
        into.placed = bitmap;
        into.more = more;
        into.end = end as u16;
        Some(())
    }

    /// Reads the bit maps; the bits that say that another one follows are taken out. Returns them ([`Message`]'s
    /// `more`), and where the first field starts.
    #[inline(always)]
    pub(super) fn walk_bitmaps(&self, frame: &[u8], at: usize, maps: &mut [u64; 3]) -> Option<(u8, usize)> {
        const MORE: u64 = 1 << 63;
        let (primary, mut at) = self.walk_bitmap(frame, at)?;
        maps[0] = primary & !MORE;
        let mut more = (primary >> 63) as u8;
        if more != 0 || self.fixed_bitmaps {
            (maps[1], at) = self.walk_bitmap(frame, at)?;
            if self.third_bitmap && maps[1] & MORE != 0 {
                maps[1] &= !MORE;
                (maps[2], at) = self.walk_bitmap(frame, at)?;
                more |= 2;
            }
        }
        Some((more, at))
    }

    #[inline(always)]
    fn walk_bitmap(&self, frame: &[u8], at: usize) -> Option<(u64, usize)> {
        if self.bitmap_encoding == Encoding::Binary {
            let bytes = frame.get(at..)?.first_chunk::<8>()?;
            return Some((u64::from_be_bytes(*bytes), at + 8));
        }
        let ebcdic = self.bitmap_encoding == Encoding::EbcdicHex;
        let characters = frame.get(at..)?.first_chunk::<16>()?;
        let (words, _) = characters.as_chunks::<8>();
        let words = [u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1])];
        let mut wrong = if ebcdic {
            scan::not_ebcdic_hex(words[0]) | scan::not_ebcdic_hex(words[1])
        } else {
            scan::not_hex(words[0]) | scan::not_hex(words[1])
        };
        if !self.accept.lower_case_hex {
            wrong |= scan::lower_case(words[0], ebcdic) | scan::lower_case(words[1], ebcdic);
        }
        if wrong & scan::BAD != 0 {
            return None;
        }
        Some((scan::hex_value(*characters, ebcdic), at + 16))
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
    /// Goes over the fields of the other bit maps, and checks the last stretch. Apart from the walk over the
    /// primary one, so that that stays small. Returns where the message ends.
    #[inline(never)]
    fn finish(mut self, maps: [u64; 3], starts: &mut [u16; 192]) -> Option<usize> {
        for (word, base) in [(maps[1], 64), (maps[2], 128)] {
            let mut left = word;
            while left != 0 {
                let index = left.trailing_zeros() as usize + base;
                left &= left - 1;
                starts[index] = self.at as u16;
                self.step(index)?;
            }
        }
        settle(self.frame, self.run, self.start, self.at)?;
        let whole = self.at == self.frame.len();
        (whole || self.dialect.accept.trailing && self.at <= self.frame.len()).then_some(self.at)
    }

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

/// Checks a stretch. Inlined into the walk: seven calls a message are a tenth of its time.
#[inline(always)]
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
        Run::UpperHex => {
            let check = |x| scan::not_hex(x) | scan::lower_case(x, false);
            scan::is_wrong(frame, start, end, scan::BAD, check)?
        }
        Run::EbcdicDigits => scan::is_wrong(frame, start, end, scan::BAD, scan::not_ebcdic_digits)?,
        Run::EbcdicTrack => scan::is_wrong(frame, start, end, scan::BAD, scan::not_ebcdic_track)?,
        Run::EbcdicAlnum => scan::is_wrong(frame, start, end, scan::BAD, scan::not_ebcdic_alnum)?,
        Run::Ebcdic037 => is_foreign(frame, start, end, CodePage::Cp037)?,
        Run::Ebcdic500 => is_foreign(frame, start, end, CodePage::Cp500)?,
        Run::Ebcdic1047 => is_foreign(frame, start, end, CodePage::Cp1047)?,
        Run::Absent => true,
    };
    if wrong { None } else { Some(()) }
}

/// Whether a byte is no printable character of the code page.
#[inline(never)]
fn is_foreign(frame: &[u8], start: usize, end: usize, page: CodePage) -> Option<bool> {
    scan::is_wrong(frame, start, end, scan::BAD, |x| scan::translated(x, page.table()))
}

/// A field whose class, encoding and pad have no quick check: the strict one. Returns where the field ends.
#[inline(never)]
fn check_alone(dialect: &Dialect, frame: &[u8], index: usize, start: usize) -> Option<usize> {
    let field = dialect.fields[index].as_ref()?;
    let span = measure(&field.format, frame, start).ok()?;
    check_content(&field.format, frame, span).ok()?;
    Some(span.end)
}

#[inline(always)]
pub(super) fn read_mti(encoding: Encoding, frame: &[u8]) -> Option<(Mti, usize)> {
    if encoding == Encoding::Bcd {
        let bytes = frame.first_chunk::<2>()?;
        return Some((Mti::new(u16::from_be_bytes(*bytes))?, 2));
    }
    let zeros = if encoding == Encoding::Ascii { 0x3030_3030 } else { 0xF0F0_F0F0 };
    let x = u32::from_be_bytes(*frame.first_chunk::<4>()?);
    if x & 0xF0F0_F0F0 != zeros {
        return None;
    }
    let x = x & 0x0F0F_0F0F;
    let x = (x | x >> 4) & 0x00FF_00FF;
    Some((Mti::new((x | x >> 8) as u16)?, 4))
}

/// A length prefix; `None` where it is not decimal or not inside the frame.
#[inline(always)]
pub(super) fn read_length(prefix: PrefixPlan, frame: &[u8], at: usize) -> Option<usize> {
    let from = frame.get(at..)?;
    match prefix {
        PrefixPlan::Ascii2 => decimal(*from.first_chunk::<2>()?, b'0'),
        PrefixPlan::Ascii3 => decimal(*from.first_chunk::<3>()?, b'0'),
        PrefixPlan::Ascii4 => decimal(*from.first_chunk::<4>()?, b'0'),
        PrefixPlan::Ebcdic2 => decimal(*from.first_chunk::<2>()?, 0xF0),
        PrefixPlan::Ebcdic3 => decimal(*from.first_chunk::<3>()?, 0xF0),
        PrefixPlan::Ebcdic4 => decimal(*from.first_chunk::<4>()?, 0xF0),
        PrefixPlan::Bcd1 => packed(*from.first()?),
        PrefixPlan::Bcd2 => {
            let [high, low] = *from.first_chunk::<2>()?;
            Some(packed(high)? * 100 + packed(low)?)
        }
        PrefixPlan::Binary1 => Some(usize::from(*from.first()?)),
        PrefixPlan::Binary2 => Some(usize::from(u16::from_be_bytes(*from.first_chunk::<2>()?))),
        PrefixPlan::None => None,
    }
}

#[inline(always)]
fn decimal<const N: usize>(characters: [u8; N], zero: u8) -> Option<usize> {
    let mut value = 0;
    let mut wrong = false;
    for c in characters {
        let digit = c ^ zero;
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
