//! From settings to what the decision and the reading of messages need: rates of known currencies, places of a dialect.

use super::switch::Failure;
use super::verification::verification;
use crate::decision::{HoldClass, KeyFields, LinkTerms, Policy, Rate, Rates, Tolerance};
use crate::message::meaning::currency_number;
use crate::message::{Kind, Marked, Reading, ResponseCode};
use crate::settings::{self, Settings};
use crate::wire::{Bitmap, CountryPlace, Dialect};
use siphasher::sip::SipHasher13;
use std::collections::BTreeMap;
use std::time::Duration;

/// The policy of these settings, or which currency is none.
pub(super) fn of(settings: &Settings) -> Result<Policy, Failure> {
    let seconds = |days: settings::Days| Duration::from(days).as_secs() as u32;
    let holds = &settings.holds;
    let class = |class: &settings::HoldClass| HoldClass {
        categories: class.categories.numbers(),
        card_present: class.card_present,
        life_s: class.hours * 3_600,
    };
    let tolerance = |tolerance: &settings::Tolerance| Tolerance {
        categories: tolerance.categories.numbers(),
        percent: tolerance.percent,
        fixed_minor: tolerance.fixed_minor as i64,
    };
    Ok(Policy {
        authorization_s: seconds(holds.authorization_days),
        preauthorization_s: seconds(holds.preauthorization_days),
        classes: holds.classes.iter().map(class).collect(),
        increments_extend: holds.increments_extend,
        tolerances: settings.completion.tolerance.iter().map(tolerance).collect(),
        rates: rates(&settings.rates)?,
        partial: settings.approvals.partial,
        partial_preauthorizations: settings.approvals.partial_preauthorizations,
        verification: verification(&settings.verification),
        networks: networks(settings),
    })
}

fn rates(from: &settings::Rates) -> Result<Rates, Failure> {
    let known = |key: &str, code: &str| {
        currency_number(code).ok_or_else(|| {
            format!(
                "rates.{key}: {code:?} is not a currency: three letters or three digits of ISO 4217, e.g. USD"
            )
        })
    };
    let base = known("base", &from.base)?;
    let mut worth = Vec::new();
    for row in &from.worth {
        let wrong = || format!("rates.worth: {row} is not a rate");
        worth.push((known("worth", &row.currency)?, Rate::new(&row.rate).ok_or_else(wrong)?));
    }
    Ok(Rates::new(base, &worth).map_err(|error| format!("rates.worth: {error}"))?)
}

/// The networks of all links, each once.
pub(super) fn networks(settings: &Settings) -> Vec<u64> {
    let mut networks: Vec<u64> = settings.links.iter().map(|(name, link)| network(name, link)).collect();
    networks.sort_unstable();
    networks.dedup();
    networks
}

/// A number of the network that a link is a line of: by the name alone, so that it outlasts the links' order.
fn network(name: &str, link: &settings::Link) -> u64 {
    SipHasher13::new().hash(link.network_name(name).as_bytes())
}

/// How a link's messages are decided; its number is 0 here.
pub(super) fn terms(
    name: &str,
    link: &settings::Link,
    cannot_verify: [ResponseCode; 4],
) -> Result<LinkTerms, Failure> {
    Ok(LinkTerms {
        link: 0,
        network: network(name, link),
        key: KeyFields::new(&link.duplicate_key)?,
        fees_on_top: link.fees == settings::Fees::OnTop,
        verified: match link.verified {
            settings::Verified::Approved => ResponseCode::APPROVED,
            settings::Verified::NoReasonToDecline => ResponseCode::VERIFIED,
        },
        cannot_verify,
    })
}

/// The dialect's codes for what cannot be verified.
pub(super) fn cannot_verify(dialect: &Dialect) -> [ResponseCode; 4] {
    dialect.conventions().cannot_verify.map(ResponseCode)
}

/// The terms of all links, by their numbers.
///
/// # Errors
/// A key that cannot be one.
pub(super) fn all_terms(settings: &Settings) -> Result<Vec<LinkTerms>, Failure> {
    let numbered = settings.links.iter().zip(0..);
    let terms = numbered.map(|((name, link), number)| {
        let cannot_verify = match super::specs::find(&link.dialect) {
            Ok(dialect) => cannot_verify(&dialect),
            // A file that has gone since then: the rest is of the settings, which are kept.
            Err(_) => LinkTerms::default().cannot_verify,
        };
        Ok(LinkTerms { link: number, ..terms(name, link, cannot_verify)? })
    });
    terms.collect()
}

/// How a link's messages are read: what they must have, where the merchant is, how they are marked; or which place or field
/// its dialect does not have.
pub(super) fn reading(name: &str, link: &settings::Link, dialect: &Dialect) -> Result<Reading, Failure> {
    let reading = own_tables(name, link, dialect)?;
    let marks = &link.marks;
    let at = |key: &str, reason: &dyn std::fmt::Display| format!("links.{name}.marks.{key}: {reason}");
    let marked = |key: &str, text: &str| Marked::new(text, dialect).map_err(|wrong| at(key, &wrong));
    let place = |key: &str, text: &str| Reading::place(text, dialect).map_err(|wrong| at(key, &wrong));
    Ok(Reading {
        preauthorization: marked("preauthorization", &marks.preauthorization)?,
        incremental: marked("incremental", &marks.incremental)?,
        partial: marked("partial", &marks.partial)?,
        purchase_only: marked("purchase_only", &marks.purchase_only)?,
        several: marked("several", &marks.several)?,
        last: marked("last", &marks.last)?,
        recurring: marked("recurring", &marks.recurring)?,
        cashback: place("cashback", &marks.cashback)?,
        reference: place("reference", &marks.reference)?,
        ..reading
    })
}

/// The dialect's tables with the link's in their place, where it has some.
fn own_tables(name: &str, link: &settings::Link, dialect: &Dialect) -> Result<Reading, Failure> {
    let mut reading = Reading::of(dialect);
    for (mandatory, (message, list)) in reading.mandatory.iter_mut().zip(link.mandatory.lists()) {
        if let Some(de) = list.iter().find(|de| dialect.field(**de).is_none()) {
            let dialect = dialect.name();
            return Err(format!(
                "links.{name}.mandatory.{message}: the dialect {dialect} does not define DE {de}: every {message} would be \
                 answered 30"
            )
            .into());
        }
        if !list.is_empty() {
            *mandatory = Bitmap::of(list);
        }
    }
    if !link.merchant_country.is_empty() {
        let place = |text: &String| {
            CountryPlace::new(text, dialect)
                .map_err(|wrong| format!("links.{name}.merchant_country: {wrong}"))
        };
        reading.merchant_country = link.merchant_country.iter().map(place).collect::<Result<_, _>>()?;
    }
    Ok(reading)
}

/// What is doubtful about a key of a link whose messages need not have DE7: STANs come again, and a later transaction would be
/// taken for a repeat of an earlier one.
pub(super) fn key_doubt(link: &settings::Link, reading: &Reading) -> Option<&'static str> {
    let of_money = [Kind::Authorization, Kind::Financial];
    let has_time = of_money.iter().all(|kind| reading.mandatory[*kind as usize - 1].contains(7));
    let tells_apart = [12, 13, 37].iter().any(|de| link.duplicate_key.contains(de));
    (!has_time && !tells_apart).then_some(
        "messages need not have DE7, and duplicate_key has none of 12, 13 and 37: a STAN that comes again is a repeat",
    )
}

/// What no longer tells apart what is remembered: of each network whose transactions were told apart by other fields until now.
pub(super) fn changed_keys(before: &Settings, now: &Settings) -> Vec<String> {
    let keys = |settings: &Settings| -> BTreeMap<String, Vec<u8>> {
        let links = settings.links.iter();
        links.map(|(name, link)| (link.network_name(name).to_owned(), link.key_fields())).collect()
    };
    let known = keys(before);
    let changed = keys(now).into_iter().filter_map(|(network, key)| {
        let other = known.get(&network).filter(|other| **other != key)?;
        Some(format!(
            "network {network}: duplicate_key is {key:?}, and what is remembered was told apart by {other:?}: what was sent before is \
             unknown under its new key, so that a message that is sent again without saying so counts twice"
        ))
    });
    changed.collect()
}

/// What is doubtful about who may connect to a link.
pub(super) fn door_doubt(link: &settings::Link) -> Option<&'static str> {
    link.is_open_to_strangers().then_some(match link.require_sign_on {
        true => {
            "everybody who reaches it may connect, and a sign-on proves nothing: `allow` names those who may"
        }
        false => "everybody who reaches it may connect and send money: `allow` names those who may",
    })
}
