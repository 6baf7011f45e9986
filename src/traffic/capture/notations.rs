//! The framings that are tried on a run of bytes: the usual ones, every other one that the notation can say, and those
//! that a run itself suggests by where a message begins in it. Knows no ranking and no dialect.

use super::start::{Coding, Start, message_start};
use crate::wire::frame::Framing;
use std::sync::OnceLock;

/// The lengths that are tried first, each alone and before each header, and the other framings. Of those that cut a run
/// equally well the one that stands first is taken.
const LENGTHS: [&str; 11] = [
    "length2-be",
    "length2-be-inclusive",
    "length2-le",
    "length4-be",
    "length3-be",
    "length2-bcd",
    "length4-ascii",
    "length4-hex",
    "length4-ebcdic",
    "length2-be+etx",
    "visa-stream",
];
const HEADERS: [&str; 3] = ["+tpdu", "+base24", "+visa-header"];
const OTHERS: [&str; 5] = ["length2-be-zero2", "zero2-length2-be", "rbp", "stx-etx", "etx"];

/// What composes to all others.
const ENCODINGS: [(&str, u8); 6] =
    [("be", 4), ("le", 4), ("bcd", 4), ("ascii", 6), ("hex", 6), ("ebcdic", 6)];
const FRONTS: [&str; 3] = ["", "tpdu+", "base24+"];
/// The empty one last: a header that is there is rather said than found.
const BEHIND: [&str; 9] = [
    "+tpdu",
    "+tpdu-uncounted",
    "+tpdu-unionpay",
    "+tpdu-unionpay-uncounted",
    "+base24",
    "+base24-uncounted",
    "+visa-header",
    "+visa-header-uncounted",
    "",
];
const MARKS: [&str; 9] = [
    "",
    "+etx",
    "+etx-uncounted",
    "+etx-lrc",
    "+etx-lrc-uncounted",
    "+stx-etx",
    "+stx-etx-uncounted",
    "+stx-etx-lrc",
    "+stx-etx-lrc-uncounted",
];

/// Bytes before a message of which nothing is known, at most.
const UNKNOWN: usize = 32;

/// The framings that are met most.
pub(super) fn usual() -> &'static [Framing] {
    static ALL: OnceLock<Vec<Framing>> = OnceLock::new();
    ALL.get_or_init(|| {
        let headed = HEADERS.iter().flat_map(|header| LENGTHS.map(|length| format!("{length}{header}")));
        let plain = LENGTHS.iter().chain(&OTHERS).map(|text| (*text).to_owned());
        headed.chain(plain).filter_map(|text| text.parse().ok()).collect()
    })
}

/// All others that need no bytes of their own, by what they begin with: where that makes no frame of a run, none of those
/// beside it does. The longest lengths first: what is read as the end of a longer number is not preferred to it.
fn rare() -> &'static [(Framing, Vec<Framing>)] {
    static ALL: OnceLock<Vec<(Framing, Vec<Framing>)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all: Vec<(Framing, Vec<Framing>)> = Vec::new();
        for front in FRONTS {
            // Before the length and behind it: as much as anybody has both.
            let behind = if front.is_empty() { &BEHIND[..] } else { &BEHIND[BEHIND.len() - 1..] };
            for length in lengths() {
                let Ok(plain) = format!("{front}{length}").parse::<Framing>() else { continue };
                let texts = behind
                    .iter()
                    .flat_map(|header| MARKS.map(|marks| format!("{front}{length}{header}{marks}")));
                let framings = texts.filter_map(|text| text.parse().ok());
                all.push((plain, framings.filter(|framing| !usual().contains(framing)).collect()));
            }
        }
        for text in ["etx-lrc", "stx-etx-lrc"] {
            all.extend(text.parse::<Framing>().map(|framing| (framing, vec![framing])));
        }
        all
    })
}

fn lengths() -> Vec<String> {
    let mut lengths: Vec<String> = Vec::new();
    for (encoding, most) in ENCODINGS {
        for width in (1..=most).rev() {
            let plain = format!("length{width}-{encoding}");
            lengths.extend([plain.clone(), format!("{plain}-inclusive")]);
            if matches!(encoding, "be" | "bcd") && width >= 2 {
                let zeros = (1..=4).flat_map(|n| [format!("{plain}-zero{n}"), format!("zero{n}-{plain}")]);
                lengths.extend(zeros);
            }
        }
    }
    lengths.extend(["visa-stream".to_owned(), "rbp".to_owned()]);
    lengths
}

/// Those of [`rare`] that may make a frame of the beginning of `run`.
pub(super) fn rare_for(run: &[u8]) -> impl Iterator<Item = Framing> + '_ {
    let makes_frame = |framing: Framing| matches!(framing.next(run, super::framing::MAX_FRAME), Ok(Some(_)));
    rare().iter().filter(move |(plain, _)| makes_frame(*plain)).flat_map(|(_, framings)| framings).copied()
}

/// Where in `bytes` a message may begin behind a header of which nothing is known, the likeliest first; whether what
/// begins there is text, which few bytes are by chance.
pub fn further_on(bytes: &[u8]) -> Vec<(usize, bool)> {
    let mut found: Vec<(usize, bool)> = (1..=UNKNOWN.min(bytes.len()))
        .filter_map(|at| match message_start(bytes.get(at..)?)? {
            Start { header: 0, coding, .. } => Some((at, coding != Coding::Bcd)),
            _ => None,
        })
        .collect();
    found.sort_by_key(|(_, is_text)| !is_text);
    found
}

/// Framings whose header holds the length, or stands behind it, and is known by nobody: by where the first message may
/// begin in `run`, and which number before it leads to the run's end or to the next frame. Of one byte it could by
/// chance. Few bytes speak for each: whoever takes one must have read what it cuts.
pub fn behind_unknown(run: &[u8]) -> Vec<Framing> {
    let mut found = Vec::new();
    for (at, _) in further_on(run).into_iter().filter(|(_, is_text)| *is_text) {
        for front in 0..at {
            for (encoding, most) in ENCODINGS {
                for width in (2..=usize::from(most)).rev().filter(|width| front + width <= at) {
                    let Some(number) =
                        run.get(front..front + width).and_then(|bytes| number(encoding, bytes))
                    else {
                        continue;
                    };
                    // A zero before it is the first digit of a longer number.
                    let zero = if encoding == "ebcdic" { 0xF0 } else { b'0' };
                    let is_text = matches!(encoding, "ascii" | "hex" | "ebcdic");
                    let goes_before = front.checked_sub(1).and_then(|before| run.get(before)) == Some(&zero);
                    if is_text && goes_before && width < usize::from(most) {
                        continue;
                    }
                    let length = format!("length{width}-{encoding}");
                    let ends = [
                        (number, "-inclusive", true),
                        (front + width + number, "", true),
                        (front + number, "-inclusive", false),
                    ];
                    // Without anything before it, a length that counts itself does so in one way only.
                    let ends = ends.into_iter().take(if front == 0 { 2 } else { 3 });
                    let likely = ends
                        .filter(|(end, ..)| *end > at && (*end == run.len() || goes_on(run, *end, front)));
                    let texts = likely.map(|(_, inclusive, counted)| {
                        written(run, front, counted, &format!("{length}{inclusive}"), at - front - width)
                    });
                    let framings = texts.filter_map(|text| text.parse::<Framing>().ok());
                    found.extend(framings.filter(|framing| leads_on(*framing, run, at)));
                }
            }
        }
    }
    found
}

/// What ends lines and records, and is behind messages where it is neither ETX nor counted anywhere.
const TAILS: [(&[u8], &str); 4] = [(b"\r\n", "0D0A"), (b"\n", "0A"), (b"\r", "0D"), (&[0], "00")];

/// Framings with bytes behind every message that no other part has, of those that are in `run`: alone, and behind a
/// usual length.
pub fn before_tails(run: &[u8]) -> impl Iterator<Item = Framing> + '_ {
    let tails = TAILS.into_iter().filter(|(tail, _)| memchr::memmem::find(run, tail).is_some());
    tails.flat_map(|(_, hex)| {
        let heads = std::iter::once("").chain(HEADERS);
        let alone = heads.map(move |head| match head.strip_prefix('+') {
            Some(head) => format!("{head}+trailer:{hex}"),
            None => format!("trailer:{hex}"),
        });
        let behind = usual().iter().filter(|framing| !framing.is_delimited());
        let behind = behind.flat_map(move |framing| {
            ["", "-uncounted"].map(|counted| format!("{framing}+trailer{counted}:{hex}"))
        });
        alone.chain(behind).filter_map(|text| text.parse().ok())
    })
}

/// Whether another frame like the first may begin at `end`.
fn goes_on(run: &[u8], end: usize, front: usize) -> bool {
    run.get(end..end + front).is_some_and(|next| next == &run[..front])
}

/// The number that these bytes are.
fn number(encoding: &str, bytes: &[u8]) -> Option<usize> {
    let digits = |base: usize, digit: &dyn Fn(u8) -> Option<u32>| {
        bytes.iter().try_fold(0usize, |number, byte| Some(number * base + digit(*byte)? as usize))
    };
    match encoding {
        "be" => digits(256, &|byte| Some(byte.into())),
        "le" => Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))),
        "bcd" => digits(100, &|byte| {
            (byte >> 4 < 10 && byte & 15 < 10).then(|| u32::from(byte >> 4) * 10 + u32::from(byte & 15))
        }),
        "ascii" => digits(10, &|byte| char::from(byte).to_digit(10)),
        "hex" => digits(16, &|byte| char::from(byte).to_digit(16)),
        _ => digits(10, &|byte| byte.checked_sub(0xF0).filter(|digit| *digit < 10).map(u32::from)),
    }
}

/// A length behind `front` constant bytes of `run` and before `behind` others.
fn written(run: &[u8], front: usize, counted: bool, length: &str, behind: usize) -> String {
    let constant: String = run.iter().take(front).map(|byte| format!("{byte:02X}")).collect();
    let before = match (front, counted) {
        (0, _) => String::new(),
        (_, true) => format!("fixed:{constant}+"),
        (_, false) => format!("fixed-uncounted:{constant}+"),
    };
    let header = if behind == 0 { String::new() } else { format!("+opaque{behind}") };
    format!("{before}{length}{header}")
}

/// Whether the first frame ends where the run does, or where another one like it begins.
fn leads_on(framing: Framing, run: &[u8], at: usize) -> bool {
    match framing.next(run, super::framing::MAX_FRAME) {
        Ok(Some(cut)) if cut.start == at => {
            let rest = run.get(cut.next..).unwrap_or_default();
            rest.is_empty()
                || matches!(framing.next(rest, super::framing::MAX_FRAME), Ok(Some(next))
                    if rest.get(next.start..next.end).and_then(message_start).is_some())
        }
        _ => false,
    }
}
