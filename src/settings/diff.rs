//! What is different between two settings, key by key, and a part of one in the place of another's. Must not know which
//! settings can change while a switch runs.

use super::Settings;
use serde_json::Value;

/// A setting that two settings have differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Dotted, as for `--set`: `links.acquirer-ascii.budget_ms`.
    pub key: String,
    /// The value before, as in JSON; `absent` where there was none.
    pub from: String,
    /// The value now.
    pub to: String,
}

impl Settings {
    /// Every setting that `new` has otherwise, in the order of the keys.
    #[must_use]
    pub fn changes(&self, new: &Settings) -> Vec<Change> {
        let mut found = Vec::new();
        compare(&mut Vec::new(), Some(&self.tree()), Some(&new.tree()), &mut found);
        found
    }

    /// These settings with what `new` says under each of `keys` (dotted; a table with all that is in it).
    #[must_use]
    pub fn with(&self, keys: &[&str], new: &Settings) -> Settings {
        let (mut tree, new) = (self.tree(), new.tree());
        for key in keys {
            let place = format!("/{}", key.replace('.', "/"));
            if let (Some(own), Some(new)) = (tree.pointer_mut(&place), new.pointer(&place)) {
                *own = new.clone();
            }
        }
        // Proven: both are settings, and a part of one stands where the other has the same part.
        serde_json::from_value(tree).expect("settings made of settings")
    }

    /// The settings as TOML that `--config` reads again.
    #[must_use]
    pub fn to_toml(&self) -> String {
        // Proven: as for `canonical`, and no number is over 63 bits: each has a range.
        toml::to_string(self).expect("settings are plain text and numbers")
    }

    fn tree(&self) -> Value {
        // Proven: as for `canonical`.
        serde_json::to_value(self).expect("settings are plain text and numbers")
    }
}

fn compare(path: &mut Vec<String>, from: Option<&Value>, to: Option<&Value>, found: &mut Vec<Change>) {
    if from == to {
        return;
    }
    let (Some(Value::Object(before)), Some(Value::Object(now))) = (from, to) else {
        let text = |value: Option<&Value>| value.map_or_else(|| "absent".to_owned(), Value::to_string);
        return found.push(Change { key: path.join("."), from: text(from), to: text(to) });
    };
    let mut keys: Vec<&String> = before.keys().chain(now.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        path.push(key.clone());
        compare(path, before.get(key), now.get(key), found);
        path.pop();
    }
}
