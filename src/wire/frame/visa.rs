//! The 22-byte message header of Visa-style links and its 26-byte reject form. Knows no message.
//!
//! ```text
//!  0      1       2     3..5   5..8         8..11   11          12..14  14..17  17     18..21    21     22..24  24..26
//!  length format  text  total  destination  source  round trip  BASE I  status  batch  reserved  user   bitmap  code
//! ```
//! Bytes 22 to 25 are there in a reject alone; behind them stand the header and the text that were rejected.

use super::header::expect;
use super::{Kind, WrongFrame};

/// Bytes of the header, and the value of its first byte.
const SIZE: usize = 22;
/// The same of a reject.
pub(super) const REJECT_SIZE: usize = 26;
/// Set in the format byte: another header follows.
const CHAINED: u8 = 0x80;
/// Set in the first byte of a reject's bitmap: a code is present.
const HAS_CODE: u8 = 0x80;

/// Checks the header at the front of `bytes`, which are header and message.
pub(super) fn check(bytes: &[u8]) -> Result<Kind, WrongFrame> {
    if bytes.first() == Some(&(REJECT_SIZE as u8)) {
        let Some(reject) = bytes.get(SIZE..REJECT_SIZE) else {
            return Err(WrongFrame::Short { min: REJECT_SIZE, found: bytes.len() });
        };
        return Ok(Kind::Reject { code: (reject[0] & HAS_CODE != 0).then(|| code(&reject[2..])).flatten() });
    }
    expect(bytes, 0, "the header length 16 (22) or 1A (26)", |byte| byte == SIZE as u8)?;
    expect(bytes, 1, "a header that no other follows", |byte| byte & CHAINED == 0)?;
    let total = bytes.get(3..5).map_or(0, |total| usize::from(total[0]) << 8 | usize::from(total[1]));
    if total == bytes.len() {
        Ok(Kind::Message)
    } else {
        Err(WrongFrame::Total { expected: bytes.len(), found: total })
    }
}

/// Four packed digits.
fn code(bytes: &[u8]) -> Option<u16> {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .try_fold(0, |code, digit| (digit < 10).then_some(code * 10 + u16::from(digit)))
}

/// Turns a request's header into its answer's: stations swapped; length, formats, round-trip control and user
/// information as they came; the flags that the network sets for itself are zero.
pub(super) fn answer(header: &mut [u8]) {
    let (destination, source) = header[5..11].split_at_mut(3);
    destination.swap_with_slice(source);
    header[12..21].fill(0);
}

/// Sets the total length; `bytes` are header and message.
pub(super) fn finish(bytes: &mut [u8]) -> Result<(), usize> {
    let total = u16::try_from(bytes.len()).map_err(|_| usize::from(u16::MAX))?;
    bytes[3..5].copy_from_slice(&total.to_be_bytes());
    Ok(())
}
