//! The judges, each named by the invariant it holds the desk to. They compare; they know no rule of their own.

use super::model::{Arrival, Name, Outcome, Scope, Stands};
use super::support::{pan, purchase};
use super::world::{Fault, World, is_promise};
use authswitch::decision::{Decision, Usage};
use authswitch::message::{Balances, Kind, Request};
use authswitch::portfolio::{Differs, Event, Record, State};

/// One step in so many is judged by the hash of the whole state.
const SAMPLE: usize = 16;

pub fn is_sample(world: &World) -> bool {
    world.played.is_multiple_of(SAMPLE)
}

/// Which invariant a wrong DE39 breaks.
fn broken_by(found: &str, expected: &str, outcome: &Outcome, arrival: &Arrival) -> &'static str {
    let either = |code: &str| found == code || expected == code;
    match () {
        () if expected == "96" => "I12 nothing unstored",
        () if either("94") => "I3 other content, I8 early reversal",
        () if outcome.known => "I3 same answer",
        () if is_promise(arrival.request.kind) => "I8 advice or reversal is accepted",
        () if either("91") => "I2 late answer",
        () if either("61") || either("65") => "I7 velocity",
        () if either("51") => "I6 no overspending",
        () => "refusals in their order",
    }
}

/// The answer is the ledger's.
pub fn answer(
    world: &World,
    arrival: &Arrival,
    outcome: &Outcome,
    decision: &Decision,
    unstored: bool,
) -> Result<(), Fault> {
    Fault::unless("I19 rules", "rules of a decision", decision.rules, world.rules)?;
    let expected = if unstored { "96" } else { outcome.code.as_str() };
    let judge = broken_by(decision.code.as_str(), expected, outcome, arrival);
    Fault::unless(judge, "DE39", decision.code.as_str(), expected)?;
    if unstored {
        return Ok(());
    }
    let requested = arrival.request.kind.may_be_declined();
    if decision.code.is_approval() && requested && !outcome.known {
        Fault::unless(judge, "whether an approval has DE38", decision.approval.is_some(), true)?;
        let card = world.model.card_of(&arrival.request);
        let currency =
            card.map_or(0, |card| world.cast.plan.accounts[world.model.account_of(card) as usize].0);
        let told = outcome.balances.map(|[ledger_minor, available_minor]| Balances {
            ledger_minor,
            available_minor,
            currency,
        });
        Fault::unless("I6 balances told", "DE54", decision.balances, told)?;
    }
    if !decision.code.is_approval() {
        Fault::unless(judge, "DE38 of a refusal", decision.approval, None)?;
    }
    Fault::unless("I3 same answer", "whether it is a repeat", decision.repeat, outcome.repeat)?;
    if outcome.stored {
        let last = world.disk.appended();
        return Fault::unless("I10 waits for its record", "the record waited for", decision.sequence, last);
    }
    // A promise that is repeated waits for the record that keeps it.
    let waits = decision.sequence >= outcome.needs || !is_promise(arrival.request.kind);
    Fault::unless("I10 waits for its record", "whether a repeated promise waits", waits, true)
}

/// The record says what was asked, when, and under which rules (I19).
pub fn record(world: &World, arrival: &Arrival, differs: Differs, record: &Record) -> Result<(), Fault> {
    let event = match arrival.request.kind {
        Kind::Reversal => Event::Reversal,
        kind if kind.may_be_declined() => Event::Request,
        _ => Event::Advice,
    };
    let asked = (record.asked.stan, record.asked.transmission, record.asked.amount_minor);
    let request = &arrival.request;
    Fault::unless(
        "I19 record",
        "what was asked",
        asked,
        (request.stan, request.transmission, request.amount_minor),
    )?;
    let says = (record.event, record.time_us, usize::from(record.asked.link));
    Fault::unless("I19 record", "event, time, link", says, (event, arrival.now_us, arrival.link))?;
    let advised_again = [differs, record.discrepancy.differs].contains(&Differs::AdviceRepeat);
    if event == Event::Reversal || advised_again {
        Fault::unless("I8 discrepancy", "what is told of it", record.discrepancy.differs, differs)?;
    }
    versions(world, record)
}

/// The record says by which settings and rules it came.
pub fn versions(world: &World, record: &Record) -> Result<(), Fault> {
    let says = (record.config, record.rules);
    Fault::unless("I19 rules", "settings and rules of a record", says, (world.config, world.rules))
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

/// These transactions, and the accounts and cards they are of, are as the ledger has them.
pub fn touched(world: &World, names: &[Name]) -> Result<(), Fault> {
    for name in names {
        transaction(world, name)?;
        let card = world.model.get(name).and_then(|entry| entry.card);
        if let Some(card) = card {
            of_card(world, card)?;
            account(world, world.model.account_of(card))?;
        }
    }
    Ok(())
}

fn transaction(world: &World, name: &Name) -> Result<(), Fault> {
    let expected = world
        .model
        .get(name)
        .map(|entry| (entry.stands, entry.held_minor, entry.posted_minor, entry.code, entry.card));
    let found = world.transaction(name).map(|found| {
        let card = Some(found.card).filter(|card| *card != authswitch::portfolio::NOBODY);
        (stands(found.state), found.held_minor, found.posted_minor, found.code, card)
    });
    let reversed = expected
        .as_ref()
        .is_some_and(|(stands, ..)| [Stands::Reversed, Stands::ReversedBefore].contains(stands));
    let judge = if reversed { "I8 reversal" } else { "I8 transaction" };
    Fault::unless(judge, "transaction", found, expected)
}

fn account(world: &World, account: u32) -> Result<(), Fault> {
    let Some(found) = world.portfolio().account(account) else {
        return Err(Fault::new("I6 account", "no such account".into()));
    };
    let state = *found.state.lock();
    let (held, posted) = (world.model.held(account), world.model.posted(account));
    Fault::unless("I6 account", "held, posted", (state.held_minor, state.posted_minor), (held, posted))?;
    let sum = state.available_minor() + state.held_minor + state.posted_minor;
    let funds = world.cast.plan.accounts[account as usize].1;
    Fault::unless("I6 money is conserved", "available + held + posted", sum, funds)?;
    let expected = world.model.shown(Scope::Account(account));
    Fault::unless("I7 velocity", "counters of an account", state.velocity, expected)?;
    limits(world, account)
}

/// What limits have counted for a purchase of this account made now.
fn usage(world: &World, account: u32) -> Vec<Usage> {
    let card = world.cast.plan.cards.iter().position(|card| card.account == account);
    // An account without a card has no purchases.
    let Some(card) = card.filter(|_| !world.law.is_plain()) else { return Vec::new() };
    let request = Request { pan: Some(pan(card as u64)), ..purchase(0) };
    world.desk.usage(&request, &world.cast.links[0], world.now_us)
}

/// The same for every account.
pub fn counted(world: &World) -> Vec<Vec<Usage>> {
    (0..world.cast.plan.accounts.len() as u32).map(|account| usage(world, account)).collect()
}

fn limits(world: &World, account: u32) -> Result<(), Fault> {
    let (expected, usage) = (world.model.life(account), usage(world, account));
    let named = usage.iter().filter(|usage| ["life", "few"].contains(&usage.limit.as_str()));
    for Usage { limit, used_count, used_minor, .. } in named {
        let what = format!("counted by {limit} for account {account}");
        Fault::unless("I7 limits", &what, (*used_count, *used_minor), expected)?;
    }
    Ok(())
}

fn of_card(world: &World, card: u32) -> Result<(), Fault> {
    let found = world.portfolio().card_by_id(card).map(|card| card.state.lock().velocity);
    Fault::unless("I7 velocity", "counters of a card", found, Some(world.model.shown(Scope::Card(card))))
}

/// Every figure of accounts, counters and transactions; and the table's sums against the accounts.
pub fn everything(world: &mut World) -> Result<(), Fault> {
    let names: Vec<Name> = world.model.names().copied().collect();
    for name in &names {
        world.notice_forgotten(*name)?;
    }
    let world = &*world;
    for id in 0..world.cast.plan.accounts.len() as u32 {
        account(world, id)?;
    }
    for card in 0..world.cast.plan.cards.len() as u32 {
        of_card(world, card)?;
    }
    let mut known = 0;
    for name in world.model.names() {
        transaction(world, name)?;
        known += 1;
    }
    let mut sums = vec![(0, 0); world.cast.plan.accounts.len()];
    world.portfolio().table.visit(|shard| {
        for found in shard.iter() {
            if let Some(sum) = sums.get_mut(found.account as usize) {
                *sum = (sum.0 + found.held_minor, sum.1 + found.posted_minor);
            }
        }
    });
    for (id, (held, posted)) in (0..).zip(sums) {
        Fault::unless("I6 account", "held by the table's transactions", held, world.model.held(id))?;
        if !world.forgets {
            Fault::unless("I6 account", "posted by the table's", posted, world.model.posted(id))?;
        }
    }
    Fault::unless("I8 transaction", "transactions known", world.portfolio().table.len().0, known)
}
