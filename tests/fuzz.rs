//! The targets of `fuzz/` on a stable toolchain: their seeds, changed blindly but the same on every run.
//!
//! `FUZZ_ROUNDS` inputs for each target (default 300), from `FUZZ_SEED` (default 1). An input that a target refuses is
//! written to `target/`, to become a fixture.

#[path = "../fuzz/src/journal.rs"]
mod journal;
#[path = "../fuzz/src/orders.rs"]
mod orders;
#[path = "../fuzz/src/read.rs"]
mod read;
#[path = "../fuzz/src/templates.rs"]
mod templates;

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

/// Bytes of an input at most, as in `scripts/fuzz`.
const LONGEST: usize = 20_000;

/// Most changes of one input.
const MOST_CHANGES: usize = 12;

/// Numbers without order but always the same (`SplitMix64`; Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).expect("smaller than a usize")
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| {
        value.parse().unwrap_or_else(|_| panic!("{name}={value}: expected a number"))
    })
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
        match entry.path() {
            path if path.is_dir() => walk(&path, found),
            path if path.extension().is_none_or(|ending| ending != "expect") => found.push(path),
            _ => {}
        }
    }
}

fn seeds(folder: &str) -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut paths);
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("readable")).collect()
}

/// The words that the target knows, from its dictionary for libFuzzer.
fn words(target: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/dict/{target}.dict"));
    let text = fs::read_to_string(path).expect("the dictionary is there");
    let quoted = text.lines().filter(|line| !line.starts_with('#'));
    let quoted = quoted.filter_map(|line| Some(line.split_once('"')?.1.rsplit_once('"')?.0));
    quoted.map(unescaped).collect()
}

/// `\"`, `\\` and `\xAB` as libFuzzer writes them.
fn unescaped(word: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), word.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let hex = after.strip_prefix(b"x").and_then(|hex| std::str::from_utf8(hex.get(..2)?).ok());
        let (byte, taken) = match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'\\', Some(byte)) => (byte, 4),
            (b'\\', None) => (after.first().copied().unwrap_or(b'\\'), 2),
            _ => (*first, 1),
        };
        bytes.push(byte);
        rest = rest.get(taken..).unwrap_or_default();
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[Vec<u8>], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let until = (at + random.below(64)).min(bytes.len());
    match random.below(7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 => bytes.insert(at, u8::try_from(random.below(256)).expect("below 256")),
        2 => drop(bytes.drain(at..until)),
        3 => bytes.extend_from_within(at..until),
        4 if !words.is_empty() => drop(bytes.splice(at..until, random.of(words).iter().copied())),
        5 => drop(bytes.splice(at..at, random.of(words).iter().copied())),
        _ => {
            let other = random.of(seeds);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
    }
}

fn run(target: &str, folder: &str, one: fn(&[u8])) {
    let (seeds, words) = (seeds(folder), words(target));
    assert!(!seeds.is_empty() && !words.is_empty(), "{target} has nothing to begin with");
    let (rounds, seed) = (number("FUZZ_ROUNDS", 300), number("FUZZ_SEED", 1));
    let mut random = Random(seed);
    let made = (0..rounds).map(|_| {
        let mut bytes = random.of(&seeds).clone();
        for _ in 0..=random.below(MOST_CHANGES) {
            change(&mut bytes, &seeds, &words, &mut random);
        }
        bytes.truncate(LONGEST);
        bytes
    });
    for input in seeds.iter().cloned().chain(made) {
        if panic::catch_unwind(|| one(&input)).is_err() {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{target}-{seed}"));
            fs::write(&path, &input).expect("the folder can be written to");
            panic!("{target} refuses what now stands in {}", path.display());
        }
    }
}

#[test]
fn any_bytes_are_read_as_a_mail() {
    run("read", "tests/letters", read::one);
}

#[test]
fn any_text_is_read_as_orders() {
    run("orders", "fuzz/seeds/orders", orders::one);
}

#[test]
fn any_values_make_a_notice() {
    run("templates", "fuzz/seeds/templates", templates::one);
}

#[test]
fn any_bytes_are_read_as_what_the_store_holds() {
    run("journal", "fuzz/seeds/journal", journal::one);
}
