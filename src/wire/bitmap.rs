//! A set of data element numbers. Knows no encoding on the wire.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Not, Sub};

/// A set of data elements 1 to 128.
///
/// Inside, DE n is bit (n - 1): counting trailing zeros and clearing the lowest bit walks it ascending in two
/// short instructions. On the wire the order is the other way round.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Bitmap(pub(super) u128);

impl Bitmap {
    /// No data element.
    pub const EMPTY: Bitmap = Bitmap(0);

    /// The set of the given data elements; numbers outside 1..=128 are ignored.
    pub const fn of(elements: &[u8]) -> Bitmap {
        let mut set = Bitmap(0);
        let mut i = 0;
        while i < elements.len() {
            set.0 |= Bitmap::bit(elements[i]);
            i += 1;
        }
        set
    }

    /// The set that two bit maps on the wire say, their first byte on top.
    pub(super) const fn from_wire(primary: u64, secondary: u64) -> Bitmap {
        Bitmap(primary.reverse_bits() as u128 | (secondary.reverse_bits() as u128) << 64)
    }

    /// The two bit maps as on the wire, first byte on top; bit 1 is not added for a secondary one.
    pub(super) const fn to_wire(self) -> (u64, u64) {
        ((self.0 as u64).reverse_bits(), ((self.0 >> 64) as u64).reverse_bits())
    }

    const fn bit(de: u8) -> u128 {
        if de >= 1 && de <= 128 { 1 << (de - 1) } else { 0 }
    }

    /// Adds a data element; a number outside 1..=128 is ignored.
    pub const fn insert(&mut self, de: u8) {
        self.0 |= Bitmap::bit(de);
    }

    /// Takes a data element out.
    pub const fn remove(&mut self, de: u8) {
        self.0 &= !Bitmap::bit(de);
    }

    /// Whether the data element is in the set.
    pub const fn contains(self, de: u8) -> bool {
        self.0 & Bitmap::bit(de) != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many data elements are in the set.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The lowest data element.
    #[inline]
    pub const fn first(self) -> Option<u8> {
        if self.0 == 0 { None } else { Some(self.0.trailing_zeros() as u8 + 1) }
    }

    /// The lowest data element alone.
    pub(super) const fn lowest(self) -> Bitmap {
        Bitmap(self.0 & self.0.wrapping_neg())
    }

    /// Of a set of one element: that element and every higher one. Of the empty set: the empty set.
    pub(super) const fn and_above(self) -> Bitmap {
        Bitmap(self.0.wrapping_neg())
    }

    /// The data elements, ascending.
    pub const fn iter(self) -> Iter {
        Iter(self.0)
    }
}

/// Walks a [`Bitmap`] ascending.
#[derive(Clone)]
pub struct Iter(u128);

impl Iterator for Iter {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        if self.0 == 0 {
            return None;
        }
        let zeros = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        // At most 127 zeros stand below a set bit.
        Some(zeros as u8 + 1)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.0.count_ones() as usize;
        (len, Some(len))
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

impl BitAnd for Bitmap {
    type Output = Bitmap;

    fn bitand(self, other: Bitmap) -> Bitmap {
        Bitmap(self.0 & other.0)
    }
}

impl BitOr for Bitmap {
    type Output = Bitmap;

    fn bitor(self, other: Bitmap) -> Bitmap {
        Bitmap(self.0 | other.0)
    }
}

impl BitOrAssign for Bitmap {
    fn bitor_assign(&mut self, other: Bitmap) {
        self.0 |= other.0;
    }
}

/// What is in the left set and not in the right one.
impl Sub for Bitmap {
    type Output = Bitmap;

    fn sub(self, other: Bitmap) -> Bitmap {
        Bitmap(self.0 & !other.0)
    }
}

impl Not for Bitmap {
    type Output = Bitmap;

    fn not(self) -> Bitmap {
        Bitmap(!self.0)
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
        for de in 1..=128u8 {
            let mut set = Bitmap::EMPTY;
            set.insert(de);
            let wire = 1u128 << (128 - u32::from(de));
            let (primary, secondary) = ((wire >> 64) as u64, wire as u64);
            assert_eq!(set.to_wire(), (primary, secondary));
            assert_eq!(Bitmap::from_wire(primary, secondary), set);
            assert!(set.contains(de) && set.len() == 1);
            assert!((1..=128u8).filter(|&other| set.contains(other)).eq([de]));
            set.remove(de);
            assert!(set.is_empty());
        }
    }

    #[test]
    fn numbers_outside_are_ignored() {
        let mut set = Bitmap::of(&[0, 129, 255]);
        set.insert(0);
        assert!(set.is_empty() && !set.contains(0) && !set.contains(200));
    }

    #[test]
    fn walks_ascending() {
        let set = Bitmap::of(&[128, 2, 64, 65, 1]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [1, 2, 64, 65, 128]);
        assert_eq!(set.iter().len(), 5);
        assert_eq!(format!("{set:?}"), "{1, 2, 64, 65, 128}");
    }

    #[test]
    fn lowest_and_above() {
        let set = Bitmap::of(&[7, 64, 65, 128]);
        assert_eq!(set.lowest(), Bitmap::of(&[7]));
        assert_eq!(set & Bitmap::of(&[65]).and_above(), Bitmap::of(&[65, 128]));
        assert_eq!(Bitmap::EMPTY.lowest().and_above(), Bitmap::EMPTY);
        assert_eq!(set.first(), Some(7));
        assert_eq!(Bitmap::EMPTY.first(), None);
    }

    #[test]
    fn set_operations() {
        let (a, b) = (Bitmap::of(&[2, 3, 4]), Bitmap::of(&[3, 4, 5]));
        assert_eq!(a & b, Bitmap::of(&[3, 4]));
        assert_eq!(a | b, Bitmap::of(&[2, 3, 4, 5]));
        assert_eq!(a - b, Bitmap::of(&[2]));
        assert_eq!(a & !b, a - b);
    }
}
