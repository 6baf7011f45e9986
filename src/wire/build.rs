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
        let stops = (placed - echoed) | mine;
        let mut left = echoed | mine;
        while let Some(de) = left.first() {
            if mine.contains(de) {
                left.remove(de);
                if let (Some((_, value)), Some(field)) = (own.next(), self.field(de)) {
                    encode(out, &field.format, *value).map_err(|reason| BuildError { de, reason })?;
                }
                continue;
            }
            let Some(request) = request else { break };
            // Fields that follow each other both there and here go as one stretch: up to the next one that is
            // in the request alone, or an own one.
            let stop = (stops & Bitmap::from(de)).first().map_or(Bitmap::EMPTY, Bitmap::from);
            let Message { starts, end, .. } = request.message;
            let start = |de: u8| starts[usize::from(de) - 1];
            let end = (placed & stop).first().map_or(*end, start);
            let stretch = request.frame.get(usize::from(start(de))..usize::from(end));
            out.extend_from_slice(stretch.unwrap_or_default());
            left = left & stop;
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
            encoding => out.extend_from_slice(&scan::hex_characters(bits).map(|c| encoding.byte(c))),
        }
    }
}
