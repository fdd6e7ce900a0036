//! From the file's words to a [`Procedure`]. Whatever is refused is refused by line, key and what was expected.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde::{Deserialize, Deserializer};

use super::{Procedure, Unit};

/// The version of the format that this program reads.
const SCHEMA: u32 = 1;

/// "ordernummer 2026-1187", "bestelling: AB-12345", "factuur 20260012", "invoice no. 4711": a number of at least
/// four characters, so that "order 2 stuks" is none.
const ORDER_NUMBER: &str = r"(?i)\b(?:order|bestel|bestelling|factuur|invoice|purchase order)[ \t-]?(?:s)?(?:nummer|number|nr|no|num|id|code)?\b\.?[ \t]*(?:is|was|luidt|van|[:=#])?[ \t]*#?[ \t]*(?P<value>[a-z]{0,6}[-/]?[0-9](?:[-/.]?[a-z0-9]){3,23})\b";

/// Dutch and British numbers, national or with +31, 0031, +44, 0044.
const PHONE: &str = r"(?:^|[^\w+/-])(?P<value>(?:\+|00)(?:31|44)[ .-]?(?:\(0\)[ .-]?)?[1-9](?:[ .-]?[0-9]){7,9}|\(?0[1-9](?:[ ().-]{0,2}[0-9]){8,9})(?:$|[^\w/-])";

/// Why a file is no procedure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}`{key}`: {message}", .line.map(|line| format!("line {line}, ")).unwrap_or_default())]
pub struct ProcedureError {
    /// Counted from 1, when it is known.
    pub line: Option<usize>,
    /// The key at fault, as far as it is known.
    pub key: String,
    /// What is wrong, and what was expected.
    pub message: String,
}

/// A string of the file with its key, such as `terms[respond].quote`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) key: String,
    pub(super) value: String,
}

impl Procedure {
    /// Reads a procedure file.
    ///
    /// # Errors
    /// When it is no TOML, a key is unknown, missing or holds what can't be kept: names line, key and expectation.
    pub fn parse(source: &str) -> Result<Self, ProcedureError> {
        let mut procedure: Self = toml::from_str(source).map_err(|error| located(source, &error))?;
        procedure.written = written(source)?;
        procedure.check()?;
        Ok(procedure)
    }

    /// What the types can't say.
    fn check(&self) -> Result<(), ProcedureError> {
        let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        refuse(self.schema != SCHEMA, "schema", || format!("is {}, expected {SCHEMA}", self.schema))?;
        refuse(self.id.is_empty() || !self.id.chars().all(named), "id", || {
            format!("is `{}`, expected lower-case letters, digits, - and _", self.id)
        })?;
        refuse(self.languages.is_empty(), "languages", || "is empty, expected nl or en".into())?;
        refuse(self.terms.is_empty(), "terms", || "is empty, expected at least one term".into())?;
        refuse_repeats("terms", self.terms.iter().map(|term| term.id.as_str()))?;
        refuse_repeats("external", self.external.iter().map(|body| body.id.as_str()))?;
        for (field, pattern) in &self.intake.patterns {
            Regex::new(pattern).map_err(|error| ProcedureError {
                line: None,
                key: format!("intake.patterns.{field}"),
                message: format!("is no regular expression: {error}"),
            })?;
        }
        for term in &self.terms {
            refuse(term.done_by.is_empty(), &format!("terms[{}].done_by", term.id), || {
                "is empty, expected an event".into()
            })?;
            let unit = term.extend.as_ref().map(|extend| extend.before_end.unit);
            let counted = unit.is_none_or(|unit| matches!(unit, Unit::Days | Unit::WorkingDays));
            refuse(!counted, &format!("terms[{}].extend.before_end", term.id), || {
                "expected days or working days".into()
            })?;
        }
        Ok(())
    }
}

/// What finds order and telephone numbers when the procedure says nothing else.
pub(super) fn default_patterns() -> BTreeMap<String, String> {
    [("order_number", ORDER_NUMBER), ("phone", PHONE)].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
}

/// The patterns of the file over the default ones.
pub(super) fn patterns<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let own = BTreeMap::<String, String>::deserialize(from)?;
    let mut all = default_patterns();
    all.extend(own);
    Ok(all)
}

/// A name that may be absent or `""`.
pub(super) fn none_when_empty<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.filter(|name| !name.is_empty()))
}

fn refuse(wrong: bool, key: &str, message: impl Fn() -> String) -> Result<(), ProcedureError> {
    if wrong {
        return Err(ProcedureError { line: None, key: key.to_owned(), message: message() });
    }
    Ok(())
}

fn refuse_repeats<'a>(key: &str, ids: impl Iterator<Item = &'a str>) -> Result<(), ProcedureError> {
    let mut seen = BTreeSet::new();
    for id in ids {
        refuse(!seen.insert(id), key, || format!("`{id}` stands twice, expected different ids"))?;
    }
    Ok(())
}

/// A TOML error with its line and key.
fn located(source: &str, error: &toml::de::Error) -> ProcedureError {
    let at = error.span().map_or(0, |span| span.start);
    let before = source.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let key = key_at(line, source.get(at..).unwrap_or_default());
    ProcedureError {
        line: error.span().map(|_| before.matches('\n').count() + 1),
        key: key.unwrap_or("procedure").to_owned(),
        message: error.message().to_owned(),
    }
}

/// The key that stands at the error, else the last one before it on its line.
fn key_at<'a>(before: &'a str, rest: &'a str) -> Option<&'a str> {
    let is_key = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let here = &rest[..rest.find(|c| !is_key(c)).unwrap_or(rest.len())];
    let assigned = rest[here.len()..].trim_start_matches(' ').starts_with('=');
    if !here.is_empty() && assigned {
        return Some(here);
    }
    let left = before.rsplit_once('=')?.0.trim_end();
    left.rsplit(|c| !is_key(c)).next().filter(|key| !key.is_empty())
}

/// Every string of the file with its key.
fn written(source: &str) -> Result<Vec<Written>, ProcedureError> {
    let table: toml::Table = toml::from_str(source).map_err(|error| located(source, &error))?;
    let mut found = Vec::new();
    for (key, value) in &table {
        collect(key, value, &mut found);
    }
    Ok(found)
}

/// Depth is bounded: the typed reading went before, and its types are at most four tables deep.
fn collect(key: &str, value: &toml::Value, found: &mut Vec<Written>) {
    match value {
        toml::Value::String(text) => found.push(Written { key: key.to_owned(), value: text.clone() }),
        toml::Value::Table(table) => {
            for (name, value) in table {
                collect(&format!("{key}.{name}"), value, found);
            }
        }
        toml::Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let id = item.get("id").and_then(toml::Value::as_str).map(str::to_owned);
                collect(&format!("{key}[{}]", id.unwrap_or_else(|| index.to_string())), item, found);
            }
        }
        toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_) => {}
    }
}
