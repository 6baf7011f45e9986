//! `authswitch journal`: the persisted record of decisions, verified and printed. Card numbers are truncated in it.

mod csv;
mod filter;
mod names;

use super::bound::{Bound, FORMS};
use super::high_water::HighWater;
use super::{past, print};
use crate::clock::wall_us;
use crate::decision::Missing;
use crate::journal::{self, Entry, Seq};
use crate::message::meaning::country_numbered;
use crate::portfolio::{CounterChange, Differs, FORMAT, NOBODY, Record, Ruled, Transaction};
use filter::{Filter, UnknownName};
use names::{Named, Names};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Verifies and prints the persisted record of decisions.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  authswitch journal verify --data ./data\n  \
    authswitch journal dump --data ./data --from 2026-11-25 --card '411111******0001' --code 51 --csv\n  \
    authswitch journal dump --data ./data --from -15m --json | jq 'select(.code != \"00\")'\n  \
    authswitch journal tail --data ./data --link acquirer-ascii")]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Reads every record and checks it; exit code 1 with segment and offset when one is damaged.
    Verify {
        #[command(flatten)]
        place: Place,
    },
    /// Prints the records, one a line.
    Dump(Shown),
    /// Prints the records of what the stand-in set decided, for reconciliation.
    StandIn(Shown),
    /// Prints records as a running switch writes them, until interrupted; by default what comes from now on.
    Tail(Shown),
}

/// Which records, and how.
#[derive(clap::Args)]
#[command(after_help = FORMS)]
struct Shown {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    filter: Filter,
    /// Comma-separated values under a header line.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

#[derive(clap::Args)]
struct Place {
    /// The data folder.
    #[arg(long, default_value = "./data")]
    data: PathBuf,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Place {
    fn journal(&self) -> PathBuf {
        self.data.join("journal")
    }
}

pub(super) fn run(args: Args) -> ExitCode {
    let result = match &args.action {
        Action::Verify { place } => verify(place),
        Action::Dump(shown) => dump(shown, |_| true),
        Action::StandIn(shown) => dump(shown, |record| record.ruled.stand_in != 0),
        Action::Tail(shown) => tail(shown),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if print::is_closed(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            errln!("authswitch journal: {error}");
            let misused = !args.action.place().journal().is_dir() || error.is::<UnknownName>();
            ExitCode::from(if misused { super::USAGE } else { super::FAILED })
        }
    }
}

impl Action {
    fn place(&self) -> &Place {
        match self {
            Action::Verify { place } => place,
            Action::Dump(shown) | Action::StandIn(shown) | Action::Tail(shown) => &shown.place,
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn verify(place: &Place) -> Result<(), Failure> {
    // First: a switch that is running goes on.
    let high_water = HighWater::read(&place.data);
    let segments = journal::segments(&place.journal())?;
    // The storage knows bytes only; whether each body is a record is asked here.
    let report = journal::verify_with(&place.journal(), &mut |entry: Entry<'_>| decode(&entry).map(|_| ()))?;
    let missing = high_water
        .and_then(|noted| noted.missing_segment(&segments).or_else(|| noted.missing_records(report.last)));
    if let Some(missing) = missing {
        return Err(format!("{}: {missing}", place.data.display()).into());
    }
    let torn = report.torn.as_ref().map(|torn| {
        json!({ "segment": torn.segment.display().to_string(), "offset": torn.offset, "bytes": torn.bytes })
    });
    if place.json {
        outln!(
            "{}",
            json!({ "segments": report.segments, "records": report.records, "first": report.first,
                "last": report.last, "bytes": report.bytes, "torn": torn,
                "unfinished": report.unfinished })
        );
        return Ok(());
    }
    outln!(
        "sound: {} records ({} to {}) in {} segments, {} bytes",
        report.records,
        report.first,
        report.last,
        report.segments,
        report.bytes
    );
    if report.unfinished > 0 {
        outln!("behind them a switch has begun to write {} bytes, which are not judged", report.unfinished);
    }
    if let Some(torn) = report.torn {
        let (segment, offset, bytes) = (torn.segment.display(), torn.offset, torn.bytes);
        outln!("torn tail: {bytes} bytes in {segment} from offset {offset}, cut off at the next start");
    }
    Ok(())
}

fn dump(shown: &Shown, wanted: fn(&Record) -> bool) -> Result<(), Failure> {
    let folder = shown.place.journal();
    folder.read_dir().map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut lines = Lines::begin(shown, print::stream())?;
    let ended = AtomicBool::new(false);
    let read = journal::read(&folder, shown.filter.start(&folder)?, &mut |entry: Entry<'_>| {
        if shown.filter.is_past(entry.seq, entry.time_us) {
            ended.store(true, Ordering::Relaxed);
            // A visitor that fails ends the reading.
            return Err("the end of what is shown".into());
        }
        let record = decode(&entry)?;
        if wanted(&record) { lines.show(entry.seq, &record) } else { Ok(()) }
    });
    match read {
        Err(error) if !ended.load(Ordering::Relaxed) => Err(error.into()),
        _ => lines.flush(),
    }
}

fn tail(shown: &Shown) -> Result<(), Failure> {
    let folder = shown.place.journal();
    if !folder.is_dir() {
        let data = shown.place.data.display();
        return Err(format!("{data}: not a data folder: no journal in it").into());
    }
    let from = match shown.filter.from {
        Some(_) => shown.filter.start(&folder)?,
        None => past::last(&shown.place.data)? + 1,
    };
    let stop = Arc::new(AtomicBool::new(false));
    if let Some((_, Some(until_us))) = shown.filter.to.map(Bound::end) {
        stop_at(until_us, Arc::clone(&stop))?;
    }
    let mut lines = Lines::begin(shown, print::stream())?;
    journal::follow(
        &folder,
        from,
        &mut |entry: Entry<'_>| {
            lines.show(entry.seq, &decode(&entry)?)?;
            if shown.filter.is_past(entry.seq.saturating_add(1), entry.time_us) {
                stop.store(true, Ordering::Relaxed);
            }
            lines.flush()
        },
        &stop,
    )?;
    Ok(())
}

/// Sets `stop` when no record from before that time can come any more.
fn stop_at(until_us: i64, stop: Arc<AtomicBool>) -> std::io::Result<()> {
    /// Between a record's time and the moment at which it can be read.
    const WRITING: Duration = Duration::from_secs(1);
    let left = u64::try_from(until_us.saturating_sub(wall_us())).unwrap_or(0);
    std::thread::Builder::new().name("until".into()).spawn(move || {
        std::thread::sleep(Duration::from_micros(left) + WRITING);
        stop.store(true, Ordering::Relaxed);
    })?;
    Ok(())
}

/// Records on their way to the output, in the form that is asked for.
struct Lines<'a, W: Write> {
    shown: &'a Shown,
    names: Names,
    out: W,
}

impl<'a, W: Write> Lines<'a, W> {
    fn begin(shown: &'a Shown, out: W) -> Result<Lines<'a, W>, Failure> {
        let mut names = Names::of(&shown.place.data);
        shown.filter.check(&mut names)?;
        let mut lines = Lines { shown, names, out };
        if shown.csv {
            lines.row(&csv::COLUMNS)?;
        }
        Ok(lines)
    }

    fn row<T: AsRef<[u8]>>(&mut self, values: &[T]) -> Result<(), Failure> {
        let mut row = ::csv::WriterBuilder::new().from_writer(Vec::new());
        row.write_record(values)?;
        Ok(self.out.write_all(&row.into_inner()?)?)
    }

    /// Shows the record, if it is wanted.
    fn show(&mut self, seq: Seq, record: &Record) -> Result<(), Failure> {
        let named = self.names.look_up(record);
        if !self.shown.filter.wants(seq, record, &named) {
            return Ok(());
        }
        if self.shown.csv {
            self.row(&csv::row(seq, record, &named))
        } else {
            print(&mut self.out, seq, record, &named, self.shown.place.json)
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }
}

/// The record of a journal's entry.
pub(super) fn decode(entry: &Entry<'_>) -> Result<Record, Failure> {
    if entry.kind != FORMAT {
        return Err(
            format!("record {}: format {} is not one this version reads", entry.seq, entry.kind).into()
        );
    }
    Record::decode(entry.body).map_err(|error| format!("record {}: {error}", entry.seq).into())
}

fn print(
    out: &mut impl Write,
    seq: Seq,
    record: &Record,
    named: &Named,
    as_json: bool,
) -> Result<(), Failure> {
    if as_json {
        let mut json = to_json(seq, record);
        named.add_to(&mut json);
        writeln!(out, "{json}")?;
    } else {
        let (asked, differs) = (record.asked, record.discrepancy.differs);
        writeln!(
            out,
            "{:>10}  {}  {:<12} {:04X}  {}  stan {:06}  {:>12} {:03}  {} {:<20} held {:+} posted {:+}{}{}{}",
            seq,
            time(record.time_us),
            record.event.name(),
            asked.mti,
            truncated(record),
            asked.stan,
            asked.amount_minor,
            asked.currency,
            record.code,
            record.refusal.name(),
            record.held_change_minor,
            record.posted_change_minor,
            if differs == Differs::Nothing { "" } else { "  differs: " },
            if differs == Differs::Nothing { "" } else { differs.name() },
            named.in_words(),
        )?;
    }
    Ok(())
}

/// RFC 3339 in UTC, microseconds.
pub(super) fn time(time_us: i64) -> String {
    jiff::Timestamp::from_microsecond(time_us)
        .map_or_else(|_| time_us.to_string(), |time| format!("{time:.6}"))
}

/// First six and last four digits, as far as the record has them.
pub(super) fn truncated(record: &Record) -> String {
    match (record.asked.bin, record.asked.last_four) {
        (0, 0) => "-".repeat(16),
        (bin, last_four) => format!("{bin:06}******{last_four:04}"),
    }
}

/// A country's letters; `None` for one that could not be told.
pub(super) fn country(number: u16) -> Option<&'static str> {
    country_numbered(number).map(|country| country.alpha2)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches(['\0', ' ']).to_owned()
}

/// The record for `journal dump --json`: what was asked, what was decided, what it changed.
pub(super) fn to_json(seq: Seq, record: &Record) -> Value {
    let named = |id: u32| if id == NOBODY { Value::Null } else { id.into() };
    let mut whole = json!({
        "seq": seq,
        "time": time(record.time_us),
        "event": record.event.name(),
        "key": format!("{:032x}", { record.key.0 }),
        "config": format!("{:08x}", record.config),
        "rules": format!("{:08x}", record.rules),
        "ruled": ruled(record),
        "card": named(record.card),
        "account": named(record.account),
        "code": record.code.as_str(),
        "refusal": record.refusal.name(),
        "held_change_minor": record.held_change_minor,
        "posted_change_minor": record.posted_change_minor,
        "discrepancy": (record.discrepancy.differs != Differs::Nothing).then(|| json!({
            "kind": record.discrepancy.differs.name(),
            "ours_minor": record.discrepancy.ours_minor,
            "theirs_minor": record.discrepancy.theirs_minor,
        })),
        "counted": record.velocity.count,
        "counted_minor": record.velocity.amount_minor,
        "counts": record.counts.iter().map(count).collect::<Vec<_>>(),
        "evidence": super::verification::to_json(record.evidence),
        "swept": record.swept.map(|swept| json!({ "shard": swept.shard, "before_s": swept.before_s })),
        "transaction": record.transaction.as_ref().map(transaction),
        "related": record.related.as_ref().map(transaction),
    });
    if let (Value::Object(whole), Value::Object(asked)) = (&mut whole, asked(record)) {
        whole.extend(asked);
    }
    whole
}

/// What the rule set had to do with it: numbers count from 1 in the order of that version of the rule file.
fn ruled(record: &Record) -> Value {
    let ruled = record.ruled;
    if ruled == Ruled::default() {
        return Value::Null;
    }
    let number = |number: u16| (number != 0).then_some(number);
    let bits =
        |bits: u64| (0..64u16).filter(|bit| bits >> bit & 1 == 1).map(|bit| bit + 1).collect::<Vec<_>>();
    json!({
        "stand_in": Missing::from_number(ruled.stand_in).map(Missing::name),
        "rule": number(ruled.rule),
        "limit": number(ruled.limit.into()),
        "tags": bits(ruled.tags),
        "shadow_rules": ruled.shadows.iter().filter(|rule| **rule != 0).collect::<Vec<_>>(),
        "shadow_limits": bits(ruled.shadow_limits.into()),
    })
}

/// What was asked, without what nobody may see.
fn asked(record: &Record) -> Value {
    let asked = &record.asked;
    json!({
        "link": asked.link,
        "mti": format!("{:04X}", asked.mti),
        "pan": truncated(record),
        "processing_code": format!("{:06}", asked.processing_code),
        "amount_minor": asked.amount_minor,
        "currency": format!("{:03}", asked.currency),
        "billing_minor": asked.billing_minor,
        "billing_currency": format!("{:03}", asked.billing_currency),
        "transmission": format!("{:010}", asked.transmission),
        "stan": format!("{:06}", asked.stan),
        "mcc": format!("{:04}", asked.merchant_category),
        "merchant_country": country(asked.merchant_country),
        "acquirer_country": country(asked.acquirer_country),
        "entry_mode": format!("{:03}", asked.entry_mode),
        "condition": format!("{:02}", asked.condition),
        "acquirer": asked.acquirer.to_string(),
        "rrn": text(&asked.retrieval_reference),
        "terminal": text(&asked.terminal),
        "merchant": text(&asked.merchant),
        "response_given": text(&asked.response),
        "original": (asked.original_mti != 0 || asked.original_stan != 0).then(|| json!({
            "mti": format!("{:04X}", asked.original_mti),
            "stan": format!("{:06}", asked.original_stan),
            "transmission": format!("{:010}", asked.original_transmission),
        })),
        "replacement_minor": (asked.replacement_minor >= 0).then_some(asked.replacement_minor),
        "cashback_minor": asked.cashback_minor,
        "surcharge_minor": asked.surcharge_minor,
        "billing_fee_minor": asked.billing_fee_minor,
        "marks": asked.marks,
    })
}

fn count(change: &CounterChange) -> Value {
    json!({
        "counter": format!("{:016x}", change.counter),
        "window": if change.ring { "trailing" } else { "calendar" },
        "ordinal": change.ordinal,
        "until_s": change.until_s,
        "scaled": change.scaled,
        "count": change.count,
        "amount_minor": change.amount_minor,
    })
}

fn transaction(transaction: &Transaction) -> Value {
    json!({
        "key": format!("{:032x}", { transaction.key.0 }),
        "state": transaction.state.name(),
        "approval": text(&transaction.approval),
        "amount_minor": transaction.amount_minor,
        "held_minor": transaction.held_minor,
        "posted_minor": transaction.posted_minor,
        "settled_minor": transaction.settled_minor(),
        "adds_to": transaction.adds_to().map(|key| format!("{:032x}", { key.0 })),
        "expires_s": transaction.expires_s,
    })
}
