//! What another rule file would have changed: counted by answer, rule and merchant category, with examples.

use crate::decision::{Decision, Desk};
use crate::journal::Seq;
use crate::message::Refusal;
use crate::portfolio::Record;
use crate::rules::RuleSet;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Examples named of each kind.
const EXAMPLES: usize = 5;
/// Merchant categories and deciders printed.
const ROWS: usize = 20;

/// A request decided again.
pub(super) struct Changed {
    pub decision: Decision,
    /// The record that would have been made; none for a repeat.
    pub again: Option<Record>,
}

/// Requests and their amounts, by currency.
#[derive(Default)]
struct Sum {
    count: u64,
    minor: BTreeMap<u16, i128>,
    examples: Vec<Seq>,
}

impl Sum {
    fn add(&mut self, seq: Seq, record: &Record) {
        self.count += 1;
        *self.minor.entry(record.asked.currency).or_default() += i128::from(record.asked.amount_minor);
        if self.examples.len() < EXAMPLES {
            self.examples.push(seq);
        }
    }

    fn amounts(&self) -> String {
        let one = |(currency, minor): (&u16, &i128)| {
            let digits = minor.unsigned_abs().to_string();
            let amount = crate::message::meaning::amount(&digits, &format!("{currency:03}"));
            amount.unwrap_or_else(|| format!("{minor} of {currency:03}"))
        };
        self.minor.iter().map(one).collect::<Vec<_>>().join(" + ")
    }

    fn to_json(&self) -> Value {
        let minor: serde_json::Map<String, Value> = self
            .minor
            .iter()
            .map(|(currency, minor)| (format!("{currency:03}"), minor.to_string().into()))
            .collect();
        json!({ "count": self.count, "minor": minor, "examples": self.examples })
    }
}

/// What would have changed.
pub(super) struct Report {
    rules: u32,
    /// Records decided again, of any kind.
    pub records: u64,
    requests: u64,
    approved_before: u64,
    approved_after: u64,
    /// By the answers before and after, `00 -> 59`.
    changes: BTreeMap<String, Sum>,
    newly_declined: Sum,
    newly_approved: Sum,
    other_amount: Sum,
    /// By who declines now, or declined then.
    deciders: BTreeMap<String, Sum>,
    categories: BTreeMap<u16, Sum>,
    shadows: Vec<(String, u64)>,
    set: Option<std::sync::Arc<crate::decision::Standing>>,
    took: Duration,
}

impl Report {
    pub(super) fn new(desk: &Desk) -> Report {
        let set = desk.standing();
        Report {
            rules: set.rules.version(),
            records: 0,
            requests: 0,
            approved_before: 0,
            approved_after: 0,
            changes: BTreeMap::new(),
            newly_declined: Sum::default(),
            newly_approved: Sum::default(),
            other_amount: Sum::default(),
            deciders: BTreeMap::new(),
            categories: BTreeMap::new(),
            shadows: Vec::new(),
            set: Some(set),
            took: Duration::ZERO,
        }
    }

    /// Adds a request; `before` names who declined it then.
    pub(super) fn add(
        &mut self,
        seq: Seq,
        record: &Record,
        Changed { decision, again }: Changed,
        before: &mut dyn FnMut(&Record) -> String,
    ) {
        self.requests += 1;
        let (was, is) = (record.code.is_approval(), decision.code.is_approval());
        self.approved_before += u64::from(was);
        self.approved_after += u64::from(is);
        let approved = |record: Option<&Record>| {
            record.and_then(|record| record.transaction).map_or(0, |transaction| transaction.amount_minor)
        };
        let other_amount =
            was && is && !decision.repeat && approved(again.as_ref()) != approved(Some(record));
        if record.code == decision.code && !other_amount {
            return;
        }
        self.changes.entry(format!("{} -> {}", record.code, decision.code)).or_default().add(seq, record);
        self.categories.entry(record.asked.merchant_category).or_default().add(seq, record);
        match (was, is) {
            (true, false) => self.newly_declined.add(seq, record),
            (false, true) => self.newly_approved.add(seq, record),
            _ if other_amount => self.other_amount.add(seq, record),
            _ => {}
        }
        let who = match &again {
            Some(again) if !is || other_amount => {
                let set = self.set.as_ref().map(|standing| &standing.rules);
                format!("now {}", decider(again, set))
            }
            _ => format!("no longer {}", before(record)),
        };
        self.deciders.entry(who).or_default().add(seq, record);
    }

    pub(super) fn finish(&mut self, desk: &Desk, took: Duration) {
        self.took = took;
        self.set = None;
        let standing = desk.standing();
        let shadows = standing.effects().into_iter().filter(|effects| effects.mode == "shadow");
        self.shadows = shadows
            .map(|effects| {
                (format!("{} {} {}", effects.set, effects.kind, effects.name), effects.tally.get())
            })
            .collect();
    }

    fn changed(&self) -> u64 {
        self.changes.values().map(|sum| sum.count).sum()
    }

    pub(super) fn changed_percent(&self) -> f64 {
        percent(self.changed(), self.requests)
    }

    pub(super) fn newly_declined_percent(&self) -> f64 {
        percent(self.newly_declined.count, self.approved_before)
    }

    fn per_second(&self) -> f64 {
        self.records as f64 / self.took.as_secs_f64().max(1e-9)
    }

    pub(super) fn print(&self) {
        let Report { requests, approved_before, approved_after, .. } = self;
        outln!("rules {:08x} over {requests} requests ({} records)", self.rules, self.records);
        outln!(
            "approved     {approved_before:>10} then ({:.3} %)  {approved_after:>10} now ({:.3} %)",
            percent(*approved_before, *requests),
            percent(*approved_after, *requests)
        );
        outln!("changed      {:>10}      ({:.3} %)", self.changed(), self.changed_percent());
        for (what, sum) in [
            ("declined now", &self.newly_declined),
            ("approved now", &self.newly_approved),
            ("other amount", &self.other_amount),
        ] {
            outln!("{what:<12} {:>10}  {}", sum.count, sum.amounts());
        }
        rows("answers", self.changes.iter().map(|(name, sum)| (name.clone(), sum)).collect());
        rows("by whom", self.deciders.iter().map(|(name, sum)| (name.clone(), sum)).collect());
        let categories = self.categories.iter().map(|(number, sum)| (category(*number), sum)).collect();
        rows("by merchant category", categories);
        if !self.shadows.is_empty() {
            outln!("\nshadows, which change nothing: requests in which they would have taken effect");
            self.shadows.iter().for_each(|(name, count)| outln!("  {name:<40} {count:>10}"));
        }
        outln!("\n{:.1} s, {:.0} records a second", self.took.as_secs_f64(), self.per_second());
    }

    pub(super) fn to_json(&self) -> Value {
        let table = |rows: Vec<(String, &Sum)>| {
            let rows: serde_json::Map<String, Value> =
                rows.into_iter().map(|(name, sum)| (name, sum.to_json())).collect();
            Value::from(rows)
        };
        json!({
            "rules": format!("{:08x}", self.rules),
            "records": self.records,
            "requests": self.requests,
            "approved_before": self.approved_before,
            "approved_after": self.approved_after,
            "changed": self.changed(),
            "newly_declined": self.newly_declined.to_json(),
            "newly_approved": self.newly_approved.to_json(),
            "other_amount": self.other_amount.to_json(),
            "answers": table(self.changes.iter().map(|(name, sum)| (name.clone(), sum)).collect()),
            "deciders": table(self.deciders.iter().map(|(name, sum)| (name.clone(), sum)).collect()),
            "categories": table(self.categories.iter().map(|(mcc, sum)| (format!("{mcc:04}"), sum)).collect()),
            "shadows": self.shadows.iter().cloned().collect::<BTreeMap<_, _>>(),
            "seconds": self.took.as_secs_f64(),
            "records_per_second": self.per_second(),
        })
    }
}

/// Who declined, or approved less: a rule or limit by its name, else the refusal's name.
pub(super) fn decider(record: &Record, set: Option<&RuleSet>) -> String {
    let ruled = record.ruled;
    let stands_in = ruled.stand_in != 0;
    let place = if stands_in { "stand-in " } else { "" };
    let name = set.and_then(|set| {
        let index = |number: u16| usize::from(number).checked_sub(1);
        let (rules, limits) = match stands_in {
            true => (set.stand_in().rules().list(), set.stand_in().limits()),
            false => (set.rules(), set.limits()),
        };
        let rule = index(ruled.rule).and_then(|index| rules.get(index));
        let limit = index(ruled.limit.into()).and_then(|index| limits.get(index));
        rule.map(|rule| format!("{place}rule {}", rule.name()))
            .or_else(|| limit.map(|limit| format!("{place}limit {}", limit.name())))
    });
    name.unwrap_or_else(|| match record.refusal {
        Refusal::None => "approved".to_owned(),
        refusal => refusal.name().to_owned(),
    })
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

fn category(number: u16) -> String {
    let code = format!("{number:04}");
    let known = crate::message::meaning::merchant_categories().iter().find(|(mcc, _)| *mcc == code);
    known.map_or(code.clone(), |(_, words)| format!("{code} {words}"))
}

/// The largest rows of a table.
fn rows(heading: &str, mut rows: Vec<(String, &Sum)>) {
    if rows.is_empty() {
        return;
    }
    rows.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.count));
    outln!("\n{heading}");
    for (name, sum) in rows.iter().take(ROWS) {
        let examples: Vec<String> = sum.examples.iter().map(Seq::to_string).collect();
        outln!("  {name:<40} {:>10}  {:<24}  records {}", sum.count, sum.amounts(), examples.join(" "));
    }
    if rows.len() > ROWS {
        outln!("  and {} more (--json has them all)", rows.len() - ROWS);
    }
}
