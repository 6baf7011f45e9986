//! A specification file of another product. Whatever the readers make of it compiles as a dialect.
#![no_main]

use authswitch::cli::imported;
use authswitch::wire::Dialect;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(written) = imported(text)
        && let Err(error) = Dialect::from_toml(&written, "imported.toml")
    {
        panic!("{error}\n{written}");
    }
});
