//! Sets of values of one attribute: what a condition admits. The index, the proofs of lint and `in` are made of them.
//! Must not know conditions.

use super::Text;

/// Whole numbers, as sorted ranges that neither overlap nor touch.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Ranges(Vec<(i64, i64)>);

impl Ranges {
    pub(super) fn of(mut ranges: Vec<(i64, i64)>) -> Ranges {
        ranges.retain(|(low, high)| low <= high);
        ranges.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match merged.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Ranges(merged)
    }

    #[inline]
    pub(super) fn contains(&self, number: i64) -> bool {
        // Short lists are the usual ones, and a walk over them is faster than a search.
        if self.0.len() <= 8 {
            return self.0.iter().any(|(low, high)| (*low..=*high).contains(&number));
        }
        let above = self.0.partition_point(|(low, _)| *low <= number);
        above.checked_sub(1).and_then(|index| self.0.get(index)).is_some_and(|(_, high)| number <= *high)
    }

    pub(super) fn as_slice(&self) -> &[(i64, i64)] {
        &self.0
    }

    fn union(&self, other: &Ranges) -> Ranges {
        Ranges::of(self.0.iter().chain(&other.0).copied().collect())
    }

    fn intersect(&self, other: &Ranges) -> Ranges {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let (low, high) = (a.0.max(b.0), a.1.min(b.1));
            if low <= high {
                both.push((low, high));
            }
            if a.1 < b.1 {
                left.next()
            } else {
                right.next()
            };
        }
        Ranges(both)
    }

    /// What lies in `within` and not in these.
    fn complement(&self, within: (i64, i64)) -> Ranges {
        let mut outside = Vec::with_capacity(self.0.len() + 1);
        let mut from = Some(within.0);
        for (low, high) in &self.0 {
            if let (Some(from), Some(to)) = (from, low.checked_sub(1)) {
                outside.push((from, to.min(within.1)));
            }
            from = high.checked_add(1).map(|next| next.max(within.0));
        }
        outside.extend(from.map(|from| (from, within.1)));
        Ranges::of(outside)
    }
}

/// Texts: these alone, or all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// Sorted, each once.
    words: Vec<Text>,
    others: bool,
}

impl Words {
    pub(super) fn of(mut words: Vec<Text>) -> Words {
        words.sort_unstable();
        words.dedup();
        Words { words, others: false }
    }

    pub(super) fn contains(&self, text: &Text) -> bool {
        let named = match self.words.len() {
            0..=8 => self.words.contains(text),
            _ => self.words.binary_search(text).is_ok(),
        };
        named != self.others
    }

    pub(super) fn named(&self) -> &[Text] {
        &self.words
    }

    /// Whether all texts that are not named belong to it.
    pub(super) fn has_others(&self) -> bool {
        self.others
    }

    fn complement(mut self) -> Words {
        self.others = !self.others;
        self
    }

    fn combine(&self, other: &Words, keep: impl Fn(bool, bool) -> bool) -> Words {
        let others = keep(self.others, other.others);
        let mut words = self.words.clone();
        words.extend(&other.words);
        let mut all = Words::of(words);
        all.words.retain(|word| keep(self.contains(word), other.contains(word)) != others);
        all.others = others;
        all
    }
}

/// Values of one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// Within the attribute's range.
    Numbers { ranges: Ranges, within: (i64, i64) },
    /// Of any text.
    Texts(Words),
}

impl Values {
    pub(super) fn numbers(ranges: Ranges, within: (i64, i64)) -> Values {
        let ranges = ranges.intersect(&Ranges(vec![within]));
        Values::Numbers { ranges, within }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Values::Numbers { ranges, .. } => ranges.0.is_empty(),
            Values::Texts(words) => words.words.is_empty() && !words.others,
        }
    }

    pub(super) fn complement(self) -> Values {
        match self {
            Values::Numbers { ranges, within } => {
                Values::Numbers { ranges: ranges.complement(within), within }
            }
            Values::Texts(words) => Values::Texts(words.complement()),
        }
    }

    /// Both are of one attribute, so that they are of one kind.
    pub(super) fn union(&self, other: &Values) -> Values {
        match (self, other) {
            (Values::Numbers { ranges, within }, Values::Numbers { ranges: more, .. }) => {
                Values::Numbers { ranges: ranges.union(more), within: *within }
            }
            (Values::Texts(words), Values::Texts(more)) => Values::Texts(words.combine(more, |a, b| a || b)),
            _ => self.clone(),
        }
    }

    /// Both are of one attribute, so that they are of one kind.
    pub(super) fn intersect(&self, other: &Values) -> Values {
        match (self, other) {
            (Values::Numbers { ranges, within }, Values::Numbers { ranges: more, .. }) => {
                Values::Numbers { ranges: ranges.intersect(more), within: *within }
            }
            (Values::Texts(words), Values::Texts(more)) => Values::Texts(words.combine(more, |a, b| a && b)),
            _ => self.clone(),
        }
    }

    /// Whether every value of `other` is one of these.
    pub(super) fn covers(&self, other: &Values) -> bool {
        self.intersect(other) == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(ranges: &[(i64, i64)]) -> Values {
        Values::numbers(Ranges::of(ranges.to_vec()), (0, 15))
    }

    /// Every set of a small universe, against the same as bits.
    #[test]
    fn sets_of_numbers_are_what_their_bits_are() {
        let of_bits = |bits: u32| {
            let ones: Vec<_> = (0..16).filter(|n| bits >> n & 1 == 1).map(|n| (n, n)).collect();
            numbers(&ones)
        };
        let bits_of = |values: &Values| match values {
            Values::Numbers { ranges, .. } => {
                (0..16).filter(|n| ranges.contains(*n)).fold(0, |bits, n| bits | 1 << n)
            }
            Values::Texts(_) => 0,
        };
        let some = (0..300u32).map(|n| n.wrapping_mul(0x9E37_79B9) >> 16).chain([0, 0xFFFF]);
        let some: Vec<u32> = some.collect();
        for a in &some {
            assert_eq!(bits_of(&of_bits(*a)), *a);
            assert_eq!(bits_of(&of_bits(*a).complement()), !a & 0xFFFF);
            assert_eq!(of_bits(*a).is_empty(), *a == 0);
            for b in &some {
                let (left, right) = (of_bits(*a), of_bits(*b));
                assert_eq!(bits_of(&left.union(&right)), a | b);
                assert_eq!(bits_of(&left.intersect(&right)), a & b);
                assert_eq!(left.covers(&right), a & b == *b);
            }
        }
    }

    #[test]
    fn sets_of_texts_are_what_their_bits_are() {
        let universe = ["a", "b", "c", "d"].map(|text| Text::of_field(text.as_bytes()));
        let of_bits = |bits: u32| {
            let words = (0..3).filter(|n| bits >> n & 1 == 1).map(|n| universe[n]).collect();
            let words = Words::of(words);
            // The fourth stands for all that no set names.
            if bits & 8 == 0 { Values::Texts(words) } else { Values::Texts(rest(&universe, bits)) }
        };
        fn rest(universe: &[Text; 4], bits: u32) -> Words {
            let unnamed = (0..3).filter(|n| bits >> n & 1 == 0).map(|n| universe[n]).collect();
            Words::of(unnamed).complement()
        }
        let bits_of = |values: &Values| match values {
            Values::Texts(words) => {
                (0..4).filter(|n| words.contains(&universe[*n])).fold(0u32, |bits, n| bits | 1 << n)
            }
            Values::Numbers { .. } => 99,
        };
        for a in 0..16 {
            assert_eq!(bits_of(&of_bits(a).complement()), !a & 15);
            for b in 0..16 {
                let (left, right) = (of_bits(a), of_bits(b));
                assert_eq!(bits_of(&left.union(&right)), a | b);
                assert_eq!(bits_of(&left.intersect(&right)), a & b);
                assert_eq!(left.covers(&right), a & b == b);
            }
        }
    }
}
