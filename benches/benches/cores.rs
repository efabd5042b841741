//! Batches over cores: the same batch in a pool of one thread and in pools of more.
//!
//! `cargo bench -p nucypher-benches --features rayon --bench cores`; with `-- ratios` the speed-up alone,
//! from rounds in which the pools take turns.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput};
use nucypher_pre::{Capsule, PreparedPublicKey, ReencryptionKey, SecretKey, Suite, os_rng};
use rayon::{ThreadPool, ThreadPoolBuilder};

const COUNTS: [usize; 3] = [256, 1024, 4096];

fn pools() -> Vec<ThreadPool> {
    let cores = std::thread::available_parallelism().unwrap().get();
    let sizes = (0..).map(|power| 1 << power).take_while(|size| *size <= cores);
    sizes.map(|size| ThreadPoolBuilder::new().num_threads(size).build().unwrap()).collect()
}

fn main() {
    let rng = &mut os_rng();
    let [alice, bob] = [(); 2].map(|()| SecretKey::generate(Suite::Bbs98, rng));
    let key = ReencryptionKey::non_interactive(&alice, bob.public_key(), rng).unwrap();
    let to = PreparedPublicKey::new(alice.public_key().clone());
    let capsules: Vec<Capsule> = (0..4096).map(|_| to.encapsulate(rng).0).collect();
    let pools = pools();
    if !std::env::args().any(|argument| argument == "ratios") {
        let criterion = &mut Criterion::default().configure_from_args();
        let mut group = criterion.benchmark_group("reencrypt_batch_cores");
        for count in COUNTS {
            for pool in &pools {
                let id = BenchmarkId::new(count.to_string(), pool.current_num_threads());
                group.throughput(Throughput::Elements(count as u64));
                group.bench_function(id, |b| {
                    let mut batch = capsules.iter().copied().take(count).collect::<Vec<_>>();
                    b.iter(|| pool.install(|| key.reencrypt_batch(&mut batch)));
                });
            }
        }
        group.finish();
        criterion.final_summary();
        return;
    }
    println!("{:>8} {:>8} {:>10} {:>9}", "capsules", "threads", "us each", "speed-up");
    for count in COUNTS {
        let mut batch = capsules.iter().copied().take(count).collect::<Vec<_>>();
        let mut best = vec![f64::INFINITY; pools.len()];
        for _ in 0..40 {
            for (pool, best) in pools.iter().zip(&mut best) {
                let start = Instant::now();
                pool.install(|| key.reencrypt_batch(&mut batch));
                *best = best.min(start.elapsed().as_secs_f64() * 1e6 / count as f64);
            }
        }
        for (pool, time) in pools.iter().zip(&best) {
            let speed_up = best.first().unwrap() / time;
            println!("{count:8} {:8} {time:10.2} {speed_up:9.2}", pool.current_num_threads());
        }
    }
}
