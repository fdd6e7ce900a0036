//! What only the engine itself can show.

use super::*;
use crate::config::{Config, ON_MAILDIRS};
use crate::domain::signing::sha256_hex;
use crate::setup;
use crate::store::faults::{Fault, Faults, Step};

/// A configuration, and the directory in which everything of it lies.
fn configured() -> (tempfile::TempDir, Config) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("klachtd.toml");
    std::fs::write(&file, ON_MAILDIRS).expect("written");
    let config = Config::load(&file).expect("a configuration");
    (dir, config)
}

#[tokio::test]
async fn earlier_procedures_at_hand_are_bounded_and_the_others_are_read_again() {
    let (_dir, config) = configured();
    let store = setup::open_store(&config).await.expect("a store");
    let mut engine =
        Engine::start(store, setup::settings(&config).expect("settings")).await.expect("an engine");
    let version = |n| format!("# version {n}\n{}", include_str!("../../config/procedures/omnistock.toml"));
    let sources: Vec<String> = (0..=2 * PINNED).map(version).collect();
    let contents = sources.iter().map(|source| source.clone().into_bytes()).collect();
    engine.store().keep(contents).await.expect("kept");
    for source in sources.iter().chain(&sources) {
        engine.procedure_of(ComplaintId(1), &sha256_hex(source.as_bytes())).expect("a procedure");
        assert!(engine.pinned.len() <= PINNED);
    }
}

#[tokio::test]
async fn of_a_mail_the_journal_keeps_no_more_than_its_bounds() {
    let (_dir, config) = configured();
    let store = setup::open_store(&config).await.expect("a store");
    let settings = Arc::new(setup::settings(&config).expect("settings"));
    let part = format!("--b\r\nContent-Disposition: attachment; filename={}\r\n\r\nx\r\n", "n".repeat(300));
    let raw = format!(
        "From: J <j@klant.test>\r\nSubject: {}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n",
        "Kapot ".repeat(200),
        part.repeat(2 * ATTACHMENTS)
    );
    let base64 = data_encoding::BASE64.encode(raw.as_bytes());
    let now = "2026-11-21T09:00:00Z".parse().expect("a time");
    let read = crate::answers::ingest::receive(&store, &settings, "omnistock", &base64, now).await;
    let note = note_of(&read.expect("saved").unwrap_or_else(|refused| panic!("{refused:?}")));
    assert_eq!(note.subject.chars().count(), SUBJECT_CHARACTERS);
    assert_eq!(note.attachments.len(), ATTACHMENTS);
    assert!(
        note.attachments.iter().all(|name| name.chars().count() == NAME_CHARACTERS),
        "{:?}",
        note.attachments
    );
}

fn contents_in(blob: &std::path::Path) -> usize {
    let shelves = std::fs::read_dir(blob).expect("a folder").map(|shelf| shelf.expect("a shelf").path());
    shelves
        .filter(|shelf| !shelf.ends_with("tmp"))
        .map(|shelf| shelf.read_dir().expect("a shelf").count())
        .sum()
}

#[tokio::test]
async fn a_batch_is_committed_only_when_all_its_notices_are_on_disk() {
    let (dir, config) = configured();
    let settings = setup::settings(&config).expect("settings");
    let blob = dir.path().join("data/blob");
    let (looked, seen) = (blob.clone(), Arc::new(std::sync::Mutex::new(Vec::new())));
    let told = Arc::clone(&seen);
    let faults = Faults::by(Box::new(move |step| {
        if step == Step::Commit {
            told.lock().expect("whole").push(contents_in(&looked));
        }
        Fault::None
    }));
    let store = Store::open_with(&dir.path().join("data"), faults).expect("a store");
    let mut engine = Engine::start(store.clone(), settings).await.expect("an engine");
    let now = "2026-11-21T09:00:00Z".parse().expect("a time");
    let mut arrived = Vec::new();
    for n in 0..3 * SAVED_AT_ONCE {
        let raw =
            format!("From: k{n}@klant.test\r\nSubject: Klacht {n}\r\n\r\nMijn bestelling {n} is kapot.\r\n");
        let base64 = data_encoding::BASE64.encode(raw.as_bytes());
        let read =
            crate::answers::ingest::receive(&store, engine.settings(), "omnistock", &base64, now).await;
        arrived.push(read.expect("saved").unwrap_or_else(|refused| panic!("{refused:?}")));
    }
    let before = contents_in(&blob);
    let outcomes = engine.take(&arrived, now).await.expect("taken");
    assert!(outcomes.iter().all(|outcome| outcome.fate == Fate::Complaint));
    let notices = store.outbox_open().expect("the outbox").len();
    assert!(notices >= 3 * SAVED_AT_ONCE);
    assert_eq!(*seen.lock().expect("whole"), [before + notices]);
}
