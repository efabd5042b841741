//! The locator against the kafka-protocol crate: all versions, all shapes, denials, and siblings that
//! stay as they are.

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{
    FetchPartition, FetchTopic, ForgottenTopic, ReplicaState,
};
use kafka_protocol::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint,
    PartitionData, SnapshotId,
};
use kafka_protocol::messages::{ApiKey, BrokerId, FetchRequest, FetchResponse, TopicName};
use proptest::prelude::*;

use super::*;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::frame::{self, RequestHead};
use crate::protocol::oracle::{read_request, read_response, request, response, row, text};
use crate::protocol::topic::Topic;
use crate::protocol::wire::Uuid;
use crate::records::{Edits, Splice};

/// One partition in the making: error code, aborted transactions, records, tagged fields.
#[derive(Debug, Clone)]
struct Shape {
    error_code: i16,
    aborted: Option<usize>,
    records: Option<Vec<u8>>,
    tagged: bool,
}

fn shape() -> impl Strategy<Value = Shape> {
    let records = prop::option::of(prop::collection::vec(any::<u8>(), 0..300));
    (prop_oneof![Just(0i16), any::<i16>()], prop::option::of(0usize..4), records, any::<bool>())
        .prop_map(|(error_code, aborted, records, tagged)| Shape {
            error_code,
            aborted,
            records,
            tagged,
        })
}

fn partition(version: i16, index: i32, shape: &Shape) -> PartitionData {
    let aborted = |n: usize| {
        (0..n).map(|n| {
            AbortedTransaction::default().with_producer_id(i64::try_from(n).unwrap().into())
        })
    };
    let mut partition = PartitionData::default()
        .with_partition_index(index)
        .with_error_code(shape.error_code)
        .with_high_watermark(99)
        .with_last_stable_offset(98)
        .with_aborted_transactions(shape.aborted.map(|n| aborted(n).collect()))
        .with_records(shape.records.clone().map(Bytes::from));
    if version >= 5 {
        partition.log_start_offset = 3;
    }
    if version >= 11 {
        partition.preferred_read_replica = BrokerId(2);
    }
    if version >= 12 && shape.tagged {
        partition.diverging_epoch = EpochEndOffset::default().with_epoch(4).with_end_offset(5);
        partition.current_leader =
            LeaderIdAndEpoch::default().with_leader_id(BrokerId(1)).with_leader_epoch(9);
        partition.snapshot_id = SnapshotId::default().with_epoch(1).with_end_offset(2);
        partition.unknown_tagged_fields = [(50, Bytes::from_static(b"future"))].into();
    }
    partition
}

fn message(version: i16, topics: &[Vec<Shape>]) -> FetchResponse {
    let topic = |(n, shapes): (usize, &Vec<Shape>)| {
        let partitions = (0..).zip(shapes).map(|(index, shape)| partition(version, index, shape));
        let mut topic = FetchableTopicResponse::default().with_partitions(partitions.collect());
        if version >= TOPIC_IDS {
            topic.topic_id = uuid::Uuid::from_u128(n as u128 + 1);
        } else {
            topic.topic = TopicName(text(&format!("topic-{n}")));
        }
        topic
    };
    let mut body = FetchResponse::default().with_throttle_time_ms(1);
    body.responses = topics.iter().enumerate().map(topic).collect();
    if version >= 7 {
        body.session_id = 17;
    }
    if version >= 16 {
        let endpoint = NodeEndpoint::default()
            .with_node_id(BrokerId(1))
            .with_host(text("broker-1"))
            .with_port(9092);
        body.node_endpoints = vec![endpoint];
    }
    body
}

fn versions() -> std::ops::RangeInclusive<i16> {
    4..=18
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_locator_sees_what_the_crate_sees(topics in prop::collection::vec(prop::collection::vec(shape(), 0..4), 0..4)) {
        for version in versions() {
            let body = message(version, &topics);
            let frame = response(ApiKey::Fetch, version, 3, &body);
            let reader = frame::response_body(&frame, row(ApiKey::Fetch), version).unwrap();
            let located = walk_response(reader, version).unwrap();
            let mut expected = Vec::new();
            for (n, topic) in body.responses.iter().enumerate() {
                for partition in &topic.partitions {
                    let records = partition.records.clone().unwrap_or_default();
                    expected.push((n, partition.partition_index, partition.error_code, records));
                }
            }
            let found: Vec<_> = located.partitions.iter().map(|p| {
                (p.topic, p.index, p.error_code, Bytes::copy_from_slice(&frame[p.records.clone()]))
            }).collect();
            prop_assert_eq!(found, expected);
            for (n, topic) in located.topics.iter().enumerate() {
                let name = format!("topic-{n}");
                let expected = match version >= TOPIC_IDS {
                    true => Topic::Id(Uuid((n as u128 + 1).to_be_bytes())),
                    false => Topic::Name(&name),
                };
                prop_assert_eq!(*topic, expected);
            }
            let hosts: Vec<_> = located.addresses.sites().iter().map(|site| site.upstream.host.as_str()).collect();
            let named: &[&str] = if version >= 16 { &["broker-1"] } else { &[] };
            prop_assert_eq!(hosts, named);
        }
    }

    #[test]
    fn a_denied_partition_is_what_kafka_sends_and_its_siblings_stay(
        topics in prop::collection::vec(prop::collection::vec(shape(), 1..4), 1..4),
        denied in any::<prop::sample::Index>(),
    ) {
        for version in versions() {
            let body = message(version, &topics);
            let mut frame = response(ApiKey::Fetch, version, 3, &body);
            let api = row(ApiKey::Fetch);
            let located = walk_response(frame::response_body(&frame, api, version).unwrap(), version).unwrap();
            let partition = &located.partitions[denied.index(located.partitions.len())];
            let (topic, index) = (partition.topic, partition.index);
            let mut edits = Edits::new();
            let bytes = denial(TOPIC_AUTHORIZATION_FAILED, version, api.is_flexible(version));
            edits.push(Splice { range: partition.rest.clone(), bytes }).unwrap();
            located.addresses.rewrite(&mut edits, |_| Endpoint { host: "gw".to_owned(), port: 1 }).unwrap();
            frame::fix_length(&mut frame, &edits).unwrap();
            let (_, read) = read_response::<FetchResponse>(ApiKey::Fetch, version, &edits.joined(&frame));

            let mut expected = body;
            let slot = &mut expected.responses[topic].partitions[usize::try_from(index).unwrap()];
            *slot = PartitionData::default()
                .with_partition_index(index)
                .with_error_code(29)
                .with_high_watermark(-1)
                .with_last_stable_offset(-1)
                .with_log_start_offset(-1)
                .with_aborted_transactions(Some(Vec::new()))
                .with_preferred_read_replica(BrokerId(-1))
                .with_records(Some(Bytes::new()));
            for endpoint in &mut expected.node_endpoints {
                (endpoint.host, endpoint.port) = (text("gw"), 1);
            }
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn anything_is_an_error_or_lies_within_the_frame(bytes in prop::collection::vec(any::<u8>(), 0..200), version in 4i16..=18) {
        let api = row(ApiKey::Fetch);
        if let Ok(located) = frame::response_body(&bytes, api, version).and_then(|body| walk_response(body, version)) {
            for partition in located.partitions {
                prop_assert!(bytes.get(partition.rest).is_some());
                prop_assert!(bytes.get(partition.records).is_some());
            }
        }
    }
}

fn asking(version: i16, max_bytes: i32, min_bytes: i32) -> FetchRequest {
    let partition = |index| {
        let mut partition = FetchPartition::default()
            .with_partition(index)
            .with_fetch_offset(5)
            .with_partition_max_bytes(1 << 20);
        if version >= 9 {
            partition.current_leader_epoch = 2;
        }
        partition
    };
    let topic = |n: u128| {
        let mut topic = FetchTopic::default().with_partitions((0..2).map(partition).collect());
        if version >= TOPIC_IDS {
            topic.topic_id = uuid::Uuid::from_u128(n);
        } else {
            topic.topic = TopicName(text("orders"));
        }
        topic
    };
    let mut body = FetchRequest::default()
        .with_max_wait_ms(500)
        .with_min_bytes(min_bytes)
        .with_max_bytes(max_bytes);
    body.topics = vec![topic(1), topic(2)];
    if version >= 7 {
        (body.session_id, body.session_epoch) = (3, 4);
        let mut forgotten = ForgottenTopic::default().with_partitions(vec![1, 2]);
        if version >= TOPIC_IDS {
            forgotten.topic_id = uuid::Uuid::from_u128(9);
        } else {
            forgotten.topic = TopicName(text("old"));
        }
        body.forgotten_topics_data = vec![forgotten];
    }
    if version >= 11 {
        body.rack_id = text("rack");
    }
    if version >= 12 {
        body.cluster_id = Some(text("a cluster"));
    }
    body
}

#[test]
fn a_request_is_clamped_in_place_and_nothing_else_changes() {
    for version in versions() {
        let body = asking(version, i32::MAX, 1 << 25);
        let mut frame = request(ApiKey::Fetch, version, 7, &body);
        let head = RequestHead::read(&frame, u32::MAX).unwrap().unwrap();
        let asked = walk_request(head.body(&frame, row(ApiKey::Fetch)).unwrap(), version).unwrap();
        assert_eq!((asked.max_wait_ms, asked.replica), (500, -1));
        let ids = [1u128, 2].map(|n| Uuid(n.to_be_bytes()));
        assert_eq!(asked.ids, if version >= TOPIC_IDS { &ids[..] } else { &[] });
        asked.bounds.clamp(&mut frame, 1 << 24);
        let (header, read) = read_request::<FetchRequest>(&frame);
        assert_eq!(header.correlation_id, 7);
        assert_eq!(read, body.with_max_bytes(1 << 24).with_min_bytes(1 << 24), "version {version}");
        // What is within the clamp stays.
        let frame = request(ApiKey::Fetch, version, 7, &asking(version, 1000, 1));
        let head = RequestHead::read(&frame, u32::MAX).unwrap().unwrap();
        let asked = walk_request(head.body(&frame, row(ApiKey::Fetch)).unwrap(), version).unwrap();
        let mut clamped = frame.clone();
        asked.bounds.clamp(&mut clamped, 1 << 24);
        assert_eq!(clamped, frame);
    }
}

#[test]
fn a_follower_is_seen_in_every_version() {
    for version in versions() {
        let mut body = asking(version, 1, 1);
        if version <= 14 {
            body.replica_id = BrokerId(3);
        } else {
            body.replica_state =
                ReplicaState::default().with_replica_id(BrokerId(3)).with_replica_epoch(1);
        }
        let frame = request(ApiKey::Fetch, version, 7, &body);
        let head = RequestHead::read(&frame, u32::MAX).unwrap().unwrap();
        let asked = walk_request(head.body(&frame, row(ApiKey::Fetch)).unwrap(), version).unwrap();
        assert_eq!(asked.replica, 3, "version {version}");
    }
}
