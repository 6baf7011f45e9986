//! Which transaction a message belongs to on paper, when its own name leads to none: it may have been sent before with another
//! DE7, or know its original in part.

use super::names::{Party, original_name, own_name, party, reference_of};
use super::parts::is_increment;
use super::{Arrival, Entry, Model, NO_CODE, Name, Stands};
use authswitch::message::{Kind, Marks, Request};
use authswitch::portfolio::Differs;

const DAY_US: i64 = 86_400_000_000;

/// What a message says of its transaction beside its name. `None` is not said.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Says {
    kind: Option<Kind>,
    /// It says that it was sent before.
    again: bool,
    /// 1: authorizations, 2: financial messages.
    pub class: Option<u8>,
    pub trace: (Party, u32),
    code: u32,
    amount_minor: i64,
    sent: Option<u32>,
    date: Option<u16>,
    time: Option<u32>,
    acquirer: Option<u64>,
    terminal: Option<[u8; 8]>,
    merchant: Option<[u8; 15]>,
    currency: Option<u16>,
    reference: Option<[u8; 12]>,
    /// It says that it adds to an authorization.
    adds: bool,
}

fn said<T: PartialEq + Copy>(value: T, unsaid: T) -> Option<T> {
    Some(value).filter(|value| *value != unsaid)
}

/// Both say it, and say another thing.
fn differ<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.is_some() && other.is_some() && one != other
}

impl Says {
    pub fn of(arrival: &Arrival) -> Says {
        let message = &arrival.request;
        let original = message.original.unwrap_or_default();
        let reverses = message.kind == Kind::Reversal;
        // With the trace number of its original a reversal may give its own time.
        let timed = !reverses || original.stan == 0;
        let of_original = |ours: u64, theirs: u64| if reverses && theirs != 0 { theirs } else { ours };
        let mti = if reverses { original.mti } else { message.mti.bcd() };
        let sent = if reverses { original.transmission } else { message.transmission };
        Says {
            kind: Some(message.kind),
            again: message.mti.bcd() % 2 == 1,
            class: said((mti / 0x100) as u8, 0),
            trace: (
                party(message, arrival.network),
                of_original(message.stan.into(), original.stan.into()) as u32,
            ),
            code: message.processing_code,
            amount_minor: message.amount_minor,
            sent: said(sent, 0),
            date: said(message.local_date, 0).filter(|_| timed),
            time: said(message.local_time, 0).filter(|_| timed),
            acquirer: said(of_original(message.acquirer, original.acquirer), 0),
            terminal: said(message.terminal, [b' '; 8]),
            merchant: said(message.merchant, [b' '; 15]),
            currency: said(message.currency, 0),
            reference: said(message.retrieval_reference, [b' '; 12]),
            adds: is_increment(message),
        }
    }

    /// Whether a request with the name of one that was made asks another thing.
    pub(super) fn is_another(&self, made: &Says) -> bool {
        (self.class, self.trace.0) != (made.class, made.trace.0)
            || self.elsewhere(made)
            || differ(self.reference, made.reference)
            || self.of_other(made)
    }

    /// Whether both may be of one purchase, wherever in the shop and whenever each was made.
    pub(super) fn may_complete(&self, made: &Says) -> bool {
        !differ(self.merchant, made.merchant) && !differ(self.acquirer, made.acquirer)
    }

    /// Whether a request asks another thing than an advice of its class told of it.
    pub(super) fn is_of_class_and_other(&self, made: &Says) -> bool {
        self.class == made.class && self.is_another(made)
    }

    pub(super) fn is_elsewhere_in_class(&self, made: &Says) -> bool {
        self.class == made.class && !made.reverses() && self.elsewhere(made)
    }

    fn reverses(&self) -> bool {
        self.kind == Some(Kind::Reversal)
    }

    pub(super) fn asks(&self) -> bool {
        matches!(self.kind, Some(Kind::Authorization | Kind::Financial))
    }

    fn elsewhere(&self, other: &Says) -> bool {
        differ(self.date, other.date)
            || differ(self.time, other.time)
            || differ(self.acquirer, other.acquirer)
            || differ(self.terminal, other.terminal)
    }

    fn otherwise(&self, other: &Says) -> bool {
        differ(self.currency, other.currency) || differ(self.merchant, other.merchant)
    }

    /// Whether it asks or tells something else than what made a transaction.
    fn of_other(&self, made: &Says) -> bool {
        let of_one_class = self.class == made.class && !made.reverses();
        self.amount_minor != made.amount_minor
            || self.otherwise(made)
            || of_one_class && self.code != made.code
    }

    /// Something tells that two messages of one trace number are not a day or a year apart.
    fn borne_out(&self, other: &Says) -> bool {
        let when = self.date.is_some() && (self.date, self.time) == (other.date, other.time);
        when || self.reference.is_some() && self.reference == other.reference
    }
}

impl Entry {
    /// Whether a message of the same trace number speaks of what the entry is of.
    fn is_it(&self, says: &Says, now_us: i64) -> bool {
        let made = &self.made;
        let of_one_kind =
            says.reverses() || made.reverses() || says.class != made.class || says.code == made.code;
        let lately = (now_us - self.made_us).abs() <= DAY_US;
        !says.elsewhere(made)
            && !differ(says.reference, made.reference)
            && (says.borne_out(made) || of_one_kind && lately)
    }

    /// The same of what it takes: the times of a completion with its authorization's name are its own, and one of several is told
    /// by its amount too.
    fn is_it_again(&self, says: &Says, several: bool, now_us: i64) -> bool {
        let by_name = says.class != self.made.class;
        let amount_minor = if by_name { self.amount_minor } else { self.made.amount_minor };
        if self.made.reverses() {
            return self.is_it(says, now_us);
        }
        if several && says.class == Some(2) && says.amount_minor != amount_minor {
            return false;
        }
        let timeless = Says { date: None, time: None, ..*says };
        self.is_it(if by_name { &timeless } else { says }, now_us)
    }

    /// Whether a message of its name may belong to another, which is looked for then: of a completion and its authorization one
    /// may have come by another name.
    fn may_share_its_name(&self, message: &Request, says: &Says) -> Option<Shared> {
        let completed =
            self.stands == Stands::Completed || self.stands == Stands::Held && self.settled_minor > 0;
        if message.kind == Kind::FinancialAdvice && completed && !self.settled {
            return Some(Shared::ByAuthorization);
        }
        let early = self.asked.is_none() && !self.made.reverses() && self.made.class != says.class;
        (says.asks() && early).then_some(Shared::ByCompletion)
    }

    /// Whether an advice that it has seen says something else now.
    pub(super) fn was_advised_otherwise(&self, says: &Says, yes: bool) -> bool {
        let yes_then = match self.stands {
            Stands::Declined => Some(false),
            Stands::Held | Stands::Posted | Stands::Answered => Some(true),
            _ => None,
        };
        if yes_then == Some(!yes) {
            return true;
        }
        if says.kind == self.made.kind {
            return says.of_other(&self.made);
        }
        let kept_its_amount = match self.stands {
            Stands::Added => self.last_reversal.is_none(),
            _ => yes_then.is_some() && self.adds_to.is_none(),
        };
        let in_part = self.asked.is_some() && ["10", "87"].contains(&self.code.as_str());
        let superseded = says.kind == Some(Kind::AuthorizationAdvice) && self.settled;
        let taken_over = self.card.is_some() && !in_part && !superseded;
        kept_its_amount && taken_over && says.amount_minor != self.amount_minor
    }

    /// Whether a request or an advice may be of it: what was reversed before it came; or the same sent again, or what stood
    /// in for the other.
    fn takes(&self, says: &Says) -> bool {
        if self.stands == Stands::ReversedBefore {
            return !differ(says.class, self.made.class);
        }
        if says.adds != self.made.adds {
            return false;
        }
        let again = says.again || self.made.again;
        let advised = match says.kind {
            Some(Kind::FinancialAdvice) => self.settled,
            Some(Kind::AuthorizationAdvice) => self.stood_in,
            _ => false,
        };
        says.class == self.made.class && (again || says.asks() != self.made.asks()) || says.again && advised
    }

    /// Whether a message of it is of the class that a reversal speaks of.
    fn is_of_class(&self, says: &Says) -> bool {
        let completed = says.class == Some(2) && self.settled;
        self.stands == Stands::ReversedBefore || completed || !differ(says.class, self.made.class)
    }

    fn is_open(&self) -> bool {
        (self.held_minor, self.posted_minor) != (0, 0) || self.stands == Stands::Added
    }
}

/// Who came first with a name that two transactions share.
#[derive(Clone, Copy, PartialEq)]
enum Shared {
    ByAuthorization,
    ByCompletion,
}

/// How well a transaction fits a reversal.
#[derive(Clone, Copy, PartialEq)]
enum Fits {
    ByTraceOrCode,
    ByReference,
}

impl Model {
    /// Every name that a message may speak of.
    pub fn meant(&self, arrival: &Arrival) -> Vec<Name> {
        let by_reference = reference_of(&arrival.request, arrival.network)
            .and_then(|reference| self.references.get(&reference));
        let by_reference = by_reference.into_iter().flatten();
        let own_trace = (party(&arrival.request, arrival.network), arrival.request.stan);
        let traces = [own_trace, Says::of(arrival).trace, self.original_trace(arrival)];
        let by_trace = traces.into_iter().filter_map(|trace| self.traces.get(&trace)).flatten();
        let own = own_name(arrival);
        let named = [Some(own), original_name(arrival)].into_iter().flatten();
        let added = |name: Name| self.get(&name).and_then(|entry| entry.adds_to);
        named
            .chain(by_reference.map(|(name, ..)| *name))
            .chain(by_trace.copied())
            .flat_map(|name| added(name).into_iter().chain([name]))
            .collect()
    }

    /// The entries of a trace number, the one made last first.
    pub(super) fn traced(&self, trace: (Party, u32)) -> Vec<(Name, &Entry)> {
        let names = self.traces.get(&trace).into_iter().flatten();
        let mut found: Vec<_> = names.filter_map(|name| Some((*name, self.get(name)?))).collect();
        found.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.made_record));
        found
    }

    /// The name under which a request or an advice is known, and whether its content is other than what was asked first,
    /// where another name than its own led there.
    pub fn known_as(&self, arrival: &Arrival) -> (Name, Option<bool>) {
        let message = &arrival.request;
        let own = own_name(arrival);
        let says = Says::of(arrival);
        let shared = self.get(&own).map(|entry| entry.may_share_its_name(message, &says));
        if shared == Some(None) {
            return (own, None);
        }
        let shared = shared.flatten();
        let takes = |name: &Name, entry: &Entry| {
            let fits = match shared {
                // It was the same message, sent again before it came first.
                Some(Shared::ByAuthorization) => entry.made.again && entry.settled,
                Some(Shared::ByCompletion) => entry.made.class == says.class,
                None => true,
            };
            fits && (shared.is_none() || *name != own) && entry.takes(&says)
        };
        // An original may belong to what could come before it alone.
        let is_original = says.asks() && !says.again;
        let precedes = |entry: &Entry| entry.made.again || entry.made.reverses() || !entry.made.asks();
        let mut traced = self.traced(says.trace);
        traced.retain(|(name, entry)| takes(name, entry) && (!is_original || precedes(entry)));
        let chosen = original_name(arrival)
            .filter(|_| !says.adds && message.original.is_some_and(|original| original.stan == message.stan));
        let by_de90 = traced.iter().find(|(name, _)| Some(*name) == chosen);
        let several = message.marks.has(Marks::SEVERAL);
        let by_trace =
            || traced.iter().filter(|(_, entry)| entry.is_it_again(&says, several, arrival.now_us));
        let of_equal_content = || by_trace().find(|(_, entry)| !says.of_other(&entry.made));
        if let Some((name, entry)) = by_de90.or_else(of_equal_content).or_else(|| by_trace().next()) {
            return (*name, Some(says.of_other(&entry.made)));
        }
        let settles = message.kind == Kind::FinancialAdvice;
        if !says.adds && shared.is_none() && says.amount_minor != 0 {
            for (name, entry) in self.alike(arrival).into_iter().rev() {
                let made = &entry.made;
                let fits = entry.stands == Stands::ReversedBefore
                    && entry.takes(&says)
                    && (!settles || made.class == says.class)
                    && made.amount_minor == says.amount_minor
                    && !says.elsewhere(made)
                    && !says.otherwise(made)
                    && (says.again || !differ(says.sent, made.sent));
                if fits {
                    return (name, Some(false));
                }
            }
        }
        (own, None)
    }

    /// The authorization with the trace number that DE90 gives, or that a completion shares.
    pub(super) fn traced_original(&self, arrival: &Arrival) -> Option<Name> {
        let message = &arrival.request;
        let says = Says::of(arrival);
        let original = message.original.unwrap_or_default();
        let (trace, says) = match original.stan {
            0 if message.kind == Kind::FinancialAdvice => (says.trace, says),
            0 => return None,
            stan => ((says.trace.0, stan), Says { date: None, time: None, ..says }),
        };
        let is_it = |entry: &Entry| {
            let made = &entry.made;
            let again = made.again || original.mti % 2 == 1 || says.borne_out(made);
            made.class == Some(1)
                && !made.reverses()
                && entry.is_it(&says, arrival.now_us)
                && (again || !differ(said(original.transmission, 0), made.sent))
        };
        self.traced(trace).into_iter().find(|(_, entry)| is_it(entry)).map(|(name, _)| name)
    }

    /// What a reversal speaks of; else the name it leaves for its original, and what is said of it.
    pub(super) fn reversed_by(&self, arrival: &Arrival) -> (Name, Result<&Entry, Differs>) {
        let reversal = &arrival.request;
        let named = original_name(arrival).unwrap_or_else(|| own_name(arrival));
        let says = Says::of(arrival);
        let by_name = self.get(&named);
        if let Some(entry) = by_name.filter(|entry| entry.is_of_class(&says)) {
            return (named, Ok(entry));
        }
        let identity = super::reversals::identity_of(reversal);
        let traced = self.traced(says.trace);
        let mut alike = self.alike(arrival);
        alike.reverse();
        let same = |(_, entry): &&(Name, &Entry)| entry.last_reversal == Some(identity);
        let again = traced.iter().filter(same).find(|(_, entry)| entry.is_it(&says, arrival.now_us));
        let again = again.or_else(|| {
            alike
                .iter()
                .filter(same)
                .find(|(_, entry)| entry.stands != Stands::ReversedBefore && !says.elsewhere(&entry.made))
        });
        if let Some((name, entry)) = again {
            return (*name, Ok(entry));
        }
        let mut met: Vec<(Name, &Entry)> = traced.clone();
        met.extend(alike.iter().filter(|(_, entry)| entry.made.trace != says.trace));
        met.retain(|(_, entry)| entry.stands != Stands::ReversedBefore);
        let fits = |wanted: Fits, open: bool| -> Vec<(Name, &Entry)> {
            let fit = |(_, entry): &&(Name, &Entry)| {
                entry.is_open() == open && self.fits(arrival, &says, entry) == Some(wanted)
            };
            met.iter().filter(fit).copied().collect()
        };
        let strong = fits(Fits::ByTraceOrCode, true);
        let weak = fits(Fits::ByReference, true);
        let closed = fits(Fits::ByTraceOrCode, false);
        match (&strong[..], &weak[..], &closed[..]) {
            ([(name, entry)], ..) | ([], [(name, entry)], _) | ([], [], [(name, entry)]) => {
                return (*name, Ok(entry));
            }
            _ => {}
        }
        if let Some(entry) = by_name {
            return (named, Ok(entry));
        }
        let knows_trace = reversal.original.is_some_and(|original| original.stan != 0);
        let spoken = |entry: &Entry| {
            knows_trace || entry.made.trace != says.trace || self.fits(arrival, &says, entry).is_some()
        };
        let told = met.iter().any(|(_, entry)| spoken(entry));
        (named, Err(if told { Differs::ReversalAmbiguous } else { Differs::ReversalNoOriginal }))
    }

    fn fits(&self, arrival: &Arrival, says: &Says, entry: &Entry) -> Option<Fits> {
        let (reversal, made) = (&arrival.request, &entry.made);
        let original = reversal.original.unwrap_or_default();
        let whole = if says.amount_minor == 0 { entry.amount_minor } else { says.amount_minor };
        let remains = reversal.replacement_minor.unwrap_or(0);
        let coded = reversal.approval != NO_CODE && entry.approval != NO_CODE;
        // With increments, where no rate or fee lies between.
        let plain = entry.amount_minor == entry.worth_minor && entry.adds_to.is_none();
        let (all_minor, rest_minor) = match plain {
            true => (entry.held_minor + entry.settled_minor, entry.held_minor),
            false => (entry.amount_minor, entry.amount_minor),
        };
        let wrong = coded && reversal.approval != entry.approval
            || ![0, made.amount_minor, entry.amount_minor, all_minor, rest_minor]
                .contains(&says.amount_minor)
            || ![0, made.code / 10_000].contains(&(says.code / 10_000))
            || remains >= whole && remains != 0
            || !entry.is_of_class(says)
            || says.otherwise(made)
            || says.elsewhere(made);
        if wrong {
            return None;
        }
        let referred =
            entry.reference.is_some() && entry.reference == reference_of(reversal, arrival.network);
        if coded && referred {
            return Some(Fits::ByTraceOrCode);
        }
        let traced = made.trace == says.trace;
        if original.stan != 0 && !traced {
            return None;
        }
        let sent_again = made.again || original.mti % 2 == 1 || traced && says.borne_out(made);
        if differ(said(original.transmission, 0), made.sent) && !sent_again {
            return None;
        }
        match traced && entry.is_it(says, arrival.now_us) {
            true => Some(Fits::ByTraceOrCode),
            false => referred.then_some(Fits::ByReference),
        }
    }
}
