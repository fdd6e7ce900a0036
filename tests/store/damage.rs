//! A hand that changed what is on disk is found, in words; leftovers of a crash do no harm.

use std::path::Path;

use klachtd::domain::fact::{ComplaintId, Fate};
use klachtd::store::{Commit, Store, StoreError};

use crate::samples::*;

/// A closed store with three complaints.
pub(crate) async fn three_complaints(dir: &Path) {
    let store = Store::open(dir).unwrap();
    for _ in 0..3 {
        store.commit(vec![new_complaint(&store).await]).await.unwrap();
    }
    store.commit(vec![sent(&store, 2)]).await.unwrap();
    assert_sound(&store);
    store.close().await.unwrap();
}

/// sled holds its own lock for some milliseconds after its last handle is gone: asked again until it lets go.
fn reopened(path: &Path) -> sled::Db {
    for _ in 0..5000 {
        if let Ok(db) = sled::open(path) {
            return db;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("sled does not let go of {}", path.display());
}

/// Changes a table behind the store's back.
pub(crate) fn tamper(dir: &Path, table: &str, change: impl Fn(&sled::Tree)) {
    let db = reopened(&dir.join("db"));
    change(&db.open_tree(table).unwrap());
    db.flush().unwrap();
}

/// Replaces words in every value of a table.
fn replace(tree: &sled::Tree, from: &str, to: &str) {
    assert_eq!(from.len(), to.len(), "lengths must not tell");
    let mut changed = 0;
    for (key, value) in tree.iter().map(Result::unwrap) {
        let mut bytes = value.to_vec();
        while let Some(at) = bytes.windows(from.len()).position(|window| window == from.as_bytes()) {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            changed += 1;
        }
        tree.insert(key, bytes).unwrap();
    }
    assert!(changed > 0, "nothing to change");
}

pub(crate) async fn faults_after(table: &str, change: impl Fn(&sled::Tree)) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    three_complaints(dir.path()).await;
    tamper(dir.path(), table, change);
    let store = Store::open(dir.path()).unwrap();
    let found = store.verify().unwrap();
    assert_eq!(found.ok, found.faults.is_empty());
    found.faults
}

pub(crate) fn assert_told(faults: &[String], words: &str) {
    assert!(faults.iter().any(|fault| fault.contains(words)), "{words:?} is not in {faults:#?}");
    assert!(faults.iter().all(|fault| !fault.contains("klant.test")), "personal data in {faults:#?}");
}

#[tokio::test]
async fn a_changed_journal_is_found() {
    let payload = faults_after("journal", |tree| replace(tree, "250 ok", "250 no")).await;
    assert_told(&payload, "the payload of journal entry 7 was changed");
    assert_told(&payload, "the record of complaint 2 is not what its journal makes");
    let actor = faults_after("journal", |tree| replace(tree, "system", "nobody")).await;
    assert_told(&actor, "journal entry 1 was changed: its hash does not fit");
    let gone = faults_after("journal", |tree| {
        tree.remove([0, 0, 0, 0, 0, 0, 0, 3, 0, 0]).unwrap().unwrap();
    })
    .await;
    assert_told(&gone, "journal entry 3 is missing");
    assert_told(&gone, "journal entry 4 does not continue the entry before it");
    let end = faults_after("journal", |tree| {
        tree.remove([0, 0, 0, 0, 0, 0, 0, 7, 0, 0]).unwrap().unwrap();
    })
    .await;
    assert_told(&end, "does not end at the entry that was written last");
}

#[tokio::test]
async fn an_erased_payload_is_no_fault_of_the_chain() {
    let faults = faults_after("journal", |tree| {
        let key = [0, 0, 0, 0, 0, 0, 0, 7, 0, 0];
        let value = tree.get(key).unwrap().unwrap();
        let end = value.iter().position(|b| *b == b'\n').unwrap();
        tree.insert(key, &value[..=end]).unwrap();
    })
    .await;
    assert_eq!(faults, Vec::<String>::new());
}

#[tokio::test]
async fn a_changed_record_or_index_is_found() {
    let record = faults_after("records", |tree| replace(tree, "de Vries", "van Dijk")).await;
    assert_told(&record, "the record of complaint 1 is not what its journal makes");
    let due = faults_after("due", |tree| {
        let (key, _) = tree.first().unwrap().unwrap();
        tree.remove(key).unwrap();
        tree.insert([0x80; 16], &[]).unwrap();
    })
    .await;
    assert_told(&due, "complaint 1 is due but does not stand in the index");
    assert_told(&due, "stands in the index of what is due but is not due then");
    let outbox = faults_after("outbox_due", |tree| tree.clear().unwrap()).await;
    assert_told(&outbox, "notice 3 waits but does not stand in the index");
    let references = faults_after("refs", |tree| tree.clear().unwrap()).await;
    assert_told(&references, "complaint 1 is not found under its reference");
    let places = faults_after("places", |tree| {
        let (key, _) = tree.first().unwrap().unwrap();
        tree.remove(key).unwrap();
    })
    .await;
    assert_told(&places, "the totals are not what there is");
}

#[tokio::test]
async fn what_leads_to_nothing_is_found() {
    let nowhere = 99_u64.to_be_bytes();
    let put = |tree: &sled::Tree, key: &[u8], value: &[u8]| drop(tree.insert(key, value).unwrap());
    let open = faults_after("outbox_open", |tree| put(tree, &nowhere, &[])).await;
    assert_told(&open, "notice 99 stands in the index of open notices but is not there");
    let references = faults_after("refs", |tree| put(tree, b"K-2026-00099-X", &nowhere)).await;
    assert_told(&references, "the reference K-2026-00099-X leads to complaint 99");
    let keys = faults_after("keys", |tree| put(tree, &[7; 32], &nowhere)).await;
    assert_told(&keys, "a Message-ID leads to complaint 99, which is not there");
    let seen = faults_after("seen", |tree| replace(tree, "\"complaint\":2", "\"complaint\":9")).await;
    assert_told(&seen, "a known letter belongs to complaint 9, which is not there");
    let counts = faults_after("counts", |tree| put(tree, b"xxxx", b"1")).await;
    assert_told(&counts, "what limits on automatic mail count: a count is unreadable");
    let cursors = faults_after("cursors", |tree| replace(tree, "[1,", "[x,")).await;
    assert_told(&cursors, "how far mailbox omnistock was read: a document is unreadable");
    let entry = [&nowhere[..], &7_u64.to_be_bytes()[..]].concat();
    let journal_of = faults_after("journal_of", |tree| put(tree, &entry, &[])).await;
    assert_told(&journal_of, "the journal of complaint 99 is there, but that number was never given out");
    for (table, words) in
        [("journal", "journal entry 99"), ("records", "complaint 99"), ("outbox", "notice 99")]
    {
        let beyond = faults_after(table, |tree| put(tree, &[&nowhere[..], &[0, 0]].concat(), &[0, 1])).await;
        assert_told(&beyond, words);
    }
}

#[tokio::test]
async fn a_changed_or_missing_raw_mail_is_found() {
    let dir = tempfile::tempdir().unwrap();
    three_complaints(dir.path()).await;
    let store = Store::open(dir.path()).unwrap();
    let file = |n: u64| {
        let id = klachtd::domain::fact::ComplaintId(n);
        let sha256 = store.complaint(id).unwrap().unwrap().letters[0].letter.sha256.clone();
        dir.path().join("blob").join(&sha256[..1]).join(sha256)
    };
    std::fs::write(file(1), b"another letter").unwrap();
    std::fs::remove_file(file(2)).unwrap();
    let found = store.verify().unwrap();
    assert_eq!(found.faults.len(), 2, "{:#?}", found.faults);
    assert_told(&found.faults, "was changed");
    assert_told(&found.faults, "is missing");
    assert_eq!((found.ok, found.letters), (false, 1));
}

#[tokio::test]
async fn an_unfinished_snapshot_goes_and_a_blob_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    three_complaints(dir.path()).await;
    let leftover = dir.path().join("db/snap.0000000000000ABC.generating");
    std::fs::write(&leftover, b"half").unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert!(!leftover.exists());
    assert_sound(&store);
    std::fs::create_dir_all(dir.path().join("db/blobs")).unwrap();
    std::fs::write(dir.path().join("db/blobs/1"), b"x").unwrap();
    assert!(matches!(store.flush().await, Err(StoreError::Damaged(_))));
    assert!(matches!(store.flush().await, Err(StoreError::Broken(_))), "nothing is trusted after that");
    assert!(matches!(store.complaint(klachtd::domain::fact::ComplaintId(1)), Err(StoreError::Broken(_))));
    drop(store);
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Damaged(_))));
}

#[tokio::test]
async fn a_register_that_was_overwritten_is_refused_with_what_to_do() {
    let whole: fn(Vec<u8>) -> Vec<u8> = |_| Vec::new();
    let changes = [whole, |bytes| vec![0; bytes.len()], |bytes| vec![0xff; bytes.len()]];
    for change in changes {
        let dir = tempfile::tempdir().unwrap();
        three_complaints(dir.path()).await;
        let register = dir.path().join("db/db");
        std::fs::write(&register, change(std::fs::read(&register).unwrap())).unwrap();
        let error = Store::open(dir.path()).unwrap_err();
        assert!(matches!(&error, StoreError::Damaged(_)), "{error}");
        assert!(error.to_string().contains("klachtd restore"));
    }
}

#[tokio::test]
async fn a_later_format_and_letters_without_a_register_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    three_complaints(dir.path()).await;
    std::fs::write(dir.path().join("format"), "klachtd store format 2\n").unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Newer { found: 2, known: 1 })));
    std::fs::remove_dir_all(dir.path().join("db")).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Damaged(_))));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_hides_no_other() {
    let dir = tempfile::tempdir().unwrap();
    three_complaints(dir.path()).await;
    tamper(dir.path(), "records", |tree| drop(tree.insert([0, 0, 0, 0, 0, 0, 0, 2, 0, 0], b"x").unwrap()));
    let store = Store::open(dir.path()).unwrap();
    for page in [store.complaints_page(None, 9), store.open_complaints_page(None, 9)] {
        let page: Vec<_> = page.unwrap().into_iter().map(|(id, read)| (id.0, read.is_ok())).collect();
        assert_eq!(page, [(1, true), (2, false), (3, true)]);
    }
}

#[tokio::test]
async fn the_index_of_open_complaints_is_made_where_it_is_missing_and_checked_where_it_is_not() {
    let dir = tempfile::tempdir().unwrap();
    three_complaints(dir.path()).await;
    tamper(dir.path(), "open", |tree| tree.clear().unwrap());
    let store = Store::open(dir.path()).unwrap();
    assert_sound(&store);
    let page = |after, limit| {
        let open = store.open_complaints_page(after, limit).unwrap();
        open.into_iter().map(|(id, _)| id.0).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2), [1, 2]);
    assert_eq!(page(Some(ComplaintId(2)), 2), [3]);

    let faults = faults_after("open", |tree| {
        tree.remove(2_u64.to_be_bytes()).unwrap().unwrap();
        tree.insert(99_u64.to_be_bytes(), Vec::new()).unwrap();
    })
    .await;
    assert_told(&faults, "complaint 2 is open but does not stand in the index of open complaints");
    assert_told(&faults, "complaint 99 stands in the index of open complaints but is not open");
}

#[tokio::test]
async fn the_index_of_what_is_set_aside_is_made_where_it_is_missing_and_checked_where_it_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let raw = b"Subject: x\r\n\r\nx\r\n".to_vec();
    let sha256 = klachtd::domain::signing::sha256_hex(&raw);
    store.keep(vec![raw]).await.unwrap();
    let fates = [Fate::SetAside, Fate::Ignored, Fate::SetAside, Fate::SetAside];
    let letters = (1..).zip(fates).map(|(n, fate)| taken(n, &sha256, fate));
    // The third is decided about later.
    for taken in letters.chain([taken(3, &sha256, Fate::Ignored)]) {
        store.commit(vec![Commit { taken: vec![taken], ..Commit::default() }]).await.unwrap();
    }
    let places = |store: &Store| -> Vec<String> {
        store.set_aside().unwrap().into_iter().map(|place| place.place).collect()
    };
    assert_eq!(places(&store), ["imap:1/1", "imap:1/4"]);
    assert_sound(&store);
    store.close().await.unwrap();

    tamper(dir.path(), "set_aside", |tree| tree.clear().unwrap());
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(places(&store), ["imap:1/1", "imap:1/4"], "it was made again");
    assert_sound(&store);
    store.close().await.unwrap();

    tamper(dir.path(), "set_aside", |tree| {
        let (key, value) = tree.first().unwrap().unwrap();
        tree.remove(&key).unwrap().unwrap();
        tree.insert([&key[..key.len() - 1], b"2"].concat(), value).unwrap();
    });
    let faults = Store::open(dir.path()).unwrap().verify().unwrap().faults;
    assert_told(&faults, "imap:1/1 of omnistock is set aside but does not stand in the index of that");
    assert_told(&faults, "imap:1/2 of omnistock stands in the index of what is set aside but is not");
}
