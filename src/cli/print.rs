//! How data is printed: JSON, tables, words.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};
use std::process;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Failure;
use crate::answers::exit;
use crate::register::page;

/// Prints one line, or several. Whoever reads may stop early (`| head -1`): then the command ends, and that is no fault.
pub(super) fn line(text: impl Display) {
    ended(writeln!(io::stdout().lock(), "{text}"));
}

/// Prints bytes as they are, for a file or a pipe.
pub(super) fn raw(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    ended(out.write_all(bytes).and_then(|()| out.flush()));
}

/// All that a command does is done and on disk when it prints: there is nothing to unwind.
fn ended(written: io::Result<()>) {
    match written {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::BrokenPipe => process::exit(exit::OK.into()),
        Err(e) => {
            eprintln!("klachtd: the output can't be written: {e}");
            process::exit(exit::TEMPFAIL.into())
        }
    }
}

/// Prints JSON over several lines.
pub(super) fn json(value: &impl Serialize) -> u8 {
    match serde_json::to_string_pretty(value) {
        Ok(text) => {
            line(text);
            exit::OK
        }
        Err(e) => {
            eprintln!("klachtd: the data can't be written as JSON: {e}");
            exit::DATAERR
        }
    }
}

/// Prints a JSON array as [`json`] would, element by element.
#[derive(Debug, Default)]
pub(super) struct Array {
    printed: usize,
}

impl Array {
    /// Prints the next element.
    pub(super) fn push(&mut self, element: &Value) {
        let separator = if self.printed == 0 { "[" } else { "," };
        raw(format!("{separator}\n  {}", format!("{element:#}").replace('\n', "\n  ")).as_bytes());
        self.printed += 1;
    }

    /// Closes it.
    pub(super) fn end(self) {
        line(if self.printed == 0 { "[]" } else { "\n]" });
    }
}

/// Prints one line of JSON.
pub(super) fn json_line(value: &impl Serialize) -> u8 {
    match serde_json::to_string(value) {
        Ok(text) => {
            line(text);
            exit::OK
        }
        Err(e) => {
            eprintln!("klachtd: the data can't be written as JSON: {e}");
            exit::DATAERR
        }
    }
}

/// An answer as what it stands for. A service of another version may answer what this one does not know.
pub(super) fn understood<T: DeserializeOwned>(answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|e| {
        let hint = "is the running service of another version? --json prints it as it is";
        Failure::new(exit::DATAERR, format!("the answer can't be understood: {e}; {hint}"))
    })
}

/// A table as text: columns as wide as their widest cell, no trailing blanks.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |n: usize| {
        let cells = rows.iter().filter_map(|row| row.get(n)).map(|cell| cell.chars().count());
        cells.chain(head.get(n).map(|h| h.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut head.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

/// A string in a JSON object; empty when it is not there or null.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The elements of an array in a JSON object.
pub(super) fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A person as in a mail's From; the address alone when there is no name.
pub(super) fn person(name: &str, email: &str) -> String {
    if name.is_empty() { format!("<{email}>") } else { format!("{} <{email}>", short(name, 60)) }
}

/// At most `width` characters on one line, the last an ellipsis when something was cut. Nothing in it reaches a terminal
/// that it would obey instead of show.
pub(super) fn short(text: &str, width: usize) -> String {
    let clean: String = text.chars().map(|c| if page::is_harmful(c) { ' ' } else { c }).collect();
    if clean.chars().count() <= width {
        return clean;
    }
    clean.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let rows = [vec!["é".to_owned(), "x".to_owned()], vec!["abc".to_owned(), String::new()]];
        assert_eq!(table(&["A", "B"], &rows), "A    B\né    x\nabc");
    }

    #[test]
    fn what_is_cut_shows_it_and_escapes_are_gone() {
        assert_eq!(short("abcdef", 4), "abc…");
        assert_eq!(short("a\u{1b}[1mb", 10), "a [1mb");
    }
}
