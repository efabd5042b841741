//! nucypher-pre: key encapsulation and re-encryption, with k256's constant-time multiplication
//! beside them so that a ratio can be read off one run.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nucypher_pre::{Capsule, ReencryptionKey, SecretKey, Suite, os_rng};

fn pre(c: &mut Criterion) {
    let rng = &mut os_rng();
    for suite in [Suite::Bbs98, Suite::Ecies] {
        let alice = SecretKey::generate(suite, rng);
        let bob = SecretKey::generate(suite, rng);
        let key = ReencryptionKey::non_interactive(&alice, bob.public_key(), rng).unwrap();
        let interactive = ReencryptionKey::interactive(&alice, &bob).unwrap();
        let (capsule, _) = alice.public_key().encapsulate(rng);
        let encoded = capsule.to_bytes();
        let precursor = *key.precursor().unwrap();
        let (delegated, at_bob) = (key.reencrypt(&capsule), interactive.reencrypt(&capsule));

        let mut group = c.benchmark_group("reencrypt");
        group.throughput(Throughput::Elements(1));
        group.bench_function(suite.to_string(), |b| b.iter(|| key.reencrypt(black_box(&capsule))));
        group.finish();
        let mut group = c.benchmark_group("reencrypt_encoded");
        group.throughput(Throughput::Elements(1));
        group.bench_function(suite.to_string(), |b| {
            b.iter(|| key.reencrypt(&Capsule::from_bytes(black_box(&encoded)).unwrap()).to_bytes());
        });
        group.finish();
        let mut group = c.benchmark_group("encapsulate");
        group.bench_function(suite.to_string(), |b| b.iter(|| alice.public_key().encapsulate(rng)));
        group.finish();
        let mut group = c.benchmark_group("decapsulate");
        group.bench_function(suite.to_string(), |b| b.iter(|| bob.decapsulate(black_box(&at_bob))));
        group.finish();
        let mut group = c.benchmark_group("decapsulate_delegated");
        group.bench_function(suite.to_string(), |b| {
            b.iter(|| bob.decapsulate_delegated(black_box(&delegated), &precursor).unwrap());
        });
        group.finish();
        let mut group = c.benchmark_group("delegate");
        group.bench_function(suite.to_string(), |b| {
            b.iter(|| ReencryptionKey::non_interactive(&alice, bob.public_key(), rng).unwrap());
        });
        group.finish();
    }
}

fn peers(c: &mut Criterion) {
    use k256::elliptic_curve::{
        PrimeField,
        sec1::{FromSec1Point, Sec1Point, ToSec1Point},
    };
    let scalar = k256::Scalar::from_repr([0x5a; 32].into()).unwrap();
    let encoded = (k256::ProjectivePoint::GENERATOR * scalar).to_affine().to_sec1_point(true);
    let mut group = c.benchmark_group("reencrypt_encoded");
    group.throughput(Throughput::Elements(1));
    group.bench_function("k256", |b| {
        b.iter(|| {
            let point =
                Sec1Point::<k256::Secp256k1>::from_bytes(black_box(encoded.as_bytes())).unwrap();
            let point =
                k256::ProjectivePoint::from(k256::AffinePoint::from_sec1_point(&point).unwrap());
            (point * scalar).to_affine().to_sec1_point(true)
        });
    });
    group.finish();
}

criterion_group!(benches, pre, peers);
criterion_main!(benches);
