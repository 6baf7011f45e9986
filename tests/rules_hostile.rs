//! Rule files that are made to cost: no more than harmless ones do, no deep stack, an error instead.

#![allow(clippy::unwrap_used)]

use authswitch::rules::RuleSet;
use rustix::time::{ClockId, clock_gettime};

/// How often the cost of a harmless condition of the same length a hostile one may have; what grows faster than the text
/// has hundreds of it and more.
const TIMES: u64 = 20;

/// What reading a file cost in nanoseconds of the processor that this thread had, so that other work of the machine is not
/// in it; and what was found first.
fn read(text: &str) -> (u64, String) {
    let spent_ns = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    };
    let began = spent_ns();
    let result = RuleSet::from_toml(text, "f", &mut |_| Ok(vec![]));
    (spent_ns() - began, result.err().map_or(String::new(), |problems| problems.list()[0].reason.clone()))
}

/// What a condition of the greatest length costs that is right.
fn harmless_ns() -> u64 {
    let text = rule(&format!("request.amount in [{}1]", "1,".repeat(2_000)));
    let costs = (0..3).map(|_| {
        let (cost_ns, problem) = read(&text);
        assert_eq!(problem, "");
        cost_ns
    });
    costs.min().unwrap()
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
    let harmless_ns = harmless_ns();
    for condition in conditions {
        let (cost_ns, problem) = read(&rule(&condition));
        assert!(cost_ns < TIMES * harmless_ns, "{cost_ns} against {harmless_ns} ns: {condition}: {problem}");
    }
}

#[test]
fn a_whole_file_of_hostile_conditions_costs_little() {
    let harmless_ns = harmless_ns();
    for part in ["1+", "(", "a?b:", "true&&", "a.b(", "[1].map(x,"] {
        let condition = part.repeat(4_000 / part.len());
        let text: String =
            (0..240).map(|n| rule(&condition).replace("\"r\"", &format!("\"r{n}\""))).collect();
        assert!(text.len() < 1 << 20);
        let (cost_ns, problem) = read(&text);
        assert_ne!(problem, "");
        assert!(cost_ns < TIMES * 240 * harmless_ns, "{cost_ns} against {harmless_ns} ns each: {part}");
    }
}

#[test]
fn a_large_file_is_refused_unread() {
    // Not TOML from its first character: who says its size has not begun to read it.
    let text = "= x\n".repeat(2_500_000);
    assert_eq!(read(&text).1, "a rule file has at most 1048576 bytes, not 10000000");
    assert_ne!(read(&text[..1 << 20]).1, "");
}
