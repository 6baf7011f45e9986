//! `authswitch journal`: the persisted record of decisions, verified and printed. Card numbers are truncated in it.

use crate::decision::Missing;
use crate::journal::{self, Entry, Seq};
use crate::message::meaning::country_numbered;
use crate::portfolio::{CounterChange, Differs, FORMAT, NOBODY, Record, Ruled, Transaction};
use serde_json::{Value, json};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

/// Verifies and prints the persisted record of decisions.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  authswitch journal verify --data ./data\n  \
    authswitch journal dump --data ./data --json | jq 'select(.code != \"00\")'\n  \
    authswitch journal tail --data ./data")]
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
    Dump {
        #[command(flatten)]
        place: Place,
        /// The first record to print.
        #[arg(long, default_value_t = 1)]
        from: Seq,
    },
    /// Prints the records of what the stand-in set decided, for reconciliation.
    StandIn {
        #[command(flatten)]
        place: Place,
        /// The first record to print.
        #[arg(long, default_value_t = 1)]
        from: Seq,
    },
    /// Prints records as a running switch writes them, until interrupted.
    Tail {
        #[command(flatten)]
        place: Place,
        /// The first record to print; by default what comes from now on.
        #[arg(long)]
        from: Option<Seq>,
    },
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
        Action::Dump { place, from } => dump(place, *from, |_| true),
        Action::StandIn { place, from } => dump(place, *from, |record| record.ruled.stand_in != 0),
        Action::Tail { place, from } => tail(place, *from),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if closed_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("authswitch journal: {error}");
            let missing = !args.action.place().journal().is_dir();
            ExitCode::from(if missing { super::USAGE } else { super::FAILED })
        }
    }
}

impl Action {
    fn place(&self) -> &Place {
        match self {
            Action::Verify { place }
            | Action::Dump { place, .. }
            | Action::StandIn { place, .. }
            | Action::Tail { place, .. } => place,
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Whoever read our output (`head`) has seen enough.
fn closed_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn verify(place: &Place) -> Result<(), Failure> {
    let report = journal::verify(&place.journal())?;
    // The storage knows bytes only; whether each body is a record is asked here.
    journal::scan(&place.journal(), report.first, &mut |entry: Entry<'_>| decode(&entry).map(|_| ()))?;
    let torn = report.torn.as_ref().map(|torn| {
        json!({ "segment": torn.segment.display().to_string(), "offset": torn.offset, "bytes": torn.bytes })
    });
    if place.json {
        println!(
            "{}",
            json!({ "segments": report.segments, "records": report.records, "first": report.first,
                "last": report.last, "bytes": report.bytes, "torn": torn })
        );
        return Ok(());
    }
    println!(
        "sound: {} records ({} to {}) in {} segments, {} bytes",
        report.records, report.first, report.last, report.segments, report.bytes
    );
    if let Some(torn) = report.torn {
        let (segment, offset, bytes) = (torn.segment.display(), torn.offset, torn.bytes);
        println!("torn tail: {bytes} bytes in {segment} from offset {offset}, cut off at the next start");
    }
    Ok(())
}

fn dump(place: &Place, from: Seq, wanted: fn(&Record) -> bool) -> Result<(), Failure> {
    let folder = place.journal();
    folder.read_dir().map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    journal::scan(&folder, from, &mut |entry: Entry<'_>| {
        let record = decode(&entry)?;
        if wanted(&record) { print(&mut out, entry.seq, &record, place.json) } else { Ok(()) }
    })?;
    Ok(out.flush()?)
}

fn tail(place: &Place, from: Option<Seq>) -> Result<(), Failure> {
    let folder = place.journal();
    let from = match from {
        Some(from) => from,
        None => last(&folder)? + 1,
    };
    let mut out = std::io::stdout().lock();
    journal::follow(
        &folder,
        from,
        &mut |entry: Entry<'_>| {
            print(&mut out, entry.seq, &decode(&entry)?, place.json)?;
            out.flush().map_err(Failure::from)
        },
        &AtomicBool::new(false),
    )?;
    Ok(())
}

fn last(folder: &Path) -> Result<Seq, Failure> {
    Ok(journal::scan(folder, 1, &mut |_: Entry<'_>| Ok::<(), Failure>(()))?.last)
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

fn print(out: &mut impl Write, seq: Seq, record: &Record, as_json: bool) -> Result<(), Failure> {
    if as_json {
        writeln!(out, "{}", to_json(seq, record))?;
    } else {
        let (asked, differs) = (record.asked, record.discrepancy.differs);
        writeln!(
            out,
            "{:>10}  {}  {:<12} {:04X}  {}  stan {:06}  {:>12} {:03}  {} {:<20} held {:+} posted {:+}{}{}",
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
        "original": (asked.original_stan != 0).then(|| json!({
            "mti": format!("{:04X}", bcd(asked.original_mti)),
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

/// DE90 carries the message type in decimal digits.
fn bcd(decimal: u16) -> u16 {
    [1000, 100, 10, 1].iter().fold(0, |digits, place| digits * 16 + decimal / place % 10)
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
