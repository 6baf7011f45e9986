//! Settings about the messages of a link by their kind, and about what they bring to prove that they are genuine. What they
//! do stands in `config/authswitch.toml`; here only their types. Must not know where values come from.

use serde::de::{Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::marker::PhantomData;

/// `[links.NAME.echo]`: the data elements of each kind of answer; an empty list is the standard one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Echo {
    /// To 0100 and 0101.
    #[serde(rename = "0110")]
    pub authorization: Vec<u8>,
    /// To 0120 and 0121.
    #[serde(rename = "0130")]
    pub authorization_advice: Vec<u8>,
    /// To 0200 and 0201.
    #[serde(rename = "0210")]
    pub financial: Vec<u8>,
    /// To 0220 and 0221.
    #[serde(rename = "0230")]
    pub financial_advice: Vec<u8>,
    /// To 0400, 0401, 0420 and 0421.
    #[serde(rename = "0410")]
    pub reversal: Vec<u8>,
    /// To 0800, 0801 and 0820.
    #[serde(rename = "0810")]
    pub network_management: Vec<u8>,
}

impl Echo {
    /// Each kind of answer and its list.
    #[must_use]
    pub fn lists(&self) -> [(&'static str, &[u8]); 6] {
        [
            ("0110", &self.authorization),
            ("0130", &self.authorization_advice),
            ("0210", &self.financial),
            ("0230", &self.financial_advice),
            ("0410", &self.reversal),
            ("0810", &self.network_management),
        ]
    }
}

/// `[links.NAME.mandatory]`: the data elements that each kind of message must have; an empty list is the dialect's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mandatory {
    /// And 0101.
    #[serde(rename = "0100")]
    pub authorization: Vec<u8>,
    /// And 0121.
    #[serde(rename = "0120")]
    pub authorization_advice: Vec<u8>,
    /// And 0201.
    #[serde(rename = "0200")]
    pub financial: Vec<u8>,
    /// And 0221.
    #[serde(rename = "0220")]
    pub financial_advice: Vec<u8>,
    /// And 0401, 0420 and 0421.
    #[serde(rename = "0400")]
    pub reversal: Vec<u8>,
    /// And 0801 and 0820.
    #[serde(rename = "0800")]
    pub network_management: Vec<u8>,
}

impl Mandatory {
    /// Each kind of message and its list.
    #[must_use]
    pub fn lists(&self) -> [(&'static str, &[u8]); 6] {
        [
            ("0100", &self.authorization),
            ("0120", &self.authorization_advice),
            ("0200", &self.financial),
            ("0220", &self.financial_advice),
            ("0400", &self.reversal),
            ("0800", &self.network_management),
        ]
    }
}

/// Reads a table by kind of message, and nothing else: one list for all kinds is what it once was.
pub(super) fn by_kind<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    struct ByKind<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for ByKind<T> {
        type Value = T;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str(
                "a table of lists by kind of message, e.g. { 0810 = [7, 11, 41, 70] } for `echo` or { 0800 = [11] } for \
                 `mandatory`, since one list would change all kinds",
            )
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    from.deserialize_any(ByKind(PhantomData))
}

/// `[verification]`: what is asked about each of the things that prove a message genuine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Verification {
    /// DE52.
    pub pin: Demand,
    /// CVV and CVC, typed or of a stripe.
    pub cvv: Demand,
    /// DE55.
    pub cryptogram: Demand,
    /// DE64 and DE128.
    pub mac: Demand,
}

/// `[verification.pin]` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Demand {
    /// Of which messages it is asked.
    pub require: Require,
    /// What becomes of a request of which it was asked and not verified.
    pub when_unverified: WhenUnverified,
}

/// `verification.*.require`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Require {
    /// Of all.
    Required,
    /// Of those that bring it.
    WhenPresent,
    /// Of none.
    Ignored,
}

/// `verification.*.when_unverified`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenUnverified {
    /// Declined.
    Decline,
    /// Left to the stand-in set.
    StandIn,
    /// Decided as if it were verified.
    Approve,
}
