//! Why an answer found no message: which of the compared fields differ, and which would have found it. Must not know
//! sockets, clocks, nor what was sent beyond the messages it is given.

use super::matching::{Matching, with_value};
use crate::wire::{Dialect, Message, Mti, View};

/// Fields by which a message is told from its neighbours, the most telling first.
const TELLING: [u8; 10] = [11, 37, 7, 41, 12, 13, 42, 4, 2, 32];

/// What an answer has in common with a message, field by field.
struct Comparison {
    mti: bool,
    /// Of [`TELLING`]: present in both, and equal.
    equal: Vec<u8>,
    /// Of what answers are recognized by: equal, or absent in both.
    held: Vec<u8>,
}

/// In words why `answer` is the answer of none of the `sent` messages, and the fields by which it would be. Names fields
/// and message types, never what a field holds.
pub(super) fn explain(
    matching: &Matching,
    answer: View<'_>,
    dialect: &Dialect,
    sent: &[Vec<u8>],
) -> (String, Option<Matching>) {
    let mut room = Message::new();
    let mut compared = Vec::new();
    for frame in sent {
        if dialect.parse(frame, &mut room).is_ok() {
            let request = dialect.view(frame, &room);
            compared.push((compare(matching, answer, request), request.mti().response()));
        }
    }
    // Of several that share as much the oldest, as for answers that are found.
    let nearest = compared.iter().rev().max_by_key(|(comparison, _)| comparison.nearness());
    let Some((nearest, expected)) = nearest.filter(|(nearest, _)| nearest.nearness() > 0) else {
        return ("no message under way on its connection has its DE 11 or its DE 37".to_owned(), None);
    };
    let reason = differences(matching, nearest, answer, *expected);
    let mut better = Matching { mti: matching.mti && nearest.mti, fields: nearest.held.clone() };
    let found = |better: &Matching| {
        let fits = |one: &&(Comparison, Mti)| {
            let fits = |de: &u8| one.0.equal.contains(de) || one.0.held.contains(de);
            (!better.mti || one.0.mti) && better.fields.iter().all(fits)
        };
        compared.iter().filter(fits).count()
    };
    for de in TELLING.into_iter().filter(|de| nearest.equal.contains(de)) {
        let tells = better.fields.iter().any(|de| matches!(de, 11 | 37));
        if tells && found(&better) <= 1 {
            break;
        }
        if !better.fields.contains(&de) {
            better.fields.push(de);
        }
    }
    (reason, Some(better).filter(|better| better != matching))
}

fn compare(matching: &Matching, answer: View<'_>, request: View<'_>) -> Comparison {
    let same = |de: &u8| with_value(answer, *de, |theirs| with_value(request, *de, |ours| theirs == ours));
    Comparison {
        mti: answer.mti() == request.mti().response(),
        equal: TELLING.into_iter().filter(|de| request.has(*de) && same(de)).collect(),
        held: matching.fields.iter().copied().filter(same).collect(),
    }
}

impl Comparison {
    /// How much speaks for it: 0 where neither STAN nor RRN is the same.
    fn nearness(&self) -> usize {
        let telling = self.equal.iter().filter(|de| matches!(de, 11 | 37)).count();
        if telling == 0 { 0 } else { 100 * telling + 2 * self.equal.len() + usize::from(self.mti) }
    }
}

fn differences(matching: &Matching, nearest: &Comparison, answer: View<'_>, expected: Mti) -> String {
    let mut parts = Vec::new();
    if matching.mti && !nearest.mti {
        parts.push(format!("its MTI is {} and not {expected}", answer.mti()));
    }
    for de in matching.fields.iter().filter(|de| !nearest.held.contains(de)) {
        parts.push(match answer.has(*de) {
            true => format!("its DE {de} is another"),
            false => format!("it has no DE {de}"),
        });
    }
    parts.join(", ")
}
