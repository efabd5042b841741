//! Whatever is changed, moved, swapped, doubled or taken away: an error.

use nucypher_envelope::{
    ChannelName, Compression, EDEK_HEADER, NULL_HEADER, OpenError, Padding, PlaceBinding, Record,
    Sealer, open_file,
    pre::{ReencryptionKey, SecretKey, Suite},
    seal_file,
};

use crate::fixture::{Stored, channel, config, key, opener, record, rng, sealer};

/// Records of every shape, with the key that opens each: both suites, all states, values and
/// tombstones, bound and compressed.
fn every_shape() -> Vec<(Stored, SecretKey)> {
    let rng = &mut rng(7);
    let mut shapes = Vec::new();
    for suite in [Suite::Bbs98, Suite::Ecies] {
        let [a, b] = [(); 2].map(|()| SecretKey::generate(suite, rng));
        let plain = record(b"order-17", b"two pizzas");
        let long = [b'z'; 64];
        let long = record(b"order-17", &long);
        let null = Record { value: None, ..plain };
        let every_flag = || {
            config(&a)
                .place_binding(PlaceBinding::Bound)
                .padding(Padding::Blocks)
                .compression(Compression::Zstd)
        };
        for (config, record) in
            [(config(&a), plain), (config(&a), null), (every_flag(), long), (every_flag(), null)]
        {
            let sealed = Sealer::new(config).unwrap().seal(&record, 0, rng).unwrap();
            let fresh = Stored::new(&record, &sealed);
            for rekey in [
                ReencryptionKey::interactive(&a, &b).unwrap(),
                ReencryptionKey::non_interactive(&a, b.public_key(), rng).unwrap(),
            ] {
                let mut moved = fresh.clone();
                moved.set_edek(&fresh.edek().reencrypt(&rekey).unwrap());
                shapes.push((moved, b.clone()));
            }
            shapes.push((fresh, a.clone()));
        }
    }
    for (stored, key) in &shapes {
        assert!(stored.open(&opener(key)).is_ok());
    }
    shapes
}

#[test]
fn every_byte_of_a_sealed_value_counts() {
    for (stored, key) in every_shape() {
        let opener = opener(&key);
        let len = stored.clone().sealed().len();
        for at in 0..len {
            for bit in 0..8 {
                let mut stored = stored.clone();
                stored.sealed()[at] ^= 1 << bit;
                let error = stored.open(&opener).unwrap_err();
                // Behind the flags nothing finer than "altered".
                assert!(error == OpenError::Altered || at == 0, "byte {at}: {error}");
            }
        }
        for shorter in 0..len {
            let mut stored = stored.clone();
            stored.sealed().truncate(shorter);
            assert!(stored.open(&opener).is_err());
        }
        let mut longer = stored;
        longer.sealed().push(0);
        assert!(longer.open(&opener).is_err());
    }
}

#[test]
fn every_byte_of_an_edek_counts() {
    for (stored, key) in every_shape() {
        let opener = opener(&key);
        // The genuine one is cached: what differs in any byte must not find it.
        stored.open(&opener).unwrap();
        for at in 0..102 {
            let mut stored = stored.clone();
            stored.header(EDEK_HEADER)[at] ^= 1;
            let error = stored.open(&opener).unwrap_err();
            let expected = match error {
                OpenError::NotGranted { .. } => (12..20).contains(&at),
                OpenError::Altered => at != 0,
                OpenError::Malformed(_) => true,
                _ => false,
            };
            assert!(expected, "byte {at}: {error}");
        }
        for shorter in 0..102 {
            let mut stored = stored.clone();
            stored.header(EDEK_HEADER).truncate(shorter);
            assert!(matches!(stored.open(&opener), Err(OpenError::Malformed(_))));
        }
    }
}

#[test]
fn a_value_opens_nowhere_else() {
    for (stored, key) in every_shape() {
        let opener = opener(&key);
        let altered = Err(OpenError::Altered);
        let mut moved = stored.clone();
        moved.key = Some(b"order-18".to_vec());
        assert_eq!(moved.open(&opener), altered);
        moved.key = Some(Vec::new());
        assert_eq!(moved.open(&opener), altered);
        moved.key = None;
        assert_eq!(moved.open(&opener), altered);
        let other = ChannelName::new("order").unwrap();
        assert_eq!(stored.open_in(&opener, &other), altered);

        let flags = stored.clone().sealed()[0];
        let place_bound = flags & 0b1000 != 0;
        let mut moved = stored.clone();
        moved.topic.push('2');
        assert_eq!(moved.open(&opener).is_err(), place_bound);
        let mut moved = stored.clone();
        moved.partition += 1;
        assert_eq!(moved.open(&opener).is_err(), place_bound);
    }
}

#[test]
fn headers_are_not_doubled_swapped_or_taken_away() {
    for (stored, key) in every_shape() {
        let opener = opener(&key);
        for at in 0..stored.headers.len() {
            // Twice, even the same, and even with a null value.
            let mut doubled = stored.clone();
            doubled.headers.push(stored.headers[at].clone());
            assert!(matches!(doubled.open(&opener), Err(OpenError::Malformed(_))));
            let mut doubled = stored.clone();
            doubled.headers.push((stored.headers[at].0.clone(), None));
            assert!(matches!(doubled.open(&opener), Err(OpenError::Malformed(_))));
            let mut null = stored.clone();
            null.headers[at].1 = None;
            assert!(matches!(null.open(&opener), Err(OpenError::Malformed(_))));
        }
        let mut bare = stored.clone();
        bare.headers.retain(|(name, _)| name != EDEK_HEADER.as_bytes());
        assert_eq!(bare.open(&opener), Err(OpenError::NotSealed));

        // The order of headers, and headers of others, do not matter.
        let mut other = stored.clone();
        other.headers.reverse();
        other.headers.insert(0, (b"trace".to_vec(), None));
        other.headers.push((b"trace".to_vec(), Some(b"\xff".to_vec())));
        other.headers.push((b"nu.edek2".to_vec(), Some(b"x".to_vec())));
        assert_eq!(other.open(&opener), stored.open(&opener));
    }
}

#[test]
fn sessions_do_not_mix() {
    let owner = key(Suite::Bbs98, 1);
    let opener = opener(&owner);
    let rng = &mut rng(8);
    let record = record(b"k", b"v");
    let [one, two] = [(); 2].map(|()| sealer(&owner).seal(&record, 0, rng).unwrap());
    let mut swapped = Stored::new(&record, &one);
    swapped.set_edek(&Stored::new(&record, &two).edek());
    assert_eq!(swapped.open(&opener), Err(OpenError::Altered));
}

#[test]
fn an_empty_value_and_a_deletion_are_not_taken_for_each_other() {
    let owner = key(Suite::Bbs98, 1);
    let opener = opener(&owner);
    let record = record(b"k", b"");
    let sealed = sealer(&owner).seal(&record, 0, &mut rng(9)).unwrap();
    let stored = Stored::new(&record, &sealed);
    assert_eq!(stored.open(&opener), Ok(Some(Vec::new())));
    let mut deleted = stored.clone();
    deleted.headers.push((NULL_HEADER.as_bytes().to_vec(), deleted.value.take()));
    assert!(matches!(deleted.open(&opener), Err(OpenError::Malformed(_))));
}

#[test]
fn every_byte_of_a_file_counts() {
    let rng = &mut rng(10);
    let owner = SecretKey::generate(Suite::Ecies, rng);
    let file = seal_file(owner.public_key(), &channel(), b"the ledger", rng).unwrap();
    for at in 0..file.len() {
        let mut file = file.clone();
        file[at] ^= 1;
        assert!(open_file(&owner, &channel(), &file).is_err(), "byte {at}");
    }
    for len in 0..file.len() {
        assert!(open_file(&owner, &channel(), &file[..len]).is_err(), "{len} bytes");
    }
    let elsewhere = ChannelName::new("backups").unwrap();
    assert_eq!(open_file(&owner, &elsewhere, &file), Err(OpenError::Altered));
}
