//! The bodies of the fuzz targets in `fuzz/`, here so that plain `cargo test` replays the corpora.
//!
//! Not part of the API. They panic where a law is broken.

use std::sync::OnceLock;

use nucypher_pre::{Capsule, ReencryptionKey, SecretKey, Suite};

use crate::{
    ChannelName, Edek, EdekHeader, OpenError, Opener, OpenerConfig, Place, SealedRecordRef,
    SealedValue, WHOLE_VALUE, text,
    wire::{EDEK_HEADER, NULL_HEADER},
};

/// Small, so that the fuzzer reaches it.
const CAP: usize = 1 << 16;

/// A parsed EDEK gives its bytes again, and nothing that is done with it panics.
pub fn fuzz_edek(data: &[u8]) {
    match Edek::parse(data) {
        Ok(edek) => {
            assert_eq!(edek.as_bytes().as_slice(), data);
            let _ = (edek.capsule(), edek.precursor(), edek.immutable_part());
            let _ = edek.decapsulate(&fixed().key);
            if let Ok(moved) = edek.reencrypt(&fixed().rekey) {
                assert_eq!(moved.immutable_part(), edek.immutable_part());
                assert_eq!(Edek::parse(moved.as_bytes()), Ok(moved));
            }
        }
        Err(flaw) => assert!(flaw.offset <= data.len()),
    }
    fuzz_header(data);
}

/// The EDEKs of a parsed header, joined, are the header.
pub fn fuzz_header(data: &[u8]) {
    match EdekHeader::parse(data) {
        Ok(header) => {
            let joined: Vec<u8> = header.iter().flat_map(|edek| *edek.as_bytes()).collect();
            assert_eq!(joined, data);
            for edek in header.iter() {
                assert_eq!(header.find(edek.slot()), Some(edek));
            }
        }
        Err(flaw) => assert!(flaw.offset <= data.len()),
    }
}

/// Opens what the data describe; the first byte says what they are.
///
/// | bit | set |
/// | --- | --- |
/// | 0 | `nu.edek` is one that the key opens; else it is the first 102 bytes |
/// | 1 | the value is null |
/// | 2 | `nu.null` is there, with the rest |
/// | 3 | `nu.edek` is there twice |
/// | 4 | the place is known |
/// | 7 | the rest is flags and the text behind them, as if it had been authentic |
pub fn fuzz_open(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let mode = |bit: u8| mode & (1 << bit) != 0;
    if mode(7) {
        return fuzz_text(rest);
    }
    let (edek, rest) = if mode(0) {
        (fixed().edek.as_bytes().as_slice(), rest)
    } else {
        rest.split_at(rest.len().min(crate::EDEK_LEN))
    };
    let edek = (EDEK_HEADER.as_bytes(), Some(edek));
    let null = mode(2).then_some((NULL_HEADER.as_bytes(), Some(rest)));
    let second = mode(3).then_some(edek);
    let record = SealedRecordRef {
        key: Some(b"key".as_slice()),
        value: (!mode(1)).then_some(rest),
        place: mode(4).then_some(Place { topic: "orders", partition: 0 }),
        headers: [edek].into_iter().chain(null).chain(second),
    };
    let opened = fixed().opener.open(record, &fixed().channel);
    assert!(!mode(3) || matches!(opened, Err(OpenError::Malformed(_))));
    assert!(opened.is_err() || mode(1) == mode(2));
}

/// What decodes is within the cap, or was not compressed.
fn fuzz_text(data: &[u8]) {
    // A nonce and a tag of zeros, so that the flags are parsed where they always are.
    let Some((&flags, text)) = data.split_first() else { return };
    let mut value = vec![flags];
    value.resize(crate::SEALED_OVERHEAD, 0);
    let Ok(value) = SealedValue::parse(&value) else { return };
    if let Ok(plaintext) = text::decode(value.flags(), text.to_vec(), CAP) {
        assert!(plaintext.len() <= CAP.max(text.len()));
    }
}

struct Fixed {
    key: SecretKey,
    rekey: ReencryptionKey,
    edek: Edek,
    opener: Opener,
    channel: ChannelName,
}

/// A key for tests only, and an EDEK under it with r = 1: C = A, S = G.
#[expect(clippy::expect_used, reason = "constants of the tests")]
fn fixed() -> &'static Fixed {
    static FIXED: OnceLock<Fixed> = OnceLock::new();
    FIXED.get_or_init(|| {
        let key = SecretKey::from_bytes(Suite::Bbs98, &[1; 32]).expect("a scalar");
        let other = SecretKey::from_bytes(Suite::Bbs98, &[2; 32]).expect("a scalar");
        let capsule = Capsule::from_bytes(&key.public_key().to_bytes()).expect("a point");
        let shared = key.decapsulate(&capsule);
        let (edek, _) = Edek::fresh(key.public_key(), WHOLE_VALUE, &capsule, shared);
        Fixed {
            rekey: ReencryptionKey::interactive(&key, &other).expect("one suite, two keys"),
            opener: Opener::new(OpenerConfig::new([key.clone()]).max_decompressed(CAP))
                .expect("a valid configuration"),
            channel: ChannelName::new("orders").expect("a channel name"),
            key,
            edek,
        }
    })
}
