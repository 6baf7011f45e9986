//! A dialect: the compiled tables by which messages are read and written. Knows no message.

use super::conventions::Conventions;
use super::field::{Accept, Encoding, FieldInfo};
use super::plan::FieldPlan;
use super::spec::{self, SpecError};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The tables of one dialect, compiled from its TOML file once and shared from then on.
pub struct Dialect {
    pub(super) name: String,
    pub(super) title: String,
    /// First MTI digit.
    pub(super) version: u8,
    pub(super) mti_encoding: Encoding,
    pub(super) bitmap_encoding: Encoding,
    /// Two bit maps always, whatever bit 1 says.
    pub(super) fixed_bitmaps: bool,
    /// Bit 65 says that a third bit map follows the second.
    pub(super) third_bitmap: bool,
    pub(super) accept: Accept,
    pub(super) conventions: Conventions,
    /// By DE less one.
    pub(super) fields: Vec<Option<FieldInfo>>,
    /// The flat form of `fields`, which the fast walk reads.
    pub(super) plans: Box<[FieldPlan; 192]>,
}

/// What comes with the program: the name and text of each file in `specs/`.
macro_rules! files {
    ($($name:literal),+ $(,)?) => { [$(($name, include_str!(concat!("../../specs/", $name, ".toml")))),+] };
}

/// What is inside data elements, what they are, and how they are written: the dialects are put together from these.
const BASES: [(&str, &str); 9] =
    files!("emv", "layouts", "messages87", "iso87", "iso93", "iso2003", "ascii", "bcd", "ebcdic");
const DIALECTS: [(&str, &str); 11] = files!(
    "iso87-ascii",
    "iso87-bcd",
    "iso87-ebcdic",
    "iso93-ascii",
    "iso93-bcd",
    "iso2003-ascii",
    "iso2003-bcd",
    "visa-base1",
    "mastercard-cis",
    "base24",
    "terminal",
);

static NAMES: [&str; DIALECTS.len()] = {
    let mut names = [""; DIALECTS.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = DIALECTS[i].0;
        i += 1;
    }
    names
};

impl Dialect {
    /// A dialect that comes with the program, compiled on first use.
    pub fn builtin(name: &str) -> Option<Arc<Dialect>> {
        static COMPILED: [OnceLock<Option<Arc<Dialect>>>; DIALECTS.len()] =
            [const { OnceLock::new() }; DIALECTS.len()];
        let index = NAMES.iter().position(|known| *known == name)?;
        let compile = || Dialect::from_toml(Dialect::builtin_source(name)?, name).ok().map(Arc::new);
        COMPILED[index].get_or_init(compile).clone()
    }

    /// The names that [`Dialect::builtin`] knows.
    pub fn builtin_names() -> &'static [&'static str] {
        &NAMES
    }

    /// The TOML text of a file that comes with the program: the dialects, and the tables they extend.
    pub fn builtin_source(name: &str) -> Option<&'static str> {
        BASES.iter().chain(&DIALECTS).find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// The names that [`Dialect::builtin_source`] knows.
    pub fn source_names() -> impl Iterator<Item = &'static str> {
        BASES.iter().chain(&DIALECTS).map(|(name, _)| *name)
    }

    /// Compiles a dialect file; `origin` is the name that errors give the file.
    ///
    /// # Errors
    /// Every mistake of the file with its line and column.
    pub fn from_toml(text: &str, origin: &str) -> Result<Dialect, SpecError> {
        spec::read(text, origin)
    }

    /// The name, as in `extends` and in a link's settings.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the dialect is, in a line.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The first MTI digit of its messages: 0 for ISO 8583:1987.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// How the MTI stands on the wire.
    pub fn mti_encoding(&self) -> Encoding {
        self.mti_encoding
    }

    /// How the bit maps stand on the wire.
    pub fn bitmap_encoding(&self) -> Encoding {
        self.bitmap_encoding
    }

    /// Whether there are two bit maps always, whatever bit 1 says.
    pub fn fixed_bitmaps(&self) -> bool {
        self.fixed_bitmaps
    }

    /// Whether bit 65 says that a third bit map, of data elements 129 to 192, follows the second.
    pub fn third_bitmap(&self) -> bool {
        self.third_bitmap
    }

    /// What is taken although it is wrong.
    pub fn accept(&self) -> Accept {
        self.accept
    }

    /// What it says of its messages beyond how fields are written.
    pub fn conventions(&self) -> &Conventions {
        &self.conventions
    }

    /// A data element, 2 to 192, if the dialect defines it.
    #[inline]
    pub fn field(&self, de: u8) -> Option<&FieldInfo> {
        self.fields.get(usize::from(de).checked_sub(1)?)?.as_ref()
    }

    /// Every data element the dialect defines, ascending.
    pub fn fields(&self) -> impl Iterator<Item = &FieldInfo> {
        self.fields.iter().flatten()
    }
}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dialect").field(&self.name).finish()
    }
}
