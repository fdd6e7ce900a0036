//! The procedures in force: read from files or built in, checked against their published texts, pinned by hash.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config;
use crate::domain::fact::ProcedureVersion;
use crate::domain::house::House;
use crate::domain::procedure::Procedure;
use crate::domain::signing::sha256_hex;
use crate::intake::fields::Patterns;

/// The procedures that come with the program: file name, procedure, published text.
const BUILT_IN: &[(&str, &str, &str)] = &[
    ("act.toml", include_str!("../config/procedures/act.toml"), include_str!("../config/texts/act.txt")),
    (
        "ingressus.toml",
        include_str!("../config/procedures/ingressus.toml"),
        include_str!("../config/texts/ingressus.txt"),
    ),
    (
        "omnistock.toml",
        include_str!("../config/procedures/omnistock.toml"),
        include_str!("../config/texts/omnistock.txt"),
    ),
    (
        "webshop.toml",
        include_str!("../config/procedures/webshop.toml"),
        include_str!("../config/texts/webshop.txt"),
    ),
    (
        "websec.toml",
        include_str!("../config/procedures/websec.toml"),
        include_str!("../config/texts/websec.txt"),
    ),
];

/// A procedure as it is in force now.
#[derive(Debug, Clone)]
pub struct Ruling {
    /// What it says.
    pub procedure: Arc<Procedure>,
    /// What a complaint received now is pinned to.
    pub version: ProcedureVersion,
    /// Its regexes, compiled.
    pub patterns: Arc<Patterns>,
    source: Arc<str>,
    text: Arc<str>,
}

/// What is wrong with a procedure: file, key, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFault {
    /// The procedure's id; its file name without ending when it can't be read.
    pub procedure: String,
    /// The file.
    pub file: PathBuf,
    /// The key in it, empty when it is about the whole file.
    pub key: String,
    /// What is wrong and what was expected.
    pub message: String,
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = if self.key.is_empty() { String::new() } else { format!("{}: ", self.key) };
        write!(f, "{}: {key}{}", self.file.display(), self.message)
    }
}

/// All procedures in force.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rulings: BTreeMap<String, Ruling>,
}

impl Rules {
    /// The procedures of a directory (`*.toml`), or the built-in ones; with every fault that was found.
    ///
    /// `text` in a procedure is relative to the parent of the directory.
    pub fn load(directory: Option<&Path>) -> (Self, Vec<RuleFault>) {
        let mut rules = Self::default();
        let mut faults = Vec::new();
        match directory {
            None => {
                for (name, source, text) in BUILT_IN {
                    rules.add(Path::new(name), source, |_| Ok((*text).to_owned()), &mut faults);
                }
            }
            Some(directory) => rules.load_directory(directory, &mut faults),
        }
        (rules, faults)
    }

    fn load_directory(&mut self, directory: &Path, faults: &mut Vec<RuleFault>) {
        let base = directory.parent().unwrap_or(Path::new(""));
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(e) => {
                return faults.push(fault(
                    "",
                    directory,
                    "",
                    format!("can't be read: {e}; expected a directory of *.toml files"),
                ));
            }
        };
        let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        files.retain(|path| path.extension().is_some_and(|e| e == "toml"));
        files.sort();
        for file in files {
            match config::read_text(&file) {
                Ok(source) => self.add(&file, &source, |text| read_text(&base.join(text)), faults),
                Err(e) => faults.push(fault(&stem(&file), &file, "", format!("can't be read: {e}"))),
            }
        }
    }

    fn add(
        &mut self,
        file: &Path,
        source: &str,
        text_of: impl FnOnce(&str) -> Result<String, String>,
        faults: &mut Vec<RuleFault>,
    ) {
        let procedure = match Procedure::parse(source) {
            Ok(procedure) => procedure,
            Err(e) => return faults.push(fault(&stem(file), file, "", e.to_string())),
        };
        let id = procedure.id.clone();
        let text = match text_of(&procedure.text) {
            Ok(text) => text,
            Err(message) => return faults.push(fault(&id, file, "text", message)),
        };
        faults.extend(procedure.faults(&text).into_iter().map(|f| fault(&id, file, &f.key, f.message)));
        let patterns = match Patterns::compile(&procedure.intake.patterns, &procedure.intake.ask_for) {
            Ok(patterns) => patterns,
            Err(e) => return faults.push(fault(&id, file, "intake.patterns", e.to_string())),
        };
        let version = ProcedureVersion {
            id: id.clone(),
            sha256: sha256_hex(source.as_bytes()),
            text_sha256: sha256_hex(text.as_bytes()),
        };
        let ruling = Ruling {
            procedure: Arc::new(procedure),
            version,
            patterns: Arc::new(patterns),
            source: Arc::from(source),
            text: Arc::from(text),
        };
        if self.rulings.insert(id.clone(), ruling).is_some() {
            faults.push(fault(
                &id,
                file,
                "id",
                format!("another file has the id {id:?} too; expected one file for each"),
            ));
        }
    }

    /// The procedure of this id.
    pub fn get(&self, id: &str) -> Option<&Ruling> {
        self.rulings.get(id)
    }

    /// All of them, by id.
    pub fn all(&self) -> impl Iterator<Item = &Ruling> {
        self.rulings.values()
    }

    /// The procedure that a mailbox keeps.
    pub fn of_mailbox(&self, house: &House, mailbox: &str) -> Option<Ruling> {
        self.get(&house.mailbox(mailbox)?.procedure).cloned()
    }

    /// The procedure in force with this hash.
    pub fn by_sha256(&self, sha256: &str) -> Option<Arc<Procedure>> {
        self.rulings.values().find(|r| r.version.sha256 == sha256).map(|r| Arc::clone(&r.procedure))
    }

    /// The bytes of all procedures and texts, which the store keeps for the complaints that are pinned to them.
    pub fn sources(&self) -> Vec<Vec<u8>> {
        self.rulings
            .values()
            .flat_map(|r| [r.source.as_bytes().to_vec(), r.text.as_bytes().to_vec()])
            .collect()
    }

    /// Of `faults`, those that keep the service from starting: in a procedure that a mailbox uses; and the names of
    /// procedures that mailboxes want and nobody has.
    pub fn errors(&self, faults: &[RuleFault], house: &House, file: &Path) -> Vec<RuleFault> {
        let used = |id: &str| house.mailboxes.iter().any(|m| m.procedure == id);
        let mut errors: Vec<RuleFault> =
            faults.iter().filter(|f| f.procedure.is_empty() || used(&f.procedure)).cloned().collect();
        for (n, mailbox) in house.mailboxes.iter().enumerate() {
            let broken = faults.iter().any(|f| f.procedure == mailbox.procedure);
            if self.get(&mailbox.procedure).is_none() && !broken {
                let known: Vec<&str> = self.rulings.keys().map(String::as_str).collect();
                let message = format!(
                    "there is no procedure {:?}; expected one of {}",
                    mailbox.procedure,
                    known.join(", ")
                );
                errors.push(fault(&mailbox.procedure, file, &format!("mailbox[{n}].procedure"), message));
            }
        }
        errors
    }
}

fn stem(file: &Path) -> String {
    file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}

fn fault(procedure: &str, file: &Path, key: &str, message: String) -> RuleFault {
    RuleFault { procedure: procedure.to_owned(), file: file.to_owned(), key: key.to_owned(), message }
}

fn read_text(path: &Path) -> Result<String, String> {
    config::read_text(path).map_err(|e| format!("{}: {e}; expected the published text", path.display()))
}
