//! The house rules as tests: the arrows between rooms, purity, lengths, names, proven panics, no foreign words.
//! Every rule is also shown a snippet that breaks it, so that none can pass by finding nothing to look at.
#![allow(clippy::unwrap_used)]

#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use rules::{RULES, ratchet};
use source::File;
use std::{path::Path, process::Command};

/// Every text file under version control, and what is new and not ignored.
fn tree() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listing = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output()
        .expect("git is needed to know which files are the project's");
    assert!(listing.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listing.stderr));
    let names = String::from_utf8(listing.stdout).unwrap();
    let read = |name: &str| Some(File::new(name, &std::fs::read_to_string(root.join(name)).ok()?));
    names.split_terminator('\0').filter_map(read).collect()
}

/// What a rule finds in a few files; of the ratchets' tables they need not hold the files.
fn findings(rule: &str, files: &[File]) -> Vec<String> {
    let (_, check) = RULES.iter().find(|(name, _)| *name == rule).unwrap();
    check(files)
        .into_iter()
        .filter(|found| !found.ends_with("is in the table and no more in the tree"))
        .collect()
}

#[test]
fn the_tree_keeps_every_rule() {
    let files = tree();
    let sources = files.iter().filter(|file| file.path.starts_with("src/")).count();
    assert!(sources > 20, "only {sources} source files found: is this the repository?");
    let found: Vec<String> = RULES
        .iter()
        .flat_map(|(name, check)| check(&files).into_iter().map(move |finding| format!("{name}: {finding}")))
        .collect();
    assert!(found.is_empty(), "{} findings\n{}", found.len(), found.join("\n"));
}

/// (rule, path, text, what the finding starts with; nothing = the snippet keeps the rule).
const SNIPPETS: &[(&str, &str, &str, &[&str])] = &[
    ("arrows", "src/wire/mod.rs", "use crate::message::Kind;", &["src/wire/mod.rs:1: wire -> message"]),
    (
        "arrows",
        "src/wire/a.rs",
        "use crate::{wire::X, journal::{self, Y}};",
        &["src/wire/a.rs:1: wire -> journal"; 2],
    ),
    (
        "arrows",
        "src/wire/a.rs",
        "fn f() {\n    crate::admin::run::<u8>();\n}",
        &["src/wire/a.rs:2: wire -> admin"],
    ),
    ("arrows", "src/wire/a.rs", "use super::super::cli;", &["src/wire/a.rs:1: wire -> cli"]),
    ("arrows", "src/wire/a.rs", "use super::cli;\nuse super::frame::X;", &[]),
    ("arrows", "src/wire/mod.rs", "use super::cli;", &["src/wire/mod.rs:1: wire -> cli"]),
    ("arrows", "src/wire/a.rs", "// crate::cli::x\nconst A: &str = \"crate::cli::x\";", &[]),
    (
        "arrows",
        "src/wire/a.rs",
        "#[cfg(test)]\nmod tests {\n    use crate::message::A;\n}\nuse crate::cli::B;",
        &["src/wire/a.rs:5: wire -> cli"],
    ),
    (
        "arrows",
        "src/network/a.rs",
        "use crate::decision::decide;\nuse crate::admin::X;",
        &["src/network/a.rs:2: network -> admin"],
    ),
    ("arrows", "src/main.rs", "fn main() {\n    authswitch::wire::x()\n}", &["src/main.rs:2: main -> wire"]),
    ("arrows", "src/main.rs", "fn main() {\n    authswitch::cli::main()\n}", &[]),
    ("rooms", "src/lib.rs", "pub mod wire;\n\npub mod cellar;", &["src/lib.rs: the room cellar"]),
    ("purity", "src/wire/a.rs", "use tokio::net::TcpStream;", &["src/wire/a.rs:1: tokio::net"]),
    ("purity", "src/wire/a.rs", "use tokio_util::codec::Decoder;", &[]),
    (
        "purity",
        "src/message/a.rs",
        "use std::{fs, time::{Duration, Instant}};",
        &["src/message/a.rs:1: std::fs", "src/message/a.rs:1: std::time::Instant"],
    ),
    (
        "purity",
        "src/decision/a.rs",
        "use std::time;\nfn f() {\n    time::SystemTime::now();\n}",
        &["src/decision/a.rs:3: time::SystemTime::now"],
    ),
    (
        "purity",
        "src/decision/a.rs",
        "fn f() {\n    getrandom::fill(&mut x);\n    tracing::info!(x);\n}",
        &["src/decision/a.rs:2: getrandom", "src/decision/a.rs:3: tracing::info"],
    ),
    ("purity", "src/decision/a.rs", "fn f() {\n    eprintln!(\"x\");\n}", &["src/decision/a.rs:2: prints"]),
    ("purity", "src/network/a.rs", "use std::time::Instant;", &[]),
    (
        "printing",
        "src/cli/a.rs",
        "fn f() {\n    println!(\"x\");\n    eprint!(\"x\");\n    io::stdout().lock();\n    outln!(\"x\");\n}",
        &["src/cli/a.rs:2: println!", "src/cli/a.rs:3: print!", "src/cli/a.rs:4: stdout().lock"],
    ),
    ("printing", "src/cli/print.rs", "fn f() {\n    io::stdout().lock();\n}", &[]),
    ("purity", "src/wire/a.rs", "#[cfg(test)]\nmod tests {\n    use std::time::Instant;\n}", &[]),
    ("heads", "src/wire/a.rs", "use std::fmt;\n", &["src/wire/a.rs: opens with 0"]),
    (
        "heads",
        "src/wire/a.rs",
        "//! a\n//! b\n//! c\n//! d\n//! e\n//! f\n",
        &["src/wire/a.rs: opens with 6"],
    ),
    (
        "heads",
        "tests/a.rs",
        "//! What it is for.\n//!\n//! Its\n//! layout\n//! in\n//! so\n//! many\n//! lines.\n",
        &[],
    ),
    ("names", "src/wire/utils.rs", "", &["src/wire/utils.rs: utils"]),
    ("names", "tests/common/mod.rs", "", &["tests/common/mod.rs: common"]),
    (
        "names",
        "src/a.rs",
        "struct LinkManager;\nmod test_helpers {}\nstruct Commonwealth;",
        &["src/a.rs:1: LinkManager", "src/a.rs:2: test_helpers"],
    ),
    ("left undone", "src/a.rs", "fn f() {\n    todo!()\n}", &["src/a.rs:2: todo!"]),
    (
        "left undone",
        "tests/a.rs",
        "#[ignore = \"slow\"]\nfn f() {\n    dbg!(1);\n}",
        &["tests/a.rs:1: #[ignore", "tests/a.rs:3: dbg!"],
    ),
    ("left undone", "tests/a.rs", "#[ignore = \"the process that the others start\"]\nfn f() {}", &[]),
    ("left undone", "src/a.rs", concat!("// TO", "DO later"), &[concat!("src/a.rs:1: TO", "DO")]),
    ("left undone", "src/a.rs", "const A: &str = \"todo!\";", &[]),
    ("unproven panics", "src/a.rs", "fn f() {\n    x.unwrap();\n}", &["src/a.rs:2: .unwrap()"]),
    (
        "unproven panics",
        "src/a.rs",
        "/// Documentation proves nothing.\nfn f() { x.expect(\"y\") }",
        &["src/a.rs:2: .expect("],
    ),
    (
        "unproven panics",
        "src/a.rs",
        "fn f() {\n    // Proven: checked above.\n    x.unwrap();\n    y.unwrap(); // Proven: a constant.\n}",
        &[],
    ),
    (
        "unproven panics",
        "src/a.rs",
        "fn f() {\n    x.unwrap(); \"// no comment\";\n}",
        &["src/a.rs:2: .unwrap()"],
    ),
    (
        "unproven panics",
        "src/a.rs",
        "#[cfg(test)]\nmod tests {\n    fn f() {\n        x.unwrap();\n    }\n}\nfn g() { unreachable!() }",
        &["src/a.rs:7: unreachable!("],
    ),
    (
        "unproven panics",
        "src/a.rs",
        "fn f(c: char) -> bool { c == '\"' || c == '\\'' || x.unwrap() }",
        &["src/a.rs:1: .unwrap()"],
    ),
    ("unproven panics", "src/a/tests.rs", "fn f() {\n    x.unwrap();\n}", &[]),
    (
        "foreign words",
        "README.md",
        concat!("see /wo", "rk/x\nand crates", ".io\n"),
        &[concat!("README.md:1: /wo", "rk/"), concat!("README.md:2: crates", ".io")],
    ),
    (
        "foreign words",
        "README.md",
        concat!("write to someone@exa", "mple.org."),
        &[concat!("README.md:1: someone@exa", "mple.org")],
    ),
    ("foreign words", "src/a.rs", "n @ 1..=5 and pkg@1.2.3, src/network/a", &[]),
];

#[test]
fn every_rule_finds_what_breaks_it() {
    for (rule, path, text, expected) in SNIPPETS {
        let found = findings(rule, &[File::new(path, text)]);
        let as_expected =
            found.len() == expected.len() && found.iter().zip(*expected).all(|(f, e)| f.starts_with(e));
        assert!(as_expected, "{rule}, {path}:\n{text}\nfound {found:#?}, expected {expected:#?}");
    }
    for (rule, _) in RULES {
        let shown = SNIPPETS.iter().any(|(name, _, _, expected)| name == &rule && !expected.is_empty());
        let elsewhere = rule.ends_with("length") || ["idle settings", "planted bugs"].contains(&rule);
        assert!(shown || elsewhere, "no snippet breaks the rule {rule}");
    }
}

#[test]
fn files_and_functions_that_are_too_long_are_found() {
    let lines = |count: usize| "    x();\n".repeat(count);
    let fits = File::new("src/a.rs", &format!("fn fits(\n) -> [u8; 2] {{\n{}}}\n", lines(67)));
    assert_eq!(findings("function length", &[fits]), [""; 0]);
    let long = format!("fn short() {{}}\n\nimpl A {{\nfn long() {{\n{}}}\n}}\n", lines(69));
    assert_eq!(
        findings("function length", &[File::new("src/a.rs", &long)]),
        ["src/a.rs: long: 71 lines, more than 70"]
    );
    let tests = format!("#[cfg(test)]\nmod tests {{\nfn long() {{\n{}}}\n}}\n", lines(100));
    assert_eq!(findings("function length", &[File::new("src/a.rs", &tests)]), [""; 0]);
    assert_eq!(findings("file length", &[File::new("tests/a.rs", &lines(500))]), [""; 0]);
    assert_eq!(
        findings("file length", &[File::new("tests/a.rs", &lines(501))]),
        ["tests/a.rs: 501 lines, more than 500"]
    );
}

#[test]
fn a_setting_that_nothing_reads_is_found() {
    let table =
        File::new("src/settings/tables.rs", "pub struct Log {\n    pub level: u8,\n    pub form: u8,\n}\n");
    let reader =
        File::new("src/cli/a.rs", "// settings.log.form\nfn f() {\n    settings.log\n        .level;\n}\n");
    assert_eq!(findings("idle settings", &[table, reader]), ["src/settings/tables.rs:3: nothing reads form"]);
}

#[test]
fn a_planted_bug_without_its_one_place_is_found() {
    let bug =
        |name, original| format!("[[bug]]\nname = '{name}'\nfile = 'src/a.rs'\noriginal = '{original}'\n");
    let list = bug("kept", "f(«x»)") + &bug("gone", "g(«x»)") + &bug("twice", "«x»");
    let files = [
        File::new("tests/simulation/bugs.toml", &list),
        File::new("src/a.rs", "fn a() {\n    f(x) + x\n}\n"),
    ];
    let words = ["gone: its text stands 0 times in src/a.rs", "twice: its text stands 2 times in src/a.rs"];
    assert_eq!(findings("planted bugs", &files), words);
}

#[test]
fn a_ratchet_only_turns_one_way() {
    let check = |length: usize, table: &[(&str, usize)]| ratchet(vec![("a".to_owned(), length)], 10, table);
    assert_eq!(check(10, &[]), [""; 0]);
    assert_eq!(check(12, &[("a", 12)]), [""; 0]);
    assert_eq!(check(11, &[]), ["a: 11 lines, more than 10"]);
    assert_eq!(check(13, &[("a", 12)]), ["a: grew from 12 to 13 lines, with 10 the bound"]);
    assert_eq!(check(11, &[("a", 12)]), ["a: shrank to 11 lines: say so in the table (12)"]);
    assert_eq!(check(10, &[("b", 12)]), ["b: is in the table and no more in the tree"]);
}
