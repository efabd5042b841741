//! The cluster that `scripts/kafka run` has started, by its environment.

use std::{
    future::Future,
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// No test takes longer, whatever else the machine does.
pub(crate) const DEADLINE: Duration = Duration::from_secs(240);

/// Tests that stop a broker hold it alone.
static USE: RwLock<()> = RwLock::const_new(());

/// A real Apache Kafka on loopback.
pub(crate) struct Cluster {
    pub(crate) bootstrap: String,
    pub(crate) sasl_bootstrap: String,
    pub(crate) ssl_bootstrap: String,
    pub(crate) sasl_ssl_bootstrap: String,
    pub(crate) tls_dir: PathBuf,
    pub(crate) dir: PathBuf,
    pub(crate) brokers: i32,
    _shared: Option<RwLockReadGuard<'static, ()>>,
    _alone: Option<RwLockWriteGuard<'static, ()>>,
}

impl Cluster {
    /// The cluster, beside other tests.
    pub(crate) async fn shared() -> Self {
        Self { _shared: Some(USE.read().await), ..Self::from_environment() }
    }

    /// The cluster, without other tests.
    pub(crate) async fn alone() -> Self {
        Self { _alone: Some(USE.write().await), ..Self::from_environment() }
    }

    fn from_environment() -> Self {
        Self {
            bootstrap: variable("BOOTSTRAP"),
            sasl_bootstrap: variable("SASL_BOOTSTRAP"),
            ssl_bootstrap: variable("SSL_BOOTSTRAP"),
            sasl_ssl_bootstrap: variable("SASL_SSL_BOOTSTRAP"),
            tls_dir: variable("TLS_DIR").into(),
            dir: variable("DIR").into(),
            brokers: variable("BROKERS").parse().unwrap(),
            _shared: None,
            _alone: None,
        }
    }

    /// A topic with one replica of each partition; leaders on all nodes where there are several.
    pub(crate) async fn topic(&self, name: &str, partitions: i32) {
        self.topic_with(name, partitions, 1, &[]).await;
    }

    /// A topic with settings of its own.
    pub(crate) async fn topic_with(
        &self,
        name: &str,
        partitions: i32,
        replicas: i32,
        settings: &[(&str, &str)],
    ) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().unwrap();
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replicas));
        // Records with timestamps of long ago would be gone at the broker's first retention check.
        topic = topic.set("retention.ms", "-1");
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(60)));
        for result in admin.create_topics([&topic], &options).await.unwrap() {
            result.unwrap_or_else(|(topic, error)| panic!("{topic} was not created: {error}"));
        }
        // The controller has it; the brokers hear of it a moment later, each by itself.
        for broker in self.bootstrap.split(',') {
            let client = ClientConfig::new().set("bootstrap.servers", broker).clone();
            let name = name.to_owned();
            poll("the topic is known to every broker", move || {
                let admin: AdminClient<DefaultClientContext> = client.create().unwrap();
                let metadata =
                    admin.inner().fetch_metadata(Some(&name), Duration::from_secs(20)).ok()?;
                let topic = metadata.topics().iter().find(|topic| topic.name() == name)?;
                let led = topic.partitions().iter().filter(|one| one.leader() > 0).count();
                (topic.error().is_none() && led == partitions as usize).then_some(())
            })
            .await;
        }
    }

    /// A client of librdkafka that goes to the brokers themselves.
    pub(crate) fn client(&self) -> ClientConfig {
        ClientConfig::new().set("bootstrap.servers", &self.bootstrap).clone()
    }

    /// Every address at which a broker or a controller listens.
    pub(crate) fn addresses(&self) -> Vec<(String, u16)> {
        let listeners =
            [&self.bootstrap, &self.sasl_bootstrap, &self.ssl_bootstrap, &self.sasl_ssl_bootstrap];
        let all = listeners.into_iter().flat_map(|list| list.split(','));
        let mut addresses: Vec<(String, u16)> = all
            .map(|address| {
                let (host, port) = address.rsplit_once(':').unwrap();
                (host.to_owned(), port.parse().unwrap())
            })
            .collect();
        // scripts/kafka puts the controller behind SASL_SSL.
        for address in self.sasl_ssl_bootstrap.split(',') {
            let (host, port) = address.rsplit_once(':').unwrap();
            addresses.push((host.to_owned(), port.parse::<u16>().unwrap() + 1));
        }
        addresses
    }

    /// Runs a console tool of the distribution on the brokers and waits for its end.
    pub(crate) async fn tool(&self, name: &str, arguments: &[&str]) {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/kafka"));
        command.args(["tool", name, "--bootstrap-server", &self.bootstrap]).args(arguments);
        command.stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
    }

    /// Runs `scripts/kafka COMMAND BROKER` and waits for its end.
    pub(crate) async fn broker(&self, command: &'static str, broker: i32) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/kafka");
        let dir = self.dir.clone();
        let output = tokio::task::spawn_blocking(move || {
            Command::new(script)
                .args([command, &broker.to_string(), "--dir"])
                .arg(dir)
                .stdin(Stdio::null())
                .output()
                .unwrap()
        });
        let output = output.await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "scripts/kafka {command} {broker}: {said}");
    }
}

fn variable(name: &str) -> String {
    let name = format!("KAFKA_TEST_{name}");
    std::env::var(&name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: this test needs a real Apache Kafka. Run\n  \
             scripts/integration target/debug/nucypher\nor\n  \
             scripts/kafka run --brokers 1 -- cargo test -p nucypher-cli --test kafka -- --ignored"
        )
    })
}

/// A name that no other test and no other run uses.
pub(crate) fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{what}-{}-{count}", std::process::id())
}

/// Asks again and again until there is an answer, and fails after [`DEADLINE`].
pub(crate) async fn poll<T: Send + 'static>(
    what: &str,
    mut ask: impl FnMut() -> Option<T> + Send + 'static,
) -> T {
    let mut pause = tokio::time::interval(Duration::from_millis(20));
    let answer = async {
        loop {
            pause.tick().await;
            let (answer, again) = tokio::task::spawn_blocking(move || (ask(), ask)).await.unwrap();
            if let Some(answer) = answer {
                return answer;
            }
            ask = again;
        }
    };
    tokio::time::timeout(DEADLINE, answer).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// Runs a test's body under [`DEADLINE`].
pub(crate) async fn within<T>(body: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, body).await.expect("the test's deadline has passed")
}
