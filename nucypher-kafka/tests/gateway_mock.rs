//! The gateway before librdkafka's mock cluster, with real sockets and unmodified librdkafka clients.
//!
//! A mock is no broker: what only Apache Kafka can prove is proved against it (`scripts/kafka`).

#![allow(missing_docs, reason = "tests")]

use std::time::Duration;

use nucypher_kafka::gateway::{Gateway, GatewayConfig};
use nucypher_kafka::registry::{RegistryHandle, Snapshot};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, StreamConsumer};
use rdkafka::message::{Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};

struct Bench {
    cluster: MockCluster<'static, DefaultProducerContext>,
    stop: tokio::sync::oneshot::Sender<()>,
    gateway: tokio::task::JoinHandle<()>,
    bootstrap: String,
}

impl Bench {
    async fn start(brokers: i32) -> Self {
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        let cluster = MockCluster::new(brokers).unwrap();
        let servers: Vec<_> =
            cluster.bootstrap_servers().split(',').map(|server| format!("{server:?}")).collect();
        let config = GatewayConfig::parse(&format!(
            r#"
            [cluster]
            bootstrap_servers = [{}]
            [[listener]]
            name = "test"
            bind = "127.0.0.1:0"
            advertised_host = "127.0.0.1"
            node_ports = {{ base = 0 }}
            identity = {{ kind = "fixed", principal = "User:test" }}
            "#,
            servers.join(",")
        ))
        .unwrap();
        let registry = RegistryHandle::fixed(Snapshot::empty());
        let gateway = Gateway::bind_with(config, registry).await.unwrap();
        let bootstrap = gateway.local_addr().to_string();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let gateway = tokio::spawn(gateway.run(async {
            let _ = stopped.await;
        }));
        Self { cluster, stop, gateway, bootstrap }
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("message.timeout.ms", "20000");
        config
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        self.gateway.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_pass_unchanged_and_no_address_of_a_broker_is_learned() {
    let bench = Bench::start(3).await;
    bench.cluster.create_topic("plain", 4, 3).unwrap();
    let producer: FutureProducer = bench.client().create().unwrap();
    for i in 0..100 {
        let headers = OwnedHeaders::new()
            .insert(Header { key: "twice", value: Some("a") })
            .insert(Header { key: "twice", value: Some("b") })
            .insert(Header::<&str> { key: "null", value: None });
        let (key, value) = (format!("key {i}"), format!("value {i}"));
        let record =
            FutureRecord::to("plain").key(&key).payload(&value).partition(i % 4).headers(headers);
        producer.send(record, Duration::from_secs(10)).await.unwrap();
    }

    let consumer: StreamConsumer = bench
        .client()
        .remove("message.timeout.ms")
        .set("group.id", "g")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(None, Duration::from_secs(10)).unwrap();
    let brokers = bench.cluster.bootstrap_servers();
    assert_eq!(metadata.brokers().len(), 3);
    for broker in metadata.brokers() {
        let address = format!("{}:{}", broker.host(), broker.port());
        assert!(!brokers.contains(&address), "{address} is a broker's");
        assert_ne!(address, bench.bootstrap);
    }

    let mut all = TopicPartitionList::new();
    for partition in 0..4 {
        all.add_partition_offset("plain", partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&all).unwrap();
    let mut seen = Vec::new();
    while seen.len() < 100 {
        let message =
            tokio::time::timeout(Duration::from_secs(20), consumer.recv()).await.unwrap().unwrap();
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
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_consumes_through_the_gateway() {
    let bench = Bench::start(2).await;
    bench.cluster.create_topic("grouped", 2, 1).unwrap();
    let producer: FutureProducer = bench.client().set("acks", "0").create().unwrap();
    for i in 0..10 {
        let value = i.to_string();
        let record = FutureRecord::<str, _>::to("grouped").payload(&value).partition(i % 2);
        producer.send(record, Duration::from_secs(10)).await.unwrap();
    }
    let consumer: StreamConsumer = bench
        .client()
        .remove("message.timeout.ms")
        .set("group.id", "g")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&["grouped"]).unwrap();
    for _ in 0..10 {
        tokio::time::timeout(Duration::from_secs(30), consumer.recv()).await.unwrap().unwrap();
    }
    consumer.commit_consumer_state(rdkafka::consumer::CommitMode::Sync).unwrap();
    drop((consumer, producer));
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_brokers_ends_connections_and_itself() {
    let bench = Bench::start(1).await;
    bench.cluster.broker_down(1).unwrap();
    let consumer: BaseConsumer =
        bench.client().remove("message.timeout.ms").set("group.id", "g").create().unwrap();
    let result = tokio::task::spawn_blocking(move || {
        consumer.fetch_metadata(None, Duration::from_secs(2)).map(|_| ())
    });
    assert!(result.await.unwrap().is_err());
    bench.stop().await;
}
