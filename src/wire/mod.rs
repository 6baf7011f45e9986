//! Bytes <-> frames <-> fields, exactly as the tables in `specs/` say.
//! PURE: no sockets, files, clock or meaning.
//!
//! [`frame`] cuts a byte stream into messages, [`Dialect`] (compiled from TOML) walks a message once into a
//! [`Message`] of spans, a [`View`] reads fields out of it, and [`Dialect::build`] writes the answer.

mod bitmap;
mod build;
mod dialect;
mod draft;
mod error;
mod field;
mod message;
mod mti;
mod parse;
mod scan;
mod spec;
mod strict;

pub mod frame;
pub mod tlv;

pub use bitmap::Bitmap;
pub use build::Value;
pub use dialect::Dialect;
pub use error::{BuildError, BuildReason, Found, ParseError, Reason};
pub use field::{Class, Content, Encoding, FieldInfo, Length, Mask, Pad, Part, Side};
pub use message::{Message, View};
pub use mti::Mti;
pub use spec::{Mistake, SpecError};

/// The highest data element number of a message with two bit maps.
pub const LAST_DE: u8 = 128;
