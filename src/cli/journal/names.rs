//! Names for the numbers in a record: links and rules as they were called in the settings and rules of then, which the
//! data folder keeps. What cannot be told (a key that is not here, a folder of an older version) has none.

use super::super::versions::{self, Versions};
use crate::portfolio::{Record, Ruled};
use crate::rules::{Limit, Rule};
use crate::settings::Settings;
use crate::vault::DataKey;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What a record's numbers are called; `None` where there is no such number, or no name for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// The link that the message came from.
    pub link: Option<String>,
    /// The rule that declined, or that approved less.
    pub rule: Option<String>,
    /// The limit that declined.
    pub limit: Option<String>,
    /// The tags that were given.
    pub tags: Vec<String>,
    /// Rules that changed nothing and would have.
    pub shadow_rules: Vec<String>,
    /// Limits that changed nothing and would have.
    pub shadow_limits: Vec<String>,
}

impl Named {
    /// Adds the names to a record's JSON, beside its numbers.
    pub(super) fn add_to(&self, json: &mut Value) {
        json["link_name"] = self.link.clone().into();
        if let Some(ruled) = json["ruled"].as_object_mut() {
            ruled.insert("rule_name".into(), self.rule.clone().into());
            ruled.insert("limit_name".into(), self.limit.clone().into());
            ruled.insert("tag_names".into(), self.tags.clone().into());
            ruled.insert("shadow_rule_names".into(), self.shadow_rules.clone().into());
            ruled.insert("shadow_limit_names".into(), self.shadow_limits.clone().into());
        }
    }

    /// The names that there are, for the end of a line.
    pub(super) fn in_words(&self) -> String {
        let named = [("link", &self.link), ("rule", &self.rule), ("limit", &self.limit)];
        let named = named.into_iter().filter_map(|(what, name)| Some(format!("  {what} {}", name.as_ref()?)));
        named.collect()
    }
}

/// The names of every version that a data folder's records speak of, read when they are first needed.
pub(super) struct Names {
    data: PathBuf,
    settings: Vec<(u32, Option<Settings>)>,
    rules: Vec<(u32, RuleNames)>,
}

/// Rules, limits and tags by their numbers less one.
#[derive(Clone, Default)]
struct RuleNames {
    usual: [Vec<String>; 2],
    stand_in: [Vec<String>; 2],
    tags: Vec<String>,
}

impl Names {
    pub(super) fn of(data: &Path) -> Names {
        Names { data: data.to_owned(), settings: Vec::new(), rules: Vec::new() }
    }

    /// The names of a record's numbers.
    pub(super) fn look_up(&mut self, record: &Record) -> Named {
        let link = self.settings(record.config).and_then(|settings| {
            // What the switch does on its own comes from no link.
            let name = settings.links.keys().nth(record.asked.link.into());
            name.filter(|_| record.asked.mti != 0).cloned()
        });
        let ruled = record.ruled;
        if ruled == Ruled::default() {
            return Named { link, ..Named::default() };
        }
        let names = self.rules(record.rules, record.config);
        let [rules, limits] = if ruled.stand_in == 0 { &names.usual } else { &names.stand_in };
        let name = |list: &[String], number: u16| list.get(usize::from(number).checked_sub(1)?).cloned();
        let set = |list: &[String], bits: u64| {
            list.iter()
                .take(64)
                .enumerate()
                .filter(|(bit, _)| bits >> bit & 1 == 1)
                .map(|(_, name)| name.clone())
                .collect()
        };
        Named {
            link,
            rule: name(rules, ruled.rule),
            limit: name(limits, ruled.limit.into()),
            tags: set(&names.tags, ruled.tags),
            shadow_rules: ruled.shadows.iter().filter_map(|number| name(rules, *number)).collect(),
            shadow_limits: set(limits, ruled.shadow_limits.into()),
        }
    }

    /// What links are or were called, in the order of the settings; `None` where the folder has kept no settings.
    pub(super) fn links(&mut self) -> Option<Vec<String>> {
        let [versions, _] = versions::kept(&self.data);
        let mut links: Vec<String> = Vec::new();
        let mut is_known = false;
        for version in versions {
            let Some(settings) = self.settings(version) else { continue };
            is_known = true;
            for link in settings.links.keys() {
                if !links.contains(link) {
                    links.push(link.clone());
                }
            }
        }
        is_known.then_some(links)
    }

    /// What rules and limits are or were called, those of stand-in sets too, as far as it can be told; `None` where no rule
    /// set's names can.
    pub(super) fn rules_and_limits(&self) -> Option<Vec<String>> {
        let [configs, versions] = versions::kept(&self.data);
        let mut known: Vec<String> = Vec::new();
        let mut is_known = versions.is_empty();
        for version in versions {
            let read = configs.iter().find_map(|config| self.read_rules(version, *config));
            let Some(names) = read else { continue };
            is_known = true;
            for name in [names.usual, names.stand_in].into_iter().flatten().flatten() {
                if !known.contains(&name) {
                    known.push(name);
                }
            }
        }
        is_known.then_some(known)
    }

    fn settings(&mut self, version: u32) -> Option<&Settings> {
        let place = match self.settings.iter().position(|(known, _)| *known == version) {
            Some(place) => place,
            None => {
                self.settings.push((version, versions::settings(&self.data, version).ok()));
                self.settings.len() - 1
            }
        };
        self.settings[place].1.as_ref()
    }

    fn rules(&mut self, version: u32, config: u32) -> &RuleNames {
        let place = match self.rules.iter().position(|(known, _)| *known == version) {
            Some(place) => place,
            None => {
                let names = self.read_rules(version, config).unwrap_or_default();
                self.rules.push((version, names));
                self.rules.len() - 1
            }
        };
        &self.rules[place].1
    }

    fn read_rules(&self, version: u32, config: u32) -> Option<RuleNames> {
        let file = versions::settings(&self.data, config).ok()?.vault.key_file;
        let key = DataKey::open_existing(
            Some(file.as_path()).filter(|file| !file.as_os_str().is_empty()),
            &self.data,
        )
        .ok()?;
        let set = Versions::of(&self.data, &key).rules(version).ok()?;
        let rules = |rules: &[Rule]| rules.iter().map(|rule| rule.name().to_owned()).collect();
        let limits = |limits: &[Limit]| limits.iter().map(|limit| limit.name().to_owned()).collect();
        Some(RuleNames {
            usual: [rules(set.rules()), limits(set.limits())],
            stand_in: [rules(set.stand_in().rules().list()), limits(set.stand_in().limits())],
            tags: set.tags().to_vec(),
        })
    }
}
