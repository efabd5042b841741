//! The committed fuzz corpora, replayed.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fs, path::Path};

use nucypher_pre::fuzzing;
use proptest::{prelude::*, test_runner::TestRunner};

/// Every seed as it is, then seeds with some bytes changed or the end cut off.
fn replay(corpus: &str, fuzz: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(corpus);
    let seeds: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect();
    assert!(!seeds.is_empty(), "no seeds in {}", folder.display());
    seeds.iter().for_each(|seed| fuzz(seed));

    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let altered = (prop::sample::select(seeds), changes, any::<prop::sample::Index>());
    TestRunner::new(ProptestConfig { cases: 64, ..ProptestConfig::default() })
        .run(&altered, |(mut seed, changes, cut)| {
            for (at, value) in changes {
                let at = at.index(seed.len().max(1));
                if let Some(byte) = seed.get_mut(at) {
                    *byte = value;
                }
            }
            seed.truncate(cut.index(2 * seed.len() + 1)); // half of them stay whole
            fuzz(&seed);
            Ok(())
        })
        .unwrap();
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
