//! Hexadecimal in a line of text, however it is written: `3031`, `30 31`, `30:31`, `0x30, 0x31`, `\x30\x31`, `30-31`.
//! Knows nothing of what the bytes mean.

/// What a line that is hexadecimal from end to end holds.
pub(super) enum Whole {
    Bytes(Vec<u8>),
    /// A digit is missing.
    Odd,
}

/// A line that holds hexadecimal and what separates it, alone; `None` if there is anything else in it.
pub(super) fn whole(line: &str) -> Option<Whole> {
    let line = line.trim().trim_matches(['"', '\'', ',', ';']);
    if line.is_empty() {
        return None;
    }
    let spaced = line.split_whitespace();
    if line.bytes().all(|c| c.is_ascii_hexdigit() || c.is_ascii_whitespace()) {
        let digits: Vec<u8> = spaced.flat_map(str::bytes).collect();
        return Some(bytes(&digits).map_or(Whole::Odd, Whole::Bytes));
    }
    // With any other separator, or a prefix, it is one regular run from the first character to the last.
    let run = run_at(line.as_bytes(), 0)?;
    (run.end == line.len()).then_some(Whole::Bytes(run.bytes))
}

/// A time in front of a message: a bare decimal number, a space, and one unbroken run of digits.
pub(super) fn timed(line: &str) -> Option<(u64, Vec<u8>)> {
    let (time, message) = line.trim().split_once(char::is_whitespace)?;
    let message = message.trim();
    let all_decimal = time.bytes().all(|c| c.is_ascii_digit());
    Some((time.parse().ok().filter(|_| all_decimal)?, bytes(message.as_bytes())?))
}

/// Bytes of an even number of digits, at least two.
pub(super) fn bytes(digits: &[u8]) -> Option<Vec<u8>> {
    let nibble = |digit: u8| char::from(digit).to_digit(16).map(|digit| digit as u8);
    let (pairs, odd) = digits.as_chunks::<2>();
    if pairs.is_empty() || !odd.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect()
}

/// Groups of hexadecimal digits, all as long as the first (the last may be shorter), with the same between all.
#[derive(Default)]
pub(super) struct Run {
    pub start: usize,
    /// One past its last digit.
    pub end: usize,
    pub bytes: Vec<u8>,
    /// Bytes of a group.
    pub width: usize,
}

/// The next run at or after `from`: it begins and ends where a word does.
pub(super) fn next_run(line: &[u8], from: usize) -> Option<Run> {
    let word = |at: usize| line.get(at).is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'_');
    let mut at = from;
    while at < line.len() {
        if at > 0 && word(at - 1) && word(at) {
            at += 1;
            continue;
        }
        match run_at(line, at) {
            Some(run) => return Some(run),
            None => at += 1,
        }
    }
    None
}

/// The run that begins here.
fn run_at(line: &[u8], at: usize) -> Option<Run> {
    let mut run = Run { start: at, ..Run::default() };
    let mut next = at;
    let mut separator: Option<&[u8]> = None;
    let mut width = 0;
    loop {
        let rest = &line[next..];
        let prefix = [&b"0x"[..], b"0X", b"\\x"].into_iter().find(|prefix| rest.starts_with(prefix));
        let digits_at = next + prefix.map_or(0, <[u8]>::len);
        let length = line[digits_at..].iter().take_while(|c| c.is_ascii_hexdigit()).count();
        // `\x30\x31` has no space between the groups, so that a word's end is not asked for there.
        let after = line.get(digits_at + length);
        let is_whole = after.is_none_or(|c| !c.is_ascii_alphanumeric() && *c != b'_');
        let fits = width == 0 || length <= width;
        let Some(group) = bytes(&line[digits_at..digits_at + length]).filter(|_| is_whole && fits) else {
            break;
        };
        run.bytes.extend(group);
        run.end = digits_at + length;
        if width != 0 && length < width {
            break;
        }
        (width, run.width) = (length, length / 2);
        let here = separator_at(line, run.end);
        if *separator.get_or_insert(here) != here || (here.is_empty() && !line[run.end..].starts_with(b"\\x"))
        {
            break;
        }
        next = run.end + here.len();
    }
    (!run.bytes.is_empty()).then_some(run)
}

fn separator_at(line: &[u8], at: usize) -> &[u8] {
    let rest = &line[at..];
    [&b", "[..], b" ", b":", b",", b"-"]
        .into_iter()
        .find(|separator| rest.starts_with(separator))
        .unwrap_or(b"")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines() {
        let table: [(&str, Option<Option<&[u8]>>); 16] = [
            ("30313233", Some(Some(b"0123"))),
            ("  3031 3233\t", Some(Some(b"0123"))),
            ("303 13 233", Some(Some(b"0123"))),
            ("30:31:32:33", Some(Some(b"0123"))),
            ("30-31-32-33", Some(Some(b"0123"))),
            ("0x30313233", Some(Some(b"0123"))),
            ("0x30, 0x31, 0x32, 0x33", Some(Some(b"0123"))),
            ("0x30,0x31,", Some(Some(b"01"))),
            ("\\x30\\x31", Some(Some(b"01"))),
            ("\"3031\"", Some(Some(b"01"))),
            ("30313", Some(None)),
            ("2026-01-15", None),
            ("12:34:567", None),
            ("length 3031", None),
            ("", None),
            ("3031 #", None),
        ];
        for (line, expected) in table {
            let found = whole(line).map(|whole| match whole {
                Whole::Bytes(bytes) => Some(bytes),
                Whole::Odd => None,
            });
            assert_eq!(found.as_ref().map(|bytes| bytes.as_deref()), expected, "{line}");
        }
    }

    #[test]
    fn runs_within_a_line() {
        let table: [(&str, &[&[u8]]); 7] = [
            ("sent 30313233 to", &[b"0123"]),
            ("{\"raw\":\"30313233\",\"b\":\"3435\"}", &[b"0123", b"45"]),
            ("a=0x3031;", &[b"01"]),
            ("g3031 3031g _30", &[]),
            ("in 30 31 32 out 33:34", &[b"012", b"34"]),
            ("12 3031 3233", &[b"\x12", b"0123"]),
            ("30 31 3", &[b"01"]),
        ];
        for (line, expected) in table {
            let (mut found, mut from) = (Vec::new(), 0);
            while let Some(run) = next_run(line.as_bytes(), from) {
                from = run.end;
                found.push(run.bytes);
            }
            assert_eq!(found, expected, "{line}");
        }
    }
}
