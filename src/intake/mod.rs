//! 1. Letters in: mailboxes are fetched, mails are read. Knows neither the store nor the outbox.

pub mod source;
pub mod imap;
pub mod maildir;

pub mod read;
mod headers;
mod charset;
mod encoded;
mod sender;
mod authentication;
mod nesting;
mod parts;
mod content;
mod forward;
mod armour;
mod cms;
mod tnef;
mod rtf;
mod body;
mod html;
pub mod quote;
pub mod fields;
mod language;
pub mod thread;
mod bounce;
pub mod classify;
mod phrases;
