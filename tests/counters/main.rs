//! Counters of limits: their windows, what they count, what gives back, and that a restart knows all of it.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod model;
mod release;
mod restart;
mod rings;
mod threads;
mod windows;

/// Numbers by chance, the same at every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A name as a keyed hash has it: all its bits look random.
fn named(number: u64) -> u64 {
    (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
