//! How what another decided in our place, or reverses, differs from what was decided here: kept with its record for
//! reconciliation. Must not know what comes of it.

/// Declares [`Differs`]: variant, stored number, name.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// In what an advice or a reversal differs.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Differs { $($(#[$doc])* $variant = $number,)* }

        impl Differs {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Differs] = &[$(Differs::$variant,)*];

            /// The name in dumps and metrics.
            pub fn name(self) -> &'static str {
                match self { $(Differs::$variant => $name,)* }
            }

            /// The one with this stored number.
            pub fn from_number(number: u8) -> Option<Differs> {
                match number { $($number => Some(Differs::$variant),)* _ => None }
            }
        }
    };
}

kinds! {
    /// In nothing, or it is no advice.
    #[default]
    Nothing = 0, "none";
    /// We approved, who stood in declined.
    DeclinedThere = 1, "approved-here-declined-there";
    /// We declined, who stood in approved.
    ApprovedThere = 2, "declined-here-approved-there";
    /// Both approved, another amount.
    Amount = 3, "amount";
    /// The completions are more than was authorized, and more than the tolerance.
    OverTolerance = 4, "completion-over-tolerance";
    /// What it advises of was never seen here.
    NoOriginal = 5, "no-original";
    /// A reversal that fits no open transaction, or more than one, of those it may speak of: nothing is released.
    ReversalAmbiguous = 6, "reversal-ambiguous";
    /// A reversal of what was never seen here: it waits for its original.
    ReversalNoOriginal = 7, "reversal-without-original";
    /// An advice that came before says something else now: what it said first stays.
    AdviceRepeat = 8, "advice-repeated-otherwise";
    /// A reversal of what came by another network's link: nothing is released.
    ReversalElsewhere = 9, "reversal-through-another-link";
}

/// A difference, and both amounts in minor units of the account's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discrepancy {
    /// In what.
    pub differs: Differs,
    /// What was decided here: approved, or authorized in all.
    pub ours_minor: i64,
    /// What the advice says: approved, or completed in all.
    pub theirs_minor: i64,
}
