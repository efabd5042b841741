//! What is there before the first record: a cluster, a registry with its administrator, users,
//! and the gateway. All files lie in one temporary folder.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use nucypher_envelope::{ChannelName, Opener, OpenerConfig, SealerConfig};
use nucypher_kafka::client::{
    Connection, ConsumerConfig, OpeningConsumer, ProducerConfig, SealingProducer, Unlisted,
};
use nucypher_kafka::gateway::identity::users::{self, Existing};
use nucypher_kafka::gateway::identity::{Password, User};
use nucypher_kafka::gateway::{Gateway, GatewayConfig};
use nucypher_kafka::registry::{
    Administrator, Consumer, GatewaySecretKey, GrantRequest, NewChannel, Validity,
};
use nucypher_pre::rand_core::CryptoRng;
use nucypher_pre::{PublicKey, SecretKey, Suite, os_rng};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::{ORDERS, PAYMENTS};
use crate::files::{self, Secrecy};

/// How many brokers the mock cluster has.
const BROKERS: i32 = 3;

/// What a partition of the mock cluster keeps (5 MB), less a margin, in records of the demo.
const RECORDS_A_PARTITION: u32 = 8_000;

/// SCRAM iterations of the demo's users: the least that RFC 7677 allows, to begin quickly.
const ITERATIONS: u32 = 4096;

/// How long a cluster may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The users: producers, then consumers.
const USERS: [&str; 5] = ["shop", "bank", "alice", "bob", "mallory"];

/// The brokers.
enum Brokers {
    /// librdkafka's mock cluster, in this process.
    Mock(Box<MockCluster<'static, DefaultProducerContext>>),
    /// Somebody else's cluster, on which the demo's topics are removed at the end.
    Existing(String),
}

/// Everything on the stage.
pub(super) struct Stage {
    brokers: Brokers,
    partitions: u32,
    topic_prefix: String,
    pub(super) administrator: Administrator,
    pub(super) gateway_address: String,
    passwords: Vec<(&'static str, Zeroizing<String>)>,
    keys: Vec<(&'static str, SecretKey)>,
    gateway: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Stage {
    /// Start the cluster, write the registry and the users, start the gateway.
    pub(super) async fn set(
        folder: &Path,
        bootstrap_server: Option<&str>,
        records: u32,
    ) -> Result<Self> {
        let brokers = match bootstrap_server {
            None => Brokers::Mock(Box::new(
                MockCluster::new(BROKERS).context("cannot start the mock cluster")?,
            )),
            Some(server) => Brokers::Existing(server.to_owned()),
        };
        let mut rng = os_rng();
        // An eleventh of it all comes after the revocation, and a topic holds half of the rest.
        let partitions = (records / 2 + records / 10).div_ceil(RECORDS_A_PARTITION).max(3);
        let topic_prefix = match brokers {
            Brokers::Mock(_) => String::new(),
            Brokers::Existing(_) => format!("nucypher-demo-{}-", random_hex::<4>(&mut rng)),
        };
        let gateway_key = GatewaySecretKey::generate(&mut rng);
        let administrator = Administrator::init(
            &folder.join("admin"),
            &folder.join("registry"),
            None,
            None,
            now_ms(),
            &mut rng,
        )?;
        administrator.add_gateway(gateway_key.public_key())?;
        let mut stage = Self {
            brokers,
            partitions,
            topic_prefix,
            administrator,
            gateway_address: String::new(),
            passwords: Vec::new(),
            keys: Vec::new(),
            gateway: None,
        };
        stage.create_topics().await?;
        stage.fill_registry(&mut rng)?;
        stage.write_users(folder, &mut rng).await?;
        stage.start_gateway(folder, &gateway_key, &mut rng).await?;
        Ok(stage)
    }

    /// What the cluster is, for the story.
    pub(super) fn cluster(&self) -> String {
        match &self.brokers {
            Brokers::Mock(_) => {
                format!("{BROKERS} brokers in this process (librdkafka's mock cluster)")
            }
            Brokers::Existing(server) => format!("the cluster at {server}"),
        }
    }

    /// Addresses of brokers, which clients must never see.
    pub(super) fn bootstrap_servers(&self) -> String {
        match &self.brokers {
            Brokers::Mock(cluster) => cluster.bootstrap_servers(),
            Brokers::Existing(server) => server.clone(),
        }
    }

    /// Partitions of each topic.
    pub(super) fn partitions(&self) -> u32 {
        self.partitions
    }

    /// The topic of a channel.
    pub(super) fn topic(&self, channel: &str) -> String {
        format!("{}{channel}", self.topic_prefix)
    }

    /// The public key under which the producers of a channel encrypt.
    pub(super) fn channel_key(&self, channel: &str) -> Result<PublicKey> {
        Ok(self.administrator.channel_key(channel, None, "")?)
    }

    /// A producer that seals for a channel, through the gateway.
    pub(super) fn producer(&self, user: &str, channel: &str) -> Result<SealingProducer> {
        let sealing = SealerConfig::new(self.channel_key(channel)?, ChannelName::new(channel)?);
        let config =
            ProducerConfig::new(self.connection(user)?).topic(self.topic(channel), sealing);
        Ok(SealingProducer::new(config)?)
    }

    /// A consumer that opens with its user's private key, through the gateway.
    pub(super) fn consumer(&self, user: &str, channels: &[&str]) -> Result<OpeningConsumer> {
        let key = self.keys.iter().find(|(name, _)| *name == user).map(|(_, key)| key.clone());
        let opener = Opener::new(OpenerConfig::new(key))?;
        // A short wait at the broker, so that a revocation shows without records that arrive.
        let connection = self.connection(user)?.property("fetch.wait.max.ms", "100");
        let mut config = ConsumerConfig::new(connection).opener(opener);
        for channel in channels {
            config = config.topic(self.topic(channel), ChannelName::new(channel)?);
        }
        Ok(OpeningConsumer::new(config)?)
    }

    /// A consumer past the gateway, which sees what the brokers store.
    pub(super) fn past_the_gateway(&self) -> Result<OpeningConsumer> {
        let mut config = ConsumerConfig::new(Connection::plaintext(self.bootstrap_servers()));
        config.unlisted = Unlisted::Pass;
        Ok(OpeningConsumer::new(config)?)
    }

    /// The addresses of the brokers, as the cluster and as the gateway tell them.
    pub(super) async fn addresses(&self) -> Result<(Vec<String>, Vec<String>)> {
        let (direct, through) = (self.past_the_gateway()?, self.consumer("alice", &[])?);
        let (direct, through) = tokio::try_join!(direct.nodes(PATIENCE), through.nodes(PATIENCE))?;
        ensure!(!direct.is_empty(), "the cluster names no node");
        Ok((direct, through))
    }

    /// Stop the gateway and remove what was made on somebody else's cluster.
    pub(super) async fn clear(&mut self) {
        if let Some((end, served)) = self.gateway.take() {
            let _ = end.send(());
            // It drains within its own limit.
            let _ = served.await;
        }
        if let Brokers::Existing(server) = &self.brokers
            && let Ok(admin) = admin(server)
        {
            let topics = [self.topic(ORDERS), self.topic(PAYMENTS)];
            let names: Vec<&str> = topics.iter().map(String::as_str).collect();
            let _ = admin.delete_topics(&names, &AdminOptions::new()).await;
        }
    }

    async fn create_topics(&self) -> Result<()> {
        let partitions = i32::try_from(self.partitions)?;
        match &self.brokers {
            Brokers::Mock(cluster) => {
                for channel in [ORDERS, PAYMENTS] {
                    cluster.create_topic(&self.topic(channel), partitions, 1)?;
                }
            }
            Brokers::Existing(server) => {
                let topics = [self.topic(ORDERS), self.topic(PAYMENTS)];
                let new: Vec<_> = topics
                    .iter()
                    .map(|topic| NewTopic::new(topic, partitions, TopicReplication::Fixed(1)))
                    .collect();
                let options = AdminOptions::new()
                    .operation_timeout(Some(PATIENCE))
                    .request_timeout(Some(PATIENCE));
                let made = admin(server)?.create_topics(&new, &options).await;
                for topic in
                    made.with_context(|| format!("cannot make topics on the cluster at {server}"))?
                {
                    topic.map_err(|(topic, code)| {
                        anyhow::anyhow!("cannot make the topic {topic} at {server}: {code}")
                    })?;
                }
            }
        }
        Ok(())
    }

    fn fill_registry(&mut self, rng: &mut impl CryptoRng) -> Result<()> {
        for channel in [ORDERS, PAYMENTS] {
            let new = NewChannel { topics: vec![self.topic(channel)], ..NewChannel::new(channel) };
            self.administrator.create_channel(&new, now_ms())?;
        }
        for name in ["alice", "bob", "mallory"] {
            self.keys.push((name, SecretKey::generate(Suite::Bbs98, rng)));
        }
        for (principal, channel) in [("alice", ORDERS), ("alice", PAYMENTS), ("bob", ORDERS)] {
            let key = self
                .keys
                .iter()
                .find(|(name, _)| *name == principal)
                .map(|(_, key)| key.public_key().clone());
            let request = GrantRequest {
                channel: channel.to_owned(),
                epoch: None,
                field: String::new(),
                principal: principal.to_owned(),
                // From the public key alone: the administrator never sees a consumer's private key.
                consumer: Consumer::Public(key.context("every granted consumer has a key")?),
                validity: Validity::default(),
                topics: Vec::new(),
                gateways: Vec::new(),
            };
            self.administrator.grant(&request, now_ms(), rng)?;
        }
        Ok(())
    }

    async fn write_users(&mut self, folder: &Path, rng: &mut impl CryptoRng) -> Result<()> {
        self.passwords = USERS.map(|name| (name, Zeroizing::new(random_hex::<16>(rng)))).to_vec();
        let (file, passwords) = (folder.join("users.toml"), self.passwords.clone());
        let write = move || {
            for (name, password) in passwords {
                let user = User::from_password(&Password::new(password)?, ITERATIONS)?;
                users::add(&file, name, user, Existing::Refuse)?;
            }
            Ok(())
        };
        tokio::task::spawn_blocking(write).await?
    }

    async fn start_gateway(
        &mut self,
        folder: &Path,
        key: &GatewaySecretKey,
        rng: &mut impl CryptoRng,
    ) -> Result<()> {
        let key_file = folder.join("gateway.pem");
        files::write_output(
            &key_file,
            key.to_pem(None, rng)?.as_bytes(),
            Secrecy::Secret,
            files::Existing::Keep,
        )?;
        let config = folder.join("gateway.toml");
        let text = gateway_toml(&self.bootstrap_servers())?;
        files::write_output(&config, text.as_bytes(), Secrecy::Public, files::Existing::Keep)?;
        let gateway = Gateway::bind(GatewayConfig::load(&config)?).await?;
        self.gateway_address = gateway.local_addr().to_string();
        let (end, ended) = oneshot::channel();
        let served = tokio::spawn(gateway.run(async {
            let _ = ended.await;
        }));
        self.gateway = Some((end, served));
        Ok(())
    }

    fn password(&self, user: &str) -> Result<Zeroizing<String>> {
        let found = self.passwords.iter().find(|(name, _)| *name == user);
        found.map(|(_, password)| password.clone()).context("every user of the demo has a password")
    }

    fn connection(&self, user: &str) -> Result<Connection> {
        Ok(Connection::sasl_plain(&self.gateway_address, user, self.password(user)?))
    }
}

/// The gateway's configuration; paths are relative to its folder.
fn gateway_toml(bootstrap_servers: &str) -> Result<String> {
    let servers: Vec<&str> = bootstrap_servers.split(',').map(str::trim).collect();
    let mut text = String::new();
    // A JSON list of plain strings is a TOML list.
    writeln!(text, "[cluster]\nbootstrap_servers = {}", serde_json::to_string(&servers)?)?;
    text.push_str(
        r#"
[[listener]]
name = "demo"
bind = "127.0.0.1:0"
advertised_host = "127.0.0.1"
node_ports = { base = 0 }
identity = { kind = "sasl", users = "users.toml", mechanisms = ["PLAIN"] }

[registry]
directory = "registry"
administrators = ["admin/administrator.pub"]
gateway_key = "gateway.pem"
state = "gateway.state"

[limits]
drain_ms = 1000
"#,
    );
    Ok(text)
}

fn admin(server: &str) -> Result<AdminClient<DefaultClientContext>> {
    Ok(ClientConfig::new().set("bootstrap.servers", server).create()?)
}

fn random_hex<const N: usize>(rng: &mut impl CryptoRng) -> String {
    let mut bytes = Zeroizing::new([0; N]);
    rng.fill_bytes(bytes.as_mut());
    hex::encode(bytes.as_ref())
}

/// Milliseconds since 1970, as the registry counts.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
