//! Evaluating a rule set and asking limits touches no heap, whatever the conditions are made of.

#![allow(clippy::unwrap_used, unsafe_code)]

#[path = "rules/random.rs"]
mod random;

use authswitch::rules::{RuleSet, Samples, Verdict};
use random::Random;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn evaluating_allocates_nothing() {
    let mut random = Random::new(3);
    let mut text = String::from(
        "currency = \"USD\"\n[lists.numbers]\nof = \"number\"\nvalues = [1, 840]\n[lists.texts]\nof = \"text\"\n\
         values = [\"US\"]\n[groups.travel]\ncategories = [\"3000-3999\"]\n",
    );
    for (n, scope) in
        ["card", "merchant", "terminal", "country", "category-group", "program", "global"].iter().enumerate()
    {
        text += &format!(
            "[[limit]]\nname = \"l{n}\"\nscope = \"{scope}\"\nwindow = \"1h\"\ncount = 5\nwhen = '''{}'''\n",
            "merchant.id.contains(\"S\") || request.amount / 7 > account.available"
        );
    }
    let header = text.clone();
    for n in 0..100 {
        let effect =
            random.pick(&["decline = \"05\"", "tag = \"t\"", "approve_up_to = \"request.amount / 2\""]);
        let rule = format!("[[rule]]\nname = \"r{n}\"\nwhen = '''{}'''\n{effect}\n", random.condition(3));
        if RuleSet::from_toml(&format!("{header}{rule}"), "f", &mut |_| Ok(vec![])).is_ok() {
            text += &rule;
        }
    }
    let set =
        RuleSet::from_toml(&text, "f", &mut |_| Ok(vec![])).unwrap_or_else(|problems| panic!("{problems}"));
    let rules: Vec<_> = set.rules().iter().collect();
    assert!(rules.len() > 90);
    let mut samples = Samples::of(&rules);
    let facts: Vec<_> = (0..500).map(|_| samples.draw()).collect();
    let mut verdict = Verdict::default();
    let mut seen = 0;
    let before = ALLOCATIONS.with(Cell::get);
    for facts in &facts {
        set.evaluate(facts, &mut verdict);
        seen += usize::from(verdict.active.declined.is_some());
        for limit in set.limits() {
            seen += usize::from(limit.applies(facts) && limit.scope_value(facts).is_some());
        }
    }
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
    assert!(seen > 500, "{seen}");
}
