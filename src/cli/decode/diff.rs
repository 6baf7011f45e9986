//! Two messages compared by what they say: values as decoded, parts by their addresses, whatever the dialects. Values are
//! compared as they are and shown as far as they may be.

use super::explain::{Explanation, Field};
use super::tree::Look;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What differs between two messages.
#[derive(Serialize)]
pub(super) struct Comparison<'a> {
    pub equal: bool,
    a: Whole<'a>,
    b: Whole<'a>,
    differences: Vec<Difference<'a>>,
}

#[derive(Serialize)]
struct Whole<'a> {
    mti: Option<&'a str>,
    dialect: &'a str,
    errors: &'a [super::explain::Fault],
}

#[derive(Serialize)]
struct Difference<'a> {
    /// The address, or `MTI`.
    key: String,
    name: &'a str,
    /// Absent where the message has no such field.
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<Side<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<Side<'a>>,
}

#[derive(Serialize)]
struct Side<'a> {
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<&'a str>,
}

/// Compares by meaning. Messages that cannot be read to the end are never equal.
pub(super) fn compare<'a>(a: &'a Explanation, b: &'a Explanation) -> Comparison<'a> {
    let mut differences = Vec::new();
    if a.mti != b.mti {
        let side = |of: &'a Explanation| {
            of.mti.as_deref().map(|mti| Side { value: mti, meaning: of.meaning.as_deref() })
        };
        differences.push(Difference { key: "MTI".to_owned(), name: "Message type", a: side(a), b: side(b) });
    }
    level(&a.fields, &b.fields, &mut differences);
    let is_right = |of: &Explanation| of.errors.is_empty() && of.unread.is_none();
    let whole =
        |of: &'a Explanation| Whole { mti: of.mti.as_deref(), dialect: &of.dialect, errors: &of.errors };
    let equal = differences.is_empty() && is_right(a) && is_right(b);
    Comparison { equal, a: whole(a), b: whole(b), differences }
}

/// The order of addresses: numbers as numbers; of equal addresses the first, the second and so on.
type Place = (Vec<(u32, String)>, usize);

fn by_place(fields: Vec<&Field>) -> BTreeMap<Place, &Field> {
    let mut all = BTreeMap::new();
    for field in fields {
        let words = field.key.split('.').map(|word| (word.parse().unwrap_or(u32::MAX), word.to_owned()));
        let mut place = (words.collect(), 0);
        while all.contains_key(&place) {
            place.1 += 1;
        }
        all.insert(place, field);
    }
    all
}

/// The parts of one level; what only groups others by how they are sent is looked through.
fn flat(fields: &[Field]) -> Vec<&Field> {
    let mut all = Vec::new();
    for field in fields {
        let groups = |inner: &Field| !inner.key.starts_with(&format!("{}.", field.key));
        match field.fields.first() {
            Some(inner) if groups(inner) => all.extend(flat(&field.fields)),
            _ => all.push(field),
        }
    }
    all
}

fn level<'a>(a: &'a [Field], b: &'a [Field], differences: &mut Vec<Difference<'a>>) {
    let (a, b) = (by_place(flat(a)), by_place(flat(b)));
    let mut places: Vec<&Place> = a.keys().chain(b.keys()).collect();
    places.sort();
    places.dedup();
    for place in places {
        match (a.get(place), b.get(place)) {
            (Some(a), Some(b)) if same(a, b) => {}
            (Some(a), Some(b)) if !a.fields.is_empty() && !b.fields.is_empty() => {
                level(&a.fields, &b.fields, differences);
            }
            (a, b) => {
                let Some(either) = a.or(b) else { continue };
                let side =
                    |field: &&'a Field| Side { value: &field.value, meaning: field.meaning.as_deref() };
                differences.push(Difference {
                    key: either.key.clone(),
                    name: &either.name,
                    a: a.map(side),
                    b: b.map(side),
                });
            }
        }
    }
}

fn same(a: &Field, b: &Field) -> bool {
    let digits = |field: &Field| field.exact.bytes().all(|c| c.is_ascii_digit());
    if (a.is_number || b.is_number) && digits(a) && digits(b) {
        return a.exact.trim_start_matches('0') == b.exact.trim_start_matches('0');
    }
    // Spaces fill a text to its fixed length.
    a.exact.trim_end_matches(' ') == b.exact.trim_end_matches(' ')
}

impl Comparison<'_> {
    /// As lines for people.
    pub fn lines(&self, look: Look) -> String {
        let mut out = String::new();
        for (name, whole) in [("A", &self.a), ("B", &self.b)] {
            let _ = writeln!(out, "{name}: {} in {}", whole.mti.unwrap_or("????"), whole.dialect);
            for fault in whole.errors {
                let _ =
                    writeln!(out, "   error: {}, offset {}: {}", fault.place(), fault.offset, fault.reason);
            }
        }
        if self.differences.is_empty() {
            out.push_str(if self.equal { "equal\n" } else { "what could be read is equal\n" });
        }
        for difference in &self.differences {
            let _ = writeln!(out, "{}", look.bold(&format!("{}  {}", difference.key, difference.name)));
            let value = |side: &Option<Side<'_>>| side.as_ref().map(|side| side.value.to_owned());
            let unseen = value(&difference.a) == value(&difference.b);
            for (name, side) in [("A", &difference.a), ("B", &difference.b)] {
                let text = match side {
                    None => "absent".to_owned(),
                    Some(Side { value, meaning }) => {
                        let meaning = meaning.map(|meaning| format!("  {meaning}")).unwrap_or_default();
                        format!("{value}{meaning}")
                    }
                };
                let _ = writeln!(out, "   {name}  {}", text.trim_end());
            }
            if unseen {
                out.push_str("      they differ in what is not shown\n");
            }
        }
        out
    }
}
