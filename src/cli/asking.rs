//! Asks the running service over its socket; without one, opens the store itself.

use std::os::unix::fs::MetadataExt as _;

use serde_json::Value;

use super::Failure;
use crate::answers::{self, Ask, Reply, exit};
use crate::clock::Clock;
use crate::config::Config;
use crate::control;
use crate::engine::Engine;
use crate::health::Health;
use crate::setup;
use crate::store::Store;

/// The answer's data, and the exit code that goes with it.
pub(super) async fn ask(config: &Config, ask: Ask) -> Result<(Value, u8), Failure> {
    let mut asked = Asked::new(config);
    let answered = asked.ask(ask).await;
    asked.end().await?;
    answered
}

/// Who answers one question after the other: the running service, or the store itself once none runs.
pub(super) struct Asked<'a> {
    config: &'a Config,
    own: Option<Engine>,
}

impl<'a> Asked<'a> {
    pub(super) const fn new(config: &'a Config) -> Self {
        Self { config, own: None }
    }

    /// The answer's data, and the exit code that goes with it.
    pub(super) async fn ask(&mut self, ask: Ask) -> Result<(Value, u8), Failure> {
        let reply = match self.of_service(&ask).await? {
            Some(reply) => reply,
            None => self.of_store(ask).await?,
        };
        match reply.error {
            Some(error) => Err(Failure::new(reply.exit, error)),
            None => Ok((reply.body, reply.exit)),
        }
    }

    /// Whether the running service answered what was asked last.
    pub(super) const fn is_running(&self) -> bool {
        self.own.is_none()
    }

    /// Closes what was opened.
    pub(super) async fn end(self) -> Result<(), Failure> {
        if let Some(engine) = self.own {
            let store = engine.store().clone();
            drop(engine);
            store.close().await?;
        }
        Ok(())
    }

    async fn of_service(&self, ask: &Ask) -> Result<Option<Reply>, Failure> {
        if self.own.is_some() {
            return Ok(None);
        }
        control::ask(&self.config.socket, ask).await.map_err(|e| Failure::new(exit::UNAVAILABLE, e))
    }

    async fn of_store(&mut self, ask: Ask) -> Result<Reply, Failure> {
        let engine = if let Some(engine) = self.own.take() {
            engine
        } else {
            let settings = setup::settings(self.config)?;
            let is_proof = matches!(ask, Ask::Verify);
            let store = if is_proof { own_register(self.config).await } else { own_store(self.config).await };
            Engine::start(store?, settings).await?
        };
        let engine = self.own.insert(engine);
        let health = Health::of(self.config.house.mailboxes.iter().map(|m| m.name.clone()));
        Ok(answers::answer(engine, &health, ask, Clock::System.now()).await?)
    }
}

/// The store itself, when no service runs. Nothing of it comes to belong to another user than its directory: the
/// service could not use it any more.
pub(super) async fn own_store(config: &Config) -> Result<Store, Failure> {
    let mine = rustix::process::geteuid().as_raw();
    if let Some(owner) = std::fs::metadata(&config.store).ok().map(|dir| dir.uid()).filter(|uid| *uid != mine)
    {
        let dir = config.store.display();
        let words = format!(
            "{dir} belongs to another user; run the command as that user: sudo -u '#{owner}' klachtd"
        );
        return Err(Failure::new(exit::USAGE, words));
    }
    Ok(setup::open_store(config).await?)
}

/// The same for what proves or copies: an empty register that is made for it would prove nothing.
pub(super) async fn own_register(config: &Config) -> Result<Store, Failure> {
    if !config.store.join("db").exists() {
        let words = format!("there is no register in {}", config.store.display());
        return Err(Failure::new(exit::DATAERR, words));
    }
    own_store(config).await
}
