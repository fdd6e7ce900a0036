//! klachtd keeps a published complaints procedure: letters come in, we decide, we commit, letters go out.
//!
//! There is one path, and everything takes it. The modules, in reading order:

pub mod intake;
pub mod domain;
pub mod store;
pub mod outbox;


pub mod tls;
