//! Known answers of ElGamal, splitting and proofs, from the independent Python program
//! `scripts/vectors`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(non_snake_case, reason = "the names of the specification")]

#[path = "support/known_answer.rs"]
mod known_answer;

use nucypher_pre::{
    Capsule, Error, Precursor, PublicKey, ReencryptionKey, Suite, UnverifiedReencryptionKey,
    elgamal::{
        ElGamalCiphertext, ElGamalPublicKey, ElGamalReencryptionKey, ElGamalSecretKey,
        GroupElement, UnverifiedElGamalReencryptionKey,
    },
    proof::{Delegation, ReencryptionProof},
    split::{CapsuleFragment, Sharing, UnverifiedKeyShare},
};
use serde::Deserialize;

use known_answer::{Drawn, Hex, load};

/// `NotOnCurve` as the vectors spell it: not-on-curve.
fn name(error: Error) -> String {
    let variant = format!("{error:?}");
    let variant = variant.split([' ', '(']).next().unwrap();
    let mut name = String::new();
    for letter in variant.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

fn drawn(scalars: &[Hex]) -> Drawn {
    scalars.iter().fold(Drawn::default(), |drawn, scalar| drawn.scalar(&scalar.0))
}

fn capsule(bytes: &Hex) -> Capsule {
    Capsule::from_bytes(&bytes.0).unwrap()
}

#[derive(Deserialize)]
struct ElGamal {
    secret: Hex,
    public: Hex,
    key_id: Hex,
    delegatee: Hex,
    rekey: Hex,
    M: Hex,
    r: Hex,
    ciphertext: Hex,
    reencrypted: Hex,
}

#[test]
fn elgamal() {
    for v in load::<ElGamal>("elgamal.json") {
        let a = ElGamalSecretKey::from_bytes(&v.secret.0).unwrap();
        let b = ElGamalSecretKey::from_bytes(&v.delegatee.0).unwrap();
        assert_eq!(*a.to_bytes(), *v.secret.0);
        assert_eq!(a.public_key().to_bytes(), *v.public.0);
        assert_eq!(a.public_key().id().as_bytes(), &*v.key_id.0);
        assert_eq!(&ElGamalPublicKey::from_bytes(&v.public.0).unwrap(), a.public_key());

        let message = GroupElement::from_bytes(&v.M.0).unwrap();
        let mut random = Drawn::default().scalar(&v.r.0);
        let ciphertext = a.public_key().encrypt(&message, &mut random);
        assert!(random.is_used_up());
        assert_eq!(ciphertext.to_bytes(), *v.ciphertext.0);
        assert_eq!(*a.decrypt(&ciphertext).unwrap().to_bytes(), *v.M.0);

        assert_eq!(*ElGamalReencryptionKey::new(&a, &b).unwrap().to_bytes(), *v.rekey.0);
        let rekey = UnverifiedElGamalReencryptionKey::from_bytes(&v.rekey.0).unwrap();
        let ciphertext = ElGamalCiphertext::from_bytes(&v.ciphertext.0).unwrap();
        let reencrypted = rekey.verify().unwrap().reencrypt(&ciphertext);
        assert_eq!(reencrypted.to_bytes(), *v.reencrypted.0);
        assert_eq!(*b.decrypt(&reencrypted).unwrap().to_bytes(), *v.M.0);
    }
}

#[derive(Deserialize)]
struct Text {
    secret: Hex,
    message: Hex,
    chunks: Vec<Chunk>,
}

#[derive(Deserialize)]
struct Chunk {
    counters: Hex,
    point: Hex,
    r: Hex,
    ciphertext: Hex,
}

#[test]
fn elgamal_strings() {
    for v in load::<Text>("elgamal-strings.json") {
        let key = ElGamalSecretKey::from_bytes(&v.secret.0).unwrap();
        let mut random = v.chunks.iter().fold(Drawn::default(), |drawn, chunk| {
            drawn.bytes(&chunk.counters.0).scalar(&chunk.r.0)
        });
        let sealed = key.public_key().encrypt_bytes(&v.message.0, &mut random).unwrap();
        assert!(random.is_used_up());
        assert_eq!(sealed.len(), v.chunks.len());
        for (ciphertext, chunk) in sealed.iter().zip(&v.chunks) {
            assert_eq!(ciphertext.to_bytes(), *chunk.ciphertext.0);
            assert_eq!(*key.decrypt(ciphertext).unwrap().to_bytes(), *chunk.point.0);
        }
        assert_eq!(**key.decrypt_bytes(&sealed).unwrap(), *v.message.0);
    }
}

#[derive(Deserialize)]
struct BadElGamal {
    name: String,
    what: String,
    secret: Option<Hex>,
    bytes: Hex,
    error: String,
}

#[test]
fn elgamal_invalid() {
    for v in load::<BadElGamal>("elgamal-invalid.json") {
        let bytes = &v.bytes.0;
        let error = match v.what.as_str() {
            "ciphertext" => ElGamalCiphertext::from_bytes(bytes).unwrap_err(),
            "public" => ElGamalPublicKey::from_bytes(bytes).unwrap_err(),
            "secret" => ElGamalSecretKey::from_bytes(bytes).unwrap_err(),
            "rekey" => UnverifiedElGamalReencryptionKey::from_bytes(bytes)
                .and_then(UnverifiedElGamalReencryptionKey::verify)
                .unwrap_err(),
            "string" => {
                let key = ElGamalSecretKey::from_bytes(&v.secret.unwrap().0).unwrap();
                let row: Result<Vec<_>, _> =
                    bytes.chunks(66).map(ElGamalCiphertext::from_bytes).collect();
                key.decrypt_bytes(&row.unwrap()).unwrap_err()
            }
            other => panic!("{other}"),
        };
        assert_eq!(name(error), v.error, "{}", v.name);
    }
}

#[derive(Deserialize)]
struct Grant {
    suite: u8,
    A: Hex,
    B: Hex,
    X: Option<Hex>,
    T: Hex,
    rk: Hex,
}

impl Grant {
    fn key(&self) -> ReencryptionKey {
        let suite = Suite::from_byte(self.suite).unwrap();
        UnverifiedReencryptionKey::new(
            PublicKey::from_bytes(suite, &self.A.0).unwrap(),
            PublicKey::from_bytes(suite, &self.B.0).unwrap(),
            self.X.as_ref().map(|x| Precursor::from_bytes(&x.0).unwrap()),
            &self.T.0,
            &self.rk.0,
        )
        .unwrap()
        .verify()
        .unwrap()
    }
}

#[derive(Deserialize)]
struct Split {
    #[serde(flatten)]
    grant: Grant,
    drawn: Vec<Hex>,
    C: Hex,
    factors: Vec<Factor>,
}

#[derive(Deserialize)]
struct Factor {
    key: Hex,
    C_prime: Hex,
}

#[test]
fn split() {
    for v in load::<Split>("split.json") {
        let count = u8::try_from(v.factors.len()).unwrap();
        let mut random = drawn(&v.drawn);
        let factors = v.grant.key().split(count, &mut random).unwrap();
        assert!(random.is_used_up());
        let mut capsule = capsule(&v.C);
        for (factor, expected) in factors.iter().zip(&v.factors) {
            // A re-encryption key file's content: version, suite, state, A, B, X, T, rk.
            let bytes = &expected.key.0;
            let precursor = factor.precursor().map_or([0; 33], Precursor::to_bytes);
            let scalar = factor.to_scalar_bytes();
            let parts: [&[u8]; 6] = [
                &[1, v.grant.suite, if factor.precursor().is_none() { 1 } else { 2 }],
                &factor.delegator().to_bytes(),
                &factor.delegatee().to_bytes(),
                &precursor,
                &factor.target_bytes(),
                scalar.as_ref(),
            ];
            assert_eq!(parts.concat(), *bytes);
            capsule = factor.reencrypt(&capsule);
            assert_eq!(capsule.to_bytes(), *expected.C_prime.0);
        }
    }
}

#[derive(Deserialize)]
struct Share {
    #[serde(flatten)]
    grant: Grant,
    t: u8,
    n: u8,
    drawn: Vec<Hex>,
    sharing: Hex,
    shares: Vec<Hex>,
    C: Hex,
    fragments: Vec<Fragment>,
    C_prime: Hex,
}

#[derive(Deserialize)]
struct Fragment {
    index: usize,
    u: Hex,
    fragment: Hex,
}

#[test]
fn share() {
    for v in load::<Share>("share.json") {
        let mut random = drawn(&v.drawn);
        let (sharing, shares) = v.grant.key().share(v.t, v.n, &mut random).unwrap();
        assert!(random.is_used_up());
        assert_eq!(sharing.to_bytes(), v.sharing.0);
        let sharing = Sharing::from_bytes(&v.sharing.0).unwrap();
        assert_eq!(shares.len(), v.shares.len());
        for (share, expected) in shares.iter().zip(&v.shares) {
            assert_eq!(*share.to_bytes(), *expected.0);
            UnverifiedKeyShare::from_bytes(&expected.0).unwrap().verify(&sharing).unwrap();
        }
        let capsule = capsule(&v.C);
        let fragments: Vec<_> = v
            .fragments
            .iter()
            .map(|expected| {
                let mut random = Drawn::default().bytes(&expected.u.0);
                let made = shares[expected.index - 1].reencrypt(&capsule, &mut random);
                assert_eq!(made.to_bytes(), *expected.fragment.0);
                let read = CapsuleFragment::from_bytes(&expected.fragment.0).unwrap();
                read.verify(&sharing, &capsule).unwrap()
            })
            .collect();
        assert_eq!(sharing.combine(&capsule, &fragments).unwrap().to_bytes(), *v.C_prime.0);
    }
}

#[derive(Deserialize)]
struct BadShare {
    name: String,
    what: String,
    sharing: Hex,
    share: Option<Hex>,
    C: Option<Hex>,
    fragment: Option<Hex>,
    error: String,
}

#[test]
fn share_invalid() {
    for v in load::<BadShare>("share-invalid.json") {
        let sharing = Sharing::from_bytes(&v.sharing.0);
        let error = match (v.what.as_str(), v.share, v.fragment) {
            ("sharing", None, None) => sharing.unwrap_err(),
            ("share", Some(share), None) => UnverifiedKeyShare::from_bytes(&share.0)
                .and_then(|share| share.verify(&sharing.unwrap()))
                .unwrap_err(),
            ("fragment", None, Some(fragment)) => CapsuleFragment::from_bytes(&fragment.0)
                .and_then(|part| part.verify(&sharing.unwrap(), &capsule(&v.C.unwrap())))
                .unwrap_err(),
            other => panic!("{}", other.0),
        };
        assert_eq!(name(error), v.error, "{}", v.name);
    }
}

#[derive(Deserialize)]
struct Proof {
    #[serde(flatten)]
    grant: Grant,
    C: Hex,
    u: Hex,
    C_prime: Hex,
    proof: Hex,
}

#[test]
fn proof() {
    for v in load::<Proof>("proof.json") {
        let key = v.grant.key();
        let mut random = Drawn::default().bytes(&v.u.0);
        let (reencrypted, made) = key.reencrypt_with_proof(&capsule(&v.C), &mut random);
        assert!(random.is_used_up());
        assert_eq!(reencrypted.to_bytes(), *v.C_prime.0);
        assert_eq!(made.to_bytes(), *v.proof.0);
        let delegation = Delegation::new(key.delegator().clone(), &v.grant.T.0).unwrap();
        assert_eq!(delegation, key.delegation());
        let read = ReencryptionProof::from_bytes(&v.proof.0).unwrap();
        read.verify(&delegation, &capsule(&v.C), &capsule(&v.C_prime)).unwrap();
    }
}

#[derive(Deserialize)]
struct BadProof {
    name: String,
    suite: u8,
    A: Hex,
    T: Hex,
    C: Hex,
    C_prime: Hex,
    proof: Hex,
    error: String,
}

#[test]
fn proof_invalid() {
    for v in load::<BadProof>("proof-invalid.json") {
        let suite = Suite::from_byte(v.suite).unwrap();
        let delegator = PublicKey::from_bytes(suite, &v.A.0).unwrap();
        let delegation = Delegation::new(delegator, &v.T.0).unwrap();
        let error = ReencryptionProof::from_bytes(&v.proof.0)
            .and_then(|proof| proof.verify(&delegation, &capsule(&v.C), &capsule(&v.C_prime)))
            .unwrap_err();
        assert_eq!(name(error), v.error, "{}", v.name);
    }
}
