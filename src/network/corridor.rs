//! The way of one message: parse, read, decide, build. No socket, no await, no allocation after warm-up.

use super::refused::{Unserved, Why};
use super::sink::{JournalSink, NoRecord};
use super::{Link, Passed, Ticks, Undo, Way};
use crate::decision::{Decision, Desk, Lateness};
use crate::journal::Journal;
use crate::message::{
    ADDITIONAL_AMOUNTS, Kind, Operation, Refusal, Request, ResponseCode, read, write_additional_amounts,
};
use crate::portfolio::{Differs, TransactionKey};
use crate::telemetry::{Counter, Outcome, Stage};
use crate::wire::frame::Lead;
use crate::wire::{Bitmap, Message, Mti, ParseError, Value, View};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a connection remembers of its peer.
#[derive(Debug, Default)]
pub struct Session {
    /// The peer has signed on.
    pub signed_on: bool,
}

/// The corridor of one connection.
pub struct Corridor {
    desk: Arc<Desk>,
    link: Arc<Link>,
    journal: Journal,
    sink: JournalSink,
    ticks: Ticks,
    message: Message,
    /// What the last message was, if no record tells of it.
    unserved: Option<Unserved>,
}

impl Corridor {
    /// A corridor for one connection of a link.
    pub fn new(desk: Arc<Desk>, link: Arc<Link>, journal: Journal, ticks: Ticks) -> Corridor {
        let sink = JournalSink::new(journal.clone(), ticks.clone());
        Corridor { desk, link, journal, sink, ticks, message: Message::new(), unserved: None }
    }

    /// Takes one message through. `lead` is what stood before it in its frame, `arrived_ns` since when its first byte has
    /// waited, `wall_us` the wall clock. The framed answer, its header made from the request's, is appended to `out`.
    pub fn pass(
        &mut self,
        lead: &[u8],
        message: &[u8],
        session: &mut Session,
        arrived_ns: u64,
        wall_us: i64,
        out: &mut Vec<u8>,
    ) -> Passed {
        let began_ns = self.ticks.now_ns();
        let dialect = &*self.link.options.dialect;
        let mut passed = Passed::new(self.link.index, arrived_ns, began_ns);
        let parsed = dialect.parse(message, &mut self.message);
        let view = dialect.view(message, &self.message);
        let request = match self.read(view, parsed, &mut passed) {
            Ok(request) => request,
            Err(Unusable { why, answer }) => {
                passed.stage(Stage::Parse, self.ticks.now_ns());
                let mut unserved = Unserved::of(view, why);
                if let Some(refusal) = answer {
                    let de = why.de().unwrap_or(0);
                    match self.answer_refused(view, refusal, de, lead, &mut passed, out) {
                        Ok(()) => unserved.code = passed.sample.code,
                        Err(why) => unserved = Unserved::of(view, why),
                    }
                }
                self.unserved = Some(unserved);
                return passed;
            }
        };
        let kind = request.kind;
        let parsed_ns = self.ticks.now_ns();
        passed.stage(Stage::Parse, parsed_ns);
        let decision = self.decide(&request, session, arrived_ns, parsed_ns, wall_us);
        let decided_ns = self.ticks.now_ns();
        passed.stage(Stage::Decide, decided_ns);
        passed.appended(self.sink.take_append_ns());
        self.unserved = match self.answer(view, &request, &decision, lead, out) {
            Err(why) => Some(Unserved::of(view, why)),
            Ok(()) => Why::unrecorded(decision.refusal, view)
                .or(is_shed(&decision).then_some(Why::Shed))
                .map(|why| Unserved { code: decision.code.0, ..Unserved::of(view, why) }),
        };
        passed.stage(Stage::Build, self.ticks.now_ns());
        passed.sample.outcome = outcome(kind, &decision);
        passed.sample.code = decision.code.0;
        passed.sample.refusal = decision.refusal as u8;
        // A late decline or acknowledgement does no harm; a late approval would be spent twice.
        passed.has_deadline =
            matches!(kind, Kind::Authorization | Kind::Financial) && decision.code.is_approval();
        let billed = decision.part.is_some_and(|part| part.billing_currency == request.billing_currency);
        let asked = [decision.part.map(|_| request.amount_minor), billed.then_some(request.billing_minor)];
        let undo = Undo { key: decision.key, asked };
        passed.undo = (passed.has_deadline && !decision.repeat).then_some(undo);
        passed.way = self.way(&request, &decision);
        passed.counts_as = match decision.refusal {
            _ if is_shed(&decision) => Some(Counter::Shed),
            Refusal::BudgetSpent if !decision.repeat => Some(Counter::BudgetSpent),
            Refusal::NotStored => Some(Counter::NotStored),
            Refusal::TableFull | Refusal::NoRoom => Some(Counter::Overload),
            _ if decision.balances.is_some_and(|balances| !balances.fit()) => Some(Counter::BalanceCut),
            _ => counter_of(decision.differs),
        };
        passed
    }

    /// What the last message that passed was, if no record tells why it was answered so, or not at all.
    pub fn take_unserved(&mut self) -> Option<Unserved> {
        self.unserved.take()
    }

    /// The typed request of a parsed message; else why it cannot be used, where it gets no answer `passed` says what
    /// becomes of it.
    fn read(
        &self,
        view: View<'_>,
        parsed: Result<(), ParseError>,
        passed: &mut Passed,
    ) -> Result<Request, Unusable> {
        let options = &self.link.options;
        if let Err(error) = parsed {
            let why = Why::Parse(error);
            if error.readable {
                passed.sample.mti = view.mti().bcd();
                if may_be_answered(view.mti()) {
                    return Err(Unusable { why, answer: Some(Refusal::Format) });
                }
            }
            let close = options.close_on_unreadable;
            passed.way = if close { Way::Close } else { Way::Dropped }(Counter::Unreadable);
            return Err(Unusable { why, answer: None });
        }
        let mti = view.mti();
        passed.sample.mti = mti.bcd();
        if mti.is_response() {
            passed.way = Way::Dropped(Counter::Unsolicited);
            return Err(Unusable { why: Why::Unsolicited, answer: None });
        }
        match Kind::of(mti) {
            Some(kind) => read(&view, kind, &options.reading)
                .map_err(|fault| Unusable { why: Why::Fault(fault), answer: Some(Refusal::Format) }),
            None if may_be_answered(mti) => {
                Err(Unusable { why: Why::UnsupportedType, answer: Some(Refusal::UnsupportedType) })
            }
            None => {
                passed.way = Way::Dropped(Counter::Dropped);
                Err(Unusable { why: Why::NoAnswerDue, answer: None })
            }
        }
    }

    /// Undoes an approval that could not be sent in time, and turns its framed answer into one with 91 at the end of
    /// `out`. Returns that code, and what the message was where it could not be undone. Off the usual path.
    pub fn undo(
        &mut self,
        undo: Undo,
        mti: u16,
        wall_us: i64,
        answer: &[u8],
        out: &mut Vec<u8>,
    ) -> ([u8; 2], Option<Unserved>) {
        let code = Refusal::BudgetSpent.code();
        let undone = self.desk.undo(undo.key, wall_us, &self.sink);
        let unserved =
            (!undone).then(|| Unserved { code: code.0, ..self.unserved_by(Why::NotUndone, mti, answer) });
        let options = &self.link.options;
        let cut = options.framing.next(answer, usize::MAX);
        // The answer's header is its request's, turned already: it stays as it is.
        if let Ok(Some(cut)) = cut
            && options.dialect.parse(&answer[cut.start..cut.end], &mut self.message).is_ok()
        {
            let view = options.dialect.view(&answer[cut.start..cut.end], &self.message);
            let mut kept = view.bitmap();
            // What only an approval carries.
            [38, 54].into_iter().for_each(|de| kept.remove(de));
            let lead = Lead::Same(&answer[..cut.start]);
            let mut own = [(39, Value::Text(&code.0)); 3];
            let mut count = 0;
            for (de, asked) in [4, 6].into_iter().zip(undo.asked) {
                if let Some(amount) = asked {
                    own[count] = (de, Value::Number(amount as u64));
                    count += 1;
                }
            }
            own[count] = (39, Value::Text(&code.0));
            if let Err(why) = self.build(view, view.mti(), kept, &own[..=count], lead, out) {
                tracing::error!(
                    link = options.name,
                    ?why,
                    "a late approval is undone, and no answer could be built"
                );
            }
        }
        (code.0, unserved)
    }

    fn decide(
        &self,
        request: &Request,
        session: &mut Session,
        arrived_ns: u64,
        now_ns: u64,
        wall_us: i64,
    ) -> Decision {
        let terms = &self.link.terms;
        match request.kind {
            Kind::NetworkManagement => self.manage(request, session),
            _ if self.link.options.require_sign_on && !session.signed_on => refused(Refusal::NotSignedOn),
            _ => {
                let lateness = match now_ns.saturating_sub(arrived_ns) {
                    waited if waited <= self.link.budget_ns => Lateness::InTime,
                    waited if waited <= self.link.deadline_ns => Lateness::BudgetSpent,
                    _ => Lateness::TooLate,
                };
                let can_be_shed = matches!(request.kind, Kind::Authorization | Kind::Financial);
                if lateness == Lateness::TooLate && can_be_shed && !self.link.remembers_late(now_ns) {
                    return self.shed(request, wall_us);
                }
                self.desk.decide(request, terms, wall_us, lateness, &self.sink)
            }
        }
    }

    /// A request that is too late and not remembered: answered as before where it is known, else 91 without a record.
    fn shed(&self, request: &Request, wall_us: i64) -> Decision {
        let terms = &self.link.terms;
        let decision = self.desk.decide(request, terms, wall_us, Lateness::TooLate, &NoRecord);
        if decision.refusal == Refusal::NotStored { refused(Refusal::BudgetSpent) } else { decision }
    }

    /// Sign-on, sign-off and echo (DE70 as ISO and the networks use it).
    fn manage(&self, request: &Request, session: &mut Session) -> Decision {
        let signed_on = match request.network_code {
            1 | 61 | 71 | 81 => true,
            2 | 62 | 72 | 82 => false,
            270 | 301 => session.signed_on,
            _ => return refused(Refusal::UnknownNetworkCode),
        };
        match (session.signed_on, signed_on) {
            (false, true) => _ = self.link.signed_on.fetch_add(1, Ordering::Relaxed),
            (true, false) => _ = self.link.signed_on.fetch_sub(1, Ordering::Relaxed),
            _ => {}
        }
        session.signed_on = signed_on;
        refused(Refusal::None)
    }

    /// An advice or reversal is acknowledged when it is durable, since its sender then deletes its copy; an
    /// authorization at once, unless it approves money and the link or the exposure asks for more.
    fn way(&self, request: &Request, decision: &Decision) -> Way {
        let must_wait = match request.kind {
            Kind::AuthorizationAdvice | Kind::FinancialAdvice | Kind::Reversal => true,
            Kind::Authorization | Kind::Financial => {
                let asks_only = matches!(request.operation, Operation::Inquiry | Operation::Verification);
                let moves_money = decision.code.is_approval() && !asks_only;
                moves_money && (self.link.options.reply_after_durable || self.journal.exposed())
            }
            Kind::NetworkManagement => false,
        };
        if must_wait && decision.sequence > self.journal.durable() {
            Way::AfterDurable(decision.sequence)
        } else {
            Way::Now
        }
    }

    /// Builds the framed answer at the end of `out`.
    fn answer(
        &self,
        view: View<'_>,
        request: &Request,
        decision: &Decision,
        lead: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Why> {
        let mut amounts = [0; ADDITIONAL_AMOUNTS];
        let mut own = [(39, Value::Text(&decision.code.0)); 5];
        let mut count = 0;
        let mut add = |de, value| {
            own[count] = (de, value);
            count += 1;
        };
        if let Some(part) = decision.part {
            add(4, Value::Number(part.amount_minor as u64));
            if request.billing_currency == part.billing_currency {
                add(6, Value::Number(part.billing_minor as u64));
            }
        }
        if let Some(approval) = &decision.approval {
            add(38, Value::Text(approval));
        }
        add(39, Value::Text(&decision.code.0));
        if let Some(balances) = decision.balances {
            write_additional_amounts(balances, request.processing_code, &mut amounts);
            add(54, Value::Text(&amounts));
        }
        let lead = Lead::Answer { request: lead, wrong_de: 0 };
        self.build(view, view.mti().response(), self.link.echo(request.kind), &own[..count], lead, out)
    }

    fn answer_refused(
        &self,
        view: View<'_>,
        refusal: Refusal,
        de: u8,
        lead: &[u8],
        passed: &mut Passed,
        out: &mut Vec<u8>,
    ) -> Result<(), Why> {
        let code = refusal.code();
        let kind = Kind::of(view.mti()).unwrap_or(Kind::Authorization);
        let (own, lead) = ([(39, Value::Text(&code.0))], Lead::Answer { request: lead, wrong_de: de });
        let built = self.build(view, view.mti().response(), self.link.echo(kind), &own, lead, out);
        passed.sample.code = code.0;
        passed.sample.refusal = refusal as u8;
        passed.sample.outcome =
            if refusal == Refusal::Format { Outcome::FormatError } else { Outcome::Declined };
        passed.stage(Stage::Build, self.ticks.now_ns());
        built
    }

    /// Echoed fields were valid in the request and ours fit by their types; were it otherwise, no answer is better than a
    /// wrong one.
    fn build(
        &self,
        view: View<'_>,
        mti: Mti,
        echo: Bitmap,
        own: &[(u8, Value<'_>)],
        lead: Lead<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Why> {
        let (framing, dialect) = (&self.link.options.framing, &self.link.options.dialect);
        let start = out.len();
        let mark = framing.begin(out, lead);
        let built = dialect.build(out, mti, Some(view), echo, own).map_err(Why::NotBuilt);
        let framed = built.and_then(|()| framing.finish(out, mark).map_err(Why::NotFramed));
        if framed.is_err() {
            out.truncate(start);
        }
        framed
    }

    /// What a message of this type was, by the framed answer that does not go out.
    pub fn unserved_by(&mut self, why: Why, mti: u16, answer: &[u8]) -> Unserved {
        let options = &self.link.options;
        let unread = Unserved { mti, ..Unserved::unread(why) };
        let Ok(Some(cut)) = options.framing.next(answer, usize::MAX) else { return unread };
        let message = &answer[cut.start..cut.end];
        match options.dialect.parse(message, &mut self.message) {
            Ok(()) => Unserved { mti, ..Unserved::of(options.dialect.view(message, &self.message), why) },
            Err(_) => unread,
        }
    }
}

/// A message that is not decided.
struct Unusable {
    why: Why,
    /// What it is answered with, if it is.
    answer: Option<Refusal>,
}

fn refused(refusal: Refusal) -> Decision {
    Decision {
        code: refusal.code(),
        refusal,
        approval: None,
        balances: None,
        part: None,
        differs: Differs::Nothing,
        rules: 0,
        repeat: false,
        sequence: 0,
        key: TransactionKey::default(),
    }
}

/// Whether it is 91 without a record.
fn is_shed(decision: &Decision) -> bool {
    decision.refusal == Refusal::BudgetSpent && !decision.repeat && decision.sequence == 0
}

/// Requests and advices of any class are owed an answer; responses, notifications and acknowledgements are not.
fn may_be_answered(mti: Mti) -> bool {
    matches!(mti.function(), 0 | 2)
}

/// What an advice or a reversal counts as that differs from what was decided here.
fn counter_of(differs: Differs) -> Option<Counter> {
    match differs {
        Differs::Nothing => None,
        Differs::DeclinedThere => Some(Counter::DeclinedThere),
        Differs::ApprovedThere => Some(Counter::ApprovedThere),
        Differs::Amount => Some(Counter::AmountDiffers),
        Differs::OverTolerance => Some(Counter::OverTolerance),
        Differs::NoOriginal => Some(Counter::NoOriginal),
        Differs::ReversalAmbiguous => Some(Counter::ReversalAmbiguous),
        Differs::ReversalNoOriginal => Some(Counter::ReversalNoOriginal),
        Differs::AdviceRepeat => Some(Counter::AdviceRepeat),
        Differs::ReversalElsewhere => Some(Counter::ReversalElsewhere),
    }
}

fn outcome(kind: Kind, decision: &Decision) -> Outcome {
    match decision.refusal {
        Refusal::DuplicateKey => Outcome::Duplicate,
        _ if decision.repeat => Outcome::Duplicate,
        Refusal::NotStored | Refusal::NoRoom => Outcome::Unstored,
        Refusal::BudgetSpent => Outcome::BudgetSpent,
        Refusal::Format => Outcome::FormatError,
        Refusal::None if kind.may_be_declined() && kind != Kind::NetworkManagement => Outcome::Approved,
        Refusal::None if decision.code == ResponseCode::APPROVED => Outcome::Accepted,
        _ => Outcome::Declined,
    }
}
