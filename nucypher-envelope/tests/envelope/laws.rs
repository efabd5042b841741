//! Opening inverts sealing, whatever is sealed and however it was re-encrypted.

use nucypher_envelope::{
    Compression, Edek, KeyBinding, Padding, PlaceBinding, Record, ReencryptError, Sealer,
    SealerConfig, State, open_file,
    pre::{ReencryptionKey, SecretKey, Suite},
    reencrypt_file, seal_file,
};
use proptest::{prelude::*, test_runner::RngSeed};

use crate::fixture::{PLACE, Stored, channel, key, opener, rng};

fn suites() -> impl Strategy<Value = Suite> {
    prop_oneof![Just(Suite::Bbs98), Just(Suite::Ecies)]
}

/// Bytes that compress, bytes that do not, and few of either.
fn plaintexts() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        prop::collection::vec(any::<u8>(), 0..5000),
        (any::<u8>(), 0..100_000_usize).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

prop_compose! {
    fn configs(to: SecretKey)(
        key in prop_oneof![
            Just(KeyBinding::UnlessNull), Just(KeyBinding::Always), Just(KeyBinding::Never)
        ],
        place in prop_oneof![Just(PlaceBinding::Unbound), Just(PlaceBinding::Bound)],
        padding in prop_oneof![Just(Padding::None), Just(Padding::Blocks)],
        compression in prop_oneof![
            Just(Compression::None), Just(Compression::Lz4), Just(Compression::Zstd)
        ],
    ) -> SealerConfig {
        SealerConfig::new(to.public_key().clone(), channel())
            .key_binding(key)
            .place_binding(place)
            .padding(padding)
            .compression(compression)
    }
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(1998), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn opening_inverts_sealing(
        (config, owner) in suites().prop_flat_map(|suite| {
            let owner = key(suite, 1);
            (configs(owner.clone()), Just(owner))
        }),
        record_key in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
        values in prop::collection::vec(prop::option::of(plaintexts()), 1..4),
        seed: u64,
    ) {
        let mut sealer = Sealer::new(config).unwrap();
        let opener = opener(&owner);
        let rng = &mut rng(seed);
        for value in values {
            let record =
                Record { key: record_key.as_deref(), value: value.as_deref(), place: Some(PLACE) };
            let sealed = sealer.seal(&record, 0, rng).unwrap();
            prop_assert_eq!(sealed.value.is_some(), value.is_some());
            prop_assert_eq!(sealed.null.is_some(), value.is_none());
            prop_assert_eq!(Stored::new(&record, &sealed).open(&opener), Ok(value));
        }
    }
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn opening_inverts_sealing_after_any_hops(suite in suites(), hops in 0..4_usize, seed: u64) {
        let rng = &mut rng(seed);
        let keys: Vec<SecretKey> = (0..hops + 2).map(|_| SecretKey::generate(suite, rng)).collect();
        let record = Record { key: Some(b"k"), value: Some(b"v"), place: None };
        let sealed = crate::fixture::sealer(&keys[0]).seal(&record, 0, rng).unwrap();
        let mut stored = Stored::new(&record, &sealed);

        // Interactive hops, as many as there are.
        for pair in keys[..=hops].windows(2) {
            let rekey = ReencryptionKey::interactive(&pair[0], &pair[1]).unwrap();
            stored.set_edek(&stored.edek().reencrypt(&rekey).unwrap());
            prop_assert_eq!(stored.edek().state(), State::Interactive);
            prop_assert_eq!(stored.open(&opener(&pair[1])), Ok(Some(b"v".to_vec())));
            prop_assert!(stored.open(&opener(&pair[0])).is_err());
        }

        // A non-interactive one, and then no more.
        let (from, to) = (&keys[hops], &keys[hops + 1]);
        let rekey = ReencryptionKey::non_interactive(from, to.public_key(), rng).unwrap();
        let before = stored.edek();
        stored.set_edek(&before.reencrypt(&rekey).unwrap());
        prop_assert_eq!(stored.edek().state(), State::NonInteractive);
        prop_assert_eq!(stored.edek().immutable_part(), before.immutable_part());
        prop_assert_eq!(stored.edek().delegating_id(), keys[0].id());
        prop_assert_eq!(stored.open(&opener(to)), Ok(Some(b"v".to_vec())));
        let back = ReencryptionKey::interactive(to, from).unwrap();
        prop_assert_eq!(stored.edek().reencrypt(&back), Err(ReencryptError::LastHop));
    }

    #[test]
    fn files_open_before_and_after(suite in suites(), plaintext in plaintexts(), seed: u64) {
        let rng = &mut rng(seed);
        let [alice, bob] = [(); 2].map(|()| SecretKey::generate(suite, rng));
        let sealed = seal_file(alice.public_key(), &channel(), &plaintext, rng).unwrap();
        prop_assert_eq!(sealed.len(), plaintext.len() + nucypher_envelope::FILE_OVERHEAD);
        let rekey = ReencryptionKey::non_interactive(&alice, bob.public_key(), rng).unwrap();
        let moved = reencrypt_file(&rekey, &sealed).unwrap();
        prop_assert_eq!(&moved[102..], &sealed[102..]);
        prop_assert_eq!(open_file(&alice, &channel(), &sealed), Ok(plaintext.clone()));
        prop_assert_eq!(open_file(&bob, &channel(), &moved), Ok(plaintext));
    }
}

#[test]
fn there_and_back_is_the_fresh_edek() {
    for suite in [Suite::Bbs98, Suite::Ecies] {
        let rng = &mut rng(4);
        let [a, b] = [(); 2].map(|()| SecretKey::generate(suite, rng));
        let (fresh, _) = Edek::encapsulate(a.public_key(), 0, rng);
        let there = ReencryptionKey::interactive(&a, &b).unwrap();
        let back = ReencryptionKey::interactive(&b, &a).unwrap();
        assert_eq!(fresh.reencrypt(&there).unwrap().reencrypt(&back), Ok(fresh));
    }
}

#[test]
fn a_re_encryption_key_moves_only_what_is_its_own() {
    let rng = &mut rng(3);
    let [a, b, c] = [(); 3].map(|()| SecretKey::generate(Suite::Bbs98, rng));
    let (edek, _) = Edek::encapsulate(a.public_key(), 0, rng);

    let of_another = ReencryptionKey::interactive(&b, &c).unwrap();
    let refused = ReencryptError::NotForThisKey { opening_id: a.id() };
    assert_eq!(edek.reencrypt(&of_another), Err(refused));

    // The same points in the other suite: the ids agree, the suites do not.
    let [a2, b2] =
        [&a, &b].map(|key| SecretKey::from_bytes(Suite::Ecies, &*key.to_bytes()).unwrap());
    let of_another_suite = ReencryptionKey::interactive(&a2, &b2).unwrap();
    assert_eq!(edek.reencrypt(&of_another_suite), Err(ReencryptError::SuiteMismatch));
}

/// Above and below the number from which a batch goes in lockstep, and with some that cannot be done.
#[test]
fn a_batch_gives_what_each_alone_gives() {
    for suite in [Suite::Bbs98, Suite::Ecies] {
        let rng = &mut rng(5);
        let [a, b] = [(); 2].map(|()| SecretKey::generate(suite, rng));
        let rekey = ReencryptionKey::non_interactive(&a, b.public_key(), rng).unwrap();
        for n in [0, 1, 2, 50] {
            let mut edeks: Vec<_> =
                (0..n).map(|_| Edek::encapsulate(a.public_key(), 0, rng).0).collect();
            if n > 2 {
                edeks[7] = Edek::encapsulate(b.public_key(), 0, rng).0;
                edeks[9] = edeks[9].reencrypt(&rekey).unwrap();
                let mut no_point = *edeks[11].as_bytes();
                no_point[20..53].fill(0xff);
                edeks[11] = Edek::parse(&no_point).unwrap();
            }
            let alone: Vec<_> = edeks.iter().map(|edek| edek.reencrypt(&rekey)).collect();
            assert_eq!(
                alone.iter().filter(|done| done.is_err()).count(),
                if n > 2 { 3 } else { 0 }
            );
            assert_eq!(Edek::reencrypt_batch(&edeks, &rekey), alone);
        }
    }
}
