//! Two gateways side by side, and partitions that move, under load: every record arrives exactly once,
//! and in each partition in the order in which it was sent.

use rdkafka::{ClientConfig, admin::AdminClient, client::DefaultClientContext};

use crate::{
    clients::CALL,
    cluster::{Cluster, poll, unique, within},
    gateway::free_ports,
    restarts::{PARTITIONS, Scene, config, start},
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn of_two_gateways_one_is_killed_and_then_the_other_drained_under_load() {
    let cluster = Cluster::shared().await;
    within(async {
        let topic = unique("two-gateways");
        cluster.topic(&topic, PARTITIONS).await;
        let scene = Scene::new(topic);
        let authority = &scene.authority;
        let (left, right) = (free_ports(), free_ports());
        let left_config = config(&cluster, authority, left);
        let right_config = config(&cluster, authority, right).replace("state/seen", "state/right");
        let folder = authority.path();
        let mut one = Some(start(folder, &left_config, left).await);
        let mut other = Some(start(folder, &right_config, right).await);
        let bootstrap = format!("127.0.0.1:{},127.0.0.1:{}", left + 9, right + 9);
        scene
            .survives(bootstrap, async |load| {
                load.more(200).await;
                one.take().unwrap().kill().await;
                load.more(200).await;
                one = Some(start(folder, &left_config, left).await);
                other.take().unwrap().terminate().await;
                load.more(200).await;
            })
            .await;
        drop((one, other));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn partitions_move_to_other_brokers_under_load() {
    let cluster = Cluster::shared().await;
    if cluster.brokers < 3 {
        eprintln!("partitions_move_to_other_brokers_under_load SKIPPED: needs three brokers");
        return;
    }
    within(async {
        let topic = unique("moving");
        cluster.topic_with(&topic, PARTITIONS, 2, &[("min.insync.replicas", "2")]).await;
        let scene = Scene::new(topic);
        let (authority, topic) = (&scene.authority, &scene.topic);
        let port = free_ports();
        let config = config(&cluster, authority, port);
        let gateway = start(authority.path(), &config, port).await;
        let bootstrap = format!("127.0.0.1:{}", port + 9);
        let plan = authority.path().join("plan.json");
        scene.survives(bootstrap, async |load| {
            load.more(200).await;
            let (client, name) = (cluster.client(), topic.clone());
            let before = poll("leaders", move || leaders(&client, &name)).await;
            // To the two brokers that did not lead, so that each leader must change.
            let moves: Vec<_> = before.iter().enumerate().map(|(partition, leader)| {
                let (first, second) = (leader % 3 + 1, (leader + 1) % 3 + 1);
                format!(r#"{{"topic":"{topic}","partition":{partition},"replicas":[{first},{second}]}}"#)
            }).collect();
            let text = format!(r#"{{"version":1,"partitions":[{}]}}"#, moves.join(","));
            std::fs::write(&plan, text).unwrap();
            let file = plan.display().to_string();
            cluster.tool("reassign-partitions", &["--reassignment-json-file", &file, "--execute"]).await;
            let (client, name) = (cluster.client(), topic.clone());
            poll("every partition has another leader", move || {
                let after = leaders(&client, &name)?;
                before.iter().zip(&after).all(|(old, new)| *new > 0 && old != new).then_some(())
            })
            .await;
            load.more(200).await;
        })
        .await;
        gateway.terminate().await;
    })
    .await;
}

/// The leader of each partition, as the brokers say.
fn leaders(client: &ClientConfig, topic: &str) -> Option<Vec<i32>> {
    let admin: AdminClient<DefaultClientContext> = client.create().unwrap();
    let metadata = admin.inner().fetch_metadata(Some(topic), CALL).ok()?;
    let partitions = metadata.topics().first()?.partitions();
    let mut leaders: Vec<_> = partitions.iter().map(|one| (one.id(), one.leader())).collect();
    leaders.sort_unstable();
    Some(leaders.into_iter().map(|(_, leader)| leader).collect())
}
