//! The house rules: each takes the tree and returns what breaks it, one line a finding.

use super::source::{File, Named, tokens};

/// Room -> the rooms it may know. The picture in `src/lib.rs` says the same; a new arrow edits both.
const ARROWS: [(&str, &[&str]); 14] = [
    ("wire", &[]),
    ("message", &["wire"]),
    ("vault", &[]),
    ("clock", &[]),
    ("rules", &["message"]),
    ("portfolio", &["message", "vault", "wire"]),
    ("decision", &["journal", "message", "portfolio", "rules", "wire"]),
    ("journal", &[]),
    ("network", &["clock", "decision", "journal", "message", "portfolio", "settings", "telemetry", "wire"]),
    ("telemetry", &[]),
    ("admin", &["network", "telemetry"]),
    ("traffic", &["message", "telemetry", "wire"]),
    ("settings", &["message", "wire"]),
    (
        "cli",
        &[
            "admin",
            "clock",
            "decision",
            "journal",
            "message",
            "network",
            "portfolio",
            "rules",
            "settings",
            "telemetry",
            "traffic",
            "vault",
            "wire",
        ],
    ),
];

/// The rooms that must give the same result for the same input, always.
const PURE: [&str; 4] = ["wire", "message", "decision", "rules"];
/// What a pure room must not reach: waiting, sockets, files, clocks, chance, logs.
const IMPURE: [&str; 13] = [
    "tokio",
    "std::net",
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "rand",
    "getrandom",
    "quanta",
    "tracing",
    "rustix",
    "fastrand",
    "jiff::Timestamp::now",
];
/// Clocks, under whatever path.
const CLOCKS: [&str; 3] = ["Instant", "SystemTime", "Zoned"];

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 70;
/// Longer files, at the length they have. A number may only shrink; a file within the bound leaves the table.
const LONG_FILES: [(&str, usize); 1] = [("tests/decision_money/ledger.rs", 517)];
/// Longer functions, as `path: name`, at the length they have. A number may only shrink.
const LONG_FUNCTIONS: [(&str, usize); 0] = [];

/// Names that say nothing about what a thing is for.
const EMPTY_NAMES: [&str; 9] =
    ["util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "stuff"];

/// A rule and its name.
pub type Rule = (&'static str, fn(&[File]) -> Vec<String>);

pub const RULES: [Rule; 13] = [
    ("arrows", arrows),
    ("rooms", rooms),
    ("purity", purity),
    ("printing", printing),
    ("heads", heads),
    ("file length", file_length),
    ("function length", function_length),
    ("names", names),
    ("left undone", left_undone),
    ("unproven panics", unproven_panics),
    ("foreign words", foreign_words),
    ("idle settings", idle_settings),
    ("planted bugs", planted_bugs),
];

fn rust(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| file.path.ends_with(".rs"))
}

fn sources(files: &[File]) -> impl Iterator<Item = &File> {
    rust(files).filter(|file| file.path.starts_with("src/"))
}

/// The modules above and of a file: `src/wire/frame.rs` is `wire`, `frame`.
fn module(path: &str) -> Vec<&str> {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    path.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main")).collect()
}

/// The room that a path leads to, if it leads to one.
fn target<'a>(module: &[&'a str], path: &'a Named) -> Option<&'a str> {
    let mut segments = path.segments.iter().map(String::as_str).peekable();
    match segments.next()? {
        "crate" | "authswitch" => segments.next(),
        "super" => {
            let mut above = module.len().checked_sub(1)?;
            while segments.next_if_eq(&"super").is_some() {
                above = above.checked_sub(1)?;
            }
            if above == 0 { segments.next() } else { module.first().copied() }
        }
        _ => None,
    }
}

fn arrows(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in sources(files) {
        let module = module(&file.path);
        let room = module.first().copied().unwrap_or("main");
        let allowed: &[&str] = match ARROWS.iter().find(|(from, _)| *from == room) {
            Some((_, to)) => to,
            None => &["cli"],
        };
        for path in file.paths() {
            let Some(to) = target(&module, &path) else { continue };
            let is_room = ARROWS.iter().any(|(name, _)| *name == to);
            if is_room && to != room && !allowed.contains(&to) {
                let Named { line, segments } = &path;
                found.push(format!("{}:{line}: {room} -> {to} by {}", file.path, segments.join("::")));
            }
        }
    }
    found
}

fn rooms(files: &[File]) -> Vec<String> {
    let Some(map) = files.iter().find(|file| file.path == "src/lib.rs") else { return vec![] };
    let declared =
        map.product().filter_map(|(_, code)| Some(code.split_once("mod ")?.1.trim_end_matches(';')));
    let unknown = declared.filter(|room| !ARROWS.iter().any(|(name, _)| name == room));
    unknown.map(|room| format!("src/lib.rs: the room {room} has no row in the table of arrows")).collect()
}

fn purity(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in
        sources(files).filter(|file| PURE.contains(&module(&file.path).first().copied().unwrap_or("")))
    {
        for Named { line, segments } in file.paths() {
            let path = segments.join("::");
            let reaches = |bad: &str| path == bad || path.starts_with(&format!("{bad}::"));
            if IMPURE.into_iter().any(reaches)
                || CLOCKS.into_iter().any(|clock| segments.iter().any(|s| s == clock))
            {
                found.push(format!("{}:{line}: {path} in a pure room", file.path));
            }
        }
        for (line, code) in file.product() {
            if ["println!", "print!", "eprint!"].iter().any(|print| code.contains(print)) {
                found.push(format!("{}:{line}: prints in a pure room", file.path));
            }
        }
    }
    found
}

/// Where commands print: the macros of the standard library abort the process when the pipe is closed.
const PRINTER: &str = "src/cli/print.rs";

fn printing(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in sources(files).filter(|file| file.path != PRINTER) {
        for (line, code) in file.product() {
            let abrupt = ["println!", "print!", "stdout().lock", "stdout().write"];
            for bad in abrupt.into_iter().filter(|bad| code.contains(bad)).take(1) {
                found.push(format!("{}:{line}: {bad} outside {PRINTER}", file.path));
            }
        }
    }
    found
}

fn heads(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in rust(files) {
        // Behind an empty line there may be more: a picture, a layout.
        let head = file.text.lines().take_while(|line| line.starts_with("//!") && line.trim() != "//!");
        let lines = head.count();
        if lines == 0 || lines > 5 {
            found.push(format!("{}: opens with {lines} lines of `//!`, not 1 to 5", file.path));
        }
    }
    found
}

fn file_length(files: &[File]) -> Vec<String> {
    let lengths = rust(files).map(|file| (file.path.clone(), file.text.lines().count()));
    ratchet(lengths.collect(), MAX_FILE_LINES, &LONG_FILES)
}

fn function_length(files: &[File]) -> Vec<String> {
    let functions = sources(files).flat_map(|file| {
        file.functions().into_iter().map(|(name, _, lines)| (format!("{}: {name}", file.path), lines))
    });
    ratchet(functions.collect(), MAX_FUNCTION_LINES, &LONG_FUNCTIONS)
}

/// Nothing longer than `bound`, save what is in `table` at exactly the length there.
pub fn ratchet(lengths: Vec<(String, usize)>, bound: usize, table: &[(&str, usize)]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, length) in &lengths {
        match table.iter().find(|(known, _)| known == name) {
            None if *length > bound => found.push(format!("{name}: {length} lines, more than {bound}")),
            Some((_, known)) if length > known => {
                found.push(format!("{name}: grew from {known} to {length} lines, with {bound} the bound"));
            }
            Some((_, known)) if length < known => {
                found.push(format!("{name}: shrank to {length} lines: say so in the table ({known})"));
            }
            _ => {}
        }
    }
    let gone = table.iter().filter(|(known, _)| !lengths.iter().any(|(name, _)| name == known));
    found.extend(gone.map(|(known, _)| format!("{known}: is in the table and no more in the tree")));
    found
}

fn names(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let parts = file.path.split(['/', '.', '_', '-']);
        found.extend(
            parts
                .filter(|part| EMPTY_NAMES.contains(part))
                .map(|part| format!("{}: {part} says nothing", file.path)),
        );
    }
    for file in rust(files) {
        for (index, code) in file.code.iter().enumerate() {
            let words: Vec<&str> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            for pair in words.windows(2) {
                let declares = matches!(pair[0], "mod" | "struct" | "enum" | "trait" | "type");
                if declares && name_parts(pair[1]).iter().any(|part| EMPTY_NAMES.contains(&part.as_str())) {
                    found.push(format!("{}:{}: {} says nothing", file.path, index + 1, pair[1]));
                }
            }
        }
    }
    found
}

/// `LinkManager` and `link_manager` are `link`, `manager`.
fn name_parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut().filter(|_| c != '_') {
            part.extend(c.to_lowercase());
        }
    }
    parts
}

fn left_undone(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in rust(files) {
        let lines: Vec<&str> = file.text.lines().collect();
        for (index, code) in file.code.iter().enumerate() {
            for word in ["todo!", "unimplemented!", "dbg!", "#[ignore", "should_panic]"] {
                // Not a test but the body of a process that tests start: the reason says so.
                let body = word == "#[ignore" && lines[index].contains("process");
                if code.contains(word) && !body {
                    found.push(format!("{}:{}: {word}", file.path, index + 1));
                }
            }
        }
        for (index, line) in lines.iter().enumerate() {
            for word in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")] {
                if line.contains(word) {
                    found.push(format!("{}:{}: {word}", file.path, index + 1));
                }
            }
        }
    }
    found
}

fn unproven_panics(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in sources(files) {
        for (line, code) in file.product() {
            let here = [".unwrap()", ".expect(", ".unwrap_err()", ".expect_err(", "panic!(", "unreachable!("];
            let Some(word) = here.iter().find(|word| code.contains(**word)) else { continue };
            let proven = file.commented[line - 1] || (line > 1 && file.commented[line - 2]);
            if !proven {
                found.push(format!("{}:{line}: {word} without a comment that proves it", file.path));
            }
        }
    }
    found
}

/// A setting that nothing reads is a promise that nothing keeps.
fn idle_settings(files: &[File]) -> Vec<String> {
    let (mut declared, mut others) = (Vec::new(), String::new());
    for file in sources(files) {
        let of_settings = file.path.starts_with("src/settings/");
        for (line, code) in file.product() {
            if !of_settings {
                others.push_str(code);
                others.push('\n');
            } else if file.path.ends_with("/tables.rs")
                && let Some((name, _)) =
                    code.trim().strip_prefix("pub ").and_then(|field| field.split_once(": "))
                && !name.starts_with("fn ")
            {
                declared.push((line, name));
            }
        }
    }
    let used = tokens(&others);
    let read = |name: &str| used.windows(2).any(|pair| pair[0] == "." && pair[1] == name);
    let idle = declared.into_iter().filter(|(_, name)| !read(name));
    idle.map(|(line, name)| format!("src/settings/tables.rs:{line}: nothing reads {name}")).collect()
}

/// A bug that the long ladder plants has its place, once: who changes the text there hears of it before the ladder is climbed.
fn planted_bugs(files: &[File]) -> Vec<String> {
    let Some(list) = files.iter().find(|file| file.path == "tests/simulation/bugs.toml") else {
        return Vec::new();
    };
    let list: toml::Table = list.text.parse().expect("bugs.toml is TOML");
    let bugs = list["bug"].as_array().expect("bugs.toml lists bugs");
    let mut found = Vec::new();
    for bug in bugs {
        let word = |name: &str| bug[name].as_str().expect("a bug is told in strings");
        let text = word("original").replace(['«', '»'], "");
        let place = files.iter().find(|file| file.path == word("file"));
        let times = place.map_or(0, |file| file.text.matches(&text).count());
        if times != 1 {
            found.push(format!("{}: its text stands {times} times in {}", word("name"), word("file")));
        }
    }
    found
}

/// Words of one machine, one registry or one person: the project speaks of itself alone.
fn foreign_words(files: &[File]) -> Vec<String> {
    let words = [
        concat!("/wo", "rk/"),
        concat!("/fa", "rm/"),
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/Us", "ers/"),
        concat!("/tmp", "/wt"),
        concat!("crates", ".io"),
        concat!("py", "pi.org"),
        concat!("npm", "js."),
        concat!("deb.", "debian.org"),
        concat!("docker", ".io"),
    ];
    let mut found = Vec::new();
    // A lock file names the registry of every package: that is its format.
    for file in files.iter().filter(|file| !file.path.ends_with("Cargo.lock")) {
        for (index, line) in file.text.lines().enumerate() {
            let here = words.iter().filter(|word| line.contains(**word)).map(|word| (*word).to_owned());
            found.extend(
                here.chain(mail_address(line)).map(|word| format!("{}:{}: {word}", file.path, index + 1)),
            );
        }
    }
    found
}

fn mail_address(line: &str) -> Option<String> {
    line.match_indices('@').find_map(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + 1..]);
        let user = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && !"._+-".contains(c)).next()?;
        let host = after.split(|c: char| !c.is_ascii_alphanumeric() && !".-".contains(c)).next()?;
        let (name, top) = host.trim_end_matches('.').rsplit_once('.')?;
        let letters = top.len() >= 2 && top.bytes().all(|b| b.is_ascii_alphabetic());
        (!user.is_empty() && !name.is_empty() && letters).then(|| format!("{user}@{host}"))
    })
}
