//! Documents: versioned JSON, cut into pieces that the engine can hold safely.
//!
//! sled writes large leaf pages to files that it never syncs; pieces of at most 4,000 bytes never get there.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::keys::Table;

/// The longest value in a table, in bytes.
pub(super) const LONGEST_VALUE: usize = 4_000;
/// Bytes at the start of the first piece that say how many pieces there are.
const COUNT: usize = 2;
/// Bytes of a document in one piece.
const PIECE: usize = LONGEST_VALUE - COUNT;
/// The most pieces of one document: 8 MB.
const MOST_PIECES: usize = 2_000;
/// The version of documents that this build writes.
const VERSION: u32 = 1;

/// Where values are read from: the tables themselves, or a draft of changes over them.
pub(super) trait Source {
    /// The value under `key`.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
}

/// Values to be put (`Some`) and removed (`None`), all at once.
pub(super) type Changes = BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>;

/// Changes over a source, not yet made: what was written is read back, what is given up leaves no trace.
pub(super) struct Draft<'a, S> {
    source: &'a S,
    changes: Changes,
}

impl<'a, S: Source> Draft<'a, S> {
    /// Nothing changed yet.
    pub(super) const fn over(source: &'a S) -> Self {
        Self { source, changes: BTreeMap::new() }
    }

    /// The changes, to be made at once.
    pub(super) fn into_changes(self) -> Changes {
        self.changes
    }

    /// Puts a value.
    pub(super) fn put(&mut self, table: Table, key: &[u8], value: Vec<u8>) -> Result<(), StoreError> {
        if value.len() > LONGEST_VALUE {
            return Err(StoreError::Invalid(format!("a value of {} bytes in one piece", value.len())));
        }
        self.changes.insert((table, key.to_vec()), Some(value));
        Ok(())
    }

    /// Removes a value, if it is there.
    pub(super) fn remove(&mut self, table: Table, key: &[u8]) {
        self.changes.insert((table, key.to_vec()), None);
    }

    /// Puts a document in as many pieces as it needs; pieces of a longer one before it go.
    pub(super) fn put_document(&mut self, table: Table, key: &[u8], bytes: &[u8]) -> Result<(), StoreError> {
        let pieces: Vec<&[u8]> = if bytes.is_empty() { vec![bytes] } else { bytes.chunks(PIECE).collect() };
        if pieces.len() > MOST_PIECES {
            return Err(StoreError::Invalid(format!("a document of {} bytes", bytes.len())));
        }
        let before = self.get(table, &piece_key(key, 0))?.map_or(Ok(0), |first| piece_count(&first))?;
        for (number, piece) in (0..).zip(&pieces) {
            let head = if number == 0 { piece_header(pieces.len()) } else { Vec::new() };
            self.put(table, &piece_key(key, number), [head.as_slice(), piece].concat())?;
        }
        for number in (0..before).skip(pieces.len()) {
            self.remove(table, &piece_key(key, number));
        }
        Ok(())
    }

    /// Removes a document with all its pieces, if it is there.
    pub(super) fn remove_document(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError> {
        let pieces = self.get(table, &piece_key(key, 0))?.map_or(Ok(0), |first| piece_count(&first))?;
        (0..pieces).for_each(|number| self.remove(table, &piece_key(key, number)));
        Ok(())
    }

    /// Puts a value as a document of versioned JSON.
    pub(super) fn put_json<T: Serialize>(
        &mut self,
        table: Table,
        key: &[u8],
        value: &T,
    ) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(&Versioned { v: VERSION, value })
            .map_err(|e| StoreError::Invalid(format!("a value that can't be written as JSON: {e}")))?;
        self.put_document(table, key, &bytes)
    }
}

impl<S: Source> Source for Draft<'_, S> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.changes.get(&(table, key.to_vec())) {
            Some(change) => Ok(change.clone()),
            None => self.source.get(table, key),
        }
    }
}

/// A document as it stands in its pieces.
#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u32,
    value: T,
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u32,
}

/// The bytes of a document.
pub(super) fn document<S: Source>(
    source: &S,
    table: Table,
    key: &[u8],
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(mut bytes) = source.get(table, &piece_key(key, 0))? else { return Ok(None) };
    let pieces = piece_count(&bytes)?;
    bytes.drain(..COUNT);
    for number in 1..pieces {
        let piece = source.get(table, &piece_key(key, number))?;
        bytes.extend(piece.ok_or_else(|| StoreError::damaged("a piece of a document is missing"))?);
    }
    Ok(Some(bytes))
}

/// A document of versioned JSON.
pub(super) fn json<S: Source, T: DeserializeOwned>(
    source: &S,
    table: Table,
    key: &[u8],
) -> Result<Option<T>, StoreError> {
    document(source, table, key)?.map(|bytes| from_json(&bytes)).transpose()
}

/// The key of a document whose piece has this key, when it is the first piece.
pub(super) fn document_of(piece_key: &[u8]) -> Option<&[u8]> {
    piece_key.strip_suffix(&[0, 0])
}

/// The key under which a document begins.
pub(super) fn first_piece(key: &[u8]) -> Vec<u8> {
    piece_key(key, 0)
}

/// The first key after all those of the first piece of the document `key`.
pub(super) fn after_first_piece(key: &[u8]) -> Vec<u8> {
    piece_key(key, 1)
}

/// A document of versioned JSON from its bytes.
pub(super) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    let unreadable = |e: serde_json::Error| StoreError::damaged(format!("a document is unreadable: {e}"));
    // The version first: a document of a later build may not have the shape that is known here.
    let VersionOnly { v } = serde_json::from_slice(bytes).map_err(unreadable)?;
    if v > VERSION {
        return Err(StoreError::Newer { found: v, known: VERSION });
    }
    serde_json::from_slice::<Versioned<T>>(bytes).map(|document| document.value).map_err(unreadable)
}

fn piece_key(key: &[u8], number: u16) -> Vec<u8> {
    [key, &number.to_be_bytes()].concat()
}

fn piece_header(pieces: usize) -> Vec<u8> {
    u16::try_from(pieces).expect("MOST_PIECES fits in 16 bits").to_be_bytes().to_vec()
}

fn piece_count(first: &[u8]) -> Result<u16, StoreError> {
    let count = first.get(..COUNT).and_then(|b| b.try_into().ok()).map(u16::from_be_bytes);
    count.filter(|n| *n > 0).ok_or_else(|| StoreError::damaged("a document has no first piece"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table in memory.
    struct Plain(Changes);

    impl Source for Plain {
        fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            Ok(self.0.get(&(table, key.to_vec())).cloned().flatten())
        }
    }

    impl Plain {
        fn put(&mut self, key: &[u8], bytes: &[u8]) {
            let mut draft = Draft::over(self);
            draft.put_document(Table::Records, key, bytes).unwrap();
            let changes = draft.into_changes();
            self.0.extend(changes);
            self.0.retain(|_, value| value.is_some());
        }
    }

    #[test]
    fn a_document_grows_and_shrinks_without_leaving_pieces() {
        let mut table = Plain(Changes::new());
        for length in [0, 1, PIECE, PIECE + 1, 30_000, 9_000, 3] {
            let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
            table.put(b"k", &bytes);
            assert_eq!(document(&table, Table::Records, b"k").unwrap(), Some(bytes));
            assert_eq!(table.0.len(), length.div_ceil(PIECE).max(1));
            assert!(table.0.values().flatten().all(|value| value.len() <= LONGEST_VALUE));
        }
    }

    #[test]
    fn a_missing_piece_is_damage_not_a_shorter_document() {
        let mut table = Plain(Changes::new());
        table.put(b"k", &[7; 9_000]);
        table.0.remove(&(Table::Records, piece_key(b"k", 1)));
        assert!(matches!(document(&table, Table::Records, b"k"), Err(StoreError::Damaged(_))));
    }

    #[test]
    fn a_document_of_a_later_build_is_refused_by_its_version() {
        assert!(matches!(
            from_json::<u8>(br#"{"v":2,"value":{"new":"shape"}}"#),
            Err(StoreError::Newer { found: 2, known: 1 })
        ));
        assert_eq!(from_json::<u8>(br#"{"v":1,"value":5}"#).unwrap(), 5);
    }

    #[test]
    fn a_value_above_the_cap_is_refused() {
        let table = Plain(Changes::new());
        let mut draft = Draft::over(&table);
        assert!(draft.put(Table::Records, b"k", vec![0; LONGEST_VALUE + 1]).is_err());
        assert!(draft.put_document(Table::Records, b"k", &vec![0; PIECE * (MOST_PIECES + 1)]).is_err());
    }
}
