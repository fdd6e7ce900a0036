//! How a tree of values becomes typed tables: every fault is noted with its file and key, and reading goes on.
//!
//! The `table!` macro declares a table once. Its fields are the Rust type, the keys that are known, the sample's
//! comments and the JSON schema, so that those can't drift apart.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{Value, ValueKind};

use super::ConfigError;

/// Where something stands: what a fault names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The file, or `environment VARIABLE`.
    pub(super) file: PathBuf,
    /// The key from the top of that file, as in `mailbox[0].inbox.host`.
    pub(super) key: String,
}

impl Place {
    /// The place of a key in the table that stands here.
    pub(super) fn child(&self, key: &str) -> Self {
        let key = if self.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.key) };
        Self { file: self.file.clone(), key }
    }

    /// A fault here.
    pub(super) fn fault(&self, problem: impl Into<String>, expected: impl Into<String>) -> ConfigError {
        ConfigError {
            file: self.file.clone(),
            key: self.key.clone(),
            problem: problem.into(),
            expected: expected.into(),
        }
    }
}

/// Whether a key may be left out, and what the sample shows for it (as TOML).
#[derive(Debug, Clone, Copy)]
pub(super) enum Presence {
    /// It must be there.
    Required(&'static str),
    /// It may be left out and then has this value.
    Default(&'static str),
    /// It may be left out; the sample shows it as a comment.
    Optional(&'static str),
    /// It may be left out, yet is usually there: the sample has it.
    Usual(&'static str),
}

/// What stands at a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// One value; the JSON schema of it.
    Value(fn() -> serde_json::Value),
    /// `[table]`.
    Table(&'static [Key]),
    /// `[[table]]`.
    Tables(&'static [Key]),
    /// A table whose other keys depend on its key `kind`.
    Kinds(&'static [(&'static str, &'static [Key])]),
}

/// A key of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// As it is written.
    pub(super) name: &'static str,
    /// What it means: its doc comment.
    pub(super) doc: &'static str,
    /// Whether it may be left out.
    pub(super) presence: Presence,
    /// What stands there.
    pub(super) shape: Shape,
}

/// What may stand at a key.
pub(super) trait Field: Sized {
    /// For the sample and the schema.
    const SHAPE: Shape;

    /// Reads it, or notes the faults.
    fn read(node: &Node<'_>, reader: &mut Reader<'_>) -> Option<Self>;

    /// What it is when its key is left out; `None` when that can't be.
    fn absent() -> Option<Self> {
        None
    }
}

/// A table with known keys; made by `table!`.
pub(super) trait Table: Sized {
    /// Its keys, in the order of the sample.
    const KEYS: &'static [Key];

    /// Reads it; the key `kind` is known too when `of_kind`.
    fn read_table(node: &Node<'_>, of_kind: bool, reader: &mut Reader<'_>) -> Option<Self>;
}

/// A value and the key that leads to it.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    value: &'a Value,
    key: String,
}

impl<'a> Node<'a> {
    /// The top of a file.
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, key: String::new() }
    }

    /// What stands here.
    pub(super) fn kind(&self) -> &'a ValueKind {
        &self.value.kind
    }

    /// The key that leads here.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// What stands at a key of this table; `None` when this is no table or has no such key.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        match self.kind() {
            ValueKind::Table(table) => table.get(key).map(|value| self.child(key, value)),
            _ => None,
        }
    }

    fn child(&self, key: &str, value: &'a Value) -> Self {
        let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        let shown = if bare { key.chars().take(60).collect() } else { shorten(key) };
        let key = if self.key.is_empty() { shown } else { format!("{}.{shown}", self.key) };
        Self { value, key }
    }

    /// Keys and values of this table, sorted by key; `None` when this is no table.
    pub(super) fn entries(&self) -> Option<BTreeMap<&'a str, Self>> {
        match self.kind() {
            ValueKind::Table(table) => {
                Some(table.iter().map(|(key, value)| (key.as_str(), self.child(key, value))).collect())
            }
            _ => None,
        }
    }

    /// The elements of this list; `None` when this is none. Each is numbered within its own file, because a later
    /// file adds to the lists of an earlier one and its reader counts from the top of what he sees.
    pub(super) fn elements(&self) -> Option<Vec<Self>> {
        let ValueKind::Array(values) = self.kind() else {
            return None;
        };
        let mut counts = BTreeMap::new();
        let number = |value: &'a Value| {
            let count: &mut usize = counts.entry(value.origin()).or_default();
            let key = format!("{}[{count}]", self.key);
            *count += 1;
            Self { value, key }
        };
        Some(values.iter().map(number).collect())
    }

    /// A string, for errors and for enumerations.
    pub(super) fn text(&self) -> Option<&'a str> {
        match self.kind() {
            ValueKind::String(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads nodes and collects the faults.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    files: &'a [PathBuf],
    partial: bool,
    /// What was wrong, in the order of reading.
    pub(super) faults: Vec<ConfigError>,
}

impl<'a> Reader<'a> {
    /// `files` are those that a value's origin counts (see `layers`); the first is the main one. A `partial` tree is
    /// one file of several, so that nothing is missing in it.
    pub(super) fn new(files: &'a [PathBuf], partial: bool) -> Self {
        Self { files, partial, faults: Vec::new() }
    }

    /// Notes a fault at `node`.
    pub(super) fn fault(&mut self, node: &Node<'_>, problem: impl Into<String>, expected: impl Into<String>) {
        let fault = self.place(node).fault(problem, expected);
        self.faults.push(fault);
    }

    /// Where `node` stands.
    pub(super) fn place(&self, node: &Node<'_>) -> Place {
        let file = if from_environment(node) {
            format!("environment KLACHTD__{}", node.key.to_ascii_uppercase().replace('.', "__")).into()
        } else {
            self.file(node).to_owned()
        };
        Place { file, key: node.key.clone() }
    }

    /// What a relative path at `node` is relative to. The environment stands in no file: there it is the main one.
    pub(super) fn directory(&self, node: &Node<'_>) -> &'a Path {
        self.file(node).parent().unwrap_or(Path::new(""))
    }

    fn file(&self, node: &Node<'_>) -> &'a Path {
        let number = node.value.origin().and_then(|origin| origin.parse::<usize>().ok()).unwrap_or(0);
        self.files.get(number).map_or(Path::new(""), PathBuf::as_path)
    }

    /// Notes what is no table, and keys that are not known.
    pub(super) fn known_keys(&mut self, node: &Node<'_>, keys: &[Key], of_kind: bool) -> Option<()> {
        let Some(entries) = node.entries() else {
            self.fault(node, format!("{} is not a table", describe(node)), "a table");
            return None;
        };
        let known: Vec<&str> = keys.iter().map(|key| key.name).chain(of_kind.then_some("kind")).collect();
        for (key, child) in entries {
            if !known.contains(&key) {
                self.fault(&child, "unknown key", nearest(key, &known));
            }
        }
        Some(())
    }

    /// What stands at a key of the table `node`, or what it is when left out.
    pub(super) fn field<T: Field>(&mut self, node: &Node<'_>, key: &Key) -> Option<T> {
        if let Some(child) = node.get(key.name) {
            return T::read(&child, self);
        }
        match key.presence {
            Presence::Default(text) => {
                let table = toml::from_str::<toml::Table>(&format!("value = {text}")).ok()?;
                let value = super::layers::value(table.get("value")?.clone(), None);
                T::read(&node.child(key.name, &value), self)
            }
            Presence::Optional(_) | Presence::Usual(_) => T::absent(),
            Presence::Required(sample) => {
                if !self.partial {
                    let expected = match key.shape {
                        Shape::Value(_) => format!("it, as in {} = {sample}", key.name),
                        Shape::Table(_) | Shape::Tables(_) | Shape::Kinds(_) => {
                            "a table of this name".to_owned()
                        }
                    };
                    let fault = self.place(node).child(key.name).fault("missing", expected);
                    self.faults.push(fault);
                }
                None
            }
        }
    }

    /// The key `kind` of a table: one of `kinds`, or a fault.
    pub(super) fn table_kind<'n>(&mut self, node: &Node<'n>, kinds: &[&str]) -> Option<&'n str> {
        let expected = kinds.iter().map(|kind| format!("{kind:?}")).collect::<Vec<_>>().join(" or ");
        let Some(kind) = node.get("kind") else {
            if node.entries().is_some() {
                let fault = self.place(node).child("kind").fault("missing", expected);
                self.faults.push(fault);
            } else {
                self.fault(node, format!("{} is not a table", describe(node)), "a table");
            }
            return None;
        };
        match kind.text() {
            Some(word) if kinds.contains(&word) => Some(word),
            _ => {
                self.fault(&kind, format!("{} is not known", describe(&kind)), expected);
                None
            }
        }
    }
}

/// Whether a value came from an environment variable, where everything is a string.
pub(super) fn from_environment(node: &Node<'_>) -> bool {
    node.value.origin().is_some_and(|origin| origin.parse::<usize>().is_err())
}

/// Names what stands at `node` for an error, shortened. Never for a secret.
pub(super) fn describe(node: &Node<'_>) -> String {
    match node.kind() {
        ValueKind::String(text) => shorten(text),
        ValueKind::Table(_) => "a table".into(),
        ValueKind::Array(_) => "a list".into(),
        ValueKind::Nil => "nothing".into(),
        ValueKind::Boolean(value) => value.to_string(),
        ValueKind::I64(value) => value.to_string(),
        ValueKind::I128(value) => value.to_string(),
        ValueKind::U64(value) => value.to_string(),
        ValueKind::U128(value) => value.to_string(),
        ValueKind::Float(value) => value.to_string(),
    }
}

/// In quotes, control characters escaped, at most 60 characters.
fn shorten(text: &str) -> String {
    let mut start: String = text.chars().take(60).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    format!("{start:?}")
}

/// What was probably meant, for words that are not known; all that is known when nothing is near.
pub(super) fn nearest(word: &str, known: &[&str]) -> String {
    let lower = word.to_lowercase();
    if let Some(name) = known.iter().find(|name| **name == lower) {
        return format!("{name} (in lower case)");
    }
    let near = known.iter().map(|name| (strsim::osa_distance(&lower, name), *name)).min();
    match near {
        Some((distance, name)) if distance <= 2.max(name.len() / 3) => format!("perhaps {name}"),
        _ => format!("one of {}", known.join(", ")),
    }
}

impl<T: Field> Field for Option<T> {
    const SHAPE: Shape = T::SHAPE;

    fn read(node: &Node<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        T::read(node, reader).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// A list: of tables, or of values. Every element is read, so that all their faults are seen at once.
impl<T: Field> Field for Vec<T> {
    const SHAPE: Shape = match T::SHAPE {
        Shape::Table(keys) => Shape::Tables(keys),
        _ => Shape::Value(list_schema::<T>),
    };

    fn read(node: &Node<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(elements) = node.elements() else {
            let expected = match T::SHAPE {
                Shape::Table(_) => format!("a list of tables, [[{}]]", node.key()),
                _ => "a list, [\"…\", \"…\"]".to_owned(),
            };
            reader.fault(node, format!("{} is not a list", describe(node)), expected);
            return None;
        };
        let read: Vec<Option<T>> = elements.iter().map(|element| T::read(element, reader)).collect();
        read.into_iter().collect()
    }
}

fn list_schema<T: Field>() -> serde_json::Value {
    match T::SHAPE {
        Shape::Value(schema) => serde_json::json!({ "type": "array", "items": schema() }),
        Shape::Table(_) | Shape::Tables(_) | Shape::Kinds(_) => serde_json::json!({ "type": "array" }),
    }
}

/// Declares a table: `key: Type = Presence("sample"),` with a doc comment on each key.
macro_rules! table {
    (
        $(#[doc = $about:literal])+
        $vis:vis struct $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident : $type:ty = $presence:ident($sample:literal), )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug)]
        $vis struct $name {
            /// Where the table stands.
            #[allow(dead_code, reason = "not every table has faults that span several of its keys")]
            $vis place: $crate::config::read::Place,
            $( $(#[doc = $doc])+ $vis $field: $type, )+
        }

        impl $crate::config::read::Table for $name {
            const KEYS: &'static [$crate::config::read::Key] = &[$(
                $crate::config::read::Key {
                    name: stringify!($field),
                    doc: concat!($($doc),+),
                    presence: $crate::config::read::Presence::$presence($sample),
                    shape: <$type as $crate::config::read::Field>::SHAPE,
                },
            )+];

            fn read_table(
                node: &$crate::config::read::Node<'_>,
                of_kind: bool,
                reader: &mut $crate::config::read::Reader<'_>,
            ) -> Option<Self> {
                reader.known_keys(node, Self::KEYS, of_kind)?;
                let mut keys = Self::KEYS.iter();
                // All fields are read before the first missing one gives up.
                $( let $field = keys.next().and_then(|key| reader.field::<$type>(node, key)); )+
                Some(Self { place: reader.place(node), $( $field: $field?, )+ })
            }
        }

        impl $crate::config::read::Field for $name {
            const SHAPE: $crate::config::read::Shape =
                $crate::config::read::Shape::Table(<Self as $crate::config::read::Table>::KEYS);

            fn read(
                node: &$crate::config::read::Node<'_>,
                reader: &mut $crate::config::read::Reader<'_>,
            ) -> Option<Self> {
                <Self as $crate::config::read::Table>::read_table(node, false, reader)
            }
        }
    };
}

/// Declares a table whose other keys depend on its key `kind`.
macro_rules! kinds {
    (
        $(#[doc = $about:literal])+
        $vis:vis enum $name:ident { $( $(#[doc = $doc:literal])+ $variant:ident($table:ty) = $kind:literal, )+ }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug)]
        $vis enum $name { $( $(#[doc = $doc])+ $variant($table), )+ }

        impl $crate::config::read::Field for $name {
            const SHAPE: $crate::config::read::Shape = $crate::config::read::Shape::Kinds(
                &[$( ($kind, <$table as $crate::config::read::Table>::KEYS), )+]
            );

            fn read(
                node: &$crate::config::read::Node<'_>,
                reader: &mut $crate::config::read::Reader<'_>,
            ) -> Option<Self> {
                match reader.table_kind(node, &[$($kind),+])? {
                    $( $kind => <$table as $crate::config::read::Table>::read_table(node, true, reader)
                        .map(Self::$variant), )+
                    _ => None,
                }
            }
        }
    };
}

pub(super) use {kinds, table};
