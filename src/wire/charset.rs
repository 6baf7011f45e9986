//! EBCDIC: which byte stands for which printable ASCII character. Knows bytes, no fields.

/// A code page of EBCDIC. They agree on letters, digits, the space and most special characters, and differ in
/// `[ ] ^ ! |`. Control characters have no place in a message, so none is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodePage {
    /// 037: USA, Canada, IBM i.
    Cp037,
    /// 500: international; what Mastercard uses.
    Cp500,
    /// 1047: Latin 1 of open systems on z/OS.
    Cp1047,
}

/// What no printable character is.
const NONE: u8 = 0xFF;

/// The special characters, by their byte in code page 037.
const SPECIALS: [(u8, u8); 33] = [
    (0x40, b' '),
    (0x4B, b'.'),
    (0x4C, b'<'),
    (0x4D, b'('),
    (0x4E, b'+'),
    (0x4F, b'|'),
    (0x50, b'&'),
    (0x5A, b'!'),
    (0x5B, b'$'),
    (0x5C, b'*'),
    (0x5D, b')'),
    (0x5E, b';'),
    (0x60, b'-'),
    (0x61, b'/'),
    (0x6B, b','),
    (0x6C, b'%'),
    (0x6D, b'_'),
    (0x6E, b'>'),
    (0x6F, b'?'),
    (0x79, b'`'),
    (0x7A, b':'),
    (0x7B, b'#'),
    (0x7C, b'@'),
    (0x7D, b'\''),
    (0x7E, b'='),
    (0x7F, b'"'),
    (0xA1, b'~'),
    (0xB0, b'^'),
    (0xBA, b'['),
    (0xBB, b']'),
    (0xC0, b'{'),
    (0xD0, b'}'),
    (0xE0, b'\\'),
];

/// Where the other two pages put characters that 037 has elsewhere.
const IN_500: [(u8, u8); 5] = [(0x4A, b'['), (0x4F, b'!'), (0x5A, b']'), (0x5F, b'^'), (0xBB, b'|')];
const IN_1047: [(u8, u8); 3] = [(0x5F, b'^'), (0xAD, b'['), (0xBD, b']')];

/// Letters and digits: first byte, first character, how many.
const STRETCHES: [(u8, u8, u8); 7] = [
    (0x81, b'a', 9),
    (0x91, b'j', 9),
    (0xA2, b's', 8),
    (0xC1, b'A', 9),
    (0xD1, b'J', 9),
    (0xE2, b'S', 8),
    (0xF0, b'0', 10),
];

const fn to_ascii_table(moved: &[(u8, u8)]) -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut i = 0;
    while i < STRETCHES.len() {
        let (byte, character, count) = STRETCHES[i];
        let mut n = 0;
        while n < count {
            table[(byte + n) as usize] = character + n;
            n += 1;
        }
        i += 1;
    }
    i = 0;
    while i < SPECIALS.len() {
        let (byte, character) = SPECIALS[i];
        let mut elsewhere = false;
        let mut m = 0;
        while m < moved.len() {
            elsewhere |= moved[m].1 == character;
            m += 1;
        }
        if !elsewhere {
            table[byte as usize] = character;
        }
        i += 1;
    }
    i = 0;
    while i < moved.len() {
        table[moved[i].0 as usize] = moved[i].1;
        i += 1;
    }
    table
}

const fn from_ascii_table(to_ascii: &[u8; 256]) -> [u8; 128] {
    let mut table = [NONE; 128];
    let mut byte = 0;
    while byte < 256 {
        if to_ascii[byte] < 128 {
            table[to_ascii[byte] as usize] = byte as u8;
        }
        byte += 1;
    }
    table
}

static TO_ASCII: [[u8; 256]; 3] = [to_ascii_table(&[]), to_ascii_table(&IN_500), to_ascii_table(&IN_1047)];
static FROM_ASCII: [[u8; 128]; 3] = [
    from_ascii_table(&to_ascii_table(&[])),
    from_ascii_table(&to_ascii_table(&IN_500)),
    from_ascii_table(&to_ascii_table(&IN_1047)),
];

impl CodePage {
    /// Every code page.
    pub const ALL: [CodePage; 3] = [CodePage::Cp037, CodePage::Cp500, CodePage::Cp1047];

    /// The ASCII character (20 to 7E) that a byte stands for; FF where it stands for none.
    #[inline]
    pub fn to_ascii(self, byte: u8) -> u8 {
        TO_ASCII[self as usize][usize::from(byte)]
    }

    /// The byte of an ASCII character (20 to 7E); FF for any other.
    #[inline]
    pub fn from_ascii(self, character: u8) -> u8 {
        FROM_ASCII[self as usize].get(usize::from(character)).copied().unwrap_or(NONE)
    }

    pub(super) const fn table(self) -> &'static [u8; 256] {
        &TO_ASCII[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_printable_character_has_one_byte_and_comes_back() {
        for page in CodePage::ALL {
            for character in 0x20..=0x7E {
                assert_eq!(page.to_ascii(page.from_ascii(character)), character, "{page:?} {character:02x}");
            }
            let printable = (0..=255).filter(|byte| page.to_ascii(*byte) != NONE).count();
            assert_eq!(printable, 0x7F - 0x20, "{page:?}");
            assert!([0x00, 0x1F, 0x7F, 0x80, 0xFF].iter().all(|c| page.from_ascii(*c) == NONE));
        }
    }

    /// Bytes made by independent translations of the same text.
    #[test]
    fn the_pages_are_what_others_make_of_them() {
        let text = b"09 azAZ[]^!|~";
        let table: [(CodePage, [u8; 13]); 3] = [
            (CodePage::Cp037, [0xF0, 0xF9, 0x40, 0x81, 0xA9, 0xC1, 0xE9, 0xBA, 0xBB, 0xB0, 0x5A, 0x4F, 0xA1]),
            (CodePage::Cp500, [0xF0, 0xF9, 0x40, 0x81, 0xA9, 0xC1, 0xE9, 0x4A, 0x5A, 0x5F, 0x4F, 0xBB, 0xA1]),
            (
                CodePage::Cp1047,
                [0xF0, 0xF9, 0x40, 0x81, 0xA9, 0xC1, 0xE9, 0xAD, 0xBD, 0x5F, 0x5A, 0x4F, 0xA1],
            ),
        ];
        for (page, bytes) in table {
            assert_eq!(text.map(|c| page.from_ascii(c)), bytes, "{page:?}");
        }
    }
}
