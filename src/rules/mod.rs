//! Rule text -> a checked, compiled rule set that cannot fail: conditions in CEL, limits, lists, the stand-in set.
//! PURE; must not know cards' state, money, files, clocks. `config/rules.toml` is the manual of the file.

mod bounds;
mod check;
mod condition;
mod facts;
mod file;
mod index;
mod limit;
mod lint;
mod list;
mod problem;
mod rule;
mod samples;
mod set;
mod sets;
mod syntax;
mod text;
mod verdict;

pub use facts::{Attribute, Facts, Sort};
pub use limit::{Bins, Limit, Scope, Window};
pub use lint::{Evidence, Finding, Suspicion, lint};
pub use list::{Group, List, Of};
pub use problem::{Problem, Problems};
pub use rule::{Effect, Mode, Rule, UpTo};
pub use samples::Samples;
pub use set::{Explained, On, RuleSet, Rules, StandIn, StandInMode, problems_at};
pub use text::Text;
pub use verdict::{Findings, Verdict};

/// The text of `config/rules.toml`: a rule file with everything that there is, under comments.
pub const MANUAL: &str = include_str!("../../config/rules.toml");

/// Bytes of a rule file, without its list files.
pub const MOST_FILE_BYTES: usize = 1 << 20;
/// Rules of a file, and of its stand-in set.
pub const MOST_RULES: usize = 4_096;
/// Limits of a file, and of its stand-in set.
pub const MOST_LIMITS: usize = 32;
