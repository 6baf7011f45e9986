//! The naive ledger: what every message of a transaction's life must do, written from the rules of an issuer's flows,
//! not from the desk. Every sum is taken over all transactions, every counter is recounted. A message is first
//! planned, then committed, so that what the journal did not take has not happened here either.

mod advices;
mod counts;
mod finds;
mod keeps;
mod life;
mod names;
mod parts;
mod references;
mod requests;
mod reversals;
mod worth;

pub use counts::Scope;
pub use names::{Name, name_of};

use super::law::Law;
use super::support::{AUTHORIZATION_DAYS, PREAUTHORIZATION_DAYS, Plan, pan};
use authswitch::message::{Kind, Operation, Request, ResponseCode};
use authswitch::portfolio::{Differs, Limits, Velocity};
use counts::Counts;
use finds::Says;
use life::Life;
use names::{Party, Reference, digits, original_name, reference_of};
use references::Came;
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;
use worth::{Sum, share, takes_money};

/// The same order and speed in every run.
type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// What a repeat must have in common with the first: MTI class, DE2, 3, 4, 37, 41, 42, 49.
type Content = (u8, u64, u32, i64, [u8; 12], [u8; 8], [u8; 15], u16);

/// Which reversal it was: DE11, 32, what it leaves, and what it is of: DE4, DE90's class and trace number.
type Identity = (u32, u64, i64, (i64, u16, u32));

const NO_CODE: [u8; 6] = [b' '; 6];

/// Where a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stands {
    Declined,
    /// Approved without money.
    Answered,
    Held,
    Posted,
    Reversed,
    /// Its reversal came before it.
    ReversedBefore,
    /// Completed by a message with a name of its own.
    Completed,
    RanOut,
    /// An increment: its money is in another's hold.
    Added,
}

/// One transaction on paper.
#[derive(Clone, Debug)]
pub struct Entry {
    pub stands: Stands,
    pub card: Option<u32>,
    pub held_minor: i64,
    pub posted_minor: i64,
    /// What a request of this name is told.
    pub code: ResponseCode,
    pub approval: [u8; 6],
    /// The request, once it came.
    asked: Option<Content>,
    /// DE4 of the message that moved the money last (what was approved of it), and its worth in the account's currency.
    amount_minor: i64,
    worth_minor: i64,
    operation: Operation,
    /// The cash given with a purchase.
    cash_minor: i64,
    /// What of a hold was spent: completed, or held when it ended.
    pub settled_minor: i64,
    /// What an increment adds to.
    adds_to: Option<Name>,
    preauthorization: bool,
    reference: Option<Reference>,
    /// Another stood in for us (0120); it was settled by an advice (0220).
    stood_in: bool,
    settled: bool,
    last_reversal: Option<Identity>,
    /// We had approved it, and could not say so in time.
    undone: bool,
    ends_s: i64,
    /// When it was counted as a purchase.
    counted: Option<i64>,
    /// Which purchase of the counters it is.
    purchase: u64,
    /// What the message that made it says, when it came (or made a purchase of it), and its record.
    made: Says,
    made_us: i64,
    made_record: u64,
    /// The record that changed it last.
    pub record: u64,
}

impl Entry {
    /// All of it that was or may still be spent.
    fn spent(&self) -> i64 {
        self.held_minor + self.settled_minor + self.posted_minor
    }

    /// The cash of that.
    fn cash(&self) -> i64 {
        if self.operation == Operation::Cash { self.spent() } else { self.cash_minor.min(self.spent()) }
    }
}

/// What must come of a message.
#[derive(Debug)]
pub struct Outcome {
    pub code: ResponseCode,
    /// Whether it leaves a record: what leaves one is answered 96 when the journal takes none.
    pub stored: bool,
    /// An answer that has been given before.
    pub repeat: bool,
    /// A refusal before anything else was asked: the same name came before.
    pub known: bool,
    /// The record that must be durable before a promise about this message.
    pub needs: u64,
    /// What an inquiry is told: ledger and available balance.
    pub balances: Option<[i64; 2]>,
    /// What is told of a reversal, or of an advice that has come before.
    pub differs: Differs,
    own: Option<(Name, Entry)>,
    other: Option<(Name, Entry)>,
}

impl Outcome {
    fn stored(code: ResponseCode) -> Outcome {
        let (own, other, balances) = (None, None, None);
        let differs = Differs::Nothing;
        Outcome { code, stored: true, repeat: false, known: false, needs: 0, balances, differs, own, other }
    }

    /// The transactions that change.
    pub fn names(&self) -> impl Iterator<Item = Name> {
        self.own.iter().chain(&self.other).map(|(name, _)| *name)
    }
}

/// A message as it comes in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub request: Request,
    pub link: usize,
    /// Whose transactions it may speak of.
    pub network: u64,
    pub now_us: i64,
    /// Its budget is spent.
    pub late: bool,
    /// There is no place for one more transaction that must be kept.
    pub crowded: bool,
}

/// What happened, so that it can be told again up to any record.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// With the DE38 that the desk gave.
    Message(Arrival, Option<[u8; 6]>),
    RanOut(Name),
    Undone(Name),
    Forgotten(Name),
}

/// The ledger.
pub struct Model {
    plan: Plan,
    law: Law,
    places: Map<Name, usize>,
    entries: Vec<Entry>,
    /// The entries of each account.
    of_account: Vec<Vec<usize>>,
    /// What forgotten transactions have posted, by account.
    forgotten_minor: Vec<i64>,
    /// All that have a reference: how it came (see [`Model::refer`]), and by which record.
    references: Map<Reference, Vec<(Name, Came, u64)>>,
    /// All of a card and trace number.
    traces: Map<(Party, u32), Vec<Name>>,
    numbers: Map<u64, u32>,
    counts: Counts,
    life: Life,
    purchases: u64,
    story: Vec<(u64, Deed)>,
}

fn end_of_hold(preauthorization: bool, now_us: i64) -> i64 {
    let days = if preauthorization { PREAUTHORIZATION_DAYS } else { AUTHORIZATION_DAYS };
    now_us.div_euclid(1_000_000) + days * 86_400
}

impl Model {
    pub fn new(plan: &Plan, law: Law) -> Model {
        Model {
            plan: plan.clone(),
            law,
            places: Map::default(),
            entries: Vec::new(),
            of_account: vec![Vec::new(); plan.accounts.len()],
            forgotten_minor: vec![0; plan.accounts.len()],
            references: Map::default(),
            traces: Map::default(),
            numbers: (0..).zip(&plan.cards).map(|(card, _)| (pan(u64::from(card)).parts().0, card)).collect(),
            counts: Counts::new(plan.cards.len(), plan.accounts.len()),
            life: Life::default(),
            purchases: 0,
            story: Vec::new(),
        }
    }

    /// The same ledger as it stood at a record: the story told again from the beginning.
    pub fn at_record(&self, last: u64) -> Model {
        let (mut again, mut planned) = (Model::new(&self.plan, self.law), None);
        let story: Vec<_> = self.story.iter().filter(|(record, _)| *record <= last).collect();
        for (at, (record, deed)) in story.iter().enumerate() {
            let mut same = story[at..].iter().take_while(|(next, _)| next == record);
            // What a message pushes out of a small table was there still when it was decided.
            if let (None, Some((_, Deed::Message(arrival, _)))) =
                (&planned, same.find(|(_, deed)| matches!(deed, Deed::Message(..))))
            {
                planned = Some(again.plan(arrival));
            }
            again.tell(*record, deed, &mut planned);
        }
        again
    }

    fn tell(&mut self, record: u64, deed: &Deed, planned: &mut Option<Outcome>) {
        match deed {
            Deed::Message(arrival, given) => {
                let outcome = planned.take().unwrap_or_else(|| self.plan(arrival));
                self.commit(record, arrival, outcome, *given);
            }
            Deed::RanOut(name) => {
                self.runs_out(record, *name, i64::MAX);
            }
            Deed::Undone(name) => self.undoes(record, *name),
            Deed::Forgotten(name) => self.forget(record, *name),
        }
    }

    // ---- Looking ----

    pub fn get(&self, name: &Name) -> Option<&Entry> {
        self.places.get(name).map(|place| &self.entries[*place])
    }

    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.places.keys()
    }

    pub fn account_of(&self, card: u32) -> u32 {
        self.plan.cards[card as usize].account
    }

    fn sum(&self, account: u32, part: impl Fn(&Entry) -> i64) -> i64 {
        self.of_account[account as usize].iter().map(|place| part(&self.entries[*place])).sum()
    }

    pub fn held(&self, account: u32) -> i64 {
        self.sum(account, |entry| entry.held_minor)
    }

    pub fn posted(&self, account: u32) -> i64 {
        self.forgotten_minor[account as usize] + self.sum(account, |entry| entry.posted_minor)
    }

    fn ledger(&self, account: u32) -> i64 {
        self.plan.accounts[account as usize].1 - self.posted(account)
    }

    pub fn available(&self, account: u32) -> i64 {
        self.ledger(account) - self.held(account)
    }

    /// The largest amount that passes the amount limits of a card and its account now.
    pub fn left_of_limits(&self, card: u32, now_us: i64, cash: bool) -> i64 {
        let today = counts::calendar(now_us);
        let of = &self.plan.cards[card as usize];
        let program = &self.plan.programs[of.program as usize];
        let left = |limits: &Limits, scope| {
            let used = self.counts.at(scope, today);
            let day = limits.amount_per_day.saturating_sub(used.day_minor);
            let month = limits.amount_per_month.saturating_sub(used.month_minor);
            let at_machines = limits.cash_amount_per_day.saturating_sub(used.day_cash_minor);
            let at_machines = at_machines.min(limits.cash_amount_per_transaction);
            let goods = day.min(month).min(limits.amount_per_transaction);
            if cash { goods.min(at_machines) } else { goods }
        };
        let own = left(&of.limits.unwrap_or(program.card_limits), Scope::Card(card));
        own.min(left(&program.account_limits, Scope::Account(of.account)))
    }

    /// The counters as a card or an account must show them.
    pub fn shown(&self, scope: Scope) -> Velocity {
        self.counts.shown(scope)
    }

    /// What the limits over an account's life must have counted: purchases and their sum.
    pub fn life(&self, account: u32) -> (u32, i64) {
        self.life.of(account)
    }

    pub fn card_of(&self, request: &Request) -> Option<u32> {
        self.numbers.get(&digits(request)).copied()
    }

    // ---- Messages ----

    /// What must come of a message; nothing changes yet.
    pub fn plan(&self, arrival: &Arrival) -> Outcome {
        match arrival.request.kind {
            Kind::Authorization | Kind::Financial => self.asks(arrival),
            Kind::AuthorizationAdvice | Kind::FinancialAdvice => self.advises(arrival),
            Kind::Reversal => self.reverses(arrival),
            Kind::NetworkManagement => unreachable!("no step makes one"),
        }
    }

    /// What was planned has happened, with this record. `given` is the DE38 of an approval.
    pub fn commit(&mut self, record: u64, arrival: &Arrival, outcome: Outcome, given: Option<[u8; 6]>) {
        self.story.push((record, Deed::Message(*arrival, given)));
        let requested = arrival.request.kind.may_be_declined();
        for (name, mut entry) in outcome.own.into_iter().chain(outcome.other) {
            let fresh = self.get(&name).is_none();
            if fresh && requested && outcome.code.is_approval() {
                entry.approval = given.unwrap_or(NO_CODE);
            }
            self.put(record, name, entry);
        }
    }

    // ---- What the switch does on its own ----

    /// The holds that have run out.
    pub fn due(&self, now_us: i64) -> Vec<Name> {
        let due = |place: &usize| self.is_due(&self.entries[*place], now_us);
        self.places.iter().filter(|(_, place)| due(place)).map(|(name, _)| *name).collect()
    }

    fn is_due(&self, entry: &Entry, now_us: i64) -> bool {
        entry.stands == Stands::Held && entry.ends_s <= now_us.div_euclid(1_000_000)
    }

    /// A hold ends. Whether it was due.
    pub fn runs_out(&mut self, record: u64, name: Name, now_us: i64) -> bool {
        let Some(entry) = self.get(&name).filter(|entry| self.is_due(entry, now_us)) else { return false };
        let (purchase, spent) = (entry.purchase, entry.settled_minor);
        let settled_minor = spent + entry.held_minor;
        let entry = Entry { stands: Stands::RanOut, held_minor: 0, settled_minor, ..entry.clone() };
        self.story.push((record, Deed::RanOut(name)));
        self.life.ends(purchase, spent);
        self.put(record, name, entry);
        true
    }

    /// Whether our approval of this name can be undone: nobody else has spoken of it.
    pub fn can_undo(&self, name: &Name) -> bool {
        let entry = self.get(name);
        entry.is_some_and(|entry| entry.code.is_approval() && !entry.stood_in && !entry.settled)
    }

    /// Our approval could not be sent.
    pub fn undoes(&mut self, record: u64, name: Name) {
        let Some(known) = self.get(&name) else { return };
        let (code, approval) = (ResponseCode::UNAVAILABLE, NO_CODE);
        // Of what moved no money nothing was approved.
        let undone = known.stands != Stands::Answered;
        let mut entry = Entry { code, approval, undone, ..known.clone() };
        let mut original = None;
        match entry.stands {
            Stands::Added => {
                original = self.shrinks(&mut entry, 0, 0);
                entry.stands = Stands::Declined;
            }
            // Completions have been posted: the purchase was made.
            Stands::Held if entry.settled_minor > 0 => {
                (entry.stands, entry.held_minor) = (Stands::Completed, 0);
            }
            Stands::Held | Stands::Posted | Stands::Answered => {
                (entry.stands, entry.held_minor, entry.posted_minor) = (Stands::Declined, 0, 0);
                entry.counted = None;
            }
            _ => {}
        }
        self.story.push((record, Deed::Undone(name)));
        for (name, entry) in original.into_iter().chain([(name, entry)]) {
            self.put(record, name, entry);
        }
    }

    /// A closed transaction that the switch no longer knows.
    pub fn forget(&mut self, record: u64, name: Name) {
        let Some(place) = self.places.remove(&name) else { return };
        self.story.push((record, Deed::Forgotten(name)));
        let (card, reference) = (self.entries[place].card, self.entries[place].reference);
        if let Some(alike) = self.traces.get_mut(&self.entries[place].made.trace) {
            alike.retain(|known| *known != name);
        }
        if let Some(alike) = reference.and_then(|reference| self.references.get_mut(&reference)) {
            alike.retain(|(known, ..)| *known != name);
        }
        if let Some(card) = card {
            let account = self.account_of(card) as usize;
            self.forgotten_minor[account] += self.entries[place].posted_minor;
            self.of_account[account].retain(|mine| *mine != place);
        }
        self.counts.keep(self.entries[place].purchase);
        self.life.keep(self.entries[place].purchase);
    }

    // ---- Bookkeeping ----

    fn put(&mut self, record: u64, name: Name, mut entry: Entry) {
        entry.record = record;
        let place = self.places.get(&name).copied();
        let before = place.map(|place| &self.entries[place]);
        let was = before.map(|before| before.stands);
        let was_counted = before.and_then(|before| before.counted);
        let (spent, cash) = (entry.spent(), entry.cash());
        let was_owned = before.is_some_and(|before| before.card.is_some());
        match (was_counted, entry.counted, entry.card) {
            (None, Some(time_us), Some(card)) => {
                self.purchases += 1;
                entry.purchase = self.purchases;
                let scopes = [Scope::Card(card), Scope::Account(self.account_of(card))];
                self.counts.add(entry.purchase, scopes, time_us, spent, cash);
                self.life.add(self.account_of(card), spent);
            }
            (Some(_), None, _) => {
                self.counts.remove(entry.purchase);
                self.life.remove(entry.purchase);
            }
            (Some(_), Some(_), _) => {
                let with_cash = (entry.operation == Operation::Purchase).then_some(entry.cash_minor > 0);
                self.counts.change(entry.purchase, spent, cash, with_cash);
                self.life.change(entry.purchase, spent);
            }
            _ => {}
        }
        self.refer(record, name, was, &entry);
        let owner = entry.card.filter(|_| !was_owned).map(|card| self.account_of(card));
        let place = place.unwrap_or(self.entries.len());
        if place == self.entries.len() {
            entry.made_record = record;
            self.traces.entry(entry.made.trace).or_default().push(name);
            self.places.insert(name, place);
            self.entries.push(entry);
        } else {
            self.entries[place] = entry;
        }
        if let Some(account) = owner {
            self.of_account[account as usize].push(place);
        }
    }

    fn blank(&self, arrival: &Arrival) -> Entry {
        let request = &arrival.request;
        Entry {
            stands: Stands::Declined,
            card: None,
            held_minor: 0,
            posted_minor: 0,
            code: ResponseCode::APPROVED,
            approval: NO_CODE,
            asked: None,
            amount_minor: request.amount_minor,
            worth_minor: 0,
            operation: request.operation,
            cash_minor: 0,
            settled_minor: 0,
            adds_to: None,
            preauthorization: false,
            reference: reference_of(request, arrival.network),
            stood_in: false,
            settled: false,
            last_reversal: None,
            undone: false,
            ends_s: 0,
            counted: None,
            purchase: 0,
            made: Says::of(arrival),
            made_us: arrival.now_us,
            made_record: 0,
            record: 0,
        }
    }
}
