//! A ledger kept as one would on paper: each transaction says where it stands, what it holds and what it posted; every
//! sum is taken over all of them when asked for. Written from the rules of an issuer's flows, not from the desk.

use crate::counts::{Counts, Scope, calendar, too_many, too_much};
use crate::support::{AUTHORIZATION_DAYS, CardPlan, PREAUTHORIZATION_DAYS, Plan, pan};
use authswitch::message::{Kind, Operation, Request};
use authswitch::portfolio::CardStatus;
use std::collections::BTreeMap;

/// DE2, DE7, DE11 and DE32 name a transaction through its life.
pub type Name = (u64, u32, u32, u64);
/// The parts a repeat must have in common with the first: MTI class, DE2, 3, 4, 37, 41, 42, 49.
type Content = (u8, u64, u32, i64, [u8; 12], [u8; 8], [u8; 15], u16);
const NONE: [u8; 6] = [b' '; 6];

/// Where a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq)]
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

#[derive(Clone, Debug)]
pub struct Entry {
    pub stands: Stands,
    pub card: Option<u32>,
    pub held_minor: i64,
    pub posted_minor: i64,
    /// What a request of this name is told: DE39 and DE38.
    pub code: String,
    pub approval: [u8; 6],
    /// The request, once it came.
    asked: Option<Content>,
    /// DE4 of the message that moved the money last, and its worth in the account's currency.
    amount_minor: i64,
    worth_minor: i64,
    operation: Operation,
    /// Card and DE37.
    reference: (u64, [u8; 12]),
    /// Another stood in for us (0120), it was completed or stood in for as a sale (0220).
    stood_in: bool,
    settled: bool,
    last_reversal: Option<(u32, u32, u64, i64)>,
    ends_s: i64,
    /// Which purchase of the counters it is, and the amount they count.
    counted: Option<(u64, i64)>,
}

impl Entry {
    /// What it holds and posted.
    pub fn money(&self) -> (i64, i64) {
        (self.held_minor, self.posted_minor)
    }
}

/// What must come of a message.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub code: String,
    /// Whether it leaves a record: what leaves one is answered 96 when the journal takes none.
    pub stored: bool,
}

fn outcome(code: &str, stored: bool) -> Outcome {
    Outcome { code: code.to_owned(), stored }
}

#[derive(Clone)]
pub struct Ledger {
    plan: Plan,
    pub entries: BTreeMap<Name, Entry>,
    /// Card and DE37 -> the latest approved transaction, else the first declined one.
    references: BTreeMap<(u64, [u8; 12]), Name>,
    counts: Counts,
    purchases: u64,
}

pub fn name_of(request: &Request) -> Name {
    (request.pan.unwrap().parts().0, request.transmission, request.stan, request.acquirer)
}

fn original_name(request: &Request) -> Option<Name> {
    let original = request.original?;
    Some((request.pan.unwrap().parts().0, original.transmission, original.stan, original.acquirer))
}

fn says_yes(advice: &Request) -> bool {
    advice.response.is_none_or(|code| ["00", "08", "10", "11", "16", "85", "87"].contains(&code.as_str()))
}

fn takes_money(operation: Operation) -> bool {
    [Operation::Purchase, Operation::Cash].contains(&operation)
}

impl Ledger {
    pub fn new(plan: &Plan) -> Ledger {
        Ledger {
            plan: plan.clone(),
            entries: BTreeMap::new(),
            references: BTreeMap::new(),
            counts: Counts::default(),
            purchases: 0,
        }
    }

    fn sum(&self, account: u32, part: impl Fn(&Entry) -> i64) -> i64 {
        let mine = |entry: &&Entry| entry.card.is_some_and(|card| self.account_of(card) == account);
        self.entries.values().filter(mine).map(part).sum()
    }

    pub fn held(&self, account: u32) -> i64 {
        self.sum(account, |entry| entry.held_minor)
    }

    pub fn posted(&self, account: u32) -> i64 {
        self.sum(account, |entry| entry.posted_minor)
    }

    pub fn available(&self, account: u32) -> i64 {
        self.plan.accounts[account as usize].1 - self.posted(account) - self.held(account)
    }

    pub fn account_of(&self, card: u32) -> u32 {
        self.plan.cards[card as usize].account
    }

    pub fn shown(&self, scope: Scope) -> authswitch::portfolio::Velocity {
        self.counts.shown(scope)
    }

    fn card_of(&self, request: &Request) -> Option<u32> {
        (0..self.plan.cards.len() as u32).find(|card| Some(pan(u64::from(*card))) == request.pan)
    }

    /// What the message asks in the currency of the card's account.
    pub fn worth(&self, request: &Request, card: u32) -> Option<i64> {
        let home = self.plan.accounts[self.account_of(card) as usize].0;
        match (request.billing_currency, request.currency) {
            (billing, _) if billing == home => Some(request.billing_minor),
            (_, currency) if currency == home => Some(request.amount_minor),
            (0, 0) => Some(request.amount_minor),
            _ => None,
        }
    }

    /// A message, and the DE38 the desk gave for it, if any.
    pub fn takes(&mut self, request: &Request, now_us: i64, late: bool, given: Option<[u8; 6]>) -> Outcome {
        match request.kind {
            Kind::Authorization | Kind::Financial => self.asks(request, now_us, late, given),
            Kind::AuthorizationAdvice | Kind::FinancialAdvice => self.advises(request, now_us),
            Kind::Reversal => self.reverses(request),
            Kind::NetworkManagement => unreachable!("not of a play"),
        }
    }

    // ---- Requests ----

    fn asks(&mut self, request: &Request, now_us: i64, late: bool, given: Option<[u8; 6]>) -> Outcome {
        let (name, content) = (name_of(request), content_of(request));
        if let Some(entry) = self.entries.get_mut(&name) {
            let reversed = [Stands::Reversed, Stands::ReversedBefore].contains(&entry.stands);
            return match &entry.asked {
                Some(asked) if *asked == content => outcome(&entry.code, false),
                Some(_) => outcome("94", true),
                // Its reversal came before it.
                None if reversed => outcome("94", true),
                None if entry.card.is_none() => outcome("14", true),
                None if entry.amount_minor != request.amount_minor => outcome("94", true),
                // Another stood in for us: its answer is the answer.
                None => {
                    entry.asked = Some(content);
                    outcome(&entry.code, true)
                }
            };
        }
        let judged = if late { Err("91") } else { self.judges(request, now_us) };
        let mut entry = self.blank(request);
        entry.card = self.card_of(request);
        entry.asked = Some(content);
        match judged {
            Err(code) => entry.code = code.to_owned(),
            Ok(worth_minor) => {
                entry.approval = given.unwrap_or(NONE);
                entry.worth_minor = worth_minor;
                entry.stands = Stands::Answered;
                let posts = request.kind == Kind::Financial;
                if takes_money(request.operation) && posts {
                    (entry.stands, entry.posted_minor) = (Stands::Posted, worth_minor);
                } else if takes_money(request.operation) {
                    (entry.stands, entry.held_minor) = (Stands::Held, worth_minor);
                    entry.ends_s = end_of_hold(request, now_us);
                } else if request.operation == Operation::Credit && posts {
                    (entry.stands, entry.posted_minor) = (Stands::Posted, -worth_minor);
                }
                if takes_money(request.operation) {
                    self.count(&mut entry, worth_minor, now_us);
                }
            }
        }
        let code = entry.code.clone();
        self.first(name, entry);
        outcome(&code, true)
    }

    /// The column of refusals.
    fn judges(&self, request: &Request, now_us: i64) -> Result<i64, &'static str> {
        let number = self.card_of(request).ok_or("14")?;
        let CardPlan { status, expiry, program, limits, account } = self.plan.cards[number as usize];
        let refund = request.operation == Operation::Credit;
        match status {
            CardStatus::Lost => return Err("41"),
            CardStatus::Stolen => return Err("43"),
            CardStatus::Fraud => return Err("59"),
            CardStatus::Blocked | CardStatus::Closed | CardStatus::Inactive => return Err("62"),
            CardStatus::DoNotHonor => return Err("05"),
            CardStatus::Active | CardStatus::PinBlocked => {}
        }
        let today = calendar(now_us);
        let last_month = (2000 + expiry / 100) * 12 + expiry % 100 - 1;
        if !refund && (today.month > last_month || request.expiry != expiry) {
            return Err("54");
        }
        if !refund && status == CardStatus::PinBlocked {
            return Err("75");
        }
        if request.operation == Operation::Unsupported {
            return Err("12");
        }
        if [Operation::Inquiry, Operation::Verification].contains(&request.operation) {
            return Ok(0);
        }
        let worth_minor = self.worth(request, number).ok_or("57")?;
        if worth_minor == 0 {
            return Err("13");
        }
        if refund {
            return Ok(worth_minor);
        }
        let program = &self.plan.programs[program as usize];
        let card_limits = limits.unwrap_or(program.card_limits);
        let of_card = self.counts.at(Scope::Card(number), today);
        let of_account = self.counts.at(Scope::Account(account), today);
        let cash = request.operation == Operation::Cash;
        if too_many(&card_limits, &of_card, cash) || too_many(&program.account_limits, &of_account, cash) {
            return Err("65");
        }
        if too_much(&card_limits, &of_card, worth_minor, cash)
            || too_much(&program.account_limits, &of_account, worth_minor, cash)
        {
            return Err("61");
        }
        if worth_minor > self.available(account) { Err("51") } else { Ok(worth_minor) }
    }

    // ---- Advices ----

    fn advises(&mut self, advice: &Request, now_us: i64) -> Outcome {
        let name = name_of(advice);
        let settles = advice.kind == Kind::FinancialAdvice;
        let known = self.entries.get(&name).cloned();
        if known.as_ref().is_some_and(|entry| if settles { entry.settled } else { entry.stood_in }) {
            return outcome("00", false);
        }
        let completed = self.completed_by(advice, known.as_ref());
        let over = known.as_ref().is_some_and(|entry| match entry.stands {
            Stands::Reversed | Stands::ReversedBefore => true,
            Stands::Completed | Stands::RanOut => !settles,
            _ => !settles && entry.settled,
        });
        let fresh = known.is_none();
        let mut entry = known.unwrap_or_else(|| Entry {
            code: advice.response.map_or("00".to_owned(), |code| code.as_str().to_owned()),
            approval: advice.approval,
            ..self.blank(advice)
        });
        if settles {
            entry.settled = true
        } else {
            entry.stood_in = true
        }
        let card = entry.card.or(self.card_of(advice));
        if let Some(card) = card.filter(|_| !over) {
            entry.card = Some(card);
            let moves = says_yes(advice)
                && (takes_money(advice.operation) || settles && advice.operation == Operation::Credit);
            match self.worth(advice, card) {
                None if moves => return outcome("30", false),
                worth => self.books(&mut entry, advice, worth.unwrap_or(0), completed, now_us),
            }
        }
        if let Some(completed) = completed.filter(|_| card.is_some()) {
            let completed = self.entries.get_mut(&completed).unwrap();
            if [Stands::Held, Stands::RanOut, Stands::Declined].contains(&completed.stands) {
                (completed.stands, completed.held_minor) = (Stands::Completed, 0);
            }
        }
        if fresh {
            self.first(name, entry);
        } else {
            let was = self.entries.insert(name, entry).unwrap().stands;
            let is = self.entries[&name].stands;
            if was == Stands::Declined && [Stands::Held, Stands::Posted, Stands::Answered].contains(&is) {
                self.references.insert(self.entries[&name].reference, name);
            }
        }
        outcome("00", true)
    }

    /// The money follows what the advice says.
    fn books(
        &mut self,
        entry: &mut Entry,
        advice: &Request,
        worth: i64,
        completed: Option<Name>,
        now_us: i64,
    ) {
        let settles = advice.kind == Kind::FinancialAdvice;
        let (before, yes) = (entry.clone(), says_yes(advice));
        let (held, posted) = match (yes, settles) {
            (true, false) if takes_money(advice.operation) => (worth, 0),
            (true, true) if takes_money(advice.operation) => (0, worth),
            (true, true) if advice.operation == Operation::Credit => (0, -worth),
            _ => (0, 0),
        };
        (entry.held_minor, entry.posted_minor) = (held, posted);
        // A partial reversal of the same money is not taken back; a completion says the final amount.
        if before.last_reversal.is_some() && before.stands == Stands::Held && !settles {
            entry.held_minor = held.min(before.held_minor);
        }
        if before.last_reversal.is_some() && before.stands == Stands::Posted {
            let (low, high) = (before.posted_minor.min(0), before.posted_minor.max(0));
            entry.posted_minor = if before.posted_minor < 0 { posted.max(low) } else { posted.min(high) };
        }
        entry.stands = match (yes, settles) {
            (false, _) => Stands::Declined,
            (true, true) => Stands::Posted,
            (true, false) if entry.held_minor != 0 => Stands::Held,
            (true, false) => Stands::Answered,
        };
        (entry.amount_minor, entry.worth_minor) = (advice.amount_minor, worth);
        entry.ends_s = end_of_hold(advice, now_us);
        let spent = entry.held_minor + entry.posted_minor;
        let counted_there = completed.is_some_and(|name| self.entries[&name].counted.is_some());
        match entry.counted {
            _ if !takes_money(entry.operation) || spent <= 0 => self.uncount(entry),
            Some((purchase, _)) => {
                self.counts.change(purchase, spent);
                entry.counted = Some((purchase, spent));
            }
            None if counted_there => {}
            None => self.count(entry, spent, now_us),
        }
    }

    /// The authorization that a completion speaks of: by DE90, else by card and DE37 when its own name is not known.
    fn completed_by(&self, advice: &Request, known: Option<&Entry>) -> Option<Name> {
        if advice.kind != Kind::FinancialAdvice || !says_yes(advice) || !takes_money(advice.operation) {
            return None;
        }
        if let Some(name) = original_name(advice).filter(|name| self.entries.contains_key(name)) {
            return Some(name).filter(|name| *name != name_of(advice) && self.entries[name].card.is_some());
        }
        if known.is_some_and(|entry| entry.stands != Stands::ReversedBefore) {
            return None;
        }
        let found = self.references.get(&reference_of(advice)).copied();
        found.filter(|name| *name != name_of(advice) && self.entries[name].card.is_some())
    }

    // ---- Reversals ----

    fn reverses(&mut self, reversal: &Request) -> Outcome {
        let named = original_name(reversal).unwrap_or(name_of(reversal));
        let remains = reversal.replacement_minor.unwrap_or(0);
        let identity = (reversal.stan, reversal.transmission, reversal.acquirer, remains);
        let by_reference = self.references.get(&reference_of(reversal)).copied();
        let same_code =
            |name: &Name| reversal.approval != NONE && self.entries[name].approval == reversal.approval;
        let found = Some(named).filter(|name| self.entries.contains_key(name));
        let Some(name) = found.or(by_reference.filter(same_code)) else {
            let early = Entry {
                stands: Stands::ReversedBefore,
                last_reversal: Some(identity),
                ..self.blank(reversal)
            };
            self.entries.insert(named, early);
            return outcome("00", true);
        };
        let mut entry = self.entries[&name].clone();
        if entry.last_reversal == Some(identity) {
            return outcome("00", false);
        }
        entry.last_reversal = Some(identity);
        let has_money = entry.held_minor != 0 || entry.posted_minor != 0;
        let full = remains == 0 || has_money && at_its_rate(&entry, remains) == 0;
        let remains = at_its_rate(&entry, remains);
        match entry.stands {
            Stands::ReversedBefore => {}
            // The completion has a name of its own and stays; this one is over.
            Stands::Completed if full => entry.stands = Stands::Reversed,
            _ if full => {
                (entry.stands, entry.held_minor, entry.posted_minor) = (Stands::Reversed, 0, 0);
                self.uncount(&mut entry);
            }
            Stands::Held | Stands::Posted => {
                entry.held_minor = entry.held_minor.min(remains);
                entry.posted_minor = entry.posted_minor.clamp(-remains, remains);
                if let Some((purchase, _)) = entry.counted {
                    let spent = entry.held_minor + entry.posted_minor;
                    self.counts.change(purchase, spent);
                    entry.counted = Some((purchase, spent));
                }
            }
            _ => {}
        }
        self.entries.insert(name, entry);
        outcome("00", true)
    }

    // ---- What the switch does on its own ----

    /// The holds that have run out end; returns how many.
    pub fn expires(&mut self, now_us: i64) -> usize {
        let now_s = now_us.div_euclid(1_000_000);
        let due = |entry: &&mut Entry| entry.stands == Stands::Held && entry.ends_s <= now_s;
        let ended = self.entries.values_mut().filter(due).map(|entry| {
            (entry.stands, entry.held_minor) = (Stands::RanOut, 0);
        });
        ended.count()
    }

    /// Our approval could not be sent. Whether there is anything to undo.
    pub fn undoes(&mut self, name: Name) -> bool {
        let mut entry = self.entries[&name].clone();
        if entry.code != "00" || entry.stood_in || entry.settled {
            return false;
        }
        (entry.code, entry.approval) = ("91".to_owned(), NONE);
        if [Stands::Held, Stands::Posted, Stands::Answered].contains(&entry.stands) {
            (entry.stands, entry.held_minor, entry.posted_minor) = (Stands::Declined, 0, 0);
            self.uncount(&mut entry);
        }
        self.entries.insert(name, entry);
        true
    }

    // ---- Bookkeeping ----

    fn blank(&self, request: &Request) -> Entry {
        Entry {
            stands: Stands::Declined,
            card: None,
            held_minor: 0,
            posted_minor: 0,
            code: "00".to_owned(),
            approval: NONE,
            asked: None,
            amount_minor: request.amount_minor,
            worth_minor: 0,
            operation: request.operation,
            reference: reference_of(request),
            stood_in: false,
            settled: false,
            last_reversal: None,
            ends_s: 0,
            counted: None,
        }
    }

    /// A transaction seen for the first time, but by its reversal.
    fn first(&mut self, name: Name, entry: Entry) {
        if entry.stands != Stands::Declined || !self.references.contains_key(&entry.reference) {
            self.references.insert(entry.reference, name);
        }
        self.entries.insert(name, entry);
    }

    fn count(&mut self, entry: &mut Entry, amount_minor: i64, now_us: i64) {
        let card = entry.card.unwrap();
        self.purchases += 1;
        let scopes = [Scope::Card(card), Scope::Account(self.account_of(card))];
        let cash = entry.operation == Operation::Cash;
        self.counts.add(self.purchases, scopes, now_us, amount_minor, cash);
        entry.counted = Some((self.purchases, amount_minor));
    }

    fn uncount(&mut self, entry: &mut Entry) {
        if let Some((purchase, _)) = entry.counted.take() {
            self.counts.remove(purchase);
        }
    }
}

fn reference_of(request: &Request) -> (u64, [u8; 12]) {
    (request.pan.unwrap().parts().0, request.retrieval_reference)
}

fn content_of(request: &Request) -> Content {
    (
        request.mti.class(),
        request.pan.unwrap().parts().0,
        request.processing_code,
        request.amount_minor,
        request.retrieval_reference,
        request.terminal,
        request.merchant,
        request.currency,
    )
}

fn end_of_hold(request: &Request, now_us: i64) -> i64 {
    let days = if request.preauthorization { PREAUTHORIZATION_DAYS } else { AUTHORIZATION_DAYS };
    now_us.div_euclid(1_000_000) + days * 86_400
}

/// DE95 in the account's currency, at the original's rate, to the nearest unit.
fn at_its_rate(entry: &Entry, remains: i64) -> i64 {
    let (amount, worth) = (i128::from(entry.amount_minor), i128::from(entry.worth_minor));
    if amount == 0 || amount == worth {
        return remains;
    }
    let (whole, rest) = (i128::from(remains) * worth / amount, i128::from(remains) * worth % amount);
    (whole + i128::from(2 * rest >= amount)) as i64
}
