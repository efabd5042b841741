//! How batches scale over cores: `cargo bench -p nucypher-benches --features rayon --bench cores`.
//!
//! The same batch on one thread and on all, in rounds that take turns; the smallest round of each. A
//! machine that does something else meanwhile shows less than there is.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::{hint::black_box, time::Instant};

use nucypher_pre::{Capsule, ReencryptionKey, SecretKey, Suite, os_rng};
use rayon::{ThreadPool, ThreadPoolBuilder};

fn main() {
    let rounds = if std::env::args().any(|word| word == "--bench") { 200 } else { 1 };
    let rng = &mut os_rng();
    let [a, b] = [(); 2].map(|()| SecretKey::generate(Suite::Bbs98, rng));
    let key = ReencryptionKey::non_interactive(&a, b.public_key(), rng).unwrap();
    let threads = std::thread::available_parallelism().unwrap().get();
    let pools =
        [1, threads].map(|count| ThreadPoolBuilder::new().num_threads(count).build().unwrap());
    println!("{threads} threads; us for one capsule, smallest of {rounds} rounds");
    for count in [256, 1024, 4096] {
        let capsules: Vec<_> = (0..count).map(|_| a.public_key().encapsulate(rng).0).collect();
        let mut best = [f64::INFINITY; 2];
        for _ in 0..rounds {
            for (pool, best) in pools.iter().zip(&mut best) {
                *best = best.min(round(pool, &key, &capsules));
            }
        }
        let [one, all] = best;
        println!(
            "{count:5} capsules: 1 thread {one:6.2}, {threads} threads {all:6.2}, ratio {:.2}",
            one / all
        );
    }
}

fn round(pool: &ThreadPool, key: &ReencryptionKey, capsules: &[Capsule]) -> f64 {
    let mut capsules = capsules.to_vec();
    let begin = Instant::now();
    pool.install(|| key.reencrypt_batch(black_box(&mut capsules)));
    let took = begin.elapsed();
    black_box(&capsules);
    took.as_secs_f64() * 1e6 / f64::from(u32::try_from(capsules.len()).unwrap())
}
