//! Plain topics: nothing changes on the way, and no address of a broker is learned.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, StreamConsumer};
use rdkafka::message::{Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};

use super::bench::{Bench, Cluster, PATIENCE};

#[tokio::test(flavor = "multi_thread")]
async fn records_pass_unchanged_and_no_address_of_a_broker_is_learned() {
    let mut bench = Bench::start(Cluster::any(3)).await;
    let topic = bench.cluster.topic("plain", 4).await;
    let producer: FutureProducer = bench.client("alice").create().unwrap();
    for i in 0..100 {
        let headers = OwnedHeaders::new()
            .insert(Header { key: "twice", value: Some("a") })
            .insert(Header { key: "twice", value: Some("b") })
            .insert(Header::<&str> { key: "null", value: None });
        let (key, value) = (format!("key {i}"), format!("value {i}"));
        let record =
            FutureRecord::to(&topic).key(&key).payload(&value).partition(i % 4).headers(headers);
        producer.send(record, PATIENCE).await.unwrap();
    }

    let consumer: StreamConsumer = bench
        .client("alice")
        .set("group.id", "g")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(None, PATIENCE).unwrap();
    let brokers = bench.cluster.bootstrap();
    if matches!(bench.cluster, Cluster::Mock(_)) {
        assert_eq!(metadata.brokers().len(), 3);
    }
    for broker in metadata.brokers() {
        let address = format!("{}:{}", broker.host(), broker.port());
        assert!(!brokers.contains(&address), "{address} is a broker's");
        assert_ne!(address, bench.address("alice"));
    }

    let mut all = TopicPartitionList::new();
    for partition in 0..4 {
        all.add_partition_offset(&topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&all).unwrap();
    let mut seen = Vec::new();
    while seen.len() < 100 {
        let message = tokio::time::timeout(PATIENCE, consumer.recv()).await.unwrap().unwrap();
        let headers = message.headers().unwrap();
        assert_eq!(headers.count(), 3);
        assert_eq!(headers.get(1).value, Some(&b"b"[..]));
        assert_eq!(headers.get(2).value, None);
        let key = String::from_utf8(message.key().unwrap().to_vec()).unwrap();
        let value = String::from_utf8(message.payload().unwrap().to_vec()).unwrap();
        assert_eq!(key.strip_prefix("key "), value.strip_prefix("value "));
        seen.push(key);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 100);
    drop((consumer, producer));
    bench.stop_gateway().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_consumes_through_the_gateway() {
    let mut bench = Bench::start(Cluster::any(2)).await;
    let topic = bench.cluster.topic("grouped", 2).await;
    let producer: FutureProducer = bench.client("alice").set("acks", "0").create().unwrap();
    for i in 0..10 {
        let value = i.to_string();
        let record = FutureRecord::<str, _>::to(&topic).payload(&value).partition(i % 2);
        producer.send(record, PATIENCE).await.unwrap();
    }
    let consumer: StreamConsumer = bench
        .client("alice")
        .set("group.id", "g")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&[&topic]).unwrap();
    for _ in 0..10 {
        tokio::time::timeout(PATIENCE, consumer.recv()).await.unwrap().unwrap();
    }
    consumer.commit_consumer_state(CommitMode::Sync).unwrap();
    drop((consumer, producer));
    bench.stop_gateway().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_brokers_ends_connections_and_itself() {
    let mut bench = Bench::start(Cluster::mock(1)).await;
    let Cluster::Mock(cluster) = &bench.cluster else { unreachable!() };
    cluster.broker_down(1).unwrap();
    let consumer: BaseConsumer = bench.client("alice").set("group.id", "g").create().unwrap();
    let result = tokio::task::spawn_blocking(move || {
        consumer.fetch_metadata(None, Duration::from_secs(2)).map(|_| ())
    });
    assert!(result.await.unwrap().is_err());
    bench.stop_gateway().await;
}
