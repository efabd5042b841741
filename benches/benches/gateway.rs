//! The whole path of a Fetch through a session, in memory: `cargo bench -p nucypher-benches --bench gateway`.
//!
//! A request passes, the response is copied in (the copy stands for the one that the kernel makes)
//! and comes out patched, ready to be written. One response holds 1 MiB: four partitions of four
//! batches, each batch from a producer session of its own, so with one EDEK for all its records.
//!
//! | id | measures |
//! | --- | --- |
//! | `copy/<value size>` | nothing but the copy |
//! | `open/<value size>` | a topic that belongs to no channel |
//! | `cached/<value size>` | all EDEKs in the cache |
//! | `records/<value size>` | the same, in records |
//! | `scattered/<value size>` | all EDEKs in the cache, each record with another than its neighbours |
//! | `<codec>/<value size>` | the same as `cached` in compressed batches |
//! | `cold/<EDEKs>` | so many distinct EDEKs, none in the cache, on one thread |
//! | `pool/<EDEKs>` | the same on the pool, with a thread for each processor |

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nucypher_envelope::{EDEK_LEN, Edek};
use nucypher_kafka::gateway::identity::Principal;
use nucypher_kafka::gateway::pool::Pool;
use nucypher_kafka::gateway::reencryptor::Reencryptor;
use nucypher_kafka::gateway::session::in_memory::{InMemory, world};
use nucypher_kafka::gateway::session::{Now, Session, Step, Work, World};
use nucypher_kafka::records::fixture::BatchBuilder;
use nucypher_kafka::records::{Codec, EDEK_HEADER};
use nucypher_kafka::registry::{
    Administrator, Consumer, Directory, GatewaySecretKey, GrantRequest, Loader, NewChannel,
    Snapshot, Sources, Validity,
};
use nucypher_pre::{PublicKey, SecretKey, Suite, os_rng};

const NOW: i64 = 1_795_478_400_000;
const VALUES: [usize; 3] = [100, 1 << 10, 10 << 10];
const BATCH: usize = 64 << 10;
const PARTITIONS: usize = 4;
const BATCHES: usize = 4;
const CORRELATION: i32 = 7;

/// A registry in which alice is granted the topic `orders`, and the key to which producers seal.
fn registry() -> (Snapshot, PublicKey) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let rng = &mut os_rng();
    let administrator =
        Administrator::init(&path("home"), &path("registry"), None, None, NOW, rng).unwrap();
    let gateway = GatewaySecretKey::generate(rng);
    administrator.add_gateway(gateway.public_key()).unwrap();
    let channel = NewChannel { require_encryption: false, ..NewChannel::new("orders") };
    administrator.create_channel(&channel, NOW).unwrap();
    let alice = SecretKey::generate(Suite::Bbs98, rng);
    let grant = GrantRequest {
        channel: "orders".to_owned(),
        epoch: None,
        field: String::new(),
        principal: "User:alice".to_owned(),
        consumer: Consumer::Public(alice.public_key().clone()),
        validity: Validity::ALWAYS,
        topics: Vec::new(),
        gateways: Vec::new(),
    };
    administrator.grant(&grant, NOW, rng).unwrap();
    let key = administrator.channel_key("orders", None, "").unwrap();
    let sources = Sources {
        administrators: vec![administrator.public_key().clone()],
        gateway,
        state: path("seen"),
    };
    let (snapshot, _) =
        Loader::new(sources).unwrap().load(&Directory::new(path("registry")), NOW).unwrap();
    (Arc::into_inner(snapshot).unwrap(), key)
}

fn edeks(key: &PublicKey, n: usize) -> Vec<Edek> {
    (0..n).map(|_| Edek::encapsulate(key, 0, &mut os_rng()).0).collect()
}

/// A batch of sealed records of `value` random bytes, some `BATCH` in all. xorshift64: repeatable,
/// and incompressible enough.
fn batch(codec: Codec, value: usize, mut edek: impl FnMut() -> Edek) -> (Vec<u8>, usize) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    let records = (BATCH / (value + EDEK_LEN + 24)).max(1);
    let mut builder = BatchBuilder::new(codec);
    for _ in 0..records {
        let value: Vec<u8> = (0..value).map(|_| random()).collect();
        let edek = edek();
        builder = builder.record(
            Some(b"key-0001"),
            Some(&value),
            &[(EDEK_HEADER, Some(&edek.as_bytes()[..]))],
        );
    }
    (builder.build(), records)
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
}

/// Fetch request, version 11.
fn request(topic: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend_from_slice(&[0, 1, 0, 11]);
    body.extend_from_slice(&CORRELATION.to_be_bytes());
    body.extend_from_slice(&[0xff, 0xff]); // no client id
    for field in [-1, 500, 1, 50 << 20] {
        body.extend_from_slice(&i32::to_be_bytes(field)); // replica, wait, min, max
    }
    body.push(0); // isolation level
    body.extend_from_slice(&[0; 8]); // session id and epoch
    body.extend_from_slice(&1_i32.to_be_bytes());
    body.extend_from_slice(&u16::try_from(topic.len()).unwrap().to_be_bytes());
    body.extend_from_slice(topic.as_bytes());
    body.extend_from_slice(&0_i32.to_be_bytes()); // partitions
    body.extend_from_slice(&0_i32.to_be_bytes()); // forgotten
    body.extend_from_slice(&[0, 0]); // rack
    framed(&body)
}

/// Fetch response, version 11, with these records.
fn response(topic: &str, partitions: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend_from_slice(&CORRELATION.to_be_bytes());
    body.extend_from_slice(&[0; 10]); // throttle, error, session
    body.extend_from_slice(&1_i32.to_be_bytes());
    body.extend_from_slice(&u16::try_from(topic.len()).unwrap().to_be_bytes());
    body.extend_from_slice(topic.as_bytes());
    body.extend_from_slice(&u32::try_from(partitions.len()).unwrap().to_be_bytes());
    for (index, records) in (0_i32..).zip(partitions) {
        body.extend_from_slice(&index.to_be_bytes());
        body.extend_from_slice(&[0; 2 + 3 * 8]); // error, three offsets
        body.extend_from_slice(&[0xff; 8]); // no aborted transactions, no preferred replica
        body.extend_from_slice(&u32::try_from(records.len()).unwrap().to_be_bytes());
        body.extend_from_slice(records);
    }
    framed(&body)
}

/// One response, and how many records it holds.
fn one_mebibyte(
    topic: &str,
    codec: Codec,
    value: usize,
    mut edek: impl FnMut(usize) -> Edek,
) -> (Vec<u8>, usize) {
    let (mut records, mut number) = (0, 0);
    let partitions: Vec<Vec<u8>> = (0..PARTITIONS)
        .map(|_| {
            let mut bytes = Vec::new();
            for _ in 0..BATCHES {
                let (batch, n) = batch(codec, value, || edek(number));
                number += 1;
                records += n;
                bytes.extend(batch);
            }
            bytes
        })
        .collect();
    (response(topic, &partitions), records)
}

struct Bench {
    in_memory: InMemory,
    request: Vec<u8>,
    frame: Vec<u8>,
}

impl Bench {
    fn new(world: World, topic: &str) -> Self {
        let mut in_memory = InMemory::known(world, Principal::user("alice").unwrap());
        in_memory.now = Now { wall_ms: NOW, ..in_memory.now };
        Self { in_memory, request: request(topic), frame: Vec::new() }
    }

    fn session(&mut self) -> (&mut Session, Now) {
        (&mut self.in_memory.session, self.in_memory.now)
    }

    /// A request passes and a response comes: until the first step that is not free.
    fn ask(&mut self, response: &[u8]) -> Step {
        let mut request = std::mem::take(&mut self.request);
        let (session, now) = self.session();
        let Ok(Step::Forward(_)) = session.request(&mut request, now) else {
            panic!("the request did not pass")
        };
        self.request = request;
        self.frame.clear();
        self.frame.extend_from_slice(response);
        self.again()
    }

    fn again(&mut self) -> Step {
        let mut frame = std::mem::take(&mut self.frame);
        let (session, now) = self.session();
        let step = session.response(&mut frame, now).unwrap();
        self.frame = frame;
        step
    }

    /// The same to the end, on this thread; gives the number of bytes to write.
    fn fetch(&mut self, response: &[u8]) -> usize {
        let mut step = self.ask(response);
        loop {
            match step {
                Step::Forward(n) => return n,
                Step::ForwardEdited(_, edits) => {
                    return edits.pieces(&self.frame).map(<[u8]>::len).sum();
                }
                Step::Await(work) => {
                    std::mem::swap(&mut self.frame, &mut self.in_memory.from_broker);
                    self.in_memory.work(work).unwrap();
                    std::mem::swap(&mut self.frame, &mut self.in_memory.from_broker);
                    step = self.again();
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

fn warm(c: &mut Criterion) {
    let (snapshot, key) = registry();
    let world = world(snapshot);
    let pool = edeks(&key, 256);
    let one_a_batch = |number: usize| pool[number % pool.len()];

    for value in VALUES {
        let (open, _) = one_mebibyte("weather", Codec::None, value, one_a_batch);
        let (sealed, records) = one_mebibyte("orders", Codec::None, value, one_a_batch);
        let mut next = 0;
        let (scattered, _) = one_mebibyte("orders", Codec::None, value, |_| {
            next += 1;
            pool[next % pool.len()]
        });
        let bytes = Throughput::Bytes(sealed.len() as u64);

        let mut group = c.benchmark_group("copy");
        group.throughput(bytes.clone());
        let mut frame = Vec::new();
        group.bench_function(BenchmarkId::from_parameter(value), |b| {
            b.iter(|| {
                frame.clear();
                frame.extend_from_slice(black_box(&open));
                frame.len()
            });
        });
        group.finish();

        for (name, topic, response) in [
            ("open", "weather", &open),
            ("cached", "orders", &sealed),
            ("scattered", "orders", &scattered),
        ] {
            let mut bench = Bench::new(world.clone(), topic);
            bench.fetch(response);
            let mut group = c.benchmark_group(name);
            group.throughput(bytes.clone());
            group.bench_function(BenchmarkId::from_parameter(value), |b| {
                b.iter(|| bench.fetch(black_box(response)));
            });
            group.finish();
        }

        let mut bench = Bench::new(world.clone(), "orders");
        bench.fetch(&sealed);
        let mut group = c.benchmark_group("records");
        group.throughput(Throughput::Elements(records as u64));
        group.bench_function(BenchmarkId::from_parameter(value), |b| {
            b.iter(|| bench.fetch(black_box(&sealed)));
        });
        group.finish();

        for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
            let (response, _) = one_mebibyte("orders", codec, value, one_a_batch);
            let mut bench = Bench::new(world.clone(), "orders");
            bench.fetch(&response);
            let mut group = c.benchmark_group(codec.to_string());
            group.throughput(Throughput::Bytes(response.len() as u64)).sample_size(10);
            group.bench_function(BenchmarkId::from_parameter(value), |b| {
                b.iter(|| bench.fetch(black_box(&response)));
            });
            group.finish();
        }
    }
}

fn cold(c: &mut Criterion) {
    let (snapshot, key) = registry();
    let world = world(snapshot);
    // A bench whose cache is empty.
    let fresh = |n: usize| {
        let reencryptor = Arc::new(Reencryptor::new(n));
        Bench::new(World { reencryptor, ..world.clone() }, "orders")
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let threads = Pool::new(None);
    for n in [1, 16, 64, 256, 1024] {
        let edeks = edeks(&key, n);
        // Every record of the first batches has an EDEK of its own.
        let mut builder = BatchBuilder::new(Codec::None);
        for edek in &edeks {
            let value = [7; 100];
            builder =
                builder.record(None, Some(&value), &[(EDEK_HEADER, Some(&edek.as_bytes()[..]))]);
        }
        let response = response("orders", &[builder.build()]);

        let mut group = c.benchmark_group("cold");
        group.throughput(Throughput::Elements(n as u64)).sample_size(10);
        group.bench_function(BenchmarkId::from_parameter(n), |b| {
            b.iter_batched(
                || fresh(n),
                |mut bench| bench.fetch(&response),
                BatchSize::PerIteration,
            );
        });
        group.finish();

        let mut group = c.benchmark_group("pool");
        group.throughput(Throughput::Elements(n as u64)).sample_size(10);
        group.bench_function(BenchmarkId::from_parameter(n), |b| {
            b.iter_batched(
                || fresh(n),
                |mut bench| {
                    let Step::Await(Work::Fetch(mut job)) = bench.ask(&response) else {
                        panic!("nothing is cold")
                    };
                    let mut frame = std::mem::take(&mut bench.frame);
                    let world = &bench.in_memory.world;
                    loop {
                        let reencryptor = Arc::clone(&world.reencryptor);
                        let work = move || {
                            let cold = job.proceed(&mut frame, &reencryptor);
                            (job, frame, cold)
                        };
                        let cold;
                        (job, frame, cold) = runtime.block_on(threads.run(work)).unwrap();
                        let cold = cold.unwrap();
                        if cold.is_empty() {
                            break;
                        }
                        let pieces = cold.into_iter().map(|cold| {
                            let reencryptor = Arc::clone(&world.reencryptor);
                            move || reencryptor.compute(&cold)
                        });
                        for computed in runtime.block_on(threads.run_all(pieces)).unwrap() {
                            job.warmed(computed);
                        }
                    }
                    bench.frame = frame;
                    bench.in_memory.session.fetched(job);
                    bench.again()
                },
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, warm, cold);
criterion_main!(benches);
