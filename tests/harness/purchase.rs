//! The usual message of a test: a purchase with a demo card.

use std::collections::BTreeMap;

/// A demo card: `411111` (or another BIN), nine digits, Luhn digit.
pub fn pan(bin: &str, number: u32) -> String {
    let body = format!("{bin}{number:09}");
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            if place % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit }
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// The usual fields of a purchase; `set` and `without` change them.
pub struct Purchase {
    fields: BTreeMap<u8, String>,
}

impl Purchase {
    pub fn new(pan: &str, stan: u32, amount: u64) -> Purchase {
        let stan_text = format!("{stan:06}");
        let fields = [
            (2, pan.to_owned()),
            (3, "000000".into()),
            (4, format!("{amount:012}")),
            (7, "1122093315".into()),
            (11, stan_text.clone()),
            (12, "093315".into()),
            (13, "1122".into()),
            (14, "3012".into()),
            (18, "5411".into()),
            (22, "051".into()),
            (25, "00".into()),
            (32, "12345678901".into()),
            (37, format!("632609{stan_text}")),
            (41, "TERM0001".into()),
            (42, "MERCHANT0000001".into()),
            (43, format!("{:<40}", "ACME SUPERMARKET 001    SPRINGFIELD   US")),
            (49, "840".into()),
        ];
        Purchase { fields: fields.into_iter().collect() }
    }

    pub fn set(mut self, de: u8, value: &str) -> Purchase {
        self.fields.insert(de, value.to_owned());
        self
    }

    pub fn without(mut self, de: u8) -> Purchase {
        self.fields.remove(&de);
        self
    }

    pub fn fields(&self) -> Vec<(u8, &str)> {
        self.fields.iter().map(|(de, text)| (*de, text.as_str())).collect()
    }

    /// DE90 of a message that speaks of this one.
    pub fn as_original(&self, mti: &str) -> String {
        format!("{mti}{}{}{:0>11}{:011}", self.fields[&11], self.fields[&7], self.fields[&32], 0)
    }
}
