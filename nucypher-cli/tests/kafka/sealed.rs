//! The main job: producers seal, the gateway re-encrypts, consumers open.

use nucypher_kafka::client::{Connection, Header, ProducerRecord};
use nucypher_pre::{KeyId, SecretKey, Suite};
use rdkafka::message::OwnedHeaders;

use crate::{
    authority::{Authority, consumer_key},
    clients::{
        Outcome, as_user, opening_consumer, producer, read_all, receive, seal_all,
        sealing_producer, send_all, texts, values,
    },
    cluster::{Cluster, unique, within},
    gateway::{InProcess, behind, fixed, plain},
    wire::{self, Wire},
};

fn at(gateway: &InProcess, listener: &str) -> Connection {
    Connection::plaintext(gateway.at(listener))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn sealed_records_reach_the_granted_consumer_over_all_nodes_in_both_suites() {
    let cluster = Cluster::shared().await;
    within(async {
        for suite in [Suite::Bbs98, Suite::Ecies] {
            let authority = Authority::new();
            let topic = unique("sealed");
            let partitions = 2 * cluster.brokers;
            cluster.topic(&topic, partitions).await;
            let channel = authority.channel(&unique("channel"), suite, &[&topic]);
            let alice = consumer_key(suite);
            authority.grant(&channel, "alice", alice.public_key());
            let config = behind(&cluster.bootstrap) + &authority.section();
            let gateway = InProcess::start(&(config + &fixed("producer") + &fixed("alice"))).await;

            let sent = values("sealed", 300);
            let writer =
                sealing_producer(at(&gateway, "producer"), &topic, authority.sealing(&channel));
            seal_all(&writer, &topic, partitions, &sent).await;
            let reader =
                opening_consumer(at(&gateway, "alice"), &topic, partitions, &channel, &alice);
            let mut got = Vec::new();
            for outcome in receive(&reader, sent.len()).await {
                let record = outcome.opened();
                assert!(record.sealed);
                let value = String::from_utf8(record.value.unwrap()).unwrap();
                let number: usize = value.rsplit(' ').next().unwrap().parse().unwrap();
                assert_eq!(record.key, Some(format!("key-{number}").into_bytes()));
                got.push(value);
            }
            got.sort();
            assert_eq!(got, sent, "{suite}");
            gateway.stop().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn batches_of_each_codec_are_reencrypted() {
    let cluster = Cluster::shared().await;
    within(async {
        let authority = Authority::new();
        let alice = consumer_key(Suite::Bbs98);
        let codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
        let topics: Vec<String> = codecs.iter().map(|codec| unique(codec)).collect();
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        let channel = authority.channel(&unique("channel"), Suite::Bbs98, &names);
        authority.grant(&channel, "alice", alice.public_key());
        let config = behind(&cluster.bootstrap) + &authority.section();
        let gateway = InProcess::start(&(config + &fixed("producer") + &fixed("alice"))).await;
        for (number, (codec, topic)) in codecs.iter().zip(&topics).enumerate() {
            cluster.topic(topic, 1).await;
            let connection = at(&gateway, "producer")
                .property("compression.type", *codec)
                .property("linger.ms", "100");
            let writer = sealing_producer(connection, topic, authority.sealing(&channel));
            let sent = values(codec, 200);
            seal_all(&writer, topic, 1, &sent).await;

            // What is stored is compressed as it was meant to be.
            let stored =
                Wire::connect(&wire::leader(&cluster.bootstrap, topic)).fetch(&[topic], 0, 100);
            let records = wire::partition_of(&stored, topic).records.clone().unwrap();
            assert_eq!(usize::from(records[22] & 7), number, "{codec}");
            // And as it was when it has been re-encrypted.
            let fetched =
                Wire::connect(&wire::leader(gateway.at("alice"), topic)).fetch(&[topic], 0, 100);
            let changed = wire::partition_of(&fetched, topic).records.clone().unwrap();
            assert_eq!(usize::from(changed[22] & 7), number, "{codec}");
            assert_ne!(records, changed, "{codec}");

            let reader = opening_consumer(at(&gateway, "alice"), topic, 1, &channel, &alice);
            assert_eq!(texts(receive(&reader, sent.len()).await), sent, "{codec}");
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn offsets_keys_headers_and_timestamps_survive_the_reencryption() {
    let cluster = Cluster::shared().await;
    within(async {
        let authority = Authority::new();
        let topic = unique("kept");
        cluster.topic(&topic, 1).await;
        let channel = authority.channel(&unique("channel"), Suite::Bbs98, &[&topic]);
        let alice = consumer_key(Suite::Bbs98);
        authority.grant(&channel, "alice", alice.public_key());
        let config = behind(&cluster.bootstrap) + &authority.section();
        let gateway = InProcess::start(&(config + &fixed("producer") + &fixed("alice"))).await;
        let writer =
            sealing_producer(at(&gateway, "producer"), &topic, authority.sealing(&channel));
        let headers = [
            Header::new("twice", "a"),
            Header { name: "null".to_owned(), value: None },
            Header::new("twice", "b"),
            Header::new("empty", ""),
        ];
        for n in 0..20i64 {
            let record = ProducerRecord {
                timestamp: Some(1_700_000_000_000 + n),
                ..ProducerRecord::new(&topic, b"value").headers(&headers).partition(0)
            };
            let delivered = writer.send(record).await.unwrap();
            assert_eq!(delivered.offset, n);
        }
        let reader = opening_consumer(at(&gateway, "alice"), &topic, 1, &channel, &alice);
        for (n, outcome) in receive(&reader, 20).await.into_iter().enumerate() {
            let record = outcome.opened();
            assert_eq!((record.partition, record.offset), (0, n as i64));
            assert_eq!(record.timestamp, Some(1_700_000_000_000 + n as i64));
            assert_eq!((record.key, record.value.as_deref()), (None, Some(&b"value"[..])));
            assert_eq!(record.headers, headers);
        }

        // Seen by a plain client, through and direct: the EDEK alone differs.
        let direct = read_all(&cluster.client(), &topic, 1, "read_committed", 20).await;
        let through = read_all(&gateway.client("alice"), &topic, 1, "read_committed", 20).await;
        for (mut here, mut there) in direct.into_iter().zip(through) {
            let edek = |one: &mut crate::clients::Seen| {
                let at = one.headers.iter().position(|(name, _)| name == "nu.edek").unwrap();
                one.headers[at].1.take().unwrap()
            };
            let (before, after) = (edek(&mut here), edek(&mut there));
            assert_eq!((before.len(), after.len()), (102, 102));
            assert_ne!(before, after);
            assert_eq!(here, there);
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn transactions_of_sealed_records_commit_and_abort() {
    let cluster = Cluster::shared().await;
    within(async {
        let authority = Authority::new();
        let topic = unique("sealed-transactions");
        cluster.topic(&topic, 1).await;
        let channel = authority.channel(&unique("channel"), Suite::Bbs98, &[&topic]);
        let alice = consumer_key(Suite::Bbs98);
        authority.grant(&channel, "alice", alice.public_key());
        let config = behind(&cluster.bootstrap) + &authority.section();
        let gateway = InProcess::start(&(config + &fixed("producer") + &fixed("alice"))).await;

        // SealingProducer has no transactions: seal by hand, send with librdkafka.
        let mut sealer = nucypher_envelope::Sealer::new(authority.sealing(&channel)).unwrap();
        let mut config = gateway.client("producer");
        config.set("transactional.id", unique("writer"));
        let writer = std::sync::Arc::new(producer(&config, "zstd"));
        let blocking = |action: fn(&rdkafka::producer::FutureProducer)| {
            let writer = std::sync::Arc::clone(&writer);
            tokio::task::spawn_blocking(move || action(&writer))
        };
        use crate::clients::CALL;
        use rdkafka::{message::Header as KafkaHeader, producer::Producer as _};
        blocking(|writer| writer.init_transactions(CALL).unwrap()).await.unwrap();
        for (round, commit) in [true, false, true].into_iter().enumerate() {
            writer.begin_transaction().unwrap();
            let mut records = Vec::new();
            for n in 0..10 {
                let value = format!("round {round} record {n}");
                let plain = nucypher_envelope::Record {
                    key: None,
                    value: Some(value.as_bytes()),
                    place: None,
                };
                let sealed = sealer.seal(&plain, 0, &mut nucypher_pre::os_rng()).unwrap();
                let headers =
                    sealed.headers().fold(OwnedHeaders::new(), |headers, (key, value)| {
                        headers.insert(KafkaHeader { key, value: Some(value) })
                    });
                records.push((0, None, sealed.value.clone(), headers, 1_700_000_000_000));
            }
            send_all(&writer, records, &topic).await;
            if commit {
                blocking(|writer| writer.commit_transaction(CALL).unwrap()).await.unwrap();
            } else {
                blocking(|writer| writer.abort_transaction(CALL).unwrap()).await.unwrap();
            }
        }
        let expected = |rounds: &[usize]| {
            let mut all: Vec<String> = rounds
                .iter()
                .flat_map(|round| (0..10).map(move |n| format!("round {round} record {n}")))
                .collect();
            all.sort();
            all
        };
        let committed = at(&gateway, "alice").property("isolation.level", "read_committed");
        let reader = opening_consumer(committed, &topic, 1, &channel, &alice);
        assert_eq!(texts(receive(&reader, 20).await), expected(&[0, 2]));
        let uncommitted = at(&gateway, "alice").property("isolation.level", "read_uncommitted");
        let reader = opening_consumer(uncommitted, &topic, 1, &channel, &alice);
        assert_eq!(texts(receive(&reader, 30).await), expected(&[0, 1, 2]));
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn a_compacted_topic_keeps_authenticated_tombstones() {
    let cluster = Cluster::shared().await;
    within(async {
        let authority = Authority::new();
        let topic = unique("compacted");
        let settings = [
            ("cleanup.policy", "compact"),
            ("segment.ms", "100"),
            ("min.cleanable.dirty.ratio", "0.0"),
            ("min.compaction.lag.ms", "0"),
            ("max.compaction.lag.ms", "100"),
            ("delete.retention.ms", "86400000"),
        ];
        cluster.topic_with(&topic, 1, 1, &settings).await;
        let channel = authority.channel(&unique("channel"), Suite::Bbs98, &[&topic]);
        let alice = consumer_key(Suite::Bbs98);
        authority.grant(&channel, "alice", alice.public_key());
        let config = behind(&cluster.bootstrap) + &authority.section();
        let gateway = InProcess::start(&(config + &fixed("producer") + &fixed("alice"))).await;
        let writer =
            sealing_producer(at(&gateway, "producer"), &topic, authority.sealing(&channel));
        let send = async |key: &str, value: Option<&str>| {
            let record = ProducerRecord {
                value: value.map(str::as_bytes),
                ..ProducerRecord::new(&topic, b"").key(key.as_bytes()).partition(0)
            };
            writer.send(record).await.unwrap().offset
        };
        send("kept", Some("first")).await;
        send("deleted", Some("first")).await;
        send("kept", Some("second")).await;
        send("deleted", None).await;
        // Of the active segment nothing is compacted: begin new ones until the old values are gone.
        let client = cluster.client();
        loop {
            let last = send("filler", Some("filler")).await;
            let seen = read_all(&client, &topic, 1, "read_committed", 1).await;
            if !seen.iter().any(|one| one.offset < 2) {
                assert!(seen.iter().any(|one| one.offset == last));
                break;
            }
        }
        let stored = read_all(&cluster.client(), &topic, 1, "read_committed", 1).await;
        let tombstone = stored.iter().find(|one| one.key.as_deref() == Some(b"deleted")).unwrap();
        assert_eq!((tombstone.offset, &tombstone.value), (3, &None));
        assert!(tombstone.headers.iter().any(|(name, _)| name == "nu.null"));

        let reader = opening_consumer(at(&gateway, "alice"), &topic, 1, &channel, &alice);
        let outcomes = receive(&reader, stored.len()).await;
        let offsets: Vec<i64> = outcomes.iter().map(|outcome| outcome.place().1).collect();
        assert_eq!(offsets, stored.iter().map(|one| one.offset).collect::<Vec<_>>());
        for outcome in outcomes {
            let record = outcome.opened();
            let expected = match record.key.as_deref().unwrap() {
                b"kept" => Some(&b"second"[..]),
                b"deleted" => None,
                _ => Some(&b"filler"[..]),
            };
            assert!(record.sealed);
            assert_eq!(record.value.as_deref(), expected);
        }

        // A tombstone that nobody has sealed is no deletion.
        let forged = (0, Some(b"kept".to_vec()), None, OwnedHeaders::new(), 1_700_000_000_000);
        send_all(&producer(&cluster.client(), "none"), [forged], &topic).await;
        assert!(receive(&reader, 1).await[0].is_not_sealed());
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn records_of_a_million_bytes_pass() {
    let cluster = Cluster::shared().await;
    within(async {
        let authority = Authority::new();
        let (topic, clear) = (unique("large"), unique("large-clear"));
        cluster.topic(&topic, 1).await;
        cluster.topic(&clear, 1).await;
        let channel = authority.channel(&unique("channel"), Suite::Bbs98, &[&topic]);
        let alice = consumer_key(Suite::Bbs98);
        authority.grant(&channel, "alice", alice.public_key());
        let config = behind(&cluster.bootstrap) + &authority.section();
        let gateway = InProcess::start(&(config + &fixed("producer") + &fixed("alice"))).await;
        let connection = at(&gateway, "producer").property("message.max.bytes", "1040000");
        let writer = sealing_producer(connection, &topic, authority.sealing(&channel));
        let value = |n: u8| -> Vec<u8> {
            (0u32..1_000_000).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8 ^ n).collect()
        };
        for n in 0..10u8 {
            let value = value(n);
            writer.send(ProducerRecord::new(&topic, &value).partition(0)).await.unwrap();
        }
        let reader = opening_consumer(at(&gateway, "alice"), &topic, 1, &channel, &alice);
        for (n, outcome) in receive(&reader, 10).await.into_iter().enumerate() {
            assert!(outcome.opened().value.unwrap() == value(n as u8), "record {n}");
        }

        let mut config = gateway.client("alice");
        config.set("message.max.bytes", "1040000");
        for codec in ["none", "gzip"] {
            let record = (0, None, Some(value(77)), OwnedHeaders::new(), 1_700_000_000_000);
            send_all(&producer(&config, codec), [record], &clear).await;
        }
        let direct = read_all(&cluster.client(), &clear, 1, "read_committed", 2).await;
        let through = read_all(&gateway.client("alice"), &clear, 1, "read_committed", 2).await;
        assert!(direct == through && direct[1].value.as_ref() == Some(&value(77)));
        gateway.stop().await;
    })
    .await;
}

/// The key that opens a record as it arrived.
fn opening_id(outcome: &Outcome) -> KeyId {
    match outcome {
        Outcome::Opened(record) => {
            let edek = record.envelope.iter().find(|header| header.name == "nu.edek").unwrap();
            nucypher_envelope::Edek::parse(edek.value.as_deref().unwrap()).unwrap().opening_id()
        }
        Outcome::Failed {
            fault: nucypher_kafka::client::Fault::NotGranted { opening_id }, ..
        } => *opening_id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn two_producers_three_consumers_and_a_topic_of_mixed_records() {
    let cluster = Cluster::shared().await;
    within(async {
        let authority = Authority::new();
        let (topic, elsewhere) = (unique("mixed"), unique("elsewhere"));
        let partitions = 2;
        cluster.topic(&topic, partitions).await;
        // A topic belongs to one channel. The second producer seals under the key of another one.
        let channel = authority.channel(&unique("channel"), Suite::Bbs98, &[&topic]);
        let other = authority.channel(&unique("other"), Suite::Bbs98, &[&elsewhere]);
        let keys: Vec<SecretKey> = (0..3).map(|_| consumer_key(Suite::Bbs98)).collect();
        authority.grant(&channel, "alice", keys[0].public_key());
        authority.grant(&channel, "bob", keys[1].public_key());
        authority.grant(&other, "bob", consumer_key(Suite::Bbs98).public_key());
        let config = behind(&cluster.bootstrap) + &authority.section();
        let users = ["producer1", "producer2", "alice", "bob", "carol"];
        let gateway = InProcess::start(&(config + &plain(authority.path(), &users))).await;
        let sasl = gateway.at("sasl").to_owned();

        let first =
            sealing_producer(as_user(&sasl, "producer1"), &topic, authority.sealing(&channel));
        let second =
            sealing_producer(as_user(&sasl, "producer2"), &topic, authority.sealing(&channel));
        let foreign =
            sealing_producer(as_user(&sasl, "producer2"), &topic, authority.sealing(&other));
        let mut clear_config = cluster.client();
        let clear = producer(clear_config.set("acks", "all"), "none");
        let mut own = Vec::new();
        for round in 0..3 {
            let (a, b) = (values(&format!("{round} one"), 20), values(&format!("{round} two"), 20));
            seal_all(&first, &topic, partitions, &a).await;
            seal_all(&second, &topic, partitions, &b).await;
            seal_all(&foreign, &topic, partitions, &values("foreign", 10)).await;
            let record = |n| {
                (
                    n % partitions,
                    None,
                    Some(b"clear".to_vec()),
                    OwnedHeaders::new(),
                    1_700_000_000_000,
                )
            };
            send_all(&clear, (0..4).map(record), &topic).await;
            own.extend(a);
            own.extend(b);
        }
        own.sort();
        let total = 3 * (20 + 20 + 10 + 4);

        let mut opening_ids = Vec::new();
        for (name, key) in ["alice", "bob"].into_iter().zip(&keys) {
            let reader = opening_consumer(as_user(&sasl, name), &topic, partitions, &channel, key);
            let outcomes = receive(&reader, total).await;
            // No offset is lost, whatever became of the record.
            for partition in 0..partitions {
                let offsets: Vec<i64> = outcomes
                    .iter()
                    .map(Outcome::place)
                    .filter(|place| place.0 == partition)
                    .map(|place| place.1)
                    .collect();
                assert_eq!(offsets, (0..offsets.len() as i64).collect::<Vec<_>>());
            }
            let (not_granted, rest): (Vec<_>, Vec<_>) =
                outcomes.into_iter().partition(Outcome::is_not_granted);
            assert_eq!(not_granted.len(), 30, "{name}");
            let (not_sealed, rest): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(Outcome::is_not_sealed);
            assert_eq!(not_sealed.len(), 12, "{name}");
            assert!(rest.iter().all(|outcome| opening_id(outcome) == key.id()));
            opening_ids.push(opening_id(&not_granted[0]));
            assert_eq!(texts(rest), own, "{name}");
        }
        // As they are stored: neither consumer got what the other's key opens.
        assert_eq!(opening_ids[0], opening_ids[1]);

        // Who has no grant at all is told so, and gets nothing.
        let carol =
            opening_consumer(as_user(&sasl, "carol"), &topic, partitions, &channel, &keys[2]);
        crate::clients::denied(&carol).await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn a_sealed_topic_is_consumed_by_a_group() {
    use nucypher_envelope::{Opener, OpenerConfig};
    use nucypher_kafka::client::{Commit, ConsumerConfig, OpeningConsumer, Start};
    let cluster = Cluster::shared().await;
    within(async {
        let authority = Authority::new();
        let topic = unique("sealed-group");
        let partitions = 4;
        cluster.topic(&topic, partitions).await;
        let channel = authority.channel(&unique("channel"), Suite::Ecies, &[&topic]);
        let alice = consumer_key(Suite::Ecies);
        authority.grant(&channel, "alice", alice.public_key());
        let config = behind(&cluster.bootstrap) + &authority.section();
        let gateway = InProcess::start(&(config + &fixed("producer") + &fixed("alice"))).await;
        let writer =
            sealing_producer(at(&gateway, "producer"), &topic, authority.sealing(&channel));
        let sent = values("grouped", 100);
        seal_all(&writer, &topic, partitions, &sent).await;
        let group = unique("group");
        let member = || {
            let opener = Opener::new(OpenerConfig::new([alice.clone()])).unwrap();
            let config = ConsumerConfig {
                group: Some(group.clone()),
                commit: Commit::Manual,
                start: Start::Earliest,
                ..ConsumerConfig::new(at(&gateway, "alice"))
                    .opener(opener)
                    .topic(&topic, channel.clone())
            };
            let member = OpeningConsumer::new(config).unwrap();
            member.subscribe(&[&topic]).unwrap();
            member
        };
        let first = member();
        let outcomes = receive(&first, 100).await;
        let places: Vec<_> = outcomes.iter().map(Outcome::place).collect();
        assert_eq!(texts(outcomes), sent);
        for partition in 0..partitions {
            let last =
                places.iter().filter(|place| place.0 == partition).map(|place| place.1).max();
            first.commit(&topic, partition, last.unwrap()).await.unwrap();
        }
        tokio::task::spawn_blocking(move || drop(first)).await.unwrap();

        // The next member of the group goes on where the first one ended.
        let more = values("later", 20);
        seal_all(&writer, &topic, partitions, &more).await;
        assert_eq!(texts(receive(&member(), 20).await), more);
        gateway.stop().await;
    })
    .await;
}
