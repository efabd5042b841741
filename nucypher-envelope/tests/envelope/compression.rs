//! Compression before encryption.

use nucypher_envelope::{
    Compression, OpenError, Opener, OpenerConfig, Padding, SEALED_OVERHEAD, SealedValue, Sealer,
    pre::{Suite, rand_core::Rng},
};

use crate::fixture::{Stored, config, key, record, rng};

const CAP: usize = 1 << 20;

fn capped() -> Opener {
    Opener::new(OpenerConfig::new([key(Suite::Bbs98, 1)]).max_decompressed(CAP)).unwrap()
}

fn sealed(compression: Compression, plaintext: &[u8]) -> Stored {
    let owner = key(Suite::Bbs98, 1);
    let mut sealer = Sealer::new(config(&owner).compression(compression)).unwrap();
    let record = record(b"k", plaintext);
    Stored::new(&record, &sealer.seal(&record, 0, &mut rng(40)).unwrap())
}

#[test]
fn what_shrinks_is_compressed_and_what_does_not_is_not() {
    let mut random = [0; 300];
    rng(42).fill_bytes(&mut random);
    for compression in [Compression::Lz4, Compression::Zstd] {
        let flags = |plaintext: &[u8]| {
            let mut stored = sealed(compression, plaintext);
            assert_eq!(stored.open(&capped()), Ok(Some(plaintext.to_vec())));
            SealedValue::parse(stored.sealed()).unwrap().flags().compression()
        };
        assert_eq!(flags(&[7; 1000]), compression);
        assert_eq!(flags(b"ab"), Compression::None);
        assert_eq!(flags(&random), Compression::None);
        assert_eq!(flags(b""), Compression::None);
    }
}

#[test]
fn a_bomb_stops_at_the_cap() {
    for compression in [Compression::Lz4, Compression::Zstd] {
        for (len, opens) in [(CAP, true), (CAP + 1, false), (64 * CAP, false)] {
            let mut stored = sealed(compression, &vec![0; len]);
            assert!(stored.sealed().len() < len / 100);
            match stored.open(&capped()) {
                Ok(plaintext) => assert_eq!((plaintext, opens), (Some(vec![0; len]), true)),
                Err(error) => assert_eq!((error, opens), (OpenError::TooLarge, false)),
            }
        }
    }
    // What is not compressed has its size already.
    assert!(sealed(Compression::None, &vec![0; 2 * CAP]).open(&capped()).is_ok());
}

#[test]
fn a_compressor_serves_more_than_once() {
    let owner = key(Suite::Bbs98, 1);
    for compression in [Compression::Lz4, Compression::Zstd] {
        let config = config(&owner).compression(compression).padding(Padding::Blocks);
        let mut sealer = Sealer::new(config).unwrap();
        let rng = &mut rng(41);
        for len in [5000, 70_000, 100] {
            let plaintext = vec![9; len];
            let record = record(b"k", &plaintext);
            let mut stored = Stored::new(&record, &sealer.seal(&record, 0, rng).unwrap());
            let text_len = stored.sealed().len() - SEALED_OVERHEAD;
            assert!(text_len < len && text_len.is_multiple_of(16));
            assert_eq!(stored.open(&capped()), Ok(Some(plaintext)));
        }
    }
}
