//! The `klachtd` binary.

fn main() {}
