//! The gateway's look-ups and the building of a snapshot.
//!
//! `grant/N`, `access/N`: one look-up in a registry of N grants. `build/new`, `build/known`: elements are
//! entries, verified anew or known from the snapshot before.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nucypher_kafka::registry::{
    Administrator, Consumer, Directory, Found, GatewaySecretKey, GrantRequest, NewChannel, Seen,
    Snapshot, Trust, Validity,
};
use nucypher_pre::{SecretKey, Suite, os_rng};

const NOW: i64 = 1_795_478_400_000;

struct World {
    _folder: tempfile::TempDir,
    administrator: Administrator,
    gateway: GatewaySecretKey,
    found: Vec<Found>,
}

impl World {
    fn with_grants(grants: usize) -> Self {
        let rng = &mut os_rng();
        let folder = tempfile::tempdir().unwrap();
        let (home, registry) = (folder.path().join("home"), folder.path().join("registry"));
        let administrator = Administrator::init(&home, &registry, None, None, NOW, rng).unwrap();
        let gateway = GatewaySecretKey::generate(rng);
        administrator.add_gateway(gateway.public_key()).unwrap();
        let channel = NewChannel::new("orders");
        administrator.create_channel(&channel, NOW).unwrap();
        let consumer = SecretKey::generate(Suite::Bbs98, rng);
        for number in 0..grants {
            let request = GrantRequest {
                channel: "orders".into(),
                epoch: None,
                field: String::new(),
                principal: format!("consumer-{number}"),
                consumer: Consumer::Public(consumer.public_key().clone()),
                validity: Validity::ALWAYS,
                topics: Vec::new(),
                gateways: Vec::new(),
            };
            administrator.grant(&request, NOW, rng).unwrap();
        }
        let found = Directory::new(&registry).read().unwrap();
        Self { _folder: folder, administrator, gateway, found }
    }

    fn build(&self, previous: Option<&Snapshot>) -> Snapshot {
        let administrators = [self.administrator.public_key().clone()];
        let seen = Seen::default();
        let trust = Trust { administrators: &administrators, gateway: &self.gateway, seen: &seen };
        Snapshot::build(&self.found, &trust, previous, NOW).unwrap()
    }
}

fn registry(criterion: &mut Criterion) {
    let grants = 200;
    let world = World::with_grants(grants);
    let snapshot = world.build(None);
    let key = world.administrator.channel_key("orders", None, "").unwrap().id();
    let principal = format!("User:consumer-{}", grants / 2);

    criterion.bench_with_input(
        BenchmarkId::new("grant", grants),
        &snapshot,
        |bencher, snapshot| {
            bencher.iter(|| {
                snapshot.grant(black_box(key), black_box(&principal), "orders", NOW).is_some()
            });
        },
    );
    criterion.bench_with_input(
        BenchmarkId::new("access", grants),
        &snapshot,
        |bencher, snapshot| {
            bencher.iter(|| snapshot.access(black_box("orders"), black_box(&principal), NOW));
        },
    );

    let mut group = criterion.benchmark_group("build");
    group.sample_size(10).throughput(Throughput::Elements(grants as u64));
    group.bench_function("new", |bencher| bencher.iter(|| world.build(None)));
    group.bench_function("known", |bencher| bencher.iter(|| world.build(Some(&snapshot))));
    group.finish();
}

criterion_group!(benches, registry);
criterion_main!(benches);
