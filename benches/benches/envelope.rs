//! nucypher-envelope: sealing and opening, with the bare AEAD beside them, so that what the envelope
//! adds can be read off one run.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::{hint::black_box, sync::Arc};

use aes_gcm_siv::{AesGcmSiv, KeyInit, aead::AeadInOut, aes::Aes256Enc};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nucypher_envelope::{
    ChannelName, EDEK_HEADER, Edek, EdekHeader, Opener, OpenerConfig, Record, SealedRecordRef,
    Sealer, SealerConfig,
    field::{Field, FieldKey, FieldPolicy, FieldSealing, ProtectedFields},
    pre::{ReencryptionKey, SecretKey, Suite, os_rng},
};

const SIZES: [usize; 4] = [64, 256, 1024, 16 * 1024];
const KEY: &[u8] = b"order-17";

/// AES-256-GCM-SIV alone, in place, with as many bytes authenticated as a sealed record has.
fn aead(c: &mut Criterion) {
    let aead = AesGcmSiv::<Aes256Enc>::new(&[7; 32].into());
    let mut group = c.benchmark_group("aead");
    for size in SIZES {
        let mut text = vec![7; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| {
                let text = black_box(text.as_mut_slice());
                aead.encrypt_inout_detached(&[7; 12].into(), &[7; 66], text.into()).unwrap()
            });
        });
    }
    group.finish();
}

fn seal(c: &mut Criterion) {
    let rng = &mut os_rng();
    let key = SecretKey::generate(Suite::Bbs98, rng);
    let channel = ChannelName::new("orders").unwrap();
    let config = SealerConfig::new(key.public_key().clone(), channel.clone());
    let mut sealer = Sealer::new(config).unwrap();
    let mut group = c.benchmark_group("seal");
    for size in SIZES {
        let value = vec![7; size];
        let record = Record { key: Some(KEY), value: Some(&value), place: None };
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| sealer.seal(black_box(&record), 0, rng).unwrap());
        });
    }
    group.finish();
}

fn open(c: &mut Criterion) {
    let rng = &mut os_rng();
    let owner = SecretKey::generate(Suite::Bbs98, rng);
    let reader = SecretKey::generate(Suite::Bbs98, rng);
    let grant = ReencryptionKey::non_interactive(&owner, reader.public_key(), rng).unwrap();
    let channel = ChannelName::new("orders").unwrap();
    let config = SealerConfig::new(owner.public_key().clone(), channel.clone());
    let mut sealer = Sealer::new(config).unwrap();
    let opener = Opener::new(OpenerConfig::new([reader])).unwrap();

    for (name, cold) in [("open", false), ("open_cold", true)] {
        let mut group = c.benchmark_group(name);
        for size in SIZES {
            let value = vec![7; size];
            let record = Record { key: Some(KEY), value: Some(&value), place: None };
            let sealed = sealer.seal(&record, 0, rng).unwrap();
            let edek = Edek::parse(&sealed.edek).unwrap().reencrypt(&grant).unwrap();
            group.throughput(Throughput::Bytes(size as u64));
            group.bench_function(BenchmarkId::from_parameter(size), |b| {
                b.iter(|| {
                    if cold {
                        opener.forget();
                    }
                    let fetched = SealedRecordRef {
                        key: Some(KEY),
                        value: black_box(sealed.value.as_deref()),
                        place: None,
                        headers: [(EDEK_HEADER.as_bytes(), Some(edek.as_bytes().as_slice()))],
                    };
                    opener.open(fetched, &channel).unwrap()
                });
            });
        }
        group.finish();
    }
}

/// What a gateway does for each record: parse, and look up; and for each session: re-encrypt.
fn edek(c: &mut Criterion) {
    let rng = &mut os_rng();
    let owner = SecretKey::generate(Suite::Bbs98, rng);
    let reader = SecretKey::generate(Suite::Bbs98, rng);
    let grant = ReencryptionKey::non_interactive(&owner, reader.public_key(), rng).unwrap();
    let (edek, _) = Edek::encapsulate(owner.public_key(), 0, rng);
    let mut group = c.benchmark_group("edek");
    group.throughput(Throughput::Elements(1));
    group.bench_function("parse", |b| {
        b.iter(|| EdekHeader::parse(black_box(edek.as_bytes())).unwrap().find(0).unwrap());
    });
    group.bench_function("reencrypt", |b| b.iter(|| black_box(&edek).reencrypt(&grant).unwrap()));
    let many = vec![edek; 256];
    group.bench_function("reencrypt_batch/256", |b| {
        b.iter(|| Edek::reencrypt_batch(black_box(&many), &grant));
    });
    // What noticing a fork costs each record.
    group.bench_function("getpid", |b| b.iter(std::process::id));
    group.finish();
}

/// Five protected values in a JSON document of about 1 KiB, and what serde_json takes to parse it into a
/// tree, in the same run.
fn fields(c: &mut Criterion) {
    let rng = &mut os_rng();
    let items = (0..20).map(|n| format!(r#"{{"sku":"A-{n:05}","count":{n},"price":{n}.50}}"#));
    let document = format!(
        r#"{{"id":4711,"card":{{"number":"4111111111111111","holder":"A. Customer"}},"mail":"a@example.org","vip":true,"note":null,"items":[{}]}}"#,
        items.collect::<Vec<_>>().join(",")
    );
    let selectors = ["$.card.number", "$.card.holder", "$.mail", "$.vip", "$.note"];
    let fields = (1..).zip(selectors).map(|(slot, path)| Field::new(slot, path, [path]).unwrap());
    let fields = Arc::new(ProtectedFields::new(fields).unwrap());
    let keys: Vec<_> = fields.iter().map(|_| SecretKey::generate(Suite::Bbs98, rng)).collect();
    let public = fields
        .iter()
        .zip(&keys)
        .map(|(field, key)| FieldKey { slot: field.slot(), key: key.public_key().clone() });
    let sealing = FieldSealing::new(Arc::clone(&fields), public).unwrap();
    let channel = ChannelName::new("orders").unwrap();
    let mut sealer = Sealer::new(SealerConfig::fields_only(channel.clone(), sealing)).unwrap();
    let opener = Opener::new(OpenerConfig::new(keys)).unwrap();
    let policy = FieldPolicy { fields: Some(fields), ..FieldPolicy::default() };
    let record = Record { key: Some(KEY), value: Some(document.as_bytes()), place: None };
    let sealed = sealer.seal(&record, 0, rng).unwrap();

    let mut group = c.benchmark_group("fields");
    group.throughput(Throughput::Bytes(document.len() as u64));
    group.bench_function("parse", |b| {
        b.iter(|| {
            serde_json::from_slice::<serde_json::Value>(black_box(document.as_bytes())).unwrap()
        });
    });
    group.bench_function("seal", |b| b.iter(|| sealer.seal(black_box(&record), 0, rng).unwrap()));
    group.bench_function("open", |b| {
        b.iter(|| {
            let fetched = SealedRecordRef {
                key: Some(KEY),
                value: black_box(sealed.value.as_deref()),
                place: None,
                headers: [(EDEK_HEADER.as_bytes(), Some(sealed.edek.as_slice()))],
            };
            opener.open_fields(fetched, &channel, &policy).unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, aead, seal, open, edek, fields);
criterion_main!(benches);
