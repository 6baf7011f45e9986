//! Random conditions over random facts: what the compiled program says, the interpreter of the cel crate says too.

#![allow(clippy::unwrap_used)]

#[path = "rules/random.rs"]
mod random;

use authswitch::rules::{Attribute, Facts, RuleSet, Samples, Sort};
use cel::{Context, Program, Value};
use random::Random;
use std::collections::HashMap;

/// Conditions that are compared, each over [`FACTS`] facts.
const CONDITIONS: usize = 4_000;
const FACTS: usize = 12;

const FILE: &str = "
[lists.numbers]
of = \"number\"
values = [5, 7995, 840, 411111, 0, -3]
[lists.texts]
of = \"text\"
values = [\"US\", \"SHOP 1\", \"purchase\", \"a\"]
[groups.travel]
categories = [\"3000-3005\", \"4511\"]
";

/// The facts as the interpreter sees them: maps by the first part of the names.
fn context(facts: &Facts) -> Context<'static, 'static> {
    let mut spaces: HashMap<&str, HashMap<String, Value>> = HashMap::new();
    for attribute in Attribute::ALL {
        let shown = facts.shown(*attribute);
        let value = match attribute.sort() {
            Sort::Number(_) => Value::from(shown.parse::<i64>().unwrap()),
            Sort::Flag => Value::from(shown == "true"),
            Sort::Text(_) => Value::from(serde_json::from_str::<String>(&shown).unwrap()),
            Sort::Card => continue,
        };
        let (space, name) = attribute.name().split_once('.').unwrap();
        spaces.entry(space).or_default().insert(name.to_owned(), value);
    }
    let mut context = Context::default();
    for (space, values) in spaces {
        context.add_variable_from_value(space, values);
    }
    let numbers: Vec<Value> = [5_i64, 7995, 840, 411_111, 0, -3].map(Value::from).to_vec();
    let texts: Vec<Value> = ["US", "SHOP 1", "purchase", "a"].map(Value::from).to_vec();
    let lists = HashMap::from([
        ("numbers".to_owned(), Value::from(numbers)),
        ("texts".to_owned(), Value::from(texts)),
    ]);
    context.add_variable_from_value("lists", lists);
    let travel: Vec<Value> = (3000..=3005).chain([4511_i64]).map(Value::from).collect();
    context.add_variable_from_value("groups", HashMap::from([("travel".to_owned(), Value::from(travel))]));
    context
}

#[test]
fn the_compiled_program_agrees_with_the_interpreter() {
    let mut random = Random::new(20_261_125);
    let (mut compared, mut held, mut refused) = (0, 0, 0);
    for _ in 0..CONDITIONS {
        let condition = random.condition(3);
        let text = format!("{FILE}\n[[rule]]\nname = \"r\"\ndecline = \"05\"\nwhen = '''{condition}'''\n");
        let set = match RuleSet::from_toml(&text, "f", &mut |_| Ok(vec![])) {
            Ok(set) => set,
            Err(problems) => {
                // Well typed by construction: only what may fail, or never holds, is refused.
                let reason = &problems.list()[0].reason;
                let known = ["may overflow", "may divide", "is never", "is not a country", "ends in a space"];
                assert!(known.iter().any(|known| reason.contains(known)), "{condition}: {reason}");
                refused += 1;
                continue;
            }
        };
        let rule = &set.rules()[0];
        let program = Program::compile(&condition).unwrap();
        let mut samples = Samples::of(&[rule]);
        for _ in 0..FACTS {
            let facts = samples.draw();
            let expected = match program.execute(&context(&facts)) {
                Ok(Value::Bool(value)) => value,
                other => panic!("{condition}: the interpreter says {other:?}"),
            };
            assert_eq!(rule.matches(&facts), expected, "{condition} on {facts:?}");
            compared += 1;
            held += usize::from(expected);
        }
    }
    println!("{compared} compared, {held} held, {refused} conditions refused");
    assert!(compared > CONDITIONS * FACTS / 2 && held > compared / 5 && held < compared * 4 / 5);
}
