//! The rule set's limits as one request meets them: in which counters it counts, what these have counted, and whether it
//! fits. Reserves nothing: what counts is part of the record.

use super::standing::{Half, Standing};
use super::why::{Check, Input};
use super::{Case, Denial, Sink};
use crate::message::{Refusal, ResponseCode};
use crate::portfolio::{
    Counts, LARGEST_MINOR, Locked, MOST_COUNTED, Place, Portfolio, Unit, Uses, Window, Zone,
};
use crate::rules::{self, Facts, Limit, Mode};
use arrayvec::ArrayVec;

/// A limit ready to be counted.
#[derive(Debug)]
pub(super) struct Meter {
    window: Window,
    /// Names its counters together with the scope's value: the same as long as name, scope and window are.
    identity: u64,
}

impl Meter {
    pub(super) fn new(limit: &Limit, portfolio: &Portfolio) -> Result<Meter, String> {
        let calendar = |unit| {
            let zone =
                Zone::load(limit.time_zone()).map_err(|reason| format!("limit {:?}: {reason}", limit.name()));
            zone.map(|zone| Window::Calendar { unit, zone })
        };
        let window = match limit.window() {
            rules::Window::Transaction => Window::Transaction,
            rules::Window::Trailing(seconds) => Window::Trailing { seconds },
            rules::Window::Day => calendar(Unit::Day)?,
            rules::Window::Week => calendar(Unit::Week)?,
            rules::Window::Month => calendar(Unit::Month)?,
            rules::Window::Year => calendar(Unit::Year)?,
            rules::Window::Lifetime => Window::Lifetime,
        };
        let zone = if limit.window().is_calendar() { limit.time_zone() } else { "" };
        let text = format!("limit\n{}\n{}\n{window}\n{zone}", limit.name(), limit.scope().name());
        Ok(Meter { window, identity: portfolio.name_of(text.as_bytes()) })
    }
}

/// A limit that a request meets.
#[derive(Clone, Copy)]
struct Met {
    limit: u8,
    counter: u64,
    place: Place,
    /// Its amounts are in the rule set's currency.
    scaled: bool,
    /// What it has counted by now; it cannot change while it is locked.
    used: (u32, i64),
    /// It is there, or there is room for it.
    has_room: bool,
}

impl Met {
    /// Whether the counter can hold so much more: a window never holds more than [`LARGEST_MINOR`].
    fn takes(&self, amount: i64) -> bool {
        let (count, minor) = self.used;
        self.has_room && count < u32::MAX && minor.saturating_add(amount) <= LARGEST_MINOR
    }
}

/// The limits that a request meets, their counters locked.
pub(super) struct Meters<'a> {
    half: &'a Half,
    limits: &'a [Limit],
    met: ArrayVec<Met, { rules::MOST_LIMITS }>,
    locked: Locked<'a>,
    /// The account's currency and the rule set's, and what turns one into the other.
    account_currency: u16,
    standing: &'a Standing,
}

/// Whose limits a request meets.
#[derive(Clone, Copy)]
pub(super) struct Whose<'a> {
    pub standing: &'a Standing,
    /// The stand-in set's, not the usual ones.
    pub stand_in: bool,
    pub facts: &'a Facts,
    pub account_currency: u16,
    pub now_us: i64,
}

impl<'a> Whose<'a> {
    /// Those of a request.
    pub(super) fn of(case: &Case<'a>, facts: &'a Facts, stand_in: bool, account_currency: u16) -> Whose<'a> {
        Whose { standing: case.standing, stand_in, facts, account_currency, now_us: case.now_us }
    }

    fn limits(&self) -> (&'a Half, &'a [Limit]) {
        let standing = self.standing;
        match self.stand_in {
            true => (&standing.stand_in, standing.rules.stand_in().limits()),
            false => (&standing.usual, standing.rules.limits()),
        }
    }
}

impl<'a> Meters<'a> {
    /// The limits that apply, their counters locked. With `within`, those alone in which a transaction counts already.
    ///
    /// Refused: it would count in more than 16 counters, or in a new one where there is no room.
    pub(super) fn lock(
        portfolio: &'a Portfolio,
        whose: &Whose<'a>,
        within: Option<&Uses>,
    ) -> Result<Meters<'a>, Refusal> {
        let Whose { standing, facts, account_currency, now_us, .. } = *whose;
        let (half, limits) = whose.limits();
        let mut met = ArrayVec::<Met, { rules::MOST_LIMITS }>::new();
        let mut counted = 0;
        for (index, (limit, meter)) in limits.iter().zip(&half.meters).enumerate() {
            if limit.mode() == Mode::Off || !limit.applies(facts) {
                continue;
            }
            let Some(value) = limit.scope_value(facts) else { continue };
            let scaled = limit.scope().crosses_accounts();
            let place = meter.window.at(now_us);
            let counter = match meter.window {
                Window::Transaction => 0,
                _ => portfolio.keyed_hash(&[meter.identity, value]),
            };
            if within.is_some_and(|uses| counter != 0 && !uses.counters().contains(&counter)) {
                continue;
            }
            counted += usize::from(counter != 0);
            // A rule set has no more limits than fit.
            let (used, has_room) = ((0, 0), true);
            let _ = met.try_push(Met { limit: index as u8, counter, place, scaled, used, has_room });
        }
        if counted > MOST_COUNTED {
            return Err(Refusal::LimitsFull);
        }
        let counters = met.iter().map(|met| met.counter).filter(|counter| *counter != 0);
        let locked = match within {
            Some(uses) => portfolio.counters.lock(uses.counters().iter().copied()),
            None => portfolio.counters.lock(counters),
        };
        let mut new = 0;
        for met in met.iter_mut().filter(|met| met.counter != 0) {
            (met.used, met.has_room) = locked.find(met.counter, met.place, &mut new);
        }
        Ok(Meters { half, limits, met, locked, account_currency, standing })
    }

    fn counted(&self) -> impl Iterator<Item = &Met> {
        self.met.iter().filter(|met| met.counter != 0)
    }

    /// Whether one more of so much fits into the limits that are active; `count` is 0 for what adds to a transaction that
    /// counts already. The first that it does not fit decides.
    pub(super) fn check(&self, count: i64, amount_minor: i64, sink: &impl Sink) -> Result<(), Denial> {
        // A shadow that cannot count declines nothing either.
        for met in self.counted().filter(|met| self.mode(met) == Mode::Active) {
            if !met.takes(self.amount(met, amount_minor)?) {
                return Err(Refusal::LimitsFull.into());
            }
        }
        for met in &self.met {
            let limit = &self.limits[usize::from(met.limit)];
            let amount = match self.amount(met, amount_minor) {
                Err(_) if limit.mode() == Mode::Shadow => continue,
                amount => amount?,
            };
            let denied = self.passes(met, limit, count, amount);
            sink.saw(|| self.saw(met, limit, count, amount_minor, denied));
            if let Some((refusal, code)) = denied.filter(|_| limit.mode() == Mode::Active) {
                return Err(Denial { refusal, code, rule: 0, limit: met.limit + 1 });
            }
        }
        Ok(())
    }

    /// The amount as a limit counts it.
    fn amount(&self, met: &Met, amount_minor: i64) -> Result<i64, Denial> {
        let currency = self.standing.rules.currency();
        if !met.scaled || currency == 0 || currency == self.account_currency {
            return Ok(amount_minor);
        }
        let rates = &self.standing.policy.rates;
        rates.convert(amount_minor, self.account_currency, currency).ok_or_else(|| Refusal::Currency.into())
    }

    fn passes(&self, met: &Met, limit: &Limit, count: i64, amount: i64) -> Option<(Refusal, ResponseCode)> {
        let (used_count, used_minor) = met.used;
        let many = limit.count().is_some_and(|most| i64::from(used_count) + count > i64::from(most));
        if many && count > 0 {
            return Some((Refusal::LimitCount, limit.code_of_count()));
        }
        let much = limit.amount().is_some_and(|most| used_minor.saturating_add(amount) > most);
        much.then(|| (Refusal::LimitAmount, limit.code_of_amount()))
    }

    fn saw(
        &self,
        met: &Met,
        limit: &Limit,
        count: i64,
        amount_minor: i64,
        denied: Option<(Refusal, ResponseCode)>,
    ) -> Check {
        let (used_count, used_minor) = met.used;
        let mut inputs = vec![
            ("mode", Input::Text(limit.mode().name().to_owned())),
            ("scope", Input::Text(limit.scope().name().to_owned())),
            ("window", Input::Text(self.half.meters[usize::from(met.limit)].window.to_string())),
        ];
        if let Some(most) = limit.count() {
            inputs.push(("used", Input::Number(used_count.into())));
            inputs.push(("more", Input::Number(count)));
            inputs.push(("limit", Input::Number(most.into())));
        }
        if let Some(most) = limit.amount() {
            let amount_minor = self.amount(met, amount_minor).unwrap_or(amount_minor);
            inputs.push(("used amount", Input::Minor(used_minor)));
            inputs.push(("more amount", Input::Minor(amount_minor)));
            inputs.push(("limit amount", Input::Minor(most)));
        }
        let refusal = denied.map_or(Refusal::None, |(refusal, _)| refusal);
        Check { name: "limit", which: limit.name().to_owned(), refusal, inputs }
    }

    /// The shadow limits that would decline it, one bit each; each is counted.
    pub(super) fn shadows(&self, count: i64, amount_minor: i64, sink: &impl Sink) -> u32 {
        let mut bits = 0;
        for met in &self.met {
            let limit = &self.limits[usize::from(met.limit)];
            let Ok(amount) = self.amount(met, amount_minor) else { continue };
            if limit.mode() == Mode::Shadow && self.passes(met, limit, count, amount).is_some() {
                bits |= 1 << met.limit;
                self.half.limits[usize::from(met.limit)].count(sink);
            }
        }
        bits
    }

    fn mode(&self, met: &Met) -> Mode {
        self.limits[usize::from(met.limit)].mode()
    }

    /// The changes that count it once more. Where a counter has no room, which `check` has asked for active limits, what
    /// cannot be declined and what a shadow counts is not counted.
    pub(super) fn counts(&self, amount_minor: i64) -> Counts {
        let mut counts = Counts::NONE;
        for met in self.counted() {
            let Ok(amount) = self.amount(met, amount_minor) else { continue };
            if met.takes(amount) {
                // There are at most as many counters as changes.
                let _ =
                    counts.push(self.locked.count(met.counter, met.place, amount, amount != amount_minor));
            }
        }
        counts
    }

    /// The locks, for the commit.
    pub(super) fn locked(&mut self) -> &mut Locked<'a> {
        &mut self.locked
    }
}

/// What a limit of the rule set has counted for somebody, and what is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The limit's name.
    pub limit: String,
    /// Transactions counted now.
    pub used_count: u32,
    /// Their sum, minor units of the account's currency, or of the rule set's where the scope crosses accounts.
    pub used_minor: i64,
    /// How many more fit; `None` where their number is not limited.
    pub left_count: Option<u32>,
    /// How much more fits; `None` where the amount is not limited.
    pub left_minor: Option<i64>,
    /// When what counts now begins to be forgotten, seconds since 1970; `u32::MAX` for never.
    pub until_s: u32,
}

/// What the limits that these facts meet have counted. Each counter is read by itself, under its own lock for the time of a
/// copy: messages do not wait, and what is read together may be a moment apart.
pub(super) fn usage(portfolio: &Portfolio, whose: &Whose<'_>) -> Vec<Usage> {
    let (half, limits) = whose.limits();
    let mut found = Vec::new();
    for (limit, meter) in limits.iter().zip(&half.meters) {
        let counts = limit.mode() != Mode::Off && meter.window != Window::Transaction;
        let value = limit.scope_value(whose.facts).filter(|_| counts && limit.applies(whose.facts));
        let Some(value) = value else { continue };
        let place = meter.window.at(whose.now_us);
        let counter =
            portfolio.counters.read(portfolio.keyed_hash(&[meter.identity, value]), place.parts > 0);
        let (used_count, used_minor) = counter.map_or((0, 0), |counter| counter.used(place));
        found.push(Usage {
            limit: limit.name().to_owned(),
            used_count,
            used_minor,
            left_count: limit.count().map(|most| most.saturating_sub(used_count)),
            left_minor: limit.amount().map(|most| most.saturating_sub(used_minor).max(0)),
            until_s: place.until_s,
        });
    }
    found
}

/// The counters of all limits, of both sets, that these facts meet, whatever the filters say.
pub(super) fn counters(portfolio: &Portfolio, standing: &Standing, facts: &Facts) -> Vec<u64> {
    let rules = &standing.rules;
    let halves = [(&standing.usual, rules.limits()), (&standing.stand_in, rules.stand_in().limits())];
    let all = halves.into_iter().flat_map(|(half, limits)| half.meters.iter().zip(limits));
    let met = all.filter_map(|(meter, limit)| Some((meter, limit.scope_value(facts)?)));
    met.map(|(meter, value)| portfolio.keyed_hash(&[meter.identity, value])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_takes_no_more_than_it_can_hold() {
        let met = |used, has_room| Met {
            limit: 0,
            counter: 1,
            place: Place::default(),
            scaled: false,
            used,
            has_room,
        };
        let full = met((7, LARGEST_MINOR - 5), true);
        assert_eq!([5, 6, i64::MAX].map(|more| full.takes(more)), [true, false, false]);
        assert!(!met((u32::MAX, 0), true).takes(1) && !met((0, 0), false).takes(1));
    }
}
