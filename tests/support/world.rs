//! A desk with its portfolio, sink and clock, and short sentences to test it with.

use super::{MemorySink, Plan};
use authswitch::decision::{
    Decision, Demand, Desk, KeyFields, Lateness, LinkTerms, Policy, Require, Standing, Verification,
    WhenUnverified,
};
use authswitch::message::Request;
use authswitch::portfolio::{AccountState, State, Transaction, Velocity};
use authswitch::rules::RuleSet;
use std::cell::Cell;
use std::sync::Arc;

pub const DAY_US: i64 = 86_400_000_000;
/// 22 November 2026, 12:00 UTC.
pub const NOON: i64 = 20_779 * DAY_US + DAY_US / 2;
/// How long a pre-authorization holds in these tests.
pub const PREAUTHORIZATION_DAYS: i64 = 30;
/// How long an ordinary authorization does.
pub const AUTHORIZATION_DAYS: i64 = 7;

/// The same as the settings would say it.
pub fn policy() -> Policy {
    Policy {
        authorization_s: 86_400 * AUTHORIZATION_DAYS as u32,
        preauthorization_s: 86_400 * PREAUTHORIZATION_DAYS as u32,
        ..Policy::default()
    }
}

/// A desk and all it needs.
pub struct World {
    pub plan: Plan,
    pub desk: Desk,
    pub sink: MemorySink,
    pub terms: LinkTerms,
    pub now_us: Cell<i64>,
}

impl Default for World {
    fn default() -> World {
        World::new(Plan::default())
    }
}

impl World {
    pub fn new(plan: Plan) -> World {
        World::with(plan, policy(), LinkTerms::default())
    }

    pub fn with(plan: Plan, policy: Policy, terms: LinkTerms) -> World {
        World {
            desk: Desk::new(Arc::new(plan.build()), Standing::plain(policy, 1)),
            plan,
            sink: MemorySink::default(),
            terms,
            now_us: Cell::new(NOON),
        }
    }

    /// A world that asks no PIN, value, cryptogram or MAC, as the demo's settings do.
    pub fn trusting() -> World {
        let nothing = Demand { require: Require::Ignored, when_unverified: WhenUnverified::Decline };
        let policy = Policy { verification: Verification([nothing; 4]), ..policy() };
        World::with(Plan::default(), policy, LinkTerms::default())
    }

    /// The same deciding by a rule file too.
    #[track_caller]
    pub fn ruled(self, rules: &str) -> World {
        self.rule_by(rules);
        self
    }

    /// Decides by this rule file from now on.
    #[track_caller]
    pub fn rule_by(&self, rules: &str) -> &World {
        let set = RuleSet::from_toml(rules, "rules.toml", &mut |_| Err("no files here".into()));
        let set = set.unwrap_or_else(|problems| panic!("{}", problems.report()));
        let policy = self.desk.standing().policy.clone();
        let standing = Standing::new(policy, set, 1, &["north"], &self.desk.portfolio).unwrap();
        self.desk.exchange(standing);
        self
    }

    /// The same with a link whose transactions these fields name.
    pub fn keyed_by(self, fields: &[u8]) -> World {
        World { terms: LinkTerms { key: KeyFields::new(fields).unwrap(), ..LinkTerms::default() }, ..self }
    }

    /// Moves the clock.
    pub fn later(&self, by_us: i64) -> &World {
        self.now_us.set(self.now_us.get() + by_us);
        self
    }

    /// The decision about a message that comes with so much of its time left.
    pub fn decide_at(&self, request: &Request, lateness: Lateness) -> Decision {
        self.desk.decide(request, &self.terms, self.now_us.get(), lateness, &self.sink)
    }

    /// The decision about a message.
    pub fn decide(&self, request: &Request) -> Decision {
        self.decide_at(request, Lateness::InTime)
    }

    /// Asserts the DE39 a message gets.
    #[track_caller]
    pub fn gets(&self, request: &Request, code: &str) -> &World {
        assert_eq!(self.decide(request).code.as_str(), code, "answer to {} {}", request.mti, request.stan);
        self
    }

    /// Asserts that all these messages get this DE39.
    #[track_caller]
    pub fn gets_all(&self, requests: &[Request], code: &str) -> &World {
        for request in requests {
            self.gets(request, code);
        }
        self
    }

    /// Asserts what the first account holds and has posted, and that its funds are all accounted for.
    #[track_caller]
    pub fn leaves(&self, held_minor: i64, posted_minor: i64) -> &World {
        let state = self.account(0);
        assert_eq!((state.held_minor, state.posted_minor), (held_minor, posted_minor), "(held, posted)");
        assert_eq!(state.available_minor() + held_minor + posted_minor, state.funds_minor);
        self
    }

    pub fn account(&self, id: u32) -> AccountState {
        *self.desk.portfolio.account(id).unwrap().state.lock()
    }

    /// The counters of a card.
    pub fn spent_by(&self, card: u32) -> Velocity {
        self.desk.portfolio.card_by_id(card).unwrap().state.lock().velocity
    }

    /// The transaction a message belongs to.
    pub fn transaction(&self, decision: &Decision) -> Transaction {
        *self.desk.portfolio.table.lock(decision.key).get(decision.key).unwrap()
    }

    pub fn state(&self, decision: &Decision) -> State {
        self.transaction(decision).state
    }

    /// Ends the holds that have run out.
    pub fn expire(&self) -> usize {
        self.desk.expire_holds(self.now_us.get(), &self.sink)
    }

    pub fn state_hash(&self) -> u64 {
        self.desk.portfolio.state_hash()
    }

    /// Asserts that the records alone lead to the same state (I9).
    #[track_caller]
    pub fn replays(&self) {
        let again = self.plan.build();
        self.sink.replay_into(&again, 0);
        assert_eq!(again.state_hash(), self.state_hash(), "replay");
    }
}
