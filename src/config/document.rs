//! The annotated sample and the JSON schema, both made from the tables.

use serde_json::{Map, Value, json};

use super::raw::Root;
use super::read::{Key, Presence, Shape, Table as _};

/// The width of comments in the sample, in characters.
const WIDTH: usize = 100;

/// An annotated sample: every key, with a comment. What is commented out may be left out and shows how it would look.
pub fn example() -> String {
    let mut text = String::from(concat!(
        "# Configuration of klachtd. Relative paths are relative to the file in which they stand.\n",
        "# conf.d/*.toml beside this file is read after it, in the order of the names: tables are merged,\n",
        "# [[mailbox]] and [[staff]] are added. Then the environment: KLACHTD__STORE__PATH=… sets store.path.\n",
        "# Times are \"60s\", \"2m\", \"1h\", \"3d\". Keys that are commented out may be left out.\n",
    ));
    for key in Root::KEYS {
        text.push('\n');
        comment(&mut text, key.doc);
        match key.shape {
            Shape::Table(keys) => table(&mut text, &format!("[{}]", key.name), key.name, keys),
            Shape::Tables(keys) => table(&mut text, &format!("[[{}]]", key.name), key.name, keys),
            Shape::Value(_) | Shape::Kinds(_) => assignment(&mut text, key),
        }
    }
    text
}

/// A table's values, then the tables in it.
fn table(text: &mut String, heading: &str, path: &str, keys: &[Key]) {
    text.push_str(heading);
    text.push('\n');
    let (values, tables): (Vec<&Key>, Vec<&Key>) =
        keys.iter().partition(|key| matches!(key.shape, Shape::Value(_)));
    for key in values {
        comment(text, key.doc);
        assignment(text, key);
    }
    for key in tables {
        if let Shape::Kinds(kinds) = key.shape {
            text.push('\n');
            comment(text, key.doc);
            of_kinds(text, &format!("{path}.{}", key.name), kinds);
        }
    }
}

/// The first kind as it is written, the others commented out.
fn of_kinds(text: &mut String, path: &str, kinds: &[(&str, &'static [Key])]) {
    let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
    for (number, (kind, keys)) in kinds.iter().enumerate() {
        let mut part = String::new();
        table(&mut part, &format!("[{path}]\n# {}\nkind = {kind:?}", names.join(" or ")), path, keys);
        if number == 0 {
            text.push_str(&part);
        } else {
            text.push_str("#\n");
            let commented =
                |line: &str| if line.starts_with('#') { format!("{line}\n") } else { format!("#{line}\n") };
            text.extend(part.lines().map(commented));
        }
    }
}

fn assignment(text: &mut String, key: &Key) {
    let (mark, sample) = match key.presence {
        Presence::Required(sample) | Presence::Default(sample) | Presence::Usual(sample) => ("", sample),
        Presence::Optional(sample) => ("#", sample),
    };
    text.extend([mark, key.name, " = ", sample, "\n"]);
}

/// A comment, broken into lines.
fn comment(text: &mut String, doc: &str) {
    let mut line = String::from("#");
    for word in doc.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

/// The JSON schema (draft 2020-12) of one configuration file. What a file lacks may stand in another, so that no
/// table at the top is required.
pub fn schema() -> Value {
    let mut schema = object(Root::KEYS, None);
    if let Value::Object(map) = &mut schema {
        map.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        map.insert("title".into(), json!("Configuration of klachtd"));
    }
    schema
}

fn object(keys: &[Key], kind: Option<&str>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    if let Some(kind) = kind {
        properties.insert("kind".into(), json!({ "const": kind }));
        required.push("kind");
    }
    for key in keys {
        properties.insert(key.name.into(), property(key));
        if matches!(key.presence, Presence::Required(_)) {
            required.push(key.name);
        }
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn property(key: &Key) -> Value {
    let mut schema = match key.shape {
        Shape::Value(schema) => schema(),
        Shape::Table(keys) => object(keys, None),
        Shape::Tables(keys) => json!({ "type": "array", "items": object(keys, None) }),
        Shape::Kinds(kinds) => {
            let variants: Vec<Value> = kinds.iter().map(|(kind, keys)| object(keys, Some(kind))).collect();
            json!({ "oneOf": variants })
        }
    };
    if let Value::Object(map) = &mut schema {
        let doc = key.doc.trim();
        let told = match map.get("description").and_then(Value::as_str) {
            Some(form) => format!("{doc} Expected: {form}."),
            None => doc.to_owned(),
        };
        map.insert("description".into(), json!(told));
        if let (Presence::Default(text), Shape::Value(_)) = (key.presence, key.shape)
            && let Some(default) = from_toml(text)
        {
            map.insert("default".into(), default);
        }
    }
    schema
}

fn from_toml(text: &str) -> Option<Value> {
    let table: toml::Table = format!("value = {text}").parse().ok()?;
    serde_json::to_value(table.get("value")?).ok()
}
