//! Cards, accounts and transactions in memory, the records that change them, and their snapshot.
//! Must not know messages on the wire, sockets or rules: it applies what was decided.

mod civil;

mod velocity;
pub use velocity::{Exceeded, Limits, Period, UNLIMITED, Velocity, VelocityChange};

mod zone;
pub use zone::Zone;

mod window;
pub use window::{Place, Unit, Window};

mod card;
pub use card::{AccountId, Card, CardId, CardState, CardStatus, NOBODY};

mod account;
pub use account::{Account, AccountState, LARGEST_MINOR};

mod program;
pub use program::{Lists, Program};

mod transaction;
pub use transaction::{
    ADVICE_SEEN, CASH, COMPLETION_SEEN, COUNTED, INCREMENT, PREAUTHORIZATION, REQUEST_SEEN, STAND_IN, State,
    Transaction, TransactionKey,
};

mod layout;

mod counts;
pub use counts::{CounterChange, Counts, MOST_COUNTED, TooManyCounts};

mod uses;
pub use uses::Uses;

mod ring;

mod counters;
pub use counters::{Counter, Counters, Locked};

mod record;
pub use record::{Event, FORMAT, Glance, Record, Swept, UnreadableRecord};

mod asked;
pub use asked::Asked;

mod ruled;
pub use ruled::{NAMED_SHADOWS, Ruled};

mod discrepancy;
pub use discrepancy::{Differs, Discrepancy};

mod alike;
pub use alike::Candidates;

mod traits;
pub use traits::Traits;

mod due;

mod keeping;
pub use keeping::Keeping;

mod queue;

mod shared_count;

mod touch;

mod shard;
pub use shard::{Shard, ShardCopy};

mod table;
pub use table::{Remembered, Table, TableOptions, Written};

mod directory;
pub use directory::{NewAccount, NewCard, Portfolio, Removed, TooManyLimits, Totals};

pub mod snapshot;

pub mod folder;

pub mod seed;

pub mod columns;

pub mod sheet;

pub mod import;
