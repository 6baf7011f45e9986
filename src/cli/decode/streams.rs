//! `authswitch decode --streams`: what a capture, dump, log or file holds, before anything is decoded. Shows places,
//! counts and likely framings, never content.

use super::rank::Ranker;
use super::{Args, Stop};
use crate::traffic::capture::framing::Guess;
use crate::traffic::capture::{Begins, Capture, Options, Origin, Piece};
use crate::wire::Dialect;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};

/// Likely framings that are shown.
const SHOWN: usize = 3;

/// Lists the pieces of the input; always right.
pub(super) fn show(args: &Args, out: &mut impl Write) -> Result<bool, Stop> {
    let [name] = args.input.as_slice() else {
        return Err(Stop::Usage("--streams: expected one FILE, or -".to_owned()));
    };
    let failed = |error: std::io::Error| Stop::Usage(format!("{name}: {error}"));
    let input: Box<dyn BufRead> = match name.as_str() {
        "-" => Box::new(std::io::stdin().lock()),
        name => Box::new(BufReader::new(File::open(name).map_err(failed)?)),
    };
    let dialects = Dialect::builtin_names().iter().filter_map(|name| Dialect::builtin(name));
    let ranker = Ranker::new(dialects.collect());
    let mut capture = Capture::open(input, Options::default()).map_err(failed)?;
    while let Some(piece) = capture.next_piece().map_err(failed)? {
        let readings = ranker.framings(&piece.bytes, piece.begins.must_synchronise());
        let guesses: Vec<Guess> = readings.iter().take(SHOWN).map(|reading| reading.guess).collect();
        if args.json {
            writeln!(out, "{}", piece_json(&piece, &guesses))?;
        } else {
            print(out, &piece, &guesses)?;
        }
        out.flush()?;
    }
    let remarks = capture.remarks();
    for remark in remarks.kept() {
        if args.json {
            writeln!(out, "{}", json!({"remark": remark.to_string()}))?;
        } else {
            writeln!(out, "{remark}")?;
        }
    }
    let (kind, packets, connections) = (capture.kind(), capture.packets(), capture.flows());
    if args.json {
        let sum = json!({"kind": kind.to_string(), "packets": packets, "connections": connections,
            "remarks_left_out": remarks.left_out()});
        writeln!(out, "{sum}")?;
    } else {
        if remarks.left_out() > 0 {
            writeln!(out, "... and {} more such remarks", remarks.left_out())?;
        }
        writeln!(out, "{name}: {kind}, {packets} packets, {connections} TCP connections")?;
    }
    out.flush()?;
    Ok(true)
}

/// The times of the first byte and of the last.
fn times(piece: &Piece) -> (Option<u64>, Option<u64>) {
    (piece.at_us(0), piece.at_us(piece.bytes.len().saturating_sub(1)))
}

fn piece_json(piece: &Piece, guesses: &[Guess]) -> Value {
    let (begins, missing) = match piece.begins {
        Begins::AtStart => ("start", 0),
        Begins::MidStream => ("mid-stream", 0),
        Begins::AfterGap(missing) => ("gap", missing),
    };
    let (first_us, last_us) = times(piece);
    let framings: Vec<_> = guesses
        .iter()
        .map(|guess| json!({"name": guess.framing.to_string(), "clean": guess.is_clean(), "why": guess.to_string()}))
        .collect();
    let mut value = json!({"origin": piece.origin.to_string(), "begins": begins, "missing": missing,
        "offset": piece.offset, "bytes": piece.bytes.len(), "first_us": first_us, "last_us": last_us,
        "framings": framings});
    if let (Origin::Flow(flow, direction), Value::Object(map)) = (piece.origin, &mut value) {
        let digest = Sha256::digest(&piece.bytes);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        map.extend([
            ("connection".to_owned(), flow.number.into()),
            ("client".to_owned(), flow.client.to_string().into()),
            ("server".to_owned(), flow.server.to_string().into()),
            ("guessed".to_owned(), flow.guessed.into()),
            ("direction".to_owned(), direction.to_string().into()),
            ("packets".to_owned(), piece.packets().into()),
            ("sha256".to_owned(), digest.into()),
        ]);
    }
    value
}

fn print(out: &mut impl Write, piece: &Piece, guesses: &[Guess]) -> std::io::Result<()> {
    let bytes = piece.bytes.len();
    match piece.origin {
        Origin::Flow(flow, direction) => {
            let packets = piece.packets();
            let opened = if flow.guessed { ", sides guessed" } else { "" };
            let number = flow.number;
            write!(out, "connection {number}, {direction}{opened}: {}: ", piece.origin)?;
            write!(out, "{bytes} bytes in {packets} packets")?;
        }
        _ => write!(out, "{}: {bytes} bytes", piece.origin)?,
    }
    match piece.begins {
        Begins::AtStart => {}
        Begins::MidStream => write!(out, ", from its midst")?,
        Begins::AfterGap(missing) => write!(out, ", after {missing} that are missing")?,
    }
    if let (Some(first), Some(last)) = times(piece) {
        let time = |us: u64| jiff::Timestamp::from_microsecond(us.cast_signed()).ok();
        if let (Some(first), true) = (time(first), matches!(piece.origin, Origin::Flow(..))) {
            let length_s = last.saturating_sub(piece.at_us(0).unwrap_or(last)) as f64 / 1e6;
            write!(out, ", from {first} on, {length_s:.3} s")?;
        }
    }
    writeln!(out)?;
    if guesses.is_empty() && matches!(piece.origin, Origin::Flow(..) | Origin::Input) {
        writeln!(out, "    no framing gives anything that begins like a message")?;
    }
    guesses.iter().try_for_each(|guess| writeln!(out, "    {guess}"))
}
