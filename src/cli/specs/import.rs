//! `specs import`: another product's file in, a dialect file out, with what is lost on the way.

use super::foreign::{Edition, MAX_BYTES, Remark, Spec, Unreadable};
use super::{jpos, moov, toml};
use crate::wire::Dialect;
use serde::Serialize;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

/// Reads another product's file and writes a dialect file of it
#[derive(clap::Args)]
#[command(
    after_help = "Reads the XML of jPOS's GenericPackager and the JSON of moov's iso8583. The dialect goes to
standard output; what it cannot say of the file goes to standard error, a line each, and makes
the exit code 1.

Examples:
  authswitch specs import packager.xml > mine.toml
  authswitch specs import spec.json --name acquirer --lenient > acquirer.toml"
)]
pub(super) struct Args {
    /// jPOS XML or moov JSON
    file: String,
    /// Name of the dialect [default: the file's]
    #[arg(long)]
    name: Option<String>,
    /// Edition of ISO 8583, whose message types begin with 0, 1 and 2 [default: by the lengths of DE 4, 12 and 22]
    #[arg(long, value_enum)]
    edition: Option<Edition>,
    /// Exit code 0 although something is lost
    #[arg(long)]
    lenient: bool,
    /// One JSON object with the dialect file and the remarks
    #[arg(long)]
    json: bool,
}

const NO_MASKS: &str = "Masks are not in such files: they are those of ISO 8583.";

#[derive(Serialize)]
struct Imported<'a> {
    file: &'a str,
    format: &'static str,
    name: &'a str,
    fields: usize,
    remarks: &'a [Remark],
    toml: &'a str,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, String> {
    let text = read_bounded(&args.file)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => name_of(Path::new(&args.file)),
    };
    let (format, mut spec, written) =
        translate(&text, args.edition, &name).map_err(|error| format!("{}:{error}", args.file))?;
    if let Err(error) = Dialect::from_toml(&written, "the dialect") {
        return Err(format!("{}: what was read is no dialect:\n{error}", args.file));
    }
    spec.remarks.sort_by_key(|remark| (!remark.lost, place(&remark.field)));
    if args.json {
        let fields = spec.fields.len();
        let file = args.file.as_str();
        let imported = Imported { file, format, name: &name, fields, remarks: &spec.remarks, toml: &written };
        outln!("{}", super::to_json(&imported)?);
    } else {
        out!("{written}");
        spec.remarks.iter().for_each(|remark| errln!("{}: {remark}", args.file));
    }
    Ok(exit_code(&spec.remarks, args.lenient))
}

/// What a file is, what it says, and the dialect file that this comes to.
pub(super) fn translate(
    text: &str,
    edition: Option<Edition>,
    name: &str,
) -> Result<(&'static str, Spec, String), Unreadable> {
    let (format, spec) = read(text, edition)?;
    let written = toml::write(&spec, name, &format!("Read from {format}. {NO_MASKS}"));
    Ok((format, spec, written))
}

/// What a file is, by its first character, and what it says.
fn read(text: &str, edition: Option<Edition>) -> Result<(&'static str, Spec), Unreadable> {
    match text.trim_start_matches('\u{FEFF}').trim_start().as_bytes().first() {
        Some(b'<') => Ok(("jPOS GenericPackager XML", jpos::read(text, edition)?)),
        Some(b'{') => Ok(("moov iso8583 JSON", moov::read(text, edition)?)),
        _ => Err(Unreadable::at(text, 0, "neither XML nor a JSON object")),
    }
}

/// 1 where something is lost, unless that is allowed.
pub(super) fn exit_code(remarks: &[Remark], lenient: bool) -> ExitCode {
    let lost = remarks.iter().any(|remark| remark.lost);
    if lost && !lenient { ExitCode::from(crate::cli::FAILED) } else { ExitCode::SUCCESS }
}

/// `48.3` sorts behind `48` and before `127`.
fn place(field: &str) -> Vec<u16> {
    field.split('.').filter_map(|part| part.parse().ok()).collect()
}

fn read_bounded(name: &str) -> Result<String, String> {
    let file = std::fs::File::open(name).map_err(|error| format!("{name}: {error}"))?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| format!("{name}: {error}"))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("{name}: expected a file of at most {} MiB", MAX_BYTES >> 20));
    }
    Ok(text)
}

/// A dialect's name of a file's: letters, digits and hyphens.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let words: Vec<&str> = stem
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() { "imported".to_owned() } else { words.join("-") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    const SAMPLES: [&str; 8] = [
        include_str!("../../../tests/foreign/jpos-ascii.xml"),
        include_str!("../../../tests/foreign/jpos-bcd.xml"),
        include_str!("../../../tests/foreign/jpos-beyond.xml"),
        include_str!("../../../tests/foreign/jpos-composite.xml"),
        include_str!("../../../tests/foreign/moov-ascii.json"),
        include_str!("../../../tests/foreign/moov-beyond.json"),
        include_str!("../../../tests/foreign/moov-composite.json"),
        include_str!("../../../tests/foreign/moov-packed.json"),
    ];
    const STRANGE: [&str; 13] = [
        "",
        " ",
        "0",
        "1",
        "2",
        "3",
        "65",
        "130",
        "9999",
        "65535",
        "99999",
        "\u{1F4B3} # \u{85}",
        "]] ''' \t",
    ];

    /// The words and numbers of a text, each with what stands behind it.
    fn words(text: &str) -> Vec<(&str, &str)> {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let with_end = text.split_inclusive(move |c| !is_word(c));
        with_end.map(|word| word.split_at(word.trim_end_matches(|c| !is_word(c)).len())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_read_is_a_dialect(
            sample in 0..SAMPLES.len(),
            changes in prop::collection::vec(
                (any::<Index>(), any::<Index>(), prop::option::weighted(0.3, select(STRANGE.as_slice()))), 1..8,
            ),
        ) {
            let original = words(SAMPLES[sample]);
            let filled: Vec<usize> = (0..original.len()).filter(|at| !original[*at].0.is_empty()).collect();
            let mut changed = original.clone();
            for (at, from, strange) in changes {
                let word = original[filled[from.index(filled.len())]].0;
                changed[filled[at.index(filled.len())]].0 = strange.unwrap_or(word);
            }
            let text: String = changed.iter().flat_map(|(word, end)| [*word, *end]).collect();
            if let Ok((_, _, written)) = translate(&text, None, "mine")
                && let Err(error) = Dialect::from_toml(&written, "mine.toml")
            {
                return Err(TestCaseError::fail(format!("{error}\n{written}")));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "[<{]\\PC{0,200}") {
            let _ = read(&text, None);
        }
    }
}
