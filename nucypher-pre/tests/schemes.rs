//! Laws of ElGamal, splitting and proofs, and that nothing altered is taken.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use nucypher_pre::{
    Capsule, Error, Precursor, PublicKey, ReencryptionKey, SecretKey, SharedSecret, Suite,
    UnverifiedReencryptionKey,
    elgamal::{
        CHUNK_LEN, ElGamalCiphertext, ElGamalPublicKey, ElGamalReencryptionKey, ElGamalSecretKey,
        GroupElement, MESSAGE_LEN, UnverifiedElGamalReencryptionKey,
    },
    os_rng,
    proof::{Delegation, ReencryptionProof},
    split::{CapsuleFragment, KeyShare, Sharing, UnverifiedKeyShare, VerifiedFragment},
};
use proptest::prelude::*;

fn suites() -> impl Strategy<Value = Suite> {
    prop_oneof![Just(Suite::Bbs98), Just(Suite::Ecies)]
}

fn okm(secret: SharedSecret) -> [u8; 32] {
    *secret.expand::<32>(&[b"law"])
}

/// A delegator, a delegatee, the key between them, a capsule under the delegator and its secret.
struct Scene {
    delegator: SecretKey,
    delegatee: SecretKey,
    key: ReencryptionKey,
    capsule: Capsule,
    secret: [u8; 32],
}

impl Scene {
    fn new(suite: Suite, interactive: bool) -> Self {
        let rng = &mut os_rng();
        let (delegator, delegatee) =
            (SecretKey::generate(suite, rng), SecretKey::generate(suite, rng));
        let key = if interactive {
            ReencryptionKey::interactive(&delegator, &delegatee)
        } else {
            ReencryptionKey::non_interactive(&delegator, delegatee.public_key(), rng)
        };
        let (capsule, secret) = delegator.public_key().encapsulate(rng);
        Self { delegator, delegatee, key: key.unwrap(), capsule, secret: okm(secret) }
    }

    fn open(&self, precursor: Option<&Precursor>, capsule: &Capsule) -> [u8; 32] {
        okm(match precursor {
            None => self.delegatee.decapsulate(capsule),
            Some(precursor) => self.delegatee.decapsulate_delegated(capsule, precursor).unwrap(),
        })
    }
}

fn fragments(
    shares: &[KeyShare],
    which: &[usize],
    sharing: &Sharing,
    capsule: &Capsule,
) -> Vec<VerifiedFragment> {
    which
        .iter()
        .map(|&at| {
            let sent = shares[at].reencrypt(capsule, &mut os_rng()).to_bytes();
            CapsuleFragment::from_bytes(&sent).unwrap().verify(sharing, capsule).unwrap()
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn factors_in_a_row_do_what_the_key_does(suite in suites(), interactive: bool, count in 2u8..6) {
        let scene = Scene::new(suite, interactive);
        let factors = scene.key.split(count, &mut os_rng()).unwrap();
        prop_assert_eq!(factors.len(), usize::from(count));
        let mut capsule = scene.capsule;
        let mut from = scene.key.delegator().clone();
        for factor in &factors {
            // Each is a key by itself, that its proxy verifies, and leads on from the last.
            prop_assert_eq!(factor.delegator(), &from);
            from = factor.delegatee().clone();
            let received = UnverifiedReencryptionKey::new(
                factor.delegator().clone(),
                factor.delegatee().clone(),
                factor.precursor().copied(),
                &factor.target_bytes(),
                factor.to_scalar_bytes().as_ref(),
            );
            let received = received.unwrap().verify().unwrap();
            let (next, proof) = received.reencrypt_with_proof(&capsule, &mut os_rng());
            proof.verify(&factor.delegation(), &capsule, &next).unwrap();
            capsule = next;
        }
        prop_assert_eq!(&from, scene.delegatee.public_key());
        prop_assert_eq!(capsule, scene.key.reencrypt(&scene.capsule));
        let precursor = factors.last().unwrap().precursor();
        prop_assert_eq!(scene.open(precursor, &capsule), scene.secret);
        // All but one are not enough.
        let short = factors[1..].iter().fold(scene.capsule, |capsule, key| key.reencrypt(&capsule));
        prop_assert_ne!(scene.open(precursor, &short), scene.secret);
    }

    #[test]
    fn any_threshold_of_shares_does_what_the_key_does(
        suite in suites(),
        interactive: bool,
        (needed, total, order) in (2u8..5).prop_flat_map(|t| (Just(t), t..7)).prop_flat_map(|(t, n)| {
            (Just(t), Just(n), Just((0..usize::from(n)).collect::<Vec<_>>()).prop_shuffle())
        }),
    ) {
        let scene = Scene::new(suite, interactive);
        let (sharing, shares) = scene.key.share(needed, total, &mut os_rng()).unwrap();
        let sharing = {
            let read = Sharing::from_bytes(&sharing.to_bytes()).unwrap();
            prop_assert_eq!(&read, &sharing);
            read
        };
        prop_assert_eq!((sharing.threshold(), sharing.shares()), (needed, total));
        let shares: Vec<_> = shares
            .iter()
            .map(|share| {
                let sent = share.to_bytes();
                UnverifiedKeyShare::from_bytes(sent.as_ref()).unwrap().verify(&sharing).unwrap()
            })
            .collect();
        let needed = usize::from(needed);
        for count in [needed, order.len()] {
            let fragments = fragments(&shares, &order[..count], &sharing, &scene.capsule);
            let capsule = sharing.combine(&scene.capsule, &fragments).unwrap();
            prop_assert_eq!(capsule, scene.key.reencrypt(&scene.capsule));
            prop_assert_eq!(scene.open(sharing.precursor(), &capsule), scene.secret);
        }
        let few = fragments(&shares, &order[..needed - 1], &sharing, &scene.capsule);
        prop_assert_eq!(
            sharing.combine(&scene.capsule, &few).unwrap_err(),
            Error::TooFewFragments { needed, found: needed - 1 }
        );
    }

    #[test]
    fn a_proof_holds_for_its_statement_alone(suite in suites(), interactive: bool) {
        let rng = &mut os_rng();
        let scene = Scene::new(suite, interactive);
        let (reencrypted, proof) = scene.key.reencrypt_with_proof(&scene.capsule, rng);
        prop_assert_eq!(reencrypted, scene.key.reencrypt(&scene.capsule));
        let delegation = scene.key.delegation();
        let verified = proof.verify(&delegation, &scene.capsule, &reencrypted).unwrap();
        prop_assert_eq!((verified.capsule(), verified.reencrypted()), (&scene.capsule, &reencrypted));

        let other = Scene::new(suite, interactive);
        let refused = |delegation: &Delegation, from: &Capsule, to: &Capsule| {
            proof.verify(delegation, from, to) == Err(Error::Proof)
        };
        prop_assert!(refused(&delegation, &reencrypted, &scene.capsule));
        prop_assert!(refused(&delegation, &other.capsule, &reencrypted));
        prop_assert!(refused(&delegation, &scene.capsule, &other.capsule));
        prop_assert!(refused(&other.key.delegation(), &scene.capsule, &reencrypted));
        let target = delegation.target_bytes();
        let elsewhere = Delegation::new(other.delegator.public_key().clone(), &target).unwrap();
        prop_assert!(refused(&elsewhere, &scene.capsule, &reencrypted));
        // The same points, said to be of the other suite.
        let suite = if suite == Suite::Bbs98 { Suite::Ecies } else { Suite::Bbs98 };
        let delegator = scene.delegator.public_key().to_bytes();
        let mirrored = PublicKey::from_bytes(suite, &target).unwrap();
        let mirrored = Delegation::new(mirrored, &delegator).unwrap();
        prop_assert!(refused(&mirrored, &scene.capsule, &reencrypted));
    }

    #[test]
    fn elements_come_back(hops in 0usize..4) {
        let rng = &mut os_rng();
        let keys: Vec<_> = (0..=hops).map(|_| ElGamalSecretKey::generate(rng)).collect();
        let message = GroupElement::random(rng);
        let mut ciphertext = keys[0].public_key().encrypt(&message, rng);
        for pair in keys.windows(2) {
            let sent = ElGamalReencryptionKey::new(&pair[0], &pair[1]).unwrap().to_bytes();
            let key = UnverifiedElGamalReencryptionKey::from_bytes(sent.as_ref()).unwrap();
            ciphertext = key.verify().unwrap().reencrypt(&ciphertext);
            ciphertext = ElGamalCiphertext::from_bytes(&ciphertext.to_bytes()).unwrap();
        }
        prop_assert_eq!(keys[hops].decrypt(&ciphertext).unwrap().to_bytes(), message.to_bytes());
        if hops > 0 {
            prop_assert_ne!(keys[0].decrypt(&ciphertext).unwrap().to_bytes(), message.to_bytes());
        }
    }

    #[test]
    fn strings_come_back(message in proptest::collection::vec(any::<u8>(), 0..100)) {
        let rng = &mut os_rng();
        let [a, b] = [(); 2].map(|()| ElGamalSecretKey::generate(rng));
        let sealed = a.public_key().encrypt_bytes(&message, rng).unwrap();
        prop_assert_eq!(sealed.len(), message.len() / CHUNK_LEN + 1);
        prop_assert_eq!(&**a.decrypt_bytes(&sealed).unwrap(), &message[..]);
        let key = ElGamalReencryptionKey::new(&a, &b).unwrap();
        let moved: Vec<_> = sealed.iter().map(|ciphertext| key.reencrypt(ciphertext)).collect();
        prop_assert_eq!(&**b.decrypt_bytes(&moved).unwrap(), &message[..]);
        // Without its end, and with an end before the end.
        prop_assert_eq!(a.decrypt_bytes(&sealed[..sealed.len() - 1]).unwrap_err(), Error::MessageEncoding);
        let twice = [&sealed[..], &sealed].concat();
        prop_assert_eq!(a.decrypt_bytes(&twice).unwrap_err(), Error::MessageEncoding);
        // Under another key what comes out is no string (but with probability below 2^-20).
        prop_assume!(message.len() > 30);
        prop_assert_eq!(b.decrypt_bytes(&sealed).unwrap_err(), Error::MessageEncoding);
    }
}

#[test]
fn chunks_never_share_a_scalar() {
    let rng = &mut os_rng();
    let key = ElGamalSecretKey::generate(rng);
    let sealed = key.public_key().encrypt_bytes(&[7; 10 * CHUNK_LEN], rng).unwrap();
    let mut hidden: Vec<_> = sealed.iter().map(|c| c.to_bytes()[..33].to_vec()).collect();
    hidden.sort();
    hidden.dedup();
    assert_eq!(hidden.len(), 11);
}

#[test]
fn strings_have_a_limit() {
    let rng = &mut os_rng();
    let key = ElGamalSecretKey::generate(rng);
    let longest = vec![0xff; MESSAGE_LEN];
    let sealed = key.public_key().encrypt_bytes(&longest, rng).unwrap();
    assert_eq!(*key.decrypt_bytes(&sealed).unwrap(), longest);
    let error = Error::MessageLength { limit: MESSAGE_LEN, found: MESSAGE_LEN + 1 };
    assert_eq!(
        key.public_key().encrypt_bytes(&[&longest[..], b"x"].concat(), rng).unwrap_err(),
        error
    );
    let more = [&sealed[..], &sealed[..1]].concat();
    assert!(matches!(key.decrypt_bytes(&more).unwrap_err(), Error::MessageLength { .. }));
    assert_eq!(key.decrypt_bytes(&[]).unwrap_err(), Error::MessageEncoding);
}

#[test]
fn a_ciphertext_of_the_identity_is_refused() {
    // C1 = aG, C2 = G: M = C2 - (1/a)C1 is the identity.
    let mut one = [0xe1; 33];
    one[1..].fill(0);
    one[32] = 1;
    let generator = ElGamalSecretKey::from_bytes(&one).unwrap().public_key().to_bytes();
    let key = ElGamalSecretKey::generate(&mut os_rng());
    let bytes = [&key.public_key().to_bytes()[1..], &generator[1..]].concat();
    let ciphertext = ElGamalCiphertext::from_bytes(&bytes).unwrap();
    assert_eq!(key.decrypt(&ciphertext).unwrap_err(), Error::Identity);
}

#[test]
fn numbers_of_factors_and_shares_have_bounds() {
    let scene = Scene::new(Suite::Bbs98, false);
    let rng = &mut os_rng();
    for factors in [0, 1] {
        assert_eq!(scene.key.split(factors, rng).unwrap_err(), Error::Threshold);
    }
    for (threshold, shares) in [(0, 3), (1, 3), (4, 3), (1, 1), (0, 0), (2, 1)] {
        assert_eq!(scene.key.share(threshold, shares, rng).unwrap_err(), Error::Threshold);
    }
    let (sharing, shares) = scene.key.share(2, 255, rng).unwrap();
    assert_eq!(shares.len(), 255);
    let last = fragments(&shares, &[254, 0], &sharing, &scene.capsule);
    assert_eq!(
        sharing.combine(&scene.capsule, &last).unwrap(),
        scene.key.reencrypt(&scene.capsule)
    );
    assert_eq!(scene.key.split(255, rng).unwrap().len(), 255);
}

#[test]
fn a_share_is_used_only_where_it_belongs() {
    let scene = Scene::new(Suite::Ecies, true);
    let rng = &mut os_rng();
    let (sharing, shares) = scene.key.share(2, 3, rng).unwrap();
    let verify = |bytes: &[u8], sharing| {
        UnverifiedKeyShare::from_bytes(bytes).unwrap().verify(sharing).map(|share| share.index())
    };
    let mut bytes = *shares[1].to_bytes();
    for index in [0, 4, 255] {
        bytes[0] = index;
        assert_eq!(verify(&bytes, &sharing).unwrap_err(), Error::ShareIndex { found: index });
    }
    bytes[0] = 1; // another's
    assert_eq!(verify(&bytes, &sharing).unwrap_err(), Error::ShareMismatch);
    let (again, _) = scene.key.share(2, 3, rng).unwrap();
    assert_eq!(verify(shares[1].to_bytes().as_ref(), &again).unwrap_err(), Error::ShareMismatch);

    let fragment = shares[1].reencrypt(&scene.capsule, rng);
    assert_eq!(fragment.verify(&again, &scene.capsule).unwrap_err(), Error::Proof);
    assert_eq!(
        fragment.verify(&sharing, &Scene::new(Suite::Ecies, true).capsule),
        Err(Error::Proof)
    );
    let mut moved = fragment.to_bytes();
    moved[0] = 1;
    assert_eq!(
        CapsuleFragment::from_bytes(&moved).unwrap().verify(&sharing, &scene.capsule),
        Err(Error::Proof)
    );

    // Verified, but not for this.
    let ours = fragments(&shares, &[0, 1], &sharing, &scene.capsule);
    let other = Scene::new(Suite::Ecies, true);
    let theirs = fragments(&shares, &[2], &sharing, &other.capsule);
    let combine = |parts: &[VerifiedFragment]| sharing.combine(&scene.capsule, parts);
    assert!(combine(&ours).is_ok());
    assert_eq!(combine(&[ours[0], theirs[0]]), Err(Error::FragmentMismatch));
    assert_eq!(combine(&[ours[0], ours[0]]), Err(Error::DuplicateIndex { index: 1 }));
    assert_eq!(combine(&[ours[0], ours[1], ours[0]]), Err(Error::DuplicateIndex { index: 1 }));
    assert_eq!(again.combine(&scene.capsule, &ours), Err(Error::FragmentMismatch));
    assert_eq!(combine(&[]), Err(Error::TooFewFragments { needed: 2, found: 0 }));
}

/// Every bit of a proof, of a fragment, of a share.
#[test]
fn every_bit_matters() {
    for suite in [Suite::Bbs98, Suite::Ecies] {
        let scene = Scene::new(suite, false);
        let rng = &mut os_rng();
        let (reencrypted, proof) = scene.key.reencrypt_with_proof(&scene.capsule, rng);
        let (sharing, shares) = scene.key.share(2, 2, rng).unwrap();
        let fragment = shares[0].reencrypt(&scene.capsule, rng).to_bytes();
        let delegation = scene.key.delegation();
        for (at, bit) in (0..proof.to_bytes().len()).flat_map(|at| [(at, 0), (at, 7)]) {
            let mut bytes = proof.to_bytes();
            bytes[at] ^= 1 << bit;
            if let Ok(altered) = ReencryptionProof::from_bytes(&bytes) {
                let verified = altered.verify(&delegation, &scene.capsule, &reencrypted);
                assert_eq!(verified, Err(Error::Proof), "bit {bit} of byte {at}");
            }
        }
        for (at, bit) in (0..fragment.len()).flat_map(|at| [(at, 0), (at, 7)]) {
            let mut bytes = fragment;
            bytes[at] ^= 1 << bit;
            if let Ok(altered) = CapsuleFragment::from_bytes(&bytes) {
                assert!(
                    altered.verify(&sharing, &scene.capsule).is_err(),
                    "bit {bit} of byte {at}"
                );
            }
        }
        for at in 0..33 {
            let mut bytes = *shares[0].to_bytes();
            bytes[at] ^= 1;
            if let Ok(altered) = UnverifiedKeyShare::from_bytes(&bytes) {
                assert!(altered.verify(&sharing).is_err(), "byte {at}");
            }
        }
        // A sharing is signed by its maker, so it may decode; then it is not ours any more.
        let whole = sharing.to_bytes();
        let fragment = CapsuleFragment::from_bytes(&fragment).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            if let Ok(altered) = Sharing::from_bytes(&bytes) {
                assert_ne!(altered, sharing, "byte {at}");
                assert!(fragment.verify(&altered, &scene.capsule).is_err(), "byte {at}");
            }
        }
    }
}

/// A generator that repeats itself gives the same proof for the same statement, and unrelated
/// nonces for two statements: R1 = zP - cQ differs.
#[test]
fn a_broken_generator_gives_away_no_nonce() {
    use nucypher_pre::rand_core::{TryCryptoRng, TryRng};
    struct Stuck;
    impl TryRng for Stuck {
        type Error = std::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(4)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(4)
        }
        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            bytes.fill(4);
            Ok(())
        }
    }
    impl TryCryptoRng for Stuck {}

    let scene = Scene::new(Suite::Bbs98, false);
    let other = Scene::new(Suite::Bbs98, false).capsule;
    let prove = |capsule| scene.key.reencrypt_with_proof(capsule, &mut Stuck).1.to_bytes();
    let (first, again, second) = (prove(&scene.capsule), prove(&scene.capsule), prove(&other));
    assert_eq!(first, again);
    // With one nonce k for both, z1 - c1·rk = z2 - c2·rk, so rk = (z1 - z2)/(c1 - c2).
    use k256::{Scalar, elliptic_curve::PrimeField};
    let scalar = |bytes: &[u8]| {
        let bytes: [u8; 32] = bytes.try_into().unwrap();
        Scalar::from_repr(bytes.into()).unwrap()
    };
    let rk = scalar(scene.key.to_scalar_bytes().as_ref());
    let nonce = |proof: &[u8; 64]| scalar(&proof[32..]) - scalar(&proof[..32]) * rk;
    assert_ne!(nonce(&first), nonce(&second));
}

/// Formats every secret type of the schemes and finds no run of four bytes of the secret.
#[test]
fn debug_shows_no_secret() {
    let rng = &mut os_rng();
    let scene = Scene::new(Suite::Bbs98, false);
    let [a, b] = [(); 2].map(|()| ElGamalSecretKey::generate(rng));
    let rekey = ElGamalReencryptionKey::new(&a, &b).unwrap();
    let unverified =
        UnverifiedElGamalReencryptionKey::from_bytes(rekey.to_bytes().as_ref()).unwrap();
    let element = GroupElement::random(rng);
    let (_, shares) = scene.key.share(2, 3, rng).unwrap();
    let received = UnverifiedKeyShare::from_bytes(shares[0].to_bytes().as_ref()).unwrap();
    let shown = format!("{a:?} {rekey:?} {unverified:?} {element:?} {:?} {received:?}", shares[0]);
    let secrets = [
        a.to_bytes()[1..].to_vec(),
        rekey.to_bytes()[67..].to_vec(),
        element.to_bytes().to_vec(),
        shares[0].to_bytes()[1..].to_vec(),
    ];
    for run in secrets.iter().flat_map(|secret| secret.windows(4)) {
        assert!(!shown.contains(&hex::encode(run)), "{shown}");
        assert!(!shown.contains(&format!("{run:?}")[1..]), "{shown}");
    }
}

#[cfg(feature = "pem")]
#[test]
fn a_passphrase_protects_a_private_key_and_opens_no_other_kind() {
    use nucypher_pre::PemError;
    let rng = &mut os_rng();
    let a = ElGamalSecretKey::generate(rng);
    let file = a.to_encrypted_pem(b"correct horse", rng).unwrap();
    assert!(file.starts_with("-----BEGIN NUCYPHER ELGAMAL ENCRYPTED PRIVATE KEY-----"));
    let read = |passphrase| ElGamalSecretKey::from_pem(&file, passphrase);
    assert_eq!(read(Some(b"correct horse")).unwrap().public_key(), a.public_key());
    assert_eq!(read(None).unwrap_err(), PemError::PassphraseNeeded);
    assert!(read(Some(b"battery")).is_err());
    assert!(SecretKey::from_pem(Suite::Bbs98, &file, Some(b"correct horse")).is_err());

    // The container and the passphrase of one kind, the key of the other: an error in both directions.
    let renamed = |file: &str, from, to| file.replace(from, to);
    let (ours, theirs) = ("NUCYPHER ELGAMAL ENCRYPTED PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let disguised = renamed(&file, ours, theirs);
    let result = SecretKey::from_pem(Suite::Bbs98, &disguised, Some(b"correct horse"));
    assert_eq!(result.unwrap_err(), PemError::Passphrase);
    let kem =
        SecretKey::generate(Suite::Bbs98, rng).to_encrypted_pem(b"correct horse", rng).unwrap();
    let disguised = renamed(&kem, theirs, ours);
    let result = ElGamalSecretKey::from_pem(&disguised, Some(b"correct horse"));
    assert!(matches!(result.unwrap_err(), PemError::Key(Error::Length { .. })));
}

#[cfg(feature = "pem")]
#[test]
fn key_files_of_one_kind_are_not_read_as_the_other() {
    use nucypher_pre::PemError;
    let rng = &mut os_rng();
    let [a, b] = [(); 2].map(|()| ElGamalSecretKey::generate(rng));
    let rekey = ElGamalReencryptionKey::new(&a, &b).unwrap();
    let read = ElGamalSecretKey::from_pem(&a.to_pem().unwrap(), None).unwrap();
    assert_eq!(read.public_key(), a.public_key());
    let public = ElGamalPublicKey::from_pem(&a.public_key().to_pem().unwrap()).unwrap();
    assert_eq!(&public, a.public_key());
    let rekey_file = rekey.to_pem().unwrap();
    UnverifiedElGamalReencryptionKey::from_pem(&rekey_file).unwrap().verify().unwrap();

    let label = |error: PemError| assert!(matches!(error, PemError::Label { .. }), "{error:?}");
    let scene = Scene::new(Suite::Bbs98, true);
    let (secret, kem_public) =
        (scene.delegator.to_pem().unwrap(), scene.delegator.public_key().to_pem().unwrap());
    label(ElGamalSecretKey::from_pem(&secret, None).unwrap_err());
    label(ElGamalPublicKey::from_pem(&kem_public).unwrap_err());
    label(UnverifiedElGamalReencryptionKey::from_pem(&scene.key.to_pem().unwrap()).unwrap_err());
    label(SecretKey::from_pem(Suite::Bbs98, &a.to_pem().unwrap(), None).unwrap_err());
    label(PublicKey::from_pem(Suite::Bbs98, &a.public_key().to_pem().unwrap()).unwrap_err());
    label(UnverifiedReencryptionKey::from_pem(&rekey_file).unwrap_err());

    // Nor are the bytes inside.
    let kem = SecretKey::generate(Suite::Bbs98, rng);
    assert!(ElGamalSecretKey::from_bytes(kem.to_bytes().as_ref()).is_err());
    assert!(ElGamalPublicKey::from_bytes(&kem.public_key().to_bytes()).is_err());
    assert!(SecretKey::from_bytes(Suite::Bbs98, a.to_bytes().as_ref()).is_err());
    assert!(PublicKey::from_bytes(Suite::Bbs98, &a.public_key().to_bytes()).is_err());
}
