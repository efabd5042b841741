//! A million grants: `cargo bench --bench registry_scale`, with the number as the first argument.
//!
//! Prints what a gateway takes to load them, what it holds in memory for them, a look-up, the first use
//! of a grant, and what a revocation takes from the new head to the new snapshot. One run each: the
//! figures are seconds and MiB, not statistics. The entries are in memory already, as a reader of the
//! topic has them; reading and decoding are measured beside it.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::{fs, hint::black_box, time::Instant};

use nucypher_kafka::registry::{Entry, Found, Seen, Snapshot, Trust, fixture::Population};

const NOW: i64 = 1_795_478_400_000;

fn main() {
    // `cargo bench` says --bench; `cargo test --benches` does not, and only wants to see it run.
    let measured = std::env::args().any(|word| word == "--bench");
    let default = if measured { 1_000_000 } else { 2_000 };
    let count = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(default);
    let begin = Instant::now();
    let mut population = Population::new(count, NOW);
    println!("{count} grants made in {:.1?}", begin.elapsed());

    // Only the encoded entries stay, as they come from the topic.
    let found = population.found();
    let encoded: Vec<(String, Vec<u8>)> = found
        .iter()
        .map(|found| (found.origin.clone(), found.entry.as_ref().unwrap().as_bytes().to_vec()))
        .collect();
    drop(found);
    let before = resident();
    let begin = Instant::now();
    let decode = |(origin, bytes): &(String, Vec<u8>)| Found {
        origin: origin.clone(),
        entry: Ok(Entry::decode(bytes).unwrap()),
    };
    let found: Vec<Found> = encoded.iter().map(decode).collect();
    let decoded = begin.elapsed();
    let administrators = [population.administrator().clone()];
    let seen = Seen::default();
    let gateway = population.gateway().clone();
    let trust = Trust { administrators: &administrators, gateway: &gateway, seen: &seen };
    let begin = Instant::now();
    let snapshot = Snapshot::build(&found, &trust, None, NOW).unwrap();
    println!("decoded in {decoded:.2?}, loaded in {:.2?}", begin.elapsed());
    drop(found);
    println!("memory of the snapshot: {} MiB", resident().saturating_sub(before));

    let begin = Instant::now();
    let rounds = 200_000;
    for round in 0..rounds {
        let principal = population.principal(300 + (round * 7919) % (count - 301));
        let found = snapshot.grant(population.key(), black_box(&principal), "orders", NOW);
        assert!(found.is_some());
    }
    println!(
        "look-up, its text made anew: {:.0?}",
        begin.elapsed() / u32::try_from(rounds).unwrap()
    );

    let principal = population.principal(count - 1);
    let grant = snapshot.grant(population.key(), &principal, "orders", NOW).unwrap();
    let begin = Instant::now();
    grant.key().unwrap();
    println!("first use: {:.2?}", begin.elapsed());

    population.revoke(count - 1, NOW);
    let found = population.found();
    let begin = Instant::now();
    let after = Snapshot::build(&found, &trust, Some(&snapshot), NOW).unwrap();
    println!("one revoked, the rest known: {:.2?}", begin.elapsed());
    assert!(after.grant(population.key(), &principal, "orders", NOW).is_none());
}

/// In MiB.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.unwrap_or(0) / 1024
}
