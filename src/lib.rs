//! authswitch: an issuer-side ISO 8583 authorization switch.
//!
//! ```text
//!   main -> cli -> everything
//!
//!   network  --->  decision  --->  portfolio
//!   (sockets,      (PURE:          (cards, accounts, transactions,
//!    links,         a column        their snapshot)
//!    deadlines)     of refusals)         |
//!      |               |   |             v
//!      |               |   +------> journal (Record; append, sync, recover)
//!      |               v                 |
//!      |           rules (PURE: rule     |
//!      |               |  text -> checked conditions, limits)
//!      v               v                 v
//!   message (PURE: fields <-> meaning) <-+
//!      |
//!      v
//!   wire (PURE: bytes <-> frames <-> fields, as the tables in specs/ say)
//!
//!   traffic  -> message, wire, telemetry     (traces, generator, load client, reports)
//!   admin    -> network's words, telemetry    (HTTP: health, metrics, status page)
//!   clock    -> nobody                        (network and cli take their time from it)
//!   settings -> value types of wire and message  telemetry -> nobody
//! ```
//!
//! Reading order: [`wire`], [`message`], [`rules`], [`portfolio`], [`decision`], [`journal`], [`network`], then
//! the rooms around them. `tests/tidy.rs` holds the arrows: a new one edits that test and this picture.

#![forbid(unsafe_code)]

pub mod wire;

pub mod message;

pub mod rules;

pub mod portfolio;

pub mod decision;

pub mod journal;

pub mod vault;

pub mod clock;

pub mod network;

pub mod telemetry;

pub mod admin;

pub mod traffic;

pub mod settings;

pub mod cli;
