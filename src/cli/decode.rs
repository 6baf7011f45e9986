//! `authswitch decode`: messages as trees, which dialect they are in, two compared, what a capture holds. Here is the
//! command; [`Show`] is what it shows of one message or of two, as text, without reading or printing anything.

mod diff;
mod explain;
mod hide;
mod input;
mod lead;
mod likely;
mod own;
mod parts;
mod rank;
mod retold;
mod streams;
mod tree;
mod words;

pub(super) use likely::likely;
pub use tree::Look;

use super::print;
use crate::traffic::capture::Logged;
use crate::wire::Dialect;
use crate::wire::frame::Framing;
use clap::ColorChoice;
use explain::Explanation;
use indicatif::{ProgressBar, ProgressDrawTarget};
use input::{Found, Input, Trouble};
use lead::Lead;
use rank::{Choice, Ranker};
use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Shows a message as a tree: offset, bytes, name, value and what it says; sensitive data masked.
///
/// Reads hexadecimal (spaces, colons, 0x as you like), a file of it, a file of bytes, a pcap or pcapng capture (TCP put
/// together), logs and dumps with hexadecimal in them, jPOS logs in XML, messages in characters, one a line. What stands
/// before a message (a length, a TPDU, a BASE24 or Visa header) is found and taken off. Offsets count from the message's first
/// byte, lengths include a field's own length.
///
/// Without --dialect every dialect is tried; the best is taken, and where others are as good it says so. All errors are
/// listed, and reading goes on where the next field's place is known. Errors are what the switch refuses a message for;
/// warnings are what inside a field is not as the dialect lays it out.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  authswitch decode 0800822000000000000004000000000000001122093315000001 0301
  authswitch decode link.pcap --framing length2-be+tpdu --dialect terminal
  authswitch decode --all-dialects unknown.bin
  authswitch decode --diff request.hex answer.hex
  tail -f switch.log | authswitch decode --json -
  authswitch decode --streams link.pcap

Exit codes: 0 every message is right; 1 one is not (with --diff: the two differ); 2 wrong usage.")]
pub(super) struct Args {
    /// Dialect, by name or TOML file; without it, the one that fits best
    #[arg(long, value_name = "NAME")]
    dialect: Option<String>,
    /// With --diff: the dialect of B, where it is not that of A
    #[arg(long, value_name = "NAME", requires = "diff")]
    dialect_b: Option<String>,
    /// How messages stand in a stream; without it, the likeliest. --help lists the words
    #[arg(long, value_parser = Framing::alone, long_help = super::framing::help_alone())]
    framing: Option<Framing>,
    /// Rank all dialects with reasons instead
    #[arg(long, conflicts_with_all = ["dialect", "diff"])]
    all_dialects: bool,
    /// Compare two messages by what they say
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with = "input")]
    diff: Option<Vec<String>>,
    /// One JSON object a message and line
    #[arg(long)]
    json: bool,
    /// Show card numbers, tracks, PIN blocks and verification codes
    #[arg(long)]
    unmask: bool,
    /// Colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
    /// Show what a capture (pcap, pcapng), dump, log or file holds instead: connections and other pieces, gaps, likely
    /// framings; no content
    #[arg(long, conflicts_with_all = ["dialect", "unmask", "framing", "all_dialects", "diff"])]
    streams: bool,
    /// The message in hexadecimal, or a file of any of the kinds above, or - for lines from standard input
    #[arg(value_name = "HEX, FILE or -")]
    input: Vec<String>,
}

pub(super) fn run(args: Args) -> ExitCode {
    let out = &mut print::stream();
    let done = match &args.diff {
        _ if args.streams => streams::show(&args, out),
        Some(two) => difference(&args, two, out),
        None => decode(&args, out),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(super::FAILED),
        Err(Stop::Closed) => ExitCode::SUCCESS,
        Err(Stop::Usage(reason)) => {
            errln!("authswitch decode: {reason}");
            ExitCode::from(super::USAGE)
        }
    }
}

/// Why nothing more is explained.
enum Stop {
    /// Nobody reads the output any more.
    Closed,
    Usage(String),
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Stop {
        print::note(&error);
        Stop::Closed
    }
}

/// In which form messages are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lines for people.
    Tree,
    /// A JSON object.
    Json,
    /// How well each dialect fits, in lines.
    Ranking,
    /// How well each dialect fits, as a JSON object.
    RankingJson,
}

/// How messages are shown.
pub struct Show {
    ranker: Ranker,
    form: Form,
    unmask: bool,
    look: Look,
}

impl Show {
    /// In these dialects, of which the best is taken. Without `unmask` nothing sensitive is ever in what is returned.
    pub fn new(dialects: Vec<Arc<Dialect>>, form: Form, unmask: bool, look: Look) -> Show {
        Show { ranker: Ranker::new(dialects), form, unmask, look }
    }

    /// What is shown of one message, which may have a length and a header before it; ends with a line's end.
    pub fn message(&self, bytes: &[u8]) -> String {
        let found = Found { leads: lead::leads(bytes, None), is_open: true, ..Found::of(bytes) };
        self.found(&found, None).0
    }

    /// What is shown of one message that a log tells by its fields.
    pub fn log(&self, logged: &Logged) -> String {
        self.logged(&Found { logged: Some(logged), ..Found::of(&[]) }, logged).0
    }

    /// How a message differs from another one, which is read in the dialects of `other`.
    pub fn difference(&self, bytes: &[u8], other: &Show, with: &[u8]) -> String {
        self.compared(bytes, other, with, None).1
    }

    /// Whether the two are equal, and what is shown of it.
    fn compared(&self, a: &[u8], other: &Show, b: &[u8], framing: Option<Framing>) -> (bool, String) {
        let explain = |show: &Show, bytes: &[u8]| {
            let leads = lead::leads(bytes, framing);
            let found = Found { leads, is_open: framing.is_none(), ..Found::of(bytes) };
            show.ranker.explain(&show.choose(&found).0, bytes, self.unmask)
        };
        let (Some(a), Some(b)) = (explain(self, a), explain(other, b)) else { return (false, String::new()) };
        let comparison = diff::compare(&a, &b);
        let text = match self.form {
            Form::Tree | Form::Ranking => comparison.lines(self.look),
            Form::Json | Form::RankingJson => json(&comparison),
        };
        (comparison.equal, text)
    }

    /// What is shown of a message, whether it is right, and what was chosen for it. `before` is the choice for the
    /// message before it in the same connection.
    fn found(&self, found: &Found<'_>, before: Option<Choice>) -> (String, bool, Option<Choice>) {
        if let Some(logged) = found.logged {
            return self.logged(found, logged);
        }
        // A line of digits can be a message in hexadecimal and one in characters: what leaves no rest is right.
        if let Some(text) = found.as_text.filter(|_| !self.ranker.reads(found.bytes, &found.leads)) {
            let leads = lead::leads(text, None);
            if self.ranker.reads(text, &leads) {
                let origin = found.origin.clone();
                let text = Found { leads, origin, at_us: found.at_us, is_open: true, ..Found::of(text) };
                return self.found(&text, None);
            }
        }
        let bytes = found.bytes;
        if matches!(self.form, Form::Ranking | Form::RankingJson) {
            return self.ranked(found);
        }
        let again = before.filter(|choice| self.ranker.holds(choice, bytes));
        let (choice, leads) = match again {
            Some(choice) => (choice, Cow::Borrowed(&found.leads[..])),
            None => self.choose(found),
        };
        let Some(mut explanation) = self.ranker.explain(&choice, bytes, self.unmask) else {
            return (String::new(), false, None);
        };
        if !explanation.errors.is_empty() && found.is_open {
            explanation.tried = self.ranker.tried(bytes, &leads);
        }
        explanation.origin.clone_from(&found.origin);
        explanation.time = found.time();
        let right = explanation.errors.is_empty();
        let text = match self.form {
            Form::Json => json(&explanation),
            _ => self.lines(found, &explanation),
        };
        (text, right, Some(choice))
    }

    /// The best reading, and the divisions among which it was found: where nobody said which it is and none that is
    /// likely leads to the end, also those for which little speaks.
    fn choose<'f>(&self, found: &'f Found<'_>) -> (Choice, Cow<'f, [Lead]>) {
        let leads = Cow::Borrowed(&found.leads[..]);
        let choice = self.ranker.choose(found.bytes, &leads);
        if !found.is_open || self.ranker.holds(&choice, found.bytes) {
            return (choice, leads);
        }
        let leads = [&leads[..], &lead::further(found.bytes)].concat();
        (self.ranker.choose(found.bytes, &leads), Cow::Owned(leads))
    }

    /// What is shown of a message that a log tells by its fields.
    fn logged(&self, found: &Found<'_>, logged: &Logged) -> (String, bool, Option<Choice>) {
        let Some((dialect, written)) = retold::written(self.ranker.dialects(), logged) else {
            let reason = format!("no dialect has message types that begin as {} does", logged.mti);
            return (self.unwritten(found, &reason), false, None);
        };
        if matches!(self.form, Form::Ranking | Form::RankingJson) {
            let bytes =
                Found { origin: found.origin.clone(), at_us: found.at_us, ..Found::of(&written.bytes) };
            return self.ranked(&bytes);
        }
        let mut explanation = retold::retold(dialect, &written, logged, self.unmask);
        explanation.origin = found.origin.as_ref().map(|origin| format!("{origin}, by its fields"));
        explanation.time = found.time();
        let right = explanation.errors.is_empty();
        let text = match self.form {
            Form::Json => json(&explanation),
            _ => format!("{}\n", tree::tree(&explanation, self.look)),
        };
        (text, right, None)
    }

    /// A message of which nothing can be shown.
    fn unwritten(&self, found: &Found<'_>, reason: &str) -> String {
        match self.form {
            Form::Json | Form::RankingJson => json(&serde_json::json!({
                "mti": null, "origin": found.origin, "fields": [],
                "errors": [{"de": 0, "offset": 0, "reason": reason}],
            })),
            _ => format!("{}\nerror: MTI: {reason}\n\n", found.origin.as_deref().unwrap_or_default()),
        }
    }

    fn lines(&self, found: &Found<'_>, explanation: &Explanation) -> String {
        /// Dialects that are named where none fits.
        const CLOSEST: usize = 3;
        let mut text = tree::tree(explanation, self.look);
        if let Some(tried) = &explanation.tried {
            text.push_str(&format!("\n{tried}\n"));
        }
        if !explanation.errors.is_empty() && self.ranker.is_open() {
            let candidates = self.ranker.all(found.bytes, &found.leads);
            text.push_str("\nno dialect reads it without an error; the closest:\n");
            text.push_str(&tree::ranking(&candidates[..candidates.len().min(CLOSEST)], self.look));
        }
        text.push('\n');
        text
    }

    fn ranked(&self, found: &Found<'_>) -> (String, bool, Option<Choice>) {
        let candidates = self.ranker.all(found.bytes, &self.choose(found).1);
        let right = candidates.first().is_some_and(rank::Candidate::is_right);
        if self.form == Form::RankingJson {
            let ranking = serde_json::json!({
                "origin": found.origin, "time": found.time(), "length": found.bytes.len(), "candidates": candidates,
            });
            return (json(&ranking), right, None);
        }
        let mut text = String::new();
        for part in [found.time(), found.origin.clone()].into_iter().flatten() {
            text.push_str(&part);
            text.push_str("  ");
        }
        let text = format!("{text}{} bytes\n{}\n", found.bytes.len(), tree::ranking(&candidates, self.look));
        (text, right, None)
    }
}

impl Found<'_> {
    /// The time in UTC.
    fn time(&self) -> Option<String> {
        let at = jiff::Timestamp::from_microsecond(i64::try_from(self.at_us?).ok()?).ok()?;
        Some(format!("{at:.6}"))
    }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    // Text and numbers under keys that are text: there is nothing that JSON cannot say.
    let mut line = serde_json::to_string(value).unwrap_or_default();
    line.push('\n');
    line
}

/// What the arguments ask for.
fn show(args: &Args, dialect: Option<&str>) -> Result<Show, Stop> {
    let dialects = match dialect {
        Some(name) => vec![super::specs::find(name).map_err(Stop::Usage)?],
        None => Dialect::builtin_names().iter().filter_map(|name| Dialect::builtin(name)).collect(),
    };
    let form = match (args.all_dialects, args.json) {
        (false, false) => Form::Tree,
        (false, true) => Form::Json,
        (true, false) => Form::Ranking,
        (true, true) => Form::RankingJson,
    };
    let choice = match args.color {
        ColorChoice::Auto => anstream::AutoStream::choice(&std::io::stdout()),
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    };
    let colour = choice != anstream::ColorChoice::Never;
    let width = if std::io::stdout().is_terminal() { terminal_size::terminal_size() } else { None };
    let width = width.map(|(width, _)| usize::from(width.0).max(40));
    Ok(Show::new(dialects, form, args.unmask, Look { width, colour }))
}

/// Whether every message was right.
fn decode(args: &Args, out: &mut impl Write) -> Result<bool, Stop> {
    let show = show(args, args.dialect.as_deref())?;
    let named = args.input.join(" ");
    let text = match named.as_str() {
        "" if !std::io::stdin().is_terminal() => "-",
        "" => return Err(Stop::Usage("expected a message: HEX, FILE or -; see --help".to_owned())),
        text => text,
    };
    let mut input = Input::open(text).map_err(Stop::Usage)?;
    let mut progress = Progress::new();
    let (mut right, mut count) = (true, 0u64);
    let mut last: Option<(u32, Choice)> = None;
    let follows = text == "-";
    let remarks = input.read(args.framing, &show.ranker, &mut |found| {
        let before = last.take().filter(|(flow, _)| Some(*flow) == found.flow).map(|(_, choice)| choice);
        let (text, is_right, choice) = show.found(&found, before);
        right &= is_right;
        last = found.flow.zip(choice);
        count += 1;
        out.write_all(text.as_bytes())?;
        if follows {
            out.flush()?;
        }
        progress.tick(count);
        Ok(())
    });
    progress.end();
    out.flush()?;
    let remarks = remarks.map_err(|trouble| stopped(text, trouble))?;
    for line in &remarks.lines {
        errln!("authswitch decode: {line}");
    }
    if count == 0 && !follows {
        return Err(Stop::Usage(format!("{text}: expected a message, found none")));
    }
    Ok(right && !remarks.is_incomplete)
}

fn stopped(name: &str, trouble: Trouble) -> Stop {
    match trouble {
        Trouble::Closed => Stop::Closed,
        Trouble::Unreadable(reason) => Stop::Usage(format!("{name}: {reason}")),
    }
}

/// Whether the two messages are equal.
fn difference(args: &Args, two: &[String], out: &mut impl Write) -> Result<bool, Stop> {
    let [a, b] = two else { return Err(Stop::Usage("--diff: expected two messages".to_owned())) };
    let (of_a, of_b) = (args.dialect.as_deref(), args.dialect_b.as_deref());
    let (show_a, show_b) = (show(args, of_a)?, show(args, of_b.or(of_a))?);
    let bytes = |name: &String, show: &Show| {
        let mut all: Vec<Vec<u8>> = Vec::new();
        let mut input = Input::open(name).map_err(Stop::Usage)?;
        let read = input.read(args.framing, &show.ranker, &mut |found| {
            let written = found.logged.and_then(|logged| retold::written(show.ranker.dialects(), logged));
            all.push(written.map_or_else(|| found.bytes.to_vec(), |(_, written)| written.bytes));
            Ok(())
        });
        read.map_err(|trouble| stopped(name, trouble))?;
        match <[Vec<u8>; 1]>::try_from(all) {
            Ok([one]) => Ok(one),
            Err(all) => Err(Stop::Usage(format!("--diff: expected one message a side, found {}", all.len()))),
        }
    };
    let (equal, text) = show_a.compared(&bytes(a, &show_a)?, &show_b, &bytes(b, &show_b)?, args.framing);
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(equal)
}

/// How many messages so far, on a terminal, where it takes over a second and the messages go elsewhere.
struct Progress {
    began: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    fn new() -> Progress {
        let shows = std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
        Progress { began: Instant::now(), bar: shows.then(ProgressBar::hidden) }
    }

    fn tick(&mut self, count: u64) {
        const EVERY: u64 = 256;
        let Some(bar) = self.bar.as_ref().filter(|_| count.is_multiple_of(EVERY)) else { return };
        if bar.is_hidden() {
            if self.began.elapsed() < Duration::from_secs(1) {
                return;
            }
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.set_message(format!("{count} messages"));
        bar.tick();
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
