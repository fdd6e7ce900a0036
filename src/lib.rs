//! klachtd keeps a published complaints procedure: letters come in, we decide, we commit, letters go out.
//!
//! There is one path, and everything takes it. The modules, in reading order:

pub mod intake;
pub mod domain;
pub mod store;
pub mod outbox;

pub mod engine;
pub mod batch;
pub mod rules;
pub mod register;

pub mod daemon;
pub mod wake;
pub mod mailroom;
pub mod desk;
pub mod postroom;
pub mod health;
pub mod alarms;
pub mod answers;
pub mod control;
pub mod cli;

pub mod clock;
pub mod config;
pub mod setup;
pub mod telemetry;
pub mod net;
pub mod password;
pub mod tls;
