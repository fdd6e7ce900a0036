//! `orders` for cargo-fuzz.

#![no_main]

#[path = "../src/orders.rs"]
mod orders;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| orders::one(bytes));
