//! The committed fuzz corpora, replayed.

use std::{fs, path::Path};

use nucypher_envelope::fuzzing;

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
fn edek() {
    replay("edek", fuzzing::fuzz_edek);
}

#[test]
fn open() {
    replay("open", fuzzing::fuzz_open);
}
