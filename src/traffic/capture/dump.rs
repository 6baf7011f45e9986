//! A row of a dump with offsets, as xxd, hexdump, od, tcpdump -X and Wireshark write them. Knows no other row.

use super::hex;

/// Bytes of a row where the columns do not tell.
const ROW: usize = 16;

/// One row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub offset: u64,
    /// The same digits as od counts, where they can be.
    pub octal: Option<u64>,
    /// None in the last row of hexdump and od, which is an offset alone.
    pub bytes: Vec<u8>,
    /// As only xxd and tcpdump write: no other text begins with an offset and a colon.
    pub colon: bool,
    /// As tcpdump writes: the bytes may be a packet with its headers.
    pub tcpdump: bool,
}

/// The row in a line; `None` if it is none. Without a colon a row of a dump looks like a message in spaced
/// hexadecimal: whether the offset fits tells.
pub(super) fn row(line: &str) -> Option<Row> {
    let line = line.trim_end();
    let text = line.trim_start();
    let tcpdump = text.starts_with("0x");
    let text = text.strip_prefix("0x").unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_hexdigit).count();
    let colon = text.as_bytes().get(digits) == Some(&b':');
    if !(4..=16).contains(&digits) || (tcpdump && !colon) {
        return None;
    }
    let offset = u64::from_str_radix(&text[..digits], 16).ok()?;
    let rest = &text[digits + usize::from(colon)..];
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return None;
    }
    let (mut bytes, width) = columns(rest.trim_start(), colon)?;
    // Plain hexdump and od -x write words in the byte order of their machine, after seven digits.
    if digits == 7 && !colon && width == 2 {
        bytes.as_chunks_mut::<2>().0.iter_mut().for_each(|pair| pair.reverse());
    }
    // Seven digits before single bytes are od's; before words they are taken for hexdump's.
    let octal = u64::from_str_radix(&text[..digits], 8).ok().filter(|_| digits == 7 && !colon && width != 2);
    Some(Row { offset, octal, bytes, colon, tcpdump })
}

/// The first row of a dump behind a log's own words, and these: an offset of zero, two spaces or a colon, and a row's
/// columns of single bytes.
pub(super) fn first_row_within(line: &str) -> Option<(&str, Row)> {
    line.match_indices(" 0000").find_map(|(at, _)| {
        let (prefix, rest) = line.split_at(at + 1);
        let digits = rest.bytes().take_while(|c| *c == b'0').count();
        let is_offset =
            matches!(digits, 4..=8) && (rest[digits..].starts_with("  ") || rest[digits..].starts_with(": "));
        let first = rest[digits..].trim_start_matches(':').trim_start().split(' ').next()?;
        let row = row(rest).filter(|row| is_offset && first.len() == 2 && row.bytes.len() > 1)?;
        Some((prefix, row))
    })
}

/// The bytes of the columns of hexadecimal, and how many stand together.
fn columns(mut rest: &str, colon: bool) -> Option<(Vec<u8>, usize)> {
    let (mut bytes, mut width) = (Vec::new(), 0);
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let ends = rest.as_bytes().get(digits).is_none_or(|c| matches!(c, b' ' | b'\t'));
        let group = hex::bytes(&rest.as_bytes()[..digits]).filter(|_| ends);
        let group = group.filter(|group| width == 0 || group.len() <= width);
        let Some(group) = group.filter(|group| group.len() <= 8) else { break };
        width = width.max(group.len());
        bytes.extend(group);
        rest = &rest[digits..];
        let spaces = rest.bytes().take_while(|c| *c == b' ').count();
        // Two spaces lead to the characters of the row; in hexdump's also to its second half.
        let to_second_half = !colon && spaces == 2 && bytes.len() == ROW / 2;
        if (spaces != 1 && !to_second_half) || (!colon && bytes.len() >= ROW) {
            break;
        }
        rest = &rest[spaces..];
    }
    (!bytes.is_empty() || rest.is_empty()).then_some((bytes, width))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A line, and offset and bytes of the row in it.
    type Case<'a> = (&'a str, Option<(u64, &'a [u8])>);

    #[test]
    fn rows_of_every_tool() {
        let table: [Case<'_>; 15] = [
            ("00000000: 3031 3030 20              0100 ", Some((0, b"0100 "))),
            ("00000010: 3031 3030 3031 3030  01000100", Some((16, b"01000100"))),
            (
                "00000000  30 31 30 30 30 31 30 30  30 31 30 30 30 31 30 30  |0100010001000100|",
                Some((0, b"0100010001000100")),
            ),
            ("00000010  30 31                                             |01|", Some((16, b"01"))),
            ("00000012", Some((18, b""))),
            ("0000000 3130 3030", Some((0, b"0100"))),
            ("0000000 3130 0030", Some((0, b"010\0"))),
            ("000010 30 31 30 30 >0100<", Some((16, b"0100"))),
            ("\t0x0010:  3031 3030 3a                             0100:", Some((16, b"0100:"))),
            ("0000   30 31 30 30 30 31 30 30 30 31 30 30 30 31 30 30   0100010001000100", {
                Some((0, b"0100010001000100"))
            }),
            ("    00000000  30 31 30 30  30", Some((0, b"0100"))),
            ("12:34:56 sent", None),
            ("0x3031", None),
            ("hello", None),
            ("0100 purchase", None),
        ];
        for (line, expected) in table {
            let found = row(line);
            let found = found.as_ref().map(|row| (row.offset, row.bytes.as_slice()));
            assert_eq!(found, expected, "{line}");
        }
    }
}
