//! One re-encryption, decode to encode, beside umbral-pre's and recrypt's, in rounds that take turns.
//!
//! `cargo run --release --locked --manifest-path benches/peers/Cargo.toml`
//!
//! What each does: ours is one multiplication in constant time (and, in a row of its own, with a proof
//! that it was done right); umbral-pre's `reencrypt` always makes a proof, re-encrypts two points,
//! and takes parsed structures; recrypt's `transform` is pairing-based (multi-hop, unidirectional).

use std::{hint::black_box, time::Instant};

use nucypher_pre::{Capsule, ReencryptionKey, SecretKey, Suite, os_rng};

const ROUNDS: usize = 100;

type Row<'a> = (&'a str, u32, Box<dyn FnMut() + 'a>);

fn main() {
    let rng = &mut os_rng();
    let alice = SecretKey::generate(Suite::Bbs98, rng);
    let bob = SecretKey::generate(Suite::Bbs98, rng);
    let key = ReencryptionKey::non_interactive(&alice, bob.public_key(), rng).expect("two keys");
    let encoded = alice.public_key().encapsulate(rng).0.to_bytes();
    let decode = || Capsule::from_bytes(black_box(&encoded)).expect("a capsule");

    let (umbral_capsule, fragment) = umbral();
    let mut rows: Vec<Row<'_>> = vec![
        (
            "nucypher-pre",
            16,
            Box::new(|| drop(black_box(key.reencrypt(&decode()).to_bytes().to_vec()))),
        ),
        (
            "nucypher-pre, with proof",
            8,
            Box::new(|| {
                let (capsule, proof) = key.reencrypt_with_proof(&decode(), &mut os_rng());
                black_box((capsule.to_bytes(), proof.to_bytes()));
            }),
        ),
        (
            "umbral-pre reencrypt",
            4,
            Box::new(|| {
                drop(black_box(umbral_pre::reencrypt(
                    black_box(&umbral_capsule),
                    fragment.clone(),
                )));
            }),
        ),
    ];
    #[cfg(feature = "recrypt")]
    rows.push(("recrypt transform", 1, recrypt_transform()));

    let mut best = vec![f64::INFINITY; rows.len()];
    for _ in 0..ROUNDS {
        for ((_, repeat, operation), best) in rows.iter_mut().zip(&mut best) {
            let start = Instant::now();
            (0..*repeat).for_each(|_| operation());
            *best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(*repeat));
        }
    }
    println!("{:28} {:>10} {:>14}", "us each, smallest round", "time", "of umbral-pre");
    for ((name, ..), time) in rows.iter().zip(&best) {
        println!("{name:28} {time:10.1} {:14.3}", time / best[2]);
    }
}

fn umbral() -> (umbral_pre::Capsule, umbral_pre::VerifiedKeyFrag) {
    use umbral_pre::{SecretKey, Signer, encrypt, generate_kfrags};
    let (alice, bob) = (SecretKey::random(), SecretKey::random());
    let (capsule, _) = encrypt(&alice.public_key(), b"peer").expect("a short text");
    let signer = Signer::new(SecretKey::random());
    let fragments = generate_kfrags(&alice, &bob.public_key(), &signer, 1, 1, true, true);
    (capsule, fragments.into_vec().remove(0))
}

#[cfg(feature = "recrypt")]
fn recrypt_transform() -> Box<dyn FnMut()> {
    use recrypt::{api::Recrypt, prelude::*};
    let api = Recrypt::new();
    let signing = api.generate_ed25519_key_pair();
    let plaintext = api.gen_plaintext();
    let (alice, alice_public) = api.generate_key_pair().expect("a key");
    let (_, bob_public) = api.generate_key_pair().expect("a key");
    let encrypted = api.encrypt(&plaintext, &alice_public, &signing).expect("a ciphertext");
    let key = api.generate_transform_key(&alice, &bob_public, &signing).expect("a transform key");
    Box::new(move || {
        let moved = api.transform(encrypted.clone(), key.clone(), &signing);
        drop(black_box(moved.expect("a transformed ciphertext")));
    })
}
