//! No client ever learns an address at which a broker listens.

use std::collections::BTreeSet;

use bytes::Bytes;
use kafka_protocol::{
    messages::{
        ApiVersionsRequest, BrokerId, DescribeClusterRequest, DescribeConfigsRequest,
        DescribeQuorumRequest, FetchRequest, FindCoordinatorRequest, MetadataRequest,
        ProduceRequest,
        describe_configs_request::DescribeConfigsResource,
        describe_quorum_request::{PartitionData, TopicData},
        fetch_request::{FetchPartition, FetchTopic},
        metadata_request::MetadataRequestTopic,
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    protocol::{Request, StrBytes},
};
use rdkafka::message::OwnedHeaders;

use crate::{
    clients::{producer, send_all},
    cluster::{Cluster, poll, unique, within},
    gateway::{InProcess, behind, fixed},
    wire::{Wire, contains, leader, partition_of, topic_name},
};

/// Every form in which an address may stand in a response.
fn forms(host: &str, port: u16) -> Vec<Vec<u8>> {
    let host = host.as_bytes();
    vec![
        format!("{}:{port}", String::from_utf8_lossy(host)).into_bytes(),
        [host, &i32::from(port).to_be_bytes()].concat(),
        [host, &port.to_be_bytes()].concat(),
    ]
}

/// Asks both ways; whatever the broker says of addresses, the gateway must not.
struct Asker {
    forbidden: Vec<Vec<u8>>,
    told: BTreeSet<String>,
    asked: usize,
}

impl Asker {
    fn leaks(&self, frame: &Bytes) -> bool {
        self.forbidden.iter().any(|form| contains(frame, form))
    }

    fn ask<R: Request>(
        &mut self,
        what: &str,
        direct: &str,
        through: &str,
        version: i16,
        request: &R,
    ) -> R::Response {
        let (_, frame) = Wire::connect(direct).call(version, request);
        if self.leaks(&frame) {
            self.told.insert(what.to_owned());
        }
        let (response, frame) = Wire::connect(through).call(version, request);
        assert!(!self.leaks(&frame), "{what} {version} tells a broker's address: {frame:?}");
        self.asked += 1;
        response
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn no_response_names_an_address_of_a_broker() {
    let cluster = Cluster::shared().await;
    within(async {
        let gateway = InProcess::start(&(behind(&cluster.bootstrap) + &fixed("admin"))).await;
        let topic = unique("addresses");
        cluster.topic(&topic, 1).await;
        let record = (0, None, Some(b"value".to_vec()), OwnedHeaders::new(), 1_700_000_000_000);
        send_all(&producer(&cluster.client(), "none"), [record], &topic).await;

        let mut asker = Asker {
            forbidden: cluster
                .addresses()
                .iter()
                .flat_map(|(host, port)| forms(host, *port))
                .collect(),
            told: BTreeSet::new(),
            asked: 0,
        };
        let direct: Vec<&str> = cluster.bootstrap.split(',').collect();
        let through = gateway.at("admin").to_owned();

        for version in 0..=13 {
            let named = MetadataRequestTopic::default().with_name(Some(topic_name(&topic)));
            let request = MetadataRequest::default()
                .with_topics(Some(vec![named]))
                .with_allow_auto_topic_creation(version < 4);
            let response = asker.ask("Metadata", direct[0], &through, version, &request);
            assert_eq!(response.brokers.len(), direct.len());
            let everything = MetadataRequest::default()
                .with_topics((version == 0).then(Vec::new))
                .with_allow_auto_topic_creation(true);
            asker.ask("Metadata", direct[0], &through, version, &everything);
        }
        // Brokers make the topics of coordinators when they are first asked for one.
        for (kind, name) in [(0, "group"), (1, "transaction")] {
            let direct = direct[0].to_owned();
            poll("there is a coordinator", move || {
                let request = FindCoordinatorRequest::default()
                    .with_key_type(kind)
                    .with_coordinator_keys(vec![StrBytes::from_static_str(name)]);
                let (found, _) = Wire::connect(&direct).call(4, &request);
                (found.coordinators[0].error_code == 0).then_some(())
            })
            .await;
        }
        for version in 0..=6 {
            for (kind, name) in [(0, "group"), (1, "transaction")] {
                if version == 0 && kind == 1 {
                    continue;
                }
                let name = StrBytes::from_static_str(name);
                let request = FindCoordinatorRequest::default();
                let request = if version < 4 {
                    request.with_key(name)
                } else {
                    request.with_coordinator_keys(vec![name])
                };
                let request = if version >= 1 { request.with_key_type(kind) } else { request };
                asker.ask("FindCoordinator", direct[0], &through, version, &request);
            }
        }
        for version in 0..=2 {
            let request = DescribeClusterRequest::default();
            let request = if version >= 1 { request.with_endpoint_type(1) } else { request };
            let request =
                if version >= 2 { request.with_include_fenced_brokers(true) } else { request };
            asker.ask("DescribeCluster", direct[0], &through, version, &request);
            if version >= 1 {
                // The controllers' endpoints; a broker refuses to tell them.
                let request = DescribeClusterRequest::default().with_endpoint_type(2);
                asker.ask("DescribeCluster of controllers", direct[0], &through, version, &request);
            }
        }
        for version in 0..=1 {
            let partition = PartitionData::default().with_partition_index(0);
            let quorum = TopicData::default()
                .with_topic_name(topic_name("__cluster_metadata"))
                .with_partitions(vec![partition]);
            let request = DescribeQuorumRequest::default().with_topics(vec![quorum]);
            asker.ask("DescribeQuorum", direct[0], &through, version, &request);
        }

        // From here on each node by itself, at the gateway's address for it.
        let nodes = Wire::connect(&through).metadata(&[&topic]).0.brokers;
        let topic_id = Wire::connect(&through).metadata(&[&topic]).0.topics[0].topic_id;
        let stored = Wire::connect(&leader(&cluster.bootstrap, &topic)).fetch(&[&topic], 0, 100);
        let batch = partition_of(&stored, &topic).records.clone().unwrap();
        let mut endpoints = 0;
        for node in &nodes {
            let through = format!("{}:{}", node.host, node.port);
            let direct = direct[node.node_id.0 as usize - 1];
            for version in 1..=4 {
                let resource = DescribeConfigsResource::default()
                    .with_resource_type(4)
                    .with_resource_name(StrBytes::from_string(node.node_id.0.to_string()))
                    .with_configuration_keys(None);
                let request = DescribeConfigsRequest::default()
                    .with_resources(vec![resource])
                    .with_include_synonyms(true);
                let request =
                    if version >= 3 { request.with_include_documentation(true) } else { request };
                let response = asker.ask("DescribeConfigs", direct, &through, version, &request);
                let configs = &response.results[0].configs;
                let value = |name: &str| {
                    configs
                        .iter()
                        .find(|config| config.name.as_str() == name)
                        .unwrap()
                        .value
                        .clone()
                };
                assert_eq!(value("listeners"), None);
                assert_eq!(value("node.id").unwrap().as_str(), node.node_id.0.to_string());
            }
            for version in 10..=13 {
                let data =
                    PartitionProduceData::default().with_index(0).with_records(Some(batch.clone()));
                let data = TopicProduceData::default().with_partition_data(vec![data]);
                let data = if version < 13 {
                    data.with_name(topic_name(&topic))
                } else {
                    data.with_topic_id(topic_id)
                };
                let request = ProduceRequest::default()
                    .with_acks(1)
                    .with_timeout_ms(30_000)
                    .with_topic_data(vec![data]);
                let response = asker.ask("Produce", direct, &through, version, &request);
                endpoints += check(
                    &response
                        .node_endpoints
                        .iter()
                        .map(|one| (one.node_id, &one.host, one.port))
                        .collect::<Vec<_>>(),
                    &nodes,
                );
            }
            for version in 16..=18 {
                let partition = FetchPartition::default()
                    .with_fetch_offset(0)
                    .with_partition_max_bytes(1 << 20)
                    .with_high_watermark(i64::MAX);
                let fetched =
                    FetchTopic::default().with_topic_id(topic_id).with_partitions(vec![partition]);
                let request = FetchRequest::default()
                    .with_max_wait_ms(100)
                    .with_session_epoch(-1)
                    .with_topics(vec![fetched]);
                let response = asker.ask("Fetch", direct, &through, version, &request);
                endpoints += check(
                    &response
                        .node_endpoints
                        .iter()
                        .map(|one| (one.node_id, &one.host, one.port))
                        .collect::<Vec<_>>(),
                    &nodes,
                );
                // A topic that is not there, by an id that nobody knows.
                let unknown = FetchTopic::default()
                    .with_topic_id("00000000-0000-0000-0000-00000000004d".parse().unwrap())
                    .with_partitions(vec![FetchPartition::default().with_partition_max_bytes(1)]);
                let request =
                    FetchRequest::default().with_session_epoch(-1).with_topics(vec![unknown]);
                asker.ask("Fetch of an unknown topic", direct, &through, version, &request);
            }
        }
        // The control: asked directly, brokers do tell their addresses.
        let mut expected: BTreeSet<&str> =
            ["DescribeCluster", "DescribeConfigs", "FindCoordinator", "Metadata"].into();
        if cluster.brokers > 1 {
            expected.extend(["Fetch", "Produce"]);
            assert_eq!(endpoints, (4 + 3) * (nodes.len() - 1), "who is wrong is told who is right");
        }
        assert_eq!(asker.told.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected);
        assert!(asker.asked > 60);
        gateway.stop().await;
    })
    .await;
}

/// Endpoints in a response are the gateway's own, as its metadata tells them; how many there were.
fn check(
    endpoints: &[(BrokerId, &StrBytes, i32)],
    nodes: &[kafka_protocol::messages::metadata_response::MetadataResponseBroker],
) -> usize {
    for (id, host, port) in endpoints {
        let node = nodes.iter().find(|node| node.node_id == *id).unwrap();
        assert_eq!((*host, *port), (&node.host, node.port));
    }
    endpoints.len()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn what_tells_addresses_otherwise_is_not_offered() {
    let cluster = Cluster::shared().await;
    within(async {
        let config = behind(&cluster.bootstrap) + &fixed("admin") + &fixed("alice");
        let gateway = InProcess::start(&config).await;
        let direct = cluster.bootstrap.split(',').next().unwrap();
        let ranges = |address: &str| {
            let (response, _) = Wire::connect(address).call(0, &ApiVersionsRequest::default());
            response.api_keys
        };
        let brokers = ranges(direct);
        for name in ["admin", "alice"] {
            let offered = ranges(gateway.at(name));
            assert!(offered.len() > 20);
            for range in &offered {
                let broker = brokers.iter().find(|broker| broker.api_key == range.api_key).unwrap();
                assert!(
                    range.min_version >= broker.min_version
                        && range.max_version <= broker.max_version
                );
                let hidden =
                    [4, 5, 6, 7, 27, 52, 53, 54, 56, 58, 59, 62, 63, 64, 67, 70, 73, 80, 81, 82];
                assert!(!hidden.contains(&range.api_key), "{}", range.api_key);
            }
            let quorum = offered.iter().find(|range| range.api_key == 55);
            assert!(quorum.is_none_or(|range| range.max_version <= 1));
            // Only who is named may administer where the brokers see the gateway.
            assert_eq!(offered.iter().any(|range| range.api_key == 32), name == "admin");
        }
        // Asked all the same, the connection ends and nothing is told.
        let partition = PartitionData::default().with_partition_index(0);
        let quorum = TopicData::default()
            .with_topic_name(topic_name("__cluster_metadata"))
            .with_partitions(vec![partition]);
        let request = DescribeQuorumRequest::default().with_topics(vec![quorum]);
        let mut wire = Wire::connect(gateway.at("admin"));
        wire.send(2, &request);
        assert!(wire.receive_frame().is_err());
        let mut wire = Wire::connect(gateway.at("alice"));
        wire.send(1, &request);
        assert!(wire.receive_frame().is_err());
        gateway.stop().await;
    })
    .await;
}
