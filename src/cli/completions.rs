//! `klachtd completions`: what a shell completes. The script that it prints calls klachtd again for every word, so that
//! references come from the running service.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Command;
use clap_complete::CompletionCandidate;
use clap_complete::env::{CompleteEnv, Shells};

use super::{DEFAULT_CONFIG, Failure, print};
use crate::answers::{Ask, exit};
use crate::config::Config;
use crate::control;
use crate::register::Candidate;

/// Set by the script to the shell's name when it asks. Not clap's own `COMPLETE`, which might be set for another program.
const ASKED: &str = "KLACHTD_COMPLETE";

/// How long the service has to answer: somebody holds the Tab key.
const PATIENCE: Duration = Duration::from_millis(500);

/// For which shell.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// The shells that can ask.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
}

impl Shell {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Elvish => "elvish",
        }
    }
}

/// Prints the script for the shell.
pub(super) fn run(command: &Command, arguments: &Arguments) -> Result<u8, Failure> {
    let unwritten =
        |e: std::io::Error| Failure::new(exit::DATAERR, format!("the script can't be written: {e}"));
    let name = command.get_name();
    let shells = Shells::builtins();
    let completer = shells.completer(arguments.shell.as_str()).ok_or_else(|| {
        Failure::new(exit::USAGE, format!("there is no completion for {}", arguments.shell.as_str()))
    })?;
    let program = program(std::env::args_os().next(), std::env::current_dir().ok(), name);
    let mut script = Vec::new();
    completer.write_registration(ASKED, name, name, &program, &mut script).map_err(unwritten)?;
    print::raw(&script);
    Ok(exit::OK)
}

/// How the script calls klachtd: as it was called, from wherever the shell stands by then.
fn program(called: Option<OsString>, directory: Option<PathBuf>, name: &str) -> String {
    let called = PathBuf::from(called.unwrap_or_else(|| name.into()));
    let by_path = called.components().count() > 1;
    let whole =
        directory.filter(|_| by_path).map_or_else(|| called.clone(), |directory| directory.join(&called));
    whole.to_string_lossy().into_owned()
}

/// Answers a shell that asks for completions; `false` when none does. Must come before anything is printed.
pub(super) fn answer(command: impl Fn() -> Command) -> bool {
    let asked = CompleteEnv::with_factory(command).var(ASKED);
    // A shell has no use for an error: what can't be completed is not completed.
    asked.try_complete(std::env::args_os(), std::env::current_dir().ok().as_deref()).unwrap_or(true)
}

/// The references that begin with what was typed, from the running service. Without one there are none: the store is not
/// opened for a Tab.
pub(super) fn references(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(prefix) = typed.to_str() else { return Vec::new() };
    let file = config_file(std::env::args_os(), std::env::var_os("KLACHTD_CONFIG"));
    let found = Config::load(&file).ok().and_then(|config| known(&config.socket, prefix)).unwrap_or_default();
    found.into_iter().map(candidate).collect()
}

fn candidate(known: Candidate) -> CompletionCandidate {
    let help = format!("{}, received {}", known.state.as_str(), known.received);
    CompletionCandidate::new(known.reference).help(Some(help.into()))
}

fn known(socket: &Path, prefix: &str) -> Option<Vec<Candidate>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let ask = Ask::References { prefix: prefix.to_owned() };
    let reply = runtime.block_on(async { tokio::time::timeout(PATIENCE, control::ask(socket, &ask)).await });
    let reply = reply.ok()?.ok()??;
    serde_json::from_value(reply.body).ok()
}

/// The configuration that is named in the line to be completed, else by the environment, else the usual one.
fn config_file(line: impl Iterator<Item = OsString>, environment: Option<OsString>) -> PathBuf {
    // The line stands after the first `--`, its first word is the program.
    let mut words = line.skip_while(|word| word != "--").skip(2);
    while let Some(word) = words.next() {
        if word == "--config" {
            if let Some(file) = words.next() {
                return file.into();
            }
        } else if let Some(file) = word.to_str().and_then(|word| word.strip_prefix("--config=")) {
            return file.into();
        }
    }
    environment.map_or_else(|| DEFAULT_CONFIG.into(), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_that_of_the_line() {
        let of = |line: &[&str], environment: Option<&str>| {
            let line = line.iter().map(OsString::from);
            config_file(line, environment.map(OsString::from))
        };
        let asked = ["klachtd", "--", "klachtd"];
        assert_eq!(
            of(&[&asked[..], &["--config", "a.toml", "show"]].concat(), Some("e")),
            Path::new("a.toml")
        );
        assert_eq!(of(&[&asked[..], &["show", "--config=b.toml"]].concat(), None), Path::new("b.toml"));
        assert_eq!(of(&[&asked[..], &["show", "K-"]].concat(), Some("e.toml")), Path::new("e.toml"));
        assert_eq!(of(&[&asked[..], &["show", "--config"]].concat(), None), Path::new(DEFAULT_CONFIG));
    }

    #[test]
    fn a_script_finds_its_program_from_elsewhere() {
        let program = |called: &str| program(Some(called.into()), Some("/srv".into()), "klachtd");
        assert_eq!(program("klachtd"), "klachtd");
        assert_eq!(program("target/klachtd"), "/srv/target/klachtd");
        assert_eq!(program("/usr/bin/klachtd"), "/usr/bin/klachtd");
    }

    #[test]
    fn without_a_service_nothing_is_offered() {
        assert!(known(Path::new("/absent/control.sock"), "K-").is_none());
    }
}
