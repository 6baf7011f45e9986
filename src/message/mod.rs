//! Fields <-> meaning: typed requests, response codes, which fields an answer echoes.
//! PURE; must not know sockets, money rules or how a dialect encodes a field.

mod pan;
pub use pan::Pan;

mod card_shape;
pub use card_shape::{hide_card_numbers, lengths, passes};

mod code;
pub use code::{Refusal, ResponseCode};

mod request;
pub use request::{Kind, Marks, Operation, Original, Request};

mod evidence;
pub use evidence::{Evidence, Finding, Proof};

mod merchant_country;

mod reading;
pub use reading::{Marked, Reading, WrongMark};

mod read;
pub use read::{Fault, card_number, read};

mod answer;
pub use answer::{
    ADDITIONAL_AMOUNTS, Balances, carries_balances, permitted_echo, standard_echo, write_additional_amounts,
};

pub mod meaning;
