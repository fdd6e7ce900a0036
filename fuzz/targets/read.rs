//! `read` for cargo-fuzz.

#![no_main]

#[path = "../src/read.rs"]
mod read;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| read::one(bytes));
