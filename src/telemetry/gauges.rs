//! Values that others own and a scrape asks for: registered once with a name, a help and a closure.

use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;

type Read = Arc<dyn Fn() -> f64 + Send + Sync>;

/// Whether the value may fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge,
    Total,
}

/// All registered values of one name.
#[derive(Clone)]
pub(super) struct Family {
    pub(super) kind: Kind,
    pub(super) help: String,
    pub(super) values: Vec<(Vec<(String, String)>, Read)>,
}

#[derive(Default)]
pub(super) struct Gauges {
    families: RwLock<BTreeMap<String, Family>>,
}

impl Gauges {
    /// Registers a value. The same name and labels again replace the closure, so that a part which is started anew
    /// in one process can register anew; the kind and help of the first registration of a name stay.
    pub(super) fn register(&self, kind: Kind, name: &str, help: &str, labels: &[(&str, &str)], read: Read) {
        let labels: Vec<_> =
            labels.iter().map(|(key, value)| (valid_name(key), (*value).to_owned())).collect();
        let mut families = self.families.write();
        let family = families.entry(metric_name(name)).or_insert_with(|| Family {
            kind,
            help: help.to_owned(),
            values: Vec::new(),
        });
        match family.values.iter_mut().find(|(known, _)| *known == labels) {
            Some(value) => value.1 = read,
            None => family.values.push((labels, read)),
        }
    }

    /// A copy to read from without the lock: a closure may be slow or register something itself.
    pub(super) fn families(&self) -> Vec<(String, Family)> {
        self.families.read().iter().map(|(name, family)| (name.clone(), family.clone())).collect()
    }
}

/// The full metric name: prefixed once, `_total` off (the encoder adds it), nothing but letters, digits and `_`.
fn metric_name(name: &str) -> String {
    let name = name.strip_prefix(super::PREFIX).unwrap_or(name);
    format!("{}{}", super::PREFIX, valid_name(name.strip_suffix("_total").unwrap_or(name)))
}

fn valid_name(name: &str) -> String {
    let valid = |char: char| if char.is_ascii_alphanumeric() { char } else { '_' };
    let name: String = name.chars().map(valid).collect();
    if name.starts_with(|first: char| first.is_ascii_digit()) || name.is_empty() {
        format!("_{name}")
    } else {
        name
    }
}
