//! The registry in a compacted topic of a real cluster.

use std::{path::Path, process::Command};

use nucypher_kafka::{client::Connection, registry::Directory};
use nucypher_pre::Suite;
use rdkafka::producer::FutureRecord;

use crate::{
    authority::{Authority, consumer_key},
    clients::{
        denied, opening_consumer, producer, receive, seal_all, sealing_producer, texts, values,
    },
    cluster::{Cluster, unique, within},
    gateway::{InProcess, behind, fixed},
};

async fn registry(arguments: Vec<String>) -> String {
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_nucypher"))
            .arg("registry")
            .args(arguments)
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

async fn copy(from: &str, to: &str) -> String {
    let arguments = ["copy", "--from", from, "--to", to];
    registry(arguments.map(str::to_owned).to_vec()).await
}

fn contents(path: &Path) -> Vec<String> {
    let found = Directory::new(path).read().unwrap();
    let mut all: Vec<_> = found.into_iter().map(|found| format!("{found:?}")).collect();
    all.sort();
    all
}

/// A change that is copied into the topic is in force on two gateways, while they run; what others write
/// into the topic changes nothing; the brokers may restart; and the way back gives the directory.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn two_gateways_follow_a_topic() {
    let cluster = Cluster::alone().await;
    within(async {
        let authority = Authority::new();
        let (topic, log) = (unique("followed"), unique("registry"));
        cluster.topic(&topic, 1).await;
        let place = format!("kafka:{}/{log}", cluster.bootstrap);
        let directory = authority.directory().display().to_string();
        let replicas = cluster.brokers.to_string();
        registry(["create", &place, "--replicas", &replicas].map(str::to_owned).to_vec()).await;
        let channel = authority.channel(&unique("channel"), Suite::Bbs98, &[&topic]);
        copy(&directory, &place).await;

        let mut gateways = Vec::new();
        for number in 0..2 {
            let config = behind(&cluster.bootstrap)
                + &authority.section_of_topic(&log, number)
                + &fixed("producer")
                + &fixed("alice");
            gateways.push(InProcess::start(&config).await);
        }
        let at = |gateway: usize, name: &str| Connection::plaintext(gateways[gateway].at(name));
        let writer = sealing_producer(at(0, "producer"), &topic, authority.sealing(&channel));
        let history = values("history", 10);
        seal_all(&writer, &topic, 1, &history).await;
        let alice = consumer_key(Suite::Bbs98);
        let readers: Vec<_> = (0..2)
            .map(|one| opening_consumer(at(one, "alice"), &topic, 1, &channel, &alice))
            .collect();
        for reader in &readers {
            denied(reader).await;
        }
        let grant = authority.grant(&channel, "alice", alice.public_key());
        copy(&directory, &place).await;
        for reader in &readers {
            assert_eq!(texts(receive(reader, 10).await), history);
        }
        assert!(copy(&directory, &place).await.contains("0 entries copied"), "nothing is new");

        // What somebody else writes into the topic has no effect.
        let vandal = producer(&cluster.client(), "none");
        vandal
            .send(
                FutureRecord::to(&log).key("any").payload("garbage"),
                std::time::Duration::from_secs(60),
            )
            .await
            .unwrap();
        cluster.broker("restart-broker", 1).await;
        authority.revoke(grant);
        copy(&directory, &place).await;
        for reader in &readers {
            denied(reader).await;
        }

        // The way back.
        let folder = tempfile::tempdir().unwrap();
        let back = folder.path().join("back");
        copy(&place, &back.display().to_string()).await;
        assert_eq!(contents(&back), contents(&authority.directory()));
        for gateway in gateways {
            gateway.stop().await;
        }
    })
    .await;
}
