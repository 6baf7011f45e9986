//! Tables of codes and words, how to look into them, and how several words become one line. Knows no field.

use std::borrow::Cow;

/// What a value says; `None` where nothing is certain.
pub(super) type Words = Option<Cow<'static, str>>;

/// Code and words, sorted by code.
pub(super) type Rows = [(&'static str, &'static str)];

/// The network whose own codes a message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Visa.
    Visa,
    /// Mastercard, and the debit switches that follow it.
    Mastercard,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Scheme::Visa => "Visa",
            Scheme::Mastercard => "Mastercard",
        }
    }
}

/// A code, the network that gives it these words (`None` for all that have no words of their own), the words.
pub(super) type SchemeRows = [(&'static str, Option<Scheme>, &'static str)];
pub(super) const ALL: Option<Scheme> = None;
pub(super) const VISA: Option<Scheme> = Some(Scheme::Visa);
pub(super) const MASTERCARD: Option<Scheme> = Some(Scheme::Mastercard);

/// The words of a code.
pub(super) fn find(rows: &'static Rows, code: &str) -> Option<&'static str> {
    rows.binary_search_by(|row| row.0.cmp(code)).ok().map(|index| rows[index].1)
}

/// [`find`], as words.
pub(super) fn say(rows: &'static Rows, code: &str) -> Words {
    find(rows, code).map(Cow::Borrowed)
}

/// The words that `scheme` gives a code; where it is not known, those of every network that has some.
pub(super) fn choose(rows: &'static SchemeRows, scheme: Option<Scheme>, code: &str) -> Words {
    let start = rows.partition_point(|row| row.0 < code);
    let same = || rows[start..].iter().take_while(|row| row.0 == code);
    if scheme.is_some() {
        let own = same().find(|row| row.1 == scheme).or_else(|| same().find(|row| row.1.is_none()));
        return own.map(|row| Cow::Borrowed(row.2));
    }
    let mut said = same().map(|(_, scheme, words)| match scheme {
        None => Cow::Borrowed(*words),
        Some(scheme) => format!("{}: {words}", scheme.name()).into(),
    });
    let first = said.next()?;
    Some(said.fold(first, |all, next| format!("{all}; {next}").into()))
}

/// Characters that a line of words keeps to.
pub const LONGEST: usize = 120;

/// The items in one line; those for which there is no room are counted. `None` without items.
pub(super) fn join<T: AsRef<str>>(items: &[T]) -> Words {
    let mut text = String::new();
    for (index, item) in items.iter().enumerate() {
        let (item, left) = (item.as_ref(), items.len() - index);
        let comma = if index == 0 { "" } else { "; " };
        // Room for this one and, if it is not the last, for the count of the others.
        let reserve = if left > 1 { "; 99 more".len() } else { 0 };
        if text.len() + comma.len() + item.len() + reserve > LONGEST {
            text.push_str(&format!("{comma}{left} more"));
            break;
        }
        text.push_str(comma);
        text.push_str(item);
    }
    (!text.is_empty()).then(|| text.into())
}

/// What hexadecimal digits stand for; `None` for an odd number of them or other characters.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16).map(|digit| digit as u8);
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Fails where a table is not sorted, has a code twice, or words that are empty, not one line or too long.
#[cfg(test)]
pub(super) fn check(rows: &Rows) {
    check_order(&rows.iter().map(|row| (row.0, ())).collect::<Vec<_>>());
    rows.iter().for_each(|(code, words)| check_words(code, words));
}

/// [`check`] for a table with networks.
#[cfg(test)]
pub(super) fn check_schemes(rows: &'static SchemeRows) {
    check_order(&rows.iter().map(|row| (row.0, row.1)).collect::<Vec<_>>());
    for (code, _, words) in rows {
        check_words(code, words);
        check_words(code, &choose(rows, None, code).unwrap_or_default());
    }
}

/// Two rows must differ in what is looked for: the code, or code and network.
#[cfg(test)]
fn check_order<T: PartialOrd + std::fmt::Debug>(rows: &[(&str, T)]) {
    for pair in rows.windows(2) {
        assert!(pair[0] < pair[1], "{:?} stands before {:?}", pair[0], pair[1]);
    }
}

#[cfg(test)]
fn check_words(code: &str, words: &str) {
    assert!(
        !code.is_empty() && words.trim() == words && (1..=LONGEST).contains(&words.len()),
        "{code}: {words}"
    );
    assert!(words.bytes().all(|c| c.is_ascii_graphic() || c == b' '), "{code}: {words}");
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &SchemeRows = &[
        ("1", ALL, "one"),
        ("1", VISA, "uno"),
        ("2", VISA, "due"),
        ("2", MASTERCARD, "zwei"),
        ("3", ALL, "tre"),
    ];

    #[test]
    fn a_networks_own_words_come_before_those_of_all() {
        check_schemes(ROWS);
        for (scheme, code, words) in [
            (VISA, "1", Some("uno")),
            (MASTERCARD, "1", Some("one")),
            (None, "1", Some("one; Visa: uno")),
            (MASTERCARD, "2", Some("zwei")),
            (None, "2", Some("Visa: due; Mastercard: zwei")),
            (VISA, "3", Some("tre")),
            (None, "0", None),
            (VISA, "4", None),
        ] {
            assert_eq!(choose(ROWS, scheme, code).as_deref(), words, "{scheme:?} {code}");
        }
    }

    #[test]
    fn a_line_keeps_its_length_and_counts_what_it_leaves_out() {
        assert_eq!(join::<&str>(&[]), None);
        assert_eq!(join(&["a", "b"]).as_deref(), Some("a; b"));
        for (width, count) in (2..60).flat_map(|width| (1..60).map(move |count| (width, count))) {
            let item = "x".repeat(width);
            let line = join(&vec![&item; count]).unwrap_or_default();
            assert!(line.len() <= LONGEST, "{count}: {line}");
            let left = line.rsplit_once("; ").and_then(|(_, last)| last.strip_suffix(" more")?.parse().ok());
            assert_eq!(line.matches(&item).count() + left.unwrap_or(0), count, "{line}");
        }
        assert_eq!(join(&["x".repeat(200)]).as_deref(), Some("1 more"));
    }

    #[test]
    fn hexadecimal_is_read_whole_or_not_at_all() {
        assert_eq!(unhex("9f0A"), Some(vec![0x9F, 0x0A]));
        assert_eq!((unhex("9F0"), unhex("9G"), unhex("")), (None, None, Some(vec![])));
    }
}
