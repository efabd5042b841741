//! Known answers from the independent Python program `scripts/vectors`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

#[path = "support/known_answer.rs"]
mod known_answer;

use hkdf::Hkdf;
use nucypher_pre::{
    Capsule, DelegationKind, Error, MasterSecret, Precursor, PublicKey, ReencryptionKey, SecretKey,
    SharedSecret, Suite, UnverifiedReencryptionKey,
};
use serde::Deserialize;
use sha2::Sha256;

use known_answer::{Drawn, Hex, load};

fn suite(byte: u8) -> Suite {
    Suite::from_byte(byte).unwrap()
}

/// A shared secret can only be expanded, so that is how two are compared.
fn assert_shared(secret: SharedSecret, expected: &Hex) {
    let mut okm = [0; 48];
    Hkdf::<Sha256>::new(None, &expected.0).expand(b"vector", &mut okm).unwrap();
    assert_eq!(*secret.expand::<48>(&[b"vec", b"tor"]), okm);
}

#[derive(Deserialize)]
struct Key {
    secret: Option<Hex>,
    public: Hex,
    key_id: Option<Hex>,
}

#[test]
fn keys() {
    let mut checked = 0;
    for vector in load::<Key>("keys.json") {
        let (Some(secret), Some(id)) = (vector.secret, vector.key_id) else { continue };
        let key = SecretKey::from_bytes(Suite::Bbs98, &secret.0).unwrap();
        assert_eq!(key.public_key().to_bytes(), *vector.public.0);
        assert_eq!(key.id().as_bytes(), &*id.0);
        assert_eq!(*key.to_bytes(), *secret.0);
        assert_eq!(
            PublicKey::from_bytes(Suite::Bbs98, &vector.public.0).unwrap(),
            *key.public_key()
        );
        checked += 1;
    }
    assert!(checked > 3);
}

#[derive(Deserialize)]
struct Derived {
    master: Hex,
    suite: u8,
    channel: String,
    epoch: u32,
    field: String,
    producer: Option<String>,
    secret: Hex,
    public: Hex,
}

#[test]
fn derived_keys() {
    for v in load::<Derived>("derive.json") {
        let master = MasterSecret::from_bytes(&v.master.0).unwrap();
        let key = match v.producer {
            None => master.channel_key(suite(v.suite), &v.channel, v.epoch, &v.field),
            Some(p) => master.producer_key(suite(v.suite), &v.channel, v.epoch, &v.field, &p),
        }
        .unwrap();
        assert_eq!(*key.to_bytes(), *v.secret.0);
        assert_eq!(key.public_key().to_bytes(), *v.public.0);
    }
}

#[derive(Deserialize)]
#[allow(non_snake_case, reason = "the names of the specification")]
struct Encapsulated {
    suite: u8,
    a: Hex,
    A: Hex,
    r: Hex,
    C: Hex,
    S: Hex,
}

#[test]
fn encapsulation() {
    for v in load::<Encapsulated>("encapsulate.json") {
        let key = SecretKey::from_bytes(suite(v.suite), &v.a.0).unwrap();
        assert_eq!(key.public_key().to_bytes(), *v.A.0);
        let (capsule, shared) = key.public_key().encapsulate(&mut Drawn::default().scalar(&v.r.0));
        assert_eq!(capsule.to_bytes(), *v.C.0);
        assert_shared(shared, &v.S);
        assert_shared(key.decapsulate(&Capsule::from_bytes(&v.C.0).unwrap()), &v.S);
    }
}

#[derive(Deserialize)]
#[allow(non_snake_case, reason = "the names of the specification")]
struct Hop {
    kind: String,
    a: Hex,
    b: Hex,
    B: Hex,
    x: Option<Hex>,
    X: Option<Hex>,
    T: Hex,
    rk: Hex,
    C_prime: Hex,
}

/// Makes the hop's key, checks it against the vector and against its own verification, and
/// re-encrypts.
fn hop(suite: Suite, v: &Hop, capsule: &Capsule) -> Capsule {
    let a = SecretKey::from_bytes(suite, &v.a.0).unwrap();
    let b = SecretKey::from_bytes(suite, &v.b.0).unwrap();
    assert_eq!(b.public_key().to_bytes(), *v.B.0);
    let (key, kind) = match (v.kind.as_str(), &v.x) {
        ("interactive", None) => {
            (ReencryptionKey::interactive(&a, &b), DelegationKind::Interactive)
        }
        ("non-interactive", Some(x)) => (
            ReencryptionKey::non_interactive(
                &a,
                b.public_key(),
                &mut Drawn::default().scalar(&x.0),
            ),
            DelegationKind::NonInteractive,
        ),
        other => panic!("{other:?}", other = other.0),
    };
    let key = key.unwrap();
    assert_eq!(key.kind(), kind);
    assert_eq!(*key.to_scalar_bytes(), *v.rk.0);
    assert_eq!(key.target_bytes(), *v.T.0);
    assert_eq!(
        key.precursor().map(Precursor::to_bytes).as_ref().map(|x| &x[..]),
        v.X.as_ref().map(|x| &x.0[..])
    );
    let unverified = |scalar: &[u8]| {
        UnverifiedReencryptionKey::new(
            a.public_key().clone(),
            b.public_key().clone(),
            key.precursor().copied(),
            &v.T.0,
            scalar,
        )
        .unwrap()
        .verify()
    };
    let mut wrong = v.rk.0.clone();
    wrong[31] ^= 1;
    if SecretKey::from_bytes(suite, &wrong).is_ok() {
        assert_eq!(unverified(&wrong).unwrap_err(), Error::KeyMismatch);
    }
    let reencrypted = unverified(&v.rk.0).unwrap().reencrypt(capsule);
    assert_eq!(reencrypted.to_bytes(), *v.C_prime.0);
    match key.precursor() {
        None => {}
        Some(precursor) => {
            b.decapsulate_delegated(&reencrypted, precursor).unwrap();
        }
    }
    reencrypted
}

fn open(suite: Suite, v: &Hop, capsule: &Capsule) -> SharedSecret {
    let b = SecretKey::from_bytes(suite, &v.b.0).unwrap();
    match &v.X {
        None => b.decapsulate(capsule),
        Some(x) => b.decapsulate_delegated(capsule, &Precursor::from_bytes(&x.0).unwrap()).unwrap(),
    }
}

#[derive(Deserialize)]
#[allow(non_snake_case, reason = "the names of the specification")]
struct Reencrypted {
    suite: u8,
    C: Hex,
    S: Hex,
    #[serde(flatten)]
    hop: Hop,
}

#[test]
fn reencryption() {
    for v in load::<Reencrypted>("reencrypt.json") {
        let capsule = hop(suite(v.suite), &v.hop, &Capsule::from_bytes(&v.C.0).unwrap());
        assert_shared(open(suite(v.suite), &v.hop, &capsule), &v.S);
    }
}

#[derive(Deserialize)]
#[allow(non_snake_case, reason = "the names of the specification")]
struct MultiHop {
    suite: u8,
    C: Hex,
    S: Hex,
    hops: Vec<Hop>,
}

#[test]
fn multi_hop() {
    for v in load::<MultiHop>("multihop.json") {
        let mut capsule = Capsule::from_bytes(&v.C.0).unwrap();
        for step in &v.hops {
            capsule = hop(suite(v.suite), step, &capsule);
        }
        assert_shared(open(suite(v.suite), v.hops.last().unwrap(), &capsule), &v.S);
    }
}

#[derive(Deserialize)]
struct Invalid {
    name: String,
    bytes: Hex,
}

#[test]
fn invalid_points() {
    for v in load::<Invalid>("points-invalid.json") {
        let error = match v.bytes.0.len() {
            33 => Error::NotOnCurve,
            found => Error::Length { expected: 33, found },
        };
        assert_eq!(Capsule::from_bytes(&v.bytes.0).unwrap_err(), error, "{}", v.name);
        assert_eq!(Precursor::from_bytes(&v.bytes.0).unwrap_err(), error, "{}", v.name);
        assert_eq!(
            PublicKey::from_bytes(Suite::Ecies, &v.bytes.0).unwrap_err(),
            error,
            "{}",
            v.name
        );
    }
}

#[test]
fn invalid_scalars() {
    for v in load::<Invalid>("scalars-invalid.json") {
        let error = match v.bytes.0.len() {
            32 => Error::ScalarRange,
            found => Error::Length { expected: 32, found },
        };
        assert_eq!(
            SecretKey::from_bytes(Suite::Bbs98, &v.bytes.0).unwrap_err(),
            error,
            "{}",
            v.name
        );
    }
}
