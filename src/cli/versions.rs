//! The settings and rule sets that a data folder's records were decided under, by the version that each record
//! carries: what `explain` and `rules backtest` decide by. Rule sets are sealed: their lists may hold card numbers.

use super::contents;
use super::data::Failure;
use super::rules::Texts;
use super::{past, policy, whole};
use crate::journal::Seq;
use crate::rules::RuleSet;
use crate::settings::Settings;
use crate::vault::DataKey;
use std::fs;
use std::path::{Path, PathBuf};

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
        contents::check_folder(&self.folder)?;
        fs::create_dir_all(&self.folder).map_err(|error| format!("{}: {error}", self.folder.display()))?;
        self.write(&settings_name(settings.fingerprint()), settings.canonical().as_bytes())?;
        let version = rules.version();
        if version == 0 {
            return Ok(());
        }
        let mut sealed = serde_json::to_vec(texts)?;
        self.key.seal(&version.to_le_bytes(), &mut sealed)?;
        self.write(&rules_name(version), &sealed)
    }

    /// Says in the log what the settings of the `last` record told apart by other fields than these do.
    pub(super) fn tell_changed_keys(
        &self,
        settings: &Settings,
        data: &Path,
        last: Seq,
    ) -> Result<(), Failure> {
        let now = settings.fingerprint();
        // Most folders have never seen others.
        if last == 0 || kept(data)[0].iter().all(|version| *version == now) {
            return Ok(());
        }
        let mut then = now;
        past::each(data, last, last + 1, &mut |_, record| {
            then = record.config;
            Ok(())
        })?;
        if let Some(before) = Some(then).filter(|then| *then != now).and_then(|then| self.settings(then).ok())
        {
            policy::changed_keys(&before, settings).iter().for_each(|warning| tracing::warn!("{warning}"));
        }
        Ok(())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.folder.join(name);
        if path.exists() {
            return Ok(());
        }
        whole::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// The settings of this fingerprint.
    pub(super) fn settings(&self, version: u32) -> Result<Settings, Failure> {
        read_settings(&self.folder, version)
    }

    /// The rule set of this version.
    pub(super) fn rules(&self, version: u32) -> Result<RuleSet, Failure> {
        if version == 0 {
            return Ok(RuleSet::empty());
        }
        let path = self.folder.join(rules_name(version));
        let mut sealed = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        self.key.open(&version.to_le_bytes(), &mut sealed)?;
        let texts: Texts = serde_json::from_slice(&sealed)?;
        let lists = &texts.lists;
        let set = RuleSet::from_toml(&texts.rules, &texts.name, &mut |list| {
            lists.get(list).map(|text| text.clone().into_bytes()).ok_or_else(|| "not kept".to_owned())
        });
        set.map_err(|problems| format!("{}: {problems}", path.display()).into())
    }
}

/// The settings of this fingerprint that a data folder has seen. They need no key.
pub(super) fn settings(data: &Path, version: u32) -> Result<Settings, Failure> {
    read_settings(&data.join("versions"), version)
}

/// The versions of settings and of rule sets that a data folder has seen.
pub(super) fn kept(data: &Path) -> [Vec<u32>; 2] {
    let names = fs::read_dir(data.join("versions")).into_iter().flatten().flatten();
    let names: Vec<_> = names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let versions = |name: fn(u32) -> String| {
        let hex =
            |text: &String| text.split(['-', '.']).nth(1).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let mut versions: Vec<_> =
            names.iter().filter_map(|text| hex(text).filter(|version| name(*version) == *text)).collect();
        versions.sort_unstable();
        versions
    };
    [versions(settings_name), versions(rules_name)]
}

fn read_settings(folder: &Path, version: u32) -> Result<Settings, Failure> {
    let path = folder.join(settings_name(version));
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?)
}

fn settings_name(version: u32) -> String {
    format!("settings-{version:08x}.json")
}

fn rules_name(version: u32) -> String {
    format!("rules-{version:08x}.sealed")
}
