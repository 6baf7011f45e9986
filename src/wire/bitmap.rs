//! A set of data element numbers. Knows no encoding on the wire.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Not, Sub};

/// A set of data elements 1 to 192.
///
/// Inside, DE n is bit (n - 1) of three words: counting trailing zeros and clearing the lowest bit walks it
/// ascending in two short instructions. On the wire the order is the other way round.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Bitmap(pub(super) [u64; 3]);

impl Bitmap {
    /// No data element.
    pub const EMPTY: Bitmap = Bitmap([0; 3]);

    /// The set of the given data elements; numbers outside 1..=192 are ignored.
    pub const fn of(elements: &[u8]) -> Bitmap {
        let mut set = Bitmap::EMPTY;
        let mut i = 0;
        while i < elements.len() {
            set.insert(elements[i]);
            i += 1;
        }
        set
    }

    /// The set that the bit maps on the wire say, the first byte of each on top.
    pub(super) const fn from_wire(maps: [u64; 3]) -> Bitmap {
        Bitmap([maps[0].reverse_bits(), maps[1].reverse_bits(), maps[2].reverse_bits()])
    }

    /// The bit maps as on the wire, first byte on top; the bits that say that another one follows are not added.
    pub(super) const fn to_wire(self) -> [u64; 3] {
        let [first, second, third] = self.0;
        [first.reverse_bits(), second.reverse_bits(), third.reverse_bits()]
    }

    /// The word of a data element and its bit there; no bit for a number outside 1..=192.
    const fn place(de: u8) -> (usize, u64) {
        if de >= 1 && de <= 192 { ((de as usize - 1) / 64, 1 << ((de - 1) % 64)) } else { (0, 0) }
    }

    /// Adds a data element; a number outside 1..=192 is ignored.
    pub const fn insert(&mut self, de: u8) {
        let (word, bit) = Bitmap::place(de);
        self.0[word] |= bit;
    }

    /// Takes a data element out.
    pub const fn remove(&mut self, de: u8) {
        let (word, bit) = Bitmap::place(de);
        self.0[word] &= !bit;
    }

    /// Whether the data element is in the set.
    pub const fn contains(self, de: u8) -> bool {
        let (word, bit) = Bitmap::place(de);
        self.0[word] & bit != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0[0] | self.0[1] | self.0[2] == 0
    }

    /// How many data elements are in the set.
    pub const fn len(self) -> usize {
        (self.0[0].count_ones() + self.0[1].count_ones() + self.0[2].count_ones()) as usize
    }

    /// The lowest data element.
    #[inline]
    pub const fn first(self) -> Option<u8> {
        match self.0 {
            [0, 0, 0] => None,
            [0, 0, third] => Some(third.trailing_zeros() as u8 + 129),
            [0, second, _] => Some(second.trailing_zeros() as u8 + 65),
            [first, _, _] => Some(first.trailing_zeros() as u8 + 1),
        }
    }

    /// All data elements of the first so many bit maps.
    pub(super) const fn of_words(count: usize) -> Bitmap {
        let mut set = Bitmap::EMPTY;
        let mut word = 0;
        while word < count && word < 3 {
            set.0[word] = u64::MAX;
            word += 1;
        }
        set
    }

    /// The data elements, ascending.
    pub const fn iter(self) -> Iter {
        Iter(self)
    }
}

/// Walks a [`Bitmap`] ascending.
#[derive(Clone)]
pub struct Iter(Bitmap);

impl Iterator for Iter {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let first = self.0.first()?;
        self.0.remove(first);
        Some(first)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl ExactSizeIterator for Iter {}

impl IntoIterator for Bitmap {
    type Item = u8;
    type IntoIter = Iter;

    fn into_iter(self) -> Iter {
        self.iter()
    }
}

impl FromIterator<u8> for Bitmap {
    fn from_iter<I: IntoIterator<Item = u8>>(elements: I) -> Bitmap {
        let mut set = Bitmap::EMPTY;
        elements.into_iter().for_each(|de| set.insert(de));
        set
    }
}

/// One operation on the words of two sets.
#[inline]
const fn each(a: [u64; 3], b: [u64; 3], and: bool, invert: bool) -> Bitmap {
    let mut out = [0; 3];
    let mut i = 0;
    while i < 3 {
        let other = if invert { !b[i] } else { b[i] };
        out[i] = if and { a[i] & other } else { a[i] | other };
        i += 1;
    }
    Bitmap(out)
}

impl BitAnd for Bitmap {
    type Output = Bitmap;

    #[inline]
    fn bitand(self, other: Bitmap) -> Bitmap {
        each(self.0, other.0, true, false)
    }
}

impl BitOr for Bitmap {
    type Output = Bitmap;

    #[inline]
    fn bitor(self, other: Bitmap) -> Bitmap {
        each(self.0, other.0, false, false)
    }
}

impl BitOrAssign for Bitmap {
    #[inline]
    fn bitor_assign(&mut self, other: Bitmap) {
        *self = *self | other;
    }
}

/// What is in the left set and not in the right one.
impl Sub for Bitmap {
    type Output = Bitmap;

    #[inline]
    fn sub(self, other: Bitmap) -> Bitmap {
        each(self.0, other.0, true, true)
    }
}

impl Not for Bitmap {
    type Output = Bitmap;

    #[inline]
    fn not(self) -> Bitmap {
        Bitmap(self.0.map(|word| !word))
    }
}

impl fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_element_is_its_own_bit() {
        for de in 1..=192u8 {
            let mut set = Bitmap::EMPTY;
            set.insert(de);
            let mut wire = [0u64; 3];
            wire[usize::from(de - 1) / 64] = 1 << (63 - (de - 1) % 64);
            assert_eq!(set.to_wire(), wire);
            assert_eq!(Bitmap::from_wire(wire), set);
            assert!(set.contains(de) && set.len() == 1);
            assert!((1..=192u8).filter(|&other| set.contains(other)).eq([de]));
            set.remove(de);
            assert!(set.is_empty());
        }
    }

    #[test]
    fn numbers_outside_are_ignored() {
        let mut set = Bitmap::of(&[0, 193, 255]);
        set.insert(0);
        assert!(set.is_empty() && !set.contains(0) && !set.contains(200));
    }

    #[test]
    fn walks_ascending() {
        let set = Bitmap::of(&[128, 2, 192, 64, 65, 129, 1]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [1, 2, 64, 65, 128, 129, 192]);
        assert_eq!(set.iter().len(), 7);
        assert_eq!(format!("{set:?}"), "{1, 2, 64, 65, 128, 129, 192}");
    }

    #[test]
    fn the_elements_of_the_first_bit_maps() {
        for count in 0..=4 {
            let set = Bitmap::of_words(count);
            assert!((1..=192u8).all(|de| set.contains(de) == (usize::from(de) <= count * 64)), "{count}");
        }
        assert_eq!(Bitmap::of(&[7, 64, 65]).first(), Some(7));
        assert_eq!(Bitmap::EMPTY.first(), None);
    }

    #[test]
    fn set_operations() {
        let (a, b) = (Bitmap::of(&[2, 3, 100, 150]), Bitmap::of(&[3, 100, 150, 151]));
        assert_eq!(a & b, Bitmap::of(&[3, 100, 150]));
        assert_eq!(a | b, Bitmap::of(&[2, 3, 100, 150, 151]));
        assert_eq!(a - b, Bitmap::of(&[2]));
        assert_eq!(a & !b, a - b);
    }
}
