//! The walkers against the kafka-protocol crate: what is edited, and that nothing else is.

use bytes::Bytes;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse,
    TopicProduceResponse,
};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, BrokerId, DescribeClusterResponse, DescribeConfigsResponse,
    FindCoordinatorResponse, MetadataRequest, MetadataResponse, ProduceResponse, TopicName,
};
use kafka_protocol::protocol::Encodable;

use super::describe_cluster::Described;
use super::endpoint::{Addresses, Endpoint};
use super::frame;
use super::oracle::{read_request, read_response, response, row, text};
use super::wire::{Read, Reader, Uuid};
use super::*;
use crate::records::Edits;

/// What no client may see.
const SECRET_HOST: &str = "broker-7.internal.example";
const SECRET_PORT: i32 = 0x005E_C2E7;

fn advertised(node: i32) -> Endpoint {
    // Of another length than the broker's, for some longer and for some shorter.
    Endpoint {
        host: format!("gw{}", "x".repeat(usize::try_from(node).unwrap() * 20)),
        port: 9000 + node,
    }
}

/// Rewrites a response, and checks that no address is left in it.
fn rewritten(
    key: ApiKey,
    version: i16,
    body: &impl Encodable,
    walk: impl Fn(Reader<'_>) -> Read<Addresses>,
) -> Vec<u8> {
    let mut frame = response(key, version, 42, body);
    let addresses = walk(frame::response_body(&frame, row(key), version).unwrap()).unwrap();
    let mut edits = Edits::new();
    addresses.rewrite(&mut edits, |site| advertised(site.node)).unwrap();
    frame::fix_length(&mut frame, &edits).unwrap();
    let out = edits.joined(&frame);
    assert!(!contains(&out, SECRET_HOST.as_bytes()), "{key:?} {version}: a host is left");
    assert!(!contains(&out, &SECRET_PORT.to_be_bytes()), "{key:?} {version}: a port is left");
    // Cut off anywhere it is an error, never a panic and never half a rewriting.
    for len in 0..frame.len() {
        let cut = &frame[..len];
        if let Ok(body) = frame::response_body(cut, row(key), version) {
            assert!(walk(body).is_err(), "{key:?} {version}: cut at {len}");
        }
    }
    out
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn versions(key: ApiKey) -> impl Iterator<Item = i16> {
    let (api, known) = (row(key), key.valid_versions());
    api.min.max(known.min)..=api.max.min(known.max)
}

fn node(id: i32) -> BrokerId {
    BrokerId(id)
}

fn uuid(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(n)
}

/// Tagged fields of a schema of the future: they must arrive as they were.
fn future() -> std::collections::BTreeMap<i32, Bytes> {
    [(90, Bytes::from_static(b"tagged")), (300, Bytes::from_static(&[7; 200]))].into()
}

#[test]
fn metadata_loses_its_addresses_and_nothing_else() {
    for version in versions(ApiKey::Metadata) {
        let flexible = row(ApiKey::Metadata).is_flexible(version);
        let broker = |id| {
            let mut broker = MetadataResponseBroker::default()
                .with_node_id(node(id))
                .with_host(text(SECRET_HOST))
                .with_port(SECRET_PORT);
            if version >= 1 {
                broker.rack = (id % 2 == 0).then(|| text("rack"));
            }
            if flexible {
                broker.unknown_tagged_fields = future();
            }
            broker
        };
        let partition = |index| {
            let mut partition = MetadataResponsePartition::default()
                .with_partition_index(index)
                .with_leader_id(node(1))
                .with_replica_nodes(vec![node(1), node(2)])
                .with_isr_nodes(vec![node(1)]);
            if version >= 7 {
                partition.leader_epoch = 5;
            }
            if version >= 5 {
                partition.offline_replicas = vec![node(2)];
            }
            partition
        };
        let topic = |n: u128, name: Option<&str>| {
            let mut topic = MetadataResponseTopic::default()
                .with_name(name.map(|name| TopicName(text(name))))
                .with_partitions((0..3).map(partition).collect());
            if version >= 10 {
                topic.topic_id = uuid(n);
            }
            if version >= 8 {
                topic.topic_authorized_operations = 11;
            }
            if flexible {
                topic.unknown_tagged_fields = future();
            }
            topic
        };
        let mut body = MetadataResponse::default()
            .with_brokers((0..4).map(broker).collect())
            .with_topics(vec![topic(77, Some("orders")), topic(78, Some("payments"))]);
        if version >= 12 {
            body.topics.push(topic(79, None));
        }
        if version >= 3 {
            body.throttle_time_ms = 3;
        }
        if version >= 2 {
            body.cluster_id = Some(text("a cluster"));
        }
        if version >= 1 {
            body.controller_id = node(2);
        }
        if (8..=10).contains(&version) {
            body.cluster_authorized_operations = 9;
        }
        if version >= 13 {
            body.error_code = 0;
        }
        if flexible {
            body.unknown_tagged_fields = future();
        }

        let out = rewritten(ApiKey::Metadata, version, &body, |reader| {
            metadata::walk_response(reader, version, |_, _| ())
        });
        let (correlation_id, read) =
            read_response::<MetadataResponse>(ApiKey::Metadata, version, &out);
        let mut expected = body.clone();
        for broker in &mut expected.brokers {
            let endpoint = advertised(broker.node_id.0);
            (broker.host, broker.port) = (text(&endpoint.host), endpoint.port);
        }
        assert_eq!((correlation_id, read), (42, expected), "version {version}");

        let mut topics = Vec::new();
        let frame = response(ApiKey::Metadata, version, 1, &body);
        let reader = frame::response_body(&frame, row(ApiKey::Metadata), version).unwrap();
        metadata::walk_response(reader, version, |id, name| topics.push((id, name.to_owned())))
            .unwrap();
        let ids = |n: u128| Uuid(n.to_be_bytes());
        let known = [(ids(77), "orders".to_owned()), (ids(78), "payments".to_owned())];
        assert_eq!(topics, if version >= 10 { &known[..] } else { &[] });
    }
}

#[test]
fn coordinators_lose_their_addresses_and_an_error_has_none() {
    for version in versions(ApiKey::FindCoordinator) {
        let mut body = FindCoordinatorResponse::default();
        if version >= 4 {
            let coordinator = |id: i32| {
                Coordinator::default()
                    .with_key(text("group"))
                    .with_node_id(node(id))
                    .with_host(text(SECRET_HOST))
                    .with_port(SECRET_PORT)
            };
            let none =
                Coordinator::default().with_node_id(node(-1)).with_port(-1).with_error_code(15);
            body.coordinators = vec![coordinator(1), none, coordinator(3)];
        } else {
            (body.node_id, body.host, body.port) = (node(2), text(SECRET_HOST), SECRET_PORT);
        }
        let walk = |reader: Reader<'_>| coordinator::walk_response(reader, version);
        let out = rewritten(ApiKey::FindCoordinator, version, &body, walk);
        let mut expected = body;
        let endpoint = |id: i32| (text(&advertised(id).host), advertised(id).port);
        if version >= 4 {
            for coordinator in expected.coordinators.iter_mut().filter(|c| c.error_code == 0) {
                (coordinator.host, coordinator.port) = endpoint(coordinator.node_id.0);
            }
        } else {
            (expected.host, expected.port) = endpoint(2);
        }
        let (_, read) =
            read_response::<FindCoordinatorResponse>(ApiKey::FindCoordinator, version, &out);
        assert_eq!(read, expected, "version {version}");
    }
}

#[test]
fn described_clusters_lose_their_addresses_fenced_brokers_too() {
    for version in versions(ApiKey::DescribeCluster) {
        for endpoint_type in if version >= 1 { 1..=2 } else { 1..=1 } {
            let broker = |id: i32| {
                let mut broker = DescribeClusterBroker::default()
                    .with_broker_id(node(id))
                    .with_host(text(SECRET_HOST))
                    .with_port(SECRET_PORT)
                    .with_rack(Some(text("rack")));
                broker.is_fenced = version >= 2 && id == 2;
                broker
            };
            let mut body = DescribeClusterResponse::default()
                .with_cluster_id(text("a cluster"))
                .with_controller_id(node(1))
                .with_brokers((0..3).map(broker).collect());
            body.endpoint_type = endpoint_type;
            let out = rewritten(ApiKey::DescribeCluster, version, &body, |reader| {
                let (described, addresses) = describe_cluster::walk_response(reader, version)?;
                assert_eq!(described == Described::Brokers, endpoint_type == 1);
                Ok(addresses)
            });
            let mut expected = body;
            for broker in &mut expected.brokers {
                let endpoint = advertised(broker.broker_id.0);
                (broker.host, broker.port) = (text(&endpoint.host), endpoint.port);
            }
            let (_, read) =
                read_response::<DescribeClusterResponse>(ApiKey::DescribeCluster, version, &out);
            assert_eq!(read, expected, "version {version}");
        }
    }
}

#[test]
fn produce_responses_lose_the_addresses_of_new_leaders() {
    for version in versions(ApiKey::Produce) {
        let partition = |index: i32| {
            let mut partition = PartitionProduceResponse::default()
                .with_index(index)
                .with_error_code(6)
                .with_base_offset(8);
            if version >= 8 {
                partition.error_message = Some(text("not the leader"));
                partition.record_errors = vec![
                    BatchIndexAndErrorMessage::default().with_batch_index(1),
                    BatchIndexAndErrorMessage::default()
                        .with_batch_index_error_message(Some(text("why"))),
                ];
            }
            if version >= 10 {
                partition.current_leader =
                    LeaderIdAndEpoch::default().with_leader_id(node(1)).with_leader_epoch(3);
            }
            partition
        };
        let mut topic = TopicProduceResponse::default()
            .with_partition_responses((0..2).map(partition).collect());
        if version >= 13 {
            topic.topic_id = uuid(5);
        } else {
            topic.name = TopicName(text("orders"));
        }
        let mut body =
            ProduceResponse::default().with_responses(vec![topic]).with_throttle_time_ms(1);
        if version >= 10 {
            let endpoint = |id: i32| {
                NodeEndpoint::default()
                    .with_node_id(node(id))
                    .with_host(text(SECRET_HOST))
                    .with_port(SECRET_PORT)
                    .with_rack(Some(text("rack")))
            };
            body.node_endpoints = (0..9).map(endpoint).collect();
        }
        if version >= 9 {
            body.unknown_tagged_fields = future();
        }
        let walk = |reader: Reader<'_>| {
            produce::walk_response(reader, version).map(|answered| answered.addresses)
        };
        let out = rewritten(ApiKey::Produce, version, &body, walk);
        let mut expected = body;
        for broker in &mut expected.node_endpoints {
            let endpoint = advertised(broker.node_id.0);
            (broker.host, broker.port) = (text(&endpoint.host), endpoint.port);
        }
        let (_, read) = read_response::<ProduceResponse>(ApiKey::Produce, version, &out);
        assert_eq!(read, expected, "version {version}");
    }
}

#[test]
fn configurations_that_name_addresses_are_withheld() {
    let secret = format!("PLAINTEXT://{SECRET_HOST}:9092");
    let withheld = [
        "listeners",
        "advertised.listeners",
        "controller.quorum.voters",
        "controller.quorum.bootstrap.servers",
    ];
    for version in versions(ApiKey::DescribeConfigs) {
        let config = |name: &str, value: &str| {
            let synonym = |name: &str| {
                DescribeConfigsSynonym::default()
                    .with_name(text(name))
                    .with_value(Some(text(value)))
                    .with_source(4)
            };
            let mut config = DescribeConfigsResourceResult::default()
                .with_name(text(name))
                .with_value(Some(text(value)))
                .with_config_source(4)
                .with_synonyms(vec![synonym(name)]);
            if version >= 3 {
                config.documentation = Some(text("what it is for"));
                config.config_type = 7;
            }
            config
        };
        let mut configs: Vec<_> = withheld.iter().map(|name| config(name, &secret)).collect();
        configs.push(config("listeners", &secret).with_value(None).with_synonyms(Vec::new()));
        configs.push(config("log.retention.ms", "1000"));
        let result = DescribeConfigsResult::default()
            .with_resource_type(4)
            .with_resource_name(text("1"))
            .with_configs(configs);
        let body = DescribeConfigsResponse::default().with_results(vec![result]);
        let mut frame = response(ApiKey::DescribeConfigs, version, 1, &body);
        let reader = frame::response_body(&frame, row(ApiKey::DescribeConfigs), version).unwrap();
        let mut edits = Edits::new();
        configs::walk_response(reader, version).unwrap().rewrite(&mut edits).unwrap();
        frame::fix_length(&mut frame, &edits).unwrap();
        let out = edits.joined(&frame);
        assert!(!contains(&out, SECRET_HOST.as_bytes()));
        let mut expected = body;
        for config in &mut expected.results[0].configs[..withheld.len()] {
            config.value = None;
            config.is_sensitive = true;
            config.synonyms[0].value = None;
        }
        let (_, read) =
            read_response::<DescribeConfigsResponse>(ApiKey::DescribeConfigs, version, &out);
        assert_eq!(read, expected, "version {version}");
    }
}

#[test]
fn api_versions_are_the_intersection() {
    let range = |key: i16, min, max| {
        ApiVersion::default().with_api_key(key).with_min_version(min).with_max_version(max)
    };
    let broker = vec![
        range(0, 0, 13),  // Produce: 0 stays, for librdkafka
        range(1, 4, 99),  // a version from the future
        range(4, 0, 7),   // hidden
        range(55, 0, 2),  // capped
        range(29, 1, 3),  // administration
        range(3, 14, 20), // nothing in common
        range(777, 0, 1), // an API from the future
    ];
    for version in versions(ApiKey::ApiVersions) {
        for admin in [false, true] {
            let mut body = ApiVersionsResponse::default().with_api_keys(broker.clone());
            if version >= 3 {
                body.finalized_features_epoch = 12;
                body.supported_features = vec![Default::default()];
                body.unknown_tagged_fields = future();
            }
            if version >= 1 {
                body.throttle_time_ms = 4;
            }
            let api = row(ApiKey::ApiVersions);
            let mut frame = response(ApiKey::ApiVersions, version, 8, &body);
            let reader = frame::response_body(&frame, api, version).unwrap();
            let advertised = api_versions::walk_response(&reader, version, api).unwrap();
            let mut edits = Edits::new();
            advertised.rewrite(&mut edits, admin).unwrap();
            frame::fix_length(&mut frame, &edits).unwrap();
            let mut expected = body;
            expected.api_keys = vec![range(0, 0, 13), range(1, 4, 18)];
            if admin {
                expected.api_keys.extend([range(55, 0, 1), range(29, 1, 3)]);
            }
            let out = edits.joined(&frame);
            let (_, read) =
                read_response::<ApiVersionsResponse>(ApiKey::ApiVersions, version, &out);
            assert_eq!(read, expected, "version {version}");
        }
    }
}

#[test]
fn a_broker_that_does_not_know_the_version_answers_in_version_0() {
    let api = row(ApiKey::ApiVersions);
    let own = ApiVersion::default().with_api_key(18).with_max_version(2);
    let body = ApiVersionsResponse::default().with_error_code(35).with_api_keys(vec![own]);
    let frame = response(ApiKey::ApiVersions, 0, 8, &body);
    let reader = frame::response_body(&frame, api, 4).unwrap();
    let advertised = api_versions::walk_response(&reader, 4, api).unwrap();
    assert_eq!(advertised.ranges, [api_versions::Range { key: 18, min: 0, max: 2 }]);
    // And ours, to a client that is newer than the table.
    let ours = api_versions::unsupported(api, 9);
    let (correlation_id, read) =
        read_response::<ApiVersionsResponse>(ApiKey::ApiVersions, 0, &ours);
    assert_eq!((correlation_id, read.error_code, read.api_keys[0].max_version), (9, 35, 4));
}

#[test]
fn the_gateways_own_requests_are_well_formed() {
    let api = row(ApiKey::Metadata);
    let ids = [Uuid([1; 16]), Uuid([2; 16])];
    let (header, read) =
        read_request::<MetadataRequest>(&metadata::request_by_id(api, 5, "gateway", &ids));
    assert_eq!((header.correlation_id, header.request_api_version), (5, 12));
    let asked: Vec<_> = read
        .topics
        .unwrap()
        .iter()
        .map(|topic| (topic.topic_id.into_bytes(), topic.name.clone()))
        .collect();
    assert_eq!(asked, [([1; 16], None), ([2; 16], None)]);
    assert!(!read.allow_auto_topic_creation);
    let (_, read) = read_request::<MetadataRequest>(&metadata::request_brokers(api, 5, "gateway"));
    assert_eq!(read.topics, Some(Vec::new()));
}
