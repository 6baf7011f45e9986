//! What a record says of the rule set: which rule or limit decided, which tags were given, what shadows would have done.
//! Numbers count from 1 in the order of the rule set of the record's version; 0 stands for none. Knows no rule.

use super::layout::layout;

/// Shadow rules that a record names; metrics count all.
pub const NAMED_SHADOWS: usize = 4;

/// What the rule set had to do with a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ruled {
    /// Why the stand-in set decided; 0 where the usual rules did.
    pub stand_in: u8,
    /// The rule that declined, or that approved less.
    pub rule: u16,
    /// The limit that declined.
    pub limit: u8,
    /// The tags that were given, one bit each.
    pub tags: u64,
    /// The first shadow rules that matched.
    pub shadows: [u16; NAMED_SHADOWS],
    /// The shadow limits that would have declined, one bit each.
    pub shadow_limits: u32,
}

layout! { Ruled {
    stand_in: u8, rule: u16, limit: u8, tags: u64, shadows: [u16; NAMED_SHADOWS], shadow_limits: u32,
} }
