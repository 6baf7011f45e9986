//! A ledger kept as one would on paper: each transaction says where it stands, what it holds and what it posted; every
//! sum is taken over all of them when asked for. Written from the rules of an issuer's flows, not from the desk.

use crate::counts::{Counts, Scope};
use crate::finds::{Identity, content_of, identity_of, reference_of, says_yes};
use crate::judge::{Sum, share};
use crate::parts::end_of_hold;
use crate::support::{Plan, pan};
use authswitch::message::{Kind, Operation, Request};
use std::collections::{BTreeMap, BTreeSet};

/// DE2, DE7, DE11 and DE32 name a transaction through its life.
pub type Name = (u64, u32, u32, u64);
/// The parts a repeat must have in common with the first: MTI class, DE2, 3, 4, 37, 41, 42, 49.
pub type Content = (u8, u64, u32, i64, [u8; 12], [u8; 8], [u8; 15], u16);
pub const NONE: [u8; 6] = [b' '; 6];

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
    pub asked: Option<Content>,
    /// DE4 of the message that moved the money last (what was approved of it), and its worth in the account's currency.
    pub amount_minor: i64,
    pub worth_minor: i64,
    pub operation: Operation,
    /// The cash given with a purchase.
    cash_minor: i64,
    /// What of a hold was spent: completed, or held when it ended.
    pub settled_minor: i64,
    /// What an increment adds to.
    pub adds_to: Option<Name>,
    /// Card and DE37.
    pub reference: Option<(u64, [u8; 12])>,
    /// The message that made it.
    pub made: Request,
    /// Another stood in for us (0120), it was completed or stood in for as a sale (0220).
    pub stood_in: bool,
    pub settled: bool,
    pub last_reversal: Option<Identity>,
    pub ends_s: i64,
    pub preauthorization: bool,
    /// Which purchase of the counters it is.
    counted: Option<u64>,
    /// Its place among those of its reference: made, or approved after all.
    pub turn: usize,
    pub was_approved: bool,
}

impl Entry {
    /// All of it that was or may still be spent.
    pub fn spent(&self) -> i64 {
        self.held_minor + self.settled_minor + self.posted_minor
    }

    /// The cash of that.
    fn cash(&self) -> i64 {
        if self.operation == Operation::Cash { self.spent() } else { self.cash_minor.min(self.spent()) }
    }

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

pub fn outcome(code: &str, stored: bool) -> Outcome {
    Outcome { code: code.to_owned(), stored }
}

#[derive(Clone)]
pub struct Ledger {
    pub plan: Plan,
    pub entries: BTreeMap<Name, Entry>,
    pub counts: Counts,
    /// The names of reversals that released what agreed with them in all, by another name.
    pub spoke_of_others: BTreeSet<Name>,
    purchases: u64,
}

pub fn name_of(request: &Request) -> Name {
    (request.pan.unwrap().parts().0, request.transmission, request.stan, request.acquirer)
}

pub fn original_name(request: &Request) -> Option<Name> {
    let original = request.original?;
    Some((request.pan.unwrap().parts().0, original.transmission, original.stan, original.acquirer))
}

pub fn takes_money(operation: Operation) -> bool {
    [Operation::Purchase, Operation::Cash].contains(&operation)
}

impl Ledger {
    pub fn new(plan: &Plan) -> Ledger {
        Ledger {
            plan: plan.clone(),
            entries: BTreeMap::new(),
            counts: Counts::default(),
            spoke_of_others: BTreeSet::new(),
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

    pub fn card_of(&self, request: &Request) -> Option<u32> {
        (0..self.plan.cards.len() as u32).find(|card| Some(pan(u64::from(*card))) == request.pan)
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
                None if entry.was_told_otherwise(request) => outcome("94", true),
                // Another stood in for us: its answer is the answer.
                None => {
                    entry.asked = Some(content);
                    outcome(&entry.code, true)
                }
            };
        }
        if self.was_reversed(request) {
            return outcome("94", true);
        }
        let mut entry = self.blank(request);
        entry.card = self.card_of(request);
        entry.asked = Some(content);
        let adds_to = self.added_to(request, None).filter(|_| !late);
        let adds_to = adds_to.filter(|(original, _)| self.is_open_for(*original, entry.card));
        match if late { Err("91") } else { self.judges(request, now_us, adds_to.is_some()) } {
            Err(code) => entry.code = code.to_owned(),
            Ok(granted) => {
                let (worth_minor, posts) = (granted.sum.all, request.kind == Kind::Financial);
                entry.code = granted.code.to_owned();
                entry.approval = given.unwrap_or(NONE);
                (entry.amount_minor, entry.worth_minor) = (granted.of_de4, worth_minor);
                entry.stands = Stands::Answered;
                if let Some((original, _)) = adds_to {
                    (entry.stands, entry.adds_to) = (Stands::Added, Some(original));
                    let ends_s = self.ends(original, now_us);
                    self.hold_changes(original, worth_minor, ends_s);
                } else if takes_money(request.operation) && posts {
                    (entry.stands, entry.posted_minor) = (Stands::Posted, worth_minor);
                } else if takes_money(request.operation) {
                    (entry.stands, entry.held_minor) = (Stands::Held, worth_minor);
                    entry.ends_s = end_of_hold(request.preauthorization, now_us);
                    entry.preauthorization = request.preauthorization;
                } else if request.operation == Operation::Credit && posts {
                    (entry.stands, entry.posted_minor) = (Stands::Posted, -worth_minor);
                }
                if takes_money(request.operation) && adds_to.is_none() {
                    entry.cash_minor = granted.sum.cash;
                    self.count(&mut entry, now_us);
                }
            }
        }
        let code = entry.code.clone();
        self.first(name, entry);
        outcome(&code, true)
    }

    // ---- Advices ----

    fn advises(&mut self, advice: &Request, now_us: i64) -> Outcome {
        let settles = advice.kind == Kind::FinancialAdvice;
        let name = self.advised_as(advice);
        let known = self.entries.get(&name).cloned();
        let seen = |entry: &&Entry| if settles { entry.settled } else { entry.stood_in };
        if let Some(entry) = known.as_ref().filter(seen) {
            // It may say something else now, which is recorded.
            return outcome("00", entry.was_advised_otherwise(advice));
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
        let mut sum = Sum::default();
        if let Some(card) = card.filter(|_| !over) {
            entry.card = Some(card);
            let moves = says_yes(advice)
                && (takes_money(advice.operation) || settles && advice.operation == Operation::Credit);
            match self.worth(advice, card) {
                Err(_) if moves => return outcome("30", false),
                worth => sum = worth.unwrap_or_default(),
            }
            match self.advised_original(advice, &entry, fresh) {
                Some(original) => self.advises_increment(&mut entry, advice, sum.all, original, now_us),
                None => self.books(&mut entry, advice, sum, completed, now_us),
            }
        }
        if let Some(completed) = completed.filter(|_| card.is_some()) {
            self.completes(completed, advice, sum.all);
        }
        if fresh {
            self.first(name, entry);
        } else {
            let was = self.entries.insert(name, entry).unwrap().stands;
            let is = self.entries[&name].stands;
            if was == Stands::Declined && [Stands::Held, Stands::Posted, Stands::Answered].contains(&is) {
                let turn = self.next_turn();
                let entry = self.entries.get_mut(&name).unwrap();
                (entry.turn, entry.was_approved) = (turn, true);
            }
        }
        outcome("00", true)
    }

    /// The money follows what the advice says.
    fn books(&mut self, entry: &mut Entry, advice: &Request, sum: Sum, completed: Option<Name>, now_us: i64) {
        let settles = advice.kind == Kind::FinancialAdvice;
        let (before, yes) = (entry.clone(), says_yes(advice));
        let (mut held, posted) = match (yes, settles) {
            (true, false) if takes_money(advice.operation) => (sum.all, 0),
            (true, true) if takes_money(advice.operation) => (0, sum.all),
            (true, true) if advice.operation == Operation::Credit => (0, -sum.all),
            _ => (0, 0),
        };
        // A partial reversal of the same money is not taken back; a completion says the final amount.
        if before.last_reversal.is_some() && before.stands == Stands::Held && !settles {
            held = held.min(before.held_minor);
        }
        // What was completed of it is held no more.
        entry.settled_minor = if before.stands == Stands::Held { before.settled_minor } else { 0 };
        (entry.held_minor, entry.posted_minor) = ((held - entry.settled_minor).max(0), posted);
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
        // A partial approval was answered with its amounts, and is answered with them again.
        if before.asked.is_none() || !["10", "87"].contains(&before.code.as_str()) {
            (entry.amount_minor, entry.worth_minor) = (advice.amount_minor, sum.all);
        }
        entry.preauthorization |= advice.preauthorization;
        entry.ends_s = end_of_hold(entry.preauthorization, now_us);
        if sum.cash > 0 && entry.operation == Operation::Purchase {
            entry.cash_minor = sum.cash;
        }
        let counted_there = completed.is_some_and(|name| self.entries[&name].counted.is_some());
        match entry.counted {
            _ if !takes_money(entry.operation) || entry.spent() <= 0 => self.uncount(entry),
            Some(_) => self.recount(entry),
            None if counted_there => {}
            None => self.count(entry, now_us),
        }
    }

    /// The authorization that a completion speaks of: by DE90, else by card and DE37 when its own name is not known.
    fn completed_by(&self, advice: &Request, known: Option<&Entry>) -> Option<Name> {
        if advice.kind != Kind::FinancialAdvice || !says_yes(advice) || !takes_money(advice.operation) {
            return None;
        }
        // By the key of an increment: what that is part of.
        if let Some(original) = known.and_then(|known| known.adds_to) {
            return Some(original);
        }
        let usable = |name: &Name| *name != name_of(advice) && self.entries[name].card.is_some();
        if let Some(name) = original_name(advice).filter(|name| self.entries.contains_key(name)) {
            let root = self.root(name);
            return Some(root).filter(usable);
        }
        if known.is_some_and(|entry| entry.stands != Stands::ReversedBefore) {
            return None;
        }
        self.by_reference(advice).map(|name| self.root(name)).filter(usable)
    }

    /// The authorization itself, where a name is of an increment.
    pub fn root(&self, name: Name) -> Name {
        self.entries.get(&name).and_then(|entry| entry.adds_to).unwrap_or(name)
    }

    // ---- Reversals ----

    fn reverses(&mut self, reversal: &Request) -> Outcome {
        let named = original_name(reversal).unwrap_or(name_of(reversal));
        let remains = reversal.replacement_minor.unwrap_or(0);
        let identity = identity_of(reversal);
        let Some(name) = self.reversed_by(reversal, named) else {
            let blank = self.blank(reversal);
            let reference = blank.reference.filter(|_| reversal.original.is_none());
            let (stands, last_reversal) = (Stands::ReversedBefore, Some(identity));
            let early = Entry { stands, last_reversal, reference, turn: self.next_turn(), ..blank };
            self.entries.insert(named, early);
            return outcome("00", true);
        };
        if name != named {
            self.spoke_of_others.insert(named);
        }
        let mut entry = self.entries[&name].clone();
        if entry.last_reversal == Some(identity) {
            return outcome("00", false);
        }
        entry.last_reversal = Some(identity);
        let has_money = entry.held_minor != 0 || entry.posted_minor != 0;
        let wanted = remains;
        let remains = share(wanted, entry.worth_minor, entry.amount_minor);
        let left = (remains - entry.settled_minor).max(0);
        let nothing = if entry.stands == Stands::Held { left == 0 } else { remains == 0 };
        let full = wanted == 0 || has_money && nothing;
        match entry.stands {
            Stands::ReversedBefore => {}
            Stands::Added => self.shrinks(&mut entry, wanted, remains),
            // The completion has a name of its own and stays; this one is over.
            Stands::Completed if full => entry.stands = Stands::Reversed,
            Stands::Held if full && entry.settled_minor > 0 => {
                entry.stands = if wanted == 0 { Stands::Reversed } else { Stands::Completed };
                entry.held_minor = 0;
                self.recount(&entry);
            }
            _ if full => {
                (entry.stands, entry.held_minor, entry.posted_minor) = (Stands::Reversed, 0, 0);
                self.uncount(&mut entry);
            }
            Stands::Held | Stands::Posted => {
                entry.held_minor = entry.held_minor.min(left);
                entry.posted_minor = entry.posted_minor.clamp(-remains, remains);
                self.recount(&entry);
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
            entry.settled_minor += entry.held_minor;
            (entry.stands, entry.held_minor) = (Stands::RanOut, 0);
        });
        ended.count()
    }

    /// Our approval could not be sent. Whether there is anything to undo.
    pub fn undoes(&mut self, name: Name) -> bool {
        let mut entry = self.entries[&name].clone();
        if !["00", "10", "87"].contains(&entry.code.as_str()) || entry.stood_in || entry.settled {
            return false;
        }
        (entry.code, entry.approval) = ("91".to_owned(), NONE);
        match entry.stands {
            Stands::Added => {
                self.shrinks(&mut entry, 0, 0);
                entry.stands = Stands::Declined;
            }
            // Completions have been posted: the purchase was made.
            Stands::Held if entry.settled_minor > 0 => {
                (entry.stands, entry.held_minor) = (Stands::Completed, 0);
                self.recount(&entry);
            }
            Stands::Held | Stands::Posted | Stands::Answered => {
                (entry.stands, entry.held_minor, entry.posted_minor) = (Stands::Declined, 0, 0);
                self.uncount(&mut entry);
            }
            _ => {}
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
            cash_minor: 0,
            settled_minor: 0,
            adds_to: None,
            preauthorization: false,
            reference: Some(reference_of(request)),
            made: *request,
            stood_in: false,
            settled: false,
            last_reversal: None,
            ends_s: 0,
            counted: None,
            turn: 0,
            was_approved: false,
        }
    }

    /// A transaction seen for the first time, but by its reversal.
    fn first(&mut self, name: Name, mut entry: Entry) {
        entry.turn = self.next_turn();
        entry.was_approved = entry.stands != Stands::Declined;
        self.entries.insert(name, entry);
    }

    fn count(&mut self, entry: &mut Entry, now_us: i64) {
        let card = entry.card.unwrap();
        self.purchases += 1;
        let scopes = [Scope::Card(card), Scope::Account(self.account_of(card))];
        self.counts.add(self.purchases, scopes, now_us, entry.spent(), entry.cash());
        entry.counted = Some(self.purchases);
    }

    /// The counters take the amount that it is of now.
    pub fn recount(&mut self, entry: &Entry) {
        if let Some(purchase) = entry.counted {
            let cash = (entry.operation == Operation::Purchase).then_some(entry.cash_minor > 0);
            self.counts.change(purchase, entry.spent(), entry.cash(), cash);
        }
    }

    pub fn uncount(&mut self, entry: &mut Entry) {
        if let Some(purchase) = entry.counted.take() {
            self.counts.remove(purchase);
        }
    }
}
