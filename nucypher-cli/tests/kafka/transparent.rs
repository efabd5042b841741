//! Through the gateway a client sees exactly what it sees directly.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use rdkafka::{
    ClientConfig, Message as _,
    consumer::{CommitMode, Consumer as _, StreamConsumer},
    message::{Header, OwnedHeaders},
    producer::Producer as _,
};
use tokio::sync::mpsc;

use crate::{
    clients::{CALL, Seen, is_transient, producer, read_all, send_all},
    cluster::{Cluster, unique, within},
    gateway::{InProcess, behind, fixed},
    wire::{self, Wire},
};

type Input = (i32, Option<Vec<u8>>, Option<Vec<u8>>, OwnedHeaders, i64);

/// Records with all that a record may have: null keys, tombstones, headers that repeat, are null, are
/// empty; binary keys and values; timestamps that go backwards.
fn script(partitions: i32, rounds: i32) -> Vec<Input> {
    let mut records = Vec::new();
    for n in 0..rounds {
        let partition = n % partitions;
        let at = 1_700_000_000_000 + i64::from((n * 7919) % 1000);
        let headers = OwnedHeaders::new()
            .insert(Header { key: "twice", value: Some("a") })
            .insert(Header { key: "twice", value: Some("b") })
            .insert(Header::<&str> { key: "null", value: None })
            .insert(Header { key: "", value: Some("") })
            .insert(Header { key: "binary", value: Some(&[0u8, 255, n as u8][..]) });
        let key = match n % 4 {
            0 => None,
            1 => Some(Vec::new()),
            _ => Some(vec![0xff, 0, n as u8]),
        };
        let value = match n % 5 {
            0 => None,
            1 => Some(Vec::new()),
            _ => Some((0..n * 37 % 3000).map(|byte| byte as u8).collect()),
        };
        let headers = if n % 3 == 0 { OwnedHeaders::new() } else { headers };
        records.push((partition, key, value, headers, at));
    }
    records
}

/// Reads a topic in four ways, compares, and gives what all of them saw.
async fn same_both_ways(
    direct: &ClientConfig,
    through: &ClientConfig,
    topic: &str,
    partitions: i32,
    committed: usize,
) -> Vec<Seen> {
    let mut all = Vec::new();
    for isolation in ["read_committed", "read_uncommitted"] {
        let here = read_all(direct, topic, partitions, isolation, committed).await;
        let there = read_all(through, topic, partitions, isolation, here.len()).await;
        assert_eq!(here, there, "{topic}, {isolation}");
        all.push(here);
    }
    all.swap_remove(0)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn one_script_direct_and_through_the_gateway_shows_the_same() {
    let cluster = Cluster::shared().await;
    within(async {
        let gateway = InProcess::start(&(behind(&cluster.bootstrap) + &fixed("alice"))).await;
        let partitions = 2 * cluster.brokers;
        let mut seen = Vec::new();
        for config in [cluster.client(), gateway.client("alice")] {
            let topic = unique("equal");
            cluster.topic(&topic, partitions).await;
            send_all(&producer(&config, "none"), script(partitions, 240), &topic).await;
            let client = gateway.client("alice");
            seen.push(same_both_ways(&cluster.client(), &client, &topic, partitions, 240).await);

            let here =
                Wire::connect(cluster.bootstrap.split(',').next().unwrap()).metadata(&[&topic]).0;
            let there = Wire::connect(gateway.at("alice")).metadata(&[&topic]).0;
            assert_eq!(here.topics, there.topics);
            assert_eq!(here.cluster_id, there.cluster_id);
            assert_eq!(here.brokers.len(), there.brokers.len());
            let leaders: std::collections::BTreeSet<_> =
                there.topics[0].partitions.iter().map(|one| one.leader_id.0).collect();
            assert_eq!(leaders.len(), cluster.brokers as usize, "leaders on all nodes");
        }
        assert_eq!(seen[0], seen[1]);
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn each_codec_passes_unchanged() {
    let cluster = Cluster::shared().await;
    within(async {
        let gateway = InProcess::start(&(behind(&cluster.bootstrap) + &fixed("alice"))).await;
        for (number, codec) in ["none", "gzip", "snappy", "lz4", "zstd"].into_iter().enumerate() {
            let topic = unique(codec);
            cluster.topic(&topic, 1).await;
            send_all(&producer(&gateway.client("alice"), codec), script(1, 100), &topic).await;
            let seen =
                same_both_ways(&cluster.client(), &gateway.client("alice"), &topic, 1, 100).await;
            assert_eq!(seen.len(), 100);

            // The bytes too, and they are compressed as they were meant to be.
            let here =
                Wire::connect(&wire::leader(&cluster.bootstrap, &topic)).fetch(&[&topic], 0, 100);
            let there =
                Wire::connect(&wire::leader(gateway.at("alice"), &topic)).fetch(&[&topic], 0, 100);
            let records = wire::partition_of(&here, &topic).records.clone().unwrap();
            assert_eq!(Some(&records), wire::partition_of(&there, &topic).records.as_ref());
            assert_eq!(usize::from(records[22] & 7), number, "{codec}");
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn transactions_and_control_batches_pass_unchanged() {
    let cluster = Cluster::shared().await;
    within(async {
        let gateway = InProcess::start(&(behind(&cluster.bootstrap) + &fixed("alice"))).await;
        let partitions = 3;
        let mut seen = Vec::new();
        for config in [cluster.client(), gateway.client("alice")] {
            let topic = unique("transactions");
            cluster.topic(&topic, partitions).await;
            let mut config = config;
            config.set("transactional.id", unique("writer"));
            let producer = Arc::new(producer(&config, "lz4"));
            let blocking = |action: fn(&rdkafka::producer::FutureProducer)| {
                let producer = Arc::clone(&producer);
                tokio::task::spawn_blocking(move || action(&producer))
            };
            blocking(|producer| producer.init_transactions(CALL).unwrap()).await.unwrap();
            for (round, commit) in [true, false, true].into_iter().enumerate() {
                producer.begin_transaction().unwrap();
                let mut records = script(partitions, 30);
                for record in &mut records {
                    record.1 = Some(format!("transaction {round}").into_bytes());
                }
                send_all(&producer, records, &topic).await;
                if commit {
                    blocking(|producer| producer.commit_transaction(CALL).unwrap()).await.unwrap();
                } else {
                    blocking(|producer| producer.abort_transaction(CALL).unwrap()).await.unwrap();
                }
            }
            let through = gateway.client("alice");
            let committed =
                same_both_ways(&cluster.client(), &through, &topic, partitions, 60).await;
            assert_eq!(committed.len(), 60);
            assert!(committed.iter().all(|one| one.key.as_deref() != Some(b"transaction 1")));
            let all = read_all(&through, &topic, partitions, "read_uncommitted", 90).await;
            assert_eq!(all.len(), 90);
            seen.push((committed, all));
        }
        assert_eq!(seen[0], seen[1]);
        gateway.stop().await;
    })
    .await;
}

/// A member of a group that tells which records it got, until it is told to leave.
fn member(
    config: &ClientConfig,
    group: &str,
    topic: &str,
    records: mpsc::UnboundedSender<(u8, i32, i64)>,
    name: u8,
) -> tokio::sync::oneshot::Sender<()> {
    let mut config = config.clone();
    let consumer: StreamConsumer = config
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    consumer.subscribe(&[topic]).unwrap();
    let (leave, mut left) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        loop {
            let message = tokio::select! {
                message = consumer.recv() => message,
                _ = &mut left => return tokio::task::block_in_place(|| drop(consumer)),
            };
            match message {
                Ok(message) => {
                    // Before it is told: a record that counts was committed, so that it comes once.
                    // It waits for the gateway, which needs the threads of this runtime too.
                    let commit = || consumer.commit_message(&message, CommitMode::Sync);
                    if tokio::task::block_in_place(commit).is_ok() {
                        let _ = records.send((name, message.partition(), message.offset()));
                    }
                }
                Err(error) if is_transient(&error) => {}
                Err(error) => panic!("member {name}: {error}"),
            }
        }
    });
    leave
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn a_group_shares_a_topic_and_gets_every_record_once() {
    let cluster = Cluster::shared().await;
    within(async {
        let gateway = InProcess::start(&(behind(&cluster.bootstrap) + &fixed("alice"))).await;
        let (topic, group) = (unique("shared"), unique("group"));
        let partitions = 4;
        cluster.topic(&topic, partitions).await;
        let client = gateway.client("alice");
        let writer = producer(&client, "none");
        let (sender, mut records) = mpsc::unbounded_channel();

        send_all(&writer, script(partitions, 40), &topic).await;
        let first = member(&client, &group, &topic, sender.clone(), 1);
        let mut seen: Vec<(u8, i32, i64)> = Vec::new();
        while seen.len() < 40 {
            seen.push(records.recv().await.unwrap());
        }
        assert!(seen.iter().all(|one| one.0 == 1));

        // The second member joins, and from then on each has partitions of its own.
        let second = member(&client, &group, &topic, sender, 2);
        let mut sent = 40;
        while !seen.iter().any(|one| one.0 == 2) {
            send_all(&writer, script(partitions, 8), &topic).await;
            sent += 8;
            while let Ok(Some(record)) =
                tokio::time::timeout(Duration::from_millis(200), records.recv()).await
            {
                seen.push(record);
            }
        }
        send_all(&writer, script(partitions, 40), &topic).await;
        sent += 40;
        while seen.len() < sent {
            seen.push(records.recv().await.unwrap());
        }
        drop(first);
        drop(second);

        let mut per_partition: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
        for (_, partition, offset) in &seen {
            per_partition.entry(*partition).or_default().push(*offset);
        }
        assert_eq!(per_partition.len(), partitions as usize);
        for (partition, offsets) in &mut per_partition {
            offsets.sort_unstable();
            let all: Vec<i64> = (0..(sent as i64) / i64::from(partitions)).collect();
            assert_eq!(offsets, &all, "partition {partition}");
        }
        assert!(seen.iter().any(|one| one.0 == 1) && seen.iter().any(|one| one.0 == 2));
        gateway.stop().await;
    })
    .await;
}
