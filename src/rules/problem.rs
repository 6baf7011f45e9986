//! What is wrong in a rule file and where: `file:line:column: reason`, and a diagnostic with the line and a caret.
//! Must not know what any key means. What could be a card number is never shown.

use miette::{Diagnostic, GraphicalReportHandler, NamedSource, SourceSpan};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Problems that are kept of one file: enough to work with, and a bound for hostile ones.
const MOST: usize = 200;
/// So many digits in a row could be a card number.
const CARD_DIGITS: usize = 12;

/// One thing wrong in a rule file.
#[derive(Clone, Debug, thiserror::Error, Diagnostic)]
#[error("{file}:{line}:{column}: {reason}")]
pub struct Problem {
    /// The file as it was given.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Characters, counted from 1.
    pub column: usize,
    /// What is wrong, and what is allowed.
    pub reason: String,
    #[source_code]
    text: Arc<NamedSource<String>>,
    #[label("here")]
    span: SourceSpan,
    #[help]
    help: Option<String>,
}

/// Everything wrong with a rule file; at least one problem, in the order of the file.
#[derive(Clone, Debug)]
pub struct Problems {
    list: Vec<Problem>,
}

impl Problems {
    /// What is wrong, in the order of the file.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// For a person at a terminal: each problem with its line and a caret. Ends with a line feed.
    #[must_use]
    pub fn report(&self) -> String {
        let pen = GraphicalReportHandler::new();
        let mut drawn = String::new();
        for problem in &self.list {
            if pen.render_report(&mut drawn, problem).is_err() {
                drawn.push_str(&problem.to_string());
            }
            drawn.push('\n');
        }
        drawn
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A problem whose line is not yet counted.
#[derive(Debug)]
struct Raw {
    at: Range<usize>,
    reason: String,
    help: Option<String>,
}

/// Gathers problems while a file is read.
#[derive(Debug, Default)]
pub(super) struct Blame {
    raw: Vec<Raw>,
}

impl Blame {
    pub(super) fn at(&mut self, at: Range<usize>, reason: impl Into<String>) {
        self.with_help(at, reason, None);
    }

    pub(super) fn with_help(&mut self, at: Range<usize>, reason: impl Into<String>, help: Option<String>) {
        if self.raw.len() < MOST {
            self.raw.push(Raw { at, reason: reason.into(), help });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// How many problems there are, to see whether a part of the file had one.
    pub(super) fn count(&self) -> usize {
        self.raw.len()
    }

    /// The problems with their places in `text`.
    pub(super) fn problems(mut self, text: &str, file: &str) -> Problems {
        self.raw.sort_by_key(|raw| raw.at.start);
        let source = Arc::new(NamedSource::new(file, hide_cards(text)));
        let place = |raw: Raw| {
            let before = text.get(..raw.at.start).unwrap_or(text);
            let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            Problem {
                file: file.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before[line_start..].chars().count() + 1,
                reason: hide_cards(&raw.reason),
                text: Arc::clone(&source),
                span: (before.len()..raw.at.end.clamp(before.len(), text.len())).into(),
                help: raw.help.map(|help| hide_cards(&help)),
            }
        };
        Problems { list: self.raw.into_iter().map(place).collect() }
    }
}

/// The text with every run of digits that could be a card number as `*`; as many bytes as before.
fn hide_cards(text: &str) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, digits) = rest.split_at(start);
        let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let (digits, after) = digits.split_at(length);
        hidden.push_str(before);
        match length {
            CARD_DIGITS.. => hidden.extend(std::iter::repeat_n('*', length)),
            _ => hidden.push_str(digits),
        }
        rest = after;
    }
    hidden.push_str(rest);
    hidden
}

/// The entry of `known` that `word` was probably meant to be.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // What is longer than any name is no misspelling, and would be costly to compare.
    if word.len() > 64 {
        return None;
    }
    let scored = known.into_iter().map(|name| (strsim::damerau_levenshtein(word, name), name));
    let bound = (word.chars().count() / 3).max(1);
    scored
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_card_number_is_shown() {
        let text = "x = 1\nvalues = [\"4111110000000013\", \"12345678901\"] # 5555555555554444\n";
        let mut blame = Blame::default();
        blame.with_help(6..12, "found 4111110000000013", Some("not 4111110000000013".into()));
        let problems = blame.problems(text, "f");
        let all = format!("{problems} {} {problems:?}", problems.report());
        assert!(!all.contains("411111") && !all.contains("5555"), "{all}");
        assert!(all.contains("12345678901") && all.contains("f:2:1"));
    }
}
