//! Clients: plain ones of librdkafka, and ours, which seal and open.

use std::{collections::BTreeSet, time::Duration};

use nucypher_envelope::{ChannelName, Opener, OpenerConfig, SealerConfig};
use nucypher_kafka::client::{
    Connection, ConsumeError, ConsumerConfig, Fault, OpenedRecord, OpeningConsumer, ProducerConfig,
    ProducerRecord, SealingProducer, Start,
};
use nucypher_pre::SecretKey;
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{Consumer as _, StreamConsumer},
    error::KafkaError,
    message::{BorrowedMessage, Headers as _, OwnedHeaders, Timestamp},
    producer::{FutureProducer, FutureRecord},
};
use zeroize::Zeroizing;

use crate::cluster::unique;

/// How long librdkafka may take over one call.
pub(crate) const CALL: Duration = Duration::from_secs(60);

/// A record as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp: (bool, Option<i64>),
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Seen {
    fn new(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            let all = headers.iter();
            all.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
        });
        Self {
            partition: message.partition(),
            offset: message.offset(),
            timestamp: match message.timestamp() {
                Timestamp::NotAvailable => (false, None),
                Timestamp::CreateTime(at) => (false, Some(at)),
                Timestamp::LogAppendTime(at) => (true, Some(at)),
            },
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers,
        }
    }
}

pub(crate) fn producer(config: &ClientConfig, codec: &str) -> FutureProducer {
    let mut config = config.clone();
    config.set("compression.type", codec).set("linger.ms", "20").create().unwrap()
}

/// Sends records and waits until the brokers have stored all of them.
pub(crate) async fn send_all(
    producer: &FutureProducer,
    records: impl IntoIterator<Item = (i32, Option<Vec<u8>>, Option<Vec<u8>>, OwnedHeaders, i64)>,
    topic: &str,
) {
    let records: Vec<_> = records.into_iter().collect();
    let all = records.iter().map(|(partition, key, value, headers, timestamp)| {
        let mut record = FutureRecord::<[u8], [u8]>::to(topic)
            .partition(*partition)
            .headers(headers.clone())
            .timestamp(*timestamp);
        record.key = key.as_deref();
        record.payload = value.as_deref();
        producer.send(record, CALL)
    });
    for result in futures::future::join_all(all).await {
        result.unwrap_or_else(|(error, _)| panic!("not produced: {error}"));
    }
}

/// Reads all partitions of a topic to their ends, at least this many records, by partition and offset.
pub(crate) async fn read_all(
    config: &ClientConfig,
    topic: &str,
    partitions: i32,
    isolation: &str,
    at_least: usize,
) -> Vec<Seen> {
    let mut config = config.clone();
    let consumer: StreamConsumer = config
        .set("group.id", unique("reader"))
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", isolation)
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut seen = Vec::new();
    let mut unread: BTreeSet<i32> = (0..partitions).collect();
    while !unread.is_empty() || seen.len() < at_least {
        match consumer.recv().await {
            Ok(message) => {
                unread.insert(message.partition());
                seen.push(Seen::new(&message));
            }
            Err(KafkaError::PartitionEOF(partition)) => {
                unread.remove(&partition);
            }
            Err(error) if is_transient(&error) => {}
            Err(error) => panic!("{topic}: {error}"),
        }
    }
    // By partition and offset; within a partition they arrive in order, which is checked here.
    for partition in 0..partitions {
        let offsets: Vec<i64> =
            seen.iter().filter(|one| one.partition == partition).map(|one| one.offset).collect();
        assert!(offsets.is_sorted_by(|a, b| a < b), "{topic}/{partition}: {offsets:?}");
    }
    seen.sort();
    seen
}

/// What librdkafka reports while it connects again by itself.
pub(crate) fn is_transient(error: &KafkaError) -> bool {
    use rdkafka::error::RDKafkaErrorCode::{
        AllBrokersDown, BrokerTransportFailure, NotCoordinator, OperationTimedOut, RequestTimedOut,
    };
    matches!(
        error.rdkafka_error_code(),
        Some(
            AllBrokersDown
                | BrokerTransportFailure
                | OperationTimedOut
                | RequestTimedOut
                | NotCoordinator
        )
    )
}

/// How one of our clients connects as a user of [`plain`](crate::gateway::plain).
pub(crate) fn as_user(bootstrap: &str, user: &str) -> Connection {
    Connection::sasl_plain(bootstrap, user, Zeroizing::new(format!("{user}-password")))
}

pub(crate) fn sealing_producer(
    connection: Connection,
    topic: &str,
    sealing: SealerConfig,
) -> SealingProducer {
    SealingProducer::new(ProducerConfig::new(connection).topic(topic, sealing)).unwrap()
}

/// Seals and sends values under keys `key-N` to the partitions in turn, and waits for all.
pub(crate) async fn seal_all(
    producer: &SealingProducer,
    topic: &str,
    partitions: i32,
    values: &[String],
) {
    let mut deliveries = Vec::new();
    for (n, value) in values.iter().enumerate() {
        let key = format!("key-{n}");
        let record = ProducerRecord::new(topic, value.as_bytes()).key(key.as_bytes());
        let record = record.partition(n as i32 % partitions);
        deliveries.push(producer.enqueue(record).await.unwrap());
    }
    for delivery in deliveries {
        delivery.await.unwrap();
    }
}

/// A consumer of ours that reads these partitions from their beginnings.
pub(crate) fn opening_consumer(
    connection: Connection,
    topic: &str,
    partitions: i32,
    channel: &ChannelName,
    key: &SecretKey,
) -> OpeningConsumer {
    let opener = Opener::new(OpenerConfig::new([key.clone()])).unwrap();
    let config = ConsumerConfig {
        start: Start::Earliest,
        ..ConsumerConfig::new(connection).opener(opener).topic(topic, channel.clone())
    };
    let consumer = OpeningConsumer::new(config).unwrap();
    let all: Vec<_> = (0..partitions).map(|one| (topic, one, Offset::Beginning)).collect();
    consumer.assign(&all).unwrap();
    consumer
}

/// One result of a consumer for one record.
#[derive(Debug)]
pub(crate) enum Outcome {
    Opened(OpenedRecord),
    Failed { partition: i32, offset: i64, fault: Fault },
}

impl Outcome {
    pub(crate) fn place(&self) -> (i32, i64) {
        match self {
            Self::Opened(record) => (record.partition, record.offset),
            Self::Failed { partition, offset, .. } => (*partition, *offset),
        }
    }

    pub(crate) fn opened(self) -> OpenedRecord {
        match self {
            Self::Opened(record) => record,
            Self::Failed { partition, offset, fault } => panic!("{partition}@{offset}: {fault}"),
        }
    }

    pub(crate) fn is_not_granted(&self) -> bool {
        matches!(self, Self::Failed { fault: Fault::NotGranted { .. }, .. })
    }

    pub(crate) fn is_not_sealed(&self) -> bool {
        matches!(self, Self::Failed { fault: Fault::NotSealed, .. })
    }
}

/// The next results for so many records, denials and reconnections passed over, by place.
pub(crate) async fn receive(consumer: &OpeningConsumer, count: usize) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    while outcomes.len() < count {
        match consumer.recv().await {
            Ok(record) => outcomes.push(Outcome::Opened(record)),
            Err(ConsumeError::Record(error)) => outcomes.push(Outcome::Failed {
                partition: error.partition,
                offset: error.offset,
                fault: error.fault,
            }),
            Err(ConsumeError::Denied { .. }) => {}
            Err(ConsumeError::Unreachable(_)) => {}
            Err(ConsumeError::Kafka(error)) if is_transient(&error) => {}
            Err(error) => panic!("{error}"),
        }
    }
    outcomes.sort_by_key(Outcome::place);
    outcomes
}

/// Waits for a denial; records are not expected before it.
pub(crate) async fn denied(consumer: &OpeningConsumer) {
    loop {
        match consumer.recv().await {
            Err(ConsumeError::Denied { .. }) => return,
            Err(ConsumeError::Unreachable(_)) => {}
            Err(ConsumeError::Kafka(error)) if is_transient(&error) => {}
            Err(error) => panic!("{error}"),
            Ok(record) => panic!("opened {record:?} without a grant"),
        }
    }
}

/// The opened values as texts, sorted.
pub(crate) fn texts(outcomes: Vec<Outcome>) -> Vec<String> {
    let mut texts: Vec<String> = outcomes
        .into_iter()
        .map(|outcome| String::from_utf8(outcome.opened().value.unwrap()).unwrap())
        .collect();
    texts.sort();
    texts
}

/// So many different values.
pub(crate) fn values(what: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{what} {n:05}")).collect()
}
