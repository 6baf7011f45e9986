//! Makes realistic traffic from a seed: the same options give the same trace, byte for byte, on every machine.
//! Reads no clock. The answers it expects are those of the demo program's cards.

use super::calendar::six;
use super::random::Random;
use super::scenario::{Draft, Theatre, put};
use super::trace::{Body, Entry, Trace};
use crate::wire::Mti;

/// What to generate.
#[derive(Clone, Debug)]
pub struct Options {
    /// Any number; each gives another trace.
    pub seed: u64,
    /// Messages, at least 1.
    pub count: usize,
    /// Mean messages a second at the recorded pace, at least 1.
    pub rate: u64,
    /// Names of the links the messages come over, at least one.
    pub links: Vec<String>,
    /// Unix seconds of the trace's start.
    pub start: u64,
}

impl Default for Options {
    /// 20,000 messages at 400/s over the two default links, from midnight UTC of 2026-01-15.
    fn default() -> Options {
        Options {
            seed: 1,
            count: 20_000,
            rate: 400,
            links: vec!["acquirer-ascii".to_owned(), "acquirer-bcd".to_owned()],
            start: 1_768_435_200,
        }
    }
}

/// Each link tests its line this often.
const ECHO_EVERY_US: u64 = 5_000_000;

/// Card traffic by hour of the day, relative: quiet nights, a noon and an evening peak. The trace lays the day's
/// shape over its whole length, so that a trace of a minute shows a day's rises and falls.
const DAY: [u64; 24] =
    [18, 12, 9, 8, 9, 14, 28, 48, 66, 78, 88, 98, 110, 104, 96, 94, 100, 112, 118, 108, 88, 66, 46, 29];

/// Makes a trace.
pub fn generate(options: &Options) -> Trace {
    let count = options.count.max(1);
    let span_us = count as u64 * 1_000_000 / options.rate.max(1);
    let mut random = Random::new(options.seed);
    let theatre = Theatre::new(options.links.len(), options.start, span_us);
    let mut drafts = session(&theatre, options, span_us);
    drafts.truncate(count);
    let mut times = random.fork();
    while drafts.len() < count {
        let at_us = draw_time(span_us, &mut times);
        // Each scenario has a source of its own: what one draws does not shift what the next one does.
        let scenario = theatre.draw(at_us, count - drafts.len(), &mut random.fork());
        let first = drafts.len();
        drafts.extend(scenario.into_iter().map(|mut draft| {
            draft.same_key_as = draft.same_key_as.map(|index| index + first);
            draft.refers_to = draft.refers_to.map(|index| index + first);
            draft
        }));
    }
    let entries = entries(drafts, &theatre, options.links.len());
    let origin = format!("generated with seed {}", options.seed);
    Trace { origin, links: options.links.clone(), entries }
}

/// Sign-on at the start of every link, echo tests in between.
fn session(theatre: &Theatre, options: &Options, span_us: u64) -> Vec<Draft> {
    let links = options.links.len();
    let mut drafts: Vec<_> = (0..links).map(|link| theatre.network_message(0, link, "001")).collect();
    let mut at_us = ECHO_EVERY_US;
    while at_us < span_us {
        drafts.extend((0..links).map(|link| theatre.network_message(at_us, link, "301")));
        at_us += ECHO_EVERY_US;
    }
    drafts
}

/// A point in 0 … `span_us`, by the day's shape.
fn draw_time(span_us: u64, random: &mut Random) -> u64 {
    let mut drawn = random.below(DAY.iter().sum::<u64>() << 20);
    for (hour, weight) in DAY.iter().enumerate() {
        let share = weight << 20;
        if drawn < share {
            let within = u128::from(span_us) * u128::from(drawn) / u128::from(share);
            return (span_us * hour as u64 + within as u64) / 24;
        }
        drawn -= share;
    }
    span_us
}

/// Gives each message its trace number in the order in which they were made, link by link, and writes what
/// follows from it: DE7, DE11, DE12, DE13, DE37, and DE90 of those that refer to another.
fn entries(drafts: Vec<Draft>, theatre: &Theatre, links: usize) -> Vec<Entry> {
    let mut order: Vec<usize> = (0..drafts.len()).collect();
    order.sort_by_key(|&index| drafts[index].made_us);
    let mut last = vec![0u32; links];
    let mut stans = vec![0u32; drafts.len()];
    for index in order {
        let draft = &drafts[index];
        if draft.same_key_as.is_none() {
            last[draft.link] = last[draft.link] % 999_999 + 1;
            stans[index] = last[draft.link];
        }
    }
    let key = |index: usize| {
        let owner = drafts[index].same_key_as.unwrap_or(index);
        (stans[owner], theatre.moment(drafts[owner].made_us))
    };
    let mut entries: Vec<_> = drafts
        .iter()
        .enumerate()
        .map(|(index, draft)| {
            let (stan, moment) = key(index);
            let (life_stan, life_moment) = draft.refers_to.map_or((stan, moment), key);
            let mut fields = draft.fields.clone();
            put(&mut fields, 7, text(&moment.transmission()));
            put(&mut fields, 11, text(&six(stan)));
            if draft.mti != 0x0800 {
                put(&mut fields, 12, text(&life_moment.local_time()));
                put(&mut fields, 13, text(&life_moment.local_date()));
                put(&mut fields, 37, text(&life_moment.reference(life_stan)));
            }
            if let Some(original) = draft.refers_to.map(|index| &drafts[index]) {
                let acquirer =
                    original.fields.iter().find(|field| field.0 == 32).map_or("", |field| &field.1);
                let named = [text(&six(life_stan)), text(&life_moment.transmission())].concat();
                put(&mut fields, 90, format!("{:04x}{named}{acquirer:0>11}{:011}", original.mti, 0));
            }
            let mti = Mti::new(draft.mti).unwrap_or(FALLBACK);
            let body = Body::Fields { mti, fields };
            Entry { at_us: draft.at_us, link: draft.link as u16, body, expect: draft.expect.clone(), line: 0 }
        })
        .collect();
    entries.sort_by_key(|entry| entry.at_us);
    entries.iter_mut().zip(1..).for_each(|(entry, line)| entry.line = line);
    entries
}

// Every draft's type is a decimal literal, so this is never used; it saves an `unwrap`.
const FALLBACK: Mti = match Mti::new(0x0100) {
    Some(mti) => mti,
    // Proven: the four nibbles of 0100 are decimal, and a constant is computed by the compiler.
    None => panic!("0100 is decimal"),
};

fn text(digits: &[u8]) -> String {
    String::from_utf8_lossy(digits).into_owned()
}
