//! Sealed records through the gateway: granted, not granted, granted while running, revoked.

use nucypher_kafka::client::OpeningConsumer;
use nucypher_kafka::client::{ConsumeError, Fault, ProducerRecord};
use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;

use super::bench::{Bench, Cluster, PATIENCE, key, next};

async fn values(consumer: &OpeningConsumer, count: usize) -> Vec<String> {
    let mut values = Vec::new();
    while values.len() < count {
        let record = next(consumer).await.unwrap();
        assert_eq!(record.offset, i64::try_from(values.len()).unwrap(), "no offset is lost");
        values.push(String::from_utf8(record.value.unwrap()).unwrap());
    }
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn each_granted_consumer_opens_with_its_own_key_whatever_the_codec() {
    let bench = Bench::start(Cluster::any(3)).await;
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = bench.cluster.topic(&format!("orders-{codec}"), 1).await;
        let channel = format!("orders-{codec}");
        bench.create_channel(&channel, &[&topic], false);
        let (alice, bob) = (key(), key());
        bench.grant(&channel, "alice", &alice);
        bench.grant(&channel, "bob", &bob);
        let producer = bench.producer(&topic, &channel, codec);
        let sent: Vec<_> =
            (0..200).map(|i| format!("order {i} of seventeen barrels of nails")).collect();
        let mut deliveries = Vec::new();
        for value in &sent {
            deliveries.push(
                producer
                    .enqueue(ProducerRecord::new(&topic, value.as_bytes()).key(b"k"))
                    .await
                    .unwrap(),
            );
        }
        for delivery in deliveries {
            delivery.await.unwrap();
        }
        for (principal, key) in [("alice", &alice), ("bob", &bob)] {
            let consumer = bench.consumer(principal, &topic, &channel, key);
            assert_eq!(values(&consumer, sent.len()).await, sent, "{codec} {principal}");
        }
        // Alice's grant is for Alice's key: bob's principal does not help who lacks bob's key.
        let thief = bench.consumer("bob", &topic, &channel, &alice);
        match next(&thief).await {
            Err(ConsumeError::Record(error)) => {
                assert!(matches!(error.fault, Fault::NotGranted { .. }))
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_then_granted_with_the_history_then_revoked_on_the_next_fetch() {
    let bench = Bench::start(Cluster::any(1)).await;
    let topic = bench.cluster.topic("payments", 1).await;
    bench.create_channel("payments", &[&topic], false);
    let alice = key();
    let producer = bench.producer(&topic, "payments", "none");
    for i in 0..10 {
        producer
            .send(ProducerRecord::new(&topic, format!("payment {i}").as_bytes()))
            .await
            .unwrap();
    }
    let consumer = bench.consumer("alice", &topic, "payments", &alice);
    match next(&consumer).await {
        Err(ConsumeError::Denied { topics }) => assert_eq!(topics, std::slice::from_ref(&topic)),
        other => panic!("{other:?}"),
    }
    let grant = bench.grant("payments", "alice", &alice);
    assert_eq!(values(&consumer, 10).await[9], "payment 9");

    bench.revoke(grant);
    // The registry is watched: within moments, not with the next record.
    let refused = bench.consumer("alice", &topic, "payments", &alice);
    loop {
        producer.send(ProducerRecord::new(&topic, b"after the revocation")).await.unwrap();
        match next(&refused).await {
            Err(ConsumeError::Denied { .. }) => break,
            Ok(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_mixed_topic_granted_records_open_and_no_offset_is_lost() {
    let bench = Bench::start(Cluster::any(1)).await;
    let topic = bench.cluster.topic("mixed", 1).await;
    let elsewhere = bench.cluster.topic("elsewhere", 1).await;
    bench.create_channel("mixed", &[&topic], false);
    bench.create_channel("elsewhere", &[&elsewhere], false);
    let alice = key();
    bench.grant("mixed", "alice", &alice);
    let ours = bench.producer(&topic, "mixed", "none");
    // Another channel's key on this topic: nothing is granted for it here.
    let theirs = bench.producer(&topic, "elsewhere", "none");
    for _ in 0..5 {
        ours.send(ProducerRecord::new(&topic, b"ours")).await.unwrap();
        theirs.send(ProducerRecord::new(&topic, b"theirs")).await.unwrap();
    }
    let consumer = bench.consumer("alice", &topic, "mixed", &alice);
    for offset in 0..10 {
        match next(&consumer).await {
            Ok(record) => {
                assert_eq!((record.offset, record.value.as_deref()), (offset, Some(&b"ours"[..])));
                assert_eq!(offset % 2, 0);
            }
            Err(ConsumeError::Record(error)) => {
                assert_eq!(error.offset, offset);
                assert!(matches!(error.fault, Fault::NotGranted { .. }), "{error}");
                assert_eq!(offset % 2, 1);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_topic_does_not_stop_its_neighbours() {
    let bench = Bench::start(Cluster::any(1)).await;
    let (open, secret) =
        (bench.cluster.topic("open", 1).await, bench.cluster.topic("secret", 1).await);
    bench.create_channel("secret", &[&secret], false);
    let producer = bench.producer(&secret, "secret", "none");
    producer.send(ProducerRecord::new(&secret, b"for others")).await.unwrap();
    let plain: rdkafka::producer::FutureProducer = bench.client("producer").create().unwrap();
    let record = rdkafka::producer::FutureRecord::<str, _>::to(&open).payload("for all");
    plain.send(record, PATIENCE).await.unwrap();

    let consumer: BaseConsumer =
        bench.client("bob").set("group.id", "bob").set("fetch.wait.max.ms", "50").create().unwrap();
    let mut assignment = rdkafka::TopicPartitionList::new();
    assignment.add_partition_offset(&open, 0, Offset::Beginning).unwrap();
    assignment.add_partition_offset(&secret, 0, Offset::Beginning).unwrap();
    consumer.assign(&assignment).unwrap();
    let (mut read, mut denied) = (0, 0);
    let until = std::time::Instant::now() + PATIENCE;
    while (read, denied) != (1, 1) {
        assert!(std::time::Instant::now() < until, "read {read}, denied {denied}");
        match tokio::task::block_in_place(|| consumer.poll(std::time::Duration::from_millis(100))) {
            Some(Ok(message)) => {
                assert_eq!(message.payload(), Some(&b"for all"[..]));
                read += 1;
            }
            Some(Err(error)) => {
                let code = error.rdkafka_error_code();
                assert_eq!(code, Some(rdkafka::types::RDKafkaErrorCode::TopicAuthorizationFailed));
                denied += 1;
            }
            None => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_restarts_serves_the_same_history() {
    let mut bench = Bench::start(Cluster::any(1)).await;
    let topic = bench.cluster.topic("durable", 1).await;
    bench.create_channel("durable", &[&topic], false);
    let alice = key();
    bench.grant("durable", "alice", &alice);
    let producer = bench.producer(&topic, "durable", "none");
    producer.send(ProducerRecord::new(&topic, b"before")).await.unwrap();
    let consumer = bench.consumer("alice", &topic, "durable", &alice);
    assert_eq!(values(&consumer, 1).await, ["before"]);
    drop((producer, consumer));
    bench.stop_gateway().await;
    bench.start_gateway().await;
    let consumer = bench.consumer("alice", &topic, "durable", &alice);
    assert_eq!(values(&consumer, 1).await, ["before"]);
}
