//! A Rust file as the house rules see it: its code without comments and literals, which lines are tests,
//! which paths it names. A light lexer, not a parser: rustfmt and the compiler have seen the file before.

/// One file of the tree.
pub struct File {
    /// From the repository's root, with `/`.
    pub path: String,
    pub text: String,
    /// The text with comments and the insides of literals blanked; the same lines.
    pub code: Vec<String>,
    /// Lines with a comment that is not documentation.
    pub commented: Vec<bool>,
    /// Lines under `#[cfg(test)]`, or all lines of a file of tests.
    pub test: Vec<bool>,
}

/// A path named in code, e.g. `crate::wire::Mti`, with its line (from 1).
pub struct Named {
    pub line: usize,
    pub segments: Vec<String>,
}

impl File {
    pub fn new(path: &str, text: &str) -> File {
        let (code, commented) = blank(text);
        let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".rs");
        let of_tests = path.starts_with("tests/") || path.contains("/tests/") || stem.ends_with("tests");
        let test = if of_tests { vec![true; code.len()] } else { test_lines(&code) };
        File { path: path.to_owned(), text: text.to_owned(), code, commented, test }
    }

    /// The line (from 1) and code of what is not a test.
    pub fn product(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.code.iter().zip(&self.test).enumerate();
        lines.filter(|(_, (_, test))| !**test).map(|(index, (code, _))| (index + 1, code.as_str()))
    }

    /// Every path of two or more segments in what is not a test, `use` lists taken apart.
    pub fn paths(&self) -> Vec<Named> {
        let tokens: Vec<(usize, String)> = self
            .product()
            .flat_map(|(line, code)| tokens(code).into_iter().map(move |t| (line, t)))
            .collect();
        let (mut found, mut at) = (Vec::new(), 0);
        while at < tokens.len() {
            let starts = is_word(&tokens[at].1) && tokens.get(at + 1).is_some_and(|(_, next)| next == "::");
            let alone = at > 0 && tokens[at - 1].1 == "use" && is_word(&tokens[at].1);
            at = if starts || alone { tree(&tokens, at, &[], &mut found) } else { at + 1 };
        }
        found
    }

    /// Every function of what is not a test, as (name, line, lines from `fn` to its closing brace).
    pub fn functions(&self) -> Vec<(String, usize, usize)> {
        let mut found = Vec::new();
        for (line, code) in self.product() {
            let words = tokens(code);
            let Some(at) = words.iter().position(|word| word == "fn") else { continue };
            let Some(name) = words.get(at + 1).filter(|name| is_word(name)) else { continue };
            if let Some(end) = body_end(&self.code[line - 1..], code.find("fn ").unwrap_or(0)) {
                found.push((name.clone(), line, end + 1));
            }
        }
        found
    }
}

/// Reads one path or `use` tree at `at`; returns where the next token to look at is.
fn tree(tokens: &[(usize, String)], mut at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    let (mut segments, line) = (prefix.to_vec(), tokens[at].0);
    loop {
        match tokens.get(at).map(|(_, token)| token.as_str()) {
            Some("{") if segments.len() > prefix.len() || at == 0 || tokens[at - 1].1 == "::" => {
                at += 1;
                while tokens.get(at).is_some_and(|(_, token)| token != "}") {
                    at = if tokens[at].1 == "," {
                        at + 1
                    } else {
                        tree(tokens, at, &segments, found).max(at + 1)
                    };
                }
                return at + 1;
            }
            Some(token) if is_word(token) || token == "*" => {
                segments.push(token.to_owned());
                at += 1;
                if tokens.get(at).is_none_or(|(_, token)| token != "::") {
                    break;
                }
                at += 1;
                // A turbofish ends the path for our purpose: what is inside is read on its own.
                if tokens.get(at).is_some_and(|(_, token)| token == "<") {
                    break;
                }
            }
            _ => break,
        }
    }
    if tokens.get(at).is_some_and(|(_, token)| token == "as") {
        at += 2;
    }
    found.push(Named { line, segments });
    at
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_') && token != "as" && token != "use"
}

/// The words, `::` and single other signs of blanked code.
pub fn tokens(code: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), code.trim_start());
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let end = if word(first) {
            rest.find(|c| !word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        found.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    found
}

/// Offset of the line on which the item that starts in `lines[0]` at `from` closes its braces; `None` if
/// it has none.
fn body_end(lines: &[String], from: usize) -> Option<usize> {
    let (mut round, mut curly) = (0usize, 0usize);
    for (offset, line) in lines.iter().enumerate() {
        for c in line.chars().skip(if offset == 0 { from } else { 0 }) {
            match c {
                '(' | '[' => round += 1,
                ')' | ']' => round = round.saturating_sub(1),
                '{' => curly += 1,
                '}' if curly == 1 => return Some(offset),
                '}' => curly = curly.saturating_sub(1),
                ';' if round == 0 && curly == 0 => return None,
                _ => {}
            }
        }
    }
    None
}

fn test_lines(code: &[String]) -> Vec<bool> {
    let mut test = vec![false; code.len()];
    for line in 0..code.len() {
        let attribute = code[line].trim_start();
        let for_tests = attribute.starts_with("#[cfg(test)]") || attribute.starts_with("#[cfg(all(test");
        // Behind the attribute's own brackets: they close before the item begins.
        let after = code[line].find(']').map_or(0, |at| at + 1);
        if for_tests && !test[line] {
            let end = body_end(&code[line..], after).unwrap_or(1);
            test[line..=line + end].fill(true);
        }
    }
    test
}

/// The code with comments and the insides of literals blanked, and which lines have a plain comment.
fn blank(text: &str) -> (Vec<String>, Vec<bool>) {
    let chars: Vec<char> = text.chars().collect();
    let (mut out, mut plain) = (String::new(), vec![false; text.lines().count() + 1]);
    let (mut at, mut line) = (0, 0);
    while at < chars.len() {
        let end = literal_end(&chars, at);
        let comment = chars[at] == '/' && matches!(chars.get(at + 1), Some('/' | '*'));
        if comment && !matches!(chars.get(at + 2), Some('/' | '!')) {
            plain[line] = true;
        }
        if end == at + 1 && !comment {
            out.push(chars[at]);
        } else {
            // A string keeps its quotes, so that a call still shows that it had an argument.
            let quoted = !comment && end > at + 1;
            for (index, c) in chars.iter().enumerate().take(end).skip(at) {
                let edge = quoted && (index == at || index + 1 == end);
                out.push(if *c == '\n' {
                    '\n'
                } else if edge {
                    '"'
                } else {
                    ' '
                });
            }
        }
        line += chars[at..end].iter().filter(|c| **c == '\n').count();
        at = end;
    }
    let code: Vec<String> = out.lines().map(str::to_owned).collect();
    plain.truncate(code.len());
    (code, plain)
}

/// Where the comment or literal that starts at `at` ends; `at + 1` if none starts there.
fn literal_end(chars: &[char], at: usize) -> usize {
    let word_before = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match (chars[at], chars.get(at + 1)) {
        ('/', Some('/')) => (at..chars.len()).find(|i| chars[*i] == '\n').unwrap_or(chars.len()),
        ('/', Some('*')) => block_end(chars, at),
        ('"', _) => string_end(chars, at + 1, 0, true),
        ('r', Some('"' | '#')) | ('b' | 'c', Some('r')) if !word_before => {
            let hashes_from = if chars[at] == 'r' { at + 1 } else { at + 2 };
            let hashes = chars[hashes_from..].iter().take_while(|c| **c == '#').count();
            match chars.get(hashes_from + hashes) {
                Some('"') => string_end(chars, hashes_from + hashes + 1, hashes, false),
                _ => at + 1,
            }
        }
        ('\'', Some('\\')) => {
            (at + 3..chars.len()).find(|i| chars[*i] == '\'').map_or(chars.len(), |i| i + 1)
        }
        ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => at + 3,
        _ => at + 1,
    }
}

fn block_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut i) = (0, at);
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) if depth == 1 => return i + 2,
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
    }
    chars.len()
}

fn string_end(chars: &[char], from: usize, hashes: usize, escapes: bool) -> usize {
    let mut i = from;
    while i < chars.len() {
        if escapes && chars[i] == '\\' {
            i += 2;
        } else if chars[i] == '"' && chars[i + 1..].iter().take_while(|c| **c == '#').count() >= hashes {
            return i + 1 + hashes;
        } else {
            i += 1;
        }
    }
    chars.len()
}
