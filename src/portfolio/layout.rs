//! Fixed little-endian layouts: a struct's fields one after the other, for journal bodies and snapshots.
//! Must not know what the fields mean.

/// A value of fixed width in a journal body or snapshot.
pub trait Fixed: Sized {
    /// Bytes it takes.
    const WIDTH: usize;
    /// Writes it to the front of `into` and returns the rest.
    fn put<'a>(&self, into: &'a mut [u8]) -> &'a mut [u8];
    /// Reads it from the front of `from`; `None` when bytes are missing or name no such value.
    fn get(from: &mut &[u8]) -> Option<Self>;
}

macro_rules! integers {
    ($($type:ty)*) => {$(
        impl Fixed for $type {
            const WIDTH: usize = size_of::<$type>();
            fn put<'a>(&self, into: &'a mut [u8]) -> &'a mut [u8] {
                let (mine, rest) = into.split_at_mut(Self::WIDTH);
                mine.copy_from_slice(&self.to_le_bytes());
                rest
            }
            fn get(from: &mut &[u8]) -> Option<Self> {
                let (mine, rest) = from.split_first_chunk()?;
                *from = rest;
                Some(<$type>::from_le_bytes(*mine))
            }
        }
    )*};
}
integers! { u8 u16 u32 u64 u128 i8 i64 }

impl<const N: usize> Fixed for [u8; N] {
    const WIDTH: usize = N;
    fn put<'a>(&self, into: &'a mut [u8]) -> &'a mut [u8] {
        let (mine, rest) = into.split_at_mut(N);
        mine.copy_from_slice(self);
        rest
    }
    fn get(from: &mut &[u8]) -> Option<Self> {
        let (mine, rest) = from.split_first_chunk()?;
        *from = rest;
        Some(*mine)
    }
}

macro_rules! arrays {
    ($($type:ty)*) => {$(
        impl<const N: usize> Fixed for [$type; N] {
            const WIDTH: usize = N * <$type>::WIDTH;
            fn put<'a>(&self, mut into: &'a mut [u8]) -> &'a mut [u8] {
                for number in self {
                    into = number.put(into);
                }
                into
            }
            fn get(from: &mut &[u8]) -> Option<Self> {
                let mut numbers = [0; N];
                for number in &mut numbers {
                    *number = <$type>::get(from)?;
                }
                Some(numbers)
            }
        }
    )*};
}
arrays! { i64 u32 u16 }

impl Fixed for bool {
    const WIDTH: usize = 1;
    fn put<'a>(&self, into: &'a mut [u8]) -> &'a mut [u8] {
        u8::from(*self).put(into)
    }
    fn get(from: &mut &[u8]) -> Option<Self> {
        match u8::get(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

/// Implements [`Fixed`] for a struct from the list of its fields, in their stored order.
macro_rules! layout {
    ($type:ident { $($field:ident: $kind:ty),* $(,)? }) => {
        impl $crate::portfolio::layout::Fixed for $type {
            const WIDTH: usize = 0 $(+ <$kind as $crate::portfolio::layout::Fixed>::WIDTH)*;
            fn put<'a>(&self, into: &'a mut [u8]) -> &'a mut [u8] {
                $(let into = $crate::portfolio::layout::Fixed::put(&self.$field, into);)*
                into
            }
            fn get(from: &mut &[u8]) -> Option<Self> {
                Some($type { $($field: <$kind as $crate::portfolio::layout::Fixed>::get(from)?,)* })
            }
        }
    };
}

/// Implements [`Fixed`] for an enum stored as its number.
macro_rules! numbered {
    ($($type:ident)*) => {$(
        impl $crate::portfolio::layout::Fixed for $type {
            const WIDTH: usize = 1;
            fn put<'a>(&self, into: &'a mut [u8]) -> &'a mut [u8] {
                $crate::portfolio::layout::Fixed::put(&(*self as u8), into)
            }
            fn get(from: &mut &[u8]) -> Option<Self> {
                $type::from_number(<u8 as $crate::portfolio::layout::Fixed>::get(from)?)
            }
        }
    )*};
}

pub(crate) use {layout, numbered};
