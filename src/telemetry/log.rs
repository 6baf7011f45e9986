//! The process's log: `tracing` to stderr, one line an event, JSON or text. Never message content, never one
//! line a message: a blocked stderr would block the worker.

use std::io::IsTerminal;
use std::str::FromStr;
use std::sync::OnceLock;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// Overrides the level of the settings, with the same syntax: `debug`, or `warn,authswitch::network=debug`.
pub const LEVEL_VARIABLE: &str = "AUTHSWITCH_LOG";

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line, for collectors.
    #[default]
    Json,
    /// For people at a terminal.
    Text,
}

impl FromStr for Format {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Format, LogError> {
        match text {
            "json" => Ok(Format::Json),
            "text" => Ok(Format::Text),
            _ => Err(LogError::Format(text.to_owned())),
        }
    }
}

/// The log's settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// A level, or directives by module: `info`, `warn,authswitch::network=debug`.
    pub level: String,
    /// How a line looks.
    pub format: Format,
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The format has no such name.
    #[error("log format `{0}`: expected `json` or `text`")]
    Format(String),
    /// A level or directive that cannot be understood.
    #[error(
        "{origin} `{level}`: {reason}; expected error, warn, info, debug, trace or directives like `info,authswitch::network=debug`"
    )]
    Level {
        /// Where it came from.
        origin: &'static str,
        /// As given.
        level: String,
        /// What the parser said.
        reason: String,
    },
    /// The process has a log already.
    #[error("the log is set up already")]
    Twice,
    /// The process has no log whose level could be changed.
    #[error("the log is not set up")]
    NotYet,
}

/// Exchanges the filter of the process's log.
type Exchange = Box<dyn Fn(EnvFilter) -> Result<(), LogError> + Send + Sync>;
static EXCHANGE: OnceLock<Exchange> = OnceLock::new();

/// Sets up the process's log; the environment's [`LEVEL_VARIABLE`] wins over the settings.
///
/// # Errors
/// An unreadable level, or a second call.
pub fn init(options: &Options) -> Result<(), LogError> {
    let filter = filter(variable().as_deref(), &options.level)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would say so on the same stderr by a macro that panics there: a collector that ends must not end the switch.
        .log_internal_errors(false);
    let exchange: Exchange = match options.format {
        Format::Json => {
            let builder = builder.json().flatten_event(true).with_current_span(false).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.finish().try_init().map_err(|_| LogError::Twice)?;
            Box::new(move |filter| handle.reload(filter).map_err(|_| LogError::NotYet))
        }
        // Colours are for terminals, not for files.
        Format::Text => {
            let builder = builder.with_ansi(std::io::stderr().is_terminal()).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.finish().try_init().map_err(|_| LogError::Twice)?;
            Box::new(move |filter| handle.reload(filter).map_err(|_| LogError::NotYet))
        }
    };
    EXCHANGE.set(exchange).map_err(|_| LogError::Twice)
}

/// Changes the level while the process runs, but not where it is fixed.
///
/// # Errors
/// An unreadable level, or no log.
pub fn set_level(level: &str) -> Result<(), LogError> {
    if is_fixed() {
        return Ok(());
    }
    let exchange = EXCHANGE.get().ok_or(LogError::NotYet)?;
    exchange(filter(None, level)?)
}

/// Whether the environment's [`LEVEL_VARIABLE`] is set, which goes on to win.
pub fn is_fixed() -> bool {
    variable().is_some()
}

/// The environment's level, if it names one.
fn variable() -> Option<String> {
    std::env::var(LEVEL_VARIABLE).ok().filter(|level| !level.trim().is_empty())
}

fn filter(variable: Option<&str>, setting: &str) -> Result<EnvFilter, LogError> {
    let (origin, level) = match variable {
        Some(level) if !level.trim().is_empty() => (LEVEL_VARIABLE, level),
        _ => ("log.level", setting),
    };
    EnvFilter::builder().parse(level).map_err(|error| LogError::Level {
        origin,
        level: level.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_wins_unless_empty() {
        for (variable, setting, expected) in
            [(None, "warn", "warn"), (Some("debug"), "warn", "debug"), (Some(" "), "error", "error")]
        {
            assert_eq!(filter(variable, setting).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn an_unreadable_level_names_its_origin() {
        for (variable, setting, origin) in
            [(None, "a=b=c", "log.level"), (Some("a=loud"), "info", LEVEL_VARIABLE)]
        {
            let error = filter(variable, setting).unwrap_err().to_string();
            assert!(error.starts_with(origin), "{error}");
        }
    }

    #[test]
    fn formats_have_names() {
        assert_eq!("json".parse::<Format>().unwrap(), Format::Json);
        assert_eq!("text".parse::<Format>().unwrap(), Format::Text);
        assert!("xml".parse::<Format>().unwrap_err().to_string().contains("`xml`"));
    }
}
