//! The store as its callers and its disk see it: commits, conflicts, damage, kills and power cuts.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod carried;
mod damage;
mod killed;
mod powercut;
mod register;
mod samples;
