//! Configuration text -> checked `Settings`, once, at start. Must not know who uses them.
//!
//! `config/authswitch.toml` is embedded: it is the manual, the list of keys and the only list of defaults.

mod check;
mod diff;
mod layers;
mod messages;
mod money;
mod problem;
mod reader;
mod tables;
mod values;

pub use diff::Change;
pub use messages::{Demand, Echo, Mandatory, Require, Verification, WhenUnverified};
pub use money::{Categories, HoldClass, Tolerance, Worth};
pub use problem::{Problem, SettingsError};
pub use tables::{
    Admin, Approvals, Clock, Completion, Fees, Holds, Journal, KeepAlive, Limits, Link, Log, LogFormat,
    LogLevel, Marks, OnFull, OnUnreadable, Program, Rates, ReplyAfter, Rules, Server, Settings, Snapshot,
    Telemetry, Transactions, Vault, Verified, WhenFull,
};
pub use values::{AddressRange, Country, Days, Hours, Mcc, Mebibytes, Micros, Millis, Seconds};

use layers::Layers;
use std::path::Path;

/// The text of `config/authswitch.toml`: every setting with its default under a comment.
pub const MANUAL: &str = include_str!("../../config/authswitch.toml");

/// The text of `config/demo.toml`: what the demo has otherwise.
const DEMO: &str = include_str!("../../config/demo.toml");

impl Settings {
    /// The settings in force: the defaults, then `file`, then each `KEY=VALUE` of `overrides` in order.
    ///
    /// # Errors
    /// `Read` if the file cannot be read. `Invalid` with everything found wrong, each problem with its file
    /// (or `--set` argument), line, column, key and what is allowed there.
    pub fn load(file: Option<&Path>, overrides: &[String]) -> Result<Settings, SettingsError> {
        Settings::load_over(None, file, overrides)
    }

    /// As [`Settings::load`], over the demo's settings instead of the defaults alone.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn load_for_demo(file: Option<&Path>, overrides: &[String]) -> Result<Settings, SettingsError> {
        Settings::load_over(Some(DEMO), file, overrides)
    }

    fn load_over(
        base: Option<&str>,
        file: Option<&Path>,
        overrides: &[String],
    ) -> Result<Settings, SettingsError> {
        let text = match file {
            None => None,
            Some(path) => {
                let name = path.display().to_string();
                match std::fs::read_to_string(path) {
                    Ok(text) => Some((name, text)),
                    Err(reason) => return Err(SettingsError::Read { file: name, reason }),
                }
            }
        };
        Settings::from_texts(base, text, overrides)
    }

    /// The same from a text that is already in memory; `name` stands for the file in errors.
    ///
    /// # Errors
    /// As [`Settings::load`], without `Read`.
    pub fn from_text(name: &str, text: &str, overrides: &[String]) -> Result<Settings, SettingsError> {
        Settings::from_texts(None, Some((name.to_owned(), text.to_owned())), overrides)
    }

    fn from_texts(
        base: Option<&str>,
        file: Option<(String, String)>,
        overrides: &[String],
    ) -> Result<Settings, SettingsError> {
        let mut layers = Layers::defaults()?;
        if let Some(base) = base {
            layers.add_file("the demo's settings".to_owned(), base.to_owned())?;
        }
        if let Some((name, text)) = file {
            layers.add_file(name, text)?;
        }
        for argument in overrides {
            layers.add_override(argument)?;
        }
        check::settings(&layers.finish())
    }

    /// CRC32C of [`Settings::canonical`]: the configuration version that each journal record carries.
    #[must_use]
    pub fn fingerprint(&self) -> u32 {
        crc32c::crc32c(self.canonical().as_bytes())
    }

    /// The settings in force as one line of JSON: the same settings give the same text, whatever comments,
    /// order or spelling the file had.
    #[must_use]
    pub fn canonical(&self) -> String {
        // Proven: only strings, numbers, flags and lists, map keys are strings, and `key_file` came from text.
        serde_json::to_string(self).expect("settings are plain text and numbers")
    }
}

impl Default for Settings {
    /// What `config/authswitch.toml` says.
    fn default() -> Settings {
        // Proven by the test that the embedded file parses: it is a constant of the build.
        Settings::from_texts(None, None, &[]).expect("the embedded manual holds")
    }
}
