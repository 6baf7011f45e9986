//! A card: whose account it spends from, whether it may, and what it has spent. Its number is only a key of the
//! directory; the card itself does not hold it.

use super::Velocity;
use parking_lot::Mutex;

/// Names a card in records, logs and files. Never reused.
pub type CardId = u32;
/// Names an account.
pub type AccountId = u32;
/// Stands for "no card" or "no account" in a record.
pub const NOBODY: u32 = u32::MAX;

/// Declares [`CardStatus`]: variant, stored number, name in CSV files and dumps.
macro_rules! statuses {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// Whether a card may be used.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum CardStatus { $($(#[$doc])* $variant = $number,)* }

        impl CardStatus {
            /// Every status, in the order of the table.
            pub const ALL: &[CardStatus] = &[$(CardStatus::$variant,)*];

            /// The name in CSV files and dumps.
            pub fn name(self) -> &'static str {
                match self { $(CardStatus::$variant => $name,)* }
            }

            /// The status with this stored number.
            pub fn from_number(number: u8) -> Option<CardStatus> {
                match number { $($number => Some(CardStatus::$variant),)* _ => None }
            }

            /// The status with this name.
            pub fn from_name(name: &str) -> Option<CardStatus> {
                Self::ALL.iter().copied().find(|status| status.name() == name)
            }
        }
    };
}

statuses! {
    /// In use.
    Active = 0, "active";
    /// Issued, not yet activated by its holder.
    Inactive = 1, "inactive";
    /// Blocked by the issuer or its holder.
    Blocked = 2, "blocked";
    /// Reported lost.
    Lost = 3, "lost";
    /// Reported stolen.
    Stolen = 4, "stolen";
    /// Under suspicion of fraud.
    Fraud = 5, "fraud";
    /// The account relation has ended.
    Closed = 6, "closed";
    /// Too many wrong PINs.
    PinBlocked = 7, "pin-blocked";
    /// Refused without a stated reason.
    DoNotHonor = 8, "do-not-honor";
}

/// A card as the directory holds it. Everything but `state` is fixed while the switch runs.
#[derive(Debug)]
pub struct Card {
    /// Its name in records.
    pub id: CardId,
    /// Last month it is good for, YYMM.
    pub expiry: u16,
    /// May it be used?
    pub status: CardStatus,
    /// Index of its program.
    pub program: u16,
    /// Index of its own limits; 0 = the program's.
    pub limits: u16,
    /// The account it spends from.
    pub account: AccountId,
    /// What changes.
    pub state: Mutex<CardState>,
}

/// A million of them must stay small, and a decision touches few lines of memory.
const _: () = assert!(size_of::<Mutex<()>>() != 1 || size_of::<Card>() == 72);

/// What changes about a card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CardState {
    /// What it has spent.
    pub velocity: Velocity,
    /// The last journal record that changed it: a snapshot taken while running is exact because of it.
    pub sequence: u64,
}
