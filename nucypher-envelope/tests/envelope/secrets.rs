//! What formatting shows of a secret: nothing.

use nucypher_envelope::{
    Edek, Opener, OpenerConfig, Session, Text,
    pre::{SecretKey, Suite},
};

use crate::fixture::{config, key, record, rng, sealer};

#[test]
fn secrets_are_not_shown() {
    let owner = key(Suite::Bbs98, 1);
    let rng = &mut rng(50);
    let (_, dek) = Edek::encapsulate(owner.public_key(), 0, rng);
    assert_eq!(format!("{dek:?} {dek:#?}"), "Dek(..) Dek(..)");

    let mut sealer = sealer(&owner);
    sealer.seal(&record(b"k", b"v"), 0, rng).unwrap();
    let turn = Session::begin(owner.public_key(), 0, rng);
    let opener = Opener::new(OpenerConfig::new([owner.clone()])).unwrap();
    let text = Text::new(
        b"plaintext",
        nucypher_envelope::Padding::None,
        &mut nucypher_envelope::Compressor::none(),
    )
    .unwrap();
    for shown in [
        format!("{sealer:?}"),
        format!("{turn:?}"),
        format!("{opener:?}"),
        format!("{:?}", OpenerConfig::new([owner.clone()])),
        format!("{:?}", config(&owner)),
        format!("{text:?}"),
    ] {
        assert_no_piece_of(&owner, &shown);
        assert!(!shown.contains("plaintext") && !shown.contains("112, 108"), "{shown}");
    }
}

/// No four bytes of the key, neither as hexadecimal nor as a list of numbers.
fn assert_no_piece_of(key: &SecretKey, shown: &str) {
    for piece in key.to_bytes().windows(4) {
        assert!(!shown.contains(&hex::encode(piece)), "{shown}");
        let list = format!("{}, {}, {}, {}", piece[0], piece[1], piece[2], piece[3]);
        assert!(!shown.contains(&list), "{shown}");
    }
}
