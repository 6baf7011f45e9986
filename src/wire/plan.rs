//! The small flat form of a data element that the fast walk reads, and the choice of the check it gets there.
//! Knows no bytes of any message.

use super::charset::CodePage;
use super::field::{Class, Counts, Encoding, Format, Length, Pad, Prefix, Side};

/// Which check a stretch of bytes gets on the fast path. Fields of the same run that follow each other are
/// checked as one stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// Not defined by the dialect.
    Absent,
    /// Any bytes.
    Raw,
    /// ASCII digits.
    Digits,
    /// Packed decimal.
    Packed,
    /// ASCII digits and track separators.
    Track,
    /// Packed decimal and the nibble D.
    PackedTrack,
    /// Letters, digits, space.
    Alnum,
    /// 20 to 7E.
    Printable,
    /// Hexadecimal characters in upper case.
    UpperHex,
    /// Hexadecimal characters in either case.
    Hex,
    /// EBCDIC digits.
    EbcdicDigits,
    /// EBCDIC digits and track separators.
    EbcdicTrack,
    /// EBCDIC letters, digits, space: the same in every code page.
    EbcdicAlnum,
    /// The printable characters of code page 037.
    Ebcdic037,
    /// The printable characters of code page 500.
    Ebcdic500,
    /// The printable characters of code page 1047.
    Ebcdic1047,
}

/// How the fast walk goes over a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Fixed length.
    Fixed,
    /// Fixed length, an odd number of packed digits whose first nibble must be 0.
    FixedPadded,
    /// Variable length.
    Variable,
    /// Variable length, packed, the last nibble of an odd number of digits must be 0.
    VariablePadded,
    /// By the strict check of the field itself.
    Careful,
    /// Not defined by the dialect.
    Absent,
}

/// How a length prefix is read; `None` also stands for those that only the strict check reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PrefixPlan {
    None,
    Ascii2,
    Ascii3,
    Ascii4,
    Ebcdic2,
    Ebcdic3,
    Ebcdic4,
    Bcd1,
    Bcd2,
    Binary1,
    Binary2,
}

/// The flat form of a field: all the fast walk needs, in a few bytes.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub(super) struct FieldPlan {
    /// The stretch that may simply go on over this field: its own run for a field of fixed length without
    /// anything special, else `Absent`, which is no stretch.
    pub glide: Run,
    pub run: Run,
    pub step: Step,
    pub prefix: PrefixPlan,
    pub prefix_bytes: u8,
    /// Bytes between the field's start and the start of a new stretch: 0 where the prefix's own characters
    /// pass the run's check, so that one stretch may go over prefix and value.
    pub skip: u8,
    /// Bytes a unit takes, doubled: 1 packed, 2 plain, 4 hex.
    pub half_bytes: u8,
    /// Units of a fixed field, most units of a variable one.
    pub units: u16,
    /// Bytes of a fixed field.
    pub bytes: u16,
}

impl FieldPlan {
    pub const ABSENT: FieldPlan = FieldPlan {
        glide: Run::Absent,
        run: Run::Absent,
        step: Step::Absent,
        prefix: PrefixPlan::None,
        prefix_bytes: 0,
        skip: 0,
        half_bytes: 0,
        units: 0,
        bytes: 0,
    };

    /// Flattens a checked field.
    pub fn new(format: &Format) -> FieldPlan {
        let run = Run::new(format);
        let prefix = format.prefix().map_or(Some(PrefixPlan::None), |prefix| PrefixPlan::new(prefix, format));
        let units = format.max_length();
        let prefix_bytes = format.prefix_bytes() as u8;
        let packed = format.encoding == Encoding::Bcd;
        let odd_pad_unchecked = packed && (format.accept.pad || format.accept.characters);
        let step = match (format.length, format.pad) {
            _ if run.is_none() || prefix.is_none() || odd_pad_unchecked => Step::Careful,
            (Length::Fixed(_), _) if !packed || units.is_multiple_of(2) => Step::Fixed,
            (Length::Fixed(_), Pad { side: Side::Left, nibble: 0 }) => Step::FixedPadded,
            (Length::Variable { .. }, _) if !packed => Step::Variable,
            (Length::Variable { .. }, Pad { side: Side::Right, nibble: 0 }) => Step::VariablePadded,
            _ => Step::Careful,
        };
        let run = if step == Step::Careful { Run::Raw } else { run.unwrap_or(Run::Raw) };
        let prefix = prefix.unwrap_or(PrefixPlan::None);
        FieldPlan {
            glide: if step == Step::Fixed { run } else { Run::Absent },
            run,
            step,
            prefix,
            prefix_bytes,
            skip: if prefix.passes(run) { 0 } else { prefix_bytes },
            half_bytes: format.encoding.bytes(2) as u8,
            units,
            bytes: format.wire_bytes(usize::from(units)) as u16,
        }
    }
}

impl Run {
    /// `None` for a class too rare to have a run: those are checked one by one.
    fn new(format: &Format) -> Option<Run> {
        let accept = format.accept;
        Some(match (format.class, format.encoding) {
            (Class::B, Encoding::Binary) => Run::Raw,
            (Class::B, Encoding::Hex) if accept.lower_case_hex => Run::Hex,
            (Class::B, Encoding::Hex) => Run::UpperHex,
            (Class::B, _) | (Class::Xn, _) => return None,
            (_, Encoding::Ascii | Encoding::Ebcdic(_)) if accept.characters => Run::Raw,
            (Class::N, Encoding::Ascii) => Run::Digits,
            (Class::N, Encoding::Ebcdic(_)) => Run::EbcdicDigits,
            (Class::N, Encoding::Bcd) => Run::Packed,
            (Class::Z, Encoding::Ascii) => Run::Track,
            (Class::Z, Encoding::Ebcdic(_)) => Run::EbcdicTrack,
            (Class::Z, Encoding::Bcd) => Run::PackedTrack,
            (Class::An, Encoding::Ascii) => Run::Alnum,
            (Class::An, Encoding::Ebcdic(_)) => Run::EbcdicAlnum,
            (Class::Ans, Encoding::Ascii) => Run::Printable,
            (Class::Ans, Encoding::Ebcdic(CodePage::Cp037)) => Run::Ebcdic037,
            (Class::Ans, Encoding::Ebcdic(CodePage::Cp500)) => Run::Ebcdic500,
            (Class::Ans, Encoding::Ebcdic(CodePage::Cp1047)) => Run::Ebcdic1047,
            _ => return None,
        })
    }

    const fn is_ebcdic(self) -> bool {
        matches!(
            self,
            Run::EbcdicDigits
                | Run::EbcdicTrack
                | Run::EbcdicAlnum
                | Run::Ebcdic037
                | Run::Ebcdic500
                | Run::Ebcdic1047
        )
    }
}

impl PrefixPlan {
    /// `None` for a prefix that only the strict check reads.
    fn new(prefix: Prefix, format: &Format) -> Option<PrefixPlan> {
        // Where a unit is a byte, both ways of counting are one.
        let counts_value = prefix.counts == Counts::Value || format.encoding.bytes(2) == 2;
        if !counts_value || prefix.inclusive {
            return None;
        }
        Some(match (prefix.encoding, prefix.digits) {
            (Encoding::Ascii, 2) => PrefixPlan::Ascii2,
            (Encoding::Ascii, 3) => PrefixPlan::Ascii3,
            (Encoding::Ascii, 4) => PrefixPlan::Ascii4,
            (Encoding::Ebcdic(_), 2) => PrefixPlan::Ebcdic2,
            (Encoding::Ebcdic(_), 3) => PrefixPlan::Ebcdic3,
            (Encoding::Ebcdic(_), 4) => PrefixPlan::Ebcdic4,
            (Encoding::Bcd, 1 | 2) => PrefixPlan::Bcd1,
            (Encoding::Bcd, 3 | 4) => PrefixPlan::Bcd2,
            (Encoding::Binary, 1 | 2) => PrefixPlan::Binary1,
            (Encoding::Binary, 3 | 4) => PrefixPlan::Binary2,
            _ => return None,
        })
    }

    /// Whether a decimal length in this form passes the run's check (it is also checked on its own).
    fn passes(self, run: Run) -> bool {
        match self {
            PrefixPlan::None => true,
            PrefixPlan::Ascii2 | PrefixPlan::Ascii3 | PrefixPlan::Ascii4 => {
                matches!(
                    run,
                    Run::Digits | Run::Track | Run::Alnum | Run::Printable | Run::Hex | Run::UpperHex
                )
            }
            PrefixPlan::Ebcdic2 | PrefixPlan::Ebcdic3 | PrefixPlan::Ebcdic4 => run.is_ebcdic(),
            PrefixPlan::Bcd1 | PrefixPlan::Bcd2 => matches!(run, Run::Packed | Run::PackedTrack),
            PrefixPlan::Binary1 | PrefixPlan::Binary2 => false,
        }
    }
}
