//! Criterion benchmarks of the hot paths; run them with `cargo bench -p nucypher-benches`.
