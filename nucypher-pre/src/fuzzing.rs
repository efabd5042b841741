//! The bodies of the fuzz targets in `fuzz/`, here so that plain `cargo test` replays the corpora.
//!
//! Not part of the API. They panic where a law is broken.

use alloc::vec::Vec;
use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha512};

use crate::{
    Capsule, Error, Precursor, PublicKey, ReencryptionKey, SecretKey, Suite,
    elgamal::{
        CIPHERTEXT_LEN, ElGamalCiphertext, ElGamalPublicKey, ElGamalReencryptionKey,
        ElGamalSecretKey, GroupElement, UnverifiedElGamalReencryptionKey,
    },
    proof::{Delegation, PROOF_LEN, ReencryptionProof},
    split::{CapsuleFragment, FRAGMENT_LEN, KeyShare, Sharing, UnverifiedKeyShare},
};

/// SHA-512(seed || counter), joined: the same input takes the same path.
struct Seeded {
    seed: Vec<u8>,
    counter: u64,
}

impl Seeded {
    fn new(seed: &[u8]) -> Self {
        Self { seed: seed.to_vec(), counter: 0 }
    }
}

impl TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(64) {
            let mut hash = Sha512::new();
            hash.update(&self.seed);
            hash.update(self.counter.to_be_bytes());
            self.counter += 1;
            chunk.iter_mut().zip(hash.finalize()).for_each(|(byte, random)| *byte = random);
        }
        Ok(())
    }
}

impl TryCryptoRng for Seeded {}

/// Whatever decodes gives its bytes again, and nothing that is done with it panics.
pub fn fuzz_points_and_keys(data: &[u8]) {
    fn same(data: &[u8], decoded: Result<impl AsRef<[u8]>, Error>) {
        assert!(decoded.is_err() || decoded.is_ok_and(|bytes| bytes.as_ref() == data));
    }
    same(data, Capsule::from_bytes(data).map(|point| point.to_bytes()));
    same(data, Precursor::from_bytes(data).map(|point| point.to_bytes()));
    same(data, GroupElement::from_bytes(data).map(|element| *element.to_bytes()));
    for suite in [Suite::Bbs98, Suite::Ecies] {
        same(data, PublicKey::from_bytes(suite, data).map(|key| key.to_bytes()));
        same(data, SecretKey::from_bytes(suite, data).map(|key| *key.to_bytes()));
    }
    same(data, ElGamalPublicKey::from_bytes(data).map(|key| key.to_bytes()));
    same(data, ElGamalSecretKey::from_bytes(data).map(|key| *key.to_bytes()));
    same(data, ElGamalCiphertext::from_bytes(data).map(|ciphertext| ciphertext.to_bytes()));
    let rekey = UnverifiedElGamalReencryptionKey::from_bytes(data);
    let rekey = rekey.and_then(UnverifiedElGamalReencryptionKey::verify);
    same(data, rekey.map(|key| *key.to_bytes()));
    same(data, ReencryptionProof::from_bytes(data).map(|proof| proof.to_bytes()));
    same(data, CapsuleFragment::from_bytes(data).map(|fragment| fragment.to_bytes()));
    let sharing = Sharing::from_bytes(data);
    if let Ok(sharing) = &sharing {
        let share =
            UnverifiedKeyShare::from_bytes(&[1; 33]).and_then(|share| share.verify(sharing));
        same(&[1; 33], share.map(|share| *share.to_bytes()));
    }
    same(data, sharing.map(|sharing| sharing.to_bytes()));
    #[cfg(feature = "pem")]
    if let Ok(text) = core::str::from_utf8(data) {
        let _ = (
            SecretKey::from_pem(Suite::Bbs98, text, None),
            PublicKey::from_pem(Suite::Ecies, text),
        );
        let _ = crate::UnverifiedReencryptionKey::from_pem(text)
            .map(crate::UnverifiedReencryptionKey::verify);
        let _ = (ElGamalSecretKey::from_pem(text, None), ElGamalPublicKey::from_pem(text));
        let _ = UnverifiedElGamalReencryptionKey::from_pem(text);
    }
}

/// The whole protocol, from a seed: every way that leads to the delegatee opens to the same.
///
/// The first byte: bit 0 the suite, bit 1 interactive, bits 2 to 4 the factors (2 to 9), bits 5 to 7
/// what is added to a threshold of 2. The rest is the seed, and the message.
pub fn fuzz_protocol(data: &[u8]) {
    let Some((&mode, seed)) = data.split_first() else { return };
    let rng = &mut Seeded::new(seed);
    let (suite, interactive) =
        (if mode & 1 == 0 { Suite::Bbs98 } else { Suite::Ecies }, mode & 2 != 0);
    let Ok(scene) = Scene::new(suite, interactive, rng) else { return };
    let whole = scene.key.reencrypt(&scene.capsule);
    scene.assert_opens(&whole);

    let (proven, proof) = scene.key.reencrypt_with_proof(&scene.capsule, rng);
    assert!(proven == whole);
    assert!(proof.verify(&scene.key.delegation(), &scene.capsule, &proven).is_ok());

    let factors = scene.key.split(2 + (mode >> 2 & 7), rng);
    let row = factors.iter().flatten().fold(scene.capsule, |capsule, key| key.reencrypt(&capsule));
    assert!(row == whole);

    let threshold = 2 + (mode >> 5);
    let Ok((sharing, shares)) = scene.key.share(threshold, threshold + 2, rng) else { return };
    // Any of them: the last ones, backwards.
    let fragments: Vec<_> = shares
        .iter()
        .rev()
        .filter_map(|share| {
            share.reencrypt(&scene.capsule, rng).verify(&sharing, &scene.capsule).ok()
        })
        .take(threshold.into())
        .collect();
    assert!(sharing.combine(&scene.capsule, &fragments) == Ok(whole));

    let [a, b] = [(); 2].map(|()| ElGamalSecretKey::generate(rng));
    let message = seed.get(..seed.len().min(90)).unwrap_or(seed);
    let Ok(sealed) = a.public_key().encrypt_bytes(message, rng) else { return };
    let moved: Option<Vec<_>> = ElGamalReencryptionKey::new(&a, &b)
        .ok()
        .map(|key| sealed.iter().map(|ciphertext| key.reencrypt(ciphertext)).collect());
    let opened = moved.and_then(|moved| b.decrypt_bytes(&moved).ok());
    assert!(opened.is_some_and(|opened| *opened == message));
}

/// Forged proofs, fragments, shares and ciphertexts: what is accepted is what the honest proxy
/// sends.
///
/// The first byte: bit 0 the suite; bit 1: the rest is XORed onto honest bytes, else it replaces
/// them.
pub fn fuzz_forgery(data: &[u8]) {
    let Some((&mode, forgery)) = data.split_first() else { return };
    let rng = &mut Seeded::new(b"forgery");
    let suite = if mode & 1 == 0 { Suite::Bbs98 } else { Suite::Ecies };
    let Ok(scene) = Scene::new(suite, false, rng) else { return };
    let forge = |honest: &[u8]| -> Vec<u8> {
        if mode & 2 == 0 {
            return forgery.get(..honest.len()).unwrap_or(forgery).to_vec();
        }
        let masks = forgery.iter().copied().chain(core::iter::repeat(0));
        honest.iter().zip(masks).map(|(byte, mask)| byte ^ mask).collect()
    };

    let (whole, proof) = scene.key.reencrypt_with_proof(&scene.capsule, rng);
    let honest = [&whole.to_bytes()[..], &proof.to_bytes()].concat();
    let forged = forge(&honest);
    if let Some((claimed, proof)) = forged.split_at_checked(honest.len() - PROOF_LEN)
        && let (Ok(claimed), Ok(proof)) =
            (Capsule::from_bytes(claimed), ReencryptionProof::from_bytes(proof))
        && proof.verify(&scene.key.delegation(), &scene.capsule, &claimed).is_ok()
    {
        assert!(claimed == whole, "a proof of something else");
    }

    let Ok((sharing, shares)) = scene.key.share(2, 3, rng) else { return };
    let fragments: Vec<[u8; FRAGMENT_LEN]> =
        shares.iter().map(|share| share.reencrypt(&scene.capsule, rng).to_bytes()).collect();
    for (share, fragment) in shares.iter().zip(&fragments) {
        let forged = forge(fragment);
        if CapsuleFragment::from_bytes(&forged)
            .is_ok_and(|forged| forged.verify(&sharing, &scene.capsule).is_ok())
        {
            // Its index and its point are one proxy's; the proof may be another of the same.
            assert!(
                fragments
                    .iter()
                    .any(|fragment| fragment.first_chunk::<34>() == forged.first_chunk())
            );
        }
        let received = UnverifiedKeyShare::from_bytes(&forge(share.to_bytes().as_ref()));
        if let Ok(accepted) = received.and_then(|share| share.verify(&sharing)) {
            let known = |share: &KeyShare| share.to_bytes() == accepted.to_bytes();
            assert!(shares.iter().any(known), "a share of something else");
        }
    }

    // Nothing is authenticated here: any answer will do, but a panic.
    let key = ElGamalSecretKey::generate(rng);
    let honest = key.public_key().encrypt_bytes(&[7; 40], rng).unwrap_or_default();
    let honest: Vec<u8> = honest.iter().flat_map(ElGamalCiphertext::to_bytes).collect();
    let row: Result<Vec<_>, _> =
        forge(&honest).chunks(CIPHERTEXT_LEN).map(ElGamalCiphertext::from_bytes).collect();
    let _ = row.and_then(|row| key.decrypt_bytes(&row));
    let _ = Delegation::new(scene.key.delegator().clone(), forgery);
}

struct Scene {
    delegatee: SecretKey,
    key: ReencryptionKey,
    capsule: Capsule,
    secret: [u8; 32],
}

impl Scene {
    fn new(suite: Suite, interactive: bool, rng: &mut Seeded) -> Result<Self, Error> {
        let [delegator, delegatee] = [(); 2].map(|()| SecretKey::generate(suite, rng));
        let key = if interactive {
            ReencryptionKey::interactive(&delegator, &delegatee)?
        } else {
            ReencryptionKey::non_interactive(&delegator, delegatee.public_key(), rng)?
        };
        let (capsule, secret) = delegator.public_key().encapsulate(rng);
        Ok(Self { delegatee, key, capsule, secret: *secret.expand(&[b"fuzz"]) })
    }

    fn assert_opens(&self, capsule: &Capsule) {
        let secret = match self.key.precursor() {
            None => Ok(self.delegatee.decapsulate(capsule)),
            Some(precursor) => self.delegatee.decapsulate_delegated(capsule, precursor),
        };
        assert!(secret.is_ok_and(|secret| *secret.expand::<32>(&[b"fuzz"]) == self.secret));
    }
}
