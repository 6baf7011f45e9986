//! What is asked of PIN, verification value, cryptogram and MAC: from the settings, and said at the start for each link,
//! since nothing can verify them yet.

use super::data::Failure;
use super::policy;
use crate::decision::{self, Verification};
use crate::message::{Evidence, Finding, Proof, ResponseCode};
use crate::settings::{self, Require, Settings, WhenUnverified};
use serde_json::{Map, Value};

/// What the settings ask.
pub(super) fn verification(from: &settings::Verification) -> Verification {
    let demand = |demand: settings::Demand| decision::Demand {
        require: match demand.require {
            Require::Required => decision::Require::Required,
            Require::WhenPresent => decision::Require::WhenPresent,
            Require::Ignored => decision::Require::Ignored,
        },
        when_unverified: match demand.when_unverified {
            WhenUnverified::Decline => decision::WhenUnverified::Decline,
            WhenUnverified::StandIn => decision::WhenUnverified::StandIn,
            WhenUnverified::Approve => decision::WhenUnverified::Approve,
        },
    };
    Verification([from.pin, from.cvv, from.cryptogram, from.mac].map(demand))
}

/// For each link what becomes of a PIN, a verification value, a cryptogram and a MAC.
///
/// # Errors
/// A link's key that cannot be one.
pub(super) fn of_links(settings: &Settings) -> Result<Vec<(&str, [String; 4])>, Failure> {
    let verification = verification(&settings.verification);
    let links = settings.links.keys().zip(policy::all_terms(settings)?);
    let said = links.map(|(link, terms)| {
        let of = |proof: Proof| words(verification.of(proof), terms.cannot_verify[proof as usize]);
        (link.as_str(), Proof::ALL.map(of))
    });
    Ok(said.collect())
}

/// Says for each link what is not verified, and what comes of that: of what [`of_links`] says.
pub(super) fn warn(links: Vec<(&str, [String; 4])>) {
    for (link, [pin, cvv, cryptogram, mac]) in links {
        tracing::warn!(link, pin, cvv, cryptogram, mac, "nothing of this is verified on the link");
    }
}

/// `when-present: declined with 86`.
fn words(demand: decision::Demand, code: ResponseCode) -> String {
    use decision::{Require as When, WhenUnverified as Then};
    let then = match (demand.require, demand.when_unverified) {
        (When::Ignored, _) | (_, Then::Approve) => "decided as if it were right".to_owned(),
        (_, Then::Decline) => format!("declined with {code}"),
        (_, Then::StandIn) => format!("left to the stand-in set, declined with {code} where there is none"),
    };
    format!("{}: {then}", demand.require.name())
}

/// What became of each proof that a message brought, by its name.
pub(super) fn to_json(evidence: Evidence) -> Value {
    let came = Proof::ALL.into_iter().map(|proof| (proof, evidence.of(proof)));
    let came = came.filter(|(_, finding)| *finding != Finding::Absent);
    let named = came.map(|(proof, finding)| (proof.name().to_owned(), finding.name().into()));
    Value::Object(named.collect::<Map<_, _>>())
}
