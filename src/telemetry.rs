//! Logging: to the journal under systemd, else to stderr, readable for people or as JSON for machines.
//!
//! Data goes to stdout and logs never do. What is logged at info and above holds no address, subject or body: the
//! reference is the correlator.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::{EnvFilter, LevelFilter, ParseError};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt};

/// The environment variable with the filter. It has one underscore: `KLACHTD__…` overrides the configuration.
pub const FILTER_VARIABLE: &str = "KLACHTD_LOG";

/// How log lines look, and where they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// Readable lines on stderr, coloured on a terminal.
    Text,
    /// One JSON object a line on stderr.
    Json,
    /// The systemd journal, fields kept; stderr when there is no journal.
    Journald,
    /// The journal when systemd connected stderr to it, else text.
    #[default]
    Auto,
}

/// Why logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error(
        "log filter {filter:?}: {source}; expected off, error, warn, info, debug, trace, or target=level,target=level"
    )]
    Filter {
        /// As it was given.
        filter: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// It was started before.
    #[error("logging was started before: {0}")]
    Started(#[from] TryInitError),
}

/// Starts logging for the whole process. `filter` is a level for klachtd (`debug`) or directives of `tracing`
/// (`klachtd::store=trace,sled=info`); without one [`FILTER_VARIABLE`] counts, and without that `info`. The
/// libraries are at `warn` unless a directive names them.
///
/// # Errors
/// The filter can't be read, or logging was started before.
pub fn start(format: LogFormat, filter: Option<&str>) -> Result<(), TelemetryError> {
    let variable = std::env::var(FILTER_VARIABLE).ok();
    let given = filter.or(variable.as_deref()).map(str::trim).filter(|filter| !filter.is_empty());
    let filter = parse_filter(given.unwrap_or("info"))?;
    let (output, unavailable) = output(format);
    tracing_subscriber::registry().with(output).with(filter).try_init()?;
    if let Some(error) = unavailable {
        tracing::warn!(%error, "the journal can't be reached, logging to stderr");
    }
    Ok(())
}

/// The HTML library warns of every odd page: what senders write must not fill the log. And that a server's certificate is
/// not trusted is said once, by whoever dialled, not as an error by the library that looked at it.
///
/// A level alone is klachtd's; it may quieten the libraries, and not make them louder than `warn`.
fn parse_filter(filter: &str) -> Result<EnvFilter, TelemetryError> {
    let directives = match filter.parse::<LevelFilter>() {
        Ok(level) => format!(
            "{},html5ever=off,rustls_platform_verifier=off,klachtd={level}",
            level.min(LevelFilter::WARN)
        ),
        Err(_) => format!("warn,html5ever=off,rustls_platform_verifier=off,klachtd=info,{filter}"),
    };
    EnvFilter::builder()
        .parse(directives)
        .map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })
}

type Output = Box<dyn Layer<Registry> + Send + Sync>;

/// The layer that writes, and why it is not the journal when that was wanted.
fn output(format: LogFormat) -> (Output, Option<io::Error>) {
    match format {
        LogFormat::Text => (text(), None),
        LogFormat::Json => (fmt::layer().json().with_writer(io::stderr).boxed(), None),
        LogFormat::Auto if !stderr_is_the_journal() => (text(), None),
        LogFormat::Journald | LogFormat::Auto => match tracing_journald::layer() {
            Ok(journal) => (journal.with_syslog_identifier("klachtd".to_owned()).boxed(), None),
            Err(error) => (text(), Some(error)),
        },
    }
}

fn text() -> Output {
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    fmt::layer().with_ansi(colour).with_writer(io::stderr).boxed()
}

/// systemd.exec(5): `$JOURNAL_STREAM` holds device and inode of the stream, and a child whose stderr was sent elsewhere
/// inherits the variable all the same, so that both must agree.
fn stderr_is_the_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    rustix::fs::fstat(io::stderr()).is_ok_and(|stat| is_stream(&stream, stat.st_dev, stat.st_ino))
}

fn is_stream(variable: &str, device: u64, inode: u64) -> bool {
    variable == format!("{device}:{inode}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_alone_is_for_klachtd() {
        let shown = |filter| parse_filter(filter).expect(filter).to_string();
        assert!(shown("debug").contains("klachtd=debug") && shown("debug").contains("warn"));
        assert!(shown("error").split(',').any(|directive| directive == "error"), "{}", shown("error"));
        assert!(shown("off").split(',').all(|directive| directive.ends_with("off")), "{}", shown("off"));
    }

    #[test]
    fn directives_add_to_the_default() {
        let shown = parse_filter("sled=info,klachtd::store=trace").expect("a filter").to_string();
        for directive in ["sled=info", "klachtd::store=trace", "klachtd=info", "warn"] {
            assert!(shown.split(',').any(|part| part == directive), "{directive} in {shown}");
        }
    }

    #[test]
    fn a_bad_filter_is_named() {
        let told = parse_filter("klachtd=loud").expect_err("loud is no level").to_string();
        assert!(told.contains("klachtd=loud") && told.contains("expected"), "{told}");
    }

    #[test]
    fn the_journal_is_recognised_by_device_and_inode() {
        assert!(is_stream("8:12345", 8, 12345));
        for other in ["8:1234", "", "8", "12345:8", "8:12345:1"] {
            assert!(!is_stream(other, 8, 12345), "{other}");
        }
    }

    #[test]
    fn without_a_journal_there_is_still_an_output() {
        let (_, unavailable) = output(LogFormat::Journald);
        let socket = std::path::Path::new("/run/systemd/journal/socket").exists();
        assert!(socket || unavailable.is_some(), "it says why the journal is not used");
        assert!(output(LogFormat::Text).1.is_none() && output(LogFormat::Json).1.is_none());
    }
}
