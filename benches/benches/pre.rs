//! nucypher-pre and its peers, libsecp256k1 (C) and k256 (Rust), in one run; at the end the ratios,
//! from rounds in which ours and libsecp256k1's operation take turns.
//!
//! `cargo bench -p nucypher-benches --bench pre`, or `... --bench pre -- ratios` for the ratios alone.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::{hint::black_box, time::Instant};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use nucypher_pre::{
    Capsule, PreparedPublicKey, ReencryptionKey, SecretKey, Suite, os_rng, split::CapsuleFragment,
};

/// Capsules as bytes, to be re-encrypted.
fn encoded(to: &SecretKey, count: usize) -> Vec<[u8; 33]> {
    let to = PreparedPublicKey::new(to.public_key().clone());
    (0..count).map(|_| to.encapsulate(&mut os_rng()).0.to_bytes()).collect()
}

/// A batch from bytes to bytes.
fn batch(encoded: &[[u8; 33]], reencrypt: impl FnOnce(&mut [Capsule])) -> Vec<[u8; 33]> {
    let decoded = Capsule::from_bytes_batch(black_box(encoded));
    let mut capsules: Vec<_> = decoded.into_iter().map(Result::unwrap).collect();
    reencrypt(&mut capsules);
    capsules.iter().map(Capsule::to_bytes).collect()
}

fn pre(c: &mut Criterion) {
    let rng = &mut os_rng();
    for suite in [Suite::Bbs98, Suite::Ecies] {
        let alice = SecretKey::generate(suite, rng);
        let bob = SecretKey::generate(suite, rng);
        let key = ReencryptionKey::non_interactive(&alice, bob.public_key(), rng).unwrap();
        let interactive = ReencryptionKey::interactive(&alice, &bob).unwrap();
        let (capsule, _) = alice.public_key().encapsulate(rng);
        let encoded = capsule.to_bytes();
        let decode = || Capsule::from_bytes(black_box(&encoded)).unwrap();
        let precursor = *key.precursor().unwrap();
        let (delegated, at_bob) = (key.reencrypt(&capsule), interactive.reencrypt(&capsule));

        let mut group = c.benchmark_group("reencrypt");
        group.throughput(Throughput::Elements(1));
        group.bench_function(suite.to_string(), |b| b.iter(|| key.reencrypt(black_box(&capsule))));
        group.bench_function(format!("{suite}_blinded"), |b| {
            b.iter(|| key.reencrypt_blinded(black_box(&capsule), rng));
        });
        group.bench_function(format!("{suite}_blinded_vartime"), |b| {
            b.iter(|| key.reencrypt_blinded_vartime(black_box(&capsule), rng));
        });
        group.finish();
        let mut group = c.benchmark_group("reencrypt_encoded");
        group.throughput(Throughput::Elements(1));
        group.bench_function(suite.to_string(), |b| b.iter(|| key.reencrypt(&decode()).to_bytes()));
        group.bench_function(format!("{suite}_vartime"), |b| {
            b.iter(|| key.reencrypt_vartime(&decode()).to_bytes());
        });
        group.finish();
        let mut group = c.benchmark_group("encapsulate");
        group.bench_function(suite.to_string(), |b| b.iter(|| alice.public_key().encapsulate(rng)));
        let prepared = PreparedPublicKey::new(alice.public_key().clone());
        group.bench_function(format!("{suite}_prepared"), |b| b.iter(|| prepared.encapsulate(rng)));
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
    let mut group = c.benchmark_group("proof");
    let [a, b] = [(); 2].map(|()| SecretKey::generate(Suite::Bbs98, rng));
    let key = ReencryptionKey::non_interactive(&a, b.public_key(), rng).unwrap();
    let (capsule, _) = a.public_key().encapsulate(rng);
    let (after, proof) = key.reencrypt_with_proof(&capsule, rng);
    let delegation = key.delegation();
    group.bench_function("reencrypt", |b| b.iter(|| key.reencrypt_with_proof(&capsule, rng)));
    group.bench_function("verify", |b| {
        b.iter(|| proof.verify(&delegation, black_box(&capsule), &after).unwrap());
    });
    group.finish();
    let mut group = c.benchmark_group("share");
    for (t, n) in [(2, 3), (5, 9)] {
        group.bench_function(BenchmarkId::new("deal", format!("{t}_of_{n}")), |b| {
            b.iter(|| key.share(t, n, rng).unwrap());
        });
        let (sharing, shares) = key.share(t, n, rng).unwrap();
        group.bench_function(BenchmarkId::new("combine", format!("{t}_of_{n}")), |b| {
            let fragments: Vec<_> = shares
                .iter()
                .take(t.into())
                .map(|share| share.reencrypt(&capsule, rng).verify(&sharing, &capsule).unwrap())
                .collect();
            b.iter(|| sharing.combine(&capsule, &fragments).unwrap());
        });
        if let (2, Some(share)) = (t, shares.first()) {
            group.bench_function("fragment", |b| b.iter(|| share.reencrypt(&capsule, rng)));
            let fragment = share.reencrypt(&capsule, rng).to_bytes();
            group.bench_function("verify", |b| {
                b.iter(|| {
                    let fragment = CapsuleFragment::from_bytes(&fragment).unwrap();
                    fragment.verify(&sharing, &capsule).unwrap()
                });
            });
        }
    }
    group.finish();
    let mut group = c.benchmark_group("generate");
    group.bench_function("key", |b| b.iter(|| SecretKey::generate(Suite::Bbs98, rng)));
    group.finish();
}

fn batches(c: &mut Criterion) {
    let rng = &mut os_rng();
    let alice = SecretKey::generate(Suite::Bbs98, rng);
    let bob = SecretKey::generate(Suite::Bbs98, rng);
    let key = ReencryptionKey::non_interactive(&alice, bob.public_key(), rng).unwrap();
    for count in [16, 64, 256, 1024] {
        let encoded = encoded(&alice, count);
        let mut group = c.benchmark_group("reencrypt_batch");
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("fixed", count), |b| {
            b.iter_batched(
                || (),
                |()| batch(&encoded, |capsules| key.reencrypt_batch(capsules)),
                BatchSize::LargeInput,
            );
        });
        group.bench_function(BenchmarkId::new("vartime", count), |b| {
            b.iter_batched(
                || (),
                |()| batch(&encoded, |capsules| key.reencrypt_batch_vartime(capsules)),
                BatchSize::LargeInput,
            );
        });
        group.finish();
    }
}

/// libsecp256k1: the same mathematics under other names.
struct Peer {
    context: secp256k1::Secp256k1<secp256k1::All>,
    secret: secp256k1::SecretKey,
    scalar: secp256k1::Scalar,
    point: secp256k1::PublicKey,
    encoded: [u8; 33],
}

impl Peer {
    fn new() -> Self {
        let context = secp256k1::Secp256k1::new();
        let bytes = *SecretKey::generate(Suite::Ecies, &mut os_rng()).to_bytes();
        let secret = secp256k1::SecretKey::from_byte_array(bytes).unwrap();
        let point = secp256k1::PublicKey::from_secret_key(&context, &secret);
        let encoded = point.serialize();
        Self { context, secret, scalar: secret.into(), point, encoded }
    }

    /// Parse, multiply (variable time), serialise.
    fn reencrypt_encoded(&self) -> [u8; 33] {
        let point = secp256k1::PublicKey::from_slice(black_box(&self.encoded)).unwrap();
        point.mul_tweak(&self.context, &self.scalar).unwrap().serialize()
    }

    /// The constant-time shared point.
    fn decapsulate(&self) -> [u8; 64] {
        secp256k1::ecdh::shared_secret_point(black_box(&self.point), &self.secret)
    }

    /// rG and rA, the one constant time, the other variable time: it has no other that gives a point.
    fn encapsulate(&self) -> [[u8; 33]; 2] {
        let generated = secp256k1::PublicKey::from_secret_key(&self.context, &self.secret);
        let multiplied = self.point.mul_tweak(&self.context, &self.scalar).unwrap();
        [generated.serialize(), multiplied.serialize()]
    }

    fn generate(&self) -> [u8; 33] {
        secp256k1::PublicKey::from_secret_key(&self.context, black_box(&self.secret)).serialize()
    }
}

fn peers(c: &mut Criterion) {
    use k256::elliptic_curve::{
        PrimeField,
        sec1::{FromSec1Point, Sec1Point, ToSec1Point},
    };
    let peer = Peer::new();
    let scalar = k256::Scalar::from_repr([0x5a; 32].into()).unwrap();
    let mut group = c.benchmark_group("reencrypt_encoded");
    group.throughput(Throughput::Elements(1));
    group.bench_function("libsecp256k1", |b| b.iter(|| peer.reencrypt_encoded()));
    group.bench_function("k256", |b| {
        b.iter(|| {
            let point = Sec1Point::<k256::Secp256k1>::from_bytes(black_box(&peer.encoded)).unwrap();
            let point =
                k256::ProjectivePoint::from(k256::AffinePoint::from_sec1_point(&point).unwrap());
            (point * scalar).to_affine().to_sec1_point(true)
        });
    });
    group.finish();
    let mut group = c.benchmark_group("decapsulate");
    group.bench_function("libsecp256k1", |b| b.iter(|| peer.decapsulate()));
    group.finish();
    let mut group = c.benchmark_group("encapsulate");
    group.bench_function("libsecp256k1", |b| b.iter(|| peer.encapsulate()));
    group.finish();
    let mut group = c.benchmark_group("generate");
    group.bench_function("libsecp256k1", |b| b.iter(|| peer.generate()));
    group.finish();
}

/// Microseconds for each of `count` items: the smallest of many rounds, in which the two
/// operations take turns, so that whatever slows the machine slows both.
fn paired(count: usize, ours: &dyn Fn(), theirs: &dyn Fn()) -> [f64; 2] {
    let mut best = [f64::INFINITY; 2];
    for _ in 0..200 {
        for (best, (repeat, f)) in best.iter_mut().zip([(64 / count.min(64), ours), (64, theirs)]) {
            let start = Instant::now();
            (0..repeat).for_each(|_| f());
            *best = best.min(start.elapsed().as_secs_f64() * 1e6 / repeat as f64);
        }
    }
    let [ours, theirs] = best;
    [ours / count as f64, theirs]
}

fn ratios() {
    let rng = &mut os_rng();
    let peer = Peer::new();
    let alice = SecretKey::generate(Suite::Bbs98, rng);
    let bob = SecretKey::generate(Suite::Bbs98, rng);
    let key = ReencryptionKey::non_interactive(&alice, bob.public_key(), rng).unwrap();
    let many = encoded(&alice, 256);
    let one = *many.first().unwrap();
    let capsule = Capsule::from_bytes(&one).unwrap();
    let decode = || Capsule::from_bytes(black_box(&one)).unwrap();
    let prepared = PreparedPublicKey::new(alice.public_key().clone());
    let tweak = || drop(black_box(peer.reencrypt_encoded().to_vec()));
    #[expect(clippy::type_complexity, reason = "name, items, wanted ratio, ours, theirs")]
    let rows: &[(&str, usize, f64, &dyn Fn(), &dyn Fn())] = &[
        (
            "reencrypt_encoded",
            1,
            1.05,
            &|| drop(black_box(key.reencrypt(&decode()).to_bytes().to_vec())),
            &tweak,
        ),
        (
            "reencrypt_encoded_vartime",
            1,
            0.80,
            &|| drop(black_box(key.reencrypt_vartime(&decode()).to_bytes().to_vec())),
            &tweak,
        ),
        (
            "reencrypt_batch/256",
            256,
            0.75,
            &|| drop(black_box(batch(&many, |capsules| key.reencrypt_batch(capsules)))),
            &tweak,
        ),
        (
            "reencrypt_batch_vartime/256",
            256,
            0.60,
            &|| drop(black_box(batch(&many, |capsules| key.reencrypt_batch_vartime(capsules)))),
            &tweak,
        ),
        ("decapsulate", 1, 1.0, &|| drop(black_box(bob.decapsulate(black_box(&capsule)))), &|| {
            drop(black_box(peer.decapsulate().to_vec()))
        }),
        (
            "encapsulate",
            1,
            0.70,
            &|| drop(black_box(alice.public_key().encapsulate(&mut os_rng()))),
            &|| drop(black_box(peer.encapsulate().to_vec())),
        ),
        (
            "encapsulate_prepared",
            1,
            0.70,
            &|| drop(black_box(prepared.encapsulate(&mut os_rng()))),
            &|| drop(black_box(peer.encapsulate().to_vec())),
        ),
        (
            "generate",
            1,
            1.0,
            &|| drop(black_box(SecretKey::generate(Suite::Bbs98, &mut os_rng()))),
            &|| drop(black_box(peer.generate().to_vec())),
        ),
    ];
    println!(
        "{:30} {:>9} {:>13} {:>7} {:>7}",
        "us each", "ours", "libsecp256k1", "ratio", "wanted"
    );
    for (name, count, wanted, ours, theirs) in rows {
        let [ours, theirs] = paired(*count, ours, theirs);
        println!("{name:30} {ours:9.2} {theirs:13.2} {:7.2} {wanted:7.2}", ours / theirs);
    }
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    if !has("ratios") {
        let criterion = &mut Criterion::default().configure_from_args();
        pre(criterion);
        batches(criterion);
        peers(criterion);
        criterion.final_summary();
    }
    // Under `cargo test` criterion runs everything once and measures nothing.
    if has("--bench") && !has("--list") {
        ratios();
    }
}
