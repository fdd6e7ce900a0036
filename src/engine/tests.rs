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
    let sources: Vec<String> = (0..2 * PINNED + 1).map(version).collect();
    let contents = sources.iter().map(|source| source.clone().into_bytes()).collect();
    engine.store().keep(contents).await.expect("kept");
    for source in sources.iter().chain(&sources) {
        engine.procedure_of(ComplaintId(1), &sha256_hex(source.as_bytes())).expect("a procedure");
        assert!(engine.pinned.len() <= PINNED);
    }
}
