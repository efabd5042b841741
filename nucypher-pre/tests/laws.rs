//! Laws that hold for all keys, and what secrets show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use nucypher_pre::{
    Capsule, Error, MasterSecret, PreparedPublicKey, PublicKey, ReencryptionKey, SecretKey,
    SharedSecret, Suite, UnverifiedReencryptionKey, os_rng,
};
use proptest::prelude::*;

fn suites() -> impl Strategy<Value = Suite> {
    prop_oneof![Just(Suite::Bbs98), Just(Suite::Ecies)]
}

fn keys(suite: Suite, seeds: [[u8; 32]; 3]) -> Option<[SecretKey; 3]> {
    let [a, b, c] = seeds.map(|seed| SecretKey::from_bytes(suite, &seed).ok());
    Some([a?, b?, c?])
}

fn okm(secret: SharedSecret) -> [u8; 32] {
    *secret.expand::<32>(&[b"law"])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn decapsulation_after_reencryption_is_decapsulation(suite in suites(), seeds: [[u8; 32]; 3]) {
        let rng = &mut os_rng();
        let Some([a, b, c]) = keys(suite, seeds) else { return Ok(()) };
        prop_assume!(a.id() != b.id() && b.id() != c.id() && a.id() != c.id());
        let (capsule, shared) = a.public_key().encapsulate(rng);
        let expected = okm(shared);
        prop_assert_eq!(okm(a.decapsulate(&capsule)), expected);

        let interactive = ReencryptionKey::interactive(&a, &b).unwrap();
        let at_b = interactive.reencrypt(&capsule);
        prop_assert_eq!(okm(b.decapsulate(&at_b)), expected);

        let onward = ReencryptionKey::non_interactive(&b, c.public_key(), rng).unwrap();
        let at_c = onward.reencrypt(&at_b);
        let precursor = onward.precursor().unwrap();
        prop_assert_eq!(okm(c.decapsulate_delegated(&at_c, precursor).unwrap()), expected);

        // Whoever is not the delegatee gets something else.
        prop_assert_ne!(okm(b.decapsulate_delegated(&at_c, precursor).unwrap()), expected);
        prop_assert_ne!(okm(c.decapsulate(&at_c)), expected);
    }

    #[test]
    fn blinded_reencryption_gives_the_same_bytes(suite in suites(), seeds: [[u8; 32]; 3]) {
        let rng = &mut os_rng();
        let Some([a, b, _]) = keys(suite, seeds) else { return Ok(()) };
        prop_assume!(a.id() != b.id());
        let (capsule, _) = a.public_key().encapsulate(rng);
        for key in [
            ReencryptionKey::interactive(&a, &b).unwrap(),
            ReencryptionKey::non_interactive(&a, b.public_key(), rng).unwrap(),
        ] {
            let expected = key.reencrypt(&capsule);
            prop_assert_eq!(key.reencrypt_blinded(&capsule, rng), expected);
            prop_assert_eq!(key.reencrypt_blinded_vartime(&capsule, rng), expected);
        }
    }

    #[test]
    fn keys_of_two_suites_do_not_meet(seeds: [[u8; 32]; 3]) {
        let Some([a, ..]) = keys(Suite::Bbs98, seeds) else { return Ok(()) };
        let Some([_, b, _]) = keys(Suite::Ecies, seeds) else { return Ok(()) };
        prop_assert_eq!(ReencryptionKey::interactive(&a, &b).unwrap_err(), Error::SuiteMismatch);
        prop_assert_eq!(
            ReencryptionKey::non_interactive(&a, b.public_key(), &mut os_rng()).unwrap_err(),
            Error::SuiteMismatch
        );
    }
}

#[test]
fn a_key_does_not_delegate_to_itself() {
    let key = SecretKey::generate(Suite::Bbs98, &mut os_rng());
    assert_eq!(ReencryptionKey::interactive(&key, &key).unwrap_err(), Error::SelfDelegation);
}

#[test]
fn an_interactive_key_must_lead_to_its_delegatee() {
    let rng = &mut os_rng();
    let [a, b, c] = [(); 3].map(|()| SecretKey::generate(Suite::Ecies, rng));
    let key = ReencryptionKey::interactive(&a, &b).unwrap();
    let claimed = UnverifiedReencryptionKey::new(
        a.public_key().clone(),
        c.public_key().clone(),
        None,
        &key.target_bytes(),
        key.to_scalar_bytes().as_ref(),
    );
    assert_eq!(claimed.unwrap().verify().unwrap_err(), Error::KeyMismatch);
}

#[test]
fn labels_longer_than_their_length_field_are_refused() {
    let master = MasterSecret::generate(&mut os_rng());
    let long = "x".repeat(65_536);
    assert_eq!(master.channel_key(Suite::Bbs98, &long, 0, "").unwrap_err(), Error::LabelTooLong);
}

/// Formats every secret type and finds no run of four bytes of the secret, in hexadecimal or in
/// decimal.
#[test]
fn debug_shows_no_secret() {
    let rng = &mut os_rng();
    let key = SecretKey::generate(Suite::Bbs98, rng);
    let other = SecretKey::generate(Suite::Bbs98, rng);
    let delegation = ReencryptionKey::non_interactive(&key, other.public_key(), rng).unwrap();
    let master = MasterSecret::generate(rng);
    let (_, shared) = key.public_key().encapsulate(rng);
    let unverified = UnverifiedReencryptionKey::new(
        key.public_key().clone(),
        other.public_key().clone(),
        delegation.precursor().copied(),
        &delegation.target_bytes(),
        delegation.to_scalar_bytes().as_ref(),
    )
    .unwrap();
    let shown = format!("{key:?} {delegation:?} {master:?} {shared:?} {unverified:?}");
    for secret in [key.to_bytes(), delegation.to_scalar_bytes(), master.to_bytes()] {
        for run in secret.windows(4) {
            assert!(!shown.contains(&hex::encode(run)), "{shown}");
            assert!(!shown.contains(&format!("{run:?}")[1..]), "{shown}");
        }
    }
    assert!(shown.len() < 400, "{shown}");
}

/// Batches re-encrypt as single calls do, whichever pattern and length.
#[test]
fn batches_are_many_single_reencryptions() {
    let rng = &mut os_rng();
    let (a, b) = (SecretKey::generate(Suite::Bbs98, rng), SecretKey::generate(Suite::Bbs98, rng));
    let key = ReencryptionKey::non_interactive(&a, b.public_key(), rng).unwrap();
    for count in [0, 1, 7, 50, 99] {
        let capsules: Vec<_> = (0..count).map(|_| a.public_key().encapsulate(rng).0).collect();
        let mut encoded: Vec<Vec<u8>> = capsules.iter().map(|c| c.to_bytes().to_vec()).collect();
        let decoded: Vec<_> =
            Capsule::from_bytes_batch(&encoded).into_iter().map(Result::unwrap).collect();
        assert_eq!(decoded, capsules);
        let expected: Vec<_> = capsules.iter().map(|capsule| key.reencrypt(capsule)).collect();
        let (mut fixed, mut vartime) = (capsules.clone(), capsules);
        key.reencrypt_batch(&mut fixed);
        key.reencrypt_batch_vartime(&mut vartime);
        assert_eq!(fixed, expected);
        assert_eq!(vartime, expected);
        // Errors stay with their capsule.
        if count > 2 {
            encoded[0][0] = 4;
            encoded[count - 1].pop();
            encoded[count - 2] = [&[2u8][..], &[0; 31], &[5]].concat(); // x = 5 is on no point
            let decoded = Capsule::from_bytes_batch(&encoded);
            for (at, result) in decoded.iter().enumerate() {
                assert_eq!(*result, Capsule::from_bytes(&encoded[at]));
                assert_eq!(result.is_err(), at == 0 || at + 2 >= count, "{at}");
            }
        }
    }
}

#[test]
fn prepared_keys_encapsulate_as_public_keys_do() {
    let rng = &mut os_rng();
    for suite in [Suite::Bbs98, Suite::Ecies] {
        let a = SecretKey::generate(suite, rng);
        let prepared = PreparedPublicKey::new(a.public_key().clone());
        let (capsule, shared) = prepared.encapsulate(rng);
        assert_eq!(*a.decapsulate(&capsule).expand::<32>(&[]), *shared.expand::<32>(&[]));
    }
}

#[test]
fn points_convert_to_arkworks_and_back() {
    let rng = &mut os_rng();
    let a = SecretKey::generate(Suite::Bbs98, rng);
    let point = ark_secp256k1::Affine::from(a.public_key());
    assert!(point.is_on_curve());
    assert_eq!(PublicKey::from_ark(Suite::Bbs98, point).as_ref(), Ok(a.public_key()));
    let (capsule, _) = a.public_key().encapsulate(rng);
    assert_eq!(Capsule::try_from(ark_secp256k1::Affine::from(capsule)), Ok(capsule));
    let identity = ark_secp256k1::Affine::default();
    assert_eq!(Capsule::try_from(identity), Err(Error::NotOnCurve));
    let off = ark_secp256k1::Affine::new_unchecked(1.into(), 1.into());
    assert_eq!(Capsule::try_from(off), Err(Error::NotOnCurve));
}
