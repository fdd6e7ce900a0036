//! What only the engine itself can show.

use super::*;
use crate::config::{Config, ON_MAILDIRS};
use crate::domain::signing::sha256_hex;
use crate::setup;

#[tokio::test]
async fn earlier_procedures_at_hand_are_bounded_and_the_others_are_read_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("klachtd.toml");
    std::fs::write(&file, ON_MAILDIRS).expect("written");
    let config = Config::load(&file).expect("a configuration");
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
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("klachtd.toml");
    std::fs::write(&file, ON_MAILDIRS).expect("written");
    let config = Config::load(&file).expect("a configuration");
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
