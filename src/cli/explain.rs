//! `authswitch explain`: why a request was answered as it was, decided again on the state before it, with the settings and
//! rules of then. Reads only: the switch may be running.

use super::data::Failure;
use super::journal::{country, time, truncated};
use super::past::Touch;
use super::versions::Versions;
use super::{past, policy, running, serve, standing};
use crate::decision::{Check, Desk, Evaluation, Input, LinkTerms, Recall};
use crate::journal::Seq;
use crate::message::meaning::{self, Edition};
use crate::message::{Proof, Refusal};
use crate::portfolio::{Differs, Discrepancy, Event, Record};
use crate::settings::Settings;
use crate::vault::DataKey;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

mod refused;

/// Says why a request was answered as it was.
#[derive(clap::Args)]
#[command(
    after_help = "Of several records with the RRN or STAN the last request is explained, and all are named. Where no\n\
    record has it, the running switch is asked for a message that it refused without deciding it.\n\
    Exit code 1: there is none, or decided again it is not what the record says.\n\n\
    Examples:\n  authswitch explain --rrn 632912000017\n  authswitch explain --stan 000017 --data /var/lib/authswitch\n  \
    authswitch explain --record 48213 --json"
)]
pub(super) struct Args {
    /// The data folder.
    #[arg(long, default_value = "./data")]
    data: PathBuf,
    #[command(flatten)]
    which: Which,
    /// The settings file, for the place of the data key [default: as `serve`].
    #[arg(long)]
    config: Option<PathBuf>,
    /// Where a running switch is asked for refused messages, which are in no record.
    #[arg(long, value_name = "IP:PORT", default_value = running::USUAL_ADMIN)]
    admin: SocketAddr,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Retrieval reference number (DE37).
    #[arg(long)]
    rrn: Option<String>,
    /// System trace audit number (DE11).
    #[arg(long)]
    stan: Option<u32>,
    /// Number of the record in the journal.
    #[arg(long)]
    record: Option<Seq>,
}

pub(super) fn run(args: Args) -> ExitCode {
    let settings = match serve::load(args.config.as_deref(), &[]) {
        Ok(settings) => settings,
        Err(error) => {
            err!("{}", error.report());
            return ExitCode::from(super::USAGE);
        }
    };
    match explain(&args, &settings) {
        Ok(None) => refused::run(&args),
        Ok(Some(explained)) => {
            let agrees = explained.agrees();
            match args.json {
                true => outln!("{}", explained.to_json()),
                false => explained.print(),
            }
            if agrees { ExitCode::SUCCESS } else { ExitCode::from(super::FAILED) }
        }
        Err(error) => {
            errln!("authswitch explain: {error}");
            let missing = !args.data.join("journal").is_dir();
            ExitCode::from(if missing { super::USAGE } else { super::FAILED })
        }
    }
}

/// A record, and what it comes to when it is decided again.
struct Explained {
    seq: Seq,
    record: Record,
    /// All records that were meant.
    found: Vec<Seq>,
    link: String,
    /// The account's currency, where there is an account.
    account_currency: Option<u16>,
    again: Evaluation,
    /// Rules, limits and tags of then, by their numbers less one.
    rules: Vec<String>,
    limits: Vec<String>,
    tags: Vec<String>,
    replayed: u64,
    milliseconds: u128,
}

/// `None` where no record is meant.
fn explain(args: &Args, settings: &Settings) -> Result<Option<Explained>, Failure> {
    let began = Instant::now();
    let data = &args.data;
    let key = past::key(settings, data)?;
    let found = find(data, &args.which)?;
    let Some((seq, record)) = chosen(&found) else { return Ok(None) };
    let past = Past::of(&record, settings, &key, data)?;
    let (mut desk, mut replayed) = past.desk(seq, &record, true)?;
    let own = || {
        format!(
            "record {seq} is of no message, but of what the switch did on its own: {}",
            record.event.name()
        )
    };
    let mut again = past.explain(&desk, &record).ok_or_else(own)?;
    if again.record != Some(record) {
        // Something else had a part in it (what the table had to forget, say): by all records then.
        (desk, replayed) = past.desk(seq, &record, false)?;
        again = past.explain(&desk, &record).ok_or_else(own)?;
    }
    let rules = &desk.standing().rules;
    let stands_in = record.ruled.stand_in != 0;
    let (rule_list, limits) = match stands_in {
        true => (rules.stand_in().rules().list(), rules.stand_in().limits()),
        false => (rules.rules(), rules.limits()),
    };
    Ok(Some(Explained {
        seq,
        record,
        found: found.into_iter().map(|(seq, _)| seq).collect(),
        link: past.settings.links.keys().nth(usize::from(record.asked.link)).cloned().unwrap_or_default(),
        account_currency: desk.portfolio.account(record.account).map(|account| account.currency),
        again,
        rules: rule_list.iter().map(|rule| rule.name().to_owned()).collect(),
        limits: limits.iter().map(|limit| limit.name().to_owned()).collect(),
        tags: rules.tags().to_vec(),
        replayed,
        milliseconds: began.elapsed().as_millis(),
    }))
}

/// The settings and rules that a record names, and the way to the state before it.
struct Past<'a> {
    settings: Settings,
    terms: Vec<LinkTerms>,
    rules: u32,
    versions: Versions<'a>,
    key: &'a DataKey,
    data: &'a Path,
}

impl<'a> Past<'a> {
    fn of(
        record: &Record,
        settings: &Settings,
        key: &'a DataKey,
        data: &'a Path,
    ) -> Result<Past<'a>, Failure> {
        let versions = Versions::of(data, key);
        let mut past = versions.settings(record.config)?;
        past.vault = settings.vault.clone();
        let terms = policy::all_terms(&past)?;
        Ok(Past { settings: past, terms, rules: record.rules, versions, key, data })
    }

    /// The desk as it stood before the record, and of how many records that is the sum. With `alone`, what has no part in
    /// the record is left as the snapshot has it.
    fn desk(&self, seq: Seq, record: &Record, alone: bool) -> Result<(Desk, u64), Failure> {
        let base = past::base(&self.settings, self.key, self.data, seq)?;
        let set = self.versions.rules(self.rules)?;
        let standing = standing::of(&self.settings, set, &base.portfolio)?;
        if !alone {
            let replayed = base.replay(seq, None)?;
            return Ok((Desk::new(base.portfolio, standing), replayed));
        }
        let desk = Desk::new(Arc::clone(&base.portfolio), standing);
        let numbers = desk.portfolio.numbers();
        let recall = Recall { terms: &self.terms, numbers: &numbers };
        let mut counters = desk.counters_met(record, &recall);
        counters.extend(record.counts.iter().map(|change| change.counter));
        let transactions = record.transactions().map(|transaction| transaction.key);
        let keys = transactions.chain([record.key]).collect();
        let touch = Touch { card: record.card, account: record.account, keys, counters };
        let replayed = base.replay(seq, Some(&touch))?;
        Ok((desk, replayed))
    }

    fn explain(&self, desk: &Desk, record: &Record) -> Option<Evaluation> {
        let numbers = desk.portfolio.numbers();
        desk.explain(record, &Recall { terms: &self.terms, numbers: &numbers })
    }
}

/// The records that are meant, in order.
fn find(data: &Path, which: &Which) -> Result<Vec<(Seq, Record)>, Failure> {
    if let Some(seq) = which.record {
        let mut found = Vec::new();
        past::each(data, seq, seq.saturating_add(1), &mut |seq, record| {
            found.push((seq, *record));
            Ok(())
        })?;
        return Ok(found);
    }
    let rrn = which.rrn.as_deref().map(str::trim_end);
    past::find(data, &|glance| {
        let asked = matches!(glance.event, Event::Request | Event::Advice | Event::Reversal);
        asked
            && match (rrn, which.stan) {
                (Some(rrn), _) => glance.retrieval_reference.trim_ascii_end() == rrn.as_bytes(),
                (_, stan) => stan == Some(glance.stan),
            }
    })
}

/// The last request of them, else the last.
fn chosen(found: &[(Seq, Record)]) -> Option<(Seq, Record)> {
    let request = found.iter().rev().find(|(_, record)| record.event == Event::Request);
    request.or(found.last()).copied()
}

impl Explained {
    /// Whether the decision made again is the one that was recorded.
    fn agrees(&self) -> bool {
        self.again.record == Some(self.record)
    }

    /// A rule or limit by its number in the record.
    fn name(names: &[String], number: u16) -> Option<&str> {
        names.get(usize::from(number).checked_sub(1)?).map(String::as_str)
    }

    fn tags(&self) -> Vec<&str> {
        let given = |(bit, _): &(usize, &String)| self.record.ruled.tags >> bit & 1 == 1;
        self.tags.iter().enumerate().filter(given).map(|(_, tag)| tag.as_str()).collect()
    }

    fn currency(&self) -> u16 {
        let asked = &self.record.asked;
        if asked.currency == 0 { asked.billing_currency } else { asked.currency }
    }

    fn print(&self) {
        let Explained { seq, record, .. } = self;
        let asked = &record.asked;
        outln!("record {seq}  {}  {}  link {}", time(record.time_us), record.event.name(), self.link);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches(['\0', ' ']).to_owned();
        outln!(
            "{:04X}  {}  {}  processing code {:06}  MCC {:04}  STAN {:06}  RRN {}",
            asked.mti,
            truncated(record),
            amount(asked.amount_minor, self.currency()),
            asked.processing_code,
            asked.merchant_category,
            asked.stan,
            text(&asked.retrieval_reference)
        );
        outln!(
            "terminal {}  merchant {}  country {}  acquirer's country {}  entry mode {:03}",
            text(&asked.terminal),
            text(&asked.merchant),
            country(asked.merchant_country).unwrap_or("unknown"),
            country(asked.acquirer_country).unwrap_or("unknown"),
            asked.entry_mode
        );
        outln!("rules {:08x}  settings {:08x}\n", record.rules, record.config);
        let width = self.again.checks.iter().map(|check| label(check).len()).max().unwrap_or(0);
        for (number, check) in (1..).zip(&self.again.checks) {
            let word = if check.refusal == Refusal::None { "passed " } else { "REFUSED" };
            let inputs: Vec<String> =
                check.inputs.iter().map(|(name, value)| format!("{name} {}", self.shown(value))).collect();
            outln!("{number:>3}  {word}  {:<width$}  {}", label(check), inputs.join(", "));
        }
        outln!("\nanswer {}", self.answer());
        if let Some(differs) = self.discrepancy() {
            outln!("{differs}");
        }
        let changes = [
            ("held", record.held_change_minor),
            ("posted", record.posted_change_minor),
            ("counted", record.velocity.amount_minor),
        ];
        for (what, minor) in changes.into_iter().filter(|(_, minor)| *minor != 0) {
            outln!("{what} {}{}", if minor > 0 { "+" } else { "" }, self.in_account(minor));
        }
        if self.agrees() {
            outln!("decided again it is the same, from the state after record {}", seq - 1);
        } else {
            let again = self.again.decision;
            outln!("DECIDED AGAIN IT IS NOT THE SAME: {} {}", again.code, again.refusal.name());
        }
        let others: Vec<String> =
            self.found.iter().filter(|other| *other != seq).map(Seq::to_string).collect();
        if !others.is_empty() {
            outln!("other records like that: {}", others.join(", "));
        }
        outln!("{} records replayed, {} ms", self.replayed, self.milliseconds);
    }

    fn answer(&self) -> String {
        let Explained { record, .. } = self;
        let mut text = format!("{} ({})", record.code, words(record));
        if record.refusal != Refusal::None {
            text += &format!(", {}", record.refusal.name());
        }
        if let Some(rule) = Self::name(&self.rules, record.ruled.rule) {
            text += &format!(", rule {rule}");
        }
        if let Some(limit) = Self::name(&self.limits, record.ruled.limit.into()) {
            text += &format!(", limit {limit}");
        }
        if let Some(missing) = crate::decision::Missing::from_number(record.ruled.stand_in) {
            text += &format!(", stand-in ({})", missing.name());
        }
        if !self.tags().is_empty() {
            text += &format!(", tags {}", self.tags().join(" "));
        }
        text
    }

    /// An amount of the account.
    fn in_account(&self, minor: i64) -> String {
        amount(minor, self.account_currency.unwrap_or(self.currency()))
    }

    /// How it differs from what was decided here, with both amounts where there are any.
    fn discrepancy(&self) -> Option<String> {
        let Discrepancy { differs, ours_minor, theirs_minor } = self.record.discrepancy;
        let amounts = match (ours_minor, theirs_minor) {
            (0, 0) => String::new(),
            _ => format!(": ours {}, theirs {}", self.in_account(ours_minor), self.in_account(theirs_minor)),
        };
        (differs != Differs::Nothing).then(|| format!("differs {}{amounts}", differs.name()))
    }

    fn shown(&self, input: &Input) -> String {
        match input {
            Input::Minor(minor) => amount(*minor, self.currency()),
            Input::Time(time_us) => time(*time_us),
            other => other.to_string(),
        }
    }

    fn to_json(&self) -> Value {
        let check = |check: &Check| {
            let inputs: serde_json::Map<String, Value> =
                check.inputs.iter().map(|(name, input)| ((*name).to_owned(), value(input))).collect();
            json!({
                "check": check.name,
                "which": if check.which.is_empty() { Value::Null } else { check.which.clone().into() },
                "passed": check.refusal == Refusal::None,
                "refusal": (check.refusal != Refusal::None).then(|| check.refusal.name()),
                "inputs": inputs,
            })
        };
        json!({
            "record": super::journal::to_json(self.seq, &self.record),
            "link": self.link,
            "rule": Self::name(&self.rules, self.record.ruled.rule),
            "limit": Self::name(&self.limits, self.record.ruled.limit.into()),
            "tags": self.tags(),
            "checks": self.again.checks.iter().map(check).collect::<Vec<_>>(),
            "again": {
                "code": self.again.decision.code.as_str(),
                "refusal": self.again.decision.refusal.name(),
                "same": self.agrees(),
            },
            "found": self.found,
            "replayed": self.replayed,
            "milliseconds": u64::try_from(self.milliseconds).unwrap_or(u64::MAX),
        })
    }
}

fn label(check: &Check) -> String {
    if check.which.is_empty() { check.name.to_owned() } else { format!("{} {}", check.name, check.which) }
}

fn value(input: &Input) -> Value {
    match input {
        Input::Number(number) | Input::Minor(number) => (*number).into(),
        Input::Time(time_us) => time(*time_us).into(),
        Input::Text(text) => text.clone().into(),
    }
}

fn amount(minor: i64, currency: u16) -> String {
    let (digits, sign) = (minor.unsigned_abs().to_string(), if minor < 0 { "-" } else { "" });
    match meaning::amount(&digits, &format!("{currency:03}")) {
        Some(text) => format!("{sign}{text}"),
        None => format!("{minor} minor units"),
    }
}

/// What the answer says: its code's own words, but where it stands for several things, which of them is meant.
fn words(record: &Record) -> String {
    if let Some(proof) = Proof::ALL.into_iter().find(|proof| proof.not_verified() == record.refusal) {
        return format!("declined, unable to verify {}", proof.title());
    }
    let edition = Edition { version: 0, scheme: None };
    let words = meaning::of(edition, 39, &[], record.code.as_str());
    words.map_or_else(String::new, |words| words.into_owned())
}
