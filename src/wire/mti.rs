//! The message type indicator: version, class, function, origin. Knows no layout.

use std::fmt;

/// Message type indicator, four decimal digits kept as BCD nibbles: `0100` is `0x0100`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mti(u16);

impl Mti {
    pub(super) const ZERO: Mti = Mti(0);

    /// `bcd` as four nibbles; `None` where one of them is not a decimal digit.
    pub const fn new(bcd: u16) -> Option<Mti> {
        if bcd & ((bcd << 1) | (bcd << 2)) & 0x8888 == 0 { Some(Mti(bcd)) } else { None }
    }

    /// First digit: 0 = ISO 8583:1987, 1 = 1993, 2 = 2003, 8 national, 9 private.
    pub const fn version(self) -> u8 {
        (self.0 >> 12) as u8
    }

    /// Second digit: 1 authorization, 2 financial, 4 reversal, 8 network management …
    pub const fn class(self) -> u8 {
        (self.0 >> 8 & 15) as u8
    }

    /// Third digit: 0 request, 1 response, 2 advice, 3 advice response …
    pub const fn function(self) -> u8 {
        (self.0 >> 4 & 15) as u8
    }

    /// Fourth digit: 0 acquirer, 2 issuer, 4 other; odd for a repeat.
    pub const fn origin(self) -> u8 {
        (self.0 & 15) as u8
    }

    /// Whether the sender says it has sent this message before (origin odd).
    pub const fn is_repeat(self) -> bool {
        self.0 & 1 == 1
    }

    /// Whether this is an answer (function odd), which is itself never answered.
    pub const fn is_response(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// The MTI that answers this one: function plus one, repeat bit cleared (0101 -> 0110, 0421 -> 0430).
    /// A response answers to itself without its repeat bit.
    pub const fn response(self) -> Mti {
        Mti((self.0 | 0x10) & !1)
    }

    /// Four BCD nibbles, `0x0100` for 0100.
    pub const fn bcd(self) -> u16 {
        self.0
    }

    /// Four ASCII digits.
    pub const fn digits(self) -> [u8; 4] {
        [b'0' + self.version(), b'0' + self.class(), b'0' + self.function(), b'0' + self.origin()]
    }
}

impl fmt::Display for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}

impl fmt::Debug for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_decimal_nibbles_make_an_mti() {
        for bcd in 0..=u16::MAX {
            let decimal = format!("{bcd:04x}").bytes().all(|c| c.is_ascii_digit());
            assert_eq!(Mti::new(bcd).is_some(), decimal, "{bcd:04x}");
        }
    }

    #[test]
    fn digits_are_told_apart() {
        let mti = Mti::new(0x1234).unwrap();
        assert_eq!([mti.version(), mti.class(), mti.function(), mti.origin()], [1, 2, 3, 4]);
        assert_eq!(&mti.digits(), b"1234");
        assert_eq!(format!("{mti} {mti:?}"), "1234 1234");
    }

    #[test]
    fn responses_follow_the_rule() {
        let table = [
            (0x0100, 0x0110),
            (0x0101, 0x0110),
            (0x0120, 0x0130),
            (0x0121, 0x0130),
            (0x0200, 0x0210),
            (0x0302, 0x0312),
            (0x0400, 0x0410),
            (0x0421, 0x0430),
            (0x0800, 0x0810),
            (0x1804, 0x1814),
        ];
        for (request, response) in table {
            let request = Mti::new(request).unwrap();
            assert_eq!(request.response().bcd(), response, "{request}");
            assert!(!request.is_response() && request.response().is_response());
        }
        assert!(Mti::new(0x0121).unwrap().is_repeat() && !Mti::new(0x0120).unwrap().is_repeat());
    }
}
