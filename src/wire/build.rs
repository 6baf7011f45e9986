//! Writing a message: the request's fields copied as the bytes they are, own fields encoded.
//! Knows no meaning.

use super::dialect::Dialect;
use super::encode::encode;
use super::error::{BuildError, BuildReason};
use super::field::Encoding;
use super::message::{Message, View};
use super::{Bitmap, Mti, scan};

/// A value to be written into a field.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// ASCII digits or characters. In fixed fields a shorter number is zero-filled on the left, shorter text
    /// space-filled on the right; of a signed amount the digits behind the sign are zero-filled.
    Text(&'a [u8]),
    /// A number, as its decimal digits; zero-filled on the left in a fixed field.
    Number(u64),
    /// The bytes of a binary field; exactly as many as a fixed field has.
    Bytes(&'a [u8]),
}

/// Shows the kind of value, never the value.
impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Text(text) => write!(f, "Text({} characters)", text.len()),
            Value::Number(_) => f.write_str("Number"),
            Value::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
        }
    }
}

impl Dialect {
    /// Appends a message (no framing) to `out`: `echo`'s fields as far as the request has them, as the bytes
    /// they are, and `own`'s, sorted ascending by data element; an own field wins over an echoed one.
    ///
    /// With DE 1 in `echo`, a bit map that the request carried empty is carried on.
    ///
    /// # Errors
    /// A value that does not fit its field, or a wrong call; `out` is then as it was.
    #[inline]
    pub fn build(
        &self,
        out: &mut Vec<u8>,
        mti: Mti,
        request: Option<View<'_>>,
        echo: Bitmap,
        own: &[(u8, Value<'_>)],
    ) -> Result<(), BuildError> {
        let mark = out.len();
        let result = self.write(out, mti, request, echo, own);
        if result.is_err() {
            out.truncate(mark);
        }
        result
    }

    fn write(
        &self,
        out: &mut Vec<u8>,
        mti: Mti,
        request: Option<View<'_>>,
        echo: Bitmap,
        own: &[(u8, Value<'_>)],
    ) -> Result<(), BuildError> {
        let mut mine = Bitmap::EMPTY;
        let mut last = 0;
        for (de, _) in own {
            if *de <= last {
                return Err(BuildError { de: *de, reason: BuildReason::Order });
            }
            if self.field(*de).is_none() {
                return Err(BuildError { de: *de, reason: BuildReason::Undefined });
            }
            mine.insert(*de);
            last = *de;
        }
        if mti.version() != self.version {
            let reason = BuildReason::Version { expected: self.version, found: mti.version() };
            return Err(BuildError { de: 0, reason });
        }
        let mut echoed = Bitmap::EMPTY;
        if let Some(request) = request {
            if !std::ptr::eq(self, request.dialect) {
                return Err(BuildError { de: 0, reason: BuildReason::OtherDialect });
            }
            echoed = (request.message.bitmap & echo) - mine;
        }
        let more = request.filter(|_| echo.contains(1)).map_or(0, |request| request.message.more);
        self.write_header(out, mti, echoed | mine, more);

        let mut own = own.iter();
        let placed = request.map_or(Bitmap::EMPTY, |request| request.message.placed);
        for word in 0..3 {
            let mine = mine.0[word];
            let mut left = echoed.0[word] | mine;
            if left == 0 {
                continue;
            }
            let source = request.map(|request| Source::new(request, placed, word));
            let stops = (placed.0[word] & !echoed.0[word]) | mine;
            while left != 0 {
                let this = left & left.wrapping_neg();
                if this & mine != 0 {
                    left ^= this;
                    if let Some((de, value)) = own.next()
                        && let Some(field) = self.field(*de)
                    {
                        encode(out, &field.format, *value)
                            .map_err(|reason| BuildError { de: *de, reason })?;
                    }
                    continue;
                }
                let Some(source) = &source else { break };
                // Fields that follow each other both there and here go as one stretch: up to the next one that is
                // in the request alone, or an own one. `rest` is that one and all above it.
                let stop = stops & this.wrapping_neg();
                let rest = (stop & stop.wrapping_neg()).wrapping_neg();
                source.copy(out, this, rest);
                left &= rest;
            }
        }
        Ok(())
    }

    /// Writes MTI and bit maps: as many as the fields need, and those that `more` asks for.
    fn write_header(&self, out: &mut Vec<u8>, mti: Mti, present: Bitmap, more: u8) {
        const MORE: u64 = 1 << 63;
        match self.mti_encoding {
            Encoding::Bcd => out.extend_from_slice(&mti.bcd().to_be_bytes()),
            encoding => out.extend_from_slice(&mti.digits().map(|digit| encoding.byte(digit))),
        }
        let [mut primary, mut secondary, third] = present.to_wire();
        let three = third != 0 || more & 2 != 0;
        if three {
            secondary |= MORE;
        }
        // Where there always are two, bit 1 says nothing, and stays as the request had it.
        if more & 1 != 0 || secondary != 0 && !self.fixed_bitmaps {
            primary |= MORE;
        }
        self.write_bitmap(out, primary);
        if primary & MORE != 0 || self.fixed_bitmaps {
            self.write_bitmap(out, secondary);
        }
        if three {
            self.write_bitmap(out, third);
        }
    }

    fn write_bitmap(&self, out: &mut Vec<u8>, bits: u64) {
        match self.bitmap_encoding {
            Encoding::Binary => out.extend_from_slice(&bits.to_be_bytes()),
            Encoding::Hex => out.extend_from_slice(&scan::hex_characters(bits)),
            encoding => out.extend_from_slice(&scan::hex_characters(bits).map(|c| encoding.byte(c))),
        }
    }
}

/// The fields of one bit map of a request, to be copied from.
struct Source<'a> {
    frame: &'a [u8],
    /// Which fields have a place, and where each starts.
    placed: u64,
    starts: &'a [u16],
    /// Where the last of them ends.
    end: u16,
}

impl<'a> Source<'a> {
    fn new(request: View<'a>, placed: Bitmap, word: usize) -> Source<'a> {
        let Message { starts, end, .. } = request.message;
        let behind = (placed - Bitmap::of_words(word + 1)).first();
        let end = behind.map_or(*end, |de| starts[usize::from(de) - 1]);
        let starts = &starts[word * 64..(word + 1) * 64];
        Source { frame: request.frame, placed: placed.0[word], starts, end }
    }

    /// Copies from a field, given by its bit, up to the first placed one of `rest`.
    #[inline]
    fn copy(&self, out: &mut Vec<u8>, from: u64, rest: u64) {
        let next = self.placed & rest;
        let end = if next == 0 { self.end } else { self.starts[next.trailing_zeros() as usize] };
        let start = self.starts[from.trailing_zeros() as usize];
        let stretch = self.frame.get(usize::from(start)..usize::from(end));
        out.extend_from_slice(stretch.unwrap_or_default());
    }
}
