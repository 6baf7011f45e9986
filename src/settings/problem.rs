//! What is wrong with the configuration, and where: for a terminal (miette draws the line and a caret)
//! and as plain `file:line:column: key: reason`. Must not know what any setting means.

use miette::{Diagnostic, GraphicalReportHandler, NamedSource, SourceSpan};
use std::{fmt, ops::Range, sync::Arc};

/// One text that settings come from: the manual, a file, a `--set` argument.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// A later text wins over an earlier one, and its errors come after.
    pub(super) rank: usize,
    /// As errors call it.
    pub(super) name: String,
    pub(super) text: String,
}

/// Where a key and its value stand.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) source: Arc<Source>,
    pub(super) key: Range<usize>,
    pub(super) value: Range<usize>,
}

impl Origin {
    pub(super) fn at_key(&self, path: impl Into<String>, reason: impl Into<String>) -> Problem {
        Problem::new(&self.source, self.key.clone(), path.into(), reason.into())
    }

    pub(super) fn at_value(&self, path: impl Into<String>, reason: impl Into<String>) -> Problem {
        Problem::new(&self.source, self.value.clone(), path.into(), reason.into())
    }
}

/// Why settings were not accepted. `Display` is a line for each problem, [`SettingsError::report`] draws them.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("{file}: {reason}")]
    Read {
        /// The file as it was given.
        file: String,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// Everything found wrong.
    #[error("{}", lines(problems))]
    Invalid {
        /// At least one, in the order of the texts and of their lines.
        problems: Vec<Problem>,
    },
}

impl From<Problem> for SettingsError {
    fn from(problem: Problem) -> SettingsError {
        vec![problem].into()
    }
}

impl From<Vec<Problem>> for SettingsError {
    fn from(mut problems: Vec<Problem>) -> SettingsError {
        problems.sort_by_key(|problem| (problem.rank, problem.line, problem.column));
        SettingsError::Invalid { problems }
    }
}

impl SettingsError {
    /// What is wrong, one entry each; empty when the file could not be read.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            SettingsError::Read { .. } => &[],
            SettingsError::Invalid { problems } => problems,
        }
    }

    /// For a person at a terminal: each problem with its line, a caret and help; coloured if stderr is a
    /// terminal. Ends with a line feed.
    #[must_use]
    pub fn report(&self) -> String {
        let pen = GraphicalReportHandler::new();
        let mut drawn = String::new();
        for problem in self.problems() {
            if pen.render_report(&mut drawn, problem).is_err() {
                drawn.push_str(&problem.located());
            }
            drawn.push('\n');
        }
        if drawn.is_empty() { format!("{self}\n") } else { drawn }
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::located).collect::<Vec<_>>().join("\n")
}

/// One thing that is wrong: a miette diagnostic; its `Display` is `key: reason`.
#[derive(Debug, Diagnostic)]
pub struct Problem {
    #[source_code]
    text: NamedSource<String>,
    #[label]
    span: SourceSpan,
    #[help]
    help: Option<String>,
    rank: usize,
    /// From 1.
    line: usize,
    /// From 1, in characters.
    column: usize,
    key: String,
    reason: String,
}

impl Problem {
    pub(super) fn new(source: &Source, span: Range<usize>, key: String, reason: String) -> Problem {
        // A parser's span is on character boundaries; were it not, the caret would stand at the start.
        let before = source.text.get(..span.start).unwrap_or_default();
        let (start, end) = (before.len(), span.end.clamp(before.len(), source.text.len()));
        Problem {
            text: NamedSource::new(&source.name, source.text.clone()),
            span: (start..end).into(),
            help: None,
            rank: source.rank,
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
            key,
            reason,
        }
    }

    pub(super) fn with_help(mut self, help: Option<String>) -> Problem {
        self.help = help;
        self
    }

    /// The file as it was given, `--set KEY=VALUE`, or the built-in defaults.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.text.name()
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column, from 1, in characters.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// The dotted key, e.g. `links.acquirer-ascii.budget_ms`; empty when the text is not TOML.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// On one line: `file:line:column: key: reason (help)`.
    #[must_use]
    pub fn located(&self) -> String {
        let place = format!("{}:{}:{}", self.origin(), self.line, self.column);
        match &self.help {
            Some(help) => format!("{place}: {self} ({help})"),
            None => format!("{place}: {self}"),
        }
    }

    /// Whether both stand at the same place, so that one of them is enough.
    pub(super) fn same_place(&self, other: &Problem) -> bool {
        self.span == other.span && self.rank == other.rank
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => out.write_str(&self.reason),
            key => write!(out, "{key}: {}", self.reason),
        }
    }
}

/// The entry of `known` that `word` was probably meant to be, if one is near enough.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let bound = (length / 3).max(1);
    known
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= bound)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many characters must be changed, put in, left out or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substituted = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = substituted.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
