//! Values with their unit in the type: durations, sizes, merchant category codes, countries, ranges of addresses.
//! Must not know which setting they belong to.

use crate::message::meaning::{country_number, country_numbered};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

macro_rules! durations {
    ($($(#[$doc:meta])* $name:ident = $make:ident * $factor:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The same span of time; saturates at what a `Duration` can hold.
            #[must_use]
            pub const fn duration(self) -> Duration {
                Duration::$make(self.0.saturating_mul($factor))
            }
        }

        impl From<$name> for Duration {
            fn from(value: $name) -> Duration {
                value.duration()
            }
        }
    )*};
}

durations! {
    /// Microseconds.
    Micros = from_micros * 1;
    /// Milliseconds.
    Millis = from_millis * 1;
    /// Seconds.
    Seconds = from_secs * 1;
    /// Hours of 3,600 seconds.
    Hours = from_secs * 3_600;
    /// Days of 86,400 seconds.
    Days = from_secs * 86_400;
}

/// Mebibytes, of 1,048,576 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mebibytes(pub u64);

impl Mebibytes {
    /// The same size in bytes; saturates.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0.saturating_mul(1 << 20)
    }
}

/// A merchant category code (DE18), 0 to 9999; written with four digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mcc(u16);

impl Mcc {
    /// The code as a number, as DE18 carries it.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl FromStr for Mcc {
    type Err = String;

    fn from_str(text: &str) -> Result<Mcc, String> {
        match digits(text, 4) {
            Some(number) => Ok(Mcc(number)),
            None => Err(format!("{text:?} is not a merchant category code: four digits, e.g. \"5411\"")),
        }
    }
}

impl fmt::Display for Mcc {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}", self.0)
    }
}

/// A country of ISO 3166, however it is written; or that the country cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(u16);

/// The word for a country that cannot be told.
const UNKNOWN: &str = "unknown";

impl Country {
    /// The ISO 3166 number; 0 for one that cannot be told.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl FromStr for Country {
    type Err = String;

    fn from_str(text: &str) -> Result<Country, String> {
        if text == UNKNOWN {
            return Ok(Country(0));
        }
        country_number(text.to_ascii_uppercase().as_bytes()).map(Country).ok_or_else(|| {
            format!(
                "{text:?} is not a country of ISO 3166: two letters (\"US\"), three letters (\"USA\"), three digits \
                 (\"840\"), or \"unknown\""
            )
        })
    }
}

impl fmt::Display for Country {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(country_numbered(self.0).map_or(UNKNOWN, |country| country.alpha2))
    }
}

/// A range of IP addresses in CIDR notation; one address is a range of its own. An IPv4 address written as IPv6
/// (`::ffff:192.0.2.7`) is the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange(IpNet);

impl AddressRange {
    /// Whether the address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether every address of its family is in it.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.0.prefix_len() == 0
    }
}

impl FromStr for AddressRange {
    type Err = String;

    fn from_str(text: &str) -> Result<AddressRange, String> {
        /// The bits of an IPv4 address written as IPv6 that say that it is one.
        const MAPPED_BITS: u8 = 96;
        let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
        let range = text.parse::<IpNet>().ok().or_else(address).ok_or_else(|| {
            format!(
                "{text:?} is not a range of addresses: \"10.0.0.0/8\", \"2001:db8::/32\", or one address, \"192.0.2.7\""
            )
        })?;
        let mapped = range.addr().to_canonical();
        let range = match range.prefix_len().checked_sub(MAPPED_BITS) {
            // Proven: at most 32 bits are left of 128.
            Some(bits) if range.addr().is_ipv6() && mapped.is_ipv4() => IpNet::new_assert(mapped, bits),
            _ => range,
        };
        let whole = range.trunc();
        if whole != range {
            let one = range.addr();
            return Err(format!(
                "{text:?} has address bits behind its prefix: \"{whole}\", or \"{one}\" alone?"
            ));
        }
        Ok(AddressRange(range))
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            write!(out, "{}", self.0.addr())
        } else {
            write!(out, "{}", self.0)
        }
    }
}

/// `text` as a number if it is exactly `count` ASCII digits.
fn digits(text: &str, count: usize) -> Option<u16> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

macro_rules! as_text {
    ($($name:ident)*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<$name, D::Error> {
                String::deserialize(from)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

as_text!(Mcc Country AddressRange);
