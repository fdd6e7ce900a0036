//! The program as its users have it: the real binary, a real Dovecot and Postfix, mails from outside.

#![expect(clippy::unwrap_used, reason = "a test may fail at once")]

mod common;

#[path = "daemon/commands.rs"]
mod commands;
#[path = "daemon/alarms.rs"]
mod alarms;
#[path = "daemon/answers.rs"]
mod answers;
#[path = "daemon/completion.rs"]
mod completion;
#[path = "daemon/credentials.rs"]
mod credentials;
#[path = "daemon/full.rs"]
mod full;
#[path = "daemon/journey.rs"]
mod journey;
#[path = "daemon/killed.rs"]
mod killed;
#[path = "daemon/outage.rs"]
mod outage;
#[path = "daemon/proxy.rs"]
mod proxy;
#[path = "daemon/reconcile.rs"]
mod reconcile;
#[path = "daemon/refusals.rs"]
mod refusals;
#[path = "daemon/reload.rs"]
mod reload;
#[path = "daemon/site.rs"]
mod site;
#[path = "daemon/wire.rs"]
mod wire;
