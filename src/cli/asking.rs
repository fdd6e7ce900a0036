//! Asks the running service over its socket; without one, opens the store itself.

use super::Failure;
use crate::answers::{self, Ask, Reply, exit};
use crate::clock::Clock;
use crate::config::Config;
use crate::control;
use crate::engine::Engine;
use crate::health::Health;
use crate::setup;

/// The answer's data, and the exit code that goes with it.
pub(super) async fn ask(config: &Config, ask: Ask) -> Result<(serde_json::Value, u8), Failure> {
    let running = control::ask(&config.socket, &ask).await.map_err(|e| Failure::new(exit::UNAVAILABLE, e))?;
    let reply = match running {
        Some(reply) => reply,
        None => ask_store(config, ask).await?,
    };
    match reply.error {
        Some(error) => Err(Failure::new(reply.exit, error)),
        None => Ok((reply.body, reply.exit)),
    }
}

async fn ask_store(config: &Config, ask: Ask) -> Result<Reply, Failure> {
    let settings = setup::settings(config)?;
    let store = setup::open_store(config).await?;
    let mut engine = Engine::start(store.clone(), settings).await?;
    let health = Health::of(config.house.mailboxes.iter().map(|m| m.name.clone()));
    let reply = answers::answer(&mut engine, &health, ask, Clock::System.now()).await;
    drop(engine);
    store.close().await?;
    Ok(reply?)
}
