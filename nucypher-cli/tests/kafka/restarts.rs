//! Gateways and brokers that end and come back under load: every record counts.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use nucypher_envelope::ChannelName;
use nucypher_kafka::client::{Connection, ProducerRecord, SealingProducer};
use nucypher_pre::{SecretKey, Suite};
use tokio::task::JoinHandle;

use crate::{
    authority::{Authority, consumer_key},
    clients::{opening_consumer, receive, sealing_producer},
    cluster::{Cluster, poll, unique, within},
    gateway::{OwnProcess, behind, free_ports, listener_at},
};

/// One listener for producer and consumer on fixed ports, so that a gateway comes back where it was.
pub(crate) fn config(cluster: &Cluster, authority: &Authority, port: u16) -> String {
    let identity = "{ kind = \"fixed\", principal = \"User:alice\" }";
    let listener = listener_at("alice", identity, port + 9, port - 1);
    behind(&cluster.bootstrap)
        + &authority.section()
        + &listener.replace("last = 9", "first = 1, last = 8")
}

/// A producer that goes on until it is told to stop, one record after the other for each partition.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    delivered: Arc<AtomicUsize>,
    task: JoinHandle<usize>,
}

impl Load {
    fn start(writer: SealingProducer, topic: &str, partitions: i32) -> Self {
        let (stop, delivered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stopped, count, topic) = (Arc::clone(&stop), Arc::clone(&delivered), topic.to_owned());
        let task = tokio::spawn(async move {
            let mut sent = 0;
            while !stopped.load(Ordering::Relaxed) {
                let mut deliveries = Vec::new();
                for _ in 0..20 {
                    let value = format!("record {sent}");
                    let partition = sent as i32 % partitions;
                    let record = ProducerRecord::new(&topic, value.as_bytes()).partition(partition);
                    deliveries.push(writer.enqueue(record).await.unwrap());
                    sent += 1;
                }
                for delivery in deliveries {
                    delivery.await.unwrap();
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
            sent
        });
        Self { stop, delivered, task }
    }

    /// Waits until so many more records were delivered.
    pub(crate) async fn more(&self, count: usize) {
        let (delivered, target) =
            (Arc::clone(&self.delivered), self.delivered.load(Ordering::Relaxed) + count);
        poll("the load goes on", move || {
            (delivered.load(Ordering::Relaxed) >= target).then_some(())
        })
        .await;
    }

    /// Ends it and says how many records were delivered.
    async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

/// Reads with one consumer, all the time; gives how often each value arrived.
fn reading(
    connection: Connection,
    topic: &str,
    partitions: i32,
    channel: &ChannelName,
    key: &SecretKey,
) -> (JoinHandle<()>, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let reader = opening_consumer(connection, topic, partitions, channel, key);
    let (sender, values) = tokio::sync::mpsc::unbounded_channel();
    let task = tokio::spawn(async move {
        loop {
            for outcome in receive(&reader, 1).await {
                let value = outcome.opened().value.unwrap();
                let _ = sender.send(String::from_utf8(value).unwrap());
            }
        }
    });
    (task, values)
}

/// A topic of three partitions, its channel, and alice, who may read it.
pub(crate) struct Scene {
    pub(crate) authority: Authority,
    pub(crate) topic: String,
    channel: ChannelName,
    alice: SecretKey,
}

/// The partitions of a [`Scene`]'s topic.
pub(crate) const PARTITIONS: i32 = 3;

impl Scene {
    /// For a topic that is there.
    pub(crate) fn new(topic: String) -> Self {
        let authority = Authority::new();
        let channel = authority.channel(&unique("channel"), Suite::Bbs98, &[&topic]);
        let alice = consumer_key(Suite::Bbs98);
        authority.grant(&channel, "alice", alice.public_key());
        Self { authority, topic, channel, alice }
    }

    /// Load and a reader go on while `disturb` happens; then every record has arrived exactly once,
    /// and in each partition in the order in which it was sent.
    pub(crate) async fn survives(&self, bootstrap: String, disturb: impl AsyncFnOnce(&Load)) {
        let Self { authority, topic, channel, alice } = self;
        let connection = Connection::plaintext(bootstrap)
            .property("reconnect.backoff.ms", "20")
            .property("reconnect.backoff.max.ms", "500");
        let writer = sealing_producer(connection.clone(), topic, authority.sealing(channel));
        let (task, mut values) = reading(connection, topic, PARTITIONS, channel, alice);
        let load = Load::start(writer, topic, PARTITIONS);
        disturb(&load).await;
        let sent = load.end().await;
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut last: BTreeMap<i32, i32> = BTreeMap::new();
        while seen.len() < sent {
            let value = values.recv().await.unwrap();
            let number: i32 = value.strip_prefix("record ").unwrap().parse().unwrap();
            // A record's partition is its number modulo the partitions (`Load::start`).
            let before = last.insert(number % PARTITIONS, number);
            assert!(before < Some(number), "{value} after {before:?}");
            *seen.entry(value).or_default() += 1;
        }
        task.abort();
        assert!((0..sent).all(|n| seen.contains_key(&format!("record {n}"))));
        let twice: Vec<_> = seen.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "of {sent}: {twice:?}");
    }
}

pub(crate) async fn start(folder: &Path, config: &str, port: u16) -> OwnProcess {
    OwnProcess::start(folder, config, port + 9).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn a_gateway_is_restarted_and_killed_under_load() {
    let cluster = Cluster::shared().await;
    within(async {
        let topic = unique("gateway-restart");
        cluster.topic(&topic, PARTITIONS).await;
        let scene = Scene::new(topic);
        let port = free_ports();
        let config = config(&cluster, &scene.authority, port);
        let folder = scene.authority.path();
        let mut gateway = Some(start(folder, &config, port).await);
        let bootstrap = format!("127.0.0.1:{}", port + 9);
        scene
            .survives(bootstrap, async |load| {
                load.more(200).await;
                gateway.take().unwrap().terminate().await;
                gateway = Some(start(folder, &config, port).await);
                load.more(200).await;
                gateway.take().unwrap().kill().await;
                gateway = Some(start(folder, &config, port).await);
                load.more(200).await;
            })
            .await;
        drop(gateway);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn a_broker_is_restarted_and_killed_under_load() {
    let cluster = Cluster::alone().await;
    within(async {
        let topic = unique("broker-restart");
        let (replicas, in_sync) = if cluster.brokers == 3 { (3, "2") } else { (1, "1") };
        let in_sync = [("min.insync.replicas", in_sync)];
        cluster.topic_with(&topic, PARTITIONS, replicas, &in_sync).await;
        let scene = Scene::new(topic);
        let port = free_ports();
        let config = config(&cluster, &scene.authority, port);
        let gateway = start(scene.authority.path(), &config, port).await;
        let bootstrap = format!("127.0.0.1:{}", port + 9);
        scene
            .survives(bootstrap, async |load| {
                load.more(200).await;
                cluster.broker("restart-broker", 1).await;
                load.more(200).await;
                if cluster.brokers == 3 {
                    // With three, the other two go on while one is down.
                    cluster.broker("kill-broker", 2).await;
                    load.more(200).await;
                    cluster.broker("start-broker", 2).await;
                    load.more(200).await;
                }
            })
            .await;
        gateway.terminate().await;
        // Tests that come after this one find every broker in its place.
        let probe = unique("after-restart");
        cluster.topic_with(&probe, 6, replicas, &[]).await;
        tokio::time::timeout(Duration::from_secs(60), cluster.topic(&unique("after"), 3))
            .await
            .unwrap();
    })
    .await;
}
