//! The sealing producer and the opening consumer against librdkafka's mock cluster, which
//! stands for brokers without a gateway: records are sealed for the consumer's own key, or
//! re-encrypted by the test where a gateway would do it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::collections::HashMap;
use std::time::Duration;

use nucypher_envelope::{
    ChannelName, EDEK_HEADER, Edek, Opener, OpenerConfig, PlaceBinding, SealerConfig,
};
use nucypher_kafka::client::{
    Commit, ConfigError, Connection, ConsumeError, ConsumerConfig, Fault, Header, OpenedRecord,
    OpeningConsumer, ProduceError, ProducerConfig, ProducerRecord, RecordError, SealingProducer,
    Start, Unlisted,
};
use nucypher_pre::{ReencryptionKey, SecretKey, Suite, os_rng};
use rdkafka::Offset;
use rdkafka::message::{Header as KafkaHeader, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

const PATIENCE: Duration = Duration::from_secs(30);

type Cluster = MockCluster<'static, DefaultProducerContext>;

fn cluster(topic: &str, partitions: i32) -> Cluster {
    let cluster = MockCluster::new(3).unwrap();
    cluster.create_topic(topic, partitions, 1).unwrap();
    cluster
}

fn channel() -> ChannelName {
    ChannelName::new("orders").unwrap()
}

fn key() -> SecretKey {
    SecretKey::generate(Suite::Bbs98, &mut os_rng())
}

fn producer(cluster: &Cluster, topic: &str, to: &SecretKey) -> SealingProducer {
    let sealing = SealerConfig::new(to.public_key().clone(), channel());
    let connection = Connection::plaintext(cluster.bootstrap_servers());
    SealingProducer::new(ProducerConfig::new(connection).topic(topic, sealing)).unwrap()
}

fn consumer_config(cluster: &Cluster, topic: &str, key: &SecretKey) -> ConsumerConfig {
    let connection = Connection::plaintext(cluster.bootstrap_servers())
        .property("fetch.wait.max.ms", "50")
        .property("fetch.error.backoff.ms", "10");
    let opener = Opener::new(OpenerConfig::new([key.clone()])).unwrap();
    ConsumerConfig::new(connection).opener(opener).topic(topic, channel())
}

fn reader(cluster: &Cluster, topic: &str, key: &SecretKey) -> OpeningConsumer {
    let consumer = OpeningConsumer::new(consumer_config(cluster, topic, key)).unwrap();
    consumer.assign(&[(topic, 0, Offset::Beginning)]).unwrap();
    consumer
}

async fn next(consumer: &OpeningConsumer) -> Result<OpenedRecord, ConsumeError> {
    tokio::time::timeout(PATIENCE, consumer.recv()).await.expect("nothing arrived in time")
}

async fn next_fault(consumer: &OpeningConsumer) -> RecordError {
    match next(consumer).await {
        Err(ConsumeError::Record(error)) => error,
        other => panic!("a record error was expected: {other:?}"),
    }
}

#[tokio::test]
async fn keys_headers_and_values_arrive_as_they_were_sent() {
    let cluster = cluster("orders", 1);
    let key = key();
    let headers = [
        Header::new("trace", "1"),
        Header::new("trace", "2"),
        Header { name: "null".into(), value: None },
        Header::new("empty", ""),
        Header::new("trace", "1"),
    ];
    let producer = producer(&cluster, "orders", &key);
    let sent = ProducerRecord {
        timestamp: Some(1_700_000_000_123),
        ..ProducerRecord::new("orders", b"17 barrels").key(b"order-1").headers(&headers)
    };
    let first = producer.send(sent).await.unwrap();
    let second = producer.send(ProducerRecord::new("orders", b"")).await.unwrap();
    let third = producer.send(ProducerRecord::new("orders", b"x").key(b"")).await.unwrap();
    assert_eq!((first.partition, first.offset, second.offset, third.offset), (0, 0, 1, 2));

    let consumer = reader(&cluster, "orders", &key);
    let record = next(&consumer).await.unwrap();
    assert_eq!(record.key.as_deref(), Some(&b"order-1"[..]));
    assert_eq!(record.value.as_deref(), Some(&b"17 barrels"[..]));
    assert_eq!(record.headers, headers);
    assert_eq!(record.timestamp, Some(1_700_000_000_123));
    assert_eq!((record.topic.as_str(), record.partition, record.offset), ("orders", 0, 0));
    assert!(record.sealed);
    assert_eq!(record.envelope.len(), 1);
    assert_eq!(record.envelope[0].name, EDEK_HEADER);

    let empty = next(&consumer).await.unwrap();
    assert_eq!((empty.key, empty.value.as_deref()), (None, Some(&b""[..])));
    let empty_key = next(&consumer).await.unwrap();
    assert_eq!(empty_key.key.as_deref(), Some(&b""[..]));
    assert!(!format!("{record:?}").contains("barrels"), "a plaintext belongs in no log");
}

#[tokio::test]
async fn what_the_broker_stores_holds_no_plaintext() {
    let cluster = cluster("orders", 1);
    let key = key();
    producer(&cluster, "orders", &key)
        .send(ProducerRecord::new("orders", b"17 barrels").key(b"order-1"))
        .await
        .unwrap();
    let mut config = ConsumerConfig::new(Connection::plaintext(cluster.bootstrap_servers()));
    config.unlisted = Unlisted::Pass;
    let plain = OpeningConsumer::new(config).unwrap();
    plain.assign(&[("orders", 0, Offset::Beginning)]).unwrap();
    let stored = next(&plain).await.unwrap();
    let value = stored.value.unwrap();
    assert!(!stored.sealed);
    assert!(!value.windows(7).any(|window| window == b"barrels"));
    let edek = Edek::parse(stored.envelope[0].value.as_deref().unwrap()).unwrap();
    assert_eq!(edek.opening_id(), key.id());
}

#[tokio::test]
async fn deletions_are_null_and_authentic() {
    let cluster = cluster("orders", 1);
    let key = key();
    let producer = producer(&cluster, "orders", &key);
    let deletion =
        ProducerRecord { value: None, ..ProducerRecord::new("orders", b"").key(b"order-1") };
    producer.send(deletion).await.unwrap();
    let record = next(&reader(&cluster, "orders", &key)).await.unwrap();
    assert_eq!(record.value, None);
    assert_eq!(record.key.as_deref(), Some(&b"order-1"[..]));
    let names: Vec<_> = record.envelope.iter().map(|header| header.name.as_str()).collect();
    assert_eq!(names, ["nu.edek", "nu.null"]);
}

#[tokio::test]
async fn header_names_of_the_envelope_are_refused() {
    let cluster = cluster("orders", 1);
    let producer = producer(&cluster, "orders", &key());
    for name in ["nu.edek", "nu.null", "nu.anything"] {
        let headers = [Header::new(name, "x")];
        let error =
            producer.send(ProducerRecord::new("orders", b"x").headers(&headers)).await.unwrap_err();
        assert!(matches!(&error, ProduceError::ReservedHeader(found) if found == name), "{error}");
    }
}

#[tokio::test]
async fn nothing_is_sent_in_clear_unasked() {
    let cluster = cluster("orders", 1);
    let sealing = SealerConfig::new(key().public_key().clone(), channel());
    let connection = Connection::plaintext(cluster.bootstrap_servers());
    let mut config = ProducerConfig::new(connection.clone()).topic("other", sealing.clone());
    let refusing = SealingProducer::new(ProducerConfig::new(connection).topic("other", sealing));
    let error = refusing.unwrap().send(ProducerRecord::new("orders", b"x")).await.unwrap_err();
    assert!(matches!(&error, ProduceError::NoChannel(topic) if topic == "orders"), "{error}");
    config.unlisted = Unlisted::Pass;
    let passing = SealingProducer::new(config).unwrap();
    passing.send(ProducerRecord::new("orders", b"clear")).await.unwrap();

    // A consumer takes it for authentic only where it is told that the topic is clear.
    let key = key();
    let record = next_fault(&reader(&cluster, "orders", &key)).await;
    assert!(matches!(record.fault, Fault::NotSealed), "{record}");
    let mut config = consumer_config(&cluster, "other", &key);
    let refusing = OpeningConsumer::new(config).unwrap();
    refusing.assign(&[("orders", 0, Offset::Beginning)]).unwrap();
    assert!(matches!(next_fault(&refusing).await.fault, Fault::NoChannel));
    config = consumer_config(&cluster, "other", &key);
    config.unlisted = Unlisted::Pass;
    let passing = OpeningConsumer::new(config).unwrap();
    passing.assign(&[("orders", 0, Offset::Beginning)]).unwrap();
    let record = next(&passing).await.unwrap();
    assert_eq!((record.value.as_deref(), record.sealed), (Some(&b"clear"[..]), false));
}

#[tokio::test]
async fn a_record_that_does_not_open_is_named_and_the_next_one_follows() {
    let cluster = cluster("orders", 2);
    let (ours, other) = (key(), key());
    let sealing = producer(&cluster, "orders", &ours);
    let at_0 = |value| ProducerRecord::new("orders", value).partition(0);
    sealing.send(at_0(b"first").key(b"k")).await.unwrap();
    producer(&cluster, "orders", &other).send(at_0(b"not ours")).await.unwrap();

    // Take the first record as it is stored and write it again with one thing changed.
    let mut config = ConsumerConfig::new(Connection::plaintext(cluster.bootstrap_servers()));
    config.unlisted = Unlisted::Pass;
    let plain = OpeningConsumer::new(config).unwrap();
    plain.assign(&[("orders", 0, Offset::Beginning)]).unwrap();
    let stored = next(&plain).await.unwrap();
    let (edek, value) = (stored.envelope[0].value.clone().unwrap(), stored.value.unwrap());
    let raw: FutureProducer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .create()
        .unwrap();
    let write = async |key: &[u8], value: &[u8], edeks: &[&[u8]]| {
        let mut headers = OwnedHeaders::new();
        for edek in edeks {
            headers = headers.insert(KafkaHeader { key: EDEK_HEADER, value: Some(*edek) });
        }
        let record = FutureRecord::to("orders").partition(0).key(key).payload(value);
        raw.send(record.headers(headers), PATIENCE).await.unwrap();
    };
    let mut flipped = value.clone();
    *flipped.last_mut().unwrap() ^= 1;
    write(b"k", &flipped, &[&edek]).await; // offset 2: altered
    write(b"other key", &value, &[&edek]).await; // offset 3: moved to another record key
    write(b"k", b"{\"clear\":true}", &[]).await; // offset 4: not sealed
    write(b"k", &value, &[&edek[..50]]).await; // offset 5: a cut EDEK
    write(b"k", &value, &[&edek, &edek]).await; // offset 6: two headers
    write(b"k", b"short", &[&edek]).await; // offset 7: a value too short to be sealed
    write(b"k", &value, &[&edek]).await; // offset 8: the record again, as it was

    let consumer = reader(&cluster, "orders", &ours);
    assert_eq!(next(&consumer).await.unwrap().value.as_deref(), Some(&b"first"[..]));
    let fault = next_fault(&consumer).await;
    assert!(matches!(fault.fault, Fault::NotGranted { opening_id } if opening_id == other.id()));
    assert_eq!((fault.topic.as_str(), fault.partition, fault.offset), ("orders", 0, 1));
    for (offset, wanted) in [
        (2, "altered"),
        (3, "altered"),
        (4, "not sealed"),
        (5, "malformed"),
        (6, "malformed"),
        (7, "malformed"),
    ] {
        let fault = next_fault(&consumer).await;
        assert_eq!(fault.offset, offset);
        assert!(fault.fault.to_string().starts_with(wanted), "offset {offset}: {fault}");
    }
    let last = next(&consumer).await.unwrap();
    assert_eq!((last.offset, last.value.as_deref()), (8, Some(&b"first"[..])));
}

#[tokio::test]
async fn a_re_encrypted_record_opens_with_the_consumers_key() {
    for suite in [Suite::Bbs98, Suite::Ecies] {
        let cluster = cluster("orders", 1);
        let (channel_key, alice) =
            (SecretKey::generate(suite, &mut os_rng()), SecretKey::generate(suite, &mut os_rng()));
        let rekey =
            ReencryptionKey::non_interactive(&channel_key, alice.public_key(), &mut os_rng());
        producer(&cluster, "orders", &channel_key)
            .send(ProducerRecord::new("orders", b"17 barrels"))
            .await
            .unwrap();
        let mut config = ConsumerConfig::new(Connection::plaintext(cluster.bootstrap_servers()));
        config.unlisted = Unlisted::Pass;
        let plain = OpeningConsumer::new(config).unwrap();
        plain.assign(&[("orders", 0, Offset::Beginning)]).unwrap();
        let stored = next(&plain).await.unwrap();
        let edek = Edek::parse(stored.envelope[0].value.as_deref().unwrap()).unwrap();
        let moved = edek.reencrypt(&rekey.unwrap()).unwrap();
        let raw: FutureProducer = rdkafka::ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .create()
            .unwrap();
        let headers = OwnedHeaders::new()
            .insert(KafkaHeader { key: EDEK_HEADER, value: Some(&moved.as_bytes()[..]) });
        let value = stored.value.unwrap();
        let record = FutureRecord::<[u8], _>::to("orders").payload(&value).headers(headers);
        raw.send(record, PATIENCE).await.unwrap();

        let consumer = reader(&cluster, "orders", &alice);
        let fault = next_fault(&consumer).await;
        assert!(matches!(fault.fault, Fault::NotGranted { .. }), "{fault}");
        let record = next(&consumer).await.unwrap();
        assert_eq!(record.value.as_deref(), Some(&b"17 barrels"[..]));
    }
}

#[tokio::test]
async fn a_bound_place_opens_nowhere_else() {
    let cluster = cluster("orders", 2);
    let key = key();
    let sealing =
        SealerConfig::new(key.public_key().clone(), channel()).place_binding(PlaceBinding::Bound);
    let connection = Connection::plaintext(cluster.bootstrap_servers());
    let producer =
        SealingProducer::new(ProducerConfig::new(connection).topic("orders", sealing)).unwrap();
    let error = producer.send(ProducerRecord::new("orders", b"x")).await.unwrap_err();
    assert!(matches!(error, ProduceError::Seal { .. }), "{error}");
    producer.send(ProducerRecord::new("orders", b"bound").partition(0)).await.unwrap();

    let consumer = reader(&cluster, "orders", &key);
    let record = next(&consumer).await.unwrap();
    assert_eq!(record.value.as_deref(), Some(&b"bound"[..]));

    let mut config = ConsumerConfig::new(Connection::plaintext(cluster.bootstrap_servers()));
    config.unlisted = Unlisted::Pass;
    let plain = OpeningConsumer::new(config).unwrap();
    plain.assign(&[("orders", 0, Offset::Beginning)]).unwrap();
    let stored = next(&plain).await.unwrap();
    let raw: FutureProducer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .create()
        .unwrap();
    let (edek, value) = (stored.envelope[0].value.clone().unwrap(), stored.value.unwrap());
    let headers = OwnedHeaders::new().insert(KafkaHeader { key: EDEK_HEADER, value: Some(&edek) });
    let moved = FutureRecord::<[u8], _>::to("orders").partition(1).payload(&value);
    raw.send(moved.headers(headers), PATIENCE).await.unwrap();
    consumer.assign(&[("orders", 1, Offset::Beginning)]).unwrap();
    assert!(matches!(next_fault(&consumer).await.fault, Fault::Altered));
}

#[tokio::test]
async fn a_group_goes_on_where_it_committed() {
    let cluster = cluster("orders", 1);
    let key = key();
    let producer = producer(&cluster, "orders", &key);
    for number in 0..10 {
        let value = format!("record {number}");
        producer.send(ProducerRecord::new("orders", value.as_bytes())).await.unwrap();
    }
    let config = |commit| {
        let mut config = consumer_config(&cluster, "orders", &key);
        config.group = Some("billing".to_owned());
        config.commit = commit;
        config.start = Start::Earliest;
        // The mock cluster lets a group that was left wait for the session's end.
        config.connection = config
            .connection
            .property("session.timeout.ms", "3000")
            .property("heartbeat.interval.ms", "500");
        config
    };
    let manual = OpeningConsumer::new(config(Commit::Manual)).unwrap();
    manual.subscribe(&["orders"]).unwrap();
    for _ in 0..5 {
        next(&manual).await.unwrap();
    }
    manual.commit("orders", 0, 2).await.unwrap();
    drop(manual);

    let automatic = OpeningConsumer::new(config(Commit::Automatic)).unwrap();
    automatic.subscribe(&["orders"]).unwrap();
    for number in 3..7 {
        assert_eq!(next(&automatic).await.unwrap().offset, number);
    }
    // Record 6 was returned and not yet asked to be followed: it is not processed.
    drop(automatic);
    let again = OpeningConsumer::new(config(Commit::Automatic)).unwrap();
    again.subscribe(&["orders"]).unwrap();
    assert_eq!(next(&again).await.unwrap().offset, 6);
    assert_eq!(next(&again).await.unwrap().offset, 7);
    // What is committed by name stays, though the automatic commit knows of record 6 alone.
    again.commit("orders", 0, 7).await.unwrap();
    drop(again);
    let last = OpeningConsumer::new(config(Commit::Manual)).unwrap();
    last.subscribe(&["orders"]).unwrap();
    assert_eq!(next(&last).await.unwrap().offset, 8);
}

#[tokio::test]
async fn a_full_queue_is_waited_for() {
    let cluster = cluster("orders", 1);
    let key = key();
    let connection = Connection::plaintext(cluster.bootstrap_servers())
        .property("queue.buffering.max.messages", "10")
        .property("linger.ms", "0");
    let sealing = SealerConfig::new(key.public_key().clone(), channel());
    let producer =
        SealingProducer::new(ProducerConfig::new(connection).topic("orders", sealing)).unwrap();
    let mut deliveries = Vec::new();
    for number in 0..300_u32 {
        let value = number.to_be_bytes();
        deliveries.push(producer.enqueue(ProducerRecord::new("orders", &value)).await.unwrap());
    }
    producer.flush(PATIENCE).await.unwrap();
    assert_eq!(producer.in_flight(), 0);
    for (number, delivery) in (0_i64..).zip(deliveries) {
        assert_eq!(delivery.await.unwrap().offset, number, "order is kept");
    }
}

#[tokio::test]
async fn a_queue_that_stays_full_is_an_error_and_so_is_a_refused_record() {
    let cluster = cluster("orders", 1);
    let key = key();
    let connection = Connection::plaintext(cluster.bootstrap_servers())
        .property("queue.buffering.max.messages", "1")
        .property("linger.ms", "60000");
    let sealing = SealerConfig::new(key.public_key().clone(), channel());
    let mut config = ProducerConfig::new(connection).topic("orders", sealing);
    config.queue_timeout = Duration::from_millis(50);
    let producer = SealingProducer::new(config).unwrap();
    let _first = producer.enqueue(ProducerRecord::new("orders", b"1")).await.unwrap();
    let second = producer.enqueue(ProducerRecord::new("orders", b"2")).await;
    assert!(matches!(second, Err(ProduceError::QueueFull(_))));

    let other = self::producer(&cluster, "orders", &key);
    cluster.request_errors(
        RDKafkaApiKey::Produce,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_RECORD],
    );
    let error = other.send(ProducerRecord::new("orders", b"x")).await.unwrap_err();
    assert!(matches!(&error, ProduceError::Refused(topic) if topic == "orders"), "{error}");
    // And the producer is still good.
    other.send(ProducerRecord::new("orders", b"y")).await.unwrap();
}

#[tokio::test]
async fn settings_that_cannot_work_are_named() {
    let connection = Connection::plaintext("localhost:1").property("no.such.property", "1");
    let error = OpeningConsumer::new(ConsumerConfig::new(connection)).err().unwrap();
    assert!(matches!(&error, ConfigError::Property { name, .. } if name == "no.such.property"));
    let config = ConsumerConfig {
        channels: HashMap::from([("orders".to_owned(), channel())]),
        ..ConsumerConfig::new(Connection::plaintext("localhost:1"))
    };
    let error = OpeningConsumer::new(config).err().unwrap();
    assert!(error.to_string().contains("private key"), "{error}");
}

#[tokio::test]
async fn a_header_name_that_is_not_utf8_stops_nothing() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("orders", 1, 1).unwrap();
    let key = key();
    produce_with_header_name(&cluster, [0xff, 0xfe]);
    producer(&cluster, "orders", &key).send(ProducerRecord::new("orders", b"next")).await.unwrap();
    let consumer = reader(&cluster, "orders", &key);
    let fault = next_fault(&consumer).await;
    assert!(matches!(fault.fault, Fault::HeaderName), "{fault}");
    assert_eq!(next(&consumer).await.unwrap().value.as_deref(), Some(&b"next"[..]));
}

/// Writes a record with a header of this name, which no client library would do.
fn produce_with_header_name(cluster: &Cluster, name: [u8; 2]) {
    use kafka_protocol::indexmap::IndexMap;
    use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
    use kafka_protocol::messages::{ProduceRequest, RequestHeader, TopicName};
    use kafka_protocol::protocol::{Encodable, StrBytes};
    use kafka_protocol::records::{
        Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
    };
    use std::io::{Read, Write};

    const VERSION: i16 = 7;
    let record = Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: -1,
        timestamp: 1_700_000_000_000,
        key: None,
        value: Some("clear".into()),
        headers: IndexMap::from([(StrBytes::from_static_str("??"), Some("x".into()))]),
    };
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    let mut batch = Vec::new();
    RecordBatchEncoder::encode(&mut batch, &[record], &options).unwrap();
    let at = batch.windows(2).rposition(|window| window == b"??").unwrap();
    batch[at..at + 2].copy_from_slice(&name);
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());

    let partition = PartitionProduceData::default().with_index(0).with_records(Some(batch.into()));
    let topic = TopicProduceData::default()
        .with_name(TopicName(StrBytes::from_static_str("orders")))
        .with_partition_data(vec![partition]);
    let request =
        ProduceRequest::default().with_acks(1).with_timeout_ms(10_000).with_topic_data(vec![topic]);
    let header = RequestHeader::default().with_request_api_key(0).with_request_api_version(VERSION);
    let mut frame = Vec::new();
    header.encode(&mut frame, 1).unwrap();
    request.encode(&mut frame, VERSION).unwrap();
    let mut stream = std::net::TcpStream::connect(cluster.bootstrap_servers()).unwrap();
    stream.write_all(&u32::try_from(frame.len()).unwrap().to_be_bytes()).unwrap();
    stream.write_all(&frame).unwrap();
    // The answer: it is stored.
    stream.read_exact(&mut [0; 8]).unwrap();
}
