//! A world: a desk with its portfolio, journal and clock, and the naive ledger beside it. Plays steps and judges each.

use super::again;
use super::cast::{Asks, Cast, LINKS, NETWORKS, Slot};
use super::disk::Disk;
use super::files::Files;
use super::judges;
use super::law::Law;
use super::model::{Arrival, Model, Name, Outcome, Stands, name_of};
use super::restart::{self, Snapshot};
use super::steps::{By, Edge, EdgeOf, Step, Target, Variant};
use super::support::NOON;
use authswitch::decision::{Decision, Desk, Lateness, Part};
use authswitch::message::{Balances, Kind, Operation, Request, ResponseCode};
use authswitch::portfolio::{Differs, Event, Portfolio, TransactionKey};
use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;

/// One world in so many forgets, and one in so many has real files.
const FORGETS: u64 = 8;
const FILES: u64 = 16;
/// The journals of as many neighbours of so many worlds are decided again.
const AGAIN: u64 = 32;
/// Everything is compared after so many steps.
const COMPARED: usize = 128;

/// What a judge found: which one, and what.
#[derive(Clone, Debug)]
pub struct Fault {
    pub judge: &'static str,
    pub text: String,
}

impl Fault {
    pub fn new(judge: &'static str, text: String) -> Fault {
        Fault { judge, text }
    }

    /// A finding unless both are the same.
    pub fn unless<T: PartialEq + Debug>(
        judge: &'static str,
        what: &str,
        found: T,
        expected: T,
    ) -> Result<(), Fault> {
        if found == expected {
            return Ok(());
        }
        Err(Fault::new(judge, format!("{what}: {found:?}, expected {expected:?}")))
    }
}

/// What a sender saw: DE39, DE38, DE54, and the amounts of a part.
pub type Seen = (ResponseCode, Option<[u8; 6]>, Option<Balances>, Option<Part>);
/// What tells one request of a name from another: MTI class, amount, terminal, card.
pub type Content = (u8, i64, [u8; 8], u64);

pub struct World {
    pub cast: Cast,
    pub desk: Desk,
    pub disk: Disk,
    pub model: Model,
    pub now_us: i64,
    pub law: Law,
    /// The number of the settings in force, and the version of their rule set.
    pub config: u32,
    pub rules: u32,
    /// The latest time of all, and when each transaction last changed, for worlds that forget.
    pub latest_us: i64,
    pub changed: HashMap<Name, i64>,
    pub forgets: bool,
    /// The desk's name of each transaction met, and back.
    pub keys: HashMap<Name, TransactionKey>,
    pub names: HashMap<TransactionKey, Name>,
    /// The first answer to each request, and its record: every later one must be the same.
    pub answers: HashMap<(Name, Content), (Seen, u64)>,
    /// The latest DE38 that a sender saw for a name.
    approvals: HashMap<Name, [u8; 6]>,
    /// Names whose approval was the latest answer: what could be undone.
    undoable: HashMap<Name, TransactionKey>,
    /// Amounts that stand at an edge, by slot.
    edges: HashMap<u32, i64>,
    taking: Option<Snapshot>,
    taken: Option<Snapshot>,
    pub played: usize,
    /// What has happened, for the test that worlds come to everything.
    pub reached: HashSet<Reached>,
}

/// Something that worlds must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reached {
    Answer(Kind, ResponseCode),
    Becomes(Option<Stands>, Stands),
    /// A start from the records, from a snapshot; after which records were lost or not.
    Start {
        from_snapshot: bool,
        lost: bool,
    },
    Forgot,
    Undid,
    Swept,
    /// What was told of a reversal.
    Told(Differs),
    /// Another name than its own led a message to its transaction.
    Renamed(Kind),
    /// A shadow limit would have declined; a limit did.
    Shadow,
    Limit,
}

/// Plays the steps of a world; what a judge found first, and at which step.
pub fn play(seed: u64, steps: &[Step]) -> Result<(), (usize, Fault)> {
    let mut world = World::new(seed, steps.len());
    for (index, step) in steps.iter().enumerate() {
        world.step(step).map_err(|fault| (index, fault))?;
    }
    world.finish().map_err(|fault| (steps.len(), fault))
}

impl World {
    pub fn new(seed: u64, steps: usize) -> World {
        let forgets = seed % FORGETS == 3;
        let cast = Cast::new(seed, steps, forgets);
        let files = (seed % FILES == 5).then(Files::new);
        let (law, config, portfolio) = (Law::of(seed), 1, Arc::new(cast.plan.build()));
        let standing = law.standing(config, &portfolio);
        World {
            law,
            config,
            rules: standing.rules.version(),
            desk: Desk::new(portfolio, standing),
            disk: Disk::new(files),
            model: Model::new(&cast.plan, law),
            now_us: NOON,
            latest_us: NOON,
            changed: HashMap::new(),
            forgets,
            keys: HashMap::new(),
            names: HashMap::new(),
            answers: HashMap::new(),
            approvals: HashMap::new(),
            undoable: HashMap::new(),
            edges: HashMap::new(),
            taking: None,
            taken: None,
            played: 0,
            reached: HashSet::new(),
            cast,
        }
    }

    pub fn portfolio(&self) -> &Portfolio {
        &self.desk.portfolio
    }

    pub fn step(&mut self, step: &Step) -> Result<(), Fault> {
        self.played += 1;
        match *step {
            Step::Tick => self.tick()?,
            Step::Clock { by_us } => {
                self.now_us += by_us;
                self.latest_us = self.latest_us.max(self.now_us);
            }
            Step::Disk { full } => self.disk.full.set(full),
            Step::Sync { percent } => self.disk.sync(percent),
            Step::Snapshot => self.snapshot()?,
            Step::Reload => {
                self.config += 1;
                let standing = self.law.standing(self.config, self.portfolio());
                self.rules = standing.rules.version();
                self.desk.exchange(standing);
            }
            Step::Crash { part, from_snapshot } => self.crash(part, from_snapshot)?,
            Step::Undo { slot } => self.undo(slot)?,
            _ => {
                if let Step::Request { slot, variant: Variant::Edge(edge) } = *step {
                    self.stand_at(slot, edge);
                }
                if let Some((request, link, late)) = self.message(step) {
                    self.meet(&request, link, late)?;
                }
            }
        }
        if self.played.is_multiple_of(COMPARED) { judges::everything(self) } else { Ok(()) }
    }

    // ---- Messages ----

    /// The message of a step, its link, and whether it comes when its budget is spent.
    fn message(&self, step: &Step) -> Option<(Request, usize, bool)> {
        let slot = self.slot(step.slot()?);
        Some(match *step {
            Step::Request { variant, .. } => {
                let (request, link) = self.cast.request(&slot, variant);
                (request, link, false)
            }
            Step::Late { .. } => (self.cast.target(&slot, Target::Request), slot.link, true),
            Step::StandIn { approved, percent, sent, .. } => {
                (sent.message(self.cast.stand_in(&slot, approved, percent)), slot.link, false)
            }
            Step::Completion { number, by, approved, percent, more, sent, .. } => {
                let known = self.seen_code(&self.cast.target(&slot, Target::Request), slot.link);
                let completion = self.cast.completion(&slot, number, by, (approved, percent), known);
                (sent.message(more.mark(completion)), slot.link, false)
            }
            Step::Increment { number, by_original, percent, stand_in, .. } => {
                let increment = self.cast.increment(&slot, number, by_original, percent);
                let advice = |approved| super::support::advice_of(&increment, super::cast::code(approved));
                (stand_in.map_or(increment, advice), slot.link, false)
            }
            Step::Reversal { target, by, percent, id, sent, line, .. } => {
                let known = match by {
                    By::Reference(_) => self.seen_code(&self.cast.target(&slot, target), slot.link),
                    _ => None,
                };
                let reversal = self.cast.reversal(&slot, target, by, (percent, id), known);
                (sent.message(reversal), (slot.link + usize::from(line)) % LINKS.len(), false)
            }
            _ => return None,
        })
    }

    /// The slot, with the amount it was given since.
    fn slot(&self, number: u32) -> Slot {
        let slot = self.cast.slot(number);
        match self.edges.get(&number) {
            Some(amount_minor) => Slot { amount_minor: *amount_minor, asks: Asks::Local, ..slot },
            None => slot,
        }
    }

    /// Gives a slot the amount that is just there, or one more: where a wrong bound shows.
    fn stand_at(&mut self, number: u32, edge: Edge) {
        let slot = self.cast.slot(number);
        let Some(card) = self.cast.plan.cards.get(slot.card as usize) else { return };
        let cash = slot.operation == Operation::Cash;
        let left_minor = match edge.of {
            EdgeOf::Funds => self.model.available(card.account),
            EdgeOf::Limits => self.model.left_of_limits(slot.card, self.now_us, cash),
        };
        // No limit is no edge.
        if left_minor < i64::from(i32::MAX) {
            self.edges.insert(number, left_minor.max(0) + i64::from(edge.over));
        }
    }

    fn seen_code(&self, request: &Request, link: usize) -> Option<[u8; 6]> {
        self.approvals.get(&name_of(request, link)).copied()
    }

    fn meet(&mut self, request: &Request, link: usize, late: bool) -> Result<(), Fault> {
        let (network, now_us) = (NETWORKS[link], self.now_us);
        let mut arrival = Arrival { request: *request, link, network, now_us, late, crowded: false };
        for network in NETWORKS {
            for name in self.model.meant(&Arrival { network, ..arrival }) {
                self.notice_forgotten(name)?;
            }
        }
        let before = self.disk.appended();
        let hash = judges::is_sample(self).then(|| self.portfolio().state_hash());
        let terms = &self.cast.links[link];
        let lateness = if late { Lateness::TooLate } else { Lateness::InTime };
        let decision = self.desk.decide(request, terms, self.now_us, lateness, &self.disk);
        arrival.crowded = self.forgets && self.is_crowded(&decision);
        let outcome = self.model.plan(&arrival);
        let unstored = self.disk.full.get() && outcome.stored;
        judges::answer(self, &arrival, &outcome, &decision, unstored)?;
        let records = self.disk.appended() - before;
        Fault::unless("I3 one effect", "records", records, u64::from(outcome.stored && !unstored))?;
        if records == 0 {
            let same = hash.is_none_or(|hash| hash == self.portfolio().state_hash());
            Fault::unless("I12 nothing unstored", "a state without a record", same, true)?;
        }
        self.reached.insert(Reached::Answer(request.kind, decision.code));
        self.reached.insert(Reached::Told(outcome.differs));
        let renamed = self.model.known_as(&arrival).1.is_some();
        self.reached.extend(renamed.then_some(Reached::Renamed(request.kind)));
        if unstored {
            return Ok(());
        }
        if request.kind.may_be_declined() {
            self.remember(&arrival, &decision)?;
        }
        if outcome.stored { self.commit(&arrival, outcome, &decision) } else { Ok(()) }
    }

    /// The same answer as before (I3).
    fn remember(&mut self, arrival: &Arrival, decision: &Decision) -> Result<(), Fault> {
        let request = &arrival.request;
        let name = name_of(request, arrival.link);
        self.undoable.remove(&name);
        if decision.code.is_approval() && !decision.repeat {
            self.undoable.insert(name, decision.key);
        }
        self.approvals.extend(decision.approval.map(|approval| (name, approval)));
        // 94 is no decision about the transaction, but that this is another.
        if decision.code.as_str() == "94" {
            return Ok(());
        }
        let card = request.pan.map_or(0, |pan| pan.parts().0);
        let content = (request.mti.class(), request.amount_minor, request.terminal, card);
        let seen = (decision.code, decision.approval, decision.balances, decision.part);
        let (of, _) = self.model.known_as(arrival);
        let (first, _) = *self.answers.entry((of, content)).or_insert((seen, decision.sequence));
        Fault::unless("I3 same answer", "the answer to a repeat", seen, first)
    }

    /// What was planned has happened; the record says the same.
    fn commit(&mut self, arrival: &Arrival, outcome: Outcome, decision: &Decision) -> Result<(), Fault> {
        let sequence = self.disk.appended();
        let record = self.disk.record(sequence)?;
        judges::record(self, arrival, outcome.differs, &record)?;
        self.reached.extend((record.ruled.shadow_limits != 0).then_some(Reached::Shadow));
        self.reached.extend((record.ruled.limit != 0).then_some(Reached::Limit));
        // What a new transaction pushed out was gone before its reference was given to the new one.
        let names: Vec<Name> = outcome.names().collect();
        for name in self.model.meant(arrival).into_iter().filter(|name| !names.contains(name)) {
            self.notice_forgotten(name)?;
        }
        for (name, transaction) in names.iter().zip(record.transactions()) {
            self.keys.insert(*name, transaction.key);
            self.names.insert(transaction.key, *name);
        }
        let stands = |world: &World| -> Vec<Option<Stands>> {
            names.iter().map(|name| world.model.get(name).map(|entry| entry.stands)).collect()
        };
        let before = stands(self);
        self.model.commit(sequence, arrival, outcome, decision.approval);
        for (before, after) in before.into_iter().zip(stands(self)) {
            self.reached.extend(after.map(|after| Reached::Becomes(before, after)));
        }
        // What the record changed beside its own may be what that pushed out.
        for name in names.iter().skip(1) {
            self.notice_forgotten(*name)?;
        }
        self.note_changed(&names);
        judges::touched(self, &names)
    }

    // ---- What the switch does on its own ----

    fn tick(&mut self) -> Result<(), Fault> {
        let before = self.disk.appended();
        let ended = self.desk.expire_holds(self.now_us, &self.disk);
        let after = self.disk.appended();
        Fault::unless("I9 expiry", "records of ended holds", after - before, ended as u64)?;
        let mut names = Vec::new();
        for sequence in before + 1..=after {
            let record = self.disk.record(sequence)?;
            Fault::unless("I9 expiry", "the record's event", record.event, Event::HoldExpired)?;
            judges::versions(self, &record)?;
            let key = record.transaction.map(|transaction| transaction.key);
            let name = key.and_then(|key| self.names.get(&key).copied());
            let name = name.ok_or_else(|| Fault::new("I9 expiry", "of an unknown transaction".into()))?;
            let due = self.model.runs_out(sequence, name, self.now_us);
            Fault::unless("I9 expiry", "whether an ended hold was due", due, true)?;
            names.push(name);
        }
        self.note_changed(&names);
        judges::touched(self, &names)?;
        let left = if self.disk.full.get() { 0 } else { self.model.due(self.now_us).len() };
        Fault::unless("I9 expiry", "holds that are due and were not ended", left, 0)?;
        self.sweep()
    }

    /// Counters whose windows have passed are forgotten, which nobody can tell by what is left of any limit.
    fn sweep(&mut self) -> Result<(), Fault> {
        let (before, counted) = (self.disk.appended(), judges::counted(self));
        let swept = self.desk.sweep_counters(self.now_us, &self.disk);
        let records = self.disk.appended() - before;
        Fault::unless("I9 sweep", "whether there are records of it", records > 0, swept > 0)?;
        for sequence in before + 1..=before + records {
            let record = self.disk.record(sequence)?;
            Fault::unless("I9 sweep", "the record's event", record.event, Event::CountersSwept)?;
            judges::versions(self, &record)?;
        }
        if swept > 0 {
            self.reached.insert(Reached::Swept);
        }
        Fault::unless("I7 limits", "counted after a sweep", judges::counted(self), counted)
    }

    fn undo(&mut self, slot: u32) -> Result<(), Fault> {
        let slot = self.slot(slot);
        let name = name_of(&self.cast.target(&slot, Target::Request), slot.link);
        let Some(key) = self.undoable.remove(&name) else { return Ok(()) };
        self.notice_forgotten(name)?;
        let expected = !self.disk.full.get() && self.model.can_undo(&name);
        let undone = self.desk.undo(key, self.now_us, &self.disk);
        Fault::unless("I2 late answer", "whether it was undone", undone, expected)?;
        if undone {
            self.model.undoes(self.disk.appended(), name);
            judges::versions(self, &self.disk.record(self.disk.appended())?)?;
            self.reached.insert(Reached::Undid);
            // Nobody has seen the answer; a repeat gets another.
            self.answers.retain(|(of, _), _| *of != name);
            self.note_changed(&[name]);
            judges::touched(self, &[name])?;
        }
        Ok(())
    }

    // ---- Stops and starts ----

    fn snapshot(&mut self) -> Result<(), Fault> {
        let live = &self.desk.portfolio;
        match &mut self.taking {
            Some(taking) => taking.next_part(live, &self.disk, self.now_us)?,
            None => self.taking = Some(Snapshot::begin(&self.cast.plan, &self.disk)),
        }
        if self.taking.as_ref().is_some_and(Snapshot::is_whole) {
            self.taken = self.taking.take();
        }
        Ok(())
    }

    fn crash(&mut self, part: u16, from_snapshot: bool) -> Result<(), Fault> {
        let (durable, before) = (self.disk.durable(), self.disk.appended());
        let snapshot = self.taken.take().filter(|taken| taken.is_good(durable));
        self.taking = None;
        let last = self.disk.crash(part)?;
        let rebuilt = restart::rebuild(&self.cast.plan, &self.disk)?;
        if last == before {
            restart::same("from the records, nothing lost", &rebuilt, self.portfolio())?;
        }
        let mut portfolio = rebuilt;
        self.reached.insert(Reached::Start { from_snapshot: snapshot.is_some(), lost: last < before });
        if let Some(snapshot) = snapshot {
            let other = snapshot.rebuild(&self.cast.plan, &self.disk)?;
            restart::same("from a snapshot and the records", &other, &portfolio)?;
            portfolio = if from_snapshot { other } else { portfolio };
        }
        if last < before {
            self.model = self.model.at_record(last);
            self.answers.retain(|_, (_, record)| *record <= last);
            // When what is left last changed is not known any more.
            self.changed.clear();
        }
        self.undoable.clear();
        let standing = self.law.standing(self.config, &portfolio);
        self.desk = Desk::new(Arc::new(portfolio), standing);
        judges::everything(self)
    }

    fn finish(mut self) -> Result<(), Fault> {
        judges::everything(&mut self)?;
        // Nothing is lost by a stop behind which all is durable.
        self.disk.full.set(false);
        self.disk.sync(100);
        self.crash(0, true)?;
        if self.cast.seed % AGAIN < AGAIN / 4 {
            again::decides_alike(&self)?;
        }
        self.disk.damage((self.cast.seed >> 4) as u16)
    }

    /// The transaction as the desk knows it.
    pub fn transaction(&self, name: &Name) -> Option<authswitch::portfolio::Transaction> {
        let key = *self.keys.get(name)?;
        self.portfolio().table.lock(key).get(key).copied()
    }
}

/// Whether a message only records what has happened already.
pub fn is_promise(kind: Kind) -> bool {
    !kind.may_be_declined()
}
