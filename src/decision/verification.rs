//! PIN, card verification value, cryptogram and MAC: what the settings ask of a message, and what becomes of it while
//! nothing here can verify them. Stands behind the rules and before the money; a MAC before everything.

use super::standing::Standing;
use super::why::{Check, Input};
use super::{Case, Decision, Denial, Sink};
use crate::message::{Kind, Operation, Proof, Refusal};
use crate::portfolio::TransactionKey;

/// Which messages must bring a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Require {
    /// All.
    Required,
    /// None, but where it comes it is looked at.
    WhenPresent,
    /// None, and it is not looked at.
    Ignored,
}

/// What becomes of a request whose proof was not verified, or did not come although it had to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenUnverified {
    /// It is declined.
    Decline,
    /// The stand-in set decides it; declined where there is none.
    StandIn,
    /// It is decided as if the proof were right.
    Approve,
}

/// What is asked about one proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Of which messages.
    pub require: Require,
    /// And what then.
    pub when_unverified: WhenUnverified,
}

impl Require {
    /// The word of the settings.
    pub fn name(self) -> &'static str {
        match self {
            Require::Required => "required",
            Require::WhenPresent => "when-present",
            Require::Ignored => "ignored",
        }
    }
}

impl WhenUnverified {
    /// The word of the settings.
    pub fn name(self) -> &'static str {
        match self {
            WhenUnverified::Decline => "decline",
            WhenUnverified::StandIn => "stand-in",
            WhenUnverified::Approve => "approve",
        }
    }
}

/// What is asked about each proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification(pub [Demand; 4]);

impl Default for Verification {
    /// A PIN that comes is not approved unseen; the others are.
    fn default() -> Verification {
        let of = |when_unverified| Demand { require: Require::WhenPresent, when_unverified };
        let approve = of(WhenUnverified::Approve);
        Verification([of(WhenUnverified::Decline), approve, approve, approve])
    }
}

impl Verification {
    /// What is asked about one.
    pub fn of(&self, proof: Proof) -> Demand {
        self.0[proof as usize]
    }
}

/// A set of proofs, one bit each.
pub(super) type Proofs = u8;

/// The proof's bit.
pub(super) fn bit(proof: Proof) -> Proofs {
    1 << proof as u8
}

impl Case<'_> {
    /// What is asked about a proof and not met: it came, or had to come, and nothing verifies it. Money going back to the
    /// holder needs no proof of the holder or the card.
    fn unmet(&self, proof: Proof) -> Option<Demand> {
        let demand = self.policy.verification.of(proof);
        let asked = match demand.require {
            Require::Required => true,
            Require::WhenPresent => self.request.marks.has(proof.mark()),
            Require::Ignored => false,
        };
        let is_refund = self.request.operation == Operation::Credit && proof != Proof::Mac;
        (asked && !is_refund).then_some(demand)
    }

    /// Whether an unverified proof leaves the decision to the stand-in set, and there is one.
    pub(super) fn hands_over_unverified(&self, settled: Proofs) -> bool {
        let hands_over = |proof: &Proof| {
            let stands_in = |demand: Demand| demand.when_unverified == WhenUnverified::StandIn;
            settled & bit(*proof) == 0 && self.unmet(*proof).is_some_and(stands_in)
        };
        self.standing.rules.stand_in().is_there() && Proof::ALL.iter().any(hands_over)
    }

    /// The first proof that declines; `settled` are those that a rule has decided about. Counts and shows what was not
    /// verified, declined or not.
    pub(super) fn unverified<S: Sink>(&self, settled: Proofs, sink: &S) -> Option<Denial> {
        let mut denial = None;
        for proof in Proof::ALL {
            let unmet = self.unmet(proof);
            if unmet.is_none() && !self.request.marks.has(proof.mark()) {
                continue;
            }
            self.standing.count_unverified(self.terms.link, proof, sink);
            let is_settled = settled & bit(proof) != 0;
            let declines = unmet.filter(|_| !is_settled).is_some_and(|demand| self.declines(demand));
            let own = declines.then(|| self.not_verified(proof));
            if S::ASKS_WHY && denial.is_none() {
                sink.saw(|| self.shown(proof, is_settled, own.is_some()));
            }
            denial = denial.or(own);
        }
        denial
    }

    fn declines(&self, demand: Demand) -> bool {
        match demand.when_unverified {
            WhenUnverified::Decline => true,
            WhenUnverified::StandIn => !self.standing.rules.stand_in().is_there(),
            WhenUnverified::Approve => false,
        }
    }

    fn not_verified(&self, proof: Proof) -> Denial {
        let code = self.terms.cannot_verify[proof as usize];
        Denial { code, ..proof.not_verified().into() }
    }

    fn shown(&self, proof: Proof, is_settled: bool, declines: bool) -> Check {
        const NAMES: [&str; 4] =
            ["PIN not verified", "CVV not verified", "cryptogram not verified", "MAC not verified"];
        let demand = self.policy.verification.of(proof);
        let word = |word: &str| Input::Text(word.to_owned());
        let came = if self.request.marks.has(proof.mark()) { "yes" } else { "no" };
        let mut inputs = vec![("came", word(came)), ("require", word(demand.require.name()))];
        if is_settled {
            inputs.push(("settled by", word("a rule that asks about it")));
        } else if demand.require != Require::Ignored {
            inputs.push(("when unverified", word(demand.when_unverified.name())));
        }
        let refusal = if declines { proof.not_verified() } else { Refusal::None };
        Check { name: NAMES[proof as usize], which: String::new(), refusal, inputs }
    }

    /// The answer to a message whose MAC is demanded and not verified. It comes before the look-up and leaves no record: what
    /// nobody vouches for must not change anything, not even what its repeat is answered. Advices and reversals have
    /// nothing that could stand in.
    pub(super) fn refused_mac<S: Sink>(&self, sink: &S) -> Option<Decision> {
        let demand = self.unmet(Proof::Mac)?;
        let is_request = matches!(self.request.kind, Kind::Authorization | Kind::Financial);
        let stands_in = demand.when_unverified == WhenUnverified::StandIn;
        if !self.declines(demand) && (is_request || !stands_in) {
            return None;
        }
        self.standing.count_unverified(self.terms.link, Proof::Mac, sink);
        if S::ASKS_WHY {
            sink.saw(|| self.shown(Proof::Mac, false, true));
        }
        let Denial { refusal, code, .. } = self.not_verified(Proof::Mac);
        Some(Decision { code, ..Decision::refused(refusal, TransactionKey::default()) })
    }
}

impl Standing {
    fn count_unverified<S: Sink>(&self, link: u16, proof: Proof, sink: &S) {
        if let Some(tallies) = self.unverified.get(usize::from(link)) {
            tallies[proof as usize].count(sink);
        }
    }
}
