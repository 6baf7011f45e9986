//! The settings and rule sets that a data folder's records were decided under, by the version that each record
//! carries: what `explain` and `rules backtest` decide by. Rule sets are sealed: their lists may hold card numbers.

use super::data::Failure;
use crate::rules::{Problems, RuleSet};
use crate::settings::Settings;
use crate::vault::DataKey;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The longest list file that is read, bytes: four million card numbers and more.
const MAX_LIST_BYTES: u64 = 128 << 20;
/// The longest rule file that is read, bytes; [`RuleSet`] refuses one of far less.
const MAX_RULES_BYTES: u64 = 16 << 20;

/// A rule set and the texts it is made of.
pub(super) struct Loaded {
    pub set: RuleSet,
    pub texts: Texts,
}

/// All that a rule set says: its file, and the files that it names.
#[derive(Serialize, Deserialize)]
pub(super) struct Texts {
    name: String,
    rules: String,
    lists: BTreeMap<String, String>,
}

/// Why there is no rule set.
pub(super) enum NoRules {
    /// A file cannot be read.
    Unread(String),
    /// What it says does not hold.
    Wrong(Problems),
}

/// Reads a rule set from its file; an empty path is the empty set. The lists it names are sought beside it.
pub(super) fn read_rules(file: &Path) -> Result<Loaded, NoRules> {
    if file.as_os_str().is_empty() {
        let texts = Texts { name: String::new(), rules: String::new(), lists: BTreeMap::new() };
        return Ok(Loaded { set: RuleSet::empty(), texts });
    }
    let rules = read(file, MAX_RULES_BYTES).map_err(NoRules::Unread)?;
    let name = file.display().to_string();
    let folder = file.parent().unwrap_or(Path::new(""));
    let lists = RefCell::new(BTreeMap::new());
    let set = RuleSet::from_toml(&rules, &name, &mut |list| {
        let text = read(&folder.join(list), MAX_LIST_BYTES)?;
        let bytes = text.clone().into_bytes();
        lists.borrow_mut().insert(list.to_owned(), text);
        Ok(bytes)
    })
    .map_err(NoRules::Wrong)?;
    Ok(Loaded { set, texts: Texts { name, rules, lists: lists.into_inner() } })
}

fn read(file: &Path, most: u64) -> Result<String, String> {
    let fail = |error: std::io::Error| format!("{}: {error}", file.display());
    let size = fs::metadata(file).map_err(fail)?.len();
    if size > most {
        return Err(format!("{}: {size} bytes; at most {most} are read", file.display()));
    }
    fs::read_to_string(file).map_err(fail)
}

/// The versions that a data folder has seen.
pub(super) struct Versions<'a> {
    folder: PathBuf,
    key: &'a DataKey,
}

impl<'a> Versions<'a> {
    /// Those of this data folder.
    pub(super) fn of(data: &Path, key: &'a DataKey) -> Versions<'a> {
        Versions { folder: data.join("versions"), key }
    }

    /// Keeps what records are decided under from now on, on the disk for good when it returns: before the first
    /// record that names it.
    pub(super) fn keep(&self, settings: &Settings, rules: &RuleSet, texts: &Texts) -> Result<(), Failure> {
        fs::create_dir_all(&self.folder)?;
        self.write(&settings_name(settings.fingerprint()), settings.canonical().as_bytes())?;
        let version = rules.version();
        let mut sealed = serde_json::to_vec(texts)?;
        self.key.seal(&version.to_le_bytes(), &mut sealed)?;
        self.write(&rules_name(version), &sealed)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let (path, unfinished) = (self.folder.join(name), self.folder.join("unfinished.tmp"));
        if path.exists() {
            return Ok(());
        }
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        Ok(File::open(&self.folder)?.sync_all()?)
    }

    /// The settings of this fingerprint.
    pub(super) fn settings(&self, version: u32) -> Result<Settings, Failure> {
        let path = self.folder.join(settings_name(version));
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?)
    }

    /// The rule set of this version.
    pub(super) fn rules(&self, version: u32) -> Result<RuleSet, Failure> {
        let path = self.folder.join(rules_name(version));
        let mut sealed = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        self.key.open(&version.to_le_bytes(), &mut sealed)?;
        let texts: Texts = serde_json::from_slice(&sealed)?;
        if texts.rules.is_empty() {
            return Ok(RuleSet::empty());
        }
        let lists = &texts.lists;
        let set = RuleSet::from_toml(&texts.rules, &texts.name, &mut |list| {
            lists.get(list).map(|text| text.clone().into_bytes()).ok_or_else(|| "not kept".to_owned())
        });
        set.map_err(|problems| format!("{}: {problems}", path.display()).into())
    }
}

fn settings_name(version: u32) -> String {
    format!("settings-{version:08x}.json")
}

fn rules_name(version: u32) -> String {
    format!("rules-{version:08x}.sealed")
}
