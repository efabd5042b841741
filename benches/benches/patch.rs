//! Walking and patching record batches: `cargo bench -p nucypher-benches --bench patch`.
//!
//! One records field of about 1 MiB in memory, its values random as ciphertext is, an EDEK in each
//! record. Throughput counts the bytes of the records field as stored. What stands in for the
//! EDEK cache returns one of two constants in turn, so that every EDEK changes every time.
//!
//! | id | measures |
//! | --- | --- |
//! | `walk/<value size>` | finding the EDEKs |
//! | `patch/<value size>` | finding and replacing them, CRC included: the path of a Fetch |
//! | `apply/<value size>` | replacing them, once found |
//! | `crc/twice/<value size>` | what the CRC would cost, computed before and after |
//! | `plain/<value size>` | `patch` over records without EDEKs |
//! | `<codec>/<value size>` | `patch`, decompression and compression included |

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nucypher_kafka::records::fixture::BatchBuilder;
use nucypher_kafka::records::{Codec, Codecs, EDEK_HEADER, EDEK_LEN, Edits, Limits, Scan};
use std::hint::black_box;

const FIELD: usize = 1 << 20;
const VALUES: [usize; 3] = [100, 1 << 10, 10 << 10];

/// One batch of sealed records of `value` random bytes, filling `FIELD`.
fn records(codec: Codec, value: usize, sealed: bool) -> Vec<u8> {
    // xorshift64: repeatable, and incompressible enough.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |len: usize| -> Vec<u8> {
        let byte = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        };
        std::iter::repeat_with(byte).take(len).collect()
    };
    let mut builder = BatchBuilder::new(codec);
    for _ in 0..FIELD / (value + EDEK_LEN + 24) {
        let (value, edek) = (random(value), random(EDEK_LEN));
        let headers: &[(&[u8], Option<&[u8]>)] =
            if sealed { &[(EDEK_HEADER, Some(&edek))] } else { &[] };
        builder = builder.record(Some(b"key-0001"), Some(&value), headers);
    }
    builder.build()
}

/// Looks nothing up; differs from what it returned the time before.
fn replacement() -> impl FnMut(&[u8; EDEK_LEN]) -> Option<[u8; EDEK_LEN]> {
    let mut edek = [0x55; EDEK_LEN];
    move |old| {
        edek[0] = !old[0];
        Some(edek)
    }
}

fn bench(c: &mut Criterion) {
    let mut codecs = Codecs::default();
    let limits = Limits::default();
    let mut scan = Scan::new();
    let mut edits = Edits::new();

    for value in VALUES {
        let mut frame = records(Codec::None, value, true);
        let bytes = Throughput::Bytes(frame.len() as u64);
        let mut group = c.benchmark_group("walk");
        group.throughput(bytes.clone());
        group.bench_function(BenchmarkId::from_parameter(value), |b| {
            b.iter(|| scan.walk(black_box(&frame), 0, &limits, &mut codecs).sealed);
        });
        println!("walk/{value}: {} records in {} bytes", scan.counts().records, frame.len());
        group.finish();

        let mut group = c.benchmark_group("patch");
        group.throughput(bytes.clone());
        group.bench_function(BenchmarkId::from_parameter(value), |b| {
            let mut replace = replacement();
            b.iter(|| {
                scan.walk(black_box(&frame), 0, &limits, &mut codecs);
                scan.apply(&mut frame, &mut codecs, &mut edits, &mut replace)
            });
        });
        group.finish();

        let mut group = c.benchmark_group("apply");
        group.throughput(bytes.clone());
        group.bench_function(BenchmarkId::from_parameter(value), |b| {
            let mut replace = replacement();
            scan.walk(&frame, 0, &limits, &mut codecs);
            b.iter(|| scan.apply(black_box(&mut frame), &mut codecs, &mut edits, &mut replace));
        });
        group.finish();

        let mut group = c.benchmark_group("crc/twice");
        group.throughput(bytes.clone());
        group.bench_function(BenchmarkId::from_parameter(value), |b| {
            b.iter(|| crc32c::crc32c(black_box(&frame)) ^ crc32c::crc32c(black_box(&frame)));
        });
        group.finish();

        let mut plain = records(Codec::None, value, false);
        let mut group = c.benchmark_group("plain");
        group.throughput(Throughput::Bytes(plain.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(value), |b| {
            b.iter(|| {
                scan.walk(black_box(&plain), 0, &limits, &mut codecs);
                scan.apply(&mut plain, &mut codecs, &mut edits, replacement())
            });
        });
        group.finish();

        for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
            let mut frame = records(codec, value, true);
            let mut group = c.benchmark_group(codec.to_string());
            group.throughput(Throughput::Bytes(frame.len() as u64));
            group.sample_size(10);
            group.bench_function(BenchmarkId::from_parameter(value), |b| {
                b.iter_batched(
                    Edits::new,
                    |mut edits| {
                        scan.walk(black_box(&frame), 0, &limits, &mut codecs);
                        let applied =
                            scan.apply(&mut frame, &mut codecs, &mut edits, replacement());
                        (edits, applied)
                    },
                    BatchSize::PerIteration,
                );
            });
            group.finish();
        }
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
