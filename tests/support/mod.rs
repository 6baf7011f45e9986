//! What the tests of the decision share: a sink in memory, a small portfolio, requests, and a world that joins them.

// Each test binary uses another part of it.
#![allow(dead_code, unused_imports, clippy::unwrap_used)]

mod sink;
pub use sink::MemorySink;

mod plan;
pub use plan::{COUNTERS, CardPlan, FUNDS, Plan, SECRET, pan};

mod requests;
pub use requests::{
    GOODS, REFUND, advice_of, completion_of, later, message, mti, partial_reversal_of, purchase, repeat_of,
    reversal_of, sale, sent_later, with_code,
};

mod world;
pub use world::{AUTHORIZATION_DAYS, DAY_US, NOON, PREAUTHORIZATION_DAYS, World, policy};
