//! A message as lines for people: fields in columns, what is inside them indented, colour where it is wanted. Knows no
//! terminal: how wide it is and whether it has colours is said to it.

use super::explain::{Explanation, Fault, Field};
use super::rank::Candidate;
use anstyle::{AnsiColor, Style};
use std::fmt::Write;

/// How lines are to look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Characters of a line; longer ones are broken. `None` breaks none.
    pub width: Option<usize>,
    /// Colours, as ANSI escape sequences.
    pub colour: bool,
}

impl Look {
    /// A heading.
    pub(super) fn bold(self, text: &str) -> String {
        if self.colour { format!("{BOLD}{text}{BOLD:#}") } else { text.to_owned() }
    }
}

/// Characters of the longest address that has its column to itself.
const KEY: usize = 20;
/// Fewer characters than this are no column.
const NARROW: usize = 24;

const PLAIN: Style = Style::new();
const KEYS: Style = AnsiColor::Cyan.on_default();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const SAID: Style = AnsiColor::Green.on_default();
const WRONG: Style = AnsiColor::Red.on_default().bold();
const DOUBT: Style = AnsiColor::Yellow.on_default();

/// Pieces of a line with their styles.
type Cells<'a> = [(Style, &'a str)];

/// How much of the columns there is room for.
#[derive(Clone, Copy)]
struct Columns {
    /// Bytes of a field that are shown.
    raw: usize,
    /// Characters of a name, at most.
    name: usize,
    /// Values up to this length have their meaning in a column of its own.
    value: usize,
}

impl Columns {
    fn of(width: Option<usize>) -> Columns {
        match width {
            Some(..100) => Columns { raw: 0, name: 24, value: 12 },
            Some(..130) => Columns { raw: 4, name: 30, value: 12 },
            _ => Columns { raw: 8, name: 40, value: 18 },
        }
    }
}

struct Tree {
    look: Look,
    columns: Columns,
    out: String,
    key: usize,
    name: usize,
}

/// The message, and what is wrong with it.
pub(super) fn tree(explanation: &Explanation, look: Look) -> String {
    let mut tree = Tree { look, columns: Columns::of(look.width), out: String::new(), key: 2, name: 4 };
    let rows = |field: &Field| (field.key.len(), field.name.len());
    tree.measure(&explanation.fields, 0, &rows);
    tree.head(explanation);
    if !explanation.fields.is_empty() || explanation.unread.is_some() {
        tree.line(0, &[(DIM, &tree.cells("DE", "offset", "bytes", "name")), (DIM, "value")]);
    }
    tree.fields(explanation);
    if let Some(unread) = &explanation.unread {
        let raw = unread.raw.as_deref().unwrap_or("");
        let cells = tree.cells("", &unread.offset.to_string(), raw, "");
        tree.line(0, &[(DIM, &cells), (WRONG, &format!("{} bytes that are not read", unread.length))]);
    }
    for (faults, word, style) in
        [(&explanation.errors, "error", WRONG), (&explanation.warnings, "warning", DOUBT)]
    {
        for fault in faults {
            let text = format!(": {}, offset {}: {}", fault.place(), fault.offset, fault.reason);
            tree.line(2, &[(style, word), (PLAIN, &text)]);
        }
    }
    tree.out
}

/// The candidates, one a line.
pub(super) fn ranking(candidates: &[Candidate], look: Look) -> String {
    let mut tree = Tree { look, columns: Columns::of(look.width), out: String::new(), key: 0, name: 0 };
    let width = candidates.iter().map(|candidate| candidate.dialect.len()).max().unwrap_or(0);
    for (index, candidate) in candidates.iter().enumerate() {
        let style = if candidate.equal { BOLD } else { PLAIN };
        let name = format!("  {:<width$}  ", candidate.dialect);
        let reason = match (index, candidate.equal) {
            (1.., true) => format!("equal to the first: {}", candidate.reason),
            _ => candidate.reason.clone(),
        };
        tree.line(width + 4, &[(style, &name), (PLAIN, &reason)]);
    }
    tree.out
}

impl Tree {
    fn measure(&mut self, fields: &[Field], depth: usize, rows: &dyn Fn(&Field) -> (usize, usize)) {
        for field in fields {
            let (key, name) = rows(field);
            self.key = self.key.max((depth * 2 + key).min(KEY));
            self.name = self.name.max(name.min(self.columns.name));
            self.measure(&field.fields, depth + 1, rows);
        }
    }

    fn head(&mut self, explanation: &Explanation) {
        let time = explanation.time.as_ref().map(|time| format!("{time}  "));
        if let Some(origin) = &explanation.origin {
            self.line(0, &[(DIM, &format!("{}{origin}", time.unwrap_or_default()))]);
        }
        let mti = explanation.mti.as_deref().unwrap_or("????");
        self.line(0, &[(BOLD, &format!("{mti} {}", explanation.meaning.as_deref().unwrap_or("")))]);
        let mut text = explanation.dialect.clone();
        if !explanation.also.is_empty() {
            let _ = write!(text, " (or {}: nothing in it tells them apart)", explanation.also.join(", "));
        }
        let _ = write!(text, ", {} bytes", explanation.length);
        if let Some(framing) = &explanation.framing {
            let _ = write!(text, ", framed {framing}");
        }
        if let Some(missing) = explanation.missing {
            let _ = write!(text, ", which says {missing} bytes more than there are");
        }
        if let Some(header) = &explanation.header {
            let _ = write!(text, ", header {header}");
        }
        self.line(0, &[(PLAIN, &text)]);
    }

    /// The columns before the value.
    fn cells(&self, key: &str, offset: &str, raw: &str, name: &str) -> String {
        let (width, names, Columns { raw: bytes, .. }) = (self.key, self.name, self.columns);
        let raw = match raw.get(..bytes * 2) {
            Some(first) if raw.len() > bytes * 2 => format!("{first}.."),
            _ => raw.to_owned(),
        };
        let name = match name.get(..names.saturating_sub(2)) {
            Some(first) if name.len() > names => format!("{first}.."),
            _ => name.to_owned(),
        };
        let raw = if bytes == 0 { String::new() } else { format!("{raw:<bytes$}  ", bytes = bytes * 2 + 2) };
        format!("{key:<width$}  {offset:>6}  {raw}{name:<names$}  ")
    }

    /// The fields, and in their places those that are wrong.
    fn fields(&mut self, explanation: &Explanation) {
        let mut wrong = explanation.errors.iter().filter(|fault| fault.raw.is_some()).peekable();
        for field in &explanation.fields {
            let before = |fault: &&Fault| field.de.is_some_and(|de| fault.de < de);
            while let Some(fault) = wrong.next_if(before) {
                self.wrong(fault);
            }
            self.field(field, 0);
        }
        wrong.for_each(|fault| self.wrong(fault));
    }

    fn wrong(&mut self, fault: &Fault) {
        let raw = fault.raw.as_deref().unwrap_or("");
        let (key, offset) = (fault.de.to_string(), fault.start.to_string());
        let name = fault.name.as_deref().unwrap_or("");
        let cells = self.cells(&key, &offset, raw, name);
        self.line(cells.len(), &[(WRONG, &cells), (WRONG, &format!("wrong: {}", fault.reason))]);
    }

    fn field(&mut self, field: &Field, depth: usize) {
        let key = format!("{:indent$}{}", "", field.key, indent = depth * 2);
        let cells = self.cells(&key, &field.offset.to_string(), &field.raw, &field.name);
        let (keys, rest) = cells.split_at(self.key.max(key.len()) + 2);
        let (places, name) = rest.split_at(rest.len().saturating_sub(self.name + 2));
        // What is taken apart below is not repeated here, unless it is a code with a meaning of its own.
        let apart = !field.fields.is_empty() && field.value.len() > self.columns.value;
        let value = if apart { "" } else { &field.value };
        let meaning = if field.bits.is_empty() { field.meaning.as_deref().unwrap_or("") } else { "" };
        let value = if meaning.is_empty() {
            value.to_owned()
        } else {
            format!("{value:<width$}", width = self.columns.value)
        };
        let start = cells.len();
        self.row(start, &[(KEYS, keys), (DIM, places), (PLAIN, name)], (BOLD, &value), (SAID, meaning));
        for bit in &field.bits {
            self.line(start + 2, &[(PLAIN, &format!("{:start$}", "")), (SAID, &format!("- {bit}"))]);
        }
        for inner in &field.fields {
            self.field(inner, depth + 1);
        }
    }

    /// Columns, a value and what it says; where that is too long for the line, what it says goes below.
    fn row(&mut self, start: usize, cells: &Cells<'_>, value: (Style, &str), meaning: (Style, &str)) {
        let fits = |width: usize| start + value.1.len() + 2 + meaning.1.len() <= width;
        if meaning.1.is_empty() || self.look.width.is_none_or(fits) {
            let gap = if meaning.1.is_empty() { "" } else { "  " };
            let all = [cells, &[value, (PLAIN, gap), meaning]].concat();
            return self.line(start, &all);
        }
        self.line(start, &[cells, &[(value.0, value.1.trim_end())]].concat());
        let width = self.look.width.unwrap_or(usize::MAX);
        let indent = if width.saturating_sub(start) >= NARROW { start } else { 12.min(start) };
        self.line(indent, &[(PLAIN, &" ".repeat(indent)), meaning]);
    }

    /// One line, without spaces at its end; broken at words where it is too long, what follows indented.
    fn line(&mut self, indent: usize, cells: &Cells<'_>) {
        let indent = match self.look.width {
            Some(width) if width < indent + NARROW => 12.min(width / 2),
            _ => indent,
        };
        let last = cells.iter().rposition(|(_, text)| !text.trim_end().is_empty());
        let mut at = 0;
        for (index, (style, text)) in cells.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
            let mut text = if Some(index) == last { text.trim_end() } else { text };
            while let Some(width) = self.look.width.filter(|width| at + text.trim_end().len() > *width) {
                let room = width.saturating_sub(at);
                let begins = |room: usize| {
                    text.get(..room).and_then(|head| head.rfind(' ')).filter(|space| *space > 0)
                };
                let (head, tail) = match begins(room + 1) {
                    Some(space) => (&text[..space], text[space..].trim_start()),
                    // No word fits: on the next line it may, else it is broken.
                    None if at > indent => ("", text),
                    None => text.split_at_checked(room.max(1)).unwrap_or((text, "")),
                };
                self.put(*style, head);
                while self.out.ends_with(' ') {
                    self.out.pop();
                }
                let _ = write!(self.out, "\n{:indent$}", "");
                (at, text) = (indent, tail);
            }
            self.put(*style, text);
            at += text.len();
        }
        self.out.push('\n');
    }

    fn put(&mut self, style: Style, text: &str) {
        let plain = !self.look.colour || text.trim().is_empty();
        let _ = if plain { write!(self.out, "{text}") } else { write!(self.out, "{style}{text}{style:#}") };
    }
}
