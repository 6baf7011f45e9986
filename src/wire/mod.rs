//! Bytes <-> frames <-> fields, exactly as the tables in `specs/` say.
//! PURE: no sockets, files, clock or meaning.
//!
//! [`frame`] cuts a byte stream into messages, [`Dialect`] (compiled from TOML) walks a message once into a
//! [`Message`] of spans, a [`View`] reads fields out of it, and [`Dialect::build`] writes the answer.

mod bitmap;
mod build;
mod charset;
mod conventions;
mod dialect;
mod draft;
mod encode;
mod error;
mod field;
mod find;
mod layout;
mod message;
mod mti;
mod parse;
mod plan;
mod scan;
mod spec;
mod strict;
mod value;
mod warning;

pub mod frame;
pub mod tlv;

pub use bitmap::Bitmap;
pub use build::Value;
pub use charset::CodePage;
pub use conventions::{
    Conventions, CountryForm, CountryPlace, LONGEST as LONGEST_PLACE, MESSAGE_KINDS, NetworkCode,
    VERIFIED_DATA, WrongCountryPlace,
};
pub use dialect::Dialect;
pub use error::{BuildError, BuildReason, Found, ParseError, Reason};
pub use field::{Accept, Class, Counts, Encoding, FieldInfo, Fill, Format, Length, Mask, Pad, Prefix, Side};
pub use layout::{
    ComposeError, ComposeReason, Given, Key, Kind, Layout, Node, PartReason, Path, PathError, Sub, Tag,
    Tagged,
};
pub use message::{Message, View};
pub use mti::Mti;
pub use spec::{Mistake, SpecError};
pub use value::Field;
pub use warning::Warning;

/// The highest data element number of a message with three bit maps.
pub const LAST_DE: u8 = 192;
