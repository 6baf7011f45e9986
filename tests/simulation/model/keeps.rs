//! Which transactions may not be forgotten, on paper.

use super::{Entry, Stands};

impl Entry {
    /// Whether it holds, moved or vouches for money: a repeat, a reversal or a late original of it would book wrongly were it
    /// not known. Nothing of a card that we do not have does.
    pub fn must_keep(&self) -> bool {
        let only_answered = [Stands::Declined, Stands::Answered].contains(&self.stands)
            && !(self.stood_in || self.settled || self.undone && self.worth_minor != 0)
            && self.last_reversal.is_none()
            && self.adds_to.is_none();
        self.card.is_some() && !only_answered
    }
}
