//! The process's log: `tracing` to stderr, one line an event, JSON or text. Never message content, never one
//! line a message. Nobody who logs waits for stderr.

use super::{Outlet, Told};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::panic::PanicHookInfo;
use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Duration;
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
    /// The system gives no second handle of stderr, or no thread to write to it.
    #[error("the log cannot be set up: {0}")]
    Stream(#[from] io::Error),
}

/// Exchanges the filter of the process's log.
type Exchange = Box<dyn Fn(EnvFilter) -> Result<(), LogError> + Send + Sync>;
static EXCHANGE: OnceLock<Exchange> = OnceLock::new();
/// Where its lines go.
static OUTLET: OnceLock<Outlet> = OnceLock::new();

/// How long the end of the process waits for a stream that nobody may be reading.
pub const LAST_WORDS: Duration = Duration::from_secs(1);

/// From here on what [`write()`] is given waits for stderr on a thread of its own, a panic's text too, and who ends the process
/// calls [`flush`] first. A second call changes nothing.
///
/// # Errors
/// The system gives no second handle of stderr, or no thread.
pub fn unhurried() -> io::Result<()> {
    if OUTLET.get().is_some() {
        return Ok(());
    }
    let told = Told {
        dropped: |lines| tracing::warn!(lines, "lines of the log dropped: stderr took none"),
        // Nobody hears it.
        failed: |_| {},
    };
    let stderr = io::stderr().as_fd().try_clone_to_owned()?;
    let _ = OUTLET.set(Outlet::start("log", stderr, told)?);
    std::panic::set_hook(Box::new(tell_panic));
    Ok(())
}

/// Sets up the process's log, [`unhurried`]; the environment's [`LEVEL_VARIABLE`] wins over the settings.
///
/// # Errors
/// An unreadable level, a second call, or no thread.
pub fn init(options: &Options) -> Result<(), LogError> {
    let filter = filter(variable().as_deref(), &options.level)?;
    unhurried()?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Line)
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

/// A line on its way to the stream.
struct Line;

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        write(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes lines that are none of the log's in their order among them. Returns whether there is a log to take them.
pub fn write(lines: &[u8]) -> bool {
    OUTLET.get().map(|outlet| outlet.push(lines)).is_some()
}

/// Waits until what was logged has left, [`LAST_WORDS`] at most.
pub fn flush() {
    if let Some(outlet) = OUTLET.get() {
        outlet.flush(LAST_WORDS);
    }
}

/// Bytes of the log that stderr has not taken yet.
pub fn waiting() -> u64 {
    OUTLET.get().map_or(0, Outlet::waiting)
}

/// Lines that were dropped so far because stderr took none.
pub fn dropped() -> u64 {
    OUTLET.get().map_or(0, Outlet::dropped)
}

/// What the standard library writes of a panic, but without waiting for a stream that nobody reads.
fn tell_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let (name, trace) = (thread.name().unwrap_or("unnamed"), std::backtrace::Backtrace::capture());
    let trace = if trace.status() == std::backtrace::BacktraceStatus::Captured {
        trace.to_string()
    } else {
        String::new()
    };
    write(format!("thread '{name}' {panic}\n{trace}").as_bytes());
    flush();
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
