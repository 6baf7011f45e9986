//! `authswitch decode`: explains messages field by field. Masking and explaining are in `explain`; here are
//! where messages come from, in which dialect they are, and how they are printed.

mod explain;
mod streams;

use crate::wire::frame::Framing;
use crate::wire::{Dialect, Mti};
use explain::{Explanation, Field, explain};
use std::io::{BufRead, BufWriter, IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// Explains a message field by field, sensitive data masked.
///
/// The message may have a two-byte length before it; where that length fits, it is taken off and said so.
/// Offsets count from the message's first byte, lengths include a field's own length prefix.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  authswitch decode 0800822000000000000004000000000000001122093315000001 0301
  authswitch decode --json --dialect iso87-bcd message.hex
  tail -f captured.hex | authswitch decode --json -
  authswitch decode --streams link.pcap

Exit codes: 0 every message is right; 1 one is not; 2 wrong usage.")]
pub(super) struct Args {
    /// Dialect, by name or TOML file; without it, the one in which the message is right
    #[arg(long, value_name = "NAME")]
    dialect: Option<String>,
    /// One JSON object a message and line
    #[arg(long)]
    json: bool,
    /// Show card numbers, tracks, PIN blocks and verification codes
    #[arg(long)]
    unmask: bool,
    /// Show what a capture (pcap, pcapng), dump, log or file holds instead: connections and other pieces, gaps, likely
    /// framings; no content
    #[arg(long, conflicts_with_all = ["dialect", "unmask"])]
    streams: bool,
    /// The message in hexadecimal, or a file (hexadecimal, one message a line, or bytes), or - for
    /// hexadecimal lines from standard input
    #[arg(value_name = "HEX, FILE or -")]
    input: Vec<String>,
}

pub(super) fn run(args: Args) -> ExitCode {
    let out = &mut BufWriter::new(std::io::stdout().lock());
    match if args.streams { streams::show(&args, out) } else { decode(&args, out) } {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(super::FAILED),
        Err(Stop::Closed) => ExitCode::SUCCESS,
        Err(Stop::Usage(reason)) => {
            eprintln!("authswitch decode: {reason}");
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
    fn from(_: std::io::Error) -> Stop {
        Stop::Closed
    }
}

/// Whether every message was right.
fn decode(args: &Args, out: &mut impl Write) -> Result<bool, Stop> {
    let dialects = dialects(args.dialect.as_deref()).map_err(Stop::Usage)?;
    let mut right = true;
    let mut each = |message: &[u8], out: &mut dyn Write| {
        let explanation = best(&dialects, message, args.unmask);
        right &= explanation.errors.is_empty();
        if args.json {
            let line = serde_json::to_string(&explanation).map_err(std::io::Error::from)?;
            writeln!(out, "{line}")
        } else {
            print(out, &explanation, message.len())
        }
    };
    match args.input.join("").as_str() {
        "-" => lines(&mut std::io::stdin().lock(), |message| {
            each(message, out)?;
            out.flush()
        })?,
        "" if !std::io::stdin().is_terminal() => {
            lines(&mut std::io::stdin().lock(), |message| each(message, out))?;
        }
        "" => return Err(Stop::Usage("expected a message: HEX, FILE or -; see --help".to_owned())),
        input if Path::new(input).is_file() => {
            let mut bytes = Vec::new();
            let file = std::fs::File::open(input).and_then(|mut file| file.read_to_end(&mut bytes));
            file.map_err(|error| Stop::Usage(format!("{input}: {error}")))?;
            for message in messages(&bytes).map_err(|reason| Stop::Usage(format!("{input}: {reason}")))? {
                each(&message, out)?;
            }
        }
        input => {
            let message = unhex(input).map_err(|reason| {
                Stop::Usage(format!("expected hexadecimal, or a file that exists: {reason}"))
            })?;
            each(&message, out)?;
        }
    }
    out.flush()?;
    Ok(right)
}

fn lines(input: &mut dyn BufRead, mut each: impl FnMut(&[u8]) -> std::io::Result<()>) -> Result<(), Stop> {
    for (i, line) in input.lines().enumerate() {
        let line = line.map_err(|error| Stop::Usage(format!("standard input: {error}")))?;
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let message = unhex(text).map_err(|reason| Stop::Usage(format!("line {}: {reason}", i + 1)))?;
        each(&message)?;
    }
    Ok(())
}

/// The messages of a file: lines of hexadecimal where it has nothing else, else frames where their lengths
/// cover it exactly, else one message of bytes.
fn messages(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    if bytes.is_empty() {
        return Err("expected a message, found an empty file".to_owned());
    }
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let all: Result<Vec<_>, _> = lines().map(unhex).collect();
    if let Ok(all) = all
        && !all.is_empty()
    {
        return Ok(all);
    }
    let mut frames = Vec::new();
    let mut rest = bytes;
    while let Ok(Some(cut)) = Framing::LENGTH2_BE.next(rest, rest.len()) {
        if cut.start < cut.end {
            frames.push(rest[..cut.end].to_vec());
        }
        rest = &rest[cut.end..];
    }
    Ok(if rest.is_empty() && !frames.is_empty() { frames } else { vec![bytes.to_vec()] })
}

fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let mut digits = Vec::with_capacity(text.len());
    for (i, c) in text.chars().enumerate().filter(|(_, c)| !c.is_whitespace()) {
        // The character itself may be part of a card number.
        let digit = c
            .to_digit(16)
            .ok_or(format!("expected hexadecimal, found something else at character {}", i + 1))?;
        digits.push(digit as u8);
    }
    if digits.len() % 2 == 1 {
        return Err(format!("expected an even number of hexadecimal digits, found {}", digits.len()));
    }
    Ok(digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect())
}

/// A dialect by name or file, or all there are.
fn dialects(name: Option<&str>) -> Result<Vec<Arc<Dialect>>, String> {
    match name {
        Some(name) => Ok(vec![super::specs::find(name)?]),
        None => Ok(Dialect::builtin_names().iter().filter_map(|name| Dialect::builtin(name)).collect()),
    }
}

/// The message in the dialect, and with or without a length before it, in which it is right; or in which most
/// of it can be read.
fn best(dialects: &[Arc<Dialect>], message: &[u8], unmask: bool) -> Explanation {
    let framed = match Framing::LENGTH2_BE.next(message, message.len()) {
        Ok(Some(cut)) if cut.end == message.len() && cut.start < cut.end => message.get(cut.start..),
        _ => None,
    };
    let tries = dialects.iter().flat_map(|dialect| {
        let plain = explain(dialect, message, unmask);
        let framed = framed.map(|inner| {
            let mut explanation = explain(dialect, inner, unmask);
            explanation.framing = Some("length2-be");
            explanation
        });
        [Some(plain), framed]
    });
    // Fewer errors that keep it from being read, then more fields; of equals the first.
    let rank = |explanation: &Explanation| {
        let right = explanation.errors.is_empty();
        (right, explanation.mti.is_some(), explanation.fields.len())
    };
    tries.flatten().reduce(|a, b| if rank(&b) > rank(&a) { b } else { a }).unwrap_or(Explanation {
        mti: None,
        dialect: String::new(),
        framing: None,
        fields: Vec::new(),
        errors: Vec::new(),
    })
}

fn print(out: &mut dyn Write, explanation: &Explanation, bytes: usize) -> std::io::Result<()> {
    let mti = explanation.mti.as_deref();
    let words = mti
        .and_then(|mti| u16::from_str_radix(mti, 16).ok())
        .and_then(Mti::new)
        .map_or_else(String::new, words);
    let framing = explanation.framing.map_or_else(String::new, |name| format!(", behind a length ({name})"));
    writeln!(out, "{} {words}", mti.unwrap_or("????"))?;
    writeln!(out, "{}, {bytes} bytes{framing}", explanation.dialect)?;
    if !explanation.fields.is_empty() {
        writeln!(out, "\n   DE  offset  length  {:<44}  value", "name")?;
    }
    for field in &explanation.fields {
        let (de, offset, length) =
            (field.de.unwrap_or(0), field.offset.unwrap_or(0), field.length.unwrap_or(0));
        // What is taken apart below is not repeated here.
        let tagged = field.fields.first().is_some_and(|inner| inner.tag.is_some());
        let value = if tagged { "" } else { &field.value };
        let line = format!("  {de:>3}  {offset:>6}  {length:>6}  {:<44}  {value}", field.name);
        writeln!(out, "{}", line.trim_end())?;
        print_inner(out, &field.fields, 1)?;
        if let Some(note) = &field.note {
            writeln!(out, "{:>23}{note}", "")?;
        }
    }
    if !explanation.errors.is_empty() {
        writeln!(out)?;
    }
    for error in &explanation.errors {
        let place = match error.de {
            0 => "MTI".to_owned(),
            1 => "bit map".to_owned(),
            de => format!("DE {de}"),
        };
        writeln!(out, "error: {place}, offset {}: {}", error.offset, error.reason)?;
    }
    writeln!(out)
}

fn print_inner(out: &mut dyn Write, fields: &[Field], depth: usize) -> std::io::Result<()> {
    for field in fields {
        let number = match (&field.tag, field.sub) {
            (Some(tag), _) => tag.clone(),
            (None, sub) => sub.map_or_else(String::new, |sub| format!(".{sub}")),
        };
        let name = format!("{:width$}{number:<6} {}", "", field.name, width = depth * 2);
        writeln!(out, "{:>21}{name:<46}  {}", "", field.value)?;
        print_inner(out, &field.fields, depth + 1)?;
    }
    Ok(())
}

/// A message type in words.
fn words(mti: Mti) -> String {
    let class = match mti.class() {
        1 => "authorization",
        2 => "financial",
        3 => "file action",
        4 => "reversal",
        5 => "reconciliation",
        6 => "administrative",
        7 => "fee collection",
        8 => "network management",
        _ => "reserved class",
    };
    let function = match mti.function() {
        0 => "request",
        1 => "response",
        2 => "advice",
        3 => "advice response",
        4 => "notification",
        5 => "notification acknowledgement",
        8 => "acknowledgement",
        9 => "negative acknowledgement",
        _ => "reserved function",
    };
    let origin = match mti.origin() {
        0 => "",
        1 => ", repeat",
        2 => ", from the issuer",
        3 => ", from the issuer, repeat",
        4 => ", from another party",
        5 => ", from another party, repeat",
        _ => ", reserved origin",
    };
    format!("{class} {function}{origin}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sample(dialect: &str) -> Vec<u8> {
        let text = include_str!("../../tests/vectors/auth-0100.txt");
        unhex(text.lines().find_map(|line| line.strip_prefix(dialect)).unwrap()).unwrap()
    }

    fn explained(message: &[u8]) -> Explanation {
        best(&dialects(None).unwrap(), message, false)
    }

    #[test]
    fn finds_dialect_and_framing() {
        for name in ["iso87-ascii", "iso87-bcd", "iso87-ebcdic"] {
            let message = sample(name);
            let framed = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
            for (input, framing) in [(&message, None), (&framed, Some("length2-be"))] {
                let explanation = explained(input);
                assert_eq!((explanation.dialect.as_str(), explanation.framing), (name, framing));
                assert!(explanation.errors.is_empty());
                assert_eq!(explanation.fields[0].value, "411111******0013");
            }
            let mut cut = message.clone();
            cut.truncate(message.len() - 126);
            let explanation = explained(&cut);
            assert_eq!(explanation.dialect, name, "the dialect in which most can be read");
            assert_eq!((explanation.errors.len(), explanation.fields.len()), (1, 24));
        }
    }

    #[test]
    fn files_are_lines_frames_or_one_message() {
        let hex = messages(b"# two\n0800 20\n\n 0810\n").unwrap();
        assert_eq!(hex, [vec![8, 0, 0x20], vec![8, 0x10]]);
        assert_eq!(messages(b"\0\x02ab\0\0\0\x01c").unwrap(), [b"\0\x02ab".to_vec(), b"\0\x01c".to_vec()]);
        assert_eq!(messages(b"\0\x03ab").unwrap(), [b"\0\x03ab".to_vec()]);
        assert!(messages(b"").is_err());
    }

    #[test]
    fn hexadecimal_is_checked_and_never_repeated() {
        assert_eq!(unhex("01 fF"), Ok(vec![1, 0xFF]));
        assert_eq!(unhex("411x").unwrap_err(), "expected hexadecimal, found something else at character 4");
        assert_eq!(unhex("411").unwrap_err(), "expected an even number of hexadecimal digits, found 3");
    }

    #[test]
    fn the_text_shows_no_sensitive_data() {
        let mut out = Vec::new();
        print(&mut out, &explained(&sample("iso87-bcd")), 300).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("0100 authorization request\niso87-bcd, 300 bytes\n"), "{text}");
        assert!(text.contains("411111******0013") && text.contains("9F26   Application cryptogram"));
        for secret in ["4111110000000013", "30122011", "4111110000000013="] {
            assert!(!text.contains(secret), "{secret}\n{text}");
        }
    }

    #[test]
    fn message_types_in_words() {
        let say = |bcd| words(Mti::new(bcd).unwrap());
        assert_eq!(say(0x0421), "reversal advice, repeat");
        assert_eq!(say(0x0810), "network management response");
        assert_eq!(say(0x0302), "file action request, from the issuer");
    }
}
