//! The flows of an issuer, one behaviour a test: requests, repeats, advices, completions, reversals, counters, holds.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod requests;

mod repeats;

mod one_trace_number;
mod sent_later;
mod sent_otherwise;

mod advices;

mod completions;

mod parts;

mod increments;

mod worth;

mod verification;

mod discrepancies;

mod reversals;

mod reversals_in_part_named;

mod counters;

mod holds;

mod storage;

mod remembered;
