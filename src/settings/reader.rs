//! Reads the structs of `tables` from the merged tree (a serde data format), so that each error keeps the
//! place of the value it is about. Must not know any setting.

use super::layers::{Node, Table, Value};
use super::problem::{Origin, Problem, nearest};
use serde::de::{
    self, Deserializer, Expected, IntoDeserializer, Unexpected, Visitor, value::StrDeserializer,
};
use std::fmt;

/// Reads a `T`, or says what is wrong and where.
pub(super) fn read<'de, T: de::Deserialize<'de>>(tree: &'de Node) -> Result<T, Box<Problem>> {
    T::deserialize(tree).map_err(|fault| {
        let Fault { mut path, place, reason, help } = fault;
        path.reverse();
        let path = path.join(".");
        let problem = match place {
            Some((origin, Spot::Value)) => origin.at_value(path, reason),
            Some((origin, Spot::Key)) => origin.at_key(path, reason),
            None => tree.origin.at_key(path, reason),
        };
        Box::new(problem.with_help(help))
    })
}

/// An error on its way out of the tree: each table on the way adds its key to the path.
#[derive(Debug)]
pub(super) struct Fault {
    /// Innermost first.
    path: Vec<String>,
    place: Option<(Origin, Spot)>,
    reason: String,
    help: Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Spot {
    Key,
    Value,
}

impl Fault {
    fn new(reason: String, help: Option<String>) -> Fault {
        Fault { path: Vec::new(), place: None, reason, help }
    }

    /// The innermost place wins.
    fn at(mut self, origin: &Origin, spot: Spot) -> Fault {
        self.place.get_or_insert_with(|| (origin.clone(), spot));
        self
    }

    /// At the value, or at the name of a table, which may stretch over many lines.
    fn about(self, node: &Node) -> Fault {
        self.at(&node.origin, if node.table().is_some() { Spot::Key } else { Spot::Value })
    }

    fn under(mut self, key: &str) -> Fault {
        self.path.push(key.to_owned());
        self
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.reason)
    }
}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Fault {
        Fault::new(message.to_string(), None)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Fault {
        let found = match found {
            Unexpected::Map => "a table".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Str(text) => format!("the text {text:?}"),
            Unexpected::Bool(flag) => format!("`{flag}`"),
            Unexpected::Signed(number) => format!("the number {number}"),
            other => other.to_string(),
        };
        let expected = match expected.to_string().as_str() {
            "a string" | "path string" => "text in quotes".to_owned(),
            "a boolean" => "true or false".to_owned(),
            "a sequence" => "a list".to_owned(),
            "a map" => "a table".to_owned(),
            other => other.to_owned(),
        };
        Fault::new(format!("must be {expected}, not {found}"), None)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Fault {
        let list = choices(expected);
        let help = nearest(variant, expected.iter().copied()).map(|name| format!("did you mean {name:?}?"));
        Fault::new(format!("must be one of {list}, not {variant:?}"), help)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Fault {
        let help = match nearest(field, expected.iter().copied()) {
            Some(key) => format!("did you mean `{key}`?"),
            None => format!("known here: {}", expected.join(", ")),
        };
        Fault::new("unknown key".to_owned(), Some(help))
    }

    fn missing_field(field: &'static str) -> Fault {
        Fault::new(format!("lacks the key `{field}`, which has no default"), None)
    }
}

fn choices(names: &[&str]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let result = match &self.value {
            Value::Table(table) => visitor.visit_map(Entries::new(table)),
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Flag(flag) => visitor.visit_bool(*flag),
            Value::Foreign(name) => Err(de::Error::invalid_type(Unexpected::Other(name), &visitor)),
        };
        result.map_err(|fault| fault.about(self))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let Value::Text(text) = &self.value else {
            return Err(Fault::new(format!("must be one of {}", choices(variants)), None).about(self));
        };
        let variant: StrDeserializer<'de, Fault> = text.as_str().into_deserializer();
        visitor.visit_enum(variant).map_err(|fault| fault.about(self))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Entries<'de> {
    rest: std::collections::btree_map::Iter<'de, String, Node>,
    next: Option<(&'de str, &'de Node)>,
}

impl<'de> Entries<'de> {
    fn new(table: &'de Table) -> Entries<'de> {
        Entries { rest: table.iter(), next: None }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, node)) = self.rest.next() else { return Ok(None) };
        self.next = Some((key, node));
        let name: StrDeserializer<'de, Fault> = key.as_str().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|fault| fault.at(&node.origin, Spot::Key).under(key))
    }

    fn next_value_seed<T: de::DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        match self.next.take() {
            Some((key, node)) => seed.deserialize(node).map_err(|fault| fault.about(node).under(key)),
            None => Err(de::Error::custom("a value without its key")),
        }
    }
}

struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let read = |item: &'de Node| seed.deserialize(item).map_err(|fault| fault.about(item));
        self.0.next().map(read).transpose()
    }
}
