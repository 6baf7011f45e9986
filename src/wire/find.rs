//! One data element of a message, found by the lengths of those before it: for who needs one and does not parse, such as
//! a router or a correlator. Checks no characters.

use super::dialect::Dialect;
use super::error::{ParseError, Reason};
use super::parse::{read_length, read_mti};
use super::plan::{FieldPlan, Step};
use super::strict::measure;
use super::value::Field;

impl Dialect {
    /// The data element `de` of a message (without framing); `None` where it is absent.
    ///
    /// What stands before it is skipped by its length, what stands behind it is not looked at, and no character is held
    /// against its class: a number may have letters in it, and reads as none.
    ///
    /// # Errors
    /// MTI, bit maps or a length on the way cannot be read.
    pub fn find<'a>(&'a self, frame: &'a [u8], de: u8) -> Result<Option<Field<'a>>, ParseError> {
        match self.skip_to(frame, de) {
            Some(Skipped::Absent) => Ok(None),
            Some(Skipped::At(start)) => self.field_at(frame, de, start).map(Some),
            None => Err(self.blame_skipped(frame, de)),
        }
    }

    fn field_at<'a>(&'a self, frame: &'a [u8], de: u8, start: usize) -> Result<Field<'a>, ParseError> {
        let wrong = |(offset, reason)| ParseError { de, offset: offset as u32, reason, readable: true };
        let info = self.field(de).ok_or(wrong((start, Reason::Undefined)))?;
        let placed = self.place(usize::from(de) - 1, frame, start);
        if let Some((plan, span)) = placed
            && span.units <= usize::from(plan.units)
            && let Some(data) = frame.get(span.data..span.end)
        {
            return Ok(Field { format: &info.format, data, units: span.units });
        }
        let span = measure(&info.format, frame, start).map_err(wrong)?;
        // A span that was measured is inside the frame.
        let data = frame.get(span.data..span.end).unwrap_or_default();
        Ok(Field { format: &info.format, data, units: span.units })
    }

    fn skip_to(&self, frame: &[u8], de: u8) -> Option<Skipped> {
        if frame.len() > usize::from(u16::MAX) {
            return None;
        }
        let (mti, at) = read_mti(self.mti_encoding, frame)?;
        if mti.version() != self.version {
            return None;
        }
        let mut maps = [0; 3];
        let (_, mut at) = self.walk_bitmaps(frame, at, &mut maps)?;
        // Bit n - 1 of its word, as in a Bitmap.
        let index = usize::from(de).wrapping_sub(1);
        let (word, bit) = (index / 64, 1u64 << (index % 64));
        if maps.get(word).is_none_or(|map| map.reverse_bits() & bit == 0) {
            return Some(Skipped::Absent);
        }
        for (this, map) in maps.iter().enumerate().take(word + 1) {
            let mut left = map.reverse_bits() & if this == word { bit - 1 } else { u64::MAX };
            while left != 0 {
                let index = left.trailing_zeros() as usize + this * 64;
                left &= left - 1;
                at = self.skip(&self.plans[index], index, frame, at)?;
            }
        }
        Some(Skipped::At(at))
    }

    #[inline(always)]
    fn skip(&self, plan: &FieldPlan, index: usize, frame: &[u8], at: usize) -> Option<usize> {
        match plan.step {
            Step::Fixed | Step::FixedPadded => Some(at + usize::from(plan.bytes)),
            Step::Variable | Step::VariablePadded => {
                let units = read_length(plan.prefix, frame, at)?;
                if units > usize::from(plan.units) {
                    return None;
                }
                Some(at + usize::from(plan.prefix_bytes) + (units * usize::from(plan.half_bytes)).div_ceil(2))
            }
            Step::Careful => {
                let info = self.fields[index].as_ref()?;
                Some(measure(&info.format, frame, at).ok()?.end)
            }
            Step::Absent => None,
        }
    }

    /// What the skip met, in the words of the strict walk. Its first error that is not of a character; where a field is
    /// cut short behind what the skip looked at, that.
    #[cold]
    fn blame_skipped(&self, frame: &[u8], de: u8) -> ParseError {
        let mut found = None;
        self.examine(frame, &mut super::Message::new(), &mut |error| {
            let structural = !matches!(
                error.reason,
                Reason::Character { .. } | Reason::Sign(_) | Reason::Pad(_) | Reason::LowerCase
            );
            if error.de < 2 || structural {
                found.get_or_insert(error);
            }
        });
        let reason = Reason::Truncated { expected: 1, found: 0 };
        found.unwrap_or(ParseError { de, offset: frame.len() as u32, reason, readable: true })
    }
}

/// Where a skip ended.
enum Skipped {
    /// The message does not have the element.
    Absent,
    /// Its first byte, of the length prefix if there is one.
    At(usize),
}
