//! Partitions taken out and put back, against the kafka-protocol crate, in all versions.

use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{ApiKey, BrokerId, ProduceRequest, ProduceResponse};
use proptest::prelude::*;

use super::*;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::frame::{self, RequestHead};
use crate::protocol::oracle::{read_request, read_response, request, response, row, text};
use crate::records::Edits;

/// A request of topics with partitions; true is refused.
fn asked(version: i16, topics: &[Vec<bool>]) -> ProduceRequest {
    let topic = |(t, partitions): (usize, &Vec<bool>)| {
        let partition = |index| {
            let records =
                (index % 3 > 0).then(|| Bytes::from(vec![7; usize::try_from(index).unwrap()]));
            PartitionProduceData::default().with_index(index).with_records(records)
        };
        let partitions = (0..i32::try_from(partitions.len()).unwrap()).map(partition).collect();
        let mut topic = TopicProduceData::default().with_partition_data(partitions);
        if version >= TOPIC_IDS {
            topic.topic_id = uuid::Uuid::from_u128(t as u128 + 1);
        } else {
            topic.name = text(&format!("topic-{t}")).into();
        }
        topic
    };
    let topics = topics.iter().enumerate().map(topic).collect();
    ProduceRequest::default().with_acks(-1).with_timeout_ms(5).with_topic_data(topics)
}

fn answer(version: i16, asked: &ProduceRequest) -> ProduceResponse {
    let partition =
        |index: i32| PartitionProduceResponse::default().with_index(index).with_base_offset(9);
    let topic = |asked: &TopicProduceData| {
        let partitions = asked.partition_data.iter().map(|asked| partition(asked.index)).collect();
        TopicProduceResponse::default()
            .with_name(asked.name.clone())
            .with_topic_id(asked.topic_id)
            .with_partition_responses(partitions)
    };
    let mut answer = ProduceResponse::default()
        .with_throttle_time_ms(2)
        .with_responses(asked.topic_data.iter().map(topic).collect());
    if version >= 10 {
        let endpoint = NodeEndpoint::default().with_node_id(BrokerId(1)).with_host(text("broker"));
        answer.node_endpoints = vec![endpoint];
    }
    answer
}

fn refused(version: i16, refusal: &Refusal) -> PartitionProduceResponse {
    let mut partition = PartitionProduceResponse::default()
        .with_index(refusal.index)
        .with_error_code(refusal.error_code)
        .with_base_offset(-1)
        .with_log_append_time_ms(-1)
        .with_log_start_offset(-1);
    if version >= 8 {
        let message = Some(text(&refusal.message));
        let error = |index| {
            BatchIndexAndErrorMessage::default()
                .with_batch_index(index)
                .with_batch_index_error_message(message.clone())
        };
        partition.record_errors = refusal.record.map(error).into_iter().collect();
        partition.error_message = message.clone();
    }
    partition
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_refused_is_taken_out_and_put_back(
        topics in prop::collection::vec(prop::collection::vec(any::<bool>(), 1..5), 1..4),
        record in prop::option::of(0i32..9),
    ) {
        let api = row(ApiKey::Produce);
        for version in 3..=13 {
            let original = asked(version, &topics);
            let mut frame = request(ApiKey::Produce, version, 4, &original);
            let head = RequestHead::read(&frame, u32::MAX).unwrap().unwrap();
            let walked = walk_request(head.body(&frame, api).unwrap(), version).unwrap();
            for (topic, theirs) in walked.topics.iter().zip(&original.topic_data) {
                for (partition, theirs) in topic.partitions.iter().zip(&theirs.partition_data) {
                    let records = theirs.records.clone().unwrap_or_default();
                    prop_assert_eq!(&frame[partition.records.clone()], &records[..]);
                }
            }
            let refusals: Vec<_> = walked.topics.iter().zip(&topics).flat_map(|(topic, refused)| {
                let name = TopicName::from(topic.topic);
                (0..).zip(refused).filter(|(_, refused)| **refused).map(move |(index, _)| Refusal {
                    topic: name.clone(),
                    index,
                    error_code: INVALID_RECORD,
                    record,
                    message: format!("partition {index} is not encrypted"),
                })
            }).collect();
            let mut edits = Edits::new();
            let left = without(&walked, &mut edits, |t, p| topics[t][p]).unwrap();
            frame::fix_length(&mut frame, &edits).unwrap();

            let mut expected = original.clone();
            for (topic, refused) in expected.topic_data.iter_mut().zip(&topics) {
                topic.partition_data.retain(|partition| !refused[usize::try_from(partition.index).unwrap()]);
            }
            expected.topic_data.retain(|topic| !topic.partition_data.is_empty());
            prop_assert_eq!(left, expected.topic_data.iter().map(|topic| topic.partition_data.len()).sum::<usize>());
            let (_, read) = read_request::<ProduceRequest>(&edits.joined(&frame));
            prop_assert_eq!(&read, &expected);

            // The broker's answer to what is left, and what the client gets.
            let broker = answer(version, &expected);
            let mut frame = response(ApiKey::Produce, version, 4, &broker);
            let answered = walk_response(frame::response_body(&frame, api, version).unwrap(), version).unwrap();
            let mut edits = Edits::new();
            add(&answered, &mut edits, &refusals, version, api.is_flexible(version)).unwrap();
            answered.addresses.rewrite(&mut edits, |_| Endpoint { host: "gw".into(), port: 7 }).unwrap();
            frame::fix_length(&mut frame, &edits).unwrap();
            let (_, read) = read_response::<ProduceResponse>(ApiKey::Produce, version, &edits.joined(&frame));
            let mut all = answer(version, &original);
            for (topic, refused_ones) in all.responses.iter_mut().zip(&topics) {
                let name = match version >= TOPIC_IDS {
                    true => TopicName::Id(crate::protocol::wire::Uuid(*topic.topic_id.as_bytes())),
                    false => TopicName::Name(topic.name.to_string()),
                };
                for partition in topic.partition_responses.iter_mut() {
                    if refused_ones[usize::try_from(partition.index).unwrap()] {
                        let refusal = refusals.iter().find(|r| r.topic == name && r.index == partition.index);
                        *partition = refused(version, refusal.unwrap());
                    }
                }
            }
            for endpoint in &mut all.node_endpoints {
                (endpoint.host, endpoint.port) = (text("gw"), 7);
            }
            prop_assert_eq!(sorted(read), sorted(all.clone()));

            if left == 0 {
                let own = refuse_all(api, version, 4, &refusals);
                let (id, read) = read_response::<ProduceResponse>(ApiKey::Produce, version, &own);
                all.node_endpoints.clear();
                prop_assert_eq!(id, 4);
                prop_assert_eq!(sorted(read), sorted(all.with_throttle_time_ms(0)));
            }
        }
    }
}

/// Clients look partitions up, so their order means nothing.
fn sorted(mut response: ProduceResponse) -> ProduceResponse {
    for topic in &mut response.responses {
        topic.partition_responses.sort_by_key(|partition| partition.index);
    }
    response.responses.sort_by_key(|topic| (topic.name.to_string(), topic.topic_id));
    response
}

#[test]
fn acks_stand_at_the_front() {
    for version in 3..=13 {
        let body =
            ProduceRequest::default().with_transactional_id(Some(text("tx").into())).with_acks(1);
        let frame = request(ApiKey::Produce, version, 4, &body);
        let head = RequestHead::read(&frame, u32::MAX).unwrap().unwrap();
        let reader = |frame| head.body(frame, row(ApiKey::Produce));
        assert_eq!(reader(&frame).and_then(acks), Ok(1));
        for len in 12..frame.len() - 6 {
            if let Err(error) = reader(&frame[..len]).and_then(acks) {
                assert_eq!(error.flaw, crate::protocol::wire::Flaw::Short);
            }
        }
    }
}
