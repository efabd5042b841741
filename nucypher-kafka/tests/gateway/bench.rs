//! A cluster, a registry with its administrator, and a gateway between them and the test.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nucypher_envelope::{ChannelName, Opener, OpenerConfig, SealerConfig};
use nucypher_kafka::client::{
    Connection, ConsumeError, ConsumerConfig, OpenedRecord, OpeningConsumer, ProducerConfig,
    SealingProducer,
};
use nucypher_kafka::gateway::{Gateway, GatewayConfig};
use nucypher_kafka::registry::{
    Administrator, Consumer, EntryId, GatewaySecretKey, GrantRequest, NewChannel, Validity,
    write_secret_file,
};
use nucypher_pre::{SecretKey, Suite, os_rng};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Who the listeners take their clients for.
pub(crate) const PRINCIPALS: [&str; 3] = ["producer", "alice", "bob"];

pub(crate) enum Cluster {
    Mock(Box<MockCluster<'static, DefaultProducerContext>>),
    Real(String),
}

impl Cluster {
    /// The real one if there is one, else a mock.
    pub(crate) fn any(brokers: i32) -> Self {
        match std::env::var("KAFKA_TEST_BOOTSTRAP") {
            Ok(servers) => Self::Real(servers),
            Err(_) => Self::mock(brokers),
        }
    }

    pub(crate) fn mock(brokers: i32) -> Self {
        Self::Mock(Box::new(MockCluster::new(brokers).unwrap()))
    }

    pub(crate) fn bootstrap(&self) -> String {
        match self {
            Self::Mock(cluster) => cluster.bootstrap_servers(),
            Self::Real(servers) => servers.clone(),
        }
    }

    /// Creates a topic under a name of its own, for a real cluster outlives a test.
    pub(crate) async fn topic(&self, name: &str, partitions: i32) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = match self {
            Self::Mock(_) => name.to_owned(),
            Self::Real(_) => {
                format!("{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
            }
        };
        match self {
            Self::Mock(cluster) => cluster.create_topic(&name, partitions, 1).unwrap(),
            Self::Real(servers) => {
                let admin: AdminClient<DefaultClientContext> =
                    ClientConfig::new().set("bootstrap.servers", servers).create().unwrap();
                let topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
                let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
                let created = admin.create_topics([&topic], &options).await.unwrap();
                assert!(created.iter().all(Result::is_ok), "{created:?}");
            }
        }
        name
    }
}

pub(crate) struct Bench {
    pub(crate) cluster: Cluster,
    pub(crate) administrator: Administrator,
    addresses: Vec<(&'static str, String)>,
    stop: Option<oneshot::Sender<()>>,
    gateway: Option<JoinHandle<()>>,
    folder: TempDir,
}

pub(crate) fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

pub(crate) fn key() -> SecretKey {
    SecretKey::generate(Suite::Bbs98, &mut os_rng())
}

impl Bench {
    /// A gateway with a listener for each of [`PRINCIPALS`].
    pub(crate) async fn start(cluster: Cluster) -> Self {
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let administrator = Administrator::init(
            &path("admin"),
            &path("registry"),
            None,
            None,
            now_ms(),
            &mut os_rng(),
        )
        .unwrap();
        let gateway_key = GatewaySecretKey::generate(&mut os_rng());
        administrator.add_gateway(gateway_key.public_key()).unwrap();
        write_secret_file(&path("gateway.pem"), &gateway_key.to_pem(None, &mut os_rng()).unwrap())
            .unwrap();
        std::fs::write(path("administrator.pem"), administrator.public_key().to_pem().unwrap())
            .unwrap();
        let mut bench = Self {
            cluster,
            administrator,
            addresses: Vec::new(),
            stop: None,
            gateway: None,
            folder,
        };
        bench.start_gateway().await;
        bench
    }

    fn config(&self) -> GatewayConfig {
        let servers = self.cluster.bootstrap();
        let servers: Vec<_> = servers.split(',').map(|server| format!("{server:?}")).collect();
        let listeners = PRINCIPALS.map(|name| {
            format!(
                r#"
                [[listener]]
                name = "{name}"
                bind = "127.0.0.1:0"
                advertised_host = "127.0.0.1"
                node_ports = {{ base = 0 }}
                identity = {{ kind = "fixed", principal = "User:{name}" }}
                "#
            )
        });
        let text = format!(
            r#"
            [cluster]
            bootstrap_servers = [{}]
            [registry]
            directory = "registry"
            administrators = ["administrator.pem"]
            gateway_key = "gateway.pem"
            state = "seen"
            {}
            "#,
            servers.join(","),
            listeners.concat()
        );
        let mut config = GatewayConfig::parse(&text).unwrap();
        config.resolve(self.folder.path());
        config
    }

    pub(crate) async fn start_gateway(&mut self) {
        let gateway = Gateway::bind(self.config()).await.unwrap();
        self.addresses =
            PRINCIPALS.map(|name| (name, gateway.listener_addr(name).unwrap().to_string())).into();
        let (stop, stopped) = oneshot::channel();
        self.stop = Some(stop);
        self.gateway = Some(tokio::spawn(gateway.run(async {
            let _ = stopped.await;
        })));
    }

    pub(crate) async fn stop_gateway(&mut self) {
        drop(self.stop.take());
        if let Some(gateway) = self.gateway.take() {
            gateway.await.unwrap();
        }
    }

    pub(crate) fn address(&self, principal: &str) -> String {
        self.addresses.iter().find(|(name, _)| *name == principal).unwrap().1.clone()
    }

    pub(crate) fn client(&self, principal: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.address(principal));
        config
    }

    pub(crate) fn create_channel(&self, name: &str, topics: &[&str], require_encryption: bool) {
        let new = NewChannel {
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            require_encryption,
            ..NewChannel::new(name)
        };
        self.administrator.create_channel(&new, now_ms()).unwrap();
    }

    /// Grants a channel to a principal; what its key opens from the next fetch on.
    pub(crate) fn grant(&self, channel: &str, principal: &str, key: &SecretKey) -> EntryId {
        let request = GrantRequest {
            channel: channel.to_owned(),
            epoch: None,
            field: String::new(),
            principal: format!("User:{principal}"),
            consumer: Consumer::Public(key.public_key().clone()),
            validity: Validity::new(None, None).unwrap(),
            topics: Vec::new(),
            gateways: Vec::new(),
        };
        self.administrator.grant(&request, now_ms(), &mut os_rng()).unwrap().id
    }

    pub(crate) fn revoke(&self, id: EntryId) {
        self.administrator.revoke(id, now_ms()).unwrap();
    }

    pub(crate) fn producer(&self, topic: &str, channel: &str, codec: &str) -> SealingProducer {
        let to = self.administrator.channel_key(channel, None, "").unwrap();
        let sealing = SealerConfig::new(to, ChannelName::new(channel).unwrap());
        let connection =
            Connection::plaintext(self.address("producer")).property("compression.type", codec);
        SealingProducer::new(ProducerConfig::new(connection).topic(topic, sealing)).unwrap()
    }

    /// A consumer that reads partition 0 of `topic` from the beginning.
    pub(crate) fn consumer(
        &self,
        principal: &str,
        topic: &str,
        channel: &str,
        key: &SecretKey,
    ) -> OpeningConsumer {
        let connection = Connection::plaintext(self.address(principal))
            .property("fetch.wait.max.ms", "50")
            .property("fetch.error.backoff.ms", "20");
        let opener = Opener::new(OpenerConfig::new([key.clone()])).unwrap();
        let config = ConsumerConfig::new(connection)
            .opener(opener)
            .topic(topic, ChannelName::new(channel).unwrap());
        let consumer = OpeningConsumer::new(config).unwrap();
        consumer.assign(&[(topic, 0, rdkafka::Offset::Beginning)]).unwrap();
        consumer
    }
}

pub(crate) async fn next(consumer: &OpeningConsumer) -> Result<OpenedRecord, ConsumeError> {
    tokio::time::timeout(PATIENCE, consumer.recv()).await.expect("nothing arrived in time")
}
