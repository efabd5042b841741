//! A channel that requires encryption takes nothing else.

use nucypher_kafka::client::{ProduceError, ProducerRecord};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaErrorCode;

use super::bench::{Bench, Cluster, PATIENCE, key, next};

#[tokio::test(flavor = "multi_thread")]
async fn clear_and_malformed_records_are_refused_and_sealed_ones_pass() {
    let bench = Bench::start(Cluster::any(1)).await;
    let strict = bench.cluster.topic("strict", 1).await;
    let other = bench.cluster.topic("other", 1).await;
    let open = bench.cluster.topic("unrestricted", 1).await;
    bench.create_channel("strict", &[&strict], true);
    bench.create_channel("other", &[&other], false);
    let alice = key();
    bench.grant("strict", "alice", &alice);
    // The registry is watched; until the channel is in force nothing is refused.
    let patient: FutureProducer = bench.client("producer").create().unwrap();
    loop {
        let clear = FutureRecord::<str, _>::to(&strict).payload("clear");
        match patient.send(clear, PATIENCE).await {
            Ok(_) => tokio::task::yield_now().await,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::InvalidRecord), _)) => break,
            Err(other) => panic!("{other:?}"),
        }
    }

    for codec in ["none", "zstd"] {
        let plain: FutureProducer =
            bench.client("producer").set("compression.type", codec).create().unwrap();
        let header = |value: &[u8]| {
            OwnedHeaders::new().insert(Header { key: "nu.edek", value: Some(value) })
        };
        let payload = "x".repeat(1000);
        let forged = [
            FutureRecord::<str, _>::to(&strict).payload(&payload),
            FutureRecord::<str, _>::to(&strict).payload(&payload).headers(header(b"")),
            FutureRecord::<str, _>::to(&strict).payload(&payload).headers(header(&[1; 102])),
            FutureRecord::<str, String>::to(&strict).key("a deletion in clear"),
        ];
        for record in forged {
            match plain.send(record, PATIENCE).await {
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::InvalidRecord), _)) => {}
                other => panic!("{codec}: {other:?}"),
            }
        }
        // Under another channel's key.
        let stranger = bench.producer(&strict, "other", codec);
        let refused = stranger.send(ProducerRecord::new(&strict, b"theirs")).await.unwrap_err();
        assert!(matches!(refused, ProduceError::Refused(_)), "{refused:?}");
        // What is sealed as it should be passes, deletions too; and so does what no channel owns.
        let sealing = bench.producer(&strict, "strict", codec);
        sealing.send(ProducerRecord::new(&strict, b"sealed").key(b"k")).await.unwrap();
        let deletion =
            ProducerRecord { value: None, ..ProducerRecord::new(&strict, b"").key(b"k") };
        sealing.send(deletion).await.unwrap();
        plain.send(FutureRecord::<str, _>::to(&open).payload("clear"), PATIENCE).await.unwrap();
    }

    let consumer = bench.consumer("alice", &strict, "strict", &alice);
    let mut values = Vec::new();
    while values.len() < 4 {
        if let Ok(record) = next(&consumer).await {
            values.push(record.value);
        }
    }
    let sealed = Some(b"sealed".to_vec());
    assert_eq!(values, [sealed.clone(), None, sealed, None]);
}
