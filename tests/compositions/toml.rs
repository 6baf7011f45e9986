//! The text of a dialect put together from the parts that a dialect file may name. Chooses nothing itself: property
//! tests and fuzz targets do, each in its way.

use authswitch::wire::Class;
use std::fmt::Write;

pub const TEXT: [&str; 4] = ["ascii", "ebcdic-037", "ebcdic-500", "ebcdic-1047"];
pub const DIGITS: [&str; 4] = ["ascii", "ebcdic-037", "bcd", "ebcdic-1047"];
pub const BYTES: [&str; 3] = ["binary", "hex", "ebcdic-hex"];
pub const LENGTHS: [&str; 5] = ["ascii", "ebcdic-500", "bcd", "binary", "hex"];
pub const PADS: [&str; 4] = ["left 0", "right 0", "left F", "right F"];
pub const FLAGS: [&str; 5] = ["characters", "pad", "lower_case_hex", "trailing", "undefined"];

/// One of each.
pub struct Choice {
    pub mti: &'static str,
    pub bitmap: &'static str,
    pub length: &'static str,
    pub digits: &'static str,
    pub text: &'static str,
    pub bytes: &'static str,
    /// Of fixed and of variable fields.
    pub pads: (&'static str, &'static str),
    pub counts_wire: bool,
    pub inclusive: bool,
    pub fixed_bitmaps: bool,
    pub third_bitmap: bool,
    pub accept: Vec<&'static str>,
}

impl Choice {
    /// A dialect with a field of each class, fixed and variable, odd and even, in each bit map.
    pub fn toml(&self) -> String {
        let Choice { mti, bitmap, length, digits, text, bytes, .. } = self;
        let mut toml = format!(
            "name = \"composed\"\nversion = 0\nfixed_bitmaps = {}\nthird_bitmap = {}\n[encoding]\n\
             mti = \"{mti}\"\nbitmap = \"{bitmap}\"\nlength = \"{length}\"\nn = \"{digits}\"\nz = \"{digits}\"\n\
             \"x+n\" = \"{digits}\"\ntext = \"{text}\"\nb = \"{bytes}\"\n[length]\ncounts = \"{}\"\n\
             inclusive = {}\n[pad]\nfixed = \"{}\"\nvariable = \"{}\"\n[accept]\n",
            self.fixed_bitmaps,
            self.third_bitmap,
            if self.counts_wire { "wire" } else { "value" },
            self.inclusive,
            self.pads.0,
            self.pads.1,
        );
        for flag in &self.accept {
            let _ = writeln!(toml, "{flag} = true");
        }
        toml.push_str("[fields]\n");
        let mut numbers =
            (2u8..=192).filter(|de| if self.third_bitmap { de % 2 == 0 } else { *de <= 128 && de % 4 != 0 });
        let mut field = |format: String| {
            let de = numbers.next().unwrap();
            let _ = writeln!(toml, "{de} = {{ format = \"{format}\", name = \"x\" }}");
        };
        for (class, notation) in Class::ALL {
            if class == Class::Xn {
                field("x+n 7".into());
                field("x+n 8".into());
                continue;
            }
            for format in
                [" 1", " 6", " 11", ".5", "..9", "..20", "...60", "....120", ".....90", "......400000"]
            {
                // A length of one or two digits that counts itself, in hexadecimal characters, has less room.
                if !(format == ".5" && (self.counts_wire || self.inclusive)) {
                    field(format!("{notation}{format}"));
                }
            }
        }
        toml
    }
}
