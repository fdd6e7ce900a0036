//! The layers of the configuration: the file, `conf.d/*.toml` beside it in the order of their names, the environment.
//!
//! Tables of a later layer merge into those of an earlier one, key by key. Lists of a later file are appended, so
//! that `conf.d/websec.toml` can bring a `[[mailbox]]` of its own. The environment sets keys of tables, no lists.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use config::{Environment, Map, Source, Value, ValueKind};

use super::ConfigError;
use super::raw::Root;
use super::read::{self, Field as _, Key, Node, Place, Reader, Shape, Table as _};

/// Before the names of environment variables that set a key. `KLACHTD_LOG` and the like don't begin so.
const PREFIX: &str = "KLACHTD__";

/// The most that a file of the configuration may hold, in bytes.
const FILE_LIMIT: u64 = 1024 * 1024;

/// All layers as one tree.
#[derive(Debug)]
pub(super) struct Layers {
    /// The files that a value's origin counts; the first is the main one.
    pub(super) files: Vec<PathBuf>,
    /// The merged tree.
    pub(super) tree: Value,
    /// What was wrong in a layer by itself.
    pub(super) faults: Vec<ConfigError>,
    /// Whether a file could not be read or is not TOML, so that what is missing in `tree` may stand there.
    pub(super) incomplete: bool,
}

/// Reads all layers. Never fails: what was wrong stands in `faults`.
pub(super) fn read(main: &Path, environment: &BTreeMap<OsString, OsString>) -> Layers {
    let mut faults = Vec::new();
    let mut files = vec![main.to_owned()];
    files.extend(drop_ins(main, &mut faults));
    let trees: Vec<Option<toml::Table>> =
        files.iter().map(|file| parse(file).map_err(|fault| faults.push(fault)).ok()).collect();
    let incomplete = !faults.is_empty();

    let mut layers = config::Config::builder();
    for (number, table) in trees.into_iter().enumerate() {
        let tree = value(toml::Value::Table(table.unwrap_or_default()), Some(&number.to_string()));
        let mut reader = Reader::new(&files, true);
        let _only_its_faults = Root::read(&Node::root(&tree), &mut reader);
        faults.append(&mut reader.faults);
        layers = layers.add_source(Layer::of_known_keys(tree));
    }
    let variables = variables(environment, &mut faults);
    let overrides = Environment::with_prefix("KLACHTD").prefix_separator("__").separator("__");
    let tree = match layers.add_source(overrides.source(Some(variables))).build() {
        Ok(merged) => merged.cache,
        Err(error) => {
            let place = Place { file: main.to_owned(), key: String::new() };
            faults.push(place.fault(error.to_string(), "layers that can be merged"));
            Value::new(None, Map::<String, Value>::new())
        }
    };
    Layers { files, tree, faults, incomplete }
}

/// The files in `conf.d` beside `main`, sorted by name. Hidden ones are no configuration: editors leave them behind.
fn drop_ins(main: &Path, faults: &mut Vec<ConfigError>) -> Vec<PathBuf> {
    let directory = main.with_file_name("conf.d");
    let list = |directory: &Path| -> io::Result<Vec<PathBuf>> {
        directory.read_dir()?.map(|entry| Ok(entry?.path())).collect()
    };
    let mut found = match list(&directory) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            let place = Place { file: directory, key: String::new() };
            faults.push(
                place.fault(format!("can't be listed: {error}"), "a directory of .toml files, or none"),
            );
            Vec::new()
        }
    };
    let hidden = |path: &Path| path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    found.retain(|path| path.extension() == Some(OsStr::new("toml")) && !hidden(path));
    found.sort();
    found
}

/// The TOML of a file.
fn parse(file: &Path) -> Result<toml::Table, ConfigError> {
    let place = Place { file: file.to_owned(), key: String::new() };
    let bytes = read_limited(file)
        .map_err(|error| place.fault(format!("can't be read: {error}"), "a readable TOML file"))?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(place.fault("larger than 1 MiB", "a configuration file"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        place.fault(format!("not UTF-8 from byte {at} on"), "TOML, which is UTF-8")
    })?;
    // The message alone: what `toml` displays quotes the line, and a secret may stand there.
    text.parse().map_err(|error: toml::de::Error| {
        let line =
            error.span().map_or(1, |span| 1 + text.bytes().take(span.start).filter(|b| *b == b'\n').count());
        let problem = error.message().replace('\n', ", ");
        Place { key: format!("line {line}"), ..place }.fault(format!("not TOML: {problem}"), "TOML 1.0")
    })
}

fn read_limited(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(FILE_LIMIT + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a file that an operator writes: a procedure, say, or a template.
///
/// # Errors
/// It can't be read, is not UTF-8, or is larger than 1 MiB.
pub(crate) fn read_text(file: &Path) -> io::Result<String> {
    let bytes = read_limited(file)?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))
}

/// The variables that set a key of a table, as the layering library wants them; all others that begin like them are
/// faults.
fn variables(
    environment: &BTreeMap<OsString, OsString>,
    faults: &mut Vec<ConfigError>,
) -> HashMap<String, String> {
    let mut variables = HashMap::new();
    for (name, text) in environment {
        let shown = name.to_string_lossy();
        if !shown.starts_with(PREFIX) {
            continue;
        }
        match variable(&shown, text) {
            Ok(text) => {
                variables.insert(shown.into_owned(), text.to_owned());
            }
            Err(fault) => faults.push(fault),
        }
    }
    variables
}

fn variable<'a>(name: &str, text: &'a OsStr) -> Result<&'a str, ConfigError> {
    let path = name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase();
    let place = Place { file: format!("environment {name}").into(), key: path.replace("__", ".") };
    let (section, key) = path.split_once("__").unwrap_or((&path, ""));
    let tables: Vec<(&str, &[Key])> = Root::KEYS
        .iter()
        .filter_map(|key| match key.shape {
            Shape::Table(keys) => Some((key.name, keys)),
            Shape::Tables(_) | Shape::Value(_) | Shape::Kinds(_) => None,
        })
        .collect();
    let Some((_, keys)) = tables.iter().find(|(table, _)| *table == section) else {
        let names: Vec<&str> = tables.iter().map(|(table, _)| *table).collect();
        let problem = format!("{section:?} is no table that the environment can set");
        return Err(place.fault(problem, read::nearest(section, &names)));
    };
    let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
    if !names.contains(&key) {
        return Err(place.fault("unknown key", read::nearest(key, &names)));
    }
    if name != name.to_uppercase() {
        return Err(place.fault("not in upper case", name.to_uppercase()));
    }
    text.to_str().ok_or_else(|| place.fault("not UTF-8", "text"))
}

/// A TOML value as the layering library's, every part with the number of the file it came from: a number, because a
/// path need not be UTF-8.
pub(super) fn value(from: toml::Value, origin: Option<&String>) -> Value {
    let kind = match from {
        toml::Value::String(text) => ValueKind::String(text),
        toml::Value::Integer(number) => ValueKind::I64(number),
        toml::Value::Float(number) => ValueKind::Float(number),
        toml::Value::Boolean(truth) => ValueKind::Boolean(truth),
        toml::Value::Datetime(moment) => ValueKind::String(moment.to_string()),
        toml::Value::Array(list) => {
            ValueKind::Array(list.into_iter().map(|element| value(element, origin)).collect())
        }
        toml::Value::Table(table) => {
            ValueKind::Table(table.into_iter().map(|(key, child)| (key, value(child, origin))).collect())
        }
    };
    Value::new(origin, kind)
}

/// One file's tree.
#[derive(Debug, Clone)]
struct Layer(Map<String, Value>);

impl Layer {
    /// Without keys at the top that are not known. They have been told by now, and the library takes a key like
    /// `"a[9999999999]"` for a path and makes the list.
    fn of_known_keys(tree: Value) -> Self {
        let mut table = tree.into_table().unwrap_or_default();
        table.retain(|key, _| Root::KEYS.iter().any(|known| known.name == key));
        Self(table)
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }

    /// As other sources do it, but lists are appended to those of the earlier layers.
    fn collect_to(&self, cache: &mut Value) -> Result<(), config::ConfigError> {
        let mut table = self.0.clone();
        if let ValueKind::Table(earlier) = &cache.kind {
            for (key, value) in &mut table {
                if let (ValueKind::Array(own), Some(ValueKind::Array(before))) =
                    (&mut value.kind, earlier.get(key).map(|value| &value.kind))
                {
                    own.splice(0..0, before.iter().cloned());
                }
            }
        }
        Merged(table).collect_to(cache)
    }
}

/// A table that is merged in the library's own way.
#[derive(Debug, Clone)]
struct Merged(Map<String, Value>);

impl Source for Merged {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_operators_write_is_read_up_to_its_bound() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("procedure.toml");
        let most = usize::try_from(FILE_LIMIT).expect("small");
        std::fs::write(&file, vec![b'#'; most]).expect("written");
        assert_eq!(read_text(&file).expect("read").len(), most);
        std::fs::write(&file, vec![b'#'; most + 1]).expect("written");
        assert_eq!(read_text(&file).expect_err("too large").to_string(), "larger than 1 MiB");
    }
}
