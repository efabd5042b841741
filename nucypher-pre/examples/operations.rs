//! Runs one operation once on fixed inputs, for `scripts/instruction-counts`: what happens inside
//! [`measured`] is counted.
//!
//! `operations NAME`; `operations --list` names the operations and how many items each handles.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a tool")]

use std::{convert::Infallible, hint::black_box};

use nucypher_pre::{
    Capsule, PreparedPublicKey, ReencryptionKey, SecretKey, Suite,
    rand_core::{TryCryptoRng, TryRng},
};

/// The same bytes in every run: counts of variable-time operations depend on them.
struct Fixed(u64);

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|word| (word >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(word ^ word >> 31)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.try_next_u64()?.to_le_bytes();
            chunk.iter_mut().zip(word).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

#[inline(never)]
fn measured(operation: &dyn Fn()) {
    operation();
}

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let rng = &mut Fixed(1);
    let suite = Suite::Bbs98;
    let (a, b) = (SecretKey::generate(suite, rng), SecretKey::generate(suite, rng));
    let rk = ReencryptionKey::non_interactive(&a, b.public_key(), rng).unwrap();
    let precursor = *rk.precursor().unwrap();
    let prepared = PreparedPublicKey::new(a.public_key().clone());
    let capsules: Vec<_> = (0..256).map(|_| prepared.encapsulate(rng).0).collect();
    let encoded: Vec<_> = capsules.iter().map(Capsule::to_bytes).collect();
    let (capsule, bytes) = (*capsules.first().unwrap(), *encoded.first().unwrap());
    let after = rk.reencrypt(&capsule);

    let batch = |reencrypt: &dyn Fn(&mut [Capsule])| {
        let decoded = Capsule::from_bytes_batch(black_box(&encoded));
        let mut capsules: Vec<_> = decoded.into_iter().map(Result::unwrap).collect();
        reencrypt(&mut capsules);
        black_box(capsules.iter().map(Capsule::to_bytes).collect::<Vec<_>>());
    };
    let decode = || Capsule::from_bytes(black_box(&bytes)).unwrap();
    let operations: &[(&str, usize, &dyn Fn())] = &[
        ("decode", 1, &|| {
            black_box(decode());
        }),
        ("reencrypt_encoded", 1, &|| {
            black_box(rk.reencrypt(&decode()).to_bytes());
        }),
        ("reencrypt_encoded_vartime", 1, &|| {
            black_box(rk.reencrypt_vartime(&decode()).to_bytes());
        }),
        ("reencrypt_blinded_encoded", 1, &|| {
            black_box(rk.reencrypt_blinded(&decode(), &mut Fixed(5)).to_bytes());
        }),
        ("reencrypt_batch/256", 256, &|| batch(&|capsules| rk.reencrypt_batch(capsules))),
        ("reencrypt_batch_vartime/256", 256, &|| {
            batch(&|capsules| rk.reencrypt_batch_vartime(capsules));
        }),
        ("encapsulate", 1, &|| drop(black_box(a.public_key().encapsulate(&mut Fixed(2))))),
        ("encapsulate_prepared", 1, &|| drop(black_box(prepared.encapsulate(&mut Fixed(2))))),
        ("decapsulate", 1, &|| drop(black_box(b.decapsulate(black_box(&capsule))))),
        ("decapsulate_delegated", 1, &|| {
            drop(black_box(b.decapsulate_delegated(black_box(&after), &precursor)));
        }),
        ("generate", 1, &|| drop(black_box(SecretKey::generate(suite, &mut Fixed(3))))),
        ("delegate", 1, &|| {
            let key = ReencryptionKey::non_interactive(&a, b.public_key(), &mut Fixed(4));
            drop(black_box(key));
        }),
    ];
    if name == "--list" {
        operations.iter().for_each(|(name, items, _)| println!("{name} {items}"));
        return;
    }
    let (_, _, operation) = operations.iter().find(|(it, ..)| *it == name).unwrap();
    // Once before, so that nothing is counted that happens once.
    operation();
    measured(operation);
}
