//! The committed fuzz corpora, replayed.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fs, path::Path};

use nucypher_pre::fuzzing;

fn replay(corpus: &str, fuzz: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(corpus);
    let mut seeds = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        fuzz(&fs::read(entry.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds > 0, "no seeds in {}", folder.display());
}

#[test]
fn points_and_keys() {
    replay("pre_points_and_keys", fuzzing::fuzz_points_and_keys);
}

#[test]
fn protocol() {
    replay("pre_protocol", fuzzing::fuzz_protocol);
}

#[test]
fn forgery() {
    replay("pre_forgery", fuzzing::fuzz_forgery);
}
