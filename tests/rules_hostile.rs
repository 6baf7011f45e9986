//! Rule files that are made to cost: bounded time, no deep stack, an error instead.

#![allow(clippy::unwrap_used)]

use authswitch::rules::RuleSet;
use std::time::{Duration, Instant};

/// Reads a file and says what it found first; panics where it took too long for one condition.
fn first_problem(text: &str) -> String {
    let began = Instant::now();
    let result = RuleSet::from_toml(text, "f", &mut |_| Ok(vec![]));
    let took = began.elapsed();
    println!("{took:?} for {} bytes: {}", text.len(), &text[..text.len().min(80)]);
    assert!(took < Duration::from_secs(5), "{took:?}: {}", &text[..text.len().min(200)]);
    result.err().map_or(String::new(), |problems| problems.list()[0].reason.clone())
}

fn rule(when: &str) -> String {
    format!("[[rule]]\nname = \"r\"\ndecline = \"05\"\nwhen = '''{when}'''\n")
}

#[test]
fn hostile_conditions_cost_little() {
    let most = 4_090;
    let fill = |part: &str| part.repeat(most / part.len());
    let conditions = [
        fill("("),
        fill("["),
        fill("{"),
        fill("!"),
        fill("-"),
        fill("! "),
        fill("a?"),
        fill("a?b:"),
        fill("a."),
        fill("a["),
        fill("a("),
        fill("f(a)."),
        fill("1+"),
        fill("1-"),
        fill("1*"),
        format!("{}1 == 1", fill("1+")[..4_000].to_owned()),
        format!("{}true", fill("true&&")[..4_080].to_owned()),
        format!("{}true", fill("true||")[..4_080].to_owned()),
        format!("{}pos.pin", fill("pos.chip==")[..4_080].to_owned()),
        format!("{}1", fill("1==")[..4_080].to_owned()),
        format!("{}1", fill("1<")[..4_080].to_owned()),
        format!("{}1", fill("1 in ")[..4_080].to_owned()),
        format!("request.amount in [{}1]", fill("1,")[..4_000].to_owned()),
        fill("\""),
        fill("'"),
        fill("\\"),
        fill("\"\"\""),
        fill("r\"\\"),
        fill("[1].map(x,"),
        fill("[1].all(x,x&&"),
        fill("has("),
        fill("a`b`"),
        fill("0x"),
        fill("1e9"),
        fill("//"),
        fill("a b "),
        fill("?:"),
        fill("@"),
        fill(" "),
        fill("\t"),
        format!("{}pos.chip", "!".repeat(60)),
        "x".repeat(5_000),
    ];
    for condition in conditions {
        first_problem(&rule(&condition));
    }
}

#[test]
fn a_whole_file_of_hostile_conditions_costs_little() {
    for part in ["1+", "(", "a?b:", "true&&", "a.b(", "[1].map(x,"] {
        let condition = part.repeat(4_000 / part.len());
        let text: String =
            (0..240).map(|n| rule(&condition).replace("\"r\"", &format!("\"r{n}\""))).collect();
        assert!(text.len() < 1 << 20);
        assert_ne!(first_problem(&text), "");
    }
}

#[test]
fn a_large_file_is_refused_at_once() {
    let text = "# x\n".repeat(2_500_000);
    let began = Instant::now();
    assert_eq!(first_problem(&text), "a rule file has at most 1048576 bytes, not 10000000");
    assert!(began.elapsed() < Duration::from_millis(100));
}
