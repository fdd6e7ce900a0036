//! `templates` for cargo-fuzz.

#![no_main]

#[path = "../src/templates.rs"]
mod templates;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| templates::one(bytes));
