//! Chip data (DE55) as a terminal sends it: BER-TLV, plausible rather than verifiable.

use super::calendar::Moment;
use super::random::Random;
use super::trace::hex_from_bytes;
use std::fmt::Write;

/// What the chip signs over.
pub(super) struct ChipInput<'a> {
    /// Minor units.
    pub(super) amount_minor: u64,
    /// First two digits of DE3.
    pub(super) kind: &'a str,
    pub(super) moment: Moment,
    pub(super) contactless: bool,
}

/// DE55 as upper-case hex. The cryptogram, counter and unpredictable number are drawn, so no ARQC check can pass.
pub(super) fn chip_data(input: &ChipInput<'_>, random: &mut Random) -> String {
    let date = input.moment.chip_date();
    let date = String::from_utf8_lossy(&date);
    let cryptogram = hex_from_bytes(&random.next().to_be_bytes());
    let unpredictable = hex_from_bytes(&(random.next() as u32).to_be_bytes());
    let counter = random.between(1, 0xFFF);
    let (profile, verification) = if input.contactless { ("1980", "1F0302") } else { ("3900", "420300") };
    let mut hex = String::with_capacity(256);
    // Writing to a String cannot fail.
    let _ = write!(
        hex,
        "9F2608{cryptogram}9F2701809F100706010A03A0A0009F3704{unpredictable}9F3602{counter:04X}95050000008000\
         9A03{date}9C01{kind}9F0206{amount:012}5F2A0208408202{profile}9F1A0208409F03060000000000009F3303E0F0C8\
         9F3403{verification}9F350122\
         8407A0000000031010",
        kind = input.kind,
        amount = input.amount_minor,
    );
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_add_up_and_amounts_are_carried() {
        let moment = Moment::from_unix(1_768_435_200);
        let input = ChipInput { amount_minor: 12_345, kind: "00", moment, contactless: false };
        let hex = chip_data(&input, &mut Random::new(1));
        let bytes = super::super::trace::bytes_from_hex(&hex).unwrap_or_default();
        let mut tags = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let wide = bytes[at] & 0x1F == 0x1F;
            let tag = if wide { hex_from_bytes(&bytes[at..at + 2]) } else { hex_from_bytes(&bytes[at..=at]) };
            at += 1 + usize::from(wide);
            let end = at + 1 + usize::from(bytes[at]);
            tags.push((tag, hex_from_bytes(&bytes[at + 1..end])));
            at = end;
        }
        assert_eq!(at, bytes.len());
        assert_eq!(tags.len(), 17);
        let value = |tag: &str| tags.iter().find(|found| found.0 == tag).map(|found| found.1.as_str());
        assert_eq!(value("9F02"), Some("000000012345"));
        assert_eq!(value("9A"), Some("260115"));
        assert_eq!(value("84"), Some("A0000000031010"));
    }
}
