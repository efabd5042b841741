//! Every operation on a secret, with the secret marked as undefined: under valgrind's memcheck a
//! branch on it, or an address made of it, is an error.
//!
//! `secrets NAME` runs one operation, `secrets --list` names them; `control` runs a
//! variable-time one, which must be reported, or the test would prove nothing.

use std::{convert::Infallible, process::ExitCode};

use nucypher_ct::{public, running, secret};
use nucypher_pre::{
    Capsule, MasterSecret, Precursor, PreparedPublicKey, ReencryptionKey, SecretKey, Suite,
    UnverifiedReencryptionKey,
    elgamal::{ElGamalReencryptionKey, ElGamalSecretKey, GroupElement},
    rand_core::{TryCryptoRng, TryRng},
};

/// Gives bytes that differ each time, and marks them as secret.
struct SecretRng(u8);

impl TryRng for SecretRng {
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
        for byte in bytes.iter_mut() {
            self.0 = self.0.wrapping_mul(167).wrapping_add(13);
            *byte = self.0;
        }
        secret(bytes);
        Ok(())
    }
}

impl TryCryptoRng for SecretRng {}

/// A key whose private half is secret and whose public half is public.
fn key(suite: Suite, seed: u8) -> SecretKey {
    let key = SecretKey::generate(suite, &mut SecretRng(seed));
    public(key.public_key());
    key
}

fn capsule(to: &SecretKey, seed: u8) -> Capsule {
    let (capsule, shared) = to.public_key().encapsulate(&mut SecretRng(seed));
    let _okm = shared.expand::<48>(&[b"nucypher-ct"]);
    public(&capsule);
    capsule
}

fn delegate(from: &SecretKey, to: &SecretKey) -> (ReencryptionKey, Precursor) {
    let key = ReencryptionKey::non_interactive(from, to.public_key(), &mut SecretRng(9)).unwrap();
    let precursor = *key.precursor().unwrap();
    public(&precursor);
    (key, precursor)
}

type Operation = fn(Suite);

const OPERATIONS: &[(&str, Operation)] = &[
    ("generate", |suite| {
        let key = SecretKey::generate(suite, &mut SecretRng(1));
        let _bytes = key.to_bytes();
    }),
    ("decode", |suite| {
        let mut bytes = [0x5a; 32];
        secret(&mut bytes);
        SecretKey::from_bytes(suite, &bytes).unwrap();
    }),
    ("derive", |suite| {
        let master = MasterSecret::generate(&mut SecretRng(1));
        master.channel_key(suite, "orders", 1, "").unwrap();
    }),
    ("encapsulate", |suite| {
        capsule(&key(suite, 1), 2);
    }),
    ("encapsulate_prepared", |suite| {
        let prepared = PreparedPublicKey::new(key(suite, 1).public_key().clone());
        prepared.encapsulate(&mut SecretRng(2)).1.expand::<48>(&[b"nucypher-ct"]);
    }),
    ("decapsulate", |suite| {
        let a = key(suite, 1);
        a.decapsulate(&capsule(&a, 2)).expand::<48>(&[b"nucypher-ct"]);
    }),
    ("decapsulate_delegated", |suite| {
        let (a, b) = (key(suite, 1), key(suite, 3));
        let (rk, precursor) = delegate(&a, &b);
        let after = rk.reencrypt(&capsule(&a, 2));
        public(&after);
        b.decapsulate_delegated(&after, &precursor).unwrap().expand::<48>(&[b"nucypher-ct"]);
    }),
    ("delegate_interactive", |suite| {
        let (a, b) = (key(suite, 1), key(suite, 3));
        let _bytes = ReencryptionKey::interactive(&a, &b).unwrap().to_scalar_bytes();
    }),
    ("delegate_non_interactive", |suite| {
        let (a, b) = (key(suite, 1), key(suite, 3));
        let _bytes = delegate(&a, &b).0.to_scalar_bytes();
    }),
    ("verify", |suite| {
        let (a, b) = (key(suite, 1), key(suite, 3));
        let (rk, precursor) = delegate(&a, &b);
        let target = rk.target_bytes();
        public(&target);
        let scalar = rk.to_scalar_bytes();
        let parts = (a.public_key().clone(), b.public_key().clone());
        let unverified =
            UnverifiedReencryptionKey::new(parts.0, parts.1, Some(precursor), &target, &*scalar);
        // Whether the product is the target becomes public with the error, so the branch on it is
        // no leak; memcheck would report it. The multiplication is that of `reencrypt`.
        drop(unverified);
    }),
    ("reencrypt", |suite| {
        let (a, b) = (key(suite, 1), key(suite, 3));
        let (rk, _) = delegate(&a, &b);
        let _bytes = rk.reencrypt(&capsule(&a, 2)).to_bytes();
    }),
    ("reencrypt_blinded", |suite| {
        let (a, b) = (key(suite, 1), key(suite, 3));
        let (rk, _) = delegate(&a, &b);
        let _bytes = rk.reencrypt_blinded(&capsule(&a, 2), &mut SecretRng(5)).to_bytes();
    }),
    ("reencrypt_batch", |suite| {
        let (a, b) = (key(suite, 1), key(suite, 3));
        let (rk, _) = delegate(&a, &b);
        let capsule = capsule(&a, 2);
        for count in [2, 48] {
            let mut capsules = vec![capsule; count];
            rk.reencrypt_batch(&mut capsules);
            let _bytes: Vec<_> = capsules.iter().map(Capsule::to_bytes).collect();
        }
    }),
    ("reencrypt_with_proof", |suite| {
        let (a, b) = (key(suite, 1), key(suite, 3));
        let (rk, _) = delegate(&a, &b);
        let target = rk.target_bytes();
        public(&target);
        let _proof = rk.reencrypt_with_proof(&capsule(&a, 2), &mut SecretRng(5)).1.to_bytes();
    }),
    ("split", |suite| {
        let (a, b) = (key(suite, 1), key(suite, 3));
        let _factors = delegate(&a, &b).0.split(3, &mut SecretRng(5)).unwrap();
    }),
    ("share", |suite| {
        let (a, b) = (key(suite, 1), key(suite, 3));
        let (_, shares) = delegate(&a, &b).0.share(2, 3, &mut SecretRng(5)).unwrap();
        let capsule = capsule(&a, 2);
        for share in &shares {
            let _bytes = share.to_bytes();
            let _fragment = share.reencrypt(&capsule, &mut SecretRng(7)).to_bytes();
        }
    }),
    ("elgamal", |_| {
        let [a, b] = [1, 3].map(|seed| ElGamalSecretKey::generate(&mut SecretRng(seed)));
        public(a.public_key());
        public(b.public_key());
        let message = GroupElement::random(&mut SecretRng(5));
        let ciphertext = a.public_key().encrypt(&message, &mut SecretRng(7));
        public(&ciphertext);
        let moved = ElGamalReencryptionKey::new(&a, &b).unwrap().reencrypt(&ciphertext);
        public(&moved);
        let _bytes = b.decrypt(&moved).unwrap().to_bytes();
    }),
];

/// Not constant time, and must be seen not to be.
fn control(suite: Suite) {
    let (a, b) = (key(suite, 1), key(suite, 3));
    let (rk, _) = delegate(&a, &b);
    let _bytes = rk.reencrypt_vartime(&capsule(&a, 2)).to_bytes();
}

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    if name == "--list" {
        OPERATIONS.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    if !running() {
        eprintln!("run me under valgrind: scripts/constant-time");
        return ExitCode::from(2);
    }
    let control: (&str, Operation) = ("control", control);
    let Some((_, operation)) = OPERATIONS.iter().chain([&control]).find(|(it, _)| *it == name)
    else {
        eprintln!("no operation {name:?}: see --list");
        return ExitCode::from(2);
    };
    operation(Suite::Bbs98);
    operation(Suite::Ecies);
    ExitCode::SUCCESS
}
