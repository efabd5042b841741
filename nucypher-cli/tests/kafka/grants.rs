//! Grants and revocations while everything runs.

use kafka_protocol::messages::{FetchRequest, FetchResponse};
use nucypher_envelope::Edek;
use nucypher_kafka::{
    client::Connection,
    records::EDEK_LEN,
    registry::{Access, Consumer, Directory, RegistryHandle},
};
use nucypher_pre::{KeyId, Suite};
use rdkafka::message::OwnedHeaders;

use crate::{
    authority::{Authority, consumer_key, now_ms},
    clients::{
        denied, opening_consumer, producer, read_all, receive, seal_all, sealing_producer,
        send_all, texts, values,
    },
    cluster::{Cluster, unique, within},
    gateway::{InProcess, behind, fixed},
    wire::{FETCH, Wire, contains, fetch_request, leader, partition_of},
};

const TOPIC_AUTHORIZATION_FAILED: i16 = 29;

/// The ids of the keys that open the EDEKs in a partition, in order, each once where they repeat.
fn opening_ids(response: &FetchResponse, topic: &str) -> Vec<KeyId> {
    let records = partition_of(response, topic).records.clone().unwrap_or_default();
    let name = b"nu.edek";
    let mut ids: Vec<KeyId> = records
        .windows(name.len())
        .enumerate()
        .filter(|(_, window)| window == name)
        .map(|(at, _)| {
            // The value's length is a varint of two bytes.
            let from = at + name.len() + 2;
            Edek::parse(&records[from..from + EDEK_LEN]).unwrap().opening_id()
        })
        .collect();
    ids.dedup();
    ids
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn a_grant_opens_the_history_and_a_revocation_ends_it() {
    let cluster = Cluster::shared().await;
    within(async {
        let authority = Authority::new();
        let topic = unique("granted");
        cluster.topic(&topic, 2).await;
        let channel = authority.channel(&unique("channel"), Suite::Bbs98, &[&topic]);
        let alice = consumer_key(Suite::Bbs98);
        let config = behind(&cluster.bootstrap) + &authority.section();
        let gateway = InProcess::start(&(config + &fixed("producer") + &fixed("alice"))).await;
        let connection = |name: &str| Connection::plaintext(gateway.at(name));
        let writer = sealing_producer(connection("producer"), &topic, authority.sealing(&channel));
        let history = values("history", 40);
        seal_all(&writer, &topic, 2, &history).await;

        let reader = opening_consumer(connection("alice"), &topic, 2, &channel, &alice);
        denied(&reader).await;
        let grant = authority.grant(&channel, "alice", alice.public_key());
        assert_eq!(
            texts(receive(&reader, 40).await),
            history,
            "the same consumer goes on by itself"
        );
        let news = values("news", 10);
        seal_all(&writer, &topic, 2, &news).await;
        assert_eq!(texts(receive(&reader, 10).await), news);

        authority.revoke(grant);
        denied(&reader).await;
        seal_all(&writer, &topic, 2, &values("secret", 10)).await;
        let late = opening_consumer(connection("alice"), &topic, 2, &channel, &alice);
        denied(&late).await;

        // Granted again, the position is where it was: what was missed arrives.
        authority.grant(&channel, "alice", alice.public_key());
        assert_eq!(texts(receive(&reader, 10).await), values("secret", 10));
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn a_revocation_acts_on_the_next_fetch_response_and_on_nothing_else() {
    let cluster = Cluster::shared().await;
    within(async {
        let authority = Authority::new();
        let (sealed, sibling, open) = (unique("sealed"), unique("sibling"), unique("open"));
        // One fetch goes to one broker: the topics' leaders must be the same.
        let mut leaders = Vec::new();
        let (mut topics, mut round) = (vec![sealed, sibling, open], 0);
        for topic in &mut topics {
            loop {
                cluster.topic(topic, 1).await;
                let at = leader(&cluster.bootstrap, topic);
                if leaders.is_empty() || leaders.contains(&at) {
                    leaders.push(at);
                    break;
                }
                round += 1;
                topic.push_str(&format!("-{round}"));
            }
        }
        let [sealed, sibling, open] = [&*topics[0], &*topics[1], &*topics[2]];
        let channel = authority.channel(&unique("channel"), Suite::Bbs98, &[sealed]);
        let second = authority.channel(&unique("second"), Suite::Ecies, &[sibling]);
        let (alice, alice2) = (consumer_key(Suite::Bbs98), consumer_key(Suite::Ecies));
        let grant = authority.grant(&channel, "alice", alice.public_key());
        authority.grant(&second, "alice", alice2.public_key());

        let (registry, _watcher) =
            RegistryHandle::open(Directory::new(authority.directory()), authority.sources())
                .await
                .unwrap();
        let config = behind(&cluster.bootstrap) + &fixed("producer") + &fixed("alice");
        let gateway = InProcess::start_with(&config, registry.clone()).await;
        let connection = Connection::plaintext(gateway.at("producer"));
        for (topic, channel) in [(sealed, &channel), (sibling, &second)] {
            let writer = sealing_producer(connection.clone(), topic, authority.sealing(channel));
            seal_all(&writer, topic, 1, &values("value", 50)).await;
        }
        let clear =
            (0..50).map(|n| (0, None, Some(vec![n; 100]), OwnedHeaders::new(), 1_700_000_000_000));
        send_all(&producer(&cluster.client(), "none"), clear, open).await;

        let all = [sealed, sibling, open];
        let direct = Wire::connect(&leaders[0]).fetch(&all, 0, 100);
        let mut wire = Wire::connect(&leader(gateway.at("alice"), sealed));
        let granted = wire.fetch(&all, 0, 100);
        assert_eq!(opening_ids(&granted, sealed), [alice.id()]);
        assert_eq!(opening_ids(&granted, sibling), [alice2.id()]);
        assert_eq!(partition_of(&granted, open), partition_of(&direct, open));

        // A long poll at the end of the topic is under way when the grant goes.
        let mut waiting = Wire::connect(&leader(gateway.at("alice"), sealed));
        waiting.send(FETCH, &fetch_request(&[sealed], 50, 30_000));
        let mut changes = registry.changes();
        // From the moment on at which the gateway has read the change, not a moment later.
        let mut takes_effect = async |access: Access| {
            while registry.snapshot().access(sealed, "User:alice", now_ms()) != access {
                changes.changed().await.unwrap();
            }
        };
        authority.revoke(grant);
        takes_effect(Access::Denied).await;

        let revoked = wire.fetch(&all, 0, 100);
        let denied = partition_of(&revoked, sealed);
        assert_eq!(denied.error_code, TOPIC_AUTHORIZATION_FAILED);
        assert!(denied.records.as_ref().is_none_or(|records| records.is_empty()));
        assert_eq!((denied.high_watermark, denied.last_stable_offset), (-1, -1));
        assert!(denied.aborted_transactions.as_ref().is_none_or(Vec::is_empty));
        // Siblings are what they were, byte for byte.
        assert_eq!(partition_of(&revoked, open), partition_of(&direct, open));
        assert_eq!(partition_of(&revoked, sibling), partition_of(&granted, sibling));

        let writer = sealing_producer(connection, sealed, authority.sealing(&channel));
        seal_all(&writer, sealed, 1, &values("after", 1)).await;
        let (polled, _) = waiting.receive::<FetchRequest>(FETCH);
        assert_eq!(partition_of(&polled, sealed).error_code, TOPIC_AUTHORIZATION_FAILED);

        // An empty sealed topic is denied as well.
        let empty = wire.fetch(&[sealed], 51, 100);
        assert_eq!(partition_of(&empty, sealed).error_code, TOPIC_AUTHORIZATION_FAILED);

        authority.grant(&channel, "alice", alice.public_key());
        takes_effect(Access::Granted).await;
        let again = wire.fetch(&all, 0, 100);
        assert_eq!(opening_ids(&again, sealed), [alice.id()]);
        assert_eq!(partition_of(&again, open), partition_of(&direct, open));
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn interactive_grants_topic_bound_grants_and_pass_through() {
    let cluster = Cluster::shared().await;
    within(async {
        let authority = Authority::new();
        let (one, two) = (unique("one"), unique("two"));
        cluster.topic(&one, 1).await;
        cluster.topic(&two, 1).await;
        let channel = authority.channel(&unique("channel"), Suite::Ecies, &[&one, &two]);
        let (alice, bob) = (consumer_key(Suite::Ecies), consumer_key(Suite::Ecies));
        authority.grant_for(&channel, "alice", Consumer::Secret(alice.clone()), &[]);
        authority.grant_for(&channel, "bob", Consumer::Public(bob.public_key().clone()), &[&one]);
        authority.pass_through(&channel, "mirror");
        let config = behind(&cluster.bootstrap) + &authority.section();
        let listeners = fixed("producer") + &fixed("alice") + &fixed("bob") + &fixed("mirror");
        let gateway = InProcess::start(&(config + &listeners)).await;
        let connection = |name: &str| Connection::plaintext(gateway.at(name));
        for topic in [&one, &two] {
            let writer =
                sealing_producer(connection("producer"), topic, authority.sealing(&channel));
            seal_all(&writer, topic, 1, &values(topic, 20)).await;
            let reader = opening_consumer(connection("alice"), topic, 1, &channel, &alice);
            assert_eq!(texts(receive(&reader, 20).await), values(topic, 20));
            // What is mirrored is what is stored.
            let stored = read_all(&cluster.client(), topic, 1, "read_committed", 20).await;
            assert_eq!(
                read_all(&gateway.client("mirror"), topic, 1, "read_committed", 20).await,
                stored
            );
        }
        let reader = opening_consumer(connection("bob"), &one, 1, &channel, &bob);
        assert_eq!(texts(receive(&reader, 20).await), values(&one, 20));
        denied(&opening_consumer(connection("bob"), &two, 1, &channel, &bob)).await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn plain_json_on_a_sealed_topic_stops_nobody() {
    let cluster = Cluster::shared().await;
    within(async {
        let authority = Authority::new();
        let topic = unique("poisoned");
        cluster.topic(&topic, 1).await;
        let channel = authority.channel(&unique("channel"), Suite::Bbs98, &[&topic]);
        let alice = consumer_key(Suite::Bbs98);
        authority.grant(&channel, "alice", alice.public_key());
        let config = behind(&cluster.bootstrap) + &authority.section();
        let gateway = InProcess::start(&(config + &fixed("producer") + &fixed("alice"))).await;
        let connection = |name: &str| Connection::plaintext(gateway.at(name));
        let writer = sealing_producer(connection("producer"), &topic, authority.sealing(&channel));
        let plain = producer(&cluster.client(), "none");
        let edek = |value: &[u8]| {
            OwnedHeaders::new()
                .insert(rdkafka::message::Header { key: "nu.edek", value: Some(value) })
        };
        seal_all(&writer, &topic, 1, &values("before", 5)).await;
        let bad = [
            (Some(b"{\"plain\":\"json\"}".to_vec()), OwnedHeaders::new()),
            (Some(b"value".to_vec()), edek(b"")),
            (Some(b"value".to_vec()), edek(&[0; EDEK_LEN])),
            (Some(b"value".to_vec()), edek(&[0xff; EDEK_LEN])),
            (Some(b"value".to_vec()), edek(&[1; 70_000])),
            (None, edek(&[1; EDEK_LEN])),
        ];
        let count = bad.len();
        let records = bad.map(|(value, headers)| (0, None, value, headers, 1_700_000_000_000));
        send_all(&plain, records, &topic).await;
        seal_all(&writer, &topic, 1, &values("later", 5)).await;
        let reader = opening_consumer(connection("alice"), &topic, 1, &channel, &alice);
        let mut outcomes = receive(&reader, 10 + count).await;
        for (offset, outcome) in outcomes.iter().enumerate() {
            assert_eq!(outcome.place(), (0, offset as i64));
        }
        let later = outcomes.split_off(5 + count);
        let bad = outcomes.split_off(5);
        assert!(bad[0].is_not_sealed());
        assert!(
            bad.iter().all(|outcome| matches!(outcome, crate::clients::Outcome::Failed { .. }))
        );
        assert_eq!(texts(outcomes), values("before", 5));
        assert_eq!(texts(later), values("later", 5));

        let stored = Wire::connect(&leader(&cluster.bootstrap, &topic)).fetch(&[&topic], 0, 100);
        let records = partition_of(&stored, &topic).records.clone().unwrap();
        assert!(contains(&records, b"json") && !contains(&records, b"before 00000"));
        gateway.stop().await;
    })
    .await;
}
