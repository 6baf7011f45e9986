//! Runs a play against the desk and the reference, and compares them after every step.

use crate::counts::Scope;
use crate::ledger::{Ledger, Name, Stands, name_of};
use crate::restart::{Copied, restarts};
use crate::steps::{Play, Step};
use crate::support::*;
use authswitch::decision::{Decision, Lateness, LinkTerms, Part, Policy, Rate, Rates};
use authswitch::message::{Balances, Kind, Operation, Request, ResponseCode};
use authswitch::portfolio::{
    CardStatus, Keeping, Limits, Lists, Program, State, TableOptions, Transaction, TransactionKey,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::OnceLock;

/// What a sender saw: DE39, DE38, DE54, and the amounts of a partial approval.
type Seen = (ResponseCode, Option<[u8; 6]>, Option<Balances>, Option<Part>);
type Verdict = Result<(), String>;
/// What has happened: "AuthorizationAdvice: Held -> Declined".
pub type Reached = BTreeSet<String>;

pub struct Game<'a> {
    pub play: &'a Play,
    pub world: World,
    ledger: Ledger,
    /// The DE11 of each slot's request.
    pub stans: Vec<u32>,
    /// The desk's name of each transaction met.
    keys: BTreeMap<Name, TransactionKey>,
    /// The first answer to each request, with its content: every later one must be the same.
    answers: BTreeMap<(Name, String), Seen>,
    /// The latest DE38 given to a name.
    pub approvals: BTreeMap<Name, [u8; 6]>,
    /// Names whose approval was the latest answer: what could be undone.
    undoable: BTreeMap<Name, TransactionKey>,
    copied: Copied,
    refuses: bool,
    reached: Reached,
    /// What a crowded table had to keep by now, and when it last changed, in seconds.
    kept: BTreeMap<TransactionKey, u32>,
}

/// How long a crowded table remembers what booked.
const CROWDED_US: i64 = 2 * DAY_US;

fn plan() -> Plan {
    let none = Limits::NONE;
    let card = Limits {
        amount_per_transaction: 3_500,
        amount_per_day: 6_000,
        count_per_day: 3,
        cash_count_per_day: 1,
        cash_amount_per_transaction: 2_000,
        ..none
    };
    let account = Limits {
        amount_per_month: 9_000,
        count_per_month: 6,
        count_per_day: 4,
        cash_amount_per_day: 2_500,
        ..none
    };
    let own = Limits { amount_per_month: 5_000, cash_count_per_day: 2, count_per_month: 5, ..none };
    let lists = Lists::default();
    let programs =
        vec![Program::new("open", none, none, &lists), Program::new("tight", card, account, &lists)];
    let tight = |account| CardPlan { program: 1, ..CardPlan::of(account) };
    let cards = vec![
        CardPlan::of(0),
        tight(0),
        CardPlan { limits: Some(own), ..CardPlan::of(1) },
        tight(1),
        CardPlan { limits: Some(own), program: 1, ..CardPlan::of(2) },
        CardPlan { status: CardStatus::Lost, ..CardPlan::of(0) },
        CardPlan { expiry: 2001, ..CardPlan::of(1) },
        CardPlan { status: CardStatus::PinBlocked, ..CardPlan::of(2) },
    ];
    // Large and long enough that nothing of a play is forgotten.
    let table = TableOptions { max: 5 * 1_024, window_us: 100 * 366 * DAY_US };
    Plan { programs, accounts: vec![(840, 6_000), (840, 4_000), (978, 5_000)], cards, table }
}

/// With a rate for pounds and euros, none for yen.
pub fn policy_of_plays() -> Policy {
    let rate = |text| Rate::new(text).unwrap();
    Policy { rates: Rates::new(840, &[(826, rate("1.27")), (978, rate("1.08"))]).unwrap(), ..policy() }
}

impl<'a> Game<'a> {
    pub fn new(play: &'a Play) -> Game<'a> {
        Game::of(play, plan(), (1..=play.slots.len() as u32).collect())
    }

    /// With a table of four places and a short memory, and all requests in one part of it.
    pub fn crowded(play: &'a Play) -> Game<'a> {
        let table = TableOptions { max: 4, window_us: CROWDED_US };
        let stans = play.slots.iter().enumerate().map(|(slot, of)| crowded_stan(slot, of.card));
        Game::of(play, Plan { table, ..plan() }, stans.collect())
    }

    fn of(play: &'a Play, plan: Plan, stans: Vec<u32>) -> Game<'a> {
        Game {
            play,
            ledger: Ledger::new(&plan),
            copied: Copied::default(),
            world: World::with(
                plan,
                policy_of_plays(),
                LinkTerms { fees_on_top: true, ..LinkTerms::default() },
            ),
            stans,
            keys: BTreeMap::new(),
            answers: BTreeMap::new(),
            approvals: BTreeMap::new(),
            undoable: BTreeMap::new(),
            refuses: false,
            reached: Reached::default(),
            kept: BTreeMap::new(),
        }
    }

    /// All steps, each judged; then the restarts.
    pub fn run(mut self) -> Verdict {
        self.run_steps(true)?;
        self.finish()
    }

    /// What the steps reach.
    pub fn explore(mut self) -> Reached {
        self.run_steps(true).unwrap();
        self.reached
    }

    /// The same where every message is stored in the end, and slot 0 is left without money.
    pub fn run_to_nothing(mut self) -> Verdict {
        self.run_steps(false)?;
        let name = name_of(&self.request(0, 0));
        let found = self.transaction(name).map(|found| (found.held_minor, found.posted_minor));
        // One that was refused, since a reversal had spoken of it before, is known by that reversal alone.
        let refused = found.is_none() && self.ledger.was_reversed(&self.request(0, 0));
        let found = if refused { self.ledger.entries.get(&name).map(|entry| entry.money()) } else { found };
        // Without DE90 a reversal that comes first cannot be told from one of a purchase that agrees with it in all.
        let none = refused && found.is_none() || self.ledger.spoke_of_others.contains(&name);
        same("what the reversed transaction holds and posted", none || found == Some((0, 0)), true)?;
        self.finish()
    }

    pub fn run_steps(&mut self, may_refuse: bool) -> Verdict {
        for (index, step) in self.play.steps.iter().enumerate() {
            if may_refuse || !matches!(step, Step::Refuse) {
                self.step(step).map_err(|what| format!("step {index}, {step:?}: {what}"))?;
            }
        }
        Ok(())
    }

    /// All steps, judged by what must hold even where answers are forgotten; then the restarts.
    pub fn run_crowded(mut self) -> Verdict {
        for (index, step) in self.play.steps.iter().enumerate() {
            let judged = self.crowded_step(step).and_then(|()| self.check_kept());
            judged.map_err(|what| format!("step {index}, {step:?}: {what}"))?;
            if index % 16 == 0 {
                self.check_table(false)?;
            }
        }
        self.check_table(false)?;
        if self.play.restarts { restarts(&self.world, self.copied, &[]) } else { Ok(()) }
    }

    // ---- Steps ----

    fn step(&mut self, step: &Step) -> Verdict {
        match step {
            Step::Clock { by_us } => drop(self.world.later(*by_us)),
            Step::Copy => self.copied.next_part(&self.world),
            Step::Refuse => self.refuses = true,
            Step::Expire => self.expire()?,
            Step::Undo { slot } => self.undo(*slot)?,
            _ => {
                if let Some((message, late)) = self.message(step) {
                    self.meet(&message, late)?;
                }
            }
        }
        self.compare()
    }

    /// Does something at the desk, where the journal may not take it.
    fn at_desk<T>(&mut self, act: impl FnOnce(&World) -> T) -> (T, bool) {
        let refuses = std::mem::take(&mut self.refuses);
        self.world.sink.refuse(refuses);
        let done = act(&self.world);
        self.world.sink.refuse(false);
        (done, refuses)
    }

    fn meet(&mut self, message: &Request, late: bool) -> Verdict {
        let before = self.refuses.then(|| self.world.state_hash());
        let (decision, refuses) = self.at_desk(|world| decide(world, message, late));
        let mut after = self.ledger.clone();
        let outcome = after.takes(message, self.world.now_us.get(), late, decision.approval);
        let unstored = refuses && outcome.stored;
        let expected = if unstored { "96" } else { &outcome.code };
        same("DE39", decision.code.as_str(), expected)?;
        // A reversal, or what one refused that came before it, is of a transaction of another name.
        if message.kind != Kind::Reversal && after.entries.contains_key(&name_of(message)) {
            self.keys.insert(name_of(message), decision.key);
        }
        if unstored {
            return same("the state after what was not stored", Some(self.world.state_hash()), before);
        }
        if [Kind::Authorization, Kind::Financial].contains(&message.kind) {
            self.check_answer(message, &decision)?;
        }
        let entry = after.entries.get(&name_of(message));
        let part = entry.filter(|_| matches!(expected, "10" | "87")).map(|entry| Part {
            amount_minor: entry.amount_minor,
            billing_minor: entry.worth_minor,
            billing_currency: self.world.plan.accounts[after.account_of(entry.card.unwrap()) as usize].0,
        });
        same("the part that is approved", decision.part, part)?;
        let by = format!("{:?}", message.kind);
        self.note(&by, &after);
        self.reached.insert(format!("{by}: {expected}"));
        self.ledger = after;
        Ok(())
    }

    /// Notes how transactions come to stand, for [`Game::explore`].
    fn note(&mut self, by: &str, after: &Ledger) {
        for (name, entry) in &after.entries {
            let before = self.ledger.entries.get(name);
            let stood = || before.map_or("nothing".to_owned(), |before| format!("{:?}", before.stands));
            if before.is_none_or(|before| before.stands != entry.stands) {
                self.reached.insert(format!("{by}: {} -> {:?}", stood(), entry.stands));
            } else if before.is_some_and(|before| before.money() != entry.money()) {
                self.reached.insert(format!("{by}: {} changed", stood()));
            }
        }
    }

    /// A request's answer: the same as before, or an approval that the funds cover.
    fn check_answer(&mut self, request: &Request, decision: &Decision) -> Verdict {
        let name = name_of(request);
        let seen = (decision.code, decision.approval, decision.balances, decision.part);
        self.undoable.remove(&name);
        if decision.code.is_approval() && !decision.repeat {
            same("whether an approval has a code", decision.approval.is_some(), true)?;
            self.check_cover(request, decision)?;
            self.undoable.insert(name, decision.key);
        }
        if !decision.code.is_approval() {
            same("DE38 of a decline", decision.approval, None)?;
        }
        self.approvals.extend(decision.approval.map(|approval| (name, approval)));
        // 94 is no decision about the transaction, but that this is another.
        if decision.code.as_str() == "94" {
            return Ok(());
        }
        let content = (request.mti.class(), request.amount_minor, request.terminal);
        let first = *self.answers.entry((name, format!("{content:?}"))).or_insert(seen);
        same("the answer to a repeat", seen, first)
    }

    /// What is approved was there (I6), and an inquiry tells it.
    fn check_cover(&self, request: &Request, decision: &Decision) -> Verdict {
        // The reference has not taken the message yet: these are the figures before it.
        let card =
            self.world.plan.cards.iter().enumerate().find(|(card, _)| request.pan == Some(pan(*card as u64)));
        let (number, card) = card.ok_or("an unknown card is approved")?;
        let available = self.ledger.available(card.account);
        let (currency, funds) = self.world.plan.accounts[card.account as usize];
        if request.operation.is_debit() {
            let worth = self.ledger.worth(request, number as u32)?.all;
            let worth = decision.part.map_or(worth, |part| part.billing_minor);
            same("whether the funds cover an approval", worth <= available.max(0), true)?;
        }
        let ledger_minor = funds - self.ledger.posted(card.account);
        let told = Balances { ledger_minor, available_minor: available, currency };
        let asked = request.operation == Operation::Inquiry;
        same("the balances told", decision.balances, asked.then_some(told))
    }

    fn expire(&mut self) -> Verdict {
        let (ended, refuses) = self.at_desk(|world| world.expire());
        let expected = if refuses { 0 } else { self.ledger.expires(self.world.now_us.get()) };
        same("holds ended", ended, expected)
    }

    fn undo(&mut self, slot: usize) -> Verdict {
        let name = name_of(&self.request(slot, 0));
        let Some(key) = self.undoable.remove(&name) else { return Ok(()) };
        let (undone, refuses) = self.at_desk(|world| world.desk.undo(key, world.now_us.get(), &world.sink));
        let expected = !refuses && self.ledger.undoes(name);
        if undone {
            // Nobody has seen the answer; a repeat gets another.
            self.answers.retain(|(of, _), _| *of != name);
        }
        same("whether it was undone", undone, expected)
    }

    fn crowded_step(&mut self, step: &Step) -> Verdict {
        match step {
            Step::Clock { by_us } => drop(self.world.later(*by_us)),
            Step::Copy => self.copied.next_part(&self.world),
            Step::Refuse => self.refuses = true,
            Step::Expire => drop(self.at_desk(|world| world.expire())),
            Step::Undo { slot } => {
                if let Some(key) = self.undoable.remove(&name_of(&self.request(*slot, 0))) {
                    self.at_desk(|world| world.desk.undo(key, world.now_us.get(), &world.sink));
                }
            }
            _ => {
                let Some((message, late)) = self.message(step) else { return Ok(()) };
                let account = {
                    let portfolio = &self.world.desk.portfolio;
                    message.pan.and_then(|pan| portfolio.card(pan)).map(|card| card.account)
                };
                let available = |world: &World| {
                    let account = account.and_then(|account| world.desk.portfolio.account(account));
                    account.map(|account| account.state.lock().available_minor())
                };
                let before = available(&self.world);
                let (decision, _) = self.at_desk(|world| decide(world, &message, late));
                let may = !matches!(message.kind, Kind::Authorization | Kind::Financial)
                    || available(&self.world) >= Some(0);
                same("whether an answer overspends", may || available(&self.world) >= before, true)?;
                if !decision.repeat && decision.approval.is_some() {
                    self.undoable.insert(name_of(&message), decision.key);
                }
            }
        }
        Ok(())
    }

    // ---- Comparisons ----

    fn transaction(&self, name: Name) -> Option<Transaction> {
        let key = *self.keys.get(&name)?;
        self.world.desk.portfolio.table.lock(key).get(key).copied()
    }

    /// Every figure of accounts, counters and transactions.
    fn compare(&self) -> Verdict {
        for (account, (_, funds)) in (0..).zip(&self.world.plan.accounts) {
            let state = self.world.account(account);
            same("held", (account, state.held_minor), (account, self.ledger.held(account)))?;
            same("posted", (account, state.posted_minor), (account, self.ledger.posted(account)))?;
            let sum = state.available_minor() + state.held_minor + state.posted_minor;
            same("available + held + posted", (account, sum), (account, *funds))?;
            let counted = self.ledger.shown(Scope::Account(account));
            same("counters of account", (account, state.velocity), (account, counted))?;
        }
        for card in 0..self.world.plan.cards.len() as u32 {
            let counted = self.ledger.shown(Scope::Card(card));
            same("counters of card", (card, self.world.spent_by(card)), (card, counted))?;
        }
        for name in self.keys.keys() {
            let entry = self.ledger.entries.get(name);
            let expected = entry.map(|entry| (entry.stands, entry.held_minor, entry.posted_minor));
            let found = self.transaction(*name);
            let found = found.map(|found| (stands(found.state), found.held_minor, found.posted_minor));
            same("transaction", (name, found), (name, expected))?;
        }
        Ok(())
    }

    /// The table against the accounts: the sum of what is open is what is held, and of what is posted, where
    /// nothing is forgotten.
    fn check_table(&self, complete: bool) -> Verdict {
        let mut sums = vec![(0, 0); self.world.plan.accounts.len()];
        self.world.desk.portfolio.table.visit(|shard| {
            for found in shard.iter() {
                if let Some(sum) = sums.get_mut(found.account as usize) {
                    *sum = (sum.0 + found.held_minor, sum.1 + found.posted_minor);
                }
            }
        });
        for (account, (held, posted)) in (0..).zip(sums) {
            let state = self.world.account(account);
            same("held by the table's transactions", held, state.held_minor)?;
            if complete {
                same("posted by the table's transactions", posted, state.posted_minor)?;
            }
        }
        let kept = self.world.desk.portfolio.table.kept();
        same("whether what is kept keeps to its bound", complete || kept <= 5, true)
    }

    /// What had to be kept is there, or older than the window.
    fn check_kept(&mut self) -> Verdict {
        let mut now = BTreeMap::new();
        self.world.desk.portfolio.table.visit(|shard| {
            for known in shard.iter().filter(|known| Keeping::of(known).is_kept()) {
                now.insert(known.key, shard.traits(known.key).changed_s);
            }
        });
        let before_s = (self.world.now_us.get() - CROWDED_US) / 1_000_000;
        let lost = |(key, changed_s): &(&TransactionKey, &u32)| {
            !now.contains_key(key) && i64::from(**changed_s) >= before_s
        };
        let lost = self.kept.iter().filter(lost).count();
        self.kept = now;
        same("what was forgotten within the window", lost, 0)
    }

    fn finish(self) -> Verdict {
        self.check_table(true)?;
        let known = self.world.desk.portfolio.table.len().0;
        same("transactions known", known, self.ledger.entries.len())?;
        if !self.play.restarts {
            return Ok(());
        }
        let requests: Vec<Request> = (0..self.play.slots.len()).map(|slot| self.request(slot, 1)).collect();
        restarts(&self.world, self.copied, &requests)
    }
}

fn decide(world: &World, message: &Request, late: bool) -> Decision {
    world.decide_at(message, if late { Lateness::TooLate } else { Lateness::InTime })
}

fn stands(state: State) -> Stands {
    match state {
        State::Declined => Stands::Declined,
        State::Approved => Stands::Answered,
        State::Held => Stands::Held,
        State::Posted => Stands::Posted,
        State::Completed => Stands::Completed,
        State::Reversed => Stands::Reversed,
        State::Expired => Stands::RanOut,
        State::Tombstone => Stands::ReversedBefore,
        State::Added => Stands::Added,
    }
}

/// A comparison with words.
pub fn same<T: PartialEq + Debug>(what: &str, found: T, expected: T) -> Verdict {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, expected {expected:?}")) }
}

/// A DE11 that puts the slot's request with this card into shard 7 of the table.
fn crowded_stan(slot: usize, card: u8) -> u32 {
    static STANS: OnceLock<BTreeMap<(usize, u8), u32>> = OnceLock::new();
    let stans = STANS.get_or_init(|| {
        let world = World::new(plan());
        let all =
            (0..crate::steps::SLOTS).flat_map(|slot| (0..crate::steps::CARDS).map(move |card| (slot, card)));
        all.map(|(slot, card)| ((slot, card), find_stan(&world, slot, card))).collect()
    });
    stans[&(slot, card)]
}

fn find_stan(world: &World, slot: usize, card: u8) -> u32 {
    let portfolio = &world.desk.portfolio;
    let place = |key: TransactionKey| (key.0 >> 64) as usize % portfolio.table.shards();
    let (digits, length) = pan(u64::from(card)).parts();
    let of = |stan: u32| Request { pan: Some(pan(u64::from(card))), ..purchase(stan) };
    let key = |stan: u32| {
        let request = of(stan);
        let (time, acquirer) = (u64::from(request.transmission), request.acquirer);
        let parts = [digits, u64::from(length), time, u64::from(stan), 0, 0, acquirer, 0, 0, 0, 0, 0, 0];
        portfolio.transaction_key(&parts)
    };
    let stan = (slot as u32 * 50_000..).find(|stan| place(key(*stan)) == 7).unwrap();
    // The parts above are the desk's own: a decision says so.
    assert_eq!(world.decide(&of(stan)).key, key(stan));
    stan
}
