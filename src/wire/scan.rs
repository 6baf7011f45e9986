//! Checks and conversions on eight bytes at a time, in ordinary integer arithmetic. Knows bytes, no fields.
//!
//! Each check returns a word in which a byte that is wrong has its bit of [`BAD`] set (of [`BAD_NIBBLES`]
//! for packed decimals); no lane carries into its neighbour, so a lane may be masked out afterwards.

const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The bit of a lane that says the byte is wrong.
pub(super) const BAD: u64 = each(0x80);
/// The bits of a lane that say a nibble is wrong.
pub(super) const BAD_NIBBLES: u64 = each(0x88);

/// Sets the top bit of each lane (top bits clear in `low`) that is at least `limit`.
const fn at_least(low: u64, limit: u8) -> u64 {
    low + each(0x80 - limit)
}

/// Sets the top bit of each lane of `low` that is not `byte`.
const fn differs(low: u64, byte: u8) -> u64 {
    (low ^ each(byte)) + each(0x7F)
}

pub(super) const fn not_digits(x: u64) -> u64 {
    let y = x ^ each(b'0');
    ((y & each(0x7F)) + each(0x80 - 10)) | y
}

/// Hexadecimal characters of ASCII or EBCDIC that are in lower case; to be asked of hexadecimal characters only.
pub(super) const fn lower_case(x: u64, ebcdic: bool) -> u64 {
    // ASCII letters have bit 6, small ones bit 5 too; of EBCDIC letters, which lack bit 5, small ones lack bit 6.
    (if ebcdic { !(x | x << 1) } else { x & (x << 1) } & each(0x40)) << 1
}

/// Sets the top bit of each lane that is not `byte`.
const fn is_not(x: u64, byte: u8) -> u64 {
    let y = x ^ each(byte);
    ((y & each(0x7F)) + each(0x7F)) | y
}

pub(super) const fn not_ebcdic_digits(x: u64) -> u64 {
    let y = x ^ each(0xF0);
    ((y & each(0x7F)) + each(0x80 - 10)) | y
}

pub(super) const fn not_ebcdic_track(x: u64) -> u64 {
    not_ebcdic_digits(x) & is_not(x, 0x7E) & is_not(x, 0xC4)
}

pub(super) const fn not_ebcdic_alnum(x: u64) -> u64 {
    // Small letters stand below the capitals by bit 6.
    let low = (x | each(0x40)) & each(0x7F);
    let early = at_least(low, 0x41) & !at_least(low, 0x4A);
    let middle = at_least(low, 0x51) & !at_least(low, 0x5A);
    let late = at_least(low, 0x62) & !at_least(low, 0x6A);
    let letter = (early | middle | late) & x;
    !letter & not_ebcdic_digits(x) & is_not(x, 0x40)
}

pub(super) const fn not_ebcdic_hex(x: u64) -> u64 {
    let low = (x | each(0x40)) & each(0x7F);
    let letter = at_least(low, 0x41) & !at_least(low, 0x47) & x;
    !letter & not_ebcdic_digits(x)
}

/// Each byte by the table, whose wrong ones have their top bit set.
pub(super) fn translated(x: u64, table: &[u8; 256]) -> u64 {
    u64::from_le_bytes(x.to_le_bytes().map(|byte| table[usize::from(byte)]))
}

pub(super) const fn not_track(x: u64) -> u64 {
    let low = x & each(0x7F);
    (not_digits(x) & differs(low, b'=') & differs(low, b'D')) | x
}

pub(super) const fn not_alnum(x: u64) -> u64 {
    let low = x & each(0x7F);
    let folded = low | each(0x20);
    let letter = at_least(folded, b'a') & !at_least(folded, b'z' + 1);
    let digit = at_least(low, b'0') & !at_least(low, b'9' + 1);
    (!(letter | digit) & differs(low, b' ')) | x
}

pub(super) const fn not_printable(x: u64) -> u64 {
    let low = x & each(0x7F);
    !at_least(low, 0x20) | at_least(low, 0x7F) | x
}

pub(super) const fn not_hex(x: u64) -> u64 {
    let low = x & each(0x7F);
    let folded = low | each(0x20);
    let letter = at_least(folded, b'a') & !at_least(folded, b'f' + 1);
    let digit = at_least(low, b'0') & !at_least(low, b'9' + 1);
    !(letter | digit) | x
}

/// Nibbles over 9: bit 3 with bit 2 or bit 1.
pub(super) const fn not_packed(x: u64) -> u64 {
    x & ((x << 1) | (x << 2))
}

/// Nibbles over 9 but D, the separator: bit 3 with bit 1, or with bit 2 and not bit 0.
pub(super) const fn not_packed_track(x: u64) -> u64 {
    x & ((x << 2) | ((x << 1) & !(x << 3)))
}

/// Whether `check` finds a byte of `frame[start..end]` wrong; `marks` are the bits that say so.
///
/// Whole words from the start, and the last one so that it ends where the stretch ends, whatever it covers
/// twice. A stretch shorter than a word is read with the bytes before it, and those are masked out: `None`
/// where there are none, or where the stretch leaves the frame.
#[inline(always)]
pub(super) fn is_wrong(
    frame: &[u8],
    start: usize,
    end: usize,
    marks: u64,
    check: impl Fn(u64) -> u64,
) -> Option<bool> {
    let check = |word: &[u8; 8]| check(u64::from_le_bytes(*word));
    let stretch = frame.get(start..end)?;
    let found = if let Some(last) = stretch.last_chunk::<16>() {
        let pair = |pair: &[u8; 16]| {
            let (words, _) = pair.as_chunks::<8>();
            [check(&words[0]), check(&words[1])]
        };
        // Two words side by side: the compiler makes one wide register of them.
        let mut found = pair(last);
        for words in stretch.as_chunks::<16>().0 {
            let [low, high] = pair(words);
            found = [found[0] | low, found[1] | high];
        }
        found[0] | found[1]
    } else if let (Some(first), Some(last)) = (stretch.first_chunk(), stretch.last_chunk()) {
        check(first) | check(last)
    } else if stretch.is_empty() {
        0
    } else {
        check(frame.get(..end)?.last_chunk()?) & (u64::MAX << (64 - stretch.len() * 8))
    };
    Some(found & marks != 0)
}

/// Sixteen nibbles of two words of hexadecimal characters (already checked), the first character on top.
pub(super) const fn hex_value(characters: [u8; 16], ebcdic: bool) -> u64 {
    let (halves, _) = characters.as_chunks::<8>();
    (hex_half(halves[0], ebcdic) << 32) | hex_half(halves[1], ebcdic)
}

const fn hex_half(characters: [u8; 8], ebcdic: bool) -> u64 {
    let x = u64::from_be_bytes(characters);
    let letters = if ebcdic { !x >> 5 } else { x >> 6 } & each(0x01);
    // A letter's low nibble counts from 1 = ten.
    pack((x & each(0x0F)) + letters * 9)
}

/// Eight lanes of one nibble each to 32 bits.
const fn pack(x: u64) -> u64 {
    let x = (x | (x >> 4)) & 0x00FF_00FF_00FF_00FF;
    let x = (x | (x >> 8)) & 0x0000_FFFF_0000_FFFF;
    (x | (x >> 16)) & 0xFFFF_FFFF
}

/// The sixteen nibbles of a word as upper-case hexadecimal characters, the top one first.
pub(super) const fn hex_characters(value: u64) -> [u8; 16] {
    let (high, low) = (hex_word((value >> 32) as u32), hex_word(value as u32));
    ((high as u128) << 64 | low as u128).to_be_bytes()
}

const fn hex_word(value: u32) -> u64 {
    let x = value as u64;
    let x = (x | (x << 16)) & 0x0000_FFFF_0000_FFFF;
    let x = (x | (x << 8)) & 0x00FF_00FF_00FF_00FF;
    let x = (x | (x << 4)) & each(0x0F);
    // Ten and more are seven characters further on than the digits.
    let letter = (at_least(x, 10) >> 7) & each(1);
    x + each(b'0') + letter * 7
}

/// Eight ASCII digits, the first the most significant.
pub(super) const fn decimal(digits: [u8; 8]) -> u64 {
    let x = u64::from_le_bytes(digits) & each(0x0F);
    let x = (x * 10 + (x >> 8)) & 0x00FF_00FF_00FF_00FF;
    let x = (x * 100 + (x >> 16)) & 0x0000_FFFF_0000_FFFF;
    (x * 10_000 + (x >> 32)) & 0xFFFF_FFFF
}

#[cfg(test)]
mod tests {
    use super::super::charset::CodePage;
    use super::super::field::Class;
    use super::*;

    /// Every byte value in every lane, among neighbours that are right, against the class's own definition.
    fn check(name: &str, marks: u64, good: u8, swar: impl Fn(u64) -> u64, allowed: impl Fn(u8) -> bool) {
        for lane in 0..8 {
            for byte in 0..=255u8 {
                let mut word = [good; 8];
                word[lane] = byte;
                let found = swar(u64::from_le_bytes(word)) & marks;
                assert_eq!(found == 0, allowed(byte), "{name}: byte {byte:02x} in lane {lane}");
                assert_eq!(found & !(0xFF << (lane * 8)), 0, "{name}: {byte:02x} marks another lane");
            }
        }
    }

    #[test]
    fn each_check_is_its_class() {
        let nibbles = |ok: fn(u8) -> bool| move |b: u8| ok(b >> 4) && ok(b & 15);
        for good in [b'0', b'9'] {
            check("n", BAD, good, not_digits, |b| Class::N.allows(b));
            check("z", BAD, good, not_track, |b| Class::Z.allows(b));
            check("an", BAD, good, not_alnum, |b| Class::An.allows(b));
            check("ans", BAD, good, not_printable, |b| Class::Ans.allows(b));
            check("hex", BAD, good, not_hex, |b| b.is_ascii_hexdigit());
        }
        for page in CodePage::ALL {
            let ascii = |allows: fn(u8) -> bool| move |b: u8| allows(page.to_ascii(b));
            for good in [0xF0, 0xF9] {
                check("EBCDIC n", BAD, good, not_ebcdic_digits, ascii(|c| Class::N.allows(c)));
                check("EBCDIC z", BAD, good, not_ebcdic_track, ascii(|c| Class::Z.allows(c)));
                check("EBCDIC an", BAD, good, not_ebcdic_alnum, ascii(|c| Class::An.allows(c)));
                check("EBCDIC hex", BAD, good, not_ebcdic_hex, ascii(|c| c.is_ascii_hexdigit()));
                let translate = |x| translated(x, page.table());
                check("EBCDIC ans", BAD, good, translate, ascii(|c| Class::Ans.allows(c)));
            }
        }
        for good in [0x00, 0x99] {
            check("packed n", BAD_NIBBLES, good, not_packed, nibbles(|n| n < 10));
            check("packed z", BAD_NIBBLES, good, not_packed_track, nibbles(|n| n < 10 || n == 13));
        }
    }

    #[test]
    fn lower_case_is_told_from_upper_case_and_digits() {
        for character in *b"0123456789ABCDEFabcdef" {
            let small = character.is_ascii_lowercase();
            let word = |byte: u8| u64::from_le_bytes([byte; 8]);
            assert_eq!(lower_case(word(character), false) & BAD, if small { BAD } else { 0 });
            let ebcdic = CodePage::Cp037.from_ascii(character);
            assert_eq!(lower_case(word(ebcdic), true) & BAD, if small { BAD } else { 0 }, "{ebcdic:02x}");
        }
    }

    #[test]
    fn a_stretch_ends_where_it_says() {
        let digits = *b"xxxxxxx01234567890123456789xxxx";
        let wrong = |start, end| is_wrong(&digits, start, end, BAD, not_digits);
        for start in 7..=27 {
            for end in start..=27 {
                assert_eq!(wrong(start, end), Some(false), "{start}..{end}");
            }
        }
        for end in 8..=27 {
            assert_eq!(wrong(6, end), Some(true), "a byte before, up to {end}");
            assert_eq!(wrong(end, 28), Some(true), "a byte behind, from {end}");
        }
        assert_eq!(wrong(20, 32), None, "beyond the frame");
        assert_eq!(wrong(2, 3), None, "no whole word before the end");
    }

    #[test]
    fn conversions() {
        assert_eq!(hex_value(*b"723E6781a8e18200", false), 0x723E_6781_A8E1_8200);
        assert_eq!(&hex_characters(0x0123_4567_89AB_CDEF), b"0123456789ABCDEF");
        assert_eq!(&hex_characters(0xF9A0_0000_0000_0001), b"F9A0000000000001");
        assert_eq!(hex_value(*b"FfEeDdCcBbAa9876", false), 0xFFEE_DDCC_BBAA_9876);
        let ebcdic = b"FfEeDdCcBbAa9876".map(|c| CodePage::Cp037.from_ascii(c));
        assert_eq!(hex_value(ebcdic, true), 0xFFEE_DDCC_BBAA_9876);
        for n in [0u64, 1, 12_345_678, 99_999_999, 10_000_000, 90_807_060] {
            let mut digits = [0; 8];
            digits.copy_from_slice(format!("{n:08}").as_bytes());
            assert_eq!(decimal(digits), n);
        }
    }
}
