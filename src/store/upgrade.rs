//! What a data directory looks like, by version: every earlier one is brought forward here or refused by name.

use std::path::Path;

use super::codec::{self, Draft, Source};
use super::commit::{Head, Record, TakenRecord, put_open, put_set_aside};
use super::keys::{self, Table};
use super::recipe::Engine;
use super::{StoreError, files};
use crate::domain::fact::Fate;
use crate::domain::signing::Signer;

/// The format that this build reads and writes.
pub(super) const FORMAT: u32 = 1;
/// The words before the number in the file `format`.
const LABEL: &str = "klachtd store format ";

/// Makes sure that the directory is one that this build can use; a new one gets its format and its secret.
///
/// Nothing but these two small files is touched before the format is known.
pub(super) fn prepare(dir: &Path) -> Result<Signer, StoreError> {
    let has_data = dir.join("db").exists();
    if !has_data && dir.join("blob").exists() {
        return Err(StoreError::damaged("letters are there but the register (db) is not"));
    }
    let secret = secret(dir, has_data)?;
    match files::read(&dir.join("format"))? {
        Some(bytes) => check(&String::from_utf8_lossy(&bytes))?,
        None if has_data => return Err(StoreError::damaged("the file format is missing")),
        None => files::write_whole(dir, "format", label().as_bytes())?,
    }
    Ok(secret)
}

/// What stands in the file `format`.
pub(super) fn label() -> String {
    format!("{LABEL}{FORMAT}\n")
}

/// The secret of a directory that holds a register of a format that this build can use. Changes nothing.
pub(super) fn signer_of(dir: &Path) -> Result<Signer, StoreError> {
    let format = files::read(&dir.join("format"))?;
    let format = format.ok_or_else(|| StoreError::damaged("the file format is missing"))?;
    check(&String::from_utf8_lossy(&format))?;
    secret(dir, true)
}

/// Writes the first document of a new register; refuses one that has lost it.
///
/// The folder of letters is made after that document is on disk. So an empty register beside that folder is no new
/// one: sled may begin anew where it finds its file unusable, and we would start to count from 1 again.
pub(super) fn begin(dir: &Path, engine: &Engine) -> Result<(), StoreError> {
    if engine.get(Table::Head, &codec::first_piece(keys::HEAD))?.is_some() {
        index_open(engine)?;
        return index_set_aside(engine);
    }
    if dir.join("blob").exists() {
        return Err(StoreError::damaged("the register is empty but letters are there"));
    }
    let mut draft = Draft::over(engine);
    Head::read(engine)?.write(&mut draft)?;
    engine.apply(&draft.into_changes())?;
    engine.sync()
}

/// Complaints that one transaction looks at while the index of open ones is made.
const INDEXED_AT_ONCE: u64 = 1_000;

/// Makes the index of open complaints where it is not complete: the first builds of this format had none.
///
/// Costs as much as there are open complaints; where the index has to be made, one reading of all records.
fn index_open(engine: &Engine) -> Result<(), StoreError> {
    let head = Head::read(engine)?;
    let indexed = engine.view()?.page(Table::Open, .., usize::MAX)?.len();
    if u64::try_from(indexed).is_ok_and(|indexed| indexed == head.totals.open_complaints()) {
        return Ok(());
    }
    let mut next = 1;
    while next < head.next_complaint {
        let mut draft = Draft::over(engine);
        let end = head.next_complaint.min(next + INDEXED_AT_ONCE);
        for id in next..end {
            let record: Option<Record> = codec::json(engine, Table::Records, &keys::number(id))?;
            if let Some(Record { complaint, .. }) = record {
                put_open(&mut draft, &complaint)?;
            }
        }
        engine.apply(&draft.into_changes())?;
        next = end;
    }
    engine.sync()
}

/// Places that one transaction looks at while the index of what is set aside is made.
const PLACES_AT_ONCE: usize = 1_000;

/// Makes the index of messages that are set aside where it is not complete: the first builds of this format had none.
fn index_set_aside(engine: &Engine) -> Result<(), StoreError> {
    let head = Head::read(engine)?;
    let indexed = engine.view()?.page(Table::SetAside, .., usize::MAX)?.len();
    if u64::try_from(indexed).is_ok_and(|indexed| indexed == head.totals.letters(Fate::SetAside)) {
        return Ok(());
    }
    let mut after = Vec::new();
    loop {
        let page = engine.view()?.page_after(Table::Places, &after, PLACES_AT_ONCE)?;
        let Some((last, _)) = page.last() else { return engine.sync() };
        after.clone_from(last);
        let mut draft = Draft::over(engine);
        for key in page.iter().filter_map(|(key, _)| codec::document_of(key)) {
            let taken: Option<TakenRecord> = codec::json(engine, Table::Places, key)?;
            if let Some(taken) = taken {
                put_set_aside(&mut draft, key, taken.fate)?;
            }
        }
        engine.apply(&draft.into_changes())?;
    }
}

fn check(text: &str) -> Result<(), StoreError> {
    let number = text.strip_prefix(LABEL).and_then(|rest| rest.trim_end().parse::<u32>().ok());
    match number {
        Some(FORMAT) => Ok(()),
        Some(found) if found > FORMAT => Err(StoreError::Newer { found, known: FORMAT }),
        _ => Err(StoreError::damaged("the file format does not name a format")),
    }
}

fn secret(dir: &Path, has_data: bool) -> Result<Signer, StoreError> {
    let key = match files::read(&dir.join("secret"))? {
        Some(bytes) => {
            bytes.try_into().map_err(|_| StoreError::damaged("the file secret does not hold 32 bytes"))?
        }
        // Without it no Message-ID, token or index of the existing data would be known again.
        None if has_data => return Err(StoreError::damaged("the file secret is missing")),
        None => new_secret(dir)?,
    };
    Ok(Signer::new(key))
}

fn new_secret(dir: &Path) -> Result<[u8; 32], StoreError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|e| StoreError::Io {
        what: "draw random bytes".into(),
        why: e.to_string(),
        full: false,
    })?;
    files::write_whole(dir, "secret", &key)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_for_our_eyes_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let first = prepare(dir.path()).unwrap();
        let again = prepare(dir.path()).unwrap();
        assert_eq!(first.keyed_hash("x", &[]), again.keyed_hash("x", &[]));
        let mode = std::fs::metadata(dir.path().join("secret")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_newer_format_is_refused_by_its_number() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("format"), "klachtd store format 7\n").unwrap();
        assert!(matches!(prepare(dir.path()), Err(StoreError::Newer { found: 7, known: 1 })));
        std::fs::write(dir.path().join("format"), "something else").unwrap();
        assert!(matches!(prepare(dir.path()), Err(StoreError::Damaged(_))));
    }

    #[test]
    fn data_without_its_secret_or_format_is_damage() {
        for missing in ["secret", "format"] {
            let dir = tempfile::tempdir().unwrap();
            prepare(dir.path()).unwrap();
            std::fs::create_dir(dir.path().join("db")).unwrap();
            prepare(dir.path()).unwrap();
            std::fs::remove_file(dir.path().join(missing)).unwrap();
            let Err(StoreError::Damaged(why)) = prepare(dir.path()) else { panic!("{missing}") };
            assert!(why.contains(missing), "{why}");
        }
    }
}
