//! Fetch responses with sealed records, in memory: denied, re-encrypted, held back, in every version.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_response::{
    FetchableTopicResponse, NodeEndpoint, PartitionData,
};
use kafka_protocol::messages::{ApiKey, BrokerId, FetchRequest, FetchResponse, TopicName};
use nucypher_envelope::{EDEK_LEN, Edek};
use nucypher_pre::{SecretKey, Suite, os_rng};

use super::super::in_memory::{InMemory, world};
use super::super::{Authentication, Now, Session, Step, Work};
use crate::gateway::identity::Principal;
use crate::gateway::reencryptor::{CHUNK, Reencryptor};
use crate::protocol::oracle::{read_response, request, response, text};
use crate::protocol::wire::Uuid;
use crate::records::fixture::BatchBuilder;
use crate::records::{Batches, Codec, Codecs, Entry, Limits, Scan};
use crate::registry::{
    Administrator, Consumer, Directory, GatewaySecretKey, GrantRequest, Loader, NewChannel,
    Snapshot, Sources, Validity,
};

const NOW: i64 = 1_795_478_400_000;
const EXPIRES: i64 = NOW + 60_000;

/// Topics `open`, `granted` (to alice, until [`EXPIRES`]) and `denied`, ids 1 to 3.
struct Registry {
    snapshot: Snapshot,
    edek: Edek,
    /// 279 more.
    more: Vec<Edek>,
    alice: SecretKey,
}

fn registry() -> Registry {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut rng = os_rng();
    let administrator =
        Administrator::init(&path("home"), &path("registry"), None, None, NOW, &mut rng).unwrap();
    let gateway = GatewaySecretKey::generate(&mut rng);
    administrator.add_gateway(gateway.public_key()).unwrap();
    for topic in ["granted", "denied"] {
        let channel = NewChannel { require_encryption: false, ..NewChannel::new(topic) };
        administrator.create_channel(&channel, NOW).unwrap();
    }
    let alice = SecretKey::generate(Suite::Bbs98, &mut rng);
    let grant = GrantRequest {
        channel: "granted".to_owned(),
        epoch: None,
        field: String::new(),
        principal: "User:alice".to_owned(),
        consumer: Consumer::Public(alice.public_key().clone()),
        validity: Validity::new(None, Some(EXPIRES)).unwrap(),
        topics: Vec::new(),
        gateways: Vec::new(),
    };
    administrator.grant(&grant, NOW, &mut rng).unwrap();
    let to = administrator.channel_key("granted", None, "").unwrap();
    let (edek, _) = Edek::encapsulate(&to, 0, &mut rng);
    let more = (0..279).map(|_| Edek::encapsulate(&to, 0, &mut rng).0).collect();
    let sources = Sources {
        administrators: vec![administrator.public_key().clone()],
        gateway,
        state: path("seen"),
    };
    let (snapshot, _) =
        Loader::new(sources).unwrap().load(&Directory::new(path("registry")), NOW).unwrap();
    let snapshot =
        Arc::try_unwrap(snapshot).unwrap_or_else(|_| panic!("the loader keeps no snapshot"));
    Registry { snapshot, edek, more, alice }
}

impl Registry {
    fn bench(self) -> InMemory {
        let world = world(self.snapshot);
        for (id, name) in [(1u128, "open"), (2, "granted"), (3, "denied")] {
            world.topics.learn(Uuid(id.to_be_bytes()), name);
        }
        let mut bench = InMemory::known(world, Principal::user("alice").unwrap());
        bench.now = Now { wall_ms: NOW, ..bench.now };
        bench
    }
}

fn batch(codec: Codec, edek: &Edek, records: usize) -> Vec<u8> {
    let edek = &edek.as_bytes()[..];
    let mut batch = BatchBuilder::new(codec);
    for _ in 0..records {
        batch =
            batch.record(Some(b"key"), Some(&[7; 100]), &[(b"a", None), (b"nu.edek", Some(edek))]);
    }
    batch.build()
}

fn partition(version: i16, records: Vec<u8>) -> PartitionData {
    let mut partition = PartitionData::default()
        .with_high_watermark(10)
        .with_last_stable_offset(10)
        .with_records(Some(records.into()));
    if version >= 5 {
        partition.log_start_offset = 0;
    }
    partition
}

fn topic(version: i16, n: usize, partitions: Vec<PartitionData>) -> FetchableTopicResponse {
    let mut topic = FetchableTopicResponse::default().with_partitions(partitions);
    if version >= 13 {
        topic.topic_id = uuid::Uuid::from_u128(n as u128 + 1);
    } else {
        topic.topic = TopicName(text(["open", "granted", "denied"][n]));
    }
    topic
}

fn ask(bench: &mut InMemory, version: i16, max_wait_ms: i32) {
    bench.from_client =
        request(ApiKey::Fetch, version, 1, &FetchRequest::default().with_max_wait_ms(max_wait_ms));
    bench.run().unwrap();
}

fn read(bench: &InMemory, version: i16) -> FetchResponse {
    read_response::<FetchResponse>(ApiKey::Fetch, version, &bench.to_client).1
}

fn edeks(records: &[u8]) -> Vec<Edek> {
    let mut scan = Scan::new();
    scan.walk(records, 0, &Limits::default(), &mut Codecs::default());
    scan.edeks(records).map(|edek| Edek::parse(edek).unwrap()).collect()
}

#[test]
fn denied_granted_and_open_partitions_in_every_version() {
    let registry = registry();
    let (edek, alice) = (registry.edek, registry.alice.clone());
    let mut bench = registry.bench();
    for version in 4..=18 {
        for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
            bench.to_client.clear();
            ask(&mut bench, version, 0);
            let sealed = batch(codec, &edek, 3);
            let plain = batch(Codec::None, &edek, 2);
            let failed = PartitionData::default().with_partition_index(1).with_error_code(6);
            let mut body = FetchResponse::default().with_responses(vec![
                topic(version, 0, vec![partition(version, plain.clone())]),
                topic(version, 1, vec![partition(version, sealed.clone())]),
                topic(version, 2, vec![partition(version, sealed.clone()), failed.clone()]),
                topic(version, 0, vec![partition(version, plain.clone())]),
            ]);
            if version >= 16 {
                body.node_endpoints = vec![
                    NodeEndpoint::default().with_node_id(BrokerId(5)).with_host(text("broker-5")),
                ];
            }
            bench.from_broker = response(ApiKey::Fetch, version, 1, &body);
            bench.run().unwrap();

            let got = read(&bench, version);
            // The open topic's partitions are the same bytes, and so are those with a broker's error.
            assert_eq!(got.responses[0], body.responses[0]);
            assert_eq!(got.responses[3], body.responses[3]);
            assert_eq!(got.responses[2].partitions[1], failed);
            let denied = &got.responses[2].partitions[0];
            assert_eq!((denied.error_code, denied.high_watermark), (29, -1));
            assert_eq!((denied.last_stable_offset, denied.log_start_offset), (-1, -1));
            assert_eq!(denied.records, Some(Bytes::new()));
            assert_eq!(denied.aborted_transactions, Some(Vec::new()));
            // The granted one differs in its EDEKs, which alice opens now, and in the CRC.
            let granted = &got.responses[1].partitions[0];
            let records = granted.records.clone().unwrap();
            let found = edeks(&records);
            assert_eq!(found.len(), 3, "{codec} v{version}");
            for after in &found {
                assert_eq!(after.opening_id(), alice.id());
                assert!(after.decapsulate(&alice).is_ok());
                assert_eq!(after.commitment(), edek.commitment());
            }
            for entry in Batches::new(&records, 0) {
                let Entry::Batch(batch) = entry else { panic!("no batch") };
                assert!(batch.crc_is_right());
            }
            if codec == Codec::None {
                let mut expected = sealed.clone();
                let differing = expected.iter().zip(&records[..]).filter(|(a, b)| a != b).count();
                assert!(differing <= 3 * EDEK_LEN + 4);
                expected.clone_from_slice(&records);
                assert_eq!(expected.len(), sealed.len());
            }
            assert!(!bench.to_client.windows(8).any(|window| window == b"broker-5"));
        }
    }
}

#[test]
fn what_is_cached_is_patched_on_the_reactor_and_what_is_not_goes_to_the_pool() {
    let registry = registry();
    let edek = registry.edek;
    let mut bench = registry.bench();
    let body = |codec| {
        FetchResponse::default().with_responses(vec![topic(
            12,
            1,
            vec![partition(12, batch(codec, &edek, 2))],
        )])
    };
    for (codec, on_pool) in [(Codec::None, true), (Codec::None, false), (Codec::Zstd, true)] {
        ask(&mut bench, 12, 0);
        bench.from_broker = response(ApiKey::Fetch, 12, 1, &body(codec));
        let step = bench.session.response(&mut bench.from_broker, bench.now).unwrap();
        match step {
            Step::Await(work @ Work::Fetch(_)) if on_pool => bench.work(work).unwrap(),
            Step::Forward(n) if !on_pool => {
                assert_eq!(n, bench.from_broker.len());
                bench.from_broker.clear();
            }
            other => panic!("{codec}: {other:?}"),
        }
        bench.run().unwrap();
        assert!(bench.session.is_quiet());
    }
}

/// More than a thread computes at once, in several partitions, some of them compressed; a cache that
/// holds almost none of them; and each EDEK twice, apart from itself.
#[test]
fn many_cold_edeks_are_handed_out_in_pieces() {
    let mut registry = registry();
    let alice = registry.alice.clone();
    let mut edeks = std::mem::take(&mut registry.more);
    edeks.push(registry.edek);
    let mut bench = registry.bench();
    bench.world.reencryptor = Arc::new(Reencryptor::new(1));
    let mut bench = InMemory {
        session: Session::new(
            bench.world.clone(),
            Authentication::Known(Principal::user("alice").unwrap()),
        ),
        ..bench
    };
    let of = |codec, edeks: &[Edek]| {
        let mut batch = BatchBuilder::new(codec);
        for edek in edeks.iter().chain(edeks) {
            batch = batch.record(None, Some(b"v"), &[(b"nu.edek", Some(&edek.as_bytes()[..]))]);
        }
        batch.build()
    };
    let (some, others) = edeks.split_at(150);
    let partitions = [(Codec::None, some), (Codec::Zstd, others), (Codec::None, &edeks[..3])];
    let partitions: Vec<_> =
        partitions.iter().map(|(codec, edeks)| partition(12, of(*codec, edeks))).collect();
    ask(&mut bench, 12, 0);
    let body = FetchResponse::default().with_responses(vec![topic(12, 1, partitions)]);
    bench.from_broker = response(ApiKey::Fetch, 12, 1, &body);
    let step = bench.session.response(&mut bench.from_broker, bench.now).unwrap();
    let Step::Await(Work::Fetch(mut job)) = step else { panic!("{step:?}") };
    let reencryptor = Arc::clone(&bench.world.reencryptor);
    let mut handed_out = Vec::new();
    loop {
        let pieces = job.proceed(&mut bench.from_broker, &reencryptor).unwrap();
        if pieces.is_empty() {
            break;
        }
        assert!(pieces.iter().all(|piece| piece.len() <= CHUNK), "{}", pieces.len());
        handed_out.push(pieces.iter().map(Vec::len).sum::<usize>());
        pieces.iter().for_each(|piece| job.warmed(reencryptor.compute(piece)));
    }
    // Each once: those of the partitions in the clear, then those of the compressed one.
    assert_eq!(handed_out, [150, 130]);
    bench.session.fetched(job);
    bench.run().unwrap();
    let got = read(&bench, 12);
    for (partition, expected) in got.responses[0].partitions.iter().zip([some, others, &edeks[..3]])
    {
        let records = partition.records.clone().unwrap();
        let after = self::edeks(&records);
        assert_eq!(after.len(), 2 * expected.len());
        for (after, before) in after.iter().zip(expected.iter().chain(expected)) {
            assert_eq!(after.commitment(), before.commitment());
            assert_eq!(after.opening_id(), alice.id());
        }
        assert!(after[0].decapsulate(&alice).is_ok());
        let right = Batches::new(&records, 0)
            .all(|entry| matches!(entry, Entry::Batch(batch) if batch.crc_is_right()));
        assert!(right);
    }
}

#[test]
fn a_batch_that_was_corrupt_upstream_is_corrupt_for_the_client() {
    let registry = registry();
    let edek = registry.edek;
    let mut bench = registry.bench();
    for codec in [Codec::None, Codec::Lz4] {
        let mut damaged = batch(codec, &edek, 3);
        // In the CRC itself, so that the walk sees nothing of it.
        damaged[crate::records::batch::offset::CRC] ^= 1;
        ask(&mut bench, 12, 0);
        let body = FetchResponse::default().with_responses(vec![topic(
            12,
            1,
            vec![partition(12, damaged)],
        )]);
        bench.to_client.clear();
        bench.from_broker = response(ApiKey::Fetch, 12, 1, &body);
        bench.run().unwrap();
        let records = read(&bench, 12).responses[0].partitions[0].records.clone().unwrap();
        assert_ne!(edeks(&records)[0].as_bytes(), edek.as_bytes(), "{codec}: re-encrypted");
        let wrong = Batches::new(&records, 0)
            .all(|entry| matches!(entry, Entry::Batch(batch) if !batch.crc_is_right()));
        assert!(wrong, "{codec}");
    }
}

fn denial_of(bench: &mut InMemory, version: i16) {
    let body = FetchResponse::default().with_responses(vec![topic(
        version,
        2,
        vec![partition(version, Vec::new())],
    )]);
    bench.from_broker = response(ApiKey::Fetch, version, 1, &body);
    bench.run().unwrap();
    assert_eq!(read(bench, version).responses[0].partitions[0].error_code, 29);
}

#[test]
fn a_response_with_nothing_but_denials_is_held_back() {
    // What the client was willing to wait, at most half a second, less what it has waited already.
    for (max_wait, elapsed, held) in
        [(100, 0, 100), (5_000, 0, 500), (0, 0, 0), (-1, 0, 0), (500, 200, 300), (100, 900, 0)]
    {
        let mut bench = registry().bench();
        ask(&mut bench, 12, max_wait);
        bench.now.instant += Duration::from_millis(elapsed);
        denial_of(&mut bench, 12);
        assert_eq!(bench.waited, Duration::from_millis(held), "{max_wait} {elapsed}");
    }
    // With anything else in it, it is sent at once.
    let mut bench = registry().bench();
    ask(&mut bench, 12, 5_000);
    let empty = || vec![partition(12, Vec::new())];
    let body =
        FetchResponse::default().with_responses(vec![topic(12, 0, empty()), topic(12, 2, empty())]);
    bench.from_broker = response(ApiKey::Fetch, 12, 1, &body);
    bench.run().unwrap();
    assert_eq!(bench.waited, Duration::ZERO);
}

#[test]
fn a_grant_that_ends_during_a_long_poll_has_ended_for_its_response() {
    let registry = registry();
    let edek = registry.edek;
    let mut bench = registry.bench();
    let body = FetchResponse::default().with_responses(vec![topic(
        12,
        1,
        vec![partition(12, batch(Codec::None, &edek, 1))],
    )]);
    // Warm the cache first: it must not outlive the grant.
    ask(&mut bench, 12, 0);
    bench.from_broker = response(ApiKey::Fetch, 12, 1, &body);
    bench.run().unwrap();
    assert_eq!(read(&bench, 12).responses[0].partitions[0].error_code, 0);
    bench.to_client.clear();

    ask(&mut bench, 12, 0);
    bench.now.wall_ms = EXPIRES + 1;
    bench.from_broker = response(ApiKey::Fetch, 12, 1, &body);
    bench.run().unwrap();
    let denied = &read(&bench, 12).responses[0].partitions[0];
    assert_eq!((denied.error_code, denied.records.clone()), (29, Some(Bytes::new())));
}

#[test]
fn a_topic_id_that_nobody_has_named_is_denied_so_that_the_client_asks() {
    let mut bench = registry().bench();
    ask(&mut bench, 13, 0);
    let mut unnamed = topic(13, 0, vec![partition(13, Vec::new())]);
    unnamed.topic_id = uuid::Uuid::from_u128(99);
    let body = FetchResponse::default().with_responses(vec![unnamed]);
    bench.from_broker = response(ApiKey::Fetch, 13, 1, &body);
    bench.run().unwrap();
    assert_eq!(read(&bench, 13).responses[0].partitions[0].error_code, 100);
}

#[test]
fn what_cannot_be_walked_goes_through_as_stored() {
    let registry = registry();
    let edek = registry.edek;
    let mut bench = registry.bench();
    let good = batch(Codec::None, &edek, 1);
    let mut cut = good.clone();
    cut.truncate(good.len() - 1);
    let hostile = BatchBuilder::new(Codec::None).record(None, None, &[]).count(i32::MAX).build();
    let bomb = BatchBuilder::new(Codec::Gzip).build_around(b"not gzip");
    for bytes in [cut, hostile, bomb, vec![0xff; 61], Vec::new()] {
        ask(&mut bench, 12, 0);
        let body =
            FetchResponse::default().with_responses(vec![topic(12, 1, vec![partition(12, bytes)])]);
        let frame = response(ApiKey::Fetch, 12, 1, &body);
        bench.to_client.clear();
        bench.from_broker = frame.clone();
        bench.run().unwrap();
        assert_eq!(bench.to_client, frame);
    }
}
