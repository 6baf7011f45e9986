//! A number that every worker changes and each decision looks at: how full the whole is of which each has locked a part.

use std::sync::atomic::{AtomicUsize, Ordering};

/// By itself in its cache lines. Tells nobody's writes to others: what it counts is behind locks of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct SharedCount(AtomicUsize);

impl SharedCount {
    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// A part had `before` and has `after`.
    pub(super) fn change(&self, before: usize, after: usize) {
        if after > before {
            self.0.fetch_add(after - before, Ordering::Relaxed);
        } else if before > after {
            self.0.fetch_sub(before - after, Ordering::Relaxed);
        }
    }
}
